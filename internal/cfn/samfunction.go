package cfn

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// samProperties is the table of the properties that SAM's resources have (SAM developer guide, "SAM resources and properties"). A type
// that is not in it has properties of any name.
func samProperties() map[string][]string {
	return map[string][]string{
		"AWS::Serverless::Function": {
			"Architectures", "AssumeRolePolicyDocument", "AutoPublishAlias", "AutoPublishAliasAllProperties", "AutoPublishCodeSha256",
			"CapacityProviderConfig", "CodeSigningConfigArn", "CodeUri", "DeadLetterQueue", "DeploymentPreference", "Description", "DurableConfig",
			"Environment", "EphemeralStorage", "EventInvokeConfig", "Events", "FileSystemConfigs", "FunctionName", "FunctionScalingConfig",
			"FunctionUrlConfig", "Handler", "ImageConfig", "ImageUri", "InlineCode", "KmsKeyArn", "Layers", "LoggingConfig", "MemorySize",
			"PackageType", "PermissionsBoundary", "Policies", "PropagateTags", "ProvisionedConcurrencyConfig", "PublishToLatestPublished",
			"RecursiveLoop", "ReservedConcurrentExecutions", "Role", "RolePath", "Runtime", "RuntimeManagementConfig", "SnapStart",
			"SourceKMSKeyArn", "Tags", "TenancyConfig", "Timeout", "Tracing", "VersionDeletionPolicy", "VersionDescription", "VpcConfig",
		},
		"AWS::Serverless::StateMachine": {
			"AutoPublishAlias", "Definition", "DefinitionSubstitutions", "DefinitionUri", "DeploymentPreference", "EncryptionConfiguration", "Events",
			"Logging", "Name", "PermissionsBoundary", "Policies", "PropagateTags", "Role", "RolePath", "Tags", "Tracing", "Type",
			"UseAliasAsEventTarget",
		},
		"AWS::Serverless::SimpleTable": {
			"PointInTimeRecoverySpecification", "PrimaryKey", "ProvisionedThroughput", "SSESpecification", "TableName", "Tags",
		},
		"AWS::Serverless::LayerVersion": {
			"CompatibleArchitectures", "CompatibleRuntimes", "ContentUri", "Description", "LayerName", "LicenseInfo", "PublishLambdaVersion",
			"RetentionPolicy",
		},
		"AWS::Serverless::Connector": {"Source", "Destination", "Permissions", "SourceReference"},
	}
}

// lambdaTarget is what a function's events invoke: the function, or the alias that SAM publishes for it.
type lambdaTarget struct {
	res   *samResource
	alias string // the alias's logical id, "" without one
	name  string // the alias's name
}

// ref is Ref to the function or alias.
func (t lambdaTarget) ref(at maker) *node { return at.ref(cmp.Or(t.alias, t.res.id)) }

// arn is the ARN of the function or alias.
func (t lambdaTarget) arn(at maker) *node {
	if t.alias != "" {
		return at.ref(t.alias)
	}
	return at.getAtt(t.res.id, "Arn")
}

// function transforms AWS::Serverless::Function.
func (s *sam) function(res *samResource) {
	at, p := res.at, res.properties
	made := at.object()
	made.set("Code", s.functionCode(res))
	at.pass(made, p, "FunctionName", "PackageType", "Handler", "Runtime", "Description", "MemorySize", "Timeout", "VpcConfig", "Environment",
		"Layers", "ReservedConcurrentExecutions", "FileSystemConfigs", "ImageConfig", "CodeSigningConfigArn", "Architectures",
		"EphemeralStorage", "SnapStart", "RuntimeManagementConfig", "LoggingConfig", "RecursiveLoop", "KmsKeyArn", "TenancyConfig",
		"DurableConfig", "CapacityProviderConfig", "FunctionScalingConfig", "PublishToLatestPublished")
	made.set("Tags", s.tags(res, "lambda:createdBy"))
	if tracing := p.get("Tracing"); tracing != nil && !s.isText(tracing, "Disabled") {
		made.set("TracingConfig", at.object("Mode", tracing))
	}
	if dlq := p.get("DeadLetterQueue"); dlq != nil {
		if dlq.get("TargetArn") == nil || dlq.get("Type") == nil {
			s.invalid(res, dlq, "'DeadLetterQueue' requires Type and TargetArn properties to be specified.")
		}
		made.set("DeadLetterConfig", at.object("TargetArn", dlq.get("TargetArn")))
	}
	image := s.isText(p.get("PackageType"), "Image")
	for _, needed := range []string{"Handler", "Runtime"} {
		if p.get(needed) == nil && !image {
			s.invalid(res, res.node, "Missing required property '%s'.", needed)
		}
	}
	destinationPolicies := at.list()
	invokeConfig := s.eventInvokeConfig(res, destinationPolicies)
	made.set("Role", p.get("Role"))
	if role := p.get("Role"); role == nil || isConditional(role) {
		arn := at.getAtt(res.id+"Role", "Arn")
		if role != nil { // Fn::If with AWS::NoValue: SAM makes the role for the case that there is none
			arn = s.roleOrGenerated(role, arn)
		}
		made.set("Role", arn)
		s.functionRole(res, destinationPolicies)
	}
	s.add(res, res.id, "AWS::Lambda::Function", made)
	target := s.autoPublish(res, made.get("Code"))
	s.functionURL(res, target)
	if invokeConfig != nil {
		qualifier := at.text("$LATEST")
		if target.alias != "" {
			qualifier = at.text(target.name)
		}
		invokeConfig.set("FunctionName", at.ref(res.id))
		invokeConfig.set("Qualifier", qualifier)
		s.add(res, res.id+"EventInvokeConfig", "AWS::Lambda::EventInvokeConfig", invokeConfig)
	}
	s.functionEvents(res, target)
}

func (s *sam) isText(n *node, text string) bool {
	have, ok := s.text(n)
	return ok && have == text
}

// isConditional tells whether a node is an Fn::If that may come out as nothing.
func isConditional(n *node) bool {
	name, arg := asFunction(n)
	if name != "Fn::If" || len(arg.items) != 3 {
		return false
	}
	return isNoValue(arg.items[1]) || isNoValue(arg.items[2])
}

func isNoValue(n *node) bool {
	name, arg := asFunction(n)
	target, _ := arg.string()
	return name == "Ref" && target == "AWS::NoValue"
}

// roleOrGenerated puts the generated role's ARN in the place of AWS::NoValue.
func (s *sam) roleOrGenerated(role, arn *node) *node {
	_, arg := asFunction(role)
	items := slices.Clone(arg.items)
	for i := 1; i < 3; i++ {
		if isNoValue(items[i]) {
			items[i] = arn
		}
	}
	at := maker{role}
	list := at.list()
	list.items = items
	return at.object("Fn::If", list)
}

// functionCode is the property Code. A path that is not in S3 yet stays a text: the place of the code in the template's folder.
func (s *sam) functionCode(res *samResource) *node {
	p := res.properties
	inline, uri, image := p.get("InlineCode"), p.get("CodeUri"), p.get("ImageUri")
	switch {
	case inline != nil:
		return maker{inline}.object("ZipFile", inline)
	case image != nil:
		return maker{image}.object("ImageUri", image)
	case uri == nil:
		if metadata := res.node.get("Metadata"); metadata.get("Dockerfile") != nil || s.isText(p.get("PackageType"), "Image") {
			return res.at.object("ImageUri", res.id)
		}
		s.invalid(res, res.node, "'InlineCode' or 'CodeUri' must be set.")
		return nil
	}
	return s.location(res, uri, "CodeUri", "S3Bucket", "S3Key", "S3ObjectVersion")
}

// location turns a URI into an object with bucket and key. What is no s3:// URI is a path and stays as it is, for whoever packages it.
func (s *sam) location(res *samResource, uri *node, property, bucketName, keyName, versionName string) *node {
	at := maker{uri}
	if uri.kind == value.KindObject && !isFunction(uri) {
		if uri.get("Bucket") == nil || uri.get("Key") == nil {
			s.invalid(res, uri, "'%s' requires Bucket and Key properties to be specified.", property)
		}
		return at.object(bucketName, uri.get("Bucket"), keyName, uri.get("Key"), versionName, uri.get("Version"))
	}
	text, ok := s.text(uri)
	if !ok {
		s.invalid(res, uri, "'%s' must be a path or an S3 URI that is known before the deployment.", property)
		return nil
	}
	rest, isS3 := strings.CutPrefix(text, "s3://")
	if !isS3 {
		return at.text(text)
	}
	rest, query, _ := strings.Cut(rest, "?")
	bucket, key, _ := strings.Cut(rest, "/")
	if bucket == "" || key == "" {
		s.invalid(res, uri, "'%s' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter.", property)
		return nil
	}
	made := at.object(bucketName, bucket, keyName, key)
	if version, ok := strings.CutPrefix(query, "versionId="); ok {
		made.set(versionName, at.text(version))
	}
	return made
}

// functionRole makes the role that a function without one gets.
func (s *sam) functionRole(res *samResource, more *node) {
	at, p := res.at, res.properties
	managed := at.list(managedPolicy(at, "service-role/AWSLambdaBasicExecutionRole"))
	if tracing := p.get("Tracing"); s.isText(tracing, "Active") || s.isText(tracing, "PassThrough") {
		managed.items = append(managed.items, managedPolicy(at, "AWSXRayDaemonWriteAccess"))
	}
	if p.get("VpcConfig") != nil {
		managed.items = append(managed.items, managedPolicy(at, "service-role/AWSLambdaVPCAccessExecutionRole"))
	}
	policies := at.list()
	s.policies(res, managed, policies)
	if dlq := p.get("DeadLetterQueue"); dlq.get("TargetArn") != nil {
		action := "sqs:SendMessage"
		if s.isText(dlq.get("Type"), "SNS") {
			action = "sns:Publish"
		}
		policies.items = append(policies.items, at.allow("DeadLetterQueuePolicy", dlq.get("TargetArn"), action))
	}
	policies.items = append(policies.items, more.items...)
	trust := p.get("AssumeRolePolicyDocument")
	if trust == nil {
		trust = at.assumeRole("lambda.amazonaws.com")
	}
	s.role(res, res.id+"Role", trust, managed, policies, s.tags(res, "lambda:createdBy"))
}

// role adds a role.
func (s *sam) role(res *samResource, id string, trust, managed, policies, tags *node) {
	at := res.at
	made := at.object("AssumeRolePolicyDocument", trust, "ManagedPolicyArns", managed)
	if len(policies.items) > 0 {
		made.set("Policies", policies)
	}
	made.set("Path", res.properties.get("RolePath"))
	made.set("PermissionsBoundary", res.properties.get("PermissionsBoundary"))
	made.set("Tags", tags)
	s.add(res, id, "AWS::IAM::Role", made)
}

// autoPublish makes the version and the alias that AutoPublishAlias asks for.
func (s *sam) autoPublish(res *samResource, code *node) lambdaTarget {
	at, p := res.at, res.properties
	target := lambdaTarget{res: res}
	property := p.get("AutoPublishAlias")
	if property == nil {
		if preference := p.get("DeploymentPreference"); preference != nil && s.flag(preference.get("Enabled"), true) {
			s.invalid(res, preference, "'DeploymentPreference' requires AutoPublishAlias property to be specified.")
		}
		return target
	}
	alias, ok := s.text(property)
	if !ok || alias == "" {
		s.invalid(res, property, "'AutoPublishAlias' must be a string or a Ref to a template parameter")
		return target
	}
	versionID := hashed(res.id+"Version", sortedJSON(code))
	if sha, ok := s.text(p.get("AutoPublishCodeSha256")); ok && sha != "" {
		versionID = res.id + "Version" + sha[:min(10, len(sha))]
	}
	version := at.object("FunctionName", at.ref(res.id))
	version.set("Description", p.get("VersionDescription"))
	keep := p.get("VersionDeletionPolicy")
	if keep == nil {
		keep = at.text("Retain")
	}
	s.add(res, versionID, "AWS::Lambda::Version", version, member{"DeletionPolicy", keep})
	aliasID := res.id + "Alias" + lettersAndDigits(alias)
	made := at.object("Name", alias, "FunctionName", at.ref(res.id), "FunctionVersion", at.getAtt(versionID, "Version"))
	made.set("ProvisionedConcurrencyConfig", p.get("ProvisionedConcurrencyConfig"))
	s.add(res, aliasID, "AWS::Lambda::Alias", made)
	s.renamed[res.id+".Version"], s.renamed[res.id+".Alias"] = versionID, aliasID
	target.alias, target.name = aliasID, alias
	s.deploymentPreference(res, aliasID)
	return target
}

// deploymentPreference makes the CodeDeploy resources that shift traffic between versions. They are not run here, but they are in the stack.
func (s *sam) deploymentPreference(res *samResource, aliasID string) {
	preference := res.properties.get("DeploymentPreference")
	if preference == nil || !s.flag(preference.get("Enabled"), true) {
		return
	}
	at := maker{preference}
	group := at.object("ApplicationName", at.ref("ServerlessDeploymentApplication"), "DeploymentStyle",
		at.object("DeploymentOption", "WITH_TRAFFIC_CONTROL", "DeploymentType", "BLUE_GREEN"))
	if kind, ok := s.text(preference.get("Type")); ok {
		group.set("DeploymentConfigName", at.text("CodeDeployDefault.Lambda"+kind))
	} else {
		s.invalid(res, preference, "'DeploymentPreference' requires the property Type")
	}
	group.set("ServiceRoleArn", preference.get("Role"))
	if preference.get("Role") == nil {
		group.set("ServiceRoleArn", at.getAtt("CodeDeployServiceRole", "Arn"))
		s.addShared(res, "CodeDeployServiceRole", "AWS::IAM::Role", at.object("AssumeRolePolicyDocument", at.assumeRole("codedeploy.amazonaws.com"),
			"ManagedPolicyArns", at.list(managedPolicy(at, "service-role/AWSCodeDeployRoleForLambda"))))
	}
	s.addShared(res, "ServerlessDeploymentApplication", "AWS::CodeDeploy::Application", at.object("ComputePlatform", "Lambda"))
	s.add(res, res.id+"DeploymentGroup", "AWS::CodeDeploy::DeploymentGroup", group)
	_ = aliasID // the alias's UpdatePolicy names the group; nothing is updated here
}

// sortedJSON is a node as compact JSON with sorted members, which SAM hashes.
func sortedJSON(n *node) string {
	if n == nil {
		return ""
	}
	var sorted func(n *node) value.Value
	sorted = func(n *node) value.Value {
		switch n.kind {
		case value.KindArray:
			items := make(value.Array, len(n.items))
			for i, item := range n.items {
				items[i] = sorted(item)
			}
			return items
		case value.KindObject:
			members := make([]value.Member, len(n.members))
			for i, m := range n.members {
				members[i] = value.Member{Name: m.name, Value: sorted(m.value)}
			}
			slices.SortFunc(members, func(a, b value.Member) int { return strings.Compare(a.Name, b.Name) })
			return value.NewObject(members...)
		}
		return n.scalar
	}
	return value.Text(sorted(n))
}

// functionURL makes the URL, and lets everybody call it where nobody has to prove who they are.
func (s *sam) functionURL(res *samResource, target lambdaTarget) {
	config := res.properties.get("FunctionUrlConfig")
	if config == nil {
		return
	}
	at := maker{config}
	auth := config.get("AuthType")
	if auth == nil {
		s.invalid(res, config, "AuthType is required to configure function property `FunctionUrlConfig`. Please provide either AWS_IAM or NONE.")
		return
	}
	url := at.object("TargetFunctionArn", target.ref(at), "AuthType", auth)
	at.pass(url, config, "Cors", "InvokeMode")
	s.add(res, res.id+"Url", "AWS::Lambda::Url", url)
	if !s.isText(auth, "NONE") {
		return
	}
	s.add(res, res.id+"UrlPublicPermissions", "AWS::Lambda::Permission", at.object("Action", "lambda:InvokeFunctionUrl",
		"FunctionName", target.ref(at), "Principal", "*", "FunctionUrlAuthType", auth))
	s.add(res, res.id+"URLInvokeAllowPublicAccess", "AWS::Lambda::Permission", at.object("Action", "lambda:InvokeFunction",
		"FunctionName", target.ref(at), "Principal", "*", "InvokedViaFunctionUrl", true))
}

// destination says how a role may reach a destination of asynchronous invocations, and what SAM makes where none is given.
type destination struct {
	policy, action string
	suffix, made   string // of the generated resource and its type, "" if SAM makes none
	arn            string // the attribute that is its ARN, "" for Ref
}

// destinations is the table of the types of destinations (SAM developer guide, "EventInvokeDestinationConfiguration").
func destinations() map[string]destination {
	return map[string]destination{
		"SQS":         {"SQSPolicy", "sqs:SendMessage", "Queue", "AWS::SQS::Queue", "Arn"}, // a queue
		"SNS":         {"SNSPolicy", "sns:publish", "Topic", "AWS::SNS::Topic", ""},        // a topic
		"Lambda":      {"LambdaPolicy", "lambda:InvokeFunction", "", "", ""},               // a function
		"EventBridge": {"EventBridgePolicy", "events:PutEvents", "", "", ""},               // an event bus
		"S3Bucket":    {"S3Policy", "s3:PutObject", "", "", ""},                            // a bucket
	}
}

// eventInvokeConfig makes the configuration of asynchronous invocations, nil if none is asked for, and adds what the role must be allowed.
func (s *sam) eventInvokeConfig(res *samResource, policies *node) *node {
	config := res.properties.get("EventInvokeConfig")
	if config == nil {
		return nil
	}
	at := maker{config}
	made := at.object()
	at.pass(made, config, "MaximumEventAgeInSeconds", "MaximumRetryAttempts")
	given := config.get("DestinationConfig")
	if given == nil {
		return made
	}
	destinationConfig := at.object()
	for _, on := range []string{"OnSuccess", "OnFailure"} {
		d := given.get(on)
		if d == nil {
			continue
		}
		kind, _ := s.text(d.get("Type"))
		rule, known := destinations()[kind]
		if !known {
			s.invalid(res, d, "'Type: %s' is not one of: SQS, SNS, EventBridge, Lambda, S3Bucket", kind)
			continue
		}
		arn := d.get("Destination")
		id := res.id + "EventInvokeConfig" + on
		if arn == nil && rule.made == "" {
			s.invalid(res, d, "Destination is required if Type is %s", kind)
			continue
		}
		if arn == nil {
			s.add(res, id+rule.suffix, rule.made, at.object())
			arn = at.ref(id + rule.suffix)
			if rule.arn != "" {
				arn = at.getAtt(id+rule.suffix, rule.arn)
			}
		}
		policies.items = append(policies.items, at.allow(id+rule.policy, arn, rule.action))
		destinationConfig.set(on, at.object("Destination", arn))
	}
	made.set("DestinationConfig", destinationConfig)
	return made
}

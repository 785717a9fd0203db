package cfn

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// resourceType says how resources of a type are named and what the functions Ref and Fn::GetAtt give for them.
type resourceType struct {
	nameProperty string              // the property with the physical name
	maxName      int                 // characters of a name that CloudFormation forms
	form         func(string) string // changes a formed name to the service's rules, nil for none
	short        bool                // a formed name leaves the stack's name out
	fifo         string              // the property that makes a formed name end in .fifo, empty for none
	ref          func(*identity) string
	attributes   map[string]func(*identity) string
}

func (t resourceType) attributeNames() string {
	if len(t.attributes) == 0 {
		return "no attributes"
	}
	return strings.Join(slices.Sorted(maps.Keys(t.attributes)), ", ")
}

// identity is what a resource is called.
type identity struct {
	r          *resolver
	res        *resource
	name       string
	ref        string
	properties map[string]value.Value // those that were asked for
	attributes map[string]string      // those that were asked for
}

// identify returns a resource's identity. It evaluates the few properties that make it, and so may need the identities of others.
func (r *resolver) identify(res *resource) *identity {
	if res.identity != nil {
		return res.identity
	}
	i := &identity{r: r, res: res, properties: map[string]value.Value{}, attributes: map[string]string{}}
	res.identity = i
	i.name = i.formedName()
	i.ref = i.name
	if res.circular {
		return i
	}
	if given := i.text(res.known.nameProperty); given != "" {
		i.name = given
	} else if t := res.known; t.fifo != "" && i.text(t.fifo) == "true" {
		i.name += ".fifo"
	}
	i.ref = res.known.ref(i)
	return i
}

// formedName is the name that CloudFormation gives where the template gives none: <stack>-<logical id>-<12 characters>, the first two cut
// to what the type has room for. The characters are the same for the same stack and logical id.
func (i *identity) formedName() string {
	t, stack, logicalID := i.res.known, i.r.in.StackName, i.res.LogicalID
	suffix := i.suffix("name")
	room := t.maxName - len(suffix) - 2
	if t.short {
		stack, room = "", room+1
	}
	// Each of the two may take half of the room and what the other leaves.
	stack = stack[:min(len(stack), max(room/2, room-len(logicalID)))]
	logicalID = logicalID[:min(len(logicalID), room-len(stack))]
	name := strings.TrimPrefix(stack+"-"+logicalID+"-"+suffix, "-")
	if t.form != nil {
		name = t.form(name)
	}
	return name
}

// suffix returns 12 letters and digits that are the same for the same stack, resource and purpose.
func (i *identity) suffix(purpose string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	sum := i.hash(purpose)
	text := make([]byte, 12)
	for n := range text {
		text[n] = alphabet[int(sum[n])%len(alphabet)]
	}
	return string(text)
}

func (i *identity) hash(purpose string) [32]byte {
	return sha256.Sum256([]byte(i.r.in.StackName + "\x00" + i.res.LogicalID + "\x00" + purpose))
}

// property returns the resolved property, nil if it is absent or has a fault. It is resolved once, since resources that refer to one
// another many times over would else take ever more time.
func (i *identity) property(name string) value.Value {
	if v, known := i.properties[name]; known {
		return v
	}
	var v value.Value
	if n := i.res.node.get("Properties").get(name); n != nil {
		v, _ = i.r.resolve(n)
	}
	i.properties[name] = v
	return v
}

// attribute returns what Fn::GetAtt gives.
func (i *identity) attribute(name string, of func(*identity) string) string {
	text, known := i.attributes[name]
	if !known {
		text = of(i)
		i.attributes[name] = text
	}
	return text
}

// text returns a property's text, "" if it has none.
func (i *identity) text(name string) string {
	text, _ := scalarText(i.property(name))
	return text
}

func (i *identity) arn(service, resource string) string {
	p := i.r.in.Place
	return sfn.ARN{Partition: p.Partition, Service: service, Region: p.Region, Account: p.Account, Resource: resource}.String()
}

// iamARN is the ARN of something in IAM, which has no regions but paths.
func (i *identity) iamARN(kind string) string {
	path := i.text("Path")
	if path == "" {
		path = "/"
	}
	p := i.r.in.Place
	return sfn.ARN{Partition: p.Partition, Service: "iam", Account: p.Account, Resource: kind + path + i.name}.String()
}

// madeUpAttribute is a stable text for an attribute of a resource whose type is not known. One that is called an ARN looks like one.
func (i *identity) madeUpAttribute(name string) string {
	text := i.res.LogicalID + "-" + i.suffix(name)
	if !strings.HasSuffix(strings.ToLower(name), "arn") {
		return text
	}
	service := "custom"
	if parts := strings.Split(i.res.Type, "::"); len(parts) == 3 {
		service = strings.ToLower(parts[1])
	}
	return i.arn(service, text)
}

// unknownType is used for types that are not in the table.
var unknownType = resourceType{maxName: 255, ref: nameOf}

func nameOf(i *identity) string { return i.name }

// madeUp is an attribute that only the service could know.
func madeUp(name string) func(*identity) string {
	return func(i *identity) string { return i.suffix(name) }
}

func constant(text string) func(*identity) string {
	return func(*identity) string { return text }
}

// arnOf returns a function that gives the ARN service:prefix+name.
func arnOf(service, prefix string) func(*identity) string {
	return func(i *identity) string { return i.arn(service, prefix+i.name) }
}

// made is the creation time of everything: a template says nothing of time.
const made = "2000-01-01T00:00:00.000Z"

// resourceTypes is the table of the types that are known, in the words of their pages in the template reference ("Return values").
func resourceTypes() map[string]resourceType {
	type attributes = map[string]func(*identity) string
	return map[string]resourceType{
		// A function.
		"AWS::Lambda::Function": {nameProperty: "FunctionName", maxName: 64, ref: nameOf, attributes: attributes{
			"Arn":                                  arnOf("lambda", "function:"),
			"SnapStartResponse.ApplyOn":            constant("None"),
			"SnapStartResponse.OptimizationStatus": constant("Off"),
		}},
		// A function's code and configuration at one time.
		"AWS::Lambda::Version": {maxName: 255, ref: functionVersionARN, attributes: attributes{
			"Version":     functionVersion,
			"FunctionArn": functionVersionARN,
		}},
		// A name for one version of a function, or for two with weights.
		"AWS::Lambda::Alias": {nameProperty: "Name", maxName: 128, ref: functionAliasARN, attributes: attributes{
			"AliasArn": functionAliasARN,
		}},
		// Who may call a function.
		"AWS::Lambda::Permission": {maxName: 100, ref: nameOf, attributes: attributes{
			"Id": nameOf,
		}},
		// How a function is invoked asynchronously.
		"AWS::Lambda::EventInvokeConfig": {maxName: 100, ref: nameOf},
		// What polls a queue or a stream for a function.
		"AWS::Lambda::EventSourceMapping": {maxName: 255, ref: mappingID, attributes: attributes{
			"Id":                    mappingID,
			"EventSourceMappingArn": func(i *identity) string { return i.arn("lambda", "event-source-mapping:"+mappingID(i)) },
		}},
		// A URL that invokes a function.
		"AWS::Lambda::Url": {maxName: 255, ref: targetFunctionARN, attributes: attributes{
			"FunctionArn": targetFunctionARN,
			"FunctionUrl": func(i *identity) string {
				return "https://" + strings.ToLower((i.suffix("a") + i.suffix("b") + i.suffix("c"))[:32]) + ".lambda-url." + i.r.in.Place.Region + ".on.aws/"
			},
		}},
		// A layer's content at one time.
		"AWS::Lambda::LayerVersion": {nameProperty: "LayerName", maxName: 140, ref: layerVersionARN, attributes: attributes{
			"LayerVersionArn": layerVersionARN,
		}},
		// Who may use a layer.
		"AWS::Lambda::LayerVersionPermission": {maxName: 100, ref: nameOf, attributes: attributes{"Id": nameOf}},
		// A state machine. A formed name leaves the stack out.
		"AWS::StepFunctions::StateMachine": {nameProperty: "StateMachineName", maxName: 80, short: true, ref: arnOf("states", "stateMachine:"), attributes: attributes{
			"Arn":                    arnOf("states", "stateMachine:"),
			"Name":                   nameOf,
			"StateMachineRevisionId": func(i *identity) string { return uuid(i.hash("revision")) },
		}},
		// A state machine's definition at one time.
		"AWS::StepFunctions::StateMachineVersion": {maxName: 255, ref: machineVersionARN, attributes: attributes{
			"Arn": machineVersionARN,
		}},
		// A name for one version of a state machine, or for two with weights.
		"AWS::StepFunctions::StateMachineAlias": {nameProperty: "Name", maxName: 80, short: true, ref: machineAliasARN, attributes: attributes{
			"Arn": machineAliasARN,
		}},
		// A queue of tasks for workers anywhere.
		"AWS::StepFunctions::Activity": {nameProperty: "Name", maxName: 80, ref: arnOf("states", "activity:"), attributes: attributes{
			"Arn":  arnOf("states", "activity:"),
			"Name": nameOf,
		}},
		// A role.
		"AWS::IAM::Role": {nameProperty: "RoleName", maxName: 64, ref: nameOf, attributes: attributes{
			"Arn":    func(i *identity) string { return i.iamARN("role") },
			"RoleId": func(i *identity) string { return "AROA" + strings.ToUpper(i.suffix("RoleId")) },
		}},
		// A policy inside of roles.
		"AWS::IAM::Policy": {nameProperty: "PolicyName", maxName: 128, ref: nameOf, attributes: attributes{
			"Id": madeUp("Id"),
		}},
		// A policy that roles are attached to.
		"AWS::IAM::ManagedPolicy": {nameProperty: "ManagedPolicyName", maxName: 128, ref: func(i *identity) string { return i.iamARN("policy") }, attributes: attributes{
			"PolicyArn":                     func(i *identity) string { return i.iamARN("policy") },
			"PolicyId":                      func(i *identity) string { return "ANPA" + strings.ToUpper(i.suffix("PolicyId")) },
			"AttachmentCount":               constant("0"),
			"PermissionsBoundaryUsageCount": constant("0"),
			"IsAttachable":                  constant("true"),
			"DefaultVersionId":              constant("v1"),
			"CreateDate":                    constant(made),
			"UpdateDate":                    constant(made),
		}},
		// A log group.
		"AWS::Logs::LogGroup": {nameProperty: "LogGroupName", maxName: 512, ref: nameOf, attributes: attributes{
			"Arn": func(i *identity) string { return i.arn("logs", "log-group:"+i.name+":*") },
		}},
		// A metric of what a log group's events say.
		"AWS::Logs::MetricFilter": {nameProperty: "FilterName", maxName: 512, ref: nameOf},
		// Where a log group's events are sent.
		"AWS::Logs::SubscriptionFilter": {nameProperty: "FilterName", maxName: 512, ref: nameOf},
		// Who may write to log groups.
		"AWS::Logs::ResourcePolicy": {nameProperty: "PolicyName", maxName: 255, ref: nameOf},
		// A schedule.
		"AWS::Scheduler::Schedule": {nameProperty: "Name", maxName: 64, ref: nameOf, attributes: attributes{
			"Arn": scheduleARN,
		}},
		// A group of schedules.
		"AWS::Scheduler::ScheduleGroup": {nameProperty: "Name", maxName: 64, ref: nameOf, attributes: attributes{
			"Arn":                  arnOf("scheduler", "schedule-group/"),
			"State":                constant("ACTIVE"),
			"CreationDate":         constant(made),
			"LastModificationDate": constant(made),
		}},
		// A rule on an event bus. Outside of the default bus, Ref gives the bus too.
		"AWS::Events::Rule": {nameProperty: "Name", maxName: 64, ref: ruleRef, attributes: attributes{
			"Arn":      ruleARN,
			"RuleName": nameOf,
		}},
		// An event bus.
		"AWS::Events::EventBus": {nameProperty: "Name", maxName: 256, ref: nameOf, attributes: attributes{
			"Arn":  arnOf("events", "event-bus/"),
			"Name": nameOf,
		}},
		// An archive of a bus's events.
		"AWS::Events::Archive": {nameProperty: "ArchiveName", maxName: 48, ref: nameOf, attributes: attributes{
			"Arn": arnOf("events", "archive/"),
		}},
		// A connection, whose ARN ends in an id of the service's.
		"AWS::Events::Connection": {nameProperty: "Name", maxName: 64, ref: nameOf, attributes: attributes{
			"Arn":          func(i *identity) string { return i.arn("events", "connection/"+i.name+"/"+i.suffix("Arn")) },
			"ArnForPolicy": func(i *identity) string { return i.arn("events", "connection/"+i.name) },
			"SecretArn": func(i *identity) string {
				return i.arn("secretsmanager", "secret:events!connection/"+i.name+"/"+i.suffix("SecretArn"))
			},
		}},
		// An HTTP endpoint that rules send events to. Its ARN ends in an id of the service's.
		"AWS::Events::ApiDestination": {nameProperty: "Name", maxName: 64, ref: nameOf, attributes: attributes{
			"Arn":          func(i *identity) string { return i.arn("events", "api-destination/"+i.name+"/"+i.suffix("Arn")) },
			"ArnForPolicy": func(i *identity) string { return i.arn("events", "api-destination/"+i.name) },
		}},
		// Who may put events on a bus.
		"AWS::Events::EventBusPolicy": {maxName: 64, ref: nameOf},
		// An HTTP or WebSocket API.
		"AWS::ApiGatewayV2::Api": {maxName: 128, ref: apiID, attributes: attributes{
			"ApiId":         apiID,
			"ExecuteApiArn": func(i *identity) string { return i.arn("execute-api", apiID(i)) },
			"ApiEndpoint": func(i *identity) string {
				suffix, _ := scalarText(i.r.pseudo["AWS::URLSuffix"])
				return "https://" + apiID(i) + ".execute-api." + i.r.in.Place.Region + "." + suffix
			},
		}},
		// A route of it.
		"AWS::ApiGatewayV2::Route": {maxName: 128, ref: apiID, attributes: attributes{"RouteId": apiID}},
		// What a route leads to.
		"AWS::ApiGatewayV2::Integration": {maxName: 128, ref: apiID, attributes: attributes{"IntegrationId": apiID}},
		// A version of it that can be called.
		"AWS::ApiGatewayV2::Stage": {nameProperty: "StageName", maxName: 128, ref: nameOf},
		// Who may call a route.
		"AWS::ApiGatewayV2::Authorizer": {maxName: 128, ref: apiID, attributes: attributes{"AuthorizerId": apiID}},
		// A snapshot of it.
		"AWS::ApiGatewayV2::Deployment": {maxName: 128, ref: apiID, attributes: attributes{"DeploymentId": apiID}},
		// A REST API.
		"AWS::ApiGateway::RestApi": {maxName: 128, ref: apiID, attributes: attributes{
			"RestApiId":      apiID,
			"RootResourceId": func(i *identity) string { return strings.ToLower(i.suffix("root")[:10]) },
		}},
		// A path of it.
		"AWS::ApiGateway::Resource": {maxName: 128, ref: apiID, attributes: attributes{"ResourceId": apiID}},
		// A method of a path.
		"AWS::ApiGateway::Method": {maxName: 128, ref: nameOf},
		// A snapshot of it.
		"AWS::ApiGateway::Deployment": {maxName: 128, ref: apiID, attributes: attributes{"DeploymentId": apiID}},
		// A version of it that can be called.
		"AWS::ApiGateway::Stage": {nameProperty: "StageName", maxName: 128, ref: nameOf},
		// Who may call a method.
		"AWS::ApiGateway::Authorizer": {maxName: 128, ref: apiID, attributes: attributes{"AuthorizerId": apiID}},
		// What requests and answers look like.
		"AWS::ApiGateway::Model": {nameProperty: "Name", maxName: 128, ref: nameOf},
		// Which parts of requests are checked.
		"AWS::ApiGateway::RequestValidator": {maxName: 128, ref: apiID, attributes: attributes{"RequestValidatorId": apiID}},
		// What is answered when something goes wrong.
		"AWS::ApiGateway::GatewayResponse": {maxName: 128, ref: nameOf, attributes: attributes{"Id": nameOf}},
		// A key that callers show, and which a usage plan lets in.
		"AWS::ApiGateway::ApiKey": {maxName: 128, ref: apiID, attributes: attributes{"APIKeyId": apiID}},
		// How much its keys may use of which APIs.
		"AWS::ApiGateway::UsagePlan": {maxName: 128, ref: apiID, attributes: attributes{"Id": apiID}},
		// A key in a plan.
		"AWS::ApiGateway::UsagePlanKey": {maxName: 128, ref: nameOf, attributes: attributes{"Id": nameOf}},
		// The role by which API Gateway writes logs.
		"AWS::ApiGateway::Account": {maxName: 128, ref: nameOf, attributes: attributes{"Id": nameOf}},
		// A queue, which Ref gives the URL of.
		"AWS::SQS::Queue": {nameProperty: "QueueName", maxName: 75, fifo: "FifoQueue", ref: queueURL, attributes: attributes{
			"Arn":       arnOf("sqs", ""),
			"QueueName": nameOf,
			"QueueUrl":  queueURL,
		}},
		// Who may use queues.
		"AWS::SQS::QueuePolicy": {maxName: 128, ref: nameOf, attributes: attributes{"Id": nameOf}},
		// A topic.
		"AWS::SNS::Topic": {nameProperty: "TopicName", maxName: 251, fifo: "FifoTopic", ref: arnOf("sns", ""), attributes: attributes{
			"TopicArn":  arnOf("sns", ""),
			"TopicName": nameOf,
		}},
		// Where a topic's messages go.
		"AWS::SNS::Subscription": {maxName: 251, ref: subscriptionARN, attributes: attributes{"Arn": subscriptionARN}},
		// Who may use topics.
		"AWS::SNS::TopicPolicy": {maxName: 128, ref: nameOf, attributes: attributes{"Id": nameOf}},
		// Who may use a bucket.
		"AWS::S3::BucketPolicy": {nameProperty: "Bucket", maxName: 63, form: strings.ToLower, ref: nameOf},
		// A bucket.
		"AWS::S3::Bucket": {nameProperty: "BucketName", maxName: 63, form: strings.ToLower, ref: nameOf, attributes: attributes{
			"Arn": func(i *identity) string {
				return sfn.ARN{Partition: i.r.in.Place.Partition, Service: "s3", Resource: i.name}.String()
			},
			"DomainName":          func(i *identity) string { return i.bucketHost("s3.") },
			"DualStackDomainName": func(i *identity) string { return i.bucketHost("s3.dualstack." + i.r.in.Place.Region + ".") },
			"RegionalDomainName":  func(i *identity) string { return i.bucketHost("s3." + i.r.in.Place.Region + ".") },
			"WebsiteURL": func(i *identity) string {
				return "http://" + i.bucketHost("s3-website-"+i.r.in.Place.Region+".")
			},
		}},
		// A key. Its id is a UUID.
		"AWS::KMS::Key": {maxName: 255, ref: keyID, attributes: attributes{
			"Arn":   func(i *identity) string { return i.arn("kms", "key/"+keyID(i)) },
			"KeyId": keyID,
		}},
		// A name for a key.
		"AWS::KMS::Alias": {nameProperty: "AliasName", maxName: 250, form: func(name string) string { return "alias/" + name }, ref: nameOf},
		// An alarm.
		"AWS::CloudWatch::Alarm": {nameProperty: "AlarmName", maxName: 255, ref: nameOf, attributes: attributes{
			"Arn": arnOf("cloudwatch", "alarm:"),
		}},
		// An alarm made of others.
		"AWS::CloudWatch::CompositeAlarm": {nameProperty: "AlarmName", maxName: 255, ref: nameOf, attributes: attributes{
			"Arn": arnOf("cloudwatch", "alarm:"),
		}},
		// A dashboard.
		"AWS::CloudWatch::Dashboard": {nameProperty: "DashboardName", maxName: 255, ref: nameOf},
		// A parameter.
		"AWS::SSM::Parameter": {nameProperty: "Name", maxName: 255, ref: nameOf, attributes: attributes{
			"Arn":   func(i *identity) string { return i.arn("ssm", "parameter/"+strings.TrimPrefix(i.name, "/")) },
			"Type":  func(i *identity) string { return cmp.Or(i.text("Type"), "String") },
			"Value": func(i *identity) string { return cmp.Or(i.text("Value"), "-") },
		}},
		// A secret. Its ARN ends in six characters of the service's.
		"AWS::SecretsManager::Secret": {nameProperty: "Name", maxName: 255, ref: secretARN, attributes: attributes{"Id": secretARN}},
		// A table.
		"AWS::DynamoDB::Table": {nameProperty: "TableName", maxName: 255, ref: nameOf, attributes: attributes{
			"Arn": arnOf("dynamodb", "table/"),
			"StreamArn": func(i *identity) string {
				return i.arn("dynamodb", "table/"+i.name+"/stream/"+strings.TrimSuffix(made, "Z"))
			},
		}},
		// A stack within the stack, whose outputs are attributes too.
		nestedType: {maxName: 128, ref: func(i *identity) string { return stackID(Input{StackName: i.name, Place: i.r.in.Place}) }},
		// What the CDK counts its users by.
		"AWS::CDK::Metadata": {maxName: 255, ref: nameOf},
	}
}

// firstVersion is the number of every version in a template, unless the input knows another. A stack begins with none, and a function whose code did not change
// in between gets no second version.
const firstVersion = "1"

// functionARN returns the unqualified ARN of the function that the property FunctionName names, or gives the ARN of.
func (i *identity) functionARN() string {
	name := i.text("FunctionName")
	if a, err := sfn.ParseARN(name); err == nil {
		parts := strings.Split(a.Resource, ":")
		a.Resource = strings.Join(parts[:min(2, len(parts))], ":")
		return a.String()
	}
	name, _, _ = strings.Cut(name, ":")
	return i.r.in.Place.FunctionARN(name)
}

func functionVersionARN(i *identity) string { return i.functionARN() + ":" + functionVersion(i) }

// functionVersion is the number that the input gives the version.
func functionVersion(i *identity) string {
	arn := i.functionARN()
	if number := i.r.in.FunctionVersions[arn[strings.LastIndexByte(arn, ':')+1:]]; number != "" {
		return number
	}
	return firstVersion
}

func functionAliasARN(i *identity) string { return i.functionARN() + ":" + i.name }

func machineVersionARN(i *identity) string { return i.text("StateMachineArn") + ":" + firstVersion }

// machineAliasARN takes the machine from the version that the alias leads to, wherever the template says which.
func machineAliasARN(i *identity) string {
	target := i.property("DeploymentPreference")
	if routes, ok := i.property("RoutingConfiguration").(value.Array); ok && len(routes) > 0 {
		target = routes[0]
	}
	version := ""
	if o, ok := target.(*value.Object); ok {
		v, _ := o.Get("StateMachineVersionArn")
		version, _ = scalarText(v)
	}
	machine, err := sfn.ParseMachineARN(version)
	if err != nil {
		return i.r.in.Place.StateMachineARN(i.res.LogicalID) + ":" + i.name
	}
	return machine.Unqualified() + ":" + i.name
}

func scheduleARN(i *identity) string {
	group := i.text("GroupName")
	if group == "" {
		group = "default"
	}
	return i.arn("scheduler", "schedule/"+group+"/"+i.name)
}

// bus returns the name of the bus that a rule is on, "" for the default one.
func (i *identity) bus() string {
	bus := i.text("EventBusName")
	if bus = bus[strings.LastIndexByte(bus, '/')+1:]; bus == "default" {
		return ""
	}
	return bus
}

func ruleRef(i *identity) string {
	if bus := i.bus(); bus != "" {
		return bus + "|" + i.name
	}
	return i.name
}

func ruleARN(i *identity) string {
	if bus := i.bus(); bus != "" {
		return i.arn("events", "rule/"+bus+"/"+i.name)
	}
	return i.arn("events", "rule/"+i.name)
}

func queueURL(i *identity) string {
	p := i.r.in.Place
	suffix, _ := scalarText(i.r.pseudo["AWS::URLSuffix"])
	return "https://sqs." + p.Region + "." + suffix + "/" + p.Account + "/" + i.name
}

func (i *identity) bucketHost(host string) string {
	suffix, _ := scalarText(i.r.pseudo["AWS::URLSuffix"])
	return i.name + "." + host + suffix
}

func keyID(i *identity) string { return uuid(i.hash("key")) }

func mappingID(i *identity) string { return uuid(i.hash("mapping")) }

// targetFunctionARN is the ARN of the function, version or alias that the property TargetFunctionArn gives the name or ARN of.
func targetFunctionARN(i *identity) string {
	name := i.text("TargetFunctionArn")
	if _, err := sfn.ParseARN(name); err == nil {
		return name
	}
	return i.r.in.Place.FunctionARN(name)
}

func layerVersionARN(i *identity) string { return i.arn("lambda", "layer:"+i.name+":"+firstVersion) }

// apiID is an id as API Gateway draws them: ten small letters and digits.
func apiID(i *identity) string { return strings.ToLower(i.suffix("api")[:10]) }

func subscriptionARN(i *identity) string {
	return i.text("TopicArn") + ":" + uuid(i.hash("subscription"))
}

func secretARN(i *identity) string {
	return i.arn("secretsmanager", "secret:"+i.name+"-"+i.suffix("secret")[:6])
}

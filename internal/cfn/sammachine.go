package cfn

import (
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// stateMachine transforms AWS::Serverless::StateMachine.
func (s *sam) stateMachine(res *samResource) {
	at, p := res.at, res.properties
	made := at.object()
	definition, uri := p.get("Definition"), p.get("DefinitionUri")
	switch {
	case definition != nil && uri != nil:
		s.invalid(res, uri, "Specify either 'Definition' or 'DefinitionUri' property and not both.")
	case definition != nil:
		made.set("Definition", definition)
	case uri != nil:
		made.set("DefinitionS3Location", s.location(res, uri, "DefinitionUri", "Bucket", "Key", "Version"))
	default:
		s.invalid(res, res.node, "Either 'Definition' or 'DefinitionUri' property must be specified.")
	}
	made.set("DefinitionSubstitutions", p.get("DefinitionSubstitutions"))
	made.set("StateMachineName", p.get("Name"))
	made.set("StateMachineType", p.get("Type"))
	made.set("LoggingConfiguration", p.get("Logging"))
	made.set("TracingConfiguration", p.get("Tracing"))
	made.set("EncryptionConfiguration", p.get("EncryptionConfiguration"))
	made.set("Tags", s.tags(res, "stateMachine:createdBy"))
	role := p.get("Role")
	if role != nil && p.get("Policies") != nil {
		s.invalid(res, role, "Specify either 'Role' or 'Policies' (or neither) and not both.")
	}
	made.set("RoleArn", role)
	if role == nil {
		made.set("RoleArn", at.getAtt(res.id+"Role", "Arn"))
		managed, policies := at.list(), at.list()
		s.policies(res, managed, policies)
		if s.flag(p.get("Tracing").get("Enabled"), false) {
			managed.items = append(managed.items, managedPolicy(at, "AWSXRayDaemonWriteAccess"))
		}
		s.role(res, res.id+"Role", at.assumeRole("states.amazonaws.com"), managed, policies, s.tags(res, "stateMachine:createdBy"))
	}
	s.add(res, res.id, "AWS::StepFunctions::StateMachine", made)
	target := res.id
	if alias := s.publishedMachine(res); alias != "" && s.flag(p.get("UseAliasAsEventTarget"), false) {
		target = alias
	}
	for _, m := range p.get("Events").all() {
		s.machineEvent(res, target, m)
	}
}

// publishedMachine makes the version and the alias that AutoPublishAlias asks for, and returns the alias's logical id.
func (s *sam) publishedMachine(res *samResource) string {
	at, p := res.at, res.properties
	property := p.get("AutoPublishAlias")
	if property == nil {
		if preference := p.get("DeploymentPreference"); preference != nil {
			s.invalid(res, preference, "'DeploymentPreference' requires AutoPublishAlias property to be specified.")
		}
		return ""
	}
	name, ok := s.text(property)
	if !ok || name == "" {
		s.invalid(res, property, "'AutoPublishAlias' must be a string or a Ref to a template parameter")
		return ""
	}
	s.add(res, res.id+"Version", "AWS::StepFunctions::StateMachineVersion", at.object("StateMachineArn", at.ref(res.id),
		"StateMachineRevisionId", at.getAtt(res.id, "StateMachineRevisionId")), member{"DeletionPolicy", at.text("Retain")},
		member{"UpdateReplacePolicy", at.text("Retain")})
	preference := at.object("StateMachineVersionArn", at.ref(res.id+"Version"), "Type", "ALL_AT_ONCE")
	for _, m := range p.get("DeploymentPreference").all() {
		preference.set(m.name, m.value)
	}
	id := res.id + "Alias" + lettersAndDigits(name)
	s.add(res, id, "AWS::StepFunctions::StateMachineAlias", at.object("Name", name, "DeploymentPreference", preference))
	s.renamed[res.id+".Version"], s.renamed[res.id+".Alias"] = res.id+"Version", id
	return id
}

// machineEvent makes what starts a state machine, or the alias that has the logical id.
func (s *sam) machineEvent(res *samResource, targetID string, m member) {
	kind, p, ok := s.event(res, m)
	if !ok {
		return
	}
	at, id := maker{m.value}, res.id+lettersAndDigits(m.name)
	target := at.ref(targetID)
	start := func(role, principal, policy string) *node {
		made := at.object("AssumeRolePolicyDocument", at.assumeRole(principal),
			"Policies", at.list(at.allow(policy+"StartExecutionPolicy", target, "states:StartExecution")))
		made.set("PermissionsBoundary", res.properties.get("PermissionsBoundary"))
		s.add(res, role, "AWS::IAM::Role", made)
		return at.getAtt(role, "Arn")
	}
	switch kind {
	case "Schedule", "CloudWatchEvent", "EventBridgeRule":
		rule := at.object()
		if kind == "Schedule" {
			s.scheduledRule(res, m.name, p, rule)
		} else {
			s.patternRule(res, m.name, p, rule)
		}
		t := at.object("Arn", target, "Id", ruleTargetID(p, id+"StepFunctionsTarget"), "RoleArn", start(id+"Role", "events.amazonaws.com", id+"Role"))
		s.ruleTarget(res, id, p, t)
		rule.set("Targets", at.list(t))
		s.add(res, id, "AWS::Events::Rule", rule)
	case "ScheduleV2":
		role := p.get("RoleArn")
		if role == nil {
			role = start(id+"Role", "scheduler.amazonaws.com", id)
		}
		s.schedule(res, m, p, target, role)
	case "Api":
		s.apiEvent(res, m.name, p, route{credentials: start(id+"Role", "apigateway.amazonaws.com", id+"Role"), machine: targetID, event: m.value})
	default:
		s.invalidEvent(res, m.name, m.value, "Events of the type %s do not start state machines: Api, CloudWatchEvent, EventBridgeRule, Schedule and ScheduleV2 do.", kind)
	}
}

// ruleTargetID is the id of a rule's target: the given one, or one of at most 64 characters.
func ruleTargetID(p *node, formed string) any {
	if given := p.get("Target").get("Id"); given != nil {
		return given
	}
	return formed[:min(64, len(formed))]
}

// event returns an event's type and properties.
func (s *sam) event(res *samResource, m member) (kind string, properties *node, ok bool) {
	kind, isText := s.text(m.value.get("Type"))
	if !isText {
		s.invalidEvent(res, m.name, m.value, "Event dictionary must contain 'Type' key.")
		return "", nil, false
	}
	properties = m.value.get("Properties")
	if properties == nil {
		properties = maker{m.value}.object()
	}
	if properties.kind != value.KindObject {
		s.invalidEvent(res, m.name, properties, "Properties must be an object, not %s.", article(properties.kind))
		return "", nil, false
	}
	return kind, properties, true
}

// scheduledRule fills in a rule that is due by time.
func (s *sam) scheduledRule(res *samResource, event string, p, rule *node) {
	at := maker{p}
	expression := p.get("Schedule")
	if expression == nil {
		s.invalidEvent(res, event, p, "Missing required property 'Schedule'.")
	}
	rule.set("ScheduleExpression", expression)
	enabled, state := p.get("Enabled"), p.get("State")
	if enabled != nil && state != nil {
		s.invalidEvent(res, event, state, "State and Enabled Properties cannot both be specified.")
	}
	if enabled != nil {
		state = at.text("DISABLED")
		if s.flag(enabled, true) {
			state = at.text("ENABLED")
		}
	}
	rule.set("State", state)
	at.pass(rule, p, "Name", "Description")
}

// patternRule fills in a rule that matches events.
func (s *sam) patternRule(res *samResource, event string, p, rule *node) {
	pattern := p.get("Pattern")
	if pattern == nil {
		s.invalidEvent(res, event, p, "Missing required property 'Pattern'.")
	}
	at := maker{p}
	at.pass(rule, p, "EventBusName")
	rule.set("EventPattern", pattern)
	rule.set("Name", p.get("RuleName"))
	at.pass(rule, p, "State")
}

// ruleTarget fills in the rest of a rule's target.
func (s *sam) ruleTarget(res *samResource, id string, p, target *node) {
	at := maker{p}
	at.pass(target, p, "Input", "InputPath", "InputTransformer")
	if arn := s.deadLetter(res, id, p, true); arn != nil {
		target.set("DeadLetterConfig", at.object("Arn", arn))
	}
	at.pass(target, p, "RetryPolicy")
}

// deadLetter returns the ARN of the queue for what could not be delivered, and makes the queue where SAM does.
func (s *sam) deadLetter(res *samResource, id string, p *node, byRule bool) *node {
	config := p.get("DeadLetterConfig")
	if config == nil {
		return nil
	}
	at := maker{config}
	if arn := config.get("Arn"); arn != nil {
		return arn
	}
	if !s.isText(config.get("Type"), "SQS") {
		s.invalid(res, config, "'DeadLetterConfig' requires either Arn or the Type SQS.")
		return nil
	}
	queue := id + "Queue"
	if given, ok := s.text(config.get("QueueLogicalId")); ok {
		queue = given
	}
	s.add(res, queue, "AWS::SQS::Queue", at.object())
	if byRule {
		statement := at.object("Effect", "Allow", "Action", "sqs:SendMessage", "Resource", at.getAtt(queue, "Arn"),
			"Principal", at.object("Service", "events.amazonaws.com"),
			"Condition", at.object("ArnEquals", at.object("aws:SourceArn", at.getAtt(id, "Arn"))))
		s.add(res, id+"QueuePolicy", "AWS::SQS::QueuePolicy", at.object("Queues", at.list(at.ref(queue)),
			"PolicyDocument", at.object("Version", "2012-10-17", "Statement", at.list(statement))))
	}
	return at.getAtt(queue, "Arn")
}

// schedule adds a schedule of EventBridge Scheduler.
func (s *sam) schedule(res *samResource, m member, p, target, role *node) {
	at, id := maker{m.value}, res.id+lettersAndDigits(m.name)
	made := at.object()
	if p.get("ScheduleExpression") == nil {
		s.invalidEvent(res, m.name, p, "Missing required property 'ScheduleExpression'.")
	}
	at.pass(made, p, "ScheduleExpression", "State")
	name := p.get("Name")
	switch {
	case !s.flag(p.get("OmitName"), false) && name == nil:
		name = at.text(id[:min(64, len(id))])
	case s.flag(p.get("OmitName"), false) && name != nil:
		s.invalidEvent(res, m.name, name, "Name cannot be set when OmitName is True")
	}
	made.set("Name", name)
	at.pass(made, p, "Description", "StartDate", "EndDate", "ScheduleExpressionTimezone", "GroupName", "KmsKeyArn")
	window := p.get("FlexibleTimeWindow")
	if window == nil {
		window = at.object("Mode", "OFF")
	}
	made.set("FlexibleTimeWindow", window)
	t := at.object("Arn", target, "RoleArn", role)
	at.pass(t, p, "Input")
	if arn := s.deadLetter(res, id, p, false); arn != nil {
		t.set("DeadLetterConfig", at.object("Arn", arn))
	}
	at.pass(t, p, "RetryPolicy")
	made.set("Target", t)
	s.add(res, id, "AWS::Scheduler::Schedule", made)
}

// simpleTable transforms AWS::Serverless::SimpleTable.
func (s *sam) simpleTable(res *samResource) {
	at, p := res.at, res.properties
	name, kind := at.text("id"), "S"
	if key := p.get("PrimaryKey"); key != nil {
		if given := key.get("Name"); given != nil {
			name = given
		}
		text, _ := s.text(key.get("Type"))
		short, known := map[string]string{"String": "S", "Number": "N", "Binary": "B"}[text]
		if !known {
			s.invalid(res, key, "Invalid 'Type' \"%s\".", text)
		}
		kind = short
	}
	made := at.object("AttributeDefinitions", at.list(at.object("AttributeName", name, "AttributeType", kind)),
		"KeySchema", at.list(at.object("AttributeName", name, "KeyType", "HASH")))
	if throughput := p.get("ProvisionedThroughput"); throughput != nil {
		made.set("ProvisionedThroughput", throughput)
	} else {
		made.set("BillingMode", at.text("PAY_PER_REQUEST"))
	}
	at.pass(made, p, "TableName", "SSESpecification", "PointInTimeRecoverySpecification")
	if tags := p.get("Tags"); tags != nil {
		list := at.list()
		for _, m := range tags.all() {
			list.items = append(list.items, at.object("Key", m.name, "Value", m.value))
		}
		made.set("Tags", list)
	}
	s.add(res, res.id, "AWS::DynamoDB::Table", made)
}

// application transforms AWS::Serverless::Application. One of the Serverless Application Repository stays as it is, and unknown.
func (s *sam) application(res *samResource) {
	at, location := res.at, res.properties.get("Location")
	if location == nil {
		s.invalid(res, res.node, "Resource is missing the required [Location] property.")
		return
	}
	if location.kind == value.KindObject && !isFunction(location) {
		s.resources = append(s.resources, member{res.id, res.node})
		return
	}
	made := at.object("TemplateURL", location)
	at.pass(made, res.properties, "Parameters", "NotificationARNs", "TimeoutInMinutes")
	made.set("Tags", s.tags(res, "lambda:createdBy"))
	s.add(res, res.id, nestedType, made)
}

// layerVersion transforms AWS::Serverless::LayerVersion. Its logical id ends in a hash, so that a new version keeps the old one.
func (s *sam) layerVersion(res *samResource) {
	at, p := res.at, res.properties
	made := at.object()
	name := p.get("LayerName")
	if name == nil {
		name = at.text(res.id)
	}
	made.set("LayerName", name)
	at.pass(made, p, "Description")
	if uri := p.get("ContentUri"); uri != nil {
		made.set("Content", s.location(res, uri, "ContentUri", "S3Bucket", "S3Key", "S3ObjectVersion"))
	} else {
		s.invalid(res, res.node, "Missing required property 'ContentUri'.")
	}
	at.pass(made, p, "CompatibleArchitectures", "CompatibleRuntimes", "LicenseInfo")
	keep := "Retain"
	if text, ok := s.text(p.get("RetentionPolicy")); ok && strings.EqualFold(text, "Delete") {
		keep = "Delete"
	}
	// SAM hashes the resource as it is written.
	id := hashed(res.id, sortedJSON(res.node))
	s.renamed[res.id] = id
	s.add(res, id, "AWS::Lambda::LayerVersion", made, member{"DeletionPolicy", at.text(keep)})
}

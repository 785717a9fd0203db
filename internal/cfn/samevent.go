package cfn

import (
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// functionEvent makes what invokes a function on one kind of event.
type functionEvent func(s *sam, res *samResource, target lambdaTarget, m member, p *node)

// functionEvents is the table of the types of events that invoke functions (SAM developer guide, "EventSource").
func functionEvents() map[string]functionEvent {
	return map[string]functionEvent{
		"AlexaSkill":       (*sam).alexaEvent,    // a skill
		"Api":              (*sam).restEvent,     // a route of a REST API
		"CloudWatchEvent":  (*sam).ruleEvent,     // a rule with a pattern
		"CloudWatchLogs":   (*sam).logsEvent,     // a subscription of a log group
		"Cognito":          (*sam).cognitoEvent,  // a trigger of a user pool
		"DocumentDB":       (*sam).pollEvent,     // a change stream
		"DynamoDB":         (*sam).pollEvent,     // a table's stream
		"EventBridgeRule":  (*sam).ruleEvent,     // a rule with a pattern
		"HttpApi":          (*sam).httpEvent,     // a route of an HTTP API
		"IoTRule":          (*sam).iotEvent,      // a rule over a topic
		"Kinesis":          (*sam).pollEvent,     // a stream
		"MQ":               (*sam).pollEvent,     // a broker's queue
		"MSK":              (*sam).pollEvent,     // a cluster's topic
		"S3":               (*sam).bucketEvent,   // a bucket's notification
		"SNS":              (*sam).topicEvent,    // a topic's subscription
		"SQS":              (*sam).pollEvent,     // a queue
		"Schedule":         (*sam).ruleEvent,     // a rule that is due by time
		"ScheduleV2":       (*sam).scheduleEvent, // a schedule of EventBridge Scheduler
		"SelfManagedKafka": (*sam).pollEvent,     // a topic elsewhere
	}
}

// functionEvents makes what invokes a function.
func (s *sam) functionEvents(res *samResource, target lambdaTarget) {
	events := functionEvents()
	for _, m := range res.properties.get("Events").all() {
		kind, p, ok := s.event(res, m)
		if !ok {
			continue
		}
		make, known := events[kind]
		if !known {
			s.invalidEvent(res, m.name, m.value, "Resource dict has missing or invalid value for field Type. Event Type is: %s.", kind)
			continue
		}
		make(s, res, target, m, p)
	}
}

// permission lets a service invoke the function.
func (s *sam) permission(res *samResource, target lambdaTarget, id, principal string, p *node, more ...any) {
	at := maker{p}
	made := at.object("Action", "lambda:InvokeFunction", "FunctionName", target.ref(at), "Principal", principal)
	for i := 0; i+1 < len(more); i += 2 {
		name, _ := more[i].(string)
		if n, isNode := more[i+1].(*node); !isNode || n != nil {
			made.set(name, at.node(more[i+1]))
		}
	}
	s.add(res, id, "AWS::Lambda::Permission", made)
}

func (s *sam) ruleEvent(res *samResource, target lambdaTarget, m member, p *node) {
	at, id := maker{m.value}, res.id+lettersAndDigits(m.name)
	rule := at.object()
	if kind, _ := s.text(m.value.get("Type")); kind == "Schedule" {
		s.scheduledRule(res, m.name, p, rule)
	} else {
		s.patternRule(res, m.name, p, rule)
	}
	t := at.object("Arn", target.arn(at), "Id", ruleTargetID(p, id+"LambdaTarget"))
	s.ruleTarget(res, id, p, t)
	rule.set("Targets", at.list(t))
	s.add(res, id, "AWS::Events::Rule", rule)
	s.permission(res, target, id+"Permission", "events.amazonaws.com", m.value, "SourceArn", at.getAtt(id, "Arn"))
}

func (s *sam) scheduleEvent(res *samResource, target lambdaTarget, m member, p *node) {
	at, id := maker{m.value}, res.id+lettersAndDigits(m.name)
	role := p.get("RoleArn")
	if role == nil {
		policies := at.list(at.allow(id+"LambdaPolicy", target.arn(at), "lambda:InvokeFunction"))
		made := at.object("AssumeRolePolicyDocument", at.assumeRole("scheduler.amazonaws.com"), "Policies", policies)
		made.set("PermissionsBoundary", p.get("PermissionsBoundary"))
		s.add(res, id+"Role", "AWS::IAM::Role", made)
		role = at.getAtt(id+"Role", "Arn")
	}
	s.schedule(res, m, p, target.arn(at), role)
}

// pollProperties are those of an event source mapping that SAM passes on (SAM developer guide, the pages of the polled sources).
var pollProperties = []string{
	"StartingPosition", "StartingPositionTimestamp", "BatchSize", "Enabled", "MaximumBatchingWindowInSeconds", "MaximumRetryAttempts",
	"BisectBatchOnFunctionError", "MaximumRecordAgeInSeconds", "ParallelizationFactor", "Topics", "Queues", "SourceAccessConfigurations",
	"TumblingWindowInSeconds", "FunctionResponseTypes", "FilterCriteria", "ScalingConfig", "KmsKeyArn", "MetricsConfig", "ProvisionedPollerConfig",
}

// pollSource says where a polled source's ARN stands, and which of AWS's policies the function's role needs.
type pollSource struct{ arn, policy string }

// pollSources is the table of the sources that Lambda polls.
func pollSources() map[string]pollSource {
	return map[string]pollSource{
		"DocumentDB":       {"Cluster", ""},                                           // policy statements of its own
		"DynamoDB":         {"Stream", "service-role/AWSLambdaDynamoDBExecutionRole"}, // a table's stream
		"Kinesis":          {"Stream", "service-role/AWSLambdaKinesisExecutionRole"},  // a stream
		"MQ":               {"Broker", ""},                                            // policy statements of its own
		"MSK":              {"Stream", "service-role/AWSLambdaMSKExecutionRole"},      // a cluster
		"SQS":              {"Queue", "service-role/AWSLambdaSQSQueueExecutionRole"},  // a queue
		"SelfManagedKafka": {"", ""},                                                  // named by its servers
	}
}

func (s *sam) pollEvent(res *samResource, target lambdaTarget, m member, p *node) {
	at := maker{m.value}
	kind, _ := s.text(m.value.get("Type"))
	source := pollSources()[kind]
	made := at.object("FunctionName", target.ref(at))
	if source.arn != "" {
		arn := p.get(source.arn)
		if arn == nil {
			s.invalidEvent(res, m.name, p, "No %s (for %s) provided.", source.arn, kind)
		}
		made.set("EventSourceArn", arn)
	}
	at.pass(made, p, pollProperties...)
	if servers := p.get("KafkaBootstrapServers"); servers != nil {
		made.set("SelfManagedEventSource", at.object("Endpoints", at.object("KafkaBootstrapServers", servers)))
	}
	if group := p.get("ConsumerGroupId"); group != nil {
		config := map[string]string{"MSK": "AmazonManagedKafkaEventSourceConfig", "SelfManagedKafka": "SelfManagedKafkaEventSourceConfig"}[kind]
		if config == "" {
			s.invalidEvent(res, m.name, group, "Property ConsumerGroupId not defined for resource of type %s.", kind)
		} else {
			made.set(config, at.object("ConsumerGroupId", group))
		}
	}
	if kind == "DocumentDB" {
		config := at.object()
		at.pass(config, p, "CollectionName", "DatabaseName", "FullDocument")
		made.set("DocumentDBEventSourceConfig", config)
	}
	if failure := p.get("DestinationConfig").get("OnFailure"); failure != nil {
		made.set("DestinationConfig", at.object("OnFailure", at.object("Destination", failure.get("Destination"))))
	}
	s.add(res, res.id+lettersAndDigits(m.name), "AWS::Lambda::EventSourceMapping", made)
	if source.policy != "" {
		s.grantManaged(res, managedPolicy(at, source.policy))
	}
}

// grantManaged attaches one of AWS's policies to the role that was made for a function.
func (s *sam) grantManaged(res *samResource, policy *node) {
	i := slices.IndexFunc(s.resources, func(m member) bool { return m.name == res.id+"Role" })
	if i < 0 || res.properties.get("Role") != nil {
		return
	}
	list := s.resources[i].value.get("Properties").get("ManagedPolicyArns")
	if list != nil && !slices.ContainsFunc(list.items, func(n *node) bool { return value.Equal(n.literal(), policy.literal()) }) {
		list.items = append(list.items, policy)
	}
}

func (s *sam) bucketEvent(res *samResource, target lambdaTarget, m member, p *node) {
	at, id := maker{m.value}, res.id+lettersAndDigits(m.name)
	name, arg := asFunction(p.get("Bucket"))
	bucket, _ := arg.string()
	if name != "Ref" || s.section.get(bucket) == nil {
		if text, ok := p.get("Bucket").string(); ok && s.section.get(text) != nil {
			bucket = text
		} else {
			s.invalidEvent(res, m.name, m.value, "S3 events must reference an S3 bucket in the same template.")
			return
		}
	}
	events := p.get("Events")
	if events == nil {
		s.invalidEvent(res, m.name, p, "Missing required property 'Events'.")
		return
	}
	list := events.items
	if events.kind != value.KindArray || isFunction(events) {
		list = []*node{events}
	}
	for _, event := range list {
		config := at.object("Event", event, "Function", target.arn(at))
		if filter := p.get("Filter"); filter != nil {
			config.set("Filter", filter)
		}
		s.buckets[bucket] = append(s.buckets[bucket], s.ifCreated(res, config))
	}
	s.permission(res, target, id+"Permission", "s3.amazonaws.com", m.value, "SourceAccount", at.ref("AWS::AccountId"))
}

// finishBuckets gives buckets the notifications that events ask for.
func (s *sam) finishBuckets() {
	for i, m := range s.resources {
		configs := s.buckets[m.name]
		if len(configs) == 0 {
			continue
		}
		at := maker{m.value}
		bucket, properties, notification := *m.value, at.object(), at.object()
		bucket.members = slices.Clone(bucket.members)
		if given := m.value.get("Properties"); given != nil {
			properties.members = slices.Clone(given.members)
		}
		if given := properties.get("NotificationConfiguration"); given != nil {
			notification.members = slices.Clone(given.members)
		}
		lambdas := at.list()
		if given := notification.get("LambdaConfigurations"); given != nil {
			lambdas.items = slices.Clone(given.items)
		}
		lambdas.items = append(lambdas.items, configs...)
		notification.set("LambdaConfigurations", lambdas)
		properties.set("NotificationConfiguration", notification)
		bucket.set("Properties", properties)
		s.resources[i].value = &bucket
	}
}

func (s *sam) topicEvent(res *samResource, target lambdaTarget, m member, p *node) {
	at, id := maker{m.value}, res.id+lettersAndDigits(m.name)
	topic := p.get("Topic")
	if topic == nil {
		s.invalidEvent(res, m.name, p, "Missing required property 'Topic'.")
		return
	}
	if through := p.get("SqsSubscription"); through != nil && !s.isText(through, "false") {
		s.topicThroughQueue(res, target, m, p, through)
		return
	}
	made := at.object("Protocol", "lambda", "Endpoint", target.arn(at), "TopicArn", topic)
	at.pass(made, p, "FilterPolicy", "FilterPolicyScope", "Region", "RedrivePolicy")
	s.add(res, id, "AWS::SNS::Subscription", made)
	s.permission(res, target, id+"Permission", "sns.amazonaws.com", m.value, "SourceArn", topic)
}

// topicThroughQueue puts a queue between a topic and the function.
func (s *sam) topicThroughQueue(res *samResource, target lambdaTarget, m member, p, through *node) {
	at, id, topic := maker{m.value}, res.id+lettersAndDigits(m.name), p.get("Topic")
	arn, url := through.get("QueueArn"), through.get("QueueUrl")
	if arn == nil || url == nil {
		s.add(res, id+"Queue", "AWS::SQS::Queue", at.object())
		arn, url = at.getAtt(id+"Queue", "Arn"), at.ref(id+"Queue")
	}
	policyID := id + "QueuePolicy"
	if given, ok := s.text(through.get("QueuePolicyLogicalId")); ok {
		policyID = given
	}
	statement := at.object("Effect", "Allow", "Action", "sqs:SendMessage", "Resource", arn, "Principal", "*",
		"Condition", at.object("ArnEquals", at.object("aws:SourceArn", topic)))
	s.add(res, policyID, "AWS::SQS::QueuePolicy", at.object("Queues", at.list(url),
		"PolicyDocument", at.object("Version", "2012-10-17", "Statement", at.list(statement))))
	subscription := at.object("Protocol", "sqs", "Endpoint", arn, "TopicArn", topic)
	at.pass(subscription, p, "FilterPolicy", "FilterPolicyScope", "Region", "RedrivePolicy")
	s.add(res, id, "AWS::SNS::Subscription", subscription)
	mapping := at.object("FunctionName", target.ref(at), "EventSourceArn", arn, "BatchSize", 10, "Enabled", true)
	for _, name := range []string{"BatchSize", "Enabled"} {
		mapping.set(name, through.get(name))
	}
	s.add(res, id+"EventSourceMapping", "AWS::Lambda::EventSourceMapping", mapping)
	s.grantManaged(res, managedPolicy(at, "service-role/AWSLambdaSQSQueueExecutionRole"))
}

func (s *sam) logsEvent(res *samResource, target lambdaTarget, m member, p *node) {
	at, id := maker{m.value}, res.id+lettersAndDigits(m.name)
	group := p.get("LogGroupName")
	if group == nil || p.get("FilterPattern") == nil {
		s.invalidEvent(res, m.name, p, "Missing required property 'LogGroupName' or 'FilterPattern'.")
		return
	}
	arn := at.object("Fn::Sub", at.list("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${__LogGroupName__}:*",
		at.object("__LogGroupName__", group)))
	s.permission(res, target, id+"Permission", "logs."+"amazonaws.com", m.value, "SourceArn", arn)
	s.add(res, id, "AWS::Logs::SubscriptionFilter", at.object("LogGroupName", group, "FilterPattern", p.get("FilterPattern"),
		"DestinationArn", target.arn(at)))
}

func (s *sam) iotEvent(res *samResource, target lambdaTarget, m member, p *node) {
	at, id := maker{m.value}, res.id+lettersAndDigits(m.name)
	payload := at.object("RuleDisabled", false, "Actions", at.list(at.object("Lambda", at.object("FunctionArn", target.arn(at)))),
		"Sql", p.get("Sql"), "AwsIotSqlVersion", p.get("AwsIotSqlVersion"))
	if p.get("Sql") == nil {
		s.invalidEvent(res, m.name, p, "Missing required property 'Sql'.")
	}
	arn := at.object("Fn::Sub", at.list("arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}:rule/${RuleName}", at.object("RuleName", at.ref(id))))
	s.permission(res, target, id+"Permission", "iot.amazonaws.com", m.value, "SourceArn", arn)
	s.add(res, id, "AWS::IoT::TopicRule", at.object("TopicRulePayload", payload))
}

func (s *sam) alexaEvent(res *samResource, target lambdaTarget, m member, p *node) {
	id := res.id + lettersAndDigits(m.name)
	s.permission(res, target, id+"Permission", "alexa-appkit.amazon.com", m.value, "EventSourceToken", p.get("SkillId"))
}

func (s *sam) cognitoEvent(res *samResource, target lambdaTarget, m member, p *node) {
	name, arg := asFunction(p.get("UserPool"))
	pool, _ := arg.string()
	i := slices.IndexFunc(s.resources, func(m member) bool { return m.name == pool })
	if name != "Ref" || s.section.get(pool) == nil {
		s.invalidEvent(res, m.name, m.value, "Cognito events must reference a Cognito UserPool in the same template.")
		return
	}
	at := maker{m.value}
	s.permission(res, target, res.id+"CognitoPermission", "cognito-idp.amazonaws.com", m.value, "SourceArn", at.getAtt(pool, "Arn"))
	if i < 0 {
		return
	}
	made, properties := *s.resources[i].value, at.object()
	made.members = slices.Clone(made.members)
	if given := made.get("Properties"); given != nil {
		properties.members = slices.Clone(given.members)
	}
	config := at.object()
	if given := properties.get("LambdaConfig"); given != nil {
		config.members = slices.Clone(given.members)
	}
	triggers := p.get("Trigger")
	if triggers != nil && triggers.kind != value.KindArray {
		triggers = at.list(triggers)
	}
	if triggers == nil {
		s.invalidEvent(res, m.name, p, "Missing required property 'Trigger'.")
		return
	}
	for _, trigger := range triggers.items {
		text, _ := s.text(trigger)
		config.set(text, s.ifCreated(res, target.arn(at)))
	}
	properties.set("LambdaConfig", config)
	made.set("Properties", properties)
	s.resources[i].value = &made
}

// connector and what follows it make the policies that let one resource reach another.

// connectorEnd is a resource at one end of a connector.
type connectorEnd struct {
	typeName string
	id       string
	arn      *node
	role     *node // the name of the role that it acts as, nil if there is none or it is not known
}

// connectorAccess is the table of what a connector allows on its destination: actions for Read and Write, and what they are allowed on
// beyond the ARN itself (SAM developer guide, "AWS SAM connector reference").
func connectorAccess() map[string]connectorRule {
	return map[string]connectorRule{
		// Items, and what an index has.
		"AWS::DynamoDB::Table": {
			"dynamodb:GetItem dynamodb:Query dynamodb:Scan dynamodb:BatchGetItem dynamodb:ConditionCheckItem dynamodb:PartiQLSelect",
			"dynamodb:PutItem dynamodb:UpdateItem dynamodb:DeleteItem dynamodb:BatchWriteItem dynamodb:PartiQLDelete dynamodb:PartiQLInsert dynamodb:PartiQLUpdate",
			"/index/*",
		},
		// Events on a bus.
		"AWS::Events::EventBus": {"", "events:PutEvents", ""},
		// Invoking.
		"AWS::Lambda::Function": {"", "lambda:InvokeAsync lambda:InvokeFunction", ""},
		// Objects.
		"AWS::S3::Bucket": {
			"s3:GetObject s3:GetObjectAcl s3:GetObjectLegalHold s3:GetObjectRetention s3:GetObjectTorrent s3:GetObjectVersion s3:GetObjectVersionAcl s3:GetObjectVersionForReplication s3:GetObjectVersionTorrent s3:ListBucket s3:ListBucketMultipartUploads s3:ListBucketVersions s3:ListMultipartUploadParts",
			"s3:AbortMultipartUpload s3:DeleteObject s3:DeleteObjectVersion s3:PutObject s3:PutObjectLegalHold s3:PutObjectRetention s3:RestoreObject",
			"/*",
		},
		// Messages to a topic.
		"AWS::SNS::Topic": {"", "sns:Publish", ""},
		// Messages of a queue.
		"AWS::SQS::Queue": {"sqs:ReceiveMessage sqs:GetQueueAttributes", "sqs:DeleteMessage sqs:SendMessage sqs:ChangeMessageVisibility sqs:PurgeQueue", ""},
		// Executions.
		"AWS::StepFunctions::StateMachine": {
			"states:DescribeStateMachine states:ListExecutions", "states:StartExecution states:StartSyncExecution", "",
		},
	}
}

type connectorRule struct{ read, write, beyond string }

// plainTypes are what SAM's types become, where connectors speak of them.
var plainTypes = map[string]string{
	"AWS::Serverless::Function":     "AWS::Lambda::Function",
	"AWS::Serverless::StateMachine": "AWS::StepFunctions::StateMachine",
	"AWS::Serverless::SimpleTable":  "AWS::DynamoDB::Table",
	"AWS::Serverless::Api":          "AWS::ApiGateway::RestApi",
	"AWS::Serverless::HttpApi":      "AWS::ApiGatewayV2::Api",
}

func (s *sam) connector(res *samResource) {
	destinations := res.properties.get("Destination")
	if destinations == nil || res.properties.get("Source") == nil || res.properties.get("Permissions") == nil {
		s.invalid(res, res.node, "Missing required property 'Source', 'Destination' or 'Permissions'.")
		return
	}
	s.connect(res, res.id, res.properties.get("Source"), destinations, res.properties.get("Permissions"))
}

// embeddedConnectors makes the policies of the attribute Connectors, whose source is the resource itself.
func (s *sam) embeddedConnectors(m member) {
	connectors := m.value.get("Connectors")
	if connectors == nil {
		return
	}
	for _, c := range connectors.all() {
		at := maker{c.value}
		p := c.value.get("Properties")
		source := at.object("Id", m.name)
		for _, extra := range p.get("SourceReference").all() {
			source.set(extra.name, extra.value)
		}
		res := &samResource{id: m.name + c.name, node: c.value, properties: at.object(), at: at}
		if p.get("Destination") == nil || p.get("Permissions") == nil {
			s.invalid(res, c.value, "Missing required property 'Destination' or 'Permissions'.")
			continue
		}
		s.connect(res, res.id, source, p.get("Destination"), p.get("Permissions"))
	}
	for i := range s.resources {
		if s.resources[i].name == m.name && s.resources[i].value.get("Connectors") != nil {
			made := *s.resources[i].value
			made.members = slices.DeleteFunc(slices.Clone(made.members), func(m member) bool { return m.name == "Connectors" })
			s.resources[i].value = &made
		}
	}
}

func (s *sam) connect(res *samResource, id string, source, destination, permissions *node) {
	list := []*node{destination}
	several := destination.kind == value.KindArray
	if several {
		list = destination.items
	}
	for i, d := range list {
		name := id
		if several {
			name += "Destination" + maker{d}.indexText(i)
		}
		s.connectOne(res, name, s.connectorEnd(source), s.connectorEnd(d), permissions)
	}
}

// connectorEnd reads one end: a resource of the template by its Id, or one elsewhere by its type and ARN.
func (s *sam) connectorEnd(n *node) connectorEnd {
	at := maker{n}
	end := connectorEnd{arn: n.get("Arn"), role: n.get("RoleName")}
	end.typeName, _ = s.text(n.get("Type"))
	id, ok := s.text(n.get("Id"))
	if !ok {
		return end
	}
	end.id = id
	declared := s.section.get(id)
	end.typeName, _ = declared.get("Type").string()
	properties := declared.get("Properties")
	if plain, isSAM := plainTypes[end.typeName]; isSAM {
		end.typeName = plain
		if properties.get("Role") == nil {
			end.role = at.ref(id + "Role")
		}
	}
	if given := properties.get("Role"); end.role == nil && given != nil {
		end.role = roleName(given)
	}
	if given := properties.get("RoleArn"); end.role == nil && given != nil {
		end.role = roleName(given)
	}
	switch end.typeName {
	case "AWS::SNS::Topic", "AWS::StepFunctions::StateMachine":
		end.arn = at.ref(id)
	default:
		end.arn = at.getAtt(id, "Arn")
	}
	return end
}

// roleName is Ref to the role that a GetAtt takes the ARN of.
func roleName(arn *node) *node {
	name, arg := asFunction(arn)
	if name != "Fn::GetAtt" {
		return nil
	}
	target, ok := arg.string()
	if ok {
		target, _, _ = strings.Cut(target, ".")
	} else {
		target, _ = arg.itemText(0)
	}
	return maker{arn}.ref(target)
}

// senders are the sources of connectors that are services themselves, and act as no role: their principals.
var senders = map[string]string{
	"AWS::SNS::Topic":             "sns.amazonaws.com",
	"AWS::S3::Bucket":             "s3.amazonaws.com",
	"AWS::Events::Rule":           "events.amazonaws.com",
	"AWS::ApiGateway::RestApi":    "apigateway.amazonaws.com",
	"AWS::ApiGatewayV2::Api":      "apigateway.amazonaws.com",
	"AWS::Scheduler::Schedule":    "scheduler.amazonaws.com",
	"AWS::IoT::TopicRule":         "iot.amazonaws.com",
	"AWS::Cognito::UserPool":      "cognito-idp.amazonaws.com",
	"AWS::Logs::LogGroup":         "logs.amazonaws.com",
	"AWS::CloudWatch::Alarm":      "cloudwatch.amazonaws.com",
	"AWS::AppSync::DataSource":    "appsync.amazonaws.com",
	"AWS::CodePipeline::Pipeline": "codepipeline.amazonaws.com",
}

// connectService lets a service reach the destination by the destination's own policy; a queue or a stream is read by the role of the function that
// it is for. It tells whether the connector is such a one.
func (s *sam) connectService(res *samResource, id string, from, to connectorEnd) bool {
	at := res.at
	if from.typeName == "AWS::SQS::Queue" || from.typeName == "AWS::DynamoDB::Table" {
		if to.role == nil {
			s.invalid(res, res.node, "Unable to get IAM role name from 'Destination' resource.")
			return true
		}
		actions := at.list("sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:GetQueueAttributes")
		if from.typeName == "AWS::DynamoDB::Table" {
			actions = at.list("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams")
		}
		s.add(res, id+"Policy", "AWS::IAM::ManagedPolicy", at.object("PolicyDocument", at.object("Version", "2012-10-17", "Statement",
			at.list(at.object("Effect", "Allow", "Action", actions, "Resource", at.list(from.arn)))), "Roles", at.list(to.role)))
		return true
	}
	principal := senders[from.typeName]
	if principal == "" {
		return false
	}
	statement := at.object("Effect", "Allow", "Principal", at.object("Service", principal), "Resource", to.arn,
		"Condition", at.object("ArnEquals", at.object("aws:SourceArn", from.arn)))
	switch to.typeName {
	case "AWS::Lambda::Function":
		s.add(res, id+"WriteLambdaPermission", "AWS::Lambda::Permission", at.object("Action", "lambda:InvokeFunction", "FunctionName", to.arn, "Principal", principal, "SourceArn", from.arn))
	case "AWS::SQS::Queue":
		statement.set("Action", at.text("sqs:SendMessage"))
		s.add(res, id+"QueuePolicy", "AWS::SQS::QueuePolicy", at.object("PolicyDocument", at.object("Version", "2012-10-17", "Statement", at.list(statement)), "Queues", at.list(at.ref(to.id))))
	case "AWS::SNS::Topic":
		statement.set("Action", at.text("sns:Publish"))
		s.add(res, id+"TopicPolicy", "AWS::SNS::TopicPolicy", at.object("PolicyDocument", at.object("Version", "2012-10-17", "Statement", at.list(statement)), "Topics", at.list(to.arn)))
	default:
		s.invalid(res, res.node, "Unable to create connector from %s to %s; it's not supported.", from.typeName, to.typeName)
	}
	return true
}

func (s *sam) connectOne(res *samResource, id string, from, to connectorEnd, permissions *node) {
	at := res.at
	rule, known := connectorAccess()[to.typeName]
	if !known {
		s.invalid(res, res.node, "Unable to create connector from %s to %s; it's not supported.", from.typeName, to.typeName)
		return
	}
	if s.connectService(res, id, from, to) {
		return
	}
	if from.role == nil {
		s.invalid(res, res.node, "Unable to get IAM role name from 'Source' resource.")
		return
	}
	statements := at.list()
	for _, permission := range permissions.items {
		text, _ := s.text(permission)
		actions := map[string]string{"Read": rule.read, "Write": rule.write}[text]
		if actions == "" {
			s.invalid(res, permission, "Unable to create connector from %s to %s; the permission %s is not one that it has.", from.typeName, to.typeName, text)
			continue
		}
		list, resources := at.list(), at.list(to.arn)
		for action := range strings.FieldsSeq(actions) {
			list.items = append(list.items, at.text(action))
		}
		if rule.beyond != "" {
			resources.items = append(resources.items, at.object("Fn::Sub", at.list("${DestinationArn}"+rule.beyond, at.object("DestinationArn", to.arn))))
		}
		statements.items = append(statements.items, at.object("Effect", "Allow", "Action", list, "Resource", resources))
	}
	s.add(res, id+"Policy", "AWS::IAM::ManagedPolicy", at.object("PolicyDocument",
		at.object("Version", "2012-10-17", "Statement", statements), "Roles", at.list(from.role)))
}

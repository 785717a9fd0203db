package cfn

import (
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// policyTemplate is a policy of SAM's with holes in it.
type policyTemplate struct {
	parameters []string
	statements []templateStatement
}

// templateStatement allows actions, by blanks between them, on resources. A resource is "*", a text that begins with a variable, or what
// follows arn:PARTITION: with the region and the account left out, except for S3, whose ARNs have neither.
type templateStatement struct {
	actions   string
	resources []string
	condition string // a condition key that must equal a resource written like the others, with a blank between them, "" for none
}

// policyTemplates is the table of the policy templates (SAM developer guide, "Policy template list").
func policyTemplates() map[string]policyTemplate {
	on := func(actions string, resources ...string) templateStatement {
		return templateStatement{actions: actions, resources: resources}
	}
	with := func(parameters string, statements ...templateStatement) policyTemplate {
		return policyTemplate{strings.Fields(parameters), statements}
	}
	return map[string]policyTemplate{
		// A certificate.
		"AcmGetCertificatePolicy": with("CertificateArn", on("acm:GetCertificate", "${CertificateArn}")),
		// Looking at machine images.
		"AMIDescribePolicy": with("", on("ec2:DescribeImages", "ec2:image/*")),
		// Reading a secret.
		"AWSSecretsManagerGetSecretValuePolicy": with("SecretArn", on("secretsmanager:GetSecretValue", "${SecretArn}")),
		// Rotating secrets that this function rotates.
		"AWSSecretsManagerRotationPolicy": with("FunctionName", templateStatement{
			"secretsmanager:DescribeSecret secretsmanager:GetSecretValue secretsmanager:PutSecretValue secretsmanager:UpdateSecretVersionStage",
			[]string{"secretsmanager:secret:*"}, "secretsmanager:resource/AllowRotationLambdaArn lambda:function:${FunctionName}",
		}, on("secretsmanager:GetRandomPassword", "*")),
		// Queries in a workgroup.
		"AthenaQueryPolicy": with("WorkGroupName",
			on("athena:ListWorkGroups athena:GetExecutionEngine athena:GetExecutionEngines athena:GetNamespace athena:GetCatalogs athena:GetNamespaces athena:GetTables athena:GetTable", "*"),
			on("athena:StartQueryExecution athena:GetQueryResults athena:DeleteNamedQuery athena:GetNamedQuery athena:ListQueryExecutions athena:StopQueryExecution athena:GetQueryResultsStream athena:ListNamedQueries athena:CreateNamedQuery athena:GetQueryExecution athena:BatchGetNamedQuery athena:BatchGetQueryExecution athena:GetWorkGroup", "athena:workgroup/${WorkGroupName}")),
		// Looking at stacks.
		"CloudFormationDescribeStacksPolicy": with("", on("cloudformation:DescribeStacks", "cloudformation:stack/*")),
		// Dashboards.
		"CloudWatchDashboardPolicy": with("", on("cloudwatch:GetDashboard cloudwatch:ListDashboards cloudwatch:PutDashboard cloudwatch:ListMetrics", "*")),
		// What alarms did.
		"CloudWatchDescribeAlarmHistoryPolicy": with("", on("cloudwatch:DescribeAlarmHistory", "*")),
		// Putting metrics.
		"CloudWatchPutMetricPolicy": with("", on("cloudwatch:PutMetricData", "*")),
		// Everything in a repository.
		"CodeCommitCrudPolicy": with("RepositoryName", on(codeCommitActions("GitPull GitPush CreateBranch DeleteBranch GetBranch ListBranches MergeBranchesByFastForward MergeBranchesBySquash MergeBranchesByThreeWay UpdateDefaultBranch BatchDescribeMergeConflicts CreateUnreferencedMergeCommit DescribeMergeConflicts GetMergeCommit GetMergeOptions BatchGetPullRequests CreatePullRequest DescribePullRequestEvents GetCommentsForPullRequest GetCommitsFromMergeBase GetMergeConflicts GetPullRequest ListPullRequests MergePullRequestByFastForward MergePullRequestBySquash MergePullRequestByThreeWay PostCommentForPullRequest UpdatePullRequestDescription UpdatePullRequestStatus UpdatePullRequestTitle DeleteFile GetBlob GetFile GetFolder PutFile DeleteCommentContent GetComment GetCommentsForComparedCommit PostCommentForComparedCommit PostCommentReply UpdateComment BatchGetCommits CreateCommit GetCommit GetCommitHistory GetDifferences GetObjectIdentifier GetReferences GetTree GetRepository UpdateRepositoryDescription ListTagsForResource TagResource UntagResource GetRepositoryTriggers PutRepositoryTriggers TestRepositoryTriggers GetBranch GetCommit UploadArchive GetUploadArchiveStatus CancelUploadArchive"), "codecommit:${RepositoryName}")),
		// Reading a repository.
		"CodeCommitReadPolicy": with("RepositoryName", on(codeCommitActions("GitPull GetBranch ListBranches BatchDescribeMergeConflicts DescribeMergeConflicts GetMergeCommit GetMergeOptions BatchGetPullRequests DescribePullRequestEvents GetCommentsForPullRequest GetCommitsFromMergeBase GetMergeConflicts GetPullRequest ListPullRequests GetBlob GetFile GetFolder GetComment GetCommentsForComparedCommit BatchGetCommits GetCommit GetCommitHistory GetDifferences GetObjectIdentifier GetReferences GetTree GetRepository ListTagsForResource GetRepositoryTriggers TestRepositoryTriggers GetBranch GetCommit GetUploadArchiveStatus"), "codecommit:${RepositoryName}")),
		// Telling CodePipeline how a job went.
		"CodePipelineLambdaExecutionPolicy": with("", on("codepipeline:PutJobSuccessResult codepipeline:PutJobFailureResult", "*")),
		// Looking at a pipeline.
		"CodePipelineReadOnlyPolicy": with("PipelineName", on("codepipeline:ListPipelineExecutions", "codepipeline:${PipelineName}")),
		// Entities, phrases, languages and moods of texts.
		"ComprehendBasicAccessPolicy": with("", on("comprehend:BatchDetectKeyPhrases comprehend:DetectDominantLanguage comprehend:DetectEntities comprehend:BatchDetectEntities comprehend:DetectKeyPhrases comprehend:DetectSentiment comprehend:BatchDetectDominantLanguage comprehend:BatchDetectSentiment", "*")),
		// What things cost.
		"CostExplorerReadOnlyPolicy": with("", on("ce:GetCostAndUsage ce:GetDimensionValues ce:GetReservationCoverage ce:GetReservationPurchaseRecommendation ce:GetReservationUtilization ce:GetTags", "*")),
		// Backups of a table.
		"DynamoDBBackupFullAccessPolicy": with("TableName",
			on("dynamodb:CreateBackup dynamodb:DescribeContinuousBackups", "dynamodb:table/${TableName}"),
			on("dynamodb:DeleteBackup dynamodb:DescribeBackup dynamodb:ListBackups", "dynamodb:table/${TableName}/backup/*")),
		// Items of a table.
		"DynamoDBCrudPolicy": with("TableName", on("dynamodb:GetItem dynamodb:DeleteItem dynamodb:PutItem dynamodb:Scan dynamodb:Query dynamodb:UpdateItem dynamodb:BatchWriteItem dynamodb:BatchGetItem dynamodb:DescribeTable dynamodb:ConditionCheckItem",
			"dynamodb:table/${TableName}", "dynamodb:table/${TableName}/index/*")),
		// Reading items of a table.
		"DynamoDBReadPolicy": with("TableName", on("dynamodb:GetItem dynamodb:Scan dynamodb:Query dynamodb:BatchGetItem dynamodb:DescribeTable",
			"dynamodb:table/${TableName}", "dynamodb:table/${TableName}/index/*")),
		// Changing a table.
		"DynamoDBReconfigurePolicy": with("TableName", on("dynamodb:UpdateTable", "dynamodb:table/${TableName}")),
		// Putting back what a backup has.
		"DynamoDBRestoreFromBackupPolicy": with("TableName",
			on("dynamodb:RestoreTableFromBackup", "dynamodb:table/${TableName}/backup/*"),
			on("dynamodb:PutItem dynamodb:UpdateItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:Query dynamodb:Scan dynamodb:BatchWriteItem", "dynamodb:table/${TableName}")),
		// Reading a table's stream.
		"DynamoDBStreamReadPolicy": with("TableName StreamName",
			on("dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator", "dynamodb:table/${TableName}/stream/${StreamName}"),
			on("dynamodb:ListStreams", "dynamodb:table/${TableName}/stream/*")),
		// Writing to a table.
		"DynamoDBWritePolicy": with("TableName", on("dynamodb:PutItem dynamodb:UpdateItem dynamodb:BatchWriteItem", "dynamodb:table/${TableName}", "dynamodb:table/${TableName}/index/*")),
		// Copying a machine image.
		"EC2CopyImagePolicy": with("ImageId", on("ec2:CopyImage", "ec2:image/${ImageId}")),
		// Looking at instances.
		"EC2DescribePolicy": with("", on("ec2:DescribeRegions ec2:DescribeInstances", "*")),
		// Running tasks.
		"EcsRunTaskPolicy": with("TaskDefinition", on("ecs:RunTask", "ecs:task-definition/${TaskDefinition}")),
		// Mounting a file system.
		"EFSWriteAccessPolicy": with("FileSystem AccessPoint", templateStatement{
			"elasticfilesystem:ClientMount elasticfilesystem:ClientWrite", []string{"elasticfilesystem:file-system/${FileSystem}"},
			"elasticfilesystem:AccessPointArn elasticfilesystem:access-point/${AccessPoint}",
		}),
		// Looking at clusters.
		"EKSDescribePolicy": with("", on("eks:DescribeCluster eks:ListClusters", "*")),
		// Adding steps to a cluster.
		"ElasticMapReduceAddJobFlowStepsPolicy": with("ClusterId", on("elasticmapreduce:AddJobFlowSteps", "elasticmapreduce:cluster/${ClusterId}")),
		// Cancelling steps of a cluster.
		"ElasticMapReduceCancelStepsPolicy": with("ClusterId", on("elasticmapreduce:CancelSteps", "elasticmapreduce:cluster/${ClusterId}")),
		// Changing fleets of a cluster.
		"ElasticMapReduceModifyInstanceFleetPolicy": with("ClusterId", on("elasticmapreduce:ModifyInstanceFleet elasticmapreduce:ListInstanceFleets", "elasticmapreduce:cluster/${ClusterId}")),
		// Changing groups of a cluster.
		"ElasticMapReduceModifyInstanceGroupsPolicy": with("ClusterId", on("elasticmapreduce:ModifyInstanceGroups elasticmapreduce:ListInstanceGroups", "elasticmapreduce:cluster/${ClusterId}")),
		// Protecting a cluster from its end.
		"ElasticMapReduceSetTerminationProtectionPolicy": with("ClusterId", on("elasticmapreduce:SetTerminationProtection", "elasticmapreduce:cluster/${ClusterId}")),
		// Ending a cluster.
		"ElasticMapReduceTerminateJobFlowsPolicy": with("ClusterId", on("elasticmapreduce:TerminateJobFlows", "elasticmapreduce:cluster/${ClusterId}")),
		// Posting to a search domain.
		"ElasticsearchHttpPostPolicy": with("DomainName", on("es:ESHttpPost es:ESHttpPut", "es:domain/${DomainName}/*")),
		// Putting events on a bus.
		"EventBridgePutEventsPolicy": with("EventBusName", on("events:PutEvents", "events:event-bus/${EventBusName}")),
		// Searching log events.
		"FilterLogEventsPolicy": with("LogGroupName", on("logs:FilterLogEvents", "logs:log-group:${LogGroupName}:log-stream:*")),
		// A delivery stream and what goes into it.
		"FirehoseCrudPolicy": with("DeliveryStreamName", on("firehose:CreateDeliveryStream firehose:DeleteDeliveryStream firehose:DescribeDeliveryStream firehose:PutRecord firehose:PutRecordBatch firehose:UpdateDestination", "firehose:deliverystream/${DeliveryStreamName}")),
		// Writing to a delivery stream.
		"FirehoseWritePolicy": with("DeliveryStreamName", on("firehose:PutRecord firehose:PutRecordBatch", "firehose:deliverystream/${DeliveryStreamName}")),
		// Decrypting with a key.
		"KMSDecryptPolicy": with("KeyId", on("kms:Decrypt", "kms:key/${KeyId}")),
		// Encrypting with a key.
		"KMSEncryptPolicy": with("KeyId", on("kms:Encrypt", "kms:key/${KeyId}")),
		// The same, with data keys.
		"KMSEncryptPolicy_v2": with("KeyId", on("kms:Encrypt kms:GenerateDataKey kms:GenerateDataKeyWithoutPlaintext kms:GenerateDataKeyPair kms:GenerateDataKeyPairWithoutPlaintext", "kms:key/${KeyId}")),
		// A stream and what goes into it.
		"KinesisCrudPolicy": with("StreamName", on("kinesis:AddTagsToStream kinesis:CreateStream kinesis:DecreaseStreamRetentionPeriod kinesis:DeleteStream kinesis:DescribeStream kinesis:DescribeStreamSummary kinesis:GetShardIterator kinesis:IncreaseStreamRetentionPeriod kinesis:ListTagsForStream kinesis:MergeShards kinesis:PutRecord kinesis:PutRecords kinesis:SplitShard kinesis:RemoveTagsFromStream", "kinesis:stream/${StreamName}")),
		// Reading a stream.
		"KinesisStreamReadPolicy": with("StreamName", on("kinesis:ListStreams kinesis:DescribeLimits", "kinesis:stream/*"),
			on("kinesis:DescribeStream kinesis:DescribeStreamSummary kinesis:GetRecords kinesis:GetShardIterator", "kinesis:stream/${StreamName}")),
		// Invoking a function, its versions and aliases.
		"LambdaInvokePolicy": with("FunctionName", on("lambda:InvokeFunction", "lambda:function:${FunctionName}*")),
		// Events of applications.
		"MobileAnalyticsWriteOnlyAccessPolicy": with("", on("mobileanalytics:PutEvents", "*")),
		// The accounts of an organization.
		"OrganizationsListAccountsPolicy": with("", on("organizations:ListAccounts", "*")),
		// Endpoints of an application.
		"PinpointEndpointAccessPolicy": with("PinpointApplicationId", on("mobiletargeting:GetEndpoint mobiletargeting:UpdateEndpoint mobiletargeting:UpdateEndpointsBatch", "mobiletargeting:apps/${PinpointApplicationId}/endpoints/*")),
		// Lexicons and speech.
		"PollyFullAccessPolicy": with("LexiconName", on("polly:GetLexicon polly:DeleteLexicon", "polly:lexicon/${LexiconName}"),
			on("polly:DescribeVoices polly:ListLexicons polly:PutLexicon polly:SynthesizeSpeech", "polly:lexicon/*")),
		// Faces, labels and texts in pictures.
		"RekognitionDetectOnlyPolicy": with("", on("rekognition:DetectFaces rekognition:DetectLabels rekognition:DetectModerationLabels rekognition:DetectText", "*")),
		// Adding, deleting and searching faces.
		"RekognitionFacesManagementPolicy": with("CollectionId", on("rekognition:IndexFaces rekognition:DeleteFaces rekognition:SearchFaces rekognition:SearchFacesByImage rekognition:ListFaces", "rekognition:collection/${CollectionId}")),
		// Comparing faces.
		"RekognitionFacesPolicy": with("", on("rekognition:CompareFaces rekognition:DetectFaces", "*")),
		// Labels of pictures.
		"RekognitionLabelsPolicy": with("", on("rekognition:DetectLabels rekognition:DetectModerationLabels", "*")),
		// Faces and labels, nothing kept.
		"RekognitionNoDataAccessPolicy": with("CollectionId", on("rekognition:CompareFaces rekognition:DetectFaces rekognition:DetectLabels rekognition:DetectModerationLabels", "rekognition:collection/${CollectionId}")),
		// Listing and searching faces.
		"RekognitionReadPolicy": with("CollectionId", on("rekognition:ListCollections rekognition:ListFaces rekognition:SearchFaces rekognition:SearchFacesByImage", "rekognition:collection/${CollectionId}")),
		// Making a collection and adding faces.
		"RekognitionWriteOnlyAccessPolicy": with("CollectionId", on("rekognition:CreateCollection rekognition:IndexFaces", "rekognition:collection/${CollectionId}")),
		// Changing DNS records.
		"Route53ChangeResourceRecordSetsPolicy": with("HostedZoneId", on("route53:ChangeResourceRecordSets", "route53:::hostedzone/${HostedZoneId}")),
		// Objects of a bucket.
		"S3CrudPolicy": with("BucketName", on("s3:GetObject s3:ListBucket s3:GetBucketLocation s3:GetObjectVersion s3:PutObject s3:PutObjectAcl s3:GetLifecycleConfiguration s3:PutLifecycleConfiguration s3:DeleteObject",
			"s3:::${BucketName}", "s3:::${BucketName}/*")),
		// Objects of a bucket with tags and access lists.
		"S3FullAccessPolicy": with("BucketName", on("s3:GetObject s3:GetObjectAcl s3:GetObjectVersion s3:PutObject s3:PutObjectAcl s3:DeleteObject s3:DeleteObjectTagging s3:DeleteObjectVersionTagging s3:GetObjectTagging s3:GetObjectVersionTagging s3:PutObjectTagging s3:PutObjectVersionTagging", "s3:::${BucketName}/*"),
			on("s3:ListBucket s3:GetBucketLocation s3:GetLifecycleConfiguration s3:PutLifecycleConfiguration", "s3:::${BucketName}")),
		// Reading objects of a bucket.
		"S3ReadPolicy": with("BucketName", on("s3:GetObject s3:ListBucket s3:GetBucketLocation s3:GetObjectVersion s3:GetLifecycleConfiguration",
			"s3:::${BucketName}", "s3:::${BucketName}/*")),
		// Writing objects to a bucket.
		"S3WritePolicy": with("BucketName", on("s3:PutObject s3:PutObjectAcl s3:PutLifecycleConfiguration", "s3:::${BucketName}", "s3:::${BucketName}/*")),
		// Mails by template, many at once.
		"SESBulkTemplatedCrudPolicy": with("IdentityName", on("ses:GetIdentityVerificationAttributes ses:SendEmail ses:SendRawEmail ses:SendTemplatedEmail ses:SendBulkTemplatedEmail ses:VerifyEmailIdentity", "ses:identity/${IdentityName}")),
		// The same, with templates of any name.
		"SESBulkTemplatedCrudPolicy_v2": with("IdentityName TemplateName", on("ses:SendEmail ses:SendRawEmail ses:SendTemplatedEmail ses:SendBulkTemplatedEmail", "ses:identity/${IdentityName}", "ses:template/${TemplateName}"),
			on("ses:GetIdentityVerificationAttributes ses:VerifyEmailIdentity", "*")),
		// Mails.
		"SESCrudPolicy": with("IdentityName", on("ses:GetIdentityVerificationAttributes ses:SendEmail ses:SendRawEmail ses:VerifyEmailIdentity", "ses:identity/${IdentityName}")),
		// Templates of mails.
		"SESEmailTemplateCrudPolicy": with("", on("ses:CreateTemplate ses:GetTemplate ses:ListTemplates ses:UpdateTemplate ses:DeleteTemplate ses:TestRenderTemplate", "*")),
		// Sending mails back.
		"SESSendBouncePolicy": with("IdentityName", on("ses:SendBounce", "ses:identity/${IdentityName}")),
		// Topics and messages.
		"SNSCrudPolicy": with("TopicName", on("sns:ListSubscriptionsByTopic sns:CreateTopic sns:SetTopicAttributes sns:Subscribe sns:Publish", "sns:${TopicName}*")),
		// Messages to a topic.
		"SNSPublishMessagePolicy": with("TopicName", on("sns:Publish", "sns:${TopicName}")),
		// Taking messages from a queue.
		"SQSPollerPolicy": with("QueueName", on("sqs:ChangeMessageVisibility sqs:ChangeMessageVisibilityBatch sqs:DeleteMessage sqs:DeleteMessageBatch sqs:GetQueueAttributes sqs:ReceiveMessage", "sqs:${QueueName}")),
		// Messages to a queue.
		"SQSSendMessagePolicy": with("QueueName", on("sqs:SendMessage*", "sqs:${QueueName}")),
		// A parameter, by a name with or without the slash before it.
		"SSMParameterReadPolicy": with("ParameterName", on("ssm:DescribeParameters", "*"),
			on("ssm:GetParameters ssm:GetParameter ssm:GetParametersByPath", "ssm:parameter/${ParameterName}")),
		// A parameter whose name begins with a slash.
		"SSMParameterWithSlashPrefixReadPolicy": with("ParameterName", on("ssm:DescribeParameters", "*"),
			on("ssm:GetParameters ssm:GetParameter ssm:GetParametersByPath", "ssm:parameter${ParameterName}")),
		// Making an endpoint's configuration.
		"SageMakerCreateEndpointConfigPolicy": with("EndpointConfigName", on("sagemaker:CreateEndpointConfig", "sagemaker:endpoint-config/${EndpointConfigName}")),
		// Making an endpoint.
		"SageMakerCreateEndpointPolicy": with("EndpointName", on("sagemaker:CreateEndpoint", "sagemaker:endpoint/${EndpointName}")),
		// Applications in the repository.
		"ServerlessRepoReadWriteAccessPolicy": with("", on("serverlessrepo:CreateApplication serverlessrepo:CreateApplicationVersion serverlessrepo:UpdateApplication serverlessrepo:GetApplication serverlessrepo:ListApplications serverlessrepo:ListApplicationVersions serverlessrepo:ListApplicationDependencies", "serverlessrepo:applications/*")),
		// Starting executions.
		"StepFunctionsExecutionPolicy": with("StateMachineName", on("states:StartExecution", "states:stateMachine:${StateMachineName}")),
		// Answering tasks that wait for a callback.
		"StepFunctionsCallbackPolicy": with("StateMachineName", on("states:SendTaskFailure states:SendTaskHeartbeat states:SendTaskSuccess", "states:stateMachine:${StateMachineName}")),
		// Starting executions, and waiting for them.
		"StepFunctionsExecutionPolicy_v2": with("StateMachineName", on("states:StartExecution states:StartSyncExecution", "states:stateMachine:${StateMachineName}")),
		// Texts in documents, found.
		"TextractDetectAnalyzePolicy": with("", on("textract:DetectDocumentText textract:StartDocumentTextDetection textract:StartDocumentAnalysis textract:AnalyzeDocument", "*")),
		// Texts in documents, fetched.
		"TextractGetResultPolicy": with("", on("textract:GetDocumentTextDetection textract:GetDocumentAnalysis", "*")),
		// All of Textract.
		"TextractPolicy": with("", on("textract:*", "*")),
		// Network interfaces in a VPC.
		"VPCAccessPolicy": with("", on("ec2:CreateNetworkInterface ec2:DeleteNetworkInterface ec2:DescribeNetworkInterfaces ec2:DetachNetworkInterface", "*")),
	}
}

func codeCommitActions(names string) string {
	return "codecommit:" + strings.Join(strings.Fields(names), " codecommit:")
}

// templateARN writes out the resource of a template's statement.
func templateARN(short string) string {
	service, rest, _ := strings.Cut(short, ":")
	switch {
	case short == "*" || strings.HasPrefix(short, "${"):
		return short
	case strings.HasPrefix(rest, "::"):
		return "arn:${AWS::Partition}:" + short
	}
	return "arn:${AWS::Partition}:" + service + ":${AWS::Region}:${AWS::AccountId}:" + rest
}

// document makes the policy document of a template with its parameters' values.
func (t policyTemplate) document(at maker, values *node) *node {
	fill := func(short string) *node {
		text := templateARN(short)
		if !strings.Contains(text, "${") {
			return at.text(text)
		}
		variables := at.object()
		for _, name := range t.parameters {
			if strings.Contains(text, "${"+name+"}") {
				variables.set(name, values.get(name))
			}
		}
		if len(variables.members) == 0 {
			return at.sub(text)
		}
		return at.object("Fn::Sub", at.list(text, variables))
	}
	statements := at.list()
	for _, s := range t.statements {
		actions, resources := at.list(), at.list()
		for action := range strings.FieldsSeq(s.actions) {
			actions.items = append(actions.items, at.text(action))
		}
		for _, short := range s.resources {
			resources.items = append(resources.items, fill(short))
		}
		resource := resources
		if len(resources.items) == 1 {
			resource = resources.items[0]
		}
		statement := at.object("Effect", "Allow", "Action", actions, "Resource", resource)
		if s.condition != "" {
			key, arn, _ := strings.Cut(s.condition, " ")
			statement.set("Condition", at.object("StringEquals", at.object(key, fill(arn))))
		}
		statements.items = append(statements.items, statement)
	}
	return at.object("Statement", statements)
}

// managedPolicy is the ARN of one of AWS's policies.
func managedPolicy(at maker, name string) *node {
	return at.sub("arn:${AWS::Partition}:iam::aws:policy/" + name)
}

// serviceRolePolicies are AWS's policies for services, whose ARNs have service-role/ before the name (AWS managed policy reference).
var serviceRolePolicies = []string{
	"AWSLambdaBasicExecutionRole", "AWSLambdaDynamoDBExecutionRole", "AWSLambdaENIManagementAccess", "AWSLambdaKinesisExecutionRole",
	"AWSLambdaMSKExecutionRole", "AWSLambdaRole", "AWSLambdaSQSQueueExecutionRole", "AWSLambdaVPCAccessExecutionRole", "AmazonAPIGatewayPushToCloudWatchLogs",
	"AWSCodeDeployRoleForLambda", "AWSCodeDeployRole", "AWSConfigRole", "AWSGlueServiceRole", "AmazonEC2RoleforSSM", "AWSBatchServiceRole",
	"AmazonECSTaskExecutionRolePolicy", "AmazonSNSRole", "AmazonS3ObjectLambdaExecutionRolePolicy", "CloudWatchEventsBuiltInTargetExecutionAccess",
	"CloudWatchEventsInvocationAccess",
}

// policies sorts a resource's Policies into ARNs of managed policies and policies of its own.
func (s *sam) policies(res *samResource, managed, inline *node) {
	given := res.properties.get("Policies")
	if given == nil {
		return
	}
	entries := given.items
	if given.kind != value.KindArray {
		entries = []*node{given}
	}
	for i, entry := range entries {
		s.policy(res, i, entry, managed, inline)
	}
}

func (s *sam) policy(res *samResource, i int, entry, managed, inline *node) {
	at := maker{entry}
	name := res.id + "RolePolicy" + at.indexText(i)
	own := func(document *node) {
		inline.items = append(inline.items, at.object("PolicyName", name, "PolicyDocument", document))
	}
	switch {
	case entry.kind == value.KindString:
		text, _ := entry.string()
		switch {
		case strings.HasPrefix(text, "arn:"):
			managed.items = append(managed.items, entry)
		case slices.Contains(serviceRolePolicies, text):
			managed.items = append(managed.items, managedPolicy(at, "service-role/"+text))
		default:
			managed.items = append(managed.items, managedPolicy(at, text))
		}
	case isFunction(entry):
		if document, ok := s.conditionalTemplate(res, entry); ok {
			inline.items = append(inline.items, document(name))
			return
		}
		managed.items = append(managed.items, entry)
	case entry.get("Statement") != nil:
		own(entry)
	case len(entry.members) == 1:
		if document := s.templatePolicy(res, entry); document != nil {
			own(document)
		}
	default:
		s.invalid(res, entry, "A policy is the name or ARN of a managed policy, a policy template or a policy document.")
	}
}

// conditionalTemplate turns an Fn::If between policy templates or documents into one between policies.
func (s *sam) conditionalTemplate(res *samResource, entry *node) (func(name string) *node, bool) {
	function, arg := asFunction(entry)
	if function != "Fn::If" || len(arg.items) != 3 {
		return nil, false
	}
	at := maker{entry}
	documents := [2]*node{}
	for i, branch := range arg.items[1:] {
		switch {
		case isNoValue(branch):
			documents[i] = branch
		case branch.kind != value.KindObject || isFunction(branch):
			return nil, false
		case branch.get("Statement") != nil:
			documents[i] = branch
		case len(branch.members) == 1:
			if documents[i] = s.templatePolicy(res, branch); documents[i] == nil {
				return nil, false
			}
		}
	}
	return func(name string) *node {
		branches := at.list(arg.items[0])
		for _, document := range documents {
			if document != nil && !isNoValue(document) {
				document = at.object("PolicyName", name, "PolicyDocument", document)
			}
			branches.items = append(branches.items, at.node(document))
		}
		return at.object("Fn::If", branches)
	}, true
}

// templatePolicy makes the document of {Template: {Parameter: value}}; nil after a fault.
func (s *sam) templatePolicy(res *samResource, entry *node) *node {
	name, values := entry.members[0].name, entry.members[0].value
	template, ok := policyTemplates()[name]
	if !ok {
		s.invalid(res, entry, "The policy template '%s' does not exist.", name)
		return nil
	}
	for _, parameter := range template.parameters {
		if values.get(parameter) == nil {
			s.invalid(res, values, "Must specify valid parameter values for policy template '%s': %s is missing.", name, parameter)
			return nil
		}
	}
	return template.document(maker{entry}, values)
}

func (k maker) indexText(i int) string {
	text, _ := scalarText(value.Int(i))
	return text
}

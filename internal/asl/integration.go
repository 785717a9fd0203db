package asl

// Integration is one action of an optimized integration (developer guide, "Integrating optimized services").
type Integration struct {
	Service string // as in a Resource, like "sqs"
	API     string // like "sendMessage"
	// Patterns are those that the action supports; [RequestResponse] is among them except in Storage.
	Patterns []Pattern
	// Required are the parameters without which AWS refuses a definition.
	Required []string
	// Storage tells that the action stands only in the ItemReader or ResultWriter of a Map, never in a Task.
	Storage bool
}

// Integrations lists the actions of the optimized integrations. Beside them a Task can call http:invoke, which is among them, and any
// action of any service of the AWS SDK, which are not.
func Integrations() []Integration {
	response := []Pattern{RequestResponse}
	job := []Pattern{RequestResponse, RunJob}
	callback := []Pattern{RequestResponse, WaitForTaskToken}
	all := []Pattern{RequestResponse, RunJob, WaitForTaskToken}
	return []Integration{
		{Service: "lambda", API: "invoke", Patterns: callback, Required: []string{"FunctionName"}},
		{Service: "states", API: "startExecution", Patterns: append([]Pattern{RunJob2}, all...), Required: []string{"StateMachineArn"}},
		{Service: "sqs", API: "sendMessage", Patterns: callback, Required: []string{"QueueUrl", "MessageBody"}},
		{Service: "sns", API: "publish", Patterns: callback, Required: []string{"Message"}},
		{Service: "events", API: "putEvents", Patterns: callback, Required: []string{"Entries"}},
		{Service: "dynamodb", API: "getItem", Patterns: response, Required: []string{"TableName", "Key"}},
		{Service: "dynamodb", API: "putItem", Patterns: response, Required: []string{"TableName", "Item"}},
		{Service: "dynamodb", API: "updateItem", Patterns: response, Required: []string{"TableName", "Key"}},
		{Service: "dynamodb", API: "deleteItem", Patterns: response, Required: []string{"TableName", "Key"}},
		{Service: "http", API: "invoke", Patterns: response},
		{Service: "apigateway", API: "invoke", Patterns: callback},
		{Service: "ecs", API: "runTask", Patterns: all, Required: []string{"TaskDefinition"}},
		{Service: "batch", API: "submitJob", Patterns: job},
		{Service: "glue", API: "startJobRun", Patterns: job, Required: []string{"JobName"}},
		{Service: "databrew", API: "startJobRun", Patterns: job},
		{Service: "athena", API: "startQueryExecution", Patterns: job},
		{Service: "athena", API: "stopQueryExecution", Patterns: response},
		{Service: "athena", API: "getQueryExecution", Patterns: response},
		{Service: "athena", API: "getQueryResults", Patterns: response},
		{Service: "codebuild", API: "startBuild", Patterns: job},
		{Service: "codebuild", API: "startBuildBatch", Patterns: job},
		{Service: "codebuild", API: "retryBuildBatch", Patterns: job},
		{Service: "codebuild", API: "stopBuild", Patterns: response},
		{Service: "codebuild", API: "stopBuildBatch", Patterns: response},
		{Service: "codebuild", API: "batchDeleteBuilds", Patterns: response},
		{Service: "codebuild", API: "batchGetReports", Patterns: response},
		{Service: "codebuild", API: "deleteBuildBatch", Patterns: response},
		{Service: "elasticmapreduce", API: "createCluster", Patterns: job},
		{Service: "elasticmapreduce", API: "terminateCluster", Patterns: job},
		{Service: "elasticmapreduce", API: "addStep", Patterns: job},
		{Service: "elasticmapreduce", API: "cancelStep", Patterns: response},
		{Service: "elasticmapreduce", API: "setClusterTerminationProtection", Patterns: response},
		{Service: "elasticmapreduce", API: "modifyInstanceFleetByName", Patterns: response},
		{Service: "elasticmapreduce", API: "modifyInstanceGroupByName", Patterns: response},
		{Service: "emr-containers", API: "createVirtualCluster", Patterns: response},
		{Service: "emr-containers", API: "deleteVirtualCluster", Patterns: job},
		{Service: "emr-containers", API: "startJobRun", Patterns: job},
		{Service: "emr-serverless", API: "createApplication", Patterns: job},
		{Service: "emr-serverless", API: "startApplication", Patterns: job},
		{Service: "emr-serverless", API: "stopApplication", Patterns: job},
		{Service: "emr-serverless", API: "deleteApplication", Patterns: job},
		{Service: "emr-serverless", API: "startJobRun", Patterns: job},
		{Service: "emr-serverless", API: "cancelJobRun", Patterns: job},
		// The overview lists callbacks for EKS, the page about EKS does not; it is taken at the overview's word.
		{Service: "eks", API: "createCluster", Patterns: all},
		{Service: "eks", API: "deleteCluster", Patterns: all},
		{Service: "eks", API: "createNodegroup", Patterns: all},
		{Service: "eks", API: "deleteNodegroup", Patterns: all},
		{Service: "eks", API: "createFargateProfile", Patterns: all},
		{Service: "eks", API: "deleteFargateProfile", Patterns: all},
		{Service: "eks", API: "runJob", Patterns: all},
		{Service: "eks", API: "call", Patterns: callback},
		{Service: "sagemaker", API: "createTrainingJob", Patterns: job},
		{Service: "sagemaker", API: "createTransformJob", Patterns: job},
		{Service: "sagemaker", API: "createProcessingJob", Patterns: job},
		{Service: "sagemaker", API: "createLabelingJob", Patterns: job},
		{Service: "sagemaker", API: "createHyperParameterTuningJob", Patterns: job},
		{Service: "sagemaker", API: "createModel", Patterns: response},
		{Service: "sagemaker", API: "createEndpoint", Patterns: response},
		{Service: "sagemaker", API: "createEndpointConfig", Patterns: response},
		{Service: "sagemaker", API: "updateEndpoint", Patterns: response},
		{Service: "mediaconvert", API: "createJob", Patterns: job},
		{Service: "bedrock", API: "invokeModel", Patterns: callback},
		{Service: "bedrock", API: "createModelCustomizationJob", Patterns: all},
		{Service: "bedrockagentcore", API: "invokeHarness", Patterns: response},
		{Service: "s3", API: "getObject", Storage: true},
		{Service: "s3", API: "listObjectsV2", Storage: true},
		{Service: "s3", API: "putObject", Storage: true},
	}
}

type action struct{ service, api string }

var integrations = func() map[action]Integration {
	m := map[action]Integration{}
	for _, i := range Integrations() {
		m[action{i.Service, i.API}] = i
	}
	return m
}()

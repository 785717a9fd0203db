package task

// service is a service with an optimized integration, or one that aws-sdk resources call.
type service struct {
	// model is the name of its model in awsmodel.
	model string
	// prefix stands before the names of its errors.
	prefix string
	// client is how the SDK for Java 1 calls the service in messages; "" where the integration is built with version 2.
	client string
	// generic is the exception for errors that the service's model does not have, of SDK 1.
	generic string
	// metadata tells that results end in SdkHttpMetadata and SdkResponseMetadata.
	metadata bool
}

// services are the services with optimized integrations, by their name in resources (developer guide, "Integrating optimized services"; names of
// errors as recorded, or as the class names of the SDK).
func services() map[string]service {
	return map[string]service{
		"states":           {"sfn", "StepFunctions", "AWSStepFunctions", "AWSStepFunctionsException", true},
		"sqs":              {"sqs", "SQS", "AmazonSQS", "AmazonSQSException", true},
		"sns":              {"sns", "SNS", "AmazonSNS", "AmazonSNSException", true},
		"events":           {"eventbridge", "EventBridge", "AmazonEventBridge", "AmazonEventBridgeException", false}, // recorded without metadata
		"dynamodb":         {"dynamodb", "DynamoDB", "AmazonDynamoDBv2", "AmazonDynamoDBException", true},
		"ecs":              {"ecs", "ECS", "AmazonECS", "AmazonECSException", true},
		"batch":            {"batch", "Batch", "AWSBatch", "BatchException", true},
		"glue":             {"glue", "Glue", "AWSGlue", "AWSGlueException", true},
		"databrew":         {"databrew", "DataBrew", "AWSGlueDataBrew", "AWSGlueDataBrewException", true},
		"athena":           {"athena", "Athena", "AmazonAthena", "AmazonAthenaException", true},
		"codebuild":        {"codebuild", "CodeBuild", "AWSCodeBuild", "AWSCodeBuildException", true},
		"elasticmapreduce": {"emr", "ElasticMapReduce", "AmazonElasticMapReduce", "AmazonElasticMapReduceException", true},
		"emr-containers":   {"emrcontainers", "EMRContainers", "AmazonEMRContainers", "AmazonEMRContainersException", true},
		"emr-serverless":   {"emrserverless", "EmrServerless", "", "", false},
		"eks":              {"eks", "EKS", "AmazonEKS", "AmazonEKSException", true},
		"sagemaker":        {"sagemaker", "SageMaker", "AmazonSageMaker", "AmazonSageMakerException", true},
		"mediaconvert":     {"mediaconvert", "MediaConvert", "", "", false},
		"bedrock":          {"bedrock", "Bedrock", "", "", false},
		"bedrockagentcore": {"bedrockagentcore", "BedrockAgentCore", "", "", false},
	}
}

package task_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

const execution = "arn:aws:states:us-east-1:000000000000:execution:m:e"

// script is a service that gives its answers in order, the last one again and again, and keeps the requests as "target body".
type script struct {
	answers []answer
	asked   []string
}

type answer struct {
	status int
	body   string
	header http.Header
}

func ok(body string) answer                  { return answer{http.StatusOK, body, nil} }
func refused(status int, body string) answer { return answer{status, body, nil} }

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, target, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if target == "" {
		target = r.Method + " " + r.URL.Path
	}
	s.asked = append(s.asked, target+" "+string(body))
	a := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	w.Header().Set("x-amzn-RequestId", "r-1")
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// catalogOf returns a catalog whose services, as aws-sdk resources write them, are the handler.
func catalogOf(t *testing.T, h http.Handler, services ...string) *task.Catalog {
	t.Helper()
	routes, err := awsclient.NewRoutes(nil)
	if err != nil {
		t.Fatal(err)
	}
	routes.Embed(h, services...)
	return task.NewCatalog(task.Config{Functions: &functions{}, Routes: routes})
}

func callOf(t *testing.T, arn, parameters string) task.Call {
	t.Helper()
	return task.Call{Resource: resource(t, "arn:aws:states:::"+arn), Parameters: value.RecordedData(parameters), Execution: execution, Scheduled: 3, Token: "tok"}
}

// TestServices holds integrations to what they send and to what they make of the answer. Metadata is left out of outputs.
func TestServices(t *testing.T) {
	for _, tt := range []struct {
		resource, service, parameters string
		answer                        answer
		sent, output                  string
		failure                       sfn.ErrorName
		cause                         string
	}{
		{"sqs:sendMessage", "sqs", `{"QueueUrl":"q","MessageBody":{"a": 1}}`, ok(`{"MD5OfMessageBody":"d","MessageId":"m"}`),
			`SendMessage {"QueueUrl":"q","MessageBody":"{\"a\":1}"}`, `{"MD5OfMessageBody":"d","MessageId":"m"}`, "", ""},
		{"sqs:sendMessage", "sqs", `{"QueueUrl":"q","MessageBody":null}`,
			answer{400, `{"__type":"com.amazon.coral.service#MissingParameter","message":"The request must contain the parameter MessageBody."}`, http.Header{"X-Amzn-Query-Error": {"MissingParameter;Sender"}}},
			`SendMessage {"QueueUrl":"q"}`, "", "SQS.AmazonSQSException",
			"The request must contain the parameter MessageBody. (Service: AmazonSQS; Status Code: 400; Error Code: MissingParameter; Request ID: r-1; Proxy: null)"},
		{"sqs:sendMessage", "sqs", `{"QueueUrl":"q","MessageBody":"b"}`,
			answer{400, `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"}`, http.Header{"X-Amzn-Query-Error": {"AWS.SimpleQueueService.NonExistentQueue;Sender"}}},
			`SendMessage {"QueueUrl":"q","MessageBody":"b"}`, "", "SQS.QueueDoesNotExistException", "Error Code: AWS.SimpleQueueService.NonExistentQueue;"},
		{"sns:publish", "sns", `{"TopicArn":"t","Message":{"a":1}}`, ok(`<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>`),
			`POST / Action=Publish&Message=%7B%22a%22%3A1%7D&TopicArn=t&Version=2010-03-31`, `{"MessageId":"m"}`, "", ""},
		{"sns:publish", "sns", `{"TopicArn":"t","Message":"m"}`, refused(404, `<ErrorResponse><Error><Code>NotFound</Code><Message>Topic does not exist</Message></Error><RequestId>r-2</RequestId></ErrorResponse>`),
			`POST / Action=Publish&Message=m&TopicArn=t&Version=2010-03-31`, "", "SNS.NotFoundException", "Topic does not exist (Service: AmazonSNS; Status Code: 404; Error Code: NotFound; Request ID: r-2; Proxy: null)"},
		{"dynamodb:putItem", "dynamodb", `{"TableName":"t","Item":{"id":{"S":"1"}}}`, refused(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed"}`),
			`PutItem {"TableName":"t","Item":{"id":{"S":"1"}}}`, "", "DynamoDB.ConditionalCheckFailedException",
			"The conditional request failed (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ConditionalCheckFailedException; Request ID: r-1; Proxy: null)"},
		{"dynamodb:putItem", "dynamodb", `{"TableName":"t","Item":null}`, refused(400, `{"__type":"com.amazon.coral.validate#ValidationException","message":"v"}`), `PutItem {"TableName":"t"}`, "",
			"DynamoDB.AmazonDynamoDBException", "v (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ValidationException; Request ID: r-1; Proxy: null)"},
		{"aws-sdk:dynamodb:putItem", "dynamodb", `{"TableName":"t","Item":{}}`, refused(400, `{"__type":"x#ValidationException","message":"v"}`), `PutItem {"TableName":"t","Item":{}}`, "",
			"DynamoDb.DynamoDbException", "v (Service: DynamoDb, Status Code: 400, Request ID: r-1) (SDK Attempt Count: 1)"},
		{"aws-sdk:dynamodb:putItem", "dynamodb", `{"TableName":"t","Item":{}}`, refused(400, `{"__type":"x#ResourceNotFoundException","message":"Requested resource not found"}`), `PutItem {"TableName":"t","Item":{}}`, "",
			"DynamoDb.ResourceNotFoundException", "Requested resource not found (Service: DynamoDb, Status Code: 400, Request ID: r-1) (SDK Attempt Count: 1)"},
		{"aws-sdk:secretsmanager:createSecret", "secretsmanager", `{"Name":"Invalid Name"}`, refused(400, `{"__type":"ValidationException","message":"Invalid name."}`), "", "",
			"SecretsManager.SecretsManagerException", "Invalid name. (Service: SecretsManager, Status Code: 400, Request ID: r-1) (SDK Attempt Count: 1)"},
		{"aws-sdk:s3:getObject", "s3", `{"Bucket":"b","Key":"k"}`, answer{404, `<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>`, http.Header{"X-Amz-Id-2": {"ext"}}}, `GET /b/k `, "",
			"S3.NoSuchKeyException", "The specified key does not exist. (Service: S3, Status Code: 404, Request ID: r-1, Extended Request ID: ext) (SDK Attempt Count: 1)"},
		{"aws-sdk:s3:headObject", "s3", `{"Bucket":"b","Key":"k"}`, refused(404, ""), `HEAD /b/k `, "", "S3.NoSuchKeyException", "null (Service: S3, Status Code: 404,"},
		{"aws-sdk:sfn:sendTaskSuccess", "sfn", `{"TaskToken":"t","Output":{"a":1}}`, ok(`{}`), `SendTaskSuccess {"taskToken":"t","output":"{\"a\":1}"}`, `{}`, "", ""},
		{"states:startExecution", "sfn", `{"StateMachineArn":"m","Name":"n"}`, refused(400, `{"__type":"com.amazonaws.swf.service.v2.model#ExecutionAlreadyExists","message":"Execution Already Exists: 'e'"}`),
			`StartExecution {"stateMachineArn":"m","name":"n"}`, "", "StepFunctions.ExecutionAlreadyExistsException",
			"Execution Already Exists: 'e' (Service: AWSStepFunctions; Status Code: 400; Error Code: ExecutionAlreadyExists; Request ID: r-1; Proxy: null)"},
		{"events:putEvents", "eventbridge", `{"Entries":[{"Detail":{"a":1},"Resources":["x"]},{"Source":"s"}]}`, ok(`{"Entries":[{"EventId":"1"},{"EventId":"2"}],"FailedEntryCount":0}`),
			`PutEvents {"Entries":[{"Resources":["x","arn:aws:states:us-east-1:000000000000:stateMachine:m","` + execution + `"],"Detail":"{\"a\":1}"},{"Source":"s","Resources":["arn:aws:states:us-east-1:000000000000:stateMachine:m","` + execution + `"]}]}`,
			`{"Entries":[{"EventId":"1"},{"EventId":"2"}],"FailedEntryCount":0}`, "", ""},
		{"events:putEvents", "eventbridge", `{"Entries":[{"Detail":"\"x\""}]}`, ok(`{"FailedEntryCount":1,"Entries":[{"ErrorCode":"MalformedDetail","ErrorMessage":"Detail is malformed."}]}`), "", "",
			"EventBridge.FailedEntry", `{"Entries":[{"ErrorCode":"MalformedDetail","ErrorMessage":"Detail is malformed."}],"FailedEntryCount":1}`},
		{"ecs:runTask", "ecs", `{"TaskDefinition":"t","ClientToken":"c"}`, ok(`{"tasks":[],"failures":[{"arn":"a","reason":"RESOURCE:CPU"}]}`), `RunTask {"taskDefinition":"t","clientToken":"c"}`, `{"Tasks":[],"Failures":[{"Arn":"a","Reason":"RESOURCE:CPU"}]}`, "", ""},
		{"ecs:runTask.sync", "ecs", `{"TaskDefinition":"t"}`, ok(`{"tasks":[],"failures":[{"arn":"a","reason":"RESOURCE:CPU"}]}`), "", "", "AmazonECS.Unknown", `"Failures":[{"Arn":"a","Reason":"RESOURCE:CPU"}]`},
		{"elasticmapreduce:createCluster", "emr", `{"Name":"c","Instances":{}}`, ok(`{"JobFlowId":"j","ClusterArn":"a"}`), `RunJobFlow {"Name":"c","Instances":{}}`, `{"ClusterId":"j"}`, "", ""},
		{"elasticmapreduce:terminateCluster", "emr", `{"ClusterId":"j"}`, ok(`{}`), `TerminateJobFlows {"JobFlowIds":["j"]}`, `{}`, "", ""},
		{"elasticmapreduce:addStep", "emr", `{"ClusterId":"j","Step":{"Name":"s"}}`, ok(`{"StepIds":["s-1"]}`), `AddJobFlowSteps {"JobFlowId":"j","Steps":[{"Name":"s"}]}`, `{"StepId":"s-1"}`, "", ""},
		{"elasticmapreduce:cancelStep", "emr", `{"ClusterId":"j","StepId":"s"}`, ok(`{"CancelStepsInfoList":[{"StepId":"s","Status":"SUBMITTED"}]}`), `CancelSteps {"ClusterId":"j","StepIds":["s"]}`, `{"CancelStepsInfo":{"StepId":"s","Status":"SUBMITTED"}}`, "", ""},
		{"elasticmapreduce:setClusterTerminationProtection", "emr", `{"ClusterId":"j","TerminationProtected":true}`, ok(``), `SetTerminationProtection {"JobFlowIds":["j"],"TerminationProtected":true}`, `{}`, "", ""},
		{"elasticmapreduce:modifyInstanceFleetByName", "emr", `{"ClusterId":"j","InstanceFleetName":"nope","InstanceFleet":{}}`, ok(`{"InstanceFleets":[{"Id":"f-1","Name":"n"}]}`), `ListInstanceFleets {"ClusterId":"j"}`, "", "ElasticMapReduce.InvalidRequestException", `"nope"`},
		{"bedrock:invokeModel", "bedrockruntime", `{"ModelId":"m.1","Body":{"p":1}}`, answer{200, `{"c":2}`, http.Header{"Content-Type": {"application/json"}}}, `POST /model/m.1/invoke {"p":1}`, `{"Body":{"c":2},"ContentType":"application/json"}`, "", ""},
		{"aws-sdk:sts:getCallerIdentity", "", `{}`, ok(``), "", "", "Sts.SdkClientException", "sts is not served here: start tutti with --upstream URL"},
	} {
		t.Run(tt.resource+" "+string(tt.failure), func(t *testing.T) {
			s := &script{answers: []answer{tt.answer}}
			call := callOf(t, tt.resource, tt.parameters)
			catalog := catalogOf(t, s, tt.service)
			output, failure := catalog.Perform(t.Context(), call)
			if tt.sent != "" && (len(s.asked) != 1 || s.asked[0] != tt.sent) {
				t.Errorf("sent %q\nwant %q", s.asked, tt.sent)
			}
			switch {
			case tt.failure != "":
				if failure == nil || failure.Name() != tt.failure || !strings.Contains(failure.Cause.Text, tt.cause) {
					t.Errorf("failure %v\nwant %s: %s", failure, tt.failure, tt.cause)
				}
			case failure != nil:
				t.Error(failure)
			case withoutMetadata(output) != tt.output:
				t.Errorf("output %s\nwant   %s", output.Text(), tt.output)
			}
		})
	}
}

func withoutMetadata(d *value.Data) string {
	var members []value.Member
	for name, v := range d.Value().(*value.Object).All() {
		if !strings.HasPrefix(name, "Sdk") {
			members = append(members, value.Member{Name: name, Value: v})
		}
	}
	return value.Text(value.NewObject(members...))
}

func TestMetadata(t *testing.T) {
	for arn, want := range map[string]bool{"sqs:sendMessage": true, "aws-sdk:sqs:sendMessage": false} {
		catalog := catalogOf(t, &script{answers: []answer{ok(`{"MessageId":"m"}`)}}, "sqs")
		output, failure := catalog.Perform(t.Context(), callOf(t, arn, `{"QueueUrl":"q","MessageBody":"b"}`))
		if failure != nil {
			t.Fatal(failure)
		}
		has := strings.Contains(output.Text(), `"connection":"keep-alive"`) && strings.Contains(output.Text(), `"x-amzn-RequestId":["r-1"]`) &&
			strings.Contains(output.Text(), `"HttpStatusCode":200},"SdkResponseMetadata":{"RequestId":"r-1"}}`)
		if has != want {
			t.Errorf("%s: %s", arn, output.Text())
		}
	}
}

// TestJobs follows a job of some services through their states to its end, and stops it.
func TestJobs(t *testing.T) {
	for _, tt := range []struct {
		resource, service, parameters, submitted string
		answers                                  []answer
		asked, output                            string
		failure                                  sfn.ErrorName
		stopped                                  string
	}{
		{"batch:submitJob.sync", "batch", `{"JobName":"j"}`, `{"JobId":"1"}`, []answer{ok(`{"jobs":[]}`), ok(`{"jobs":[{"jobId":"1","status":"RUNNABLE"}]}`), refused(503, ``), ok(`{"jobs":[{"jobId":"1","status":"SUCCEEDED","createdAt":5}]}`)},
			`POST /v1/describejobs {"jobs":["1"]}`, `{"JobId":"1","Status":"SUCCEEDED","CreatedAt":5}`, "", `POST /v1/terminatejob {"jobId":"1","reason":"The Task state in AWS Step Functions execution [` + execution + `] which was managing this resource was aborted"}`},
		{"batch:submitJob.sync", "batch", `{"JobName":"j"}`, `{"JobId":"1"}`, []answer{ok(`{"jobs":[{"jobId":"1","status":"FAILED","statusReason":"why"}]}`)},
			`POST /v1/describejobs {"jobs":["1"]}`, `{"JobId":"1","Status":"FAILED","StatusReason":"why"}`, sfn.ErrorTaskFailed, ""},
		{"ecs:runTask.sync", "ecs", `{"Cluster":"c","TaskDefinition":"t"}`, `{"Tasks":[{"TaskArn":"a"}]}`, []answer{ok(`{"tasks":[{"lastStatus":"RUNNING"}]}`), ok(`{"tasks":[{"lastStatus":"STOPPED","stoppedAt":1.5,"containers":[{"exitCode":0},{"exitCode":0}]}]}`)},
			`DescribeTasks {"cluster":"c","tasks":["a"]}`, `{"LastStatus":"STOPPED","StoppedAt":1500,"Containers":[{"ExitCode":0},{"ExitCode":0}]}`, "", `StopTask {"cluster":"c","task":"a","reason":"The Task`},
		{"ecs:runTask.sync", "ecs", `{"TaskDefinition":"t"}`, `{"Tasks":[{"TaskArn":"a"}]}`, []answer{ok(`{"tasks":[{"lastStatus":"STOPPED","containers":[{"exitCode":0},{"exitCode":1}]}]}`)},
			`DescribeTasks {"tasks":["a"]}`, `{"LastStatus":"STOPPED","Containers":[{"ExitCode":0},{"ExitCode":1}]}`, sfn.ErrorTaskFailed, ""},
		{"glue:startJobRun.sync", "glue", `{"JobName":"g"}`, `{"JobRunId":"1"}`, []answer{ok(`{"JobRun":{"JobRunState":"STOPPED"}}`)}, `GetJobRun {"JobName":"g","RunId":"1"}`, `{"JobRunState":"STOPPED"}`, sfn.ErrorTaskFailed,
			`BatchStopJobRun {"JobName":"g","JobRunIds":["1"]}`},
		{"athena:startQueryExecution.sync", "athena", `{"QueryString":"s"}`, `{"QueryExecutionId":"q"}`, []answer{ok(`{"QueryExecution":{"Status":{"State":"SUCCEEDED"}}}`)}, `GetQueryExecution {"QueryExecutionId":"q"}`,
			`{"QueryExecution":{"Status":{"State":"SUCCEEDED"}}}`, "", `StopQueryExecution {"QueryExecutionId":"q"}`},
		{"codebuild:startBuild.sync", "codebuild", `{"ProjectName":"p"}`, `{"Build":{"Id":"p:1"}}`, []answer{ok(`{"builds":[{"buildStatus":"IN_PROGRESS"}]}`), ok(`{"builds":[{"buildStatus":"SUCCEEDED"}]}`)}, `BatchGetBuilds {"ids":["p:1"]}`,
			`{"Build":{"BuildStatus":"SUCCEEDED"}}`, "", `StopBuild {"id":"p:1"}`},
		{"eks:deleteCluster.sync", "eks", `{"Name":"c"}`, `{"Cluster":{"Name":"c"},"SdkHttpMetadata":{}}`, []answer{ok(`{"cluster":{"status":"DELETING"}}`), answer{404, `{"message":"no"}`, http.Header{"X-Amzn-Errortype": {"ResourceNotFoundException"}}}},
			`GET /clusters/c `, `{"Cluster":{"Name":"c"}}`, "", ""},
		{"sagemaker:createTrainingJob.sync", "sagemaker", `{"TrainingJobName":"t"}`, `{"TrainingJobArn":"a"}`, []answer{refused(400, `{"__type":"ThrottlingException"}`), ok(`{"TrainingJobStatus":"Completed"}`)}, `DescribeTrainingJob {"TrainingJobName":"t"}`,
			`{"TrainingJobStatus":"Completed"}`, "", `StopTrainingJob {"TrainingJobName":"t"}`},
		{"glue:startJobRun.sync", "glue", `{"JobName":"g"}`, `{"JobRunId":"1"}`, []answer{refused(400, `{"__type":"EntityNotFoundException","message":"no"}`)}, `GetJobRun {"JobName":"g","RunId":"1"}`, "no (Service: AWSGlue;", "Glue.EntityNotFoundException", ""},
	} {
		t.Run(tt.resource, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: tt.answers}
				catalog := catalogOf(t, s, tt.service)
				call := callOf(t, tt.resource, tt.parameters)
				times := len(tt.answers)
				output, failure := catalog.AwaitJob(t.Context(), call, value.RecordedData(tt.submitted))
				if len(s.asked) != times || s.asked[0] != tt.asked {
					t.Errorf("asked %q, want %d times %q", s.asked, times, tt.asked)
				}
				got := ""
				if failure != nil {
					got = failure.Cause.Text
				} else {
					got = output.Text()
				}
				if (failure != nil) != (tt.failure != "") || failure != nil && failure.Name() != tt.failure || !strings.HasPrefix(got, tt.output) {
					t.Errorf("%v %s, want %s %s", failure, got, tt.failure, tt.output)
				}
				s.asked, s.answers = nil, []answer{ok(`{}`)}
				if err := catalog.StopJob(t.Context(), call, value.RecordedData(tt.submitted)); err != nil {
					t.Error(err)
				}
				if tt.stopped != "" && (len(s.asked) != 1 || !strings.HasPrefix(s.asked[0], tt.stopped)) {
					t.Errorf("stopped with %q, want %q", s.asked, tt.stopped)
				}
			})
		})
	}
}

// TestJobIsAwaitedAsLongAsSomebodyWaits ends the wait, not the job.
func TestJobIsAwaitedAsLongAsSomebodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{ok(`{"JobRun":{"JobRunState":"RUNNING"}}`)}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan *sfn.Failure)
		go func() {
			_, failure := catalogOf(t, s, "glue").AwaitJob(ctx, callOf(t, "glue:startJobRun.sync", `{"JobName":"g"}`), value.RecordedData(`{"JobRunId":"1"}`))
			done <- failure
		}()
		synctest.Wait()
		cancel()
		if failure := <-done; failure == nil {
			t.Error("a job that runs has ended")
		}
	})
}

func TestCredentials(t *testing.T) {
	s := &script{answers: []answer{ok(`{"MessageId":"m"}`)}}
	routes, _ := awsclient.NewRoutes(nil)
	routes.Embed(s, "sqs")
	catalog := task.NewCatalog(task.Config{Functions: &functions{}, Routes: routes, MayAssume: func(role, target string) bool { return role == "mine" && target == "theirs" }})
	for _, tt := range []struct{ role, assumed, cause string }{
		{"mine", "", ""}, {"mine", "theirs", ""}, {"other", "", ""},
		{"other", "theirs", "The role other is not authorized to assume the task state's role, theirs."},
	} {
		call := callOf(t, "sqs:sendMessage", `{"QueueUrl":"q","MessageBody":"b"}`)
		call.RoleARN, call.Assumed = tt.role, tt.assumed
		_, failure := catalog.Perform(t.Context(), call)
		if (failure == nil) != (tt.cause == "") || failure != nil && (failure.Name() != sfn.ErrorTaskFailed || failure.Cause.Text != tt.cause) {
			t.Errorf("%s assumes %s: %v, want %q", tt.role, tt.assumed, failure, tt.cause)
		}
	}
}

// TestLookedUpByName finds an id on the second page and uses it.
func TestLookedUpByName(t *testing.T) {
	for _, tt := range []struct{ api, parameters, list, sent string }{
		{"modifyInstanceFleetByName", `{"ClusterId":"j","InstanceFleetName":"n","InstanceFleet":{"TargetSpotCapacity":2}}`, "InstanceFleets", `ModifyInstanceFleet {"ClusterId":"j","InstanceFleet":{"InstanceFleetId":"i-2","TargetSpotCapacity":2}}`},
		{"modifyInstanceGroupByName", `{"ClusterId":"j","InstanceGroupName":"n","InstanceGroup":{"InstanceCount":2}}`, "InstanceGroups", `ModifyInstanceGroups {"ClusterId":"j","InstanceGroups":[{"InstanceGroupId":"i-2","InstanceCount":2}]}`},
	} {
		s := &script{answers: []answer{ok(`{"` + tt.list + `":[{"Id":"i-1","Name":"m"}],"Marker":"2"}`), ok(`{"` + tt.list + `":[{"Id":"i-2","Name":"n"}]}`), ok(``)}}
		_, failure := catalogOf(t, s, "emr").Perform(t.Context(), callOf(t, "elasticmapreduce:"+tt.api, tt.parameters))
		if failure != nil || len(s.asked) != 3 || !strings.HasSuffix(s.asked[1], `"Marker":"2"}`) || s.asked[2] != tt.sent {
			t.Errorf("%s: %v, asked %q\nwant %q", tt.api, failure, s.asked, tt.sent)
		}
	}
}

func TestSupports(t *testing.T) {
	catalog := catalogOf(t, http.NotFoundHandler(), "sqs", "ecs")
	for arn, want := range map[string]bool{
		"sqs:sendMessage": true, "aws-sdk:sqs:receiveMessage": true, "ecs:runTask.sync": true, "lambda:invoke": true, "http:invoke": true, "sns:publish": false, "aws-sdk:ssm:getParameter": false,
	} {
		if got := catalog.Supports(resource(t, "arn:aws:states:::"+arn)); got != want {
			t.Errorf("%s: %v", arn, got)
		}
	}
}

func ExampleCatalog_Perform() {
	front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, `{"SecretList":[]}`) })
	server := httptest.NewServer(front)
	defer server.Close()
	routes, err := awsclient.NewRoutes([]string{"secretsmanager=" + server.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	catalog := task.NewCatalog(task.Config{Routes: routes})
	r, _ := asl.ParseResource("arn:aws:states:::aws-sdk:secretsmanager:listSecrets")
	output, failure := catalog.Perform(context.Background(), task.Call{Resource: r, Parameters: value.RecordedData(`{}`), Execution: execution})
	fmt.Println(output.Text(), failure == nil)
	// Output: {"SecretList":[]} true
}

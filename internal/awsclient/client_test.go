package awsclient_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// asked is a request as the upstream saw it.
type asked struct {
	*http.Request
	body string
}

// upstream answers every request with the same and keeps what it was asked.
type upstream struct {
	status int
	header map[string]string
	body   string
	asked  asked
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	u.asked = asked{r, string(body)}
	for name, v := range u.header {
		w.Header().Set(name, v)
	}
	if u.status == 0 {
		u.status = http.StatusOK
	}
	w.WriteHeader(u.status)
	_, _ = w.Write([]byte(u.body))
}

// hermetic keeps the user's own AWS configuration out of the test.
func hermetic(t *testing.T) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_SESSION_TOKEN", "")
	t.Setenv("AWS_PROFILE", "")
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/config")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/credentials")
}

func serve(t *testing.T, u *upstream) (*awsclient.Client, string) {
	t.Helper()
	server := httptest.NewServer(u)
	t.Cleanup(server.Close)
	routes, err := awsclient.NewRoutes([]string{server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return awsclient.New(routes), server.URL
}

func call(t *testing.T, models *awsmodel.Models, service, api, input string) awsclient.Call {
	t.Helper()
	s, ok := models.Service(service)
	if !ok {
		t.Fatalf("no service %s", service)
	}
	o, ok := s.Operation(api)
	if !ok {
		t.Fatalf("%s has no operation %s", service, api)
	}
	v, err := value.Parse(input)
	if err != nil {
		t.Fatal(err)
	}
	if problems := o.Input.Problems(v); len(problems) > 0 {
		t.Fatalf("input %s: %s", input, problems)
	}
	return awsclient.Call{Service: s, Operation: o, Input: v.(*value.Object), Region: "us-east-1"}
}

// TestProtocols sends one or more inputs in every protocol and reads answers: what was sent is METHOD URI BODY, without what signatures add.
func TestProtocols(t *testing.T) {
	hermetic(t)
	models := awsmodel.New()
	for _, tt := range []struct{ name, service, api, input, sent, answer, output string }{
		{"json 1.0", "dynamodb", "getItem", `{"TableName":"t","Key":{"id":{"S":"a"}}}`, `POST / {"TableName":"t","Key":{"id":{"S":"a"}}}`,
			`{"Item":{"id":{"S":"a"},"n":{"N":"1"},"raw":{"B":"/wA="}},"Unknown":1}`, `{"Item":{"id":{"S":"a"},"n":{"N":"1"},"raw":{"B":"/wA="}}}`},
		{"names are the service's", "sfn", "startExecution", `{"StateMachineArn":"m","Input":{"a": 1}}`, `POST / {"stateMachineArn":"m","input":"{\"a\":1}"}`,
			`{"executionArn":"e","startDate":1.720774800424E9}`, `{"ExecutionArn":"e","StartDate":"2024-07-12T09:00:00.424Z"}`},
		{"json 1.1", "ecs", "describeTasks", `{"Cluster":"c","Tasks":["t"]}`, `POST / {"cluster":"c","tasks":["t"]}`,
			`{"tasks":[{"taskArn":"t","createdAt":1720774800,"containers":[{"exitCode":0}]}],"failures":[]}`,
			`{"Tasks":[{"TaskArn":"t","CreatedAt":"2024-07-12T09:00:00Z","Containers":[{"ExitCode":0}]}],"Failures":[]}`},
		{"blobs are texts", "kinesis", "putRecord", `{"StreamName":"s","Data":"hello","PartitionKey":"p"}`, `POST / {"StreamName":"s","Data":"aGVsbG8=","PartitionKey":"p"}`, `{"ShardId":"1"}`, `{"ShardId":"1"}`},
		{"or base64 of what is no text", "kms", "decrypt", `{"CiphertextBlob":"/wA="}`, `POST / {"CiphertextBlob":"/wA="}`, `{"Plaintext":"aGVsbG8="}`, `{"Plaintext":"hello"}`},
		{"timestamps", "cloudwatchlogs", "putLogEvents", `{"LogGroupName":"g","LogStreamName":"s","LogEvents":[{"Timestamp":5,"Message":"m"}]}`,
			`POST / {"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":5,"message":"m"}]}`, `{}`, `{}`},
		{"rest-json path, query and body", "lambda", "invoke", `{"FunctionName":"arn:f","Qualifier":"a b","Payload":{"x":1}}`,
			`POST /2015-03-31/functions/arn:f/invocations?Qualifier=a%20b {"x":1}`, `{"y":2}`, `{"StatusCode":200,"Payload":"{\"y\":2}"}`},
		{"rest-json body", "batch", "submitJob", `{"JobName":"j","JobQueue":"q","JobDefinition":"d","Parameters":{"k":"v"}}`,
			`POST /v1/submitjob {"jobName":"j","jobQueue":"q","jobDefinition":"d","parameters":{"k":"v"}}`, `{"jobArn":"a","jobName":"j","jobId":"1"}`, `{"JobArn":"a","JobName":"j","JobId":"1"}`},
		{"rest-json lists in the query", "resourcegroupstaggingapi", "getTagKeys", `{}`, `POST / {}`, `{"TagKeys":["a"]}`, `{"TagKeys":["a"]}`},
		{"rest-xml greedy path", "s3", "getObject", `{"Bucket":"b","Key":"a/b c+d.json"}`, `GET /b/a/b%20c%2Bd.json `, `hello`, `{"ContentLength":5,"Metadata":{},"Body":"hello"}`},
		{"rest-xml body is a blob", "s3", "putObject", `{"Bucket":"b","Key":"k","Body":["List"],"Metadata":{"m":"1"}}`, `PUT /b/k ["List"]`, ``, `{}`},
		{"rest-xml query", "s3", "listObjectsV2", `{"Bucket":"b","Prefix":"p/"}`, `GET /b?list-type=2&prefix=p%2F `,
			`<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated><Contents><Key>p/1</Key><Size>3</Size><LastModified>2024-07-12T09:00:00.000Z</LastModified></Contents><Contents><Key>p/2</Key></Contents></ListBucketResult>`,
			`{"IsTruncated":false,"Contents":[{"Key":"p/1","LastModified":"2024-07-12T09:00:00Z","Size":3},{"Key":"p/2"}]}`},
		{"rest-xml body", "s3", "deleteObjects", `{"Bucket":"b","Delete":{"Objects":[{"Key":"a&b"},{"Key":"c"}]}}`,
			`POST /b?delete= <Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a&amp;b</Key></Object><Object><Key>c</Key></Object></Delete>`,
			`<DeleteResult><Deleted><Key>c</Key></Deleted></DeleteResult>`, `{"Deleted":[{"Key":"c"}]}`},
		{"query", "sns", "publish", `{"TopicArn":"t","Message":{"a":1},"MessageAttributes":{"k":{"DataType":"String","StringValue":"v"}}}`,
			`POST / Action=Publish&Message=%7B%22a%22%3A1%7D&MessageAttributes.entry.1.Name=k&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=v&TopicArn=t&Version=2010-03-31`,
			`<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m</MessageId></PublishResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>`,
			`{"MessageId":"m"}`},
		{"query lists", "autoscaling", "describeAutoScalingGroups", `{"AutoScalingGroupNames":["a","b"]}`,
			`POST / Action=DescribeAutoScalingGroups&AutoScalingGroupNames.member.1=a&AutoScalingGroupNames.member.2=b&Version=2011-01-01`,
			`<R><DescribeAutoScalingGroupsResult><AutoScalingGroups><member><AutoScalingGroupName>a</AutoScalingGroupName><MinSize>1</MinSize></member></AutoScalingGroups></DescribeAutoScalingGroupsResult></R>`,
			`{"AutoScalingGroups":[{"AutoScalingGroupName":"a","MinSize":1}]}`},
		{"ec2", "ec2", "describeInstances", `{"InstanceIds":["i-1"],"Filters":[{"Name":"n","Values":["v","w"]}],"DryRun":true}`,
			`POST / Action=DescribeInstances&DryRun=true&Filter.1.Name=n&Filter.1.Value.1=v&Filter.1.Value.2=w&InstanceId.1=i-1&Version=2016-11-15`,
			`<DescribeInstancesResponse><requestId>r</requestId><reservationSet><item><reservationId>r-1</reservationId><instancesSet><item><instanceId>i-1</instanceId><ebsOptimized>true</ebsOptimized></item></instancesSet></item></reservationSet></DescribeInstancesResponse>`,
			`{"Reservations":[{"ReservationId":"r-1","Instances":[{"EbsOptimized":true,"InstanceId":"i-1"}]}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := &upstream{body: tt.answer, header: map[string]string{"Content-Type": ""}}
			client, _ := serve(t, u)
			response, err := client.Do(t.Context(), call(t, models, tt.service, tt.api, tt.input))
			if err != nil {
				t.Fatal(err)
			}
			sent := u.asked.Method + " " + u.asked.URL.RequestURI() + " " + u.asked.body
			if sent != tt.sent {
				t.Errorf("sent %s\nwant %s", sent, tt.sent)
			}
			if got := value.Text(response.Output); got != tt.output {
				t.Errorf("output %s\nwant   %s", got, tt.output)
			}
			signature := u.asked.Header.Get("Authorization")
			if s := response; s.Status != 200 || !strings.Contains(signature, "AKIDTEST/") || !strings.Contains(signature, "/us-east-1/") {
				t.Errorf("status %d, signed %s", s.Status, signature)
			}
		})
	}
}

// TestCBOR holds the CBOR protocol to a request and an answer written by hand.
func TestCBOR(t *testing.T) {
	hermetic(t)
	models := awsmodel.New()
	s, _ := models.Service("eventbridgev2")
	if s == nil || s.Protocol != awsmodel.CBOR {
		t.Fatal("the service does not speak CBOR")
	}
	text, number := &awsmodel.Shape{Kind: awsmodel.String}, &awsmodel.Shape{Kind: awsmodel.Long}
	shape := awsmodel.NewStructure(awsmodel.Member{Name: "A", Shape: text}, awsmodel.Member{Name: "N", Shape: number},
		awsmodel.Member{Name: "B", Shape: &awsmodel.Shape{Kind: awsmodel.Blob}}, awsmodel.Member{Name: "T", Shape: &awsmodel.Shape{Kind: awsmodel.Timestamp}},
		awsmodel.Member{Name: "L", Shape: &awsmodel.Shape{Kind: awsmodel.List, Elem: number}}, awsmodel.Member{Name: "F", Shape: &awsmodel.Shape{Kind: awsmodel.Double}})
	operation := &awsmodel.Operation{Name: "Op", Method: "POST", URI: "/", Input: shape, Output: shape}
	for _, tt := range []struct{ input, sent, answer, output string }{
		{`{"A":"x","N":-500}`, "a26141617861" + "4e3901f3", "bf61416178614e3901f3ff", `{"A":"x","N":-500}`},
		{`{"B":"hi","L":[1,24]}`, "a26142426869614c8201" + "1818", "a26142426869614c9f011818ff", `{"B":"hi","L":[1,24]}`},
		{`{"F":1.5,"T":1000}`, "a26154c1fb408f4000000000006146fb3ff8000000000000", "a26154c11903e86146fa3fc00000", `{"T":"1970-01-01T00:16:40Z","F":1.5}`},
	} {
		answer, err := hex.DecodeString(tt.answer)
		if err != nil {
			t.Fatal(err)
		}
		u := &upstream{body: string(answer)}
		client, _ := serve(t, u)
		in, _ := value.Parse(tt.input)
		response, err := client.Do(t.Context(), awsclient.Call{Service: s, Operation: operation, Input: in.(*value.Object), Region: "us-east-1"})
		if err != nil {
			t.Errorf("%s: %s", tt.input, err)
			continue
		}
		if got := hex.EncodeToString([]byte(u.asked.body)); got != tt.sent {
			t.Errorf("%s: sent %s, want %s", tt.input, got, tt.sent)
		}
		if got := value.Text(response.Output); got != tt.output {
			t.Errorf("%s: output %s, want %s", tt.input, got, tt.output)
		}
		if u.asked.URL.Path != "/service/"+s.Target+"/operation/Op" || u.asked.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
			t.Errorf("asked %s", u.asked.URL.Path)
		}
	}
}

func TestErrors(t *testing.T) {
	hermetic(t)
	models := awsmodel.New()
	for _, tt := range []struct {
		name, service, api, input string
		upstream                  upstream
		want                      awsclient.Error
	}{
		{"json with a namespace", "sfn", "stopExecution", `{"ExecutionArn":"e"}`, upstream{status: 400, body: `{"__type":"com.amazonaws.swf.service.v2.model#InvalidArn","message":"no"}`, header: map[string]string{"x-amzn-RequestId": "r"}},
			awsclient.Error{Code: "InvalidArn", Message: "no", Status: 400, RequestID: "r"}},
		{"json, code of the query protocol", "sqs", "sendMessage", `{"QueueUrl":"q","MessageBody":"m"}`, upstream{status: 400, body: `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"}`, header: map[string]string{"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}},
			awsclient.Error{Code: "QueueDoesNotExist", QueryCode: "AWS.SimpleQueueService.NonExistentQueue", Message: "no", Status: 400}},
		{"rest-json in a header", "lambda", "getFunction", `{"FunctionName":"f"}`, upstream{status: 404, body: `{"Type":"User","Message":"no"}`, header: map[string]string{"X-Amzn-ErrorType": "ResourceNotFoundException:http://x"}},
			awsclient.Error{Code: "ResourceNotFoundException", Message: "no", Status: 404}},
		{"S3", "s3", "getObject", `{"Bucket":"b","Key":"k"}`, upstream{status: 404, body: `<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>no</Message><RequestId>r</RequestId><HostId>h</HostId></Error>`},
			awsclient.Error{Code: "NoSuchKey", Message: "no", Status: 404, RequestID: "r", ExtendedRequestID: "h"}},
		{"S3 without a body", "s3", "headObject", `{"Bucket":"b","Key":"k"}`, upstream{status: 404}, awsclient.Error{Code: "NotFound", Message: "null", Status: 404}},
		{"query", "sns", "publish", `{"Message":"m"}`, upstream{status: 404, body: `<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>`},
			awsclient.Error{Code: "NotFound", Message: "no", Status: 404, RequestID: "r"}},
		{"ec2", "ec2", "describeInstances", `{}`, upstream{status: 400, body: `<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code><Message>no</Message></Error></Errors><RequestID>r</RequestID></Response>`},
			awsclient.Error{Code: "InvalidInstanceID.NotFound", Message: "no", Status: 400, RequestID: "r"}},
		{"not from AWS at all", "dynamodb", "listTables", `{}`, upstream{status: 502, body: `<html>Bad Gateway</html>`}, awsclient.Error{Code: "BadGateway", Message: "null", Status: 502}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, _ := serve(t, &tt.upstream)
			_, err := client.Do(t.Context(), call(t, models, tt.service, tt.api, tt.input))
			var got *awsclient.Error
			if !errors.As(err, &got) || *got != tt.want {
				t.Errorf("%+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// TestOracle sends the same requests with AWS's own clients and compares what arrives.
func TestOracle(t *testing.T) {
	hermetic(t)
	models := awsmodel.New()
	cfg := aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKIDTEST", "secret", "")}
	for _, tt := range []struct {
		name, service, api, input string
		answer                    string
		ask                       func(ctx context.Context, endpoint string) error
	}{
		{"json", "sfn", "startExecution", `{"StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:m","Input":"{}","Name":"ä"}`, `{}`, func(ctx context.Context, endpoint string) error {
			c := sfn.NewFromConfig(cfg, func(o *sfn.Options) { o.BaseEndpoint = &endpoint })
			_, err := c.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: aws.String("arn:aws:states:us-east-1:000000000000:stateMachine:m"), Input: aws.String("{}"), Name: aws.String("ä")})
			return err
		}},
		{"query", "sts", "assumeRole", `{"RoleArn":"arn:aws:iam::000000000000:role/r","RoleSessionName":"s s","DurationSeconds":900,"TransitiveTagKeys":["a","b"]}`,
			`<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>`, func(ctx context.Context, endpoint string) error {
				c := sts.NewFromConfig(cfg, func(o *sts.Options) { o.BaseEndpoint = &endpoint })
				_, err := c.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::000000000000:role/r"), RoleSessionName: aws.String("s s"), DurationSeconds: aws.Int32(900), TransitiveTagKeys: []string{"a", "b"}})
				return err
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := &upstream{body: tt.answer}
			client, endpoint := serve(t, u)
			if err := tt.ask(t.Context(), endpoint); err != nil {
				t.Fatal(err)
			}
			theirs := u.asked
			if _, err := client.Do(t.Context(), call(t, models, tt.service, tt.api, tt.input)); err != nil {
				t.Fatal(err)
			}
			ours := u.asked
			if body(t, ours) != body(t, theirs) || ours.Method != theirs.Method || ours.URL.Path != theirs.URL.Path ||
				ours.Header.Get("X-Amz-Target") != theirs.Header.Get("X-Amz-Target") {
				t.Errorf("ours   %s %s %s\ntheirs %s %s %s", ours.Method, ours.URL, body(t, ours), theirs.Method, theirs.URL, body(t, theirs))
			}
		})
	}
}

// body is the request's body without regard to the order of its members.
func body(t *testing.T, a asked) string {
	t.Helper()
	if form, err := url.ParseQuery(a.body); err == nil && form.Has("Action") {
		return form.Encode()
	}
	var members map[string]any
	if err := json.Unmarshal([]byte(a.body), &members); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(sorted)
}

func TestRoutes(t *testing.T) {
	for _, tt := range []struct{ upstream, fault string }{
		{"http://localhost:4566", ""}, {"aws", ""}, {"sqs=http://localhost:9324", ""}, {"sqs=aws", ""}, {"http://localhost:4566/base", ""},
		{"localhost:4566", "want a URL"}, {"ftp://x", "want a URL"}, {"nope=http://x", `no service "nope"`}, {"", "want a URL"}, {"http://x?a=b", "want a URL"},
	} {
		_, err := awsclient.NewRoutes([]string{tt.upstream})
		if (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%q: %v, want %q", tt.upstream, err, tt.fault)
		}
	}
}

// TestWhoServes holds the order of the routes: a service's own upstream, this process, the upstream of all.
func TestWhoServes(t *testing.T) {
	hermetic(t)
	models := awsmodel.New()
	all, own, here := &upstream{body: `{}`}, &upstream{body: `{}`}, &upstream{body: `{}`}
	allServer, ownServer := httptest.NewServer(all), httptest.NewServer(own)
	defer allServer.Close()
	defer ownServer.Close()
	routes, err := awsclient.NewRoutes([]string{allServer.URL + "/base/", "sqs=" + ownServer.URL})
	if err != nil {
		t.Fatal(err)
	}
	routes.Embed(here, "sfn", "sqs")
	client := awsclient.New(routes)
	for _, tt := range []struct {
		service, api, input string
		who                 *upstream
		path                string
	}{
		{"dynamodb", "listTables", `{}`, all, "/base/"}, {"sqs", "listQueues", `{}`, own, "/"}, {"sfn", "listStateMachines", `{}`, here, "/"},
		{"batch", "listJobs", `{}`, all, "/base/v1/listjobs"},
	} {
		if _, err := client.Do(t.Context(), call(t, models, tt.service, tt.api, tt.input)); err != nil {
			t.Errorf("%s: %s", tt.service, err)
			continue
		}
		if tt.who.asked.Request == nil || tt.who.asked.URL.Path != tt.path {
			t.Errorf("%s: asked %+v, want the path %s", tt.service, tt.who.asked.URL, tt.path)
		}
	}
}

func TestNobodyServes(t *testing.T) {
	routes, _ := awsclient.NewRoutes(nil)
	client := awsclient.New(routes)
	_, err := client.Do(t.Context(), call(t, awsmodel.New(), "sqs", "listQueues", `{}`))
	var nobody *awsclient.NotServedError
	if !errors.As(err, &nobody) || !strings.Contains(err.Error(), "--upstream URL") {
		t.Errorf("%v", err)
	}
	if client.Serves("sqs") {
		t.Error("it is said to be served")
	}
}

func TestUnreachable(t *testing.T) {
	hermetic(t)
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	routes, _ := awsclient.NewRoutes([]string{server.URL})
	_, err := awsclient.New(routes).Do(t.Context(), call(t, awsmodel.New(), "sqs", "listQueues", `{}`))
	if err == nil || !strings.HasPrefix(err.Error(), "Unable to execute HTTP request: ") {
		t.Errorf("%v", err)
	}
}

func TestTooLarge(t *testing.T) {
	hermetic(t)
	huge := &upstream{body: strings.Repeat(" ", 9<<20)}
	client, _ := serve(t, huge)
	if _, err := client.Do(t.Context(), call(t, awsmodel.New(), "sqs", "listQueues", `{}`)); !errors.Is(err, awsclient.ErrTooLarge) {
		t.Errorf("upstream: %v", err)
	}
	routes, _ := awsclient.NewRoutes(nil)
	routes.Embed(huge, "sqs")
	if _, err := awsclient.New(routes).Do(t.Context(), call(t, awsmodel.New(), "sqs", "listQueues", `{}`)); !errors.Is(err, awsclient.ErrTooLarge) {
		t.Errorf("in memory: %v", err)
	}
}

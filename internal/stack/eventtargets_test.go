package stack_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/await"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/sqs"
	"github.com/tutti-run/tutti/internal/stack"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
)

// targetTemplate has a rule of a bus of its own behind one of the default bus, API destinations with every kind of connection, and a queue for what fails.
const targetTemplate = `{"Parameters":{"URL":{"Type":"String"}},"Resources":{
	"Dead":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"dead"}},
	"Bus":{"Type":"AWS::Events::EventBus","Properties":{"Name":"shop"}},
	"Basic":{"Type":"AWS::Events::Connection","Properties":{"AuthorizationType":"BASIC","AuthParameters":{
		"BasicAuthParameters":{"Username":"ada","Password":"secret"},
		"InvocationHttpParameters":{"HeaderParameters":[{"Key":"X-From","Value":"tutti"}],"QueryStringParameters":[{"Key":"q","Value":"1"}],"BodyParameters":[{"Key":"by","Value":"me"}]}}}},
	"Key":{"Type":"AWS::Events::Connection","Properties":{"AuthorizationType":"API_KEY","AuthParameters":{"ApiKeyAuthParameters":{"ApiKeyName":"X-Key","ApiKeyValue":"k"}}}},
	"OAuth":{"Type":"AWS::Events::Connection","Properties":{"AuthorizationType":"OAUTH_CLIENT_CREDENTIALS","AuthParameters":{"OAuthParameters":{
		"AuthorizationEndpoint":{"Fn::Sub":"${URL}/token"},"HttpMethod":"POST","ClientParameters":{"ClientID":"id","ClientSecret":"s"}}}}},
	"Orders":{"Type":"AWS::Events::ApiDestination","Properties":{"ConnectionArn":{"Fn::GetAtt":["Basic","Arn"]},"HttpMethod":"POST","InvocationEndpoint":{"Fn::Sub":"${URL}/orders/*"}}},
	"Stock":{"Type":"AWS::Events::ApiDestination","Properties":{"ConnectionArn":{"Fn::GetAtt":["Key","Arn"]},"HttpMethod":"PUT","InvocationEndpoint":{"Fn::Sub":"${URL}/stock"}}},
	"Mail":{"Type":"AWS::Events::ApiDestination","Properties":{"ConnectionArn":{"Fn::GetAtt":["OAuth","Arn"]},"HttpMethod":"POST","InvocationEndpoint":{"Fn::Sub":"${URL}/mail"}}},
	"Gone":{"Type":"AWS::Events::ApiDestination","Properties":{"ConnectionArn":{"Fn::GetAtt":["Key","Arn"]},"HttpMethod":"POST","InvocationEndpoint":{"Fn::Sub":"${URL}/gone"}}},
	"Forward":{"Type":"AWS::Events::Rule","Properties":{"EventPattern":{"source":["shop"]},"Targets":[{"Id":"bus","Arn":{"Fn::GetAtt":["Bus","Arn"]}}]}},
	"Rule":{"Type":"AWS::Events::Rule","Properties":{"Name":"all","EventBusName":{"Ref":"Bus"},"EventPattern":{"detail-type":["Order"]},"Targets":[
		{"Id":"1","Arn":{"Fn::GetAtt":["Orders","Arn"]},"InputPath":"$.detail","HttpParameters":{"PathParameterValues":["$.detail.id"],"HeaderParameters":{"X-Source":"$.source"},"QueryStringParameters":{"p":"2"}}},
		{"Id":"2","Arn":{"Fn::GetAtt":["Stock","Arn"]},"Input":"[]"},
		{"Id":"3","Arn":{"Fn::GetAtt":["Mail","Arn"]},"Input":"{}"},
		{"Id":"4","Arn":{"Fn::GetAtt":["Gone","Arn"]},"Input":"{\"n\":4}","DeadLetterConfig":{"Arn":{"Fn::GetAtt":["Dead","Arn"]}}}]}}}}`

// shopAPI notes requests in a line each; the first one for mail finds it overloaded.
type shopAPI struct {
	mu    sync.Mutex
	lines []string
	mails int
}

func (a *shopAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch r.URL.Path {
	case "/token":
		form, _ := url.ParseQuery(string(body))
		_, _ = fmt.Fprintf(w, `{"access_token":"t-%s","expires_in":3600}`, form.Get("client_id"))
		return
	case "/mail":
		if a.mails++; a.mails == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
	case "/gone":
		w.WriteHeader(http.StatusGone)
		return
	}
	var heads []string
	for _, name := range []string{"Authorization", "X-Key", "X-From", "X-Source"} {
		if text := r.Header.Get(name); text != "" {
			heads = append(heads, text)
		}
	}
	a.lines = append(a.lines, fmt.Sprint(r.Method, " ", r.URL, " ", strings.Join(heads, ","), " ", string(body)))
}

func (a *shopAPI) got() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(slices.Values(a.lines))
}

// One event on the default bus goes over another bus to APIs with every kind of authorization; what an API refuses for good comes to the dead-letter
// queue.
func TestAPIDestinations(t *testing.T) {
	shop := &shopAPI{}
	server := httptest.NewServer(shop)
	defer server.Close()
	cfg := project(t, map[string]string{"app.template.json": targetTemplate})
	cfg.Parameters = map[string]string{"URL": server.URL}
	s, _ := open(t, cfg)
	if _, err := s.Events().PutEvents([]trigger.EventEntry{{Source: "shop", DetailType: "Order", Detail: `{"id":"a/7"}`}}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`POST /mail Bearer t-id {}`,
		`POST /orders/a%2F7?p=2&q=1 Basic YWRhOnNlY3JldA==,tutti,shop {"id":"a/7","by":"me"}`,
		`PUT /stock k []`,
	}
	await.Nothing(t, func() string {
		if got := shop.got(); !slices.Equal(got, want) {
			return fmt.Sprintf("the API got %q", got)
		}
		return ""
	})
	await.Nothing(t, func() string {
		list, err := s.Queues().ReceiveMessage(t.Context(), "dead", sqs.Receive{})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return "nothing in the dead-letter queue"
		}
		m := list[0]
		if m.Body != `{"n":4}` || m.Attributes["ERROR_CODE"].String != "ERROR_FROM_TARGET" || !strings.HasPrefix(m.Attributes["ERROR_MESSAGE"].String, "the API answered 410 Gone") ||
			m.Attributes["RULE_ARN"].String != "arn:aws:events:us-east-1:000000000000:rule/shop/all" || !strings.Contains(m.Attributes["TARGET_ARN"].String, ":api-destination/") {
			t.Errorf("got %+v", m)
		}
		return ""
	})
}

// An API destination gets no more requests a second than it says, and all in the end.
func TestAPIDestinationRate(t *testing.T) {
	shop := &shopAPI{}
	server := httptest.NewServer(shop)
	defer server.Close()
	s, _ := open(t, project(t, map[string]string{"app.template.json": `{"Resources":{"Q":{"Type":"AWS::SQS::Queue"}}}`}))
	all := s.Events().Destinations()
	_, err1 := all.PutConnection("c", &trigger.Connection{Authorization: "API_KEY", Parameters: []byte(`{"ApiKeyAuthParameters":{"ApiKeyName":"X-Key","ApiKeyValue":"k"}}`)}, nil)
	d, err2 := all.PutDestination("d", &trigger.Destination{Connection: "c", Endpoint: server.URL + "/x", Method: "POST", Rate: 20}, nil)
	err3 := s.Events().PutRule(trigger.Rule{Bus: "default", Name: "r", Pattern: `{"source":["shop"]}`})
	err4 := s.Events().PutTargets("default", "r", []trigger.Target{{ID: "1", ARN: all.ARN(&d), Input: "1"}})
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	for range 3 {
		entries := slices.Repeat([]trigger.EventEntry{{Source: "shop", DetailType: "x", Detail: "{}"}}, 10)
		if _, err := s.Events().PutEvents(entries); err != nil {
			t.Fatal(err)
		}
	}
	await.Nothing(t, func() string {
		if got := len(shop.got()); got != 30 {
			return fmt.Sprintf("%d requests", got)
		}
		return ""
	})
	// Twenty at once, then twenty a second.
	if took := time.Since(began); took < 400*time.Millisecond {
		t.Errorf("30 requests at 20 a second took %v", took)
	}
}

// objectRequests returns a function that sends requests to the stack's buckets.
func objectRequests(t *testing.T, s *stack.Stack) func(method, path, body string) {
	server := httptest.NewServer(s.S3())
	t.Cleanup(server.Close)
	return func(method, path, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = w.Body.Close()
		if w.StatusCode >= 300 {
			t.Fatalf("%s %s: %s", method, path, w.Status)
		}
	}
}

// What happens to objects comes to rules as events of S3, in AWS's shape; another bucket tells nothing.
func TestObjectEvents(t *testing.T) {
	s, _ := open(t, project(t, map[string]string{"app.template.json": `{"Resources":{
		"Inbox":{"Type":"AWS::S3::Bucket","Properties":{"BucketName":"inbox","NotificationConfiguration":{"EventBridgeConfiguration":{"EventBridgeEnabled":true}}}},
		"Other":{"Type":"AWS::S3::Bucket","Properties":{"BucketName":"other"}},
		"Queue":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"q"}},
		"Rule":{"Type":"AWS::Events::Rule","Properties":{"EventPattern":{"source":["aws.s3"],"detail":{"object":{"key":[{"prefix":"in/"}]}}},
			"Targets":[{"Id":"q","Arn":{"Fn::GetAtt":["Queue","Arn"]}}]}}}}`}))
	send := objectRequests(t, s)
	send("PUT", "/other/in/a", "hello")
	send("PUT", "/inbox/in/a", "hello")
	send("PUT", "/inbox/out/a", "hello")
	send("DELETE", "/inbox/in/a", "")
	var got []string
	await.Nothing(t, func() string {
		list, err := s.Queues().ReceiveMessage(t.Context(), "q", sqs.Receive{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			got = append(got, m.Body)
		}
		if len(got) < 2 {
			return fmt.Sprintf("got %q", got)
		}
		return ""
	})
	slices.Sort(got)
	blank := regexp.MustCompile(`"(id|time|sequencer|request-id)":"[^"]+"`)
	want := []string{
		`{"version":"0",ID,"detail-type":"Object Created","source":"aws.s3","account":"000000000000",TIME,"region":"us-east-1","resources":["arn:aws:s3:::inbox"],"detail":{"version":"0",` +
			`"bucket":{"name":"inbox"},"object":{"key":"in/a","size":5,"etag":"5d41402abc4b2a76b9719d911017c592",SEQUENCER},REQUEST-ID,"requester":"000000000000","source-ip-address":"127.0.0.1","reason":"PutObject"}}`,
		`{"version":"0",ID,"detail-type":"Object Deleted","source":"aws.s3","account":"000000000000",TIME,"region":"us-east-1","resources":["arn:aws:s3:::inbox"],"detail":{"version":"0",` +
			`"bucket":{"name":"inbox"},"object":{"key":"in/a",SEQUENCER},REQUEST-ID,"requester":"000000000000","source-ip-address":"127.0.0.1","reason":"DeleteObject","deletion-type":"Permanently Deleted"}}`,
	}
	for i, text := range got {
		got[i] = blank.ReplaceAllStringFunc(text, func(m string) string { return strings.ToUpper(strings.Split(m, `"`)[1]) })
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Queues and topics that a template names are told of objects, by CloudFormation's notifications and by CDK's.
func TestObjectNotifications(t *testing.T) {
	s, told := open(t, project(t, map[string]string{"app.template.json": `{"Resources":{
		"Inbox":{"Type":"AWS::S3::Bucket","Properties":{"BucketName":"inbox","NotificationConfiguration":{"QueueConfigurations":[
			{"Event":"s3:ObjectCreated:*","Queue":{"Fn::GetAtt":["Queue","Arn"]},"Filter":{"S3Key":{"Rules":[{"Name":"prefix","Value":"in/"}]}}}]}}},
		"Other":{"Type":"AWS::S3::Bucket","Properties":{"BucketName":"other"}},
		"Told":{"Type":"Custom::S3BucketNotifications","Properties":{"ServiceToken":"x","BucketName":{"Ref":"Other"},"Managed":true,"NotificationConfiguration":{"TopicConfigurations":[
			{"Events":["s3:ObjectRemoved:*"],"TopicArn":{"Ref":"Topic"},"Filter":{"Key":{"FilterRules":[{"Name":"suffix","Value":".txt"}]}}}]}}},
		"Queue":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"q"}},
		"Topic":{"Type":"AWS::SNS::Topic","Properties":{"TopicName":"t","Subscription":[{"Protocol":"sqs","Endpoint":{"Fn::GetAtt":["Queue","Arn"]}}]}}}}`}))
	for _, e := range told.list {
		if e.Kind == stack.NotRunHere {
			t.Errorf("told %s", e.Detail)
		}
	}
	send := objectRequests(t, s)
	send("PUT", "/inbox/in/a", "x")
	send("PUT", "/inbox/out/a", "x")
	send("PUT", "/other/b.txt", "x")
	send("DELETE", "/other/b.txt", "")
	var got []string
	await.Nothing(t, func() string {
		list, err := s.Queues().ReceiveMessage(t.Context(), "q", sqs.Receive{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			got = append(got, m.Body)
		}
		if len(got) < 2 {
			return fmt.Sprintf("got %q", got)
		}
		return ""
	})
	slices.Sort(got)
	for i, want := range [][]string{{`Amazon S3 Notification`, `ObjectRemoved:Delete`, `b.txt`}, {`{"Records":[`, `"eventName":"ObjectCreated:Put"`, `"configurationId":"notification-1"`, `"key":"in/a","size":1`}} {
		for _, part := range want {
			if !strings.Contains(got[i], part) {
				t.Errorf("message %d lacks %s: %s", i, part, got[i])
			}
		}
	}
}

// What became of an asynchronous invocation comes to a bus as an event, and to a queue as a record.
func TestInvocationDestinations(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a function")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	template := filepath.Join(t.TempDir(), "app.template.json")
	err = os.WriteFile(template, []byte(`{"Resources":{
		"F":{"Type":"AWS::Lambda::Function","Metadata":{"tutti:source":"internal/stack/testdata/nothing"},
			"Properties":{"FunctionName":"f","Code":{},"Role":"arn:aws:iam::000000000000:role/r","Runtime":"provided.al2023","Handler":"bootstrap"}},
		"Bus":{"Type":"AWS::Events::EventBus","Properties":{"Name":"outcomes"}},
		"Queue":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"q"}},
		"Config":{"Type":"AWS::Lambda::EventInvokeConfig","Properties":{"FunctionName":{"Ref":"F"},"Qualifier":"$LATEST","DestinationConfig":{"OnSuccess":{"Destination":{"Fn::GetAtt":["Bus","Arn"]}}}}},
		"Rule":{"Type":"AWS::Events::Rule","Properties":{"EventBusName":{"Ref":"Bus"},"EventPattern":{"source":["lambda"]},
			"Targets":[{"Id":"q","Arn":{"Fn::GetAtt":["Queue","Arn"]},"InputTransformer":{"InputPathsMap":{"type":"$.detail-type","condition":"$.detail.requestContext.condition","payload":"$.detail.requestPayload","about":"$.resources[1]"},
				"InputTemplate":"{\"type\": <type>, \"condition\": <condition>, \"payload\": <payload>, \"about\": <about>}"}}]}}}}`), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := open(t, stack.Config{Project: root, Template: template, Data: t.TempDir()})
	if err := s.Lambda().Enqueue(t.Context(), lambda.Invocation{Function: "f", Payload: []byte(`{"n":1}`), RequestID: "r"}); err != nil {
		t.Fatal(err)
	}
	await.Nothing(t, func() string {
		list, err := s.Queues().ReceiveMessage(t.Context(), "q", sqs.Receive{})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return "nothing in the queue"
		}
		if want := `{"type": "Lambda Function Invocation Result - Success", "condition": "Success", "payload": {"n":1}, "about": "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"}`; list[0].Body != want {
			t.Errorf("got  %s\nwant %s", list[0].Body, want)
		}
		return ""
	})
}

// What schedules may invoke: a machine, a function, a queue, and a bus with an event of one's own.
func TestScheduleTargets(t *testing.T) {
	cfg := project(t, map[string]string{"app.template.json": `{"Resources":{
		"M":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"StateMachineName":"m","RoleArn":"arn:aws:iam::000000000000:role/r",
			"DefinitionString":"{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"End\":true}}}"}},
		"Queue":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"q"}},
		"Group":{"Type":"AWS::Scheduler::ScheduleGroup","Properties":{"Name":"g","Tags":[{"Key":"a","Value":"b"}]}},
		"Rule":{"Type":"AWS::Events::Rule","Properties":{"EventPattern":{"source":["clock"]},"Targets":[{"Id":"q","Arn":{"Fn::GetAtt":["Queue","Arn"]},"InputPath":"$.detail"}]}},
		"Starts":{"Type":"AWS::Scheduler::Schedule","Properties":{"GroupName":{"Ref":"Group"},"ScheduleExpression":"rate(1 day)","FlexibleTimeWindow":{"Mode":"OFF"},"Target":{"Arn":{"Ref":"M"},"Input":"{\"to\":\"machine\"}"}}},
		"Sends":{"Type":"AWS::Scheduler::Schedule","Properties":{"ScheduleExpression":"rate(1 day)","FlexibleTimeWindow":{"Mode":"OFF"},"Target":{"Arn":{"Fn::GetAtt":["Queue","Arn"]},"Input":"to queue"}}},
		"Puts":{"Type":"AWS::Scheduler::Schedule","Properties":{"ScheduleExpression":"rate(1 day)","FlexibleTimeWindow":{"Mode":"OFF"},"Target":{"Arn":"arn:aws:events:us-east-1:000000000000:event-bus/default",
			"EventBridgeParameters":{"Source":"clock","DetailType":"Tick"},"Input":"{\"to\":\"bus\"}"}}}}}`})
	s, told := open(t, cfg)
	if group, err := s.Scheduler().Group("g"); err != nil || len(group.Tags) != 1 {
		t.Errorf("group %+v, %v", group, err)
	}
	var got []string
	await.Nothing(t, func() string {
		list, err := s.Queues().ReceiveMessage(t.Context(), "q", sqs.Receive{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			got = append(got, m.Body)
		}
		started, _, err := s.Runner().Executions(store.Filter{MachineARN: s.Place().StateMachineARN("m")})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) < 2 || len(started) != 1 {
			return fmt.Sprintf("the queue got %q, %d executions; told %+v", got, len(started), told.list)
		}
		d, err := s.Runner().Describe(started[0].ARN)
		if err != nil || d.Input != `{"to":"machine"}` {
			t.Errorf("started with %s, %v", d.Input, err)
		}
		return ""
	})
	if slices.Sort(got); !slices.Equal(got, []string{"to queue", `{"to":"bus"}`}) {
		t.Errorf("the queue got %q", got)
	}
	if err := s.Reload(t.Context()); err != nil { // the same again fires nothing
		t.Fatal(err)
	}
	if list, err := s.Queues().ReceiveMessage(t.Context(), "q", sqs.Receive{Patience: 200 * time.Millisecond}); err != nil || len(list) != 0 {
		t.Errorf("a reload sent %+v, %v", list, err)
	}
}

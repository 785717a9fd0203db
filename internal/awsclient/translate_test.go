package awsclient

import (
	"net/http"
	"testing"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// A request that the client writes in another protocol comes to what it writes in JSON, and an answer in another protocol reads as the JSON that it was
// made of.
func TestTranslation(t *testing.T) {
	tests := []struct{ service, operation, request, response string }{
		{"cloudwatch", "putMetricData", `{"Namespace":"N","MetricData":[{"MetricName":"m","Dimensions":[{"Name":"a","Value":"b"}],"Timestamp":1700000000.5,"Values":[1,2.5],"Counts":[1,3],"StorageResolution":1}]}`, `{}`},
		{"cloudwatch", "putMetricAlarm", `{"AlarmName":"A & B","ActionsEnabled":false,"AlarmActions":["x","y"],"EvaluationPeriods":3,"Threshold":0.1,"ComparisonOperator":"GreaterThanThreshold"}`, `{}`},
		{"cloudwatch", "getMetricData", `{"MetricDataQueries":[{"Id":"q","Expression":"a<b"}],"StartTime":1700000000,"EndTime":1700000060}`,
			`{"MetricDataResults":[{"Id":"q","Timestamps":[1700000000,1700000060],"Values":[1,0.25],"StatusCode":"Complete"}],"Messages":[]}`},
		{"sns", "publish", `{"TopicArn":"arn:t","Message":"héllo + %","MessageAttributes":{"k":{"DataType":"Binary","BinaryValue":"AP9h"},"l":{"DataType":"String","StringValue":"v"}}}`, `{"MessageId":"1"}`},
		{"sns", "createTopic", `{"Name":"T","Attributes":{"FifoTopic":"true"},"Tags":[{"Key":"a","Value":""}]}`, `{"TopicArn":"arn:t"}`},
		{"sns", "getTopicAttributes", `{"TopicArn":"arn:t"}`, `{"Attributes":{"DisplayName":"<d>","Owner":"1"}}`},
		{"sqs", "sendMessage", `{"QueueUrl":"http://q/1/n","MessageBody":"b","DelaySeconds":0,"MessageAttributes":{"k":{"StringValue":"v","DataType":"String"}}}`, `{"MD5OfMessageBody":"x","MessageId":"i"}`},
		{"sqs", "sendMessageBatch", `{"QueueUrl":"http://q/1/n","Entries":[{"Id":"a","MessageBody":"1"},{"Id":"b","MessageBody":"2"}]}`,
			`{"Successful":[{"Id":"a","MessageId":"i","MD5OfMessageBody":"x"}],"Failed":[{"Id":"b","SenderFault":true,"Code":"c"}]}`},
		{"sqs", "receiveMessage", `{"QueueUrl":"u","AttributeNames":["All"],"MessageAttributeNames":["a","b"],"MaxNumberOfMessages":10}`,
			`{"Messages":[{"MessageId":"i","Body":"b","Attributes":{"SentTimestamp":"1"},"MessageAttributes":{"k":{"BinaryValue":"AP9h","DataType":"Binary"}}}]}`},
	}
	for _, test := range tests {
		for _, p := range []awsmodel.Protocol{awsmodel.Query, awsmodel.CBOR} {
			t.Run(test.operation+" in "+string(p), func(t *testing.T) {
				model, _ := awsmodel.New().Service(test.service)
				s := *model
				s.Protocol = p
				o, ok := s.Operation(test.operation)
				if !ok {
					t.Fatal("the model has no such operation")
				}
				roundTrip(t, p, &s, o, test.request, test.response)
			})
		}
	}
}

func roundTrip(t *testing.T, p awsmodel.Protocol, s *awsmodel.Service, o *awsmodel.Operation, request, response string) {
	t.Helper()
	in := *o
	if p == awsmodel.Query {
		in.Input, in.Output = queryShape(s, o.Input), queryShape(s, o.Output)
		if in.Wrapper = o.Wrapper; in.Wrapper == "" {
			in.Wrapper = o.Name + "Result"
		}
	}
	d := decoder{service: s}
	members, err := d.jsonBody(o.Input, []byte(request), true)
	if err != nil {
		t.Fatal(err)
	}
	written, err := encode(s, &in, value.NewObject(members...))
	if err != nil {
		t.Fatal(err)
	}
	got, err := RequestToJSON(p, s, o, written.body)
	if err != nil {
		t.Fatal(err)
	}
	if !sameJSON(t, string(got), request) {
		t.Errorf("the request\n%s\nbecame\n%s\nby way of\n%q", request, got, written.body)
	}

	body, err := ResponseFromJSON(p, s, o, []byte(response), "id-1")
	if err != nil {
		t.Fatal(err)
	}
	r, err := decode(Call{Service: s, Operation: &in}, http.StatusOK, http.Header{}, body)
	if err != nil {
		t.Fatal(err)
	}
	want, err := d.jsonBody(o.Output, []byte(response), true)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := value.Text(r.Output), value.Text(value.NewObject(want...)); !sameJSON(t, got, want) {
		t.Errorf("the answer\n%s\nbecame\n%s\nby way of\n%q", want, got, body)
	}
	if p == awsmodel.Query && r.RequestID != "id-1" {
		t.Errorf("the request's id is %q", r.RequestID)
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := value.Parse(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := value.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return value.Equal(x, y)
}

func TestFaultsInOtherProtocols(t *testing.T) {
	s, _ := awsmodel.New().Service("sqs")
	query := *s
	query.Protocol = awsmodel.Query
	code := QueryCode(s, "QueueDoesNotExist")
	if code != "AWS.SimpleQueueService.NonExistentQueue" {
		t.Errorf("the code is %q", code)
	}
	f := ServiceFault{Name: "com.amazonaws.sqs#QueueDoesNotExist", Code: code, Message: "no <queue>", RequestID: "r", Sender: true}
	if e := decodeError(&query, 400, http.Header{}, ErrorFromJSON(awsmodel.Query, s, f)); e.Code != code || e.Message != f.Message || e.RequestID != "r" {
		t.Errorf("%+v", e)
	}
	query.Protocol = awsmodel.CBOR
	if e := decodeError(&query, 400, http.Header{}, ErrorFromJSON(awsmodel.CBOR, s, f)); e.Code != "QueueDoesNotExist" || e.Message != f.Message {
		t.Errorf("%+v", e)
	}
}

func FuzzRequestToJSON(f *testing.F) {
	f.Add("Action=A&Entries.1.Id=x&A.B.C=1", true)
	f.Add("MessageAttribute.1.Name=k&MessageAttribute.1.Value.DataType=String&MessageAttribute.01.Name=z", true)
	f.Add("\xbfcKeya1\xff", false)
	models := awsmodel.New()
	f.Fuzz(func(t *testing.T, body string, form bool) {
		p := awsmodel.CBOR
		if form {
			p = awsmodel.Query
		}
		for service, operation := range map[string]string{"sqs": "sendMessageBatch", "cloudwatch": "putMetricData", "sns": "publish"} {
			s, _ := models.Service(service)
			o, _ := s.Operation(operation)
			out, err := RequestToJSON(p, s, o, []byte(body))
			if err == nil && !value.Valid(string(out)) {
				t.Errorf("%q became %q, which is no JSON", body, out)
			}
		}
	})
}

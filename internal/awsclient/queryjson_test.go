package awsclient

import (
	"testing"

	"github.com/tutti-run/tutti/internal/awsmodel"
)

// The answers are those that users of API Gateway have been shown, as in the patterns of serverlessland.com for SQS and SNS.
func TestQueryResponseInJSON(t *testing.T) {
	for _, tt := range []struct{ service, operation, body, want string }{
		{"sqs", "sendMessage", `{"MessageId":"m","MD5OfMessageBody":"d"}`,
			`{"SendMessageResponse":{"ResponseMetadata":{"RequestId":"r"},"SendMessageResult":{"MD5OfMessageAttributes":null,"MD5OfMessageBody":"d","MD5OfMessageSystemAttributes":null,"MessageId":"m","SequenceNumber":null}}}`},
		{"sqs", "receiveMessage", `{}`, `{"ReceiveMessageResponse":{"ReceiveMessageResult":{"messages":null},"ResponseMetadata":{"RequestId":"r"}}}`},
		{"sqs", "receiveMessage", `{"Messages":[{"MessageId":"m","Attributes":{"SenderId":"s"},"Body":"b","MD5OfBody":"d","ReceiptHandle":"h"}]}`,
			`{"ReceiveMessageResponse":{"ReceiveMessageResult":{"messages":[{"Attributes":[{"Name":"SenderId","Value":"s"}],"Body":"b","MD5OfBody":"d","MD5OfMessageAttributes":null,"MessageAttributes":null,"MessageId":"m","ReceiptHandle":"h"}]},"ResponseMetadata":{"RequestId":"r"}}}`},
		{"sqs", "deleteMessage", `{}`, `{"DeleteMessageResponse":{"ResponseMetadata":{"RequestId":"r"}}}`},
		{"sns", "publish", `{"MessageId":"m"}`, `{"PublishResponse":{"PublishResult":{"MessageId":"m","SequenceNumber":null},"ResponseMetadata":{"RequestId":"r"}}}`},
		{"sns", "getTopicAttributes", `{"Attributes":{"Owner":"1"}}`, `{"GetTopicAttributesResponse":{"GetTopicAttributesResult":{"Attributes":{"Owner":"1"}},"ResponseMetadata":{"RequestId":"r"}}}`},
	} {
		service, _ := awsmodel.New().Service(tt.service)
		operation, ok := service.Operation(tt.operation)
		if !ok {
			t.Fatal(tt.operation)
		}
		got, err := QueryResponseInJSON(awsmodel.Query, service, operation, []byte(tt.body), "r")
		if string(got) != tt.want || err != nil {
			t.Errorf("%s: %s %v\nwant %s", tt.operation, got, err, tt.want)
		}
	}
}

// A list of one may be given without its number.
func TestFormListWithoutNumber(t *testing.T) {
	service, _ := awsmodel.New().Service("sqs")
	operation, _ := service.Operation("receiveMessage")
	got, err := RequestToJSON(awsmodel.Query, service, operation, []byte("AttributeName=All&MessageAttributeName.1=a&MessageAttributeName.2=b"))
	if want := `{"AttributeNames":["All"],"MessageAttributeNames":["a","b"]}`; string(got) != want || err != nil {
		t.Errorf("%s %v, want %s", got, err, want)
	}
}

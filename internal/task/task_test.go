package task_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

// functions is an Invoker whose one answer is its fields; it keeps what it was asked.
type functions struct {
	payload       string
	functionError string
	err           error
	asked         lambda.Invocation
}

func (f *functions) Invoke(_ context.Context, in lambda.Invocation) (lambda.Result, error) {
	f.asked = in
	return lambda.Result{Payload: []byte(f.payload), FunctionError: f.functionError, ExecutedVersion: lambda.Latest, RequestID: "0e35b4f0-4b2f-4b6c-9d2a-1f0c6e6a7b11"}, f.err
}

func resource(t *testing.T, arn string) asl.Resource {
	t.Helper()
	r, err := asl.ParseResource(arn)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	invoke   = "arn:aws:states:::lambda:invoke"
	function = "arn:aws:lambda:us-east-1:000000000000:function:f"
)

func TestLambda(t *testing.T) {
	for _, tt := range []struct {
		name, resource, parameters string
		functions                  functions
		asked, sent                string // the function and payload of the invocation
		output                     string // the result, or for lambda:invoke its Payload
		failure                    sfn.ErrorName
		cause                      string // part of it
	}{
		{"by ARN", function, `{"a": 1}`, functions{payload: `{"b":2}`}, function, `{"a": 1}`, `{"b":2}`, "", ""},
		{"an answer of nothing", function, `1`, functions{}, function, `1`, `null`, "", ""},
		{"integration", invoke, `{"FunctionName":"f","Payload":{"a":1}}`, functions{payload: `[1]`}, "f", `{"a":1}`, `[1]`, "", ""},
		{"with a qualifier", invoke, `{"FunctionName":"f","Qualifier":"live"}`, functions{payload: `1`}, "f:live", ``, `1`, "", ""},
		{"function error", function, `{}`, functions{payload: `{"errorType":"Endpoint.TLS","errorMessage":"m"}`, functionError: "Unhandled"}, function, `{}`, "",
			"Endpoint.TLS", `{"errorType":"Endpoint.TLS","errorMessage":"m"}`},
		{"function error without a type", invoke, `{"FunctionName":"f"}`, functions{payload: `"boom"`, functionError: "Unhandled"}, "f", ``, "",
			"Lambda.Unknown", `Returned payload: "boom"`},
		{"no such function", invoke, `{"FunctionName":"f"}`, functions{err: &lambda.Error{Code: lambda.CodeResourceNotFound, Message: "Function not found: f", Status: 404}}, "f", ``, "",
			"Lambda.ResourceNotFoundException", "Function not found: f (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: "},
		{"the host closes", invoke, `{"FunctionName":"f"}`, functions{err: lambda.ErrClosed}, "f", ``, "", "Lambda.Unknown", "without an answer"},
		{"null as the function's name", invoke, `{"FunctionName":null,"Payload":1}`, functions{}, "", "", "", "Lambda.AWSLambdaException", "Member must not be null"},
		{"client context that is no base64", invoke, `{"FunctionName":"f","ClientContext":"%"}`, functions{}, "", "", "", "Lambda.InvalidRequestContentException", "Base64"},
		{"an integration that is not here", "arn:aws:states:::sqs:sendMessage", `{}`, functions{}, "", "", "", "SQS.SdkClientException", "start tutti with --upstream URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			catalog := task.NewCatalog(task.Config{Functions: &tt.functions})
			output, failure := catalog.Perform(t.Context(), task.Call{Resource: resource(t, tt.resource), Parameters: value.RecordedData(tt.parameters)})
			if tt.functions.asked.Function != tt.asked || string(tt.functions.asked.Payload) != tt.sent {
				t.Errorf("invoked %s with %s, want %s with %s", tt.functions.asked.Function, tt.functions.asked.Payload, tt.asked, tt.sent)
			}
			switch {
			case tt.failure != "":
				if failure == nil || failure.Name() != tt.failure || !strings.Contains(failure.Cause.Text, tt.cause) {
					t.Errorf("failure %v, want %s with %q", failure, tt.failure, tt.cause)
				}
				return
			case failure != nil:
				t.Fatal(failure)
			}
			got := output.Text()
			if tt.resource == invoke {
				payload, _ := output.Value().(*value.Object).Get("Payload")
				got = value.Text(payload)
			}
			if got != tt.output {
				t.Errorf("output %s, want %s", got, tt.output)
			}
		})
	}
}

func TestLambdaResponseHasTheShapeOfTheSDK(t *testing.T) {
	output, failure := task.NewCatalog(task.Config{Functions: &functions{payload: `{"x":1}`}}).Perform(t.Context(), task.Call{
		Resource: resource(t, invoke), Parameters: value.RecordedData(`{"FunctionName":"f"}`),
	})
	if failure != nil {
		t.Fatal(failure)
	}
	var response struct {
		ExecutedVersion string
		StatusCode      int
		SdkHttpMetadata struct {
			AllHttpHeaders map[string][]string
			HttpHeaders    map[string]string
			HttpStatusCode int
		}
		SdkResponseMetadata struct{ RequestId string }
	}
	if err := json.Unmarshal([]byte(output.Text()), &response); err != nil {
		t.Fatal(err)
	}
	m := response.SdkHttpMetadata
	if response.ExecutedVersion != "$LATEST" || response.StatusCode != 200 || m.HttpStatusCode != 200 || response.SdkResponseMetadata.RequestId == "" ||
		m.HttpHeaders["Content-Length"] != "7" || len(m.AllHttpHeaders) != len(m.HttpHeaders) {
		t.Errorf("%s", output.Text())
	}
}

func TestAsynchronousInvocation(t *testing.T) {
	called := make(chan lambda.Invocation, 1)
	catalog := task.NewCatalog(task.Config{Functions: invoker(func(in lambda.Invocation) { called <- in })})
	output, failure := catalog.Perform(t.Context(), task.Call{
		Resource: resource(t, invoke), Parameters: value.RecordedData(`{"FunctionName":"f","InvocationType":"Event"}`),
	})
	if failure != nil {
		t.Fatal(failure)
	}
	if status, _ := output.Value().(*value.Object).Get("StatusCode"); status != value.Int(202) {
		t.Errorf("answered %s, want StatusCode 202", output.Text())
	}
	if in := <-called; in.Function != "f" {
		t.Errorf("invoked %+v", in)
	}
}

type invoker func(lambda.Invocation)

func (f invoker) Invoke(_ context.Context, in lambda.Invocation) (lambda.Result, error) {
	f(in)
	return lambda.Result{}, nil
}

func TestLost(t *testing.T) {
	for arn, want := range map[string]sfn.ErrorName{invoke: "Lambda.Unknown", function: "Lambda.Unknown", "arn:aws:states:::sqs:sendMessage": sfn.ErrorTaskFailed} {
		if failure := task.Lost(resource(t, arn)); failure.Name() != want {
			t.Errorf("%s: %s, want %s", arn, failure.Name(), want)
		}
	}
}

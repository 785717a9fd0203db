package task

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// lambdaFunction performs tasks whose Resource is a function's ARN: the input is the event, the function's answer the result.
type lambdaFunction struct{ functions Invoker }

func (p lambdaFunction) Perform(ctx context.Context, c Call) (*value.Data, *sfn.Failure) {
	result, failure := invoke(ctx, p.functions, lambda.Invocation{
		Function: c.Resource.ARN, Payload: []byte(c.Parameters.Text()), TraceHeader: c.TraceHeader,
	})
	if failure != nil {
		return nil, failure
	}
	return functionOutput(result.Payload)
}

// lambdaInvoke performs arn:aws:states:::lambda:invoke: the parameters are those of Lambda's Invoke, and the result is its response with the
// payload parsed (developer guide, "Invoke an AWS Lambda function with Step Functions").
type lambdaInvoke struct{ functions Invoker }

// lambdaInput is what the integration takes. The payload is any JSON.
func lambdaInput() *awsmodel.Shape {
	text := &awsmodel.Shape{Kind: awsmodel.String}
	return awsmodel.NewStructure(
		awsmodel.Member{Name: "ClientContext", Shape: text}, awsmodel.Member{Name: "FunctionName", Shape: text},
		awsmodel.Member{Name: "InvocationType", Shape: &awsmodel.Shape{Kind: awsmodel.String, Enum: []string{"RequestResponse", "Event", "DryRun"}}},
		awsmodel.Member{Name: "LogType", Shape: text}, awsmodel.Member{Name: "Payload", Shape: anyJSON}, awsmodel.Member{Name: "Qualifier", Shape: text},
	)
}

func (p lambdaInvoke) Perform(ctx context.Context, c Call) (*value.Data, *sfn.Failure) {
	in, kind, failure := lambdaInvocation(c)
	if failure != nil {
		return nil, failure
	}
	in.TraceHeader = c.TraceHeader
	in.RequestID = uuid.NewString()
	switch kind {
	case "Event":
		if failure := p.enqueue(ctx, in); failure != nil {
			return nil, failure
		}
		return lambdaResponse(in.RequestID, http.StatusAccepted, "", nil), nil
	case "DryRun":
		if dry, ok := p.functions.(DryRunner); ok {
			if err := dry.DryRun(in); err != nil {
				return nil, invocationFailure(in, err)
			}
		}
		return lambdaResponse(in.RequestID, http.StatusNoContent, "", nil), nil
	}
	result, failure := invoke(ctx, p.functions, in)
	if failure != nil {
		if cause, err := value.Parse(failure.Cause.Text); err == nil {
			failure.Cause.Text = value.Text(cause) // unlike the ARN of a function, the integration writes the error document anew
		}
		return nil, failure
	}
	output, failure := functionOutput(result.Payload)
	if failure != nil {
		return nil, failure
	}
	return lambdaResponse(result.RequestID, http.StatusOK, result.ExecutedVersion, output), nil
}

// enqueue hands an event over. Where events are not kept the function is called at once and, since nobody else would own the call, waited for;
// that it fails is its own affair, as when its event had been kept.
func (p lambdaInvoke) enqueue(ctx context.Context, in lambda.Invocation) *sfn.Failure {
	queue, ok := p.functions.(Enqueuer)
	if !ok {
		if _, err := p.functions.Invoke(ctx, in); err != nil {
			return invocationFailure(in, err)
		}
		return nil
	}
	if err := queue.Enqueue(ctx, in); err != nil {
		return invocationFailure(in, err)
	}
	return nil
}

// lambdaInvocation reads the task's parameters.
func lambdaInvocation(c Call) (in lambda.Invocation, kind string, failure *sfn.Failure) {
	parameters, ok := c.Parameters.Value().(*value.Object)
	if !ok {
		parameters = value.NewObject()
	}
	texts := map[string]string{}
	for name, v := range parameters.All() {
		if text, ok := v.(value.String); ok {
			texts[name] = string(text)
		}
	}
	if texts["FunctionName"] == "" {
		return in, "", sfn.Fail("Lambda.AWSLambdaException", "1 validation error detected: Value null at 'functionName' failed to satisfy constraint: "+
			"Member must not be null (Service: AWSLambda; Status Code: 400; Error Code: ValidationException; Request ID: %s; Proxy: null)", uuid.NewString())
	}
	in.Function = texts["FunctionName"]
	if q := texts["Qualifier"]; q != "" {
		in.Function += ":" + q
	}
	if payload, there := parameters.Get("Payload"); there && payload.Kind() != value.KindNull { // null is as good as absent
		in.Payload = value.AppendJSON(nil, payload)
		if text, ok := payload.(value.String); ok {
			in.Payload = []byte(text) // a string is the payload's text, not a part of it
		}
	}
	context, err := base64.StdEncoding.DecodeString(texts["ClientContext"])
	if err != nil {
		return in, "", sfn.Fail("Lambda.InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object. "+
			"(Service: AWSLambda; Status Code: 400; Error Code: InvalidRequestContentException; Request ID: %s; Proxy: null)", uuid.NewString())
	}
	in.ClientContext = context
	return in, texts["InvocationType"], nil
}

// invoke runs the function. What the Lambda API refuses and what the function itself got wrong are failures.
func invoke(ctx context.Context, functions Invoker, in lambda.Invocation) (lambda.Result, *sfn.Failure) {
	result, err := functions.Invoke(ctx, in)
	switch {
	case err != nil:
		return result, invocationFailure(in, err)
	case result.FunctionError != "":
		return result, functionFailure(result.Payload)
	}
	return result, nil
}

// invocationFailure is what an error of the invocation itself means.
func invocationFailure(in lambda.Invocation, err error) *sfn.Failure {
	var refused *lambda.Error
	if !errors.As(err, &refused) {
		return sfn.Fail("Lambda.Unknown", "The invocation ended without an answer: %s", err)
	}
	request := in.RequestID
	if request == "" {
		request = uuid.NewString()
	}
	return sfn.Fail(sfn.ErrorName("Lambda."+refused.Code), "%s (Service: AWSLambda; Status Code: %d; Error Code: %s; Request ID: %s; Proxy: null)",
		refused.Message, refused.Status, refused.Code, request)
}

// functionFailure is what a function's error document means: its errorType is the error, its text the cause.
func functionFailure(payload []byte) *sfn.Failure {
	text := string(payload)
	if document, err := value.Parse(text); err == nil {
		if object, ok := document.(*value.Object); ok {
			if kind, ok := object.Get("errorType"); ok {
				if name, ok := kind.(value.String); ok && name != "" {
					return sfn.Fail(sfn.ErrorName(name), "%s", text)
				}
			}
		}
	}
	return sfn.Fail("Lambda.Unknown", "The cause could not be determined because Lambda did not return an error type. Returned payload: %s", text)
}

func functionOutput(payload []byte) (*value.Data, *sfn.Failure) {
	text := strings.TrimSpace(string(payload))
	if text == "" {
		text = "null"
	}
	output, err := value.ParseData(text)
	if err != nil {
		return nil, sfn.Fail("Lambda.Unknown", "The function's answer is not JSON: %s", err)
	}
	return output, nil
}

// lambdaResponse is the result of the integration: Invoke's response as the SDK for Java shows it.
func lambdaResponse(request string, status int, version string, payload *value.Data) *value.Data {
	text := func(s string) value.Value { return value.String(s) }
	length := 0
	if payload != nil {
		length = payload.Size()
	}
	headers := []value.Member{
		{Name: "Connection", Value: text("keep-alive")},
		{Name: "Content-Length", Value: text(strconv.Itoa(length))},
		{Name: "Content-Type", Value: text("application/json")},
		{Name: "Date", Value: text(time.Now().UTC().Format(http.TimeFormat))},
	}
	if version != "" {
		headers = append(headers, value.Member{Name: "X-Amz-Executed-Version", Value: text(version)})
	}
	headers = append(headers,
		value.Member{Name: "x-amzn-Remapped-Content-Length", Value: text("0")},
		value.Member{Name: "x-amzn-RequestId", Value: text(request)},
		value.Member{Name: "X-Amzn-Trace-Id", Value: text("root=" + traceRoot(request) + ";sampled=0")})
	all := make([]value.Member, len(headers))
	for i, h := range headers {
		all[i] = value.Member{Name: h.Name, Value: value.Array{h.Value}}
	}
	var members []value.Member
	if version != "" {
		members = append(members, value.Member{Name: "ExecutedVersion", Value: text(version)})
	}
	if payload != nil {
		members = append(members, value.Member{Name: "Payload", Value: payload.Value()})
	}
	members = append(members,
		value.Member{Name: "SdkHttpMetadata", Value: value.NewObject(
			value.Member{Name: "AllHttpHeaders", Value: value.NewObject(all...)},
			value.Member{Name: "HttpHeaders", Value: value.NewObject(headers...)},
			value.Member{Name: "HttpStatusCode", Value: value.Int(status)})},
		value.Member{Name: "SdkResponseMetadata", Value: value.NewObject(value.Member{Name: "RequestId", Value: text(request)})},
		value.Member{Name: "StatusCode", Value: value.Int(status)})
	return value.NewData(value.NewObject(members...))
}

// traceRoot makes the root of an X-Ray trace from a request's id.
func traceRoot(request string) string {
	digits := strings.ReplaceAll(request, "-", "")
	if len(digits) < 32 {
		return "1-00000000-000000000000000000000000"
	}
	return "1-" + digits[:8] + "-" + digits[8:32]
}

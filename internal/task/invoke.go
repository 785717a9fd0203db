package task

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// invoke calls the operation of the resource and makes the integration's result of the response.
func (c *Catalog) invoke(ctx context.Context, t target, call Call) (*value.Data, *sfn.Failure) {
	in := call.object()
	if t.action.find != nil {
		id, failure := c.lookUp(ctx, t, call, in)
		if failure != nil {
			return nil, failure
		}
		in = in.With(found, id)
	}
	if t.action.request != nil {
		in = t.action.request(call, in)
	}
	response, err := c.client.Do(ctx, request(t, call, t.operation, in))
	if err != nil {
		if call.Repeated {
			if out, ok := c.startedBefore(ctx, t, call, in, err); ok {
				return out, nil
			}
		}
		return nil, t.failure(call, err)
	}
	out := response.Output
	if t.action.result != nil {
		var failure *sfn.Failure
		if out, failure = t.action.result(out); failure != nil {
			return nil, failure
		}
	}
	if t.metadata {
		out = withMetadata(out, response)
	}
	if call.Resource.HasToken() {
		if failure := refusedTasks(t, out); failure != nil {
			return nil, failure
		}
	}
	return value.NewData(out), nil
}

// lookUp finds the id of what the task names, page by page.
func (c *Catalog) lookUp(ctx context.Context, t target, call Call, in *value.Object) (value.Value, *sfn.Failure) {
	how := t.action.find
	operation, ok := t.model.Operation(how.operation)
	if !ok {
		return nil, sfn.Fail(sfn.ErrorRuntime, "%s cannot be called: the service has no action %q", call.Resource.ARN, how.operation)
	}
	var marker value.Value
	for {
		response, err := c.client.Do(ctx, request(t, call, operation, object("ClusterId", get(in, "ClusterId"), "Marker", marker)))
		if err != nil {
			return nil, t.failure(call, err)
		}
		list, _ := get(response.Output, how.list).(value.Array)
		for _, one := range list {
			if v := follow(one, "Name"); v != nil && v == get(in, how.name) {
				return follow(one, "Id"), nil
			}
		}
		if marker = get(response.Output, "Marker"); marker == nil {
			name, _ := get(in, how.name).(value.String)
			return nil, sfn.Fail(sfn.ErrorName(t.prefix+".InvalidRequestException"), "The cluster has no %s called %q", how.name, string(name))
		}
	}
}

// request is the client's call of an operation on behalf of a task.
func request(t target, call Call, o *awsmodel.Operation, in *value.Object) awsclient.Call {
	region := call.Resource.Region
	if arn, err := sfn.ParseARN(call.Execution); err == nil && region == "" {
		region = arn.Region
	}
	return awsclient.Call{Service: t.model, Operation: o, Input: in, Region: region, Role: call.Assumed}
}

// refusedTasks fails a task that waits for a job or a token where ECS has started nothing (developer guide, "Run an Amazon ECS or Fargate task").
func refusedTasks(t target, out *value.Object) *sfn.Failure {
	failures, ok := get(out, "Failures").(value.Array)
	if t.key != "ecs:runTask" || !ok || len(failures) == 0 {
		return nil
	}
	return sfn.Fail("AmazonECS.Unknown", "%s", value.Text(out))
}

// withMetadata appends what the SDK for Java 1 shows of the HTTP response.
func withMetadata(out *value.Object, r *awsclient.Response) *value.Object {
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	var all, first []value.Member
	for _, name := range names {
		values := make(value.Array, len(r.Header[name]))
		for i, v := range r.Header[name] {
			values[i] = value.String(v)
		}
		if len(values) == 0 {
			continue
		}
		shown := wireName(name)
		all = append(all, value.Member{Name: shown, Value: values})
		first = append(first, value.Member{Name: shown, Value: values[0]})
	}
	return out.
		With("SdkHttpMetadata", object("AllHttpHeaders", value.NewObject(all...), "HttpHeaders", value.NewObject(first...), "HttpStatusCode", value.Int(r.Status))).
		With("SdkResponseMetadata", object("RequestId", value.String(r.RequestID)))
}

// wireNames are headers that AWS writes in another way than net/http, which gives all of them one form, as recorded.
var wireNames = map[string]string{
	"X-Amzn-Requestid": "x-amzn-RequestId", "X-Amz-Crc32": "x-amz-crc32", "X-Amzn-Trace-Id": "X-Amzn-Trace-Id", "Connection": "connection",
}

func wireName(name string) string {
	if shown, ok := wireNames[name]; ok {
		return shown
	}
	if strings.HasPrefix(name, "X-Amz") {
		return strings.ToLower(name)
	}
	return name
}

// failure is what a call that did not succeed means to the States Language.
func (t *target) failure(call Call, err error) *sfn.Failure {
	var refused *awsclient.Error
	var role *awsclient.RoleError
	switch {
	case errors.As(err, &role):
		return mayNotAssume(call)
	case errors.As(err, &refused):
		return t.refused(refused)
	case errors.Is(err, awsclient.ErrTooLarge):
		return sfn.Fail(sfn.ErrorDataLimitExceeded, "The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.",
			call.Resource.Service)
	}
	// The SDK's own trouble: nobody could be reached, or understood.
	return sfn.Fail(sfn.ErrorName(t.prefix+".SdkClientException"), "%s", err)
}

// refused is a service's answer that is no success, with the names and in the words of the SDK for Java.
func (t *target) refused(e *awsclient.Error) *sfn.Failure {
	if t.client != "" {
		return t.refusedByV1(e)
	}
	name := t.prefix + "Exception"
	if shape, ok := t.model.Exception(e.Code); ok {
		name = awsmodel.ExceptionName(shape)
	} else if t.model.Name == "s3" && e.Code == "NotFound" {
		name = "NoSuchKeyException" // the answer to HEAD has no body that could say so
	}
	var more string
	if e.ExtendedRequestID != "" {
		more = ", Extended Request ID: " + e.ExtendedRequestID
	}
	return sfn.Fail(sfn.ErrorName(t.prefix+"."+name), "%s (Service: %s, Status Code: %d, Request ID: %s%s) (SDK Attempt Count: 1)",
		e.Message, t.model.Prefix, e.Status, e.RequestID, more)
}

func (t *target) refusedByV1(e *awsclient.Error) *sfn.Failure {
	name := t.generic
	if shape, ok := t.model.Exception(e.Code); ok {
		name = shape
		if !strings.HasSuffix(name, "Exception") {
			name += "Exception"
		}
	}
	code := e.Code
	if e.QueryCode != "" {
		code = e.QueryCode
	}
	return sfn.Fail(sfn.ErrorName(t.prefix+"."+name), "%s (Service: %s; Status Code: %d; Error Code: %s; Request ID: %s; Proxy: null)",
		e.Message, t.client, e.Status, code, e.RequestID)
}

// startNamed gives a nested execution that has no name one that follows from the task, so that the call can be made again.
func startNamed(c Call, in *value.Object) *value.Object {
	if get(in, "Name") != nil {
		return in
	}
	return in.With("Name", value.String(nestedName(c)))
}

func nestedName(c Call) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "%s %d", c.Execution, c.Scheduled)).String()
}

// startedBefore answers for a nested execution that a process started which ended before it could say so, and that has ended meanwhile. Only a
// name of our own tells that it is the one.
func (c *Catalog) startedBefore(ctx context.Context, t target, call Call, in *value.Object, err error) (*value.Data, bool) {
	var refused *awsclient.Error
	if !errors.As(err, &refused) || refused.Code != string(sfn.ExecutionAlreadyExists) || get(in, "Name") != value.Value(value.String(nestedName(call))) {
		return nil, false
	}
	machine, _ := get(in, "StateMachineArn").(value.String)
	arn, err := sfn.ParseMachineARN(string(machine))
	if err != nil {
		return nil, false
	}
	describe, _ := t.model.Operation("describeExecution")
	response, err := c.client.Do(ctx, request(t, call, describe, object("ExecutionArn", value.String(arn.ExecutionARN(sfn.Standard, nestedName(call), "")))))
	if err != nil {
		return nil, false
	}
	out := object("ExecutionArn", get(response.Output, "ExecutionArn"), "StartDate", get(response.Output, "StartDate"))
	response.Status = http.StatusOK
	return value.NewData(withMetadata(out, response)), true
}

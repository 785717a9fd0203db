//go:build unix

package api_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/await"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/lambda/control"
)

// probeZip is a zip with a real Lambda function, internal/lambda/testdata/probe, as its bootstrap.
var probeZip = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "api-test-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program := filepath.Join(dir, "bootstrap")
	build := exec.Command("go", "build", "-tags=lambda.norpc", "-ldflags=-s -w", "-o", program, "../lambda/testdata/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	return zipOf("bootstrap", string(text))
})

// zipOf is a zip of one executable file.
func zipOf(name, text string) ([]byte, error) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	header := &zip.FileHeader{Name: name, Method: zip.Deflate}
	header.SetMode(0o755)
	f, err := w.CreateHeader(header)
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	if err == nil {
		err = w.Close()
	}
	return buf.Bytes(), err
}

// documents is a journal in memory.
type documents struct {
	mu   sync.Mutex
	text map[[2]string][]byte
}

func (d *documents) Documents(collection string) iter.Seq2[control.Document, error] {
	return func(yield func(control.Document, error) bool) {
		d.mu.Lock()
		var list []control.Document
		for key, value := range d.text {
			if key[0] == collection {
				list = append(list, control.Document{Key: key[1], Value: value})
			}
		}
		d.mu.Unlock()
		slices.SortFunc(list, func(a, b control.Document) int { return strings.Compare(a.Key, b.Key) })
		for _, one := range list {
			if !yield(one, nil) {
				return
			}
		}
	}
}

func (d *documents) Document(collection, key string) ([]byte, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	value, ok := d.text[[2]string{collection, key}]
	return value, ok, nil
}

func (d *documents) Write(changes []control.Change) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range changes {
		if c.Value == nil {
			delete(d.text, [2]string{c.Collection, c.Key})
		} else {
			d.text[[2]string{c.Collection, c.Key}] = c.Value
		}
	}
	return nil
}

// lambdaServer serves AWS Lambda with a real host, and returns the URL and the SDK's client for it.
func lambdaServer(t *testing.T) (string, *awslambda.Client) {
	t.Helper()
	dir := t.TempDir()
	host, err := lambda.NewHost(lambda.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	plane, err := control.Open(control.Config{Dir: dir, Host: host, Journal: &documents{text: map[[2]string][]byte{}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.New(api.Config{Lambda: api.NewLambda(plane, plane, nil)}))
	t.Cleanup(func() {
		server.Close()
		plane.Close()
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return server.URL, awslambda.New(awslambda.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), RetryMaxAttempts: 1,
	})
}

const functionRole = "arn:aws:iam::000000000000:role/r"

func createProbe(t *testing.T, c *awslambda.Client, name string) *awslambda.CreateFunctionOutput {
	t.Helper()
	code, err := probeZip()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.CreateFunction(t.Context(), &awslambda.CreateFunctionInput{
		FunctionName: &name, Role: aws.String(functionRole), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Code: &types.FunctionCode{ZipFile: code}, Timeout: aws.Int32(20), Environment: &types.Environment{Variables: map[string]string{"GREETING": "hello"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantError checks the code and text of an error that the SDK has made of an answer.
func wantError(t *testing.T, err error, code, message string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), message) {
		t.Errorf("error %v, want %s: %s", err, code, message)
	}
}

func TestLambdaFunctionOverItsLife(t *testing.T) {
	url, c := lambdaServer(t)
	ctx := t.Context()
	code, err := probeZip()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(code)
	sha := base64.StdEncoding.EncodeToString(sum[:])
	created := createProbe(t, c, "f")
	if created.State != types.StatePending || *created.StateReason != "The function is being created." || *created.CodeSha256 != sha ||
		*created.FunctionArn != "arn:aws:lambda:us-east-1:000000000000:function:f" || *created.Version != "$LATEST" || created.CodeSize != int64(len(code)) {
		t.Errorf("created %+v", created)
	}
	if err := awslambda.NewFunctionActiveV2Waiter(c).Wait(ctx, &awslambda.GetFunctionInput{FunctionName: aws.String("f")}, time.Minute); err != nil {
		t.Error(err)
	}
	invoked, err := c.Invoke(ctx, &awslambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte(`{"a":1}`), LogType: types.LogTypeTail})
	if err != nil {
		t.Fatal(err)
	}
	tail, err := base64.StdEncoding.DecodeString(aws.ToString(invoked.LogResult))
	if err != nil || string(invoked.Payload) != `{"a":1}` || invoked.StatusCode != 200 || *invoked.ExecutedVersion != "$LATEST" || invoked.FunctionError != nil ||
		!strings.Contains(string(tail), "REPORT RequestId: ") {
		t.Errorf("invoked %+v, log %s, %v", invoked, tail, err)
	}
	failed, err := c.Invoke(ctx, &awslambda.InvokeInput{FunctionName: created.FunctionArn, Payload: []byte(`{"Do":"error","Text":"no"}`)})
	if err != nil || aws.ToString(failed.FunctionError) != "Unhandled" || failed.LogResult != nil {
		t.Errorf("failed %+v, %v", failed, err)
	}

	published, err := c.PublishVersion(ctx, &awslambda.PublishVersionInput{FunctionName: aws.String("f"), Description: aws.String("one")})
	if err != nil || *published.Version != "1" || published.State != types.StateActive || !strings.HasSuffix(*published.FunctionArn, ":function:f:1") {
		t.Fatalf("published %+v, %v", published, err)
	}
	same, err := c.PublishVersion(ctx, &awslambda.PublishVersionInput{FunctionName: aws.String("f")})
	if err != nil || *same.Version != "1" {
		t.Errorf("published again without a change: %+v, %v", same, err)
	}
	alias, err := c.CreateAlias(ctx, &awslambda.CreateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), FunctionVersion: aws.String("1")})
	if err != nil || *alias.AliasArn != "arn:aws:lambda:us-east-1:000000000000:function:f:live" {
		t.Fatalf("alias %+v, %v", alias, err)
	}
	throughAlias, err := c.Invoke(ctx, &awslambda.InvokeInput{FunctionName: aws.String("000000000000:function:f"), Qualifier: aws.String("live")})
	if err != nil || *throughAlias.ExecutedVersion != "1" {
		t.Errorf("through the alias: %+v, %v", throughAlias, err)
	}

	updated, err := c.UpdateFunctionConfiguration(ctx, &awslambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), MemorySize: aws.Int32(256)})
	if err != nil || updated.LastUpdateStatus != types.LastUpdateStatusInProgress || *updated.MemorySize != 256 || *updated.Timeout != 20 {
		t.Errorf("updated %+v, %v", updated, err)
	}
	got, err := c.GetFunction(ctx, &awslambda.GetFunctionInput{FunctionName: aws.String("f:live")})
	if err != nil || *got.Configuration.MemorySize != 128 || got.Configuration.LastUpdateStatus != types.LastUpdateStatusSuccessful ||
		!strings.HasPrefix(*got.Code.Location, url) {
		t.Fatalf("got %+v, %v", got, err)
	}
	response, err := http.Get(*got.Code.Location)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if fetched, err := io.ReadAll(response.Body); err != nil || !bytes.Equal(fetched, code) {
		t.Errorf("fetched %d bytes of code, want %d: %v", len(fetched), len(code), err)
	}
	_, err = c.DeleteFunction(ctx, &awslambda.DeleteFunctionInput{FunctionName: aws.String("f"), Qualifier: aws.String("1")})
	wantError(t, err, "ResourceConflictException", "Unable to delete version because the following aliases reference it: [live]")
	if _, err := c.DeleteFunction(ctx, &awslambda.DeleteFunctionInput{FunctionName: aws.String("f")}); err != nil {
		t.Error(err)
	}
	_, err = c.GetFunction(ctx, &awslambda.GetFunctionInput{FunctionName: aws.String("f")})
	var gone *types.ResourceNotFoundException
	if !errors.As(err, &gone) || aws.ToString(gone.Type) != "User" {
		t.Errorf("after deleting: %v", err)
	}
}

func TestLambdaLists(t *testing.T) {
	_, c := lambdaServer(t)
	ctx := t.Context()
	for _, name := range []string{"a", "b", "c"} {
		createProbe(t, c, name)
	}
	var names []string
	pages := awslambda.NewListFunctionsPaginator(c, &awslambda.ListFunctionsInput{MaxItems: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Functions {
			names = append(names, *f.FunctionName)
			if f.State != "" {
				t.Errorf("a list shows the state %s", f.State)
			}
		}
	}
	if strings.Join(names, "") != "abc" {
		t.Errorf("listed %v", names)
	}
	for i := range 11 {
		_, err := c.UpdateFunctionConfiguration(ctx, &awslambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("a"), Timeout: aws.Int32(int32(i + 1))})
		if err == nil {
			_, err = c.PublishVersion(ctx, &awslambda.PublishVersionInput{FunctionName: aws.String("a")})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var versions []string
	list := awslambda.NewListVersionsByFunctionPaginator(c, &awslambda.ListVersionsByFunctionInput{FunctionName: aws.String("a"), MaxItems: aws.Int32(5)})
	for list.HasMorePages() {
		page, err := list.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			versions = append(versions, *v.Version)
		}
	}
	if strings.Join(versions, " ") != "$LATEST 1 2 3 4 5 6 7 8 9 10 11" {
		t.Errorf("versions %v", versions)
	}
}

func TestLambdaEvents(t *testing.T) {
	_, c := lambdaServer(t)
	ctx := t.Context()
	createProbe(t, c, "f")
	file := filepath.Join(t.TempDir(), "seen")
	out, err := c.Invoke(ctx, &awslambda.InvokeInput{
		FunctionName: aws.String("f"), InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"Do":"write","File":"` + file + `"}`),
	})
	if err != nil || out.StatusCode != 202 || len(out.Payload) != 0 {
		t.Fatalf("accepted %+v, %v", out, err)
	}
	await.Until(t, "the function has run", func() bool { _, err := os.Stat(file); return err == nil })
	dry, err := c.Invoke(ctx, &awslambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeDryRun})
	if err != nil || dry.StatusCode != 204 {
		t.Errorf("dry run %+v, %v", dry, err)
	}
}

func TestLambdaThrottlesByReservedConcurrency(t *testing.T) {
	_, c := lambdaServer(t)
	ctx := t.Context()
	createProbe(t, c, "f")
	if _, err := c.PutFunctionConcurrency(ctx, &awslambda.PutFunctionConcurrencyInput{FunctionName: aws.String("f"), ReservedConcurrentExecutions: aws.Int32(0)}); err != nil {
		t.Fatal(err)
	}
	_, err := c.Invoke(ctx, &awslambda.InvokeInput{FunctionName: aws.String("f")})
	var throttled *types.TooManyRequestsException
	if !errors.As(err, &throttled) || *throttled.Message != "Rate Exceeded." || throttled.Reason != types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded {
		t.Errorf("throttled: %v", err)
	}
	if _, err := c.DeleteFunctionConcurrency(ctx, &awslambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Invoke(ctx, &awslambda.InvokeInput{FunctionName: aws.String("f")}); err != nil {
		t.Error(err)
	}
}

func TestLambdaOnTheWire(t *testing.T) {
	url, c := lambdaServer(t)
	createProbe(t, c, "f")
	large := `"` + strings.Repeat("x", lambda.MaxRequestSize) + `"`
	for _, tc := range []struct {
		name, method, path, body string
		header                   [2]string
		status                   int
		kind, want               string // the error's type; the body, or its beginning
	}{
		{"get", "GET", "/2015-03-31/functions/f", "", [2]string{}, 200, "", `{"Configuration":{"FunctionName":"f",`},
		{"by ARN", "GET", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af/configuration", "", [2]string{}, 200, "", `{"FunctionName":"f",`},
		{"list with a slash", "GET", "/2015-03-31/functions/", "", [2]string{}, 200, "", `{"Functions":[{`},
		{"unknown function", "GET", "/2015-03-31/functions/g", "", [2]string{}, 404, "ResourceNotFoundException",
			`{"Type":"User","Message":"Function not found: arn:aws:lambda:us-east-1:000000000000:function:g"}`},
		{"validation", "GET", "/2015-03-31/functions/?MaxItems=0", "", [2]string{}, 400, "ValidationException",
			`{"message":"1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"}`},
		{"no number", "GET", "/2015-03-31/functions/?MaxItems=x", "", [2]string{}, 400, "SerializationException", `{"message":`},
		{"no JSON", "POST", "/2015-03-31/functions", "{", [2]string{}, 400, "SerializationException", `{"message":"Could not parse request body into json`},
		{"another type", "POST", "/2015-03-31/functions", `{"Timeout":"3"}`, [2]string{}, 400, "SerializationException", `{"message":"string cannot be converted`},
		{"streaming", "POST", "/2021-11-15/functions/f/response-streaming-invocations", "", [2]string{}, 400, "InvalidParameterValueException", `{"Type":"User","message":"Responses are not streamed`},
		{"layers", "GET", "/2018-10-31/layers", "", [2]string{}, 404, "UnknownOperationException", `{"Message":"Layers are not served here`},
		{"no such call", "PATCH", "/2015-03-31/functions/f", "", [2]string{}, 404, "UnknownOperationException", `{"Message":"AWS Lambda has no operation PATCH`},
		{"invocation type", "POST", "/2015-03-31/functions/f/invocations", "", [2]string{"X-Amz-Invocation-Type", "Later"}, 400, "ValidationException",
			`{"message":"1 validation error detected: Value 'Later' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [RequestResponse, Event, DryRun]"}`},
		{"client context", "POST", "/2015-03-31/functions/f/invocations", "", [2]string{"X-Amz-Client-Context", "%"}, 400, "InvalidRequestContentException",
			`{"Type":"User","message":"Client context must be a valid Base64-encoded JSON object."}`},
		{"payload", "POST", "/2015-03-31/functions/f/invocations", "{", [2]string{}, 400, "InvalidRequestContentException", `{"Type":"User","message":"Could not parse request body into json`},
		{"large payload", "POST", "/2015-03-31/functions/f/invocations", large, [2]string{}, 413, "RequestEntityTooLargeException",
			`{"Type":"User","message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`},
		{"large event", "POST", "/2015-03-31/functions/f/invocations", large[:control.MaxEventSize] + `"`, [2]string{"X-Amz-Invocation-Type", "Event"}, 413, "RequestEntityTooLargeException",
			`{"Type":"User","message":"Request must be smaller than 1048576 bytes for the InvokeFunction operation"}`},
		{"old event", "POST", "/2014-11-13/functions/f/invoke-async", "{}", [2]string{}, 202, "", ``},
		{"mismatched qualifier", "POST", "/2015-03-31/functions/f:1/invocations?Qualifier=2", "{}", [2]string{}, 400, "InvalidParameterValueException",
			`{"Type":"User","message":"The derived qualifier from the function name does not match the specified qualifier."}`},
		{"other region", "GET", "/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:f", "", [2]string{}, 404, "ResourceNotFoundException",
			`{"Type":"User","Message":"Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"}`},
		{"other account", "GET", "/2015-03-31/functions/111111111111:function:f", "", [2]string{}, 403, "AccessDeniedException", `{"Message":"The function 111111111111:function:f is of`},
		{"code that is not there", "GET", "/2015-03-31/code/..%2F..%2Fetc%2Fpasswd", "", [2]string{}, 404, "ResourceNotFoundException", `{"Type":"User","Message":"There is no code`},
		{"provisioned", "GET", "/2019-09-30/functions/f/provisioned-concurrency?List=ALL&MaxItems=9", "", [2]string{}, 200, "", `{"ProvisionedConcurrencyConfigs":[]}`},
		{"provisioned for $LATEST", "GET", "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=$LATEST", "", [2]string{}, 400, "InvalidParameterValueException",
			`{"Type":"User","message":"The function resource provided must be an alias or a published version."}`},
		{"tags", "POST", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af", `{"Tags":{"a":"b"}}`, [2]string{}, 204, "", ``},
		{"untag", "DELETE", "/2017-03-31/tags/arn:aws:lambda:us-east-1:000000000000:function:f?tagKeys=a&tagKeys=b", "", [2]string{}, 204, "", ``},
		{"account", "GET", "/2016-08-19/account-settings", "", [2]string{}, 200, "", `{"AccountLimit":{"TotalCodeSize":80530636800,"CodeSizeUnzipped":262144000,"CodeSizeZipped":52428800,"ConcurrentExecutions":1000,"UnreservedConcurrentExecutions":1000},"AccountUsage":`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), tc.method, url+tc.path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			if tc.header[0] != "" {
				r.Header.Set(tc.header[0], tc.header[1])
			}
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=x")
			a := send(t, r)
			if a.status != tc.status || a.header.Get("X-Amzn-Errortype") != tc.kind || !strings.HasPrefix(a.body, tc.want) {
				t.Errorf("%d %s %s, want %d %s %s", a.status, a.header.Get("X-Amzn-Errortype"), a.body, tc.status, tc.kind, tc.want)
			}
		})
	}
}

func TestLambdaServesEveryOperation(t *testing.T) {
	served := api.LambdaOperationNames()
	for _, name := range control.Operations() {
		if !slices.Contains(served, name) {
			t.Errorf("%s has no place on the wire", name)
		}
	}
	for _, name := range served {
		if !slices.Contains(control.Operations(), name) {
			t.Errorf("nothing carries out %s", name)
		}
	}
}

// noFunctions stands behind the handler where only the wire matters: it answers everything, and nothing runs.
type noFunctions struct{}

func (noFunctions) Call(_ context.Context, _ string, documents ...[]byte) (any, error) {
	for _, d := range documents[1:] {
		if !json.Valid(d) {
			return nil, fmt.Errorf("what the URL says has become %q", d)
		}
	}
	return map[string]string{}, nil
}

func (noFunctions) OpenCode(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("zip")), nil
}

func (noFunctions) Qualified(name, qualifier string) (string, error) {
	return name + ":" + qualifier, nil
}

func (noFunctions) Invoke(_ context.Context, in lambda.Invocation) (lambda.Result, error) {
	return lambda.Result{Payload: in.Payload, ExecutedVersion: lambda.Latest}, nil
}

func (noFunctions) Enqueue(context.Context, lambda.Invocation) error { return nil }

func (noFunctions) DryRun(lambda.Invocation) error { return nil }

func FuzzLambdaRequest(f *testing.F) {
	handler := api.NewLambda(noFunctions{}, noFunctions{}, nil)
	f.Add("POST", "/2015-03-31/functions", `{"FunctionName":"f"}`)
	f.Add("GET", "/2015-03-31/functions/f%3A1?Qualifier=1&MaxItems=3", "")
	f.Add("PUT", "/2019-09-25/functions/f/event-invoke-config", `{"MaximumRetryAttempts":1}`)
	f.Add("DELETE", "/2017-03-31/tags/arn%3Aaws?tagKeys=a", "")
	f.Add("POST", "/2015-03-31/functions/f/invocations?Qualifier=1", `{}`)
	f.Fuzz(func(t *testing.T, method, path, body string) {
		r, err := http.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
		if err != nil {
			t.Skip()
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError {
			t.Errorf("%s %s %s: %s", method, path, body, w.Body)
		}
	})
}

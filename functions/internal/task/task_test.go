package task_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/tutti-run/tutti/functions/internal/lambdatest"
	"github.com/tutti-run/tutti/functions/internal/task"
)

// In and Out are those of the task under test, which does as its input says.
type In struct {
	Do    string `json:"do"`
	Count int    `json:"count"`
}

type Out struct {
	Count int     `json:"count"`
	Ratio float64 `json:"ratio,omitempty"`
}

var contracts = fstest.MapFS{
	"tested.input.schema.json": {Data: []byte(`{
		"type": "object", "required": ["do"], "additionalProperties": false,
		"properties": {"do": {"type": "string"}, "count": {"type": "number", "maximum": 1000}}
	}`)},
	"tested.output.schema.json": {Data: []byte(`{"type": "object", "properties": {"count": {"minimum": 0}}}`)},
	"broken.input.schema.json":  {Data: []byte(`{"type": 1}`)},
}

func do(ctx context.Context, in In) (Out, error) {
	task.Logger(ctx).Info("at work", "do", in.Do)
	switch in.Do {
	case "name":
		return Out{}, fmt.Errorf("wrapped: %w", task.Errorf("Endpoint.Timeout", "no answer after %d ms", in.Count))
	case "refuse":
		return Out{}, task.InvalidInput("/do", "want something else")
	case "fail":
		return Out{}, errors.New("disk full")
	case "talk":
		return Out{}, errors.New(strings.Repeat("é", 1_000_000))
	case "panic":
		var none map[string]int
		//lint:ignore SA5000 the panic is what is tested
		none["a"] = 1
	case "wait":
		<-ctx.Done()
		return Out{}, task.Errorf("Tested.Late", "%v", ctx.Err())
	case "infinite":
		zero := 0.0
		return Out{Ratio: 1 / zero}, nil
	}
	return Out{Count: in.Count}, nil
}

func TestMain(m *testing.M) {
	lambdatest.Main(m, func() {
		log := task.NewLogger(os.Stdout, os.Getenv("AWS_LAMBDA_LOG_LEVEL"))
		lambda.Start(task.New("tested", contracts, log, do))
	})
}

// invoke calls the task without a process around it.
func invoke(t *testing.T, name, payload string) (string, error) {
	t.Helper()
	out, err := task.New(name, contracts, task.NewLogger(&bytes.Buffer{}, ""), do).Invoke(t.Context(), []byte(payload))
	return string(out), err
}

func TestInvoke(t *testing.T) {
	cases := []struct{ name, payload, out, errorType, message string }{
		{"done", `{"do":"nothing","count":3}`, `{"count":3}`, "", ""},
		{"missing", `{}`, "", task.InputInvalid, "missing property 'do'"},
		{"two faults", `{"do":1,"count":1001}`, "", task.InputInvalid, "/count: maximum: got 1,001, want 1,000; /do: got number, want string"},
		{"superfluous", `{"do":"","DO":""}`, "", task.InputInvalid, "/DO: is not allowed here"},
		{"not JSON", `{`, "", task.InputInvalid, "is not JSON: unexpected end of JSON input at byte 1"},
		{"no payload", ``, "", task.InputInvalid, "is not JSON: unexpected end of JSON input at byte 0"},
		{"allowed, but not decodable", `{"do":"","count":1.5}`, "", task.InputInvalid, "json: cannot unmarshal number 1.5 into Go struct field In.count of type int"},
		{"checked by the function", `{"do":"refuse"}`, "", task.InputInvalid, "/do: want something else"},
		{"output", `{"do":"nothing","count":-1}`, "", task.OutputInvalid, "/count: minimum: got -1, want 0"},
		{"output is not JSON", `{"do":"infinite"}`, "", task.OutputInvalid, "json: unsupported value: +Inf"},
		{"named error", `{"do":"name","count":5}`, "", "Endpoint.Timeout", "no answer after 5 ms"},
		{"other error", `{"do":"fail"}`, "", task.Failed, "disk full"},
		{"panic", `{"do":"panic"}`, "", task.Panicked, "assignment to entry in nil map"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out, err := invoke(t, "tested", c.payload)
			if out != c.out {
				t.Errorf("output %s, want %s", out, c.out)
			}
			var posted messages.InvokeResponse_Error
			errors.As(err, &posted)
			if posted.Type != c.errorType || posted.Message != c.message {
				t.Errorf("\n got %s: %s\nwant %s: %s", posted.Type, posted.Message, c.errorType, c.message)
			}
		})
	}
}

// A task whose contract is absent or broken fails with the file's name, whatever it is asked.
func TestInvokeWithoutContract(t *testing.T) {
	for name, want := range map[string]string{"broken": "broken.input.schema.json", "absent": "absent.input.schema.json"} {
		_, err := invoke(t, name, `{"do":"nothing"}`)
		var posted messages.InvokeResponse_Error
		if !errors.As(err, &posted) || posted.Type != task.Failed || !strings.Contains(posted.Message, want) {
			t.Errorf("%s: got %v, want %s with %s", name, err, task.Failed, want)
		}
	}
}

// The message becomes part of the Cause in histories, so its length is bounded.
func TestMessageIsBounded(t *testing.T) {
	_, err := invoke(t, "tested", `{"do":"talk"}`)
	var posted messages.InvokeResponse_Error
	if !errors.As(err, &posted) || len(posted.Message) > 410 || !strings.HasSuffix(posted.Message, "é…") {
		t.Errorf("message has %d bytes and ends in %q", len(posted.Message), posted.Message[max(0, len(posted.Message)-8):])
	}
}

// What reaches the Runtime API is what Step Functions will match.
func TestPostedToTheRuntimeAPI(t *testing.T) {
	f := lambdatest.Start(t)
	if a := f.Invoke(`{"do":"nothing","count":7}`, time.Minute); a.Failed || string(a.Body) != `{"count":7}` {
		t.Errorf("posted %s", a.Body)
	}
	a := f.Invoke(`{"do":"name","count":5}`, time.Minute)
	if got, want := string(a.Body), `{"errorMessage":"no answer after 5 ms","errorType":"Endpoint.Timeout"}`; !a.Failed || got != want {
		t.Errorf("posted %s, want %s", got, want)
	}
	a = f.Invoke(`{"do":2}`, time.Minute)
	if name, message := a.Failure(t); name != task.InputInvalid || message != "/do: got number, want string" {
		t.Errorf("posted %s: %s", name, message)
	}
	if a := f.Invoke(`{"do":"nothing"}`, time.Minute); a.Failed {
		t.Errorf("after an error the process must take the next invocation; it posted %s", a.Body)
	}
}

// The task hears of the deadline early enough to give its error a name.
func TestDeadlineComesEarly(t *testing.T) {
	for limit, want := range map[time.Duration]time.Duration{time.Minute: 59_750 * time.Millisecond, time.Second: 900 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			started := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			_, err := task.New("tested", contracts, task.NewLogger(&bytes.Buffer{}, ""), do).Invoke(ctx, []byte(`{"do":"wait"}`))
			var posted messages.InvokeResponse_Error
			if !errors.As(err, &posted) || posted.Type != "Tested.Late" {
				t.Errorf("got %v, want Tested.Late", err)
			}
			if took := time.Since(started); took != want {
				t.Errorf("of %v the task had %v, want %v", limit, took, want)
			}
		})
	}
}

// After a panic the caller has its typed error, the log the stack, and the process ends: nobody knows what state it is in.
func TestPanicEndsTheProcess(t *testing.T) {
	f := lambdatest.Start(t)
	if name, message := f.Invoke(`{"do":"panic"}`, time.Minute).Failure(t); name != task.Panicked || message != "assignment to entry in nil map" {
		t.Errorf("posted %s: %s", name, message)
	}
	f.Exited()
	if log := f.Log(); !strings.Contains(log, "task_test.do") || !strings.Contains(log, `"stack":"goroutine`) {
		t.Errorf("no stack in the log:\n%s", log)
	}
}

func TestLogIsStructured(t *testing.T) {
	f := lambdatest.Start(t)
	a := f.Invoke(`{"do":"nothing"}`, time.Minute)
	lines := strings.Split(strings.TrimSpace(f.Log()), "\n")
	if len(lines) != 2 {
		t.Fatalf("want a line from the function and one from the task, got %q", lines)
	}
	for i, message := range []string{"at work", "done"} {
		var line struct{ Timestamp, Level, Message, Function, RequestID string }
		if err := json.Unmarshal([]byte(lines[i]), &line); err != nil {
			t.Fatalf("%s: %v", lines[i], err)
		}
		if line.Timestamp == "" || line.Level != "INFO" || line.Message != message || line.Function != "tested" || line.RequestID != a.ID {
			t.Errorf("line %s", lines[i])
		}
	}
}

func TestLogLevel(t *testing.T) {
	f := lambdatest.Start(t, "AWS_LAMBDA_LOG_LEVEL=ERROR")
	f.Invoke(`{"do":"nothing"}`, time.Minute)
	if log := f.Log(); log != "" {
		t.Errorf("at level ERROR a success wrote %q", log)
	}
}

// Code under test may be called without a task around it.
func TestLoggerOutsideAnInvocation(t *testing.T) {
	task.Logger(context.Background()).Info("nobody hears this")
}

func ExampleNew() {
	type In struct{ A, B int }
	type Out struct{ Sum int }
	contracts := fstest.MapFS{
		"add.input.schema.json":  {Data: []byte(`{"required": ["A", "B"]}`)},
		"add.output.schema.json": {Data: []byte(`{"required": ["Sum"]}`)},
	}
	add := task.New("add", contracts, task.NewLogger(&bytes.Buffer{}, ""), func(_ context.Context, in In) (Out, error) {
		return Out{in.A + in.B}, nil
	})
	// A function's main hands it to lambda.Start; here it is called as Lambda would call it.
	sum, err := add.Invoke(context.Background(), []byte(`{"A": 2, "B": 3}`))
	fmt.Println(string(sum), err)
	// Output: {"Sum":5} <nil>
}

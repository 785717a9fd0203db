package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

// latency is how long a call to the outside takes, so that whoever started an execution knows its ARN before the outside is asked.
const latency = time.Millisecond

// world is what surrounds the engine: functions, queues, and the recorded answers of all else. It implements runner.Performer and
// task.Invoker.
type world struct {
	catalog  *task.Catalog
	routes   *awsclient.Routes
	recorded time.Time
	requires []string
	consumed bool // the case itself reads its queues and answers the tokens in them
	topics   bool // topics and queues are real

	// answer ends a task by its token, as whoever holds it would.
	answer func(token string, outcome recorded)

	mu        sync.Mutex // guards names too
	names     *names
	functions map[string]any         // behaviour by name
	queues    map[string]chan string // bodies by the queue's name
	replays   map[string]*replay     // by the execution's ARN
	sync      *replay                // of the synchronous run under way
	jobs      map[string]recorded    // that were started, by task token
	faults    []string               // calls that AWS did not make
}

// replay is what is left of a run's recorded service results.
type replay struct{ left []recorded }

func newWorld(c *testCase, n *names) *world {
	w := &world{
		requires: c.Requires, recorded: c.date(), jobs: map[string]recorded{}, names: n, functions: map[string]any{}, queues: map[string]chan string{}, replays: map[string]*replay{},
		topics:   c.hasTopics(),
		consumed: strings.Contains(c.text, `"sqs.ReceiveMessage"`) || strings.Contains(c.text, `"sqs_task_worker"`),
	}
	w.routes, _ = awsclient.NewRoutes(nil) // no upstream can be wrong
	w.catalog = task.NewCatalog(task.Config{Functions: w, Routes: w.routes})
	return w
}

// redriveCame is when AWS began to tell of redrives in what it says about executions.
var redriveCame = time.Date(2023, time.November, 16, 0, 0, 0, 0, time.UTC)

// Prepare implements runner.Performer.
func (w *world) Prepare(r asl.Resource, parameters *value.Data) (*value.Data, string) {
	return w.catalog.Prepare(r, parameters)
}

// ResultShape implements runner.Performer.
func (w *world) ResultShape(r asl.Resource) *awsmodel.Shape { return w.catalog.ResultShape(r) }

// AwaitJob implements runner.Performer: nested executions are followed for real, other jobs end as recorded.
func (w *world) AwaitJob(ctx context.Context, c task.Call, submitted *value.Data) (*value.Data, *sfn.Failure) {
	if c.Resource.Service == "states" {
		output, failure := w.catalog.AwaitJob(ctx, c, submitted)
		if w.recorded.Before(redriveCame) {
			return asBeforeRedrive(output, failure)
		}
		return output, failure
	}
	w.mu.Lock()
	entry := w.jobs[c.Token]
	w.mu.Unlock()
	switch entry.text("outcome") {
	case "succeeded":
		return mustData(w.dictate(entry["output"])), nil
	case "failed":
		failure := failureOf(w.dictateEntry(entry))
		return nil, &failure
	}
	<-ctx.Done()
	return nil, sfn.Fail(sfn.ErrorTimeout, "nobody answered")
}

// asBeforeRedrive leaves out of a nested execution's description what AWS did not say yet when the case was recorded.
func asBeforeRedrive(output *value.Data, failure *sfn.Failure) (*value.Data, *sfn.Failure) {
	strip := func(v value.Value) value.Value {
		o, ok := v.(*value.Object)
		if !ok {
			return v
		}
		var members []value.Member
		for name, inner := range o.All() {
			if !strings.HasPrefix(name, "Redrive") {
				members = append(members, value.Member{Name: name, Value: inner})
			}
		}
		return value.NewObject(members...)
	}
	if output != nil {
		output = value.NewData(strip(output.Value()))
	}
	if failure != nil {
		if cause, err := value.Parse(failure.Cause.Text); err == nil {
			failure.Cause.Text = value.Text(strip(cause))
		}
	}
	return output, failure
}

// StopJob implements runner.Performer.
func (w *world) StopJob(ctx context.Context, c task.Call, submitted *value.Data) error {
	if c.Resource.Service != "states" {
		return nil
	}
	return w.catalog.StopJob(ctx, c, submitted)
}

// started tells which run the execution is.
func (w *world) started(arn string, r *replay) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replays[arn] = r
}

func (w *world) setSync(r *replay) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sync = r
}

// Perform implements runner.Performer.
func (w *world) Perform(ctx context.Context, c task.Call) (*value.Data, *sfn.Failure) {
	time.Sleep(latency)
	r := c.Resource
	simulated := r.Kind == asl.ResourceFunction || r.Service == "lambda"
	if simulated || w.catalog.Supports(r) && !w.required(r.Service) {
		output, failure := w.catalog.Perform(ctx, c)
		if r.Service == "states" && failure == nil {
			output = w.asLong(c, output)
		}
		return output, failure
	}
	return w.replay(ctx, c)
}

// asLong gives a response of Step Functions the length that AWS's had: it depends on names that were masked in the recording, and on how many
// digits of a time happened to be zero.
func (w *world) asLong(c task.Call, output *value.Data) *value.Data {
	given, err := decodeJSON(c.Parameters.Text())
	if err != nil {
		return output
	}
	w.mu.Lock()
	entry := w.take(c.Execution, c.Resource.Type()+":"+c.Resource.Name(), given)
	w.mu.Unlock()
	for _, part := range []string{"submitted", "output"} {
		length, ok := descend(entry[part], ".SdkHttpMetadata.HttpHeaders.Content-Length")
		if !ok {
			continue
		}
		text := value.String(textOf(length))
		o := output.Value().(*value.Object)
		metadata, _ := o.Get("SdkHttpMetadata")
		of := func(name string) *value.Object {
			v, _ := metadata.(*value.Object).Get(name)
			return v.(*value.Object)
		}
		replaced := metadata.(*value.Object).With("HttpHeaders", of("HttpHeaders").With("Content-Length", text)).
			With("AllHttpHeaders", of("AllHttpHeaders").With("Content-Length", value.Array{text}))
		return value.NewData(o.With("SdkHttpMetadata", replaced))
	}
	return output
}

// follows tells whether the case has a recording of the execution. It has none of nested ones.
func (w *world) follows(execution string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.replays[execution] != nil || w.sync != nil
}

func (w *world) required(service string) bool {
	for _, name := range w.requires {
		if name == "s3" || name == "events" || w.topics && (name == "sns" || name == "sqs") {
			continue // they are there
		}
		if name == service || "aws-sdk:"+name == service || name == "aws-sdk:"+service {
			return true
		}
	}
	return false
}

// replay answers with what AWS recorded for the call.
func (w *world) replay(ctx context.Context, c task.Call) (*value.Data, *sfn.Failure) {
	resource := c.Resource.Type() + ":" + c.Resource.Name()
	given, err := decodeJSON(c.Parameters.Text())
	if err != nil {
		return nil, sfn.Fail(sfn.ErrorRuntime, "The parameters are not JSON: %s", err)
	}
	w.mu.Lock()
	entry := w.take(c.Execution, resource, given)
	if strings.HasPrefix(resource, "sqs:sendMessage") {
		w.enqueue(given)
	}
	w.mu.Unlock()
	if entry == nil {
		if strings.HasPrefix(resource, "sqs:sendMessage") && (c.Token != "" || !w.follows(c.Execution)) {
			return mustData(object{"MessageId": uuid.NewString()}), nil // nothing recorded, but the case holds the other end of the queue
		}
		return nil, sfn.Fail(sfn.ErrorRuntime, "%s was not called on AWS", resource)
	}
	outcome := entry.text("outcome")
	submitted, isSubmitted := entry["submitted"]
	if c.Resource.RunsJob() && isSubmitted {
		w.mu.Lock()
		w.jobs[c.Token] = entry
		w.mu.Unlock()
		return mustData(w.dictate(submitted)), nil
	}
	if c.Token != "" && (isSubmitted || outcome == "succeeded") {
		if outcome != "timed_out" && outcome != "none_recorded" && !(w.consumed && c.Resource.Service == "sqs") {
			go func() {
				time.Sleep(latency)
				w.answer(c.Token, w.dictateEntry(entry))
			}()
		}
		if !isSubmitted {
			submitted = object{}
		}
		return mustData(w.dictate(submitted)), nil
	}
	switch outcome {
	case "succeeded", "none_recorded":
		return mustData(w.dictate(entry["output"])), nil
	case "failed":
		failure := failureOf(w.dictateEntry(entry))
		return nil, &failure
	}
	<-ctx.Done()
	return nil, sfn.Fail(sfn.ErrorTimeout, "nobody answered")
}

// take finds the recorded entry of the call: of those left with its resource the first whose parameters agree, or else the first. w.mu
// is held.
func (w *world) take(execution, resource string, given any) recorded {
	r := w.replays[execution]
	if r == nil {
		r = w.sync
	}
	if r == nil {
		return nil
	}
	best := -1
	var d *difference
	for i, entry := range r.left {
		if entry.text("resource") != resource {
			continue
		}
		m := &matcher{names: w.names.clone()}
		if d = m.compare("parameters", entry["parameters"], given); d == nil || entry.text("outcome") == "none_recorded" {
			best, d = i, nil
			break
		}
		if best < 0 {
			best = i
		}
	}
	if best < 0 {
		w.faults = append(w.faults, resource+" was not called on AWS")
		return nil
	}
	if d != nil {
		w.faults = append(w.faults, fmt.Sprintf("%s was called with other parameters: %s", resource, d))
	}
	entry := r.left[best]
	r.left = append(r.left[:best:best], r.left[best+1:]...)
	return entry
}

// dictated stands in an answer for a name that is not known yet. Wherever the name is expected the comparison takes it, whatever the name
// comes to mean in between.
func dictated(name string) string { return "dictated-" + strings.TrimPrefix(name, "*") }

// dictate replaces the tokens in what is answered.
func (w *world) dictate(v any) any {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.filled(v)
}

func (w *world) filled(v any) any {
	switch v := v.(type) {
	case string:
		if name, ok := loneToken(v); ok {
			if known, ok := w.names.lookup(name); ok {
				return known
			}
		}
		return tokens.ReplaceAllStringFunc(v, func(token string) string {
			name := token[2 : len(token)-2]
			if known, ok := w.names.lookup(name); ok {
				return textOf(known)
			}
			return dictated(name)
		})
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = w.filled(v[i])
		}
		return list
	case object:
		return w.filled(map[string]any(v))
	case map[string]any:
		members := make(map[string]any, len(v))
		for name := range v {
			members[name] = w.filled(v[name])
		}
		return members
	}
	return v
}

func (w *world) dictateEntry(entry recorded) recorded {
	filled, _ := w.dictate(map[string]any(entry)).(map[string]any)
	return filled
}

// failureOf is the error and the cause of an entry; either may be absent. A cause that the recorder parsed is a text again.
func failureOf(entry recorded) sfn.Failure {
	var f sfn.Failure
	if v, ok := entry["error"]; ok {
		f.Error = sfn.Some(textOf(v))
	}
	if v, ok := entry["cause"]; ok {
		f.Cause = sfn.Some(textOf(v))
	}
	return f
}

// recordedText is the JSON text of a recorded input or output. The recorder parsed texts that hold an object or array and left others.
func recordedText(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	return compact(v)
}

func mustData(v any) *value.Data {
	data, err := value.ParseData(recordedText(v))
	if err != nil {
		return value.NewData(value.Null{})
	}
	return data
}

// queueName is the name of the queue with the URL or name.
func queueName(queue string) string { return queue[strings.LastIndexByte(queue, '/')+1:] }

// queue returns the messages of a queue. w.mu is held.
func (w *world) queue(name string) chan string {
	name = queueName(name)
	if w.queues[name] == nil {
		w.queues[name] = make(chan string, 100)
	}
	return w.queues[name]
}

// enqueue keeps the message that sqs:sendMessage was given. w.mu is held.
func (w *world) enqueue(parameters any) {
	p, _ := parameters.(map[string]any)
	url, _ := p["QueueUrl"].(string)
	select {
	case w.queue(url) <- textOf(p["MessageBody"]):
	default:
	}
}

// receive waits for a message.
func (w *world) receive(ctx context.Context, queue string) (string, bool) {
	w.mu.Lock()
	messages := w.queue(queue)
	w.mu.Unlock()
	select {
	case body := <-messages:
		return body, true
	case <-ctx.Done():
		return "", false
	}
}

// functionName is the name in a function's ARN, qualified or not.
func functionName(function string) string {
	if _, rest, ok := strings.Cut(function, ":function:"); ok {
		function = rest
	}
	name, _, _ := strings.Cut(function, ":")
	return name
}

// Invoke implements task.Invoker.
func (w *world) Invoke(ctx context.Context, in lambda.Invocation) (lambda.Result, error) {
	name := functionName(in.Function)
	w.mu.Lock()
	behaviour, ok := w.functions[name]
	place := sfn.Place{Partition: "aws", Region: "us-east-1", Account: textOf(w.names.values["account"])}
	w.mu.Unlock()
	if !ok {
		return lambda.Result{}, &lambda.Error{
			Code: lambda.CodeResourceNotFound, Message: "Function not found: " + place.FunctionARN(name) + ":$LATEST", Status: http.StatusNotFound, Fault: "User",
		}
	}
	if in.RequestID == "" {
		in.RequestID = uuid.NewString()
	}
	result := lambda.Result{ExecutedVersion: "$LATEST", RequestID: in.RequestID}
	err := behave(ctx, behaviour, in, &result)
	return result, err
}

// behave does what a simulated function does.
func behave(ctx context.Context, behaviour any, in lambda.Invocation, result *lambda.Result) error {
	b, _ := behaviour.(map[string]any)
	event := string(in.Payload)
	if event == "" {
		event = "{}"
	}
	switch b["behaviour"] {
	case "echo":
		result.Payload = []byte(spaced(event))
	case "return":
		result.Payload = []byte(spaced(compact(b["value"])))
	case "return_text":
		repr, err := pythonRepr(event)
		if err != nil {
			return err
		}
		result.Payload = []byte(compact(textOf(b["prefix"]) + repr))
	case "return_large_string":
		n, _ := b["length"].(json.Number)
		length, _ := n.Int64()
		result.Payload = []byte(compact(strings.Repeat(textOf(b["char"]), int(length))))
	case "raise":
		result.FunctionError = "Unhandled"
		result.Payload = []byte(`{"errorMessage": ` + compact(b["errorMessage"]) + `, "errorType": ` + compact(b["errorType"]) +
			`, "requestId": "` + in.RequestID + `", "stackTrace": ` + spaced(compact(b["stackTrace"])) + `}`)
	case "sleep":
		n, _ := b["seconds"].(json.Number)
		d, _ := n.Int64()
		select {
		case <-time.After(time.Duration(d) * time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
		return behave(ctx, b["then"], in, result)
	default:
		return fmt.Errorf("no such behaviour: %v", b["behaviour"])
	}
	return nil
}

// spaced writes a JSON text as Python's json.dumps does: a blank behind each comma and colon and nowhere else.
func spaced(text string) string {
	var b strings.Builder
	inString := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case inString:
			b.WriteByte(c)
			if c == '\\' && i+1 < len(text) {
				i++
				b.WriteByte(text[i])
			} else if c == '"' {
				inString = false
			}
		case c == '"':
			inString = true
			b.WriteByte(c)
		case c == ',' || c == ':':
			b.WriteByte(c)
			b.WriteByte(' ')
		case c != ' ' && c != '\t' && c != '\r' && c != '\n':
			b.WriteByte(c)
		}
	}
	return b.String()
}

// pythonRepr is what Python's repr makes of the parsed text.
func pythonRepr(text string) (string, error) {
	v, err := value.Parse(text)
	if err != nil {
		return "", err
	}
	return repr(v), nil
}

func repr(v value.Value) string {
	switch v := v.(type) {
	case value.Null:
		return "None"
	case value.Bool:
		if v {
			return "True"
		}
		return "False"
	case value.String:
		quote := "'"
		if strings.Contains(string(v), "'") && !strings.Contains(string(v), `"`) {
			quote = `"`
		}
		text := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(string(v))
		if quote == "'" {
			text = strings.ReplaceAll(text, "'", `\'`)
		}
		return quote + text + quote
	case value.Array:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = repr(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *value.Object:
		var parts []string
		for name, member := range v.All() {
			parts = append(parts, repr(value.String(name))+": "+repr(member))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return value.Text(v)
}

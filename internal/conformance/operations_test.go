package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// response is the answer to a call.
type response struct {
	status int
	body   any      // of a call that succeeded
	err    *refusal // of one that was refused
	need   string   // what is not there to make the call with, like an operation's name
}

// refusal is an error that the API answered.
type refusal struct {
	code, message string
	more          map[string]any // any other member of the error's body
}

// value is what a case sees of the error.
func (r *refusal) value() map[string]any {
	v := map[string]any{"code": r.code, "message": r.message}
	for name, member := range r.more {
		v[name] = member
	}
	return v
}

// service calls Step Functions: over the wire's handler where it serves the operation, else through the table below.
type service struct {
	runner  *runner.Runner
	handler http.Handler
}

func (s *service) call(ctx context.Context, operation string, place sfn.Place, params any) response {
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/", strings.NewReader(compact(params)))
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("X-Amz-Target", "AWSStepFunctions."+operation)
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, request)
	r := readResponse(answer.Code, answer.Body.String())
	if r.err == nil || r.err.code != "UnknownOperationException" {
		return r
	}
	do, ok := operations[operation]
	if !ok {
		return response{need: operation}
	}
	out, err := do(ctx, s.runner, place, []byte(compact(params)))
	return direct(operation, out, err)
}

func readResponse(status int, text string) response {
	body, err := decodeJSON(text)
	if err != nil {
		return response{status: status, err: &refusal{code: "unreadable", message: text}}
	}
	if status == http.StatusOK {
		return response{status: status, body: body}
	}
	members, _ := body.(map[string]any)
	r := &refusal{more: map[string]any{}}
	for name, member := range members {
		switch name {
		case "__type":
			kind, _ := member.(string)
			r.code = kind[strings.LastIndexByte(kind, '#')+1:]
		case "message":
			r.message, _ = member.(string)
		default:
			r.more[name] = member
		}
	}
	return response{status: status, err: r}
}

// direct makes a response of what the runner answered.
func direct(operation string, out any, err error) response {
	var refused *sfn.Exception
	var invalid *runner.InvalidDefinitionError
	switch {
	case errors.As(err, &refused):
		return response{status: http.StatusBadRequest, err: &refusal{code: string(refused.Name), message: refused.Message}}
	case errors.As(err, &invalid):
		return response{status: http.StatusBadRequest, err: &refusal{code: string(sfn.InvalidDefinition), message: invalid.Error()}}
	case errors.Is(err, errNeeded):
		return response{need: operation + " " + err.Error()}
	case err != nil:
		return response{status: http.StatusInternalServerError, err: &refusal{code: "InternalFailure", message: err.Error()}}
	}
	body, err := decodeJSON(compact(out))
	if err != nil {
		return response{status: http.StatusInternalServerError, err: &refusal{code: "InternalFailure", message: err.Error()}}
	}
	return response{status: http.StatusOK, body: body}
}

// errNeeded answers a call with parameters that the runner has nothing for.
var errNeeded = errors.New("with these parameters")

type object map[string]any

type operation func(ctx context.Context, r *runner.Runner, place sfn.Place, params []byte) (any, error)

// operations are those that the runner can do and the wire does not serve yet. What the wire serves is never looked up here.
var operations = map[string]operation{
	"CreateStateMachine":             createStateMachine,
	"UpdateStateMachine":             updateStateMachine,
	"ValidateStateMachineDefinition": validateDefinition,
	"CreateActivity": func(_ context.Context, r *runner.Runner, place sfn.Place, params []byte) (any, error) {
		in, err := read(params)
		if err != nil {
			return nil, err
		}
		a, err := r.CreateActivity(place, runner.NewActivity{Name: in.Name})
		return object{"activityArn": a.ARN, "creationDate": seconds(a.Created)}, err
	},
	"DescribeActivity": func(_ context.Context, r *runner.Runner, _ sfn.Place, params []byte) (any, error) {
		in, err := read(params)
		if err != nil {
			return nil, err
		}
		a, err := r.Activity(in.ActivityARN)
		return object{"activityArn": a.ARN, "name": a.Name, "creationDate": seconds(a.Created)}, err
	},
	"DeleteActivity": func(_ context.Context, r *runner.Runner, _ sfn.Place, params []byte) (any, error) {
		in, err := read(params)
		if err != nil {
			return nil, err
		}
		return object{}, r.DeleteActivity(in.ActivityARN)
	},
	"ListActivities": func(_ context.Context, r *runner.Runner, _ sfn.Place, _ []byte) (any, error) {
		all, err := r.Activities()
		list := []object{}
		for _, a := range all {
			list = append(list, object{"activityArn": a.ARN, "name": a.Name, "creationDate": seconds(a.Created)})
		}
		return object{"activities": list}, err
	},
	"GetActivityTask": func(ctx context.Context, r *runner.Runner, _ sfn.Place, params []byte) (any, error) {
		in, err := read(params)
		if err != nil {
			return nil, err
		}
		task, err := r.GetActivityTask(ctx, in.ActivityARN, in.WorkerName)
		if task.Token == "" {
			return object{}, err
		}
		return object{"taskToken": task.Token, "input": task.Input}, err
	},
}

// request holds the parameters of the operations above.
type request struct {
	Name            string  `json:"name"`
	Definition      *string `json:"definition"`
	RoleARN         string  `json:"roleArn"`
	Type            string  `json:"type"`
	Publish         bool    `json:"publish"`
	StateMachineARN string  `json:"stateMachineArn"`
	Severity        string  `json:"severity"`
	MaxResults      int     `json:"maxResults"`
	ActivityARN     string  `json:"activityArn"`
	WorkerName      string  `json:"workerName"`
}

func read(params []byte) (request, error) {
	var in request
	err := json.Unmarshal(params, &in)
	return in, err
}

func (in request) definition() string {
	if in.Definition == nil {
		return ""
	}
	return *in.Definition
}

func createStateMachine(_ context.Context, r *runner.Runner, place sfn.Place, params []byte) (any, error) {
	in, err := read(params)
	if err != nil {
		return nil, err
	}
	if in.Publish {
		return nil, errNeeded
	}
	m, err := r.PutMachine(place, runner.Definition{Name: in.Name, Type: sfn.MachineType(in.Type), Text: in.definition(), RoleARN: in.RoleARN})
	return object{"stateMachineArn": m.ARN, "creationDate": seconds(m.Created)}, err
}

func updateStateMachine(_ context.Context, r *runner.Runner, place sfn.Place, params []byte) (any, error) {
	in, err := read(params)
	if err != nil {
		return nil, err
	}
	if in.Publish {
		return nil, errNeeded
	}
	m, err := r.Machine(in.StateMachineARN)
	if err != nil {
		return nil, err
	}
	d := runner.Definition{Name: m.Name, Type: m.Type, Text: m.Definition, RoleARN: m.RoleARN}
	if in.Definition != nil {
		d.Text = *in.Definition
	}
	if in.RoleARN != "" {
		d.RoleARN = in.RoleARN
	}
	if m, err = r.PutMachine(place, d); err != nil {
		return nil, err
	}
	return object{"updateDate": seconds(updated(m)), "revisionId": revisionID(m)}, nil
}

func validateDefinition(_ context.Context, _ *runner.Runner, _ sfn.Place, params []byte) (any, error) {
	in, err := read(params)
	if err != nil {
		return nil, err
	}
	machine, diagnostics := asl.Parse(in.definition(), asl.Options{Type: sfn.MachineType(in.Type)})
	shown := []sfn.Diagnostic{}
	for _, d := range diagnostics {
		if d.Severity == sfn.SeverityError || in.Severity == string(sfn.SeverityWarning) {
			shown = append(shown, d)
		}
	}
	result := "OK"
	if machine == nil {
		result = "FAIL"
	}
	most := in.MaxResults
	if most == 0 {
		most = 100
	}
	truncated := len(shown) > most
	return object{"result": result, "diagnostics": shown[:min(most, len(shown))], "truncated": truncated}, nil
}

func revisionID(m store.Machine) string {
	return "00000000-0000-4000-8000-" + strings.Repeat("0", 11) + string(rune('0'+m.Revision%10))
}

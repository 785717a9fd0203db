package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
)

// listener is a target that keeps what it hears.
type listener struct {
	mu    sync.Mutex
	heard []string
}

func (l *listener) Deliver(_ context.Context, m trigger.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, m.Input)
	return nil
}

// openEventful opens a runner whose executions are listened to.
func openEventful(t *testing.T, disk vfs.FS, l *listener) (*server, *trigger.Events) {
	t.Helper()
	db, err := store.Open("data", store.WithFS(disk))
	if err != nil {
		t.Fatal(err)
	}
	e, err := trigger.NewEvents(trigger.EventsConfig{Store: db, Targets: map[string]trigger.Deliverer{"sqs": l}})
	if err != nil {
		t.Fatal(err)
	}
	return &server{Runner: runner.New(runner.Config{Store: db, Tasks: tasks{}, Events: e, Shards: 2}), store: db}, e
}

func listenTo(t *testing.T, e *trigger.Events, pattern string) {
	t.Helper()
	if err := e.PutRule(trigger.Rule{Bus: "default", Name: "statuses", Pattern: pattern}); err != nil {
		t.Fatal(err)
	}
	if err := e.PutTargets("default", "statuses", []trigger.Target{{ID: "1", ARN: "arn:aws:sqs:us-east-1:000000000000:q"}}); err != nil {
		t.Fatal(err)
	}
}

// An execution's statuses are told as AWS tells them, nulls included.
func TestStatusEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{}
		s, e := openEventful(t, vfs.NewMem(), l)
		if err := e.Start(); err != nil {
			t.Fatal(err)
		}
		listenTo(t, e, `{"source":["aws.states"],"detail-type":["Step Functions Execution Status Change"]}`)
		s.start(t)
		machine := s.machine(t, "m", `{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E"}}}`)
		arn := s.run(t, machine, `{"a": 1}`).ARN
		large := s.run(t, s.machine(t, "p", passMachine), `"`+strings.Repeat("x", 200<<10)+`"`).ARN
		synctest.Wait()
		seen := map[string]string{}
		for _, text := range l.heard {
			var event struct {
				Detail json.RawMessage
			}
			if err := json.Unmarshal([]byte(text), &event); err != nil {
				t.Fatal(err)
			}
			var detail struct{ ExecutionARN, Status string }
			if err := json.Unmarshal(event.Detail, &detail); err != nil {
				t.Fatal(err)
			}
			seen[detail.ExecutionARN+" "+detail.Status] = string(event.Detail)
		}
		const times = `"startDate":946684800000,`
		_, name, _ := strings.Cut(arn, "execution:m:")
		head := fmt.Sprintf(`{"executionArn":%q,"stateMachineArn":%q,"stateMachineVersionArn":null,"stateMachineAliasArn":null,"name":%q,`, arn, machine, name)
		for status, want := range map[string]string{
			"RUNNING": head + `"status":"RUNNING",` + times + `"stopDate":null,"input":"{\"a\": 1}","inputDetails":{"included":true},"output":null,"outputDetails":null,` +
				`"redriveCount":0,"redriveDate":null,"redriveStatus":"NOT_REDRIVABLE","redriveStatusReason":"Execution is RUNNING and cannot be redriven","error":null,"cause":null}`,
			"FAILED": head + `"status":"FAILED",` + times + `"stopDate":946684800000,"input":"{\"a\": 1}","inputDetails":{"included":true},"output":null,"outputDetails":null,` +
				`"redriveCount":0,"redriveDate":null,"redriveStatus":"REDRIVABLE","redriveStatusReason":"Execution is FAILED and is redrivable","error":"E","cause":null}`,
		} {
			if got := seen[arn+" "+status]; got != want {
				t.Errorf("%s:\n got %s\nwant %s", status, got, want)
			}
		}
		if got := seen[large+" SUCCEEDED"]; !strings.Contains(got, `"input":null,"inputDetails":{"included":false},"output":null,"outputDetails":{"included":false}`) {
			t.Errorf("with much data: %.300s", got)
		}
		e.Close()
		s.close(t)
	})
}

// What is told of is told by the next process if this one is killed before it could.
func TestStatusEventsOutliveAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, l := vfs.NewCrashableMem(), &listener{}
		s, e := openEventful(t, disk, l)
		listenTo(t, e, `{"detail":{"status":["SUCCEEDED"]}}`)
		s.start(t)
		arn := s.run(t, s.machine(t, "p", passMachine), `{}`).ARN // nothing is delivered: it was not started
		after := disk.CrashClone(vfs.CrashCloneCfg{})
		e.Close()
		s.close(t)

		s, e = openEventful(t, after, l)
		if err := e.Start(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(l.heard) != 1 || !strings.Contains(l.heard[0], arn) {
			t.Errorf("heard %q", l.heard)
		}
		e.Close()
		s.close(t)
	})
}

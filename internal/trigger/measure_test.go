package trigger_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/await"
	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/measure/measuretest"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
)

// Every metric of the tables is counted: for the rule, for its bus if that is not the default one, and for all.
func TestEventsMetrics(t *testing.T) {
	l := measuretest.NewLedger(time.Time{})
	db, err := store.Open("data", store.WithFS(vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	c := clock.Fast(1e-6)
	fails := &target{fail: func(attempt int) error {
		switch attempt {
		case 1:
			return errors.New("not now")
		case 2:
			return nil
		}
		return &trigger.Permanent{Err: errors.New("gone")}
	}}
	letters := &target{fail: func(letter int) error {
		if letter > 1 {
			return &trigger.Permanent{Err: errors.New("no queue")}
		}
		return nil
	}}
	e, err := trigger.NewEvents(trigger.EventsConfig{Store: db, Meter: l, Clock: c, Targets: map[string]trigger.Deliverer{"lambda": fails, "sqs": letters}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	check(t, e.CreateBus(trigger.Bus{Name: "custom"}))
	check(t, e.PutRule(trigger.Rule{Bus: "custom", Name: "deaf", Pattern: `{"source":["shop"]}`}))
	dead := &trigger.DeadLetterConfig{ARN: "arn:aws:sqs:us-east-1:000000000000:dead"}
	rule(t, e, trigger.Target{ID: "1", ARN: lambdaARN, DeadLetterConfig: dead})
	put := func(bad ...trigger.EventEntry) {
		t.Helper()
		if _, err := e.PutEvents(append(bad, order("{}"))); err != nil {
			t.Fatal(err)
		}
	}
	settle := func(metric string, want float64) {
		t.Helper()
		await.Nothing(t, func() string {
			if sum, _ := l.Sum("AWS/Events " + metric); sum == want {
				return ""
			}
			if due, ok := e.NextDue(); ok {
				c.SkipTo(due)
			}
			return fmt.Sprintf("%s does not become %g: %v", metric, want, l.Metrics())
		})
	}
	put(trigger.EventEntry{}) // is tried twice, and does not get as far as a rule
	settle("SuccessfulInvocationAttempts RuleName=orders", 1)
	elsewhere := order("{}")
	elsewhere.Bus = "custom"
	if _, err := e.PutEvents([]trigger.EventEntry{elsewhere}); err != nil {
		t.Fatal(err)
	}
	for _, dimension := range []string{"EventBusName=custom", "EventBusName=custom RuleName=deaf"} {
		if got, _ := l.Sum("AWS/Events MatchedEvents " + dimension); got != 1 {
			t.Errorf("%s: %g", dimension, got)
		}
	}
	put() // goes to the dead-letter queue
	settle("InvocationsSentToDlq RuleName=orders", 1)
	put() // and this not even there
	settle("InvocationsFailedToBeSentToDlq RuleName=orders", 1)
	for metric, want := range map[string]float64{
		"MatchedEvents": 3, "TriggeredRules": 3, "InvocationsCreated": 3, "Invocations": 3, "FailedInvocations": 2, "InvocationAttempts": 4, "SuccessfulInvocationAttempts": 1,
		"RetryInvocationAttempts": 1,
	} {
		if got, _ := l.Sum("AWS/Events " + metric + " RuleName=orders"); got != want {
			t.Errorf("%s: %g, want %g", metric, got, want)
		}
	}
	if start, _ := l.Sum("AWS/Events IngestionToInvocationStartLatency"); start > 1000 {
		t.Errorf("the first attempts began after %g ms: those of retries count", start)
	}
	if took, _ := l.Sum("AWS/Events IngestionToInvocationSuccessLatency"); took < 1000 {
		t.Errorf("the event was delivered after %g ms, but its retry was a second later", took)
	}
	for metric, want := range map[string]float64{"PutEventsApproximateCallCount": 4, "PutEventsEntriesCount": 5, "PutEventsFailedEntriesCount": 1, "MatchedEvents": 4, "Invocations": 3} {
		if got, _ := l.Sum("AWS/Events " + metric); got != want {
			t.Errorf("%s: %g, want %g", metric, got, want)
		}
	}
	e.Close()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if _, err := e.PutEvents([]trigger.EventEntry{order("{}")}); err == nil {
		t.Error("an event is taken after the store was closed")
	}
	for _, table := range []measure.Table{trigger.Metrics(), trigger.PutMetrics()} {
		for _, m := range table.Metrics {
			if _, counted := l.Sum("AWS/Events " + m.Name); !counted {
				t.Errorf("%s is in a table, but nobody counts it", m.Name)
			}
		}
	}
}

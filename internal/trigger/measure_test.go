package trigger_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
)

// What rules do is counted under AWS's names, for the rule and for all.
func TestEventsMetrics(t *testing.T) {
	m := metrics.New("/metrics", metrics.WithFS(vfs.NewMem()))
	db, err := store.Open("data", store.WithFS(vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	gone := &target{fail: func(int) error { return &trigger.Permanent{Err: errors.New("gone")} }}
	letters := &target{}
	e, err := trigger.NewEvents(trigger.EventsConfig{Store: db, Metrics: m, Targets: map[string]trigger.Deliverer{"lambda": gone, "sqs": letters}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	rule(t, e, trigger.Target{ID: "1", ARN: lambdaARN, DeadLetterConfig: &trigger.DeadLetterConfig{ARN: "arn:aws:sqs:us-east-1:000000000000:dead"}})
	if _, err := e.PutEvents([]trigger.EventEntry{order("{}")}); err != nil {
		t.Fatal(err)
	}
	counted := func() string {
		list, err := m.Metrics(metrics.Filter{Namespace: "AWS/Events", Dimensions: []metrics.Dimension{{Name: "RuleName"}}})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, one := range list {
			names = append(names, fmt.Sprint(one.Name, " ", one.Dimensions[0].Value))
		}
		return strings.Join(names, ", ")
	}
	const want = "FailedInvocations orders, Invocations orders, InvocationsSentToDlq orders, MatchedEvents orders, TriggeredRules orders"
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(10 * time.Second); counted() != want; {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s, want %s", counted(), want)
		}
	}
	e.Close()
	if err := errors.Join(db.Close(), m.Close()); err != nil {
		t.Error(err)
	}
}

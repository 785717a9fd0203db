package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/tutti-run/tutti/internal/await"
)

// life is one life of a real tutti serve.
type life struct {
	cmd    *exec.Cmd
	events *eventbridge.Client
	states *awssfn.Client
}

func startLife(t *testing.T, data string) *life {
	t.Helper()
	path, err := exec.LookPath("tutti")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), path, "serve", "--empty", "--port", "0", "--data", data, "--output", "json")
	url := startServing(t, cmd)
	return &life{
		cmd: cmd,
		events: eventbridge.New(eventbridge.Options{
			Region: "us-east-1", BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), RetryMaxAttempts: 1,
			HTTPClient: &http.Client{Transport: wholeBody{&http.Transport{DisableKeepAlives: true}}},
		}),
		states: localAPI(url),
	}
}

// kill ends the process as kill -9 does.
func (l *life) kill() {
	_ = l.cmd.Process.Kill() // it may have ended
	_ = l.cmd.Wait()         // killed
}

// put puts batches of ten events with ascending numbers until the server does not answer any more, and returns those that were acknowledged.
func (l *life) put(next *atomic.Int64, acknowledged *sync.Map) {
	for {
		last := next.Add(10)
		var entries []eventtypes.PutEventsRequestEntry
		for n := last - 9; n <= last; n++ {
			entries = append(entries, eventtypes.PutEventsRequestEntry{Source: aws.String("crash"), DetailType: aws.String("N"), Detail: aws.String(fmt.Sprintf(`{"n":%d}`, n))})
		}
		out, err := l.events.PutEvents(context.Background(), &eventbridge.PutEventsInput{Entries: entries})
		if err != nil || out.FailedEntryCount > 0 {
			return
		}
		for n := last - 9; n <= last; n++ {
			acknowledged.Store(n, true)
		}
	}
}

// started counts the executions by the number of their event, once all have ended and each of the acknowledged events has one.
func (l *life) started(t *testing.T, machine *string, acknowledged *sync.Map) map[int64]int {
	t.Helper()
	counts, seen := map[int64]int{}, map[string]bool{}
	await.Nothing(t, func() string {
		pages := awssfn.NewListExecutionsPaginator(l.states, &awssfn.ListExecutionsInput{StateMachineArn: machine, MaxResults: 1000})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Executions {
				if e.Status == types.ExecutionStatusRunning {
					return *e.ExecutionArn + " runs"
				}
				if !seen[*e.ExecutionArn] {
					seen[*e.ExecutionArn] = true
					counts[l.eventOf(t, e.ExecutionArn)]++
				}
			}
		}
		missing := ""
		acknowledged.Range(func(event, _ any) bool {
			if counts[event.(int64)] == 0 {
				missing = fmt.Sprintf("event %d was acknowledged and has started nothing", event)
			}
			return missing == ""
		})
		return missing
	})
	return counts
}

// eventOf is the number of the event that has started an execution, which must have succeeded.
func (l *life) eventOf(t *testing.T, execution *string) int64 {
	t.Helper()
	d, err := l.states.DescribeExecution(t.Context(), &awssfn.DescribeExecutionInput{ExecutionArn: execution})
	if err != nil {
		t.Fatal(err)
	}
	var input struct{ N int64 }
	if err := json.Unmarshal([]byte(*d.Input), &input); err != nil || d.Status != types.ExecutionStatusSucceeded {
		t.Fatalf("%s %s: %v", *d.Input, d.Status, err)
	}
	return input.N
}

// Kill -9 in the midst of events: each that was acknowledged has started one execution in the end, and none has started two.
func TestEventsOutliveKills(t *testing.T) {
	if testing.Short() {
		t.Skip("runs real processes")
	}
	data := t.TempDir()
	l := startLife(t, data)
	defer func() { l.kill() }()
	ctx := t.Context()
	machine, err := l.states.CreateStateMachine(ctx, &awssfn.CreateStateMachineInput{
		Name: aws.String("m"), RoleArn: aws.String("arn:aws:iam::000000000000:role/r"), Definition: aws.String(`{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.events.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["crash"]}`)}); err != nil {
		t.Fatal(err)
	}
	_, err = l.events.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("r"), Targets: []eventtypes.Target{
		{Id: aws.String("m"), Arn: machine.StateMachineArn, InputPath: aws.String("$.detail")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var next atomic.Int64
	var acknowledged sync.Map
	for round := range 3 {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { l.put(&next, &acknowledged) })
		}
		await.Until(t, "400 events are under way", func() bool { return next.Load() >= int64(round+1)*400 })
		l.kill()
		wg.Wait()
		l = startLife(t, data)
	}
	counts := l.started(t, machine.StateMachineArn, &acknowledged)
	for event, times := range counts {
		if times > 1 {
			t.Errorf("event %d has started %d executions", event, times)
		}
	}
	t.Logf("%d events have started executions, of %d sent", len(counts), next.Load())
}

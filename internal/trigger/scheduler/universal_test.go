package scheduler_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/trigger/scheduler"
)

// front is a service that notes its requests and answers the first ones with the statuses.
type front struct {
	mu       sync.Mutex
	got      []string
	statuses []int
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "/us-east-1/")
	scope, _, _ = strings.Cut(scope, "/")
	f.got = append(f.got, scope+" "+r.Header.Get("X-Amz-Target")+" "+string(body))
	if len(f.statuses) > 0 {
		status := f.statuses[0]
		f.statuses = f.statuses[1:]
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}`)
		return
	}
	_, _ = io.WriteString(w, `{}`)
}

// A universal target calls the action of the service with the input as its request; what fails on the other side is tried again, what is refused is not.
func TestUniversalTarget(t *testing.T) {
	for _, test := range []struct {
		name     string
		statuses []int
		calls    int
		letter   string // ERROR_CODE
	}{
		{"taken", nil, 1, ""},
		{"taken at the third time", []int{500, 503}, 3, ""},
		{"refused", []int{400}, 1, "QueueDoesNotExist"},
	} {
		synctest.Test(t, func(t *testing.T) {
			service, box := &front{statuses: test.statuses}, &inbox{}
			routes, err := awsclient.NewRoutes(nil)
			check(t, err)
			routes.Embed(service, "sqs")
			v, closeAll := open(t, vfs.NewMem(), box, func(c *scheduler.Config) { c.Universal = scheduler.NewUniversal(routes, "us-east-1") })
			defer closeAll()
			s := scheduler.Schedule{Name: "s", Expression: "at(2000-01-01T00:01:00)", Target: scheduler.Target{
				ARN: "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", Input: `{"QueueUrl":"u","MessageBody":"at <aws.scheduler.scheduled-time>, try <aws.scheduler.attempt-number>"}`,
				DeadLetters: &trigger.DeadLetterConfig{ARN: lettersARN},
			}}
			create(t, v, s)
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if len(service.got) != test.calls {
				t.Fatalf("%s: called %q", test.name, service.got)
			}
			if want := `sqs AmazonSQS.SendMessage {"QueueUrl":"u","MessageBody":"at 2000-01-01T00:01:00Z, try ` + string(rune('0'+test.calls)) + `"}`; service.got[test.calls-1] != want {
				t.Errorf("%s:\n got %s\nwant %s", test.name, service.got[test.calls-1], want)
			}
			letter := ""
			if len(box.got) > 0 {
				letter = box.got[0].Attributes["ERROR_CODE"].Value
			}
			if letter != test.letter {
				t.Errorf("%s: the dead-letter queue got %q, want %q", test.name, letter, test.letter)
			}
		})
	}
}

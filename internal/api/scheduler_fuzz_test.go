package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/trigger/scheduler"
)

// Whatever comes over the wire is answered as AWS answers: with success or with an error of the client's.
func FuzzScheduler(f *testing.F) {
	target := `"FlexibleTimeWindow":{"Mode":"OFF"},"Target":{"Arn":"` + scheduleQueue + `","RoleArn":"arn:aws:iam::000000000000:role/r"`
	for _, seed := range [][3]string{
		{"POST", "/schedules/s", `{"ScheduleExpression":"rate(1 day)",` + target + `}}`},
		{"PUT", "/schedules/s", `{"ScheduleExpression":"cron(0 9 L-3 * ? *)","StartDate":1e300,"EndDate":-1,` + target + `,"Input":"<aws.scheduler.attempt-number>"}}`},
		{"POST", "/schedules/s", `{"ScheduleExpression":"at(2100-01-01T00:00:00)","ScheduleExpressionTimezone":"Asia/Kathmandu","FlexibleTimeWindow":{"Mode":"FLEXIBLE","MaximumWindowInMinutes":1440},"Target":null}`},
		{"POST", "/schedules/u", `{"ScheduleExpression":"rate(1 day)","FlexibleTimeWindow":{"Mode":"OFF"},"Target":{"Arn":"arn:aws:scheduler:::aws-sdk:sqs:sendMessage","RoleArn":"arn:aws:iam::000000000000:role/r","Input":"{}"}}`},
		{"GET", "/schedules?MaxResults=1&NextToken=AA&ScheduleGroup=default&State=ENABLED", ""},
		{"DELETE", "/schedule-groups/default?clientToken=a", ""},
		{"DELETE", "/tags/arn%3Aaws%3Ascheduler%3Aus-east-1%3A000000000000%3Aschedule-group%2Fdefault?TagKeys=a&TagKeys=b", ""},
		{"POST", "/tags/x", `{"Tags":[{"Key":"a","Value":"b"},{}]}`},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	s, err := store.Open("/data", store.WithFS(vfs.NewMem()))
	if err != nil {
		f.Fatal(err)
	}
	v, err := scheduler.Open(scheduler.Config{Store: s, Targets: map[string]trigger.Deliverer{"sqs": make(mailbox)}, Universal: scheduler.NewUniversal(nil, "us-east-1")})
	if err != nil {
		f.Fatal(err)
	}
	handler := api.New(api.Config{Scheduler: v})
	f.Cleanup(func() {
		v.Close()
		_ = s.Close()
	})
	f.Fuzz(func(t *testing.T, method, target, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") {
			return
		}
		r := &http.Request{Method: method, URL: u, Host: "localhost", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), RemoteAddr: "127.0.0.1:1"}
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/scheduler/aws4_request, SignedHeaders=host, Signature=0")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %s %s: %d %s", method, target, body, w.Code, w.Body)
		}
	})
}

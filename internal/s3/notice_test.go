package s3_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/s3"
)

// What was acknowledged is told over a power cut, in order, until it is taken; what is not configured is not.
func TestNotices(t *testing.T) {
	disk := vfs.NewCrashableMem()
	s := s3.New("data", s3.WithFS(disk))
	tried := make(chan struct{}, 10)
	s.Notify(func(s3.Notice) error {
		tried <- struct{}{}
		return errors.New("nobody there")
	})
	put := func(bucket, key string) {
		t.Helper()
		if _, err := s.Put(bucket, key, strings.NewReader("x"), s3.Attributes{}, s3.Condition{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{s.CreateBucket("loud"), s.CreateBucket("quiet"), s.SetEventBridge("loud", true)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	put("loud", "a")
	put("quiet", "a")
	put("loud", "b")
	if err := errors.Join(s.Delete("loud", "a"), s.Delete("loud", "none")); err != nil {
		t.Fatal(err)
	}
	<-tried
	after := disk.CrashClone(vfs.CrashCloneCfg{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = s3.New("data", s3.WithFS(after))
	var mu sync.Mutex
	var told []string
	all := make(chan struct{})
	s.Notify(func(n s3.Notice) error {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, fmt.Sprint(n.Kind, " ", n.Bucket, "/", n.Key, " ", n.Reason))
		if len(told) == 3 {
			close(all)
		}
		return nil
	})
	<-all
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(told, ", "); got != "Object Created loud/a PutObject, Object Created loud/b PutObject, Object Deleted loud/a DeleteObject" {
		t.Errorf("told %s", got)
	}
}

func TestNotificationConfiguration(t *testing.T) {
	s := s3.New("data", s3.WithFS(vfs.NewMem()))
	defer func() { _ = s.Close() }()
	if err := s.CreateBucket("bucket"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s3.NewHandler(s, "us-east-1", "000000000000"))
	defer server.Close()
	ask := func(method, body string) string {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/bucket?notification", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.Body.Close() }()
		text, err := io.ReadAll(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(w.StatusCode, " ", strings.TrimPrefix(strings.TrimSpace(string(text)), strings.TrimSpace(xml.Header)))
	}
	const entries = "<TopicConfiguration><Id>t</Id><Topic>arn:aws:sns:us-east-1:000000000000:t</Topic><Event>s3:ObjectRemoved:*</Event></TopicConfiguration>" +
		"<TopicConfiguration><Topic>arn:aws:sns:us-east-1:000000000000:u</Topic><Event>s3:ObjectCreated:Put</Event><Event>s3:ObjectCreated:Copy</Event></TopicConfiguration>" +
		"<QueueConfiguration><Id>q</Id><Filter><S3Key><FilterRule><Name>prefix</Name><Value>in/</Value></FilterRule><FilterRule><Name>suffix</Name><Value>.csv</Value></FilterRule></S3Key></Filter>" +
		"<Queue>arn:aws:sqs:us-east-1:000000000000:q</Queue><Event>s3:ObjectCreated:*</Event></QueueConfiguration>" +
		"<CloudFunctionConfiguration><Id>f</Id><CloudFunction>arn:aws:lambda:us-east-1:000000000000:function:f</CloudFunction><Event>s3:ObjectTagging:*</Event></CloudFunctionConfiguration>"
	const space = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`
	for _, test := range []struct{ method, body, want string }{
		{"GET", "", "200 <NotificationConfiguration" + space + "></NotificationConfiguration>"},
		{"PUT", "<NotificationConfiguration" + space + "><EventBridgeConfiguration/></NotificationConfiguration>", "200 "},
		{"GET", "", "200 <NotificationConfiguration" + space + "><EventBridgeConfiguration></EventBridgeConfiguration></NotificationConfiguration>"},
		{"PUT", "<NotificationConfiguration></NotificationConfiguration>", "200 "},
		{"GET", "", "200 <NotificationConfiguration" + space + "></NotificationConfiguration>"},
		{"PUT", "<NotificationConfiguration>" + entries + "</NotificationConfiguration>", "200 "},
		{"GET", "", "200 <NotificationConfiguration" + space + ">" + strings.Replace(entries, "n><Topic>", "n><Id>notification-2</Id><Topic>", 1) + "</NotificationConfiguration>"},
	} {
		if got := strings.ReplaceAll(ask(test.method, test.body), "\n", ""); got != test.want {
			t.Errorf("%s %s:\n got %s\nwant %s", test.method, test.body, got, test.want)
		}
	}
	for _, test := range []struct{ entry, want string }{
		{"<Queue>q</Queue><Event>s3:ObjectCreated:*</Event>", "The ARN could not be parsed"},
		{"<Queue>arn:aws:kinesis:us-east-1:000000000000:stream/s</Queue><Event>s3:ObjectCreated:*</Event>", "The ARN could not be parsed"},
		{"<Queue>arn:aws:sqs:us-east-1:000000000000:q</Queue><Event>s3:ObjectTouched</Event>", "The event &#39;s3:ObjectTouched&#39; is not supported for notifications"},
		{"<Queue>arn:aws:sqs:us-east-1:000000000000:q</Queue><Filter><S3Key><FilterRule><Name>size</Name></FilterRule></S3Key></Filter>", "filter rule name must be either prefix or suffix"},
	} {
		got := ask("PUT", "<NotificationConfiguration><QueueConfiguration>"+test.entry+"</QueueConfiguration></NotificationConfiguration>")
		if !strings.HasPrefix(got, "400 ") || !strings.Contains(got, "InvalidArgument") || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %s", test.entry, got)
		}
	}
}

// Whoever a notification names is told of the events and keys that it names, EventBridge of all if it is to be; what is put by a client leaves a
// template's alone.
func TestNotifications(t *testing.T) {
	s := s3.New("data", s3.WithFS(vfs.NewMem()))
	told := make(chan string, 20)
	s.Notify(func(n s3.Notice) error {
		line := n.Reason + " " + n.Key
		if !n.Aside {
			line += " bus"
		}
		for _, to := range n.To {
			line += " " + to.ID
		}
		told <- line
		return nil
	})
	defer func() { _ = s.Close() }()
	const queue = "arn:aws:sqs:us-east-1:000000000000:q"
	put := func(key string) error {
		_, err := s.Put("things", key, strings.NewReader("x"), s3.Attributes{}, s3.Condition{}, nil)
		return err
	}
	for _, err := range []error{
		s.CreateBucket("things"),
		s.SetNotifications("things", true, []s3.Notification{{ID: "all", Target: queue, Events: []string{"s3:ObjectCreated:*"}, Prefix: "in/"}, {ID: "copies", Target: queue, Events: []string{"s3:ObjectCreated:Copy"}}}),
		s.SetNotifications("things", false, []s3.Notification{{ID: "gone", Target: queue, Events: []string{"s3:ObjectRemoved:Delete"}}, {ID: "csv", Target: queue, Events: []string{"s3:ObjectCreated:Put"}, Suffix: ".csv"}}),
		put("in/a.csv"), put("out/a"), put("out/b.csv"), s.Delete("things", "out/a"), s.SetEventBridge("things", true), put("out/c"), s.SetNotifications("things", true, nil), put("in/d"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"PutObject in/a.csv all csv", "PutObject out/b.csv csv", "DeleteObject out/a gone", "PutObject out/c bus", "PutObject in/d bus"} {
		if got := <-told; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	if err := s.SetNotifications("none", true, nil); err == nil {
		t.Error("a bucket that is not there has notifications")
	}
}

func TestRecord(t *testing.T) {
	n := s3.Notice{
		Kind: s3.ObjectCreated, Bucket: "b", Key: "in/a b+é.csv", Size: 3, ETag: "e", Time: time.Unix(1, 5e6), Sequencer: "0A",
		Origin: s3.Origin{Reason: "CopyObject", RequestID: "R", SourceIP: "127.0.0.1"},
	}
	got, err := n.Record(&s3.Notification{ID: "mine"}, "aws", "eu-west-1", "123456789012")
	const want = `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1","eventTime":"1970-01-01T00:00:01.005Z","eventName":"ObjectCreated:Copy","userIdentity":{"principalId":"123456789012"},` +
		`"requestParameters":{"sourceIPAddress":"127.0.0.1"},"responseElements":{"x-amz-id-2":"R","x-amz-request-id":"R"},"s3":{"s3SchemaVersion":"1.0","configurationId":"mine","bucket":{"name":"b",` +
		`"ownerIdentity":{"principalId":"123456789012"},"arn":"arn:aws:s3:::b"},"object":{"key":"in/a+b%2B%C3%A9.csv","size":3,"eTag":"e","sequencer":"0A"}}}]}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}

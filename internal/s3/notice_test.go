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
	select {
	case <-all:
	case <-time.After(10 * time.Second):
	}
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
	const space = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`
	for _, test := range []struct{ method, body, want string }{
		{"GET", "", "200 <NotificationConfiguration" + space + "></NotificationConfiguration>"},
		{"PUT", "<NotificationConfiguration" + space + "><EventBridgeConfiguration/></NotificationConfiguration>", "200 "},
		{"GET", "", "200 <NotificationConfiguration" + space + "><EventBridgeConfiguration></EventBridgeConfiguration></NotificationConfiguration>"},
		{"PUT", "<NotificationConfiguration></NotificationConfiguration>", "200 "},
		{"GET", "", "200 <NotificationConfiguration" + space + "></NotificationConfiguration>"},
	} {
		if got := strings.ReplaceAll(ask(test.method, test.body), "\n", ""); got != test.want {
			t.Errorf("%s %s:\n got %s\nwant %s", test.method, test.body, got, test.want)
		}
	}
	if got := ask("PUT", "<NotificationConfiguration><QueueConfiguration><Queue>q</Queue></QueueConfiguration></NotificationConfiguration>"); !strings.HasPrefix(got, "501 ") || !strings.Contains(got, "Notifications go to EventBridge here") {
		t.Errorf("got %s", got)
	}
}

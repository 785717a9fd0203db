package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// demoServer serves the demo's endpoints on a free port.
func demoServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(demoHandler(0))
	t.Cleanup(server.Close)
	return server.URL
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	response, err := localClient().Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestDemo(t *testing.T) {
	url := demoServer(t)
	for path, want := range map[string]int{"/healthy": 200, "/slow": 200, "/other": 404} {
		if got, _ := get(t, url+path); got != want {
			t.Errorf("%s: status %d, want %d", path, got, want)
		}
	}
}

// The slow endpoint takes its 400 ms, and gives up with whoever asked.
func TestDemoSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		w := httptest.NewRecorder()
		demoHandler(slowAnswer).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/slow", nil))
		if took := time.Since(begin); took != slowAnswer || !strings.Contains(w.Body.String(), "fine") {
			t.Errorf("%q after %s", w.Body, took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w = httptest.NewRecorder()
		demoHandler(slowAnswer).ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/slow", nil))
		if w.Body.Len() != 0 {
			t.Errorf("%q for nobody", w.Body)
		}
	})
}

func TestDemoPort(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close() // only its number was wanted
	stop, err := startDemo(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	again, err := startDemo(t.Context(), address)
	if err != nil {
		t.Errorf("beside another demo: %v", err)
	} else {
		again()
	}
	if status, _ := get(t, "http://"+address+"/healthy"); status != 200 {
		t.Errorf("the first demo answers %d after the second has ended", status)
	}
	stop()
	foreign := httptest.NewServer(http.NotFoundHandler())
	defer foreign.Close()
	_, err = startDemo(t.Context(), strings.TrimPrefix(foreign.URL, "http://"))
	if codeOf(err) != exitPortInUse || !strings.Contains(err.Error(), "which another program uses") {
		t.Errorf("beside another program: %v", err)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// demoAddress is where events/endpoint-watch.json expects endpoints to watch.
const demoAddress = "127.0.0.1:4599"

// demoName is the Server header by which one demo knows another.
const demoName = "tutti-demo"

// slowAnswer is how long the slow endpoint takes.
const slowAnswer = 400 * time.Millisecond

// demoFlag adds --demo, which the help text tells of but the list of flags does not.
func demoFlag(cmd *cobra.Command, on *bool) {
	cmd.Flags().BoolVar(on, "demo", false, "serve endpoints to watch on "+demoAddress)
	_ = cmd.Flags().MarkHidden("demo") // fails for unknown flags only
}

// startDemo serves endpoints to watch, unless another tutti does already. The function it returns ends that.
func startDemo(ctx context.Context, address string) (stop func(), err error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		if isDemo(ctx, address) {
			return func() {}, nil
		}
		return nil, &problem{exitPortInUse, fmt.Errorf("the demo endpoints need %s, which another program uses; stop that, or leave out --demo", address)}
	}
	if err != nil {
		return nil, fmt.Errorf("serve the demo endpoints: %w", err)
	}
	server := &http.Server{Handler: demoHandler(slowAnswer), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // it ends by being closed
	}()
	return func() {
		_ = server.Close()
		<-done
	}, nil
}

// demoHandler serves /healthy, which answers at once, and /slow, which takes its time.
func demoHandler(slow time.Duration) http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, text string) {
		w.Header().Set("Server", demoName)
		_, _ = fmt.Fprintln(w, text) // whoever asked may be gone
	}
	mux.HandleFunc("/healthy", func(w http.ResponseWriter, _ *http.Request) { answer(w, "fine") })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		timer := time.NewTimer(slow)
		defer timer.Stop()
		select {
		case <-timer.C:
			answer(w, "fine, at last")
		case <-r.Context().Done():
		}
	})
	return mux
}

// isDemo tells whether it is a demo that has the address.
func isDemo(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthy", nil)
	if err != nil {
		return false
	}
	response, err := localClient().Do(r)
	if err != nil {
		return false
	}
	_ = response.Body.Close() // only the header is of interest
	return response.Header.Get("Server") == demoName
}

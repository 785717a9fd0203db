package awsclient

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// inMemory lets a handler of this process answer the request.
func inMemory(h http.Handler, req *http.Request) (int, http.Header, []byte, error) {
	req.RequestURI = req.URL.RequestURI()
	req.RemoteAddr = "127.0.0.1:0"
	w := &answer{header: http.Header{}}
	h.ServeHTTP(w, req)
	if err := req.Context().Err(); err != nil {
		return 0, nil, nil, err
	}
	if w.overflow {
		return 0, nil, nil, ErrTooLarge
	}
	if w.status == 0 {
		w.status = http.StatusOK
	}
	// What net/http would have added on a connection.
	w.header.Set("Connection", "keep-alive")
	w.header.Set("Content-Length", strconv.Itoa(w.body.Len()))
	if w.header.Get("Date") == "" {
		w.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	return w.status, w.header, w.body.Bytes(), nil
}

// answer collects what a handler writes.
type answer struct {
	status   int
	header   http.Header
	body     bytes.Buffer
	overflow bool
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.body.Len()+len(p) > maxResponse {
		a.overflow = true
		return 0, fmt.Errorf("write the response: %w", ErrTooLarge)
	}
	return a.body.Write(p)
}

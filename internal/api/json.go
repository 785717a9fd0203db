package api

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
)

// MaxRequestBytes is the largest body that is read for a service that states no limit of its own (developer guide, "Step Functions
// service quotas": request size).
const MaxRequestBytes = 1 << 20

// The versions of the AWS JSON protocol. They differ in the content type alone.
const (
	json10 = "application/x-amz-json-1.0"
	json11 = "application/x-amz-json-1.1"
)

// protocol is what is particular to a service that speaks the AWS JSON protocol.
type protocol struct {
	route
	contentType string
	maxBytes    int64 // of a request's body; 0 means MaxRequestBytes
	// exceptions is the table of the errors that the service raises. One that is missing there has the status 400 and the namespace.
	exceptions map[sfn.ExceptionName]exception
	namespace  string // of exceptions without one of their own, "" or one that ends in #
	// refused are operations that people may look for in vain, with what to do instead.
	refused map[string]string
}

// exception is how an error of a service looks on the wire.
type exception struct {
	namespace string // what comes before the name in __type; clients read what follows the #
	status    int    // HTTP status
}

// operation decodes a request, carries it out on the service and returns the response.
type operation[S any] func(s S, ctx context.Context, body []byte) (any, error)

// op makes an operation out of a method with a typed request and response.
func op[S, In, Out any](do func(S, context.Context, *In) (Out, error)) operation[S] {
	return func(s S, ctx context.Context, body []byte) (any, error) {
		in := new(In)
		if err := decode(body, in); err != nil {
			return nil, err
		}
		return do(s, ctx, in)
	}
}

// nothing is the response of operations that have none.
type nothing struct{}

// serveJSON is the handler of a service: its operations, by name, on the thing that carries them out.
func serveJSON[S any](p *protocol, operations map[string]operation[S], s S, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := call(w, r, p, operations, s)
		if err == nil {
			err = writeResult(w, p.contentType, out)
		}
		if err == nil {
			return
		}
		if status := p.writeError(w, err); status >= http.StatusInternalServerError && r.Context().Err() == nil {
			log.Error("cannot serve a request", "target", r.Header.Get("X-Amz-Target"), "error", err)
		}
	})
}

func call[S any](w http.ResponseWriter, r *http.Request, p *protocol, operations map[string]operation[S], s S) (any, error) {
	if r.Method != http.MethodPost {
		return nil, unknownOperation("%s is called by POST, not %s.", p.title, r.Method)
	}
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	do, ok := operations[name]
	if instead := p.refused[name]; instead != "" && !ok {
		return nil, unknownOperation("The operation %s of %s is not served here: %s.", name, p.title, instead)
	}
	if !ok {
		return nil, unknownOperation("The operation %.100q of %s is not served here. Served are %s.", name, p.title,
			strings.Join(slices.Sorted(maps.Keys(operations)), ", "))
	}
	limit := p.maxBytes
	if limit == 0 {
		limit = MaxRequestBytes
	}
	body, err := readBody(http.MaxBytesReader(w, r.Body, limit), limit)
	if err != nil {
		return nil, err
	}
	return do(s, withCaller(r), body)
}

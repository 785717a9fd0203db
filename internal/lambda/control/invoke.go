package control

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/tutti-run/tutti/internal/lambda"
)

// Invoke runs a function and returns what it answered, as the host does. An invocation that has come round in a loop is refused.
func (p *Plane) Invoke(ctx context.Context, in lambda.Invocation) (lambda.Result, error) {
	trace, err := p.trace(in)
	if err != nil {
		return lambda.Result{}, err
	}
	in.TraceHeader = trace
	return p.cfg.Host.Invoke(ctx, in)
}

// Qualified joins the name and the qualifier of a request into one name, "" for no qualifier, or refuses them.
func (p *Plane) Qualified(name, qualifier string) (string, error) {
	t, err := p.locate(&name, qualifier, maxNamespaced)
	if err != nil || t.qualifier == "" {
		return t.name, err
	}
	return t.name + ":" + t.qualifier, nil
}

// DryRun checks whether a function could be invoked.
func (p *Plane) DryRun(in lambda.Invocation) error {
	_, _, err := p.invoked(in.Function)
	return err
}

// invoked returns the function and qualifier that an invocation names.
func (p *Plane) invoked(name string) (*function, target, error) {
	t, err := p.locate(&name, "", maxNamespaced)
	if err != nil {
		return nil, t, err
	}
	f := p.get(t.name)
	if f == nil || !f.has(orLatest(t.qualifier)) {
		return nil, t, notFound("Function not found: %s", p.arn(t.name, t.qualifier))
	}
	return f, t, nil
}

// Enqueue takes an event on and returns when it is on disk. It is delivered at least once, and again twice if the function fails.
func (p *Plane) Enqueue(ctx context.Context, in lambda.Invocation) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, t, err := p.invoked(in.Function)
	if err != nil {
		return err
	}
	if len(in.Payload) > MaxEventSize {
		return lambda.Refuse(lambda.CodeRequestTooLarge, "Request must be smaller than %d bytes for the InvokeFunction operation", MaxEventSize)
	}
	e := event{
		ID: in.RequestID, Function: t.name, Qualifier: t.qualifier, Payload: in.Payload, ClientContext: in.ClientContext, Trace: in.TraceHeader,
		Accepted: p.cfg.Clock.Now(),
	}
	e.Due = e.Accepted
	if len(e.Payload) == 0 {
		e.Payload = []byte("{}")
	}
	if !json.Valid(e.Payload) {
		var discard json.RawMessage
		return lambda.Refuse(lambda.CodeInvalidRequestContent, "Could not parse request body into json: Could not parse payload into json: %v",
			json.Unmarshal(e.Payload, &discard))
	}
	if e.ID == "" {
		e.ID = uuid.NewString()
	}
	return p.queue.add(e)
}

// maxLoops is how often a chain of invocations may come by the same function (developer guide, "Use Lambda recursive loop detection to prevent
// infinite loops": "approximately 16 times").
const maxLoops = 16

// maxLineage bounds how many functions a lineage remembers.
const maxLineage = 8

// trace is the invocation's trace header with its lineage: the functions that the chain has come by, each as a hash and a count,
// Lineage=1:<hash>:<count>|<hash>:<count>. AWS's SDKs hand the header on from a function to whatever it calls. The form of what follows the
// 1 is AWS's own affair; this one can count several functions that call each other in turns.
func (p *Plane) trace(in lambda.Invocation) (string, error) {
	if in.TraceHeader == "" {
		return "", nil // the host begins a trace
	}
	header, lineage := splitLineage(in.TraceHeader)
	n, ok := lambda.ParseName(in.Function)
	if !ok {
		return in.TraceHeader, nil // the host refuses the name
	}
	own := fnv.New32a()
	_, _ = own.Write([]byte(n.Function)) // a hash takes everything
	hash := fmt.Sprintf("%08x", own.Sum32())
	count := 0
	var others []string
	for _, entry := range lineage {
		if before, number, ok := strings.Cut(entry, ":"); ok && before == hash {
			count, _ = strconv.Atoi(number) // what is no number has not come by yet
			continue
		}
		others = append(others, entry)
	}
	if count >= maxLoops {
		if f := p.get(n.Function); f != nil && f.recursiveLoop() == recursionTerminate {
			p.cfg.Meter.Count(lambda.Invoked{Function: n.Function, Qualifier: n.Qualifier}, lambda.RecursiveInvocationsDropped, 1)
			return "", lambda.Refuse(lambda.CodeRecursiveInvocation, "Lambda has detected the function being invoked in a recursive loop with other "+
				"Amazon Web Services resources and stopped your function's invocation.")
		}
		count = maxLoops - 1 // allowed to go on; the count need not grow
	}
	entries := append([]string{hash + ":" + strconv.Itoa(count+1)}, others...)
	entries = entries[:min(len(entries), maxLineage)]
	return header + ";Lineage=1:" + strings.Join(entries, "|"), nil
}

// splitLineage takes the lineage out of a trace header.
func splitLineage(header string) (rest string, lineage []string) {
	var kept []string
	for part := range strings.SplitSeq(header, ";") {
		name, value, _ := strings.Cut(part, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "Lineage") {
			kept = append(kept, part)
			continue
		}
		if form, entries, ok := strings.Cut(value, ":"); ok && form == "1" {
			lineage = strings.Split(entries, "|")
		}
	}
	return strings.Join(kept, ";"), lineage
}

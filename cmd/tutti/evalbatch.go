package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/jsonata"
	"github.com/tutti-run/tutti/internal/value"
)

const (
	batchTime     = 30 * time.Second // for a line that sets no limit: none may hold up the others for ever
	batchAhead    = 64               // groups of lines that are read before the first of them is answered
	batchGroup    = 16               // lines in a group, if so many are at hand
	batchBadLine  = "INVALID_LINE"   // code of a line that is no question
	batchInternal = "INTERNAL_ERROR" // code of a fault of ours
)

// batchLine is a line of the input.
type batchLine struct {
	number int
	text   string // "" if it was too long
}

// batchLines are a few lines on their way to their answers. Singly they would cost more to hand about than to evaluate.
type batchLines struct {
	lines   []batchLine
	answers []byte
	done    chan struct{} // closed when they are answered
}

// evalBatch answers every line in the order of the lines, evaluating as many at a time as there are processors. What has been answered is
// written as soon as no further answer is at hand, so that a program at the other end may wait for each.
func (c *cli) evalBatch(ctx context.Context, o evalOptions) error {
	vars, err := evalVars(o.vars)
	if err != nil {
		return err
	}
	source := o.input
	if source == "" {
		source = "-"
	}
	in, err := c.openInput(source)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b := &batch{evaluator: o.evaluator(), vars: vars, marked: o.aws}
	queue := make(chan *batchLines, batchAhead)
	work := make(chan *batchLines, batchAhead)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for group := range work {
				for _, line := range group.lines {
					group.answers = append(group.answers, b.respond(ctx, line)...)
				}
				close(group.done)
			}
		})
	}
	var readErr error
	go func() { // ends with the input, or when nobody takes its lines any more
		defer close(queue)
		defer close(work)
		readErr = readLines(in, maxEvalInput, func(lines []batchLine) bool {
			group := &batchLines{lines: lines, done: make(chan struct{})}
			select {
			case work <- group:
			case <-ctx.Done():
				return false
			}
			queue <- group
			return true
		})
	}()
	writeErr := writeAnswers(ctx, c.out.w, queue, cancel)
	workers.Wait()
	switch {
	case writeErr != nil:
		return writeErr
	case readErr != nil:
		return usage("the lines cannot be read: %w", reason(readErr))
	}
	return nil
}

// writeAnswers writes the answers in the order of the queue. On an error it stops the reading, and lets what has been read go.
func writeAnswers(ctx context.Context, w io.Writer, queue <-chan *batchLines, cancel func()) error {
	out := bufio.NewWriterSize(w, 64<<10)
	var fault error
	for group := range queue {
		<-group.done
		if fault == nil && ctx.Err() == nil {
			_, fault = out.Write(group.answers)
		}
		if fault == nil && len(queue) == 0 {
			fault = out.Flush()
		}
		if fault != nil {
			cancel()
		}
	}
	if fault == nil {
		fault = out.Flush()
	}
	if fault == nil && ctx.Err() != nil {
		return context.Canceled
	}
	return fault
}

// readLines hands over every line that is not blank, in groups of those that have arrived, until take says no. Of a line that is too long
// only the number remains.
func readLines(in io.Reader, longest int, take func([]batchLine) bool) error {
	r := bufio.NewReaderSize(in, 256<<10)
	var group []batchLine
	size := 0
	for number := 1; ; number++ {
		text, tooLong, err := readLine(r, longest)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if text = bytes.TrimSpace(text); len(text) > 0 || tooLong {
			group = append(group, batchLine{number, string(text)})
			size += len(text)
		}
		ended := err != nil
		if len(group) > 0 && (ended || len(group) == batchGroup || size > r.Size() || !lineWaits(r)) {
			if !take(group) {
				return nil
			}
			group, size = nil, 0
		}
		if ended {
			return nil
		}
	}
}

// lineWaits tells whether a whole line can be read without waiting for the input.
func lineWaits(r *bufio.Reader) bool {
	arrived, _ := r.Peek(r.Buffered()) // what is buffered is there
	return bytes.IndexByte(arrived, '\n') >= 0
}

// readLine reads a line, of which nothing is kept once it is too long. The text is only good until the next read.
func readLine(r *bufio.Reader, longest int) (text []byte, tooLong bool, err error) {
	text, err = r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return text, len(text) > longest, err
	}
	text = bytes.Clone(text)
	for errors.Is(err, bufio.ErrBufferFull) {
		var part []byte
		part, err = r.ReadSlice('\n')
		if tooLong = tooLong || len(text)+len(part) > longest; tooLong {
			text = nil
		} else {
			text = append(text, part...)
		}
	}
	return text, tooLong, err
}

// batch is what the lines share.
type batch struct {
	evaluator evaluator
	vars      *value.Object // for variables that a line does not bind
	marked    bool          // expressions may have the markers of the States Language
}

// respond answers one line. Whatever happens in there, it is this line's trouble alone.
func (b *batch) respond(ctx context.Context, line batchLine) (text []byte) {
	id := value.Value(value.Null{})
	defer func() {
		if trouble := recover(); trouble != nil {
			text = respondWith(id, &answer{faults: []fault{{code: batchInternal, message: fmt.Sprint("the evaluator failed: ", trouble)}}})
		}
	}()
	q, err := b.question(line, &id)
	if err != nil {
		return respondWith(id, &answer{faults: []fault{{code: batchBadLine, message: fmt.Sprintf("line %d %s", line.number, err)}}})
	}
	a := b.evaluator.answer(ctx, q)
	return respondWith(id, &a)
}

func respondWith(id value.Value, a *answer) []byte {
	text := append(make([]byte, 0, 128), `{"id":`...)
	text = append(jsonata.AppendJSON(text, id), ',')
	return append(a.appendMembers(text), '\n')
}

// question reads a line; the id is set as soon as it is known. Members of other names are passed over.
func (b *batch) question(line batchLine, id *value.Value) (q question, err error) {
	if line.text == "" {
		return q, fmt.Errorf("is longer than %d MiB", maxEvalInput>>20)
	}
	v, err := value.Parse(line.text)
	if err != nil {
		return q, fmt.Errorf("is not JSON: %w", err)
	}
	o, ok := v.(*value.Object)
	if !ok {
		return q, fmt.Errorf("has to be an object, and is of type %s", v.Kind())
	}
	if given, ok := o.Get("id"); ok {
		*id = given
	}
	expr, ok := o.Get("expr")
	text, isText := expr.(value.String)
	if !ok || !isText {
		return q, errors.New(`needs a member "expr" that is a string`)
	}
	q.expr = withHalves(line.text, string(text))
	if b.marked {
		q.expr = unmarked(q.expr)
	}
	q.input, _ = o.Get("input")
	if q.bindings, err = b.bindings(o); err != nil {
		return q, err
	}
	milliseconds, err := positive(o, "timelimit", float64(batchTime.Milliseconds()))
	if err != nil {
		return q, err
	}
	depth, err := positive(o, "depth", 0)
	if err != nil {
		return q, err
	}
	q.limits = jsonata.Limits{Time: max(1, time.Duration(min(milliseconds, 1e9)*float64(time.Millisecond))), Depth: int(math.Min(depth, 1e9))}
	return q, nil
}

// withHalves is the expression with the halves of surrogate pairs that the line writes as escapes, and that a value cannot hold.
func withHalves(line, text string) string {
	if !strings.ContainsRune(text, utf8.RuneError) {
		return text
	}
	var raw struct{ Expr json.RawMessage }
	if json.Unmarshal([]byte(line), &raw) != nil {
		return text
	}
	if exact, ok := jsonata.Unquote(string(raw.Expr)); ok {
		return exact
	}
	return text
}

// bindings are the line's, with the command's behind them.
func (b *batch) bindings(o *value.Object) (*value.Object, error) {
	given, ok := o.Get("bindings")
	if !ok || given == value.Value(value.Null{}) {
		return b.vars, nil
	}
	own, ok := given.(*value.Object)
	if !ok {
		return nil, fmt.Errorf(`has "bindings" of type %s, not an object`, given.Kind())
	}
	if b.vars == nil {
		return own, nil
	}
	members := make([]value.Member, 0, b.vars.Len()+own.Len())
	for _, source := range []*value.Object{b.vars, own} {
		for i := range source.Len() {
			members = append(members, source.At(i))
		}
	}
	return value.NewObject(members...), nil
}

// positive is a member that is a number above zero; without one, or with null, it is absent.
func positive(o *value.Object, name string, absent float64) (float64, error) {
	v, ok := o.Get(name)
	if !ok || v == value.Value(value.Null{}) {
		return absent, nil
	}
	n, ok := value.Float64(v)
	if !ok || n <= 0 {
		return 0, fmt.Errorf(`has a %q that is no number above zero`, name)
	}
	return n, nil
}

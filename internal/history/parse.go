package history

import (
	"fmt"
	"math"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// Parse reads an event in the form of [Event.AppendAWS] or [Event.AppendJournal].
func Parse(text string) (Event, error) {
	v, err := value.Parse(text)
	if err != nil {
		return Event{}, fmt.Errorf("read history event: %w", err)
	}
	return fromValue(v)
}

// ParseList reads events that stand one behind the other in one JSON array.
func ParseList(text string) ([]Event, error) {
	v, err := value.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read history events: %w", err)
	}
	items, ok := v.(value.Array)
	if !ok {
		return nil, fmt.Errorf("read history events: not an array but %s", v.Kind())
	}
	events := make([]Event, len(items))
	for i, item := range items {
		if events[i], err = fromValue(item); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// AppendJournalList appends the array of the events in the form of [Event.AppendJournal].
func AppendJournalList(dst []byte, events []Event) []byte {
	dst = append(dst, '[')
	for i := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = events[i].AppendJournal(dst)
	}
	return append(dst, ']')
}

func fromValue(v value.Value) (Event, error) {
	object, ok := v.(*value.Object)
	if !ok {
		return Event{}, fmt.Errorf("read history event: not an object but %s", v.Kind())
	}
	r := reader{object: object}
	var e Event
	var kind string
	r.text("type", &kind)
	r.number("id", &e.ID)
	r.number("previousEventId", &e.PreviousID)
	r.optNumber("flow", &e.Flow)
	r.optText("next", &e.Next)
	r.optText("token", &e.Token)
	r.parameters("result", &e.Result)
	stamp, _ := object.Get("timestamp")
	seconds, ok := value.Float64(stamp)
	if !ok {
		r.fault("timestamp", "a number")
	}
	e.Time = time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
	e.Type = Type(kind)
	shape, known := forms[e.Type]
	if r.err == nil && !known {
		r.err = fmt.Errorf("read history event: unknown type %q", kind)
	}
	if r.err != nil || shape.new == nil {
		return e, r.err
	}
	details, _ := object.Get(shape.member)
	inner, ok := details.(*value.Object)
	if !ok {
		return e, fmt.Errorf("read history event %d: %s has no %s", e.ID, kind, shape.member)
	}
	e.Details = shape.new()
	r.object = inner
	e.Details.visit(&r)
	return e, r.err
}

// reader is the visitor that reads. It keeps the first fault.
type reader struct {
	object *value.Object
	err    error
}

func (r *reader) fault(name, wanted string) {
	if r.err == nil {
		r.err = fmt.Errorf("read history event: member %q is not %s", name, wanted)
	}
}

func (r *reader) text(name string, at *string) {
	v, _ := r.object.Get(name)
	text, ok := v.(value.String)
	if !ok {
		r.fault(name, "a string")
	}
	*at = string(text)
}

func (r *reader) optText(name string, at *string) {
	if _, there := r.object.Get(name); there {
		r.text(name, at)
	}
}

func (r *reader) opt(name string, at *sfn.OptString) {
	if _, there := r.object.Get(name); there {
		at.Set = true
		r.text(name, &at.Text)
	}
}

func (r *reader) number(name string, at *int64) {
	v, _ := r.object.Get(name)
	n, ok := value.Integer(v)
	if !ok {
		r.fault(name, "a whole number")
	}
	*at = n
}

func (r *reader) optNumber(name string, at *int64) {
	if _, there := r.object.Get(name); there {
		r.number(name, at)
	}
}

func (r *reader) data(name string, at **value.Data) { r.parameters(name, at) }

func (r *reader) parameters(name string, at **value.Data) {
	if _, there := r.object.Get(name); !there {
		return
	}
	var text string
	r.text(name, &text)
	if text == "" {
		r.fault(name, "a JSON text")
		return
	}
	*at = value.RecordedData(text)
}

func (r *reader) variables(name string, at *[]Variable) {
	v, there := r.object.Get(name)
	if !there {
		return
	}
	assigned, ok := v.(*value.Object)
	if !ok {
		r.fault(name, "an object")
		return
	}
	for variable, text := range assigned.All() {
		s, ok := text.(value.String)
		if !ok || s == "" {
			r.fault(name, "an object of JSON texts")
			return
		}
		*at = append(*at, Variable{variable, value.RecordedData(string(s))})
	}
}

func (r *reader) credentials(name string, roleARN *string) {
	v, there := r.object.Get(name)
	if !there {
		return
	}
	credentials, ok := v.(*value.Object)
	if !ok {
		r.fault(name, "an object")
		return
	}
	inner := reader{object: credentials}
	inner.text("roleArn", roleARN)
	if r.err == nil {
		r.err = inner.err
	}
}

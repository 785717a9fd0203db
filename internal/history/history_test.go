package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

func Example() {
	e := Event{
		ID: 2, PreviousID: 0, Time: time.UnixMilli(1_700_000_000_123), Type: PassStateEntered,
		Details: &StateEnteredDetails{Name: "Hello", Input: value.RecordedData(`{"a": 1}`)},
	}
	fmt.Println(string(e.AppendAWS(nil, true)))
	fmt.Println(string(e.AppendAWS(nil, false)))
	// Output:
	// {"timestamp":1700000000.123,"type":"PassStateEntered","id":2,"previousEventId":0,"stateEnteredEventDetails":{"name":"Hello","input":"{\"a\": 1}","inputDetails":{"truncated":false}}}
	// {"timestamp":1700000000.123,"type":"PassStateEntered","id":2,"previousEventId":0,"stateEnteredEventDetails":{"name":"Hello"}}
}

// full returns an event of the type with every member of its details filled in.
func full(t Type) Event {
	e := Event{ID: 7, PreviousID: 3, Time: time.UnixMilli(1_700_000_000_045).UTC(), Type: t, Flow: 2, Next: "After", Result: value.RecordedData(`[1, 2]`)}
	if shape := forms[t]; shape.new != nil {
		e.Details = shape.new()
		fill(reflect.ValueOf(e.Details).Elem())
	}
	return e
}

func fill(v reflect.Value) {
	for i := range v.NumField() {
		switch at := v.Field(i).Addr().Interface().(type) {
		case *string:
			*at = "text \"" + v.Type().Field(i).Name + "\""
		case *int64:
			*at = int64(40 + i)
		case *sfn.Failure:
			*at = *sfn.Fail("Some.Error", "because")
		case **value.Data:
			*at = value.RecordedData(`{"some": ["data", 1.0]}`)
		case *[]Variable:
			*at = []Variable{{"b", value.RecordedData(`"x"`)}, {"a", value.RecordedData(`1`)}}
		default:
			panic(fmt.Sprintf("a member of a type that the test does not fill: %T", at))
		}
	}
}

// TestEveryTypeReadsAsWritten ranges over the table of types: what is written is read back, in both forms.
func TestEveryTypeReadsAsWritten(t *testing.T) {
	if len(forms) != 62 {
		t.Errorf("%d types of events, AWS has 62", len(forms))
	}
	for kind, shape := range forms {
		e := full(kind)
		journal := e.AppendJournal(nil)
		back, err := Parse(string(journal))
		if err != nil {
			t.Errorf("%s: %v\n%s", kind, err, journal)
			continue
		}
		if again := back.AppendJournal(nil); !bytes.Equal(again, journal) {
			t.Errorf("%s reads as\n%s, written was\n%s", kind, again, journal)
		}
		aws := e.AppendAWS(nil, true)
		var members map[string]json.RawMessage
		if err := json.Unmarshal(aws, &members); err != nil {
			t.Errorf("%s: not JSON: %v\n%s", kind, err, aws)
			continue
		}
		for _, hidden := range []string{"flow", "next", "result"} {
			if _, shown := members[hidden]; shown {
				t.Errorf("%s shows %s", kind, hidden)
			}
		}
		if _, there := members[shape.member]; there != (shape.member != "") {
			t.Errorf("%s: member %q: %v\n%s", kind, shape.member, there, aws)
		}
		if want := shape.member; want != "" && !strings.HasPrefix(want, "state") && want != strings.ToLower(string(kind[:1]))+string(kind[1:])+"EventDetails" {
			t.Errorf("%s has the details member %s", kind, want)
		}
	}
}

func TestEventsWithoutData(t *testing.T) {
	for kind := range forms {
		e := full(kind)
		text := string(e.AppendAWS(nil, false))
		if strings.Contains(text, `\"some\"`) && !strings.Contains(text, `"parameters"`) || strings.Contains(text, "truncated") {
			t.Errorf("%s shows data: %s", kind, text)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`[]`, "not an object"},
		{`{"type":"PassStateEntered"}`, `"id"`},
		{`{"timestamp":1,"type":"Nope","id":1,"previousEventId":0}`, "unknown type"},
		{`{"timestamp":1,"type":"PassStateEntered","id":1,"previousEventId":0}`, "stateEnteredEventDetails"},
		{`{"timestamp":1,"type":"PassStateEntered","id":1,"previousEventId":0,"stateEnteredEventDetails":{"name":7}}`, `"name"`},
		{`{"timestamp":1,"type":"PassStateEntered","id":1,"previousEventId":0,"stateEnteredEventDetails":{"name":"x","input":""}}`, `"input"`},
		{`{"timestamp":"1","type":"PassStateExited","id":1.5,"previousEventId":0}`, `"id"`},
	} {
		if _, err := Parse(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Parse(%s) = %v, want an error about %s", tt.in, err, tt.want)
		}
	}
}

func TestList(t *testing.T) {
	events := []Event{full(ExecutionStarted), full(TaskScheduled), full(ExecutionTimedOut)}
	text := AppendJournalList(nil, events)
	back, err := ParseList(string(text))
	if err != nil || len(back) != len(events) {
		t.Fatalf("ParseList: %d events, %v", len(back), err)
	}
	if again := AppendJournalList(nil, back); !bytes.Equal(again, text) {
		t.Errorf("the list reads as\n%s, written was\n%s", again, text)
	}
}

func FuzzParse(f *testing.F) {
	for kind := range forms {
		e := full(kind)
		f.Add(string(e.AppendJournal(nil)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		written := e.AppendJournal(nil)
		back, err := Parse(string(written))
		if err != nil {
			t.Fatalf("%s was read from %q and does not read: %v", written, text, err)
		}
		if again := back.AppendJournal(nil); !bytes.Equal(again, written) {
			t.Fatalf("%s reads as %s", written, again)
		}
	})
}

func BenchmarkJournal(b *testing.B) {
	e := full(PassStateEntered)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = e.AppendJournal(dst[:0])
	}
}

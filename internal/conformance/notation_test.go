package conformance

import (
	"strings"
	"testing"
	"time"
)

// mustDecode reads a JSON text of a table.
func mustDecode(t *testing.T, text string) any {
	t.Helper()
	v, err := decodeJSON(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestMatch(t *testing.T) {
	two, four := 2, 4
	for _, tt := range []struct {
		want, got string
		ok        bool
		m         matcher
	}{
		// The reference examples.
		{`"{{n}}-{{n}}"`, `"a-a"`, true, matcher{}},
		{`"{{n}}-{{n}}"`, `"a-b"`, false, matcher{}},
		{`{"o":{"a":1}}`, `{"o":"{\"a\": 1.0}"}`, true, matcher{}},
		{`{"a":"{{*x}}"}`, `{}`, false, matcher{}},
		{`["{{n}}","p-{{n}}"]`, `["q","p-q"]`, true, matcher{}},
		{`1`, `true`, false, matcher{}},
		{`1`, `"1"`, false, matcher{}},

		{`{"a":"{{*x}}"}`, `{"a":null}`, true, matcher{}},
		{`["p-{{n}}","{{n}}"]`, `["p-q","q"]`, true, matcher{}},
		{`{"a":"{{n}}-{{m}}","b":"{{n}}"}`, `{"a":"1-2-3","b":"1-2"}`, true, matcher{}},
		{`["{{n}}","{{n}}"]`, `[{"a":1},"{\"a\":1}"]`, true, matcher{}},
		{`["{{n}}","{{n}}"]`, `[1,2]`, false, matcher{}},
		{`"a{{*x}}b{{y}}"`, `"ab"`, false, matcher{}},
		{`"a{{*x}}b{{y}}"`, `"a\nbc"`, true, matcher{}},
		{`"{\"a\": 1}"`, `"{\"a\":1}"`, true, matcher{}},
		{`"[1]"`, `"{}"`, false, matcher{}},
		{`"[1, 2]"`, `"[1,2]"`, true, matcher{}},
		{`"[1, 2]"`, `"[1,2]"`, false, matcher{exact: true}},
		{`"{\"a\": \"{{n}}\"}"`, `"{\"a\":\"x\"}"`, true, matcher{}},
		{`[1,2]`, `"[1, 2]"`, true, matcher{}},
		{`[1,2]`, `[2,1]`, false, matcher{}},
		{`{"l":[1,2]}`, `{"l":[2,1]}`, true, matcher{unordered: []span{{Path: "l"}}}},
		{`[1,2,3,4,5]`, `[1,2,4,3,5]`, true, matcher{unordered: []span{{"", &two, &four}}}},
		{`[1,2,3,4,5]`, `[1,2,5,4,3]`, false, matcher{unordered: []span{{"", &two, &four}}}},
		{`{"l":[1,2]}`, `{"l":[3,2,1]}`, true, matcher{subset: []string{"l"}}},
		{`{"l":[1,1]}`, `{"l":[3,2,1]}`, false, matcher{subset: []string{"l"}}},
		{`{"l":["{{a}}","{{a}}-x","{{b}}"]}`, `{"l":["2","1","2-x"]}`, true, matcher{unordered: []span{{Path: "l"}}}},
		{`{"a":1}`, `{"a":1,"b":2}`, false, matcher{}},
		{`{"a":1}`, `{"a":1,"b":2}`, true, matcher{extra: []string{"b"}}},
		{`null`, `{}`, false, matcher{}},
		{`1e2`, `100`, true, matcher{}},
	} {
		tt.m.names = newNames(&testCase{ID: "x"}, time.Unix(0, 0))
		d := tt.m.compare("", mustDecode(t, tt.want), mustDecode(t, tt.got))
		if (d == nil) != tt.ok {
			t.Errorf("match(%s, %s) = %v, want %v", tt.want, tt.got, d, tt.ok)
		}
		if d != nil && len(tt.m.names.trail) > 0 {
			t.Errorf("match(%s, %s) failed and left %q bound", tt.want, tt.got, tt.m.names.trail)
		}
	}
}

func TestMatchKeepsBindings(t *testing.T) {
	n := newNames(&testCase{ID: "x"}, time.Unix(0, 0))
	for _, tt := range []struct {
		want, got string
		ok        bool
	}{
		{"id-{{part}}", "id-7", true},
		{"{{part}}", "7", true},
		{"{{part}}", "8", false},
		{"{{account2}}", "222222222222", true},
	} {
		if d := (&matcher{names: n}).compare("", tt.want, tt.got); (d == nil) != tt.ok {
			t.Errorf("match(%s, %s) = %v", tt.want, tt.got, d)
		}
	}
}

func TestDifferenceNamesThePlace(t *testing.T) {
	m := &matcher{names: newNames(&testCase{}, time.Unix(0, 0))}
	d := m.compare("", mustDecode(t, `{"events":[{"a":{"output":{"x":[1]}}}]}`), mustDecode(t, `{"events":[{"a":{"output":"{\"x\":[2]}"}}]}`))
	if d == nil || d.path != "events[0].a.output.x[0]" {
		t.Errorf("%v", d)
	}
}

func TestFill(t *testing.T) {
	n := newNames(&testCase{ID: "x"}, time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC))
	n.values["call1"] = mustDecode(t, `{"arn":"a:b","n":7,"list":[1,2,3],"text":"{\"in\":{\"x y\":[5]}}","items":[{"k":1},{"k":2}]}`)
	for _, tt := range []struct{ in, want string }{
		{`"{{call1.arn}}"`, `"a:b"`},
		{`"{{call1.n}}"`, `7`},
		{`"<{{call1.n}}>"`, `"<7>"`},
		{`"{{call1.list[-1]}}"`, `3`},
		{`"{{call1.list[0:2]}}"`, `[1,2]`},
		{`"{{call1.list[1:]}}"`, `[2,3]`},
		{`"{{call1.text.in[\"x y\"][0]}}"`, `5`},
		{`"{{call1.items[*].k}}"`, `[1,2]`},
		{`{"a":["{{call1.list}}"]}`, `{"a":[[1,2,3]]}`},
		{`"{{now}}Z"`, `"2024-02-03T04:05:06Z"`},
		{`"{{now+2d}}"`, `"2024-02-05T04:05:06"`},
		{`"{{region}}-{{account2}}"`, `"us-east-1-222222222222"`},
	} {
		got, err := n.fill(mustDecode(t, tt.in))
		if err != nil || compact(got) != tt.want {
			t.Errorf("fill(%s) = %s, %v, want %s", tt.in, compact(got), err, tt.want)
		}
	}
	for _, bad := range []string{"{{nobody}}", "x{{call1.nothing}}", "{{call1.arn.more}}", "{{call1.list[9]}}"} {
		if got, err := n.fill(bad); err == nil {
			t.Errorf("fill(%s) = %v", bad, got)
		}
	}
	first, _ := n.lookup("uid1")
	again, _ := n.lookup("uid1")
	other, _ := n.lookup("uid2")
	if first != again || first == other || len(first.(string)) != 8 {
		t.Errorf("uids: %v, %v, %v", first, again, other)
	}
}

// chain writes a history in short: "id<-previous Type".
func chain(t *testing.T, lines string) []any {
	t.Helper()
	var events []any
	for line := range strings.Lines(lines) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		id, previous, _ := strings.Cut(fields[0], "<-")
		events = append(events, mustDecode(t, `{"id":`+id+`,"previousEventId":`+previous+`,"timestamp":0,"type":"`+fields[1]+`"}`))
	}
	return events
}

func TestCompareTrees(t *testing.T) {
	const distributed = `
		1<-0 ExecutionStarted
		2<-0 MapStateEntered
		3<-2 MapStateStarted
		4<-3 MapRunStarted
		5<-4 MapRunSucceeded
		6<-5 MapStateSucceeded`
	for _, tt := range []struct {
		name, got string
		ok        bool
	}{
		{"itself", distributed + "\n7<-4 MapStateExited\n8<-7 ExecutionSucceeded", true},
		{"exit after the other event", distributed + "\n7<-5 MapStateExited\n8<-7 ExecutionSucceeded", true},
		{"exit after the success", distributed + "\n7<-6 MapStateExited\n8<-7 ExecutionSucceeded", true},
		{"the end hangs elsewhere", distributed + "\n7<-5 MapStateExited\n8<-6 ExecutionSucceeded", false},
		{"an event is missing", distributed + "\n7<-5 MapStateExited", false},
		{"other type", distributed + "\n7<-5 MapStateExited\n8<-7 ExecutionFailed", false},
	} {
		m := &matcher{names: newNames(&testCase{}, time.Unix(0, 0))}
		d := m.compareTrees(chain(t, distributed+"\n7<-5 MapStateExited\n8<-7 ExecutionSucceeded"), chain(t, tt.got))
		if (d == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, d)
		}
	}
}

func TestStartOfNestedStates(t *testing.T) {
	h := index(chain(t, `
		1<-0 ExecutionStarted
		2<-0 ParallelStateEntered
		3<-2 ParallelStateStarted
		4<-3 MapStateEntered
		5<-4 MapStateStarted
		6<-5 MapRunStarted
		7<-6 MapRunSucceeded
		8<-7 MapStateSucceeded
		9<-6 MapStateExited
		10<-9 ParallelStateSucceeded
		11<-9 ParallelStateExited
		12<-11 ExecutionSucceeded`))
	for id, want := range map[string]string{"8": "5", "9": "5", "10": "3", "11": "3", "12": "11", "4": "3"} {
		if got := h.parent(id); got != want {
			t.Errorf("parent of event %s is %s, want %s", id, got, want)
		}
	}
}

func TestPythonTexts(t *testing.T) {
	for _, tt := range []struct{ in, spaced, repr string }{
		{`{"a":[1,2.5,null],"b":"x,y:z"}`, `{"a": [1, 2.5, null], "b": "x,y:z"}`, `{'a': [1, 2.5, None], 'b': 'x,y:z'}`},
		{`[ true , false ]`, `[true, false]`, `[True, False]`},
		{`"it's"`, `"it's"`, `"it's"`},
		{`"a\"b,c"`, `"a\"b,c"`, `'a"b,c'`},
		{`{}`, `{}`, `{}`},
	} {
		if got := spaced(tt.in); got != tt.spaced {
			t.Errorf("spaced(%s) = %s, want %s", tt.in, got, tt.spaced)
		}
		if got, err := pythonRepr(tt.in); err != nil || got != tt.repr {
			t.Errorf("pythonRepr(%s) = %s, %v, want %s", tt.in, got, err, tt.repr)
		}
	}
}

func TestDisorder(t *testing.T) {
	for _, tt := range []struct {
		events string
		good   bool
	}{
		{`[{"id":1,"timestamp":9.500},{"id":2,"timestamp":9.500},{"id":3,"timestamp":10.000}]`, true},
		{`[{"id":2,"timestamp":9.501},{"id":1,"timestamp":9.500}]`, true},
		{`[{"id":1,"timestamp":9.500},{"id":2,"timestamp":9.499}]`, false},
		{`[{"id":1,"timestamp":9.500},{"id":3,"timestamp":9.501}]`, false},
		{`[]`, true},
	} {
		if why := disorder(mustDecode(t, `{"events":`+tt.events+`}`)); (why == "") != tt.good {
			t.Errorf("%s: %q", tt.events, why)
		}
	}
}

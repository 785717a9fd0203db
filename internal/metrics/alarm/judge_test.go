package alarm_test

import (
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/metrics/alarm"
)

// The tables of the user guide, "How alarm state is evaluated when data is missing", and what follows from its text.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		line            string
		periods, needed int
		want            string // missing, ignore, breaching, notBreaching
	}{
		{"0 - X - X", 3, 3, "OK OK OK OK"},
		{"- - - - 0", 3, 3, "OK OK OK OK"},
		{"- - - - -", 3, 3, "INSUFFICIENT_DATA retain ALARM OK"},
		{"0 X X - X", 3, 3, "ALARM ALARM ALARM ALARM"},
		{"- - X - -", 3, 3, "ALARM retain ALARM OK"},
		{"- - - - X", 3, 3, "INSUFFICIENT_DATA retain ALARM OK"},
		{"X - - - -", 3, 3, "ALARM retain ALARM OK"},
		{"0 - - - -", 3, 3, "OK OK OK OK"},
		{"0 - X - X", 3, 2, "ALARM ALARM ALARM ALARM"},
		{"0 0 X 0 X", 3, 2, "ALARM ALARM ALARM ALARM"},
		{"0 - X - -", 3, 2, "OK OK ALARM OK"},
		{"- - - - 0", 3, 2, "OK OK ALARM OK"},
		{"- - - X -", 3, 2, "ALARM retain ALARM OK"},
		{"- - X", 1, 1, "ALARM ALARM ALARM ALARM"},
		{"X - -", 1, 1, "ALARM ALARM ALARM ALARM"}, // a point counts for as long as the range goes back
		{"- - -", 1, 1, "INSUFFICIENT_DATA retain ALARM OK"},
		{"X X 0", 1, 1, "OK OK OK OK"},
		{"- - - - X", 3, 1, "ALARM ALARM ALARM ALARM"},
	} {
		var got []string
		for _, treat := range []alarm.TreatMissingData{alarm.Missing, alarm.Ignore, alarm.Breaching, alarm.NotBreaching} {
			got = append(got, alarm.Judge(c.line, c.periods, c.needed, treat))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s, %d of %d: %s, want %s", c.line, c.needed, c.periods, s, c.want)
		}
	}
}

func TestRules(t *testing.T) {
	states := map[string]alarm.Value{"a": alarm.InAlarm, "b": alarm.OK, "c": alarm.Insufficient, "two words": alarm.InAlarm, `q"uote`: alarm.OK}
	state := func(name string) alarm.Value { return states[name] }
	for _, c := range []struct {
		rule string
		want bool
	}{
		{"ALARM(a)", true},
		{"ALARM(b)", false},
		{"OK(b)", true},
		{"INSUFFICIENT_DATA(c)", true},
		{"ALARM(gone)", false},
		{`ALARM("two words")`, true},
		{`OK("q\"uote")`, true},
		{"ALARM(two words)", true},
		{"ALARM(arn:aws:cloudwatch:us-east-1:123456789012:alarm:a)", true},
		{"TRUE", true},
		{"FALSE OR TRUE", true},
		{"NOT ALARM(a)", false},
		{"NOT (ALARM(a) AND ALARM(b))", true},
		{"ALARM(b) AND ALARM(b) OR ALARM(a)", true}, // AND binds tighter
		{"ALARM(b) AND (ALARM(b) OR ALARM(a))", false},
		{"(ALARM(a) OR ALARM(b)) AND OK(b)", true},
		{"ALARM(a)\nAND\tNOT OK(c)", true},
		{"AT_LEAST(2, ALARM, (a, b, \"two words\"))", true},
		{"AT_LEAST(2, ALARM, (a, b, c))", false},
		{"AT_LEAST(2, NOT ALARM, (a, b, c))", true},
		{"AT_LEAST(50%, ALARM, (a, b))", true},
		{"AT_LEAST(51%, ALARM, (a, b))", false},
	} {
		if got, err := alarm.Holds(c.rule, state); got != c.want || err != nil {
			t.Errorf("%s: %v %v, want %v", c.rule, got, err, c.want)
		}
	}
	for _, c := range []struct{ rule, why string }{
		{"", "it is empty"},
		{"ALARM", "the name of an alarm in parentheses is missing"},
		{"ALARM()", "the name of an alarm is missing"},
		{"ALARM(a", "a parenthesis is not closed"},
		{`ALARM("a`, "a quotation mark is not closed"},
		{"(ALARM(a)", "a parenthesis is not closed"},
		{"ALARM(a) AND", "is missing at character 13"},
		{"ALARM(a) XOR ALARM(b)", "unexpected"},
		{"MAYBE(a)", "one of ALARM, OK"},
		{"AT_LEAST(0, ALARM, (a))", "how many"},
		{"AT_LEAST(3, ALARM, (a, b))", "can never be"},
		{"AT_LEAST(1, ODD, (a))", "one of ALARM, OK"},
		{strings.Repeat("(", 300) + "TRUE", "nest deeper"},
		{strings.Repeat("NOT ", 300) + "TRUE", "nest deeper"},
		{strings.Repeat("TRUE OR ", 1500) + "TRUE", "longer than 10240"},
	} {
		if _, err := alarm.Holds(c.rule, state); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%.40s: %v, want one that says %q", c.rule, err, c.why)
		}
	}
}

func FuzzRule(f *testing.F) {
	for _, seed := range []string{"ALARM(a) AND NOT OK(\"b\")", "AT_LEAST(50%, NOT OK, (a, b))", "(TRUE)"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, rule string) {
		_, _ = alarm.Holds(rule, func(string) alarm.Value { return alarm.OK })
	})
}

package engine

import (
	"math"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// applyWait works out when the Wait state that was just entered, or taken up again, is due. It happens in apply so that a folded execution
// knows it too.
func (x *Execution) applyWait(f *flow, s *asl.Wait) {
	due, why := x.waitUntil(f, s)
	if why != nil {
		x.applyFault(f, why)
		return
	}
	f.due, f.phase = due, waiting
	x.setAlarm(f)
}

// applyFault notes a fault that was found while applying an Entered event; the flow's next step raises it.
func (x *Execution) applyFault(f *flow, why *fault) {
	f.fault, f.phase = why, faulty
	x.wake(f)
}

func (x *Execution) waitUntil(f *flow, s *asl.Wait) (time.Time, *fault) {
	input, why := x.effectiveInput(f)
	if why != nil {
		return time.Time{}, why
	}
	if s.Seconds.Set {
		seconds, why := x.waitSeconds(f, s.Seconds, input)
		return x.lastTime.Add(time.Duration(seconds) * time.Second), why
	}
	text := s.Timestamp.Literal
	if e := s.Timestamp.Expr; e != nil {
		v, why := x.expression(f, e, "Timestamp", value.KindString)
		if why != nil {
			return time.Time{}, why
		}
		text = plainText(v)
	}
	if p := s.Timestamp.Path; p != nil {
		v, err := p.Eval(x.env(f, input, ""))
		if err != nil {
			return time.Time{}, x.runtime(f, "The TimestampPath parameter does not reference an input value: %s", p)
		}
		text = plainText(v)
	}
	at, ok := parseTimestamp(text)
	switch {
	case !ok && s.Timestamp.Path != nil:
		return at, x.runtime(f, "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: %s == %s", s.Timestamp.Path, text)
	case !ok && s.Timestamp.Expr != nil:
		why := x.misfit(f, "Timestamp", "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: %s", text)
		why.afterEntered = true
		return at, why
	case !ok:
		return at, x.runtime(f, "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: %s", text)
	case at.Sub(x.lastTime) > math.MaxInt32*time.Second:
		return at, x.runtime(f, "Wait state delay is too long.")
	}
	return at.Truncate(time.Second), nil
}

func (x *Execution) waitSeconds(f *flow, n asl.Number, input *value.Data) (int64, *fault) {
	v := n.Literal
	if n.Expr != nil {
		var why *fault
		if v, why = x.expression(f, n.Expr, "Seconds", value.KindNumber); why != nil {
			return 0, why
		}
		if seconds, ok := value.Integer(v); !ok || seconds < 0 || seconds > sfn.MaxTimeoutSeconds {
			why := x.misfit(f, "Seconds", "Seconds must be between 0 and %d but was: %s", sfn.MaxTimeoutSeconds, value.Text(v))
			why.afterEntered = true
			return 0, why
		}
	}
	if p := n.Path; p != nil {
		var err error
		if v, err = p.Eval(x.env(f, input, "")); err != nil {
			return 0, x.runtime(f, "The SecondsPath parameter does not reference an input value: %s", p)
		}
		seconds, ok := v.(value.Int)
		switch {
		case !ok:
			return 0, x.runtime(f, "The SecondsPath parameter cannot be parsed as a long value: %s == %s", p, plainText(v))
		case seconds < 0:
			return 0, x.runtime(f, "The SecondsPath parameter references a negative value: %s == %d", p, seconds)
		}
	}
	seconds, _ := value.Integer(v)
	if seconds > math.MaxInt32 {
		return 0, x.runtime(f, "Wait state delay is too long.")
	}
	return seconds, nil
}

// plainText is a value as messages show it: a string without quotes, everything else as JSON.
func plainText(v value.Value) string {
	if s, ok := v.(value.String); ok {
		return string(s)
	}
	return value.Text(v)
}

// parseTimestamp reads an RFC 3339 timestamp with upper-case T and Z, as the States Language demands.
func parseTimestamp(text string) (time.Time, bool) {
	if strings.ContainsAny(text, "tz") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t.UTC(), err == nil
}

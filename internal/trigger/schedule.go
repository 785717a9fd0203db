package trigger

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // Windows and small containers have no zone database
)

// MaxExpressionLength bounds an expression, in characters (EventBridge Scheduler API reference, CreateSchedule, ScheduleExpression).
const MaxExpressionLength = 256

// Schedule is a parsed schedule expression in its time zone. It never changes, and any number of goroutines may use it.
type Schedule struct {
	expression string
	zone       *time.Location
	start, end time.Time // zero for none
	timing     timing
}

// timing is one of rate, at and *cron.
type timing interface {
	// next returns the first time after the given one, heeding the schedule's zone, and its start where that is an anchor.
	next(s *Schedule, after time.Time) (time.Time, bool)
}

type (
	rate time.Duration // every so often
	at   time.Time     // once, at this wall time, kept as if it were in UTC
)

// ExpressionError says why an expression or a time zone is refused. Its text begins with the service's own sentence.
type ExpressionError struct {
	// Expression is what was refused.
	Expression string
	// Reason says what is wrong with it, which the service leaves out.
	Reason string
	// Timezone tells that the time zone was refused and not the schedule expression.
	Timezone bool
}

func (e *ExpressionError) Error() string { return e.Sentence() + " " + e.Reason }

// Sentence is what the service says.
func (e *ExpressionError) Sentence() string {
	what := "Expression"
	if e.Timezone {
		what = "Expression Timezone"
	}
	return fmt.Sprintf("Invalid Schedule %s %s.", what, e.Expression)
}

// Parse reads an expression of one of the forms
//
//	rate(5 minutes)               minute(s), hour(s) or day(s)
//	cron(0 9 ? * MON-FRI *)       minutes hours day-of-month month day-of-week year
//	at(2026-11-24T12:00:00)       once
//
// and the IANA name of the time zone in which it is meant; "" is UTC. It fails with an [*ExpressionError].
func Parse(expression, timezone string) (*Schedule, error) {
	if len(expression) > MaxExpressionLength {
		return nil, &ExpressionError{Expression: expression[:16] + "...", Reason: fmt.Sprintf("It is longer than %d characters.", MaxExpressionLength)}
	}
	zone, err := loadZone(timezone)
	if err != nil {
		return nil, err
	}
	timing, reason := parseTiming(expression)
	if reason != "" {
		return nil, &ExpressionError{Expression: expression, Reason: reason}
	}
	return &Schedule{expression: expression, zone: zone, timing: timing}, nil
}

func loadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	// "Local" would make a schedule mean something else on each machine.
	if err != nil || name == "Local" || len(name) > 50 {
		return nil, &ExpressionError{Expression: name, Timezone: true, Reason: "It is not the name of a time zone, like Europe/Berlin."}
	}
	return zone, nil
}

// parseTiming returns the timing, or the reason why there is none.
func parseTiming(expression string) (t timing, reason string) {
	kind, rest, found := strings.Cut(expression, "(")
	body, closed := strings.CutSuffix(rest, ")")
	if !found || !closed {
		return nil, "It has none of the forms rate(value unit), cron(fields) and at(yyyy-mm-ddThh:mm:ss)."
	}
	switch kind {
	case "rate":
		return parseRate(body)
	case "cron":
		return parseCron(body)
	case "at":
		return parseAt(body)
	}
	return nil, fmt.Sprintf("There is no kind of schedule named %q, only rate, cron and at.", kind)
}

func parseRate(body string) (timing, string) {
	const form = "A rate is a positive whole number and one of minute(s), hour(s) and day(s), like rate(5 minutes)."
	number, unit, _ := strings.Cut(body, " ")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || number[0] == '+' {
		return nil, form
	}
	var period time.Duration
	switch unit {
	case "minute", "minutes":
		period = time.Minute
	case "hour", "hours":
		period = time.Hour
	case "day", "days":
		period = 24 * time.Hour // on the clock, whatever daylight saving does (user guide, "Daylight savings time")
	default:
		return nil, form
	}
	if n > int64(maxPeriod/period) {
		return nil, "The rate is too low: it would not come round within a hundred years."
	}
	return rate(time.Duration(n) * period), ""
}

// maxPeriod keeps sums of times and periods far from overflow.
const maxPeriod = 100 * 366 * 24 * time.Hour

func parseAt(body string) (timing, string) {
	const layout = "2006-01-02T15:04:05"
	t, err := time.Parse(layout, body)
	if err != nil || len(body) != len(layout) { // time.Parse would take fractions of a second
		return nil, "A time is written yyyy-mm-ddThh:mm:ss, like at(2026-11-24T12:00:00)."
	}
	return at(t), ""
}

// Between returns the schedule limited to the time from start to end, both included; a zero time is no limit. The start is also
// what a rate counts from. A schedule for one time heeds neither (API reference, CreateSchedule, StartDate and EndDate).
func (s *Schedule) Between(start, end time.Time) *Schedule {
	limited := *s
	limited.start, limited.end = start, end
	return &limited
}

// Expression is the expression as it was given.
func (s *Schedule) Expression() string { return s.expression }

// Timezone is the name of the time zone.
func (s *Schedule) Timezone() string { return s.zone.String() }

// Next returns the first time after the given one at which the schedule is due, in the schedule's zone; false if there is none. A
// rate without a start counts from the given time.
func (s *Schedule) Next(after time.Time) (time.Time, bool) {
	if once, isAt := s.timing.(at); isAt {
		return once.next(s, after)
	}
	if !s.start.IsZero() && after.Before(s.start) {
		after = s.start.Add(-1)
	}
	t, ok := s.timing.next(s, after)
	if !ok || !s.end.IsZero() && t.After(s.end) {
		return time.Time{}, false
	}
	return t.In(s.zone), true
}

// latest returns the last time until now at which the schedule was due, given one of them. It looks no further back than a day, which is how old
// an event may become.
func (s *Schedule) latest(due, now time.Time) time.Time {
	if recent, ok := s.Next(now.Add(-MaxEventAge)); ok && recent.After(due) && !recent.After(now) {
		due = recent
	}
	for {
		next, ok := s.Next(due)
		if !ok || next.After(now) {
			return due
		}
		due = next
	}
}

// Rate tells whether the schedule counts from a start rather than by the clock on the wall.
func (s *Schedule) Rate() bool { _, is := s.timing.(rate); return is }

// Once tells whether the schedule is for one time.
func (s *Schedule) Once() bool { _, is := s.timing.(at); return is }

func (r rate) next(s *Schedule, after time.Time) (time.Time, bool) {
	period := time.Duration(r)
	if s.start.IsZero() {
		return after.Add(period), true
	}
	elapsed := after.Sub(s.start)
	if elapsed < 0 {
		return s.start, true
	}
	if elapsed > math.MaxInt64-period { // centuries from the start
		return time.Time{}, false
	}
	return s.start.Add((elapsed/period + 1) * period), true
}

func (a at) next(s *Schedule, after time.Time) (time.Time, bool) {
	t, _ := instant(time.Time(a), s.zone)
	if !t.After(after) {
		return time.Time{}, false
	}
	return t, true
}

func (c *cron) next(s *Schedule, after time.Time) (time.Time, bool) {
	local := after.In(s.zone)
	wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
	for {
		due, ok := c.nextWall(wall)
		if !ok {
			return time.Time{}, false
		}
		// A wall time that is repeated means its first occurrence, which may be over although the clock shows an earlier time.
		if t, exists := instant(due, s.zone); exists && t.After(after) {
			return t, true
		}
		wall = due
	}
}

// instant returns the moment at which the clocks of zone show wall, the first one where they show it twice. Where they never show it,
// exists is false and the moment is the one that a clock which was not put forward would show.
func instant(wall time.Time, zone *time.Location) (t time.Time, exists bool) {
	// A day before and a day behind lie on either side of any change of the clocks, and no zone changes them twice in two days.
	for _, aside := range [...]time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := wall.Add(aside).In(zone).Zone()
		candidate := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if candidate.Day() == wall.Day() && candidate.Hour() == wall.Hour() && candidate.Minute() == wall.Minute() {
			return candidate, true
		}
		if aside < 0 {
			t = candidate
		}
	}
	return t, false
}

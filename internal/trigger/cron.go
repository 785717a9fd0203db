package trigger

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// cron holds the wall times that a cron expression names.
//
// The dialect is that of the user guide's "Cron-based schedules", which descends from the Quartz scheduler; what the guide leaves
// out and the service takes (LW, L-3, ranges that wrap around like FRI-MON) is read as Quartz reads it. No cron library for Go
// reads all of it, and to rewrite an expression for one takes more code than to find the next day in a few bit sets.
type cron struct {
	minutes, hours, months set
	years                  [lastYear - firstYear + 1]bool
	monthDays, weekdays    set // one of the two is empty unless a special day stands in its place
	special                []specialDay
}

// The years that an expression may name.
const (
	firstYear = 1970
	lastYear  = 2199
)

// set is a set of small numbers.
type set uint64

func (s set) has(n int) bool { return s>>n&1 == 1 }

// specialDay is a day of the month that has no fixed number or weekday.
type specialDay struct {
	form specialForm
	n    int          // the number in the form
	day  time.Weekday // of lastOf and nth
}

type specialForm uint8

// The forms of special days.
const (
	lastDay        specialForm = iota // L, L-n: the n-th day before the last of the month
	lastWorkday                       // LW: the last Monday to Friday of the month
	nearestWorkday                    // nW: the Monday to Friday nearest to day n, within the month; none where the month has no day n
	lastOf                            // 6L: the month's last Friday
	nth                               // 6#3: the month's third Friday
)

// field describes one of the six fields of an expression.
type field struct {
	name        string
	low, high   int
	names       []string // of low, low+1, ...
	maxStep     int
	unspecified bool // may be "?"
}

var (
	minuteField  = field{name: "minutes", low: 0, high: 59, maxStep: 59}
	hourField    = field{name: "hours", low: 0, high: 23, maxStep: 23}
	dayField     = field{name: "day-of-month", low: 1, high: 31, maxStep: 31, unspecified: true}
	monthField   = field{name: "month", low: 1, high: 12, maxStep: 12, names: []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}}
	weekdayField = field{name: "day-of-week", low: 1, high: 7, maxStep: 7, unspecified: true, names: []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}}
	yearField    = field{name: "year", low: firstYear, high: lastYear, maxStep: lastYear - firstYear}
)

// parseCron returns the timing, or the reason why there is none.
func parseCron(body string) (timing, string) {
	fields := strings.Fields(strings.ToUpper(body))
	if len(fields) != 6 {
		return nil, fmt.Sprintf("A cron expression has six fields (minutes hours day-of-month month day-of-week year), this one has %d.", len(fields))
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return nil, "Exactly one of day-of-month and day-of-week must be ?."
	}
	var c cron
	for i, read := range [...]func(string) string{
		func(s string) string { return minuteField.read(s, c.minutes.add) },
		func(s string) string { return hourField.read(s, c.hours.add) },
		func(s string) string { return c.readDays(dayField, s, c.monthDays.add) },
		func(s string) string { return monthField.read(s, c.months.add) },
		func(s string) string { return c.readDays(weekdayField, s, c.weekdays.add) },
		func(s string) string { return yearField.read(s, func(year int) { c.years[year-firstYear] = true }) },
	} {
		if reason := read(fields[i]); reason != "" {
			return nil, reason
		}
	}
	return &c, ""
}

func (s *set) add(n int) { *s |= 1 << n }

// read calls add with every number that text names, or returns what is wrong with it.
func (f field) read(text string, add func(int)) (reason string) {
	for item := range strings.SplitSeq(text, ",") {
		if reason := f.readItem(item, add); reason != "" {
			return reason
		}
	}
	return ""
}

// readItem reads *, n, n-m and each of them followed by /step.
func (f field) readItem(item string, add func(int)) (reason string) {
	span, stepText, stepped := strings.Cut(item, "/")
	from, to, ranged := strings.Cut(span, "-")
	low, high, step := f.low, f.high, 1
	if span != "*" {
		var ok bool
		if low, ok = f.number(from); !ok {
			return f.wrong(item)
		}
		switch {
		case ranged:
			if high, ok = f.number(to); !ok {
				return f.wrong(item)
			}
		case !stepped:
			high = low
		}
	}
	if stepped {
		var err error
		if step, err = strconv.Atoi(stepText); err != nil || step < 1 || step > f.maxStep || stepText[0] == '+' {
			return fmt.Sprintf("In the field %s, the step of %q must be a number from 1 to %d.", f.name, item, f.maxStep)
		}
	}
	if high < low {
		if f.name == yearField.name {
			return f.wrong(item)
		}
		high += f.high - f.low + 1 // around the end: FRI-MON, 22-2
	}
	for n := low; n <= high; n += step {
		add(f.low + (n-f.low)%(f.high-f.low+1))
	}
	return ""
}

// number reads a number within the field's bounds, or a name.
func (f field) number(text string) (int, bool) {
	for i, name := range f.names {
		if text == name {
			return f.low + i, true
		}
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= f.low && n <= f.high && text[0] >= '0' && text[0] <= '9'
}

func (f field) wrong(item string) string {
	names := ""
	if f.names != nil {
		names = fmt.Sprintf(" or %s-%s", f.names[0], f.names[len(f.names)-1])
	}
	return fmt.Sprintf("The field %s takes %d-%d%s, with the wildcards that belong to it, and not %q.", f.name, f.low, f.high, names, item)
}

// readDays reads one of the two fields for days, which have forms of their own.
func (c *cron) readDays(f field, text string, add func(int)) (reason string) {
	if text == "?" {
		return ""
	}
	items := strings.Split(text, ",")
	for _, item := range items {
		if f.name == weekdayField.name && item == "L" {
			item = "SAT"
		}
		special, isSpecial := f.special(item)
		switch {
		case isSpecial && special.form == nth && len(items) > 1:
			return "The field day-of-week takes only one expression with #." // user guide, "Wildcards"
		case isSpecial:
			c.special = append(c.special, special)
		default:
			if reason := f.readItem(item, add); reason != "" {
				return reason
			}
		}
	}
	return ""
}

// special reads the forms of [specialForm].
func (f field) special(item string) (specialDay, bool) {
	if f.name == weekdayField.name {
		if day, isLast := strings.CutSuffix(item, "L"); isLast {
			n, ok := f.number(day)
			return specialDay{form: lastOf, day: time.Weekday(n - 1)}, ok
		}
		day, count, found := strings.Cut(item, "#")
		n, ok := f.number(day)
		times, counted := field{low: 1, high: 5}.number(count)
		return specialDay{form: nth, n: times, day: time.Weekday(n - 1)}, found && ok && counted
	}
	if item == "L" {
		return specialDay{form: lastDay}, true
	}
	if item == "LW" {
		return specialDay{form: lastWorkday}, true
	}
	if before, found := strings.CutPrefix(item, "L-"); found {
		n, ok := field{low: 1, high: 30}.number(before)
		return specialDay{form: lastDay, n: n}, ok
	}
	day, found := strings.CutSuffix(item, "W")
	n, ok := f.number(day)
	return specialDay{form: nearestWorkday, n: n}, found && ok
}

// nextWall returns the first wall time after the given one. Both are in UTC, where a day has 24 hours.
func (c *cron) nextWall(after time.Time) (time.Time, bool) {
	from := after.Truncate(time.Minute).Add(time.Minute)
	if from.Year() < firstYear {
		from = date(firstYear, time.January, 1)
	}
	day := date(from.Year(), from.Month(), from.Day())
	for day.Year() <= lastYear {
		switch year, month := day.Year(), day.Month(); {
		case !c.years[year-firstYear]:
			day = date(year+1, time.January, 1)
		case !c.months.has(int(month)):
			day = date(year, month+1, 1)
		case c.days(year, month).has(day.Day()):
			if t, ok := c.nextTime(day, from); ok {
				return t, true
			}
			day = day.AddDate(0, 0, 1)
		default:
			day = day.AddDate(0, 0, 1)
		}
	}
	return time.Time{}, false
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// nextTime returns the first time of the day that is not before from.
func (c *cron) nextTime(day, from time.Time) (time.Time, bool) {
	for hour := range 24 {
		if !c.hours.has(hour) {
			continue
		}
		for minute := range 60 {
			t := day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
			if c.minutes.has(minute) && !t.Before(from) {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// days returns the days of the month that the expression names.
func (c *cron) days(year int, month time.Month) set {
	first := date(year, month, 1).Weekday()
	last := date(year, month+1, 0).Day()
	weekday := func(day int) time.Weekday { return (first + time.Weekday(day-1)) % 7 }
	var days set
	for day := 1; day <= last; day++ {
		if c.monthDays.has(day) || c.weekdays.has(int(weekday(day))+1) {
			days.add(day)
		}
	}
	for _, s := range c.special {
		if day := s.in(last, weekday); day >= 1 && day <= last {
			days.add(day)
		}
	}
	return days
}

// in returns the day in a month of that many days, or a number outside of the month if there is none.
func (s specialDay) in(last int, weekday func(day int) time.Weekday) int {
	switch s.form {
	case lastDay:
		return last - s.n
	case lastWorkday:
		return workday(last, last, weekday)
	case nearestWorkday:
		if s.n > last {
			return 0
		}
		return workday(s.n, last, weekday)
	case lastOf:
		return last - int((weekday(last)-s.day+7)%7)
	case nth:
		return 1 + int((s.day-weekday(1)+7)%7) + 7*(s.n-1)
	}
	return 0
}

// workday returns the Monday to Friday nearest to day that lies in the same month.
func workday(day, last int, weekday func(day int) time.Weekday) int {
	switch {
	case weekday(day) == time.Saturday && day == 1:
		return day + 2
	case weekday(day) == time.Saturday:
		return day - 1
	case weekday(day) == time.Sunday && day == last:
		return day - 2
	case weekday(day) == time.Sunday:
		return day + 1
	}
	return day
}

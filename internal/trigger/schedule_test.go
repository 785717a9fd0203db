package trigger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/adhocore/gronx"

	"github.com/tutti-run/tutti/internal/trigger"
)

func ExampleParse() {
	s, err := trigger.Parse("cron(0 9 ? * 2#1 *)", "Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	due := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for range 3 {
		due, _ = s.Next(due)
		fmt.Println(due)
	}
	// Output:
	// 2026-12-07 09:00:00 +0100 CET
	// 2027-01-04 09:00:00 +0100 CET
	// 2027-02-01 09:00:00 +0100 CET
}

func ExampleParse_refused() {
	_, err := trigger.Parse("cron(0 9 * * MON *)", "")
	fmt.Println(err)
	// Output: Invalid Schedule Expression cron(0 9 * * MON *). Exactly one of day-of-month and day-of-week must be ?.
}

// due returns the next n due times, joined.
func due(t *testing.T, expression, zone, after string, n int) string {
	t.Helper()
	s, err := trigger.Parse(expression, zone)
	if err != nil {
		t.Errorf("Parse: %v", err)
		return ""
	}
	at, err := time.Parse(time.RFC3339, after)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for range n {
		var ok bool
		if at, ok = s.Next(at); !ok {
			found = append(found, "never")
			break
		}
		found = append(found, at.Format("2006-01-02T15:04Z07:00"))
	}
	return strings.Join(found, " ")
}

func TestCron(t *testing.T) {
	const now = "2026-11-24T12:00:00Z" // a Tuesday
	for _, tt := range []struct{ expression, want string }{
		// Examples of the EventBridge and EventBridge Scheduler user guides.
		{"cron(15 10 ? * 6L 2026-2027)", "2026-11-27T10:15Z 2026-12-25T10:15Z 2027-01-29T10:15Z"},
		{"cron(15 12 * * ? *)", "2026-11-24T12:15Z 2026-11-25T12:15Z 2026-11-26T12:15Z"},
		{"cron(0 18 ? * MON-FRI *)", "2026-11-24T18:00Z 2026-11-25T18:00Z 2026-11-26T18:00Z"},
		{"cron(0 8 1 * ? *)", "2026-12-01T08:00Z 2027-01-01T08:00Z 2027-02-01T08:00Z"},
		{"cron(0/15 * * * ? *)", "2026-11-24T12:15Z 2026-11-24T12:30Z 2026-11-24T12:45Z"},
		{"cron(0/10 * ? * MON-FRI *)", "2026-11-24T12:10Z 2026-11-24T12:20Z 2026-11-24T12:30Z"},
		{"cron(0/5 8-17 ? * MON-FRI *)", "2026-11-24T12:05Z 2026-11-24T12:10Z 2026-11-24T12:15Z"},
		{"cron(0 9 ? * 2#1 *)", "2026-12-07T09:00Z 2027-01-04T09:00Z 2027-02-01T09:00Z"},
		{"cron(0-15/1 8-8 ? * 2,3,4,5,6,7 *)", "2026-11-25T08:00Z 2026-11-25T08:01Z 2026-11-25T08:02Z"},
		{"cron(1-31/30 1-1 ? * 1,7 *)", "2026-11-28T01:01Z 2026-11-28T01:31Z 2026-11-29T01:01Z"},
		// Each field, name and wildcard.
		{"cron(0 0 ? * 1 *)", "2026-11-29T00:00Z 2026-12-06T00:00Z 2026-12-13T00:00Z"},
		{"cron(0 0 ? * 7 *)", "2026-11-28T00:00Z 2026-12-05T00:00Z 2026-12-12T00:00Z"},
		{"cron(0 0 ? * L *)", "2026-11-28T00:00Z 2026-12-05T00:00Z 2026-12-12T00:00Z"},
		{"cron(0 0 ? * fri-mon *)", "2026-11-27T00:00Z 2026-11-28T00:00Z 2026-11-29T00:00Z"},
		{"cron(30 22-1 24 11 ? 2026)", "2026-11-24T22:30Z 2026-11-24T23:30Z never"},
		{"cron(0 0 1 jan,MAR ? *)", "2027-01-01T00:00Z 2027-03-01T00:00Z 2028-01-01T00:00Z"},
		{"cron(0 0 1 5/3 ? *)", "2027-05-01T00:00Z 2027-08-01T00:00Z 2027-11-01T00:00Z"},
		{"cron(0 0 L * ? *)", "2026-11-30T00:00Z 2026-12-31T00:00Z 2027-01-31T00:00Z"},
		{"cron(0 0 L-2 2 ? *)", "2027-02-26T00:00Z 2028-02-27T00:00Z 2029-02-26T00:00Z"},
		{"cron(0 0 LW * ? *)", "2026-11-30T00:00Z 2026-12-31T00:00Z 2027-01-29T00:00Z"},
		{"cron(0 0 3W * ? 2027)", "2027-01-04T00:00Z 2027-02-03T00:00Z 2027-03-03T00:00Z"},
		{"cron(0 0 1W 5 ? *)", "2027-05-03T00:00Z 2028-05-01T00:00Z 2029-05-01T00:00Z"},
		{"cron(0 0 31W * ? 2027)", "2027-01-29T00:00Z 2027-03-31T00:00Z 2027-05-31T00:00Z"},
		{"cron(0 0 1,L * ? *)", "2026-11-30T00:00Z 2026-12-01T00:00Z 2026-12-31T00:00Z"},
		{"cron(0 0 ? * TUE#5 *)", "2026-12-29T00:00Z 2027-03-30T00:00Z 2027-06-29T00:00Z"},
		{"cron(0 0 29 2 ? *)", "2028-02-29T00:00Z 2032-02-29T00:00Z 2036-02-29T00:00Z"},
		{"cron(0 0 29 2 ? 2097-2104)", "2104-02-29T00:00Z never"},
		{"cron(0 0 ? 2 1#5 *)", "2032-02-29T00:00Z 2060-02-29T00:00Z 2088-02-29T00:00Z"},
		{"cron(0 0 1 1 ? 1970/20)", "2030-01-01T00:00Z 2050-01-01T00:00Z 2070-01-01T00:00Z"},
		{"cron(0 0 1 1 ? 2199)", "2199-01-01T00:00Z never"},
		{"cron(0 0 31 2 ? *)", "never"},
		{"cron(0 0 * * ? 2025)", "never"},
		{"cron( 0  0 1 1 ? 2027 )", "2027-01-01T00:00Z never"},
	} {
		if got := due(t, tt.expression, "", now, 3); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.expression, got, tt.want)
		}
	}
}

func TestDaylightSaving(t *testing.T) {
	for _, tt := range []struct{ name, expression, zone, after, want string }{
		{"skipped hour", "cron(30 2 * * ? *)", "America/New_York", "2027-03-12T12:00:00Z", "2027-03-13T02:30-05:00 2027-03-15T02:30-04:00"},
		{"repeated hour, once", "cron(30 1 * * ? *)", "America/New_York", "2027-11-06T12:00:00Z", "2027-11-07T01:30-04:00 2027-11-08T01:30-05:00"},
		{"asked between the two", "cron(30 1 * * ? *)", "America/New_York", "2027-11-07T06:00:00Z", "2027-11-08T01:30-05:00 2027-11-09T01:30-05:00"},
		{"hours over the skipped one", "cron(0 * * * ? *)", "Europe/Berlin", "2027-03-28T00:30:00Z", "2027-03-28T03:00+02:00 2027-03-28T04:00+02:00"},
		{"hours over the repeated one", "cron(0 * * * ? *)", "Europe/Berlin", "2027-10-31T00:00:00Z", "2027-10-31T03:00+01:00 2027-10-31T04:00+01:00"},
		{"skipped midnight", "cron(0 0 * * ? *)", "Africa/Cairo", "2025-04-23T12:00:00Z", "2025-04-24T00:00+02:00 2025-04-26T00:00+03:00"},
		{"skipped day", "cron(0 12 * * ? 2011)", "Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-29T12:00-10:00 2011-12-31T12:00+14:00"},
		{"half an hour", "cron(15 2 * * ? *)", "Australia/Lord_Howe", "2027-10-01T15:45:00Z", "2027-10-04T02:15+11:00 2027-10-05T02:15+11:00"},
		{"day as a rate", "rate(1 day)", "America/New_York", "2027-03-13T12:00:00-05:00", "2027-03-14T13:00-04:00 2027-03-15T13:00-04:00"},
		{"once", "at(2027-07-01T08:00:00)", "Europe/Berlin", "2026-11-24T12:00:00Z", "2027-07-01T08:00+02:00 never"},
		{"once, repeated", "at(2027-10-31T02:30:00)", "Europe/Berlin", "2026-11-24T12:00:00Z", "2027-10-31T02:30+02:00 never"},
		{"once, skipped", "at(2027-03-28T02:30:00)", "Europe/Berlin", "2026-11-24T12:00:00Z", "2027-03-28T03:30+02:00 never"},
		{"only ever skipped", "cron(30 2 28 3 ? 2027)", "Europe/Berlin", "2026-11-24T12:00:00Z", "never"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := due(t, tt.expression, tt.zone, tt.after, 2); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ expression, zone, message string }{
		{"", "", "none of the forms"},
		{"5 minutes", "", "none of the forms"},
		{"rate(5 minutes) ", "", "none of the forms"},
		{"every(5 minutes)", "", `named "every"`},
		{"rate(0 minutes)", "", "positive whole number"},
		{"rate(-1 minutes)", "", "positive whole number"},
		{"rate(1.5 hours)", "", "positive whole number"},
		{"rate(5  minutes)", "", "positive whole number"},
		{"rate(5 seconds)", "", "positive whole number"},
		{"rate(5minutes)", "", "positive whole number"},
		{"rate(99999999999999999999 days)", "", "positive whole number"},
		{"rate(9999999 days)", "", "hundred years"},
		{"at(2026-11-24 12:00:00)", "", "yyyy-mm-ddThh:mm:ss"},
		{"at(2026-02-30T12:00:00)", "", "yyyy-mm-ddThh:mm:ss"},
		{"at(2026-11-24T12:00:00Z)", "", "yyyy-mm-ddThh:mm:ss"},
		{"at(2026-11-24T12:00:00.5)", "", "yyyy-mm-ddThh:mm:ss"},
		{"cron(* * * * *)", "", "six fields"},
		{"cron(0 9 * * MON *)", "", "must be ?"},
		{"cron(0 9 ? * ? *)", "", "must be ?"},
		{"cron(7 20 * * 1-7 *)", "", "must be ?"},
		{"cron(60 * * * ? *)", "", "minutes takes 0-59"},
		{"cron(*/60 * * * ? *)", "", "a number from 1 to 59"},
		{"cron(*/0 * * * ? *)", "", "a number from 1 to 59"},
		{"cron(*/+5 * * * ? *)", "", "a number from 1 to 59"},
		{"cron(+5 * * * ? *)", "", "minutes takes 0-59"},
		{"cron(, * * * ? *)", "", "minutes takes 0-59"},
		{"cron(? * * * ? *)", "", "minutes takes 0-59"},
		{"cron(0 24 * * ? *)", "", "hours takes 0-23"},
		{"cron(0 0 32 * ? *)", "", "day-of-month takes 1-31"},
		{"cron(0 0 0 * ? *)", "", "day-of-month takes 1-31"},
		{"cron(0 0 32W * ? *)", "", "day-of-month takes 1-31"},
		{"cron(0 0 1 13 ? *)", "", "month takes 1-12 or JAN-DEC"},
		{"cron(0 0 ? * 0 *)", "", "day-of-week takes 1-7 or SUN-SAT"},
		{"cron(15 12 ? * -1 *)", "", "day-of-week takes 1-7"},
		{"cron(0 0 ? * 2#6 *)", "", "day-of-week takes 1-7"},
		{"cron(0 0 ? * 3W *)", "", "day-of-week takes 1-7"},
		{"cron(0 0 ? * 3#1,6#3 *)", "", "only one expression with #"},
		{"cron(0 0 1 1 ? 1969)", "", "year takes 1970-2199"},
		{"cron(0 0 1 1 ? 2030-2029)", "", "year takes 1970-2199"},
		{"cron(0/5, 9-18, ?, *, MON-FRI, *)", "", "must be ?"},
		{"cron(" + strings.Repeat("1,", 200) + "1 * * * ? *)", "", "longer than 256"},
		{"rate(1 day)", "Mars/Phobos", "not the name of a time zone"},
		{"rate(1 day)", "Local", "not the name of a time zone"},
		{"rate(1 day)", "../etc/passwd", "not the name of a time zone"},
	} {
		_, err := trigger.Parse(tt.expression, tt.zone)
		var refused *trigger.ExpressionError
		if !errors.As(err, &refused) || !strings.HasPrefix(err.Error(), "Invalid Schedule Expression") || !strings.Contains(err.Error(), tt.message) {
			t.Errorf("Parse(%q, %q) = %v, want %q", tt.expression, tt.zone, err, tt.message)
		}
	}
}

func TestBetween(t *testing.T) {
	day := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }
	for _, tt := range []struct {
		name, expression  string
		start, end, after time.Time
		want              time.Time // zero: never
	}{
		{"rate begins at its start", "rate(2 hours)", day(24, 9), time.Time{}, day(23, 0), day(24, 9)},
		{"rate counts from its start", "rate(2 hours)", day(24, 9), time.Time{}, day(24, 12), day(24, 13)},
		{"rate after a due time", "rate(2 hours)", day(24, 9), time.Time{}, day(24, 13), day(24, 15)},
		{"cron at its start", "cron(0 9 * * ? *)", day(24, 9), time.Time{}, day(23, 0), day(24, 9)},
		{"cron past its start", "cron(0 8 * * ? *)", day(24, 9), time.Time{}, day(23, 0), day(25, 8)},
		{"at its end", "cron(0 9 * * ? *)", time.Time{}, day(24, 9), day(24, 0), day(24, 9)},
		{"past its end", "cron(0 9 * * ? *)", time.Time{}, day(24, 8), day(24, 0), time.Time{}},
		{"end before start", "rate(1 hour)", day(24, 9), day(23, 9), day(1, 0), time.Time{}},
		{"a single time heeds neither", "at(2026-11-24T09:00:00)", day(25, 0), day(23, 0), day(1, 0), day(24, 9)},
		{"centuries later", "rate(1 hour)", day(24, 9), time.Time{}, day(24, 9).AddDate(400, 0, 0), time.Time{}},
	} {
		s, err := trigger.Parse(tt.expression, "")
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := s.Between(tt.start, tt.end).Next(tt.after); ok == tt.want.IsZero() || !got.Equal(tt.want) {
			t.Errorf("%s: %v, %v", tt.name, got, ok)
		}
	}
}

// TestAgainstGronx holds the evaluator to an independent one, in the part of the dialect that both have.
func TestAgainstGronx(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(options ...string) string { return options[r.IntN(len(options))] }
	for range 1000 {
		minute := pick("*", "0", "59", "0/15", "*/7", "3-50/9", "5,25,45", fmt.Sprint(r.IntN(60)))
		hour := pick("*", "0", "23", "8-18", "*/5", "2/6", fmt.Sprint(r.IntN(24)))
		day, weekday, theirs := "?", "?", "?"
		if r.IntN(2) == 0 {
			day = pick("*", "L", "1", "31", "29-31", "1/10", "1W", "15W", "30W", "31W", fmt.Sprint(1+r.IntN(31)))
		} else {
			n := r.IntN(7)
			weekday, theirs = fmt.Sprint(n+1), fmt.Sprint(n)
			switch r.IntN(5) {
			case 0:
				weekday, theirs = weekday+"L", theirs+"L"
			case 1:
				nth := fmt.Sprintf("#%d", 1+r.IntN(5))
				weekday, theirs = weekday+nth, theirs+nth
			case 2:
				weekday, theirs = "MON-FRI", "1-5"
			case 3:
				weekday, theirs = "1,4,7", "0,3,6"
			}
		}
		month := pick("*", "2", "*/5", "1-6", "4,9", fmt.Sprint(1+r.IntN(12)))
		ours := fmt.Sprintf("cron(%s %s %s %s %s *)", minute, hour, day, month, weekday)
		s, err := trigger.Parse(ours, "")
		if err != nil {
			t.Fatal(err)
		}
		after := time.Date(2020+r.IntN(30), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), 0, 0, time.UTC)
		want, err := gronx.NextTickAfter(fmt.Sprintf("0 %s %s %s %s %s *", minute, hour, day, month, theirs), after, false)
		if got, ok := s.Next(after); ok != (err == nil) || ok && !got.Equal(want) {
			t.Errorf("%s after %v: %v, %v; gronx says %v, %v", ours, after, got, ok, want, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range [][2]string{
		{"rate(5 minutes)", ""}, {"at(2026-11-24T12:00:00)", "Asia/Kolkata"}, {"cron(0/5 22-2 LW * ? 2020/3)", "Europe/Berlin"},
		{"cron(0 0 ? 2 1#5 *)", "America/New_York"}, {"cron(* * L-3,15W,1 */2 ? *)", "Australia/Lord_Howe"}, {"cron(0 0 31 2 ? *)", ""},
	} {
		f.Add(seed[0], seed[1], int64(1795521600))
	}
	f.Fuzz(func(t *testing.T, expression, zone string, unix int64) {
		s, err := trigger.Parse(expression, zone)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "Invalid Schedule Expression") {
				t.Errorf("error %v", err)
			}
			return
		}
		after := time.Unix(unix%8_000_000_000, 0)
		next, ok := s.Next(after)
		if !ok {
			return
		}
		if !next.After(after) {
			t.Fatalf("%s after %v is due at %v", expression, after, next)
		}
		// What is due first after the moment before it is the same time again, unless it is counted from that moment.
		if again, ok := s.Next(next.Add(-1)); !strings.HasPrefix(expression, "rate") && (!ok || !again.Equal(next)) {
			t.Fatalf("%s is due at %v, and then at %v", expression, next, again)
		}
	})
}

func BenchmarkNext(b *testing.B) {
	s, err := trigger.Parse("cron(0/5 8-17 ? * MON-FRI *)", "Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	after := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for b.Loop() {
		after, _ = s.Next(after)
	}
}

package alarm_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tutti-run/tutti/internal/metrics/alarm"
)

// A composite alarm waits for its suppressor before it performs its actions, does not while that is in ALARM, and waits once more behind it (user guide, "Suppressing composite
// alarm actions"). What is over by then is not told.
func TestSuppressor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a := w.open(t)
		for _, name := range []string{"errors", "deploy"} {
			n := errorsAlarm()
			n.Name, n.ActionsEnabled, n.Metric.TreatMissingData = name, false, alarm.Ignore // so that it stays as it is set
			must(t, a.Put(n))
		}
		top := errorsAlarm()
		top.Name, top.Metric, top.Rule = "top", nil, "ALARM(errors)"
		top.Suppressor = &alarm.Suppressor{Name: "deploy", Wait: time.Minute, Extension: 2 * time.Minute}
		must(t, a.Put(top))
		set := func(name string, v alarm.Value) {
			t.Helper()
			must(t, a.SetState(name, v, "testing", ""))
		}
		check := func(by alarm.Suppression, told string) {
			t.Helper()
			synctest.Wait()
			s := state(t, a, "top")
			if got, _ := s.SuppressedBy(); got != by {
				t.Errorf("actions are suppressed by %q, want %q", got, by)
			}
			if got := strings.Join(w.told(), ", "); got != told {
				t.Errorf("performed %q, want %q", got, told)
			}
		}
		check("", "calm OK")

		set("errors", alarm.InAlarm) // and nobody suppresses it
		check(alarm.ByWait, "calm OK")
		time.Sleep(59 * time.Second)
		check(alarm.ByWait, "calm OK")
		time.Sleep(12 * time.Second)
		check("", "calm OK, page ALARM")
		if last := w.events[len(w.events)-1].Detail; !strings.Contains(last, `"previousState":{"value":"ALARM"`) || !strings.Contains(last, `"actionsSuppressedBy":"WaitPeriod","actionsSuppressedReason":"Actions suppressed by WaitPeriod"`) ||
			!strings.Contains(last, `"actionsSuppressor":"deploy","actionsSuppressorWaitPeriod":60,"actionsSuppressorExtensionPeriod":120`) {
			t.Errorf("the event is %s", last)
		}
		set("errors", alarm.OK)
		told := "calm OK, page ALARM, calm OK"
		check("", told)

		set("errors", alarm.InAlarm) // is over before the suppressor's extension is
		time.Sleep(30 * time.Second)
		set("deploy", alarm.InAlarm)
		check(alarm.BySuppressor, told)
		time.Sleep(10 * time.Minute)
		check(alarm.BySuppressor, told)
		set("deploy", alarm.OK)
		check(alarm.ByExtension, told)
		set("errors", alarm.OK)
		time.Sleep(3 * time.Minute)
		check("", told)

		set("deploy", alarm.InAlarm) // is not over then
		set("errors", alarm.InAlarm)
		check(alarm.BySuppressor, told)
		set("deploy", alarm.OK)
		time.Sleep(119 * time.Second)
		check(alarm.ByExtension, told)
		time.Sleep(12 * time.Second)
		check("", told+", page ALARM")

		set("errors", alarm.OK) // is over while it waits
		set("errors", alarm.InAlarm)
		set("errors", alarm.OK)
		check("", told+", page ALARM, calm OK")

		var wrong *alarm.Invalid
		top.Suppressor = &alarm.Suppressor{Name: "nobody"}
		if err := a.Put(top); !errors.As(err, &wrong) || wrong.Member != "ActionsSuppressor" {
			t.Errorf("a suppressor that is not there: %v", err)
		}
	})
}

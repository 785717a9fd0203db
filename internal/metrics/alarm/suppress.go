package alarm

import (
	"slices"
	"strings"
	"time"
)

// Suppression says what keeps a composite alarm from performing its actions (API reference, CompositeAlarm, "ActionsSuppressedBy").
type Suppression string

// The ways in which actions are kept from being performed.
const (
	BySuppressor Suppression = "Alarm"           // the suppressor is in ALARM
	ByWait       Suppression = "WaitPeriod"      // the alarm has gone off, and waits for the suppressor to do so
	ByExtension  Suppression = "ExtensionPeriod" // the suppressor is no longer in ALARM, and the alarm may go back to OK
)

// Suppressor is the alarm that keeps the actions of a composite alarm from being performed while it is in ALARM (user guide, "Suppressing composite alarm actions").
type Suppressor struct {
	Name string `json:"name"` // of an alarm
	// Wait is how long the alarm, once in ALARM, waits for the suppressor to go into ALARM, Extension how long it waits once that has left ALARM.
	Wait      time.Duration `json:"wait"`
	Extension time.Duration `json:"extension"`
}

// suppression is how the actions of an alarm are suppressed at present.
type suppression struct {
	By Suppression `json:"by"`
	// Until is when a period ends; zero for BySuppressor.
	Until time.Time `json:"until,omitzero"`
	// Acted is the state whose actions were performed last: as long as the alarm is in that, there are none to make up for.
	Acted Value `json:"acted"`
}

// SuppressedBy is what keeps the actions from being performed, with the reason in words; "" for nothing.
func (s *State) SuppressedBy() (by Suppression, reason string) {
	if s.Suppressed == nil {
		return "", ""
	}
	return s.Suppressed.By, "Actions suppressed by " + string(s.Suppressed.By)
}

// SuppressorName is the name in what ActionsSuppressor says: a name, or the ARN of an alarm.
func SuppressorName(text string) string {
	if _, name, ok := strings.Cut(text, ":alarm:"); ok && strings.HasPrefix(text, "arn:") {
		return name
	}
	return text
}

func (s *Suppressor) check() error {
	switch {
	case s.Name == "":
		return invalid("ActionsSuppressor", "ActionsSuppressor must not be empty.")
	case s.Wait < 0:
		return invalid("ActionsSuppressorWaitPeriod", "ActionsSuppressorWaitPeriod must not be negative.")
	case s.Extension < 0:
		return invalid("ActionsSuppressorExtensionPeriod", "ActionsSuppressorExtensionPeriod must not be negative.")
	}
	return nil
}

// Seconds are the periods as the API has them.
func (s *Suppressor) Seconds() (wait, extension int64) {
	return int64(s.Wait / time.Second), int64(s.Extension / time.Second)
}

// show puts the suppressor into an alarm's configuration as events and histories have it; nil puts nothing.
func (s *Suppressor) show(m map[string]any) {
	if s != nil {
		m["actionsSuppressor"] = s.Name
		m["actionsSuppressorWaitPeriod"], m["actionsSuppressorExtensionPeriod"] = s.Seconds()
	}
}

// suppressing tells whether an alarm's suppressor is in ALARM.
func (w *writing) suppressing(one *Alarm) bool {
	by := w.alarms[one.Suppressor.Name]
	return by != nil && by.State.Value == InAlarm
}

// held is how the actions of an alarm are suppressed that has changed into a state, nil for not at all.
func (w *writing) held(one *Alarm, before State, now Value) *suppression {
	if one.Suppressor == nil {
		return nil
	}
	s := suppression{Acted: before.Value}
	if before.Suppressed != nil {
		s = *before.Suppressed
	}
	switch {
	case w.suppressing(one):
		s.By, s.Until = BySuppressor, time.Time{}
	case s.By == ByExtension: // it goes on
	case now == InAlarm && one.Suppressor.Wait > 0:
		s.By, s.Until = ByWait, w.now.Add(one.Suppressor.Wait)
	default:
		return nil
	}
	return &s
}

// suppress brings an alarm whose own state stays in line with its suppressor, and tells whether that changes anything.
func (w *writing) suppress(one *Alarm) bool {
	if one.Suppressor == nil || one.State.Suppressed == nil {
		return false
	}
	s, on := *one.State.Suppressed, w.suppressing(one)
	switch {
	case on && s.By != BySuppressor:
		s.By, s.Until = BySuppressor, time.Time{}
	case !on && s.By == BySuppressor && one.Suppressor.Extension > 0:
		s.By, s.Until = ByExtension, w.now.Add(one.Suppressor.Extension)
	case !on && s.By == BySuppressor:
		w.release(one)
		return true
	default:
		return false
	}
	n := *one
	n.State.Suppressed = &s
	w.put(&n)
	return true
}

// release ends the suppression of an alarm's actions, and has those performed that there are to make up for. EventBridge and actions hear of it as of a change from the state to itself.
func (w *writing) release(one *Alarm) {
	before := one.State
	n := *one
	n.State.Suppressed, n.State.Updated = nil, w.now
	w.put(&n)
	change := w.a.notification(&n, before)
	w.events = append(w.events, change.event())
	if before.Suppressed.Acted != n.State.Value {
		w.owe(&n, change)
	}
}

// releaseDue ends the periods that are over at a time. The mutex is held.
func (a *Alarms) releaseDue(at time.Time) {
	var due []string
	for name, one := range a.alarms {
		if s := one.State.Suppressed; s != nil && !s.Until.IsZero() && !s.Until.After(at) {
			due = append(due, name)
		}
	}
	slices.Sort(due)
	for _, name := range due {
		w := a.begin(a.happened(at))
		w.release(a.alarms[name])
		if err := w.commit(); err != nil {
			a.cfg.Log.Error("the end of an alarm's suppression is not kept", "alarm", name, "error", err)
		}
	}
}

// happened is when what is found at a time has happened: now, unless the clock was moved on since.
func (a *Alarms) happened(at time.Time) time.Time {
	if latest := a.now(); latest.Sub(at) < 2*grain {
		return latest
	}
	return at.UTC()
}

// nextRelease is when the next period ends, and false if none is running. The mutex is held.
func (a *Alarms) nextRelease() (next time.Time, ok bool) {
	for _, one := range a.alarms {
		if s := one.State.Suppressed; s != nil && !s.Until.IsZero() && (!ok || s.Until.Before(next)) {
			next, ok = s.Until, true
		}
	}
	return next, ok
}

package engine

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// world plays whoever answers an execution: tasks get scripted outcomes, time jumps to the next thing that happens.
type world struct {
	t       testing.TB
	machine *asl.Machine
	now     time.Time
	x       *Execution
	events  []history.Event
	// answers gives the outcomes of a Task's attempts, by state name; the last one stands for all that follow.
	answers map[string][]outcome
	asked   map[string]int
	due     []happening
	known   map[int64]bool // obligations that have been taken note of
	// check runs after every Advance.
	check func(*world)
	// cutAt is the number of events after which everything but the history is lost, once; 0 for never.
	cutAt int
	// stopAt is when the execution is stopped, after its start; 0 for never.
	stopAt time.Duration
	// redrives are how long after its end each of them comes, as long as the execution does not succeed.
	redrives []time.Duration
}

// outcome is what comes of one attempt at a task.
type outcome struct {
	after     time.Duration
	output    string // JSON; "" with failure nil: no answer ever
	failure   *sfn.Failure
	submitted string // JSON; given first
	worker    string // an activity's worker takes the task after after
}

// happening is an input that is due.
type happening struct {
	at    time.Time
	input Input
	order int64
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, machine *asl.Machine, answers map[string][]outcome) *world {
	return &world{t: t, machine: machine, now: epoch, answers: answers, asked: map[string]int{}, known: map[int64]bool{},
		x: New(machine, Identity{
			ARN: "arn:aws:states:us-east-1:000000000000:execution:m:run", Name: "run",
			MachineARN: "arn:aws:states:us-east-1:000000000000:stateMachine:m", MachineName: "m", RoleARN: "arn:aws:iam::000000000000:role/r",
		})}
}

func (w *world) advance(in Input) {
	w.events = append(w.events, w.x.Advance(in, w.now)...)
	if w.cutAt > 0 && len(w.events) >= w.cutAt {
		w.cut()
	}
	if w.check != nil {
		w.check(w)
	}
	w.lookAround()
}

// cut loses all events after cutAt, and everything else but the history: what was asked for with the lost events is asked for again.
func (w *world) cut() {
	w.events = w.events[:w.cutAt]
	w.cutAt = 0
	last := w.events[len(w.events)-1].ID
	for id := range w.known {
		if id > last {
			delete(w.known, id)
		}
	}
	kept := w.due[:0]
	for _, h := range w.due {
		if h.order <= last {
			kept = append(kept, h)
		}
	}
	w.due = kept
	folded, err := Fold(w.machine, w.x.Identity(), recorded(w.events))
	if err != nil {
		w.t.Fatal(err)
	}
	w.x = folded
}

// lookAround takes note of what the execution has asked for.
func (w *world) lookAround() {
	for _, o := range w.x.Pending() {
		if w.known[o.Scheduled] {
			continue
		}
		w.known[o.Scheduled] = true
		list := w.answers[o.State]
		if len(list) == 0 {
			w.t.Fatalf("nobody answers the task %s", o.State)
		}
		out := list[min(w.asked[o.State], len(list)-1)]
		w.asked[o.State]++
		at := w.now.Add(out.after)
		if o.MapRun != nil {
			in := Input(MapRunSucceeded{o.Scheduled, value.JoinArray(inputsOf(w.t, o.MapRun))})
			if out.failure != nil {
				in = MapRunFailed{o.Scheduled, *out.failure}
			}
			w.due = append(w.due, happening{at, in, o.Scheduled})
			continue
		}
		plan := func(in Input) { w.due = append(w.due, happening{at, in, o.Scheduled}) }
		if o.Resource.Kind == asl.ResourceActivity {
			plan(ActivityStarted{o.Scheduled, out.worker})
			at = at.Add(out.after)
		}
		if out.submitted != "" {
			plan(TaskSubmitted{o.Scheduled, value.RecordedData(out.submitted)})
			at = at.Add(out.after)
		}
		switch {
		case out.failure != nil:
			plan(TaskFailed{o.Scheduled, *out.failure})
		case out.output != "":
			plan(TaskSucceeded{o.Scheduled, value.RecordedData(out.output)})
		}
		if o.Heartbeat > 0 {
			w.due = append(w.due, happening{at.Add(o.Heartbeat), HeartbeatLapsed{o.Scheduled}, o.Scheduled})
		}
	}
}

// run takes the execution to its end, or to where nothing happens any more.
func (w *world) run(input string) {
	if w.stopAt > 0 {
		w.due = append(w.due, happening{epoch.Add(w.stopAt), Stop{*sfn.Fail("Stopped", "by hand")}, 0})
	}
	w.advance(Start{value.RecordedData(input)})
	w.carryOn()
}

func (w *world) carryOn() {
	for range 100_000 {
		if w.x.Status().Ended() {
			if w.x.Status() == sfn.StatusSucceeded || w.x.Redrives() == int64(len(w.redrives)) {
				return
			}
			w.now = w.now.Add(w.redrives[w.x.Redrives()])
			w.advance(Redrive{Token: fmt.Sprint("token", w.x.Redrives())})
			continue
		}
		if w.x.HasMore() {
			w.advance(Tick{})
			continue
		}
		slices.SortStableFunc(w.due, func(a, b happening) int {
			return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.order, b.order))
		})
		wake := w.x.WakeAt()
		if len(w.due) > 0 && !w.due[0].at.After(wake) {
			next := w.due[0]
			w.due = w.due[1:]
			w.now = later(w.now, next.at)
			w.advance(next.input)
			continue
		}
		w.now = later(w.now, wake)
		w.advance(Tick{})
	}
	w.t.Fatal("the execution does not end")
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// inputsOf works out the inputs of a Map Run's children.
func inputsOf(t testing.TB, m *MapRun) []*value.Data {
	var inputs []*value.Data
	batches := m.Batcher()
	keep := func(child *value.Data, _ int) {
		if child != nil {
			inputs = append(inputs, child)
		}
	}
	for i := range m.Items {
		input, failure := m.Input(m.Item(i))
		if failure != nil {
			t.Fatal(failure)
		}
		keep(batches.Add(input))
	}
	keep(batches.Rest())
	return inputs
}

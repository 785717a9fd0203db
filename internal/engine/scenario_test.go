package engine

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
)

var update = flag.Bool("update", false, "rewrite the histories of testdata/scenarios; read the diff")

// scenario is a file of testdata/scenarios: a machine, an input, the outcomes of its tasks, and the history that must come of them.
type scenario struct {
	name    string
	archive *txtar.Archive
	machine *asl.Machine
	input   string
	answers map[string][]outcome
	// stopAt and redrives are the world's.
	stopAt   time.Duration
	redrives []time.Duration
}

// world is a new one for the scenario.
func (s *scenario) world(t testing.TB) *world {
	w := newWorld(t, s.machine, s.answers)
	w.stopAt, w.redrives = s.stopAt, s.redrives
	return w
}

// answer is an outcome as the files write it.
type answer struct {
	After     string          `json:"after"`
	Output    json.RawMessage `json:"output"`
	Error     string          `json:"error"`
	Cause     string          `json:"cause"`
	Submitted json.RawMessage `json:"submitted"`
	Worker    string          `json:"worker"`
}

func scenarios(t testing.TB) []scenario {
	files, err := filepath.Glob("testdata/scenarios/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var list []scenario
	for _, file := range files {
		list = append(list, readScenario(t, file))
	}
	return list
}

func readScenario(t testing.TB, file string) scenario {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := scenario{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), archive: archive, input: "{}", answers: map[string][]outcome{}}
	kind := sfn.Standard
	if strings.HasPrefix(s.name, "express-") {
		kind = sfn.Express
	}
	for _, f := range archive.Files {
		switch f.Name {
		case "machine.asl.json":
			var diagnostics []sfn.Diagnostic
			if s.machine, diagnostics = asl.Parse(string(f.Data), asl.Options{Type: kind}); s.machine == nil {
				t.Fatalf("%s: %v", file, diagnostics)
			}
		case "input.json":
			s.input = strings.TrimSpace(string(f.Data))
		case "stop":
			s.stopAt = durations(t, f.Data)[0]
		case "redrives":
			s.redrives = durations(t, f.Data)
		case "answers.json":
			var answers map[string][]answer
			if err := json.Unmarshal(f.Data, &answers); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for state, list := range answers {
				for _, a := range list {
					s.answers[state] = append(s.answers[state], a.outcome(t))
				}
			}
		}
	}
	return s
}

func durations(t testing.TB, text []byte) (list []time.Duration) {
	for _, field := range strings.Fields(string(text)) {
		d, err := time.ParseDuration(field)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, d)
	}
	return list
}

func (a answer) outcome(t testing.TB) outcome {
	out := outcome{output: string(a.Output), submitted: string(a.Submitted), worker: a.Worker}
	if a.Error != "" {
		out.failure = sfn.Fail(sfn.ErrorName(a.Error), "%s", a.Cause)
	}
	if a.After != "" {
		var err error
		if out.after, err = time.ParseDuration(a.After); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// print shows a history, an event a line, without what every event of its type says.
func print(events []history.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%s %d<-%d %s", e.Time.Sub(epoch), e.ID, e.PreviousID, e.Type)
		if e.Flow != 0 {
			fmt.Fprintf(&b, " flow=%d", e.Flow)
		}
		if e.Details != nil {
			text := string(e.AppendAWS(nil, true))
			_, details, _ := strings.Cut(text, `EventDetails":`)
			fmt.Fprintf(&b, " %s", strings.TrimSuffix(details, "}"))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestScenarios(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(s.name, func(t *testing.T) {
			w := s.world(t)
			w.check = foldsBack
			w.run(s.input)
			got := print(w.events)
			for i := range s.archive.Files {
				f := &s.archive.Files[i]
				if f.Name != "history" {
					continue
				}
				if *update {
					f.Data = []byte(got)
					if err := os.WriteFile(filepath.Join("testdata/scenarios", s.name+".txtar"), txtar.Format(s.archive), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				if string(f.Data) != got {
					t.Errorf("history is\n%s\nwant\n%s", got, f.Data)
				}
				return
			}
			t.Error("the scenario has no history")
		})
	}
}

// foldsBack checks the first law: an execution is no more than its history.
func foldsBack(w *world) {
	w.t.Helper()
	folded, err := Fold(w.machine, w.x.Identity(), recorded(w.events))
	if err != nil {
		w.t.Fatal(err)
	}
	if got, want := state(folded), state(w.x); got != want {
		w.t.Fatalf("after event %d the folded execution is\n%s\nthe live one\n%s", w.x.LastEventID(), got, want)
	}
}

// TestCutAnywhere checks that nothing but the history is needed to carry on: cut after every event, folded and run to its end, an execution
// comes to the same history but for the times.
func TestCutAnywhere(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(s.name, func(t *testing.T) {
			whole := s.world(t)
			whole.run(s.input)
			want := chain(whole.events)
			for cut := 1; cut < len(whole.events); cut++ {
				w := s.world(t)
				w.cutAt = cut
				w.run(s.input)
				if got := chain(w.events); got != want {
					t.Fatalf("cut after event %d the history is\n%s\nwant\n%s", cut, print(w.events), print(whole.events))
				}
			}
		})
	}
}

// chain is what a history says apart from times, and apart from the interleaving of flows: the events of each flow in order.
func chain(events []history.Event) string {
	flows := map[int64]*strings.Builder{}
	var last int64
	for _, e := range events {
		b := flows[e.Flow]
		if b == nil {
			b = &strings.Builder{}
			flows[e.Flow] = b
		}
		last = max(last, e.Flow)
		details := ""
		if e.Details != nil {
			_, details, _ = strings.Cut(string(e.AppendAWS(nil, true)), `EventDetails":`)
		}
		fmt.Fprintf(b, "%s %s\n", e.Type, details)
	}
	var all strings.Builder
	for number := range last + 1 {
		if b := flows[number]; b != nil {
			fmt.Fprintf(&all, "flow %d\n%s", number, b)
		}
	}
	return all.String()
}

// TestUnaskedAnswersChangeNothing gives every execution, after every step, answers that it does not wait for.
func TestUnaskedAnswersChangeNothing(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(s.name, func(t *testing.T) {
			plain := s.world(t)
			plain.run(s.input)
			w := s.world(t)
			w.check = func(w *world) {
				for id := int64(0); id <= w.x.LastEventID()+1; id++ {
					if w.x.Owes(id) {
						continue
					}
					for _, in := range []Input{TaskSucceeded{id, w.x.Input()}, TaskFailed{id, *sfn.Fail("Late", "")}, TaskSubmitted{id, w.x.Input()},
						HeartbeatLapsed{id}, ActivityStarted{id, "late"}} {
						if events := w.x.Advance(in, w.now); len(events) > 0 && !w.x.HasMore() {
							t.Fatalf("%T for event %d caused %s", in, id, print(events))
						}
					}
				}
			}
			w.run(s.input)
			if got, want := print(w.events), print(plain.events); got != want {
				t.Errorf("with unasked answers the history is\n%s\nwithout\n%s", got, want)
			}
			if events := w.x.Advance(Stop{}, w.now); len(events) > 0 || w.x.Status() != plain.x.Status() {
				t.Errorf("an ended execution was changed: %s", print(events))
			}
		})
	}
}

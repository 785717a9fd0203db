package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// MapRun is what a distributed Map wants the world to do: run its processor on every input, as executions of their own.
type MapRun struct {
	// ARN is the Map Run's.
	ARN string
	// Map is the state; its Processor is what the children run.
	Map *asl.Map
	// Inputs are the children's, one an item or a batch. Nil if an ItemReader must be asked.
	Inputs []*value.Data
	// Concurrency is how many children may be at work at once.
	Concurrency int64
	// ToleratedCount and ToleratedPercentage are how many items may fail; more than either is too many.
	ToleratedCount      int64
	ToleratedPercentage float64
	// ItemCounts says how many items each of the Inputs has.
	ItemCounts []int64
	// Redrives is how often the Map Run was redriven. If it was, its ARN is that of the run before: children that have succeeded are done,
	// all others go on or are started.
	Redrives int64
	// Redriven is when the Map Run was redriven last: an unsuccessful child that stopped before is due for it. Zero if never.
	Redriven time.Time
}

// MapLabel is the label of a distributed Map: its own, or one made of its name where it has none, as AWS makes one up.
func MapLabel(s *asl.Map) string {
	if s.Label != "" {
		return s.Label
	}
	digest := sha256.Sum256([]byte(s.Name))
	return hex.EncodeToString(digest[:16])
}

// startMapRun begins the Map Run of a distributed Map that has been started.
func (x *Execution) startMapRun(f *flow, s *asl.Map) {
	if _, why := x.prepareMapRun(f, s); why != nil {
		x.raise(f, why)
		return
	}
	id := x.chance(f.fork.started, "MapRun").UUID()
	x.emit(f, history.MapRunStarted, f.tail, &history.MapRunStartedDetails{MapRunARN: x.mapRunARN(s, id)})
}

func (x *Execution) mapRunARN(s *asl.Map, id string) string {
	machine, _, _ := strings.Cut(strings.Replace(x.identity.MachineARN, ":stateMachine:", ":mapRun:", 1), "/")
	return machine + "/" + MapLabel(s) + ":" + id
}

func (x *Execution) applyMapRunStarted(f *flow, e *history.Event) {
	f.fork.mapRunARN = e.Details.(*history.MapRunStartedDetails).MapRunARN
	x.oweMapRun(f, e)
}

func (x *Execution) applyMapRunRedriven(f *flow, e *history.Event) {
	f.fork.mapRunRedrives, f.fork.mapRunRedriven = e.Details.(*history.MapRunRedrivenDetails).RedriveCount, e.Time
	x.oweMapRun(f, e)
}

func (x *Execution) oweMapRun(f *flow, e *history.Event) {
	f.tail, f.link, f.phase = e.ID, e.ID, running
	f.fork.mapRunEvent = e.ID
	f.task = task{scheduled: e.ID}
	x.owed[e.ID] = f
}

// mapRun is the obligation of a Map whose Map Run has been started. What it consists of follows from the state's input, so it is worked out anew.
func (x *Execution) mapRun(f *flow) *MapRun {
	s := f.state.(*asl.Map)
	run, why := x.prepareMapRun(f, s)
	if why != nil {
		run = &MapRun{Map: s} // it was prepared before it was started: this does not happen
	}
	run.ARN, run.Redrives, run.Redriven = f.fork.mapRunARN, f.fork.mapRunRedrives, f.fork.mapRunRedriven
	return run
}

func (x *Execution) prepareMapRun(f *flow, s *asl.Map) (*MapRun, *fault) {
	run := &MapRun{Map: s}
	var why *fault
	if run.Concurrency, why = x.concurrency(f, s); why != nil {
		return nil, why
	}
	if run.ToleratedCount, run.ToleratedPercentage, why = x.tolerance(f, s); why != nil {
		return nil, why
	}
	if s.ItemReader != nil {
		_, why = x.wholeNumber(f, s.ItemReader.MaxItems, "MaxItems")
		return run, why
	}
	items, why := x.items(f, s)
	if why != nil {
		return nil, why
	}
	f.fork.items = items
	inputs := make([]*value.Data, len(items))
	for i := range items {
		if inputs[i], why = x.itemInput(f, s, int64(i)); why != nil {
			return nil, why
		}
	}
	f.fork.items = nil
	run.Inputs, run.ItemCounts, why = x.batches(f, s, inputs)
	return run, why
}

// tolerance is how many items may fail.
func (x *Execution) tolerance(f *flow, s *asl.Map) (count int64, percentage float64, why *fault) {
	if count, why = x.wholeNumber(f, s.ToleratedFailureCount, "ToleratedFailureCount"); why != nil {
		return 0, 0, why
	}
	if count < 0 {
		return 0, 0, x.runtime(f, "ToleratedFailureCount cannot be negative.")
	}
	n := s.ToleratedFailurePercentage
	v := n.Literal
	if n.Expr != nil {
		if v, why = x.expression(f, n.Expr, "ToleratedFailurePercentage", value.KindNumber); why != nil {
			return 0, 0, why
		}
	}
	if n.Path != nil {
		var err error
		if v, err = n.Path.Eval(x.env(f, f.data, "")); err != nil {
			return 0, 0, x.invalidPath(f, n.Path, err)
		}
	}
	if v == nil {
		return count, 0, nil
	}
	percentage, err := strconv.ParseFloat(plainText(v), 64)
	switch {
	case err != nil:
		return 0, 0, x.runtime(f, "The ToleratedFailurePercentagePath field refers to value \"%s\" which is not a valid float: %s", plainText(v), n.Path)
	case percentage < 0 || percentage > 100:
		return 0, 0, x.runtime(f, "ToleratedFailurePercentage must be between 0 and 100.")
	}
	return count, percentage, nil
}

// wholeNumber evaluates a numeric field that may be a path; 0 where it is absent.
func (x *Execution) wholeNumber(f *flow, n asl.Number, field string) (int64, *fault) {
	v := n.Literal
	if n.Expr != nil {
		v, why := x.expression(f, n.Expr, field, value.KindNumber)
		if why != nil {
			return 0, why
		}
		whole, ok := value.Integer(v)
		if !ok {
			return 0, x.misfit(f, field, "The %s field cannot be parsed as an integer: %s", field, value.Text(v))
		}
		return whole, nil
	}
	if n.Path != nil {
		var err error
		if v, err = n.Path.Eval(x.env(f, f.data, "")); err != nil {
			return 0, x.invalidPath(f, n.Path, err)
		}
		was := v
		// A text of digits counts as a number (recorded).
		if v = parsedInteger(v); v == nil {
			return 0, x.runtime(f, "The %sPath field refers to value \"%s\" which is not a valid integer: %s", field, plainText(was), n.Path)
		}
	}
	whole, _ := value.Integer(v)
	return whole, nil
}

// parsedInteger is the whole number that v is or, as a text, stands for; nil if there is none.
func parsedInteger(v value.Value) value.Value {
	n, err := strconv.ParseInt(plainText(v), 10, 64)
	if err != nil {
		return nil
	}
	return value.Int(n)
}

// batches groups the items as ItemBatcher says; without one each item is an input of its own.
func (x *Execution) batches(f *flow, s *asl.Map, items []*value.Data) (inputs []*value.Data, counts []int64, why *fault) {
	if s.ItemBatcher == nil {
		counts = make([]int64, len(items))
		for i := range counts {
			counts[i] = 1
		}
		return items, counts, nil
	}
	most, why := x.wholeNumber(f, s.ItemBatcher.MaxItemsPerBatch, "MaxItemsPerBatch")
	if why != nil {
		return nil, nil, why
	}
	bytes, why := x.wholeNumber(f, s.ItemBatcher.MaxInputBytesPerBatch, "MaxInputBytesPerBatch")
	if why != nil {
		return nil, nil, why
	}
	if bytes <= 0 || bytes > sfn.MaxPayloadBytes {
		bytes = sfn.MaxPayloadBytes
	}
	prefix := "{"
	if s.ItemBatcher.BatchInput != nil {
		input, why := x.effectiveInput(f)
		if why != nil {
			return nil, nil, why
		}
		shared, why := x.template(f, s.ItemBatcher.BatchInput, input, "BatchInput")
		if why != nil {
			return nil, nil, why
		}
		prefix += `"BatchInput":` + shared.Text() + ","
	}
	prefix += `"Items":`
	for start := 0; start < len(items); {
		end, size := start, len(prefix)+len("[]}")
		for end < len(items) && (most <= 0 || int64(end-start) < most) {
			if size += items[end].Size() + 1; end > start && int64(size) > bytes {
				break
			}
			end++
		}
		inputs = append(inputs, value.RecordedData(prefix+value.JoinArray(items[start:end]).Text()+"}"))
		counts = append(counts, int64(end-start))
		start = end
	}
	return inputs, counts, nil
}

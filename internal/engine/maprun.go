package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// MapRun is what a distributed Map wants the world to do: run its processor on every item, as executions of their own. What needed evaluating has
// been evaluated, so a MapRun may be used by another goroutine than the execution's, and outlive it.
type MapRun struct {
	// ARN is the Map Run's.
	ARN string
	// Map is the state; its Processor is what the children run.
	Map *asl.Map
	// Items are the items in the state's input. They are none where Reader says where to read them.
	Items value.Array
	// Keys are the names of the Items, where those are the members of an object; else nil.
	Keys []string
	// Reader says where to read the items; nil where they are in the state's input.
	Reader *Reader
	// Writer says where to write the results; nil where they are the state's result.
	Writer *Writer
	// Concurrency is how many children may be at work at once.
	Concurrency int64
	// ToleratedCount and ToleratedPercentage are how many items may fail; more than either is too many.
	ToleratedCount      int64
	ToleratedPercentage float64
	// Redrives is how often the Map Run was redriven. If it was, its ARN is that of the run before: children that have succeeded are done,
	// all others go on or are started.
	Redrives int64
	// Redriven is when the Map Run was redriven last: an unsuccessful child that stopped before is due for it. Zero if never.
	Redriven time.Time

	selector selector
	batch    *batch
}

// Reader is an ItemReader whose fields have been evaluated (developer guide, "ItemReader").
type Reader struct {
	Bucket, Key, Prefix, Version string
	// MaxItems is as many items as are read; 0 for all. A negative one is the reader's to refuse.
	MaxItems int64
}

// Writer is a ResultWriter whose fields have been evaluated (developer guide, "ResultWriter").
type Writer struct{ Bucket, Prefix string }

// Item is what an ItemSelector is evaluated for: Map.Item of the Context object.
type Item struct {
	Index int64
	Value value.Value
	// Key is the name of an object's member; Keyed tells whether the item is one.
	Key   string
	Keyed bool
	// Source is where the item comes from: STATE_DATA, or S3:// with a bucket and perhaps a key.
	Source string
}

// StateData is the Source of items in the state's input.
const StateData = "STATE_DATA"

// input is what a child is given of the item where there is no ItemSelector.
func (it *Item) input() value.Value {
	if !it.Keyed {
		return it.Value
	}
	return value.NewObject(value.Member{Name: "Key", Value: value.String(it.Key)}, value.Member{Name: "Value", Value: it.Value})
}

// member is the item in the Context object.
func (it *Item) member() value.Member {
	members := []value.Member{{Name: "Index", Value: value.Int(it.Index)}}
	if it.Keyed {
		members = append(members, value.Member{Name: "Key", Value: value.String(it.Key)})
	}
	members = append(members, value.Member{Name: "Value", Value: it.Value}, value.Member{Name: "Source", Value: value.String(it.Source)})
	return value.Member{Name: "Map", Value: value.NewObject(value.Member{Name: "Item", Value: value.NewObject(members...)})}
}

// selector makes the inputs of a Map's children. It holds all that an ItemSelector may read.
type selector struct {
	template  *payload.Template // nil passes the items
	input     *value.Data
	context   func() []value.Member
	variables map[string]*value.Data
	chance    string
	started   int64
	now       time.Time
	fault     func(error) *fault
}

// selector returns the selector of the flow's Map. It reads the flow as long as it has not been detached.
func (x *Execution) selector(f *flow, s *asl.Map) (selector, *fault) {
	if s.ItemSelector == nil {
		return selector{}, nil
	}
	input, why := x.effectiveInput(f)
	if why != nil {
		return selector{}, why
	}
	name, entered := f.state.Common().Name, f.entered
	l := selector{
		template: s.ItemSelector, input: input, context: func() []value.Member { return x.contextMembers(f) },
		chance: x.chanceSeed("ItemSelector"), started: f.fork.started, now: x.lastTime,
		fault: func(err error) *fault { return evaluationIn(name, entered, err) },
	}
	for _, variable := range s.ItemSelector.Variables() {
		for p := f; p != nil; p = p.parent {
			if data, ok := p.vars[variable]; ok {
				if l.variables == nil {
					l.variables = map[string]*value.Data{}
				}
				l.variables[variable] = data
				break
			}
		}
	}
	return l, nil
}

// detach lets the selector be used by another goroutine, and after the flow has gone on.
func (l *selector) detach() {
	if l.template == nil {
		return
	}
	l.input.Freeze()
	context := l.context()
	l.context = func() []value.Member { return context }
	for _, data := range l.variables {
		data.Freeze()
	}
}

func (l *selector) eval(it *Item) (*value.Data, *fault) {
	if l.template == nil {
		return value.NewData(it.input()), nil
	}
	selected, err := l.template.Eval(&payload.Env{
		Input: l.input.Value(), InputText: l.input.Text, Now: l.now,
		Context: func() value.Value { return value.NewObject(append(slices.Clip(l.context()), it.member())...) },
		Variable: func(name string) (value.Value, bool) {
			if data, ok := l.variables[name]; ok {
				return data.Value(), true
			}
			return nil, false
		},
		Chance: payload.NewChance(l.chance+" "+strconv.FormatInt(it.Index, 10), l.started),
	})
	if err != nil {
		return nil, l.fault(err)
	}
	return value.NewData(selected), nil
}

// Input is what a child is given of the item, or why that cannot be worked out.
func (m *MapRun) Input(it Item) (*value.Data, *sfn.Failure) {
	input, why := m.selector.eval(&it)
	if why != nil {
		return nil, &why.failure
	}
	return input, nil
}

// Item is one of the Items.
func (m *MapRun) Item(index int) Item {
	it := Item{Index: int64(index), Value: m.Items[index], Source: StateData}
	if m.Keys != nil {
		it.Key, it.Keyed = m.Keys[index], true
	}
	return it
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
	run, why := x.prepareMapRun(f, s)
	if why == nil {
		why = run.checkInputs()
	}
	if why != nil {
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
	f.fork.mapRunEvent, f.fork.run = e.ID, nil
	f.task = task{scheduled: e.ID}
	x.owed[e.ID] = f
}

// mapRun is the obligation of a Map whose Map Run has been started. What it consists of follows from the state's input, so a folded execution works
// it out anew.
func (x *Execution) mapRun(f *flow) *MapRun {
	if f.fork.run == nil {
		run, why := x.prepareMapRun(f, f.state.(*asl.Map))
		if why != nil {
			run = &MapRun{Map: f.state.(*asl.Map)} // it was prepared before it was started: this does not happen
		}
		run.ARN, run.Redrives, run.Redriven = f.fork.mapRunARN, f.fork.mapRunRedrives, f.fork.mapRunRedriven
		f.fork.run = run
	}
	return f.fork.run
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
	if run.selector, why = x.selector(f, s); why != nil {
		return nil, why
	}
	run.selector.detach()
	if run.batch, why = x.batch(f, s); why != nil {
		return nil, why
	}
	if run.Writer, why = x.writer(f, s.ResultWriter); why != nil {
		return nil, why
	}
	if s.ItemReader != nil {
		run.Reader, why = x.reader(f, s.ItemReader)
		return run, why
	}
	run.Items, run.Keys, why = x.items(f, s)
	return run, why
}

// checkInputs finds out whether all children's inputs can be worked out, as far as the items are known.
func (m *MapRun) checkInputs() *fault {
	if m.selector.template == nil {
		return nil
	}
	for i := range m.Items {
		it := m.Item(i)
		if _, why := m.selector.eval(&it); why != nil {
			return why
		}
	}
	return nil
}

// parameters evaluates the Parameters or Arguments of a reader or writer.
func (x *Execution) parameters(f *flow, t *payload.Template, place string) (func(name string) string, *fault) {
	input, why := x.effectiveInput(f)
	if why != nil {
		return nil, why
	}
	field := "Parameters"
	if speaksJSONata(f) {
		field = "Arguments"
	}
	v, why := x.template(f, t, input, place+"/"+field)
	if why != nil {
		return nil, why
	}
	members, _ := v.Value().(*value.Object)
	return func(name string) string {
		if members == nil || t == nil {
			return ""
		}
		member, ok := members.Get(name)
		if !ok {
			return ""
		}
		return plainText(member)
	}, nil
}

func (x *Execution) reader(f *flow, r *asl.ItemReader) (*Reader, *fault) {
	of, why := x.parameters(f, r.Parameters, "ItemReader")
	if why != nil {
		return nil, why
	}
	most, why := x.wholeNumber(f, r.MaxItems, "MaxItems")
	return &Reader{Bucket: of("Bucket"), Key: of("Key"), Prefix: of("Prefix"), Version: of("VersionId"), MaxItems: most}, why
}

// writer is nil where results are not exported.
func (x *Execution) writer(f *flow, w *asl.ResultWriter) (*Writer, *fault) {
	if w == nil || w.Resource.ARN == "" {
		return nil, nil
	}
	of, why := x.parameters(f, w.Parameters, "ResultWriter")
	if why != nil {
		return nil, why
	}
	return &Writer{Bucket: of("Bucket"), Prefix: of("Prefix")}, nil
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

// batch is an ItemBatcher whose fields have been evaluated.
type batch struct {
	items, bytes int64
	prefix       string // of a child's input, up to the items
}

// batch is nil where there is no ItemBatcher.
func (x *Execution) batch(f *flow, s *asl.Map) (*batch, *fault) {
	if s.ItemBatcher == nil {
		return nil, nil
	}
	b := &batch{prefix: "{"}
	var why *fault
	if b.items, why = x.wholeNumber(f, s.ItemBatcher.MaxItemsPerBatch, "MaxItemsPerBatch"); why != nil {
		return nil, why
	}
	if b.bytes, why = x.wholeNumber(f, s.ItemBatcher.MaxInputBytesPerBatch, "MaxInputBytesPerBatch"); why != nil {
		return nil, why
	}
	if b.bytes <= 0 || b.bytes > sfn.MaxPayloadBytes {
		b.bytes = sfn.MaxPayloadBytes
	}
	if s.ItemBatcher.BatchInput != nil {
		input, why := x.effectiveInput(f)
		if why != nil {
			return nil, why
		}
		shared, why := x.template(f, s.ItemBatcher.BatchInput, input, "BatchInput")
		if why != nil {
			return nil, why
		}
		b.prefix += `"BatchInput":` + shared.Text() + ","
	}
	b.prefix += `"Items":`
	return b, nil
}

// Batcher groups items' inputs into children's inputs as ItemBatcher says; without one each is a child's own.
type Batcher struct {
	batch *batch
	items []*value.Data
	size  int64
}

// Batcher returns a new Batcher of the Map Run.
func (m *MapRun) Batcher() *Batcher { return &Batcher{batch: m.batch} }

// Add takes the next item's input. It returns the child's input that is complete now, with the number of its items; nil and 0 if none is.
func (b *Batcher) Add(input *value.Data) (child *value.Data, items int) {
	if b.batch == nil {
		return input, 1
	}
	size := int64(input.Size() + 1)
	if n := int64(len(b.items)); n > 0 && (b.size+size > b.batch.bytes || b.batch.items > 0 && n >= b.batch.items) {
		child, items = b.Rest()
	}
	if len(b.items) == 0 {
		b.size = int64(len(b.batch.prefix) + len("[]}"))
	}
	b.items, b.size = append(b.items, input), b.size+size
	return child, items
}

// Rest returns the last child's input, with the number of its items; nil and 0 if there is none.
func (b *Batcher) Rest() (child *value.Data, items int) {
	if len(b.items) == 0 {
		return nil, 0
	}
	child, items = value.RecordedData(b.batch.prefix+value.JoinArray(b.items).Text()+"}"), len(b.items)
	clear(b.items)
	b.items, b.size = b.items[:0], 0
	return child, items
}

package runner

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/value"
)

// childMachine is the machine that the children of the parent's distributed Map with the label run.
func (r *Runner) childMachine(parent *machine, label string) (*machine, error) {
	key := revision{parent.ARN + "/" + label, parent.Revision}
	r.machines.mu.Lock()
	defer r.machines.mu.Unlock()
	if m := r.machines.parsed[key]; m != nil {
		return m, nil
	}
	s := findMap(&parent.parsed.Flow, label)
	if s == nil {
		return nil, sfn.Refuse(sfn.StateMachineDoesNotExist, "State Machine Does Not Exist: '%s'", key.arn)
	}
	m := &machine{Machine: parent.Machine, config: parent.config, life: parent.life, parsed: &asl.Machine{Flow: *s.Processor, QueryLanguage: parent.parsed.QueryLanguage, Type: s.ExecutionType}}
	m.ARN, m.Name, m.Type = key.arn, parent.Name+"/"+label, s.ExecutionType
	r.machines.keep(m)
	return m, nil
}

// findMap finds the distributed Map with the label at any depth.
func findMap(f *asl.Flow, label string) *asl.Map {
	for _, name := range f.Names {
		switch s := f.States[name].(type) {
		case *asl.Map:
			if s.Distributed && engine.MapLabel(s) == label {
				return s
			}
			if found := findMap(s.Processor, label); found != nil {
				return found
			}
		case *asl.Parallel:
			for _, branch := range s.Branches {
				if found := findMap(branch, label); found != nil {
					return found
				}
			}
		}
	}
	return nil
}

// mapRun runs a Map Run beside the shard; its outcome comes back as a message.
func (s *shard) mapRun(ctx context.Context, cancel context.CancelFunc, r *resident, o engine.Obligation) {
	run := mapRun{Runner: s.runner, MapRun: *o.MapRun, machine: r.record.MachineARN, revision: r.record.Revision}
	m := message{arn: r.record.ARN}
	for _, input := range run.Inputs {
		input.Freeze()
	}
	began := s.runner.begin(&s.runner.watches, func() {
		defer cancel()
		output, failure := run.run(ctx)
		if ctx.Err() != nil {
			return // nobody waits any more
		}
		if failure != nil {
			m.input = engine.MapRunFailed{Scheduled: o.Scheduled, Failure: *failure}
		} else {
			m.input = engine.MapRunSucceeded{Scheduled: o.Scheduled, Output: output}
		}
		s.mail.put(m)
	})
	if !began {
		cancel()
	}
}

// mapRun is a Map Run at work. It keeps nothing that its children do not: the name of a child follows from the Map Run and the place of its
// input, so a Map Run that is begun again after a crash finds those that it has started.
type mapRun struct {
	*Runner
	engine.MapRun
	machine  string // ARN of the parent's
	revision int64
}

// run runs the children and returns their results in the order of the inputs, or why there are none.
func (m *mapRun) run(ctx context.Context) (*value.Data, *sfn.Failure) {
	if reader := m.Map.ItemReader; reader != nil {
		return nil, sfn.Fail(sfn.ErrorItemReaderFailed, "%s is not served here: the items of a distributed Map must be in the state's input", reader.Resource.ARN)
	}
	if writer := m.Map.ResultWriter; writer != nil && writer.Resource.ARN != "" {
		return nil, sfn.Fail(sfn.ErrorResultWriterFailed, "%s is not served here: the results of a distributed Map must fit the state's output", writer.Resource.ARN)
	}
	unlabelled, _, _ := strings.Cut(m.machine, "/") // labels are unique in a machine, however deep its Maps nest
	child, err := m.Runner.machine(unlabelled+"/"+engine.MapLabel(m.Map), m.revision)
	if err != nil {
		return nil, sfn.Fail(sfn.ErrorRuntime, "%s", err)
	}
	children := m.runChildren(ctx, child)
	if children.failed() {
		return nil, sfn.Fail(sfn.ErrorExceedTolerated, "The specified tolerated failure threshold was exceeded")
	}
	outputs := make([]*value.Data, 0, len(children.outputs))
	for _, output := range children.outputs {
		if output != nil {
			outputs = append(outputs, output)
		}
	}
	result := m.transform(outputs)
	if result.Size() > sfn.MaxPayloadBytes {
		return nil, sfn.Fail(sfn.ErrorDataLimitExceeded, "The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", m.Map.Name)
	}
	return result, nil
}

// transform makes the state's result of the children's outputs (developer guide, "ResultWriter", Transformation).
func (m *mapRun) transform(outputs []*value.Data) *value.Data {
	if w := m.Map.ResultWriter; w == nil || w.Transformation != "FLATTEN" {
		return value.JoinArray(outputs)
	}
	var flat value.Array
	for _, output := range outputs {
		if list, ok := output.Value().(value.Array); ok {
			flat = append(flat, list...)
		} else {
			flat = append(flat, output.Value())
		}
	}
	return value.NewData(flat)
}

// children are what has come of a Map Run's children so far.
type children struct {
	mu          sync.Mutex
	run         *mapRun
	outputs     []*value.Data // by input; nil for those that failed or have not ended
	failedItems int64
	totalItems  int64
}

// failed tells whether more items failed than are tolerated.
func (c *children) failed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failedItems == 0 {
		return false
	}
	percentage := 100 * float64(c.failedItems) / float64(c.totalItems)
	byCount, byPercentage := c.run.ToleratedCount > 0, c.run.ToleratedPercentage > 0
	return !byCount && !byPercentage || byCount && c.failedItems > c.run.ToleratedCount || byPercentage && percentage > c.run.ToleratedPercentage
}

func (c *children) ended(index int, output *value.Data) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outputs[index] = output; output == nil {
		c.failedItems += c.run.ItemCounts[index]
	}
}

// maxChildren is how many children of a Map Run are waited for at once: each costs a goroutine, and what bounds the work is elsewhere.
const maxChildren = 1000

// runChildren runs the machine on every input. Once too many have failed no more are started, and those at work are stopped.
func (m *mapRun) runChildren(ctx context.Context, child *machine) *children {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &children{run: m, outputs: make([]*value.Data, len(m.Inputs))}
	for _, n := range m.ItemCounts {
		c.totalItems += n
	}
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(m.Concurrency, int64(len(m.Inputs)), maxChildren) {
		workers.Go(func() {
			for index := range next {
				output, err := m.runChild(ctx, child, index)
				if err != nil {
					continue // the Map Run is over, or the server stops
				}
				if c.ended(index, output); c.failed() {
					cancel()
				}
			}
		})
	}
feed:
	for index := range m.Inputs {
		select {
		case next <- index:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	workers.Wait()
	return c
}

// runChild runs the machine on one input and returns its output, nil if it did not succeed. An error says that nobody waits for it any more.
func (m *mapRun) runChild(ctx context.Context, child *machine, index int) (*value.Data, error) {
	name := uuid.NewSHA1(uuid.NameSpaceURL, []byte(m.ARN+" "+strconv.Itoa(index))).String()
	arn, err := sfn.ParseMachineARN(child.ARN)
	if err != nil {
		return nil, err
	}
	req := message{
		arn:   arn.ExecutionARN(child.Type, name, uuid.NewString()),
		start: &start{machine: child, name: name, input: m.Inputs[index], wait: child.Type == sfn.Express, mapRun: m.ARN, items: int(m.ItemCounts[index])},
	}
	if child.Type == sfn.Express {
		a, err := m.ask(ctx, req)
		if err != nil || a.done.Status != sfn.StatusSucceeded {
			return nil, err
		}
		return value.RecordedData(a.done.Output), nil
	}
	record, err := m.store.Execution(req.arn)
	if errors.Is(err, store.ErrNotFound) {
		_, err = m.ask(ctx, req)
	}
	if err == nil && record.Status.Ended() && record.Status != sfn.StatusSucceeded && record.StopDate.Before(m.Redriven) {
		_, err = m.redriveChild(ctx, req.arn)
		record.Status = sfn.StatusRunning
	}
	if err == nil && !record.Status.Ended() {
		err = m.Await(ctx, req.arn)
	}
	if err != nil {
		m.stopChild(ctx, req.arn)
		return nil, err
	}
	d, err := m.Describe(req.arn)
	return d.Output, err
}

// stopChild stops a child of a Map Run that is over. When the server itself stops, the child goes on in the next process.
func (m *mapRun) stopChild(ctx context.Context, arn string) {
	if ctx.Err() == nil || m.stopping.Load() {
		return
	}
	_, err := m.StopExecution(context.WithoutCancel(ctx), arn, *sfn.Fail("", "The Map Run %s was stopped", strings.TrimSpace(m.ARN)))
	var refused *sfn.Exception
	if err != nil && !errors.As(err, &refused) {
		m.log.Error("cannot stop a child of a Map Run", "execution", arn, "error", err)
	}
}

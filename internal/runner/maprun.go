package runner

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/history"
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

// liveMapRuns knows the Map Runs at work, by ARN.
type liveMapRuns struct {
	mu   sync.Mutex
	runs map[string]*mapRun
}

func (l *liveMapRuns) find(arn string) *mapRun {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.runs[arn]
}

func (l *liveMapRuns) put(arn string, m *mapRun) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m == nil {
		delete(l.runs, arn)
		return
	}
	l.runs[arn] = m
}

// newMapRun is the record of a Map Run that the event has started.
func newMapRun(execution, machine string, e *history.Event, o engine.Obligation) *MapRun {
	unlabelled, _, _ := strings.Cut(machine, "/") // labels are unique in a machine, however deep its Maps nest
	return &MapRun{
		ARN: o.MapRun.ARN, ExecutionARN: execution, MachineARN: unlabelled + "/" + engine.MapLabel(o.MapRun.Map), Scheduled: e.ID,
		Status: sfn.StatusRunning, StartDate: e.Time, MaxConcurrency: o.MapRun.Concurrency,
		ToleratedFailureCount: o.MapRun.ToleratedCount, ToleratedFailurePercentage: o.MapRun.ToleratedPercentage,
	}
}

// mapRun runs a Map Run beside the shard; its outcome comes back as a message.
func (s *shard) mapRun(ctx context.Context, cancel context.CancelFunc, r *resident, o engine.Obligation) {
	run := &mapRun{Runner: s.runner, MapRun: o.MapRun, revision: r.record.Revision, wake: make(chan struct{}, 1)}
	execution := r.record.ARN
	s.runner.live.put(run.ARN, run)
	began := s.runner.begin(&s.runner.watches, func() {
		defer s.runner.live.put(run.ARN, nil)
		defer cancel()
		run.rest = s.runner.atWork()
		output, failure, err := run.run(ctx)
		run.rest()
		switch {
		case s.runner.stopping.Load():
		case err != nil:
			s.runner.log.Error("cannot go on with a Map Run", "mapRun", run.ARN, "error", err)
			s.mail.put(message{arn: execution, input: engine.MapRunFailed{Scheduled: o.Scheduled, Failure: *sfn.Fail(sfn.ErrorRuntime, "The Map Run could not go on: %s", err)}})
		case failure != nil:
			s.mail.put(message{arn: execution, input: engine.MapRunFailed{Scheduled: o.Scheduled, Failure: *failure}})
		default:
			s.mail.put(message{arn: execution, input: engine.MapRunSucceeded{Scheduled: o.Scheduled, Output: output}})
		}
	})
	if !began {
		s.runner.live.put(run.ARN, nil)
		cancel()
	}
}

// mapRun is a Map Run at work: one goroutine, which lays out the inputs, starts children as long as it may, hears of their ends and puts their
// results together. What has come of a child is in the journal; the name of a child follows from the Map Run and the place of its input. So a Map Run
// that is begun again after a crash finds those that it has started.
type mapRun struct {
	*Runner
	*engine.MapRun
	revision int64 // of the machine
	child    *machine
	childARN sfn.MachineARN
	again    bool // it was at work in an earlier life of the process, or is redriven: children may be there already
	counted  bool // those that have ended are counted already

	mu     sync.Mutex
	record MapRun
	loaded bool
	ends   []answer      // of children, not looked at yet
	wake   chan struct{} // has room for one: there are ends, or the limits have changed

	// What follows belongs to the goroutine alone.

	rest   func()          // ends the stretch of work under way; nil while nobody asks whether it works
	atWork map[string]laid // by ARN
	bytes  int             // of the inputs at work
}

// maxBytesAtWork bounds the inputs of the children at work, and with them the memory of a Map Run, whatever its concurrency: a thousand inputs of
// the largest size fit.
const maxBytesAtWork = 256 << 20

// snapshot is the record as it is now.
func (m *mapRun) snapshot() (MapRun, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.record, m.loaded
}

// update changes the limits, durably.
func (m *mapRun) update(u MapRunUpdate) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.loaded || m.record.Status.Ended() {
		return sfn.Refuse(sfn.ValidationException, "Map Run is completed and cannot be updated: '%s'", m.ARN)
	}
	changed := m.record
	u.apply(&changed)
	batch := m.store.NewBatch()
	if err := putMapRun(batch, &changed); err != nil {
		return err
	}
	if err := m.store.Commit(batch); err != nil {
		return err
	}
	m.record = changed
	m.poke()
	return nil
}

func (m *mapRun) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// sleep waits for an end or for other limits.
func (m *mapRun) sleep(ctx context.Context) {
	if m.rest != nil {
		m.rest()
		defer func() { m.rest = m.Runner.atWork() }()
	}
	select {
	case <-m.wake:
	case <-ctx.Done():
	}
}

// heard takes note of a child's end. It is called by shards and does not block.
func (m *mapRun) heard(a answer) {
	m.mu.Lock()
	m.ends = append(m.ends, a)
	m.mu.Unlock()
	m.poke()
}

// run runs the Map Run to its end. Neither output nor failure is for anybody once ctx is done.
func (m *mapRun) run(ctx context.Context) (*value.Data, *sfn.Failure, error) {
	if err := m.load(); err != nil {
		return nil, nil, err
	}
	if m.record.Status == sfn.StatusFailed {
		return nil, m.record.Failure, nil // the process ended before the execution heard of it
	}
	failure := m.checkWriter()
	var err error
	if m.Redrives > 0 && failure == nil {
		err = m.takeUp()
	}
	if failure == nil && err == nil {
		failure, err = m.layOut(ctx)
	}
	if failure == nil && err == nil {
		failure, err = m.runChildren(ctx)
	}
	if m.stopping.Load() || err != nil && ctx.Err() == nil {
		return nil, nil, err
	}
	return m.conclude(ctx, failure)
}

// load reads the record and finds the machine of the children.
func (m *mapRun) load() error {
	record, err := m.storedMapRun(m.ARN)
	if err != nil {
		return err
	}
	if m.child, err = m.Runner.machine(record.MachineARN, m.revision); err != nil {
		return err
	}
	if m.childARN, err = sfn.ParseMachineARN(m.child.ARN); err != nil {
		return err
	}
	m.again = record.Laid
	if int64(record.RedriveCount) < m.Redrives {
		record.Status, record.StopDate, record.Failure = sfn.StatusRunning, time.Time{}, nil
		record.RedriveCount, record.RedriveDate = int(m.Redrives), m.Redriven
		batch := m.store.NewBatch()
		if err := errors.Join(putMapRun(batch, &record), batch.PutDocument(mapRunsOpen, m.ARN, nil)); err != nil {
			return err
		}
		if err := m.store.Commit(batch); err != nil {
			return err
		}
	}
	record.Items.restart()
	record.Executions.restart()
	if !record.Laid {
		record.Items, record.Executions = MapRunCounts{}, MapRunCounts{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record, m.loaded = record, true
	return nil
}

// childName is the name of the child that is given the input with the index.
func (m *mapRun) childName(index int64) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(m.ARN+" "+strconv.FormatInt(index, 10))).String()
}

// childExecution is the ARN of the child that is given the input with the index.
func (m *mapRun) childExecution(index int64) string {
	name := m.childName(index)
	return m.childARN.ExecutionARN(m.child.Type, name, uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)).String())
}

// runChildren runs the machine on every input. Once too many have failed no more are started, and those at work are stopped; so they are when nobody
// waits any more.
func (m *mapRun) runChildren(ctx context.Context) (*sfn.Failure, error) {
	m.atWork = map[string]laid{}
	for l, err := range m.inputs() {
		if err == nil {
			err = m.waitFor(ctx, func() bool { return m.mayStart(len(l.input)) })
		}
		if err == nil && !m.tooMany() {
			err = m.startChild(l)
		}
		if err != nil {
			return nil, m.stopChildren(ctx, err)
		}
		if m.tooMany() {
			break
		}
	}
	err := m.waitFor(ctx, func() bool { return len(m.atWork) == 0 })
	if err == nil && m.tooMany() {
		err = m.stopChildren(ctx, nil)
	}
	if err != nil {
		return nil, m.stopChildren(ctx, err)
	}
	if m.tooMany() {
		return sfn.Fail(sfn.ErrorExceedTolerated, "The specified tolerated failure threshold was exceeded"), nil
	}
	return nil, nil
}

// mayStart tells whether another child, with an input of so many bytes, may be at work.
func (m *mapRun) mayStart(bytes int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.atWork)
	return int64(n) < m.record.MaxConcurrency && (n == 0 || m.bytes+bytes <= maxBytesAtWork)
}

// waitFor hears of ends until the condition holds, or too many children have failed.
func (m *mapRun) waitFor(ctx context.Context, condition func() bool) error {
	for {
		if err := m.hear(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if condition() || m.tooMany() {
			return nil
		}
		m.sleep(ctx)
	}
}

// hear counts the ends that have come in.
func (m *mapRun) hear() error {
	m.mu.Lock()
	ends := m.ends
	m.ends = nil
	m.mu.Unlock()
	for _, a := range ends {
		l, ok := m.atWork[a.arn]
		var refused *sfn.Exception
		switch {
		case a.err != nil && ok && errors.As(a.err, &refused):
			if err := m.notRedrivable(a.arn, l); err != nil {
				return err
			}
		case a.err != nil:
			return a.err
		case !ok:
		case a.status == "": // it has been at work already: hear of its end
			m.send(message{arn: a.arn, report: m.heard})
		default:
			m.drop(a.arn, l, a.status)
		}
	}
	return nil
}

// move counts a child under another status.
func (m *mapRun) move(l laid, from, to sfn.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	*m.record.Executions.of(from)--
	*m.record.Executions.of(to)++
	*m.record.Items.of(from) -= l.items
	*m.record.Items.of(to) += l.items
}

// tooMany tells whether more items failed than are tolerated. Those that were aborted do not count (developer guide, "Setting failure thresholds for
// Distributed Map states").
func (m *mapRun) tooMany() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	failed := m.record.Items.Failed + m.record.Items.TimedOut
	if failed == 0 {
		return false
	}
	count, percentage := m.record.ToleratedFailureCount, m.record.ToleratedFailurePercentage
	return count <= 0 && percentage <= 0 || count > 0 && failed > count ||
		percentage > 0 && 100*float64(failed) > percentage*float64(m.record.Items.Total)
}

// startChild starts the child, or counts what has come of it in an earlier life of the process.
func (m *mapRun) startChild(l laid) error {
	arn := m.childExecution(l.index)
	if m.again {
		if err := m.find(l); !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	m.take(arn, l, "")
	m.send(message{arn: arn, report: m.heard, start: m.start(l)})
	return nil
}

// start is what a child is started with.
func (m *mapRun) start(l laid) *start {
	return &start{
		machine: m.child, name: m.childName(l.index), input: value.RecordedData(l.input), wait: m.child.Type == sfn.Express,
		mapRun: m.ARN, items: int(l.items),
	}
}

// find counts a child that was started before, and hears of its end, or takes it up again. The error is store.ErrNotFound if it was not started.
func (m *mapRun) find(l laid) error {
	arn := m.childExecution(l.index)
	found, err := m.store.Execution(arn)
	switch {
	case err != nil:
		return err
	case found.Status == sfn.StatusPendingRedrive:
		m.redriveChild(arn, l)
	case found.Status.Ended():
		if !m.counted {
			m.move(l, "", found.Status)
		}
	default:
		m.take(arn, l, "")
		m.send(message{arn: arn, report: m.heard})
	}
	return nil
}

// take counts a child, which is counted under the status from, as at work.
func (m *mapRun) take(arn string, l laid, from sfn.Status) {
	m.atWork[arn] = l
	m.bytes += len(l.input)
	m.move(l, from, sfn.StatusRunning)
}

// drop counts a child as no longer at work.
func (m *mapRun) drop(arn string, l laid, to sfn.Status) {
	delete(m.atWork, arn)
	m.bytes -= len(l.input)
	m.move(l, sfn.StatusRunning, to)
}

// stopChildren stops the children at work and waits for their ends. It returns why. When the server itself stops, they go on in the next process.
func (m *mapRun) stopChildren(ctx context.Context, why error) error {
	for arn := range m.atWork {
		m.send(message{arn: arn, input: engine.Stop{Reason: sfn.Failure{}}})
	}
	for len(m.atWork) > 0 && !m.stopping.Load() {
		if err := m.hear(); err != nil {
			return errors.Join(why, err)
		}
		if len(m.atWork) == 0 {
			break
		}
		m.sleep(m.ctx)
		if m.ctx.Err() != nil {
			return errors.Join(why, errStopping)
		}
	}
	return why
}

// conclude writes the results and ends the record.
func (m *mapRun) conclude(ctx context.Context, failure *sfn.Failure) (*value.Data, *sfn.Failure, error) {
	var output *value.Data
	var err error
	aborted := ctx.Err() != nil
	if m.Writer != nil && m.record.Laid {
		var unwritten *sfn.Failure
		output, unwritten, err = m.export()
		if failure == nil {
			failure = unwritten
		}
	} else if failure == nil && !aborted {
		output, failure, err = m.inline()
	}
	if err == nil && m.Redrives > 0 {
		err = m.letGo()
	}
	if err != nil || m.stopping.Load() {
		return nil, nil, err
	}
	status := sfn.StatusSucceeded
	switch {
	case aborted:
		status = sfn.StatusAborted
	case failure != nil:
		status = sfn.StatusFailed
	}
	return output, failure, m.end(status, failure)
}

// end ends the record. The inputs are kept as long as a redrive may need them.
func (m *mapRun) end(status sfn.Status, failure *sfn.Failure) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record.Status, m.record.StopDate, m.record.Failure = status, m.now().UTC().Truncate(time.Millisecond), failure
	if status == sfn.StatusSucceeded || failure != nil && failure.Name() == sfn.ErrorDataLimitExceeded {
		// Failures that were tolerated are final, and after an output that was too large a redrive begins afresh.
		for _, c := range []*MapRunCounts{&m.record.Items, &m.record.Executions} {
			c.FailuresNotRedrivable = c.Failed + c.TimedOut + c.Aborted
		}
	}
	batch := m.store.NewBatch()
	if err := putMapRun(batch, &m.record); err != nil {
		return err
	}
	batch.DeleteDocument(mapRunsOpen, m.ARN)
	if status == sfn.StatusSucceeded {
		batch.DeleteDocuments(mapRunInputs, m.ARN+" ")
	}
	return m.store.Commit(batch)
}

// adoptMapRuns sees to the Map Runs that had not ended when the process last did. Most are begun again by the executions that wait for them; those
// that nobody waits for any more were being aborted.
func (r *Runner) adoptMapRuns() error {
	for d, err := range r.store.Documents(mapRunsOpen, "", "") {
		if err != nil {
			return err
		}
		r.begin(&r.watches, func() {
			if err := r.adopt(d.Key); err != nil && !r.stopping.Load() {
				r.log.Error("cannot see to a Map Run", "mapRun", d.Key, "error", err)
			}
		})
	}
	return nil
}

// adopt ends the Map Run if its execution does not wait for it.
func (r *Runner) adopt(arn string) error {
	record, err := r.storedMapRun(arn)
	if err != nil {
		return err
	}
	parent, err := r.store.Execution(record.ExecutionARN)
	if err != nil {
		return err
	}
	if !parent.Status.Ended() {
		// The execution is folded before it answers, and begins its Map Runs with that.
		if _, err := r.ask(r.ctx, message{arn: record.ExecutionARN, input: engine.Tick{}}); err != nil && !errors.Is(err, errEnded) {
			return err
		}
		if r.live.find(arn) != nil {
			return nil
		}
		if record, err = r.storedMapRun(arn); err != nil || record.Status.Ended() {
			return err // it was quick
		}
	}
	m := &mapRun{Runner: r, MapRun: &engine.MapRun{ARN: arn}, revision: parent.Revision, wake: make(chan struct{}, 1)}
	r.live.put(arn, m)
	defer r.live.put(arn, nil)
	if err := m.load(); err != nil {
		return err
	}
	m.atWork = map[string]laid{}
	for l, err := range m.inputs() {
		if err != nil {
			return err
		}
		if err := m.find(l); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	if err := m.stopChildren(r.ctx, nil); err != nil || r.stopping.Load() {
		return err
	}
	return m.end(sfn.StatusAborted, nil)
}

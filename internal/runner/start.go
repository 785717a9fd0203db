package runner

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/value"
)

// StartRequest asks for an execution.
type StartRequest struct {
	// MachineARN is a machine's, or that of a version or alias.
	MachineARN string
	// Name is the execution's; "" means a new UUID.
	Name string
	// Input is a JSON text; "" means {}.
	Input       string
	TraceHeader string
}

// Started names an execution that has been started.
type Started struct {
	ARN       string
	StartDate time.Time
}

// start is a checked StartRequest on its way to its shard.
type start struct {
	machine *machine
	version string // ARN of the version that was named, or that an alias led to; else ""
	alias   string // ARN of the alias that was named, else ""
	name    string
	input   *value.Data
	trace   string
	wait    bool   // answer when the execution has ended
	mapRun  string // ARN of the Map Run whose child it is
	items   int    // how many items such a child has
	again   bool   // an Express child of a Map Run that is redriven: its record is there already
}

// StartExecution starts an execution, durably if the machine is Standard, and returns at once. Starting again with the same name and
// input while the first is RUNNING answers the same. The error may be the exception InvalidArn, StateMachineDoesNotExist, InvalidName,
// InvalidExecutionInput, ValidationException or ExecutionAlreadyExists.
func (r *Runner) StartExecution(ctx context.Context, req StartRequest) (Started, error) {
	m, err := r.prepare(req, false)
	if err != nil {
		return Started{}, err
	}
	a, err := r.ask(ctx, m)
	return Started{a.arn, a.at}, err
}

// StartSyncExecution starts an Express execution and returns when it has ended. The error may be one of StartExecution's, or the exception
// StateMachineTypeNotSupported.
func (r *Runner) StartSyncExecution(ctx context.Context, req StartRequest) (Started, Outcome, error) {
	m, err := r.prepare(req, true)
	if err != nil {
		return Started{}, Outcome{}, err
	}
	a, err := r.ask(ctx, m)
	if err != nil {
		return Started{}, Outcome{}, err
	}
	return Started{a.arn, a.at}, *a.done, nil
}

// prepare checks a request in AWS's order (spec api.md section 1).
func (r *Runner) prepare(req StartRequest, wait bool) (message, error) {
	arn, err := sfn.ParseMachineARN(req.MachineARN)
	if err != nil {
		return message{}, sfn.Refuse(sfn.InvalidArn, "Invalid Arn: 'Invalid ARN prefix: %s'", req.MachineARN)
	}
	if len(req.Input) > sfn.MaxPayloadBytes {
		tooLong := sfn.Refuse(sfn.ValidationException, "1 validation error detected: Value at 'input' failed to satisfy constraint: "+
			"Member must have size less than or equal to %d bytes in UTF-8 encoding", sfn.MaxPayloadBytes)
		tooLong.Constraint = true
		return message{}, tooLong
	}
	m, err := r.target(arn)
	if err != nil {
		return message{}, err
	}
	if wait && m.Type != sfn.Express {
		return message{}, sfn.Refuse(sfn.StateMachineTypeNotSupport, "This operation is not supported by this type of state machine")
	}
	if req.Name == "" {
		req.Name = uuid.NewString()
	}
	if !sfn.ValidName(req.Name) {
		return message{}, sfn.Refuse(sfn.InvalidName, "Invalid Name: '%s'", req.Name)
	}
	if req.Input == "" {
		req.Input = "{}"
	}
	input, err := value.ParseData(req.Input)
	if strings.TrimSpace(req.Input) == "" {
		return message{}, sfn.Refuse(sfn.InvalidExecutionInput, "Invalid State Machine Execution Input: 'Invalid execution input.'")
	}
	if err != nil {
		return message{}, sfn.Refuse(sfn.InvalidExecutionInput, "Invalid State Machine Execution Input: '%s'", err)
	}
	return message{
		arn:   arn.ExecutionARN(m.Type, req.Name, uuid.NewString()),
		start: &start{machine: m.machine, version: m.version, alias: m.alias, name: req.Name, input: input, trace: req.TraceHeader, wait: wait},
	}, nil
}

// begin handles the first message of an execution.
func (s *shard) begin(m message) {
	req := m.start
	if s.runner.stopping.Load() {
		m.reply(answer{arn: m.arn, err: errStopping})
		return
	}
	if a, taken := s.existing(m); taken {
		m.reply(a)
		return
	}
	if err := s.admits(req); err != nil {
		m.reply(answer{err: err})
		return
	}
	r := &resident{
		x: engine.New(req.machine.parsed, engine.Identity{
			ARN: m.arn, Name: req.name, MachineARN: req.machine.ARN, MachineName: req.machine.Name, RoleARN: req.machine.RoleARN,
			VersionARN: req.version, AliasARN: req.alias, Unattended: !req.wait,
		}),
		express: req.machine.Type == sfn.Express,
		life:    req.machine.life,
		trace:   req.trace,
		log:     s.runner.logTarget(req.machine),
	}
	r.x.PrepareTasks(s.runner.prepareTask)
	s.residents[m.arn] = r
	now := s.runner.now()
	r.record = store.Execution{
		ARN: m.arn, MachineARN: req.machine.ARN, Name: req.name, Revision: req.machine.Revision, TraceHeader: req.trace, VersionARN: req.version, AliasARN: req.alias, MapRunARN: req.mapRun, ItemCount: req.items,
		Status: sfn.StatusRunning, StartDate: now.UTC().Truncate(time.Millisecond),
	}
	if req.again {
		if before, err := s.runner.store.Execution(m.arn); err == nil {
			r.record = before
			r.record.RedriveCount, r.record.RedriveDate = before.RedriveCount+1, now.UTC().Truncate(time.Millisecond)
		}
	}
	s.advance(r, engine.Start{Input: req.input}, now)
	a := answer{arn: m.arn, at: r.x.Started(), taken: true}
	switch {
	case req.wait:
		r.onEnd = func(o Outcome) { a.done, a.status = &o, o.Status; m.reply(a) }
		return
	case m.report != nil: // its Map Run wants to hear of its end
		s.waiters[m.arn] = append(s.waiters[m.arn], m)
		return
	}
	s.afterCommit(func(err error) { a.err = err; m.reply(a) })
}

// existing looks for an execution of the same name. The same input while it runs makes the start idempotent.
func (s *shard) existing(m message) (answer, bool) {
	if m.start.machine.Type == sfn.Express {
		return answer{}, false
	}
	exists := answer{arn: m.arn, err: sfn.Refuse(sfn.ExecutionAlreadyExists, "Execution Already Exists: '%s'", m.arn)}
	if r := s.residents[m.arn]; r == nil {
		record, err := s.runner.store.Execution(m.arn)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return answer{}, false
		case err != nil:
			return answer{err: err}, true
		case record.Status != sfn.StatusRunning && s.runner.now().Sub(record.StopDate) > sfn.NameReuseAfter:
			return s.forget(&record)
		case record.Status != sfn.StatusRunning:
			return exists, true
		}
	}
	r, err := s.resident(m.arn)
	switch {
	case err != nil:
		return answer{err: err}, true
	case r.x.Status() != sfn.StatusRunning || r.x.Input().Text() != m.start.input.Text():
		return exists, true
	}
	return answer{arn: m.arn, at: r.x.Started()}, true
}

// forget makes room for an execution with the name of one that ended long ago.
func (s *shard) forget(old *store.Execution) (answer, bool) {
	batch := s.runner.store.NewBatch()
	err := batch.DeleteExecution(old)
	if err == nil {
		err = s.runner.store.Commit(batch)
	}
	return answer{err: err}, err != nil
}

// admits refuses an execution that may not begin.
func (s *shard) admits(req *start) error {
	if req.machine.life.deleting.Load() {
		return machineDeleting(req.machine.life.arn)
	}
	if req.machine.Type == sfn.Standard && req.mapRun == "" {
		return s.runner.checkOpen()
	}
	return nil
}

// checkOpen refuses one more open execution if there are as many as there may be.
func (r *Runner) checkOpen() error {
	if r.open.Load() < r.maxOpen {
		return nil
	}
	return sfn.Refuse(sfn.ExecutionLimitExceeded, "The maximum number of running executions has been reached. "+
		"Running executions must end or be stopped before a new execution can be started.")
}

// reply answers whoever asked, if anybody did.
func (m message) reply(a answer) {
	if m.answer != nil {
		m.answer <- a
	}
	if m.report != nil {
		m.report(a)
	}
}

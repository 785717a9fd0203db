package runner

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// RedriveStatus tells whether an execution can be redriven (API reference, DescribeExecution, "redriveStatus").
type RedriveStatus string

// The members of RedriveStatus.
const (
	Redrivable         RedriveStatus = "REDRIVABLE"            // RedriveExecution would take it up again
	NotRedrivable      RedriveStatus = "NOT_REDRIVABLE"        // it would refuse, for the reason given
	RedrivableByMapRun RedriveStatus = "REDRIVABLE_BY_MAP_RUN" // a Map Run's child: redriving the parent does it
)

// Why an execution cannot be redriven (API reference, DescribeExecution, "redriveStatusReason"). AWS has one more reason, for executions that
// were started before November 2023: there are none here.
const (
	reasonDeleting   = "State machine is in DELETING status"
	reasonEvents     = "Execution history event limit exceeded"
	reasonOpenTime   = "Execution has exceeded the max execution time"
	reasonPeriod     = "Execution redrivable period exceeded"
	redrivablePeriod = 14 * 24 * time.Hour
)

// RedriveStatusOf tells whether the execution can be redriven at the time now, and why not (developer guide, "Redrive eligibility for
// unsuccessful executions").
func RedriveStatusOf(e *store.Execution, now time.Time) (status RedriveStatus, reason string) {
	switch {
	case e.Status == sfn.StatusRunning || e.Status == sfn.StatusSucceeded || e.Status == sfn.StatusPendingRedrive:
		return NotRedrivable, "Execution is " + string(e.Status) + " and cannot be redriven"
	case e.LastEventID >= sfn.MaxHistoryEvents-1:
		return NotRedrivable, reasonEvents
	case now.Sub(e.StartDate) > sfn.MaxStandardDuration:
		return NotRedrivable, reasonOpenTime
	case now.Sub(e.StopDate) > redrivablePeriod:
		return NotRedrivable, reasonPeriod
	case e.MapRunARN != "":
		return RedrivableByMapRun, ""
	}
	return Redrivable, ""
}

// redriveStatus is RedriveStatusOf, with a look at the machine.
func (r *Runner) redriveStatus(e *store.Execution) (RedriveStatus, string) {
	status, reason := RedriveStatusOf(e, r.now())
	if status != NotRedrivable {
		machine, _, _ := strings.Cut(e.MachineARN, "/")
		current, err := r.current(machine) // old revisions outlive the machine
		if isMissing(err) || err == nil && current.Deleting {
			return NotRedrivable, reasonDeleting
		}
	}
	return status, reason
}

// RedriveExecution takes up an execution that has ended without success, and returns when it did. Asking again with the same client
// token, "" for none, answers the same for 15 minutes, whatever has become of the execution meanwhile. The error may be the exception
// InvalidArn, ValidationException, ExecutionDoesNotExist, ExecutionNotRedrivable or ExecutionLimitExceeded.
func (r *Runner) RedriveExecution(ctx context.Context, arn, token string) (time.Time, error) {
	if parsed, err := sfn.ParseExecutionARN(arn); err == nil && parsed.Type == sfn.Standard && parsed.Machine.Label != "" {
		return time.Time{}, sfn.Refuse(sfn.ValidationException, "Labeled Execution ARNs are not supported for this API")
	}
	if _, err := r.Execution(arn); err != nil {
		return time.Time{}, err
	}
	a, err := r.ask(ctx, message{arn: arn, redrive: &redriveRequest{token: token}})
	return a.at, err
}

// redriveRequest asks the shard of an execution to redrive it.
type redriveRequest struct {
	token    string
	byMapRun bool // for a Map Run that is being redriven, whose child the execution is
}

// redrive handles a redriveRequest.
func (s *shard) redrive(m message) {
	if s.runner.stopping.Load() {
		m.reply(answer{arn: m.arn, err: errStopping})
		return
	}
	r, err := s.endedOrResident(m.arn)
	if err != nil {
		m.reply(answer{arn: m.arn, err: err})
		return
	}
	now := s.runner.now()
	if at, ok := r.x.RedrivenWith(m.redrive.token, now); ok {
		m.reply(answer{arn: m.arn, at: at})
		return
	}
	if err := s.mayRedrive(r, m.redrive); err != nil {
		m.reply(answer{arn: m.arn, err: err})
		return
	}
	s.residents[m.arn] = r
	s.advance(r, engine.Redrive{Token: m.redrive.token}, now)
	a := answer{arn: m.arn, at: r.x.Redriven(), taken: true}
	s.afterCommit(func(err error) { a.err = err; m.reply(a) })
}

// endedOrResident returns the execution, folded from its history if it is not in memory. One that has ended is not kept.
func (s *shard) endedOrResident(arn string) (*resident, error) {
	r, err := s.resident(arn)
	if !errors.Is(err, errEnded) {
		return r, err
	}
	record, err := s.runner.store.Execution(arn)
	if err != nil {
		return nil, err
	}
	return s.fold(record)
}

// mayRedrive refuses what is not redrivable.
func (s *shard) mayRedrive(r *resident, req *redriveRequest) error {
	record := r.record
	record.Status, record.StopDate, record.LastEventID = r.x.Status(), r.x.Stopped(), r.x.LastEventID()
	switch status, reason := s.runner.redriveStatus(&record); {
	case status == NotRedrivable:
		return sfn.Refuse(sfn.ExecutionNotRedrivable, "Execution %s invalid for redrive as: %s", record.ARN, reason)
	case (status == RedrivableByMapRun) != req.byMapRun:
		return sfn.Refuse(sfn.ValidationException, "Labeled Execution ARNs are not supported for this API")
	}
	return s.runner.checkOpen()
}

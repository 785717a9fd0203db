package runner

import (
	"errors"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// This file redrives Map Runs (developer guide, "Redriving Map Runs"): under the same ARN, children that have succeeded are done, Standard ones that have
// not are redriven, Express ones are started anew, and those that were never started are.

// takeUp marks the children that are due for the redrive as PENDING_REDRIVE and counts all others. Done again after a crash it finds what is left.
func (m *mapRun) takeUp() error {
	batch := m.store.NewBatch()
	marked := 0
	for l, err := range m.inputs() {
		if err != nil {
			return err
		}
		e, err := m.store.Execution(m.childExecution(l.index))
		if errors.Is(err, store.ErrNotFound) || err == nil && e.Status == sfn.StatusRunning {
			continue
		}
		if err != nil {
			return err
		}
		if e.Status != sfn.StatusSucceeded && e.Status != sfn.StatusPendingRedrive && e.StopDate.Before(m.Redriven) {
			e.Status = sfn.StatusPendingRedrive
			if err := batch.Put(&e, 0, 0, nil); err != nil {
				return err
			}
			if marked++; marked%maxRound == 0 {
				if err := m.store.Commit(batch); err != nil {
					return err
				}
				batch.Reset()
			}
		}
		m.move(l, "", e.Status)
	}
	m.again, m.counted = true, true
	return m.store.Commit(batch)
}

// redriveChild redrives a Standard child, or starts an Express child anew.
func (m *mapRun) redriveChild(arn string, l laid) {
	m.take(arn, l, sfn.StatusPendingRedrive)
	if m.child.Type == sfn.Express {
		s := m.start(l)
		s.again = true
		m.send(message{arn: arn, report: m.heard, start: s})
		return
	}
	m.send(message{arn: arn, report: m.heard, redrive: &redriveRequest{byMapRun: true}})
}

// notRedrivable counts a child that refuses to be redriven: it is over for good.
func (m *mapRun) notRedrivable(arn string, l laid) error {
	status, err := m.restore(arn)
	if err != nil {
		return err
	}
	m.drop(arn, l, status)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record.Executions.FailuresNotRedrivable++
	m.record.Items.FailuresNotRedrivable += l.items
	return nil
}

// letGo gives the children that have not been redriven after all the status back that they had.
func (m *mapRun) letGo() error {
	m.mu.Lock()
	left := m.record.Executions.PendingRedrive
	m.mu.Unlock()
	if left == 0 {
		return nil
	}
	for l, err := range m.inputs() {
		if err != nil {
			return err
		}
		arn := m.childExecution(l.index)
		e, err := m.store.Execution(arn)
		if errors.Is(err, store.ErrNotFound) || err == nil && e.Status != sfn.StatusPendingRedrive {
			continue
		}
		if err != nil {
			return err
		}
		status, err := m.restore(arn)
		if err != nil {
			return err
		}
		m.move(l, sfn.StatusPendingRedrive, status)
	}
	return nil
}

// endings says which status the last event of an execution stands for.
var endings = map[history.Type]sfn.Status{
	history.ExecutionSucceeded: sfn.StatusSucceeded, history.ExecutionFailed: sfn.StatusFailed,
	history.ExecutionAborted: sfn.StatusAborted, history.ExecutionTimedOut: sfn.StatusTimedOut,
}

// restore gives a child that is PENDING_REDRIVE the status back with which it ended.
func (m *mapRun) restore(arn string) (sfn.Status, error) {
	e, err := m.store.Execution(arn)
	if err != nil || e.Status != sfn.StatusPendingRedrive {
		return e.Status, err
	}
	for event, err := range m.events(&e, e.LastEventID) {
		if err != nil {
			return "", err
		}
		e.Status = endings[event.Type]
	}
	batch := m.store.NewBatch()
	if err := batch.Put(&e, 0, 0, nil); err != nil {
		return "", err
	}
	return e.Status, m.store.Commit(batch)
}

package sqs

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/lsm"
	"github.com/tutti-run/tutti/internal/sfn"
)

func appendNumber(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func sortAging(list []*dedup) {
	slices.SortFunc(list, func(a, b *dedup) int { return cmp.Compare(a.Expires, b.Expires) })
}

// bury moves messages that were received too often to the dead-letter queue. If that is gone they stay.
func (q *queue) bury(dead []*message, arn string) error {
	target := q.s.byARN(arn)
	if target == nil {
		q.giveBack(dead)
		return nil
	}
	now := q.s.now()
	_, err := q.move(target, dead, func(m *meta, from *message) {
		m.Source, m.Receives, m.First = q.arn(), m.Receives+from.receives, from.first
		if q.fifo() { // "the enqueue timestamp is reset when the message is moved to a dead-letter queue" (developer guide, "Using dead-letter queues")
			m.Sent = now
		}
		m.Visible = now
	}, nil)
	if errors.Is(err, errQueueGone) {
		return nil
	}
	return err
}

var errQueueGone = errors.New("the queue was deleted")

// giveBack makes messages visible again that were to leave.
func (q *queue) giveBack(list []*message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range list {
		q.become(m, ready)
	}
	q.wake()
}

// move brings messages that are leaving to another queue, in one write, and returns how many there were. alter changes what is said of them; more may add to
// the batch. If they cannot be moved, they are visible again.
func (q *queue) move(target *queue, list []*message, alter func(m *meta, from *message), more func(b *lsm.Batch, n int) error) (n int, err error) {
	target.commits.RLock()
	defer target.commits.RUnlock()
	b := q.s.db.NewBatch()
	var added []*message
	defer func() {
		target.mu.Lock()
		now := q.s.now()
		for _, m := range added {
			if err != nil {
				target.become(m, gone)
			} else {
				target.place(m, now)
			}
		}
		target.wake()
		target.mu.Unlock()
		if err != nil {
			q.giveBack(list)
			return
		}
		q.mu.Lock()
		for _, m := range list {
			q.become(m, gone)
		}
		q.wake() // a group may be open again
		q.mu.Unlock()
	}()
	for _, from := range list {
		m, body, err := q.readMessage(from.seq)
		if err != nil {
			return 0, err
		}
		if m == nil {
			continue // it was deleted meanwhile
		}
		alter(m, from)
		to, err := target.admit(b, m, body)
		if to != nil {
			added = append(added, to)
		}
		if err != nil {
			return 0, err
		}
		q.deleteEntries(b, from.seq)
	}
	if more != nil {
		if err := more(b, len(added)); err != nil {
			return 0, err
		}
	}
	return len(added), q.s.commit(b)
}

// admit takes a message from another queue.
func (q *queue) admit(b *lsm.Batch, m *meta, body []byte) (*message, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.deleted {
		return nil, errQueueGone
	}
	q.report(q.s.now())
	n, err := q.enlist(b, m, body)
	if err == nil && q.next > q.reserved {
		q.reserved = q.next + reserve
		err = b.Set(q.prefix(familyNext), appendNumber(q.reserved), nil)
	}
	return n, err
}

// TaskStatus is how a task that moves messages stands.
type TaskStatus string

// The statuses of tasks (API reference, ListMessageMoveTasks).
const (
	TaskRunning    TaskStatus = "RUNNING"
	TaskCompleted  TaskStatus = "COMPLETED"
	TaskCancelling TaskStatus = "CANCELLING"
	TaskCancelled  TaskStatus = "CANCELLED"
	TaskFailed     TaskStatus = "FAILED"
)

// MoveTask is a task that moves messages from a dead-letter queue. On disk it is this in JSON.
type MoveTask struct {
	ID          string     `json:"id"`
	Source      string     `json:"source"`                // ARN
	Destination string     `json:"destination,omitempty"` // ARN; "" for where each message came from
	Rate        int        `json:"rate,omitempty"`        // messages a second, 0 for as many as can be
	Status      TaskStatus `json:"status"`
	Moved       int64      `json:"moved"`
	ToMove      int64      `json:"toMove"`
	Failure     string     `json:"failure,omitempty"`
	Started     int64      `json:"started"` // epoch milliseconds
}

// Handle names the task.
func (t *MoveTask) Handle() string {
	text, _ := json.Marshal(map[string]string{"taskId": t.ID, "sourceArn": t.Source}) // texts encode
	return base64.StdEncoding.EncodeToString(text)
}

// moveTask is a task in memory. The store's mutex guards it.
type moveTask struct {
	MoveTask
	cancel chan struct{}
}

const (
	maxRate  = 500 // messages a second (API reference, StartMessageMoveTask)
	maxTasks = 10  // of a queue that are remembered
)

func taskKey(id string) []byte { return append([]byte{familyTask}, id...) }

func (s *Store) loadTasks() error {
	err := s.scan([]byte{familyTask}, []byte{familyTask + 1}, func(_, value []byte) error {
		t := &moveTask{cancel: make(chan struct{})}
		if err := json.Unmarshal(value, &t.MoveTask); err != nil {
			return fmt.Errorf("a task: %w", err)
		}
		s.tasks[t.ID] = t
		return nil
	})
	for _, t := range s.tasks {
		if t.Status == TaskRunning {
			s.startTask(t)
		}
	}
	return err
}

// startTask runs a task. The caller has entered, or opens the store.
func (s *Store) startTask(t *moveTask) {
	s.users.Add(1)
	go func() {
		defer s.users.Done()
		s.runTask(t)
	}()
}

// StartMessageMoveTask begins to move the messages that are in a dead-letter queue. destination is an ARN, "" for where each message came from; rate is in
// messages a second, nil for as many as can be. It returns the task's handle. The error may be InvalidParameterValue, ResourceNotFound or MissingParameter.
func (s *Store) StartMessageMoveTask(source, destination string, rate *int) (string, error) {
	if source == "" {
		return "", missing("SourceArn")
	}
	if err := s.enter(); err != nil {
		return "", err
	}
	defer s.leave()
	q := s.byARN(source)
	switch {
	case q == nil:
		return "", noResource("SourceArn")
	case rate != nil && (*rate < 1 || *rate > maxRate):
		return "", sfn.Refuse(InvalidParameterValue, "Value %d for parameter MaxNumberOfMessagesPerSecond is invalid.", *rate)
	case destination != "" && s.byARN(destination) == nil:
		return "", noResource("DestinationArn")
	case destination == source:
		return "", sfn.Refuse(InvalidParameterValue, "Source queue arn and destination queue arn cannot be the same.")
	case destination != "" && s.byARN(destination).fifo() != q.fifo():
		return "", sfn.Refuse(InvalidParameterValue, "Source queue and destination queue must be of the same type.")
	case len(s.sourcesOf(source)) == 0:
		return "", sfn.Refuse(InvalidParameterValue, "Source queue must be configured as a Dead Letter Queue.")
	}
	t := &moveTask{MoveTask: MoveTask{ID: uuid.NewString(), Source: source, Destination: destination, Status: TaskRunning, Started: s.now()}, cancel: make(chan struct{})}
	if rate != nil {
		t.Rate = *rate
	}
	q.mu.Lock()
	q.settle(s.now())
	t.ToMove = int64(q.counts[ready])
	q.mu.Unlock()
	s.changing.Lock()
	defer s.changing.Unlock()
	old, err := s.oldTasks(source)
	if err != nil {
		return "", err
	}
	b := s.db.NewBatch()
	for _, id := range old {
		_ = b.Delete(taskKey(id), nil) // in memory
	}
	if err := errors.Join(put(b, taskKey(t.ID), t.MoveTask), s.commit(b)); err != nil {
		return "", err
	}
	s.mu.Lock()
	for _, id := range old {
		delete(s.tasks, id)
	}
	s.tasks[t.ID] = t
	s.mu.Unlock()
	s.startTask(t)
	return t.Handle(), nil
}

func noResource(parameter string) error {
	return sfn.Refuse(ResourceNotFound, "The resource that you specified for the %s parameter doesn't exist.", parameter)
}

// oldTasks are those of a queue that make room for another. The error is InvalidParameterValue if one is under way.
func (s *Store) oldTasks(source string) ([]string, error) {
	list := s.tasksOf(source)
	for _, t := range list {
		if t.Status == TaskRunning || t.Status == TaskCancelling {
			return nil, sfn.Refuse(InvalidParameterValue, "There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
		}
	}
	var ids []string
	for _, t := range list[min(len(list), maxTasks-1):] {
		ids = append(ids, t.ID)
	}
	return ids, nil
}

// tasksOf lists the tasks of a queue, the latest first.
func (s *Store) tasksOf(source string) []MoveTask {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []MoveTask
	for _, t := range s.tasks {
		if t.Source == source {
			list = append(list, t.MoveTask)
		}
	}
	slices.SortFunc(list, func(a, b MoveTask) int { return cmp.Or(cmp.Compare(b.Started, a.Started), strings.Compare(a.ID, b.ID)) })
	return list
}

// MoveTasks lists the tasks of a dead-letter queue by its ARN, the latest first, at most ten. The error may be ResourceNotFound, InvalidParameterValue or
// MissingParameter.
func (s *Store) MoveTasks(source string, limit *int) ([]MoveTask, error) {
	if source == "" {
		return nil, missing("SourceArn")
	}
	most := 1
	if limit != nil {
		most = *limit
	}
	if most < 1 || most > maxTasks {
		return nil, sfn.Refuse(InvalidParameterValue, "Value for parameter MaxResults is invalid. Reason: It must be between 1 and 10.")
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	if s.byARN(source) == nil {
		return nil, noResource("SourceArn")
	}
	list := s.tasksOf(source)
	return list[:min(len(list), most)], nil
}

// CancelMessageMoveTask stops a task and returns how many messages it has moved. The error may be ResourceNotFound or InvalidParameterValue.
func (s *Store) CancelMessageMoveTask(handle string) (moved int64, err error) {
	var of struct{ TaskID, SourceArn string }
	text, err := base64.StdEncoding.DecodeString(handle)
	if err != nil || json.Unmarshal(text, &of) != nil || of.TaskID == "" {
		return 0, sfn.Refuse(InvalidParameterValue, "Value for parameter TaskHandle is invalid.")
	}
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	if s.byARN(of.SourceArn) == nil {
		return 0, noResource("SourceArn")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tasks[of.TaskID]
	if t == nil || t.Source != of.SourceArn {
		return 0, sfn.Refuse(ResourceNotFound, "Task does not exist.")
	}
	if t.Status != TaskRunning {
		return 0, sfn.Refuse(InvalidParameterValue, "Only tasks with status RUNNING can be cancelled.")
	}
	t.Status = TaskCancelling
	close(t.cancel)
	return t.Moved, nil
}

// runTask moves messages until there are none left, the task is cancelled, or the store closes, behind which it goes on.
func (s *Store) runTask(t *moveTask) {
	for {
		n := MaxBatch
		if t.Rate > 0 {
			n = max(1, t.Rate/10)
		}
		moved, err := s.moveSome(t, n)
		switch {
		case err != nil:
			var refused *sfn.Exception
			failure := err.Error()
			if errors.Is(err, errQueueGone) || errors.As(err, &refused) {
				failure = "AWS.SimpleQueueService.NonExistentQueue"
			}
			s.endTask(t, TaskFailed, failure)
			return
		case moved == 0:
			s.endTask(t, TaskCompleted, "")
			return
		}
		if !s.pause(t, moved) {
			return
		}
	}
}

// pause keeps a task to its rate. It returns false when the task is over, or the store closes.
func (s *Store) pause(t *moveTask, moved int) bool {
	var d time.Duration
	if t.Rate > 0 {
		d = s.clock.Real(time.Second * time.Duration(moved) / time.Duration(t.Rate))
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.closing:
		return false
	case <-t.cancel:
	case <-timer.C:
	}
	select {
	case <-t.cancel: // also when the time was over as well
		s.endTask(t, TaskCancelled, "")
		return false
	default:
		return true
	}
}

// moveSome moves up to n messages that are visible.
func (s *Store) moveSome(t *moveTask, n int) (moved int, err error) {
	q := s.byARN(t.Source)
	if q == nil {
		return 0, errQueueGone
	}
	q.mu.Lock()
	q.settle(s.now())
	left := t.ToMove - t.Moved
	var list []*message
	var last *message
	for int64(len(list)) < min(int64(n), left) {
		m := q.nextReady(last)
		if m == nil {
			break
		}
		last = m
		q.become(m, leaving)
		list = append(list, m)
	}
	q.mu.Unlock()
	targets := map[string][]*message{}
	for _, m := range list {
		arn := t.Destination
		if arn == "" {
			if described, _, err := q.readMessage(m.seq); err == nil && described != nil {
				arn = described.Source
			}
		}
		targets[arn] = append(targets[arn], m)
	}
	for arn, some := range targets {
		target := s.byARN(arn)
		if target == nil || err != nil {
			q.giveBack(some)
			err = cmp.Or(err, errQueueGone)
			continue
		}
		var k int
		k, err = q.move(target, some, renew(s.now()), func(b *lsm.Batch, k int) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			next := t.MoveTask
			next.Moved += int64(k)
			return put(b, taskKey(t.ID), next)
		})
		if err == nil {
			moved += k
			s.mu.Lock()
			t.Moved += int64(k)
			s.mu.Unlock()
		}
	}
	return moved, err
}

// renew makes a message a new one: "redriven messages are considered as new messages with a new messageID and enqueueTime" (developer guide,
// "Configuring a dead-letter queue redrive").
func renew(now int64) func(m *meta, _ *message) {
	return func(m *meta, _ *message) {
		m.ID, m.Sent, m.Visible = uuid.NewString(), now, now
		m.Source, m.Receives, m.First = "", 0, 0
	}
}

func (s *Store) endTask(t *moveTask, status TaskStatus, failure string) {
	s.mu.Lock()
	t.Status, t.Failure = status, failure
	next := t.MoveTask
	s.mu.Unlock()
	b := s.db.NewBatch()
	if err := errors.Join(put(b, taskKey(t.ID), next), s.commit(b)); err != nil {
		s.log.Error("cannot write down how a task ended", "task", t.ID, "error", err)
	}
}

package scheduler

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/value"
)

// intoWindow draws how far into its flexible time window an invocation is made: the same for one time of a schedule, however often it is asked.
func intoWindow(name string, due time.Time, window time.Duration) time.Duration {
	sum := sha256.Sum256([]byte(name + due.UTC().String()))
	return time.Duration(binary.BigEndian.Uint64(sum[:8]) % uint64(window))
}

// arm gives a schedule its timer, or takes it. The mutex is held, or nobody else is there yet.
func (v *Service) arm(s *Schedule) {
	_ = v.timers.Remove(s.key()) // it may have none
	parsed, err := s.parse()
	if err != nil {
		v.cfg.Log.Error("a schedule cannot be read", "schedule", s.key(), "error", err) // it was checked when it was stored
		return
	}
	after, seen := v.seen[s.key()]
	if now := v.cfg.Clock.Now(); seen && after.After(now) {
		after = now // the clock has run ahead in an earlier life
	}
	if _, ok := v.next(s); !ok || s.State == Disabled || v.held(s) {
		return
	}
	err = v.timers.Add(trigger.Job{
		Name: s.key(), Schedule: parsed, Window: s.window(), After: after, Run: func(_ context.Context, due time.Time) { v.run(s, due) },
	})
	if err != nil {
		v.cfg.Log.Error("a schedule cannot fire", "schedule", s.key(), "error", err)
	}
}

// run lets a schedule that is due fire, and deletes one that has had its last time for nothing.
func (v *Service) run(s *Schedule, due time.Time) {
	if over := v.fire(s, due); over != "" {
		v.completed(over)
	}
}

// fire records that a schedule is due: the time as seen to, and what is owed to the target. It returns the revision of a schedule that is over
// without that.
func (v *Service) fire(s *Schedule, due time.Time) (over string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.schedules[s.key()] != s {
		return "" // it has been changed meanwhile
	}
	now := v.cfg.Clock.Now()
	d := v.delivery(s, due, now)
	b := v.cfg.Store.NewBatch()
	err := put(b, collectionSeen, s.key(), due)
	late := now.Sub(due) > s.maxAge()
	if err == nil && !late {
		err = v.outbox.Put(b, d)
	}
	if err == nil {
		err = v.cfg.Store.Commit(b)
	}
	if err != nil {
		v.cfg.Log.Error("a schedule could not fire", "schedule", s.key(), "error", err)
		return ""
	}
	v.seen[s.key()] = due
	if late {
		v.cfg.Log.Warn("a schedule was due while nothing ran here, too long ago", "schedule", s.key(), "due", due)
		return d.Then
	}
	v.outbox.Add(d)
	return ""
}

// revision names a schedule as it is.
func (s *Schedule) revision() string { return s.key() + " " + s.Modified.Format(time.RFC3339Nano) }

// completed deletes a schedule after its last invocation, unless it was changed since.
func (v *Service) completed(revision string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	k, _, _ := strings.Cut(revision, " ")
	if s := v.schedules[k]; s == nil || s.revision() != revision {
		return
	}
	if err := v.drop(v.cfg.Store.NewBatch(), k); err != nil {
		v.cfg.Log.Error("cannot delete a completed schedule", "schedule", k, "error", err)
	}
}

// delivery is what a schedule that is due owes to its target.
func (v *Service) delivery(s *Schedule, due, now time.Time) *trigger.Delivery {
	arn := v.ARN(s.Group, s.Name)
	sum := sha256.Sum256([]byte(arn + strconv.FormatInt(due.UnixMilli(), 10)))
	execution, at := hex.EncodeToString(sum[16:24]), due.UTC().Format(time.RFC3339)
	d := &trigger.Delivery{Key: uuid.Must(uuid.NewV7()).String(), Numbered: strings.Contains(s.Target.Input, trigger.AttemptNumber)}
	d.Message = trigger.Message{
		// The name follows from the schedule and the time, so that a time that is seen to twice starts one execution.
		Target: s.Target.ARN, ID: hex.EncodeToString(sum[:16]), GroupID: s.Target.GroupID, Source: s.Target.Source, DetailType: s.Target.DetailType,
		Input: strings.NewReplacer(
			"<aws.scheduler.schedule-arn>", arn, "<aws.scheduler.scheduled-time>", at, "<aws.scheduler.execution-id>", execution,
		).Replace(s.Target.Input),
	}
	if d.Input == "" {
		d.Input = v.usualInput(s, arn, hex.EncodeToString(sum[:16]), at)
	}
	d.Letter = map[string]string{"SCHEDULE_ARN": arn, "EXECUTION_ID": execution, "SCHEDULED_TIME": at, "IS_PAYLOAD_TRUNCATED": "false"}
	d.Keep(now, s.Target.RetryPolicy, s.Target.DeadLetters)
	if parsed, err := s.parse(); err == nil && s.Completion == DeleteCompleted {
		if _, again := parsed.Next(due); !again {
			d.Then = s.revision()
		}
	}
	return d
}

// usualInput is what a target gets where the schedule has no input (user guide, "Using templated targets": its detail is the text {}).
func (v *Service) usualInput(s *Schedule, arn, sum, at string) string {
	target, _ := sfn.ParseARN(s.Target.ARN) // it was checked
	switch target.Service {
	case "events", universalService:
		return "{}"
	}
	return value.Text(value.NewObject(
		value.Member{Name: "version", Value: value.String("0")},
		value.Member{Name: "id", Value: value.String(sum[:8] + "-" + sum[8:12] + "-" + sum[12:16] + "-" + sum[16:20] + "-" + sum[20:])},
		value.Member{Name: "detail-type", Value: value.String("Scheduled Event")},
		value.Member{Name: "source", Value: value.String("aws.scheduler")},
		value.Member{Name: "account", Value: value.String(v.cfg.Place.Account)},
		value.Member{Name: "time", Value: value.String(at)},
		value.Member{Name: "region", Value: value.String(v.cfg.Place.Region)},
		value.Member{Name: "resources", Value: value.Array{value.String(arn)}},
		value.Member{Name: "detail", Value: value.String("{}")},
	))
}

// Fire invokes a schedule's target now, out of turn, whether or not it is enabled, and returns what was sent. It changes nothing about when the
// schedule is due. The error may be ResourceNotFoundException, or says why the target did not take it.
func (v *Service) Fire(ctx context.Context, group, name string) (trigger.Message, error) {
	s, err := v.Get(group, name)
	if err != nil {
		return trigger.Message{}, err
	}
	now := v.cfg.Clock.Now()
	d := v.delivery(&s, now, now)
	d.ID = uuid.NewString() // two of one millisecond are two
	m := d.Message
	m.Input = strings.ReplaceAll(m.Input, trigger.AttemptNumber, "1")
	return m, v.outbox.Send(ctx, m)
}

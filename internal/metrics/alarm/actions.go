package alarm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"

	"github.com/tutti-run/tutti/internal/metrics"
)

// owedAction is an action that is to be performed, as it is stored until it has been.
type owedAction struct {
	Key          string       `json:"key"`
	Action       string       `json:"action"` // ARN
	Notification Notification `json:"notification"`
}

const (
	// maxTries is how often an action is tried, with a pause that doubles from firstPause.
	maxTries   = 5
	firstPause = 200 * time.Millisecond
)

// perform performs what is owed, one after the other, until the context ends.
func (a *Alarms) perform(ctx context.Context) {
	for {
		a.mu.Lock()
		if len(a.owed) == 0 {
			a.mu.Unlock()
			return
		}
		o := a.owed[0]
		a.mu.Unlock()
		err := a.try(ctx, &o)
		if ctx.Err() != nil {
			return // it is performed in the next process
		}
		a.settle(&o, err)
	}
}

// try performs an action, several times if need be.
func (a *Alarms) try(ctx context.Context, o *owedAction) (err error) {
	arn, err := sfn.ParseARN(o.Action)
	if err != nil {
		return err
	}
	to := a.cfg.Performers[arn.Service]
	if to == nil {
		return &NotRunHere{arn.Service}
	}
	for pause := firstPause; ; pause *= 2 {
		err = to.Perform(ctx, o.Action, &o.Notification)
		var permanent *Permanent
		if err == nil || errors.As(err, &permanent) || pause == firstPause<<(maxTries-1) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// NotRunHere says that actions of a service are not performed here.
type NotRunHere struct{ Service string }

func (e *NotRunHere) Error() string {
	return fmt.Sprintf("actions of %s are not run here; those of Lambda functions and SNS topics are", e.Service)
}

// settle writes into the alarm's history what became of an action, and forgets it.
func (a *Alarms) settle(o *owedAction, failed error) {
	data := struct {
		State     string          `json:"actionState"`
		Updated   int64           `json:"stateUpdateTimestamp"`
		Resource  string          `json:"notificationResource"`
		Published json.RawMessage `json:"publishedMessage,omitempty"`
		Error     *string         `json:"error"`
	}{"Succeeded", o.Notification.Alarm.State.Updated.UnixMilli(), o.Action, json.RawMessage(text(o.Notification.detail())), nil}
	summary := "Successfully executed action " + o.Action
	if failed != nil {
		why := failed.Error()
		data.State, data.Error = "Failed", &why
		summary = "Failed to execute action " + o.Action
		a.cfg.Log.Warn("an alarm's action was not performed", "alarm", o.Notification.Alarm.Name, "action", o.Action, "error", failed)
	}
	if len(data.Published) > maxItemData/2 {
		data.Published = nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.begin(a.now())
	w.changes = append(w.changes, metrics.Change{Collection: collectionActions, Key: o.Key})
	w.item(&o.Notification.Alarm, Action, summary, data)
	if err := w.commit(); err != nil {
		a.cfg.Log.Error("cannot settle an alarm's action", "action", o.Action, "error", err)
	}
	a.owed = a.owed[1:]
}

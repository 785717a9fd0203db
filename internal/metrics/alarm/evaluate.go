package alarm

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tutti-run/tutti/internal/metrics"
)

const (
	// grain is the shortest time between two evaluations of an alarm; all periods are multiples of it.
	grain = 10 * time.Second
	// lag is how long after the end of a period alarms are evaluated, so that what was measured in it has come in.
	lag = time.Second
	// longestSleep bounds how long the loop trusts its timer, which stands still while a computer sleeps.
	longestSleep = 30 * time.Second
	// longestWindow is as long as any alarm's evaluation range. After a longer jump of the clock, what lies between is the same throughout.
	longestWindow = week + 2*day
)

// Start begins to evaluate alarms and to perform actions, first of all those that an earlier life of the process owes.
func (a *Alarms) Start() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.started {
		return
	}
	a.started = true
	a.evaluated = a.cfg.Clock.Now().Add(-lag).Truncate(grain)
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	a.wg.Go(func() { a.loop(ctx) })
}

// Close ends evaluating and performing. It may be called any number of times, and without a Start.
func (a *Alarms) Close() {
	a.mu.Lock()
	cancel := a.cancel
	a.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	a.wg.Wait()
}

// look has the loop look whether there is something to do.
func (a *Alarms) look() {
	select {
	case a.wake <- struct{}{}:
	default: // it will already
	}
}

func (a *Alarms) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		moved := a.cfg.Clock.Moved()
		a.tick(ctx)
		a.perform(ctx)
		timer.Reset(min(longestSleep, a.cfg.Clock.Real(a.sleep())))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-a.wake:
		case <-moved:
		}
	}
}

// sleep is how long nothing is to be evaluated.
func (a *Alarms) sleep() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	step := time.Duration(0)
	for _, one := range a.alarms {
		if !one.Composite() && (step == 0 || one.Metric.step() < step) {
			step = one.Metric.step()
		}
	}
	now := a.cfg.Clock.Now()
	if next, ok := a.nextRelease(); ok && (step == 0 || next.Before(a.evaluated.Truncate(step).Add(step))) {
		return next.Add(grain - 1).Truncate(grain).Add(lag).Sub(now)
	}
	if step == 0 {
		return time.Hour
	}
	return a.evaluated.Truncate(step).Add(step + lag).Sub(now)
}

// step is the time between evaluations: a minute, or a shorter period.
func (c *Condition) step() time.Duration { return min(c.Period, time.Minute) }

// tick evaluates all alarms up to now, time by time: where the clock has been moved on, an alarm still goes through what it would have.
func (a *Alarms) tick(ctx context.Context) {
	until := a.cfg.Clock.Now().Add(-lag).Truncate(grain)
	a.mu.Lock()
	clear(a.idle) // values may have come since
	a.mu.Unlock()
	for {
		a.mu.Lock()
		at := a.evaluated.Add(grain)
		if at.After(until) {
			a.mu.Unlock()
			return
		}
		if until.Sub(at) > 2*longestWindow { // what lies between is as it was
			at = until.Add(-longestWindow)
		}
		due := a.due(at, at.Equal(until))
		a.mu.Unlock()
		changes := a.evaluateAll(ctx, due, at, until)
		a.mu.Lock()
		a.apply(changes, at)
		a.releaseDue(at)
		a.evaluated = at
		a.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
	}
}

// due are the metric alarms to be evaluated at a time. Those of which nothing is there for a while can wait.
func (a *Alarms) due(at time.Time, last bool) []*Alarm {
	var list []*Alarm
	for _, name := range slices.Sorted(maps.Keys(a.alarms)) {
		one := a.alarms[name]
		if one.Composite() || !at.Truncate(one.Metric.step()).Equal(at) || !last && !at.After(a.idle[name]) {
			continue
		}
		if !at.After(one.Updated) || !at.After(one.State.Updated) {
			continue // it was not there yet, or somebody has set its state since
		}
		list = append(list, one)
	}
	return list
}

// outcome is what an evaluation came to.
type outcome struct {
	alarm *Alarm
	evaluation
	idle   time.Time // until when nothing can change
	failed error
}

// evaluateAll evaluates alarms without holding anybody up.
func (a *Alarms) evaluateAll(ctx context.Context, due []*Alarm, at, until time.Time) []outcome {
	list := make([]outcome, 0, len(due))
	for _, one := range due {
		if ctx.Err() != nil {
			return nil
		}
		o := outcome{alarm: one}
		o.evaluation, o.failed = a.evaluate(one.Metric, at)
		if len(o.evaluated) == 0 && until.Sub(at) >= one.Metric.step() {
			o.idle = a.nextValue(one.Metric, at, until)
		}
		list = append(list, o)
	}
	return list
}

// apply puts alarms into the states that were found. An alarm that was changed meanwhile is evaluated the next time.
func (a *Alarms) apply(list []outcome, at time.Time) {
	now := a.happened(at)
	for _, o := range list {
		if a.alarms[o.alarm.Name] != o.alarm {
			continue
		}
		if o.failed != nil {
			a.cfg.Log.Error("an alarm cannot be evaluated", "alarm", o.alarm.Name, "error", o.failed)
		}
		a.idle[o.alarm.Name] = o.idle
		if o.retain || o.value == o.alarm.State.Value {
			continue
		}
		w := a.begin(now)
		s := State{Value: o.value, Reason: o.reason(o.alarm.Metric), ReasonData: o.data(o.alarm.Metric, now)}
		if o.failed != nil {
			s.Reason = "Evaluation Error: " + o.failed.Error()
		}
		w.set(o.alarm, s)
		w.composites()
		if err := w.commit(); err != nil {
			a.cfg.Log.Error("an alarm's state is not kept", "alarm", o.alarm.Name, "error", err)
		}
	}
}

// nextValue is when the first value behind a time was measured; until if there is none.
func (a *Alarms) nextValue(c *Condition, at, until time.Time) time.Time {
	list, err := a.cfg.Metrics.Data(c.Queries(), at, until)
	if err != nil || len(list) != 1 {
		return time.Time{}
	}
	if len(list[0].Times) > 0 {
		return list[0].Times[0]
	}
	return until
}

// evaluate works out the state of an alarm at the end of a period.
func (a *Alarms) evaluate(c *Condition, at time.Time) (evaluation, error) {
	periods := c.EvaluationPeriods + extraPeriods
	list, err := a.cfg.Metrics.Data(c.Queries(), at.Add(-time.Duration(periods)*c.Period), at)
	if err != nil || len(list) != 1 {
		return evaluation{verdict{value: Insufficient}, at}, err
	}
	points := c.datapoints(&list[0], at)
	if s, ok := metrics.ParseStatistic(c.Statistic); ok && c.EvaluateLowSampleCountPercentile == "ignore" {
		if p, is := s.Percentile(); is && len(points) > 0 && tooFew(points, p) {
			return evaluation{verdict{retain: true, evaluated: points}, at}, nil
		}
	}
	treat := c.TreatMissingData
	if treat == "" {
		treat = Missing
	}
	return evaluation{judge(points, c.EvaluationPeriods, c.needed(), treat), at}, nil
}

// datapoints are the values that there are, the newest first.
func (c *Condition) datapoints(s *metrics.Series, at time.Time) []datapoint {
	breaches := operators[c.ComparisonOperator].breaches
	var points []datapoint
	for i := len(s.Times) - 1; i >= 0; i-- {
		p := datapoint{value: s.Values[i], breach: breaches(s.Values[i], c.Threshold)}
		p.age = int(at.Sub(s.Times[i])/c.Period) - 1
		if s.Counts != nil {
			p.count = s.Counts[i]
		}
		points = append(points, p)
	}
	return points
}

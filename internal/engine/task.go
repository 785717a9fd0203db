package engine

import (
	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// schedule begins an attempt at the task: what it is given and how long it may take is worked out and recorded.
func (x *Execution) schedule(f *flow, s *asl.Task) {
	parameters, why := x.arguments(f, s.Parameters)
	var timeout, heartbeat int64
	if why == nil {
		timeout, why = x.seconds(f, s.Timeout, "TimeoutSeconds")
	}
	if why == nil {
		heartbeat, why = x.seconds(f, s.Heartbeat, "HeartbeatSeconds")
	}
	var role sfn.OptString
	if why == nil {
		role, why = x.text(f, s.RoleARN, "RoleArn")
	}
	if why == nil && x.prepare != nil {
		var sentence string
		if parameters, sentence = x.prepare(s.Resource, parameters); sentence != "" {
			why = x.runtime(f, "%s", sentence)
		}
	}
	if why != nil {
		x.raise(f, why)
		return
	}
	r := s.Resource
	switch r.Kind {
	case asl.ResourceFunction:
		x.emit(f, history.LambdaFunctionScheduled, f.tail, &history.LambdaFunctionScheduledDetails{
			Resource: r.ARN, Input: parameters, Timeout: timeout, RoleARN: role.Text})
	case asl.ResourceActivity:
		x.emit(f, history.ActivityScheduled, f.tail, &history.ActivityScheduledDetails{
			Resource: r.ARN, Input: parameters, Timeout: timeout, Heartbeat: heartbeat})
	default:
		x.emit(f, history.TaskScheduled, f.tail, &history.TaskScheduledDetails{
			ResourceType: r.Type(), Resource: r.Name(), Region: x.region(r), Parameters: parameters,
			Timeout: timeout, Heartbeat: heartbeat, RoleARN: role.Text})
	}
}

// region is where the task's service is called: the resource's region, or else the execution's.
func (x *Execution) region(r asl.Resource) string {
	if r.Region != "" {
		return r.Region
	}
	arn, err := sfn.ParseARN(x.identity.ARN)
	if err != nil {
		return ""
	}
	return arn.Region
}

// startTask records that the call is made. From here on it is never made again for this attempt.
func (x *Execution) startTask(f *flow) {
	r := f.state.(*asl.Task).Resource
	if r.Kind == asl.ResourceFunction {
		x.emit(f, history.LambdaFunctionStarted, f.tail, nil)
		return
	}
	x.emit(f, history.TaskStarted, f.tail, &history.TaskStartedDetails{ResourceType: r.Type(), Resource: r.Name()})
}

// seconds evaluates TimeoutSeconds or HeartbeatSeconds; 0 where the state has none.
func (x *Execution) seconds(f *flow, n asl.Number, field string) (int64, *fault) {
	v := n.Literal
	switch {
	case !n.Set:
		return 0, nil
	case n.Expr != nil:
		v, why := x.expression(f, n.Expr, field, value.KindNumber)
		if why != nil {
			return 0, why
		}
		seconds, ok := value.Integer(v)
		switch {
		case !ok:
			return 0, x.misfit(f, field, "The %s field cannot be parsed as an integer: %s", field, value.Text(v))
		case seconds <= 0 || seconds > sfn.MaxTimeoutSeconds:
			return 0, x.misfit(f, field, "%s must be between 0 and %d but was: %d", field, sfn.MaxTimeoutSeconds, seconds)
		}
		return seconds, nil
	case n.Path != nil:
		var err error
		if v, err = n.Path.Eval(x.env(f, f.data, field)); err != nil {
			return 0, x.invalidPath(f, n.Path, err)
		}
	}
	seconds, ok := value.Integer(v)
	switch {
	case !ok:
		return 0, x.runtime(f, "The %sPath field refers to value \"%s\" which is not a valid integer: %s", field, plainText(v), n.Path)
	case seconds <= 0 || seconds > sfn.MaxTimeoutSeconds:
		return 0, x.runtime(f, "%s must be between 1 and %d but was: %d", field, sfn.MaxTimeoutSeconds, seconds)
	}
	return seconds, nil
}

func (x *Execution) taskSubmitted(f *flow, output *value.Data) {
	r := f.state.(*asl.Task).Resource
	x.emit(f, history.TaskSubmitted, f.tail, &history.TaskOutputDetails{ResourceType: r.Type(), Resource: r.Name(), Output: output})
}

func (x *Execution) taskSucceeded(f *flow, output *value.Data) {
	r := f.state.(*asl.Task).Resource
	if output.Size() > sfn.MaxPayloadBytes {
		x.taskFailed(f, *tooLarge(resourceLabel(r)))
		return
	}
	switch r.Kind {
	case asl.ResourceFunction:
		x.emit(f, history.LambdaFunctionSucceeded, f.tail, &history.OutputDetails{Output: output})
	case asl.ResourceActivity:
		x.emit(f, history.ActivitySucceeded, f.tail, &history.OutputDetails{Output: output})
	default:
		x.emit(f, history.TaskSucceeded, f.tail, &history.TaskOutputDetails{ResourceType: r.Type(), Resource: r.Name(), Output: output})
	}
}

// resourceLabel is how messages about sizes name a task: the service of an integration, else the ARN.
func resourceLabel(r asl.Resource) string {
	if r.Kind == asl.ResourceService {
		return r.Service
	}
	return r.ARN
}

func (x *Execution) taskFailed(f *flow, failure sfn.Failure) {
	r := f.state.(*asl.Task).Resource
	switch {
	case r.Kind == asl.ResourceFunction:
		x.emit(f, history.LambdaFunctionFailed, f.tail, &history.FailedDetails{Failure: failure})
	case r.Kind == asl.ResourceActivity:
		x.emit(f, history.ActivityFailed, f.tail, &history.FailedDetails{Failure: failure})
	case r.RunsJob() && f.task.submitted == nil:
		x.emit(f, history.TaskSubmitFailed, f.tail, &history.TaskFailedDetails{ResourceType: r.Type(), Resource: r.Name(), Failure: failure})
	default:
		x.emit(f, history.TaskFailed, f.tail, &history.TaskFailedDetails{ResourceType: r.Type(), Resource: r.Name(), Failure: failure})
	}
}

// taskTimedOut ends an attempt whose TimeoutSeconds or HeartbeatSeconds ran out. AWS tells the two apart in nothing but the time.
func (x *Execution) taskTimedOut(f *flow) {
	r := f.state.(*asl.Task).Resource
	failure := *sfn.FailWithoutCause(sfn.ErrorTimeout)
	switch r.Kind {
	case asl.ResourceFunction:
		x.emit(f, history.LambdaFunctionTimedOut, f.tail, &history.FailedDetails{Failure: failure})
	case asl.ResourceActivity:
		x.emit(f, history.ActivityTimedOut, f.tail, &history.FailedDetails{Failure: failure})
	default:
		x.emit(f, history.TaskTimedOut, f.tail, &history.TaskFailedDetails{ResourceType: r.Type(), Resource: r.Name(), Failure: failure})
	}
}

// heartbeatLapsed tells whether the event reports a lapsed heartbeat: a timeout before the task's own.
func heartbeatLapsed(f *flow, e *history.Event) bool {
	return (e.Type == history.TaskTimedOut || e.Type == history.ActivityTimedOut) &&
		f.task.heartbeat > 0 && (f.task.deadline.IsZero() || e.Time.Before(f.task.deadline))
}

package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/trigger/scheduler"
)

// schedulerRoute: paths like /schedules could be a bucket's, so the signature or the host must say it.
var schedulerRoute = route{title: "Amazon EventBridge Scheduler", scope: "scheduler", hosts: []string{"scheduler"}}

// schedulerStatus is the table of the exceptions of EventBridge Scheduler with their HTTP statuses.
var schedulerStatus = map[sfn.ExceptionName]int{
	scheduler.ConflictException:             http.StatusConflict,
	scheduler.ResourceNotFoundException:     http.StatusNotFound,
	scheduler.ServiceQuotaExceededException: http.StatusPaymentRequired,
	sfn.ValidationException:                 http.StatusBadRequest,
}

// schedulerOperation is where an operation is on the wire, and what carries it out. Segments of the path in braces and the query's parameters are
// members of the request.
type schedulerOperation struct {
	method, path string
	query        map[string]string // members by the parameter's name; numbers are those of members that are numbers
	do           func(s *eventScheduler, ctx context.Context, documents ...[]byte) (any, error)
}

// schedulerOperations is the table of the operations of EventBridge Scheduler, version 2021-06-30.
var schedulerOperations = map[string]schedulerOperation{
	"CreateSchedule":      {"POST", "/schedules/{Name}", nil, restOp((*eventScheduler).createSchedule)},                                                                                           // in a group that is there
	"CreateScheduleGroup": {"POST", "/schedule-groups/{Name}", nil, restOp((*eventScheduler).createGroup)},                                                                                        // with tags
	"DeleteSchedule":      {"DELETE", "/schedules/{Name}", map[string]string{"groupName": "GroupName", "clientToken": "ClientToken"}, restOp((*eventScheduler).deleteSchedule)},                   // by name
	"DeleteScheduleGroup": {"DELETE", "/schedule-groups/{Name}", map[string]string{"clientToken": "ClientToken"}, restOp((*eventScheduler).deleteGroup)},                                          // with what is in it
	"GetSchedule":         {"GET", "/schedules/{Name}", map[string]string{"groupName": "GroupName"}, restOp((*eventScheduler).getSchedule)},                                                       // all that is set
	"GetScheduleGroup":    {"GET", "/schedule-groups/{Name}", nil, restOp((*eventScheduler).getGroup)},                                                                                            // by name
	"ListScheduleGroups":  {"GET", "/schedule-groups", map[string]string{"NamePrefix": "NamePrefix", "MaxResults": "MaxResults", "NextToken": "NextToken"}, restOp((*eventScheduler).listGroups)}, // by prefix
	"ListSchedules": {"GET", "/schedules", map[string]string{"ScheduleGroup": "GroupName", "NamePrefix": "NamePrefix", "State": "State", "MaxResults": "MaxResults",
		"NextToken": "NextToken"}, restOp((*eventScheduler).listSchedules)}, // of a group, or all
	"ListTagsForResource": {"GET", "/tags/{ResourceArn}", nil, restOp((*eventScheduler).listTags)},                                     // of a group
	"TagResource":         {"POST", "/tags/{ResourceArn}", nil, restOp((*eventScheduler).tag)},                                         // adds or replaces
	"UntagResource":       {"DELETE", "/tags/{ResourceArn}", map[string]string{"TagKeys": "TagKeys"}, restOp((*eventScheduler).untag)}, // by key
	"UpdateSchedule":      {"PUT", "/schedules/{Name}", nil, restOp((*eventScheduler).updateSchedule)},                                 // replaces all that is set
}

// eventScheduler serves the API of EventBridge Scheduler, a REST protocol with JSON bodies.
type eventScheduler struct {
	service *scheduler.Service
	now     func() time.Time
	log     *slog.Logger
}

func newEventScheduler(c *Config) http.Handler {
	return &eventScheduler{service: c.Scheduler, now: c.Now, log: c.Log}
}

// restOp makes an operation out of a method with a typed request and response. The request is the members of all documents, checked as its tags say.
func restOp[In, Out any](do func(*eventScheduler, *In) (Out, error)) func(*eventScheduler, context.Context, ...[]byte) (any, error) {
	s := lowered(shapeOf(reflect.TypeFor[In]()))
	return func(e *eventScheduler, _ context.Context, documents ...[]byte) (any, error) {
		in := new(In)
		for _, document := range documents {
			if err := decode(document, in); err != nil {
				return nil, err
			}
		}
		if err := s.check(reflect.ValueOf(in).Elem()); err != nil {
			return nil, err
		}
		return do(e, in)
	}
}

// lowered has the names of members begin with a small letter, as the paths in AWS's messages do.
func lowered(s shape) shape {
	for i := range s {
		s[i].name = strings.ToLower(s[i].name[:1]) + s[i].name[1:]
		s[i].inner = lowered(s[i].inner)
	}
	return s
}

// ServeHTTP implements http.Handler.
func (e *eventScheduler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out, err := e.serve(w, r)
	if err == nil {
		var body []byte
		if body, err = json.Marshal(out); err == nil {
			write(w, "application/json", http.StatusOK, body)
			return
		}
	}
	e.refuse(w, r, err)
}

func (e *eventScheduler) serve(w http.ResponseWriter, r *http.Request) (any, error) {
	path, err := pathSegments(r.URL)
	if err != nil {
		return nil, unknownOperation("%v", err)
	}
	for _, o := range schedulerOperations {
		members, ok := matchPath(o.path, path)
		if !ok || o.method != r.Method {
			continue
		}
		body, err := readBody(http.MaxBytesReader(w, r.Body, MaxRequestBytes), MaxRequestBytes)
		if err != nil {
			return nil, err
		}
		fromURL, err := o.fromURL(members, r.URL.Query())
		if err != nil {
			return nil, err
		}
		return o.do(e, r.Context(), body, fromURL)
	}
	return nil, unknownOperation("%s has no operation %s %.200s.", schedulerRoute.title, r.Method, r.URL.Path)
}

// fromURL is the part of a request that stands in the path and the query, as a document.
func (o *schedulerOperation) fromURL(members map[string]string, query url.Values) ([]byte, error) {
	request := map[string]any{}
	for name, text := range members {
		request[name] = text
	}
	for parameter, member := range o.query {
		values, given := query[parameter]
		switch {
		case !given:
		case member == "TagKeys":
			request[member] = values
		case member == "MaxResults":
			n, err := strconv.Atoi(values[0])
			if err != nil {
				return nil, serialization("STRING_VALUE can not be converted to an Integer")
			}
			request[member] = n
		default:
			request[member] = values[0]
		}
	}
	return json.Marshal(request)
}

// refuse answers with an error and logs it if it is our own trouble.
func (e *eventScheduler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	name, message, status := "InternalServerException", err.Error(), http.StatusInternalServerError
	var refused *sfn.Exception
	var f *fault
	switch {
	case errors.As(err, &refused):
		name, message, status = string(refused.Name), refused.Message, cmp.Or(schedulerStatus[refused.Name], http.StatusBadRequest)
	case errors.As(err, &f):
		name, message, status = f.name, f.message, f.status
	case r.Context().Err() == nil:
		e.log.Error("cannot serve a request", "path", r.URL.Path, "error", err)
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(map[string]string{"Message": message}) // a text encodes
	w.Header().Set("X-Amzn-Errortype", name)
	write(w, "application/json", status, bytes.TrimSpace(body.Bytes()))
}

// optTime is a time that may be absent: epoch seconds, with a fraction if need be.
type optTime struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (o *optTime) UnmarshalJSON(data []byte) error {
	*o = optTime{}
	if string(data) == "null" {
		return nil
	}
	seconds, err := strconv.ParseFloat(string(data), 64)
	if err != nil || math.Abs(seconds) > 1<<38 {
		return wrongType(data, reflect.TypeFor[float64]())
	}
	o.Time = time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
	return nil
}

// epochOf is a time as responses have it, nil for none.
func epochOf(t time.Time) *timestamp {
	if t.IsZero() {
		return nil
	}
	return &timestamp{t}
}

type scheduleInput struct {
	Name        sfn.OptString        `json:"Name" model:"required,length=1:64,pattern=scheduleName"`
	Group       sfn.OptString        `json:"GroupName" model:"length=1:64,pattern=scheduleName"`
	Expression  sfn.OptString        `json:"ScheduleExpression" model:"required,length=1:256"`
	Start       optTime              `json:"StartDate"`
	End         optTime              `json:"EndDate"`
	Description sfn.OptString        `json:"Description" model:"length=0:512"`
	Timezone    sfn.OptString        `json:"ScheduleExpressionTimezone" model:"length=1:50"`
	State       sfn.OptString        `json:"State" model:"enum=ScheduleState"`
	KMSKeyARN   sfn.OptString        `json:"KmsKeyArn" model:"length=1:2048,pattern=kmsKey"`
	Target      *scheduleTargetInput `json:"Target" model:"required"`
	Window      *scheduleWindowInput `json:"FlexibleTimeWindow" model:"required"`
	Completion  sfn.OptString        `json:"ActionAfterCompletion" model:"enum=ActionAfterCompletion"`
	ClientToken sfn.OptString        `json:"ClientToken" model:"length=1:64,pattern=scheduleToken"`
}

type scheduleWindowInput struct {
	Mode    sfn.OptString `json:"Mode" model:"required,enum=FlexibleTimeWindowMode"`
	Minutes optInt        `json:"MaximumWindowInMinutes" model:"range=1:1440"`
}

type scheduleTargetInput struct {
	ARN         sfn.OptString             `json:"Arn" model:"required,length=1:1600"`
	RoleARN     sfn.OptString             `json:"RoleArn" model:"required,length=1:1600,pattern=scheduleRole"`
	DeadLetters *scheduleDeadLettersInput `json:"DeadLetterConfig"`
	RetryPolicy *scheduleRetryInput       `json:"RetryPolicy"`
	Input       sfn.OptString             `json:"Input" model:"length=1:"`
	Bus         *scheduleBusInput         `json:"EventBridgeParameters"`
	Queue       *scheduleQueueInput       `json:"SqsParameters"`
}

type scheduleDeadLettersInput struct {
	ARN sfn.OptString `json:"Arn" model:"length=1:1600,pattern=scheduleQueue"`
}

type scheduleRetryInput struct {
	Age      optInt `json:"MaximumEventAgeInSeconds" model:"range=60:86400"`
	Attempts optInt `json:"MaximumRetryAttempts" model:"range=0:185"`
}

type scheduleBusInput struct {
	DetailType sfn.OptString `json:"DetailType" model:"required,length=1:128"`
	Source     sfn.OptString `json:"Source" model:"required,length=1:256,pattern=scheduleSource"`
}

type scheduleQueueInput struct {
	GroupID sfn.OptString `json:"MessageGroupId" model:"length=1:128"`
}

// schedule is what the request says.
func (in *scheduleInput) schedule() scheduler.Schedule {
	return scheduler.Schedule{
		Name: in.Name.Text, Group: in.Group.Text, Expression: in.Expression.Text, Timezone: in.Timezone.Text, Start: in.Start.Time, End: in.End.Time,
		State: in.State.Text, Description: in.Description.Text, KMSKeyARN: in.KMSKeyARN.Text, Completion: in.Completion.Text,
		Window: scheduler.Window{Mode: in.Window.Mode.Text, Minutes: in.Window.Minutes.n}, Target: in.Target.target(),
	}
}

func (in *scheduleTargetInput) target() scheduler.Target {
	t := scheduler.Target{ARN: in.ARN.Text, RoleARN: in.RoleARN.Text, Input: in.Input.Text}
	if in.DeadLetters != nil && in.DeadLetters.ARN.Set {
		t.DeadLetters = &trigger.DeadLetterConfig{ARN: in.DeadLetters.ARN.Text}
	}
	if r := in.RetryPolicy; r != nil {
		t.RetryPolicy = &trigger.RetryPolicy{}
		if r.Age.set {
			t.RetryPolicy.MaximumEventAgeInSeconds = &r.Age.n
		}
		if r.Attempts.set {
			t.RetryPolicy.MaximumRetryAttempts = &r.Attempts.n
		}
	}
	if in.Bus != nil {
		t.Bus, t.Source, t.DetailType = true, in.Bus.Source.Text, in.Bus.DetailType.Text
	}
	if in.Queue != nil {
		t.Queue, t.GroupID = true, in.Queue.GroupID.Text
	}
	return t
}

type scheduleARNOutput struct {
	ARN string `json:"ScheduleArn"`
}

func (e *eventScheduler) createSchedule(in *scheduleInput) (scheduleARNOutput, error) {
	arn, err := e.service.Create(in.schedule(), in.ClientToken.Text)
	return scheduleARNOutput{arn}, err
}

func (e *eventScheduler) updateSchedule(in *scheduleInput) (scheduleARNOutput, error) {
	arn, err := e.service.Update(in.schedule(), in.ClientToken.Text)
	return scheduleARNOutput{arn}, err
}

type scheduleNameInput struct {
	Name        sfn.OptString `json:"Name" model:"required,length=1:64,pattern=scheduleName"`
	Group       sfn.OptString `json:"GroupName" model:"length=1:64,pattern=scheduleName"`
	ClientToken sfn.OptString `json:"ClientToken" model:"length=1:64,pattern=scheduleToken"` // DeleteSchedule
}

func (in *scheduleNameInput) group() string { return cmp.Or(in.Group.Text, scheduler.DefaultGroup) }

func (e *eventScheduler) deleteSchedule(in *scheduleNameInput) (nothing, error) {
	return nothing{}, e.service.Delete(in.group(), in.Name.Text, in.ClientToken.Text)
}

type scheduleOutput struct {
	ARN         string                `json:"Arn"`
	Group       string                `json:"GroupName"`
	Name        string                `json:"Name"`
	Expression  string                `json:"ScheduleExpression,omitempty"`
	Start       *timestamp            `json:"StartDate,omitempty"`
	End         *timestamp            `json:"EndDate,omitempty"`
	Description string                `json:"Description,omitempty"`
	Timezone    string                `json:"ScheduleExpressionTimezone,omitempty"`
	State       string                `json:"State"`
	Created     *timestamp            `json:"CreationDate"`
	Modified    *timestamp            `json:"LastModificationDate"`
	KMSKeyARN   string                `json:"KmsKeyArn,omitempty"`
	Target      scheduleTargetOutput  `json:"Target"`
	Window      *scheduleWindowOutput `json:"FlexibleTimeWindow,omitempty"`
	Completion  string                `json:"ActionAfterCompletion,omitempty"`
}

type scheduleWindowOutput struct {
	Mode    string `json:"Mode"`
	Minutes int    `json:"MaximumWindowInMinutes,omitempty"`
}

type scheduleTargetOutput struct {
	ARN         string                    `json:"Arn"`
	RoleARN     string                    `json:"RoleArn,omitempty"`
	DeadLetters *trigger.DeadLetterConfig `json:"DeadLetterConfig,omitempty"`
	RetryPolicy *trigger.RetryPolicy      `json:"RetryPolicy,omitempty"`
	Input       string                    `json:"Input,omitempty"`
	Bus         *scheduleBusOutput        `json:"EventBridgeParameters,omitempty"`
	Queue       *trigger.SQSParameters    `json:"SqsParameters,omitempty"`
}

type scheduleBusOutput struct {
	DetailType string `json:"DetailType"`
	Source     string `json:"Source"`
}

// summary is a schedule as a list shows it.
func (e *eventScheduler) summary(s *scheduler.Schedule) scheduleOutput {
	return scheduleOutput{
		ARN: e.service.ARN(s.Group, s.Name), Group: s.Group, Name: s.Name, State: s.State, Created: epochOf(s.Created), Modified: epochOf(s.Modified),
		Target: scheduleTargetOutput{ARN: s.Target.ARN},
	}
}

func (e *eventScheduler) getSchedule(in *scheduleNameInput) (*scheduleOutput, error) {
	s, err := e.service.Get(in.group(), in.Name.Text)
	if err != nil {
		return nil, err
	}
	out := e.summary(&s)
	out.Expression, out.Timezone, out.Start, out.End = s.Expression, s.Timezone, epochOf(s.Start), epochOf(s.End)
	out.Description, out.KMSKeyARN, out.Completion = s.Description, s.KMSKeyARN, s.Completion
	out.Window = &scheduleWindowOutput{s.Window.Mode, s.Window.Minutes}
	t := &out.Target
	t.RoleARN, t.Input, t.DeadLetters = s.Target.RoleARN, s.Target.Input, s.Target.DeadLetters
	age, attempts := int(trigger.MaxEventAge/time.Second), trigger.MaxRetryAttempts
	t.RetryPolicy = &trigger.RetryPolicy{MaximumEventAgeInSeconds: &age, MaximumRetryAttempts: &attempts}
	if p := s.Target.RetryPolicy; p != nil && p.MaximumEventAgeInSeconds != nil {
		t.RetryPolicy.MaximumEventAgeInSeconds = p.MaximumEventAgeInSeconds
	}
	if p := s.Target.RetryPolicy; p != nil && p.MaximumRetryAttempts != nil {
		t.RetryPolicy.MaximumRetryAttempts = p.MaximumRetryAttempts
	}
	if s.Target.Bus {
		t.Bus = &scheduleBusOutput{s.Target.DetailType, s.Target.Source}
	}
	if s.Target.Queue {
		t.Queue = &trigger.SQSParameters{MessageGroupID: s.Target.GroupID}
	}
	return &out, nil
}

type listSchedulesInput struct {
	Group      sfn.OptString `json:"GroupName" model:"length=1:64,pattern=scheduleName"`
	Prefix     sfn.OptString `json:"NamePrefix" model:"length=1:64,pattern=scheduleName"`
	State      sfn.OptString `json:"State" model:"enum=ScheduleState"`
	MaxResults optInt        `json:"MaxResults" model:"range=1:100"`
	NextToken  sfn.OptString `json:"NextToken" model:"length=1:2048"`
}

type listSchedulesOutput struct {
	Schedules []scheduleOutput `json:"Schedules"`
	NextToken string           `json:"NextToken,omitempty"`
}

func (e *eventScheduler) listSchedules(in *listSchedulesInput) (*listSchedulesOutput, error) {
	list, err := e.service.List(scheduler.Filter{Group: in.Group.Text, Prefix: in.Prefix.Text, State: in.State.Text})
	if err != nil {
		return nil, err
	}
	scope := strings.Join([]string{"ListSchedules", in.Group.Text, in.Prefix.Text, in.State.Text}, "\x00")
	list, next, err := page(list, func(s scheduler.Schedule) string { return s.Group + "\x00" + s.Name }, scope, in.MaxResults, in.NextToken, e.now())
	if err != nil {
		return nil, badToken(err)
	}
	out := &listSchedulesOutput{Schedules: make([]scheduleOutput, 0, len(list)), NextToken: next}
	for i := range list {
		out.Schedules = append(out.Schedules, e.summary(&list[i]))
	}
	return out, nil
}

// badToken is a page token's error as this service has it.
func badToken(error) error { return sfn.Refuse(sfn.ValidationException, "Invalid NextToken.") }

type groupInput struct {
	Name        sfn.OptString      `json:"Name" model:"required,length=1:64,pattern=scheduleName"`
	Tags        []scheduleTagInput `json:"Tags" model:"length=0:200"`
	ClientToken sfn.OptString      `json:"ClientToken" model:"length=1:64,pattern=scheduleToken"`
}

type scheduleTagInput struct {
	Key   sfn.OptString `json:"Key" model:"required,length=1:128"`
	Value sfn.OptString `json:"Value" model:"required,length=1:256"`
}

func scheduleTags(in []scheduleTagInput) []scheduler.Tag {
	var tags []scheduler.Tag
	for _, t := range in {
		tags = append(tags, scheduler.Tag{Key: t.Key.Text, Value: t.Value.Text})
	}
	return tags
}

type groupARNOutput struct {
	ARN string `json:"ScheduleGroupArn"`
}

func (e *eventScheduler) createGroup(in *groupInput) (groupARNOutput, error) {
	arn, err := e.service.CreateGroup(in.Name.Text, scheduleTags(in.Tags), in.ClientToken.Text)
	return groupARNOutput{arn}, err
}

func (e *eventScheduler) deleteGroup(in *groupInput) (nothing, error) {
	return nothing{}, e.service.DeleteGroup(in.Name.Text, in.ClientToken.Text)
}

type groupOutput struct {
	ARN      string     `json:"Arn"`
	Name     string     `json:"Name"`
	State    string     `json:"State"`
	Created  *timestamp `json:"CreationDate,omitempty"`
	Modified *timestamp `json:"LastModificationDate,omitempty"`
}

func (e *eventScheduler) group(g *scheduler.Group) groupOutput {
	return groupOutput{e.service.GroupARN(g.Name), g.Name, scheduler.Active, epochOf(g.Created), epochOf(g.Modified)}
}

func (e *eventScheduler) getGroup(in *groupInput) (*groupOutput, error) {
	g, err := e.service.Group(in.Name.Text)
	if err != nil {
		return nil, err
	}
	out := e.group(&g)
	return &out, nil
}

type listGroupsInput struct {
	Prefix     sfn.OptString `json:"NamePrefix" model:"length=1:64,pattern=scheduleName"`
	MaxResults optInt        `json:"MaxResults" model:"range=1:100"`
	NextToken  sfn.OptString `json:"NextToken" model:"length=1:2048"`
}

type listGroupsOutput struct {
	Groups    []groupOutput `json:"ScheduleGroups"`
	NextToken string        `json:"NextToken,omitempty"`
}

func (e *eventScheduler) listGroups(in *listGroupsInput) (*listGroupsOutput, error) {
	list, next, err := page(e.service.Groups(in.Prefix.Text), func(g scheduler.Group) string { return g.Name }, "ListScheduleGroups\x00"+in.Prefix.Text,
		in.MaxResults, in.NextToken, e.now())
	if err != nil {
		return nil, badToken(err)
	}
	out := &listGroupsOutput{Groups: make([]groupOutput, 0, len(list)), NextToken: next}
	for i := range list {
		out.Groups = append(out.Groups, e.group(&list[i]))
	}
	return out, nil
}

type scheduleTagsInput struct {
	ARN  sfn.OptString      `json:"ResourceArn" model:"required,length=1:1011,pattern=scheduleGroup"`
	Tags []scheduleTagInput `json:"Tags" model:"required,length=0:200"`
}

func (e *eventScheduler) tag(in *scheduleTagsInput) (nothing, error) {
	return nothing{}, e.service.TagGroup(in.ARN.Text, scheduleTags(in.Tags))
}

type scheduleUntagInput struct {
	ARN  sfn.OptString   `json:"ResourceArn" model:"required,length=1:1011,pattern=scheduleGroup"`
	Keys []sfn.OptString `json:"TagKeys" model:"required,length=0:200,each=1:128"`
}

func (e *eventScheduler) untag(in *scheduleUntagInput) (nothing, error) {
	var keys []string
	for _, k := range in.Keys {
		keys = append(keys, k.Text)
	}
	return nothing{}, e.service.UntagGroup(in.ARN.Text, keys)
}

type scheduleTaggedInput struct {
	ARN sfn.OptString `json:"ResourceArn" model:"required,length=1:1011,pattern=scheduleGroup"`
}

type scheduleTagsOutput struct {
	Tags []scheduler.Tag `json:"Tags"`
}

func (e *eventScheduler) listTags(in *scheduleTaggedInput) (*scheduleTagsOutput, error) {
	tags, err := e.service.TagsOf(in.ARN.Text)
	return &scheduleTagsOutput{append([]scheduler.Tag{}, tags...)}, err
}

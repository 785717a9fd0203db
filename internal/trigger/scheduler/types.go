package scheduler

import (
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
)

// The exceptions of EventBridge Scheduler that are raised here (API reference, "Common Errors" and the operations').
const (
	ConflictException             sfn.ExceptionName = "ConflictException"             // the name is taken
	ResourceNotFoundException     sfn.ExceptionName = "ResourceNotFoundException"     // no such schedule or group
	ServiceQuotaExceededException sfn.ExceptionName = "ServiceQuotaExceededException" // more than an account may have
)

// DefaultGroup is the group that is always there.
const DefaultGroup = "default"

// Quotas. AWS has a million schedules, each of which a provider's disk holds; here they are held in memory.
const (
	maxSchedules = 100_000
	maxGroups    = 500
	maxTags      = 50
)

// The states of schedules and groups.
const (
	Enabled  = "ENABLED"
	Disabled = "DISABLED"
	Active   = "ACTIVE" // of a group
)

// Modes of flexible time windows.
const (
	WindowOff      = "OFF"
	WindowFlexible = "FLEXIBLE"
)

// What happens to a schedule when it is not due any more.
const (
	KeepCompleted   = "NONE"
	DeleteCompleted = "DELETE"
)

// Schedule is a schedule (API reference, GetSchedule). It never changes once it is stored; it is replaced.
type Schedule struct {
	Group       string    `json:"group"`
	Name        string    `json:"name"`
	Expression  string    `json:"expression"`
	Timezone    string    `json:"timezone"`
	Start       time.Time `json:"start,omitzero"`
	End         time.Time `json:"end,omitzero"`
	State       string    `json:"state"`
	Description string    `json:"description,omitempty"`
	KMSKeyARN   string    `json:"kmsKeyArn,omitempty"`
	Completion  string    `json:"completion"` // ActionAfterCompletion
	Window      Window    `json:"window"`
	Target      Target    `json:"target"`

	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
	// Anchor is what a rate without a start date counts from: when the schedule came to be, or its times were changed.
	Anchor time.Time `json:"anchor"`
	// Template is a sum of what a template says of the schedule, "" for one that a client has made.
	Template string `json:"template,omitempty"`
}

// Window is a flexible time window.
type Window struct {
	Mode    string `json:"mode"`
	Minutes int    `json:"minutes,omitempty"` // 0 without one
}

// Target is what a schedule invokes.
type Target struct {
	ARN         string                    `json:"arn"`
	RoleARN     string                    `json:"roleArn,omitempty"`
	Input       string                    `json:"input,omitempty"`
	RetryPolicy *trigger.RetryPolicy      `json:"retryPolicy,omitempty"`
	DeadLetters *trigger.DeadLetterConfig `json:"deadLetters,omitempty"`
	// GroupID is that of SqsParameters, Source and DetailType are those of EventBridgeParameters.
	GroupID    string `json:"groupId,omitempty"`
	Source     string `json:"source,omitempty"`
	DetailType string `json:"detailType,omitempty"`
	// Queue and Bus tell that there are SqsParameters and EventBridgeParameters.
	Queue bool `json:"queue,omitempty"`
	Bus   bool `json:"bus,omitempty"`
}

// Group is a group of schedules.
type Group struct {
	Name     string    `json:"name"`
	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
	Tags     []Tag     `json:"tags,omitempty"` // by key
	// Template tells that a template has the group.
	Template bool `json:"template,omitempty"`
}

// Tag is a tag of a group.
type Tag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

// key keys a schedule's documents and its timer. Names have no slash.
func key(group, name string) string { return group + "/" + name }

func (s *Schedule) key() string { return key(s.Group, s.Name) }

// parse returns the schedule's times.
func (s *Schedule) parse() (*trigger.Schedule, error) {
	parsed, err := trigger.Parse(s.Expression, s.Timezone)
	if err != nil {
		return nil, err
	}
	start := s.Start
	if start.IsZero() && parsed.Rate() {
		start = s.Anchor
	}
	return parsed.Between(start, s.End), nil
}

// window is how long an invocation may be put off.
func (s *Schedule) window() time.Duration { return time.Duration(s.Window.Minutes) * time.Minute }

// maxAge is how late an invocation may be.
func (s *Schedule) maxAge() time.Duration {
	age := trigger.MaxEventAge
	if p := s.Target.RetryPolicy; p != nil && p.MaximumEventAgeInSeconds != nil {
		age = time.Duration(*p.MaximumEventAgeInSeconds) * time.Second
	}
	return age + s.window()
}

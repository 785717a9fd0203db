package api

import (
	"context"
	"regexp"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
)

// Patterns of the members of permissions and of keys, as the API's model has them.
const (
	ownBusPattern    = `[\.\-_A-Za-z0-9]+` // a bus that is no partner's
	actionPattern    = `events:[a-zA-Z]+`
	principalPattern = `(\d{12}|\*)`
	statementPattern = `[a-zA-Z0-9-_]+`
	eventsKeyPattern = `^[a-zA-Z0-9_\-/:]*$`
)

var (
	eventsAction    = regexp.MustCompile(`^` + actionPattern + `$`)
	eventsPrincipal = regexp.MustCompile(`^` + principalPattern + `$`)
	statementID     = regexp.MustCompile(`^` + statementPattern + `$`)
	eventsKey       = regexp.MustCompile(eventsKeyPattern)
)

type busPermissionInput struct {
	EventBusName sfn.OptString `json:"EventBusName"`
	StatementID  sfn.OptString `json:"StatementId"`
	// The members of PutPermission.
	Action    sfn.OptString `json:"Action"`
	Principal sfn.OptString `json:"Principal"`
	Condition *struct {
		Type  sfn.OptString `json:"Type"`
		Key   sfn.OptString `json:"Key"`
		Value sfn.OptString `json:"Value"`
	} `json:"Condition"`
	Policy sfn.OptString `json:"Policy"`
	// All is of RemovePermission.
	All bool `json:"RemoveAllPermissions"`
}

// bus checks what both operations have and returns the name of the bus.
func (in *busPermissionInput) bus(c *constraints) string {
	c.length("eventBusName", in.EventBusName, 1, maxEventName)
	c.pattern("eventBusName", in.EventBusName, ruleName, ownBusPattern)
	c.length("statementId", in.StatementID, 1, 64)
	c.pattern("statementId", in.StatementID, statementID, statementPattern)
	return trigger.BusName(in.EventBusName.Text)
}

func (s *eventBridge) putPermission(_ context.Context, in *busPermissionInput) (nothing, error) {
	var c constraints
	bus := in.bus(&c)
	c.length("action", in.Action, 1, 64)
	c.pattern("action", in.Action, eventsAction, actionPattern)
	c.length("principal", in.Principal, 1, 12)
	c.pattern("principal", in.Principal, eventsPrincipal, principalPattern)
	if in.Condition != nil {
		c.required("condition.type", in.Condition.Type)
		c.required("condition.key", in.Condition.Key)
		c.required("condition.value", in.Condition.Value)
	}
	if err := c.err(); err != nil {
		return nothing{}, err
	}
	parts := in.StatementID.Set || in.Action.Set || in.Principal.Set || in.Condition != nil
	switch {
	case in.Policy.Set && parts:
		return nothing{}, sfn.Refuse(sfn.ValidationException, "Policy cannot be given together with StatementId, Action, Principal or Condition.")
	case in.Policy.Set:
		return nothing{}, s.events.PutPolicy(bus, in.Policy.Text)
	case !in.StatementID.Set || !in.Action.Set || !in.Principal.Set:
		return nothing{}, sfn.Refuse(sfn.ValidationException, "Parameter(s) StatementId, Action and Principal, or Policy, must be specified.")
	}
	p := trigger.Permission{StatementID: in.StatementID.Text, Action: in.Action.Text, Principal: in.Principal.Text}
	if in.Condition != nil {
		p.Condition = &trigger.Condition{Type: in.Condition.Type.Text, Key: in.Condition.Key.Text, Value: in.Condition.Value.Text}
	}
	return nothing{}, s.events.PutPermission(bus, p)
}

func (s *eventBridge) removePermission(_ context.Context, in *busPermissionInput) (nothing, error) {
	var c constraints
	bus := in.bus(&c)
	if err := c.err(); err != nil {
		return nothing{}, err
	}
	switch {
	case in.All:
		return nothing{}, s.events.RemovePolicy(bus)
	case !in.StatementID.Set:
		return nothing{}, sfn.Refuse(sfn.ValidationException, "Parameter(s) StatementId or RemoveAllPermissions must be specified.")
	}
	return nothing{}, s.events.RemovePermission(bus, in.StatementID.Text)
}

// busSettings are those members of buses that are kept and shown.
type busSettings struct {
	KMSKey      sfn.OptString             `json:"KmsKeyIdentifier"`
	Description sfn.OptString             `json:"Description"`
	DeadLetters *trigger.DeadLetterConfig `json:"DeadLetterConfig"`
	Log         *struct {
		IncludeDetail sfn.OptString `json:"IncludeDetail"`
		Level         sfn.OptString `json:"Level"`
	} `json:"LogConfig"`
}

// check holds the settings to the model.
func (in *busSettings) check(c *constraints) {
	c.length("description", in.Description, 0, 512)
	c.length("kmsKeyIdentifier", in.KMSKey, 0, 2048)
	c.pattern("kmsKeyIdentifier", in.KMSKey, eventsKey, eventsKeyPattern)
	if in.DeadLetters != nil && in.DeadLetters.ARN != "" {
		c.length("deadLetterConfig.arn", sfn.OptString{Text: in.DeadLetters.ARN, Set: true}, 1, maxEventsARN)
	}
	if in.Log != nil {
		c.oneOf("logConfig.includeDetail", in.Log.IncludeDetail, "FULL", "NONE")
		c.oneOf("logConfig.level", in.Log.Level, "OFF", "ERROR", "INFO", "TRACE")
	}
}

// change is what the settings change of a bus.
func (in *busSettings) change() trigger.BusChange {
	var c trigger.BusChange
	if in.Description.Set {
		c.Description = &in.Description.Text
	}
	if in.KMSKey.Set {
		c.KMSKey = &in.KMSKey.Text
	}
	c.DeadLetters = in.DeadLetters
	if in.Log != nil {
		c.Log = &trigger.LogConfig{IncludeDetail: in.Log.IncludeDetail.Text, Level: in.Log.Level.Text}
	}
	return c
}

type updateEventBusInput struct {
	Name sfn.OptString `json:"Name"`
	busSettings
}

func (s *eventBridge) updateEventBus(_ context.Context, in *updateEventBusInput) (*eventBusOutput, error) {
	var c constraints
	c.length("name", in.Name, 1, maxEventName)
	c.pattern("name", in.Name, busName, busPattern)
	in.check(&c)
	if err := c.err(); err != nil {
		return nil, err
	}
	b, err := s.events.UpdateBus(trigger.BusName(in.Name.Text), in.change())
	if err != nil {
		return nil, err
	}
	return &eventBusOutput{Name: b.Name, Arn: s.events.BusARN(b.Name), Description: b.Description, KMSKey: b.KMSKey, DeadLetters: b.DeadLetters, Log: b.Log}, nil
}

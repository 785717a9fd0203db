package trial

import (
	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/value"
)

// contextField says what a member of the Context object may be.
type contextField struct {
	kind    value.Kind              // KindNull for any
	members map[string]contextField // of an object
}

var (
	textField   = contextField{kind: value.KindString}
	numberField = contextField{kind: value.KindNumber}
	anyField    = contextField{kind: value.KindNull}
)

// contextFields is the Context object as a test may give it (developer guide, "Accessing execution data from the Context object").
var contextFields = contextField{kind: value.KindObject, members: map[string]contextField{
	"Execution": {kind: value.KindObject, members: map[string]contextField{
		"Id":           textField,
		"Input":        anyField,
		"Name":         textField,
		"RoleArn":      textField,
		"StartTime":    textField,
		"RedriveCount": numberField,
		"RedriveTime":  textField,
	}},
	"State": {kind: value.KindObject, members: map[string]contextField{
		"EnteredTime": textField,
		"Name":        textField,
		"RetryCount":  numberField,
	}},
	"StateMachine": {kind: value.KindObject, members: map[string]contextField{
		"Id":   textField,
		"Name": textField,
	}},
	"Task": {kind: value.KindObject, members: map[string]contextField{
		"Token": textField,
	}},
}}

// kindNames are the kinds as messages say them.
var kindNames = map[value.Kind]string{
	value.KindString: "a string", value.KindNumber: "a number", value.KindBool: "a boolean",
	value.KindObject: "an object", value.KindArray: "an array",
}

// checkContext reads the Context object.
func (s *test) checkContext() error {
	if !s.req.Context.Set {
		return nil
	}
	if s.req.Mock == nil {
		return refuse("Context is only supported when a mock is specified.")
	}
	v, err := value.Parse(s.req.Context.Text)
	if err != nil {
		return invalidContext("Context object must be valid JSON")
	}
	object, ok := v.(*value.Object)
	if !ok {
		return invalidContext("Context object must be a JSON object")
	}
	if _, ok := object.Get("Map"); ok {
		return invalidContext("'Map' field is not supported when mocking a Context object")
	}
	if _, ok := object.Get("Task"); ok {
		if t, isTask := s.state.(*asl.Task); !isTask || !waits(t.Resource) {
			return invalidContext("Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' " +
				"service integration pattern")
		}
	}
	s.given.Context = object
	return contextFields.check("", object)
}

func invalidContext(format string, args ...any) error {
	return refuse("Invalid Context object provided: "+format, args...)
}

// check holds the value at the path against the field.
func (c contextField) check(path string, v value.Value) error {
	if c.kind == value.KindNull {
		return nil
	}
	if v.Kind() != c.kind {
		return invalidContext("%s must be %s", path, kindNames[c.kind])
	}
	object, ok := v.(*value.Object)
	if !ok {
		return nil
	}
	for name, member := range object.All() {
		field, known := c.members[name]
		if !known {
			return invalidContext("Field '%s' is not allowed", name)
		}
		inner := name
		if path != "" {
			inner = path + "." + name
		}
		if err := field.check(inner, member); err != nil {
			return err
		}
	}
	return nil
}

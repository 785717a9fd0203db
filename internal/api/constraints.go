package api

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/tutti-run/tutti/internal/sfn"
)

// maxTraceHeader is the greatest length of an X-Ray trace header (API reference, StartExecution).
const maxTraceHeader = 256

// constraints gathers what a request breaks of the API's model, in the words of AWS's own check.
type constraints struct{ broken []string }

func (c *constraints) add(what, field, rule string) {
	c.broken = append(c.broken, "Value "+what+"at '"+field+"' failed to satisfy constraint: "+rule)
}

// required demands the member.
func (c *constraints) required(field string, v sfn.OptString) {
	if !v.Set {
		c.add("null ", field, "Member must not be null")
	}
}

// length bounds a text that is present.
func (c *constraints) length(field string, v sfn.OptString, least, most int) {
	if v.Set {
		c.count("'"+v.Text+"' ", field, characters(v.Text), &bounds{least, most})
	}
}

// between bounds a number.
func (c *constraints) between(field string, n, least, most int) {
	switch {
	case n > most:
		c.add("'"+strconv.Itoa(n)+"' ", field, "Member must have value less than or equal to "+strconv.Itoa(most))
	case n < least:
		c.add("'"+strconv.Itoa(n)+"' ", field, "Member must have value greater than or equal to "+strconv.Itoa(least))
	}
}

// atLeastZero bounds a time that is present.
func (c *constraints) atLeastZero(field string, n *int64) {
	if n != nil && *n < 0 {
		c.add("'"+strconv.FormatInt(*n, 10)+"' ", field, "Member must have value greater than or equal to 0")
	}
}

// oneOf demands that a text that is present be one of the members of an enum, which AWS lists in an order of its own.
func (c *constraints) oneOf(field string, v sfn.OptString, members ...string) {
	if v.Set && !slices.Contains(members, v.Text) {
		c.add("'"+v.Text+"' ", field, "Member must satisfy enum value set: ["+strings.Join(members, ", ")+"]")
	}
}

// err is the ValidationException that lists what is broken, nil for nothing.
func (c *constraints) err() error { return c.errAs(sfn.ValidationException) }

// errAs is the exception that lists what is broken, for services that give it another name.
func (c *constraints) errAs(name sfn.ExceptionName) error {
	if len(c.broken) == 0 {
		return nil
	}
	plural := "s"
	if len(c.broken) == 1 {
		plural = ""
	}
	refused := sfn.Refuse(name, "%d validation error%s detected: %s", len(c.broken), plural, strings.Join(c.broken, "; "))
	refused.Constraint = name == sfn.ValidationException
	return refused
}

// characters counts as AWS's service does, in UTF-16.
func characters(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// The kinds of resources that ARNs of requests may name.
const (
	kindMachine   = "stateMachine"
	kindExecution = "execution"
	kindMapRun    = "mapRun"
	kindActivity  = "activity"
	kindTagged    = "tagged" // what may have tags: machines and activities
	kindRole      = "role"
)

// checkARN refuses an ARN that is present but not one of the kind. AWS looks at the ARN's shape before the model's constraints.
func checkARN(v sfn.OptString, kind string) error {
	if !v.Set || v.Text == "" {
		return nil // for the constraints to say
	}
	arn, err := sfn.ParseARN(v.Text)
	if kind == kindRole {
		if role, ok := strings.CutPrefix(arn.Resource, "role/"); err != nil || arn.Service != "iam" || !ok || role == "" {
			return sfn.Refuse(sfn.InvalidArn, "Invalid Role Arn: '%s'", v.Text)
		}
		return nil
	}
	if err != nil || arn.Service != "states" {
		return sfn.Refuse(sfn.InvalidArn, "Invalid Arn: 'Invalid ARN prefix: %s'", v.Text)
	}
	found, name, _ := strings.Cut(arn.Resource, ":")
	if found != kind && (kind != kindTagged || found != kindMachine && found != kindActivity) {
		return sfn.Refuse(sfn.InvalidArn, "Invalid Arn: 'Resource type not valid in this context: %s'", found)
	}
	switch found {
	case kindMachine:
		_, err = sfn.ParseMachineARN(v.Text)
	case kindExecution:
		_, err = sfn.ParseExecutionARN(v.Text)
	}
	if err != nil || name == "" {
		return sfn.Refuse(sfn.InvalidArn, "Invalid Arn: 'Invalid ARN prefix: %s'", v.Text)
	}
	return nil
}

package sfn

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// ARN is an Amazon Resource Name: arn:partition:service:region:account:resource.
type ARN struct {
	Partition, Service, Region, Account string
	// Resource is everything behind the account, like stateMachine:name or function:name:alias.
	Resource string
}

// ParseARN splits s. It checks the six parts, not what the service makes of them.
func ParseARN(s string) (ARN, error) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return ARN{}, fmt.Errorf("%q is not an ARN (arn:partition:service:region:account:resource)", s)
	}
	return ARN{parts[1], parts[2], parts[3], parts[4], parts[5]}, nil
}

func (a ARN) String() string {
	return strings.Join([]string{"arn", a.Partition, a.Service, a.Region, a.Account, a.Resource}, ":")
}

// Place is where resources live: partition, region and account.
type Place struct{ Partition, Region, Account string }

// DefaultPlace is where local stacks live unless told otherwise; the account is the one that other local tools use too.
func DefaultPlace() Place {
	return Place{Partition: "aws", Region: "us-east-1", Account: "000000000000"}
}

func (p Place) states(resource string) string {
	return ARN{p.Partition, "states", p.Region, p.Account, resource}.String()
}

// StateMachineARN returns the ARN of the machine name.
func (p Place) StateMachineARN(name string) string { return p.states("stateMachine:" + name) }

// ActivityARN returns the ARN of the activity name.
func (p Place) ActivityARN(name string) string { return p.states("activity:" + name) }

// FunctionARN returns the ARN of the Lambda function name.
func (p Place) FunctionARN(name string) string {
	return ARN{p.Partition, "lambda", p.Region, p.Account, "function:" + name}.String()
}

// RoleARN returns the ARN of the IAM role name.
func (p Place) RoleARN(name string) string {
	return ARN{p.Partition, "iam", "", p.Account, "role/" + name}.String()
}

// MachineARN is the ARN of a state machine, taken apart.
type MachineARN struct {
	Place
	Name string
	// Label names the distributed Map whose item processor is meant, else "".
	Label string
	// Qualifier is a version's number or an alias, else "".
	Qualifier string
}

// ParseMachineARN takes the ARN of a machine, a version or an alias apart.
func ParseMachineARN(s string) (MachineARN, error) {
	a, err := ParseARN(s)
	if err != nil {
		return MachineARN{}, err
	}
	kind, rest, _ := strings.Cut(a.Resource, ":")
	if a.Service != "states" || kind != "stateMachine" || rest == "" {
		return MachineARN{}, fmt.Errorf("%q is not the ARN of a state machine", s)
	}
	name, qualifier, _ := strings.Cut(rest, ":")
	name, label, _ := strings.Cut(name, "/")
	return MachineARN{Place{a.Partition, a.Region, a.Account}, name, label, qualifier}, nil
}

// Unqualified is the ARN without version or alias.
func (m MachineARN) Unqualified() string {
	name := m.Name
	if m.Label != "" {
		name += "/" + m.Label
	}
	return m.StateMachineARN(name)
}

// ExecutionARN returns the ARN of the machine's execution name. An Express execution's ends with an id of its own, because names
// of Express executions may recur.
func (m MachineARN) ExecutionARN(t MachineType, name, id string) string {
	machine := m.Name
	if m.Label != "" {
		machine += "/" + m.Label
	}
	if t == Express {
		return m.states("express:" + machine + ":" + name + ":" + id)
	}
	return m.states("execution:" + machine + ":" + name)
}

// ExecutionARN is the ARN of an execution, taken apart.
type ExecutionARN struct {
	Machine MachineARN
	Name    string
	Type    MachineType
}

// ParseExecutionARN takes the ARN of an execution apart.
func ParseExecutionARN(s string) (ExecutionARN, error) {
	a, err := ParseARN(s)
	if err != nil {
		return ExecutionARN{}, err
	}
	parts := strings.Split(a.Resource, ":")
	e := ExecutionARN{Machine: MachineARN{Place: Place{a.Partition, a.Region, a.Account}}}
	switch {
	case a.Service == "states" && parts[0] == "execution" && len(parts) == 3:
		e.Type = Standard
	case a.Service == "states" && parts[0] == "express" && len(parts) == 4:
		e.Type = Express
	default:
		return ExecutionARN{}, fmt.Errorf("%q is not the ARN of an execution", s)
	}
	e.Machine.Name, e.Machine.Label, _ = strings.Cut(parts[1], "/")
	e.Name = parts[2]
	return e, nil
}

// ValidName tells whether name may be given to a machine, an execution or an activity (API reference, CreateStateMachine, "name").
func ValidName(name string) bool {
	if n := utf8.RuneCountInString(name); n == 0 || n > MaxNameLength || !utf8.ValidString(name) {
		return false
	}
	for _, r := range name {
		switch {
		case r <= ' ', r >= 0x7f && r <= 0x9f, r == 0xfffe, r == 0xffff, r == 0x10ffff:
			return false
		case strings.ContainsRune("<>{}[]?*\"#%\\^|~`$&,;:/", r):
			return false
		case r == 0x1680, r >= 0x2000 && r <= 0x200a, r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000, r == 0xa0:
			return false
		}
	}
	return true
}

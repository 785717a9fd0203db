package trigger

import (
	"slices"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// PolicyLengthExceededException refuses a statement for which a bus's policy has no room.
const PolicyLengthExceededException sfn.ExceptionName = "PolicyLengthExceededException"

// maxPolicy is how long a bus's policy may be, in bytes (API reference, PutPermission).
const maxPolicy = 10 << 10

// LogConfig says what a bus would log. The members are those of the wire.
type LogConfig struct {
	IncludeDetail string `json:"IncludeDetail,omitempty"`
	Level         string `json:"Level,omitempty"`
}

// Permission lets somebody put events on a bus, as PutPermission has it.
type Permission struct {
	StatementID string
	Action      string
	Principal   string // an account, or * for everybody
	Condition   *Condition
}

// Condition narrows a permission down. The members are those of the wire.
type Condition struct {
	Type  string `json:"Type"`
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

// statement is the statement of a policy that a permission stands for, as recorded on AWS. bus is the ARN of the bus.
func (p *Permission) statement(bus, partition string) *value.Object {
	principal := value.Value(value.String(p.Principal))
	if p.Principal != "*" {
		principal = value.NewObject(value.Member{Name: "AWS", Value: value.String("arn:" + partition + ":iam::" + p.Principal + ":root")})
	}
	members := []value.Member{
		{Name: "Sid", Value: value.String(p.StatementID)},
		{Name: "Effect", Value: value.String("Allow")},
		{Name: "Principal", Value: principal},
		{Name: "Action", Value: value.String(p.Action)},
		{Name: "Resource", Value: value.String(bus)},
	}
	if c := p.Condition; c != nil {
		members = append(members, value.Member{Name: "Condition", Value: value.NewObject(value.Member{
			Name: c.Type, Value: value.NewObject(value.Member{Name: c.Key, Value: value.String(c.Value)}),
		})})
	}
	return value.NewObject(members...)
}

func invalidPolicy(why string) error {
	return invalidEvents("Parameter Policy is not valid. Reason: %s.", why)
}

// readPolicy reads a policy and returns its statements. The error is the exception ValidationException.
func readPolicy(text string) ([]*value.Object, error) {
	parsed, err := value.Parse(text)
	policy, ok := parsed.(*value.Object)
	if err != nil || !ok {
		return nil, invalidPolicy("It is not a JSON object")
	}
	list, _ := policy.Get("Statement")
	array, ok := list.(value.Array)
	if one, single := list.(*value.Object); single {
		array, ok = value.Array{one}, true
	}
	if !ok || len(array) == 0 {
		return nil, invalidPolicy("It has no statements")
	}
	statements := make([]*value.Object, 0, len(array))
	for _, v := range array {
		s, _ := v.(*value.Object)
		if err := checkStatement(s); err != nil {
			return nil, err
		}
		statements = append(statements, s)
	}
	return statements, nil
}

// checkStatement refuses what is no statement of a policy on a resource.
func checkStatement(s *value.Object) error {
	if s == nil {
		return invalidPolicy("A statement is not an object")
	}
	if effect := value.TextAt(s, "Effect"); effect != "Allow" && effect != "Deny" {
		return invalidPolicy("The Effect of a statement is neither Allow nor Deny")
	}
	for _, either := range [][]string{{"Principal", "NotPrincipal"}, {"Action", "NotAction"}, {"Resource", "NotResource"}} {
		if !slices.ContainsFunc(either, func(name string) bool { _, ok := s.Get(name); return ok }) {
			return invalidPolicy("A statement has no " + either[0])
		}
	}
	return nil
}

// statements are those of a bus's policy.
func (b *Bus) statements() []*value.Object {
	if b.Policy == "" {
		return nil
	}
	list, _ := readPolicy(b.Policy) // it was checked when it was put
	return list
}

// setStatements gives a bus a policy of these statements, or none. The error is PolicyLengthExceededException.
func (b *Bus) setStatements(list []*value.Object) error {
	if len(list) == 0 {
		b.Policy = ""
		return nil
	}
	array := make(value.Array, 0, len(list))
	for _, s := range list {
		array = append(array, s)
	}
	return b.setPolicy(value.Text(value.NewObject(value.Member{Name: "Version", Value: value.String("2012-10-17")}, value.Member{Name: "Statement", Value: array})))
}

func (b *Bus) setPolicy(text string) error {
	if len(text) > maxPolicy {
		return sfn.Refuse(PolicyLengthExceededException, "Policy size would be larger than the maximum allowed.")
	}
	b.Policy = text
	return nil
}

// withStatement puts a statement in the place of the one of the same Sid, or behind the others.
func withStatement(list []*value.Object, s *value.Object) []*value.Object {
	sid := value.TextAt(s, "Sid")
	if i := slices.IndexFunc(list, func(o *value.Object) bool { return sid != "" && value.TextAt(o, "Sid") == sid }); i >= 0 {
		list[i] = s
		return list
	}
	return append(list, s)
}

// PutPermission adds a statement to a bus's policy, or replaces the one of its id. The error may be ResourceNotFoundException,
// PolicyLengthExceededException or ValidationException.
func (e *Events) PutPermission(bus string, p Permission) error {
	if p.Action != "events:PutEvents" {
		return invalidEvents("Provided value in parameter 'action' is not supported.")
	}
	return e.editBus(bus, func(b *Bus) error {
		return b.setStatements(withStatement(b.statements(), e.Statement(bus, p)))
	})
}

// PutPolicy replaces a bus's policy. Errors are as of PutPermission.
func (e *Events) PutPolicy(bus, policy string) error {
	return e.editBus(bus, func(b *Bus) error {
		if _, err := readPolicy(policy); err != nil {
			return err
		}
		parsed, _ := value.Parse(policy) // as above
		return b.setPolicy(value.Text(parsed))
	})
}

// RemovePermission takes a statement off a bus's policy. The error may be ResourceNotFoundException, for the bus or the statement.
func (e *Events) RemovePermission(bus, statementID string) error {
	return e.editBus(bus, func(b *Bus) error {
		before := b.statements()
		left := slices.DeleteFunc(slices.Clone(before), func(s *value.Object) bool { return value.TextAt(s, "Sid") == statementID })
		if len(left) == len(before) {
			return sfn.Refuse(ResourceNotFoundException, "Statement with the provided id does not exist.")
		}
		return b.setStatements(left)
	})
}

// RemovePolicy takes all permissions away. The error may be ResourceNotFoundException, for the bus.
func (e *Events) RemovePolicy(bus string) error {
	return e.editBus(bus, func(b *Bus) error { b.Policy = ""; return nil })
}

// Statement is the statement of a bus's policy that a permission stands for.
func (e *Events) Statement(bus string, p Permission) *value.Object {
	return p.statement(e.BusARN(bus), e.cfg.Place.Partition)
}

// DeployStatements gives buses the statements that templates have for them: what earlier deployments have put goes, what clients have put stays, and what
// clients have changed of the templates' stays, too, while the templates say the same. refused says, by the bus, what could not be.
func (e *Events) DeployStatements(deployed map[string][]*value.Object) (refused map[string]error) {
	refused = map[string]error{}
	for name := range deployed {
		if _, err := e.Bus(name); err != nil {
			refused[name] = err
		}
	}
	for _, bus := range e.Buses("") {
		var texts []string
		for _, s := range deployed[bus.Name] {
			if err := checkStatement(s); err != nil {
				refused[bus.Name] = err
				continue
			}
			texts = append(texts, value.Text(s))
		}
		if slices.Equal(texts, bus.Statements) {
			continue
		}
		if err := e.editBus(bus.Name, func(b *Bus) error { return b.deployStatements(texts) }); err != nil {
			refused[bus.Name] = err
		}
	}
	return refused
}

// deployStatements puts statements of templates in the place of those that they had before.
func (b *Bus) deployStatements(texts []string) error {
	sids := map[string]bool{}
	for _, text := range b.Statements {
		if before, err := value.Parse(text); err == nil {
			sids[value.TextAt(before.(*value.Object), "Sid")] = true
		}
	}
	list := slices.DeleteFunc(b.statements(), func(s *value.Object) bool {
		sid := value.TextAt(s, "Sid")
		return sid != "" && sids[sid] || slices.Contains(b.Statements, value.Text(s))
	})
	for _, text := range texts {
		s, err := value.Parse(text)
		if err != nil {
			return err
		}
		list = withStatement(list, s.(*value.Object))
	}
	b.Statements = texts
	return b.setStatements(list)
}

// BusChange is what UpdateEventBus changes of a bus: what is not nil.
type BusChange struct {
	Description *string
	KMSKey      *string           // "" for a key of AWS's own
	DeadLetters *DeadLetterConfig // without an ARN: none
	Log         *LogConfig
}

// Apply changes a bus.
func (c BusChange) Apply(b *Bus) {
	if c.Description != nil {
		b.Description = *c.Description
	}
	if c.KMSKey != nil {
		b.KMSKey = *c.KMSKey
	}
	if c.DeadLetters != nil {
		b.DeadLetters = c.DeadLetters
		if c.DeadLetters.ARN == "" {
			b.DeadLetters = nil
		}
	}
	if c.Log != nil {
		b.Log = c.Log
	}
}

// UpdateBus changes a bus and returns what it is now. The error may be ResourceNotFoundException.
func (e *Events) UpdateBus(name string, c BusChange) (Bus, error) {
	if err := e.editBus(name, func(b *Bus) error { c.Apply(b); return nil }); err != nil {
		return Bus{}, err
	}
	return e.Bus(name)
}

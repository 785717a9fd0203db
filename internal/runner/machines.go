package runner

import (
	"errors"
	"strings"
	"sync"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// revision names one definition of a machine.
type revision struct {
	arn    string
	number int64
}

// machine is a stored definition with what was made of it.
type machine struct {
	store.Machine
	parsed *asl.Machine
}

// machines keeps parsed definitions, which executions share.
type machines struct {
	mu     sync.Mutex
	parsed map[revision]*machine // by unlabelled or labelled ARN
}

// Definition is what a state machine is made of.
type Definition struct {
	Name    string
	Type    sfn.MachineType
	Text    string
	RoleARN string
}

// InvalidDefinitionError refuses a definition. It has all the diagnostics.
type InvalidDefinitionError struct{ Diagnostics []sfn.Diagnostic }

// Error is the text in which CreateStateMachine quotes the diagnostics.
func (e *InvalidDefinitionError) Error() string {
	quoted := make([]string, 0, len(e.Diagnostics))
	for _, d := range e.Diagnostics {
		if d.Severity == sfn.SeverityError {
			quoted = append(quoted, d.String())
		}
	}
	return "Invalid State Machine Definition: '" + strings.Join(quoted, ", ") + "'"
}

// As makes of it the exception as which the API answers it ([errors.As]).
func (e *InvalidDefinitionError) As(target any) bool {
	refused, ok := target.(**sfn.Exception)
	if ok {
		*refused = sfn.Refuse(sfn.InvalidDefinition, "%s", e.Error())
	}
	return ok
}

// PutMachine creates the machine, or gives it a new revision if the definition or the role has changed. Executions under way keep the
// revision that they started with. The error may be an [*InvalidDefinitionError].
func (r *Runner) PutMachine(place sfn.Place, d Definition) (store.Machine, error) {
	if d.Type == "" {
		d.Type = sfn.Standard
	}
	if !sfn.ValidName(d.Name) {
		return store.Machine{}, sfn.Refuse(sfn.InvalidName, "Invalid Name: '%s'", d.Name)
	}
	parsed, diagnostics := asl.Parse(d.Text, asl.Options{Type: d.Type})
	if parsed == nil {
		return store.Machine{}, &InvalidDefinitionError{diagnostics}
	}
	r.machines.mu.Lock()
	defer r.machines.mu.Unlock()
	now := r.now().UTC()
	m := store.Machine{ARN: place.StateMachineARN(d.Name), Name: d.Name, Revision: 1, Type: d.Type, Definition: d.Text, RoleARN: d.RoleARN, Created: now}
	current, err := r.store.Machine(m.ARN, 0)
	switch {
	case err == nil && current.Definition == d.Text && current.RoleARN == d.RoleARN && current.Type == d.Type:
		return current, nil
	case err == nil:
		m.Revision, m.Created, m.Updated = current.Revision+1, current.Created, now
	case !errors.Is(err, store.ErrNotFound):
		return m, err
	}
	batch := r.store.NewBatch()
	if err := batch.PutMachine(m); err != nil {
		return m, err
	}
	if err := r.store.Commit(batch); err != nil {
		return m, err
	}
	r.machines.parsed[revision{m.ARN, m.Revision}] = &machine{m, parsed}
	return m, nil
}

// machine returns a revision of the machine, the current one for 0. The ARN may have the label of a distributed Map: then it is the machine that
// the Map's children run.
func (r *Runner) machine(arn string, number int64) (*machine, error) {
	if parent, label, labelled := strings.Cut(arn, "/"); labelled {
		m, err := r.machine(parent, number)
		if err != nil {
			return nil, err
		}
		return r.childMachine(m, label)
	}
	stored, err := r.store.Machine(arn, number)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, sfn.Refuse(sfn.StateMachineDoesNotExist, "State Machine Does Not Exist: '%s'", arn)
	case err != nil:
		return nil, err
	}
	r.machines.mu.Lock()
	defer r.machines.mu.Unlock()
	key := revision{arn, stored.Revision}
	if m := r.machines.parsed[key]; m != nil {
		return m, nil
	}
	parsed, diagnostics := asl.Parse(stored.Definition, asl.Options{Type: stored.Type})
	if parsed == nil {
		return nil, &InvalidDefinitionError{diagnostics}
	}
	m := &machine{stored, parsed}
	r.machines.parsed[key] = m
	return m, nil
}

// Machines lists the current revision of every machine, by ARN.
func (r *Runner) Machines() ([]store.Machine, error) {
	var list []store.Machine
	for m, err := range r.store.Machines() {
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// Machine returns the current revision of the machine. The error may be the exception StateMachineDoesNotExist.
func (r *Runner) Machine(arn string) (store.Machine, error) {
	m, err := r.machine(arn, 0)
	if err != nil {
		return store.Machine{}, err
	}
	return m.Machine, nil
}

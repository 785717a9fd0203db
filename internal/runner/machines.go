package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// revision names one definition of a machine.
type revision struct {
	arn    string
	number int64
}

// machine is a stored definition with what was made of it. Executions share it, and it never changes, but for its life.
type machine struct {
	store.Machine
	parsed *asl.Machine
	config sfn.MachineConfiguration
	life   *life
	log    atomic.Pointer[logTarget] // where executions log at present; nil: to be found out
}

// life is shared by all revisions of a machine and the machines of its distributed Maps.
type life struct {
	arn      string
	deleting atomic.Bool                  // executions end at their next transition
	meter    atomic.Pointer[machineMeter] // counts executions; nil until there is one
}

// machines keeps parsed definitions, and orders the changes of machines and what belongs to them.
type machines struct {
	// change is held by whoever changes machines, versions, aliases, tags or activities: from the look at what is there until the change is
	// on disk. So no update is lost, and of two that create the same only one does.
	change sync.Mutex
	count  tally // of machines; guarded by change

	mu     sync.Mutex
	parsed map[revision]*machine // by unlabelled or labelled ARN
	lives  map[string]*life      // by unlabelled ARN
}

// maxParsed bounds the parsed definitions that are kept. Executions keep their own.
const maxParsed = 4096

// tally counts what there may be only so many of. It begins to count when somebody asks.
type tally struct {
	known bool
	n     int
}

// atLeast tells whether there are n already; count counts them the first time.
func (t *tally) atLeast(n int, count func() (int, error)) (bool, error) {
	if !t.known {
		counted, err := count()
		if err != nil {
			return false, err
		}
		t.known, t.n = true, counted
	}
	return t.n >= n, nil
}

// add notes that there is one more, or one less.
func (t *tally) add(delta int) { t.n += delta }

// Definition is what a state machine is made of.
type Definition struct {
	Name    string
	Type    sfn.MachineType // "" means Standard
	Text    string
	RoleARN string
	Logging sfn.LoggingConfiguration
	Tracing sfn.TracingConfiguration
	// Encryption without a type means AWS's own key.
	Encryption sfn.EncryptionConfiguration
	// Tags are put on a machine that is created, and ignored where it exists.
	Tags []sfn.Tag
}

// InvalidDefinitionError refuses a definition. It has all the diagnostics.
type InvalidDefinitionError struct{ Diagnostics []sfn.Diagnostic }

// Error is the text in which CreateStateMachine quotes the diagnostics.
func (e *InvalidDefinitionError) Error() string { return sfn.RefuseDefinition(e.Diagnostics).Message }

// As makes of it the exception as which the API answers it ([errors.As]).
func (e *InvalidDefinitionError) As(target any) bool {
	refused, ok := target.(**sfn.Exception)
	if ok {
		*refused = sfn.RefuseDefinition(e.Diagnostics)
	}
	return ok
}

// machineMissing refuses what needs a machine that is not there.
func machineMissing(arn string) error {
	return sfn.Refuse(sfn.StateMachineDoesNotExist, "State Machine Does Not Exist: '%s'", arn)
}

// machineDeleting refuses what needs a machine that stays.
func machineDeleting(arn string) error {
	return sfn.Refuse(sfn.StateMachineDeleting, "State Machine is being deleted: '%s'", arn)
}

// buried tells whether the revision is the last of a machine that has been deleted. It keeps the numbers of revisions from being used again,
// since executions and their histories outlive the machine.
func buried(m *store.Machine) bool { return m.Deleting && m.Definition == "" }

// newRevision checks a definition and makes its revision; what says where it stands among the machine's revisions is still missing. The
// error may be an [*InvalidDefinitionError] or the exception InvalidName, InvalidArn, InvalidLoggingConfiguration or
// InvalidEncryptionConfiguration.
func (r *Runner) newRevision(place sfn.Place, d Definition) (*machine, error) {
	if d.Type == "" {
		d.Type = sfn.Standard
	}
	if !sfn.ValidName(d.Name) {
		return nil, sfn.Refuse(sfn.InvalidName, "Invalid Name: '%s'", d.Name)
	}
	m := &machine{Machine: store.Machine{
		ARN: place.StateMachineARN(d.Name), Name: d.Name, Type: d.Type, Definition: d.Text, RoleARN: d.RoleARN, Created: r.now().UTC(),
	}}
	var err error
	if m.config, err = r.checkConfiguration(d.Logging, d.Tracing, d.Encryption); err != nil {
		return nil, err
	}
	m.parsed, err = parse(d.Text, d.Type)
	return m, err
}

// parse compiles a definition, or returns an [*InvalidDefinitionError].
func parse(text string, t sfn.MachineType) (*asl.Machine, error) {
	parsed, diagnostics := asl.Parse(text, asl.Options{Type: t})
	if parsed == nil {
		return nil, &InvalidDefinitionError{diagnostics}
	}
	return parsed, nil
}

func (r *Runner) checkConfiguration(l sfn.LoggingConfiguration, t sfn.TracingConfiguration, e sfn.EncryptionConfiguration) (sfn.MachineConfiguration, error) {
	c := sfn.MachineConfiguration{Logging: l.WithDefaults(), Tracing: t, Encryption: e.WithDefaults()}
	if err := c.Logging.Check(r.logGroup); err != nil {
		return c, err
	}
	return c, c.Encryption.Check()
}

// logGroup tells whether a log group exists. Where no log service stands by, every group does.
func (r *Runner) logGroup(name string) bool { return r.logs == nil || r.logs.HasGroup(name) }

// PutMachine creates the machine, or gives it a new revision if the definition, the role or the configuration has changed, as a
// deployment does. Executions under way keep the revision that they started with. The error may be an [*InvalidDefinitionError].
func (r *Runner) PutMachine(place sfn.Place, d Definition) (store.Machine, error) {
	m, err := r.newRevision(place, d)
	if err != nil {
		return store.Machine{}, err
	}
	r.machines.change.Lock()
	defer r.machines.change.Unlock()
	current, err := r.current(m.ARN)
	switch {
	case isMissing(err):
		batch := r.store.NewBatch()
		if err := putTags(batch, m.ARN, d.Tags); err != nil {
			return m.Machine, err
		}
		err = r.createIn(batch, m)
		return m.Machine, err
	case err != nil:
		return m.Machine, err
	case current.Deleting:
		return current.Machine, machineDeleting(m.ARN)
	case current.Definition == m.Definition && current.RoleARN == m.RoleARN && current.Type == m.Type && sameConfiguration(current.config, m.config):
		return current.Machine, nil
	}
	m.Created = current.Created
	batch := r.store.NewBatch()
	err = r.reviseIn(batch, current, m)
	return m.Machine, err
}

// isMissing tells whether the error is that a machine does not exist.
func isMissing(err error) bool {
	var refused *sfn.Exception
	return errors.As(err, &refused) && refused.Name == sfn.StateMachineDoesNotExist
}

// sameConfiguration compares two configurations, the revision aside.
func sameConfiguration(a, b sfn.MachineConfiguration) bool {
	a.RevisionID, b.RevisionID = "", ""
	return reflect.DeepEqual(a, b)
}

// createIn commits the batch with the first revision of a machine. machines.change is held.
func (r *Runner) createIn(batch *store.Batch, m *machine) error {
	full, err := r.machines.count.atLeast(sfn.MaxMachines, func() (int, error) {
		list, err := r.Machines()
		return len(list), err
	})
	if err != nil {
		return err
	}
	if full {
		return sfn.Refuse(sfn.StateMachineLimitExceeded, "State Machine Limit Exceeded: there are %d state machines already", sfn.MaxMachines)
	}
	m.Revision = 1
	last, err := r.store.Machine(m.ARN, 0)
	switch {
	case err == nil:
		m.Revision = last.Revision + 1 // one of the name has been deleted
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if err := r.commitRevision(batch, m); err != nil {
		return err
	}
	r.machines.count.add(1)
	return nil
}

// reviseIn commits the batch with a further revision. machines.change is held.
func (r *Runner) reviseIn(batch *store.Batch, current, m *machine) error {
	m.Revision, m.Updated, m.config.RevisionID = current.Revision+1, r.now().UTC(), uuid.NewString()
	return r.commitRevision(batch, m)
}

func (r *Runner) commitRevision(batch *store.Batch, m *machine) error {
	if err := putRevision(batch, m); err != nil {
		return err
	}
	if err := r.store.Commit(batch); err != nil {
		return err
	}
	r.machines.mu.Lock()
	defer r.machines.mu.Unlock()
	r.machines.keep(m)
	return nil
}

func putRevision(batch *store.Batch, m *machine) error {
	config, err := json.Marshal(m.config)
	if err != nil {
		return fmt.Errorf("put machine %s: %w", m.ARN, err)
	}
	m.Config = config
	return batch.PutMachine(m.Machine)
}

// keep notes a parsed definition for those who come later. m.mu is held.
func (m *machines) keep(one *machine) {
	if one.life == nil {
		one.life = m.lifeOf(one.ARN)
	}
	for key := range m.parsed {
		if len(m.parsed) < maxParsed {
			break
		}
		delete(m.parsed, key) // any: whoever needs it parses it again
	}
	m.parsed[revision{one.ARN, one.Revision}] = one
}

// lifeOf returns the life of a machine. m.mu is held.
func (m *machines) lifeOf(arn string) *life {
	l := m.lives[arn]
	if l == nil {
		l = &life{arn: arn}
		m.lives[arn] = l
	}
	return l
}

// current returns the current revision of a machine, or the exception StateMachineDoesNotExist.
func (r *Runner) current(arn string) (*machine, error) { return r.machine(arn, 0) }

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
	case errors.Is(err, store.ErrNotFound), err == nil && buried(&stored):
		return nil, machineMissing(arn)
	case err != nil:
		return nil, err
	}
	r.machines.mu.Lock()
	defer r.machines.mu.Unlock()
	if m := r.machines.parsed[revision{arn, stored.Revision}]; m != nil && m.Deleting == stored.Deleting {
		return m, nil
	}
	m := &machine{Machine: stored}
	if m.config, err = configuration(&stored); err != nil {
		return nil, err
	}
	if m.parsed, err = parse(stored.Definition, stored.Type); err != nil {
		return nil, err
	}
	r.machines.keep(m)
	return m, nil
}

// configuration reads what is kept with a revision.
func configuration(m *store.Machine) (sfn.MachineConfiguration, error) {
	c := sfn.DefaultConfiguration()
	if len(m.Config) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(m.Config, &c); err != nil {
		return c, fmt.Errorf("configuration of %s: %w", m.ARN, err)
	}
	return c, nil
}

// Machines lists the current revision of every machine, by ARN.
func (r *Runner) Machines() ([]store.Machine, error) {
	var list []store.Machine
	for m, err := range r.store.Machines() {
		if err != nil {
			return nil, err
		}
		if !buried(&m) {
			list = append(list, m)
		}
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

// MachineDescription is what the API tells of a revision of a machine.
type MachineDescription struct {
	store.Machine
	Configuration sfn.MachineConfiguration
	// References are the variables that each state reads.
	References map[string][]string
	// Version is what was asked for, nil if that was the machine.
	Version *Version
	// Label and MapRunARN say of which distributed Map it is the machine, where an execution was asked for that has one.
	Label, MapRunARN string
}

func (m *machine) describe() MachineDescription {
	return MachineDescription{Machine: m.Machine, Configuration: m.config, References: m.parsed.VariableReferences()}
}

// DescribeMachine describes the current revision of a machine, or the one that a version stands for. The error may be the exception
// InvalidArn or StateMachineDoesNotExist.
func (r *Runner) DescribeMachine(arn string) (MachineDescription, error) {
	parsed, err := sfn.ParseMachineARN(arn)
	if err != nil {
		return MachineDescription{}, sfn.Refuse(sfn.InvalidArn, "Invalid Arn: 'Invalid ARN prefix: %s'", arn)
	}
	if parsed.Qualifier == "" {
		m, err := r.current(arn)
		if err != nil {
			return MachineDescription{}, err
		}
		return m.describe(), nil
	}
	v, err := r.version(parsed)
	if err != nil {
		return MachineDescription{}, err
	}
	m, err := r.machine(parsed.Unqualified(), v.Revision)
	if err != nil {
		return MachineDescription{}, err
	}
	d := m.describe()
	d.Version = &v
	return d, nil
}

// DescribeMachineFor describes the revision of a machine with which an execution was started. The error may be the exception InvalidArn or
// ExecutionDoesNotExist.
func (r *Runner) DescribeMachineFor(execution string) (MachineDescription, error) {
	record, err := r.Execution(execution)
	if err != nil {
		return MachineDescription{}, err
	}
	parent, label, _ := strings.Cut(record.MachineARN, "/")
	m, err := r.machine(parent, record.Revision)
	if err != nil {
		return MachineDescription{}, err
	}
	d := m.describe()
	d.Label, d.MapRunARN = label, record.MapRunARN
	return d, nil
}

// NewMachine is a state machine to create.
type NewMachine struct {
	Definition
	// Publish makes a version of it, with the description.
	Publish            bool
	VersionDescription string
}

// CreatedMachine is a state machine that was created.
type CreatedMachine struct {
	ARN     string
	Created time.Time
	// VersionARN is that of the version that was published with it, "" for none.
	VersionARN string
}

// birth is how a machine was created, which decides whether creating it again is the same, and the highest number that a version has had.
type birth struct {
	Publish     bool   `json:"publish,omitempty"`
	Description string `json:"description,omitempty"`
	LastVersion int    `json:"lastVersion,omitempty"`
}

// CreateMachine creates a state machine. Creating it again with all the same, role and tags aside, answers as the first time (API
// reference, CreateStateMachine). The error may be an [*InvalidDefinitionError] or the exception InvalidName, InvalidArn,
// InvalidLoggingConfiguration, InvalidEncryptionConfiguration, ValidationException, TooManyTags, StateMachineAlreadyExists,
// StateMachineDeleting or StateMachineLimitExceeded.
func (r *Runner) CreateMachine(place sfn.Place, n NewMachine) (CreatedMachine, error) {
	m, err := r.newRevision(place, n.Definition)
	if err != nil {
		return CreatedMachine{}, err
	}
	if err := checkDescription(n.Publish, n.VersionDescription); err != nil {
		return CreatedMachine{}, err
	}
	tags, err := mergeTags(m.ARN, nil, n.Tags)
	if err != nil {
		return CreatedMachine{}, err
	}
	r.machines.change.Lock()
	defer r.machines.change.Unlock()
	current, err := r.current(m.ARN)
	switch {
	case err == nil:
		return r.createdBefore(current, m, n)
	case !isMissing(err):
		return CreatedMachine{}, err
	}
	created := CreatedMachine{ARN: m.ARN, Created: m.Created}
	batch := r.store.NewBatch()
	b := birth{Publish: n.Publish, Description: n.VersionDescription}
	if n.Publish {
		m.Revision = 1
		if last, err := r.store.Machine(m.ARN, 0); err == nil {
			m.Revision = last.Revision + 1
		}
		v := Version{Number: 1, Revision: m.Revision, Description: n.VersionDescription, Created: m.Created, ARN: versionARN(m.ARN, 1)}
		if err := putVersion(batch, m.ARN, v); err != nil {
			return CreatedMachine{}, err
		}
		b.LastVersion, created.VersionARN = 1, v.ARN
	}
	err = errors.Join(putDocument(batch, births, m.ARN, b), putTags(batch, m.ARN, tags))
	if err != nil {
		return CreatedMachine{}, err
	}
	return created, r.createIn(batch, m)
}

// createdBefore answers a CreateMachine of what exists.
func (r *Runner) createdBefore(current, m *machine, n NewMachine) (CreatedMachine, error) {
	if current.Deleting {
		return CreatedMachine{}, machineDeleting(m.ARN)
	}
	b, err := r.birth(m.ARN)
	if err != nil {
		return CreatedMachine{}, err
	}
	if current.Definition != m.Definition || current.Type != m.Type || !sameConfiguration(current.config, m.config) ||
		b.Publish != n.Publish || b.Description != n.VersionDescription {
		return CreatedMachine{}, sfn.Refuse(sfn.StateMachineAlreadyExists, "State Machine Already Exists: '%s'", m.ARN)
	}
	created := CreatedMachine{ARN: current.ARN, Created: current.Created}
	if n.Publish {
		created.VersionARN = versionARN(current.ARN, 1)
	}
	return created, nil
}

// checkDescription refuses a description of a version that is not asked for.
func checkDescription(publish bool, description string) error {
	if description != "" && !publish {
		return sfn.Refuse(sfn.ValidationException, "Version description can only be set when publish is true")
	}
	return nil
}

// MachineUpdate says what of a machine is to change. What is absent stays.
type MachineUpdate struct {
	Definition, RoleARN sfn.OptString
	Logging             *sfn.LoggingConfiguration
	Tracing             *sfn.TracingConfiguration
	Encryption          *sfn.EncryptionConfiguration
	// Publish makes a version of what the machine is then, with the description.
	Publish            bool
	VersionDescription string
}

// UpdatedMachine is a state machine that was updated.
type UpdatedMachine struct {
	Updated time.Time
	// RevisionID is "" as long as the machine is as it was created.
	RevisionID string
	VersionARN string
}

// UpdateMachine gives a machine a new revision, unless nothing changes. Executions under way keep theirs. The error may be an
// [*InvalidDefinitionError] or the exception StateMachineDoesNotExist, StateMachineDeleting, MissingRequiredParameter,
// ValidationException, InvalidLoggingConfiguration, InvalidEncryptionConfiguration or ServiceQuotaExceededException.
func (r *Runner) UpdateMachine(arn string, u MachineUpdate) (UpdatedMachine, error) {
	if !u.Definition.Set && !u.RoleARN.Set && u.Logging == nil && u.Tracing == nil && u.Encryption == nil {
		return UpdatedMachine{}, sfn.Refuse(sfn.MissingRequiredParameter,
			"Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified")
	}
	if err := checkDescription(u.Publish, u.VersionDescription); err != nil {
		return UpdatedMachine{}, err
	}
	r.machines.change.Lock()
	defer r.machines.change.Unlock()
	current, err := r.current(arn)
	switch {
	case err != nil:
		return UpdatedMachine{}, err
	case current.Deleting:
		return UpdatedMachine{}, machineDeleting(arn)
	}
	next, err := r.updated(current, u)
	if err != nil {
		return UpdatedMachine{}, err
	}
	changed := next.Definition != current.Definition || next.RoleARN != current.RoleARN || !sameConfiguration(next.config, current.config)
	if changed {
		next.Revision, next.Updated, next.config.RevisionID = current.Revision+1, r.now().UTC(), uuid.NewString()
	}
	answer := UpdatedMachine{Updated: r.now().UTC(), RevisionID: next.config.RevisionID}
	batch := r.store.NewBatch()
	if u.Publish {
		v, err := r.publishIn(batch, next, u.VersionDescription)
		if err != nil {
			return UpdatedMachine{}, err
		}
		answer.VersionARN = v.ARN
	}
	if !changed {
		return answer, r.store.Commit(batch)
	}
	return answer, r.commitRevision(batch, next)
}

// updated is the machine as the update wants it.
func (r *Runner) updated(current *machine, u MachineUpdate) (*machine, error) {
	next := &machine{Machine: current.Machine, parsed: current.parsed, config: current.config, life: current.life}
	var err error
	if u.Definition.Set && u.Definition.Text != current.Definition {
		next.Definition = u.Definition.Text
		if next.parsed, err = parse(next.Definition, next.Type); err != nil {
			return nil, err
		}
	}
	if u.RoleARN.Set {
		next.RoleARN = u.RoleARN.Text
	}
	if u.Logging != nil {
		next.config.Logging = *u.Logging
	}
	if u.Tracing != nil {
		next.config.Tracing = *u.Tracing
	}
	if u.Encryption != nil {
		next.config.Encryption = *u.Encryption
	}
	checked, err := r.checkConfiguration(next.config.Logging, next.config.Tracing, next.config.Encryption)
	checked.RevisionID = current.config.RevisionID
	next.config = checked
	return next, err
}

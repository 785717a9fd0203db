package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// The collections of documents that the runner keeps in the journal. What belongs to a machine lies under the machine's ARN, a zero and
// its own name.
const (
	versions  = "sfn-versions"  // ARN, 0, number → Version
	aliases   = "sfn-aliases"   // ARN, 0, name → Alias
	births    = "sfn-births"    // ARN → birth
	tags      = "sfn-tags"      // ARN of a machine or activity → []sfn.Tag
	deletions = "sfn-deletions" // ARN of a machine whose deletion has begun → nothing
)

// within begins the keys of what belongs to the machine.
func within(arn string) string { return arn + "\x00" }

func putDocument(batch *store.Batch, collection, key string, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("put document %s %s: %w", collection, key, err)
	}
	return batch.PutDocument(collection, key, value)
}

// document reads what putDocument has put. The error is store.ErrNotFound if there is none.
func (r *Runner) document(collection, key string, v any) error {
	value, err := r.store.Document(collection, key)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(value, v); err != nil {
		return fmt.Errorf("document %s %s: %w", collection, key, err)
	}
	return nil
}

// birth returns how a machine was created. One that was deployed has none.
func (r *Runner) birth(arn string) (birth, error) {
	var b birth
	err := r.document(births, arn, &b)
	if errors.Is(err, store.ErrNotFound) {
		return birth{}, nil
	}
	return b, err
}

// Version is a numbered, unchanging name of a revision.
type Version struct {
	ARN         string    `json:"arn"`
	Number      int       `json:"number"` // from 1; never used again
	Revision    int64     `json:"revision"`
	Description string    `json:"description,omitempty"`
	Created     time.Time `json:"created"`
}

func versionARN(machine string, number int) string { return machine + ":" + strconv.Itoa(number) }

func versionKey(machine string, number int) string {
	return within(machine) + fmt.Sprintf("%010d", number)
}

func putVersion(batch *store.Batch, machine string, v Version) error {
	return putDocument(batch, versions, versionKey(machine, v.Number), v)
}

// versionNumber is the number in a version's ARN, 0 if it is an alias's or none.
func versionNumber(arn sfn.MachineARN) int {
	n, err := strconv.ParseUint(arn.Qualifier, 10, 31)
	if err != nil || strconv.FormatUint(n, 10) != arn.Qualifier {
		return 0
	}
	return int(n)
}

// version returns the version that the ARN names, or the exception StateMachineDoesNotExist.
func (r *Runner) version(arn sfn.MachineARN) (Version, error) {
	var v Version
	number := versionNumber(arn)
	qualified := arn.Unqualified() + ":" + arn.Qualifier
	if number == 0 {
		return v, machineMissing(qualified)
	}
	err := r.document(versions, versionKey(arn.Unqualified(), number), &v)
	if errors.Is(err, store.ErrNotFound) {
		return v, machineMissing(qualified)
	}
	return v, err
}

// Versions lists the versions of a machine, the newest first. A machine that is not there has none.
func (r *Runner) Versions(machine string) ([]Version, error) {
	var list []Version
	for d, err := range r.store.Documents(versions, within(machine), "") {
		if err != nil {
			return nil, err
		}
		var v Version
		if err := json.Unmarshal(d.Value, &v); err != nil {
			return nil, fmt.Errorf("version of %s: %w", machine, err)
		}
		list = append(list, v)
	}
	slices.Reverse(list)
	return list, nil
}

// initialRevision stands for the revision with which a machine was created, which has no id.
const initialRevision = "INITIAL"

// PublishVersion makes a version of the machine's current revision, or returns the one that there is. A revision id that is set must be
// the current one's. The error may be the exception StateMachineDoesNotExist, StateMachineDeleting, ConflictException or
// ServiceQuotaExceededException.
func (r *Runner) PublishVersion(machine string, revisionID sfn.OptString, description string) (Version, error) {
	r.machines.change.Lock()
	defer r.machines.change.Unlock()
	current, err := r.current(machine)
	switch {
	case err != nil:
		return Version{}, err
	case current.Deleting:
		return Version{}, machineDeleting(machine)
	}
	id := current.config.RevisionID
	if id == "" {
		id = initialRevision
	}
	if revisionID.Set && revisionID.Text != id {
		return Version{}, sfn.Refuse(sfn.ConflictException,
			"Failed to publish the State Machine version for revision %s. The current State Machine revision is %s.", revisionID.Text, id)
	}
	batch := r.store.NewBatch()
	v, err := r.publishIn(batch, current, description)
	if err != nil {
		return Version{}, err
	}
	return v, r.store.Commit(batch)
}

// publishIn puts a version of the revision into the batch, unless there is one. machines.change is held.
func (r *Runner) publishIn(batch *store.Batch, m *machine, description string) (Version, error) {
	list, err := r.Versions(m.ARN)
	if err != nil {
		return Version{}, err
	}
	if i := slices.IndexFunc(list, func(v Version) bool { return v.Revision == m.Revision }); i >= 0 {
		return list[i], nil
	}
	if len(list) >= sfn.MaxVersions {
		return Version{}, sfn.Refuse(sfn.ServiceQuotaExceeded, "The state machine %s has %d versions, and may have no more.", m.ARN, sfn.MaxVersions)
	}
	b, err := r.birth(m.ARN)
	if err != nil {
		return Version{}, err
	}
	b.LastVersion++
	v := Version{
		ARN: versionARN(m.ARN, b.LastVersion), Number: b.LastVersion, Revision: m.Revision, Description: description, Created: r.now().UTC(),
	}
	return v, errors.Join(putVersion(batch, m.ARN, v), putDocument(batch, births, m.ARN, b))
}

// DeleteVersion deletes a version. Executions that it started go on; deleting one that is not there is no error. The error may be the
// exception ConflictException, if an alias leads to it.
func (r *Runner) DeleteVersion(arn sfn.MachineARN) error {
	machine, number := arn.Unqualified(), versionNumber(arn)
	r.machines.change.Lock()
	defer r.machines.change.Unlock()
	list, err := r.Aliases(machine)
	if err != nil {
		return err
	}
	var names []string
	for _, a := range list {
		if a.leadsTo(versionARN(machine, number)) {
			names = append(names, a.Name)
		}
	}
	if len(names) > 0 {
		return sfn.Refuse(sfn.ConflictException,
			"Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [%s]", strings.Join(names, ", "))
	}
	batch := r.store.NewBatch()
	batch.DeleteDocument(versions, versionKey(machine, number))
	return r.store.Commit(batch)
}

// target is what an execution is started on.
type target struct {
	*machine
	version, alias string // ARNs, "" if it was not named so
}

// target finds the machine that an ARN with or without a version or alias means. An alias with two versions chooses by their weights. The
// error may be the exception StateMachineDoesNotExist or StateMachineDeleting.
func (r *Runner) target(arn sfn.MachineARN) (target, error) {
	var t target
	var err error
	number := int64(0)
	if arn.Qualifier != "" {
		v, err := r.routed(arn, &t)
		if err != nil {
			return t, err
		}
		t.version, number = v.ARN, v.Revision
	}
	t.machine, err = r.machine(arn.Unqualified(), number)
	switch {
	case err != nil:
		return t, err
	case t.life.deleting.Load():
		return t, machineDeleting(arn.Unqualified())
	}
	return t, nil
}

// routed is the version that a qualified ARN leads to.
func (r *Runner) routed(arn sfn.MachineARN, t *target) (Version, error) {
	if versionNumber(arn) > 0 {
		return r.version(arn)
	}
	a, err := r.alias(arn)
	if errors.Is(err, store.ErrNotFound) {
		return Version{}, machineMissing(arn.Unqualified() + ":" + arn.Qualifier)
	}
	if err != nil {
		return Version{}, err
	}
	t.alias = a.ARN
	parsed, err := sfn.ParseMachineARN(a.choose(rand.IntN(100)))
	if err != nil {
		return Version{}, err
	}
	return r.version(parsed)
}

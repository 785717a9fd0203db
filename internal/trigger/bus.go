package trigger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// Bus is an event bus. It never changes once it is stored; it is replaced.
type Bus struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Tags        []Tag  `json:"tags,omitempty"` // by key
	// Policy says in JSON who may put events, "" for nobody but the account itself.
	Policy string `json:"policy,omitempty"`
	// Statements are those of the policy that templates have put, as they said them.
	Statements []string `json:"statements,omitempty"`
	// KMSKey, DeadLetters and Log are kept and shown.
	KMSKey      string            `json:"kmsKey,omitempty"`
	DeadLetters *DeadLetterConfig `json:"deadLetters,omitempty"`
	Log         *LogConfig        `json:"log,omitempty"`
	Created     time.Time         `json:"created"`
	Modified    time.Time         `json:"modified,omitzero"` // zero: when it was created
	// Template is a sum of what a template says of the bus, "" for one that a client has made.
	Template string `json:"template,omitempty"`
}

// CreateBus creates a bus. The error may be ResourceAlreadyExistsException, LimitExceededException or ValidationException.
func (e *Events) CreateBus(b Bus) (err error) {
	if b.Tags, err = mergeTags(nil, b.Tags); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.buses[b.Name] != nil:
		return sfn.Refuse(ResourceAlreadyExistsException, "Event bus %s already exists.", b.Name)
	case strings.Contains(b.Name, "/"):
		return invalidEvents("Event bus name must not contain '/'.")
	case len(e.buses) >= maxBuses:
		return sfn.Refuse(LimitExceededException, "The requested resource exceeds the maximum number allowed.")
	}
	b.Created = e.cfg.Clock.Now().UTC()
	return e.storeBus(&b)
}

// storeBus creates or replaces a bus; the mutex is held.
func (e *Events) storeBus(bus *Bus) error {
	text, err := json.Marshal(bus)
	if err != nil {
		return err
	}
	if err := e.commit(func(b *store.Batch) error { return b.PutDocument(collectionBuses, bus.Name, text) }); err != nil {
		return err
	}
	e.buses[bus.Name] = bus
	if e.rules[bus.Name] == nil {
		e.rules[bus.Name] = map[string]*Rule{}
	}
	return nil
}

// editBus changes a copy of a bus and stores that. The error may be ResourceNotFoundException, or what edit returns.
func (e *Events) editBus(name string, edit func(*Bus) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.buses[name]
	if before == nil {
		return noBus(name)
	}
	b := *before
	if err := edit(&b); err != nil {
		return err
	}
	b.Modified = e.cfg.Clock.Now().UTC()
	return e.storeBus(&b)
}

// DeleteBus deletes a bus with its rules. One that is not there is no error. The error may be ValidationException.
func (e *Events) DeleteBus(name string) error {
	if name == DefaultBus {
		return invalidEvents("Cannot delete event bus default.")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.commit(func(b *store.Batch) error {
		b.DeleteDocument(collectionBuses, name)
		b.DeleteDocuments(collectionRules, ruleKey(name, ""))
		return nil
	})
	if err == nil {
		delete(e.buses, name)
		delete(e.rules, name)
	}
	return err
}

// Buses lists the buses whose names begin with prefix, by name.
func (e *Events) Buses(prefix string) []Bus {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var list []Bus
	for name, b := range e.buses {
		if strings.HasPrefix(name, prefix) {
			list = append(list, *b)
		}
	}
	slices.SortFunc(list, func(a, b Bus) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Bus returns one bus. The error may be ResourceNotFoundException.
func (e *Events) Bus(name string) (Bus, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	b := e.buses[name]
	if b == nil {
		return Bus{}, noBus(name)
	}
	return *b, nil
}

// DeployBus creates a bus of a template, or gives it what the template says, unless that is the same as before: what clients have changed since stays
// then. The error may be as of CreateBus.
func (e *Events) DeployBus(b Bus) (err error) {
	if b.Tags, err = mergeTags(nil, b.Tags); err != nil {
		return err
	}
	if b.Template, err = templateSum(b); err != nil {
		return err
	}
	before, err := e.Bus(b.Name)
	switch {
	case err != nil:
		return e.CreateBus(b)
	case before.Template == b.Template:
		return nil
	}
	return e.editBus(b.Name, func(now *Bus) error {
		b.Created, b.Policy, b.Statements = now.Created, now.Policy, now.Statements
		*now = b
		return nil
	})
}

// templateSum is a sum of what a template says of something.
func templateSum(said any) (string, error) {
	text, err := json.Marshal(said)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:16]), nil
}

package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/lambda"
)

// Change is the new value of a document; nil deletes it.
type Change struct {
	Collection, Key string
	Value           []byte
}

// Journal keeps documents.
type Journal interface {
	// Documents yields the documents of a collection by key in ascending order.
	Documents(collection string) iter.Seq2[Document, error]
	// Document returns one document; ok tells whether it is there.
	Document(collection, key string) (value []byte, ok bool, err error)
	// Write makes the changes, all or none, and returns when they are on disk.
	Write(changes []Change) error
}

// Document is one document of a collection.
type Document struct {
	Key   string
	Value []byte
}

// Host runs functions; *lambda.Host does.
type Host interface {
	Invoker
	Registry
}

// Registry is how a host is told which functions there are.
type Registry interface {
	Register(lambda.Function) error
	RegisterAlias(lambda.Alias) error
	Remove(name string)
	RemoveVersion(name, number string)
	RemoveAlias(function, alias string)
	Binary(ctx context.Context, name, number string) (string, error)
}

// Invoker runs a function and waits for it.
type Invoker interface {
	Invoke(ctx context.Context, in lambda.Invocation) (lambda.Result, error)
}

// Objects reads objects of S3, for code that lies there. version may be "". The error is what the caller is told.
type Objects interface {
	// Open opens one. The text of its error is the code of S3's error, a colon, and its message.
	Open(ctx context.Context, bucket, key, version string) (io.ReadCloser, error)
}

// Targets are the queues, topics and buses that outcomes of events can be sent to.
type Targets interface {
	// Serves tells whether the target can be sent to.
	Serves(arn string) bool
	// Send sends a message.
	Send(ctx context.Context, arn string, m Message) error
}

// Config says what a plane works with. Dir, Host and Journal are required.
type Config struct {
	// Dir is an absolute folder for code.
	Dir     string
	Host    Host
	Journal Journal
	// Region and Account are where the functions are; "" means us-east-1 and 000000000000.
	Region, Account string
	// Credentials are what functions of a role sign their requests with; nil means none.
	Credentials func(role string) lambda.Credentials
	// Objects is S3, nil where there is none.
	Objects Objects
	// Queues are what event source mappings poll; nil where there are none.
	Queues Queues
	// Targets are further destinations of events beside functions; nil means none.
	Targets Targets
	// Meter counts what becomes of events; nil means nobody does.
	Meter *lambda.Meter
	// Clock is the time of events and of their retries; nil means the computer's.
	Clock *clock.Clock
	// Log receives our own trouble; nil discards it.
	Log *slog.Logger
}

// Plane is the control plane. All methods may be called by any goroutine.
type Plane struct {
	cfg      Config
	code     *codeStore
	queue    *queue
	mappings *mappings
	ctx      context.Context
	cancel   context.CancelFunc
	once     sync.Once

	writing sync.Mutex // held by whoever changes functions, over the write to the journal

	mu           sync.RWMutex // never held over anything that takes time
	functions    map[string]*function
	credentials  map[string]lambda.Credentials // by role, so that they stay the same
	measurements map[string]measurement        // by the path of a program
}

// Open reads the functions of the journal, tells the host about them and goes on delivering events.
func Open(cfg Config) (*Plane, error) {
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	if cfg.Account == "" {
		cfg.Account = "000000000000"
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Credentials == nil {
		cfg.Credentials = func(string) lambda.Credentials { return lambda.Credentials{} }
	}
	p := &Plane{
		cfg: cfg, functions: map[string]*function{}, credentials: map[string]lambda.Credentials{}, measurements: map[string]measurement{},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	var err error
	if p.code, err = openCodeStore(cfg.Dir); err != nil {
		return nil, fmt.Errorf("open the functions: %w", err)
	}
	if err := p.load(); err != nil {
		return nil, fmt.Errorf("open the functions: %w", err)
	}
	p.code.sweep(p.codeInUse(), 0)
	p.mappings = newMappings(p)
	if err := p.loadMappings(); err != nil {
		return nil, fmt.Errorf("open the event source mappings: %w", err)
	}
	if p.queue, err = openQueue(p); err != nil {
		return nil, fmt.Errorf("open the queue of events: %w", err)
	}
	return p, nil
}

// Close stops delivering events. Those under way are delivered again by the next plane.
func (p *Plane) Close() {
	p.once.Do(func() {
		p.cancel()
		p.queue.wait()
		p.mappings.close()
	})
}

func (p *Plane) load() error {
	for d, err := range p.cfg.Journal.Documents(functionsCollection) {
		if err != nil {
			return err
		}
		f := &function{versions: map[string]*version{}}
		if err := json.Unmarshal(d.Value, f); err != nil {
			return fmt.Errorf("the function %.100q: %w", d.Key, err)
		}
		f.dormant = f.Template
		p.functions[f.Name] = f
	}
	for d, err := range p.cfg.Journal.Documents(versionsCollection) {
		if err != nil {
			return err
		}
		v := &version{}
		if err := json.Unmarshal(d.Value, v); err != nil {
			return fmt.Errorf("the function version %.100q: %w", d.Key, err)
		}
		name, number := splitVersionKey(d.Key)
		if f := p.functions[name]; f != nil {
			f.versions[number] = v
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.functions)) {
		if f := p.functions[name]; !f.dormant {
			if err := p.register(nil, f); err != nil {
				p.cfg.Log.Error("a function cannot be run", "function", name, "error", err) // it is listed all the same
			}
		}
	}
	return nil
}

// get returns a function that is there, or nil.
func (p *Plane) get(name string) *function {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if f := p.functions[name]; f != nil && !f.dormant {
		return f
	}
	return nil
}

// all lists the functions that are there, by name.
func (p *Plane) all() []*function {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var list []*function
	for _, name := range slices.Sorted(maps.Keys(p.functions)) {
		if f := p.functions[name]; !f.dormant {
			list = append(list, f)
		}
	}
	return list
}

// change lets do alter a copy of the function and puts that in its place, once it is on disk. do may return nil, which deletes the
// function, and gets nil for one that is not there. It returns what is in place then.
func (p *Plane) change(name string, do func(*function) (*function, error)) (*function, error) {
	p.writing.Lock()
	defer p.writing.Unlock()
	old := p.get(name)
	var draft *function
	if old != nil {
		draft = old.clone()
	}
	return p.replace(name, old, draft, do)
}

// replace is change's second half. p.writing is held.
func (p *Plane) replace(name string, old, draft *function, do func(*function) (*function, error)) (*function, error) {
	next, err := do(draft)
	if err != nil {
		return nil, err
	}
	if err := p.write(name, next); err != nil {
		return nil, err
	}
	p.mu.Lock()
	if next == nil {
		delete(p.functions, name)
	} else {
		p.functions[name] = next
	}
	p.mu.Unlock()
	p.unregister(old, next)
	if next == nil {
		return nil, nil
	}
	return next, p.register(old, next)
}

// write brings the journal from what it has of the function to next.
func (p *Plane) write(name string, next *function) error {
	p.mu.RLock()
	stored := p.functions[name]
	p.mu.RUnlock()
	before, err := stored.documents()
	if err != nil {
		return err
	}
	after, err := next.documents()
	if err != nil {
		return err
	}
	var changes []Change
	for key, text := range after {
		if string(before[key]) != string(text) {
			changes = append(changes, Change{key[0], key[1], text})
		}
	}
	for key := range before {
		if after[key] == nil {
			changes = append(changes, Change{Collection: key[0], Key: key[1]})
		}
	}
	if len(changes) == 0 {
		return nil
	}
	if err := p.cfg.Journal.Write(changes); err != nil {
		return fmt.Errorf("record the function %s: %w", name, err)
	}
	return nil
}

// register tells the host about next, whose earlier form was old.
func (p *Plane) register(old, next *function) error {
	var errs []error
	for _, number := range next.numbers() {
		f, err := p.hostFunction(next, next.versions[number])
		if err == nil {
			err = p.cfg.Host.Register(f)
		}
		errs = append(errs, err)
	}
	for name, a := range next.Aliases {
		alias := lambda.Alias{Function: next.Name, Name: name, Version: a.FunctionVersion}
		if a.RoutingConfig != nil {
			alias.Weights = a.RoutingConfig.AdditionalVersionWeights
		}
		errs = append(errs, p.cfg.Host.RegisterAlias(alias))
	}
	return errors.Join(errs...)
}

// unregister tells the host what of old is not in next any more.
func (p *Plane) unregister(old, next *function) {
	if old == nil {
		return
	}
	if next == nil {
		p.cfg.Host.Remove(old.Name)
		return
	}
	for name := range old.Aliases {
		if next.Aliases[name] == nil {
			p.cfg.Host.RemoveAlias(old.Name, name)
		}
	}
	for number := range old.versions {
		if next.versions[number] == nil {
			p.cfg.Host.RemoveVersion(old.Name, number)
		}
	}
}

// hostFunction is a version as the host wants it.
func (p *Plane) hostFunction(f *function, v *version) (lambda.Function, error) {
	c := &v.Config
	h := lambda.Function{
		Name: f.Name, Version: c.Version, ARN: p.arn(f.Name, ""), Source: v.Source, Binary: v.Binary,
		Handler: c.Handler, LogGroup: c.LoggingConfig.LogGroup,
		Timeout: time.Duration(c.Timeout) * time.Second, MemoryMB: c.MemorySize, StorageMB: c.EphemeralStorage.Size,
		ReservedConcurrency: f.Reserved, Traced: c.TracingConfig.Mode == "Active",
		Credentials: p.credentialsOf(c.Role), Environment: map[string]string{},
	}
	if v.Code != "" {
		h.Source, h.Binary = "", ""
		var err error
		if h.Binary, err = p.code.bootstrap(v.Code); err != nil {
			return h, err
		}
	}
	if c.Environment != nil {
		maps.Copy(h.Environment, c.Environment.Variables)
	}
	// Lambda hands the logging configuration to the function in these two (developer guide, "Advanced logging controls").
	if l := c.LoggingConfig; l.LogFormat == logFormatJSON {
		h.Environment["AWS_LAMBDA_LOG_FORMAT"] = l.LogFormat
		h.Environment["AWS_LAMBDA_LOG_LEVEL"] = l.ApplicationLogLevel
	}
	return h, nil
}

// credentialsOf are the role's, the same for all its functions.
func (p *Plane) credentialsOf(role string) lambda.Credentials {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.credentials[role]
	if !ok {
		c = p.cfg.Credentials(role)
		p.credentials[role] = c
	}
	return c
}

// codeInUse lists the code that some version is made of.
func (p *Plane) codeInUse() map[string]bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	used := map[string]bool{}
	for _, f := range p.functions {
		for _, v := range f.versions {
			used[v.Code] = true
		}
	}
	return used
}

// arn is the ARN of a function, with a qualifier unless that is "".
func (p *Plane) arn(name, qualifier string) string {
	arn := "arn:aws:lambda:" + p.cfg.Region + ":" + p.cfg.Account + ":function:" + name
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return arn
}

// present is a version as the API shows it: with the qualifier that it was asked for by, "" for none, in its ARN.
func (p *Plane) present(v *version, qualifier string) *Configuration {
	c := v.Config
	c.FunctionArn = p.arn(c.FunctionName, qualifier)
	c.State, c.LastUpdateStatus = stateActive, updateSuccessful
	c.RuntimeVersionConfig = &RuntimeVersionConfig{"arn:aws:lambda:" + p.cfg.Region + "::runtime:" + runtimeVersion}
	return &c
}

// The states of a function that the API shows here, and what it says while they have not been reached.
const (
	stateActive      = "Active"
	statePending     = "Pending"
	updateSuccessful = "Successful"
	updateInProgress = "InProgress"
	reasonCreating   = "The function is being created."
	codeCreating     = "Creating"
)

// runtimeVersion stands for the one runtime that there is: this program.
const runtimeVersion = "7475747469000000000000000000000000000000000000000000000000000000"

// asCreated shows a function as the answer to its creation does. By the next call it is active, and has another revision.
func asCreated(c *Configuration, revision string) *Configuration {
	c.State, c.StateReason, c.StateReasonCode = statePending, reasonCreating, codeCreating
	c.LastUpdateStatus, c.RevisionId = "", revision
	return c
}

// asUpdated shows a function as the answer to an update does.
func asUpdated(c *Configuration, revision string) *Configuration {
	c.LastUpdateStatus, c.LastUpdateStatusReason, c.LastUpdateStatusReasonCode = updateInProgress, reasonCreating, codeCreating
	c.RevisionId = revision
	return c
}

func newRevision() string { return uuid.NewString() }

// timestamp is the form of LastModified.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000+0000") }

// epoch is the form of times that are numbers.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// service is the third part of an ARN.
func service(arn string) string {
	parts := strings.SplitN(arn, ":", 4)
	if len(parts) < 4 {
		return ""
	}
	return parts[2]
}

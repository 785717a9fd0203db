package stack

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/lambda/control"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/metrics/alarm"
	"github.com/tutti-run/tutti/internal/metrics/dashboard"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/s3"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/sns"
	"github.com/tutti-run/tutti/internal/sqs"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
	"github.com/tutti-run/tutti/internal/trigger/scheduler"
)

// Config says what to run and where. Project and Data are required; all paths are absolute.
type Config struct {
	// Project is the root of the project: sources in the template's metadata are relative to it.
	Project string
	// Template is a CloudFormation or SAM template, a cloud assembly's folder or manifest, or a folder with templates; "" for nothing to deploy.
	Template string
	// Parameters are values of templates' parameters by name, beside their defaults.
	Parameters map[string]string
	// Resolve has values for dynamic references and stored parameters, by what stands behind the first colon: ssm:/a/b for {{resolve:ssm:/a/b}}; for
	// exports of other stacks as export:NAME, and for their outputs as output:STACK:NAME.
	Resolve map[string]string
	// Data is the folder of the journal, of built functions and of whatever else must outlive the process.
	Data string
	// Place is where the stack pretends to be; zero means [sfn.DefaultPlace].
	Place sfn.Place
	// Log receives our own trouble; nil discards it.
	Log *slog.Logger
	// Lines receives what functions print; nil discards it.
	Lines lambda.Logs
	// OnFailure is told that the disk has refused a write, and has to end the process, as [lsm.Config] says; nil prints the error and exits with status 1.
	OnFailure func(error)
	// Progress hears what happens while the stack opens and starts, one event at a time; nil means nobody does.
	Progress func(Event)
	// Schedules tells whether schedules of the template fire, ClientSchedules whether those do that clients have made.
	Schedules, ClientSchedules bool
	// KeySets has files with JSON Web Key Sets, by the issuer whose JWTs they are for. The keys of other issuers are fetched from them.
	KeySets map[string]string
	// Clock is the time of executions and schedules; nil means the computer's. SkipsTime moves it on to the next Wait, retry or schedule whenever
	// nobody works.
	Clock     *clock.Clock
	SkipsTime bool
	// Routes says where the calls of Task states to services go; nil means nowhere.
	Routes *awsclient.Routes
	// Connections are what HTTP tasks authenticate with, by name, beside those of the template. They win over those.
	Connections task.ConnectionSet
}

// EventKind says what an [Event] tells.
type EventKind string

// What can happen while a stack opens and starts.
const (
	FunctionBuilding EventKind = "building"     // the go command runs for a function
	FunctionBuilt    EventKind = "built"        // it has a new binary
	FunctionUpToDate EventKind = "up to date"   // nothing has changed since the last build
	FunctionFailed   EventKind = "failed"       // it does not compile; Err has the compiler's output
	FunctionRefused  EventKind = "cannot run"   // it cannot run here; Err says why
	MachineReady     EventKind = "ready"        // a state machine can be started
	MachineRefused   EventKind = "refused"      // its definition has errors; Err has the diagnostics
	MachineWarned    EventKind = "warned"       // it can be started, but Detail says what to look at
	ScheduleReady    EventKind = "scheduled"    // a schedule will fire; Detail is its expression
	ScheduleRefused  EventKind = "unscheduled"  // a schedule cannot fire; Err says why
	RouteRefused     EventKind = "not routed"   // a route of an HTTP API cannot work; Err says why
	NotRunHere       EventKind = "not run here" // resources of a type that this program does not run; Detail counts them
	Resumed          EventKind = "resumed"      // an execution goes on; Name is its ARN
)

// Event is something that happened while the stack opened or started.
type Event struct {
	Kind     EventKind
	Name     string
	Detail   string
	Duration time.Duration
	Err      error
	// NeededBy are the logical ids of what refers to resources that are not run here.
	NeededBy []string
}

// FunctionInfo is a Lambda function of the template.
type FunctionInfo struct {
	Name, ARN string
	// Label is what a person types.
	Label string
	// Source is the folder of its code, relative to the project.
	Source string
	// Err says why it cannot be invoked; nil if it can.
	Err error
}

// MachineInfo is a state machine of the template.
type MachineInfo struct {
	// Name is what a person types: the source file's name, or the machine's own where there is no file.
	Name, ARN string
	// Source is its definition's file, relative to the project; "" where the template holds it.
	Source string
	// Text is the definition with substitutions still in it, as the diagnostics' offsets count.
	Text string
	// Diagnostics are the findings in it.
	Diagnostics []sfn.Diagnostic
	// Err says why it cannot be started; nil if it can.
	Err error
}

// Stack is a template, running. All methods may be called by any goroutine.
type Stack struct {
	cfg           Config
	store         *store.Store
	logs          *logs.Service
	metrics       *metrics.Service
	functionMeter *lambda.Meter
	alarms        *alarm.Alarms
	dashboards    *dashboard.Dashboards
	events        *trigger.Events
	objects       *s3.Store
	queues        *sqs.Store
	topics        *sns.Service
	host          *lambda.Host
	plane         *control.Plane
	catalog       *task.Catalog
	connections   *connections      // of HTTP tasks and API destinations
	apiTarget     destinationTarget // sends events to API destinations
	keys          *httpapi.Keys     // of the issuers of JWTs
	runner        *runner.Runner
	schedules     *scheduler.Service

	deploying   sync.Mutex // one deployment at a time; guards next, credentials and programs
	next        *deployment
	credentials map[string]lambda.Credentials // by role
	programs    map[string]string             // interpreters by the runtimes' prefix

	mu      sync.Mutex
	current *deployment

	stopSkipping func() // nil while the clock is not moved on

	progress  sync.Mutex
	closeOnce sync.Once
	closeErr  error
}

// Start begins to run: executions that were interrupted go on, schedules fire. It returns how many executions were interrupted.
func (s *Stack) Start() (resumed int, err error) {
	for e, err := range s.runner.Running() {
		if err != nil {
			return 0, err
		}
		s.tell(Event{Kind: Resumed, Name: e.ARN})
	}
	if resumed, err = s.runner.Start(); err != nil {
		return resumed, err
	}
	if err = s.events.Start(); err != nil {
		return resumed, err
	}
	s.alarms.Start()
	if err = s.schedules.Start(); err != nil {
		return resumed, err
	}
	if err = errors.Join(s.topics.Start(), s.plane.StartPolling()); err != nil {
		return resumed, err
	}
	if s.cfg.SkipsTime {
		workers := []clock.Worker{s.runner, s.events, s.plane, s.queues, s.topics, s.schedules}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		s.stopSkipping = func() { cancel(); <-done }
		go func() {
			defer close(done)
			clock.Skip(ctx, s.cfg.Clock, workers...)
		}()
	}
	return resumed, err
}

// Close stops the stack. Calls of functions that are under way may end until ctx does. Closing again returns what the first call did.
func (s *Stack) Close(ctx context.Context) error {
	s.closeOnce.Do(func() {
		var errs []error
		if s.stopSkipping != nil {
			s.stopSkipping()
		}
		if s.schedules != nil {
			s.schedules.Close()
		}
		if s.alarms != nil {
			s.alarms.Close()
		}
		if s.events != nil {
			s.events.Close()
		}
		if s.topics != nil {
			s.topics.Close()
		}
		if s.runner != nil {
			s.runner.Close(ctx)
		}
		if s.plane != nil {
			s.plane.Close()
		}
		if s.host != nil {
			errs = append(errs, s.host.Close())
		}
		if s.logs != nil { // behind those who log
			errs = append(errs, s.logs.Close())
		}
		if s.metrics != nil { // behind those who count
			errs = append(errs, s.metrics.Close())
		}
		if s.store != nil {
			errs = append(errs, s.store.Close())
		}
		if s.objects != nil {
			errs = append(errs, s.objects.Close())
		}
		if s.queues != nil {
			errs = append(errs, s.queues.Close())
		}
		s.closeErr = errors.Join(errs...)
	})
	return s.closeErr
}

// Runner runs the stack's executions.
func (s *Stack) Runner() *runner.Runner { return s.runner }

// S3 serves the stack's buckets over S3's own protocol.
func (s *Stack) S3() http.Handler {
	return s3.NewHandler(s.objects, s.cfg.Place.Region, s.cfg.Place.Account)
}

// Place is where the stack pretends to be.
func (s *Stack) Place() sfn.Place { return s.cfg.Place }

// deployedNow is what the last deployment came to. It does not change any more.
func (s *Stack) deployedNow() *deployment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Lambda is the control plane of the functions: the template's and those that clients make.
func (s *Stack) Lambda() *control.Plane { return s.plane }

// Functions lists the template's functions.
func (s *Stack) Functions() []FunctionInfo { return s.deployedNow().functions }

// Machines lists the template's state machines.
func (s *Stack) Machines() []MachineInfo { return s.deployedNow().machines }

// Watched lists the files and folders that the stack was made of, absolute: templates, definitions, code.
func (s *Stack) Watched() []string { return s.deployedNow().watched }

// Reload reads the template again and brings what runs to it: changed functions get new processes, changed definitions are those of new
// executions, schedules come and go. Executions under way go on with what they started with. When the template has faults, everything stays
// as it was, and the error says why.
func (s *Stack) Reload(ctx context.Context) error {
	units, err := readUnits(&s.cfg)
	if err != nil {
		return err
	}
	return s.deploy(ctx, units)
}

// tell reports an event, one at a time.
func (s *Stack) tell(e Event) {
	if s.cfg.Progress == nil {
		return
	}
	s.progress.Lock()
	defer s.progress.Unlock()
	s.cfg.Progress(e)
}

func (s *Stack) tellBuild(b lambda.BuildEvent) {
	kinds := map[lambda.BuildState]EventKind{
		lambda.BuildStarted: FunctionBuilding, lambda.BuildUpToDate: FunctionUpToDate, lambda.BuildDone: FunctionBuilt, lambda.BuildFailed: FunctionFailed,
	}
	s.tell(Event{Kind: kinds[b.State], Name: b.Function, Duration: b.Duration, Err: b.Err})
}

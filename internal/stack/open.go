package stack

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/lambda/control"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/s3"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
	"github.com/tutti-run/tutti/internal/trigger/scheduler"
)

// Open reads the template, builds its functions and opens the data folder, but starts nothing yet. An error is one line for a person; what is wrong
// with single resources is told as events and in the Info lists.
func Open(ctx context.Context, cfg Config) (_ *Stack, err error) {
	s := newStack(cfg)
	defer func() {
		if err != nil {
			_ = s.Close(context.Background()) // the first error says more
		}
	}()
	units, err := readUnits(&s.cfg)
	if err != nil {
		return nil, err
	}
	for _, open := range []func() error{ // each needs only those before it
		s.openJournal, s.openLogs, s.openMetrics, s.openObjects, s.openQueues, s.openTopics, s.openEvents, s.openSchedules, s.openFunctions, s.openRunner, s.openAlarms,
	} {
		if err := open(); err != nil {
			return nil, err
		}
	}
	if err := s.deploy(ctx, units); err != nil {
		return nil, err
	}
	return s, nil
}

// newStack fills in what the configuration leaves out.
func newStack(cfg Config) *Stack {
	if cfg.Place == (sfn.Place{}) {
		cfg.Place = placeOf(cfg.Template, sfn.DefaultPlace())
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	s := &Stack{cfg: cfg, current: &deployment{}, credentials: map[string]lambda.Credentials{}, programs: map[string]string{}}
	s.connections = &connections{own: cfg.Connections, stored: func() *trigger.Destinations { return s.events.Destinations() }, parsed: map[string]parsedConnection{}}
	s.apiTarget = newDestinationTarget(s)
	return s
}

// folder is a folder of the data folder.
func (s *Stack) folder(name string) string { return filepath.Join(s.cfg.Data, name) }

func (s *Stack) openJournal() (err error) {
	s.store, err = store.Open(s.folder("journal"), store.WithLogger(s.cfg.Log), store.OnFailure(s.cfg.OnFailure))
	return err
}

func (s *Stack) openLogs() (err error) {
	s.logs, err = logs.Open(s.folder("logs"), s.logOptions()...)
	return err
}

// openObjects keeps the buckets in the data folder, once there are any.
func (s *Stack) openObjects() error {
	s.objects = s3.New(s.folder("s3"), s3.WithLogger(s.cfg.Log), s3.OnFailure(s.cfg.OnFailure))
	return nil
}

// openEvents reads the buses and rules from the journal. From then on they hear what happens to objects.
func (s *Stack) openEvents() (err error) {
	s.events, err = trigger.NewEvents(trigger.EventsConfig{
		Store: s.store, Place: s.cfg.Place, Targets: s.eventTargets(), HoldTemplates: !s.cfg.Schedules, HoldClients: !s.cfg.ClientSchedules,
		Meter: serviceMeter{s.metrics}, Clock: s.cfg.Clock, Log: s.cfg.Log,
	})
	if err == nil {
		s.objects.Notify(s.tellOfObject)
	}
	return err
}

func (s *Stack) openSchedules() (err error) {
	s.schedules, err = scheduler.Open(scheduler.Config{
		Store: s.store, Place: s.cfg.Place, Targets: s.scheduleTargets(), Universal: scheduler.NewUniversal(s.cfg.Routes, s.cfg.Place.Region),
		HoldTemplates: !s.cfg.Schedules, HoldClients: !s.cfg.ClientSchedules, Meter: serviceMeter{s.metrics}, Clock: s.cfg.Clock, Log: s.cfg.Log,
	})
	return err
}

// openFunctions makes the host, in which functions run, and their control plane.
func (s *Stack) openFunctions() (err error) {
	s.host, err = lambda.NewHost(lambda.Config{
		Dir: s.folder("lambda"), Region: s.cfg.Place.Region, Account: s.cfg.Place.Account, OnBuild: s.tellBuild,
		Logs: &functionLogs{logs: s.logs, next: s.cfg.Lines, measure: s.measureEvents, log: s.cfg.Log}, Meter: s.functionMeter,
	})
	if err != nil {
		return fmt.Errorf("open the function host: %w", err)
	}
	s.plane, err = control.Open(control.Config{
		Dir: s.folder("lambda"), Host: s.host, Journal: documents[control.Document, control.Change]{s.store}, Meter: s.functionMeter,
		Region: s.cfg.Place.Region, Account: s.cfg.Place.Account, Credentials: s.credentialsOf, Objects: bucketCode{s.objects}, Targets: destinations{s},
		Queues: polledQueues{s.queues}, Clock: s.cfg.Clock, Log: s.cfg.Log,
	})
	return err
}

// openRunner makes the runner of executions and the catalog of what their tasks call.
func (s *Stack) openRunner() error {
	s.keys = &httpapi.Keys{Now: s.cfg.Clock.Now, Files: s.cfg.KeySets}
	s.catalog = task.NewCatalog(task.Config{Functions: s.plane, Routes: s.cfg.Routes, Connections: s.connections})
	s.runner = runner.New(runner.Config{
		Store: s.store, Clock: s.cfg.Clock, Skips: s.cfg.SkipsTime, Tasks: s.catalog, Objects: s.objects, Logs: s.logs, Meter: serviceMeter{s.metrics}, Events: s.events, Log: s.cfg.Log,
	})
	s.catalog.Follow(s.runner)
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/stack"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/task"
)

// stopsWithin is how long calls that are under way may take to end when a server is asked to stop.
const stopsWithin = 10 * time.Second

// serveOptions say what to serve.
type serveOptions struct {
	project    project
	template   string
	parameters map[string]string
	resolve    map[string]string // of dynamic references
	port       int               // 0 for any
	schedules  bool              // those of the template fire
	clients    bool              // those that clients have made fire
	upstream   upstreamFlags
	clock      clockFlag
	keySets    map[string]string // files with the keys of issuers of JWTs
	lines      lambda.Logs
	progress   func(stack.Event)
	onFailure  func(error) // ends the process, since the disk has refused a write
	log        *slog.Logger
}

// server is a stack behind the API on a loopback port.
type server struct {
	stack    *stack.Stack
	endpoint endpoint
	data     string
	resumed  []string // ARNs of the executions that an earlier life left unfinished

	listener net.Listener
	http     *http.Server
	failed   chan error // why the HTTP server ended by itself
}

// openServer takes the port, opens the stack and starts it. What it returns is found by other commands until it is closed.
func openServer(ctx context.Context, o serveOptions) (_ *server, err error) {
	lambda.CoarseTimers()
	routes, err := o.upstream.routes()
	if err != nil {
		return nil, err
	}
	connections, err := o.project.connections()
	if err != nil {
		return nil, err
	}
	listener, err := listen(o.port)
	if err != nil {
		return nil, err
	}
	s := &server{data: o.project.data, listener: listener, failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			_ = s.close(context.Background()) // the first error says more
		}
	}()
	if err := s.openStack(ctx, &o, routes, connections); err != nil {
		return nil, dataProblem(err)
	}
	front := s.frontDoor(o.log)
	routes.Embed(front, embedded...)
	routes.EmbedHosts(front, "execute-api", s.servesHost)
	s.stack.Topics().ServeAt(s.url())
	if _, err := s.stack.Start(); err != nil {
		return nil, dataProblem(err)
	}
	s.endpoint = endpoint{URL: s.url(), PID: os.Getpid(), ID: newID()}
	s.nameThings()
	s.serve(front, o.log)
	if err := s.endpoint.write(o.project.data); err != nil {
		return nil, &problem{exitData, fmt.Errorf("tell other commands where the server is: %w", err)}
	}
	return s, nil
}

// openStack opens the stack and remembers which executions it resumes.
func (s *server) openStack(ctx context.Context, o *serveOptions, routes *awsclient.Routes, connections task.ConnectionSet) (err error) {
	s.stack, err = stack.Open(ctx, stack.Config{
		Project: o.project.root, Template: o.template, Parameters: o.parameters, Resolve: o.resolve, Data: o.project.data, Log: o.log, Lines: o.lines, OnFailure: o.onFailure,
		Schedules: o.schedules, ClientSchedules: o.clients, Clock: o.clock.clock(), SkipsTime: o.clock.skip, KeySets: o.keySets, Routes: routes, Connections: connections,
		Progress: func(e stack.Event) {
			if e.Kind == stack.Resumed {
				s.resumed = append(s.resumed, e.Name)
			}
			o.progress(e)
		},
	})
	return err
}

// frontDoor serves what the stack has over AWS's protocols.
func (s *server) frontDoor(log *slog.Logger) http.Handler {
	functions := s.stack.Lambda()
	return api.New(api.Config{
		States: s.stack.Runner(), S3: s.stack.S3(), Lambda: api.NewLambda(functions, functions, log), Logs: s.stack.Logs(), Events: s.stack.Events(),
		Scheduler: s.stack.Scheduler(), Metrics: s.stack.Metrics(), Alarms: s.stack.Alarms(), Dashboards: s.stack.Dashboards(),
		Queues: s.stack.Queues(), Topics: s.stack.Topics(), FunctionURLs: s.functionURL, Log: log,
		HTTPAPIs: func(id string) api.HTTPAPI {
			if h := s.stack.HTTPAPI(id); h != nil {
				return h
			}
			return nil
		},
	})
}

// serve answers requests, of which the program's other commands have two of their own, until the server is closed.
func (s *server) serve(front http.Handler, log *slog.Logger) {
	schedules := s.serveSchedules()
	s.http = api.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case schedulesPath:
			schedules.ServeHTTP(w, r)
		case identityPath:
			w.Header().Set(identityHeader, s.endpoint.ID)
		default:
			front.ServeHTTP(w, r)
		}
	}))
	s.http.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	go func() { s.failed <- s.http.Serve(s.listener) }()
}

func (s *server) url() string { return "http://" + s.listener.Addr().String() }

// nameThings takes the short names of what the stack has now.
func (s *server) nameThings() {
	s.endpoint.Machines, s.endpoint.Functions = nil, nil
	for _, m := range s.stack.Machines() {
		s.endpoint.Machines = append(s.endpoint.Machines, shortName{m.Name, m.ARN})
	}
	for _, f := range s.stack.Functions() {
		s.endpoint.Functions = append(s.endpoint.Functions, shortName{shortFunction(f), f.ARN})
	}
}

// shortFunction is what people call a function: the name of its folder.
func shortFunction(f stack.FunctionInfo) string {
	if f.Label != "" {
		return f.Label
	}
	if f.Source == "" {
		return f.Name
	}
	return path.Base(filepath.ToSlash(f.Source))
}

// close stops serving and running. Calls that are under way may end until ctx does.
func (s *server) close(ctx context.Context) error {
	s.endpoint.remove(s.data)
	done := make(chan struct{})
	if s.http == nil {
		_ = s.listener.Close() // nothing was served
		close(done)
	} else {
		go func() {
			defer close(done)
			_ = s.http.Shutdown(ctx) // the close below ends what is left
		}()
	}
	var err error
	if s.stack != nil {
		err = s.stack.Close(ctx)
	}
	if s.http != nil {
		select { // requests that waited for executions have been answered by now
		case <-done:
		case <-time.After(time.Second):
		}
		_ = s.http.Close() // whoever still reads has had their time
		<-done
	}
	return err
}

// listen takes a loopback port.
func listen(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &problem{exitPortInUse, fmt.Errorf(
			"port %d is in use by another program; stop that, or choose another port with --port (0 for any that is free)", port)}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	return listener, nil
}

// dataProblem gives errors about the data folder their exit code.
func dataProblem(err error) error {
	var open *store.OpenError
	var newer *store.NewerVersionError
	if errors.As(err, &open) || errors.As(err, &newer) {
		return &problem{exitData, err}
	}
	return err
}

// giveUp ends the process when the disk has refused a write. What was acknowledged is on disk, and whoever waits may wait for Pebble, which has no way on.
func (c *cli) giveUp(err error) {
	c.out.leave()
	c.err.leave()
	c.complain(err)
	os.Exit(exitData)
}

// logger writes our own trouble to the console, without the time, which is now.
func (c *cli) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/metrics/alarm"
	"github.com/tutti-run/tutti/internal/metrics/dashboard"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/sns"
	"github.com/tutti-run/tutti/internal/sqs"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/trigger/scheduler"
)

// Config says what stands behind the front door. A service that is nil is not served, and a request for it is told so.
type Config struct {
	// States is AWS Step Functions. *runner.Runner serves it.
	States States
	// Logs is Amazon CloudWatch Logs.
	Logs *logs.Service
	// Events is Amazon EventBridge.
	Events *trigger.Events
	// Metrics, Alarms and Dashboards are Amazon CloudWatch. They are there together.
	Metrics    *metrics.Service
	Alarms     *alarm.Alarms
	Dashboards *dashboard.Dashboards
	// Queues is Amazon SQS, Topics is Amazon SNS.
	Queues *sqs.Store
	Topics *sns.Service
	// Scheduler is Amazon EventBridge Scheduler.
	Scheduler *scheduler.Service
	// S3 and Lambda are services with a REST protocol, which their handlers know in full: errors and the greatest body included.
	S3, Lambda http.Handler
	// Place is where requests are, and what they name, that do not say it by their signature; zero means [sfn.DefaultPlace].
	Place sfn.Place
	// HTTPAPIs finds an HTTP API of API Gateway by its id, nil if there is none of the id. A nil function stands for no APIs at all.
	HTTPAPIs func(id string) HTTPAPI
	// FunctionURLs finds a function URL by its id in the same way.
	FunctionURLs func(id string) HTTPAPI
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Log receives our own trouble; nil discards it.
	Log *slog.Logger
}

// services is the table of all services. The order is that in which people are told of them.
func (c *Config) services() []service {
	return []service{
		{route: statesProtocol.route, handler: serveJSON(&statesProtocol, statesOperations, newStepFunctions(c), c.Log), served: c.States != nil},
		{route: logsProtocol.route, handler: serveJSON(&logsProtocol, logsOperations, newCloudWatchLogs(c), c.Log), served: c.Logs != nil},
		{route: eventsProtocol.route, handler: serveJSON(&eventsProtocol, eventsOperations, newEventBridge(c), c.Log), served: c.Events != nil},
		{route: cloudWatchProtocol.route, handler: translated("cloudwatch", cloudWatchProtocol.target, serveJSON(&cloudWatchProtocol, cloudWatchOperations, newCloudWatch(c), c.Log)), served: c.Metrics != nil},
		{route: sqsProtocol.route, handler: translated("sqs", sqsProtocol.target, serveJSON(&sqsProtocol, sqsOperations, newQueues(c), c.Log)), served: c.Queues != nil},
		{route: schedulerRoute, handler: newEventScheduler(c), served: c.Scheduler != nil},
		{route: snsProtocol.route, handler: translated("sns", snsProtocol.target, serveJSON(&snsProtocol, snsOperations, newTopics(c), c.Log)), served: c.Topics != nil},
		{route: s3Route, handler: c.S3, served: c.S3 != nil},
		{route: lambdaRoute, handler: c.Lambda, served: c.Lambda != nil},
	}
}

// frontDoor finds the service that a request is for.
type frontDoor struct {
	services    []service // those that are served
	hostedKinds []hostedKind
	log         *slog.Logger
}

// New returns the front door. It may be used by any number of goroutines.
func New(cfg Config) http.Handler {
	if cfg.Place == (sfn.Place{}) {
		cfg.Place = sfn.DefaultPlace()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	d := &frontDoor{log: cfg.Log, hostedKinds: cfg.hostedKinds()}
	for _, s := range cfg.services() {
		if s.served {
			d.services = append(d.services, s)
		}
	}
	return d
}

// NewServer returns a server with limits that no client can hold up: the body has half a minute to come in, the answer six minutes to go
// out, one more than the longest synchronous execution takes.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      6 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// ServeHTTP implements http.Handler.
func (d *frontDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	defer func() {
		if trouble := recover(); trouble != nil && trouble != http.ErrAbortHandler {
			d.log.Error("a request went wrong", "target", r.Header.Get("X-Amz-Target"), "panic", trouble, "stack", string(debug.Stack()))
			writeFault(w, r, fmt.Errorf("internal fault: %v", trouble))
		}
	}()
	if k, a, within := d.hosted(r); k != nil {
		serveHosted(w, within, k, a)
		return
	}
	if err := checkSource(r); err != nil {
		writeFault(w, r, err)
		return
	}
	if s := d.find(r); s != nil {
		s.handler.ServeHTTP(w, r)
		return
	}
	d.notFound(w, r)
}

// notFound answers a request that is for no service. It may be a person with a browser who sends it.
func (d *frontDoor) notFound(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Amz-Target") != "" || credentialScope(r) != "" {
		writeFault(w, r, unknownOperation("Nothing here serves this request; served %s.", served(d.services)))
		return
	}
	http.Error(w, fmt.Sprintf("This is an endpoint for AWS clients. Served %s: aws stepfunctions --endpoint-url http://%s list-state-machines",
		served(d.services), r.Host), http.StatusNotFound)
}

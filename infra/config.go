package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"

	"github.com/tutti-run/tutti/internal/schema"
	"github.com/tutti-run/tutti/schemas"
)

// Config is everything that may differ from stage to stage. It is made by configFor, checked there, and read-only after.
type Config struct {
	// Stage is the stage's name. Names that must be unique in an account begin with it, so stages can share one.
	Stage string
	// Account (12 digits) and Region pin the stack to one place. Both empty make a template that deploys wherever the
	// credentials of the moment lead.
	Account, Region string
	// Owner is who answers for what runs, for the tag tutti:owner.
	Owner string
	// TerminationProtection keeps the stack from being deleted.
	TerminationProtection bool
	// Architecture is what the functions are built for.
	Architecture Architecture
	// Tracing sends X-Ray traces of executions and invocations.
	Tracing bool
	Logs    LogConfig
	HTTPAPI HTTPAPIConfig

	EndpointWatch EndpointWatchConfig
}

// LogConfig is how logs are written and kept.
type LogConfig struct {
	// Retention is how long entries are kept. RetentionDays_INFINITE is refused: keeping logs for ever is a cost nobody decided.
	Retention awslogs.RetentionDays
	// Removal is what becomes of log groups with the stack: DESTROY or RETAIN. They are the only resources here that hold
	// anything; functions, roles and the rest are made again from the template and always go with it.
	Removal awscdk.RemovalPolicy
	// Level is the least level of the functions' own lines. State machines always log all events: one that is missing is
	// noticed only when it is needed.
	Level awslambda.ApplicationLogLevel
	// ExecutionData puts the input and output of states into the log. Off where they may say more than the readers of logs
	// should know.
	ExecutionData bool
}

// FunctionConfig is the size of a function.
type FunctionConfig struct {
	// MemoryMB is 128 to 10240; CPU grows with it.
	MemoryMB int
	// Timeout is whole seconds, up to 15 minutes. It must be shorter than the TimeoutSeconds of the states that call the
	// function, so that a hanging function ends as its own error.
	Timeout time.Duration
}

// ScheduleConfig is when something is started.
type ScheduleConfig struct {
	// Expression is "rate(5 minutes)", "cron(0 6 * * ? *)" or "at(2027-01-31T06:00:00)", in UTC.
	Expression string
	Enabled    bool
	// MaxAge is how long EventBridge Scheduler goes on trying a start that failed, 1 minute to 24 hours, and MaxRetries how
	// often, 0 to 185.
	MaxAge     time.Duration
	MaxRetries int
}

// EndpointWatchConfig is the workflow endpoint-watch.
type EndpointWatchConfig struct {
	Probe, Summarize FunctionConfig
	Schedule         ScheduleConfig
	// EventMaxAge is how long an event goes on trying to start an execution, 1 minute to 24 hours.
	EventMaxAge time.Duration
	Input       WatchInput
}

// WatchInput is what the schedule starts endpoint-watch with (schemas/endpoint-watch.input.schema.json).
type WatchInput struct {
	Endpoints     []Endpoint `json:"endpoints"`
	TimeoutMillis int        `json:"timeoutMillis,omitzero"`
	SlowMillis    int        `json:"slowMillis,omitzero"`
	WarnDays      int        `json:"warnDays,omitzero"`
}

// Endpoint is one address to watch; its own thresholds, where given, go before the run's.
type Endpoint struct {
	Name           string `json:"name"`
	URL            string `json:"url"`
	ExpectedStatus int    `json:"expectedStatus,omitzero"`
	TimeoutMillis  int    `json:"timeoutMillis,omitzero"`
	SlowMillis     int    `json:"slowMillis,omitzero"`
	WarnDays       int    `json:"warnDays,omitzero"`
}

// stages returns the configuration of every stage.
func stages() []Config {
	dev := Config{
		Stage:        "dev",
		Owner:        "operations",
		Architecture: ARM64,
		Tracing:      true,
		Logs: LogConfig{
			Retention:     awslogs.RetentionDays_ONE_WEEK,
			Removal:       awscdk.RemovalPolicy_DESTROY,
			Level:         awslambda.ApplicationLogLevel_DEBUG,
			ExecutionData: true,
		},
		// Starting a workflow by hand or from a pipeline is rare; more than this is a loop or an attack.
		HTTPAPI: HTTPAPIConfig{RequestsPerSecond: 5, Burst: 10},
		EndpointWatch: EndpointWatchConfig{
			EventMaxAge: 10 * time.Minute,
			// A probe may take 10 seconds (timeoutMillis in its schema), and compiling its contracts comes on top in a first
			// invocation. Below 256 MB the share of a CPU makes TLS handshakes slow, and they are part of what is measured.
			Probe:     FunctionConfig{MemoryMB: 256, Timeout: 15 * time.Second},
			Summarize: FunctionConfig{MemoryMB: 128, Timeout: 10 * time.Second},
			Schedule: ScheduleConfig{
				Expression: "rate(5 minutes)",
				Enabled:    true,
				MaxAge:     4 * time.Minute,
				MaxRetries: 3,
			},
			Input: WatchInput{
				Endpoints: []Endpoint{
					{Name: "example", URL: "https://example.com/"},
					{Name: "example-missing", URL: "https://example.com/missing", ExpectedStatus: 404},
				},
			},
		},
	}

	prod := dev
	prod.Stage = "prod"
	prod.TerminationProtection = true
	prod.Logs = LogConfig{
		Retention:     awslogs.RetentionDays_THREE_MONTHS,
		Removal:       awscdk.RemovalPolicy_RETAIN,
		Level:         awslambda.ApplicationLogLevel_INFO,
		ExecutionData: false,
	}
	prod.EndpointWatch.Schedule.Expression = "rate(1 minute)"
	prod.EndpointWatch.Schedule.MaxAge = time.Minute
	prod.EndpointWatch.Input = WatchInput{
		Endpoints: []Endpoint{{Name: "example", URL: "https://example.com/"}},
		WarnDays:  30,
	}

	return []Config{dev, prod}
}

// configFor returns the checked configuration of a stage.
func configFor(stage string) (Config, error) {
	var names []string
	for _, c := range stages() {
		if c.Stage == stage {
			return c, c.validate()
		}
		names = append(names, c.Stage)
	}
	return Config{}, fmt.Errorf("stage %q is not one of %s: choose one with -c stage=NAME, or add it to infra/config.go",
		stage, strings.Join(names, ", "))
}

// Shapes of what AWS takes as text. A stage's name goes into names of state machines and log groups; 20 characters leave room.
var (
	stageName   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`)
	accountID   = regexp.MustCompile(`^[0-9]{12}$`)
	regionName  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	rateOf      = regexp.MustCompile(`^rate\(([1-9][0-9]{0,4}) (minute|hour|day)s?\)$`)
	cronOf      = regexp.MustCompile(`^cron\([^\s()]+( [^\s()]+){5}\)$`)
	atOf        = regexp.MustCompile(`^at\(([0-9T:-]+)\)$`)
	periodUnits = map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
)

// validate returns everything that is wrong, joined, each part naming its field.
func (c Config) validate() error {
	var errs []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("config of stage %q: %w", c.Stage, fmt.Errorf(format, args...)))
		}
	}
	require(stageName.MatchString(c.Stage), "Stage: want a lower-case letter, then up to 19 letters, digits or hyphens")
	require((c.Account == "") == (c.Region == ""), "Account and Region: give both, or neither for an environment-agnostic stack")
	require(c.Account == "" || accountID.MatchString(c.Account), "Account: %q is not 12 digits", c.Account)
	require(c.Region == "" || regionName.MatchString(c.Region), "Region: %q is not a region such as eu-central-1", c.Region)
	require(c.Owner != "", "Owner: someone must answer for what runs")
	require(slices.Contains([]Architecture{ARM64, X86_64}, c.Architecture), "Architecture: %q is not %s or %s", c.Architecture, ARM64, X86_64)
	require(c.Logs.Retention != "" && c.Logs.Retention != awslogs.RetentionDays_INFINITE, "Logs.Retention: want an end, have %q", c.Logs.Retention)
	require(c.Logs.Removal == awscdk.RemovalPolicy_DESTROY || c.Logs.Removal == awscdk.RemovalPolicy_RETAIN,
		"Logs.Removal: %q is not DESTROY or RETAIN", c.Logs.Removal)
	require(c.Logs.Level != "", "Logs.Level: want the least level to log")
	for _, f := range []struct {
		name string
		FunctionConfig
	}{{"Probe", c.EndpointWatch.Probe}, {"Summarize", c.EndpointWatch.Summarize}} {
		require(128 <= f.MemoryMB && f.MemoryMB <= 10240, "EndpointWatch.%s.MemoryMB: %d is not 128 to 10240", f.name, f.MemoryMB)
		require(time.Second <= f.Timeout && f.Timeout <= 15*time.Minute && f.Timeout%time.Second == 0,
			"EndpointWatch.%s.Timeout: %v is not whole seconds from 1s to 15m", f.name, f.Timeout)
	}
	require(c.HTTPAPI.RequestsPerSecond >= 1, "HTTPAPI.RequestsPerSecond: %d lets nothing through", c.HTTPAPI.RequestsPerSecond)
	require(c.HTTPAPI.Burst >= 1 && c.HTTPAPI.Burst <= 5000, "HTTPAPI.Burst: %d is not 1 to 5000", c.HTTPAPI.Burst)
	age := c.EndpointWatch.EventMaxAge
	require(time.Minute <= age && age <= 24*time.Hour && age%time.Second == 0, "EndpointWatch.EventMaxAge: %v is not whole seconds from 1m to 24h", age)
	for _, problem := range c.EndpointWatch.Schedule.problems() {
		require(false, "EndpointWatch.Schedule.%s", problem)
	}
	for _, problem := range c.EndpointWatch.Input.problems() {
		require(false, "EndpointWatch.Input%s", problem)
	}
	return errors.Join(errs...)
}

// problems returns what EventBridge Scheduler would refuse, and starts that would come too late to be of use, each beginning with
// the name of the field.
func (s ScheduleConfig) problems() []string {
	var problems []string
	period, ok := s.period()
	if !ok {
		problems = append(problems, fmt.Sprintf("Expression: %q is not rate(N minutes|hours|days), cron(six fields) or at(yyyy-mm-ddThh:mm:ss)", s.Expression))
	}
	if s.MaxAge < time.Minute || s.MaxAge > 24*time.Hour || s.MaxAge%time.Second != 0 {
		problems = append(problems, fmt.Sprintf("MaxAge: %v is not whole seconds from 1m to 24h", s.MaxAge))
	}
	if period > 0 && s.MaxAge > period {
		problems = append(problems, fmt.Sprintf("MaxAge: %v is longer than the period of %s: a start that late would meet the next one", s.MaxAge, s.Expression))
	}
	if s.MaxRetries < 0 || s.MaxRetries > 185 {
		problems = append(problems, fmt.Sprintf("MaxRetries: %d is not 0 to 185", s.MaxRetries))
	}
	return problems
}

// period returns the time between two starts of a rate, 0 for the other expressions, and whether the expression is well-formed.
func (s ScheduleConfig) period() (time.Duration, bool) {
	if m := rateOf.FindStringSubmatch(s.Expression); m != nil {
		n, err := strconv.Atoi(m[1])
		return time.Duration(n) * periodUnits[m[2]], err == nil
	}
	if m := atOf.FindStringSubmatch(s.Expression); m != nil {
		_, err := time.Parse("2006-01-02T15:04:05", m[1])
		return 0, err == nil
	}
	return 0, cronOf.MatchString(s.Expression)
}

// problems returns where the input breaks the workflow's contract, each beginning with the JSON Pointer of the fault.
func (in WatchInput) problems() []string {
	contract, err := schema.Compile(schemas.FS, "endpoint-watch.input.schema.json")
	if err != nil {
		return []string{": " + err.Error()}
	}
	var problems []string
	for _, v := range contract.Validate([]byte(in.text())) {
		problems = append(problems, fmt.Sprintf("%s: %s", v.Pointer, v.Message))
	}
	return problems
}

// text returns the input as JSON.
func (in WatchInput) text() string {
	text, err := json.Marshal(in)
	if err != nil {
		panic(err) // Strings and numbers only: it cannot.
	}
	return string(text)
}

package stack

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/s3"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/value"
)

// sourceMetadata is the key of a resource's metadata that says where its source lies, relative to the project.
const sourceMetadata = "tutti:source"

// deployer makes a resource of one type run.
type deployer func(*Stack, *cfn.Resource) error

// deployers is the table of the types that run here.
var deployers = map[string]deployer{
	"AWS::Logs::LogGroup":              (*Stack).deployLogGroup,   // where functions and executions log, with its retention
	"AWS::Lambda::Function":            (*Stack).deployFunction,   // a process for each concurrent invocation
	"AWS::StepFunctions::StateMachine": (*Stack).deployMachine,    // a definition that executions can be started of
	"AWS::Scheduler::Schedule":         (*Stack).deploySchedule,   // a timer that starts executions
	"AWS::Events::Connection":          (*Stack).deployConnection, // what HTTP tasks authenticate with
	"AWS::S3::Bucket":                  (*Stack).deployBucket,     // a bucket in the data folder
}

// passive lists the types that nothing needs to be done for: they are names and permissions that others refer to.
var passive = map[string]bool{
	"AWS::IAM::Role":       true, // who a function or machine acts as
	"AWS::IAM::Policy":     true, // what it may do
	"AWS::CDK::Metadata":   true, // CDK's statistics
	"AWS::Lambda::Version": true, // a published version: here always the current code
}

// deploy goes through the resources in the order of their dependencies, then builds all functions at once.
func (s *Stack) deploy(ctx context.Context, template *cfn.Template) error {
	others := map[string]int{}
	for _, r := range template.Resources {
		deploy, ok := deployers[r.Type]
		if !ok {
			if !passive[r.Type] {
				others[r.Type]++
			}
			continue
		}
		if err := deploy(s, r); err != nil {
			return fmt.Errorf("%s (%s): %w", r.LogicalID, r.Type, err)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(others)) {
		s.tell(Event{Kind: NotRunHere, Name: kind, Detail: fmt.Sprintf("%s × %d", kind, others[kind])})
	}
	return s.build(ctx)
}

// build builds the functions. One that does not compile is told and answers invocations with an error; it does not stop the others.
func (s *Stack) build(ctx context.Context) error {
	err := s.host.Build(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for i := range s.functions {
		s.functions[i].Err = buildErrorOf(err, s.functions[i].Name)
	}
	return nil
}

// buildErrorOf finds the function's own error among joined ones.
func buildErrorOf(err error, name string) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			if found := buildErrorOf(one, name); found != nil {
				return found
			}
		}
		return nil
	}
	var failed *lambda.BuildError
	if errors.As(err, &failed) && failed.Function == name {
		return failed
	}
	return nil
}

// deployBucket makes the bucket, or keeps the one that is there with all its objects.
func (s *Stack) deployBucket(r *cfn.Resource) error {
	err := s.objects.CreateBucket(r.Name)
	var refused *s3.Error
	if errors.As(err, &refused) && refused.Code == s3.BucketAlreadyOwnedByYou {
		return nil
	}
	return err
}

func (s *Stack) deployFunction(r *cfn.Resource) error {
	source := metadata(r, sourceMetadata)
	if source == "" {
		s.tell(Event{Kind: NotRunHere, Name: r.Name, Detail: "the template does not say where its source lies (metadata " + sourceMetadata + ")"})
		return nil
	}
	info := FunctionInfo{Name: r.Name, ARN: s.cfg.Place.FunctionARN(r.Name), Source: source}
	folder, err := within(s.cfg.Project, source)
	if err != nil {
		return fmt.Errorf("metadata %s: %w", sourceMetadata, err)
	}
	p := r.Read()
	logging := p.Block("LoggingConfig")
	f := lambda.Function{
		Name: info.Name, ARN: info.ARN, Source: folder,
		Handler:     p.String("Handler"),
		Timeout:     time.Duration(p.Int("Timeout", 3)) * time.Second,
		MemoryMB:    int(p.Int("MemorySize", 128)),
		LogGroup:    logging.String("LogGroup"),
		Environment: environment(p),
		Credentials: credentials(p.String("Role")),
	}
	if p.Has("ReservedConcurrentExecutions") {
		limit := int(p.Int("ReservedConcurrentExecutions", 0))
		f.ReservedConcurrency = &limit
	}
	if err := p.Err(); err != nil {
		return err
	}
	if err := s.host.Register(f); err != nil {
		return err
	}
	s.functions = append(s.functions, info)
	return nil
}

// environment is what a function finds in its environment of its own configuration.
func environment(p *cfn.Block) map[string]string {
	variables := map[string]string{}
	own := p.Block("Environment").Block("Variables")
	for _, name := range own.Names() {
		variables[name] = own.String(name)
	}
	// Lambda hands the logging configuration to the function in these two.
	logging := p.Block("LoggingConfig")
	if format := logging.String("LogFormat"); format != "" {
		variables["AWS_LAMBDA_LOG_FORMAT"] = format
	}
	if level := logging.String("ApplicationLogLevel"); level != "" {
		variables["AWS_LAMBDA_LOG_LEVEL"] = level
	}
	return variables
}

// credentials are the role's own for this process. They open nothing but the local endpoint.
func credentials(role string) lambda.Credentials {
	digest := sha256.Sum256([]byte(role))
	return lambda.Credentials{
		AccessKeyID:     "ASIA" + strings.ToUpper(hex.EncodeToString(digest[:8])),
		SecretAccessKey: rand.Text(),
		SessionToken:    rand.Text(),
	}
}

func (s *Stack) deployMachine(r *cfn.Resource) error {
	info := MachineInfo{Name: r.Name, ARN: s.cfg.Place.StateMachineARN(r.Name)}
	p := r.Read()
	if err := s.definition(r, p, &info); err != nil {
		return err
	}
	kind := sfn.MachineType(p.OneOf("StateMachineType", string(sfn.Standard), string(sfn.Standard), string(sfn.Express)))
	definition := runner.Definition{
		Name: r.Name, Type: kind, Text: substitute(info.Text, p.Block("DefinitionSubstitutions")), RoleARN: p.String("RoleArn"),
		Logging: logging(p),
	}
	if err := p.Err(); err != nil {
		return err
	}
	// Checked as written, so that places are those of the file; placeholders in strings do no harm.
	_, info.Diagnostics = asl.Parse(info.Text, asl.Options{Type: kind})
	_, err := s.runner.PutMachine(s.cfg.Place, definition)
	var invalid *runner.InvalidDefinitionError
	switch {
	case errors.As(err, &invalid):
		info.Err = invalid
		if len(info.Diagnostics) == 0 {
			info.Diagnostics = invalid.Diagnostics
		}
		s.tell(Event{Kind: MachineRefused, Name: info.Name, Err: invalid})
	case err != nil:
		return err
	default:
		s.tell(Event{Kind: MachineReady, Name: info.Name, Detail: info.ARN})
	}
	s.machines = append(s.machines, info)
	return nil
}

// definition finds the definition's text: in the source file if there is one, so that an edited file runs without a synth, else in the
// template.
func (s *Stack) definition(r *cfn.Resource, p *cfn.Block, info *MachineInfo) error {
	inTemplate := p.String("DefinitionString")
	if inTemplate == "" && p.Has("Definition") {
		inTemplate = value.Text(p.Value("Definition"))
	}
	info.Text = inTemplate
	source := metadata(r, sourceMetadata)
	if source == "" {
		if inTemplate == "" {
			return errors.New("the template has no definition (DefinitionString or Definition), and its metadata does not say where one lies")
		}
		return nil
	}
	file, err := within(s.cfg.Project, source)
	if err != nil {
		return fmt.Errorf("metadata %s: %w", sourceMetadata, err)
	}
	definition, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	info.Source, info.Text = source, string(definition)
	info.Name = strings.TrimSuffix(strings.TrimSuffix(path.Base(filepath.ToSlash(source)), ".json"), ".asl")
	if inTemplate != "" && inTemplate != info.Text {
		s.tell(Event{Kind: MachineWarned, Name: info.Name, Detail: source + " differs from the template: the file runs here, the template would be deployed"})
	}
	return nil
}

// substitute puts the values of DefinitionSubstitutions in the place of ${name} (CloudFormation, AWS::StepFunctions::StateMachine).
func substitute(definition string, substitutions *cfn.Block) string {
	var pairs []string
	for _, name := range substitutions.Names() {
		pairs = append(pairs, "${"+name+"}", substitutions.String(name))
	}
	return strings.NewReplacer(pairs...).Replace(definition)
}

// metadata is a text in the resource's metadata, "" if there is none.
func metadata(r *cfn.Resource, key string) string {
	if r.Metadata == nil {
		return ""
	}
	v, _ := r.Metadata.Get(key)
	s, _ := v.(value.String)
	return string(s)
}

func (s *Stack) deploySchedule(r *cfn.Resource) error {
	p := r.Read()
	target, window := p.Block("Target"), p.Block("FlexibleTimeWindow")
	arn, input := target.String("Arn"), target.String("Input")
	expression, zone := p.String("ScheduleExpression"), p.String("ScheduleExpressionTimezone")
	job := trigger.Job{
		Name:     r.Name,
		Disabled: p.OneOf("State", "ENABLED", "ENABLED", "DISABLED") == "DISABLED",
		Run:      func(ctx context.Context, due time.Time) { s.fire(ctx, r.Name, arn, input, due) },
	}
	if window.OneOf("Mode", "OFF", "OFF", "FLEXIBLE") == "FLEXIBLE" {
		job.Window = time.Duration(window.Int("MaximumWindowInMinutes", 1)) * time.Minute
	}
	if err := p.Err(); err != nil {
		return err
	}
	if err := s.schedule(job, expression, zone, arn); err != nil {
		s.tell(Event{Kind: ScheduleRefused, Name: r.Name, Detail: expression, Err: err})
		return nil
	}
	s.targets[r.Name] = arn
	s.tell(Event{Kind: ScheduleReady, Name: r.Name, Detail: expression})
	return nil
}

func (s *Stack) schedule(job trigger.Job, expression, zone, target string) error {
	schedule, err := trigger.Parse(expression, zone)
	if err != nil {
		return err
	}
	if _, err := sfn.ParseMachineARN(target); err != nil {
		return fmt.Errorf("the target %s is no state machine; others are not served here", target)
	}
	job.Schedule = schedule
	return s.scheduler.Add(job)
}

// fire starts an execution because a schedule is due. Its name is made of the schedule and the time it was due at, so that a schedule that is asked
// twice starts once.
func (s *Stack) fire(ctx context.Context, schedule, machine, input string, due time.Time) {
	digest := sha256.Sum256([]byte(schedule + strconv.FormatInt(due.UnixMilli(), 10)))
	_, err := s.runner.StartExecution(ctx, runner.StartRequest{
		MachineARN: machine, Input: input, Name: hex.EncodeToString(digest[:16]),
	})
	if err != nil {
		s.cfg.Log.Error("a schedule could not start its execution", "schedule", schedule, "machine", machine, "error", err)
	}
}

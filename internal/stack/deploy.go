package stack

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/lambda/control"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
	"github.com/tutti-run/tutti/internal/value"
)

// sourceMetadata is the key of a resource's metadata that says where its source lies, relative to the project.
const sourceMetadata = "tutti:source"

// deployer makes a resource of one type run.
type deployer func(*Stack, *unit, *cfn.Resource) error

// deployers is the table of the types that run here.
func deployers() map[string]deployer {
	return map[string]deployer{
		"AWS::Logs::LogGroup":                     (*Stack).deployLogGroup,       // where functions and executions log, with its retention
		"AWS::Lambda::Function":                   (*Stack).deployFunction,       // a process for each concurrent invocation
		"AWS::Lambda::Version":                    (*Stack).deployVersion,        // the function as it is now, under a number
		"AWS::Lambda::EventInvokeConfig":          (*Stack).deployEventConfig,    // how a function's events are delivered
		"AWS::Lambda::Alias":                      (*Stack).deployAlias,          // a name for a version
		"AWS::Lambda::Url":                        (*Stack).deployFunctionURL,    // a function over HTTP
		"AWS::StepFunctions::StateMachine":        (*Stack).deployMachine,        // a definition that executions can be started of
		"AWS::StepFunctions::StateMachineVersion": (*Stack).deployMachineVersion, // the machine as it is now, under a number
		"AWS::StepFunctions::StateMachineAlias":   (*Stack).deployMachineAlias,   // a name for one or two versions
		"AWS::StepFunctions::Activity":            (*Stack).deployActivity,       // tasks for workers anywhere
		"AWS::Scheduler::Schedule":                (*Stack).deploySchedule,       // a timer that starts executions and invokes functions
		"AWS::Scheduler::ScheduleGroup":           (*Stack).deployScheduleGroup,  // a name for several schedules
		"AWS::Events::Rule":                       (*Stack).deployRule,           // the same, if it goes by time; else sends events that match to targets
		"AWS::Events::EventBus":                   (*Stack).deployEventBus,       // where rules listen
		"AWS::Events::EventBusPolicy":             (*Stack).deployEventBusPolicy, // who may put events
		"AWS::Events::Archive":                    (*Stack).deployArchive,        // what a bus's events are kept in, to be replayed
		"AWS::Events::Connection":                 (*Stack).deployConnection,     // what HTTP tasks and API destinations authenticate with
		"AWS::Events::ApiDestination":             (*Stack).deployAPIDestination, // an HTTP endpoint that rules send events to
		"AWS::ApiGatewayV2::Api":                  (*Stack).deployHTTPAPI,        // routes over HTTP
		"AWS::ApiGatewayV2::Route":                (*Stack).deployRoute,          // one of them
		"AWS::ApiGatewayV2::Integration":          (*Stack).deployIntegration,    // where routes lead
		"AWS::ApiGatewayV2::Authorizer":           (*Stack).deployAuthorizer,     // who may pass
		"AWS::ApiGatewayV2::Stage":                (*Stack).deployStage,          // the API under a name, with its throttles and log
		"AWS::ApiGateway::RestApi":                (*Stack).deployRestAPI,        // methods over HTTP, with templates and validators
		"AWS::ApiGateway::Resource":               (*Stack).deployResource,       // a path of one
		"AWS::ApiGateway::Method":                 (*Stack).deployMethod,         // what a path does with a verb
		"AWS::ApiGateway::Deployment":             (*Stack).deployDeployment,     // a snapshot of methods, which are always the template's; it may name a stage
		"AWS::ApiGateway::Stage":                  (*Stack).deployRestStage,      // the API under a name
		"AWS::ApiGateway::Model":                  (*Stack).deployModel,          // what bodies are like
		"AWS::ApiGateway::RequestValidator":       (*Stack).deployValidator,      // what of requests is checked
		"AWS::ApiGateway::Authorizer":             (*Stack).deployRestAuthorizer, // who may pass
		"AWS::ApiGateway::GatewayResponse":        (*Stack).deployGatewayAnswer,  // what the gateway answers by itself
		"AWS::ApiGateway::ApiKey":                 (*Stack).deployAPIKey,         // what callers show
		"AWS::ApiGateway::UsagePlan":              (*Stack).deployUsagePlan,      // how much they may call
		"AWS::ApiGateway::UsagePlanKey":           (*Stack).deployUsagePlanKey,   // whom a plan is for
		"AWS::CloudWatch::Alarm":                  (*Stack).deployAlarm,          // a condition on metrics that is evaluated
		"AWS::CloudWatch::CompositeAlarm":         (*Stack).deployCompositeAlarm, // one on other alarms
		"AWS::Logs::MetricFilter":                 (*Stack).deployMetricFilter,   // what of a log group's events is counted
		"AWS::CloudWatch::Dashboard":              (*Stack).deployDashboard,      // a text that is kept
		"AWS::S3::Bucket":                         (*Stack).deployBucket,         // a bucket in the data folder
		"AWS::SQS::Queue":                         (*Stack).deployQueue,          // a queue in the data folder
		"AWS::SNS::Topic":                         (*Stack).deployTopic,          // a topic with its subscriptions
		"AWS::SNS::Subscription":                  (*Stack).deploySubscription,   // who gets a topic's messages
		"AWS::Lambda::EventSourceMapping":         (*Stack).deployMapping,        // polls a queue for a function
		layerType:                                 (*Stack).deployLayer,          // modules that functions share
		"Custom::S3BucketNotifications":           (*Stack).deployBucketNotices,  // CDK's way to have objects told of
		"Custom::LogRetention":                    (*Stack).deployLogRetention,   // CDK's way to set how long a group keeps events
	}
}

// passive lists the types that nothing needs to be done for: they are names and permissions that others refer to.
var passive = map[string]bool{
	"AWS::IAM::Role":                true, // who a function or machine acts as
	"AWS::IAM::Policy":              true, // what it may do
	"AWS::IAM::ManagedPolicy":       true, // what several may do
	"AWS::Lambda::Permission":       true, // who may invoke a function
	"AWS::Logs::ResourcePolicy":     true, // who may write logs
	"AWS::SQS::QueuePolicy":         true, // who may use queues
	"AWS::SNS::TopicPolicy":         true, // who may use topics
	"AWS::ApiGatewayV2::Deployment": true, // a snapshot of routes; they are always those of the template here
	"AWS::ApiGateway::Account":      true, // whom API Gateway writes logs as
	"AWS::KMS::Key":                 true, // an identity that others name; nothing is encrypted here
	"AWS::KMS::Alias":               true, // a name for a key
	"AWS::S3::BucketPolicy":         true, // who may use a bucket
	"AWS::CDK::Metadata":            true, // CDK's statistics

	"AWS::Lambda::LayerVersionPermission": true, // who may use a layer
	"Custom::CloudwatchLogResourcePolicy": true, // CDK's way to say who may write logs
	"Custom::S3AutoDeleteObjects":         true, // CDK's way to empty a bucket that is deleted with its stack
}

// deployment is what a run of deploy came to.
type deployment struct {
	watching      watching // alarms and dashboards
	functions     []FunctionInfo
	machines      []MachineInfo
	scheduled     schedulesOf                   // schedules and their groups
	rules         map[string]bool               // of templates, by bus and name
	statements    map[string][]*value.Object    // of policies, by bus
	archives      map[string]bool               // of events, by name
	ruleTargets   []ruleTargets                 // of the rules that were put
	labels        map[string]int                // how often each short name was asked for
	watched       []string                      // files and folders whose changes matter
	versions      map[string]string             // of machines: the ARN that the template works out, and the one that was published
	placed        map[string]control.Deployment // the functions that the control plane was given, by name
	aliases       map[string][]string           // of functions, by their names
	configs       map[string][]string           // the qualifiers with settings for events, by the functions' names
	urls          map[string][]string           // the qualifiers with a URL, likewise
	apis          map[string]*httpapi.API
	apiOrder      []string // the ids of apis, as the templates have them
	rest          *restAPIs
	places        map[string]string // where routes and methods stand, by API and what problems call them
	served        []servedAPI
	mappings      []string         // the UUIDs of event source mappings
	subscriptions map[string]bool  // the ARNs of subscriptions to topics
	layers        map[string]layer // by ARN
}

// deploy puts all functions in place, builds them at once and publishes their versions, whose numbers are in the ARNs that other resources have.
// Then it goes through those in the order of their dependencies. What it came to takes the place of what there was.
func (s *Stack) deploy(ctx context.Context, units []*unit) error {
	s.deploying.Lock()
	defer s.deploying.Unlock()
	s.next = &deployment{rules: map[string]bool{}, archives: map[string]bool{}, labels: map[string]int{}, subscriptions: map[string]bool{},
		versions: map[string]string{}, placed: map[string]control.Deployment{},
		aliases: map[string][]string{}, configs: map[string][]string{}, urls: map[string][]string{}, places: map[string]string{}, layers: map[string]layer{}}
	units, err := s.deployFunctions(ctx, units)
	if err != nil {
		return err
	}
	table := deployers()
	for _, u := range units {
		if err := s.deployUnit(u, table); err != nil {
			return err
		}
	}
	for name := range s.next.placed {
		if err := s.plane.Settle(name, control.Settled{Aliases: s.next.aliases[name], Configs: s.next.configs[name], URLs: s.next.urls[name]}); err != nil {
			return err
		}
	}
	if err := errors.Join(s.plane.SettleMappings(s.next.mappings), s.settleTopics()); err != nil {
		return err
	}
	if err := s.settleWatching(); err != nil {
		return err
	}
	s.serveHTTPAPIs()
	if err := s.putSchedules(&s.next.scheduled); err != nil {
		return err
	}
	s.putStatements()
	if err := s.events.WithdrawArchives(func(name string) bool { return s.next.archives[name] }); err != nil {
		return err
	}
	s.tellRules(s.next.ruleTargets)
	s.mu.Lock()
	gone := missing(s.current.functions, s.next.functions)
	s.current, s.next = s.next, nil
	s.mu.Unlock()
	for _, name := range gone {
		s.plane.Withdraw(name)
	}
	return nil
}

// deployUnit makes a stack's resources run, each after those that it needs; a stack within it is one of them.
func (s *Stack) deployUnit(u *unit, table map[string]deployer) error {
	s.next.watched = append(s.next.watched, u.files...)
	for _, r := range u.template.Resources {
		deploy, ok := table[r.Type]
		switch {
		case r.Nested != nil:
			if err := s.deployUnit(u.nested[r.LogicalID], table); err != nil {
				return err
			}
		case ok && r.Type != functionType:
			if err := deploy(s, u, r); err != nil {
				return faultOf(r, err)
			}
		}
	}
	s.tellOthers(u, table)
	return nil
}

// functionType is the type of the resources that are deployed before all others.
const functionType = "AWS::Lambda::Function"

// faultOf says which resource cannot be deployed, and where it is. Problems of the template say so themselves.
func faultOf(r *cfn.Resource, err error) error {
	var problems cfn.Problems
	if errors.As(err, &problems) {
		return err
	}
	return fmt.Errorf("%s (%s): %w", r.Place(), r.Type, err)
}

// deployFunctions puts the functions in place and publishes versions. It returns the units in their order, with the
// versions' numbers in them.
func (s *Stack) deployFunctions(ctx context.Context, units []*unit) ([]*unit, error) {
	numbers := map[string]string{}
	for _, u := range withNested(units) {
		for _, r := range u.template.OfType(versionType) {
			if number := s.plane.LastVersion(versionedFunction(r)); number != "" {
				numbers[versionedFunction(r)] = number
			}
		}
	}
	var err error
	if len(numbers) > 0 {
		if units, err = resolveUnits(&s.cfg, units, numbers); err != nil {
			return nil, err
		}
	}
	s.gatherLayers(units)
	for _, u := range withNested(units) {
		for _, r := range u.template.OfType(functionType) {
			if err := s.deployFunction(u, r); err != nil {
				return nil, faultOf(r, err)
			}
		}
	}
	err = s.build(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for i, f := range s.next.functions {
		if failed := buildErrorOf(err, f.Name); failed != nil {
			s.next.functions[i].Err = failed
		}
	}
	return units, s.publishVersions(ctx, units, numbers)
}

// missing returns the names of the functions that are not there any more.
func missing(before, after []FunctionInfo) []string {
	var names []string
	for _, f := range before {
		if !slices.ContainsFunc(after, func(g FunctionInfo) bool { return g.Name == f.Name }) {
			names = append(names, f.Name)
		}
	}
	return names
}

// tellOthers tells which types are not run here, and which of what runs here needs them.
func (s *Stack) tellOthers(u *unit, table map[string]deployer) {
	runs := func(r *cfn.Resource) bool { return table[r.Type] != nil || r.Nested != nil }
	counts, needed := map[string]int{}, map[string][]string{}
	kinds := map[string]string{}
	for _, r := range u.template.Resources {
		if !runs(r) && !passive[r.Type] {
			counts[r.Type]++
			kinds[r.LogicalID] = r.Type
		}
	}
	for _, r := range u.template.Resources {
		for _, id := range r.DependsOn {
			if kind := kinds[id]; kind != "" && runs(r) && !slices.Contains(needed[kind], r.LogicalID) {
				needed[kind] = append(needed[kind], r.LogicalID)
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		s.tell(Event{Kind: NotRunHere, Name: kind, Detail: fmt.Sprintf("%s × %d", kind, counts[kind]), NeededBy: needed[kind]})
	}
	for _, reference := range u.template.Unresolved {
		var users []string
		for _, r := range u.template.Resources {
			if runs(r) && strings.Contains(value.Text(r.Properties), "{{resolve:"+reference+"}}") {
				users = append(users, r.LogicalID)
			}
		}
		if len(users) > 0 {
			s.tell(Event{Kind: NotRunHere, Name: reference, Detail: "{{resolve:" + reference + "}} stays as it is; give it a value: --resolve " + reference + "=VALUE", NeededBy: users})
		}
	}
}

// build builds the functions. One that does not compile is told and answers invocations with an error; it does not stop the others.
func (s *Stack) build(ctx context.Context) error { return s.host.Build(ctx) }

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

func (s *Stack) deployFunction(u *unit, r *cfn.Resource) error {
	d, err := functionDeployment(r)
	if err != nil {
		return err
	}
	info := FunctionInfo{Name: r.Name, ARN: s.cfg.Place.FunctionARN(r.Name), Label: s.label(r)}
	c, err := s.codeOf(u, r)
	info.Source = c.shown
	if c.watch != "" {
		s.next.watched = append(s.next.watched, c.watch)
	}
	switch {
	case err != nil && metadata(r, sourceMetadata) != "":
		return err
	case err != nil: // somebody else's: the others run all the same
		info.Err = err
		s.next.functions = append(s.next.functions, info)
		s.tell(Event{Kind: FunctionRefused, Name: info.Label, Err: err})
		return nil
	}
	d.Source, d.Binary = c.source, c.binary
	if c.binary != "" {
		// A process serves on while its executable's path stays; changed code behind it needs another one.
		d.Stamp = c.stamp()
		if old, ok := s.current.placed[r.Name]; ok && old.Stamp != d.Stamp {
			s.host.Remove(r.Name)
		}
	}
	s.next.placed[r.Name] = d
	if err := s.plane.Deploy(d); err != nil {
		return err
	}
	s.next.functions = append(s.next.functions, info)
	return nil
}

// label is what people call a resource: by its source's name where there is one of the project's own, by its construct's name in a CDK
// app, else by its logical id. The second one of a name is called by its physical name.
func (s *Stack) label(r *cfn.Resource) string {
	label := r.LogicalID
	if path := metadata(r, "aws:cdk:path"); path != "" {
		parts := strings.Split(strings.TrimSuffix(path, "/Resource"), "/")
		label = parts[len(parts)-1]
	}
	if source := metadata(r, sourceMetadata); source != "" {
		label = path.Base(filepath.ToSlash(source))
	}
	if s.next.labels[label]++; s.next.labels[label] > 1 {
		return r.Name
	}
	return label
}

// credentialsOf are the role's own for this process. They open nothing but the local endpoint.
func (s *Stack) credentialsOf(role string) lambda.Credentials {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.credentials[role]
	if !ok {
		digest := sha256.Sum256([]byte(role))
		c = lambda.Credentials{
			AccessKeyID:     "ASIA" + strings.ToUpper(hex.EncodeToString(digest[:8])),
			SecretAccessKey: rand.Text(),
			SessionToken:    rand.Text(),
		}
		s.credentials[role] = c
	}
	return c
}

func (s *Stack) deployMachine(u *unit, r *cfn.Resource) error {
	info := MachineInfo{Name: r.Name, ARN: s.cfg.Place.StateMachineARN(r.Name)}
	p := r.Read()
	if err := s.definition(u, r, p, &info); err != nil {
		if metadata(r, sourceMetadata) != "" {
			return err
		}
		info.Name, info.Err = s.label(r), err
		s.next.machines = append(s.next.machines, info)
		s.tell(Event{Kind: MachineRefused, Name: info.Name, Err: err})
		return nil
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
	s.next.machines = append(s.next.machines, info)
	return nil
}

// definition finds the definition's text: in the source file if there is one, so that an edited file runs without a synth, else in the
// template.
func (s *Stack) definition(u *unit, r *cfn.Resource, p *cfn.Block, info *MachineInfo) error {
	inTemplate := p.String("DefinitionString")
	if inTemplate == "" && p.Has("Definition") {
		inTemplate = value.Text(p.Value("Definition"))
	}
	if metadata(r, sourceMetadata) == "" && inTemplate != "" {
		info.Name = s.label(r)
		text, err := jsonDefinition(info.Name, inTemplate)
		info.Text = text
		return err
	}
	if metadata(r, sourceMetadata) == "" && !p.Has("DefinitionS3Location") {
		return errors.New("the template has no definition (DefinitionString, Definition or DefinitionS3Location), and its metadata does not say where one lies")
	}
	file, err := u.located(s.cfg.Project, r, "DefinitionS3Location", p.Value("DefinitionS3Location"), "Bucket", "Key")
	if err != nil {
		return err
	}
	definition, err := readFile(file, maxDefinitionFile)
	if err != nil {
		return err
	}
	s.next.watched = append(s.next.watched, file)
	info.Source = filepath.ToSlash(shownPath(s.cfg.Project, file))
	if info.Text, err = jsonDefinition(info.Source, string(definition)); err != nil {
		return err
	}
	info.Name = s.machineLabel(r, info.Source)
	if inTemplate != "" && inTemplate != info.Text {
		s.tell(Event{Kind: MachineWarned, Name: info.Name, Detail: info.Source + " differs from the template: the file runs here, the template would be deployed"})
	}
	return nil
}

// maxDefinitionFile bounds what is read of a file that is said to be a definition, before its quota is checked.
const maxDefinitionFile = 4 << 20

// machineLabel is what people call a machine: its file, unless that is an asset, whose name is a digest.
func (s *Stack) machineLabel(r *cfn.Resource, source string) string {
	name := path.Base(source)
	if strings.HasPrefix(name, "asset.") {
		return s.label(r)
	}
	for _, ending := range []string{".json", ".yaml", ".yml", ".asl"} {
		name = strings.TrimSuffix(name, ending)
	}
	if s.next.labels[name]++; s.next.labels[name] > 1 {
		return r.Name
	}
	return name
}

// jsonDefinition returns a definition as JSON: CloudFormation takes YAML, too.
func jsonDefinition(file, text string) (string, error) {
	if strings.HasPrefix(strings.TrimLeft(text, " \t\r\n\ufeff"), "{") {
		return text, nil
	}
	return cfn.YAMLAsJSON(file, []byte(text))
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
func metadata(r *cfn.Resource, key string) string { return value.TextAt(r.Metadata, key) }

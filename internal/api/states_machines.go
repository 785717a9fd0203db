package api

import (
	"context"
	"slices"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// The shapes of a machine's configuration in requests.

type loggingInput struct {
	Level                sfn.OptString         `json:"level" model:"enum=LogLevel"`
	IncludeExecutionData bool                  `json:"includeExecutionData"`
	Destinations         []logDestinationInput `json:"destinations"`
}

type logDestinationInput struct {
	CloudWatchLogsLogGroup *destinationGroupInput `json:"cloudWatchLogsLogGroup"`
}

type destinationGroupInput struct {
	LogGroupARN sfn.OptString `json:"logGroupArn" model:"length=1:256"`
}

func (in *loggingInput) configuration() *sfn.LoggingConfiguration {
	if in == nil {
		return nil
	}
	c := sfn.LoggingConfiguration{Level: sfn.LogLevel(in.Level.Text), IncludeExecutionData: in.IncludeExecutionData}.WithDefaults()
	for _, d := range in.Destinations {
		var destination sfn.LogDestination
		if d.CloudWatchLogsLogGroup != nil {
			destination.CloudWatchLogsLogGroup = &sfn.LogGroupDestination{LogGroupARN: d.CloudWatchLogsLogGroup.LogGroupARN.Text}
		}
		c.Destinations = append(c.Destinations, destination)
	}
	return &c
}

type tracingInput struct {
	Enabled bool `json:"enabled"`
}

func (in *tracingInput) configuration() *sfn.TracingConfiguration {
	if in == nil {
		return nil
	}
	return &sfn.TracingConfiguration{Enabled: in.Enabled}
}

type encryptionInput struct {
	KMSKeyID           sfn.OptString `json:"kmsKeyId" model:"length=1:2048"`
	ReusePeriodSeconds optInt        `json:"kmsDataKeyReusePeriodSeconds" model:"range=60:900"`
	Type               sfn.OptString `json:"type" model:"required,enum=EncryptionType"`
}

func (in *encryptionInput) configuration() *sfn.EncryptionConfiguration {
	if in == nil {
		return nil
	}
	c := sfn.EncryptionConfiguration{Type: sfn.EncryptionType(in.Type.Text), KMSKeyID: in.KMSKeyID.Text, ReusePeriodSeconds: in.ReusePeriodSeconds.n}.WithDefaults()
	return &c
}

// orZero is what a pointer points to, zero for nil.
func orZero[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

type createStateMachineInput struct {
	Name               sfn.OptString    `json:"name" model:"required,length=1:80"`
	Definition         sfn.OptString    `json:"definition" model:"required,length=1:1048576,sensitive"`
	RoleARN            sfn.OptString    `json:"roleArn" model:"required,length=1:256,arn=role"`
	Type               sfn.OptString    `json:"type" model:"enum=StateMachineType"`
	Logging            *loggingInput    `json:"loggingConfiguration"`
	Tags               []tagInput       `json:"tags"`
	Tracing            *tracingInput    `json:"tracingConfiguration"`
	Publish            bool             `json:"publish"`
	VersionDescription sfn.OptString    `json:"versionDescription" model:"length=:256,sensitive"`
	Encryption         *encryptionInput `json:"encryptionConfiguration"`
}

type createStateMachineOutput struct {
	StateMachineARN        string    `json:"stateMachineArn"`
	CreationDate           timestamp `json:"creationDate"`
	StateMachineVersionARN string    `json:"stateMachineVersionArn,omitempty"`
}

func (s *stepFunctions) createStateMachine(ctx context.Context, in *createStateMachineInput) (*createStateMachineOutput, error) {
	created, err := s.backend.CreateMachine(s.place(ctx), runner.NewMachine{
		Definition: runner.Definition{
			Name: in.Name.Text, Type: sfn.MachineType(in.Type.Text), Text: in.Definition.Text, RoleARN: in.RoleARN.Text,
			Logging: orZero(in.Logging.configuration()), Tracing: orZero(in.Tracing.configuration()),
			Encryption: orZero(in.Encryption.configuration()), Tags: tagsOf(in.Tags),
		},
		Publish: in.Publish, VersionDescription: in.VersionDescription.Text,
	})
	if err != nil {
		return nil, err
	}
	return &createStateMachineOutput{created.ARN, timestamp{created.Created}, created.VersionARN}, nil
}

type updateStateMachineInput struct {
	StateMachineARN    sfn.OptString    `json:"stateMachineArn" model:"required,length=1:256,arn=stateMachine"`
	Definition         sfn.OptString    `json:"definition" model:"length=1:1048576,sensitive"`
	RoleARN            sfn.OptString    `json:"roleArn" model:"length=1:256,arn=role"`
	Logging            *loggingInput    `json:"loggingConfiguration"`
	Tracing            *tracingInput    `json:"tracingConfiguration"`
	Publish            bool             `json:"publish"`
	VersionDescription sfn.OptString    `json:"versionDescription" model:"length=:256,sensitive"`
	Encryption         *encryptionInput `json:"encryptionConfiguration"`
}

type updateStateMachineOutput struct {
	UpdateDate             timestamp `json:"updateDate"`
	RevisionID             string    `json:"revisionId,omitempty"`
	StateMachineVersionARN string    `json:"stateMachineVersionArn,omitempty"`
}

func (s *stepFunctions) updateStateMachine(_ context.Context, in *updateStateMachineInput) (*updateStateMachineOutput, error) {
	if _, err := unqualified(in.StateMachineARN); err != nil {
		return nil, err
	}
	updated, err := s.backend.UpdateMachine(in.StateMachineARN.Text, runner.MachineUpdate{
		Definition: in.Definition, RoleARN: in.RoleARN, Logging: in.Logging.configuration(), Tracing: in.Tracing.configuration(),
		Encryption: in.Encryption.configuration(), Publish: in.Publish, VersionDescription: in.VersionDescription.Text,
	})
	if err != nil {
		return nil, err
	}
	return &updateStateMachineOutput{timestamp{updated.Updated}, updated.RevisionID, updated.VersionARN}, nil
}

// unlabelled takes a machine's ARN apart and refuses that of a distributed Map's machine.
func unlabelled(arn sfn.OptString) (sfn.MachineARN, error) {
	parsed, err := sfn.ParseMachineARN(arn.Text)
	if err != nil {
		return parsed, err
	}
	if parsed.Label != "" {
		labelled := sfn.Refuse(sfn.ValidationException, "This operation does not support labeled state machine ARNs: '%s'", arn.Text)
		labelled.Reason = sfn.ReasonLabeledARN
		return parsed, labelled
	}
	return parsed, nil
}

// unqualified takes a machine's ARN apart. To operations on machines, one with a version or alias is none that exists.
func unqualified(arn sfn.OptString) (sfn.MachineARN, error) {
	parsed, err := unlabelled(arn)
	if err == nil && parsed.Qualifier != "" {
		err = sfn.Refuse(sfn.StateMachineDoesNotExist, "State Machine Does Not Exist: '%s'", arn.Text)
	}
	return parsed, err
}

type deleteStateMachineInput struct {
	StateMachineARN sfn.OptString `json:"stateMachineArn" model:"required,length=1:256,arn=stateMachine"`
}

// deleteStateMachine succeeds with whatever is not there.
func (s *stepFunctions) deleteStateMachine(_ context.Context, in *deleteStateMachineInput) (nothing, error) {
	parsed, err := unlabelled(in.StateMachineARN)
	if err != nil || parsed.Qualifier != "" {
		return nothing{}, err
	}
	return nothing{}, s.backend.DeleteMachine(in.StateMachineARN.Text)
}

type listStateMachinesInput struct {
	MaxResults optInt        `json:"maxResults" model:"range=0:1000"`
	NextToken  sfn.OptString `json:"nextToken" model:"length=1:1024"`
}

type listStateMachinesOutput struct {
	StateMachines []stateMachineListItem `json:"stateMachines"`
	NextToken     string                 `json:"nextToken,omitempty"`
}

type stateMachineListItem struct {
	StateMachineARN string          `json:"stateMachineArn"`
	Name            string          `json:"name"`
	Type            sfn.MachineType `json:"type"`
	CreationDate    timestamp       `json:"creationDate"`
}

// listStateMachines lists by ARN, as AWS does.
func (s *stepFunctions) listStateMachines(ctx context.Context, in *listStateMachinesInput) (*listStateMachinesOutput, error) {
	machines, err := s.backend.Machines()
	if err != nil {
		return nil, err
	}
	place := s.place(ctx)
	machines = slices.DeleteFunc(machines, func(m store.Machine) bool { return m.ARN != place.StateMachineARN(m.Name) })
	list, next, err := page(machines, func(m store.Machine) string { return m.ARN },
		"ListStateMachines\x00"+place.StateMachineARN(""), in.MaxResults, in.NextToken, s.now())
	if err != nil {
		return nil, err
	}
	out := &listStateMachinesOutput{StateMachines: []stateMachineListItem{}, NextToken: next}
	for _, m := range list {
		out.StateMachines = append(out.StateMachines, stateMachineListItem{m.ARN, m.Name, m.Type, timestamp{m.Created}})
	}
	return out, nil
}

type describeStateMachineInput struct {
	StateMachineARN sfn.OptString `json:"stateMachineArn" model:"required,length=1:256,arn=stateMachine"`
	IncludedData    sfn.OptString `json:"includedData" model:"enum=IncludedData"`
}

type describeStateMachineOutput struct {
	StateMachineARN         string                      `json:"stateMachineArn"`
	Name                    string                      `json:"name"`
	Status                  string                      `json:"status"`
	Definition              string                      `json:"definition"`
	RoleARN                 string                      `json:"roleArn"`
	Type                    sfn.MachineType             `json:"type"`
	CreationDate            timestamp                   `json:"creationDate"`
	LoggingConfiguration    sfn.LoggingConfiguration    `json:"loggingConfiguration"`
	TracingConfiguration    sfn.TracingConfiguration    `json:"tracingConfiguration"`
	EncryptionConfiguration sfn.EncryptionConfiguration `json:"encryptionConfiguration"`
	RevisionID              string                      `json:"revisionId,omitempty"`
	Description             string                      `json:"description,omitempty"`
	VariableReferences      map[string][]string         `json:"variableReferences,omitempty"`
}

// describeStateMachine describes a machine, or a version of it. An alias may mean two versions and is not described.
func (s *stepFunctions) describeStateMachine(_ context.Context, in *describeStateMachineInput) (*describeStateMachineOutput, error) {
	if _, err := unlabelled(in.StateMachineARN); err != nil {
		return nil, err
	}
	d, err := s.backend.DescribeMachine(in.StateMachineARN.Text)
	if err != nil {
		return nil, err
	}
	out := &describeStateMachineOutput{
		StateMachineARN: d.ARN, Name: d.Name, Status: "ACTIVE", Definition: d.Definition, RoleARN: d.RoleARN, Type: d.Type,
		CreationDate: timestamp{d.Created}, LoggingConfiguration: d.Configuration.Logging, TracingConfiguration: d.Configuration.Tracing,
		EncryptionConfiguration: d.Configuration.Encryption, RevisionID: d.Configuration.RevisionID, VariableReferences: d.References,
	}
	if d.Deleting {
		out.Status = "DELETING"
	}
	if d.Version != nil {
		out.StateMachineARN, out.CreationDate, out.Description = d.Version.ARN, timestamp{d.Version.Created}, d.Version.Description
	}
	if metadataOnly(in.IncludedData) {
		out.Definition, out.VariableReferences = "{}", nil // API reference, DescribeStateMachine, "definition"
	}
	return out, nil
}

type describeStateMachineForExecutionInput struct {
	ExecutionARN sfn.OptString `json:"executionArn" model:"required,length=1:256,arn=execution"`
	IncludedData sfn.OptString `json:"includedData" model:"enum=IncludedData"`
}

type describeStateMachineForExecutionOutput struct {
	StateMachineARN         string                      `json:"stateMachineArn"`
	Name                    string                      `json:"name"`
	Definition              string                      `json:"definition"`
	RoleARN                 string                      `json:"roleArn"`
	UpdateDate              timestamp                   `json:"updateDate"`
	LoggingConfiguration    sfn.LoggingConfiguration    `json:"loggingConfiguration"`
	TracingConfiguration    sfn.TracingConfiguration    `json:"tracingConfiguration"`
	EncryptionConfiguration sfn.EncryptionConfiguration `json:"encryptionConfiguration"`
	MapRunARN               string                      `json:"mapRunArn,omitempty"`
	Label                   string                      `json:"label,omitempty"`
	RevisionID              string                      `json:"revisionId,omitempty"`
	VariableReferences      map[string][]string         `json:"variableReferences,omitempty"`
}

func (s *stepFunctions) describeStateMachineForExecution(_ context.Context, in *describeStateMachineForExecutionInput) (*describeStateMachineForExecutionOutput, error) {
	d, err := s.backend.DescribeMachineFor(in.ExecutionARN.Text)
	if err != nil {
		return nil, err
	}
	out := &describeStateMachineForExecutionOutput{
		StateMachineARN: d.ARN, Name: d.Name, Definition: d.Definition, RoleARN: d.RoleARN, UpdateDate: timestamp{updated(&d.Machine)},
		LoggingConfiguration: d.Configuration.Logging, TracingConfiguration: d.Configuration.Tracing,
		EncryptionConfiguration: d.Configuration.Encryption, MapRunARN: d.MapRunARN, Label: d.Label,
		RevisionID: d.Configuration.RevisionID, VariableReferences: d.References,
	}
	if d.Label != "" {
		out.StateMachineARN += "/" + d.Label
	}
	if metadataOnly(in.IncludedData) {
		out.Definition, out.VariableReferences = "{}", nil
	}
	return out, nil
}

// updated is when a revision was made.
func updated(m *store.Machine) time.Time {
	if m.Updated.IsZero() {
		return m.Created
	}
	return m.Updated
}

func metadataOnly(v sfn.OptString) bool { return v.Text == "METADATA_ONLY" }

type validateStateMachineDefinitionInput struct {
	Definition sfn.OptString `json:"definition" model:"required,length=1:1048576,sensitive"`
	Type       sfn.OptString `json:"type" model:"enum=StateMachineType"`
	Severity   sfn.OptString `json:"severity" model:"enum=Severity"`
	MaxResults optInt        `json:"maxResults" model:"range=0:100"`
}

type validateStateMachineDefinitionOutput struct {
	Result      string           `json:"result"`
	Diagnostics []sfn.Diagnostic `json:"diagnostics"`
	Truncated   bool             `json:"truncated"`
}

// validateStateMachineDefinition shows errors, and warnings if they are asked for. Which error comes first is not said, so with fewer than there are
// errors still come before warnings.
func (s *stepFunctions) validateStateMachineDefinition(_ context.Context, in *validateStateMachineDefinitionInput) (*validateStateMachineDefinitionOutput, error) {
	machine, diagnostics := asl.Parse(in.Definition.Text, asl.Options{Type: sfn.MachineType(in.Type.Text)})
	out := &validateStateMachineDefinitionOutput{Result: "OK", Diagnostics: []sfn.Diagnostic{}}
	if machine == nil {
		out.Result = "FAIL"
	}
	for _, severity := range []sfn.Severity{sfn.SeverityError, sfn.SeverityWarning} {
		if severity == sfn.SeverityWarning && in.Severity.Text != string(sfn.SeverityWarning) {
			break
		}
		for _, d := range diagnostics {
			if d.Severity == severity {
				out.Diagnostics = append(out.Diagnostics, d)
			}
		}
	}
	most := in.MaxResults.n
	if most == 0 {
		most = 100
	}
	if len(out.Diagnostics) > most {
		out.Diagnostics, out.Truncated = out.Diagnostics[:most], true
	}
	return out, nil
}

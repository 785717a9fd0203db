package asl

import (
	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// QueryLanguage is the language of a state's paths and expressions.
type QueryLanguage string

// The query languages.
const (
	JSONPath QueryLanguage = "JSONPath" // the default
	JSONata  QueryLanguage = "JSONata"
)

// Machine is a checked definition. It never changes after parsing.
type Machine struct {
	Flow
	Comment       string
	Version       string
	QueryLanguage QueryLanguage
	// TimeoutSeconds bounds a whole execution; 0 is none.
	TimeoutSeconds int64
	Type           sfn.MachineType
	// Text is the definition as it was sent.
	Text string
	// references are the variables that each state reads.
	references map[string][]string
}

// Flow is a States object with its start: the top level of a machine, a branch of a Parallel, the processor of a Map. Transitions
// never leave it, and it is one scope of variables.
type Flow struct {
	StartAt string
	States  map[string]State
	// Names lists the states in the order of the text.
	Names []string
	// Place is where the object that holds StartAt stands.
	Place Place
}

// Place is where a node stands in the definition's text.
type Place struct {
	// Pointer is the JSON Pointer (RFC 6901), "" for the whole document.
	Pointer string
	// Location is AWS's notation of it in diagnostics, like /States/C/Choices[0].
	Location string
	// Offset is the byte offset of the node's value.
	Offset int
}

// StateType is the Type of a state.
type StateType string

// The eight types of states.
const (
	TypeTask     StateType = "Task"     // has work done elsewhere
	TypeWait     StateType = "Wait"     // lets time pass
	TypePass     StateType = "Pass"     // reshapes data
	TypeSucceed  StateType = "Succeed"  // ends its flow well
	TypeFail     StateType = "Fail"     // ends its flow with an error
	TypeChoice   StateType = "Choice"   // branches on data
	TypeParallel StateType = "Parallel" // runs several flows on one input
	TypeMap      StateType = "Map"      // runs one flow on every item
)

// StateTypes lists them in the order in which AWS's diagnostics do.
func StateTypes() []StateType {
	return []StateType{TypeTask, TypeWait, TypePass, TypeSucceed, TypeFail, TypeChoice, TypeParallel, TypeMap}
}

// State is one of [*Task], [*Wait], [*Pass], [*Succeed], [*Fail], [*Choice], [*Parallel] and [*Map].
type State interface {
	// Common returns what all types of states share.
	Common() *Base
}

// Base is what all types of states share. Fields that a type does not have are zero.
type Base struct {
	Name          string
	Type          StateType
	Comment       string
	QueryLanguage QueryLanguage
	// Next is the following state; "" where End is true and in Choice, Succeed and Fail.
	Next string
	End  bool
	// InputPath and OutputPath belong to JSONPath.
	InputPath, OutputPath PathField
	// Assign is a payload template whose members are variables; nil is none.
	Assign *payload.Template
	// Output belongs to JSONata; nil is the default of the state's type.
	Output *payload.Template
	Place  Place
}

// Common returns b itself, so that every type that embeds a Base is a [State].
func (b *Base) Common() *Base { return b }

// PathField is a field that holds a path, or null to discard. Its zero value stands for the default "$".
type PathField struct {
	Path    *payload.Path
	Discard bool
}

// IsDefault tells whether the field is absent or "$".
func (f PathField) IsDefault() bool { return !f.Discard && (f.Path == nil || f.Path.Root()) }

// Number is a numeric field in one of its forms: literal, ...Path (JSONPath) or expression (JSONata).
type Number struct {
	// Set tells whether the field is present in any form.
	Set     bool
	Literal value.Value
	Path    *payload.Path
	Expr    *payload.Template
}

// Text is a textual field in one of its forms: literal, ...Path (a path, or a call of an intrinsic function) or expression (JSONata).
type Text struct {
	Set     bool
	Literal string
	Path    *payload.PathOrCall
	Expr    *payload.Template
}

// Pass reshapes data.
type Pass struct {
	Base
	// Result is the constant result, frozen; nil where there is none.
	Result     *value.Data
	Parameters *payload.Template
	ResultPath PathField
}

// Task has work done by a function, an activity or a service.
type Task struct {
	Base
	Resource Resource
	// Parameters is the field Parameters (JSONPath) or Arguments (JSONata).
	Parameters     *payload.Template
	ResultSelector *payload.Template
	ResultPath     PathField
	Timeout        Number
	Heartbeat      Number
	// RoleARN is Credentials.RoleArn.
	RoleARN Text
	Retry   []Retrier
	Catch   []Catcher
}

// Wait lets time pass. Exactly one of its fields is set.
type Wait struct {
	Base
	Seconds   Number
	Timestamp Text
}

// Succeed ends its flow with its input as output.
type Succeed struct{ Base }

// Fail ends its flow with an error. Error and Cause may both be absent.
type Fail struct {
	Base
	Error, Cause Text
}

// Choice branches to the first rule that holds.
type Choice struct {
	Base
	Rules []Rule
	// Default is "" where there is none.
	Default string
}

// Rule is an element of Choices.
type Rule struct {
	Condition Condition
	Next      string
	Assign    *payload.Template
	Output    *payload.Template
	Place     Place
}

// Parallel runs its branches on one input.
type Parallel struct {
	Base
	Branches []*Flow
	// Parameters is the field Parameters (JSONPath) or Arguments (JSONata).
	Parameters     *payload.Template
	ResultSelector *payload.Template
	ResultPath     PathField
	Retry          []Retrier
	Catch          []Catcher
}

// Map runs its processor on every item.
type Map struct {
	Base
	Processor *Flow
	// Distributed is ProcessorConfig.Mode DISTRIBUTED.
	Distributed bool
	// ExecutionType is the type of a distributed Map's child executions.
	ExecutionType sfn.MachineType
	// ItemsPath belongs to JSONPath, Items to JSONata.
	ItemsPath PathField
	Items     *payload.Template
	// ItemSelector is the field ItemSelector, or Parameters, its deprecated name.
	ItemSelector   *payload.Template
	MaxConcurrency Number
	ResultSelector *payload.Template
	ResultPath     PathField
	Retry          []Retrier
	Catch          []Catcher

	// What follows belongs to distributed Maps.

	Label                      string
	ItemReader                 *ItemReader
	ItemBatcher                *ItemBatcher
	ResultWriter               *ResultWriter
	ToleratedFailureCount      Number
	ToleratedFailurePercentage Number
}

// ItemReader says where a distributed Map reads its items.
type ItemReader struct {
	Resource Resource
	// Parameters is the field Parameters (JSONPath) or Arguments (JSONata).
	Parameters     *payload.Template
	InputType      string
	Transformation string
	ManifestType   string
	CSVDelimiter   string
	CSVHeaders     []string
	// HeaderGiven is CSVHeaderLocation GIVEN; otherwise the first row is the header.
	HeaderGiven  bool
	ItemsPointer string
	MaxItems     Number
	Place        Place
}

// ItemBatcher groups the items of a distributed Map.
type ItemBatcher struct {
	MaxItemsPerBatch      Number
	MaxInputBytesPerBatch Number
	BatchInput            *payload.Template
	Place                 Place
}

// ResultWriter says where and in which form a distributed Map writes its results.
type ResultWriter struct {
	Resource       Resource
	Parameters     *payload.Template
	Transformation string
	OutputType     string
	Place          Place
}

// Retrier is an element of Retry, with defaults filled in.
type Retrier struct {
	ErrorEquals     []sfn.ErrorName
	IntervalSeconds int64
	MaxAttempts     int64
	BackoffRate     float64
	// MaxDelaySeconds is 0 where there is none.
	MaxDelaySeconds int64
	// FullJitter is JitterStrategy FULL.
	FullJitter bool
	Place      Place
}

// Catcher is an element of Catch.
type Catcher struct {
	ErrorEquals []sfn.ErrorName
	Next        string
	// ResultPath belongs to JSONPath, Output to JSONata.
	ResultPath PathField
	Assign     *payload.Template
	Output     *payload.Template
	Place      Place
}

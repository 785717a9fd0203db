package asl

import (
	"slices"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// kind is what a field's value must be. The checks of check.go are one switch over this set.
type kind uint8

const (
	kindAny         kind = iota // any JSON value
	kindText                    // a string
	kindTextOrExpr              // a string; in a JSONata state it may be an expression
	kindBool                    // true or false
	kindInteger                 // an integer within bounds; in a JSONata state it may be an expression
	kindFloat                   // a number within bounds; in a JSONata state it may be an expression
	kindEnum                    // one of several strings
	kindTimestamp               // RFC 3339, or an expression
	kindPath                    // a JSONPath, or null
	kindReference               // a Reference Path
	kindResultPath              // a Reference Path into the input, or null
	kindTextPath                // a Reference Path, or a call of an intrinsic function that gives a string
	kindTemplate                // a payload template; JSON with expressions in a JSONata state
	kindItems                   // what a Map iterates over in JSONata: array, object or expression
	kindAssign                  // an object whose members are variables
	kindCondition               // a boolean or an expression
	kindState                   // the name of a state: structure.go looks whether it exists
	kindResource                // the Resource of a Task
	kindReader                  // the Resource of an ItemReader
	kindWriter                  // the Resource of a ResultWriter
	kindCredentials             // an object with RoleArn
	kindErrors                  // the names of errors, not empty
	kindTexts                   // an array of strings
	kindLabel                   // the label of a distributed Map
	kindStates                  // an object of states
	kindBranches                // the flows of a Parallel
	kindFlow                    // a flow: the processor of a Map
	kindProcessor               // the mode of a Map's processor
	kindRules                   // the rules of a Choice
	kindRule                    // a rule within Not
	kindNested                  // the rules within And or Or
	kindObject                  // an object of the field's shape
	kindList                    // an array of objects of the field's shape
)

// stateSet is a set of state types.
type stateSet uint16

const (
	inTask stateSet = 1 << iota
	inWait
	inPass
	inSucceed
	inFail
	inChoice
	inParallel
	inMap

	inAll    = inTask | inWait | inPass | inSucceed | inFail | inChoice | inParallel | inMap
	inWork   = inTask | inParallel | inMap
	inLinked = inWork | inPass | inWait
)

// setOf is the set of the type, or none for what is no type.
func setOf(t StateType) stateSet {
	for i, known := range StateTypes() {
		if known == t {
			return 1 << i
		}
	}
	return 0
}

// field describes a field of an object of the language.
type field struct {
	name string
	kind kind
	// types are the types of states that have the field; only in the table of states.
	types stateSet
	// language is the only query language that has the field, or "".
	language QueryLanguage
	required bool
	// literal fields take no expression, even in JSONata states.
	literal  bool
	min, max int64    // kindInteger, kindFloat
	values   []string // kindEnum
	shape    *shape   // kindObject, kindList
}

// exclusion is a set of fields of which an object has one at most, or exactly one.
type exclusion struct {
	types   stateSet
	exactly bool
	fields  []string // in the order in which AWS lists them
}

// shape is an object of the language.
type shape struct {
	fields     []field
	exclusions []exclusion
}

func (s *shape) field(name string) *field {
	for i := range s.fields {
		if s.fields[i].name == name {
			return &s.fields[i]
		}
	}
	return nil
}

const unbounded = 1<<63 - 1

var (
	queryLanguages = []string{string(JSONPath), string(JSONata)}

	// machineShape is the top level. AWS lists States before StartAt where both are missing.
	machineShape = &shape{fields: []field{
		{name: "States", kind: kindStates, required: true},
		{name: "StartAt", kind: kindState, required: true},
		{name: "Comment", kind: kindText},
		{name: "Version", kind: kindEnum, values: []string{"1.0"}},
		{name: "QueryLanguage", kind: kindEnum, values: queryLanguages},
		{name: "TimeoutSeconds", kind: kindInteger, max: sfn.MaxTimeoutSeconds, literal: true},
	}}

	// branchShape is a branch of a Parallel.
	branchShape = &shape{fields: []field{
		{name: "States", kind: kindStates, required: true},
		{name: "StartAt", kind: kindState, required: true},
		{name: "Comment", kind: kindText},
	}}

	// processorShape is the ItemProcessor of a Map, or Iterator, its deprecated name.
	processorShape = &shape{fields: append(slices.Clone(branchShape.fields),
		field{name: "ProcessorConfig", kind: kindProcessor, shape: processorConfigShape})}

	// processorConfigShape: ExecutionType belongs to the mode DISTRIBUTED, which check.go sees to.
	processorConfigShape = &shape{fields: []field{
		{name: "Mode", kind: kindEnum, values: []string{"INLINE", "DISTRIBUTED"}},
		{name: "ExecutionType", kind: kindEnum, values: []string{string(sfn.Standard), string(sfn.Express)}},
	}}

	// retrierShape: AWS takes an IntervalSeconds of 0, although its documentation begins at 1.
	retrierShape = &shape{fields: []field{
		{name: "ErrorEquals", kind: kindErrors, required: true},
		{name: "IntervalSeconds", kind: kindInteger, max: sfn.MaxTimeoutSeconds, literal: true},
		{name: "MaxAttempts", kind: kindInteger, max: sfn.MaxTimeoutSeconds, literal: true},
		{name: "BackoffRate", kind: kindFloat, min: 1, max: unbounded, literal: true},
		{name: "MaxDelaySeconds", kind: kindInteger, min: 1, max: 31_622_400, literal: true},
		{name: "JitterStrategy", kind: kindEnum, values: []string{"NONE", "FULL"}},
		{name: "Comment", kind: kindText},
	}}

	catcherShape = &shape{fields: []field{
		{name: "ErrorEquals", kind: kindErrors, required: true},
		{name: "Next", kind: kindState, required: true},
		{name: "ResultPath", kind: kindResultPath, language: JSONPath},
		{name: "Output", kind: kindTemplate, language: JSONata},
		{name: "Assign", kind: kindAssign},
		{name: "Comment", kind: kindText},
	}}

	itemReaderShape = &shape{fields: []field{
		{name: "Resource", kind: kindReader, required: true},
		{name: "Parameters", kind: kindTemplate, language: JSONPath},
		{name: "Arguments", kind: kindTemplate, language: JSONata},
		{name: "ReaderConfig", kind: kindObject, shape: readerConfigShape},
	}}

	readerConfigShape = &shape{
		fields: []field{
			{name: "InputType", kind: kindEnum, values: []string{"CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"}},
			{name: "Transformation", kind: kindEnum, values: []string{"NONE", "LOAD_AND_FLATTEN"}},
			{name: "ManifestType", kind: kindEnum, values: []string{"ATHENA_DATA", "S3_INVENTORY"}},
			{name: "CSVDelimiter", kind: kindEnum, values: []string{"COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"}},
			{name: "CSVHeaderLocation", kind: kindEnum, values: []string{"FIRST_ROW", "GIVEN"}},
			{name: "CSVHeaders", kind: kindTexts},
			{name: "ItemsPointer", kind: kindText},
			{name: "MaxItems", kind: kindInteger, max: unbounded},
			{name: "MaxItemsPath", kind: kindReference, language: JSONPath},
		},
		exclusions: []exclusion{{fields: []string{"MaxItems", "MaxItemsPath"}}},
	}

	itemBatcherShape = &shape{
		fields: []field{
			{name: "MaxItemsPerBatch", kind: kindInteger, min: 1, max: unbounded},
			{name: "MaxItemsPerBatchPath", kind: kindReference, language: JSONPath},
			{name: "MaxInputBytesPerBatch", kind: kindInteger, min: 1, max: sfn.MaxPayloadBytes},
			{name: "MaxInputBytesPerBatchPath", kind: kindReference, language: JSONPath},
			{name: "BatchInput", kind: kindTemplate},
		},
		exclusions: []exclusion{
			{fields: []string{"MaxItemsPerBatch", "MaxItemsPerBatchPath"}},
			{fields: []string{"MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"}},
		},
	}

	resultWriterShape = &shape{fields: []field{
		{name: "Resource", kind: kindWriter},
		{name: "Parameters", kind: kindTemplate, language: JSONPath},
		{name: "Arguments", kind: kindTemplate, language: JSONata},
		{name: "WriterConfig", kind: kindObject, shape: &shape{fields: []field{
			{name: "Transformation", kind: kindEnum, values: []string{"NONE", "COMPACT", "FLATTEN"}},
			{name: "OutputType", kind: kindEnum, values: []string{"JSON", "JSONL"}},
		}}},
	}}

	// ruleShape is a rule of a Choice; rules within rules have no Next, Assign and Output.
	ruleShape = &shape{fields: append([]field{
		{name: "Next", kind: kindState, required: true},
		{name: "Assign", kind: kindAssign},
		{name: "Output", kind: kindTemplate, language: JSONata},
		{name: "Condition", kind: kindCondition, language: JSONata},
	}, nestedRuleShape.fields...)}

	nestedRuleShape = &shape{fields: append([]field{
		{name: "Comment", kind: kindText},
		{name: "And", kind: kindNested, language: JSONPath},
		{name: "Or", kind: kindNested, language: JSONPath},
		{name: "Not", kind: kindRule, language: JSONPath},
		{name: "Variable", kind: kindPath, language: JSONPath},
	}, operatorFields()...)}

	// stateShape has the fields of all types of states: the matrix of the Amazon States Language, "State Types", as AWS enforces it
	// (TimeoutSeconds belongs to Task only).
	stateShape = &shape{
		fields: []field{
			{name: "Type", kind: kindAny, types: inAll, required: true}, // checked before all else
			{name: "Comment", kind: kindText, types: inAll},
			{name: "QueryLanguage", kind: kindEnum, types: inAll, values: queryLanguages},
			{name: "Next", kind: kindState, types: inLinked},
			{name: "End", kind: kindBool, types: inLinked},
			{name: "InputPath", kind: kindPath, types: inAll &^ inFail, language: JSONPath},
			{name: "OutputPath", kind: kindPath, types: inAll &^ inFail, language: JSONPath},
			{name: "Output", kind: kindTemplate, types: inAll &^ inFail, language: JSONata},
			{name: "Assign", kind: kindAssign, types: inLinked | inChoice},
			{name: "Parameters", kind: kindTemplate, types: inWork | inPass, language: JSONPath},
			{name: "Arguments", kind: kindTemplate, types: inTask | inParallel, language: JSONata},
			{name: "ResultSelector", kind: kindTemplate, types: inWork, language: JSONPath},
			{name: "ResultPath", kind: kindResultPath, types: inWork | inPass, language: JSONPath},
			{name: "Retry", kind: kindList, types: inWork, shape: retrierShape},
			{name: "Catch", kind: kindList, types: inWork, shape: catcherShape},

			{name: "Result", kind: kindAny, types: inPass, language: JSONPath},

			{name: "Resource", kind: kindResource, types: inTask, required: true},
			{name: "TimeoutSeconds", kind: kindInteger, types: inTask, min: 1, max: sfn.MaxTimeoutSeconds},
			{name: "TimeoutSecondsPath", kind: kindReference, types: inTask, language: JSONPath},
			{name: "HeartbeatSeconds", kind: kindInteger, types: inTask, min: 1, max: sfn.MaxTimeoutSeconds},
			{name: "HeartbeatSecondsPath", kind: kindReference, types: inTask, language: JSONPath},
			{name: "Credentials", kind: kindCredentials, types: inTask},

			{name: "Seconds", kind: kindInteger, types: inWait, max: sfn.MaxTimeoutSeconds},
			{name: "SecondsPath", kind: kindReference, types: inWait, language: JSONPath},
			{name: "Timestamp", kind: kindTimestamp, types: inWait},
			{name: "TimestampPath", kind: kindReference, types: inWait, language: JSONPath},

			{name: "Choices", kind: kindRules, types: inChoice, required: true},
			{name: "Default", kind: kindState, types: inChoice},

			{name: "Error", kind: kindTextOrExpr, types: inFail},
			{name: "ErrorPath", kind: kindTextPath, types: inFail, language: JSONPath},
			{name: "Cause", kind: kindTextOrExpr, types: inFail},
			{name: "CausePath", kind: kindTextPath, types: inFail, language: JSONPath},

			{name: "Branches", kind: kindBranches, types: inParallel, required: true},

			{name: "ItemProcessor", kind: kindFlow, types: inMap},
			{name: "Iterator", kind: kindFlow, types: inMap},
			{name: "ItemsPath", kind: kindReference, types: inMap, language: JSONPath},
			{name: "Items", kind: kindItems, types: inMap, language: JSONata},
			{name: "ItemSelector", kind: kindTemplate, types: inMap},
			{name: "MaxConcurrency", kind: kindInteger, types: inMap, max: unbounded},
			{name: "MaxConcurrencyPath", kind: kindReference, types: inMap, language: JSONPath},
			{name: "ItemReader", kind: kindObject, types: inMap, shape: itemReaderShape},
			{name: "ItemBatcher", kind: kindObject, types: inMap, shape: itemBatcherShape},
			{name: "ResultWriter", kind: kindObject, types: inMap, shape: resultWriterShape},
			{name: "Label", kind: kindLabel, types: inMap},
			{name: "ToleratedFailureCount", kind: kindInteger, types: inMap, max: unbounded},
			{name: "ToleratedFailureCountPath", kind: kindReference, types: inMap, language: JSONPath},
			{name: "ToleratedFailurePercentage", kind: kindFloat, types: inMap, max: 100},
			{name: "ToleratedFailurePercentagePath", kind: kindReference, types: inMap, language: JSONPath},
		},
		exclusions: []exclusion{
			{inLinked, true, []string{"Next", "End"}},
			{inTask, false, []string{"TimeoutSeconds", "TimeoutSecondsPath"}},
			{inTask, false, []string{"HeartbeatSeconds", "HeartbeatSecondsPath"}},
			{inWait, true, []string{"SecondsPath", "Seconds", "TimestampPath", "Timestamp"}},
			{inFail, false, []string{"Error", "ErrorPath"}},
			{inFail, false, []string{"Cause", "CausePath"}},
			{inMap, true, []string{"ItemProcessor", "Iterator"}},
			{inMap, false, []string{"Parameters", "ItemSelector"}},
			{inMap, false, []string{"MaxConcurrency", "MaxConcurrencyPath"}},
			{inMap, false, []string{"ToleratedFailureCount", "ToleratedFailureCountPath"}},
			{inMap, false, []string{"ToleratedFailurePercentage", "ToleratedFailurePercentagePath"}},
		},
	}
)

// operatorFields are the 39 comparison operators as fields of a rule.
func operatorFields() []field {
	var fields []field
	for _, operator := range Operators() {
		literal := field{name: string(operator.Name), language: JSONPath, literal: true, min: -unbounded, max: unbounded}
		switch {
		case operator.Timestamp:
			literal.kind = kindTimestamp
		case operator.Operand == value.KindString:
			literal.kind = kindText
		case operator.Operand == value.KindBool:
			literal.kind = kindBool
		default:
			literal.kind = kindFloat
		}
		fields = append(fields, literal)
		if operator.HasPath {
			fields = append(fields, field{name: string(operator.Name) + "Path", kind: kindPath, language: JSONPath})
		}
	}
	return fields
}

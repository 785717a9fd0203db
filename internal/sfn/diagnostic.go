package sfn

import (
	"fmt"
	"strings"
)

// Severity says whether a definition with the diagnostic can be created.
type Severity string

// The severities of ValidateStateMachineDefinition.
const (
	SeverityError   Severity = "ERROR"
	SeverityWarning Severity = "WARNING"
)

// DiagnosticCode classifies a diagnostic of ValidateStateMachineDefinition.
type DiagnosticCode string

// The codes (API reference, ValidateStateMachineDefinitionDiagnostic; the two JSONata codes are answered by AWS but not listed there).
const (
	CodeInvalidJSON           DiagnosticCode = "INVALID_JSON_DESCRIPTION"          // the definition is not JSON
	CodeMissingDescription    DiagnosticCode = "MISSING_DESCRIPTION"               // there is no definition
	CodeSchemaValidation      DiagnosticCode = "SCHEMA_VALIDATION_FAILED"          // a field is missing, unknown or of the wrong form
	CodeInvalidResource       DiagnosticCode = "INVALID_RESOURCE"                  // a Resource that cannot be
	CodeMissingEndState       DiagnosticCode = "MISSING_END_STATE"                 // no state ends the workflow
	CodeMissingTarget         DiagnosticCode = "MISSING_TRANSITION_TARGET"         // a transition to no state, or a state without a way in
	CodeUnsupportedJSONata    DiagnosticCode = "UNSUPPORTED_JSONATA_EXPRESSION"    // an expression reads what is not there
	CodeInvalidJSONata        DiagnosticCode = "INVALID_JSONATA_EXPRESSION"        // an expression does not parse
	CodeDuplicateStateName    DiagnosticCode = "DUPLICATE_STATE_NAME"              // two states of one machine share a name
	CodeInvalidStateName      DiagnosticCode = "INVALID_STATE_NAME"                // a state's name is too long or empty
	CodeDuplicateLabel        DiagnosticCode = "DUPLICATE_LABEL_NAME"              // two distributed Maps share a label
	CodeInvalidLabel          DiagnosticCode = "INVALID_LABEL_NAME"                // a label has characters that it may not have
	CodeReservedVariable      DiagnosticCode = "RESERVED_VARIABLE_NAME"            // Assign to $states (not in AWS's list either)
	CodeInvalidVariable       DiagnosticCode = "INVALID_VARIABLE_NAME"             // Assign to what is no variable (not in AWS's list either)
	CodeTooDeeplyNested       DiagnosticCode = "TOO_DEEPLY_NESTED"                 // Maps and Parallels nest too deep
	CodeNoDollar              DiagnosticCode = "NO_DOLLAR"                         // warning: a path below a key without ".$"
	CodeNoPath                DiagnosticCode = "NO_PATH"                           // warning: a path in a field that has a ...Path twin
	CodePassResultIsStatic    DiagnosticCode = "PASS_RESULT_IS_STATIC"             // warning: a Pass state's Result is not evaluated
	CodeStateMachineNameEmpty DiagnosticCode = "STATE_MACHINE_NAME_EMPTY"          // no name
	CodeStateMachineName      DiagnosticCode = "STATE_MACHINE_NAME_INVALID"        // a name with characters that it may not have
	CodeStateMachineNameLong  DiagnosticCode = "STATE_MACHINE_NAME_TOO_LONG"       // more than 80 characters
	CodeStateMachineExists    DiagnosticCode = "STATE_MACHINE_NAME_ALREADY_EXISTS" // the name is taken
)

// Diagnostic is one finding in a definition, as ValidateStateMachineDefinition answers it, with the place in the text for people.
type Diagnostic struct {
	Severity Severity       `json:"severity"`
	Code     DiagnosticCode `json:"code"`
	Message  string         `json:"message"`
	// Location is AWS's notation, like /States/C/Choices[0]/Next; "" where AWS gives none.
	Location string `json:"location,omitempty"`
	// Pointer is the JSON Pointer (RFC 6901) of the tightest value around the fault, like /States/C/Choices/0/Next.
	Pointer string `json:"-"`
	// Offset is the byte offset of that value in the definition's text.
	Offset int `json:"-"`
}

// String is the form in which CreateStateMachine quotes the diagnostic; AWS writes "null" for a missing location.
func (d Diagnostic) String() string {
	location := d.Location
	if location == "" {
		location = "null"
	}
	return fmt.Sprintf("%s: %s at %s", d.Code, d.Message, location)
}

// RefuseDefinition is the exception that quotes the errors among the diagnostics.
func RefuseDefinition(diagnostics []Diagnostic) *Exception {
	var quoted []string
	for _, d := range diagnostics {
		if d.Severity == SeverityError {
			quoted = append(quoted, d.String())
		}
	}
	return Refuse(InvalidDefinition, "Invalid State Machine Definition: '%s'", strings.Join(quoted, ", "))
}

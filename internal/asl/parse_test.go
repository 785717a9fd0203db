package asl_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

func ExampleParse() {
	text := `{
  "StartAt": "Ask",
  "States": {
    "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody.$": "oops"}, "Next": "Gone"},
    "Lost": {"Type": "Succeed"}
  }
}`
	machine, diagnostics := asl.Parse(text, asl.Options{})
	fmt.Println("machine:", machine != nil)
	for _, d := range diagnostics {
		line, column := asl.Position(text, d.Offset)
		fmt.Printf("%d:%d: %s\n", line, column, d)
	}
	// Output:
	// machine: false
	// 4:126: SCHEMA_VALIDATION_FAILED: The value for the field 'MessageBody.$' must be a valid JSONPath or a valid intrinsic function call at /States/Ask/Parameters
	// 4:143: MISSING_TRANSITION_TARGET: Missing 'Next' target: Gone at /States/Ask/Next
	// 5:13: MISSING_TRANSITION_TARGET: State "Lost" is not reachable. at /States/Lost
}

// one is a machine with the state S.
func one(state string) string { return `{"StartAt":"S","States":{"S":` + state + `}}` }

// two is a machine of the state S and a state E that ends it.
func two(state string) string {
	return `{"StartAt":"S","States":{"S":` + state + `,"E":{"Type":"Succeed"}}}`
}

func pass(fields string) string { return one(`{"Type":"Pass","End":true,` + fields + `}`) }

func task(fields string) string {
	return one(`{"Type":"Task","End":true,"Resource":"arn:aws:lambda:us-east-1:1:function:f",` + fields + `}`)
}

func service(resource, fields string) string {
	return one(`{"Type":"Task","End":true,"Resource":"arn:aws:states:::` + resource + `"` + fields + `}`)
}

func mapOf(fields string) string {
	return one(`{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Succeed"}}},` + fields + `}`)
}

func distributed(fields string) string {
	return one(`{"Type":"Map","End":true,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},` +
		`"StartAt":"I","States":{"I":{"Type":"Succeed"}}},` + fields + `}`)
}

func choice(rule string) string {
	return two(`{"Type":"Choice","Choices":[` + rule + `],"Default":"E"}`)
}

func jsonata(definition string) string { return `{"QueryLanguage":"JSONata",` + definition[1:] }

// schema is the text of an error of the schema.
func schema(message, location string) string {
	return "SCHEMA_VALIDATION_FAILED: " + message + " at " + location
}

const (
	notPath     = "Value must be a valid JSONPath."
	notTemplate = "The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call"
	noDollarRef = "Value is not a Reference Path: Reference path didn't start with '$'"
	allAlone    = "States.ALL must appear alone and at end of list"
	ruleKinds   = "The object must have only one of the following fields, [And, Or, Not, Variable, Condition]"
	notRFC3339  = "String does not match RFC3339 timestamp"
)

func TestFaults(t *testing.T) {
	long := strings.Repeat("x", 81)
	for _, tt := range []struct {
		name, definition string
		want             []string
	}{
		// The document.
		{"empty", " \n", []string{"SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object at null"}},
		{"array", `[]`, []string{"SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object at null"}},
		{"nothing", `{}`, []string{schema("These fields are required: [States, StartAt]", "/")}},
		{"no start", `{"States":{"S":{"Type":"Succeed"}}}`, []string{schema("These fields are required: [StartAt]", "/")}},
		{"no states", `{"StartAt":"S","States":{}}`, []string{schema("Value cannot be empty", "/States")}},
		{"states of a wrong type", `{"StartAt":"S","States":[]}`, []string{schema("Expected value of type [OBJECT]", "/States")}},
		{"unknown field", `{"Author":"me",` + pass(`"Comment":""`)[1:], []string{schema("Field 'Author' is not supported", "/")}},
		{"version", `{"Version":"2.0",` + pass(`"Comment":""`)[1:], []string{schema("Value should be one of the following: [1.0]", "/Version")}},
		{"language", `{"QueryLanguage":"JMESPath",` + one(`{"Type":"Succeed"}`)[1:], []string{schema("Value should be one of the following: [JSONPath, JSONata]", "/QueryLanguage")}},
		{"timeout of 0", `{"TimeoutSeconds":0,` + one(`{"Type":"Succeed"}`)[1:], nil},
		{"timeout", `{"TimeoutSeconds":"1",` + one(`{"Type":"Succeed"}`)[1:], []string{schema("Expected value of type Integer", "/TimeoutSeconds")}},

		// States.
		{"state of a wrong type", one(`1`), []string{schema("Expected value of type [OBJECT]", "/States/S")}},
		{"no type", one(`{}`), []string{schema("These fields are required: [Type]", "/States/S")}},
		{"type", one(`{"Type":"Nap"}`), []string{schema("The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]", "/States/S/Type")}},
		{"type of a wrong type", one(`{"Type":1}`), []string{schema("Expected value of type [STRING]", "/States/S/Type")}},
		{"comment", pass(`"Comment":1`), []string{schema("Expected value of type [STRING]", "/States/S/Comment")}},
		{"unknown field of a state", pass(`"Colour":1`), []string{schema("Field 'Colour' is not supported", "/States/S")}},
		{"case matters", pass(`"comment":""`), []string{schema("Field 'comment' is not supported", "/States/S")}},
		{"neither Next nor End", two(`{"Type":"Pass"}`), []string{
			schema("This object should have only one of the following fields: [Next, End]", "/States/S"),
			`MISSING_TRANSITION_TARGET: State "E" is not reachable. at /States/E`}},
		{"End false", two(`{"Type":"Pass","End":false}`), []string{
			schema("This object should have only one of the following fields: [Next, End]", "/States/S"),
			`MISSING_TRANSITION_TARGET: State "E" is not reachable. at /States/E`}},
		{"Next and End", two(`{"Type":"Pass","Next":"E","End":true}`), []string{schema("There should only be one of the following fields: [Next, End]", "/States/S")}},
		{"Next and End false", two(`{"Type":"Pass","Next":"E","End":false}`), nil},
		{"End of a wrong type", one(`{"Type":"Pass","End":"true"}`), []string{schema("Expected value of type [BOOLEAN]", "/States/S/End")}},
		{"long name", strings.ReplaceAll(pass(`"Comment":""`), `"S"`, `"`+long+`"`), []string{
			"INVALID_STATE_NAME: Invalid State name: '" + long + "' exceeds the 80-character limit allowed by the service at /States/" + long}},
		{"name of 80 characters", strings.ReplaceAll(pass(`"Comment":""`), `"S"`, `"`+strings.Repeat("é", 80)+`"`), nil},

		// Transitions.
		{"StartAt", `{"StartAt":"X","States":{"S":{"Type":"Succeed"}}}`, []string{"MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /StartAt"}},
		{"dangling and endless", one(`{"Type":"Pass","Next":"NOPE"}`), []string{
			"MISSING_TRANSITION_TARGET: Missing 'Next' target: NOPE at /States/S/Next", "MISSING_END_STATE: Workflow has no terminal state at null"}},
		{"loop", `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"},"C":{"Type":"Pass","Next":"A"}}}`, []string{
			"MISSING_END_STATE: Workflow has no terminal state at null"}},
		{"loop and unreachable end", `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"A"},"C":{"Type":"Pass","End":true}}}`, []string{
			`MISSING_TRANSITION_TARGET: State "C" is not reachable. at /States/C`}},
		{"dangling and unreachable", `{"StartAt":"pass1","States":{"pass1":{"Type":"Pass","Next":"pass3"},"pass2":{"Type":"Pass","End":true}}}`, []string{
			"MISSING_TRANSITION_TARGET: Missing 'Next' target: pass3 at /States/pass1/Next",
			`MISSING_TRANSITION_TARGET: State "pass2" is not reachable. at /States/pass2`}},
		{"unreachable circle", `{"StartAt":"A","States":{"A":{"Type":"Succeed"},"B":{"Type":"Pass","Next":"C"},"C":{"Type":"Pass","Next":"B"}}}`, []string{
			`MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B`, `MISSING_TRANSITION_TARGET: State "C" is not reachable. at /States/C`}},
		{"rule, default and catcher", `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:lambda:::function:f","Catch":[{"ErrorEquals":["a"],"Next":"X"}],"Next":"C"},` +
			`"C":{"Type":"Choice","Choices":[{"Variable":"$","IsNull":true,"Next":"Y"}],"Default":"Z"},"E":{"Type":"Fail"}}}`, []string{
			"MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /States/T/Catch[0]/Next",
			"MISSING_TRANSITION_TARGET: Missing 'Next' target: Y at /States/C/Choices[0]/Next",
			"MISSING_TRANSITION_TARGET: Missing 'Next' target: Z at /States/C/Default",
			`MISSING_TRANSITION_TARGET: State "E" is not reachable. at /States/E`}},
		{"out of a branch", two(`{"Type":"Parallel","Next":"E","Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","Next":"E"}}}]}`), []string{
			"MISSING_TRANSITION_TARGET: Missing 'Next' target: E at /States/S/Branches[0]/States/B/Next", "MISSING_END_STATE: Workflow has no terminal state at null"}},
		{"names in branches", two(`{"Type":"Parallel","Next":"E","Branches":[{"StartAt":"E","States":{"E":{"Type":"Succeed"}}}]}`), []string{
			"DUPLICATE_STATE_NAME: Duplicate State name: E at /States/S/Branches[0]/States/E"}},

		// Query languages.
		{"JSONata field", pass(`"Output":1`), []string{schema("The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage", "/States/S")}},
		{"JSONPath field", jsonata(pass(`"InputPath":"$"`)), []string{schema("The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the 'JSONPath' QueryLanguage", "/States/S")}},
		{"JSONata state", pass(`"QueryLanguage":"JSONata","Output":{"a":[1]}`), nil},
		{"JSONPath state", jsonata(pass(`"QueryLanguage":"JSONPath"`)), []string{schema("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", "/States/S")}},
		{"not inherited", one(`{"Type":"Parallel","QueryLanguage":"JSONata","End":true,"Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","Output":1,"End":true}}}]}`), []string{
			schema("The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage", "/States/S/Branches[0]/States/B")}},
		{"of a processor", one(`{"Type":"Map","End":true,"ItemProcessor":{"QueryLanguage":"JSONata","StartAt":"I","States":{"I":{"Type":"Succeed"}}}}`), []string{
			schema("Field 'QueryLanguage' is not supported", "/States/S/ItemProcessor")}},
		{"of a wrong type", pass(`"QueryLanguage":1`), []string{schema("Expected value of type [STRING]", "/States/S/QueryLanguage")}},
		{"open expression", jsonata(pass(`"Output":{"a":["{% 1"]}`)), []string{schema("JSONata string must start with {% and end with %}", "/States/S/Output/a[0]")}},
		{"unopened expression", jsonata(pass(`"Output":"1 %}"`)), []string{schema("JSONata string must start with {% and end with %}", "/States/S/Output")}},
		{"blanks outside", jsonata(pass(`"Output":" {% 1 %} "`)), nil},

		// Paths and templates.
		{"InputPath", pass(`"InputPath":"a"`), []string{schema(notPath, "/States/S/InputPath")}},
		{"InputPath of a wrong type", pass(`"InputPath":1`), []string{schema("Expected value of type [STRING]", "/States/S/InputPath")}},
		{"paths that discard", pass(`"InputPath":null,"OutputPath":null,"ResultPath":null`), nil},
		{"paths to anywhere", pass(`"InputPath":"$$.Execution.Input","OutputPath":"$v.a[*]"`), nil},
		{"OutputPath", pass(`"OutputPath":"$.a."`), []string{schema(notPath, "/States/S/OutputPath")}},
		{"ResultPath", pass(`"ResultPath":"a"`), []string{schema(noDollarRef, "/States/S/ResultPath")}},
		{"ResultPath to many", pass(`"ResultPath":"$.a[*]"`), []string{schema("Value is not a Reference Path: '$.a[*]' may lead to more than one node", "/States/S/ResultPath")}},
		{"ResultPath to a variable", pass(`"ResultPath":"$v.a"`), []string{schema("Value is not a Reference Path: '$v.a' does not lead into the state's input", "/States/S/ResultPath")}},
		{"ResultPath to the context", pass(`"ResultPath":"$$.a"`), []string{schema("Value is not a Reference Path: '$$.a' does not lead into the state's input", "/States/S/ResultPath")}},
		{"template", pass(`"Parameters":{"a.$":"b"}`), []string{schema(notTemplate, "/States/S/Parameters")}},
		{"nested template", pass(`"Parameters":{"b":[{"a.$":"States.Nope()"}]}`), []string{schema(notTemplate, "/States/S/Parameters/b[0]")}},
		{"null template", pass(`"Parameters":null`), nil},
		{"template with a duplicate", pass(`"Parameters":{"a":1,"a.$":"$"}`), []string{schema("The field 'a' is specified twice: as 'a' and as 'a.$'", "/States/S/Parameters")}},

		// Variables.
		{"Assign", pass(`"Assign":[]`), []string{schema("Expected value of type [OBJECT]", "/States/S/Assign")}},
		{"reserved", pass(`"Assign":{"states":1}`), []string{"RESERVED_VARIABLE_NAME: Cannot assign to reserved variable '$states'. at /States/S/Assign"}},
		{"part of a variable", pass(`"Assign":{"a.b":1}`), []string{"INVALID_VARIABLE_NAME: Invalid variable name 'a.b': the variable name contains invalid characters. at /States/S/Assign"}},
		{"long variable", pass(`"Assign":{"` + long + `":1}`), []string{"INVALID_VARIABLE_NAME: Invalid variable name '" + long + "': the variable name exceeds the 80-character limit. at /States/S/Assign"}},
		{"variables", pass(`"Assign":{"ä1.$":"$.a","b":{"c.$":"$v"}}`), nil},

		// Task.
		{"no resource", one(`{"Type":"Task","End":true}`), []string{schema("These fields are required: [Resource]", "/States/S")}},
		{"resource of a wrong type", one(`{"Type":"Task","End":true,"Resource":[]}`), []string{schema("Expected value of type [STRING]", "/States/S/Resource")}},
		{"no ARN", one(`{"Type":"Task","End":true,"Resource":"f"}`), []string{schema("Value is not a valid resource ARN", "/States/S/Resource")}},
		{"placeholder", one(`{"Type":"Task","End":true,"Resource":"${F}"}`), nil},
		{"unknown action", service("dynamodb:query", `,"Parameters":{}`), []string{schema("The resource provided arn:aws:states:::dynamodb:query is not recognized. "+
			"The value is not a valid resource ARN, or the resource is not available in this region.", "/States/S/Resource")}},
		{"no Parameters", service("sqs:sendMessage", ``), []string{schema("Parameters field is required for resource ARN: arn:aws:states:::sqs:sendMessage", "/States/S")}},
		{"no Arguments", jsonata(service("sqs:sendMessage", ``)), []string{schema("Arguments field is required for resource ARN: arn:aws:states:::sqs:sendMessage", "/States/S")}},
		{"no Parameters for a function", task(`"Comment":""`), nil},
		{"required parameters", service("sqs:sendMessage", `,"Parameters":{"QueueUrl.$":"$.q"}`), []string{schema("The field 'MessageBody' is required but was missing", "/States/S/Parameters")}},
		{"timeout twice", task(`"TimeoutSeconds":1,"TimeoutSecondsPath":"$.t"`), []string{schema("There should only be one of the following fields: [TimeoutSeconds, TimeoutSecondsPath]", "/States/S")}},
		{"heartbeat twice", task(`"HeartbeatSeconds":1,"HeartbeatSecondsPath":"$.t"`), []string{schema("There should only be one of the following fields: [HeartbeatSeconds, HeartbeatSecondsPath]", "/States/S")}},
		{"timeout too short", task(`"TimeoutSeconds":0`), []string{schema("Minimum value is 1", "/States/S/TimeoutSeconds")}},
		{"timeout too long", task(`"TimeoutSeconds":100000000`), []string{schema("Maximum value is 99999999", "/States/S/TimeoutSeconds")}},
		{"timeout beyond all bounds", task(`"TimeoutSeconds":99999999999999999999`), []string{schema("Maximum value is 99999999", "/States/S/TimeoutSeconds")}},
		{"timeout with a fraction", task(`"TimeoutSeconds":1.5`), []string{schema("Expected value of type Integer", "/States/S/TimeoutSeconds")}},
		{"timeout as text", jsonata(task(`"TimeoutSeconds":"1"`)), []string{schema("Expected value of type Integer", "/States/S/TimeoutSeconds")}},
		{"late heartbeat", task(`"TimeoutSeconds":5,"HeartbeatSeconds":5`), []string{schema("The value of 'HeartbeatSeconds' must be smaller than the value of 'TimeoutSeconds'", "/States/S/HeartbeatSeconds")}},
		{"heartbeat in time", task(`"TimeoutSeconds":5,"HeartbeatSeconds":4`), nil},
		{"timeout path", task(`"TimeoutSecondsPath":"$..t"`), []string{schema("Value is not a Reference Path: '$..t' may lead to more than one node", "/States/S/TimeoutSecondsPath")}},
		{"credentials", task(`"Credentials":{}`), []string{schema("The field 'RoleArn' is required but was missing", "/States/S/Credentials")}},
		{"credentials of a wrong type", task(`"Credentials":"r"`), []string{schema("Expected value of type [OBJECT]", "/States/S/Credentials")}},
		{"role", task(`"Credentials":{"RoleArn":1}`), []string{schema("Expected value of type [STRING]", "/States/S/Credentials/RoleArn")}},
		{"role by path", task(`"Credentials":{"RoleArn.$":"r"}`), []string{schema("The value for the field 'RoleArn.$' must be a valid JSONPath or a valid intrinsic function call", "/States/S/Credentials")}},
		{"role by call", task(`"Credentials":{"RoleArn.$":"States.Format('{}', $.r)"}`), nil},
		{"role by path in JSONata", jsonata(task(`"Credentials":{"RoleArn.$":"$.r"}`)), []string{schema("The field 'RoleArn' is required but was missing", "/States/S/Credentials")}},
		{"credentials of an activity", one(`{"Type":"Task","End":true,"Resource":"arn:aws:states:us-east-1:1:activity:a","Credentials":{"RoleArn":"r"}}`), []string{
			schema("The field 'Credentials' is not supported for activities", "/States/S/Credentials")}},

		// Retry and Catch.
		{"empty lists", task(`"Retry":[],"Catch":[]`), nil},
		{"Retry", task(`"Retry":{}`), []string{schema("Expected value of type [ARRAY]", "/States/S/Retry")}},
		{"retrier", task(`"Retry":[1]`), []string{schema("Expected value of type [OBJECT]", "/States/S/Retry[0]")}},
		{"no errors", task(`"Retry":[{}]`), []string{schema("These fields are required: [ErrorEquals]", "/States/S/Retry[0]")}},
		{"no error", task(`"Retry":[{"ErrorEquals":[]}]`), []string{schema("Value cannot be empty", "/States/S/Retry[0]/ErrorEquals")}},
		{"error of a wrong type", task(`"Retry":[{"ErrorEquals":[1]}]`), []string{schema("Expected value of type [STRING]", "/States/S/Retry[0]/ErrorEquals[0]")}},
		{"ALL not alone", task(`"Retry":[{"ErrorEquals":["States.ALL","a"]}]`), []string{schema(allAlone, "/States/S/Retry[0]/ErrorEquals")}},
		{"ALL not last", task(`"Retry":[{"ErrorEquals":["States.ALL"]},{"ErrorEquals":["a"]}]`), []string{schema(allAlone, "/States/S/Retry[0]/ErrorEquals")}},
		{"numbers", task(`"Retry":[{"ErrorEquals":["a"],"IntervalSeconds":-1,"MaxAttempts":-1,"BackoffRate":0.5,"MaxDelaySeconds":0}]`), []string{
			schema("Minimum value is 0", "/States/S/Retry[0]/IntervalSeconds"), schema("Minimum value is 0", "/States/S/Retry[0]/MaxAttempts"),
			schema("Minimum value is 1", "/States/S/Retry[0]/BackoffRate"), schema("Minimum value is 1", "/States/S/Retry[0]/MaxDelaySeconds")}},
		{"large numbers", task(`"Retry":[{"ErrorEquals":["a"],"MaxAttempts":100000000,"MaxDelaySeconds":31622401}]`), []string{
			schema("Maximum value is 99999999", "/States/S/Retry[0]/MaxAttempts"), schema("Maximum value is 31622400", "/States/S/Retry[0]/MaxDelaySeconds")}},
		{"allowed numbers", task(`"Retry":[{"ErrorEquals":["a"],"IntervalSeconds":0,"MaxAttempts":0,"BackoffRate":1.0,"MaxDelaySeconds":31622400,"JitterStrategy":"FULL","Comment":"c"}]`), nil},
		{"rate as text", task(`"Retry":[{"ErrorEquals":["a"],"BackoffRate":"2"}]`), []string{schema("Expected value of type Float", "/States/S/Retry[0]/BackoffRate")}},
		{"jitter", task(`"Retry":[{"ErrorEquals":["a"],"JitterStrategy":"SOME"}]`), []string{schema("Value should be one of the following: [NONE, FULL]", "/States/S/Retry[0]/JitterStrategy")}},
		{"field of a retrier", task(`"Retry":[{"ErrorEquals":["a"],"Next":"E"}]`), []string{schema("Field 'Next' is not supported", "/States/S/Retry[0]")}},
		{"catcher", task(`"Catch":[{}]`), []string{schema("These fields are required: [ErrorEquals, Next]", "/States/S/Catch[0]")}},
		{"catcher's ResultPath", task(`"Catch":[{"ErrorEquals":["a"],"Next":"S","ResultPath":"$.a.*"}]`), []string{
			schema("Value is not a Reference Path: '$.a.*' may lead to more than one node", "/States/S/Catch[0]/ResultPath")}},
		{"catcher's Output", task(`"Catch":[{"ErrorEquals":["a"],"Next":"S","Output":1}]`), []string{
			schema("The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage", "/States/S/Catch[0]")}},

		// Wait.
		{"no time", one(`{"Type":"Wait","End":true}`), []string{schema("This object should have only one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]", "/States/S")}},
		{"two times", one(`{"Type":"Wait","End":true,"Seconds":1,"TimestampPath":"$.t"}`), []string{
			schema("There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]", "/States/S")}},
		{"no second", one(`{"Type":"Wait","End":true,"Seconds":0}`), nil},
		{"negative", one(`{"Type":"Wait","End":true,"Seconds":-1}`), []string{schema("Minimum value is 0", "/States/S/Seconds")}},
		{"timestamp", one(`{"Type":"Wait","End":true,"Timestamp":"2016-03-14T01:59:00Z"}`), nil},
		{"timestamp with an offset", one(`{"Type":"Wait","End":true,"Timestamp":"2016-03-14T01:59:00.123+02:00"}`), nil},
		{"timestamp in small letters", one(`{"Type":"Wait","End":true,"Timestamp":"2016-03-14t01:59:00z"}`), []string{schema(notRFC3339, "/States/S/Timestamp")}},
		{"timestamp without zone", jsonata(one(`{"Type":"Wait","End":true,"Timestamp":"2016-03-14T01:59:00"}`)), []string{schema(notRFC3339, "/States/S/Timestamp")}},
		{"timestamp out of range", one(`{"Type":"Wait","End":true,"Timestamp":"2016-03-32T01:59:00Z"}`), []string{schema(notRFC3339, "/States/S/Timestamp")}},

		// Choice.
		{"no choices", two(`{"Type":"Choice","Default":"E"}`), []string{schema("These fields are required: [Choices]", "/States/S")}},
		{"empty choices", two(`{"Type":"Choice","Choices":[],"Default":"E"}`), []string{schema("Value cannot be empty", "/States/S/Choices")}},
		{"End", two(`{"Type":"Choice","Choices":[{"Variable":"$","IsNull":true,"Next":"E"}],"End":true}`), []string{schema("Field 'End' is not supported", "/States/S")}},
		{"no Next", choice(`{"Variable":"$.a","IsNull":true}`), []string{schema("These fields are required: [Next]", "/States/S/Choices[0]")}},
		{"empty rule", choice(`{"Next":"E"}`), []string{schema(ruleKinds, "/States/S/Choices[0]")}},
		{"two rules in one", choice(`{"Next":"E","And":[{"Variable":"$","IsNull":true}],"Not":{"Variable":"$","IsNull":true}}`), []string{schema(ruleKinds, "/States/S/Choices[0]")}},
		{"operator without variable", choice(`{"Next":"E","Not":{"Variable":"$","IsNull":true},"IsNull":true}`), []string{schema("Field 'IsNull' is not supported", "/States/S/Choices[0]")}},
		{"two operators", choice(`{"Next":"E","Variable":"$","IsNull":true,"StringEquals":"a"}`), []string{
			schema("There should only be one of the following fields: [IsNull, StringEquals]", "/States/S/Choices[0]")}},
		{"unknown operator", choice(`{"Next":"E","Variable":"$","IsEmpty":true,"IsNull":true}`), []string{schema("Field 'IsEmpty' is not supported", "/States/S/Choices[0]")}},
		{"no twin", choice(`{"Next":"E","Variable":"$","StringMatchesPath":"$","IsNull":true}`), []string{schema("Field 'StringMatchesPath' is not supported", "/States/S/Choices[0]")}},
		{"nested Next", choice(`{"Next":"E","And":[{"Variable":"$","IsNull":true,"Next":"E"}]}`), []string{schema("Field 'Next' is not supported", "/States/S/Choices[0]/And[0]")}},
		{"empty And", choice(`{"Next":"E","And":[]}`), []string{schema("Value cannot be empty", "/States/S/Choices[0]/And")}},
		{"And of a wrong type", choice(`{"Next":"E","Or":{}}`), []string{schema("Expected value of type [ARRAY]", "/States/S/Choices[0]/Or")}},
		{"Not of a wrong type", choice(`{"Next":"E","Not":[]}`), []string{schema("Expected value of type [OBJECT]", "/States/S/Choices[0]/Not")}},
		{"Variable", choice(`{"Next":"E","Variable":"States.ArrayLength($.a)","IsNull":true}`), []string{schema(noDollarRef, "/States/S/Choices[0]/Variable")}},
		{"null Variable", choice(`{"Next":"E","Variable":null,"IsNull":true}`), []string{schema("Expected value of type [STRING]", "/States/S/Choices[0]/Variable")}},
		{"operand by path", choice(`{"Next":"E","Variable":"$.a","StringEqualsPath":"$.b."}`), []string{schema(notPath, "/States/S/Choices[0]/StringEqualsPath")}},
		{"timestamp operand", choice(`{"Next":"E","Variable":"$.a","TimestampEquals":"today"}`), []string{schema(notRFC3339, "/States/S/Choices[0]/TimestampEquals")}},
		{"number operand", choice(`{"Next":"E","Variable":"$.a","NumericLessThan":1e300}`), nil},
		{"Condition in JSONPath", choice(`{"Next":"E","Condition":true}`), []string{
			schema("The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' QueryLanguage", "/States/S/Choices[0]")}},
		{"Variable in JSONata", jsonata(choice(`{"Next":"E","Variable":"$.a","IsNull":true}`)), []string{
			schema("The QueryLanguage is set to 'JSONata', but field 'Variable' is only supported for the 'JSONPath' QueryLanguage", "/States/S/Choices[0]"),
			schema("The QueryLanguage is set to 'JSONata', but field 'IsNull' is only supported for the 'JSONPath' QueryLanguage", "/States/S/Choices[0]")}},
		{"literal Condition", jsonata(choice(`{"Next":"E","Condition":true,"Output":1,"Assign":{"a":1}}`)), nil},
		{"Condition as text", jsonata(choice(`{"Next":"E","Condition":"true"}`)), []string{schema("Expected value of type [BOOLEAN]", "/States/S/Choices[0]/Condition")}},

		// Succeed and Fail.
		{"Succeed", one(`{"Type":"Succeed","End":true}`), []string{schema("Field 'End' is not supported", "/States/S")}},
		{"Error twice", one(`{"Type":"Fail","Error":"e","ErrorPath":"$.e","Cause":"c","CausePath":"$.c"}`), []string{
			schema("There should only be one of the following fields: [Error, ErrorPath]", "/States/S"), schema("There should only be one of the following fields: [Cause, CausePath]", "/States/S")}},
		{"neither Error nor Cause", one(`{"Type":"Fail"}`), nil},
		{"calls", one(`{"Type":"Fail","ErrorPath":"States.Format('{}', $.e)","CausePath":"States.UUID()"}`), nil},
		{"call that gives no text", one(`{"Type":"Fail","ErrorPath":"States.Array($.e)"}`), []string{
			schema("Value must be a valid JSONPath or a call of one of these intrinsic functions: [States.Format, States.JsonToString, States.ArrayGetItem, "+
				"States.Base64Encode, States.Base64Decode, States.Hash, States.UUID]", "/States/S/ErrorPath")}},
		{"CausePath", one(`{"Type":"Fail","CausePath":"c"}`), []string{schema("Value must be a valid JSONPath or a valid intrinsic function call", "/States/S/CausePath")}},

		// Parallel.
		{"no Branches", one(`{"Type":"Parallel","End":true}`), []string{schema("These fields are required: [Branches]", "/States/S")}},
		{"empty Branches", one(`{"Type":"Parallel","End":true,"Branches":[]}`), []string{schema("Value cannot be empty", "/States/S/Branches")}},
		{"branch", one(`{"Type":"Parallel","End":true,"Branches":[{}]}`), []string{schema("These fields are required: [States, StartAt]", "/States/S/Branches[0]")}},
		{"timeout of a Parallel", one(`{"Type":"Parallel","End":true,"TimeoutSeconds":1,"Branches":[{"StartAt":"B","States":{"B":{"Type":"Succeed"}}}]}`), []string{
			schema("Field 'TimeoutSeconds' is not supported", "/States/S")}},

		// Map.
		{"no processor", one(`{"Type":"Map","End":true}`), []string{schema("This object should have only one of the following fields: [ItemProcessor, Iterator]", "/States/S")}},
		{"two processors", mapOf(`"Iterator":{"StartAt":"J","States":{"J":{"Type":"Succeed"}}}`), []string{schema("There should only be one of the following fields: [ItemProcessor, Iterator]", "/States/S")}},
		{"two selectors", mapOf(`"Parameters":{},"ItemSelector":{}`), []string{schema("There should only be one of the following fields: [Parameters, ItemSelector]", "/States/S")}},
		{"concurrency twice", mapOf(`"MaxConcurrency":1,"MaxConcurrencyPath":"$.c"`), []string{schema("There should only be one of the following fields: [MaxConcurrency, MaxConcurrencyPath]", "/States/S")}},
		{"negative concurrency", mapOf(`"MaxConcurrency":-1`), []string{schema("Minimum value is 0", "/States/S/MaxConcurrency")}},
		{"ItemsPath", mapOf(`"ItemsPath":"$.a[0:2]"`), []string{schema("Value is not a Reference Path: '$.a[0:2]' may lead to more than one node", "/States/S/ItemsPath")}},
		{"Items", jsonata(mapOf(`"Items":1`)), []string{schema("Expected value of type [ARRAY]", "/States/S/Items")}},
		{"literal Items", jsonata(mapOf(`"Items":[1,2]`)), nil},
		{"Arguments", jsonata(mapOf(`"Arguments":{}`)), []string{schema("Field 'Arguments' is not supported", "/States/S")}},
		{"percentage", mapOf(`"ToleratedFailurePercentage":100.5`), []string{schema("Maximum value is 100", "/States/S/ToleratedFailurePercentage")}},
		{"mode", one(`{"Type":"Map","End":true,"ItemProcessor":{"ProcessorConfig":{"Mode":"REMOTE"},"StartAt":"I","States":{"I":{"Type":"Succeed"}}}}`), []string{
			schema("Value should be one of the following: [INLINE, DISTRIBUTED]", "/States/S/ItemProcessor/ProcessorConfig/Mode")}},
		{"no execution type", one(`{"Type":"Map","End":true,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED"},"StartAt":"I","States":{"I":{"Type":"Succeed"}}}}`), []string{
			schema("These fields are required: [ExecutionType]", "/States/S/ItemProcessor/ProcessorConfig")}},
		{"execution type inline", one(`{"Type":"Map","End":true,"ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE","ExecutionType":"STANDARD"},"StartAt":"I","States":{"I":{"Type":"Succeed"}}}}`), []string{
			schema("Field 'ExecutionType' is not supported", "/States/S/ItemProcessor/ProcessorConfig")}},
		{"reader", distributed(`"ItemReader":{}`), []string{schema("These fields are required: [Resource]", "/States/S/ItemReader")}},
		{"reader's resource", distributed(`"ItemReader":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{}}`), []string{
			schema("The field 'Resource' does not match any of the allowed values", "/States/S/ItemReader/Resource")}},
		{"reader's input", distributed(`"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"XML"}}`), []string{
			schema("Value should be one of the following: [CSV, JSON, JSONL, PARQUET, MANIFEST]", "/States/S/ItemReader/ReaderConfig/InputType")}},
		{"CSV without header", distributed(`"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"CSV"}}`), []string{
			schema("The field 'CSVHeaderLocation' is required but was missing", "/States/S/ItemReader/ReaderConfig")}},
		{"CSV without given header", distributed(`"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"CSV","CSVHeaderLocation":"GIVEN"}}`), []string{
			schema("These fields are required: [CSVHeaders]", "/States/S/ItemReader/ReaderConfig")}},
		{"JSON with header", distributed(`"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"JSON","CSVHeaderLocation":"FIRST_ROW"}}`), []string{
			schema("Field 'CSVHeaderLocation' is not supported", "/States/S/ItemReader/ReaderConfig")}},
		{"writer", distributed(`"ResultWriter":{}`), []string{schema("These fields are required: [Resource]", "/States/S/ResultWriter")}},
		{"writer's form", distributed(`"ResultWriter":{"WriterConfig":{"Transformation":"FLATTEN","OutputType":"JSONL"}}`), nil},
		{"writer's resource", distributed(`"ResultWriter":{"Resource":"arn:aws:states:::sqs:sendMessage"}`), []string{
			schema("The field 'Resource' does not match any of the allowed values", "/States/S/ResultWriter/Resource")}},
		{"batcher", distributed(`"ItemBatcher":{"MaxItemsPerBatch":0,"MaxInputBytesPerBatch":262145}`), []string{
			schema("Minimum value is 1", "/States/S/ItemBatcher/MaxItemsPerBatch"), schema("Maximum value is 262144", "/States/S/ItemBatcher/MaxInputBytesPerBatch")}},
		{"batcher twice", distributed(`"ItemBatcher":{"MaxItemsPerBatch":1,"MaxItemsPerBatchPath":"$.n"}`), []string{
			schema("There should only be one of the following fields: [MaxItemsPerBatch, MaxItemsPerBatchPath]", "/States/S/ItemBatcher")}},
		{"long label", distributed(`"Label":"` + long[:41] + `"`), []string{"INVALID_LABEL_NAME: Invalid Label name: '" + long[:41] + "' exceeds the 40-character limit allowed by the service at /States/S/Label"}},
		{"label", distributed(`"Label":"a b"`), []string{"INVALID_LABEL_NAME: Invalid Label name: 'a b' contains the invalid character ' ' at /States/S/Label"}},
		{"labels", `{"StartAt":"A","States":{"A":{"Type":"Map","Label":"l","Next":"B","Iterator":{"StartAt":"I","States":{"I":{"Type":"Succeed"}}}},` +
			`"B":{"Type":"Map","Label":"l","End":true,"Iterator":{"StartAt":"J","States":{"J":{"Type":"Succeed"}}}}}}`, []string{
			"DUPLICATE_LABEL_NAME: Duplicate Label name: l at /States/B/Label"}},
	} {
		_, diagnostics := asl.Parse(tt.definition, asl.Options{})
		got := errorsOf(diagnostics)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n%s\ngot  %s\nwant %s", tt.name, tt.definition, strings.Join(got, "\n     "), strings.Join(tt.want, "\n     "))
		}
		checkPlaces(t, tt.definition, diagnostics)
	}
}

func errorsOf(diagnostics []sfn.Diagnostic) []string {
	var texts []string
	for _, d := range diagnostics {
		if d.Severity == sfn.SeverityError {
			texts = append(texts, d.String())
		}
	}
	return texts
}

// checkPlaces tells whether every pointer leads to a value and every offset to the place where it begins.
func checkPlaces(t *testing.T, text string, diagnostics []sfn.Diagnostic) {
	t.Helper()
	root, err := value.Parse(text)
	if err != nil {
		return
	}
	for _, d := range diagnostics {
		v, ok := follow(root, d.Pointer)
		if !ok {
			t.Errorf("%v: the pointer %q leads nowhere", d, d.Pointer)
			continue
		}
		if d.Pointer == "" {
			continue
		}
		if d.Offset >= len(text) || !startsWith(text[d.Offset:], v) {
			t.Errorf("%v: at offset %d there is no %s", d, d.Offset, value.Text(v))
		}
	}
}

func follow(v value.Value, pointer string) (value.Value, bool) {
	if pointer == "" {
		return v, true
	}
	for _, step := range strings.Split(pointer, "/")[1:] {
		switch x := v.(type) {
		case *value.Object:
			var ok bool
			if v, ok = x.Get(strings.NewReplacer("~1", "/", "~0", "~").Replace(step)); !ok {
				return nil, false
			}
		case value.Array:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// startsWith tells whether the text begins with JSON of the value's kind.
func startsWith(text string, v value.Value) bool {
	switch v.Kind() {
	case value.KindObject:
		return text[0] == '{'
	case value.KindArray:
		return text[0] == '['
	case value.KindString:
		return text[0] == '"'
	}
	return strings.IndexByte("-0123456789tfn", text[0]) >= 0
}

func TestWarnings(t *testing.T) {
	for _, tt := range []struct{ name, definition, code, location string }{
		{"path in a template", pass(`"Parameters":{"a":"$.b"}`), "NO_DOLLAR", "/States/S/Parameters/a"},
		{"nested path", pass(`"Parameters":{"c":[{"a":"$$.Execution.Id"}]}`), "NO_DOLLAR", "/States/S/Parameters/c[0]/a"},
		{"call in a template", pass(`"Assign":{"a":"States.UUID()"}`), "NO_DOLLAR", "/States/S/Assign/a"},
		{"price in a template", pass(`"Parameters":{"a":"$5"}`), "", ""},
		{"path in an array", pass(`"Parameters":{"a":["$.b"]}`), "", ""},
		{"path with its dollar", pass(`"Parameters":{"a.$":"$.b"}`), "", ""},
		{"path in JSONata", jsonata(pass(`"Output":{"a":"$.b"}`)), "", ""},
		{"path in Cause", one(`{"Type":"Fail","Cause":"$.c"}`), "NO_PATH", "/States/S/Cause"},
		{"path as operand", choice(`{"Next":"E","Variable":"$.a","StringEquals":"$.b"}`), "NO_PATH", "/States/S/Choices[0]/StringEquals"},
		{"path in a pattern", choice(`{"Next":"E","Variable":"$.a","StringMatches":"$.b"}`), "", ""},
		{"path in Result", pass(`"Result":{"a.$":"$.b"}`), "PASS_RESULT_IS_STATIC", "/States/S/Result"},
		{"path text in Result", pass(`"Result":["$.b"]`), "PASS_RESULT_IS_STATIC", "/States/S/Result"},
		{"plain Result", pass(`"Result":{"a":"b"}`), "", ""},
	} {
		m, diagnostics := asl.Parse(tt.definition, asl.Options{})
		if m == nil {
			t.Errorf("%s: refused: %v", tt.name, diagnostics)
			continue
		}
		code, location := "", ""
		if len(diagnostics) == 1 && diagnostics[0].Severity == sfn.SeverityWarning {
			code, location = string(diagnostics[0].Code), diagnostics[0].Location
		}
		if code != tt.code || location != tt.location || len(diagnostics) > 1 {
			t.Errorf("%s: %v, want %s at %s", tt.name, diagnostics, tt.code, tt.location)
		}
		checkPlaces(t, tt.definition, diagnostics)
	}
}

func TestInvalidJSON(t *testing.T) {
	for _, tt := range []struct {
		text, message, location string
		offset                  int
	}{
		{`not a definition`, "Unrecognized token 'not'", `[Source: (String)"not a definition"; line: 1, column: 4]`, 0},
		{"{\n \"a\": nope}", "Unrecognized token 'nope'", "[Source: (String)\"{\n \"a\": nope}\"; line: 2, column: 11]", 8},
		{`{"a":1,}`, "Unexpected character", `[Source: (String)"{"a":1,}"; line: 1, column: 9]`, 7},
		{`{"a":1`, "Unexpected end-of-input", `[Source: (String)"{"a":1"; line: 1, column: 7]`, 6},
		{`{"a":1,"b":2,"a":3}`, "Duplicate field 'a'", `[Source: (String)"{"a":1,"b":2,"a":3}"; line: 1, column: 18]`, 17},
		{`[` + strings.Repeat(" ", 600), "Unexpected end-of-input", `[Source: (String)"[` + strings.Repeat(" ", 499) + `"[truncated 101 chars]; line: 1, column: 602]`, 601},
	} {
		m, diagnostics := asl.Parse(tt.text, asl.Options{})
		if m != nil || len(diagnostics) != 1 {
			t.Errorf("%.40q: %v", tt.text, diagnostics)
			continue
		}
		d := diagnostics[0]
		if d.Code != sfn.CodeInvalidJSON || !strings.HasPrefix(d.Message, tt.message) || !strings.HasSuffix(d.Message, "\n at "+tt.location) || d.Location != tt.location || d.Offset != tt.offset {
			t.Errorf("%.40q: %+v", tt.text, d)
		}
	}
}

func TestRepeatedMembersInTheOrderOfTheText(t *testing.T) {
	_, diagnostics := asl.Parse(`{"a":1,"a":{"b":1,"b":2},"c":1,"c":2}`, asl.Options{})
	var offsets []int
	for _, d := range diagnostics {
		offsets = append(offsets, d.Offset)
	}
	if want := []int{11, 22, 35}; !slices.Equal(offsets, want) {
		t.Errorf("at %v, want %v", offsets, want)
	}
}

func TestRepeatedMembersOfLargeObjects(t *testing.T) {
	var members []string
	for i := range 40 {
		members = append(members, fmt.Sprintf(`"s%d":{"Type":"Succeed"}`, i))
	}
	_, diagnostics := asl.Parse(`{"StartAt":"s0","States":{`+strings.Join(members, ",")+`,"s7":{}}}`, asl.Options{})
	if len(diagnostics) != 1 || diagnostics[0].Pointer != "/States/s7" {
		t.Errorf("got %v", diagnostics)
	}
}

func TestDefinitionLength(t *testing.T) {
	fill := func(c string, n int) string { return pass(`"Comment":"` + strings.Repeat(c, n) + `"`) }
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"a million characters", fill("x", 1_000_000), true},
		{"characters count, not bytes", fill("é", 1_000_000), true},
		{"too long", fill("x", 1_048_577), false},
	} {
		if m, diagnostics := asl.Parse(tt.text, asl.Options{}); (m != nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, diagnostics)
		}
	}
}

func TestNesting(t *testing.T) {
	nested := `{"StartAt":"L","States":{"L":{"Type":"Succeed"}}}`
	for i := range 300 {
		name := fmt.Sprint("P", i)
		nested = `{"StartAt":"` + name + `","States":{"` + name + `":{"Type":"Parallel","End":true,"Branches":[` + nested + `]}}}`
		if i > 5 && i < 199 {
			continue
		}
		m, diagnostics := asl.Parse(nested, asl.Options{})
		switch {
		case i <= 5 && m == nil:
			t.Errorf("depth %d: %v", i, diagnostics)
		case i >= 199 && (len(diagnostics) != 1 || diagnostics[0].Code != sfn.CodeTooDeeplyNested && diagnostics[0].Code != sfn.CodeInvalidJSON):
			t.Errorf("depth %d: %v", i, diagnostics)
		}
	}
}

func TestExpress(t *testing.T) {
	child := func(executionType, resource string) string {
		return one(`{"Type":"Map","End":true,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"` + executionType + `"},` +
			`"StartAt":"I","States":{"I":{"Type":"Task","Resource":"` + resource + `","Parameters":{"StateMachineArn":"m"},"End":true}}}}`)
	}
	const sync, inChild = "arn:aws:states:::states:startExecution.sync:2", "/States/S/ItemProcessor/States/I/Resource"
	for _, tt := range []struct {
		name, definition string
		machine          sfn.MachineType
		want             []string
	}{
		{"activity", one(`{"Type":"Task","End":true,"Resource":"arn:aws:states:us-east-1:1:activity:a"}`), sfn.Express, []string{schema("Express state machine does not support Activity ARN", "/States/S/Resource")}},
		{"job", service("states:startExecution.sync", `,"Parameters":{"StateMachineArn":"m"}`), sfn.Express, []string{schema("Express state machine does not support '.sync' service integration", "/States/S/Resource")}},
		{"token", service("aws-sdk:s3:getObject.waitForTaskToken", `,"Parameters":{}`), sfn.Express, []string{schema("Express state machine does not support '.waitForTaskToken' service integration ", "/States/S/Resource")}},
		{"response", service("aws-sdk:s3:getObject", `,"Parameters":{}`), sfn.Express, nil},
		{"standard", service("states:startExecution.sync", `,"Parameters":{"StateMachineArn":"m"}`), sfn.Standard, nil},
		{"inline Map", mapOf(`"Comment":""`), sfn.Express, nil},
		{"distributed Map", distributed(`"Comment":""`), sfn.Express, []string{schema("The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines", "/States/S/ItemProcessor/ProcessorConfig/Mode")}},
		{"job in an Express child", child("EXPRESS", sync), sfn.Standard, []string{schema("Express state machine does not support '.sync' service integration", inChild)}},
		{"job in a Standard child", child("STANDARD", sync), sfn.Standard, nil},
	} {
		m, diagnostics := asl.Parse(tt.definition, asl.Options{Type: tt.machine})
		if got := errorsOf(diagnostics); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if m != nil && m.Type != tt.machine {
			t.Errorf("%s: the machine is of type %s", tt.name, m.Type)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	for _, definition := range []string{
		one(`{"Type":"Task","End":true,"Resource":"arn:${AWS::Partition}:states:::lambda:invoke","Parameters":{"FunctionName":"${F}"}}`),
		one(`{"Type":"Task","End":true,"Resource":"arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:activity:${A}"}`),
		one(`{"Type":"Task","End":true,"Resource":"arn:aws:states:::${Service}:${Api}","Parameters":{}}`),
		one(`{"Type":"Task","End":true,"Resource":"${F}","TimeoutSecondsPath":"${Path}","ResultPath":"${Path}","InputPath":"${Path}","Parameters":{"a.$":"${Path}"}}`),
		one(`{"Type":"Wait","End":true,"Timestamp":"${When}"}`),
		one(`{"Type":"Fail","ErrorPath":"${Path}"}`),
		choice(`{"Next":"E","Variable":"$.${Field}","StringEquals":"${Value}"}`),
		distributed(`"Label":"${Label}","ItemReader":{"Resource":"${Reader}","ReaderConfig":{"InputType":"${Type}"}}`),
	} {
		if m, diagnostics := asl.Parse(definition, asl.Options{}); m == nil {
			t.Errorf("%s: %v", definition, diagnostics)
		}
	}
}

func TestPosition(t *testing.T) {
	const text = "{\n  \"é\": 1\n}"
	for _, tt := range []struct{ offset, line, column int }{
		{0, 1, 1}, {1, 1, 2}, {2, 2, 1}, {9, 2, 7}, {len(text), 3, 2}, {1000, 3, 2}, {-1, 1, 1},
	} {
		if line, column := asl.Position(text, tt.offset); line != tt.line || column != tt.column {
			t.Errorf("Position(%d) = %d, %d, want %d, %d", tt.offset, line, column, tt.line, tt.column)
		}
	}
}

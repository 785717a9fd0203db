package api_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/api"
)

// python is an interpreter that has the modules, or the test is skipped; with CI=true in the environment it fails instead.
func python(t *testing.T, modules string) string {
	t.Helper()
	interpreter := os.Getenv("TUTTI_PYTHON")
	if interpreter == "" {
		interpreter = "python3"
	}
	out, err := exec.CommandContext(t.Context(), interpreter, "-c", "import "+modules).CombinedOutput()
	if err != nil {
		text := fmt.Sprintf("%s has not all of %s: pip install -r internal/api/testdata/requirements.txt, and set TUTTI_PYTHON to another interpreter if it is not that one (%.200s)",
			interpreter, modules, strings.TrimSpace(string(out)))
		if os.Getenv("CI") == "true" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	return interpreter
}

// dumpModel prints the model of Step Functions as botocore publishes it: for each operation its input, a member a line.
const dumpModel = `
import botocore.session, json
m = botocore.session.get_session().get_service_model('stepfunctions')
def describe(path, shape, required, out):
    rules = {'type': shape.type_name, 'required': required}
    for name, value in shape.metadata.items():
        if name in ('min', 'max', 'pattern', 'sensitive'): rules[name] = value
    if getattr(shape, 'enum', None): rules['enum'] = list(shape.enum)
    out[path] = rules
    if shape.type_name == 'structure':
        for name, member in shape.members.items(): describe(path + '.' + name, member, name in shape.required_members, out)
    if shape.type_name == 'list': describe(path + '[]', shape.member, False, out)
all = {}
for name in m.operation_names:
    out = {}
    if m.operation_model(name).input_shape is not None: describe('', m.operation_model(name).input_shape, False, out)
    all[name] = out
print(json.dumps(all))
`

// TestModel holds what stands beside the members of requests to AWS's own model: the same members with the same constraints.
func TestModel(t *testing.T) {
	interpreter := python(t, "botocore")
	version, err := exec.CommandContext(t.Context(), interpreter, "-c", "import botocore; print(botocore.__version__)").Output()
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := os.ReadFile("testdata/requirements.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(pinned), "botocore=="+string(version)) {
		t.Skipf("botocore is %s, and the model is held to the one in testdata/requirements.txt", strings.TrimSpace(string(version)))
	}
	out, err := exec.CommandContext(t.Context(), interpreter, "-c", dumpModel).Output()
	if err != nil {
		t.Fatal(err)
	}
	var published map[string]map[string]map[string]any
	if err := json.Unmarshal(out, &published); err != nil {
		t.Fatal(err)
	}
	described := api.DescribeModel()
	for operation, members := range described {
		want, ok := published[operation]
		if !ok {
			t.Errorf("AWS has no operation %s", operation)
			continue
		}
		for path, rules := range members {
			if want[path] == nil {
				t.Errorf("%s%s: AWS has no such member", operation, path)
				continue
			}
			if got, want := fmt.Sprint(rules), published2text(path, want[path]); got != want {
				t.Errorf("%s%s:\n got %s\nwant %s", operation, path, got, want)
			}
		}
		for path := range want {
			if _, read := members[path]; path != "" && !read {
				t.Errorf("%s%s is not read", operation, path)
			}
		}
	}
	for _, operation := range api.OperationNames() {
		if described[operation] == nil {
			t.Errorf("add the request of %s to statesRequests", operation)
		}
	}
}

// published2text writes AWS's rules as api.DescribeModel writes ours. Where the service is known to do otherwise than its model says, the
// service wins: payloads are bounded in bytes, tags need keys.
func published2text(path string, rules map[string]any) string {
	var words []string
	if rules["required"] == true || strings.HasSuffix(path, "tags[].key") {
		words = append(words, "required")
	}
	ends := func(name string) {
		least, most := rules["min"], rules["max"]
		if least == nil && most == nil {
			return
		}
		text := func(v any) string {
			if f, ok := v.(float64); ok {
				return fmt.Sprint(int(f))
			}
			return ""
		}
		words = append(words, name+"="+text(least)+":"+text(most))
	}
	switch kind := rules["type"]; {
	case kind == "string" && rules["max"] == float64(262144):
		words = append(words, "bytes=262144")
	case kind == "string" || kind == "list":
		ends("length")
	case kind == "integer" || kind == "long": // the one float, of UpdateMapRun, is checked by hand
		ends("range")
	}
	if p, ok := rules["pattern"]; ok {
		words = append(words, "pattern="+fmt.Sprint(p))
	}
	if e, ok := rules["enum"].([]any); ok {
		words = append(words, "enum="+fmt.Sprint(e))
	}
	if rules["sensitive"] == true {
		words = append(words, "sensitive")
	}
	return strings.Join(words, " ")
}

// Enums are printed in the order that messages recorded on AWS have.
func TestEnumOrder(t *testing.T) {
	for _, test := range []struct{ members, want []string }{
		{[]string{"RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"}, []string{"SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"}},
		{[]string{"NONE", "TOTAL", "INDEXES"}, []string{"INDEXES", "TOTAL", "NONE"}},                                                                 // DynamoDB, returnConsumedCapacity
		{[]string{"NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"}, []string{"ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"}}, // DynamoDB, returnValues
		{[]string{"SIZE", "NONE"}, []string{"SIZE", "NONE"}},
	} {
		if got, want := api.EnumSet(test.members), "["+strings.Join(test.want, ", ")+"]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Whatever is wrong with a request is said of the member, at any depth.
func TestConstraintsByMember(t *testing.T) {
	url := serve(t, newBackend())
	const detected = "1 validation error detected: "
	alias := func(name, routes string) string {
		return `{"name":"` + name + `","routingConfiguration":` + routes + `}`
	}
	one := `[{"stateMachineVersionArn":"a","weight":100}]`
	for _, test := range []struct{ operation, body, message string }{
		{"CreateStateMachineAlias", alias("1", one), detected + `Value '1' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$`},
		{"CreateStateMachineAlias", alias("", one), `2 validation errors detected: Value '' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$; Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1`},
		{"CreateStateMachineAlias", alias("a", "[]"), detected + "Value '[]' at 'routingConfiguration' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"CreateStateMachineAlias", alias("a", `[{"weight":1},{"stateMachineVersionArn":"a"}]`), "2 validation errors detected: Value null at 'routingConfiguration.1.member.stateMachineVersionArn' failed to satisfy constraint: Member must not be null; Value null at 'routingConfiguration.2.member.weight' failed to satisfy constraint: Member must not be null"},
		{"CreateStateMachineAlias", alias("a", `[{"stateMachineVersionArn":"a","weight":1},{"stateMachineVersionArn":"b","weight":2},{"stateMachineVersionArn":"c"}]`), "2 validation errors detected: Value '[RoutingConfigurationListItem(stateMachineVersionArn=a, weight=1), RoutingConfigurationListItem(stateMachineVersionArn=b, weight=2), RoutingConfigurationListItem(stateMachineVersionArn=c, weight=null)]' at 'routingConfiguration' failed to satisfy constraint: Member must have length less than or equal to 2; Value null at 'routingConfiguration.3.member.weight' failed to satisfy constraint: Member must not be null"},
		{"CreateStateMachine", `{"name":"m","definition":"","roleArn":"arn:aws:iam::000000000000:role/r","loggingConfiguration":{"level":"SOME","destinations":[{"cloudWatchLogsLogGroup":{"logGroupArn":""}}]}}`,
			"3 validation errors detected: Value at 'definition' failed to satisfy constraint: Member must have length greater than or equal to 1; Value 'SOME' at 'loggingConfiguration.level' failed to satisfy constraint: Member must satisfy enum value set: [ALL, FATAL, ERROR, OFF]; Value '' at 'loggingConfiguration.destinations.1.member.cloudWatchLogsLogGroup.logGroupArn' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"UntagResource", `{"resourceArn":"` + machineARN + `","tagKeys":["a",null]}`, detected + "Value null at 'tagKeys.2.member' failed to satisfy constraint: Member must not be null"},
		{"ValidateStateMachineDefinition", `{"definition":"{}","maxResults":101,"severity":"INFO"}`, "2 validation errors detected: Value 'INFO' at 'severity' failed to satisfy constraint: Member must satisfy enum value set: [ERROR, WARNING]; Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100"},
		{"StartExecution", `{"stateMachineArn":"` + machineARN + `","traceHeader":"é"}`, detected + `Value 'é' at 'traceHeader' failed to satisfy constraint: Member must satisfy regular expression pattern: \p{ASCII}*`},
		{"GetActivityTask", `{}`, detected + "Value null at 'activityArn' failed to satisfy constraint: Member must not be null"},
	} {
		a := post(t, url, "AWSStepFunctions."+test.operation, test.body)
		if a.Type != "com.amazon.coral.validate#ValidationException" || a.Message != test.message {
			t.Errorf("%s %s:\n got %s %s\nwant %s", test.operation, test.body, a.Type, a.Message, test.message)
		}
	}
}

// Values of another type are refused in the words of AWS's framework, which leaves the message out for what is no JSON.
func TestWrongTypes(t *testing.T) {
	url := serve(t, newBackend())
	const kind = `"com.amazon.coral.service#SerializationException"`
	for _, test := range []struct{ operation, body, want string }{
		{"ListActivities", `{"maxResults":"1"}`, "STRING_VALUE can not be converted to an Integer"},
		{"ListActivities", `{"maxResults":true}`, "TRUE_VALUE can not be converted to an Integer"},
		{"ListActivities", `{"maxResults":[1]}`, "Start of list found where not expected"},
		{"ListActivities", `{"maxResults":{}}`, "Start of structure or map found where not expected."},
		{"ListActivities", `{"nextToken":1.5}`, "NUMBER_VALUE can not be converted to a String"},
		{"ListActivities", `{"nextToken":false}`, "FALSE_VALUE can not be converted to a String"},
		{"ListActivities", `{"nextToken":{"a":1}}`, "Start of structure or map found where not expected."},
		{"GetExecutionHistory", `{"reverseOrder":"yes"}`, "STRING_VALUE can not be converted to a Boolean"},
		{"CreateActivity", `{"tags":"x"}`, "Expected list or null"},
		{"CreateActivity", `{"tags":{}}`, "Start of structure or map found where not expected."},
		{"CreateActivity", `{"tags":[{"key":7}]}`, "NUMBER_VALUE can not be converted to a String"},
		{"CreateStateMachine", `{"loggingConfiguration":"x"}`, "Expected null"},
		{"CreateStateMachine", `{"publish":1}`, "NUMBER_VALUE can not be converted to a Boolean"},
		{"ListActivities", `[]`, "Start of list found where not expected"},
		{"ListActivities", `{`, ""},
		{"ListActivities", `null`, ""},
		{"ListActivities", `{} {}`, ""},
	} {
		want := `{"__type":` + kind + `,"Message":"` + test.want + `"}`
		if test.want == "" {
			want = `{"__type":` + kind + `}`
		}
		if a := post(t, url, "AWSStepFunctions."+test.operation, test.body); a.body != want || a.status != 400 {
			t.Errorf("%s %s: got %d %s, want %s", test.operation, test.body, a.status, a.body, want)
		}
	}
	if a := post(t, url, "AWSStepFunctions.ListActivities", `{"maxResults":1.9,"other":[{}],"nextToken":null}`); a.status != 200 {
		t.Errorf("a fraction, an unknown member and a null: %d %s", a.status, a.body)
	}
	if a := post(t, url, "AWSStepFunctions.Nothing", `{}`); !strings.Contains(a.body, "Served are CreateActivity, ") || a.status != 400 {
		t.Errorf("an unknown operation: %d %s", a.status, a.body)
	}
}

// FuzzOperations sends bodies to every operation: no panic, no internal failure.
func FuzzOperations(f *testing.F) {
	names := api.OperationNames()
	arn := machineARN
	for i := range names {
		f.Add(uint8(i), `{"stateMachineArn":"`+arn+`","name":"n","definition":"{}","roleArn":"arn:aws:iam::000000000000:role/r"}`)
	}
	f.Add(uint8(0), `{"name":"a","tags":[{"key":"k","value":null}],"encryptionConfiguration":{"type":"AWS_OWNED_KEY"}}`)
	f.Add(uint8(2), `{"name":"A","routingConfiguration":[{"stateMachineVersionArn":"`+arn+`:1","weight":1e2}]}`)
	f.Add(uint8(7), `{"activityArn":"arn:aws:states:us-east-1:000000000000:activity:a","maxResults":-0.0}`)
	e := openEndpoint(f, newDisk())
	f.Fuzz(func(t *testing.T, op uint8, body string) {
		name := names[int(op)%len(names)]
		if name == "GetActivityTask" || name == "StartSyncExecution" {
			return // they wait
		}
		if status, answer := e.call(t, name, body); status >= 500 || !json.Valid([]byte(answer)) {
			t.Errorf("%s %q: %d %s", name, body, status, answer)
		}
	})
}

package asl

import (
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/value"
)

// matrix is the table "State Types" of the Amazon States Language with the fields of single types added, in the words of the
// specification: T Task, P Parallel, M Map, s Pass, W Wait, C Choice, u Succeed, F Fail; then the only language, and a valid value.
const matrix = `
Type                           TPMsWCuF .        ""
Comment                        TPMsWCuF .        "c"
QueryLanguage                  TPMsWCuF .        "JSONPath"
Next                           TPMsW    .        "E"
End                            TPMsW    .        true
Retry                          TPM      .        [{"ErrorEquals":["a"]}]
Catch                          TPM      .        [{"ErrorEquals":["a"],"Next":"E"}]
Assign                         TPMsWC   .        {"v":1}
InputPath                      TPMsWCu  JSONPath "$.a"
OutputPath                     TPMsWCu  JSONPath "$.a"
Parameters                     TPMs     JSONPath {"a.$":"$.a"}
ResultSelector                 TPM      JSONPath {"a.$":"$.a"}
ResultPath                     TPMs     JSONPath "$.a"
Result                         s        JSONPath {"a":1}
Arguments                      TP       JSONata  {"a":1}
Output                         TPMsWCu  JSONata  {"a":1}
Resource                       T        .        "arn:aws:lambda:us-east-1:1:function:f"
TimeoutSeconds                 T        .        1
TimeoutSecondsPath             T        JSONPath "$.a"
HeartbeatSeconds               T        .        1
HeartbeatSecondsPath           T        JSONPath "$.a"
Credentials                    T        .        {"RoleArn":"r"}
Seconds                        W        .        1
SecondsPath                    W        JSONPath "$.a"
Timestamp                      W        .        "2026-01-01T00:00:00Z"
TimestampPath                  W        JSONPath "$.a"
Choices                        C        .        []
Default                        C        .        "E"
Error                          F        .        "e"
ErrorPath                      F        JSONPath "$.a"
Cause                          F        .        "c"
CausePath                      F        JSONPath "$.a"
Branches                       P        .        [{"StartAt":"B","States":{"B":{"Type":"Succeed"}}}]
ItemProcessor                  M        .        {"StartAt":"B","States":{"B":{"Type":"Succeed"}}}
Iterator                       M        .        {"StartAt":"B","States":{"B":{"Type":"Succeed"}}}
ItemsPath                      M        JSONPath "$.a"
Items                          M        JSONata  [1]
ItemSelector                   M        .        {"a":1}
MaxConcurrency                 M        .        1
MaxConcurrencyPath             M        JSONPath "$.a"
ItemReader                     M        .        {"Resource":"arn:aws:states:::s3:getObject"}
ItemBatcher                    M        .        {"MaxItemsPerBatch":1}
ResultWriter                   M        .        {"WriterConfig":{"OutputType":"JSON"}}
Label                          M        .        "l"
ToleratedFailureCount          M        .        1
ToleratedFailureCountPath      M        JSONPath "$.a"
ToleratedFailurePercentage     M        .        1
ToleratedFailurePercentagePath M        JSONPath "$.a"
`

func letterOf(t StateType) string {
	if t == TypePass || t == TypeSucceed {
		return string(t[map[StateType]int{TypePass: 2, TypeSucceed: 1}[t]])
	}
	return string(t[0])
}

// TestFieldMatrix puts every field into a state of every type in either language and looks whether it is supported.
func TestFieldMatrix(t *testing.T) {
	rows := strings.Split(strings.TrimSpace(matrix), "\n")
	if len(rows) != len(stateShape.fields) {
		t.Errorf("%d fields are tested, of %d", len(rows), len(stateShape.fields))
	}
	for _, row := range rows {
		columns := strings.Fields(row)
		field, types, only, literal := columns[0], columns[1], columns[2], strings.Join(columns[3:], " ")
		for _, stateType := range StateTypes() {
			for _, language := range []QueryLanguage{JSONPath, JSONata} {
				if field == "Type" {
					literal = `"` + string(stateType) + `"`
				}
				text := `{"QueryLanguage":"` + string(language) + `","StartAt":"S","States":{"S":{"Type":"` + string(stateType) + `","` + field + `":` + literal + `},"E":{"Type":"Succeed"}}}`
				text = strings.Replace(text, `"Type":"`+string(stateType)+`","Type"`, `"Type"`, 1)
				_, diagnostics := Parse(text, Options{})
				want := ""
				switch {
				case !strings.Contains(types, letterOf(stateType)):
					want = "Field '" + field + "' is not supported"
				case only != "." && only != string(language):
					want = "The QueryLanguage is set to '" + string(language) + "', but field '" + field + "' is only supported for the '" + only + "' QueryLanguage"
				case field == "QueryLanguage" && language == JSONata:
					want = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
				}
				got := ""
				for _, d := range diagnostics {
					if d.Location == "/States/S" && (strings.Contains(d.Message, "support") || strings.Contains(d.Message, "can not be")) {
						got = d.Message
					} else if strings.HasPrefix(d.Location, "/States/S/"+field) && field != "Choices" {
						t.Errorf("%s %s %s: the value was refused: %v", stateType, language, field, d)
					}
				}
				if got != want {
					t.Errorf("%s %s %s: %q, want %q", stateType, language, field, got, want)
				}
			}
		}
	}
}

// TestEveryKindIsUsed ranges over the kinds of fields: each stands in the schema, and the checks know it.
func TestEveryKindIsUsed(t *testing.T) {
	used := map[kind]bool{}
	seen := map[*shape]bool{}
	var visit func(s *shape)
	visit = func(s *shape) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		for _, field := range s.fields {
			used[field.kind] = true
			visit(field.shape)
			if (field.kind == kindObject || field.kind == kindList || field.kind == kindProcessor) != (field.shape != nil) {
				t.Errorf("%s: a shape belongs to fields that are objects, and to no others", field.name)
			}
			if (field.kind == kindEnum) != (len(field.values) > 0) {
				t.Errorf("%s: values belong to enumerations, and to no others", field.name)
			}
		}
		for _, x := range s.exclusions {
			for _, name := range x.fields {
				if field := s.field(name); field == nil || field.types&x.types != x.types {
					t.Errorf("exclusion %v: there is no field %s", x.fields, name)
				}
			}
		}
	}
	for _, s := range []*shape{machineShape, branchShape, processorShape, stateShape, ruleShape, nestedRuleShape} {
		visit(s)
	}
	for k := range kindList + 1 {
		if !used[k] {
			t.Errorf("no field is of kind %d", k)
		}
		// A value of a wrong type draws a diagnostic from every kind but those that take any.
		c := &checker{language: JSONPath}
		root := (&reader{text: `{"x": false}`}).read()
		n := root.children[0]
		if k == kindBool {
			n.value = value.Int(1)
		}
		c.value(n, &field{kind: k, shape: retrierShape, max: 1, values: []string{"a"}}, frame{language: JSONPath, state: root})
		if takesAny := k == kindAny || k == kindTemplate || k == kindCondition; takesAny != (len(c.diagnostics) == 0) {
			t.Errorf("kind %d: %v", k, c.diagnostics)
		}
	}
}

// TestOperators compiles each of the 39 operators with an operand of its own type and refuses others.
func TestOperators(t *testing.T) {
	operands := map[string]string{"string": `"a"`, "number": `1.5`, "boolean": `true`, "timestamp": `"2026-01-01T00:00:00Z"`}
	count := 0
	parse := func(rule string) *Machine {
		m, _ := Parse(`{"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{"Variable":"$.a",`+rule+`,"Next":"E"}]},"E":{"Type":"Succeed"}}}`, Options{})
		return m
	}
	for _, operator := range Operators() {
		own := operator.Operand.String()
		if operator.Timestamp {
			own = "timestamp"
		}
		count++
		for name, operand := range operands {
			m := parse(`"` + string(operator.Name) + `":` + operand)
			if want := name == own || own == "string" && name == "timestamp"; (m != nil) != want {
				t.Errorf("%s with a %s: accepted %v, want %v", operator.Name, name, m != nil, want)
			}
			if m == nil {
				continue
			}
			c := m.States["C"].(*Choice).Rules[0].Condition.(*Comparison)
			if c.Operator != operator.Name || c.Variable.String() != "$.a" || c.Operand == nil || c.Operand.Kind() != operator.Operand || c.OperandPath != nil {
				t.Errorf("%s: compiled to %+v", operator.Name, c)
			}
		}
		m := parse(`"` + string(operator.Name) + `Path":"$$.b"`)
		if (m != nil) != operator.HasPath {
			t.Errorf("%sPath: accepted %v, want %v", operator.Name, m != nil, operator.HasPath)
		}
		if m != nil {
			count++
			c := m.States["C"].(*Choice).Rules[0].Condition.(*Comparison)
			if c.Operator != operator.Name || c.Operand != nil || c.OperandPath == nil || c.OperandPath.String() != "$$.b" {
				t.Errorf("%sPath: compiled to %+v", operator.Name, c)
			}
		}
	}
	if count != 39 {
		t.Errorf("there are %d operators, want 39", count)
	}
}

// TestIntegrations takes every action apart with every pattern.
func TestIntegrations(t *testing.T) {
	patterns := []Pattern{RequestResponse, RunJob, RunJob2, WaitForTaskToken}
	seen := map[action]bool{}
	for _, i := range Integrations() {
		if seen[action{i.Service, i.API}] {
			t.Errorf("%s:%s is listed twice", i.Service, i.API)
		}
		seen[action{i.Service, i.API}] = true
		if slices.Contains(i.Patterns, RequestResponse) == i.Storage {
			t.Errorf("%s:%s: every action but those of storage can be called", i.Service, i.API)
		}
		for _, pattern := range patterns {
			arn := "arn:aws:states:::" + i.Service + ":" + i.API + string(pattern)
			r, err := ParseResource(arn)
			if want := slices.Contains(i.Patterns, pattern); (err == nil) != want {
				t.Errorf("%s: %v, want accepted %v", arn, err, want)
			}
			if err == nil && (r.Kind != ResourceService || r.ARN != arn || r.Type() != i.Service || r.API != i.API || r.Pattern != pattern || r.Name() != i.API+string(pattern)) {
				t.Errorf("%s: taken apart to %+v", arn, r)
			}
		}
	}
}

func TestParseResource(t *testing.T) {
	const unknown = "is not recognized"
	for _, tt := range []struct {
		arn   string
		want  Resource
		fault string
	}{
		{"arn:aws:lambda:eu-west-1:123456789012:function:f", Resource{Kind: ResourceFunction, Partition: "aws", Region: "eu-west-1"}, ""},
		{"arn:aws-cn:lambda:cn-north-1:123456789012:function:f:live", Resource{Kind: ResourceFunction, Partition: "aws-cn", Region: "cn-north-1"}, ""},
		{"arn:aws:states:us-east-1:123456789012:activity:a", Resource{Kind: ResourceActivity, Partition: "aws", Region: "us-east-1"}, ""},
		{"arn:aws:states:us-east-1:123456789012:lambda:invoke", Resource{Partition: "aws", Region: "us-east-1", Service: "lambda", API: "invoke"}, ""},
		{"arn:aws:states:::aws-sdk:s3:getObject", Resource{Partition: "aws", Service: "aws-sdk:s3", API: "getObject"}, ""},
		{"arn:aws:states:::aws-sdk:sfn:startExecution.waitForTaskToken", Resource{Partition: "aws", Service: "aws-sdk:sfn", API: "startExecution", Pattern: WaitForTaskToken}, ""},
		{"arn:${AWS::Partition}:states:::sns:publish", Resource{Partition: "${AWS::Partition}", Service: "sns", API: "publish"}, ""},
		{"arn:aws:lambda:#{AWS::Region}:#{AWS::AccountId}:function:f", Resource{Kind: ResourceFunction, Partition: "aws", Region: "#{AWS::Region}"}, ""},
		{"${FunctionArn}", Resource{Kind: ResourceFunction}, ""},
		{"${FunctionArn}:live", Resource{Kind: ResourceFunction}, ""},

		{"", Resource{}, "not a valid resource ARN"},
		{"f", Resource{}, "not a valid resource ARN"},
		{"${FunctionArn", Resource{}, "not a valid resource ARN"},
		{"arn:aws:lambda:us-east-1:1", Resource{}, "not a valid resource ARN"},
		{"arn:aws:lambda:us-east-1:1:function:", Resource{}, "not a valid resource ARN"},
		{"arn:aws:lambda:us-east-1:1:layer:l", Resource{}, "not a valid resource ARN"},
		{"arn:aws:states:us-east-1:1:activity:", Resource{}, "not a valid resource ARN"},
		{"arn:aws:states:::lambda", Resource{}, unknown},
		{"arn:aws:states:::lambda:invoke.sync", Resource{}, unknown},
		{"arn:aws:states:::lambda:invoke.later", Resource{}, unknown},
		{"arn:aws:states:::dynamodb:query", Resource{}, unknown},
		{"arn:aws:states:::s3:getObject", Resource{}, unknown},
		{"arn:aws:states:::aws-sdk:s3", Resource{}, unknown},
		{"arn:aws:states:::aws-sdk:s3:get Object", Resource{}, unknown},
		{"arn:aws:states:::aws-sdk:s3:GetObject", Resource{}, unknown}, // actions are in camel case
		{"arn:aws:states:::aws-sdk:s3:fetchObject", Resource{}, unknown},
		{"arn:aws:states:::aws-sdk:s4:getObject", Resource{}, unknown},
		{"arn:aws:states:::aws-sdk:s3:getObject.sync", Resource{}, unknown},
		{"arn:aws:swf:us-east-1:123456789012:task:X", Resource{}, unknown},
	} {
		got, err := ParseResource(tt.arn)
		tt.want.ARN = tt.arn
		switch {
		case tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)):
			t.Errorf("%s: %v, want %q", tt.arn, err, tt.fault)
		case tt.fault == "" && (err != nil || got != tt.want):
			t.Errorf("%s: %+v, %v, want %+v", tt.arn, got, err, tt.want)
		}
	}
}

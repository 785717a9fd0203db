package cfn_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

func Example() {
	doc, err := cfn.ReadJSON("orders.template.json", []byte(`{
		"Parameters": {"Stage": {"Type": "String", "Default": "dev"}},
		"Resources": {
			"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Dimensions": [{"Name": "FunctionName", "Value": {"Ref": "Charge"}}]}},
			"Charge": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": {"Fn::Sub": "charge-${Stage}"}, "Timeout": "10"}}
		},
		"Outputs": {"ChargeArn": {"Value": {"Fn::GetAtt": ["Charge", "Arn"]}}}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	tmpl, err := cfn.Resolve(doc, cfn.Input{StackName: "orders", Place: sfn.DefaultPlace()})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, res := range tmpl.Resources {
		fmt.Println(res.LogicalID, value.Text(res.Properties))
	}
	fmt.Println(tmpl.Outputs[0].Value)
	// Output:
	// Charge {"FunctionName":"charge-dev","Timeout":"10"}
	// Alarm {"Dimensions":[{"Name":"FunctionName","Value":"charge-dev"}]}
	// arn:aws:lambda:us-east-1:000000000000:function:charge-dev
}

func ExampleResource_Read() {
	doc, _ := cfn.ReadJSON("orders.template.json", []byte(`{"Resources": {"Charge": {"Type": "AWS::Lambda::Function",
  "Properties": {
    "Timeout": "ten",
    "Environment": {"Variables": {"A": ["x"]}}
  }}}}`))
	tmpl, err := cfn.Resolve(doc, cfn.Input{StackName: "orders", Place: sfn.DefaultPlace()})
	if err != nil {
		fmt.Println(err)
		return
	}
	charge, _ := tmpl.Resource("Charge")
	p := charge.Read()
	p.Need("Role")
	p.Int("Timeout", 3)
	p.Block("Environment").Block("Variables").String("A")
	fmt.Println(p.Err())
	// Output:
	// orders.template.json:2:17: Charge Properties: The property Role is required.
	// orders.template.json:3:16: Charge Properties.Timeout: This must be a whole number, not a string.
	// orders.template.json:4:40: Charge Properties.Environment.Variables.A: This must be a string, not an array.
}

var place = sfn.Place{Partition: "aws", Region: "eu-west-1", Account: "123456789012"}

func resolve(text string, in cfn.Input) (*cfn.Template, error) {
	doc, err := cfn.ReadJSON("t.json", []byte(text))
	if err != nil {
		return nil, err
	}
	if in.StackName == "" {
		in.StackName = "stack"
	}
	in.Place = place
	return cfn.Resolve(doc, in)
}

func mustResolve(t *testing.T, text string) *cfn.Template {
	t.Helper()
	tmpl, err := resolve(text, cfn.Input{})
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// frame is a template around the property P of the resource R.
const frame = `{
"AWSTemplateFormatVersion": "2010-09-09",
"Description": "frame",
"Transform": ["AWS::LanguageExtensions"],
"Parameters": {
	"Text": {"Type": "String", "Default": "hello"},
	"Number": {"Type": "Number", "Default": 7},
	"List": {"Type": "CommaDelimitedList", "Default": "a, b ,c"},
	"Numbers": {"Type": "List<Number>", "Default": "1,2.5"},
	"None": {"Type": "CommaDelimitedList", "Default": ""},
	"Secret": {"Type": "String", "Default": "hunter2", "NoEcho": true},
	"Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/stored/text"},
	"StoredList": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/stored/list"},
	"Absent": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/absent"}
},
"Mappings": {"Sizes": {"eu-west-1": {"small": "S", "list": ["x", "y"], "n": 3, "bad": {"a": {"b": 1}}}}},
"Conditions": {
	"Yes": {"Fn::Equals": [{"Ref": "Text"}, "hello"]},
	"No": {"Fn::Not": [{"Condition": "Yes"}]},
	"Both": {"Fn::And": [{"Condition": "Yes"}, {"Fn::Equals": [{"Ref": "Number"}, 7]}]},
	"Either": {"Fn::Or": [{"Condition": "No"}, {"Fn::Equals": [{"Fn::Select": [1, {"Ref": "List"}]}, "b"]}]},
	"Same": {"Fn::Equals": [[1, {"a": "b"}], [1, {"a": "b"}]]}
},
"Rules": {"Anything": {}},
"Resources": {
	"F": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "fn"}},
	"Gone": {"Type": "AWS::SQS::Queue", "Condition": "No"},
	"R": {"Type": "AWS::CDK::Metadata", "Properties": {"P": %s}}
}}`

var lookups = cfn.Input{
	Export: func(name string) (string, bool) { return "exported", name == "other-export" },
	StoredParameter: func(name string) (string, bool) {
		text, ok := map[string]string{"/stored/text": "kept", "/stored/list": "k1,k2"}[name]
		return text, ok
	},
}

func TestFunctions(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		// What is no function stays as it is.
		{`[1, -2.5, true, "x", {"b": {}, "a": []}]`, `[1,-2.5,true,"x",{"b":{},"a":[]}]`},
		{`{"Ref": "Text", "Other": 1}`, `{"Ref":"Text","Other":1}`},
		{`{"Condition": {"StringEquals": {"a": "b"}}}`, `{"Condition":{"StringEquals":{"a":"b"}}}`},
		// Ref.
		{`{"Ref": "Text"}`, `"hello"`},
		{`{"Ref": "Number"}`, `"7"`},
		{`{"Ref": "List"}`, `["a","b","c"]`},
		{`{"Ref": "Numbers"}`, `["1","2.5"]`},
		{`{"Ref": "None"}`, `[]`},
		{`{"Ref": "Secret"}`, `"hunter2"`},
		{`{"Ref": "Stored"}`, `"kept"`},
		{`{"Ref": "StoredList"}`, `["k1","k2"]`},
		{`{"Ref": "F"}`, `"fn"`},
		{`{"Ref": "AWS::AccountId"}`, `"123456789012"`},
		{`{"Ref": "AWS::Region"}`, `"eu-west-1"`},
		{`{"Ref": "AWS::Partition"}`, `"aws"`},
		{`{"Ref": "AWS::URLSuffix"}`, `"amazonaws.com"`},
		{`{"Ref": "AWS::StackName"}`, `"stack"`},
		{`{"Ref": "AWS::NotificationARNs"}`, `[]`},
		{`[1, {"Ref": "AWS::NoValue"}, {"a": {"Ref": "AWS::NoValue"}, "b": 1}]`, `[1,{"b":1}]`},
		// Fn::GetAtt.
		{`{"Fn::GetAtt": ["F", "Arn"]}`, `"arn:aws:lambda:eu-west-1:123456789012:function:fn"`},
		{`{"Fn::GetAtt": "F.Arn"}`, `"arn:aws:lambda:eu-west-1:123456789012:function:fn"`},
		{`{"Fn::GetAtt": ["F", {"Fn::Join": ["", ["A", "rn"]]}]}`, `"arn:aws:lambda:eu-west-1:123456789012:function:fn"`},
		// Fn::Sub.
		{`{"Fn::Sub": "${Text}-${AWS::Region}-${F}-${F.Arn}"}`, `"hello-eu-west-1-fn-arn:aws:lambda:eu-west-1:123456789012:function:fn"`},
		{`{"Fn::Sub": ["${Text} ${Own} ${!Own} $Own ${", {"Own": {"Ref": "Number"}, "Text": "mine"}]}`, `"mine 7 ${Own} $Own ${"`},
		{`{"Fn::Sub": "$${Text}}$"}`, `"$hello}$"`},
		{`{"Fn::Sub": "${ Text }.${F.Arn }.${ !Text}"}`, `"hello.arn:aws:lambda:eu-west-1:123456789012:function:fn.${Text}"`},
		{`{"Fn::Sub": ""}`, `""`},
		{`{"Fn::Sub": "<${AWS::NoValue}>"}`, `"<>"`},
		// Texts and lists.
		{`{"Fn::Join": [":", ["a", 1, true, {"Ref": "Text"}]]}`, `"a:1:true:hello"`},
		{`{"Fn::Join": [", ", {"Ref": "List"}]}`, `"a, b, c"`},
		{`{"Fn::Join": ["-", ["a", {"Ref": "AWS::NoValue"}, "b"]]}`, `"a-b"`},
		{`{"Fn::Join": ["-", []]}`, `""`},
		{`{"Fn::Split": ["|", "a||b"]}`, `["a","","b"]`},
		{`{"Fn::Select": ["2", {"Fn::Split": [",", "a,b,c"]}]}`, `"c"`},
		{`{"Fn::Select": [0, {"Fn::GetAZs": ""}]}`, `"eu-west-1a"`},
		{`{"Fn::GetAZs": "us-east-2"}`, `["us-east-2a","us-east-2b","us-east-2c"]`},
		{`{"Fn::Base64": {"Fn::Sub": "${Text} é"}}`, `"aGVsbG8gw6k="`},
		{`{"Fn::Length": {"Ref": "List"}}`, `3`},
		{`{"Fn::Length": [1, [2]]}`, `2`},
		{`{"Fn::ToJsonString": {"b": [1, {"Ref": "Text"}], "a": {"Ref": "AWS::NoValue"}}}`, `"{\"b\":[1,\"hello\"]}"`},
		{`{"Fn::ImportValue": {"Fn::Sub": "other-${X}"}}`, ``},
		{`{"Fn::ImportValue": {"Fn::Join": ["-", ["other", "export"]]}}`, `"exported"`},
		// Mappings.
		{`{"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}`, `"S"`},
		{`{"Fn::FindInMap": ["Sizes", "eu-west-1", "list"]}`, `["x","y"]`},
		{`{"Fn::FindInMap": ["Sizes", "eu-west-1", "n"]}`, `3`},
		{`{"Fn::FindInMap": ["Sizes", "nowhere", "n", {"DefaultValue": {"Ref": "Text"}}]}`, `"hello"`},
		// Conditions.
		{`{"Fn::If": ["Yes", 1, 2]}`, `1`},
		{`{"Fn::If": ["No", 1, 2]}`, `2`},
		{`{"Fn::If": ["Both", 1, 2]}`, `1`},
		{`{"Fn::If": ["Either", 1, 2]}`, `1`},
		{`{"Fn::If": ["Same", 1, 2]}`, `1`},
		{`{"Fn::If": ["No", {"Ref": "Gone"}, "there is no queue"]}`, `"there is no queue"`},
		{`{"Fn::If": ["Yes", {"a": {"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}}, 2]}`, `{}`},
		// Addresses.
		{`{"Fn::Cidr": ["10.0.0.0/16", 3, 8]}`, `["10.0.0.0/24","10.0.1.0/24","10.0.2.0/24"]`},
		{`{"Fn::Cidr": ["10.0.255.0/24", 2, "5"]}`, `["10.0.255.0/27","10.0.255.32/27"]`},
		{`{"Fn::Cidr": ["255.255.255.0/24", 2, 7]}`, `["255.255.255.0/25","255.255.255.128/25"]`},
		{`{"Fn::Cidr": ["2001:db8::/56", 2, 64]}`, `["2001:db8::/64","2001:db8:0:1::/64"]`},
	} {
		tmpl, err := resolve(fmt.Sprintf(frame, tt.in), lookups)
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s was resolved", tt.in)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		res, _ := tmpl.Resource("R")
		p, _ := res.Properties.Get("P")
		if got := value.Text(p); got != tt.want {
			t.Errorf("%s = %s, want %s", tt.in, got, tt.want)
		}
	}
}

// Each message must say what is wrong and stand at the value that is.
func TestFunctionProblems(t *testing.T) {
	for _, tt := range []struct{ in, path, message string }{
		{`{"Ref": "Nothing"}`, "P.Ref", "Unresolved resource dependencies [Nothing] in the Resources block of the template: no parameter"},
		{`{"Ref": "text"}`, "P.Ref", "did you mean Text?"},
		{`{"Ref": "Gone"}`, "P.Ref", "[Gone] in the Resources block of the template: the condition No leaves it out"},
		{`{"Ref": "Absent"}`, "P.Ref", "Unable to fetch parameters [/absent] from parameter store"},
		{`{"Ref": ["Text"]}`, "P.Ref", "every Ref object must have a single String value"},
		{`[1, {"a": {"Fn::GetAtt": ["Nothing", "Arn"]}}]`, "P[1].a.Fn::GetAtt", "Unresolved resource dependencies [Nothing]"},
		{`{"Fn::GetAtt": ["F", "Url"]}`, "P.Fn::GetAtt", "resource F does not support attribute type Url in Fn::GetAtt; AWS::Lambda::Function has Arn, SnapStart"},
		{`{"Fn::GetAtt": ["F"]}`, "P.Fn::GetAtt", "requires two non-empty parameters"},
		{`{"Fn::GetAtt": "F"}`, "P.Fn::GetAtt", "requires two non-empty parameters"},
		{`{"Fn::GetAtt": ["Text", "Arn"]}`, "P.Fn::GetAtt", "Unresolved resource dependencies [Text]"},
		{`{"Fn::Sub": "${Nothing}"}`, "P.Fn::Sub", "Unresolved resource dependencies [Nothing]"},
		{`{"Fn::Sub": ["${Nothing.Arn}", {}]}`, "P.Fn::Sub[0]", "Unresolved resource dependencies [Nothing]"},
		{`{"Fn::Sub": "${Text:-x}"}`, "P.Fn::Sub", "must contain only alphanumeric characters, underscores, periods, and colons; ${Text:-x} does not"},
		{`{"Fn::Sub": "${List}"}`, "P.Fn::Sub", "${List} in Fn::Sub is an array"},
		{`{"Fn::Sub": ["${a}", {"a": ["x"]}]}`, "P.Fn::Sub[1].a", "must be a string, not an array"},
		{`{"Fn::Sub": ["${a}"]}`, "P.Fn::Sub", "Specify a string as first argument"},
		{`{"Fn::Sub": {"Ref": "Text"}}`, "P.Fn::Sub", "Specify a string as first argument"},
		{`{"Fn::Join": [","]}`, "P.Fn::Join", "every Fn::Join object requires two parameters"},
		{`{"Fn::Join": [",", "a"]}`, "P.Fn::Join[1]", "must be a list, not a string"},
		{`{"Fn::Join": [",", ["a", ["b"]]]}`, "P.Fn::Join[1]", "its item 1 is an array"},
		{`{"Fn::Split": ["", "a"]}`, "P.Fn::Split[0]", "cannot be empty"},
		{`{"Fn::Split": [",", {"Ref": "List"}]}`, "P.Fn::Split[1]", "must be a string, not an array"},
		{`{"Fn::Select": [3, {"Ref": "List"}]}`, "P.Fn::Select", "cannot select nonexistent value at index 3"},
		{`{"Fn::Select": [-1, {"Ref": "List"}]}`, "P.Fn::Select", "cannot select nonexistent value at index -1"},
		{`{"Fn::Select": ["one", {"Ref": "List"}]}`, "P.Fn::Select[0]", `requires an integer index, not "one"`},
		{`{"Fn::FindInMap": ["Sizes", "eu-west-1", "large"]}`, "P.Fn::FindInMap", "Unable to get mapping for Sizes::eu-west-1::large"},
		{`{"Fn::FindInMap": ["Sizes", "eu-west-1", {"Ref": "Secret"}]}`, "P.Fn::FindInMap", "Sizes::eu-west-1::****"},
		{`{"Fn::FindInMap": ["Sizes", "eu-west-1"]}`, "P.Fn::FindInMap", "requires three parameters"},
		{`{"Fn::FindInMap": ["Sizes", "eu-west-1", "bad"]}`, "eu-west-1.bad", "must be a String or a List"},
		{`{"Fn::If": ["Never", 1, 2]}`, "P.Fn::If[0]", "unresolved condition dependency Never in Fn::If"},
		{`{"Fn::If": ["Yes", 1]}`, "P.Fn::If", "list argument with three elements"},
		{`{"Fn::Cidr": ["10.0.0.0/24", 3, 7]}`, "P.Fn::Cidr", "no room for 3 subnets"},
		{`{"Fn::Cidr": ["255.255.255.0/24", 3, 7]}`, "P.Fn::Cidr", "no room for 3 subnets"},
		{`{"Fn::Cidr": ["10.0.0.0/24", 1, 9]}`, "P.Fn::Cidr", "no room for 1 subnets"},
		{`{"Fn::Cidr": ["10.0.0.0", 3, 7]}`, "P.Fn::Cidr", "takes an address block"},
		{`{"Fn::ImportValue": "nobody"}`, "P.Fn::ImportValue", "No export named nobody found."},
		{`{"Fn::Length": "abc"}`, "P.Fn::Length", "must be a list, not a string"},
		{`{"Fn::ToJsonString": "abc"}`, "P.Fn::ToJsonString", "requires an object or an array"},
		{`{"Fn::Base64": [1]}`, "P.Fn::Base64", "must be a string, not an array"},
		{`{"Fn::Transform": {"Name": "Mine"}}`, "P.Fn::Transform", `"Mine", and macros are not run here`},
		{`{"Fn::Transform": {"Name": "AWS::Include"}}`, "P.Fn::Transform", "takes the parameter Location, a text that is known"},
		{`{"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "x.json"}}}`, "P.Fn::Transform.Parameters.Location", "nobody to read x.json"},
		{`{"Fn::Equals": [1, 1]}`, "P.Fn::Equals", "only in the Conditions section"},
		{`{"Fn::Nope": 1}`, "P", "Fn::Nope is no intrinsic function"},
		{`{"Fn::Sub": "x", "b": 1}`, "P.Fn::Sub", "must be the only member"},
	} {
		_, err := resolve(fmt.Sprintf(frame, tt.in), lookups)
		var problems cfn.Problems
		if !errors.As(err, &problems) || len(problems) != 1 || !strings.HasSuffix(problems[0].Path, tt.path) || !strings.Contains(problems[0].Message, tt.message) {
			t.Errorf("%s: %v\n\twant %q at %s", tt.in, err, tt.message, tt.path)
		}
	}
}

func TestProblemPlace(t *testing.T) {
	text := "{\n\"Resources\": {\n  \"Fn\": {\"Type\": \"AWS::Lambda::Function\",\n    \"Properties\": {\"é\": [0, {\"a/b~\": {\"Ref\": \"X\"}}]}}}}"
	_, err := resolve(text, cfn.Input{})
	var problems cfn.Problems
	if !errors.As(err, &problems) || len(problems) != 1 {
		t.Fatal(err)
	}
	got := problems[0]
	got.Message = ""
	want := cfn.Problem{
		File: "t.json", Line: 4, Column: 46, Offset: strings.Index(text, `"X"`), Pointer: "/Resources/Fn/Properties/é/1/a~1b~0/Ref",
		Section: "Resources", LogicalID: "Fn", Path: "Properties.é[1].a/b~.Ref",
	}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// All faults of a template are told at once, in the order of the text.
func TestTemplateProblems(t *testing.T) {
	const r = `"Resources": {"R": {"Type": "AWS::SQS::Queue"}}`
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"no JSON", "{\n  \"a\": nope}", []string{"t.json:2:8: Template format error: JSON not well-formed. Unrecognized token 'nope'"}},
		{"no text", ``, []string{"JSON not well-formed. No content"}},
		{"no object", `[]`, []string{"is an object with the member Resources, not an array"}},
		{"no resources", `{}`, []string{"At least one Resources member must be defined."}},
		{"empty resources", `{"Resources": {}}`, []string{"At least one Resources member must be defined."}},
		{"twice", `{"Resources": {"R": {"Type": "a"}, "R": {"Type": "b", "Type": "c"}}}`, []string{"two members of this name", "two members of this name"}},
		{"unknown section", `{"Resource": {}, ` + r + `}`, []string{"Invalid template property or properties [Resource]"}},
		{"section", `{"Parameters": [], ` + r + `}`, []string{"Parameters must be an object, not an array"}},
		{"globals without SAM", `{"Globals": {}, ` + r + `}`, []string{"Globals needs the transform AWS::Serverless-2016-10-31"}},
		{"macro", `{"Transform": ["AWS::LanguageExtensions", "Mine"], ` + r + `}`, []string{"The macro Mine is a program in an account"}},
		{"include", `{"Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k"}}, ` + r + `}`, []string{"AWS::Include: there is nobody to read s3://b/k."}},
		{"loop without its transform", `{"Resources": {"Fn::ForEach::Topics": []}}`, []string{"Fn::ForEach::Topics needs the transform AWS::LanguageExtensions"}},
		{"loop of two", `{"Transform": "AWS::LanguageExtensions", "Resources": {"Fn::ForEach::Topics": ["X", ["a"]], "R": {"Type": "AWS::SQS::Queue"}}}`, []string{"Fn::ForEach takes a list of three"}},
		{"loop over what is no list", `{"Transform": "AWS::LanguageExtensions", "Resources": {"Fn::ForEach::Topics": ["X", "a", {}], "R": {"Type": "AWS::SQS::Queue"}}}`, []string{"This must be a list, not a string."}},
		{"loop that makes one thing twice", `{"Transform": "AWS::LanguageExtensions", "Resources": {"Fn::ForEach::Topics": ["X", ["a", "b"], {"R": {"Type": "AWS::SQS::Queue"}}]}}`, []string{"Fn::ForEach makes two members of the name R"}},
		{"logical id", `{"Resources": {"my-queue": {"Type": "AWS::SQS::Queue"}}}`, []string{"Resource name my-queue is non alphanumeric"}},
		{"no type", `{"Resources": {"R": {}, "S": {"Type": 1}, "T": []}}`, []string{"R: Template format error: Every Resources object must contain a Type", "S: Template format error: Every Resources object", "T: Template format error: a resource must be an object, not an array"}},
		{"resource member", `{"Resources": {"R": {"Type": "AWS::SQS::Queue", "Propertis": {}}}}`, []string{"Invalid template resource property 'Propertis'"}},
		{"properties", `{"Resources": {"R": {"Type": "AWS::SQS::Queue", "Properties": []}}}`, []string{"R Properties: Template format error: this must be an object"}},
		{"condition", `{"Resources": {"R": {"Type": "AWS::SQS::Queue", "Condition": "C"}}}`, []string{"R Condition: Template format error: Unresolved condition dependency C in the Resources block"}},
		{"conditions", `{"Conditions": {"A": {"Condition": "B"}, "B": {"Fn::Not": [{"Condition": "A"}]}, "C": {"Fn::And": [{"Condition": "D"}]},
			"E": {"Fn::Equals": [{"Ref": "R"}, 1]}, "F": true, "G": {"Fn::If": ["A", 1, 2]}}, ` + r + `}`, []string{
			"Conditions.A: Template format error: Circular dependency in the condition A",
			"Conditions.C Fn::And: Template error: every Fn::And object requires a list of at least 2",
			"Conditions.E Fn::Equals[0].Ref: Template error: Unresolved dependencies [R]. Cannot reference resources in the Conditions block",
			"Conditions.F: Template format error: a condition is an object",
			"Conditions.G: Template format error: Fn::If is no condition function"}},
		{"depends", `{"Resources": {"R": {"Type": "AWS::SQS::Queue", "DependsOn": ["S", 1]}}}`, []string{"R DependsOn[0]: Template format error: Unresolved resource dependencies [S]", "R DependsOn[1]: Template format error: DependsOn must be a string"}},
		{"policy", `{"Resources": {"R": {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Keep"}}}`, []string{`R DeletionPolicy: Template format error: a policy is Delete, Retain, RetainExceptOnCreate or Snapshot, not "Keep"`}},
		{"outputs", `{` + r + `, "Outputs": {"A": {}, "B": {"Value": ["x"]}, "C": {"Value": {"Ref": "X"}, "Condition": "D"}, "E": {"Value": "x", "Export": {}}}}`, []string{
			"Outputs.A: Template format error: Every Outputs member must contain a Value", "Outputs.B Value: This must be a string", "Outputs.C Condition: Template format error: Unresolved condition dependency D in the Outputs block", "Outputs.E Export: "}},
		{"output refers to nothing", `{` + r + `, "Outputs": {"A": {"Value": {"Ref": "X"}}}}`, []string{"Outputs.A Value.Ref: Template format error: Unresolved resource dependencies [X] in the Outputs block"}},
		{"too many", `{"Resources": {"R": {"Type": "x"}` + many(500, `,"Q%d": {"Type": "x"}`) + `}}`, []string{"Number of resources, 501, is greater than maximum allowed, 500"}},
		{"too large", `{"Description": "` + strings.Repeat("x", 1<<20) + `"}`, []string{"The template has 1048595 bytes"}},
		{"too deep", strings.Repeat("[", 2000), []string{"nesting depth"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := resolve(tt.text, cfn.Input{})
			var problems cfn.Problems
			if !errors.As(err, &problems) || len(problems) != len(tt.want) {
				t.Fatalf("%v", err)
			}
			for i, want := range tt.want {
				if !strings.Contains(problems[i].String(), want) {
					t.Errorf("%v, want %q", problems[i], want)
				}
			}
		})
	}
}

func many(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestStackName(t *testing.T) {
	for name, ok := range map[string]bool{"a": true, "tutti-dev": true, "1a": false, "-a": false, "a_b": false, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false} {
		if _, err := resolve(`{"Resources": {"R": {"Type": "AWS::SQS::Queue"}}}`, cfn.Input{StackName: name}); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestParameters(t *testing.T) {
	const fits = "" // no problem
	for _, tt := range []struct{ declaration, given, want string }{
		{`"Type": "String", "AllowedValues": ["dev", "prod"]`, "prod", fits},
		{`"Type": "String", "AllowedValues": ["dev", "prod"]`, "test", "Parameter 'P' must be one of AllowedValues"},
		{`"Type": "Number", "AllowedValues": [1, "2"]`, "1", fits},
		{`"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]`, "b,a", fits},
		{`"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]`, "b,c", "must be one of AllowedValues"},
		{`"Type": "String", "AllowedPattern": "[a-z]+|[0-9]"`, "abc", fits},
		{`"Type": "String", "AllowedPattern": "[a-z]+|[0-9]"`, "12", "Parameter 'P' must match pattern [a-z]+|[0-9]"},
		{`"Type": "String", "AllowedPattern": "(?!x).*"`, "x", fits}, // look-ahead is not checked
		{`"Type": "String", "AllowedPattern": "a+", "ConstraintDescription": "only a"`, "b", "Parameter 'P' failed to satisfy constraint: only a"},
		{`"Type": "String", "MinLength": 2, "MaxLength": "3"`, "éé", fits},
		{`"Type": "String", "MinLength": 2`, "é", "must contain at least 2 characters"},
		{`"Type": "String", "MaxLength": "3"`, "abcd", "must contain at most 3 characters"},
		{`"Type": "Number", "MinValue": 1.5, "MaxValue": 3`, "2", fits},
		{`"Type": "Number", "MinValue": 1.5`, "1", "must be a number not less than 1.5"},
		{`"Type": "Number", "MaxValue": "3"`, "3.1", "must be a number not greater than 3"},
		{`"Type": "Number"`, "x", "must be a number"},
		{`"Type": "List<Number>"`, "1, 2", fits},
		{`"Type": "List<Number>"`, "1,x", "must be a number"},
		{`"Type": "List<AWS::EC2::Subnet::Id>"`, "subnet-1,subnet-2", fits},
		{`"Type": "AWS::EC2::KeyPair::KeyName"`, "key", fits},
		{`"Type": "AWS::SSM::Parameter::Name"`, "/a", fits},
		{`"Type": "Text"`, "x", "Unrecognized parameter type: Text"},
		{`"Type": "AWS::SSM::Parameter::Value<Text>"`, "x", "Unrecognized parameter type"},
		{`"Typ": "String", "Type": "String"`, "x", "Invalid template parameter property 'Typ'"},
		{`"Type": "String", "Default": []`, "x", fits}, // the default is not read where a value is given
		{`"Type": "String"`, strings.Repeat("x", 4097), "at most 4096 bytes"},
	} {
		text := `{"Parameters": {"P": {` + tt.declaration + `}}, "Resources": {"R": {"Type": "AWS::SQS::Queue"}}}`
		_, err := resolve(text, cfn.Input{Parameters: map[string]string{"P": tt.given}})
		if tt.want == fits && err != nil || tt.want != fits && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "t.json:1:")) {
			t.Errorf("%s = %.20q: %v, want %q", tt.declaration, tt.given, err, tt.want)
		}
	}
	for _, tt := range []struct {
		given map[string]string
		want  string
	}{
		{nil, "Parameters.P: Parameters: [P] must have values"},
		{map[string]string{"P": "1", "Z": "2", "Q": "3"}, "Parameters: Parameters: [Q, Z] do not exist in the template"},
	} {
		_, err := resolve(`{"Parameters": {"P": {"Type": "String"}}, "Resources": {"R": {"Type": "AWS::SQS::Queue"}}}`, cfn.Input{Parameters: tt.given})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q", tt.given, err, tt.want)
		}
	}
}

// The value of a NoEcho parameter reaches the properties that it is meant for, and nothing else.
func TestNoEcho(t *testing.T) {
	const secret = "s3cr3t"
	text := `{"Parameters": {"P": {"Type": "String", "NoEcho": "true", %s}},
		"Mappings": {"M": {"a": {"b": 1}}},
		"Resources": {"R": {"Type": "AWS::SQS::Queue", "Properties": {"A": {"Ref": "P"}, "B": %s}}}}`
	tmpl := mustResolveWith(t, fmt.Sprintf(text, `"MinLength": 1`, `1`), cfn.Input{Parameters: map[string]string{"P": secret}})
	if p := tmpl.Parameters[0]; p.Value != "****" || !p.NoEcho {
		t.Errorf("the parameter is listed as %+v", p)
	}
	res, _ := tmpl.Resource("R")
	block := res.Read()
	if block.String("A") != secret {
		t.Errorf("the property is %q", block.String("A"))
	}
	block.Int("A", 0)
	block.Float("A", 0)
	block.Bool("A", false)
	block.OneOf("A", "", "x")
	block.Strings("A")
	block.Blocks("A")
	block.Block("A")
	block.Problem("A", "It is "+block.Quote("x"+secret)+".")
	if err := block.Err(); err == nil || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "It is ****.") {
		t.Errorf("reading: %v", err)
	}
	for _, tt := range [][2]string{
		{`"AllowedValues": ["x"]`, `1`},
		{`"AllowedPattern": "x"`, `1`},
		{`"MaxLength": 1`, `{"Fn::Select": [{"Ref": "P"}, ["x"]]}`},
		{`"MinLength": 1`, `{"Fn::FindInMap": ["M", "a", {"Fn::Sub": "x-${P}"}]}`},
		{`"MinLength": 1`, `{"Fn::ImportValue": {"Ref": "P"}}`},
		{`"MinLength": 1`, `{"Fn::GetAtt": ["R", {"Ref": "P"}]}`},
	} {
		_, err := resolve(fmt.Sprintf(text, tt[0], tt[1]), cfn.Input{Parameters: map[string]string{"P": secret}})
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s, %s: %v", tt[0], tt[1], err)
		}
	}
}

func mustResolveWith(t *testing.T, text string, in cfn.Input) *cfn.Template {
	t.Helper()
	tmpl, err := resolve(text, in)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestOrder(t *testing.T) {
	tmpl := mustResolve(t, `{
		"Conditions": {"No": {"Fn::Equals": [1, 2]}},
		"Resources": {
			"A": {"Type": "AWS::SQS::Queue", "DependsOn": ["E", "Gone"], "Properties": {"X": {"Fn::Sub": "${D.Arn} ${Z}"}}},
			"B": {"Type": "AWS::SQS::Queue", "Metadata": {"X": {"Ref": "C"}}},
			"C": {"Type": "AWS::SQS::Queue"},
			"D": {"Type": "AWS::SQS::Queue", "Properties": {"X": {"Fn::If": ["No", {"Ref": "A"}, {"Fn::GetAtt": ["C", "Arn"]}]}}},
			"E": {"Type": "AWS::SQS::Queue", "DependsOn": "C"},
			"Gone": {"Type": "AWS::SQS::Queue", "Condition": "No", "Properties": {"X": {"Ref": "Nothing"}}},
			"Z": {"Type": "AWS::SQS::Queue", "Properties": {"X": {"Fn::Sub": ["${C} ${A}", {"A": {"Fn::GetAtt": "B.Arn"}}]}}}
		},
		"Outputs": {
			"One": {"Value": {"Fn::GetAtt": ["C", "QueueName"]}, "Description": "first", "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-one"}}},
			"Two": {"Value": "x", "Condition": "No"}
		}}`)
	checkInvariants(t, tmpl)
	var got []string
	for _, res := range tmpl.Resources {
		got = append(got, res.LogicalID+":"+strings.Join(res.DependsOn, ","))
	}
	if want := "C: D:C E:C B:C Z:B,C A:D,E,Z"; strings.Join(got, " ") != want {
		t.Errorf("order %s, want %s", strings.Join(got, " "), want)
	}
	if len(tmpl.Excluded) != 1 || tmpl.Excluded[0].LogicalID != "Gone" || tmpl.Excluded[0].Condition != "No" {
		t.Errorf("excluded: %+v", tmpl.Excluded)
	}
	queue, _ := tmpl.Resource("C")
	if want := (cfn.Output{LogicalID: "One", Description: "first", Value: queue.Name, Export: "stack-one"}); len(tmpl.Outputs) != 1 || tmpl.Outputs[0] != want {
		t.Errorf("outputs %+v, want %+v", tmpl.Outputs, want)
	}
}

func TestCycles(t *testing.T) {
	for _, tt := range []struct{ name, resources, want string }{
		{"itself", `"A": {"Type": "AWS::SQS::Queue", "Properties": {"X": {"Ref": "A"}}}`,
			"A: Circular dependency between resources: [A]: A needs A in Properties.X.Ref"},
		{"three", `"A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "B"}}},
			"B": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::GetAtt": ["C", "Arn"]}}},
			"C": {"Type": "AWS::SQS::Queue", "DependsOn": "A"}`,
			"[A, B, C]: A needs B in Properties.QueueName.Ref; B needs C in Properties.QueueName.Fn::GetAtt; C needs A in DependsOn"},
	} {
		_, err := resolve(`{"Resources": {`+tt.resources+`}}`, cfn.Input{})
		var problems cfn.Problems
		if !errors.As(err, &problems) || len(problems) != 1 || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// Small templates must not be made to take much memory or time.
func TestBounds(t *testing.T) {
	double := `{"Ref": "AWS::Region"}`
	for range 60 {
		double = `{"Fn::Sub": ["${a}${a}", {"a": ` + double + `}]}`
	}
	quote := `{"a": "\""}`
	for range 40 {
		quote = `{"Fn::ToJsonString": [` + quote + `]}`
	}
	long := strings.Repeat("x", 300_000)
	for name, p := range map[string]string{
		"doubling":      double,
		"quoting":       quote,
		"long joins":    `{"Fn::Join": ["` + long + `", [` + strings.Repeat(`1,`, 1000) + `1]]}`,
		"many mappings": `[` + strings.Repeat(`{"Fn::FindInMap": ["M", "a", "b"]},`, 400) + `1]`,
	} {
		_, err := resolve(`{"Mappings": {"M": {"a": {"b": ["`+long+`"]}}}, "Resources": {"R": {"Type": "AWS::SQS::Queue", "Properties": {"P": `+p+`}}}}`, cfn.Input{})
		if err == nil || !strings.Contains(err.Error(), "functions make more than 16777216 bytes") {
			t.Errorf("%s: %.300v", name, err)
		}
	}
	// Each alias asks twice for the next one's ARN.
	var chain strings.Builder
	for i := range 400 {
		fmt.Fprintf(&chain, `"A%d": {"Type": "AWS::Lambda::Alias", "Properties": {"Name": "x", "FunctionName": {"Fn::Select": [0, [{"Fn::GetAtt": ["A%d", "AliasArn"]}, {"Fn::GetAtt": ["A%d", "AliasArn"]}]]}}},`, i, i+1, i+1)
	}
	tmpl := mustResolve(t, `{"Resources": {`+chain.String()+`"A400": {"Type": "AWS::Lambda::Alias", "Properties": {"Name": "x", "FunctionName": "f"}}}}`)
	if first, _ := tmpl.Resource("A0"); first.Ref != "arn:aws:lambda:eu-west-1:123456789012:function:f:x" {
		t.Errorf("the chain's end is %s", first.Ref)
	}
	_, err := resolve(`{"Resources": {"R": {"Type": "x", "Properties": {"P": [`+strings.Repeat(`{"Ref": "X"},`, 50_000)+`1]}}}}`, cfn.Input{})
	if problems := (cfn.Problems)(nil); !errors.As(err, &problems) || len(problems) != cfn.MaxProblems {
		t.Errorf("%d problems", len(problems))
	}
}

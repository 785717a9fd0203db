package cfn_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/value"
)

// yamlProperties resolves one resource of a made-up type with the given properties, each on a line, and returns them as JSON.
func yamlProperties(t *testing.T, properties string) string {
	t.Helper()
	text := `
Parameters:
  P: {Type: String, Default: p}
Mappings: {M: {a: {b: c}}}
Conditions:
  Same: !Equals [!Ref P, p]
  Also: !And [!Condition Same, !Not [!Equals [a, b]]]
Resources:
  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: q}}
  R:
    Type: Custom::R
    Properties:
` + "      " + strings.ReplaceAll(strings.TrimSpace(properties), "\n", "\n      ") + "\n"
	doc, err := cfn.Read("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := cfn.Resolve(doc, cfn.Input{StackName: "s", Place: place, Export: func(name string) (string, bool) { return "export-" + name, true }})
	if err != nil {
		t.Fatal(err)
	}
	res, _ := tmpl.Resource("R")
	return value.Text(res.Properties)
}

func TestYAMLValues(t *testing.T) {
	const q = "arn:aws:sqs:eu-west-1:123456789012:q"
	for _, tt := range []struct{ name, text, want string }{
		{"booleans of YAML 1.1", "A: [yes, No, on, OFF, true, False, y, 'yes', \"no\"]", `{"A":[true,false,true,false,true,false,"y","yes","no"]}`},
		{"names stay texts", "Yes: 1\nno: 2\n8080: 3", `{"Yes":1,"no":2,"8080":3}`},
		{"whole numbers", "A: [1, -2, +3, 0x1F, 0b101, 0777, 1_000, 08, '1']", `{"A":[1,-2,3,31,5,511,1000,"08","1"]}`},
		{"an account that begins with 0", "A: 012345678901", `{"A":"012345678901"}`},
		{"a large number", "A: 123456789012345678901234567890", `{"A":123456789012345678901234567890}`},
		{"other numbers", "A: [1.5, .5, 1., 1.5e3, 1e3, .inf]", `{"A":[1.5,0.5,1.0,1500.0,"1e3",".inf"]}`},
		{"dates are texts", "A: 2012-10-17\nB: 2001-12-14t21:59:43Z", `{"A":"2012-10-17","B":"2001-12-14t21:59:43Z"}`},
		{"a time is a text", "A: 12:30", `{"A":"12:30"}`},
		{"texts over lines", "A: |\n  one\n  two\nB: >-\n  one\n  two", `{"A":"one\ntwo\n","B":"one two"}`},
		{"tags of the core", "A: !!str 1\nB: !!int '7'", `{"A":"1","B":7}`},
		{"Ref", "A: !Ref P", `{"A":"p"}`},
		{"GetAtt", "A: !GetAtt Q.Arn\nB: !GetAtt [Q, Arn]", `{"A":"` + q + `","B":"` + q + `"}`},
		{"Sub", "A: !Sub 'x-${P}'\nB: !Sub ['${V}', {V: !Ref P}]", `{"A":"x-p","B":"p"}`},
		{"Sub over lines", "A: !Sub |\n  ${P}\n  ${!P}", `{"A":"p\n${P}\n"}`},
		{"Join of Split", "A: !Join ['-', !Split [',', 'a,b']]", `{"A":"a-b"}`},
		{"Select", "A: !Select [1, [a, b]]", `{"A":"b"}`},
		{"If", "A: !If [Same, 1, 2]\nB: !If [Also, !Ref AWS::NoValue, 2]", `{"A":1}`},
		{"FindInMap", "A: !FindInMap [M, a, b]\nB: !FindInMap [M, a, x, DefaultValue: d]", `{"A":"c","B":"d"}`},
		{"Base64 in Fn form", "A:\n  Fn::Base64: !Sub '${P}'", `{"A":"cA=="}`},
		{"GetAZs", "A: !Select [0, !GetAZs '']", `{"A":"eu-west-1a"}`},
		{"Cidr", "A: !Cidr ['10.0.0.0/16', 1, 8]", `{"A":["10.0.0.0/24"]}`},
		{"ImportValue", "A: !ImportValue x", `{"A":"export-x"}`},
		{"aliases", "A: &a {x: 1}\nB: *a\nC: [*a, *a]", `{"A":{"x":1},"B":{"x":1},"C":[{"x":1},{"x":1}]}`},
		{"merge keys", "A: &a {x: 1, y: 2}\nB: {<<: *a, y: 3}", `{"A":{"x":1,"y":2},"B":{"y":3,"x":1}}`},
		{"empty text", "A: ''", `{"A":""}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := yamlProperties(t, tt.text); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestYAMLProblems(t *testing.T) {
	bomb := "a: &a0 [x, x]\n"
	for i := range 30 {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i, i+1, i, i)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"not well-formed", "Resources:\n  R: [a\n", "t.yaml:3:1: Template format error: YAML not well-formed."},
		{"a tab", "Resources:\n\tR: 1", "t.yaml:2:1: Template format error: YAML not well-formed."},
		{"nothing", "# only words\n", "Template format error"},
		{"twice", "Resources:\n  R: {}\n  R: {}\n", "t.yaml:3:3: The object has two members of this name: R."},
		{"unknown tag", "Resources:\n  R: !Reff P\n", "t.yaml:2:6: Template format error: the tag !Reff is not known."},
		{"name that is a list", "Resources:\n  ? [a]\n  : 1\n", "the name of a member is a string"},
		{"bomb", bomb, "the aliases make more than"},
		{"alias within itself", "a: &a [*a]\n", "stands within what it names"},
		{"two documents", "a: 1\n---\nb: 2\n", "t.yaml:2:1: Template format error: the file has a second document"},
		{"deep", strings.Repeat("[", 2000) + strings.Repeat("]", 2000), "nest deeper"},
		{"large", strings.Repeat("x", cfn.MaxTemplateBytes+1), "CloudFormation takes at most"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := cfn.Read("t.yaml", []byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got  %v\nwant %s", err, tt.want)
			}
			checkProblems(t, tt.text, err)
		})
	}
}

// A fault found after reading has the place in the text, characters counted as people do.
func TestYAMLPlaces(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"in a block", "Resources:\n  Größe:\n    Type: T\n  R:\n    Type: T\n    Properties:\n      A:\n        - !Ref Gone\n", "t.yaml:8:11: R Properties.A[0]"},
		{"in a line", "Resources: {R: {Type: T, Properties: {Größe: ü, A: !Sub '${Gone}'}}}\n", "t.yaml:1:52: R Properties.A"},
		{"condition that is read as a boolean", "Resources: {R: {Type: T, Properties: {A: !If [Yes, 1, 2]}}}\n", "t.yaml:1:47: R Properties.A.Fn::If[0]: Template error: unresolved condition dependency true in Fn::If"},
		{"null", "Resources:\n  R:\n    Type: T\n    Properties:\n", "t.yaml:4:16: R Properties: Template format error: [/Resources/R/Properties] 'null' values are not allowed in templates"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := cfn.Read("t.yaml", []byte(tt.text))
			if err == nil {
				_, err = cfn.Resolve(doc, cfn.Input{StackName: "s", Place: place})
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestForEach(t *testing.T) {
	doc, err := cfn.ReadYAML("t.yaml", []byte(`
Transform: AWS::LanguageExtensions
Parameters:
  Names: {Type: CommaDelimitedList, Default: 'north-1,south-2'}
Conditions:
  Fn::ForEach::C:
    - N
    - [A, B]
    - Is${N}: !Equals [!Ref N, A]
Resources:
  Fn::ForEach::Queues:
    - Name
    - !Ref Names
    - Queue&{Name}:
        Type: AWS::SQS::Queue
        Properties:
          QueueName: !Sub 'q-${Name}'
          Fn::ForEach::Limits:
            - L
            - [DelaySeconds, VisibilityTimeout]
            - ${L}: 7
  Fn::ForEach::Grid:
    - X
    - ['1', '2']
    - Fn::ForEach::Row:
        - Y
        - [a, b]
        - Cell${X}${Y}: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref X}}
Outputs:
  Fn::ForEach::Out:
    - Name
    - !Ref Names
    - Url&{Name}: {Value: !Ref [Queue, x]}
`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = cfn.Resolve(doc, cfn.Input{StackName: "s", Place: place})
	if err == nil || !strings.Contains(err.Error(), "Urlnorth1") {
		t.Fatalf("the fault in the loop's body is told as %v", err)
	}
	doc, err = cfn.ReadYAML("t.yaml", []byte(`
Transform: [AWS::LanguageExtensions]
Parameters:
  Names: {Type: CommaDelimitedList, Default: 'north-1,south-2'}
Resources:
  Fn::ForEach::Queues:
    - Name
    - !Ref Names
    - Queue&{Name}:
        Type: AWS::SQS::Queue
        Properties:
          QueueName: !Sub 'q-${Name}'
          Fn::ForEach::Limits:
            - L
            - [DelaySeconds, VisibilityTimeout]
            - ${L}: 7
  Fn::ForEach::Grid:
    - X
    - ['1', '2']
    - Fn::ForEach::Row:
        - Y
        - [a, b]
        - Cell${X}${Y}: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref X}}
Outputs:
  Fn::ForEach::Out:
    - Name
    - !Ref Names
    - Url&{Name}: {Value: !GetAtt 'Queue&{Name}.Arn'}
`))
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := cfn.Resolve(doc, cfn.Input{StackName: "s", Place: place})
	if err != nil {
		t.Fatal(err)
	}
	checkInvariants(t, tmpl)
	want := "Cell1a SNS::Topic Cell1b SNS::Topic Cell2a SNS::Topic Cell2b SNS::Topic Queuenorth1 SQS::Queue Queuesouth2 SQS::Queue"
	if got := strings.Join(ids(tmpl), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	queue, _ := tmpl.Resource("Queuenorth1")
	if text := value.Text(queue.Properties); text != `{"QueueName":"q-north-1","DelaySeconds":7,"VisibilityTimeout":7}` {
		t.Errorf("%s", text)
	}
	if len(tmpl.Outputs) != 2 || tmpl.Outputs[1].Value != "arn:aws:sqs:eu-west-1:123456789012:q-south-2" {
		t.Errorf("outputs %+v", tmpl.Outputs)
	}
}

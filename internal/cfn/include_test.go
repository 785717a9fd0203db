package cfn_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/value"
)

// files answers AWS::Include.
func files(texts map[string]string) func(string) (string, []byte, error) {
	return func(location string) (string, []byte, error) {
		text, ok := texts[location]
		if !ok {
			return "", nil, errors.New("there is no " + location)
		}
		return location, []byte(text), nil
	}
}

func resolveYAML(t *testing.T, text string, in cfn.Input) (*cfn.Template, error) {
	t.Helper()
	doc, err := cfn.ReadYAML("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	in.StackName, in.Place = "stack", place
	return cfn.Resolve(doc, in)
}

func propertiesOf(t *testing.T, tmpl *cfn.Template, id string) string {
	t.Helper()
	res, ok := tmpl.Resource(id)
	if !ok {
		t.Fatalf("no resource %s", id)
	}
	return value.Text(res.Properties)
}

func TestInclude(t *testing.T) {
	in := cfn.Input{Parameters: map[string]string{"Name": "api"}, Include: files(map[string]string{
		"api.yaml":      "greeting: {Fn::Sub: 'of ${AWS::Region}'}\nown: theirs\n",
		"list.json":     `[1, {"Ref": "Name"}]`,
		"sizes.yaml":    "big: {n: 3}\n",
		"sections.yaml": "Mappings: {Sizes: {huge: {n: 9}}}\nResources: {Extra: {Type: 'AWS::SNS::Topic'}}\n",
	})}
	tmpl, err := resolveYAML(t, `
Parameters: {Name: {Type: String}}
Transform: {Name: AWS::Include, Parameters: {Location: sections.yaml}}
Mappings:
  Sizes:
    small: {n: 1}
    Fn::Transform: {Name: AWS::Include, Parameters: {Location: sizes.yaml}}
Resources:
  R:
    Type: AWS::X::Y
    Properties:
      Alone: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: !Sub '${Name}.yaml'}}}
      Beside:
        own: mine
        Fn::Transform: {Name: AWS::Include, Parameters: {Location: api.yaml}}
      List: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: list.json}}}
      Short: !Transform {Name: AWS::Include, Parameters: {Location: list.json}}
      Sizes: [!FindInMap [Sizes, small, n], !FindInMap [Sizes, big, n], !FindInMap [Sizes, huge, n]]
`, in)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Alone":{"greeting":"of eu-west-1","own":"theirs"},"Beside":{"own":"mine","greeting":"of eu-west-1"},"List":[1,"api"],"Short":[1,"api"],"Sizes":[1,3,9]}`
	if got := propertiesOf(t, tmpl, "R"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, ok := tmpl.Resource("Extra"); !ok {
		t.Error("the resource of the included section is not there")
	}
}

// SAM sees the API that is included, and adds its routes to it.
func TestIncludeInAPI(t *testing.T) {
	tmpl, err := resolveYAML(t, `
Transform: AWS::Serverless-2016-10-31
Resources:
  Web: {Type: AWS::Serverless::HttpApi, Properties: {DefinitionBody: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: api.yaml}}}}}
  F:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Handler: h, Runtime: nodejs22.x, Events: {E: {Type: HttpApi, Properties: {ApiId: !Ref Web, Path: /more, Method: get}}}}
`, cfn.Input{Include: files(map[string]string{"api.yaml": "openapi: 3.0.1\npaths: {/there: {get: {x-amazon-apigateway-integration: {type: http_proxy}}}}\n"})})
	if err != nil {
		t.Fatal(err)
	}
	if got := propertiesOf(t, tmpl, "Web"); !strings.Contains(got, `"/there"`) || !strings.Contains(got, `"/more"`) {
		t.Errorf("the API is %s", got)
	}
}

// A fault in an included file's text is in that file; one that shows when it is used is where it is included.
func TestIncludeProblems(t *testing.T) {
	for _, tt := range []struct{ file, want string }{
		{"gone.yaml", "t.yaml:2:100: R Properties.P.Fn::Transform.Parameters.Location: AWS::Include: there is no gone.yaml"},
		{"broken.json", `broken.json:1:7: Template format error: JSON not well-formed.`},
		{"loose.yaml", "t.yaml:2:100: R Properties.P.a.Ref: Template format error: Unresolved resource dependencies [Nothing]"},
		{"list.yaml", "AWS::Include: other members stand beside it, so the file must hold an object, not an array."},
	} {
		template := fmt.Sprintf("Resources:\n  R: {Type: AWS::X::Y, Properties: {P: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: %s}}}}}\n", tt.file)
		if tt.file == "list.yaml" {
			template = strings.Replace(template, "{P: {", "{P: {b: 1, ", 1)
		}
		_, err := resolveYAML(t, template, cfn.Input{Include: files(map[string]string{
			"broken.json": `{"a": }`, "loose.yaml": "a: {Ref: Nothing}", "list.yaml": "[1]",
		})})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.file, err, tt.want)
		}
	}
}

func TestNested(t *testing.T) {
	var asked []cfn.NestedStack
	in := cfn.Input{Nested: func(n cfn.NestedStack) (*cfn.Template, error) {
		asked = append(asked, n)
		if n.TemplateURL != "child.yaml" {
			return nil, nil
		}
		return &cfn.Template{File: "child.yaml", Outputs: []cfn.Output{{LogicalID: "Topic", Value: "topic of " + n.Parameters["Zones"]}}}, nil
	}}
	const template = `
Transform: AWS::Serverless-2016-10-31
Resources:
  User: {Type: AWS::X::Y, Properties: {A: !GetAtt Child.Outputs.Topic, B: !Sub '${Child.Outputs.Topic}!', Made: !GetAtt Elsewhere.Outputs.Arn}}
  Child: {Type: AWS::Serverless::Application, Properties: {Location: child.yaml, Parameters: {Zones: [a, b], Bucket: !Ref Bucket}}}
  Elsewhere: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: 'https://s3.amazonaws.com/b/t.yaml'}}
  Repository: {Type: AWS::Serverless::Application, Properties: {Location: {ApplicationId: arn, SemanticVersion: 1.0.0}}}
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: things}}
`
	tmpl, err := resolveYAML(t, template, in)
	if err != nil {
		t.Fatal(err)
	}
	got := propertiesOf(t, tmpl, "User")
	if !strings.HasPrefix(got, `{"A":"topic of a,b","B":"topic of a,b!","Made":"arn:aws:cloudformation:eu-west-1:123456789012:Elsewhere-`) {
		t.Errorf("the user of outputs has %s", got)
	}
	if len(asked) != 2 {
		t.Errorf("asked %d times, want once a stack: %+v", len(asked), asked)
	}
	child, _ := tmpl.Resource("Child")
	i := slices.IndexFunc(asked, func(n cfn.NestedStack) bool { return n.LogicalID == "Child" })
	if n := asked[i]; child.Nested == nil || n.StackName != child.Name || n.Parameters["Bucket"] != "things" || !strings.Contains(child.Ref, ":stack/"+child.Name+"/") {
		t.Errorf("asked for %+v; Ref is %s", asked[i], child.Ref)
	}
	if unknown := tmpl.Unknown(); len(unknown) != 2 || unknown[0].Type != "AWS::Serverless::Application" {
		t.Errorf("unknown: %+v", unknown)
	}
	_, err = resolveYAML(t, strings.Replace(template, "Outputs.Topic,", "Outputs.Queue,", 1), in)
	if err == nil || !strings.Contains(err.Error(), "User Properties.A.Fn::GetAtt: Template error: resource Child does not support attribute type Outputs.Queue in Fn::GetAtt: child.yaml has no output Queue.") {
		t.Errorf("an output that is not there: %v", err)
	}
}

// Under the language extensions a logical id may be formed in a reference, and the reference makes an order as any other does.
func TestFormedLogicalIDs(t *testing.T) {
	const template = `
Transform: AWS::LanguageExtensions
Parameters: {Name: {Type: String, Default: A}}
Resources:
  User: {Type: AWS::X::Y, Properties: {R: {Ref: !Sub 'Topic${Name}'}, G: !GetAtt [!Sub 'Topic${Name}', TopicName]}}
  Fn::ForEach::Topics:
    - Id
    - [A, B]
    - Topic${Id}: {Type: AWS::SNS::Topic, Properties: {TopicName: !Sub 't-${Id}'}}
Outputs:
  Fn::ForEach::Names:
    - Id
    - [A, B]
    - Fn::ForEach::Attributes:
        - Of
        - [TopicName, TopicArn]
        - ${Of}${Id}: {Value: !GetAtt [!Sub 'Topic${Id}', !Ref Of]}
`
	tmpl, err := resolveYAML(t, template, cfn.Input{})
	if err != nil {
		t.Fatal(err)
	}
	if got := propertiesOf(t, tmpl, "User"); got != `{"R":"arn:aws:sns:eu-west-1:123456789012:t-A","G":"t-A"}` {
		t.Errorf("%s", got)
	}
	if user, _ := tmpl.Resource("User"); !slices.Equal(user.DependsOn, []string{"TopicA"}) {
		t.Errorf("the user needs %v", user.DependsOn)
	}
	var outputs []string
	for _, out := range tmpl.Outputs {
		outputs = append(outputs, out.LogicalID+"="+out.Value)
	}
	if got := strings.Join(outputs, " "); got != "TopicNameA=t-A TopicArnA=arn:aws:sns:eu-west-1:123456789012:t-A TopicNameB=t-B TopicArnB=arn:aws:sns:eu-west-1:123456789012:t-B" {
		t.Errorf("%s", got)
	}
	if _, err := resolveYAML(t, strings.Replace(template, "Transform: AWS::LanguageExtensions\n", "", 1), cfn.Input{}); err == nil || !strings.Contains(err.Error(), "every Ref object must have a single String value") {
		t.Errorf("without the extensions: %v", err)
	}
}

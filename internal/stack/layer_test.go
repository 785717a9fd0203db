package stack_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/stack"
)

// Functions find the modules of their layers: built ones, unbuilt ones and zipped ones, the later one first.
func TestLayers(t *testing.T) {
	needs(t, "python3")
	cfg := project(t, map[string]string{
		"template.yaml": `
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.12}}
Resources:
  Built: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: built, CompatibleRuntimes: [python3.12]}}
  Unbuilt: {Type: AWS::Serverless::LayerVersion, Metadata: {BuildMethod: python3.12}, Properties: {ContentUri: unbuilt}}
  Zipped: {Type: AWS::Lambda::LayerVersion, Properties: {Content: zipped.zip}}
  Missing: {Type: AWS::Lambda::LayerVersion, Properties: {Content: {S3Bucket: b, S3Key: k}}}
  F:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Handler: app.handler, Layers: [!Ref Built, !Ref Unbuilt, !Ref Zipped, 'arn:aws:lambda:us-east-1:123456789012:layer:theirs:3']}
  Inline:
    Type: AWS::Serverless::Function
    Properties: {InlineCode: "import one\ndef handler(event, context): return one.name", Handler: index.handler, Layers: [!Ref Built, !Ref Missing]}
  M:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition:
        StartAt: A
        States: {A: {Type: Parallel, End: true, Branches: [{StartAt: F, States: {F: {Type: Task, Resource: !GetAtt F.Arn, End: true}}}, {StartAt: I, States: {I: {Type: Task, Resource: !GetAtt Inline.Arn, End: true}}}]}}
`,
		"src/app.py":          "import one, two, three\ndef handler(event, context): return [one.name, two.name, three.name]\n",
		"built/python/one.py": "name = 'one'\n",
		"unbuilt/two.py":      "name = 'two'\n",
		"unbuilt/three.py":    "name = 'hidden by the later layer'\n",
	})
	cfg.Template = filepath.Join(cfg.Project, "template.yaml")
	file, err := os.Create(filepath.Join(cfg.Project, "zipped.zip"))
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(file)
	entry, err := w.Create("python/three.py")
	if err == nil {
		_, err = entry.Write([]byte("name = 'three'\n"))
	}
	for _, err := range []error{err, w.Close(), file.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s, told := open(t, cfg)
	if got := run(t, s, "M", `{}`); got != `[["one", "two", "three"],"one"]` {
		t.Errorf("the functions answer %s", got)
	}
	var missing []string
	for _, e := range told.list {
		if e.Kind == stack.NotRunHere {
			missing = append(missing, e.Detail+" "+strings.Join(e.NeededBy, " "))
		}
	}
	if len(missing) != 2 || !strings.HasPrefix(missing[0], "the layer arn:aws:lambda:us-east-1:123456789012:layer:theirs:3, which is none of the templates' F") ||
		!strings.Contains(missing[1], "s3://b/k is in a bucket") || !strings.HasSuffix(missing[1], " Inline") {
		t.Errorf("told %q", missing)
	}
}

// Values that the template takes from elsewhere are those that were given; what nobody gave is told with what needs it, and AWS's public parameters
// are of no account.
func TestValuesFromElsewhere(t *testing.T) {
	cfg := project(t, map[string]string{"template.yaml": `
Parameters:
  Stored: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /app/stored}
  Image: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', Default: /aws/service/ami-amazon-linux-latest/x}
  Gone: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /app/gone}
Resources:
  Computer: {Type: AWS::EC2::Instance, Properties: {ImageId: !Ref Image, UserData: '{{resolve:ssm:/app/other}}'}}
  M:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: arn:aws:iam::000000000000:role/r
      Definition: {StartAt: P, States: {P: {Type: Pass, Result: ['${A}', '${B}', '${C}', '${D}'], End: true}}}
      DefinitionSubstitutions: {A: !Ref Stored, B: !Sub '<{{resolve:ssm:${AWS::Region}:1}}>', C: '{{resolve:secretsmanager:db:SecretString:user}}', D: '{{resolve:ssm-secure:/app/deep}}'}
`})
	cfg.Template = filepath.Join(cfg.Project, "template.yaml")
	cfg.Resolve = map[string]string{"ssm:/app/stored": "kept", "secretsmanager:db:SecretString:user": "me", "ssm:us-east-1": "by name"}
	s, told := open(t, cfg)
	if got := run(t, s, "M", `{}`); got != `["kept","<by name>","me","{{resolve:ssm-secure:/app/deep}}"]` {
		t.Errorf("the machine answers %s", got)
	}
	var others []string
	for _, e := range told.list {
		if e.Kind == stack.NotRunHere {
			others = append(others, e.Detail+" "+strings.Join(e.NeededBy, " "))
		}
	}
	const want = "AWS::EC2::Instance × 1 |{{resolve:ssm-secure:/app/deep}} stays as it is; give it a value: --resolve ssm-secure:/app/deep=VALUE M"
	if got := strings.Join(others, "|"); got != want {
		t.Errorf("told %s, want %s", got, want)
	}
	text := filepath.Join(cfg.Project, "template.yaml")
	template, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(text, []byte(strings.Replace(string(template), "!Ref Stored", "!Ref Gone", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "Unable to fetch parameters [/app/gone] from parameter store for this account. Give it a value: --resolve ssm:/app/gone=VALUE") {
		t.Errorf("%v", err)
	}
}

// An API whose document lies in somebody's bucket has no routes; whatever else there is runs.
func TestBodyElsewhere(t *testing.T) {
	cfg := project(t, map[string]string{"template.yaml": `
Transform: AWS::Serverless-2016-10-31
Resources:
  Far: {Type: AWS::Serverless::Api, Properties: {StageName: v, DefinitionUri: s3://b/k.json}}
  M: {Type: AWS::Serverless::StateMachine, Properties: {Definition: {StartAt: A, States: {A: {Type: Succeed}}}}}
`})
	cfg.Template = filepath.Join(cfg.Project, "template.yaml")
	s, told := open(t, cfg)
	if got := run(t, s, "M", `1`); got != `1` {
		t.Errorf("the machine answers %s", got)
	}
	if e := told.one(t, stack.NotRunHere); !strings.Contains(e.Detail, "the routes of Far: ") || !strings.Contains(e.Detail, "s3://b/k.json is in a bucket") {
		t.Errorf("told %s", e.Detail)
	}
}

// A stack takes the outputs of another one that need not be exported, in whatever order they are found.
func TestOutputsOfOtherStacks(t *testing.T) {
	const machine = `{"Type":"AWS::StepFunctions::StateMachine","Properties":{"RoleArn":"arn:aws:iam::000000000000:role/r",
		"DefinitionString":"{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"Result\":\"${R}\",\"End\":true}}}","DefinitionSubstitutions":{"R":`
	cfg := project(t, map[string]string{
		"A.template.json": `{"Resources":{"User":` + machine + `{"Fn::GetStackOutput":{"StackName":"B","OutputName":"Word"}}}}}}}`,
		"B.template.json": `{"Resources":{"Maker":` + machine + `"x"}}}},"Outputs":{"Word":{"Value":"taken"}}}`,
	})
	cfg.Template = cfg.Project
	s, _ := open(t, cfg)
	if got := run(t, s, "User", `{}`); got != `"taken"` {
		t.Errorf("the machine answers %s", got)
	}
	cfg = project(t, map[string]string{"app.template.json": `{"Resources":{"User":` + machine + `{"Fn::Join":["-",[{"Fn::ImportValue":"theirs"},{"Fn::GetStackOutput":{"StackName":"B","OutputName":"Word"}}]]}}}}}}`})
	cfg.Resolve = map[string]string{"export:theirs": "given", "output:B:Word": "too"}
	s, _ = open(t, cfg)
	if got := run(t, s, "User", `{}`); got != `"given-too"` {
		t.Errorf("the machine answers %s", got)
	}
	cfg = project(t, map[string]string{"app.template.json": `{"Resources":{"User":` + machine + `{"Fn::GetStackOutput":{"StackName":"B","OutputName":"Word"}}}}}}}`})
	if _, err := stack.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "Fn::GetStackOutput: no stack B with an output Word is deployed here. Give it a value: --resolve output:B:Word=VALUE") {
		t.Errorf("%v", err)
	}
}

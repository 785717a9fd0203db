package cfn_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/value"
)

func FuzzResolve(f *testing.F) {
	f.Add(fmt.Sprintf(frame, `{"Fn::Sub": ["${Text} ${a} ${!b} ${F.Arn}", {"a": {"Fn::If": ["Yes", {"Ref": "F"}, 2]}}]}`), "x")
	f.Add(`{"Resources": {"A": {"Type": "AWS::Lambda::Alias", "DependsOn": "B", "Properties": {"FunctionName": {"Fn::GetAtt": "B.Arn"}}}, "B": {"Type": "AWS::Events::Rule", "Properties": {"EventBusName": {"Ref": "A"}}}}}`, "")
	f.Add(`{"Parameters": {"P": {"Type": "List<Number>"}}, "Resources": {"A": {"Type": "T", "Properties": {"X": {"Fn::Cidr": ["::/0", 3, {"Ref": "P"}]}}}}}`, "1,2")
	f.Add(`{"Resources":{"A":{"Type":"T","Properties":[ "\u0041" , 1 , {"Fn::Select":[0,{"Fn::Split":["a","bab"]}]}]}}}`, "")
	files, _ := filepath.Glob("../../infra/snapshot/*.template.json")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			f.Add(string(text), "")
		}
	}
	f.Fuzz(func(t *testing.T, text, parameter string) {
		doc, err := cfn.ReadJSON("t.json", []byte(text))
		if err != nil {
			checkProblems(t, text, err)
			return
		}
		in := lookups
		in.StackName, in.Place = "stack", place
		if strings.Contains(text, `"P"`) {
			in.Parameters = map[string]string{"P": parameter}
		}
		tmpl, err := cfn.Resolve(doc, in)
		if err != nil {
			checkProblems(t, text, err)
			return
		}
		checkInvariants(t, tmpl)
		for _, res := range tmpl.Resources {
			if _, err := value.Parse(value.Text(res.Properties)); err != nil {
				t.Errorf("properties of %s: %v", res.LogicalID, err)
			}
			p := res.Read()
			for _, name := range p.Names() {
				p.Int(name, 0)
				p.Strings(name)
				p.Block(name).Need("X")
				p.Blocks(name)
			}
			if err := p.Err(); err != nil {
				checkProblems(t, text, err)
			}
		}
	})
}

// FuzzYAML reads any text as a template in YAML, and as the rest of a SAM template.
func FuzzYAML(f *testing.F) {
	f.Add("Resources:" + samFunction + "      Events: {E: {Type: Api, Properties: {Path: /x, Method: get}}, G: {Type: HttpApi}}\n")
	f.Add("Resources:\n  M:\n    Type: AWS::Serverless::StateMachine\n    Properties:\n      Definition: {StartAt: A, States: {A: {Type: Pass, End: yes}}}\n      AutoPublishAlias: live\n      Events: {E: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day)}}}\n")
	f.Add("Globals: {Function: {Tags: &t {a: b}}}\nResources: {A: {Type: AWS::Serverless::HttpApi, Properties: {CorsConfiguration: true}}, L: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: x}}, T: &x {Type: AWS::Serverless::SimpleTable}, U: *x}")
	f.Add("Resources:\n  R: !Sub ['${a}', {a: !GetAtt b.c}]\n  <<: [{a: 1}, {b: 2}]\n  ? x\n  : |2\n     y\n")
	f.Add("Resources: {R: {Type: T, Connectors: {C: {Properties: {Destination: [{Id: R}], Permissions: [Read]}}}}}")
	f.Fuzz(func(t *testing.T, text string) {
		for _, text := range []string{text, "Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]\n" + text} {
			doc, err := cfn.ReadYAML("t.yaml", []byte(text))
			if err != nil {
				checkProblems(t, text, err)
				continue
			}
			in := lookups
			in.StackName, in.Place = "stack", place
			tmpl, err := cfn.Resolve(doc, in)
			if err != nil {
				checkProblems(t, text, err)
				continue
			}
			checkInvariants(t, tmpl)
		}
	})
}

func checkProblems(t *testing.T, text string, err error) {
	t.Helper()
	var problems cfn.Problems
	if !errors.As(err, &problems) || len(problems) == 0 || len(problems) > cfn.MaxProblems {
		t.Fatalf("no list of problems: %v", err)
	}
	for _, p := range problems {
		if p.Line < 1 || p.Column < 1 || p.Offset < 0 || p.Offset > len(text) || p.Message == "" {
			t.Errorf("a problem without a place: %+v", p)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	text, err := os.ReadFile("../../infra/snapshot/EndpointWatch.template.json")
	if err != nil {
		b.Skip(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		doc, err := cfn.ReadJSON("t.json", text)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := cfn.Resolve(doc, cfn.Input{StackName: "s", Place: place}); err != nil {
			b.Fatal(err)
		}
	}
}

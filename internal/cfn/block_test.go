package cfn_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/value"
)

func TestBlock(t *testing.T) {
	tmpl := mustResolve(t, `{"Resources": {"R": {"Type": "AWS::SQS::Queue", "Properties": {
		"S": "text", "N": 3, "NS": "4", "F": 1.5, "FS": "2.5", "T": true, "TS": "False", "L": ["a", 1, true],
		"O": {"In": {"X": "y"}}, "B": [{"X": "1"}, {"X": "2"}]}}}}`)
	res, _ := tmpl.Resource("R")
	p := res.Read()
	blocks := p.Blocks("B")
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"string", p.String("S"), "text"},
		{"number as a string", p.String("N"), "3"},
		{"boolean as a string", p.String("T"), "true"},
		{"absent string", p.String("-"), ""},
		{"int", p.Int("N", 9), int64(3)},
		{"string as an int", p.Int("NS", 9), int64(4)},
		{"absent int", p.Int("-", 9), int64(9)},
		{"float", p.Float("F", 9), 1.5},
		{"int as a float", p.Float("N", 9), 3.0},
		{"string as a float", p.Float("FS", 9), 2.5},
		{"absent float", p.Float("-", 9), 9.0},
		{"bool", p.Bool("T", false), true},
		{"string as a bool", p.Bool("TS", true), false},
		{"absent bool", p.Bool("-", true), true},
		{"strings", fmt.Sprint(p.Strings("L")), "[a 1 true]"},
		{"absent strings", len(p.Strings("-")), 0},
		{"one of", p.OneOf("S", "x", "x", "text"), "text"},
		{"absent one of", p.OneOf("-", "x", "x", "text"), "x"},
		{"within", p.Block("O").Block("In").String("X"), "y"},
		{"within nothing", p.Block("-").Block("-").String("X"), ""},
		{"blocks", len(blocks), 2},
		{"in a list", blocks[1].String("X"), "2"},
		{"has", p.Has("S") && !p.Has("-"), true},
		{"value", value.Text(p.Value("O")), `{"In":{"X":"y"}}`},
		{"names", slices.Equal(p.Block("O").Names(), []string{"In"}), true},
		{"problems", p.Err(), error(nil)},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	p.Need("S", "O")
	if err := p.Err(); err != nil {
		t.Errorf("Need: %v", err)
	}
}

// A problem with a resolved property stands where its text does, whatever the functions around it left out or chose.
func TestBlockProblems(t *testing.T) {
	tmpl := mustResolve(t, `{
"Parameters": {"P": {"Type": "CommaDelimitedList", "Default": "a,b"}},
"Conditions": {"Yes": {"Fn::Equals": [1, 1]}},
"Resources": {"R": {"Type": "AWS::SQS::Queue", "Properties": {
"L": [
{"Ref": "AWS::NoValue"},
{"Fn::If": ["Yes",
{"N": "x"},
2]},
[]],
"P": {"Ref": "P"},
"S": {},
"T": 3}}}}`)
	res, _ := tmpl.Resource("R")
	p := res.Read()
	list := p.Blocks("L") // its second item is no object
	list[0].Int("N", 0)
	list[0].Need("M")
	p.Block("P")
	p.Blocks("P")
	p.String("S")
	p.Float("S", 0)
	p.Bool("T", false)
	p.Strings("T")
	p.OneOf("T", "", "a", "b")
	p.Problem("T", "mine")
	p.Problem("T", "mine")
	p.Problem("", "whole")
	want := []string{
		"t.json:4:62: R Properties: whole",
		"t.json:8:1: R Properties.L[0]: The property M is required.",
		"t.json:8:7: R Properties.L[0].N: This must be a whole number, not a string.",
		"t.json:10:1: R Properties.L[1]: This must be an object, not an array.",
		"t.json:11:6: R Properties.P: This must be an object, not an array.",
		"t.json:11:6: R Properties.P[0]: This must be an object, not a string.",
		"t.json:11:6: R Properties.P[1]: This must be an object, not a string.",
		"t.json:12:6: R Properties.S: This must be a string, not an object.",
		"t.json:12:6: R Properties.S: This must be a number, not an object.",
		"t.json:13:6: R Properties.T: This must be true or false, not a number.",
		"t.json:13:6: R Properties.T: This must be a list, not a number.",
		"t.json:13:6: R Properties.T: This must be one of a, b.",
		"t.json:13:6: R Properties.T: mine",
	}
	var problems cfn.Problems
	if !errors.As(p.Err(), &problems) || len(problems) != len(want) {
		t.Fatalf("%v", p.Err())
	}
	for i := range want {
		if problems[i].String() != want[i] {
			t.Errorf("%s\nwant %s", problems[i], want[i])
		}
	}
}

func TestUnknown(t *testing.T) {
	tmpl := mustResolve(t, `{"Resources": {
		"V": {"Type": "AWS::EC2::VPC", "Properties": {"A": {"Fn::GetAtt": ["C", "Some.Thing"]}, "B": {"Ref": "C"}, "C": {"Fn::GetAtt": ["C", "RoleArn"]}, "D": {"Fn::GetAtt": ["W", "VpcArn"]}}},
		"C": {"Type": "Custom::Thing"},
		"W": {"Type": "AWS::EC2::VPC"},
		"Q": {"Type": "AWS::SQS::Queue"}}}`)
	if got := fmt.Sprint(tmpl.Unknown()); got != "[{AWS::EC2::VPC 2} {Custom::Thing 1}]" {
		t.Errorf("unknown: %s", got)
	}
	v, _ := tmpl.Resource("V")
	p := v.Read()
	for name, like := range map[string]string{"A": "C-", "B": "stack-C-", "C": "arn:aws:custom:eu-west-1:123456789012:C-", "D": "arn:aws:ec2:eu-west-1:123456789012:W-"} {
		if got := p.String(name); len(got) != len(like)+12 || got[:len(like)] != like {
			t.Errorf("%s is %q", name, got)
		}
	}
	if queues := tmpl.OfType("AWS::SQS::Queue"); len(queues) != 1 || queues[0].LogicalID != "Q" {
		t.Errorf("queues: %v", queues)
	}
}

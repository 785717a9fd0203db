package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// failure returns the error that a construct fails with, nil if it does not.
func failure(construct func()) (err error) {
	defer recoverFault(&err)
	construct()
	return nil
}

func TestCheckBuild(t *testing.T) {
	write := func(dir, name, text string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644) }
	for _, test := range []struct {
		name  string
		build func(dir string) error
		want  string // Empty: built.
	}{
		{"built", func(dir string) error { return writeBuild(dir, ARM64) }, ""},
		{"no folder", func(dir string) error { return os.Remove(dir) }, "is not built"},
		{"empty folder", func(dir string) error { return nil }, "must hold the file bootstrap"},
		{"another name", func(dir string) error { return write(dir, "main", "x") }, "must hold the file bootstrap"},
		{"stray file", func(dir string) error { return errors.Join(writeBuild(dir, ARM64), write(dir, "README", "x")) }, "must hold the file bootstrap"},
		{"a script", func(dir string) error { return write(dir, "bootstrap", "#!/bin/sh\n") }, "is not a Linux program"},
		{"empty file", func(dir string) error { return write(dir, "bootstrap", "") }, "is not a Linux program"},
		{"another architecture", func(dir string) error { return writeBuild(dir, X86_64) }, "is built for EM_X86_64, the stage wants EM_AARCH64 (arm64)"},
	} {
		dir := t.TempDir()
		if err := test.build(dir); err != nil {
			t.Fatal(err)
		}
		err := failure(func() { checkBuild(dir, &GoFunctionProps{Task: "some-task", Architecture: ARM64}) })
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `"make build"`) || !strings.Contains(err.Error(), "some-task") {
			t.Errorf("%s: have %v, want %q, the task and the way out", test.name, err, test.want)
		}
	}
}

func TestReadDefinition(t *testing.T) {
	files := fstest.MapFS{"w.asl.json": {Data: []byte(`{"A": "${FirstArn}", "B": "${SecondArn}", "C": "${FirstArn}", "D": "$.path $${x.y}"}`)}}
	for _, test := range []struct {
		file     string
		supplied []string
		want     string // Empty: read.
	}{
		{"w.asl.json", []string{"FirstArn", "SecondArn"}, ""},
		{"w.asl.json", []string{"FirstArn"}, "asks for the substitutions [FirstArn SecondArn], the stack supplies [FirstArn]"},
		{"w.asl.json", []string{"FirstArn", "SecondArn", "ThirdArn"}, "the stack supplies [FirstArn SecondArn ThirdArn]"},
		{"w.asl.json", nil, "the stack supplies []"},
		{"v.asl.json", nil, "no definition statemachines/v.asl.json"},
	} {
		var text string
		err := failure(func() { text = readDefinition(files, test.file, test.supplied) })
		if test.want == "" && (err != nil || text != string(files[test.file].Data)) {
			t.Errorf("%s %v: have %q, %v", test.file, test.supplied, text, err)
		}
		if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s %v: have %v, want %q", test.file, test.supplied, err, test.want)
		}
	}
}

func TestRecoverFault(t *testing.T) {
	thrown := errors.New("thrown")
	if err := failure(func() { failf("what: %w", thrown) }); err == nil || err.Error() != "what: thrown" || !errors.Is(err, thrown) {
		t.Errorf("a fault: %v", err)
	}
	if err := failure(func() { panic(thrown) }); !errors.Is(err, thrown) || !strings.Contains(err.Error(), "aws-cdk-lib refused") {
		t.Errorf("an error of jsii: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a bug was swallowed")
		}
	}()
	_ = failure(func() { var nowhere *Config; nowhere.Stage = "x" })
}

// Before anything is built, synth says what to do rather than show a stack.
func TestSynthBeforeBuild(t *testing.T) {
	needNode(t)
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	settings, err := os.ReadFile(filepath.Join(root, "cdk.json"))
	if err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	if err := os.WriteFile(filepath.Join(empty, "cdk.json"), settings, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(empty)
	if err := synth(); err == nil || !strings.Contains(err.Error(), `run "make build"`) {
		t.Errorf("have %v", err)
	}
}

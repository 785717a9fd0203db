package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The snapshot is what reviewers and tutti read. It must be what is deployed.
func TestSnapshotIsFresh(t *testing.T) {
	golden(t, "snapshot/EndpointWatch.template.json", templateOf(t, "dev").Text)
}

// What prod has other than dev, line by line, for the eyes of whoever reviews a change of a stage.
func TestProdAgainstDev(t *testing.T) {
	dev, prod := flat(t, templateOf(t, "dev")), flat(t, templateOf(t, "prod"))
	var out strings.Builder
	for _, pointer := range slices.Sorted(maps.Keys(dev)) {
		switch value, ok := prod[pointer]; {
		case !ok:
			fmt.Fprintf(&out, "%s\n  only dev: %s\n", pointer, dev[pointer])
		case value != dev[pointer]:
			fmt.Fprintf(&out, "%s\n  dev:  %s\n  prod: %s\n", pointer, dev[pointer], value)
		}
		delete(prod, pointer)
	}
	for _, pointer := range slices.Sorted(maps.Keys(prod)) {
		fmt.Fprintf(&out, "%s\n  only prod: %s\n", pointer, prod[pointer])
	}
	golden(t, "testdata/prod-against-dev.txt", out.String())
}

// The template must do for a local run without the assembly around it: sources by path, and nothing to be looked up.
func TestTemplateStandsAlone(t *testing.T) {
	tpl := templateOf(t, "dev")
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"AWS::Lambda::Function": "functions/", "AWS::StepFunctions::StateMachine": "statemachines/"}
	for kind, folder := range want {
		for id, r := range tpl.of(kind) {
			source, _ := r.Metadata[sourceKey].(string)
			if !strings.HasPrefix(source, folder) {
				t.Errorf("%s: metadata %s is %q, want a path in %s", id, sourceKey, source, folder)
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(source))); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
	}
	for _, unwanted := range []string{"BootstrapVersion", "AWS::CDK::Metadata", "DefinitionS3Location", "Fn::ImportValue"} {
		if strings.Contains(tpl.Text, unwanted) {
			t.Errorf("the template has %s", unwanted)
		}
	}
}

func TestAssetHashesAreMasked(t *testing.T) {
	hash := strings.Repeat("0123456789abcdef", 4)
	tpl, err := readTemplate("dev", []byte("{\n \"Code\": {\n  \"S3Key\": \""+hash+".zip\"\n },\n \"Path\": \"asset."+hash+"\"\n}"))
	if err != nil {
		t.Fatal(err)
	}
	want := "{\n  \"Code\": {\n    \"S3Key\": \"HASH.zip\"\n  },\n  \"Path\": \"asset.HASH\"\n}\n"
	if tpl.Text != want {
		t.Errorf("have %s, want %s", tpl.Text, want)
	}
}

// golden holds got to a file, or writes the file if -update is given.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run \"go test -update\" in infra", err)
	}
	have, want := strings.Split(got, "\n"), strings.Split(string(text), "\n")
	for i := range max(len(have), len(want)) {
		if h, w := line(have, i), line(want, i); h != w {
			t.Fatalf("%s:%d: the file has\n\t%s\na fresh synth gives\n\t%s\nif that is intended, run \"go test -update\" in infra and review the difference",
				path, i+1, w, h)
		}
	}
}

func line(lines []string, i int) string {
	if i >= len(lines) {
		return "(end)"
	}
	return lines[i]
}

// flat returns the leaves of a template as JSON texts, by JSON Pointer.
func flat(t *testing.T, tpl template) map[string]string {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(tpl.Text), &root); err != nil {
		t.Fatal(err)
	}
	leaves := map[string]string{}
	var walk func(pointer string, v any)
	walk = func(pointer string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, member := range v {
				walk(pointer+"/"+key, member)
			}
		case []any:
			for i, item := range v {
				walk(fmt.Sprintf("%s/%d", pointer, i), item)
			}
		default:
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			leaves[pointer] = string(text)
		}
	}
	walk("", root)
	return leaves
}

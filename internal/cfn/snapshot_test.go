package cfn_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// TestSnapshots resolves the templates that this project's own CDK code makes.
func TestSnapshots(t *testing.T) {
	files, err := filepath.Glob("../../infra/snapshot/*.template.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no templates in infra/snapshot: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := cfn.ReadJSON(filepath.Base(file), text)
			if err != nil {
				t.Fatal(err)
			}
			tmpl, err := cfn.Resolve(doc, cfn.Input{StackName: "tutti-dev", Place: sfn.DefaultPlace()})
			if err != nil {
				t.Fatal(err)
			}
			checkInvariants(t, tmpl)
			for _, res := range tmpl.Resources {
				if !res.Known() {
					t.Logf("%s: %s is not in the table", res.LogicalID, res.Type)
				}
				if text := value.Text(res.Properties); strings.Contains(text, `"Fn::`) || strings.Contains(text, `{"Ref":`) {
					t.Errorf("%s: a function is left: %s", res.LogicalID, text)
				}
			}
			for _, machine := range tmpl.OfType("AWS::StepFunctions::StateMachine") {
				p := machine.Read()
				definition := p.String("DefinitionString")
				if err := p.Err(); err != nil || p.Has("DefinitionString") && !value.Valid(definition) {
					t.Errorf("%s: the definition is no JSON: %v: %s", machine.LogicalID, err, definition)
				}
			}
		})
	}
}

// checkInvariants checks what holds for every template.
func checkInvariants(t *testing.T, tmpl *cfn.Template) {
	t.Helper()
	seen := map[string]bool{}
	for _, res := range tmpl.Resources {
		for _, need := range res.DependsOn {
			if !seen[need] {
				t.Errorf("%s stands before %s, which it needs", res.LogicalID, need)
			}
		}
		seen[res.LogicalID] = true
		if res.Ref == "" || res.Name == "" || res.Properties == nil || res.Metadata == nil {
			t.Errorf("%s is not complete: %+v", res.LogicalID, res)
		}
		if found, ok := tmpl.Resource(res.LogicalID); !ok || found != res {
			t.Errorf("%s is not found by its id", res.LogicalID)
		}
	}
}

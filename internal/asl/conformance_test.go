package asl

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/oracle"
	"github.com/tutti-run/tutti/internal/sfn"
)

// definitionErrors parses a definition and leaves out the warnings.
func definitionErrors(text string, t sfn.MachineType) []sfn.Diagnostic {
	_, diagnostics := Parse(text, Options{Type: t})
	return onlyErrors(diagnostics)
}

func onlyErrors(diagnostics []sfn.Diagnostic) []sfn.Diagnostic {
	return slices.DeleteFunc(diagnostics, func(d sfn.Diagnostic) bool { return d.Severity != sfn.SeverityError })
}

// readCases decodes every JSON file below the folder of reference data.
func readCases[T any](t *testing.T, folder, glob string) map[string]T {
	t.Helper()
	root := oracle.Dir(t, folder)
	cases := map[string]T{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if ok, _ := filepath.Match(glob, filepath.Base(path)); err != nil || !ok {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var c T
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		name, _ := filepath.Rel(root, path)
		cases[strings.TrimSuffix(name, ".json")] = c
		return nil
	})
	if err != nil || len(cases) == 0 {
		t.Fatalf("reading %s: %d cases, %v", folder, len(cases), err)
	}
	return cases
}

// recordedCase is what of a recorded case concerns definitions.
type recordedCase struct {
	Kind  string
	Steps []recordedStep
}

type recordedStep struct {
	Call, Save, Resource string
	Name                 string
	ExpectError          bool `json:"expect_error"`
	ClientSide           bool `json:"client_side"`
	Params               struct {
		Definition json.RawMessage
		Type       sfn.MachineType
		Severity   sfn.Severity
		Name       string `json:"name"`
	}
	Match    string
	Actual   json.RawMessage
	Expected json.RawMessage
}

// actualText is the text of a match step's subject.
func (s recordedStep) actualText() string {
	var text string
	_ = json.Unmarshal(s.Actual, &text)
	return text
}

var token = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

// fill puts plausible values in the place of references: an ARN where something with an ARN is meant, else a word.
func fill(text string, kinds map[string]string) string {
	return token.ReplaceAllStringFunc(text, func(ref string) string {
		path := strings.Trim(ref, "{}")
		name, member, _ := strings.Cut(path, ".")
		switch {
		case kinds[name] == "lambda_function" && member == "arn":
			return "arn:aws:lambda:us-east-1:111111111111:function:f"
		case strings.HasSuffix(member, "activityArn"):
			return "arn:aws:states:us-east-1:111111111111:activity:a"
		case strings.HasSuffix(member, "stateMachineArn"):
			return "arn:aws:states:us-east-1:111111111111:stateMachine:m"
		case name == "account", name == "account2":
			return "111111111111"
		case name == "region":
			return "us-east-1"
		case name == "partition":
			return "aws"
		case strings.HasPrefix(name, "now"):
			return "2026-01-01T00:00:00"
		}
		return "word"
	})
}

// matches tells whether a text is of the recorded form, in which tokens stand for any text.
func matches(expected, actual string) bool {
	var pattern strings.Builder
	pattern.WriteString("(?s)^")
	rest := expected
	for _, at := range token.FindAllStringIndex(expected, -1) {
		pattern.WriteString(regexp.QuoteMeta(expected[len(expected)-len(rest):at[0]]) + ".*?")
		rest = expected[at[1]:]
	}
	pattern.WriteString(regexp.QuoteMeta(rest) + "$")
	return regexp.MustCompile(pattern.String()).MatchString(actual)
}

// wrapped is CreateStateMachine's message about the diagnostics.
func wrapped(diagnostics []sfn.Diagnostic) string {
	texts := make([]string, len(diagnostics))
	for i, d := range diagnostics {
		texts[i] = d.String()
	}
	return "Invalid State Machine Definition: '" + strings.Join(texts, ", ") + "'"
}

func TestRecordedDefinitions(t *testing.T) {
	accepted, refused, validated := 0, 0, 0
	for id, c := range readCases[recordedCase](t, "conformance/cases", "*.json") {
		kinds := map[string]string{}
		expected := map[string]json.RawMessage{}
		for _, s := range c.Steps {
			if s.Resource != "" {
				kinds[s.Save] = s.Resource
			}
			if s.Match != "" {
				expected[s.actualText()] = s.Expected
			}
		}
		machineType := sfn.MachineType("")
		for _, s := range c.Steps {
			var text string
			if json.Unmarshal(s.Params.Definition, &text) != nil || s.ClientSide || token.ReplaceAllString(text, "") == "" && text != "" {
				continue
			}
			text = fill(text, kinds)
			if s.Params.Type != "" {
				machineType = s.Params.Type
			}
			diagnostics := definitionErrors(text, machineType)
			switch s.Call {
			case "stepfunctions.ValidateStateMachineDefinition":
				validated++
				compareValidation(t, id, expected["{{"+s.Save+"}}"], diagnostics)
			case "stepfunctions.CreateStateMachine", "stepfunctions.UpdateStateMachine":
				var answer struct{ Code, Message string }
				_ = json.Unmarshal(expected["{{"+s.Save+".$error}}"], &answer)
				switch {
				case s.ExpectError && answer.Code == "InvalidDefinition":
					refused++
					got := wrapped(diagnostics)
					if !strings.HasPrefix(answer.Message, "Invalid State Machine Definition:") && len(diagnostics) > 0 {
						continue // not the service's words: those of the recorder's own emulator
					}
					if !matches(answer.Message, got) {
						t.Errorf("%s: %s\ngot  %s\nwant %s", id, s.Save, got, answer.Message)
					}
				case !s.ExpectError:
					accepted++
					if len(diagnostics) > 0 {
						t.Errorf("%s: AWS accepted %s, but %s", id, s.Save, wrapped(diagnostics))
					}
				}
			}
		}
	}
	t.Logf("%d accepted, %d refused, %d validated", accepted, refused, validated)
	if accepted < 500 || refused < 5 || validated < 10 {
		t.Errorf("the recordings were not found where they should be: %d accepted, %d refused, %d validated", accepted, refused, validated)
	}
}

func compareValidation(t *testing.T, id string, recorded json.RawMessage, got []sfn.Diagnostic) {
	t.Helper()
	var want struct{ Diagnostics []sfn.Diagnostic }
	if err := json.Unmarshal(recorded, &want); err != nil {
		t.Errorf("%s: no recorded answer: %v", id, err)
		return
	}
	for i := range got {
		got[i].Pointer, got[i].Offset = "", 0
	}
	if !slices.EqualFunc(got, want.Diagnostics, func(a, b sfn.Diagnostic) bool { return a == b }) {
		t.Errorf("%s:\ngot  %+v\nwant %+v", id, got, want.Diagnostics)
	}
}

// TestRecordedReferences compares the variables that states read with what DescribeStateMachine answered.
func TestRecordedReferences(t *testing.T) {
	compared := 0
	for id, c := range readCases[recordedCase](t, "conformance/cases", "*.json") {
		var text string
		kinds := map[string]string{}
		for _, s := range c.Steps {
			if s.Resource != "" {
				kinds[s.Save] = s.Resource
			}
			if s.Call == "stepfunctions.CreateStateMachine" && !s.ExpectError {
				_ = json.Unmarshal(s.Params.Definition, &text)
			}
			var described struct{ VariableReferences map[string][]string }
			if s.Match == "" || json.Unmarshal(s.Expected, &described) != nil || len(described.VariableReferences) == 0 {
				continue
			}
			m, diagnostics := Parse(fill(text, kinds), Options{})
			if m == nil && len(definitionErrors(fill(text, kinds), "")) == 0 {
				continue // its expressions cannot be read yet
			}
			if m == nil {
				t.Errorf("%s: %v", id, diagnostics)
				continue
			}
			compared++
			got, _ := json.Marshal(m.VariableReferences())
			want, _ := json.Marshal(described.VariableReferences)
			if string(got) != string(want) {
				t.Errorf("%s: references %s, want %s", id, got, want)
			}
		}
	}
	if compared < 10 {
		t.Errorf("only %d recorded references were found", compared)
	}
}

// collected is a definition of the corpus or of the fixtures.
type collected struct {
	Definition, Format string
	Kind               string
	Verdict            struct{ Expect string }
	Valid              *bool
	Reason             string
	Oracle             string
	Confidence         string
	Type               sfn.MachineType `json:"state_machine_type"`
}

// corpusDisagreements are the definitions of the corpus whose verdict AWS would not share, with the reason.
var corpusDisagreements = map[string]string{
	"asl-4dee435cbc00": "a draft: lambda:invoke without FunctionName, which AWS refuses",
	"asl-690d33679302": "a draft: lambda:invoke without FunctionName, which AWS refuses",
	"asl-f0bb0fa1c74d": "a draft: several states share a name",
	"asl-02aa819970af": "a label of 46 characters, where AWS allows 40",
	"asl-00aa6c18f40c": "a comma before the closing brace of an object constructor, which the reference implementation refuses (S0211)",
}

func TestCorpusDefinitions(t *testing.T) {
	compared := 0
	for id, c := range readCases[collected](t, "asl-corpus", "asl-*.json") {
		if c.Verdict.Expect != "accept" && c.Verdict.Expect != "reject" {
			CheckDraft(c.Definition, Options{}) // must not panic
			continue
		}
		compared++
		faults := onlyErrors(CheckDraft(c.Definition, Options{}))
		agree := (len(faults) == 0) == (c.Verdict.Expect == "accept")
		checkVerdict(t, id, agree, corpusDisagreements, c.Verdict.Expect, faults)
	}
	if compared < 400 {
		t.Errorf("only %d definitions have a verdict", compared)
	}
}

// fixtureDisagreements are the fixtures whose verdict AWS would not share, with the reason.
var fixtureDisagreements = map[string]string{
	"fix-6178816c4368": foreign,
	"fix-95333a1ba1e6": foreign,
	"fix-c9af0ee1b9a4": foreign,
	"fix-b957a8aecb69": "lambda:invoke without Parameters, which AWS refuses",
	"fix-7a6853cc1e91": "two states share a name, which AWS refuses although they are in different flows",
	"fix-5a6b461201ba": "a variable with a hyphen in its name, which AWS refuses",
	"fix-ece8994dc204": "a JSONPath state in a JSONata machine, which AWS refuses (recorded)",
	"fix-18325cefc6e5": "the types of an intrinsic function's arguments are a matter of the run",
	"fix-676ce0ddd57f": "blanks within {% %} are allowed",
	"fix-19ce61c7495f": "blanks within {% %} are not needed",
	"fix-c3ba215facf9": "the Resource is a placeholder that a substitution replaces",
}

const (
	foreign = "the Resource is that of a service that AWS does not call"
)

func TestFixtureDefinitions(t *testing.T) {
	compared := 0
	for id, c := range readCases[collected](t, "asl-fixtures", "fix-*.json") {
		if c.Format != "json" {
			continue
		}
		compared++
		faults := onlyErrors(CheckDraft(c.Definition, Options{Type: c.Type}))
		checkVerdict(t, id, (len(faults) == 0) == *c.Valid, fixtureDisagreements, c.Oracle+" "+c.Confidence+" "+c.Reason, faults)
	}
	if compared < 200 {
		t.Errorf("only %d fixtures were found", compared)
	}
}

func checkVerdict(t *testing.T, id string, agree bool, known map[string]string, verdict string, faults []sfn.Diagnostic) {
	t.Helper()
	reason, listed := known[id]
	switch {
	case agree && listed:
		t.Errorf("%s agrees now: take it off the list (%s)", id, reason)
	case !agree && !listed:
		t.Errorf("%s (%s): %s", id, verdict, wrapped(faults))
	}
}

package jsonpath_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tutti-run/tutti/internal/jsonpath"
	"github.com/tutti-run/tutti/internal/oracle"
	"github.com/tutti-run/tutti/internal/value"
)

// overridden are the reference cases in which Step Functions itself answers otherwise than the library, by path.
var overridden = map[string]string{
	"$.detail.nope[?(@.x)]": "recorded on AWS: an indefinite path over a missing parent gives []",
}

type referenceCase struct {
	Path, Document, Outcome, Message string
	Definite                         bool
	Value                            json.RawMessage
}

func TestReferenceAnswers(t *testing.T) {
	dir := oracle.Dir(t, "jsonpath")
	var cases []referenceCase
	documents := map[string]json.RawMessage{}
	readJSON(t, filepath.Join(dir, "cases.json"), &cases)
	readJSON(t, filepath.Join(dir, "documents.json"), &documents)
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range cases {
		t.Run(c.Document+" "+c.Path, func(t *testing.T) {
			wrong := disagreement(c, parse(t, string(documents[c.Document])))
			reason, listed := overridden[c.Path]
			switch {
			case listed && wrong == "":
				t.Errorf("agrees, but is listed as overridden: %s", reason)
			case !listed && wrong != "":
				t.Error(wrong)
			}
		})
	}
}

// disagreement says how the package's answer differs from the reference's.
func disagreement(c referenceCase, document value.Value) string {
	outcome, message, got, definite := answer(c.Path, document)
	switch {
	case outcome != c.Outcome:
		return "outcome " + outcome + " (" + message + "), want " + c.Outcome + " (" + c.Message + ")"
	case message != c.Message:
		return "message " + message + "\nwant " + c.Message
	case outcome != "compileerror" && definite != c.Definite:
		return "definiteness differs"
	}
	if outcome != "ok" {
		return ""
	}
	want, err := value.Parse(string(c.Value))
	if err != nil {
		return err.Error()
	}
	if got, want := value.Text(got), value.Text(want); got != want {
		return "got  " + got + "\nwant " + want
	}
	return ""
}

// answer is the package's answer in the terms of the reference.
func answer(text string, document value.Value) (outcome, message string, result value.Value, definite bool) {
	path, err := jsonpath.Compile(text)
	if err != nil {
		return "compileerror", "InvalidPathException: " + err.Error(), nil, false
	}
	result, err = path.Eval(document)
	var missing *jsonpath.NotFoundError
	switch {
	case errors.As(err, &missing):
		return "notfound", err.Error(), nil, path.Definite()
	case err != nil:
		return "evalerror", err.Error(), nil, path.Definite()
	}
	return "ok", "", result, path.Definite()
}

func parse(tb testing.TB, text string) value.Value {
	tb.Helper()
	v, err := value.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}

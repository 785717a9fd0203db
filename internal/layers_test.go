package internal_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// rungs is the ladder: a package imports only packages on lower rungs, never sideways, never up (docs/architecture.md).
var rungs = [][]string{
	1:  {"sfn", "value", "clock", "measure"},
	2:  {"jsonpath", "jsonata", "schema", "iam", "history", "awsmodel", "pattern", "lsm"},
	3:  {"payload", "vtl"},
	4:  {"asl", "cfn"},
	5:  {"engine", "lint", "store", "watch", "lambda", "logs", "awsclient", "s3", "sqs", "sns", "metrics"},
	6:  {"task", "trigger", "items"},
	7:  {"trial"},
	8:  {"runner"},
	9:  {"api", "stack"},
	10: {"console"},
	11: {"cmd"},
}

// functionsMay is what functions may import of internal: they are deployed without the tool, and the one thing that they share with it is how
// JSON Schema is checked.
var functionsMay = map[string]bool{"schema": true}

const module = "github.com/tutti-run/tutti/"

// listed is what the test needs of go list's answer.
type listed struct {
	ImportPath string
	Imports    []string
}

func TestLadder(t *testing.T) {
	rungOf := map[string]int{}
	for rung, packages := range rungs {
		for _, name := range packages {
			rungOf[name] = rung
		}
	}
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		check(t, rungOf, p)
	}
}

func check(t *testing.T, rungOf map[string]int, p listed) {
	from := strings.TrimPrefix(p.ImportPath, module)
	name := packageName(from)
	switch {
	case name == "" || name == "await" || name == "oracle" || name == "conformance":
		return // data with a Go file around it, and the tests' own
	case strings.HasPrefix(from, "functions"):
		name = "functions"
	case rungOf[name] == 0:
		t.Errorf("%s stands on no rung: name it in rungs", from)
		return
	}
	for _, imported := range p.Imports {
		to, ours := strings.CutPrefix(imported, module)
		target := packageName(to)
		if !ours || target == "" || strings.HasPrefix(to, "functions") {
			continue
		}
		switch {
		case target == "await", target == "oracle":
			t.Errorf("%s imports %s, which is for tests", from, to)
		case name == "functions" && !functionsMay[target]:
			t.Errorf("%s imports %s: functions are deployed without it", from, to)
		case name != "functions" && rungOf[target] >= rungOf[name] && packageName(from) != target:
			t.Errorf("%s (rung %d) imports %s (rung %d): imports go down the ladder", from, rungOf[name], to, rungOf[target])
		}
	}
}

// packageName is the noun that a path in the module belongs to: of internal/x/y it is x; "" for folders of data.
func packageName(path string) string {
	parts := strings.Split(path, "/")
	switch {
	case parts[0] == "internal" && len(parts) > 1:
		return parts[1]
	case parts[0] == "cmd", parts[0] == "functions":
		return parts[0]
	}
	return ""
}

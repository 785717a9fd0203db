package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/oracle"
)

// testCase is one recorded case. Members that only help people are left out. JSON values are what encoding/json makes of them, with
// numbers as json.Number.
type testCase struct {
	ID            string   `json:"id"`
	Kind          string   `json:"kind"`
	Area          string   `json:"area"`
	Recorded      string   `json:"recorded"`
	Requires      []string `json:"requires"`
	QueryLanguage []string `json:"query_language"`
	Seconds       float64  `json:"approx_seconds"` // that the case waits on a real clock
	Runs          []run    `json:"runs"`
	Steps         []step   `json:"steps"`

	text string // the whole file
}

// run is an execution that the case starts.
type run struct {
	Start          string         `json:"start"` // the name under which the starting call's response is saved
	Sync           bool           `json:"sync"`
	LogMatch       string         `json:"log_match"` // the match step that is all there is to see of an Express execution
	Result         map[string]any `json:"result"`
	ServiceResults []recorded     `json:"service_results"`
}

// recorded is what a task was given and what came back.
type recorded map[string]any

func (r recorded) text(name string) string {
	s, _ := r[name].(string)
	return s
}

// step is one step; which members are set says which kind.
type step struct {
	Call        string         `json:"call"`
	Params      map[string]any `json:"params"`
	Save        string         `json:"save"`
	ExpectError bool           `json:"expect_error"`
	ClientSide  bool           `json:"client_side"`
	Account     string         `json:"account"`
	Poll        bool           `json:"poll"`
	Paginate    bool           `json:"paginate"`

	Match      string   `json:"match"`
	Actual     any      `json:"actual"`
	Expected   any      `json:"expected"`
	Status     int      `json:"status"`
	Compare    string   `json:"compare"`
	Unordered  []span   `json:"unordered"`
	Subset     []string `json:"subset"`
	AllowExtra []string `json:"allow_extra"`
	Suspect    string   `json:"suspect"`

	Resource   string `json:"resource"`
	Name       string `json:"name"`
	Behaviour  any    `json:"behaviour"`
	Queue      string `json:"queue"`
	Pattern    any    `json:"event_pattern"`
	Activity   string `json:"activity"`
	Definition string `json:"definition"`

	Await     string `json:"await"`
	Execution string `json:"execution"`
	State     string `json:"state"`
	LogGroup  string `json:"log_group"`
	Count     int    `json:"count"`

	Let       string `json:"let"`
	Value     any    `json:"value"`
	Replace   []any  `json:"replace"`
	Slice     []any  `json:"slice"`
	Split     string `json:"split"`
	AfterLast string `json:"after_last"`
	ParseJSON bool   `json:"parse_json"`

	Background []step `json:"background"`
}

// span is a list, or a part of it, that is compared as a bag.
type span struct {
	Path string `json:"path"`
	From *int   `json:"from"`
	To   *int   `json:"to"`
}

// language is the query language of the case's definitions: JSONPath, JSONata, both, or - without definitions.
func (c *testCase) language() string {
	switch {
	case len(c.QueryLanguage) == 0:
		return "-"
	case len(c.QueryLanguage) > 1:
		return "both"
	}
	return c.QueryLanguage[0]
}

// usesJSONata tells whether any definition of the case has JSONata.
func (c *testCase) usesJSONata() bool { return slices.Contains(c.QueryLanguage, "JSONata") }

// date is when AWS gave the answers.
func (c *testCase) date() time.Time {
	t, err := time.Parse(time.DateOnly, c.Recorded)
	if err != nil {
		return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t
}

// readCases reads all cases, by id.
func readCases(t *testing.T) []*testCase {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(oracle.Dir(t, "conformance"), "cases", "*", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	slices.Sort(files)
	cases := make([]*testCase, 0, len(files))
	for _, file := range files {
		c, err := readCase(file)
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	return cases
}

func readCase(file string) (*testCase, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c := &testCase{text: string(text)}
	decoder := json.NewDecoder(strings.NewReader(c.text))
	decoder.UseNumber()
	if err := decoder.Decode(c); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return c, nil
}

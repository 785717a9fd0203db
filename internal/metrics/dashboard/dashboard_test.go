package dashboard_test

import (
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/metrics/dashboard"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct{ name, body, wrong, told string }{
		{"a", `{"widgets":[{"type":"metric","properties":{"metrics":[]}}]}`, "", ""},
		{"a", `{}`, "", "/widgets There are no widgets."},
		{"a b", `{}`, "DashboardName", ""},
		{"", `{}`, "DashboardName", ""},
		{"a", ``, "is not a JSON object", "/ is not a JSON object."},
		{"a", `[]`, "is not a JSON object", "/ is not a JSON object."},
		{"a", `{"widgets":{}}`, "/widgets Should be array", "/widgets Should be array"},
		{"a", `{"widgets":[1]}`, "/widgets/0 Should be object", "/widgets/0 Should be object"},
		{"a", `{"widgets":[{"type":"text"}]}`, "required property 'properties'", "/widgets/0 Should have required property 'properties'"},
		{"a", `{"widgets":[` + strings.TrimSuffix(strings.Repeat("1,", 501), ",") + `]}`, "more than 500", "/widgets Should NOT have more than 500 items"},
	} {
		problems, err := dashboard.Check(c.name, c.body)
		told := ""
		if len(problems) > 0 {
			told = problems[0].Path + " " + problems[0].Message
		}
		if told != c.told || (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s %.60s: %q %v, want %q and one that says %q", c.name, c.body, told, err, c.told, c.wrong)
		}
	}
}

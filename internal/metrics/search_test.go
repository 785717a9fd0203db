package metrics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/metrics"
)

// The searches of the user guide ("CloudWatch search expression syntax"), and what they find.
func TestSearch(t *testing.T) {
	s := open(t, vfs.NewMem())
	put := func(namespace, name string, dimensions ...metrics.Dimension) {
		s.Append(metrics.Datum{Metric: metrics.NewMetric(namespace, name, dimensions...), Unit: "Count", Time: noon.Add(-time.Minute), Values: metrics.Value(1)})
	}
	function := func(name string) metrics.Dimension { return metrics.Dimension{Name: "FunctionName", Value: name} }
	put("App", "CustomCount1")
	put("App", "Network-Errors-2")
	put("App", "Europe\\France Traffic(Network)")
	put("AWS/Lambda", "Errors", function("ProjectA-take"))
	put("AWS/Lambda", "Errors", function("other"))
	put("AWS/Lambda", "Errors", function("other"), metrics.Dimension{Name: "Resource", Value: "other:live"})
	put("AWS/Lambda", "Invocations", function("ProjectA-take"))
	put("AWS/Lambda", "Invocations", function("other"))
	for search, want := range map[string]string{
		`{App} count`: "CustomCount1", `{App} Count`: "CustomCount1", `{App} COUNT`: "CustomCount1", `{App} couNT`: "", `{App} CustomCount`: "CustomCount1",
		`{App} Count1`: "CustomCount1", `{App} customcount`: "", `{App} count1`: "", `{App}, "CustomCount1"`: "CustomCount1", `{App} "customcount1"`: "", `{App} "Custom"`: "",
		`network/errors`: "Network-Errors-2", `network+errors`: "Network-Errors-2", `Network_Errors`: "Network-Errors-2", `"Network-Errors-2"`: "Network-Errors-2", `"Network_Errors_2"`: "",
		`"Europe\\France Traffic\(Network\)"`:                                                                    "Europe\\France Traffic(Network)",
		`{AWS/Lambda,FunctionName}`:                                                                              "ProjectA-take Errors, other Errors, ProjectA-take Invocations, other Invocations",
		`{AWS/Lambda,FunctionName} MetricName="Errors"`:                                                          "ProjectA-take, other",
		`{AWS/Lambda, Resource, FunctionName} MetricName="Errors"`:                                               "other other:live",
		`{AWS/Lambda,FunctionName} MetricName="Errors" NOT other`:                                                "ProjectA-take",
		`{AWS/Lambda,FunctionName} MetricName="Errors" NOT "ProjectA-take" NOT take`:                             "other",
		`{AWS/Lambda,FunctionName} MetricName="Errors" OR (MetricName="Invocations" AND (ProjectA OR ProjectB))`: "ProjectA-take Errors, other Errors, ProjectA-take Invocations",
		`NOT Namespace=AWS`: "CustomCount1, Europe\\France Traffic(Network), Network-Errors-2", `FunctionName=(take OR nobody) Invocations`: "ProjectA-take",
		`FunctionName=other AND Errors`: "other, other other:live",
	} {
		list, err := s.Data([]metrics.Query{{ID: "e", Expression: "SEARCH('" + search + "', 'Sum', 60)", Return: true}}, noon.Add(-5*time.Minute), noon)
		if err != nil {
			t.Errorf("%s: %v", search, err)
			continue
		}
		var labels []string
		for _, one := range list {
			labels = append(labels, one.Label)
		}
		if got := strings.Join(labels, ", "); got != want {
			t.Errorf("%s finds %q, want %q", search, got, want)
		}
	}
	list, err := s.Data([]metrics.Query{
		{ID: "e", Expression: `SEARCH('{AWS/Lambda,FunctionName} MetricName="Errors"', 'Sum')`, Period: time.Minute}, {ID: "sum", Expression: "SUM(e)", Label: "all", Return: true},
	}, noon.Add(-5*time.Minute), noon)
	if err != nil || len(list) != 1 || len(list[0].Values) != 1 || list[0].Values[0] != 2 || list[0].Period != time.Minute {
		t.Errorf("the sum of a search is %+v, %v", list, err)
	}
	for expression, want := range map[string]string{
		`SEARCH('', 'Sum', 60)`: "the search is empty", `SEARCH('{App', 'Sum', 60)`: "a brace is not closed", `SEARCH('{}', 'Sum', 60)`: "no namespace", `SEARCH('(a', 'Sum', 60)`: "a parenthesis is not closed",
		`SEARCH('a)', 'Sum', 60)`: "unexpected", `SEARCH('"a', 'Sum', 60)`: "a quotation mark is not closed", `SEARCH('a', 'Most', 60)`: "not a valid statistic", `SEARCH('a', 'Sum', 45)`: "period",
		`SEARCH(1, 2)`: "it takes a search", `SEARCH('a OR', 'Sum')`: "a word is missing", `SEARCH(':aws.AccountId=1', 'Sum')`: "not run here",
	} {
		if _, err := s.Data([]metrics.Query{{ID: "e", Expression: expression, Return: true}}, noon.Add(-5*time.Minute), noon); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", expression, err, want)
		}
	}
}

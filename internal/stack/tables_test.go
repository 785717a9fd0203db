package stack_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sns"
	"github.com/tutti-run/tutti/internal/sqs"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
	"github.com/tutti-run/tutti/internal/trigger/restapi"
	"github.com/tutti-run/tutti/internal/trigger/scheduler"
)

// Every metric of every service's table has a unit of CloudWatch's and dimensions that it can have, is in its table once, and stands in the documentation.
func TestMetricTables(t *testing.T) {
	documentation, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range append(runner.Metrics(), sqs.Metrics(), sns.Metrics(), httpapi.Metrics(), restapi.Metrics(), trigger.Metrics(), trigger.PutMetrics(), scheduler.Metrics(), lambda.Metrics(), lambda.ConcurrencyMetrics()) {
		if !strings.HasPrefix(table.Source, "https://docs.aws.amazon.com/") || !strings.HasPrefix(table.Namespace, "AWS/") || len(table.Dimensions) == 0 {
			t.Errorf("the table of %s is of %s, with the dimensions %v", table.Namespace, table.Source, table.Dimensions)
		}
		seen := map[string]bool{}
		for _, m := range table.Metrics {
			if seen[m.Name] || !slices.Contains(metrics.Units(), metrics.Unit(m.Unit)) {
				t.Errorf("%s %s: in %q, seen before: %v", table.Namespace, m.Name, m.Unit, seen[m.Name])
			}
			seen[m.Name] = true
			if !strings.Contains(string(documentation), "`"+m.Name+"`") {
				t.Errorf("the documentation does not speak of %s %s", table.Namespace, m.Name)
			}
		}
		for _, names := range table.Dimensions {
			if !slices.IsSorted(names) {
				t.Errorf("%s: the dimensions %v are not in their order", table.Namespace, names)
			}
			for _, name := range names {
				if !strings.Contains(string(documentation), "`"+name) && !strings.Contains(string(documentation), name+"`") {
					t.Errorf("the documentation does not speak of the dimension %s of %s", name, table.Namespace)
				}
			}
		}
	}
}

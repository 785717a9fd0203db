package metrics_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/metrics"
)

const emf = `{"_aws":{"Timestamp":1772366399000,"CloudWatchMetrics":[{"Namespace":"App","Dimensions":[["version"],["version","route"]],"Metrics":[{"Name":"time","Unit":"Milliseconds"},{"Name":"sizes","StorageResolution":1}]}]},` +
	`"version":"$LATEST","route":"/a","time":100,"sizes":[1,2,3],"requestId":"x"}`

func toldData(data []metrics.Datum) string {
	var all []string
	for _, d := range data {
		text := d.Metric.Namespace + "/" + d.Metric.Name
		for _, m := range d.Metric.Dimensions {
			text += " " + m.Name + "=" + m.Value
		}
		all = append(all, fmt.Sprint(text, " ", d.Values.Count, "/", d.Values.Sum, " ", d.Unit, d.HighResolution))
	}
	return strings.Join(all, "\n")
}

func TestParseEMF(t *testing.T) {
	want := "App/time version=$LATEST 1/100 Millisecondsfalse\nApp/time route=/a version=$LATEST 1/100 Millisecondsfalse\n" +
		"App/sizes version=$LATEST 3/6 true\nApp/sizes route=/a version=$LATEST 3/6 true"
	for _, message := range []string{emf, "2026-03-01T11:59:59Z\t1234-5678\tINFO\t" + emf + "\n"} {
		if got := toldData(metrics.ParseEMF(message, noon)); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
	without := strings.Replace(emf, `"Dimensions":[["version"],["version","route"]],`, ``, 1)
	if got := toldData(metrics.ParseEMF(without, noon)); !strings.HasPrefix(got, "App/time 1/100") {
		t.Error(got)
	}
	for _, c := range []struct{ from, to string }{
		{`"CloudWatchMetrics"`, `"Metrics"`},
		{`"Timestamp":1772366399000,`, ``},
		{`1772366399000`, `1`}, // too old
		{`1772366399000`, `1e300`},
		{`"App"`, `""`},
		{`"App"`, `7`},
		{`"time":100`, `"time":"100"`},
		{`"time":100`, `"other":100`},
		{`[1,2,3]`, `[1,null]`},
		{`[1,2,3]`, `[` + strings.Repeat("1,", 100) + `1]`},
		{`"version":"$LATEST"`, `"version":1`},
		{`"Milliseconds"`, `"Moons"`},
		{`"StorageResolution":1`, `"StorageResolution":5`},
		{`"requestId":"x"}`, `"requestId":"x"`},
		{`[["version"]`, `["version"`},
	} {
		if got := metrics.ParseEMF(strings.Replace(emf, c.from, c.to, 1), noon); got != nil {
			t.Errorf("%s is taken: %s", c.to, toldData(got))
		}
	}
}

func FuzzParseEMF(f *testing.F) {
	f.Add(emf)
	f.Add(`{"_aws":{"Timestamp":0,"CloudWatchMetrics":[{}]}}`)
	f.Fuzz(func(_ *testing.T, message string) { metrics.ParseEMF(message, noon) })
}

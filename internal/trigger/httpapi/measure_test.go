package httpapi_test

import (
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/measure/measuretest"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
)

// Requests count for the API, for the stage that they reach, and for the route where its metrics are detailed.
func TestMetrics(t *testing.T) {
	api := oneRoute("GET /pets/{id}", toFunction("ok", "2.0"))
	api.Routes = append(api.Routes, httpapi.Route{Key: "GET /bad", Integration: "bad"}, httpapi.Route{Key: "$default", Integration: "ok"})
	api.Integrations["bad"], api.Integrations["ok"] = toFunction("bad", "2.0"), toFunction("ok", "2.0")
	api.Stages = []httpapi.Stage{{Name: "$default", Detailed: true, DetailedRoutes: map[string]bool{"GET /bad": false}}, {Name: "beta"}}
	l := measuretest.NewLedger(time.Time{})
	h := noProblems(t, api, httpapi.Services{Functions: &functions{answers: map[string]string{"ok": `"good"`, "bad": "!{}"}}, Meter: l})
	for _, target := range []string{"/pets/1", "/bad", "/beta/pets/2", "/elsewhere"} {
		ask(t, h, "GET", target, "12345")
	}
	api.Stages = []httpapi.Stage{{Name: "beta"}}
	ask(t, noProblems(t, api, httpapi.Services{Functions: &functions{}, Meter: l}), "GET", "/none", "")
	for metric, want := range map[string]float64{
		"Count ApiId=a1b2c3": 5, "5xx ApiId=a1b2c3": 1, "4xx ApiId=a1b2c3": 1, "Count ApiId=a1b2c3 Stage=$default": 3, "5xx ApiId=a1b2c3 Stage=$default": 1,
		"Count ApiId=a1b2c3 Stage=beta": 1, "5xx ApiId=a1b2c3 Stage=beta": 0, "Count ApiId=a1b2c3 Method=GET Resource=/pets/{id} Stage=$default": 1,
		"Count ApiId=a1b2c3 Method=ANY Resource=$default Stage=$default": 1, "DataProcessed ApiId=a1b2c3 Stage=beta": 5 + 4,
	} {
		if got, counted := l.Sum("AWS/ApiGateway " + metric); got != want || !counted {
			t.Errorf("%s: %g, %v, want %g", metric, got, counted, want)
		}
	}
	for _, metric := range []string{"Count ApiId=a1b2c3 Method=GET Resource=/bad Stage=$default", "Count ApiId=a1b2c3 Method=GET Resource=/pets/{id} Stage=beta"} {
		if _, counted := l.Sum("AWS/ApiGateway " + metric); counted {
			t.Errorf("%s is counted, but not detailed", metric)
		}
	}
	for _, m := range httpapi.Metrics().Metrics {
		if _, counted := l.Sum("AWS/ApiGateway " + m.Name + " ApiId=a1b2c3 Stage=beta"); !counted {
			t.Errorf("%s is in the table, but nobody counts it", m.Name)
		}
	}
}

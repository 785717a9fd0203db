package restapi_test

import (
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/measure/measuretest"
	"github.com/tutti-run/tutti/internal/trigger/restapi"
)

// Requests count for the API, for the stage that they reach, and for the method where its metrics are detailed. Names lose what is not ASCII.
func TestMetrics(t *testing.T) {
	api := oneMethod(restapi.Method{Verb: "GET", Path: "/pets/{id}", Integration: toFunction("ok")})
	api.Name = "Z\u00fcrich"
	api.Methods = append(api.Methods, restapi.Method{Verb: "ANY", Path: "/bad", Integration: toFunction("bad")})
	api.Stages = append(api.Stages, restapi.Stage{Name: "beta", Detailed: map[string]bool{"* /*": true, "ANY /bad": false}})
	l := measuretest.NewLedger(time.Time{})
	h := noProblems(t, api, restapi.Services{Functions: &functions{answers: map[string]string{"ok": `{"body":"good"}`, "bad": "!{}"}}, Meter: l})
	for _, target := range []string{"/prod/pets/1", "/prod/bad", "/beta/pets/2", "/beta/bad", "/beta/none", "/nostage"} {
		ask(t, h, "GET", target, "")
	}
	for metric, want := range map[string]float64{
		"Count ApiName=Zrich": 6, "5XXError ApiName=Zrich": 2, "4XXError ApiName=Zrich": 2, "Count ApiName=Zrich Stage=prod": 2, "5XXError ApiName=Zrich Stage=prod": 1,
		"4XXError ApiName=Zrich Stage=prod": 0, "Count ApiName=Zrich Stage=beta": 3, "Count ApiName=Zrich Method=GET Resource=/pets/{id} Stage=beta": 1,
	} {
		if got, counted := l.Sum("AWS/ApiGateway " + metric); got != want || !counted {
			t.Errorf("%s: %g, %v, want %g", metric, got, counted, want)
		}
	}
	for _, metric := range []string{"Count ApiName=Zrich Method=ANY Resource=/bad Stage=beta", "Count ApiName=Zrich Method=GET Resource=/pets/{id} Stage=prod"} {
		if _, counted := l.Sum("AWS/ApiGateway " + metric); counted {
			t.Errorf("%s is counted, but not detailed", metric)
		}
	}
	for _, m := range restapi.Metrics().Metrics {
		if _, counted := l.Sum("AWS/ApiGateway " + m.Name + " ApiName=Zrich Stage=prod"); !counted {
			t.Errorf("%s is in the table, but nobody counts it", m.Name)
		}
	}
}

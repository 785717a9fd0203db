package lambda

import (
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/await"
	"github.com/tutti-run/tutti/internal/measure/measuretest"
)

// Invocations count for the function, for the version or alias by which it was named, for an alias with the version that was run, and for all.
func TestMeter(t *testing.T) {
	l := measuretest.NewLedger(time.Time{})
	h, _ := newHost(t, Config{Meter: NewMeter(l, time.Now)})
	register(t, h, Function{Name: "f"})
	register(t, h, Function{Name: "f", Version: "3"})
	if err := h.RegisterAlias(Alias{Function: "f", Name: "live", Version: "3"}); err != nil {
		t.Fatal(err)
	}
	none, two := 0, 2
	register(t, h, Function{Name: "closed", ReservedConcurrency: &none})
	register(t, h, Function{Name: "kept", ReservedConcurrency: &two})
	invoke(t, h, "f", `{}`)
	invoke(t, h, "f:live", `{"Do":"error"}`)
	invoke(t, h, "f:3", `{}`)
	invoke(t, h, "kept", `{}`)
	if _, err := h.Invoke(await.Context(t), Invocation{Function: "closed"}); err == nil {
		t.Error("a function without concurrency was invoked")
	}
	for metric, want := range map[string]float64{
		"Invocations": 4, "Invocations FunctionName=f": 3, "Invocations FunctionName=f Resource=f": 1, "Invocations FunctionName=f Resource=f:live": 1,
		"Invocations ExecutedVersion=3 FunctionName=f Resource=f:live": 1, "Invocations FunctionName=f Resource=f:3": 1, "Errors FunctionName=f": 1,
		"Errors FunctionName=f Resource=f:3": 0, "Throttles FunctionName=closed": 1, "Throttles FunctionName=f": 0, "ConcurrentExecutions FunctionName=f": 3,
		"ConcurrentExecutions": 4, "UnreservedConcurrentExecutions": 3, "ClaimedAccountConcurrency": 3 + 4*2,
	} {
		if got, counted := l.Sum("AWS/Lambda " + metric); got != want || !counted {
			t.Errorf("%s: %g, %v, want %g", metric, got, counted, want)
		}
	}
	if d, _ := l.Sum("AWS/Lambda Duration FunctionName=f"); d <= 0 {
		t.Errorf("a duration of %g", d)
	}
	if _, counted := l.Sum("AWS/Lambda Invocations ExecutedVersion=3 FunctionName=f Resource=f:3"); counted {
		t.Error("a version that was named counts as one that an alias led to")
	}
}

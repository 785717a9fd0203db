package control

import (
	"testing"

	"github.com/tutti-run/tutti/internal/lambda"
)

// Publishing for a template gives a new number only to what has changed, also where the program's files change behind its path.
func TestPublishOfTemplate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Deployment)
		want   string
	}{
		{"nothing", func(*Deployment) {}, "1"},
		{"files", func(d *Deployment) { d.Stamp = "two" }, "2"},
		{"program", func(d *Deployment) { d.Binary = "/elsewhere/bootstrap" }, "2"},
		{"configuration", func(d *Deployment) { d.Settings.Environment = &Environment{map[string]string{"A": "b"}} }, "2"},
		{"reserved concurrency", func(d *Deployment) { d.Reserved = new(int) }, "1"}, // is the function's, not the version's
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			d := Deployment{Name: "t", Binary: "/somewhere/bootstrap", Stamp: "one"}
			publish := func() string {
				t.Helper()
				if err := w.Deploy(d); err != nil {
					t.Fatal(err)
				}
				number, err := w.Publish(t.Context(), "t", "as of now")
				if err != nil {
					t.Fatal(err)
				}
				return number
			}
			if first := publish(); first != "1" {
				t.Errorf("first published as %s", first)
			}
			tt.change(&d)
			w.Close()
			w.host.Remove("t")
			w.open(t)
			if last := w.LastVersion("t"); last != "1" {
				t.Errorf("before it is deployed again, the last version is %q", last)
			}
			if got := publish(); got != tt.want || w.LastVersion("t") != tt.want {
				t.Errorf("then published as %s, last %s, want %s", got, w.LastVersion("t"), tt.want)
			}
			if f := w.host.versions["t:"+tt.want]; f.Binary != d.Binary {
				t.Errorf("the host has %+v", f)
			}
		})
	}
	if _, err := newWorld(t).Publish(t.Context(), "none", ""); !isCode(err, lambda.CodeResourceNotFound) {
		t.Errorf("publishing what is not there: %v", err)
	}
}

func isCode(err error, code string) bool {
	refused, ok := err.(*lambda.Error)
	return ok && refused.Code == code
}

// An alias of a template is the template's in full, and stays untouched while that does.
func TestAliasOfTemplate(t *testing.T) {
	w := newWorld(t)
	name, alias, one, two, description := "t", "live", "1", "2", "what runs"
	for _, stamp := range []string{"one", "two"} {
		if err := w.Deploy(Deployment{Name: name, Binary: "/b", Stamp: stamp}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Publish(t.Context(), name, ""); err != nil {
			t.Fatal(err)
		}
	}
	deploy := func(version *string, weights *RoutingConfig, description *string) error {
		return w.DeployAlias(AliasRequest{FunctionName: &name, Name: &alias, FunctionVersion: version, RoutingConfig: weights, Description: description})
	}
	quarter := &RoutingConfig{map[string]float64{"1": .25}}
	for range 2 {
		writes := w.journal.writes
		if err := deploy(&two, quarter, &description); err != nil {
			t.Fatal(err)
		}
		if a := w.host.aliases["t:live"]; a.Version != "2" || a.Weights["1"] != .25 {
			t.Errorf("the host has %+v after %d writes", a, writes)
		}
	}
	writes := w.journal.writes
	if err := deploy(&two, quarter, &description); err != nil || w.journal.writes != writes {
		t.Errorf("the same again: %v, %d writes", err, w.journal.writes-writes)
	}
	if err := deploy(&one, nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := w.do(t, "GetAlias", `{"FunctionName":"t","Name":"live"}`); member(t, got, "FunctionVersion") != "1" || member(t, got, "Description") != "" {
		t.Errorf("then it is %s", got)
	}
	if a := w.host.aliases["t:live"]; len(a.Weights) != 0 {
		t.Errorf("the weights stay: %+v", a)
	}
	three := "3"
	if err := deploy(&three, nil, nil); !isCode(err, lambda.CodeResourceNotFound) {
		t.Errorf("a version that is not there: %v", err)
	}
}

// A function that leaves its template is not listed or run, and has its versions again when it is back.
func TestWithdraw(t *testing.T) {
	w := newWorld(t)
	w.do(t, "CreateFunction", creation(t, "a"))
	d := Deployment{Name: "t", Binary: "/b"}
	if err := w.Deploy(d); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Publish(t.Context(), "t", ""); err != nil {
		t.Fatal(err)
	}
	w.Withdraw("t")
	w.Withdraw("a") // is no template's
	w.Withdraw("none")
	if got := w.host.known(); got != "a:$LATEST" {
		t.Errorf("the host knows %s", got)
	}
	if _, err := w.try(t, "GetFunction", `{"FunctionName":"t"}`); !isCode(err, lambda.CodeResourceNotFound) {
		t.Errorf("it is there: %v", err)
	}
	if err := w.Deploy(d); err != nil {
		t.Fatal(err)
	}
	if got := w.host.known(); got != "a:$LATEST t:$LATEST t:1" {
		t.Errorf("then the host knows %s", got)
	}
}

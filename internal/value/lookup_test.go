package value_test

import (
	"testing"

	"github.com/tutti-run/tutti/internal/value"
)

func TestLookup(t *testing.T) {
	v, err := value.Parse(`{"o":{"n":1.5},"a":[1],"s":"x","z":null}`)
	if err != nil {
		t.Fatal(err)
	}
	o := v.(*value.Object)
	for name, want := range map[string]string{"o": `{"n":1.5}`, "a": "[1]", "s": "x", "z": "null", "none": ""} {
		if got := value.TextAt(o, name); got != want {
			t.Errorf("the text at %s is %q, want %q", name, got, want)
		}
	}
	inner := value.ObjectAt(o, "o")
	if value.TextAt(inner, "n") != "1.5" || value.ObjectAt(o, "s") != nil || len(value.ArrayAt(o, "a")) != 1 || value.ArrayAt(o, "o") != nil {
		t.Error("a member is taken for what it is not")
	}
	if got := value.TextMembers(o); len(got) != 4 || got["a"] != "[1]" || value.TextMembers(nil) != nil {
		t.Errorf("the members as texts: %v", got)
	}
	if got := value.Texts(value.Array{value.String("x"), value.Int(1), value.String("y")}); len(got) != 2 || got[1] != "y" {
		t.Errorf("the texts: %v", got)
	}
	missing := value.ObjectAt(value.ObjectAt(o, "none"), "n")
	if missing != nil || value.TextAt(missing, "n") != "" || value.ArrayAt(missing, "n") != nil {
		t.Error("what is absent has members")
	}
	if _, ok := value.Lookup(missing, "n"); ok {
		t.Error("what is absent has a member")
	}
	for range value.Members(missing) {
		t.Error("what is absent has members")
	}
	names := ""
	for name := range value.Members(o) {
		names += name
	}
	if names != "oasz" {
		t.Errorf("the members are %s", names)
	}
}

package schema_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tutti-run/tutti/internal/schema"
)

// files are the schemas of these tests: an endpoint, a list of endpoints that refers to it, and some that must not compile.
var files = fstest.MapFS{
	"endpoint.json": {Data: []byte(`{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"type": "object",
		"required": ["name", "url"],
		"additionalProperties": false,
		"properties": {
			"name":   {"type": "string", "minLength": 1},
			"url":    {"type": "string", "format": "uri", "pattern": "^https?://"},
			"status": {"type": "integer", "minimum": 100, "maximum": 599},
			"level":  {"enum": ["low", "high"]}
		}
	}`)},
	"list.json":           {Data: []byte(`{"type": "array", "items": {"$ref": "endpoint.json"}}`)},
	"closed.json":         {Data: []byte(`{"allOf": [{"properties": {"a": {"type": "null"}}}], "unevaluatedProperties": false}`)},
	"either.json":         {Data: []byte(`{"anyOf": [{"type": "string"}, {"type": "object", "required": ["a"]}]}`)},
	"deep/nested.json":    {Data: []byte(`{"$ref": "../endpoint.json#/properties/status"}`)},
	"bad/text.json":       {Data: []byte(`{"type": `)},
	"bad/type.json":       {Data: []byte(`{"type": "endpoint"}`)},
	"bad/web.json":        {Data: []byte(`{"$ref": "https://example.com/schema.json"}`)},
	"bad/file.json":       {Data: []byte(`{"$ref": "file:///etc/hostname"}`)},
	"bad/outside.json":    {Data: []byte(`{"$ref": "../../outside.json"}`)},
	"bad/metaschema.json": {Data: []byte(`{"$schema": "https://example.com/dialect"}`)},
	"bad/pattern.json":    {Data: []byte(`{"pattern": "(?=a)b"}`)},
}

func compile(tb testing.TB, name string) *schema.Schema {
	tb.Helper()
	s, err := schema.Compile(files, name)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestValidate(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	cases := []struct{ name, schema, text, want string }{
		{"valid", "endpoint.json", `{"name":"a","url":"http://a.example","status":200,"level":"low"}`, ""},
		{"integer written as a float", "endpoint.json", `{"name":"a","url":"http://a.example","status":2e2}`, ""},
		{"wrong type", "endpoint.json", `{"name":1,"url":"http://a.example"}`, "/name: got number, want string"},
		{"root type", "endpoint.json", `[]`, "got array, want object"},
		{"missing", "endpoint.json", `{"name":"a"}`, "missing property 'url'"},
		{"superfluous", "endpoint.json", `{"name":"a","url":"http://a.example","a/~b":1}`, "/a~1~0b: is not allowed here"},
		{"unevaluated", "closed.json", `{"a":null,"b":1}`, "/b: is not allowed here"},
		{"unevaluated beside a fault", "closed.json", `{"a":1}`, "/a: got number, want null"},
		{"format", "endpoint.json", `{"name":"a","url":"http://%zz"}`, `/url: 'http://%zz' is not valid uri: parse "http://%zz": invalid URL escape "%zz"`},
		{"pattern", "endpoint.json", `{"name":"a","url":"ftp://a.example"}`, "/url: 'ftp://a.example' does not match pattern '^https?://'"},
		{"minimum", "endpoint.json", `{"name":"a","url":"http://a.example","status":99}`, "/status: minimum: got 99, want 100"},
		{"enum", "endpoint.json", `{"name":"a","url":"http://a.example","level":"x"}`, "/level: value must be one of 'low', 'high'"},
		{"two faults in order", "endpoint.json", `{"url":1,"name":2}`, "/name: got number, want string|/url: got number, want string"},
		{"reference", "list.json", `[{"name":"a","url":"http://a.example"},{"name":"","url":"http://a.example"}]`, "/1/name: minLength: got 0, want 1"},
		{"reference upwards", "deep/nested.json", `99`, "minimum: got 99, want 100"},
		{"alternatives", "either.json", `{}`, "got object, want string|missing property 'a'"},
		{"empty", "list.json", ``, "is not JSON: unexpected end of JSON input at byte 0"},
		{"not JSON", "list.json", `[1,]`, "is not JSON: invalid character ']' looking for beginning of value at byte 4"},
		{"two values", "list.json", `[] []`, "is not JSON: invalid character '[' after top-level value at byte 4"},
		{"huge number", "list.json", `[1e999]`, "has a number beyond the range of a double at byte 7"},
		{"tiny number", "deep/nested.json", `1e-99999999`, "minimum: got 0, want 100"},
		{"deepest", "either.json", nested(schema.MaxDepth), "got array, want object|got array, want string"},
		{"too deep", "either.json", nested(schema.MaxDepth + 1), "is nested deeper than 128 levels"},
		{"brackets in a string", "either.json", `"` + strings.Repeat(`[\"`, 1000) + `"`, ""},
		{"too long", "either.json", `"` + strings.Repeat("a", schema.MaxBytes) + `"`, "has 6291458 bytes, at most 6291456 are read"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, v := range compile(t, c.schema).Validate([]byte(c.text)) {
				got = append(got, v.String())
			}
			if got := strings.Join(got, "|"); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

// A text can hold any number of faults, and a fault any amount of text: the answer stays short.
func TestValidateAnswersAreBounded(t *testing.T) {
	list := compile(t, "list.json")
	if got := len(list.Validate([]byte("[" + strings.Repeat("1,", 100_000) + "1]"))); got != schema.MaxViolations {
		t.Errorf("got %d violations, want %d", got, schema.MaxViolations)
	}
	long := strings.Repeat("é", 100_000)
	for _, text := range []string{`[{"name":"a","url":"` + long + `"}]`, `[{"name":"a","url":"http://a","` + long + `":1}]`} {
		for _, v := range list.Validate([]byte(text)) {
			if len(v.String()) > 700 {
				t.Errorf("a violation has %d bytes", len(v.String()))
			}
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	cases := []struct{ name, file, want string }{
		{"absent", "absent.json", "absent.json"},
		{"path out of the folder", "../endpoint.json", "invalid argument"},
		{"not JSON", "bad/text.json", "bad/text.json"},
		{"not a schema", "bad/type.json", "/type"},
		{"reference to the web", "bad/web.json", "only to a file in the same folder of schemas"},
		{"reference to a file of the machine", "bad/file.json", "only to a file in the same folder of schemas"},
		{"reference out of the folder", "bad/outside.json", "outside.json"},
		{"unknown dialect", "bad/metaschema.json", "only to a file in the same folder of schemas"},
		{"pattern that is not RE2", "bad/pattern.json", "pattern"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := schema.Compile(files, c.file)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func ExampleSchema_Validate() {
	endpoint, err := schema.Compile(files, "endpoint.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, violation := range endpoint.Validate([]byte(`{"name": "shop", "url": "https://shop.example", "status": "200"}`)) {
		fmt.Println(violation)
	}
	// Output: /status: got string, want integer
}

// Whatever the text, Validate answers in bounded space, gives the same answer twice, and never panics.
func FuzzValidate(f *testing.F) {
	for _, seed := range []string{``, `null`, `[{}]`, `[{"name":"a","url":"http://a.example","status":200}]`, `{"a":[1e308]}`, `"\ud800"`, `[[[[`} {
		f.Add([]byte(seed))
	}
	schemas := []*schema.Schema{compile(f, "list.json"), compile(f, "either.json"), compile(f, "closed.json")}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, s := range schemas {
			first := s.Validate(text)
			if again := s.Validate(text); fmt.Sprint(first) != fmt.Sprint(again) {
				t.Errorf("two answers to one text:\n%v\n%v", first, again)
			}
			if len(first) > schema.MaxViolations {
				t.Errorf("%d violations", len(first))
			}
		}
	})
}

// Compile reads schemas that other people wrote: any text compiles or is refused.
func FuzzCompile(f *testing.F) {
	for _, file := range files {
		f.Add(file.Data)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := schema.Compile(fstest.MapFS{"s.json": {Data: text}}, "s.json")
		if err == nil {
			s.Validate([]byte(`{"a":[1,"b",null]}`))
		}
	})
}

package schemas_test

import (
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/tutti-run/tutti/internal/schema"
	"github.com/tutti-run/tutti/schemas"
)

// Every file is a valid schema, says which dialect it is written in, and says what it describes.
func TestSchemasCompile(t *testing.T) {
	files, err := fs.Glob(schemas.FS, "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no schemas embedded: %v", err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			if _, err := schema.Compile(schemas.FS, file); err != nil {
				t.Error(err)
			}
			text, err := fs.ReadFile(schemas.FS, file)
			if err != nil {
				t.Fatal(err)
			}
			var head struct {
				Schema string `json:"$schema"`
				Title  string `json:"title"`
			}
			if err := json.Unmarshal(text, &head); err != nil {
				t.Fatal(err)
			}
			if head.Schema != "https://json-schema.org/draft/2020-12/schema" || head.Title == "" {
				t.Errorf("$schema %q, title %q", head.Schema, head.Title)
			}
		})
	}
}

// The contract of endpoint-watch: what it takes and what it refuses.
func TestEndpointWatchInput(t *testing.T) {
	s, err := schema.Compile(schemas.FS, "endpoint-watch.input.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ text, want string }{
		{`{"endpoints":[{"name":"a","url":"https://a.example"}]}`, ""},
		{`{"endpoints":[{"name":"a","url":"http://a.example:8080/x?y=z#f","expectedStatus":204}],"slowMillis":1,"warnDays":30,"timeoutMillis":100}`, ""},
		{`{"endpoints":[{"name":"a","url":"https://[2001:db8::1]/"}]}`, ""},
		{`{"endpoints":[]}`, "/endpoints"},
		{`{"endpoints":{}}`, "/endpoints"},
		{`{"endpoints":["https://a.example"]}`, "/endpoints/0"},
		{`{"endpoints":[{"name":"","url":"https://a.example"}]}`, "/endpoints/0/name"},
		{`{"endpoints":[{"name":"a","url":"ftp://a.example"}]}`, "/endpoints/0/url"},
		{`{"endpoints":[{"name":"a","url":"a.example"}]}`, "/endpoints/0/url"},
		{`{"endpoints":[{"name":"a","url":"https://user:secret@a.example"}]}`, "/endpoints/0/url"},
		{`{"endpoints":[{"name":"a","url":"https://a.example","timeoutMillis":60000}]}`, "/endpoints/0/timeoutMillis"},
		{`{"endpoints":[{"name":"a","url":"https://a.example"}],"slow":1}`, "/slow"},
		{`{"endpoints":[{"name":"a","url":"https://a.example"}],"slowMillis":null}`, "/slowMillis"},
		{`[]`, ""},
	}
	for _, c := range cases {
		found := s.Validate([]byte(c.text))
		if valid := c.want == "" && c.text != "[]"; valid != (found == nil) {
			t.Errorf("%s: %v", c.text, found)
		} else if !valid && found[0].Pointer != c.want {
			t.Errorf("%s: fault at %q, want %q", c.text, found[0].Pointer, c.want)
		}
	}
}

package schema

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

const (
	// MaxBytes bounds the text that Validate reads and the schema files that Compile reads. It is the largest payload that
	// Lambda takes in a synchronous call (Lambda quotas: 6 MB each for request and response).
	MaxBytes = 6 << 20

	// MaxDepth bounds how deep arrays and objects may be nested in the text that Validate reads. Validation recurses, so
	// without a bound a few megabytes of "[" would decide how much stack is used.
	MaxDepth = 128

	// MaxViolations bounds what Validate returns. A list of a thousand wrong items has one cause, and twenty show it.
	MaxViolations = 20

	// maxMessage bounds the message of one violation, in bytes: messages quote the faulty value, which may be long.
	maxMessage = 300
)

// Schema is a compiled JSON Schema. It never changes after Compile, and any number of goroutines may use it.
type Schema struct {
	compiled *jsonschema.Schema
}

// Violation is one place where a text is not what its schema asks for.
type Violation struct {
	// Pointer is the JSON Pointer (RFC 6901) of the fault, empty for the text as a whole. For a missing member it leads to
	// the object that lacks it, for a superfluous one to the member itself.
	Pointer string

	// Message says what was found and what was expected, for example "got string, want integer".
	Message string
}

// String gives the pointer and the message, or the message alone where the fault is the text as a whole.
func (v Violation) String() string {
	if v.Pointer == "" {
		return v.Message
	}
	return v.Pointer + ": " + v.Message
}

// Compile reads the schema file name, a slash-separated path in fsys, and the files it refers to by relative $ref. It fails
// where a file is absent, is not JSON, is not a valid schema, or refers to anything outside fsys; the error names the
// file.
func Compile(fsys fs.FS, name string) (*Schema, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("schema: compile %q: %w", name, fs.ErrInvalid)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	compiler.UseLoader(folder{fsys})
	location := url.URL{Scheme: scheme, Path: "/" + name}
	compiled, err := compiler.Compile(location.String())
	if err != nil {
		return nil, fmt.Errorf("schema: compile %s: %w", name, err)
	}
	return &Schema{compiled}, nil
}

// scheme is that of the URLs under which the files of an fs.FS are known to the library: schema:///<path>.
const scheme = "schema"

// folder hands the library the files of an fs.FS and nothing else. (The library answers for the metaschemas itself, from
// its own embedded copies.)
type folder struct {
	files fs.FS
}

// Load returns the JSON value of the file that location names.
func (f folder) Load(location string) (any, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, err
	}
	name := strings.TrimPrefix(u.Path, "/")
	if u.Scheme != scheme || u.Host != "" || !fs.ValidPath(name) {
		return nil, errors.New("a $ref may lead only to a file in the same folder of schemas")
	}
	text, err := fs.ReadFile(f.files, name)
	if err != nil {
		return nil, err
	}
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("the file has %d bytes, at most %d are read", len(text), MaxBytes)
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}

// Validate holds text, one JSON value, to the schema. It returns nil where the text satisfies it and otherwise up to
// MaxViolations violations in the order of their pointers. Text that is not JSON, is longer than MaxBytes or nested deeper
// than MaxDepth is a violation like any other.
func (s *Schema) Validate(text []byte) []Violation {
	value, fault := decode(text)
	if fault != "" {
		return []Violation{{Message: fault}}
	}
	err := s.compiled.Validate(value)
	if err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return []Violation{{Message: clip(err.Error())}}
	}
	// The library visits members in the order of a Go map: sorted, the same text always gives the same answer.
	found := certain(leaves(nil, invalid))
	violations := make([]Violation, len(found))
	for i, f := range found {
		violations[i] = f.Violation
	}
	slices.SortFunc(violations, func(a, b Violation) int {
		return cmp.Or(strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Message, b.Message))
	})
	violations = slices.Compact(violations)
	return violations[:min(len(violations), MaxViolations)]
}

// decode returns the value of text, or what is wrong with it. Numbers become float64 rather than json.Number: the library
// turns them into exact fractions, and "1e1000000" as an exact fraction has a million digits.
func decode(text []byte) (value any, fault string) {
	if len(text) > MaxBytes {
		return nil, fmt.Sprintf("has %d bytes, at most %d are read", len(text), MaxBytes)
	}
	if depth(text) > MaxDepth {
		return nil, fmt.Sprintf("is nested deeper than %d levels", MaxDepth)
	}
	err := json.Unmarshal(text, &value)
	var syntax *json.SyntaxError
	var number *json.UnmarshalTypeError
	switch {
	case err == nil:
		return value, ""
	case errors.As(err, &syntax):
		return nil, fmt.Sprintf("is not JSON: %s at byte %d", syntax, syntax.Offset)
	case errors.As(err, &number):
		return nil, fmt.Sprintf("has a number beyond the range of a double at byte %d", number.Offset)
	default:
		return nil, clip(err.Error())
	}
}

// depth returns how deep the brackets of text are nested. It counts brackets outside strings and knows no more of JSON, which
// is all that is needed before a decoder may recurse.
func depth(text []byte) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// finding is a violation as the library tells it.
type finding struct {
	Violation

	// unevaluated marks what unevaluatedProperties or unevaluatedItems says of a member or an item.
	unevaluated bool
}

// certain returns found without what may only follow from something else in it. A subschema that fails counts as having
// evaluated nothing (JSON Schema Core 2020-12, section 7.7.1.2), so one wrong member makes unevaluatedProperties refuse
// its innocent siblings as well.
func certain(found []finding) []finding {
	sure := slices.DeleteFunc(slices.Clone(found), func(f finding) bool { return f.unevaluated })
	if len(sure) == 0 {
		return found
	}
	return sure
}

// leaves appends the violations that e stands for. An error with causes is only the way there ("allOf failed"); the causes say
// what a person can act on.
func leaves(to []finding, e *jsonschema.ValidationError) []finding {
	for _, cause := range e.Causes {
		to = leaves(to, cause)
	}
	if len(e.Causes) > 0 {
		return to
	}
	const superfluous = "is not allowed here"
	at := pointer(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			to = append(to, finding{Violation: Violation{clip(at + pointer([]string{name})), superfluous}})
		}
	case *kind.FalseSchema: // The schema false: what is here must not be.
		unevaluated := strings.Contains(path.Base(e.SchemaURL), "unevaluated")
		to = append(to, finding{Violation{clip(at), superfluous}, unevaluated})
	default:
		to = append(to, finding{Violation: Violation{clip(at), clip(e.BasicOutput().Error.String())}})
	}
	return to
}

// pointer writes tokens as a JSON Pointer.
func pointer(tokens []string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	for _, token := range tokens {
		b.WriteByte('/')
		b.WriteString(escape.Replace(token))
	}
	return b.String()
}

// clip cuts text to maxMessage bytes, at the border of a character.
func clip(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessage], "") + "…"
}

package cfn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/tutti-run/tutti/internal/value"
)

// Read reads a template in either notation: JSON if its first character is a brace and it is JSON, else YAML. It fails with [Problems].
func Read(file string, text []byte) (*Document, error) {
	begin := strings.TrimLeft(string(text[:min(len(text), 512)]), " \t\r\n\ufeff")
	if strings.HasPrefix(begin, "{") && (strings.HasSuffix(file, ".json") || value.Valid(string(text))) {
		return ReadJSON(file, text)
	}
	return ReadYAML(file, text)
}

// maxYAMLDepth is how deep values may nest, as value.Parse has it for JSON.
const maxYAMLDepth = 512

// maxYAMLNodes bounds how many values a template may have once its aliases are followed: an alias of an alias of an alias doubles and
// doubles. Without aliases, no template of [MaxTemplateBytes] has as many.
const maxYAMLNodes = 1 << 19

// ReadYAML reads a template in YAML. The file's name is for messages only. It fails with [Problems].
//
// Short forms such as !Ref and !GetAtt become the functions that they stand for. Scalars are YAML 1.1's, as CloudFormation reads them:
// yes, no, on and off are booleans, 0777 is octal; a date stays text. Names of members are always texts. Anchors, aliases and merge
// keys are followed, as the AWS CLI and the SAM CLI do before CloudFormation, which refuses them, sees the template.
func ReadYAML(file string, text []byte) (*Document, error) {
	d := &Document{File: file}
	if len(text) > MaxTemplateBytes {
		return nil, Problems{{File: file, Line: 1, Column: 1,
			Message: fmt.Sprintf("The template has %d bytes; CloudFormation takes at most %d.", len(text), MaxTemplateBytes)}}
	}
	d.text = string(text)
	var parsed, more yaml.Node
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err == nil {
		err = loader.Load(&parsed)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, Problems{yamlProblem(d, err)}
	}
	if err := loader.Load(&more); err == nil {
		return nil, Problems{{File: file, Line: max(1, more.Line), Column: max(1, more.Column), Offset: offsetAt(d.text, lineStarts(d.text), more.Line, more.Column),
			Message: "Template format error: the file has a second document; a template is one."}}
	}
	if parsed.Kind != yaml.DocumentNode || len(parsed.Content) != 1 {
		return nil, Problems{{File: file, Line: 1, Column: 1, Message: "Template format error: the template is empty."}}
	}
	reader := yamlReader{doc: d, lines: lineStarts(d.text), made: map[*yaml.Node]*node{}, sizes: map[*node]int{}}
	d.root = reader.node(parsed.Content[0], 0)
	if err := reader.problems.err(); err != nil {
		return nil, err
	}
	return d, nil
}

// YAMLAsJSON returns a document in YAML as JSON text. It reads as [ReadYAML] does and fails with [Problems].
func YAMLAsJSON(file string, text []byte) (string, error) {
	d, err := ReadYAML(file, text)
	if err != nil {
		return "", err
	}
	return value.Text(d.root.literal()), nil
}

// yamlProblem is what the library says, at the place that it names.
func yamlProblem(d *Document, err error) Problem {
	p := Problem{File: d.File, Line: 1, Column: 1, Message: "Template format error: YAML not well-formed. " + err.Error()}
	var load *yaml.LoadError
	if errors.As(err, &load) {
		mark := load.Mark
		if mark.Line == 0 {
			mark = load.ContextMark
		}
		p.Line, p.Column = max(1, mark.Line), max(1, mark.Column)
		p.Message = "Template format error: YAML not well-formed. " + load.Message
		if load.ContextMsg != "" {
			p.Message += " (" + load.ContextMsg + ")"
		}
	}
	starts := lineStarts(d.text)
	p.Offset = offsetAt(d.text, starts, p.Line, p.Column)
	return p
}

// lineStarts are the offsets at which lines begin.
func lineStarts(text string) []int {
	starts := []int{0}
	for i := range len(text) {
		if text[i] == '\n' || text[i] == '\r' && (i+1 == len(text) || text[i+1] != '\n') {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// offsetAt turns line and column, both from 1, the column in characters, into a byte offset within the text.
func offsetAt(text string, starts []int, line, column int) int {
	if line < 1 || line > len(starts) {
		return len(text)
	}
	rest := text[starts[line-1]:]
	for i := range rest {
		if column--; column < 1 {
			return starts[line-1] + i
		}
	}
	return len(text)
}

// yamlReader makes nodes of the library's.
type yamlReader struct {
	doc      *Document
	lines    []int
	made     map[*yaml.Node]*node // finished ones, which aliases share; nil while one is under way
	sizes    map[*node]int        // how many nodes there are in one, aliases followed
	problems Problems

	lastLine, lastColumn, lastOffset int // the place that was asked for last
}

func (r *yamlReader) problem(at *yaml.Node, format string, args ...any) {
	p := Problem{File: r.doc.File, Line: at.Line, Column: at.Column, Offset: r.offset(at), Message: fmt.Sprintf(format, args...)}
	r.problems.add(p)
}

// offset is where a value begins. Values come in the order of the text, mostly, so that a long line is not counted from its start for each.
func (r *yamlReader) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(r.lines) {
		return len(r.doc.text)
	}
	if n.Line != r.lastLine || n.Column < r.lastColumn {
		r.lastLine, r.lastColumn, r.lastOffset = n.Line, 1, r.lines[n.Line-1]
	}
	for r.lastColumn < n.Column && r.lastOffset < len(r.doc.text) {
		_, size := utf8.DecodeRuneInString(r.doc.text[r.lastOffset:])
		r.lastOffset += size
		r.lastColumn++
	}
	return r.lastOffset
}

// node converts a value with its tag. It never returns nil; after a fault it returns null.
func (r *yamlReader) node(n *yaml.Node, depth int) *node {
	start := r.offset(n)
	nothing := &node{kind: value.KindNull, start: start, end: start, scalar: value.Null{}}
	if depth > maxYAMLDepth {
		r.problem(n, "Template format error: values nest deeper than %d.", maxYAMLDepth)
		return nothing
	}
	if n.Kind == yaml.AliasNode {
		return r.alias(n, nothing)
	}
	if n.Anchor != "" {
		r.made[n] = nil
	}
	var made *node
	function, isFunction := shortForm(n)
	switch {
	case isFunction && function == "":
		r.problem(n, "Template format error: the tag %s is not known. Short forms are !Ref, !Sub, !GetAtt and so on.", n.Tag)
		made = nothing
	case isFunction:
		made = &node{kind: value.KindObject, start: start, members: []member{{function, r.argument(n, function, depth+1)}}}
	default:
		made = r.plain(n, depth)
	}
	r.measure(n, made)
	if n.Anchor != "" {
		r.made[n] = made
	}
	return made
}

// alias shares what the anchor names.
func (r *yamlReader) alias(n *yaml.Node, nothing *node) *node {
	made, known := r.made[n.Alias]
	switch {
	case !known:
		r.problem(n, "Template format error: the alias *%s has no anchor before it.", n.Value)
		return nothing
	case made == nil:
		r.problem(n, "Template format error: the alias *%s stands within what it names.", n.Value)
		return nothing
	}
	r.doc.shared = true
	return made
}

// measure adds up how much there is in a node.
func (r *yamlReader) measure(at *yaml.Node, n *node) {
	size := 1
	for _, item := range n.items {
		size += max(1, r.sizes[item])
	}
	for _, m := range n.members {
		size += max(1, r.sizes[m.value])
		n.end = max(n.end, m.value.end)
	}
	if len(n.items) > 0 {
		n.end = max(n.end, n.items[len(n.items)-1].end)
	}
	if n.end <= n.start {
		n.end = n.start + 1
	}
	if size > maxYAMLNodes {
		r.problem(at, "Template format error: the aliases make more than %d values.", maxYAMLNodes)
		size, n.items, n.members = 1, nil, nil
	}
	r.sizes[n] = size
}

// shortForms is the table of the tags that stand for functions (user guide, "Intrinsic function reference"), but for those that are
// just the function's name without Fn::.
var shortForms = map[string]string{
	"!Ref":       "Ref",
	"!Condition": "Condition",
}

// fnShort are the functions whose short form is the name after Fn::.
var fnShort = []string{
	"And", "Base64", "Cidr", "Equals", "FindInMap", "GetAtt", "GetAZs", "If", "ImportValue", "Join", "Length", "Not", "Or", "Select", "Split",
	"Sub", "ToJsonString", "Transform",
}

// shortForm returns the function that a tag stands for; "" with ok for a tag that nobody knows.
func shortForm(n *yaml.Node) (function string, ok bool) {
	tag := n.Tag
	if !strings.HasPrefix(tag, "!") || strings.HasPrefix(tag, "!!") || tag == "!" {
		return "", false
	}
	if name, known := shortForms[tag]; known {
		return name, true
	}
	for _, name := range fnShort {
		if tag[1:] == name {
			return "Fn::" + name, true
		}
	}
	return "", true
}

// argument converts what follows a short form.
func (r *yamlReader) argument(n *yaml.Node, function string, depth int) *node {
	if n.Kind != yaml.ScalarNode {
		untagged := *n
		untagged.Tag, untagged.Anchor = "", ""
		made := r.plain(&untagged, depth)
		r.measure(n, made)
		return made
	}
	start := r.offset(n)
	scalar := &node{kind: value.KindString, start: start, end: start + len(n.Value), scalar: value.String(n.Value)}
	if function != "Fn::GetAtt" {
		return scalar
	}
	// !GetAtt a.b is [a, b].
	name, attribute, dotted := strings.Cut(n.Value, ".")
	if !dotted {
		return scalar
	}
	text := func(s string, at int) *node {
		return &node{kind: value.KindString, start: at, end: at + len(s), scalar: value.String(s)}
	}
	return &node{kind: value.KindArray, start: start, end: scalar.end, items: []*node{text(name, start), text(attribute, start+len(name)+1)}}
}

// plain converts a value without a short form.
func (r *yamlReader) plain(n *yaml.Node, depth int) *node {
	made := &node{start: r.offset(n)}
	made.end = made.start
	switch n.Kind {
	case yaml.MappingNode:
		made.kind = value.KindObject
		r.mapping(n, made, depth)
	case yaml.SequenceNode:
		made.kind = value.KindArray
		for _, item := range n.Content {
			made.items = append(made.items, r.node(item, depth+1))
		}
	default:
		made.scalar = r.scalar(n)
		made.kind = made.scalar.Kind()
		made.end = made.start + max(1, len(n.Value))
	}
	return made
}

// mapping converts members. Merge keys give the members that the mapping does not have itself.
func (r *yamlReader) mapping(n *yaml.Node, made *node, depth int) {
	seen := map[string]bool{}
	var merges []*node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode && key.Alias != nil && key.Alias.Kind == yaml.ScalarNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			r.problem(key, "Template format error: the name of a member is a string, not a list or a mapping.")
			continue
		}
		child := r.node(v, depth+1)
		if key.Value == "<<" && plainStyle(key) {
			merges = append(merges, mergeSources(child)...)
			continue
		}
		if seen[key.Value] {
			r.problem(key, "The object has two members of this name: %s.", key.Value)
			continue
		}
		seen[key.Value] = true
		made.members = append(made.members, member{key.Value, child})
	}
	for _, source := range merges {
		if source.kind != value.KindObject {
			r.problem(n, "Template format error: a merge key takes a mapping or a list of mappings.")
			continue
		}
		for _, m := range source.members {
			if !seen[m.name] {
				seen[m.name] = true
				made.members = append(made.members, m)
			}
		}
	}
}

// mergeSources are the mappings that a merge key names, the most important first.
func mergeSources(n *node) []*node {
	if n.kind == value.KindArray {
		return n.items
	}
	return []*node{n}
}

func plainStyle(n *yaml.Node) bool {
	return n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

// The implicit types of YAML 1.1 (yaml.org/type), without base 60 and the types that CloudFormation does not support.
var (
	yamlNull    = regexp.MustCompile(`^(~|null|Null|NULL|)$`)
	yamlTrue    = regexp.MustCompile(`^(yes|Yes|YES|true|True|TRUE|on|On|ON)$`)
	yamlFalse   = regexp.MustCompile(`^(no|No|NO|false|False|FALSE|off|Off|OFF)$`)
	yamlInteger = regexp.MustCompile(`^[-+]?(0b[01_]+|0[0-7_]*|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$`)
	yamlFloat   = regexp.MustCompile(`^[-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|\.[0-9][0-9_]*([eE][-+]?[0-9]+)?)$`)
)

// scalar reads a scalar by its tag, or by its look if it has none and stands without quotes.
func (r *yamlReader) scalar(n *yaml.Node) value.Value {
	text := n.Value
	tagged := n.Style&yaml.TaggedStyle != 0
	if !plainStyle(n) && !tagged || tagged && n.Tag != "!!int" && n.Tag != "!!float" && n.Tag != "!!bool" && n.Tag != "!!null" {
		return value.String(text)
	}
	if text != "" && !strings.ContainsRune("~nNyYtTfFoO+-.0123456789", rune(text[0])) {
		return value.String(text)
	}
	switch {
	case yamlNull.MatchString(text):
		return value.Null{}
	case yamlTrue.MatchString(text):
		return value.Bool(true)
	case yamlFalse.MatchString(text):
		return value.Bool(false)
	case yamlInteger.MatchString(text):
		return yamlWhole(text)
	case yamlFloat.MatchString(text):
		if f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64); err == nil {
			return value.Float(f)
		}
	}
	return value.String(text)
}

// yamlWhole reads a whole number in any of YAML 1.1's notations.
func yamlWhole(text string) value.Value {
	digits := strings.ReplaceAll(strings.TrimPrefix(text, "+"), "_", "")
	n, ok := new(big.Int).SetString(digits, 0)
	if !ok {
		return value.String(text)
	}
	v, err := value.Parse(n.String())
	if err != nil {
		return value.String(text)
	}
	return v
}

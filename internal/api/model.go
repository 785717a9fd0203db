package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trial"
)

// What the API's model says of the members of a request stands beside them, in the tag "model" of the Go struct that the request is read
// into. It is the one description of a request: the checks follow from it, and a test holds it to AWS's published model. The words of a tag are
//
//	required             the member must be there
//	length=1:80          characters of a text, or members of a list; either end may be left out
//	each=1:128           characters of the texts in a list
//	range=0:1000         of a number
//	bytes=262144         greatest size of a text in UTF-8
//	pattern=alias        a name in the table of patterns
//	enum=LogLevel        a name in the table of enums
//	sensitive            AWS does not repeat the value in errors
//	arn=stateMachine     the kind of resource whose ARN it must be; it is looked at before everything else, and is not part of AWS's model
type rules struct {
	required, sensitive bool
	length, each, span  *bounds
	bytes               int
	pattern, enum, arn  string
}

// bounds are the least and the greatest; math.MinInt and math.MaxInt where there is none.
type bounds struct{ least, most int }

// patterns is the table of regular expressions in the model. They are Java's, so each comes with what it means.
var patterns = map[string]struct {
	text    string
	matches func(s string) bool
}{
	"alias": {`^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$`, func(s string) bool { // not a number, since numbers are versions
		return s != "" && strings.Trim(s, "0123456789") != "" && !strings.ContainsFunc(s, func(c rune) bool { return !isAliasRune(c) })
	}},
	"ascii": {`\p{ASCII}*`, func(s string) bool { return !strings.ContainsFunc(s, func(c rune) bool { return c > 0x7f }) }},
	"visible": {`[!-~]+`, func(s string) bool {
		return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return c < '!' || c > '~' })
	}},
	"kmsKey":        fits(`^arn:aws(-[a-z]+)?:kms:[a-z0-9\-]+:\d{12}:(key|alias)\/[0-9a-zA-Z-_]*$`),
	"scheduleGroup": fits(`^arn:aws(-[a-z]+)?:scheduler:[a-z0-9\-]+:\d{12}:schedule-group\/[0-9a-zA-Z-_.]+$`),
	"scheduleName":  fits(`^[0-9a-zA-Z-_.]+$`),
	"scheduleQueue": fits(`^arn:aws(-[a-z]+)?:sqs:[a-z0-9\-]+:\d{12}:[a-zA-Z0-9\-_]+$`),
	"scheduleRole":  fits(`^arn:aws(-[a-z]+)?:iam::\d{12}:role\/[\w+=,.@\/-]+$`),
	"scheduleSource": {`^(?=[/\.\-_A-Za-z0-9]+)((?!aws\.).*)|(\$(\.[\w_-]+(\[(\d+|\*)\])*)*)$`, func(s string) bool {
		return !strings.HasPrefix(s, "aws.") && strings.ContainsFunc(s[:min(1, len(s))], func(c rune) bool { return c == '/' || c == '$' || isAliasRune(c) })
	}},
	"scheduleToken": fits(`^[a-zA-Z0-9-_]+$`),
}

// fits is a pattern that means the same in Go as in Java.
func fits(text string) struct {
	text    string
	matches func(s string) bool
} {
	return struct {
		text    string
		matches func(s string) bool
	}{text, regexp.MustCompile(text).MatchString}
}

func isAliasRune(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_-.", c)
}

// enums is the table of enums in the model.
var enums = map[string][]string{
	"ActionAfterCompletion":      {"NONE", "DELETE"},
	"FlexibleTimeWindowMode":     {"OFF", "FLEXIBLE"},
	"ScheduleState":              {"ENABLED", "DISABLED"},
	"EncryptionType":             texts(sfn.EncryptionTypes()),
	"ExecutionRedriveFilter":     {"REDRIVEN", "NOT_REDRIVEN"},
	"ExecutionStatus":            texts(sfn.Statuses()),
	"IncludedData":               {"ALL_DATA", "METADATA_ONLY"},
	"InspectionLevel":            {levelInfo, levelDebug, levelTrace},
	"LogLevel":                   texts(sfn.LogLevels()),
	"MockResponseValidationMode": texts(trial.Validations()),
	"Severity":                   {string(sfn.SeverityError), string(sfn.SeverityWarning)},
	"StateMachineType":           {string(sfn.Standard), string(sfn.Express)},
}

func texts[T ~string](list []T) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		out = append(out, string(v))
	}
	return out
}

// enumSet is the members of an enum in the order in which AWS's check prints them. That is the order of a hash table of 32 places with
// the latest first in each, as recorded messages of several services have it.
func enumSet(members []string) string {
	place := func(s string) int {
		h := int32(0)
		for i := range len(s) {
			h = 31*h + int32(s[i]) // java.lang.String.hashCode
		}
		return int(h & 31)
	}
	ordered := slices.Clone(members)
	slices.Reverse(ordered)
	slices.SortStableFunc(ordered, func(a, b string) int { return place(a) - place(b) })
	return "[" + strings.Join(ordered, ", ") + "]"
}

// parseRules reads a tag. It panics on one that it does not know, since tags are part of the program.
func parseRules(tag string) rules {
	var r rules
	for word := range strings.SplitSeq(tag, ",") {
		name, arg, _ := strings.Cut(word, "=")
		switch name {
		case "":
		case "required":
			r.required = true
		case "sensitive":
			r.sensitive = true
		case "length":
			r.length = parseBounds(arg)
		case "each":
			r.each = parseBounds(arg)
		case "range":
			r.span = parseBounds(arg)
		case "bytes":
			r.bytes = parseBounds(":" + arg).most
		case "pattern":
			r.pattern = arg
		case "enum":
			r.enum = arg
		case "arn":
			r.arn = arg
		default:
			panic("model: " + tag)
		}
	}
	return r
}

func parseBounds(arg string) *bounds {
	b := bounds{math.MinInt, math.MaxInt}
	least, most, _ := strings.Cut(arg, ":")
	for _, end := range []struct {
		text string
		into *int
	}{{least, &b.least}, {most, &b.most}} {
		if n, err := strconv.Atoi(end.text); err == nil {
			*end.into = n
		}
	}
	return &b
}

// optInt is a number that may be absent. The framework of AWS's services cuts fractions off.
type optInt struct {
	n   int
	set bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *optInt) UnmarshalJSON(data []byte) error {
	*o = optInt{}
	if string(data) == "null" {
		return nil
	}
	if c := data[0]; c != '-' && (c < '0' || c > '9') {
		return wrongType(data, reflect.TypeFor[int]())
	}
	f, err := strconv.ParseFloat(string(data), 64)
	if err != nil || math.Abs(f) > math.MaxInt32 {
		return &json.UnmarshalTypeError{Value: "number out of range", Type: reflect.TypeFor[int]()}
	}
	*o = optInt{int(f), true}
	return nil
}

// wrongType is the error of encoding/json for a value that is no Go value of the type.
func wrongType(data []byte, t reflect.Type) error {
	kind := "number"
	switch data[0] {
	case '"':
		kind = "string"
	case 't', 'f':
		kind = "bool " + string(data)
	case '[':
		kind = "array"
	case '{':
		kind = "object"
	}
	return &json.UnmarshalTypeError{Value: kind, Type: t}
}

// shape is what the model says of a structure: the tags of a Go struct, read once.
type shape []shapeMember

type shapeMember struct {
	index int    // of the struct's field
	name  string // on the wire
	rules
	inner shape // of a structure, or of a list's members where these are structures
}

// shapeOf reads the tags of a struct.
func shapeOf(t reflect.Type) shape {
	var s shape
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		m := shapeMember{index: i, name: name, rules: parseRules(field.Tag.Get("model"))}
		inner := field.Type
		if inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[sfn.OptString]() && inner != reflect.TypeFor[optInt]() {
			m.inner = shapeOf(inner)
		}
		s = append(s, m)
	}
	return s
}

// check refuses a request that breaks the model: first for the shape of the ARNs in it, then for all other constraints at once.
func (s shape) check(request reflect.Value) error {
	for _, m := range s {
		if arn, ok := request.Field(m.index).Interface().(sfn.OptString); ok && m.arn != "" {
			if err := checkARN(arn, m.arn); err != nil {
				return err
			}
		}
	}
	var c constraints
	c.structure("", s, request)
	return c.err()
}

// structure checks the members of a structure, whose own path ends in a dot or is empty.
func (c *constraints) structure(path string, s shape, v reflect.Value) {
	for _, m := range s {
		c.member(path+m.name, m, v.Field(m.index))
	}
}

// member checks one member.
func (c *constraints) member(path string, m shapeMember, v reflect.Value) {
	switch value := v.Interface().(type) {
	case sfn.OptString:
		c.text(path, m.rules, value)
		return
	case optInt:
		c.number(path, m.rules, value)
		return
	}
	absent := (v.Kind() == reflect.Slice || v.Kind() == reflect.Pointer) && v.IsNil()
	switch {
	case absent && m.required:
		c.add("null ", path, "Member must not be null")
	case absent:
	case v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct:
		c.structure(path+".", m.inner, v.Elem())
	case v.Kind() == reflect.Slice:
		c.list(path, m, v)
	}
}

// list checks the length of a list and its members, which AWS counts from 1.
func (c *constraints) list(path string, m shapeMember, v reflect.Value) {
	if m.length != nil {
		c.count("'"+javaText(v)+"' ", path, v.Len(), m.length)
	}
	for i := range v.Len() {
		at := path + "." + strconv.Itoa(i+1) + ".member"
		if text, ok := v.Index(i).Interface().(sfn.OptString); ok {
			c.text(at, rules{required: true, length: m.each}, text)
			continue
		}
		c.structure(at+".", m.inner, v.Index(i))
	}
}

// text checks a text: whether it is there, then pattern, length, size and enum.
func (c *constraints) text(path string, r rules, v sfn.OptString) {
	if !v.Set {
		if r.required {
			c.add("null ", path, "Member must not be null")
		}
		return
	}
	what := "'" + v.Text + "' "
	if r.sensitive {
		what = ""
	}
	if p := patterns[r.pattern]; p.matches != nil && !p.matches(v.Text) {
		c.add(what, path, "Member must satisfy regular expression pattern: "+p.text)
	}
	if r.length != nil {
		c.count(what, path, characters(v.Text), r.length)
	}
	if r.bytes > 0 && len(v.Text) > r.bytes {
		c.add(what, path, "Member must have size less than or equal to "+strconv.Itoa(r.bytes)+" bytes in UTF-8 encoding")
	}
	if members := enums[r.enum]; members != nil && !slices.Contains(members, v.Text) {
		c.add(what, path, "Member must satisfy enum value set: "+enumSet(members))
	}
}

// count bounds a length.
func (c *constraints) count(what, path string, n int, b *bounds) {
	switch {
	case n > b.most:
		c.add(what, path, "Member must have length less than or equal to "+strconv.Itoa(b.most))
	case n < b.least:
		c.add(what, path, "Member must have length greater than or equal to "+strconv.Itoa(b.least))
	}
}

// number bounds a number.
func (c *constraints) number(path string, r rules, v optInt) {
	what := "'" + strconv.Itoa(v.n) + "' "
	switch {
	case !v.set && r.required:
		c.add("null ", path, "Member must not be null")
	case !v.set || r.span == nil:
	case v.n > r.span.most:
		c.add(what, path, "Member must have value less than or equal to "+strconv.Itoa(r.span.most))
	case v.n < r.span.least:
		c.add(what, path, "Member must have value greater than or equal to "+strconv.Itoa(r.span.least))
	}
}

// javaText is how AWS's check prints a list of structures: as Java prints objects. A Go type that is read into is called as AWS's shape.
func javaText(list reflect.Value) string {
	var b bytes.Buffer
	b.WriteByte('[')
	for i := range list.Len() {
		if i > 0 {
			b.WriteString(", ")
		}
		v := list.Index(i)
		if v.Kind() != reflect.Struct {
			fmt.Fprint(&b, v.Interface())
			continue
		}
		name := v.Type().Name()
		b.WriteString(strings.ToUpper(name[:1]) + name[1:] + "(")
		for f := range v.NumField() {
			if f > 0 {
				b.WriteString(", ")
			}
			label, _, _ := strings.Cut(v.Type().Field(f).Tag.Get("json"), ",")
			b.WriteString(label + "=" + javaValue(v.Field(f).Interface()))
		}
		b.WriteByte(')')
	}
	b.WriteByte(']')
	return b.String()
}

func javaValue(v any) string {
	switch v := v.(type) {
	case sfn.OptString:
		if v.Set {
			return v.Text
		}
	case optInt:
		if v.set {
			return strconv.Itoa(v.n)
		}
	}
	return "null"
}

package trigger

import (
	"regexp"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/jsonpath"
	"github.com/tutti-run/tutti/internal/value"
)

// input makes a target's input out of an event.
type input func(event value.Value, about about) string

// about is what reserved variables of templates tell beyond the event.
type about struct {
	ruleARN, ruleName string
	ingested          time.Time
}

// newInput compiles how the target wants its input. The error is the exception ValidationException.
func newInput(t *Target) (input, error) {
	switch {
	case t.Input != "":
		if _, err := value.Parse(t.Input); err != nil {
			return nil, invalidEvents("JSON syntax error in input for target %s", t.ID)
		}
		return func(value.Value, about) string { return t.Input }, nil
	case t.InputPath != "":
		path, err := parseInputPath(t.InputPath)
		if err != nil {
			return nil, err
		}
		return func(event value.Value, _ about) string { return value.Text(orNull(path(event))) }, nil
	case t.InputTransformer != nil:
		return newTransformer(t.ID, t.InputTransformer)
	}
	return func(event value.Value, _ about) string { return value.Text(event) }, nil
}

func orNull(v value.Value) value.Value {
	if v == nil {
		return value.Null{}
	}
	return v
}

// parseInputPath compiles a JSONPath to what it finds first, nil for nothing.
func parseInputPath(text string) (func(value.Value) value.Value, error) {
	path, err := jsonpath.Compile(text)
	if err != nil {
		return nil, invalidEvents("Invalid InputPath: %s is not a valid JSONPath: %v", text, err)
	}
	return func(event value.Value) value.Value {
		found, err := path.Eval(event)
		if err != nil {
			return nil
		}
		return found
	}, nil
}

const maxInputPaths = 100

// placeholder is a variable in a template.
var placeholder = regexp.MustCompile(`<[a-zA-Z0-9_.\-]+>`)

// reserved has the variables of templates that need no path (user guide, "Amazon EventBridge input transformation", predefined variables).
var reserved = map[string]func(event value.Value, a about) value.Value{
	"aws.events.rule-arn":             func(_ value.Value, a about) value.Value { return value.String(a.ruleARN) },
	"aws.events.rule-name":            func(_ value.Value, a about) value.Value { return value.String(a.ruleName) },
	"aws.events.event.ingestion-time": func(_ value.Value, a about) value.Value { return value.String(a.ingested.UTC().Format(eventTime)) },
	"aws.events.event.json":           func(event value.Value, _ about) value.Value { return event },
	"aws.events.event":                func(event value.Value, _ about) value.Value { return withoutDetail(event) },
}

// withoutDetail is an event as <aws.events.event> stands for it: without its detail, and with detail-type under another name, as recorded on AWS.
func withoutDetail(event value.Value) value.Value {
	o, ok := event.(*value.Object)
	if !ok {
		return event
	}
	var members []value.Member
	for name, v := range o.All() {
		switch name {
		case "detail":
			continue
		case "detail-type":
			name = "detailType"
		}
		members = append(members, value.Member{Name: name, Value: v})
	}
	return value.NewObject(members...)
}

// newTransformer compiles the template of a target (user guide, "Amazon EventBridge input transformation").
func newTransformer(target string, t *InputTransformer) (input, error) {
	if t.InputTemplate == "" {
		return nil, invalidEvents("InputTemplate for target must not be empty.")
	}
	if len(t.InputPathsMap) > maxInputPaths {
		return nil, invalidEvents("InputPathsMap has more than %d variables.", maxInputPaths)
	}
	paths := map[string]func(value.Value) value.Value{}
	for name, text := range t.InputPathsMap {
		if strings.HasPrefix(strings.ToLower(name), "aws") {
			return nil, invalidEvents("InputPathsMap keys must not begin with AWS: %s", name)
		}
		path, err := parseInputPath(text)
		if err != nil {
			return nil, err
		}
		paths[name] = path
	}
	for _, found := range placeholder.FindAllString(t.InputTemplate, -1) {
		if name := found[1 : len(found)-1]; paths[name] == nil && reserved[name] == nil {
			return nil, invalidEvents("InputTemplate for target %s contains invalid placeholder %s.", target, name)
		}
	}
	return func(event value.Value, a about) string {
		var b strings.Builder
		rest, quoted := t.InputTemplate, false
		for {
			at := placeholder.FindStringIndex(rest)
			if at == nil {
				b.WriteString(rest)
				return b.String()
			}
			b.WriteString(rest[:at[0]])
			quoted = stillQuoted(rest[:at[0]], quoted)
			writeVariable(&b, variable(rest[at[0]+1:at[1]-1], paths, event, a), quoted)
			rest = rest[at[1]:]
		}
	}, nil
}

// stillQuoted tells whether the text ends within quotation marks.
func stillQuoted(text string, quoted bool) bool {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quoted:
			i++
		case text[i] == '"':
			quoted = !quoted
		}
	}
	return quoted
}

// variable is what a name in a template stands for, nil for nothing.
func variable(name string, paths map[string]func(value.Value) value.Value, event value.Value, a about) value.Value {
	if is := reserved[name]; is != nil {
		return is(event, a)
	}
	return paths[name](event) // there is one, or the template would not have been taken
}

// writeVariable writes a value where it stands in a template: within quotation marks as text, else as JSON. No value is an empty text, as recorded on AWS.
func writeVariable(b *strings.Builder, v value.Value, quoted bool) {
	if v == nil {
		v = value.String("")
	}
	switch {
	case !quoted:
		b.WriteString(value.Text(v))
	default:
		text := value.Text(v)
		if s, ok := v.(value.String); ok {
			text = string(s)
		}
		literal := value.AppendQuoted(nil, text)
		b.Write(literal[1 : len(literal)-1])
	}
}

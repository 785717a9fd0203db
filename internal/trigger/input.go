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
		return newTransformer(t.InputTransformer)
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

// newTransformer compiles a template (user guide, "Amazon EventBridge input transformation").
func newTransformer(t *InputTransformer) (input, error) {
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
	switch name {
	case "aws.events.rule-arn":
		return value.String(a.ruleARN)
	case "aws.events.rule-name":
		return value.String(a.ruleName)
	case "aws.events.event.ingestion-time":
		return value.String(a.ingested.UTC().Format(eventTime))
	case "aws.events.event", "aws.events.event.json":
		return event
	}
	if path := paths[name]; path != nil {
		return path(event)
	}
	return nil
}

// writeVariable writes a value where it stands in a template: within quotation marks as text, else as JSON.
func writeVariable(b *strings.Builder, v value.Value, quoted bool) {
	switch {
	case v == nil:
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

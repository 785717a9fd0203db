package asl

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// Options are what the checks need to know beside the text.
type Options struct {
	// Type is the type of the state machine; "" stands for Standard. Express machines may do less.
	Type sfn.MachineType
	// lone tells that the text is a single state in a machine made for it: its transitions lead out of it.
	lone bool
}

// Parse reads and checks a definition. The machine is nil if a diagnostic has the severity ERROR; warnings come with a machine.
//
// Diagnostics are those of ValidateStateMachineDefinition, all at once: first what single values and objects have against them, in the
// order of the text, then what the states have against each other. Nothing else is looked at in a text that is not JSON.
func Parse(text string, opts Options) (*Machine, []sfn.Diagnostic) {
	root, c, diagnostics := check(text, opts, nil)
	if slices.ContainsFunc(diagnostics, func(d sfn.Diagnostic) bool { return d.Severity == sfn.SeverityError }) {
		return nil, diagnostics
	}
	m := c.build(root)
	m.Text = text
	return m, diagnostics
}

// check reads a definition and holds it against the language. Without an error among the diagnostics there are a root and a checker.
func check(text string, opts Options, d *draft) (*node, *checker, []sfn.Diagnostic) {
	if fault := checkText(text); fault != nil {
		return nil, nil, []sfn.Diagnostic{*fault}
	}
	r := reader{text: text}
	root := r.read()
	if len(r.repeated) > 0 {
		return nil, nil, repeatedMembers(text, r.repeated)
	}
	if root.kind() != value.KindObject {
		return nil, nil, []sfn.Diagnostic{notAnObject()}
	}
	c := &checker{machineType: opts.Type, language: languageOf(root, JSONPath), draft: d}
	c.machine(root)
	c.structure(root, opts.lone)
	return root, c, c.diagnostics
}

// notAnObject is AWS's answer to the empty text and to JSON that is no object.
func notAnObject() sfn.Diagnostic {
	return sfn.Diagnostic{Severity: sfn.SeverityError, Code: sfn.CodeSchemaValidation, Message: "Definition must be a valid JSON object"}
}

// checkText refuses texts that are too long or not JSON.
func checkText(text string) *sfn.Diagnostic {
	if strings.TrimSpace(text) == "" {
		d := notAnObject()
		return &d
	}
	if len(text) > sfn.MaxDefinitionBytes && len(utf16.Encode([]rune(text))) > sfn.MaxDefinitionBytes {
		return &sfn.Diagnostic{
			Severity: sfn.SeverityError, Code: sfn.CodeSchemaValidation,
			Message: fmt.Sprintf("Definition exceeds the limit of %d characters", sfn.MaxDefinitionBytes),
		}
	}
	_, err := value.Parse(text)
	var syntax *value.SyntaxError
	if !errors.As(err, &syntax) {
		return nil
	}
	d := invalidJSON(text, syntax.Offset, jacksonOffset(text, syntax), syntax.Message)
	return &d
}

// repeatedMembers reports the members that an object has twice, in the order of the text: readers of JSON disagree about which of them counts.
func repeatedMembers(text string, members []*node) []sfn.Diagnostic {
	slices.SortFunc(members, func(a, b *node) int { return cmp.Compare(a.offset, b.offset) })
	var diagnostics []sfn.Diagnostic
	for _, n := range members {
		d := invalidJSON(text, n.offset, n.offset, fmt.Sprintf("Duplicate field '%s'", n.name))
		d.Pointer = n.pointer()
		diagnostics = append(diagnostics, d)
	}
	return diagnostics
}

// invalidJSON is the diagnostic of a fault that was noticed at the offset seen, in the words of Jackson, AWS's JSON reader: the
// place follows the message and stands also as location, with up to 500 characters of the text (JsonLocation.sourceDescription).
func invalidJSON(text string, offset, seen int, message string) sfn.Diagnostic {
	const excerpt = 500
	source := `"` + text + `"`
	if units := utf16.Encode([]rune(text)); len(units) > excerpt {
		source = fmt.Sprintf(`"%s"[truncated %d chars]`, string(utf16.Decode(units[:excerpt])), len(units)-excerpt)
	}
	line, column := Position(text, seen)
	location := fmt.Sprintf("[Source: (String)%s; line: %d, column: %d]", source, line, column)
	return sfn.Diagnostic{
		Severity: sfn.SeverityError, Code: sfn.CodeInvalidJSON, Message: message + "\n at " + location, Location: location, Offset: offset,
	}
}

// jacksonOffset is where Jackson's reader stands when it reports the fault: behind the character or token that it cannot use.
func jacksonOffset(text string, fault *value.SyntaxError) int {
	rest := text[fault.Offset:]
	if strings.HasPrefix(fault.Message, "Unrecognized token") {
		end := strings.IndexFunc(rest, func(r rune) bool { return strings.ContainsRune(" \t\r\n{}[],:\"", r) })
		if end < 0 {
			return len(text)
		}
		return fault.Offset + end
	}
	_, size := utf8.DecodeRuneInString(rest)
	return fault.Offset + size
}

// Position turns a byte offset of the text into line and column for people. Both count from 1, columns in characters.
func Position(text string, offset int) (line, column int) {
	before := text[:max(0, min(offset, len(text)))]
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

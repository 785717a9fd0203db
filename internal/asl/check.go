package asl

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// maxNesting bounds how deep Maps and Parallels nest. AWS has a bound but does not publish it; this one keeps recursion shallow.
const maxNesting = 100

// checker holds one definition against the language.
type checker struct {
	machineType sfn.MachineType
	language    QueryLanguage // of the machine
	diagnostics []sfn.Diagnostic
	references  map[string][]string // by state: the variables that it reads
	draft       *draft              // nil for a finished definition
}

// frame is what a value's check must know about its surroundings.
type frame struct {
	language QueryLanguage
	state    *node // nil outside of states
	types    stateSet
	// express tells that the innermost machine, which may be the child of a distributed Map, is an Express one.
	express bool
	depth   int
}

// machine checks the whole definition but for what the states have to do with each other.
func (c *checker) machine(root *node) {
	c.object(root, machineShape, frame{language: c.language, express: c.machineType == sfn.Express})
}

// languageOf is the query language that the object declares, or else the inherited one. AWS takes any value but JSONPath for JSONata
// and reports it beside.
func languageOf(object *node, inherited QueryLanguage) QueryLanguage {
	n := object.get("QueryLanguage")
	if n == nil {
		return inherited
	}
	if text, ok := n.text(); ok && text == string(JSONPath) {
		return JSONPath
	}
	return JSONata
}

// report adds a diagnostic located at the object and pointing at the tightest value, which often are the same.
func (c *checker) report(severity sfn.Severity, code sfn.DiagnosticCode, at, tight *node, message string) {
	c.diagnostics = append(c.diagnostics, sfn.Diagnostic{
		Severity: severity, Code: code, Message: message, Location: at.location(), Pointer: tight.pointer(), Offset: tight.offset,
	})
}

// fault reports an error of the schema at the value.
func (c *checker) fault(n *node, format string, args ...any) { c.faultIn(n, n, format, args...) }

// faultIn reports an error of the schema at the object that holds the tightest value around it.
func (c *checker) faultIn(object, tight *node, format string, args ...any) {
	c.report(sfn.SeverityError, sfn.CodeSchemaValidation, object, tight, fmt.Sprintf(format, args...))
}

func (c *checker) warn(code sfn.DiagnosticCode, n *node, format string, args ...any) {
	c.report(sfn.SeverityWarning, code, n, n, fmt.Sprintf(format, args...))
}

func list(names []string) string { return "[" + strings.Join(names, ", ") + "]" }

// is tells whether the value is of the kind, and reports it if not. A placeholder is of no kind and no fault.
func (c *checker) is(n *node, want value.Kind) bool {
	if n.kind() != want {
		if c.isHole(n) {
			return false
		}
		c.fault(n, "Expected value of type [%s]", strings.ToUpper(want.String()))
		return false
	}
	return true
}

// object checks an object against its shape: which fields it has, then their values.
func (c *checker) object(n *node, s *shape, f frame) {
	if !c.is(n, value.KindObject) {
		return
	}
	c.required(n, s, f)
	known := make([]*field, len(n.children))
	for i, member := range n.children {
		known[i] = c.known(n, member, s, f)
	}
	c.exclusions(n, s, f)
	for i, member := range n.children {
		if known[i] != nil {
			c.value(member, known[i], f)
		}
	}
}

func (c *checker) required(n *node, s *shape, f frame) {
	var missing []string
	for i := range s.fields {
		field := &s.fields[i]
		if field.required && (field.types == 0 || field.types&f.types != 0) && n.get(field.name) == nil {
			missing = append(missing, field.name)
		}
	}
	if len(missing) > 0 {
		c.fault(n, "These fields are required: %s", list(missing))
	}
}

// known returns the description of an object's member, or reports why it may not be there.
func (c *checker) known(object, member *node, s *shape, f frame) *field {
	field := s.field(member.name)
	if field == nil || field.types != 0 && field.types&f.types == 0 {
		c.faultIn(object, member, "Field '%s' is not supported", member.name)
		return nil
	}
	if field.language != "" && field.language != f.language {
		c.faultIn(object, member, "The QueryLanguage is set to '%s', but field '%s' is only supported for the '%s' QueryLanguage",
			f.language, member.name, field.language)
		return nil
	}
	return field
}

func (c *checker) exclusions(n *node, s *shape, f frame) {
	for _, x := range s.exclusions {
		if x.types != 0 && x.types&f.types == 0 {
			continue
		}
		count := 0
		for _, name := range x.fields {
			if member := n.get(name); member != nil && !(name == "End" && member.value == value.Bool(false)) {
				count++
			}
		}
		switch {
		case count > 1:
			c.fault(n, "There should only be one of the following fields: %s", list(x.fields))
		case count == 0 && x.exactly:
			c.fault(n, "This object should have only one of the following fields: %s", list(x.fields))
		}
	}
}

// value checks the value of a field.
func (c *checker) value(n *node, field *field, f frame) {
	if c.isHole(n) {
		return
	}
	switch field.kind {
	case kindAny:
		c.constant(n)
	case kindText, kindState:
		if c.is(n, value.KindString) && field.literal {
			c.warnPath(n)
		}
	case kindTextOrExpr:
		if !c.expression(n, field, f) && c.is(n, value.KindString) {
			c.warnPath(n)
		}
	case kindBool:
		c.is(n, value.KindBool)
	case kindInteger, kindFloat:
		c.number(n, field, f)
	case kindEnum:
		c.enum(n, field)
	case kindTimestamp:
		c.timestamp(n, field, f)
	case kindPath:
		c.path(n, f)
	case kindReference:
		c.reference(n, f)
	case kindResultPath:
		c.resultPath(n)
	case kindTextPath:
		c.textPath(n, f)
	case kindTemplate:
		c.template(n, f)
	case kindItems:
		c.items(n, f)
	case kindAssign:
		c.assign(n, f)
	case kindCondition:
		c.condition(n, f)
	case kindResource:
		c.resource(n, f)
	case kindReader:
		c.storage(n, "getObject", "listObjectsV2")
	case kindWriter:
		c.storage(n, "putObject")
	case kindCredentials:
		c.credentials(n, f)
	case kindErrors:
		c.texts(n, true)
	case kindTexts:
		c.texts(n, false)
	case kindLabel:
		c.label(n)
	case kindStates:
		c.states(n, f)
	case kindBranches:
		c.branches(n, f)
	case kindFlow:
		c.processor(n, f)
	case kindRules, kindNested:
		c.rules(n, field, f)
	case kindRule:
		c.rule(n, nestedRuleShape, f)
	case kindList:
		c.list(n, field, f)
	case kindObject, kindProcessor:
		c.object(n, field.shape, f)
		c.furtherRules(n, field.shape)
	}
}

func (c *checker) number(n *node, field *field, f frame) {
	if !field.literal && c.expression(n, field, f) {
		return
	}
	name := "Integer"
	_, ok := n.value.(value.Int)
	if _, big := n.value.(value.BigInt); big {
		ok = true
	}
	if field.kind == kindFloat {
		name, ok = "Float", n.kind() == value.KindNumber
	}
	if !ok {
		c.fault(n, "Expected value of type %s", name)
		return
	}
	if order, _ := value.CompareNumbers(n.value, value.Int(field.min)); order < 0 && field.min > -unbounded {
		c.fault(n, "Minimum value is %d", field.min)
	}
	if order, _ := value.CompareNumbers(n.value, value.Int(field.max)); order > 0 && field.max < unbounded {
		c.fault(n, "Maximum value is %d", field.max)
	}
}

func (c *checker) enum(n *node, field *field) {
	if c.is(n, value.KindString) {
		if text, _ := n.text(); !slices.Contains(field.values, text) && !hasPlaceholder(text) {
			c.fault(n, "Value should be one of the following: %s", list(field.values))
		}
	}
}

func (c *checker) texts(n *node, some bool) {
	if !c.is(n, value.KindArray) {
		return
	}
	if some && len(n.items()) == 0 {
		c.fault(n, "Value cannot be empty")
	}
	for _, item := range n.items() {
		c.is(item, value.KindString)
	}
}

func (c *checker) timestamp(n *node, field *field, f frame) {
	if !field.literal && c.expression(n, field, f) || !c.is(n, value.KindString) {
		return
	}
	if text, _ := n.text(); !validTimestamp(text) && !hasPlaceholder(text) {
		c.fault(n, "String does not match RFC3339 timestamp")
	}
}

// list checks an array of objects: Retry or Catch, which may be empty.
func (c *checker) list(n *node, field *field, f frame) {
	if !c.is(n, value.KindArray) {
		return
	}
	items := n.items()
	for i, item := range items {
		c.object(item, field.shape, f)
		names := item.get("ErrorEquals")
		for _, name := range names.items() {
			if name.value == value.String(sfn.ErrorAll) && (len(names.items()) > 1 || i < len(items)-1) {
				c.faultIn(names, name, "States.ALL must appear alone and at end of list")
				break
			}
		}
	}
}

// states checks the states of a flow, each for itself.
func (c *checker) states(n *node, f frame) {
	if !c.is(n, value.KindObject) {
		return
	}
	if len(n.members()) == 0 {
		c.fault(n, "Value cannot be empty")
	}
	for _, state := range n.members() {
		c.state(state, f)
	}
}

func (c *checker) state(n *node, f frame) {
	if length := utf8.RuneCountInString(n.name); length > sfn.MaxNameLength {
		c.report(sfn.SeverityError, sfn.CodeInvalidStateName, n, n, fmt.Sprintf(
			"Invalid State name: '%s' exceeds the %d-character limit allowed by the service", n.name, sfn.MaxNameLength))
	}
	if n.name == "" {
		c.report(sfn.SeverityError, sfn.CodeInvalidStateName, n, n, "Invalid State name: '' is empty")
	}
	if !c.is(n, value.KindObject) {
		return
	}
	t, ok := c.stateType(n)
	if !ok {
		return
	}
	f.state, f.types, f.language = n, setOf(t), languageOf(n, c.language)
	if f.language == JSONPath && c.language == JSONata {
		c.faultIn(n, n.get("QueryLanguage"), "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
	}
	c.object(n, stateShape, f)
	if t == TypeTask {
		c.arguments(n, f)
		c.heartbeat(n)
	}
}

// stateType returns the type of a state, or reports that it has none.
func (c *checker) stateType(n *node) (StateType, bool) {
	member := n.get("Type")
	if member == nil {
		c.fault(n, "These fields are required: [Type]")
		return "", false
	}
	text, ok := member.text()
	if !ok {
		return "", c.is(member, value.KindString)
	}
	t := StateType(text)
	if !slices.Contains(StateTypes(), t) {
		names := make([]string, 0, len(StateTypes()))
		for _, t := range StateTypes() {
			names = append(names, string(t))
		}
		c.fault(member, "The field 'Type' should have one of these values: %s", list(names))
		return "", false
	}
	return t, true
}

// enter is the frame of a flow within the state, unless flows nest too deep.
func (c *checker) enter(n *node, f frame) (frame, bool) {
	if f.depth++; f.depth > maxNesting {
		c.report(sfn.SeverityError, sfn.CodeTooDeeplyNested, n, n, "States are too deeply nested")
		return f, false
	}
	f.language = c.language
	return f, true
}

func (c *checker) branches(n *node, f frame) {
	f, ok := c.enter(n, f)
	if !ok || !c.is(n, value.KindArray) {
		return
	}
	if len(n.items()) == 0 {
		c.fault(n, "Value cannot be empty")
	}
	for _, branch := range n.items() {
		c.object(branch, branchShape, f)
	}
}

// processor checks the processor of a Map. A distributed Map runs it in child machines of their own type.
func (c *checker) processor(n *node, f frame) {
	f, ok := c.enter(n, f)
	if !ok {
		return
	}
	config := n.get("ProcessorConfig")
	if mode := config.get("Mode"); mode != nil && mode.value == value.String("DISTRIBUTED") {
		if f.express {
			c.fault(mode, "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines")
		}
		t := config.get("ExecutionType")
		f.express = t != nil && t.value == value.String(sfn.Express)
	}
	c.object(n, processorShape, f)
}

// furtherRules checks what the table of fields cannot say: that the presence of a field depends on the value of another.
func (c *checker) furtherRules(n *node, s *shape) {
	if n.kind() != value.KindObject {
		return
	}
	has := func(name string, values ...value.String) bool {
		member := n.get(name)
		return member != nil && slices.ContainsFunc(values, func(v value.String) bool { return member.value == v })
	}
	switch s {
	case processorConfigShape:
		t := n.get("ExecutionType")
		switch distributed := has("Mode", "DISTRIBUTED"); {
		case distributed && t == nil:
			c.fault(n, "These fields are required: [ExecutionType]")
		case !distributed && t != nil:
			c.faultIn(n, t, "Field 'ExecutionType' is not supported")
		}
	case readerConfigShape:
		headers := n.get("CSVHeaderLocation")
		switch {
		case has("InputType", "CSV") && headers == nil && n.get("ManifestType") == nil:
			c.fault(n, "The field 'CSVHeaderLocation' is required but was missing")
		case has("InputType", "JSON", "JSONL", "PARQUET") && headers != nil:
			c.faultIn(n, headers, "Field 'CSVHeaderLocation' is not supported")
		case has("CSVHeaderLocation", "GIVEN") && n.get("CSVHeaders") == nil:
			c.fault(n, "These fields are required: [CSVHeaders]")
		}
	case resultWriterShape:
		if n.get("Resource") == nil && n.get("WriterConfig") == nil {
			c.fault(n, "These fields are required: [Resource]")
		}
	}
}

// label checks the label of a distributed Map (developer guide, "Distributed mode": Label). That labels are unique is a matter of the
// whole machine.
func (c *checker) label(n *node) {
	if !c.is(n, value.KindString) {
		return
	}
	text, _ := n.text()
	const maxLength = 40
	if utf8.RuneCountInString(text) > maxLength {
		c.report(sfn.SeverityError, sfn.CodeInvalidLabel, n, n, fmt.Sprintf(
			"Invalid Label name: '%s' exceeds the %d-character limit allowed by the service", text, maxLength))
	}
	if i := strings.IndexFunc(text, forbiddenInLabel); i >= 0 && !hasPlaceholder(text) {
		r, _ := utf8.DecodeRuneInString(text[i:])
		c.report(sfn.SeverityError, sfn.CodeInvalidLabel, n, n, fmt.Sprintf("Invalid Label name: '%s' contains the invalid character %q", text, r))
	}
}

func forbiddenInLabel(r rune) bool {
	return r <= ' ' || r >= 0x7f && r <= 0xa0 || strings.ContainsRune("?*<>{}[]:;,\\|^~$#%&`\"", r)
}

// hasPlaceholder tells whether a substitution (CloudFormation's DefinitionSubstitutions, Terraform's templates) will replace a part of
// the text, so that its form cannot be judged yet.
func hasPlaceholder(text string) bool {
	_, rest, found := strings.Cut(text, "${")
	return found && strings.Contains(rest, "}")
}

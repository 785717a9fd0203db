package asl

import (
	"slices"

	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// build makes the machine of a definition without errors. What the checks compiled is on the nodes, and every value has its type, so
// that nothing can fail here.
func (c *checker) build(root *node) *Machine {
	b := builder{c}
	m := &Machine{
		Flow: *b.flow(root), Comment: textOf(root, "Comment"), Version: textOf(root, "Version"), QueryLanguage: c.language,
		TimeoutSeconds: intOf(root, "TimeoutSeconds", 0), Type: c.machineType, references: c.references,
	}
	if m.Version == "" {
		m.Version = "1.0"
	}
	if m.Type == "" {
		m.Type = sfn.Standard
	}
	return m
}

type builder struct{ *checker }

func (b builder) flow(n *node) *Flow {
	states := n.get("States").members()
	f := &Flow{StartAt: textOf(n, "StartAt"), States: make(map[string]State, len(states)), Place: n.place()}
	for _, state := range states {
		f.Names = append(f.Names, state.name)
		f.States[state.name] = b.state(state)
	}
	return f
}

func (b builder) state(n *node) State {
	base := b.base(n)
	switch base.Type {
	case TypeTask:
		return b.task(n, base)
	case TypeWait:
		return &Wait{Base: base, Seconds: number(n, "Seconds"), Timestamp: text(n, "Timestamp")}
	case TypePass:
		return b.pass(n, base)
	case TypeFail:
		return &Fail{Base: base, Error: text(n, "Error"), Cause: text(n, "Cause")}
	case TypeChoice:
		return b.choice(n, base)
	case TypeParallel:
		return b.parallel(n, base)
	case TypeMap:
		return b.mapState(n, base)
	}
	return &Succeed{base}
}

func (b builder) base(n *node) Base {
	return Base{
		Name: n.name, Type: typeOf(n), Comment: textOf(n, "Comment"), QueryLanguage: languageOf(n, b.language),
		Next: textOf(n, "Next"), End: n.get("End") != nil && n.get("End").value == value.Bool(true),
		InputPath: pathField(n, "InputPath"), OutputPath: pathField(n, "OutputPath"),
		Assign: template(n, "Assign"), Output: template(n, "Output"), Place: n.place(),
	}
}

func (b builder) pass(n *node, base Base) *Pass {
	s := &Pass{Base: base, Parameters: template(n, "Parameters"), ResultPath: pathField(n, "ResultPath")}
	if result := n.get("Result"); result != nil {
		s.Result = value.NewData(result.value).Freeze()
	}
	return s
}

func (b builder) task(n *node, base Base) *Task {
	resource, _ := compiledOf[Resource](n.get("Resource"))
	return &Task{
		Base: base, Resource: resource, Parameters: template(n, "Parameters", "Arguments"),
		ResultSelector: template(n, "ResultSelector"), ResultPath: pathField(n, "ResultPath"),
		Timeout: number(n, "TimeoutSeconds"), Heartbeat: number(n, "HeartbeatSeconds"), RoleARN: roleARN(n.get("Credentials")),
		Retry: retriers(n), Catch: catchers(n),
	}
}

// roleARN reads Credentials, where the twin for paths is called RoleArn.$ as in a template.
func roleARN(credentials *node) Text {
	t := text(credentials, "RoleArn")
	if path := credentials.get("RoleArn.$"); path != nil && !t.Set {
		t.Set = true
		t.Path, _ = compiledOf[*payload.PathOrCall](path)
	}
	return t
}

func (b builder) choice(n *node, base Base) *Choice {
	s := &Choice{Base: base, Default: textOf(n, "Default")}
	for _, rule := range n.get("Choices").items() {
		s.Rules = append(s.Rules, Rule{
			Condition: condition(rule), Next: textOf(rule, "Next"), Assign: template(rule, "Assign"), Output: template(rule, "Output"), Place: rule.place(),
		})
	}
	return s
}

func condition(rule *node) Condition {
	for _, member := range rule.members() {
		switch member.name {
		case "And":
			return And(conditions(member))
		case "Or":
			return Or(conditions(member))
		case "Not":
			return Not{condition(member)}
		case "Condition":
			return &Expression{template(rule, "Condition")}
		case "Variable":
			return comparison(rule, member)
		}
	}
	return nil
}

func conditions(n *node) []Condition {
	parts := make([]Condition, 0, len(n.items()))
	for _, item := range n.items() {
		parts = append(parts, condition(item))
	}
	return parts
}

func comparison(rule, variable *node) *Comparison {
	comparison := &Comparison{Place: rule.place()}
	comparison.Variable, _ = compiledOf[*payload.Path](variable)
	for _, member := range rule.members() {
		info, path, ok := operatorNamed(member.name)
		if !ok {
			continue
		}
		comparison.Operator = info.Name
		if path {
			comparison.OperandPath, _ = compiledOf[*payload.Path](member)
		} else {
			comparison.Operand = member.value
		}
	}
	return comparison
}

func (b builder) parallel(n *node, base Base) *Parallel {
	s := &Parallel{
		Base: base, Parameters: template(n, "Parameters", "Arguments"), ResultSelector: template(n, "ResultSelector"),
		ResultPath: pathField(n, "ResultPath"), Retry: retriers(n), Catch: catchers(n),
	}
	for _, branch := range n.get("Branches").items() {
		s.Branches = append(s.Branches, b.flow(branch))
	}
	return s
}

func (b builder) mapState(n *node, base Base) *Map {
	processor := processorOf(n)
	return &Map{
		Base: base, Processor: b.flow(processor), Distributed: isDistributed(processor),
		ExecutionType: sfn.MachineType(textOf(processor.get("ProcessorConfig"), "ExecutionType")),
		ItemsPath:     pathField(n, "ItemsPath"), Items: template(n, "Items"), ItemSelector: template(n, "ItemSelector", "Parameters"),
		MaxConcurrency: number(n, "MaxConcurrency"), ResultSelector: template(n, "ResultSelector"), ResultPath: pathField(n, "ResultPath"),
		Retry: retriers(n), Catch: catchers(n),
		Label: textOf(n, "Label"), ItemReader: itemReader(n.get("ItemReader")), ItemBatcher: itemBatcher(n.get("ItemBatcher")),
		ResultWriter:               resultWriter(n.get("ResultWriter")),
		ToleratedFailureCount:      number(n, "ToleratedFailureCount"),
		ToleratedFailurePercentage: number(n, "ToleratedFailurePercentage"),
	}
}

func itemReader(n *node) *ItemReader {
	if n == nil {
		return nil
	}
	config := n.get("ReaderConfig")
	resource, _ := compiledOf[Resource](n.get("Resource"))
	return &ItemReader{
		Resource: resource, Parameters: template(n, "Parameters", "Arguments"),
		InputType: textOf(config, "InputType"), Transformation: textOf(config, "Transformation"), ManifestType: textOf(config, "ManifestType"),
		CSVDelimiter: textOf(config, "CSVDelimiter"), CSVHeaders: textsOf(config, "CSVHeaders"),
		HeaderGiven: textOf(config, "CSVHeaderLocation") == "GIVEN", ItemsPointer: textOf(config, "ItemsPointer"),
		MaxItems: number(config, "MaxItems"), Place: n.place(),
	}
}

func itemBatcher(n *node) *ItemBatcher {
	if n == nil {
		return nil
	}
	return &ItemBatcher{
		MaxItemsPerBatch: number(n, "MaxItemsPerBatch"), MaxInputBytesPerBatch: number(n, "MaxInputBytesPerBatch"),
		BatchInput: template(n, "BatchInput"), Place: n.place(),
	}
}

func resultWriter(n *node) *ResultWriter {
	if n == nil {
		return nil
	}
	config := n.get("WriterConfig")
	resource, _ := compiledOf[Resource](n.get("Resource"))
	return &ResultWriter{
		Resource: resource, Parameters: template(n, "Parameters", "Arguments"),
		Transformation: textOf(config, "Transformation"), OutputType: textOf(config, "OutputType"), Place: n.place(),
	}
}

// retriers reads Retry with the defaults of the Amazon States Language, "Retrying after error".
func retriers(n *node) []Retrier {
	var list []Retrier
	for _, item := range n.get("Retry").items() {
		r := Retrier{
			ErrorEquals: errorNames(item), IntervalSeconds: intOf(item, "IntervalSeconds", 1), MaxAttempts: intOf(item, "MaxAttempts", 3),
			BackoffRate: 2, MaxDelaySeconds: intOf(item, "MaxDelaySeconds", 0), FullJitter: textOf(item, "JitterStrategy") == "FULL",
			Place: item.place(),
		}
		if rate := item.get("BackoffRate"); rate != nil {
			r.BackoffRate, _ = value.Float64(rate.value)
		}
		list = append(list, r)
	}
	return list
}

func catchers(n *node) []Catcher {
	var list []Catcher
	for _, item := range n.get("Catch").items() {
		list = append(list, Catcher{
			ErrorEquals: errorNames(item), Next: textOf(item, "Next"), ResultPath: pathField(item, "ResultPath"),
			Assign: template(item, "Assign"), Output: template(item, "Output"), Place: item.place(),
		})
	}
	return list
}

func errorNames(n *node) []sfn.ErrorName {
	var names []sfn.ErrorName
	for _, name := range textsOf(n, "ErrorEquals") {
		names = append(names, sfn.ErrorName(name))
	}
	return names
}

func textOf(n *node, name string) string {
	s, _ := n.get(name).text()
	return s
}

func textsOf(n *node, name string) []string {
	var texts []string
	for _, item := range n.get(name).items() {
		s, _ := item.text()
		texts = append(texts, s)
	}
	return texts
}

func intOf(n *node, name string, absent int64) int64 {
	member := n.get(name)
	if member == nil {
		return absent
	}
	i, _ := value.Integer(member.value)
	return i
}

// template returns what the first of the fields that is present was compiled to.
func template(n *node, names ...string) *payload.Template {
	i := slices.IndexFunc(names, func(name string) bool { return n.get(name) != nil })
	if i < 0 {
		return nil
	}
	t, _ := compiledOf[*payload.Template](n.get(names[i]))
	return t
}

func pathField(n *node, name string) PathField {
	member := n.get(name)
	if member == nil {
		return PathField{}
	}
	p, _ := compiledOf[*payload.Path](member)
	return PathField{Path: p, Discard: member.kind() == value.KindNull}
}

// number reads a numeric field, or its twin for paths.
func number(n *node, name string) Number {
	if member := n.get(name); member != nil {
		x := Number{Set: true}
		if x.Expr, _ = compiledOf[*payload.Template](member); x.Expr == nil {
			x.Literal = member.value
		}
		return x
	}
	p, ok := compiledOf[*payload.Path](n.get(name + "Path"))
	return Number{Set: ok, Path: p}
}

// text reads a textual field, or its twin for paths.
func text(n *node, name string) Text {
	if member := n.get(name); member != nil {
		x := Text{Set: true}
		if x.Expr, _ = compiledOf[*payload.Template](member); x.Expr == nil {
			x.Literal, _ = member.text()
		}
		return x
	}
	p, ok := compiledOf[*payload.PathOrCall](n.get(name + "Path"))
	return Text{Set: ok, Path: p}
}

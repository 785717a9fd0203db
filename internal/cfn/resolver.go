package cfn

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// resolver is one call of Resolve.
type resolver struct {
	doc       *Document
	in        Input
	template  *Template
	problems  Problems
	functions map[string]function
	types     map[string]resourceType
	pseudo    map[string]value.Value

	parameters map[string]parameter
	conditions map[string]*condition
	resources  map[string]*resource
	declared   []*resource // created ones, in the template's order
	origin     *origin
	budget     int
	extended   bool // by the language extensions
	madeUp     int  // how often something was taken from a resource of a type that is not known
}

// resource is a created resource while it is being resolved.
type resource struct {
	*Resource
	known    resourceType
	at       int // place in the template's order
	needs    []*resource
	identity *identity
	circular bool
	asked    bool // for the template of the stack that it is
}

// origin remembers what resolving chose and left out, to lead from a resolved property back to its text.
type origin struct {
	doc     *Document
	chosen  map[*node]*node // from an Fn::If to the branch taken
	kept    map[*node][]int // the indexes of the items that were kept, of arrays that lost some to AWS::NoValue
	secrets []string        // values of NoEcho parameters
}

// Resolve resolves a template. It fails with [Problems].
func Resolve(doc *Document, in Input) (*Template, error) {
	r := &resolver{
		doc: doc, in: in,
		functions:  functions(),
		types:      resourceTypes(),
		parameters: map[string]parameter{},
		conditions: map[string]*condition{},
		resources:  map[string]*resource{},
		origin:     &origin{doc: doc, chosen: map[*node]*node{}, kept: map[*node][]int{}},
		budget:     MaxExpandedBytes,
	}
	r.template = &Template{
		File: doc.File, StackName: in.StackName, Place: in.Place, StackID: stackID(in), byID: map[string]*Resource{},
	}
	r.pseudo = pseudoParameters(r.template)
	if r.checkSections() {
		r.readParameters()
		r.transform()
		r.refuseNulls()
		r.decideConditions()
		r.declareResources()
		r.orderResources()
		r.resolveResources()
		r.resolveOutputs()
	}
	if err := r.problems.err(); err != nil {
		return nil, err
	}
	return r.template, nil
}

func (r *resolver) problem(at *node, format string, args ...any) {
	if !r.enough() {
		r.problems.add(r.doc.problem(at, format, args...))
	}
}

// enough tells that no more problems are wanted.
func (r *resolver) enough() bool { return len(r.problems) >= MaxProblems }

// quote returns a resolved text for a message, unless it holds the value of a NoEcho parameter.
func (o *origin) quote(text string) string {
	for _, secret := range o.secrets {
		if strings.Contains(text, secret) {
			return "****"
		}
	}
	if len(text) > 200 {
		text = text[:200] + "..."
	}
	return text
}

type section struct {
	name    string
	members string // what the section's members are called where they are counted
	max     int
}

// The sections of a template (user guide, "CloudFormation template sections"), and how many members each may have; 0 for any number.
var sections = []section{
	{"AWSTemplateFormatVersion", "", 0}, // 2010-09-09, the only version there is
	{"Description", "", 0},              // text
	{"Metadata", "", 0},                 // anything; not looked at
	{"Parameters", "parameters", MaxParameters},
	{"Rules", "", 0}, // assertions about parameters; not evaluated
	{"Mappings", "mappings", MaxMappings},
	{"Conditions", "", 0},
	{"Globals", "", 0},   // of SAM: what its resources have in common
	{"Transform", "", 0}, // macros: SAM's and the language extensions; see transform
	{"Hooks", "", 0},     // of CodeDeploy; not looked at
	{"Resources", "resources", MaxResources},
	{"Outputs", "outputs", MaxOutputs},
}

// checkSections checks the outermost object. It returns whether it makes sense to go on.
func (r *resolver) checkSections() bool {
	root := r.doc.root
	if root.kind != value.KindObject {
		r.problem(root, "Template format error: a template is an object with the member Resources, not %s.", article(root.kind))
		return false
	}
	if !validStackName(r.in.StackName) {
		r.problem(root, "%q is no name for a stack: it takes a letter, then letters, digits and hyphens, 128 in all at most.", r.in.StackName)
	}
	for _, m := range root.members {
		if !slices.ContainsFunc(sections, func(s section) bool { return s.name == m.name }) {
			r.problem(m.value, "Template format error: Invalid template property or properties [%s]", m.name)
		}
	}
	for _, s := range sections {
		n := root.get(s.name)
		if n == nil || s.max == 0 {
			continue
		}
		if n.kind != value.KindObject {
			r.problem(n, "Template format error: %s must be an object, not %s.", s.name, article(n.kind))
			return false
		}
		if len(n.members) > s.max {
			r.problem(n, "Template format error: Number of %s, %d, is greater than maximum allowed, %d", s.members, len(n.members), s.max)
			return false
		}
	}
	if len(root.get("Resources").all()) == 0 {
		r.problem(root, "Template format error: At least one Resources member must be defined.")
	}
	r.template.Description, _ = root.get("Description").string()
	return true
}

// refuseNulls reports values that are null. The definition of a state machine may have some, and nobody looks at metadata.
func (r *resolver) refuseNulls() {
	seen := map[*node]bool{} // of what may stand at several places
	var walk func(n *node, depth int)
	walk = func(n *node, depth int) {
		if n.kind == value.KindNull {
			r.problem(n, "Template format error: [%s] 'null' values are not allowed in templates", pointer(r.doc.stepsTo(n)))
			return
		}
		if n.kind != value.KindArray && n.kind != value.KindObject || r.doc.shared && seen[n] {
			return
		}
		if r.doc.shared {
			seen[n] = true
		}
		for _, item := range n.items {
			walk(item, depth+1)
		}
		for _, m := range n.members {
			if m.name != "Metadata" && (m.name != "Definition" || depth != 3) {
				walk(m.value, depth+1)
			}
		}
	}
	for _, section := range []string{"Parameters", "Mappings", "Conditions", "Resources", "Outputs"} {
		if n := r.doc.root.get(section); n != nil {
			walk(n, 1)
		}
	}
}

// article names a kind of value in a sentence.
func article(kind value.Kind) string {
	switch kind {
	case value.KindArray, value.KindObject:
		return "an " + kind.String()
	case value.KindNull:
		return "null"
	}
	return "a " + kind.String()
}

func validStackName(name string) bool {
	for i, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != "" && len(name) <= 128
}

// alphanumeric tells whether name may be a logical id.
func alphanumeric(name string) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return name != "" && len(name) <= 255
}

// stackID is an ARN whose last part looks like the UUID that CloudFormation would draw.
func stackID(in Input) string {
	sum := sha256.Sum256([]byte("stack\x00" + in.StackName))
	p := in.Place
	return fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/%s", p.Partition, p.Region, p.Account, in.StackName, uuid(sum))
}

// uuid makes a UUID of version 4 of a hash.
func uuid(sum [32]byte) string {
	sum[6] = sum[6]&0x0f | 0x40
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// pseudoParameters are the parameters that every template has (user guide, "Pseudo parameters reference"). AWS::NoValue is no value.
func pseudoParameters(t *Template) map[string]value.Value {
	suffix := "amazonaws.com"
	switch t.Place.Partition {
	case "aws-cn":
		suffix = "amazonaws.com.cn"
	case "aws-iso":
		suffix = "c2s.ic.gov"
	case "aws-iso-b":
		suffix = "sc2s.sgov.gov"
	case "aws-eusc":
		suffix = "amazonaws.eu"
	}
	return map[string]value.Value{
		"AWS::AccountId":        value.String(t.Place.Account),
		"AWS::NotificationARNs": value.Array{},
		"AWS::NoValue":          nil,
		"AWS::Partition":        value.String(t.Place.Partition),
		"AWS::Region":           value.String(t.Place.Region),
		"AWS::StackId":          value.String(t.StackID),
		"AWS::StackName":        value.String(t.StackName),
		"AWS::URLSuffix":        value.String(suffix),
	}
}

// resourceAttributes are the members of a resource (user guide, "Resource attribute reference").
var resourceAttributes = []string{
	"Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy", "UpdatePolicy",
	"Version", // of custom resources, as old templates have it
}

// declareResources reads what each resource is called, of which type it is and whether it is created.
func (r *resolver) declareResources() {
	for i, m := range r.doc.root.get("Resources").all() {
		if !r.checkLogicalID("Resource", m) {
			continue
		}
		for _, attribute := range m.value.members {
			if !slices.Contains(resourceAttributes, attribute.name) {
				r.problem(attribute.value, "Template format error: Invalid template resource property '%s'", attribute.name)
			}
		}
		typeName, ok := m.value.get("Type").string()
		if !ok || typeName == "" {
			r.problem(m.value, "Template format error: Every Resources object must contain a Type member.")
			continue
		}
		known, isKnown := r.types[typeName]
		if !isKnown {
			known = unknownType
		}
		res := &resource{Resource: &Resource{LogicalID: m.name, Type: typeName, known: isKnown, node: m.value, origin: r.origin}, known: known, at: i}
		if !r.created(res) {
			r.template.Excluded = append(r.template.Excluded, res.Resource)
			continue
		}
		r.resources[m.name] = res
		r.declared = append(r.declared, res)
	}
}

// checkLogicalID checks name and form of a member of a section.
func (r *resolver) checkLogicalID(what string, m member) bool {
	switch {
	case strings.HasPrefix(m.name, "Fn::"):
		r.problem(m.value, "Template format error: %s needs the transform %s.", m.name, languageExtensions)
	case !alphanumeric(m.name):
		r.problem(m.value, "Template format error: %s name %s is non alphanumeric.", what, m.name)
	case m.value.kind != value.KindObject:
		r.problem(m.value, "Template format error: a %s must be an object, not %s.", strings.ToLower(what), article(m.value.kind))
	default:
		return true
	}
	return false
}

// created decides about the resource's condition.
func (r *resolver) created(res *resource) bool {
	n := res.node.get("Condition")
	if n == nil {
		return true
	}
	name, ok := n.string()
	if !ok {
		r.problem(n, "Template format error: Condition must name a condition, not be %s.", article(n.kind))
		return true
	}
	res.Condition = name
	holds, ok := r.decide(name)
	if !ok && r.conditions[name] == nil {
		r.problem(n, "Template format error: Unresolved condition dependency %s in the Resources block of the template", name)
	}
	return holds || !ok
}

// resolveResources resolves the created resources.
func (r *resolver) resolveResources() {
	for _, res := range r.declared {
		res.Properties = r.object(res.node.get("Properties"))
		res.Metadata = r.object(res.node.get("Metadata"))
		res.DeletionPolicy = r.policy(res.node.get("DeletionPolicy"))
		res.UpdateReplacePolicy = r.policy(res.node.get("UpdateReplacePolicy"))
		i := r.identify(res)
		res.Name, res.Ref = i.name, i.ref
		res.attributes = map[string]string{}
		for name, attribute := range res.known.attributes {
			res.attributes[name] = i.attribute(name, attribute)
		}
		if res.Type == nestedType {
			r.nested(res)
		}
		for _, need := range res.needs {
			res.DependsOn = append(res.DependsOn, need.LogicalID)
		}
		r.template.byID[res.LogicalID] = res.Resource
	}
}

// object resolves a node that should be an object; an empty one if it is absent.
func (r *resolver) object(n *node) *value.Object {
	if n != nil {
		if v, ok := r.resolve(n); ok && v != nil {
			if o, isObject := v.(*value.Object); isObject {
				return o
			}
			r.problem(n, "Template format error: this must be an object, not %s.", article(v.Kind()))
		}
	}
	return value.NewObject()
}

func (r *resolver) policy(n *node) string {
	if n == nil {
		return ""
	}
	text, ok := r.text(n)
	if ok && !slices.Contains([]string{"Delete", "Retain", "Snapshot", "RetainExceptOnCreate"}, text) {
		r.problem(n, "Template format error: a policy is Delete, Retain, RetainExceptOnCreate or Snapshot, not %q.", r.origin.quote(text))
	}
	return text
}

// resolveOutputs resolves the outputs that the conditions leave.
func (r *resolver) resolveOutputs() {
	for _, m := range r.doc.root.get("Outputs").all() {
		if !r.checkLogicalID("Output", m) || !r.outputIncluded(m.value) {
			continue
		}
		out := Output{LogicalID: m.name}
		out.Description, _ = m.value.get("Description").string()
		v := m.value.get("Value")
		if v == nil {
			r.problem(m.value, "Template format error: Every Outputs member must contain a Value object")
			continue
		}
		out.Value, _ = r.text(v)
		if export := m.value.get("Export"); export != nil {
			name := export.get("Name")
			if name == nil {
				r.problem(export, "Template format error: Export must be an object with the member Name.")
				continue
			}
			out.Export, _ = r.text(name)
		}
		r.template.Outputs = append(r.template.Outputs, out)
	}
}

func (r *resolver) outputIncluded(n *node) bool {
	c := n.get("Condition")
	if c == nil {
		return true
	}
	name, _ := c.string()
	holds, ok := r.decide(name)
	if !ok && r.conditions[name] == nil {
		r.problem(c, "Template format error: Unresolved condition dependency %s in the Outputs block of the template", name)
	}
	return holds
}

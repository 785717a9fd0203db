package cfn

import (
	"crypto/sha1" //nolint:gosec // SAM names resources by it; nothing is kept safe with it
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// sam is one run of the SAM transform (SAM specification, 2016-10-31). Each AWS::Serverless resource becomes the resources that it stands
// for, under the logical ids that SAM gives them, so that references to generated resources and what is deployed agree.
//
// What it makes carries the places of what it was made of, so that a fault in a generated resource leads to the line that caused it.
type sam struct {
	r         *resolver
	section   *node // Resources as written
	globals   *node
	resources []member
	taken     map[string]bool
	renamed   map[string]string // what a Ref says, like Function.Alias: the logical id that it stands for
	apis      map[string]*restAPI
	implicit  []*restAPI // APIs that only events ask for, in the order of their first event
	buckets   map[string][]*node
}

// serverlessType turns one resource into others.
type serverlessType func(s *sam, res *samResource)

// serverlessTypes is the table of SAM's resource types. Of others, which the specification has too, it makes nothing; they stay, and are
// listed as unknown: GraphQLApi is a service that is not run here.
func serverlessTypes() map[string]serverlessType {
	return map[string]serverlessType{
		"AWS::Serverless::Function":     (*sam).function,     // a function, its role, and what invokes it
		"AWS::Serverless::StateMachine": (*sam).stateMachine, // a state machine, its role, and what starts it
		"AWS::Serverless::Api":          (*sam).restAPI,      // a REST API with deployment and stage
		"AWS::Serverless::HttpApi":      (*sam).httpAPI,      // an HTTP API with stage
		"AWS::Serverless::SimpleTable":  (*sam).simpleTable,  // a table with one key
		"AWS::Serverless::LayerVersion": (*sam).layerVersion, // a layer
		"AWS::Serverless::Connector":    (*sam).connector,    // a policy between two resources
		"AWS::Serverless::Application":  (*sam).application,  // a stack within the stack
	}
}

// samResource is a resource while it is transformed.
type samResource struct {
	id         string
	node       *node // with Type, Properties and so on
	properties *node // with Globals merged in
	at         maker
}

// serverless runs the SAM transform.
func (r *resolver) serverless() {
	s := &sam{
		r: r, section: r.doc.root.get("Resources"), globals: r.doc.root.get("Globals"), taken: map[string]bool{},
		renamed: map[string]string{}, apis: map[string]*restAPI{}, buckets: map[string][]*node{},
	}
	s.checkGlobals()
	types := serverlessTypes()
	for _, m := range s.section.all() {
		s.taken[m.name] = true
	}
	// APIs first: events add their routes to them.
	for _, apis := range []bool{true, false} {
		for _, m := range s.section.all() {
			typeName, _ := m.value.get("Type").string()
			transform := types[typeName]
			isAPI := typeName == "AWS::Serverless::Api" || typeName == "AWS::Serverless::HttpApi"
			switch {
			case isAPI != apis:
			case transform == nil:
				s.resources = append(s.resources, m)
				s.embeddedConnectors(m)
			case m.value.kind != value.KindObject || !alphanumeric(m.name):
				s.resources = append(s.resources, m) // reported when resources are declared
			default:
				transform(s, s.resource(m, typeName))
				s.embeddedConnectors(m)
			}
		}
	}
	s.finishAPIs()
	s.finishBuckets()
	s.replaceResources()
}

// resource prepares a resource for its transform.
func (s *sam) resource(m member, typeName string) *samResource {
	properties := m.value.get("Properties")
	if properties == nil {
		properties = &node{kind: value.KindObject, start: m.value.start, end: m.value.end}
	}
	if global := s.globals.get(strings.TrimPrefix(typeName, "AWS::Serverless::")); global != nil {
		properties = s.merge(s.heeded(m, global), properties)
	}
	if properties.kind != value.KindObject {
		s.r.problem(properties, "Template format error: Properties must be an object, not %s.", article(properties.kind))
		properties = &node{kind: value.KindObject, start: m.value.start, end: m.value.end}
	}
	res := &samResource{id: m.name, node: without(m.value, "IgnoreGlobals"), properties: properties, at: maker{m.value}}
	if known := samProperties()[typeName]; known != nil {
		for _, p := range properties.members {
			if !slices.Contains(known, p.name) {
				s.invalid(res, p.value, "property %s not defined for resource of type %s", p.name, typeName)
			}
		}
	}
	return res
}

// heeded returns the global properties that a resource does not ignore (SAM specification, "IgnoreGlobals": "*" or a list of names).
func (s *sam) heeded(m member, global *node) *node {
	ignored := m.value.get("IgnoreGlobals")
	if ignored == nil {
		return global
	}
	if text, _ := ignored.string(); text == "*" {
		return maker{global}.object()
	}
	var names []string
	for _, item := range ignored.list() {
		name, _ := item.string()
		if global.get(name) == nil {
			s.r.problem(item, "Resource with id [%s] is invalid. Resource %s has invalid resource attribute 'IgnoreGlobals' on item '%s'.", m.name, m.name, name)
		}
		names = append(names, name)
	}
	if ignored.kind != value.KindArray {
		s.r.problem(ignored, "Resource with id [%s] is invalid. Resource %s has invalid resource attribute 'IgnoreGlobals'.", m.name, m.name)
	}
	return without(global, names...)
}

// without returns an object without some of its members; the node itself if it has none of them.
func without(n *node, names ...string) *node {
	left := slices.DeleteFunc(slices.Clone(n.members), func(m member) bool { return slices.Contains(names, m.name) })
	if len(left) == len(n.members) {
		return n
	}
	made := *n
	made.members = left
	return &made
}

// invalid reports a fault in SAM's words.
func (s *sam) invalid(res *samResource, at *node, format string, args ...any) {
	s.r.problem(at, "Resource with id [%s] is invalid. %s", res.id, fmt.Sprintf(format, args...))
}

// invalidEvent reports a fault of an event in SAM's words.
func (s *sam) invalidEvent(res *samResource, event string, at *node, format string, args ...any) {
	s.invalid(res, at, "Event with id [%s] is invalid. %s", event, fmt.Sprintf(format, args...))
}

// globalSections are the types that Globals may speak of (SAM developer guide, "Globals section").
var globalSections = []string{"Function", "Api", "HttpApi", "SimpleTable", "StateMachine", "LayerVersion", "CapacityProvider", "WebSocketApi"}

func (s *sam) checkGlobals() {
	for _, m := range s.globals.all() {
		if !slices.Contains(globalSections, m.name) {
			s.r.problem(m.value, "'Globals' section is invalid. '%s' is not supported. Must be one of the following values - %s", m.name, strings.Join(globalSections, ", "))
		} else if m.value.kind != value.KindObject {
			s.r.problem(m.value, "'Globals' section is invalid. Value of '%s' must be a dictionary", m.name)
		}
	}
}

// merge puts a resource's properties over the global ones: objects are merged, lists joined with the global ones first, and of anything else
// the resource's own wins. A function such as Ref is not taken apart.
func (s *sam) merge(global, own *node) *node {
	if isFunction(global) || isFunction(own) || global.kind != own.kind {
		return own
	}
	if !s.r.spend(own, 16*(len(global.items)+len(global.members)+len(own.items)+len(own.members))) {
		return own
	}
	merged := &node{kind: own.kind, start: own.start, end: own.end, scalar: own.scalar}
	switch own.kind {
	case value.KindArray:
		merged.items = append(append(merged.items, global.items...), own.items...)
	case value.KindObject:
		for _, m := range global.members {
			if mine := own.get(m.name); mine != nil {
				m.value = s.merge(m.value, mine)
			}
			merged.members = append(merged.members, m)
		}
		for _, m := range own.members {
			if global.get(m.name) == nil {
				merged.members = append(merged.members, m)
			}
		}
	}
	return merged
}

func isFunction(n *node) bool {
	name, _ := asFunction(n)
	return name != ""
}

// text returns the text of a node that SAM must know before anything is deployed.
func (s *sam) text(n *node) (string, bool) { return s.r.early(n) }

// flag reads a boolean, which may be a parameter.
func (s *sam) flag(n *node, fallback bool) bool {
	text, ok := s.text(n)
	if !ok {
		return fallback
	}
	return strings.EqualFold(text, "true")
}

// add adds a generated resource. It has the attributes of its origin that SAM passes on: the condition and the policies.
func (s *sam) add(res *samResource, id, typeName string, properties *node, more ...member) {
	if s.taken[id] && id != res.id {
		// A resource that the template has under the same id is the one that is meant: SAM lets it win, too.
		if s.section.get(id) != nil {
			return
		}
		if i := slices.IndexFunc(s.resources, func(m member) bool { return m.name == id }); i >= 0 {
			s.invalid(res, res.node, "it makes the resource %s, which another one has made already", id)
			return
		}
	}
	s.taken[id] = true
	made := res.at.object("Type", typeName)
	for _, name := range []string{"Condition", "DeletionPolicy", "UpdateReplacePolicy"} {
		if n := res.node.get(name); n != nil && !slices.ContainsFunc(more, func(m member) bool { return m.name == name }) {
			made.members = append(made.members, member{name, n})
		}
	}
	if id == res.id {
		for _, name := range []string{"DependsOn", "Metadata", "CreationPolicy", "UpdatePolicy"} {
			if n := res.node.get(name); n != nil {
				made.members = append(made.members, member{name, n})
			}
		}
	}
	made.members = append(made.members, more...)
	made.members = append(made.members, member{"Properties", properties})
	s.resources = append(s.resources, member{id, made})
}

// addShared adds a resource that several of the template's are behind, so that no condition of one of them holds for it.
func (s *sam) addShared(res *samResource, id, typeName string, properties *node) {
	if !s.taken[id] {
		s.add(&samResource{id: res.id, node: res.at.object(), at: res.at}, id, typeName, properties)
	}
}

// ifCreated returns what a resource adds to another one: nothing where the condition leaves the resource out.
func (s *sam) ifCreated(res *samResource, n *node) *node {
	condition, ok := res.node.get("Condition").string()
	if !ok {
		return n
	}
	at := maker{n}
	return at.object("Fn::If", at.list(condition, n, at.ref("AWS::NoValue")))
}

// replaceResources makes the transformed document's tree, in which references to generated resources have their real names.
func (s *sam) replaceResources() {
	root := *s.r.doc.root
	root.members = nil
	for _, m := range s.r.doc.root.members {
		switch m.name {
		case "Globals":
			continue
		case "Resources":
			section := *m.value
			section.members = s.resources
			m.value = &section
		}
		if len(s.renamed) > 0 && (m.name == "Resources" || m.name == "Outputs") {
			m.value = s.rename(m.value, map[*node]*node{})
		}
		root.members = append(root.members, m)
	}
	s.r.doc.root = &root
}

// rename replaces references to what SAM lets be called by another name.
func (s *sam) rename(n *node, done map[*node]*node) *node {
	if made, ok := done[n]; ok {
		return made
	}
	made := *n
	done[n] = &made
	name, arg := asFunction(n)
	switch name {
	case "Ref":
		target, _ := arg.string()
		if id, ok := s.renamed[target]; ok {
			made.members = []member{{name, maker{arg}.text(id)}}
		}
		return &made
	case "Fn::GetAtt":
		if target, isText := arg.string(); isText {
			if renamed, ok := s.renamedAttribute(target); ok {
				made.members = []member{{name, maker{arg}.text(renamed)}}
			}
			return &made
		}
		if target, _ := arg.itemText(0); s.renamed[target] != "" && len(arg.items) == 2 {
			made.members = []member{{name, maker{arg}.list(s.renamed[target], arg.items[1])}}
			return &made
		}
		if attribute, isText := arg.itemText(1); isText {
			target, _ := arg.itemText(0)
			if renamed, ok := s.renamedAttribute(target + "." + attribute); ok {
				made.members = []member{{name, maker{arg}.text(renamed)}}
				return &made
			}
		}
	case "Fn::Sub":
		if replaced := s.renameSub(arg); replaced != nil {
			made.members = []member{{name, replaced}}
			return &made
		}
	}
	made.items = slices.Clone(n.items)
	for i, item := range n.items {
		made.items[i] = s.rename(item, done)
	}
	made.members = slices.Clone(n.members)
	for i, m := range n.members {
		made.members[i].value = s.rename(m.value, done)
	}
	return &made
}

// renamedAttribute renames the resource in Resource.Attribute, which may be called Function.Version or Function.Alias.
func (s *sam) renamedAttribute(text string) (string, bool) {
	for i := len(text) - 1; i > 0; i-- {
		if id := s.renamed[text[:i]]; text[i] == '.' && id != "" {
			return id + text[i:], true
		}
	}
	return "", false
}

// renameSub replaces variables of an Fn::Sub; nil if there is nothing to replace.
func (s *sam) renameSub(arg *node) *node {
	text, at, variables, ok := subArguments(arg)
	if !ok {
		return nil
	}
	var b strings.Builder
	changed := false
	for _, part := range subParts(text) {
		target := part.text
		if part.variable && variables.get(target) == nil {
			id, known := s.renamed[target]
			if !known {
				id, known = s.renamedAttribute(target)
			}
			if known {
				target, changed = id, true
			}
		}
		if part.variable {
			b.WriteString("${" + target + "}")
		} else {
			b.WriteString(strings.ReplaceAll(target, "${", "${!"))
		}
	}
	switch {
	case !changed:
		return nil
	case variables == nil:
		return maker{at}.text(b.String())
	}
	return maker{arg}.list(b.String(), variables)
}

// itemText returns the text of a list's item.
func (n *node) itemText(i int) (string, bool) {
	if n == nil || i >= len(n.items) {
		return "", false
	}
	return n.items[i].string()
}

// hashed returns an id that ends in ten digits of the data's SHA-1, as SAM makes those that change with what they are made of.
func hashed(prefix, data string) string {
	sum := sha1.Sum([]byte(data)) //nolint:gosec // as above
	return prefix + hex.EncodeToString(sum[:])[:10]
}

// maker makes nodes at the place of another.
type maker struct{ from *node }

func (k maker) scalar(v value.Value) *node {
	return &node{kind: v.Kind(), start: k.from.start, end: k.from.end, scalar: v}
}

func (k maker) text(s string) *node { return k.scalar(value.String(s)) }

// node makes a node of a *node, a string, an int or a bool.
func (k maker) node(v any) *node {
	switch v := v.(type) {
	case *node:
		return v
	case string:
		return k.text(v)
	case int:
		return k.scalar(value.Int(v))
	case bool:
		return k.scalar(value.Bool(v))
	}
	return k.scalar(value.Null{})
}

func (k maker) list(items ...any) *node {
	n := &node{kind: value.KindArray, start: k.from.start, end: k.from.end}
	for _, item := range items {
		n.items = append(n.items, k.node(item))
	}
	return n
}

// object makes an object of names and values by turns. A nil node is left out.
func (k maker) object(pairs ...any) *node {
	n := &node{kind: value.KindObject, start: k.from.start, end: k.from.end}
	for i := 0; i+1 < len(pairs); i += 2 {
		if child, isNode := pairs[i+1].(*node); isNode && child == nil {
			continue
		}
		name, _ := pairs[i].(string)
		n.members = append(n.members, member{name, k.node(pairs[i+1])})
	}
	return n
}

func (k maker) ref(id string) *node { return k.object("Ref", id) }

func (k maker) getAtt(id, attribute string) *node {
	return k.object("Fn::GetAtt", k.list(id, attribute))
}

func (k maker) sub(text string) *node { return k.object("Fn::Sub", text) }

// pass copies properties under the same names, in the given order.
func (k maker) pass(to, from *node, names ...string) {
	for _, name := range names {
		if n := from.get(name); n != nil {
			to.members = append(to.members, member{name, n})
		}
	}
}

// set puts a member, unless the node is nil.
func (n *node) set(name string, v *node) {
	if v == nil {
		return
	}
	for i := range n.members {
		if n.members[i].name == name {
			n.members[i].value = v
			return
		}
	}
	n.members = append(n.members, member{name, v})
}

// tags are those that SAM puts on what it makes, and the resource's own.
func (s *sam) tags(res *samResource, createdBy string) *node {
	list := res.at.list(res.at.object("Key", createdBy, "Value", "SAM"))
	own := res.properties.get("Tags")
	if own != nil && own.kind != value.KindObject {
		s.invalid(res, own, "'Tags' must be an object of names and values")
		return list
	}
	for _, m := range own.all() {
		at := maker{m.value}
		list.items = append(list.items, at.object("Key", m.name, "Value", m.value))
	}
	return list
}

// assumeRole is the trust policy of a role for a service.
func (k maker) assumeRole(service string) *node {
	return k.object("Version", "2012-10-17", "Statement", k.list(
		k.object("Effect", "Allow", "Action", k.list("sts:AssumeRole"), "Principal", k.object("Service", k.list(service)))))
}

// allow is a policy inside of a role, with one statement.
func (k maker) allow(name string, resource *node, actions ...string) *node {
	var action any = actions[0]
	if len(actions) > 1 {
		list := k.list()
		for _, a := range actions {
			list.items = append(list.items, k.text(a))
		}
		action = list
	}
	return k.object("PolicyName", name, "PolicyDocument", k.object("Statement", k.list(
		k.object("Effect", "Allow", "Action", action, "Resource", resource))))
}

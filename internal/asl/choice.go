package asl

import (
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// ruleKinds are the fields that make a rule what it is, in the order in which AWS lists them.
func ruleKinds() []string { return []string{"And", "Or", "Not", "Variable", "Condition"} }

// rules checks the rules of a Choice, or those within And and Or.
func (c *checker) rules(n *node, field *field, f frame) {
	if !c.is(n, value.KindArray) {
		return
	}
	if len(n.items()) == 0 {
		c.fault(n, "Value cannot be empty")
	}
	s := ruleShape
	if field.kind == kindNested {
		s = nestedRuleShape
	}
	for _, rule := range n.items() {
		c.rule(rule, s, f)
	}
}

func (c *checker) rule(n *node, s *shape, f frame) {
	c.object(n, s, f)
	if n.kind() != value.KindObject {
		return
	}
	kinds := 0
	for _, name := range ruleKinds() {
		if n.get(name) != nil {
			kinds++
		}
	}
	if kinds != 1 {
		c.fault(n, "The object must have only one of the following fields, %s", list(ruleKinds()))
		return
	}
	if f.language == JSONPath {
		c.operators(n)
	}
}

// operators checks that a rule about a variable has one operator, and others have none.
func (c *checker) operators(n *node) {
	var found []string
	for _, member := range n.members() {
		if _, _, ok := operatorNamed(member.name); !ok {
			continue
		}
		found = append(found, member.name)
		if n.get("Variable") == nil {
			c.faultIn(n, member, "Field '%s' is not supported", member.name)
		}
	}
	switch {
	case n.get("Variable") == nil:
	case len(found) == 0:
		var names []string
		for _, field := range operatorFields() {
			names = append(names, field.name)
		}
		c.fault(n, "This object should have only one of the following fields: %s", list(names))
	case len(found) > 1:
		c.fault(n, "There should only be one of the following fields: %s", list(found))
	}
}

// operatorNamed finds the operator of a field like StringEquals or, with path set, StringEqualsPath.
func operatorNamed(field string) (info OperatorInfo, path, ok bool) {
	bare, path := strings.CutSuffix(field, "Path")
	for _, info := range operatorTable {
		if string(info.Name) == bare && (info.HasPath || !path) {
			return info, path, true
		}
	}
	return OperatorInfo{}, false, false
}

var operatorTable = Operators()

package cfn

import (
	"errors"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// nestedType is the type of the resources that are stacks of their own.
const nestedType = "AWS::CloudFormation::Stack"

// nestedOutput begins the attributes that are the outputs of such a stack.
const nestedOutput = "Outputs."

// NestedStack is what a template says of a stack within it.
type NestedStack struct {
	LogicalID string
	// StackName is the name that CloudFormation forms.
	StackName string
	// TemplateURL is where the template says that the nested one lies: a path or a URL.
	TemplateURL string
	// Parameters are the nested template's by name, lists separated by commas.
	Parameters map[string]string
	Metadata   *value.Object
}

// nested returns the template of a stack within this one, resolved with the parameters that this one gives it; nil if it cannot be had.
func (r *resolver) nested(res *resource) *Template {
	if res.asked || res.circular {
		return res.Nested
	}
	res.asked = true
	if r.in.Nested == nil {
		return nil
	}
	i := r.identify(res)
	stack := NestedStack{LogicalID: res.LogicalID, StackName: i.name, TemplateURL: i.text("TemplateURL"), Parameters: map[string]string{}, Metadata: r.object(res.node.get("Metadata"))}
	if parameters, ok := i.property("Parameters").(*value.Object); ok {
		for name, v := range parameters.All() {
			stack.Parameters[name] = listText(v)
		}
	}
	template, err := r.in.Nested(stack)
	if err != nil {
		r.told(res.node, err)
	}
	res.Nested = template
	return template
}

// listText is a parameter's value as CloudFormation takes it: a list's items are separated by commas.
func listText(v value.Value) string {
	items, ok := v.(value.Array)
	if !ok {
		text, _ := scalarText(v)
		return text
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i], _ = scalarText(item)
	}
	return strings.Join(texts, ",")
}

// told reports an error at a place, unless it brings places of its own: those of another file.
func (r *resolver) told(at *node, err error) {
	var problems Problems
	if !errors.As(err, &problems) {
		r.problem(at, "%v", err)
		return
	}
	for _, problem := range problems {
		r.problems.add(problem)
	}
}

// nestedAttribute is an output of a stack within this one.
func (r *resolver) nestedAttribute(at *node, res *resource, attribute string) (value.Value, bool) {
	template := r.nested(res)
	if template == nil {
		r.madeUp++
		return value.String(r.identify(res).madeUpAttribute(attribute)), true
	}
	name := strings.TrimPrefix(attribute, nestedOutput)
	for _, out := range template.Outputs {
		if out.LogicalID == name {
			return value.String(out.Value), r.spend(at, len(out.Value))
		}
	}
	r.problem(at, "Template error: resource %s does not support attribute type %s in Fn::GetAtt: %s has no output %s.", res.LogicalID, attribute, template.File, name)
	return nil, false
}

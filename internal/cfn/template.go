package cfn

import (
	"cmp"
	"slices"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// Quotas of CloudFormation (user guide, "Understand CloudFormation quotas"), and one of ours.
const (
	MaxResources      = 500
	MaxParameters     = 200
	MaxMappings       = 200
	MaxOutputs        = 200
	MaxParameterBytes = 4096     // the value of a parameter
	MaxExpandedBytes  = 16 << 20 // the texts and lists that functions make, all together; ours, for a template may double a text again and again
)

// Input is what a template is resolved with.
type Input struct {
	// StackName is a letter followed by letters, digits and hyphens, up to 128 in all.
	StackName string
	Place     sfn.Place

	// Parameters are values by name, lists separated by commas. Others take their defaults.
	Parameters map[string]string

	// FunctionVersions are the numbers of the AWS::Lambda::Version resources, by the function's name; others are the first.
	FunctionVersions map[string]string

	// Export answers Fn::ImportValue. Nil knows no export.
	Export func(name string) (string, bool)

	// StackOutput answers Fn::GetStackOutput. Nil knows no stack.
	StackOutput func(stack, output string) (string, bool)

	// Include answers AWS::Include with the text at a location, which is as the template gives it: a path, or the URI of an object in S3. The
	// file's name is for messages. Nil knows none.
	Include func(location string) (file string, text []byte, err error)

	// Nested answers resources that are stacks of their own with their templates, resolved. Nil, or a nil template, knows none: their outputs
	// are made up.
	Nested func(NestedStack) (*Template, error)

	// Dynamic answers dynamic references, {{resolve:ssm:/a/b}} for example by what stands behind the first colon: ssm:/a/b. Those that it does not
	// know stay as they are. Nil knows none.
	Dynamic func(reference string) (string, bool)

	// StoredParameter answers parameters of the types AWS::SSM::Parameter::Value<...>. Nil knows none.
	StoredParameter func(name string) (string, bool)
}

// Template is a template of which everything is known.
type Template struct {
	File        string
	Description string
	StackName   string
	StackID     string
	Place       sfn.Place
	Parameters  []Parameter

	// Resources are those that the conditions let be created. Each follows all that it depends on; otherwise the order is the template's.
	Resources []*Resource

	// Excluded are those that the conditions leave out. They have no properties.
	Excluded []*Resource

	Outputs []Output

	// Unresolved are the dynamic references that stay as they are, without braces: ssm:/a/b.
	Unresolved []string

	byID map[string]*Resource
}

// Parameter is a parameter with its value. That of a NoEcho parameter reads "****".
type Parameter struct {
	Name, Type, Value string
	NoEcho            bool
}

// Resource is a resource with everything in it resolved.
type Resource struct {
	LogicalID string
	Type      string

	// Ref is what the function Ref gives: a name, an ARN, a URL, depending on the type.
	Ref string

	// Name is the physical name, as given in the properties or else formed from stack name and logical id.
	Name string

	Properties *value.Object
	Metadata   *value.Object

	// DependsOn are the logical ids of all resources that this one needs, whether the template says so or a function implies it, in
	// the template's order.
	DependsOn []string

	// Condition names the condition that decided about the resource, "" if it has none.
	Condition string

	// DeletionPolicy and UpdateReplacePolicy are Delete, Retain, Snapshot or RetainExceptOnCreate; "" where the template says nothing.
	DeletionPolicy, UpdateReplacePolicy string

	// Nested is the template of a stack of its own, nil if the resource is none or the template cannot be had.
	Nested *Template

	attributes map[string]string
	known      bool
	node       *node
	origin     *origin
}

// Output is an output of the stack.
type Output struct {
	LogicalID, Description, Value string
	// Export is the name under which other stacks import the value, "" if they may not.
	Export string
}

// TypeCount is a type of resource and how many there are of it.
type TypeCount struct {
	Type  string
	Count int
}

// Resource returns the created resource of that logical id.
func (t *Template) Resource(logicalID string) (*Resource, bool) {
	res, ok := t.byID[logicalID]
	return res, ok
}

// OfType returns the created resources of a type, in order.
func (t *Template) OfType(typeName string) []*Resource {
	var found []*Resource
	for _, res := range t.Resources {
		if res.Type == typeName {
			found = append(found, res)
		}
	}
	return found
}

// Unknown counts the created resources of types that are not in the table, in the order of the types' names. What Ref and Fn::GetAtt
// gave for them is made up.
func (t *Template) Unknown() []TypeCount {
	counts := map[string]int{}
	for _, res := range t.Resources {
		if !res.known {
			counts[res.Type]++
		}
	}
	var unknown []TypeCount
	for name, n := range counts {
		unknown = append(unknown, TypeCount{name, n})
	}
	slices.SortFunc(unknown, func(a, b TypeCount) int { return cmp.Compare(a.Type, b.Type) })
	return unknown
}

// Attribute returns what Fn::GetAtt gives for the attribute of a resource of a known type.
func (r *Resource) Attribute(name string) (string, bool) {
	text, ok := r.attributes[name]
	return text, ok
}

// Known tells whether the type is in the table of resource types.
func (r *Resource) Known() bool { return r.known }

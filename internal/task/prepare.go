package task

import (
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// Prepare returns the parameters with which the task is scheduled, or says why it cannot be: parameters that the integration does not know, or that
// have the wrong type, end an execution before anything is called. It depends on nothing but what it is given.
func (c *Catalog) Prepare(r asl.Resource, parameters *value.Data) (prepared *value.Data, why string) {
	if r.Kind != asl.ResourceService {
		return parameters, ""
	}
	key := r.Service + ":" + r.API
	shape := c.inputs[key]
	var prepare func(*value.Object) *value.Object
	if shape == nil {
		t, failure := c.target(r)
		if failure != nil {
			return parameters, failure.Cause.Text
		}
		shape, prepare = t.input(), t.action.prepare
	}
	if shape == nil {
		shape = awsmodel.NewStructure() // the operation takes nothing
	}
	in, ok := parameters.Value().(*value.Object)
	if !ok {
		return parameters, unusable(parameters, []string{"The Parameters must be a JSON object"})
	}
	var problems []string
	for _, name := range c.required[key] {
		if get(in, name) == nil {
			problems = append(problems, "The field '"+name+"' is required but was missing")
		}
	}
	problems = append(problems, shape.Problems(in)...)
	if key == "http:invoke" {
		problems = append(problems, httpProblems(in)...)
	}
	if len(problems) > 0 {
		return parameters, unusable(parameters, slices.Compact(problems))
	}
	if prepare != nil {
		if changed := prepare(in); changed != in {
			return value.NewData(changed), ""
		}
	}
	return parameters, ""
}

// unusable is the sentence with which AWS refuses parameters, as recorded.
func unusable(parameters *value.Data, problems []string) string {
	return "The Parameters '" + parameters.Text() + "' could not be used to start the Task: [" + strings.Join(problems, ", ") + "]"
}

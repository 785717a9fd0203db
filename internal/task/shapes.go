package task

import (
	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/awsmodel"
)

// ResultShape returns what the service's API describes of a task's result, for the check of mocked ones: what the operation gives or, of the
// pattern .sync, the operation that is asked for the job. It is nil where AWS checks nothing: of functions by their ARN, activities, HTTP
// requests, API Gateway, what is inside a cluster of EKS, and actions that no model describes.
func (c *Catalog) ResultShape(r asl.Resource) *awsmodel.Shape {
	if r.Kind != asl.ResourceService {
		return nil
	}
	key := r.Service + ":" + r.API
	if key == "lambda:invoke" {
		return c.outputOf("lambda", "invoke")
	}
	if c.performers[key] != nil {
		return nil
	}
	t, failure := c.target(r)
	if failure != nil {
		return nil
	}
	if kind, ok := c.jobs[key]; ok && r.RunsJob() {
		return c.outputOf(t.model.Name, kind.describe)
	}
	if t.action.operation != "" {
		return nil // the integration makes something of its own of it
	}
	return t.operation.Output
}

func (c *Catalog) outputOf(service, operation string) *awsmodel.Shape {
	model, ok := c.models.Service(service)
	if !ok {
		return nil
	}
	o, ok := model.Operation(operation)
	if !ok {
		return nil
	}
	return o.Output
}

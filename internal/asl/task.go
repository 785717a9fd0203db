package asl

import (
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// resource checks the Resource of a Task.
func (c *checker) resource(n *node, f frame) {
	if !c.is(n, value.KindString) {
		return
	}
	text, _ := n.text()
	r, err := ParseResource(text)
	switch {
	case err != nil && c.draft != nil && mayBecomeARN(text):
		c.warn(sfn.CodeSchemaValidation, n, "%s", err)
		return
	case err != nil:
		c.fault(n, "%s", err)
		return
	}
	n.compiled = r
	if !f.express {
		return
	}
	switch {
	case r.Kind == ResourceActivity:
		c.fault(n, "Express state machine does not support Activity ARN")
	case r.RunsJob():
		c.fault(n, "Express state machine does not support '.sync' service integration")
	case r.WaitsForToken():
		// The second blank is AWS's.
		c.fault(n, "Express state machine does not support '.waitForTaskToken' service integration ")
	}
}

// mayBecomeARN tells whether a Resource that is refused may be right by the time that it is deployed: it is no ARN yet, or an action of an SDK
// that the models here do not know, since AWS adds some every week.
func mayBecomeARN(text string) bool {
	return !strings.HasPrefix(text, "arn:") && !strings.Contains(text, "${") || strings.Contains(text, ":states:::aws-sdk:")
}

// storage checks the Resource of an ItemReader or a ResultWriter.
func (c *checker) storage(n *node, apis ...string) {
	if !c.is(n, value.KindString) {
		return
	}
	text, _ := n.text()
	r, ok := splitResource(text)
	if !hasPlaceholder(text) && (!ok || r.Kind != ResourceService || r.Service != "s3" || r.Pattern != RequestResponse || !slices.Contains(apis, r.API)) {
		c.fault(n, "The field 'Resource' does not match any of the allowed values")
		return
	}
	n.compiled = r
}

// credentials checks the Credentials of a Task. AWS ignores what else stands beside the role.
func (c *checker) credentials(n *node, f frame) {
	if !c.is(n, value.KindObject) {
		return
	}
	if n.get("RoleArn") == nil && (f.language == JSONata || n.get("RoleArn.$") == nil) {
		c.fault(n, "The field 'RoleArn' is required but was missing")
		return
	}
	if r, ok := compiledOf[Resource](f.state.get("Resource")); ok && r.Kind == ResourceActivity {
		c.fault(n, "The field 'Credentials' is not supported for activities")
	}
	if role := n.get("RoleArn"); role != nil {
		if !c.expression(role, &field{}, f) {
			c.is(role, value.KindString)
		}
		return
	}
	role := n.get("RoleArn.$")
	text, ok := role.text()
	x, err := payload.CompilePathOrCall(role.name, text)
	if !ok || err != nil && !hasPlaceholder(text) {
		c.faultIn(n, role, "The value for the field 'RoleArn.$' must be a valid JSONPath or a valid intrinsic function call")
		return
	}
	if err == nil {
		role.compiled = x
		c.reads(f, x.Variables())
	}
}

// arguments checks that a call of a service has the parameters without which AWS refuses it. Activities and functions need none.
func (c *checker) arguments(task *node, f frame) {
	r, ok := compiledOf[Resource](task.get("Resource"))
	if !ok || r.Kind != ResourceService {
		return
	}
	name := "Parameters"
	if f.language == JSONata {
		name = "Arguments"
	}
	arguments := task.get(name)
	if arguments == nil {
		c.fault(task, "%s field is required for resource ARN: %s", name, r.ARN)
		return
	}
	if arguments.kind() != value.KindObject {
		return
	}
	for _, required := range integrations[action{r.Service, r.API}].Required {
		if arguments.get(required) == nil && (f.language == JSONata || arguments.get(required+".$") == nil) {
			c.fault(arguments, "The field '%s' is required but was missing", required)
		}
	}
}

// heartbeat checks that a heartbeat is due before the timeout, where both are numbers (Amazon States Language, "Task State"). AWS's
// words are not recorded.
func (c *checker) heartbeat(task *node) {
	timeout, heartbeat := task.get("TimeoutSeconds"), task.get("HeartbeatSeconds")
	if timeout == nil || heartbeat == nil {
		return
	}
	if order, ok := value.CompareNumbers(heartbeat.value, timeout.value); ok && order >= 0 {
		c.fault(heartbeat, "The value of 'HeartbeatSeconds' must be smaller than the value of 'TimeoutSeconds'")
	}
}

// compiledOf returns what a check left on the node, if it is a T.
func compiledOf[T any](n *node) (T, bool) {
	var zero T
	if n == nil {
		return zero, false
	}
	v, ok := n.compiled.(T)
	return v, ok
}

package task

import (
	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// action is what an optimized integration does beyond calling the operation of the same name with the task's parameters.
type action struct {
	// model is the service's model where it is another than the service's.
	model string
	// operation is called instead.
	operation string
	// input is what the parameters look like where that is not what the operation takes.
	input *awsmodel.Shape
	// prepare returns the parameters with which the task is scheduled.
	prepare func(in *value.Object) *value.Object
	// find is what the integration looks up by its name before it calls the operation; nil for nothing.
	find *find
	// request makes the operation's input of the parameters.
	request func(c Call, in *value.Object) *value.Object
	// result makes the integration's result of the operation's.
	result func(out *value.Object) (*value.Object, *sfn.Failure)
	// refusal says why the action is not served here.
	refusal string
}

// find says how an id is looked up: operation lists what there is in the cluster, list is the member with the list, name the task's parameter with the
// name.
type find struct{ operation, list, name string }

var (
	anyText = &awsmodel.Shape{Kind: awsmodel.String}
	anyBool = &awsmodel.Shape{Kind: awsmodel.Boolean}
	anyJSON = &awsmodel.Shape{Kind: awsmodel.Structure, Document: true}
)

// take returns the input shape with members of these names, which take any text, or any JSON where the name ends in "{}".
func take(names ...string) *awsmodel.Shape {
	members := make([]awsmodel.Member, len(names))
	for i, name := range names {
		shape := anyText
		if n := len(name) - len("{}"); n > 0 && name[n:] == "{}" {
			name, shape = name[:n], anyJSON
		}
		members[i] = awsmodel.Member{Name: name, Shape: shape}
	}
	return awsmodel.NewStructure(members...)
}

// actions are by "service:api".
func actions() map[string]action {
	return map[string]action{
		"states:startExecution": {request: startNamed},
		"events:putEvents":      {request: eventsOfExecution, result: failedEntries},
		"ecs:runTask":           {prepare: startedByStepFunctions},
		// A service's own API has other names than the integrations of EMR (developer guide, "Call Amazon EMR").
		"elasticmapreduce:createCluster": {operation: "runJobFlow", result: clusterOfJobFlow},
		"elasticmapreduce:terminateCluster": {operation: "terminateJobFlows", input: take("ClusterId"),
			request: func(_ Call, in *value.Object) *value.Object {
				return object("JobFlowIds", value.Array{get(in, "ClusterId")})
			}},
		"elasticmapreduce:addStep": {operation: "addJobFlowSteps", input: take("ClusterId", "Step{}", "ExecutionRoleArn"), result: onlyStep,
			request: func(_ Call, in *value.Object) *value.Object {
				return object("JobFlowId", get(in, "ClusterId"), "Steps", value.Array{get(in, "Step")}, "ExecutionRoleArn", get(in, "ExecutionRoleArn"))
			}},
		"elasticmapreduce:cancelStep": {operation: "cancelSteps", input: take("ClusterId", "StepId"), result: onlyCancelled,
			request: func(_ Call, in *value.Object) *value.Object {
				return object("ClusterId", get(in, "ClusterId"), "StepIds", value.Array{get(in, "StepId")})
			}},
		"elasticmapreduce:setClusterTerminationProtection": {operation: "setTerminationProtection",
			input: awsmodel.NewStructure(awsmodel.Member{Name: "ClusterId", Shape: anyText}, awsmodel.Member{Name: "TerminationProtected", Shape: anyBool}),
			request: func(_ Call, in *value.Object) *value.Object {
				return object("JobFlowIds", value.Array{get(in, "ClusterId")}, "TerminationProtected", get(in, "TerminationProtected"))
			}},
		"elasticmapreduce:modifyInstanceFleetByName": {operation: "modifyInstanceFleet", input: take("ClusterId", "InstanceFleetName", "InstanceFleet{}"),
			find: &find{operation: "listInstanceFleets", list: "InstanceFleets", name: "InstanceFleetName"},
			request: func(_ Call, in *value.Object) *value.Object {
				return object("ClusterId", get(in, "ClusterId"), "InstanceFleet", member(in, "InstanceFleet").With("InstanceFleetId", get(in, found)))
			}},
		"elasticmapreduce:modifyInstanceGroupByName": {operation: "modifyInstanceGroups", input: take("ClusterId", "InstanceGroupName", "InstanceGroup{}"),
			find: &find{operation: "listInstanceGroups", list: "InstanceGroups", name: "InstanceGroupName"},
			request: func(_ Call, in *value.Object) *value.Object {
				return object("ClusterId", get(in, "ClusterId"), "InstanceGroups", value.Array{member(in, "InstanceGroup").With("InstanceGroupId", get(in, found))})
			}},
		"eks:runJob":                     {refusal: kubernetes},
		"eks:call":                       {refusal: kubernetes},
		"bedrock:invokeModel":            {model: "bedrockruntime", input: take("ModelId", "Body{}", "ContentType", "Accept", "GuardrailIdentifier", "GuardrailVersion", "Trace"), result: parsedBody},
		"bedrockagentcore:invokeHarness": {refusal: "the answers of this action are a stream of events that only AWS can assemble"},
	}
}

const kubernetes = "it calls a cluster's own Kubernetes API, which needs that cluster's network and certificates"

// found is the member of a request under which the id stands that was looked up.
const found = "found"

// member returns the member if it is an object, else an empty one.
func member(o *value.Object, name string) *value.Object {
	if inner, ok := get(o, name).(*value.Object); ok {
		return inner
	}
	return value.NewObject()
}

// object makes an object of names and values; members without a value are left out.
func object(pairs ...any) *value.Object {
	var members []value.Member
	for i := 0; i < len(pairs); i += 2 {
		if v, ok := pairs[i+1].(value.Value); ok && v != nil {
			members = append(members, value.Member{Name: pairs[i].(string), Value: v})
		}
	}
	return value.NewObject(members...)
}

// get returns the member, nil if it is not there.
func get(o *value.Object, name string) value.Value {
	v, ok := o.Get(name)
	if !ok {
		return nil
	}
	return v
}

// startedByStepFunctions marks the tasks that Step Functions starts, as recorded.
func startedByStepFunctions(in *value.Object) *value.Object {
	if get(in, "StartedBy") != nil {
		return in
	}
	return in.With("StartedBy", value.String("AWS Step Functions"))
}

// eventsOfExecution adds to every event where it comes from (developer guide, "Add EventBridge events with Step Functions").
func eventsOfExecution(c Call, in *value.Object) *value.Object {
	entries, ok := get(in, "Entries").(value.Array)
	if !ok {
		return in
	}
	from := value.Array{value.String(c.Execution)}
	if arn, err := sfn.ParseExecutionARN(c.Execution); err == nil {
		from = value.Array{value.String(arn.Machine.Unqualified()), value.String(c.Execution)}
	}
	out := make(value.Array, len(entries))
	for i, entry := range entries {
		o, ok := entry.(*value.Object)
		if !ok {
			out[i] = entry
			continue
		}
		resources, _ := get(o, "Resources").(value.Array)
		out[i] = o.With("Resources", append(append(value.Array{}, resources...), from...))
	}
	return in.With("Entries", out)
}

// failedEntries fails the task if any event was refused.
func failedEntries(out *value.Object) (*value.Object, *sfn.Failure) {
	if n, ok := value.Integer(get(out, "FailedEntryCount")); !ok || n == 0 {
		return out, nil
	}
	return nil, sfn.Fail("EventBridge.FailedEntry", "%s", value.Text(object("Entries", get(out, "Entries"), "FailedEntryCount", get(out, "FailedEntryCount"))))
}

func clusterOfJobFlow(out *value.Object) (*value.Object, *sfn.Failure) {
	return object("ClusterId", get(out, "JobFlowId")), nil
}

func onlyStep(out *value.Object) (*value.Object, *sfn.Failure) {
	if ids, ok := get(out, "StepIds").(value.Array); ok && len(ids) > 0 {
		return object("StepId", ids[0]), nil
	}
	return out, nil
}

func onlyCancelled(out *value.Object) (*value.Object, *sfn.Failure) {
	if list, ok := get(out, "CancelStepsInfoList").(value.Array); ok && len(list) > 0 {
		return object("CancelStepsInfo", list[0]), nil
	}
	return out, nil
}

// parsedBody shows the body of a model's answer as JSON where it is JSON.
func parsedBody(out *value.Object) (*value.Object, *sfn.Failure) {
	body := get(out, "Body")
	if text, ok := body.(value.String); ok {
		if parsed, err := value.Parse(string(text)); err == nil {
			body = parsed
		}
	}
	return object("Body", body, "ContentType", get(out, "ContentType")), nil
}

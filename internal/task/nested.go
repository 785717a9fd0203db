package task

import (
	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/value"
)

// nestedMembers are the members of a nested execution's description, in AWS's order, which is the alphabet's (spec history.md section 4.3).
var nestedMembers = []string{
	"Cause", "Error", "ExecutionArn", "Input", "InputDetails", "MapRunArn", "Name", "Output", "OutputDetails", "RedriveCount", "RedriveDate",
	"RedriveStatus", "RedriveStatusReason", "StartDate", "StateMachineAliasArn", "StateMachineArn", "StateMachineVersionArn", "Status", "StopDate",
	"TraceHeader",
}

// nestedResult is the result of startExecution.sync: the description of the execution that succeeded. With .sync:2 its input and output are
// JSON.
func nestedResult(r asl.Resource, job *value.Object) *value.Object {
	var members []value.Member
	for _, name := range nestedMembers {
		v := get(job, name)
		if v == nil {
			continue
		}
		if text, ok := v.(value.String); ok && r.Pattern == asl.RunJob2 && (name == "Input" || name == "Output") {
			if parsed, err := value.Parse(string(text)); err == nil {
				v = parsed
			}
		}
		members = append(members, value.Member{Name: name, Value: v})
	}
	return value.NewObject(members...)
}

// failedExecution is the cause of the failure of startExecution.sync.
func failedExecution(job *value.Object) *value.Object {
	var members []value.Member
	for _, name := range nestedMembers {
		if v := get(job, name); v != nil && name != "RedriveStatusReason" {
			members = append(members, value.Member{Name: name, Value: v})
		}
	}
	return value.NewObject(members...)
}

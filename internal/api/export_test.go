package api

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
)

// OperationNames lists the table of operations.
func OperationNames() []string { return slices.Sorted(maps.Keys(statesOperations)) }

// ExceptionNames lists the table of exceptions.
func ExceptionNames() []sfn.ExceptionName { return slices.Sorted(maps.Keys(statesProtocol.exceptions)) }

// Decode is the reader of request bodies.
var Decode = decode

// Token makes and opens page tokens.
var (
	PageToken = pageToken
	OpenToken = openToken
)

// LogsOperationNames lists the table of operations of CloudWatch Logs.
func LogsOperationNames() []string { return slices.Sorted(maps.Keys(logsOperations)) }

// EnumSet prints an enum.
var EnumSet = enumSet

// statesRequests are the structs that requests are read into.
var statesRequests = map[string]reflect.Type{
	"CreateActivity":                   reflect.TypeFor[createActivityInput](),
	"CreateStateMachine":               reflect.TypeFor[createStateMachineInput](),
	"CreateStateMachineAlias":          reflect.TypeFor[createStateMachineAliasInput](),
	"DeleteActivity":                   reflect.TypeFor[activityInput](),
	"DeleteStateMachine":               reflect.TypeFor[deleteStateMachineInput](),
	"DeleteStateMachineAlias":          reflect.TypeFor[aliasInput](),
	"DeleteStateMachineVersion":        reflect.TypeFor[deleteStateMachineVersionInput](),
	"DescribeActivity":                 reflect.TypeFor[activityInput](),
	"DescribeExecution":                reflect.TypeFor[describeExecutionInput](),
	"DescribeStateMachine":             reflect.TypeFor[describeStateMachineInput](),
	"DescribeStateMachineAlias":        reflect.TypeFor[aliasInput](),
	"DescribeStateMachineForExecution": reflect.TypeFor[describeStateMachineForExecutionInput](),
	"GetActivityTask":                  reflect.TypeFor[getActivityTaskInput](),
	"GetExecutionHistory":              reflect.TypeFor[getExecutionHistoryInput](),
	"DescribeMapRun":                   reflect.TypeFor[describeMapRunInput](),
	"ListMapRuns":                      reflect.TypeFor[listMapRunsInput](),
	"UpdateMapRun":                     reflect.TypeFor[updateMapRunInput](),
	"ListActivities":                   reflect.TypeFor[listActivitiesInput](),
	"ListExecutions":                   reflect.TypeFor[listExecutionsInput](),
	"ListStateMachineAliases":          reflect.TypeFor[listStateMachineAliasesInput](),
	"ListStateMachineVersions":         reflect.TypeFor[listStateMachineVersionsInput](),
	"ListStateMachines":                reflect.TypeFor[listStateMachinesInput](),
	"ListTagsForResource":              reflect.TypeFor[listTagsForResourceInput](),
	"PublishStateMachineVersion":       reflect.TypeFor[publishStateMachineVersionInput](),
	"RedriveExecution":                 reflect.TypeFor[redriveExecutionInput](),
	"SendTaskFailure":                  reflect.TypeFor[sendTaskFailureInput](),
	"SendTaskHeartbeat":                reflect.TypeFor[sendTaskHeartbeatInput](),
	"SendTaskSuccess":                  reflect.TypeFor[sendTaskSuccessInput](),
	"StartExecution":                   reflect.TypeFor[startExecutionInput](),
	"StartSyncExecution":               reflect.TypeFor[startSyncExecutionInput](),
	"StopExecution":                    reflect.TypeFor[stopExecutionInput](),
	"TagResource":                      reflect.TypeFor[tagResourceInput](),
	"TestState":                        reflect.TypeFor[testStateInput](),
	"UntagResource":                    reflect.TypeFor[untagResourceInput](),
	"UpdateStateMachine":               reflect.TypeFor[updateStateMachineInput](),
	"UpdateStateMachineAlias":          reflect.TypeFor[updateStateMachineAliasInput](),
	"ValidateStateMachineDefinition":   reflect.TypeFor[validateStateMachineDefinitionInput](),
}

// DescribeModel lists the constraints of every operation by path, as words.
func DescribeModel() map[string]map[string]string {
	all := map[string]map[string]string{}
	for name, request := range statesRequests {
		all[name] = map[string]string{}
		describeShape(all[name], "", shapeOf(request), request)
	}
	return all
}

func describeShape(members map[string]string, path string, s shape, t reflect.Type) {
	for _, m := range s {
		at, field := path+"."+m.name, t.Field(m.index).Type
		members[at] = m.words()
		if field.Kind() == reflect.Pointer {
			field = field.Elem()
		}
		if field.Kind() == reflect.Slice {
			at, field = at+"[]", field.Elem()
			members[at] = rules{length: m.each}.words()
		}
		if m.inner != nil {
			describeShape(members, at, m.inner, field)
		}
	}
}

// words are the rules as botocore's model would have them, the ARN's kind aside.
func (r rules) words() string {
	var words []string
	ends := func(name string, b *bounds) {
		text := func(n int) string {
			if n == math.MinInt || n == math.MaxInt {
				return ""
			}
			return strconv.Itoa(n)
		}
		if b != nil {
			words = append(words, name+"="+text(b.least)+":"+text(b.most))
		}
	}
	if r.required {
		words = append(words, "required")
	}
	if r.bytes > 0 {
		words = append(words, "bytes="+strconv.Itoa(r.bytes))
	}
	ends("length", r.length)
	ends("range", r.span)
	if r.pattern != "" {
		words = append(words, "pattern="+patterns[r.pattern].text)
	}
	if r.enum != "" {
		words = append(words, fmt.Sprint("enum=", enums[r.enum]))
	}
	if r.sensitive {
		words = append(words, "sensitive")
	}
	return strings.Join(words, " ")
}

// EventsOperationNames lists the table of operations of EventBridge.
func EventsOperationNames() []string { return slices.Sorted(maps.Keys(eventsOperations)) }

// SchedulerOperationNames lists the table of operations of EventBridge Scheduler.
func SchedulerOperationNames() []string { return slices.Sorted(maps.Keys(schedulerOperations)) }

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// wildcards lists the actions that may be granted on "*", each with the reason. All others name what they are about.
var wildcards = map[string]string{
	"xray:PutTraceSegments":         "X-Ray knows no resource type for traces",
	"xray:PutTelemetryRecords":      "X-Ray knows no resource type for traces",
	"xray:GetSamplingRules":         "X-Ray knows no resource type that reading the rules in force could name",
	"xray:GetSamplingTargets":       "X-Ray knows no resource type that reading the rules in force could name",
	"logs:CreateLogDelivery":        "log deliveries have no ARN",
	"logs:GetLogDelivery":           "log deliveries have no ARN",
	"logs:UpdateLogDelivery":        "log deliveries have no ARN",
	"logs:DeleteLogDelivery":        "log deliveries have no ARN",
	"logs:ListLogDeliveries":        "log deliveries have no ARN",
	"logs:PutResourcePolicy":        "there is one set of resource policies for the account",
	"logs:DescribeResourcePolicies": "there is one set of resource policies for the account",
	"logs:DescribeLogGroups":        "Step Functions lists the groups to find the destination",
}

// unconditional lists the services that may assume a role without conditions on their source, each with the reason.
var unconditional = map[string]string{
	"lambda.amazonaws.com":     "Lambda does not give the keys (see NewGoFunction)",
	"apigateway.amazonaws.com": "API Gateway's documentation does not promise the keys (see newStartRoute)",
}

// withoutQueue lists the schedules and rules that have no dead-letter queue, by logical id without its hash, each with the reason.
var withoutQueue = map[string]string{
	"EndpointWatchSchedule":      "a start that was lost is made up by the next one a few minutes later",
	"EndpointWatchRequestedRule": "whoever asks for a run sees that there is none, and the schedule makes it up",
}

// rules are what every template keeps, whatever is added to it. Each returns what breaks it.
var rules = map[string]func(template) []string{
	"no wildcard action":                        noWildcardAction,
	"no wildcard resource without a reason":     noWildcardResource,
	"no managed policy":                         noManagedPolicy,
	"services act for this account only":        trustIsNarrow,
	"a role for each":                           ownRole,
	"a log group for each function":             functionLogs,
	"all events of a state machine logged":      machineLogs,
	"a lost start is somebody's decision":       scheduleDecision,
	"log groups end":                            logRetention,
	"a machine may invoke just what it invokes": machinePermissions,
	"a function ends before its state does":     functionTimeouts,
	"an API knows its callers":                  apiRoutes,
	"somebody hears of failures":                failureAlarms,
}

func TestRules(t *testing.T) {
	for _, config := range stages() {
		for name, rule := range rules {
			t.Run(config.Stage+"/"+name, func(t *testing.T) {
				for _, problem := range rule(templateOf(t, config.Stage)) {
					t.Error(problem)
				}
			})
		}
	}
}

// An exception that nothing needs any more is a hole.
func TestExceptionsAreNeeded(t *testing.T) {
	needed := map[string]bool{}
	for _, config := range stages() {
		tpl := templateOf(t, config.Stage)
		for _, s := range statements(tpl) {
			if s.onAnything() {
				for _, action := range s.actions {
					needed[action] = true
				}
			}
		}
		for id := range starters(tpl) {
			needed[withoutHash(id)] = true
		}
	}
	for _, list := range []map[string]string{wildcards, withoutQueue} {
		for name := range list {
			if !needed[name] {
				t.Errorf("nothing needs the exception for %s", name)
			}
		}
	}
}

// Each rule must be able to say no.
func TestRulesRefuse(t *testing.T) {
	policy := func(statement string) string {
		return `"P": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Statement": [` + statement + `]}, "Roles": [{"Ref": "R"}]}}`
	}
	trust := func(statement string) string {
		return `"R": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": [` + statement + `]}}}`
	}
	function := func(properties string) string {
		return `"F": {"Type": "AWS::Lambda::Function", "Properties": {` + properties + `}}`
	}
	machine := func(definition, more string) string {
		text, _ := json.Marshal(definition)
		return `"M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": ` + string(text) +
			`, "DefinitionSubstitutions": {"FArn": {"Fn::GetAtt": ["F", "Arn"]}}, "RoleArn": {"Fn::GetAtt": ["R", "Arn"]}` + more + `}}`
	}
	schedule := func(id, target string) string {
		return `"` + id + `": {"Type": "AWS::Scheduler::Schedule", "Properties": {"Target": {` + target + `}}}`
	}
	const invoke = `{"States": {"S": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "${FArn}"}, "TimeoutSeconds": 10}}}`
	for _, test := range []struct{ rule, resources, want string }{
		{"no wildcard action", policy(`{"Action": "s3:Get*", "Resource": "a"}`), "s3:Get*"},
		{"no wildcard action", policy(`{"NotAction": "s3:GetObject", "Resource": "a"}`), "NotAction"},
		{"no wildcard action", policy(`{"Action": "s3:GetObject", "NotResource": "a"}`), "NotResource"},
		{"no wildcard resource without a reason", policy(`{"Action": "s3:GetObject", "Resource": "*"}`), "s3:GetObject"},
		{"no wildcard resource without a reason", policy(`{"Action": ["xray:PutTraceSegments", "s3:GetObject"], "Resource": ["*"]}`), "s3:GetObject"},
		{"no wildcard resource without a reason", policy(`{"Action": "s3:GetObject", "Resource": {"Fn::Join": ["", ["arn:", {"Ref": "B"}, "/*"]]}}`), "s3:GetObject"},
		{"no managed policy", `"R": {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": ["x"]}}`, "R"},
		{"services act for this account only", trust(`{"Principal": {"Service": "states.amazonaws.com"}}`), "aws:SourceAccount"},
		{"services act for this account only", trust(`{"Principal": {"Service": "states.amazonaws.com"}, "Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}`), "aws:SourceArn"},
		{"services act for this account only", trust(`{"Principal": {"AWS": "*"}}`), "AWS"},
		{"services act for this account only", trust(`{"Principal": "*"}`), "*"},
		{"a role for each", function(`"Role": {"Fn::GetAtt": ["R", "Arn"]}`) + "," + machine("{}", ""), "R"},
		{"a role for each", function(`"Role": "arn:aws:iam::1:role/shared"`), "shared"},
		{"a log group for each function", function(``), "F"},
		{"a log group for each function", function(`"LoggingConfig": {"LogGroup": "elsewhere"}`), "elsewhere"},
		{"all events of a state machine logged", machine("{}", ""), "M"},
		{"all events of a state machine logged", machine("{}", `, "LoggingConfiguration": {"Level": "ERROR"}`), "M"},
		{"a lost start is somebody's decision", schedule("EndpointWatchSchedule12345678", ``), "RetryPolicy"},
		{"a lost start is somebody's decision", schedule("Nightly12345678", `"RetryPolicy": {}`), "DeadLetterConfig"},
		{"log groups end", `"L": {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Delete"}`, "RetentionInDays"},
		{"log groups end", `"L": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 1}}`, "DeletionPolicy"},
		{"a lost start is somebody's decision", `"Later12345678": {"Type": "AWS::Events::Rule", "Properties": {"Targets": [{"RetryPolicy": {}}]}}`, "DeadLetterConfig"},
		{"a role for each", `"E": {"Type": "AWS::Events::Rule", "Properties": {"Targets": [{"RoleArn": "a"}, {"RoleArn": "a"}]}}`, "a"},
		{"somebody hears of failures", machine("{}", ""), "M: no alarm"},
		{"somebody hears of failures", machine("{}", "") + `, "A": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": [{"MetricStat": {"Metric": {"Dimensions": [{"Value": {"Ref": "M"}}]}}}]}}`, "A: no AlarmActions"},
		{"an API knows its callers", `"R": {"Type": "AWS::ApiGatewayV2::Route"}`, "AuthorizationType"},
		{"an API knows its callers", `"R": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"AuthorizationType": "NONE"}}`, "AuthorizationType"},
		{"an API knows its callers", `"S": {"Type": "AWS::ApiGatewayV2::Stage"}`, "ThrottlingRateLimit"},
		{"an API knows its callers", `"S": {"Type": "AWS::ApiGatewayV2::Stage"}`, "AccessLogSettings"},
		{"a machine may invoke just what it invokes", machine(invoke, ""), "<F.Arn>"},
		{"a machine may invoke just what it invokes", machine("{}", "") + "," + policy(`{"Action": "lambda:InvokeFunction", "Resource": "G"}`), "G"},
		{"a machine may invoke just what it invokes", machine(`{"States": {"S": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish"}}}`, ""), "sns:publish"},
		{"a function ends before its state does", function(`"Timeout": 10`) + "," + machine(invoke, ""), "10"},
		{"a function ends before its state does", function(``) + "," + machine(invoke, ""), "F"},
	} {
		tpl, err := readTemplate("dev", []byte(`{"Resources": {`+test.resources+`}}`))
		if err != nil {
			t.Fatalf("%s: %v", test.resources, err)
		}
		if problems := strings.Join(rules[test.rule](tpl), "\n"); !strings.Contains(problems, test.want) {
			t.Errorf("%s: %s: have problems %q, want %q among them", test.rule, test.resources, problems, test.want)
		}
	}
}

func noWildcardAction(tpl template) (problems []string) {
	for _, s := range statements(tpl) {
		for _, field := range []string{"NotAction", "NotResource", "NotPrincipal"} {
			if s.raw[field] != nil {
				problems = append(problems, fmt.Sprintf("%s: %s allows whatever is invented next", s.where, field))
			}
		}
		for _, action := range s.actions {
			if strings.Contains(action, "*") {
				problems = append(problems, fmt.Sprintf("%s: action %s", s.where, action))
			}
		}
	}
	return problems
}

func noWildcardResource(tpl template) (problems []string) {
	for _, s := range statements(tpl) {
		for _, action := range s.actions {
			if s.onAnything() && wildcards[action] == "" {
				problems = append(problems, fmt.Sprintf("%s: %s on %v: name the resource, or add the action to wildcards with a reason", s.where, action, s.resources))
			}
		}
	}
	return problems
}

func noManagedPolicy(tpl template) (problems []string) {
	for id, role := range tpl.of("AWS::IAM::Role") {
		if role.Properties["ManagedPolicyArns"] != nil {
			problems = append(problems, id+" has managed policies, which AWS changes as it likes")
		}
	}
	return problems
}

// trustIsNarrow asks for aws:SourceAccount and aws:SourceArn of every service but those in unconditional.
func trustIsNarrow(tpl template) (problems []string) {
	for _, s := range statements(tpl) {
		if !s.trust {
			continue
		}
		principal, ok := s.raw["Principal"].(object)
		service, _ := principal["Service"].(string)
		if !ok || len(principal) != 1 || service == "" {
			problems = append(problems, fmt.Sprintf("%s: principal %v, want one service", s.where, s.raw["Principal"]))
			continue
		}
		condition, _ := s.raw["Condition"].(object)
		equals, _ := condition["StringEquals"].(object)
		for _, key := range []string{"aws:SourceAccount", "aws:SourceArn"} {
			if unconditional[service] == "" && equals[key] == nil {
				problems = append(problems, fmt.Sprintf("%s: %s may assume it without %s", s.where, service, key))
			}
		}
	}
	return problems
}

// ownRole asks for a role of the template, and another one for each thing that acts.
func ownRole(tpl template) (problems []string) {
	users := map[string][]string{}
	for id, r := range tpl.Resources {
		roles := []any{}
		for _, at := range [][]string{{"Role"}, {"RoleArn"}, {"CredentialsArn"}, {"Target", "RoleArn"}} {
			roles = append(roles, dig(r.Properties, at...))
		}
		for _, target := range list(r.Properties["Targets"]) {
			roles = append(roles, dig(target, "RoleArn"))
		}
		for _, role := range roles {
			if role != nil {
				users[render(role)] = append(users[render(role)], id)
			}
		}
	}
	for role, ids := range users {
		if _, ok := tpl.Resources[strings.TrimSuffix(strings.Trim(role, "<>"), ".Arn")]; !ok {
			problems = append(problems, fmt.Sprintf("%v: role %s is not in the template", ids, role))
		}
		if len(ids) > 1 {
			problems = append(problems, fmt.Sprintf("%v share the role %s", slices.Sorted(slices.Values(ids)), role))
		}
	}
	return problems
}

func functionLogs(tpl template) (problems []string) {
	groups := tpl.of("AWS::Logs::LogGroup")
	for id, f := range tpl.of("AWS::Lambda::Function") {
		group := render(dig(f.Properties, "LoggingConfig", "LogGroup"))
		if _, ok := groups[strings.Trim(group, "<>")]; !ok {
			problems = append(problems, fmt.Sprintf("%s: log group %q is not in the template: Lambda would make one without end", id, group))
		}
	}
	return problems
}

func machineLogs(tpl template) (problems []string) {
	for id, m := range tpl.of("AWS::StepFunctions::StateMachine") {
		destinations, _ := dig(m.Properties, "LoggingConfiguration", "Destinations").([]any)
		if dig(m.Properties, "LoggingConfiguration", "Level") != "ALL" || len(destinations) == 0 {
			problems = append(problems, fmt.Sprintf("%s: logging %v, want level ALL and a destination", id, m.Properties["LoggingConfiguration"]))
		}
	}
	return problems
}

func scheduleDecision(tpl template) (problems []string) {
	for id, targets := range starters(tpl) {
		for _, target := range targets {
			if dig(target, "RetryPolicy") == nil {
				problems = append(problems, id+": no RetryPolicy: a start would be tried for a day")
			}
			if dig(target, "DeadLetterConfig") == nil && withoutQueue[withoutHash(id)] == "" {
				problems = append(problems, id+": no DeadLetterConfig: add a queue, or its id to withoutQueue with a reason")
			}
		}
	}
	return problems
}

// starters returns the targets of all schedules and rules, by logical id.
func starters(tpl template) map[string][]any {
	found := map[string][]any{}
	for id, s := range tpl.of("AWS::Scheduler::Schedule") {
		found[id] = list(s.Properties["Target"])
	}
	for id, r := range tpl.of("AWS::Events::Rule") {
		found[id] = list(r.Properties["Targets"])
	}
	return found
}

// failureAlarms asks for an alarm on each machine, and for somebody whom it tells.
func failureAlarms(tpl template) (problems []string) {
	watched := map[string]bool{}
	for id, a := range tpl.of("AWS::CloudWatch::Alarm") {
		if len(list(a.Properties["AlarmActions"])) == 0 {
			problems = append(problems, id+": no AlarmActions: it goes off for nobody")
		}
		for _, query := range list(a.Properties["Metrics"]) {
			for _, dimension := range list(dig(query, "MetricStat", "Metric", "Dimensions")) {
				watched[strings.Trim(render(dig(dimension, "Value")), "<>")] = true
			}
		}
	}
	for id := range tpl.of("AWS::StepFunctions::StateMachine") {
		if !watched[id] {
			problems = append(problems, id+": no alarm on it")
		}
	}
	return problems
}

// apiRoutes asks that every route knows its callers, and that every stage has limits and a log.
func apiRoutes(tpl template) (problems []string) {
	for id, r := range tpl.of("AWS::ApiGatewayV2::Route") {
		if kind := r.Properties["AuthorizationType"]; kind == nil || kind == "NONE" {
			problems = append(problems, id+": no AuthorizationType: anybody could start it")
		}
	}
	for id, s := range tpl.of("AWS::ApiGatewayV2::Stage") {
		if dig(s.Properties, "DefaultRouteSettings", "ThrottlingRateLimit") == nil {
			problems = append(problems, id+": no ThrottlingRateLimit: the account's is the limit")
		}
		if dig(s.Properties, "AccessLogSettings", "DestinationArn") == nil {
			problems = append(problems, id+": no AccessLogSettings")
		}
	}
	return problems
}

func logRetention(tpl template) (problems []string) {
	for id, g := range tpl.of("AWS::Logs::LogGroup") {
		if g.Properties["RetentionInDays"] == nil {
			problems = append(problems, id+": no RetentionInDays")
		}
		if g.DeletionPolicy == "" {
			problems = append(problems, id+": no DeletionPolicy")
		}
	}
	return problems
}

// machinePermissions compares what the Task states of a machine call with what its role may invoke.
func machinePermissions(tpl template) (problems []string) {
	for id, m := range tpl.of("AWS::StepFunctions::StateMachine") {
		var called []string
		for name, task := range tasks(m) {
			if resource := dig(task, "Resource"); resource != "arn:aws:states:::lambda:invoke" {
				problems = append(problems, fmt.Sprintf("%s: state %s: no rule yet for what %v needs", id, name, resource))
				continue
			}
			called = append(called, calledBy(m, task))
		}
		var allowed []string
		for _, s := range statements(tpl) {
			if slices.Contains(s.roles, strings.TrimSuffix(render(m.Properties["RoleArn"]), ".Arn>")+">") && slices.Contains(s.actions, "lambda:InvokeFunction") {
				allowed = append(allowed, s.resources...)
			}
		}
		slices.Sort(called)
		slices.Sort(allowed)
		if called = slices.Compact(called); !slices.Equal(called, allowed) {
			problems = append(problems, fmt.Sprintf("%s calls %v and may invoke %v", id, called, allowed))
		}
	}
	return problems
}

// functionTimeouts compares the Timeout of functions with the TimeoutSeconds of the states that call them.
func functionTimeouts(tpl template) (problems []string) {
	for id, m := range tpl.of("AWS::StepFunctions::StateMachine") {
		for name, task := range tasks(m) {
			function := strings.TrimSuffix(strings.TrimPrefix(calledBy(m, task), "<"), ".Arn>")
			limit, ok := tpl.Resources[function].Properties["Timeout"].(float64)
			if patience, _ := task["TimeoutSeconds"].(float64); !ok || limit >= patience {
				problems = append(problems, fmt.Sprintf("%s: state %s waits %v s for %s, whose Timeout is %v", id, name, patience, function, limit))
			}
		}
	}
	return problems
}

// statement is one statement of a policy, with the things it says as lists of texts (see render).
type statement struct {
	where     string
	trust     bool
	roles     []string
	actions   []string
	resources []string
	raw       object
}

// onAnything reports whether a resource has a wildcard of ours. The ARN of a log group, as CloudFormation gives it, ends in ":*"
// for its streams; that one is the group's own.
func (s statement) onAnything() bool {
	return slices.ContainsFunc(s.resources, func(r string) bool { return strings.Contains(r, "*") })
}

// statements returns those of all policy documents in a template, wherever they stand.
func statements(tpl template) (all []statement) {
	for _, id := range slices.Sorted(maps.Keys(tpl.Resources)) {
		properties := tpl.Resources[id].Properties
		var roles []string
		for _, role := range list(properties["Roles"]) {
			roles = append(roles, render(role))
		}
		var walk func(where string, v any)
		walk = func(where string, v any) {
			switch v := v.(type) {
			case []any:
				for i, item := range v {
					walk(fmt.Sprintf("%s/%d", where, i), item)
				}
			case object:
				for key, member := range v {
					if key != "Statement" {
						walk(where+"/"+key, member)
						continue
					}
					for _, raw := range list(member) {
						raw, _ := raw.(object)
						s := statement{where: where, trust: strings.Contains(where, "AssumeRolePolicyDocument"), roles: roles, raw: raw}
						for _, action := range list(raw["Action"]) {
							s.actions = append(s.actions, render(action))
						}
						for _, resource := range list(raw["Resource"]) {
							s.resources = append(s.resources, render(resource))
						}
						all = append(all, s)
					}
				}
			}
		}
		walk(id, object(properties))
	}
	return all
}

// tasks returns the Task states of a machine at any depth, by name.
func tasks(machine resource) map[string]object {
	text, _ := machine.Properties["DefinitionString"].(string)
	var definition any
	if err := json.Unmarshal([]byte(text), &definition); err != nil {
		return map[string]object{"(definition)": {"Resource": err.Error()}}
	}
	found := map[string]object{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case object:
			states, _ := v["States"].(object)
			for name, state := range states {
				if state, _ := state.(object); state["Type"] == "Task" {
					found[name] = state
				}
			}
			for _, member := range v {
				walk(member)
			}
		}
	}
	walk(definition)
	return found
}

// calledBy returns the function that a Task state calls.
func calledBy(machine resource, task object) string {
	name, _ := dig(task, "Parameters", "FunctionName").(string)
	key := strings.TrimSuffix(strings.TrimPrefix(name, "${"), "}")
	return render(dig(machine.Properties, "DefinitionSubstitutions", key))
}

// dig returns the member at a path of keys, or nil.
func dig(v any, path ...string) any {
	for _, key := range path {
		m, _ := v.(object)
		v = m[key]
	}
	return v
}

// list returns a list as it is and any other value as a list of one; nil is empty.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// render returns a value of a template as text, with <Name> for a reference and <Name.Attribute> for an attribute.
func render(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case object:
		if ref, ok := v["Ref"].(string); ok {
			return "<" + ref + ">"
		}
		if at := list(v["Fn::GetAtt"]); len(at) == 2 {
			return fmt.Sprintf("<%v.%v>", at[0], at[1])
		}
		if join := list(v["Fn::Join"]); len(join) == 2 {
			var parts []string
			for _, part := range list(join[1]) {
				parts = append(parts, render(part))
			}
			return strings.Join(parts, fmt.Sprint(join[0]))
		}
	}
	return fmt.Sprint(v)
}

// withoutHash takes the eight characters that make it unique off a logical id.
func withoutHash(id string) string { return id[:max(0, len(id)-8)] }

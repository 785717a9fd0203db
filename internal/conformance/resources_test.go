package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// resource makes something outside of the engine.
func (p *player) resource(s *step) error {
	name, err := p.fill(s.Name)
	if err != nil {
		p.fail(levelResult, s.Resource, err.Error())
		return errStop
	}
	own := textOf(name)
	if own == "" {
		own = s.Save
	}
	account := p.place(s.Account).Account
	arn := func(service, resource string) string {
		return "arn:aws:" + service + ":us-east-1:" + account + ":" + resource
	}
	var v any
	switch s.Resource {
	case "iam_role":
		v = "arn:aws:iam::" + account + ":role/" + own
	case "lambda_function":
		behaviour, err := p.fill(s.Behaviour)
		if err != nil {
			p.fail(levelResult, s.Resource, err.Error())
			return errStop
		}
		p.world.mu.Lock()
		p.world.functions[own] = behaviour
		p.world.mu.Unlock()
		v = map[string]any{"arn": arn("lambda", "function:"+own), "name": own}
	case "sqs_queue":
		v = "https://sqs.us-east-1.amazonaws.com/" + account + "/" + own
		if p.sns != nil {
			if err := p.sqs.CreateQueue(own, fifoAttribute("FifoQueue", own), nil); err != nil {
				p.fail(levelResult, s.Resource, err.Error())
				return errStop
			}
		}
	case "eventbridge_queue":
		v = "https://sqs.us-east-1.amazonaws.com/" + account + "/events-" + own
		if err := p.rule(s, arn("sqs", "events-"+own)); err != nil {
			p.fail(levelResult, s.Resource, err.Error())
			return errStop
		}
	case "s3_bucket":
		if err := p.objects.CreateBucket(own); err != nil {
			p.fail(levelResult, s.Resource, err.Error())
			return errStop
		}
		v = own
	case "dynamodb_table":
		v = own
	case "log_group":
		v = own
		if r := p.service.wire(p.ctx, "Logs_20140328.CreateLogGroup", p.place(""), map[string]any{"logGroupName": own}); r.err != nil {
			p.fail(levelResult, s.Resource, r.err.code+": "+r.err.message)
			return errStop
		}
	case "sns_topic":
		v = map[string]any{"TopicArn": arn("sns", own)}
		if p.sns != nil {
			if _, err := p.sns.CreateTopic(own, fifoAttribute("FifoTopic", own), nil); err != nil {
				p.fail(levelResult, s.Resource, err.Error())
				return errStop
			}
		}
	case "rest_api":
		v = map[string]any{"id": "a1b2c3d4e5"}
	case "sqs_task_worker":
		return p.queueWorker(s)
	case "activity_worker":
		return p.activityWorker(s)
	case "state_machine_stack":
		return p.stack(s)
	default:
		return p.need("resource " + s.Resource)
	}
	p.save(s.Save, v)
	return nil
}

// queueWorker answers the tokens that come in the messages of a queue.
func (p *player) queueWorker(s *step) error {
	queue, err := p.fill(s.Queue)
	if err != nil {
		p.fail(levelResult, s.Resource, err.Error())
		return errStop
	}
	p.wg.Go(func() {
		for {
			body, ok := p.world.receive(p.ctx, textOf(queue))
			if !ok {
				return
			}
			v, err := decodeJSON(body)
			message, ok := v.(map[string]any)
			if err != nil || !ok {
				continue
			}
			p.workOff(textOf(s.Behaviour), message)
		}
	})
	return nil
}

func (p *player) workOff(behaviour string, message map[string]any) {
	time.Sleep(time.Second)
	token := message["TaskToken"]
	success := map[string]any{"taskToken": token, "output": spaced(compact(message["Message"]))}
	var r response
	switch behaviour {
	case "send_failure":
		r = p.service.call(p.ctx, "SendTaskFailure", p.place(""), map[string]any{"taskToken": token, "error": "Failure error", "cause": "Failure cause"})
	case "heartbeat_after_5s_then_success":
		time.Sleep(5 * time.Second)
		p.service.call(p.ctx, "SendTaskHeartbeat", p.place(""), map[string]any{"taskToken": token})
		fallthrough
	default:
		r = p.service.call(p.ctx, "SendTaskSuccess", p.place(""), success)
	}
	if r.err != nil && p.ctx.Err() == nil {
		p.fail(levelFull, "worker", r.err.code+": "+r.err.message)
	}
}

// activityWorker takes one task of an activity and does with it what the case says.
func (p *player) activityWorker(s *step) error {
	activity, err := p.fill(s.Activity)
	if err != nil {
		p.fail(levelResult, s.Resource, err.Error())
		return errStop
	}
	b, _ := s.Behaviour.(map[string]any)
	poll := map[string]any{"activityArn": activity}
	if worker, ok := b["worker_name"]; ok {
		poll["workerName"] = worker
	}
	p.wg.Go(func() {
		for p.ctx.Err() == nil {
			r := p.service.call(p.ctx, "GetActivityTask", p.place(""), poll)
			if r.need != "" {
				_ = p.need(r.need)
				return
			}
			task, _ := r.body.(map[string]any)
			if token, ok := task["taskToken"]; ok && token != nil {
				p.onTask(b["on_task"], token, task["input"])
				return
			}
			sleep(p.ctx, time.Second)
		}
	})
	return nil
}

// onTask does what a worker does with its task.
func (p *player) onTask(actions any, token, input any) {
	list, _ := actions.([]any)
	for _, action := range list {
		a, _ := action.(map[string]any)
		if wait, ok := a["wait_seconds"].(json.Number); ok {
			n, _ := wait.Int64()
			sleep(p.ctx, time.Duration(n)*time.Second)
			continue
		}
		params := map[string]any{"taskToken": token}
		send, _ := a["send"].(string)
		if send == "SendTaskSuccess" {
			params["output"] = input // every worker of the cases answers the task's input text
		}
		if r := p.service.call(p.ctx, send, p.place(""), params); r.err != nil && p.ctx.Err() == nil {
			p.fail(levelFull, "worker", r.err.code+": "+r.err.message)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// stack makes a role and a state machine, and names for whatever else the template would make.
func (p *player) stack(s *step) error {
	account := p.text("account")
	made := map[string]any{
		"StateMachineName": "machine-" + s.Save, "RoleName": "role-" + s.Save, "StateMachineRoleArn": "arn:aws:iam::" + account + ":role/role-" + s.Save,
	}
	for _, token := range tokens.FindAllStringSubmatch(p.c.text, -1) {
		if member, ok := strings.CutPrefix(token[1], s.Save+"."); ok && made[member] == nil {
			made[member] = "made-" + member
		} else if _, known := p.names.lookup(token[1]); !ok && !known && strings.Contains(s.Definition, token[0]) {
			p.save(token[1], "made-"+token[1])
		}
	}
	p.save(s.Save, made)
	definition, err := p.fill(s.Definition)
	if err != nil {
		p.fail(levelResult, s.Resource, err.Error())
		return errStop
	}
	r := p.service.call(p.ctx, "CreateStateMachine", p.place(""), map[string]any{
		"name": made["StateMachineName"], "definition": definition, "roleArn": made["StateMachineRoleArn"],
	})
	body, ok := r.body.(map[string]any)
	if !ok {
		p.fail(levelResult, s.Resource, "the state machine was refused: "+compact(r.err.value()))
		return errStop
	}
	made["StateMachineArn"] = body["stateMachineArn"]
	p.save(s.Save, made)
	return nil
}

// symbol is a name as the recorder's YAML has it: a Python object, whose text is its first argument.
var symbol = regexp.MustCompile(`!!python/object/new:symstubs\.Sym\s+args:\s+- ('[^']*')\s+state:\s+ref: \w+`)

// createStack makes the state machines of a CloudFormation template, in JSON or YAML.
func (p *player) createStack(s *step, params map[string]any) error {
	refuse := func(err error) error {
		p.fail(levelResult, s.Call, err.Error())
		return errStop
	}
	text := symbol.ReplaceAllString(textOf(params["TemplateBody"]), "$1")
	var template struct {
		Resources map[string]struct {
			Properties map[string]any `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal([]byte(text), &template); err != nil {
		return refuse(err)
	}
	for _, r := range template.Resources {
		definition := r.Properties["DefinitionString"]
		if object, ok := r.Properties["Definition"]; ok {
			definition = compact(object)
		}
		created := p.service.call(p.ctx, "CreateStateMachine", p.place(""), map[string]any{
			"name": r.Properties["StateMachineName"], "definition": definition, "roleArn": r.Properties["RoleArn"],
		})
		if created.err != nil {
			return refuse(errors.New(created.err.code + ": " + created.err.message))
		}
	}
	p.save(s.Save, map[string]any{"StackId": textOf(params["StackName"])})
	return nil
}

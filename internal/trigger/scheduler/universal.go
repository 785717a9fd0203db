package scheduler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/value"
)

// universalService is the service in the ARNs of universal targets, arn:aws:scheduler:::aws-sdk:SERVICE:ACTION.
const universalService = "scheduler"

// readOnly are beginnings of actions that only look at something, which universal targets may not name (user guide, "Using universal targets").
var readOnly = []string{
	"get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read", "lookup", "discover", "validate", "batchGet",
	"batchDescribe", "batchRead", "transactGet", "adminGet", "adminList", "testMigration", "retrieve", "testConnection", "translateDocument",
	"isAuthorized", "isAuthorizedWithToken", "invokeModel",
}

// Universal brings messages to universal targets: it calls an action of an AWS service with the input as the request. It implements
// [trigger.Deliverer].
type Universal struct {
	client *awsclient.Client
	models *awsmodel.Models
	region string
}

// NewUniversal returns a deliverer that calls where the routes say, in the region.
func NewUniversal(routes *awsclient.Routes, region string) *Universal {
	if routes == nil {
		routes, _ = awsclient.NewRoutes(nil) // no upstream can be wrong
	}
	return &Universal{awsclient.New(routes), awsmodel.New(), region}
}

// action finds what aws-sdk:SERVICE:ACTION names. The error is for the person who wrote it.
func (u *Universal) action(resource string) (*awsmodel.Service, *awsmodel.Operation, error) {
	parts := strings.Split(resource, ":")
	if len(parts) != 3 || parts[0] != "aws-sdk" {
		return nil, nil, fmt.Errorf("a universal target is arn:aws:scheduler:::aws-sdk:SERVICE:ACTION")
	}
	s, ok := u.models.Service(strings.ToLower(parts[1]))
	if !ok {
		return nil, nil, fmt.Errorf("there is no service %s", parts[1])
	}
	o, ok := s.Operation(parts[2])
	if !ok {
		return nil, nil, fmt.Errorf("the service %s has no action %s", parts[1], parts[2])
	}
	for _, begin := range readOnly {
		rest, found := strings.CutPrefix(parts[2], begin)
		if found && (rest == "" || rest[0] >= 'A' && rest[0] <= 'Z') {
			return nil, nil, fmt.Errorf("%s only reads, which schedules may not", parts[2])
		}
	}
	if o.Streams() {
		return nil, nil, fmt.Errorf("%s streams, which schedules cannot", parts[2])
	}
	return s, o, nil
}

// request reads the input of an action.
func request(o *awsmodel.Operation, input string) (*value.Object, error) {
	if input == "" {
		return value.NewObject(), nil
	}
	v, err := value.Parse(input)
	if err != nil {
		return nil, err
	}
	in, ok := v.(*value.Object)
	if !ok {
		return nil, errors.New("it must be a JSON object")
	}
	shape := o.Input
	if shape == nil {
		shape = awsmodel.NewStructure() // the action takes nothing
	}
	if problems := shape.Problems(in); len(problems) > 0 {
		return nil, errors.New(strings.ReplaceAll(strings.Join(problems, "; "), "is not supported by Step Functions", "is not one of the action's"))
	}
	return in, nil
}

// check refuses a target that names no action, or an input that is none of its requests. Context attributes stand for texts. The error is the
// exception ValidationException.
func (u *Universal) check(resource, input string) (path string, err error) {
	if u == nil {
		return "Arn", invalid("Universal targets are not served here.")
	}
	_, o, err := u.action(resource)
	if err != nil {
		return "Arn", invalid("Provided Arn is not in correct format: %v.", err)
	}
	if _, err := request(o, strings.ReplaceAll(input, trigger.AttemptNumber, "1")); err != nil {
		return "Input", invalid("Invalid Input for the action %s: %v", resource, err)
	}
	return "", nil
}

// Deliver implements [trigger.Deliverer].
func (u *Universal) Deliver(ctx context.Context, m trigger.Message) error {
	arn, err := sfn.ParseARN(m.Target)
	if err != nil {
		return &trigger.Permanent{Err: err, Code: trigger.InvalidParameter}
	}
	s, o, err := u.action(arn.Resource)
	if err != nil {
		return &trigger.Permanent{Err: err, Code: trigger.NoResource}
	}
	in, err := request(o, m.Input)
	if err != nil {
		return &trigger.Permanent{Err: err, Code: trigger.InvalidParameter}
	}
	_, err = u.client.Do(ctx, awsclient.Call{Service: s, Operation: o, Input: in, Region: u.region})
	var refused *awsclient.Error
	var missing *awsclient.NotServedError
	switch {
	case errors.As(err, &missing):
		return &trigger.Permanent{Err: err, Code: trigger.NoResource}
	case errors.As(err, &refused) && refused.Status < http.StatusInternalServerError && refused.Status != http.StatusTooManyRequests && !strings.Contains(refused.Code, "Throttl"):
		return &trigger.Permanent{Err: err, Code: trigger.ErrorCode(refused.Code)}
	}
	return err
}

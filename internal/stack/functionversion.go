package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/lambda/control"
	"github.com/tutti-run/tutti/internal/sfn"
)

// versionType is the type of the resources that publish functions.
const versionType = "AWS::Lambda::Version"

// functionName is the name in what a template calls a function by: that or an ARN, with or without a qualifier.
func functionName(text string) string {
	if parsed, err := sfn.ParseARN(text); err == nil {
		text = strings.TrimPrefix(parsed.Resource, "function:")
	}
	name, _, _ := strings.Cut(text, ":")
	return name
}

func versionedFunction(r *cfn.Resource) string { return functionName(r.Read().String("FunctionName")) }

// publishVersions publishes the functions that have versions in the templates, which have been resolved with numbers. Where one gets another number
// the templates are resolved again, so that whatever refers to it, which follows, has that one. A function gets a new number only when its code or
// configuration is another, whatever the logical id of its version: in a folder of source the code changes without the template.
func (s *Stack) publishVersions(ctx context.Context, units []*unit, numbers map[string]string) error {
	for _, u := range withNested(units) {
		for i := range u.template.OfType(versionType) {
			r := u.template.OfType(versionType)[i] // of the present template
			number, err := s.publish(ctx, r)
			if err != nil {
				return faultOf(r, err)
			}
			if shown, _ := r.Attribute("Version"); number == "" || number == shown {
				continue
			}
			numbers[versionedFunction(r)] = number
			if _, err := resolveUnits(&s.cfg, units, numbers); err != nil { // the order stays: the units have been in it before
				return err
			}
			if err := s.configureAgain(units); err != nil {
				return err
			}
		}
	}
	return nil
}

// publish returns the number of a version, "" if its function is elsewhere or cannot run, which has been told.
func (s *Stack) publish(ctx context.Context, r *cfn.Resource) (string, error) {
	p := r.Read()
	name, description := functionName(p.String("FunctionName")), p.String("Description")
	if err := p.Err(); err != nil {
		return "", err
	}
	if !s.invocable(name) {
		return "", nil
	}
	number, err := s.plane.Publish(ctx, name, description)
	return number, s.unlessRefused(r, err)
}

// configureAgain gives functions the configuration that they have now that versions have other numbers.
func (s *Stack) configureAgain(units []*unit) error {
	for _, u := range withNested(units) {
		for _, r := range u.template.OfType(functionType) {
			placed, ok := s.next.placed[r.Name]
			if !ok {
				continue
			}
			d, err := functionDeployment(r)
			if err == nil {
				d.Source, d.Binary, d.Stamp = placed.Source, placed.Binary, placed.Stamp
				err = s.plane.Deploy(d)
			}
			if err != nil {
				return faultOf(r, err)
			}
		}
	}
	return nil
}

// invocable tells whether a function is one of the templates' that run.
func (s *Stack) invocable(name string) bool {
	for _, f := range s.next.functions {
		if f.Name == name {
			return f.Err == nil
		}
	}
	return false
}

// deployVersion has nothing left to do: versions are published with the functions.
func (s *Stack) deployVersion(*unit, *cfn.Resource) error { return nil }

func (s *Stack) deployAlias(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	function, version, description := functionName(p.String("FunctionName")), p.String("FunctionVersion"), p.String("Description")
	in := control.AliasRequest{FunctionName: &function, Name: &r.Name, FunctionVersion: &version, Description: &description}
	if weights := p.Block("RoutingConfig").Blocks("AdditionalVersionWeights"); len(weights) > 0 {
		in.RoutingConfig = &control.RoutingConfig{AdditionalVersionWeights: map[string]float64{}}
		for _, w := range weights {
			in.RoutingConfig.AdditionalVersionWeights[w.String("FunctionVersion")] = w.Float("FunctionWeight", 0)
		}
	}
	s.next.aliases[function] = append(s.next.aliases[function], r.Name)
	if err := p.Err(); err != nil || !s.invocable(function) {
		return err
	}
	return s.unlessRefused(r, s.plane.DeployAlias(in))
}

// unlessRefused tells what the control plane refuses of a resource, which does not keep the others from running; other errors are returned.
func (s *Stack) unlessRefused(r *cfn.Resource, err error) error {
	var refused *lambda.Error
	if !errors.As(err, &refused) {
		return err
	}
	s.tell(Event{Kind: NotRunHere, Name: r.LogicalID, Detail: fmt.Sprintf("%s (%s): %s", r.LogicalID, r.Type, refused.Message)})
	return nil
}

// deployEventConfig says how events of a function are delivered. Where a destination cannot be sent to the rest holds all the same.
func (s *Stack) deployEventConfig(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	function := functionName(p.String("FunctionName"))
	in := control.EventInvokeConfigRequest{
		FunctionName: &function, Qualifier: p.String("Qualifier"),
		MaximumRetryAttempts: number(p, "MaximumRetryAttempts"), MaximumEventAgeInSeconds: number(p, "MaximumEventAgeInSeconds"),
	}
	if p.Has("DestinationConfig") {
		to := func(outcome string) control.Destination {
			return control.Destination{Destination: p.Block("DestinationConfig").Block(outcome).String("Destination")}
		}
		in.DestinationConfig = &control.DestinationConfig{OnSuccess: to("OnSuccess"), OnFailure: to("OnFailure")}
	}
	s.next.configs[function] = append(s.next.configs[function], in.Qualifier)
	if err := p.Err(); err != nil || !s.invocable(function) {
		return err
	}
	err := s.plane.DeployEventInvokeConfig(in)
	if err != nil && in.DestinationConfig != nil {
		if err := s.unlessRefused(r, err); err != nil {
			return err
		}
		in.DestinationConfig = &control.DestinationConfig{}
		err = s.plane.DeployEventInvokeConfig(in)
	}
	return s.unlessRefused(r, err)
}

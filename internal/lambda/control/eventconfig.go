package control

import (
	"context"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/lambda"
)

// EventInvokeConfigRequest is the request of PutFunctionEventInvokeConfig and its kin.
type EventInvokeConfigRequest struct {
	FunctionName             *string
	Qualifier                string
	MaximumRetryAttempts     *int
	MaximumEventAgeInSeconds *int
	DestinationConfig        *DestinationConfig
	Marker                   string
	MaxItems                 *int
}

// check returns the function and qualifier that a request wants to configure.
func (p *Plane) checkEventConfig(in *EventInvokeConfigRequest) (target, error) {
	var c constraints
	c.between("maximumRetryAttempts", in.MaximumRetryAttempts, 0, 2)
	c.between("maximumEventAgeInSeconds", in.MaximumEventAgeInSeconds, 60, 21600)
	if d := in.DestinationConfig; d != nil {
		for field, destination := range map[string]string{"onSuccess": d.OnSuccess.Destination, "onFailure": d.OnFailure.Destination} {
			if destination != "" {
				c.matches("destinationConfig."+field+".destination", &destination, matchOutcome, patternOutcome)
			}
		}
	}
	slices.Sort(c.broken)
	if err := c.err(); err != nil {
		return target{}, err
	}
	t, err := p.locate(in.FunctionName, in.Qualifier, maxNameOrARN)
	if err != nil {
		return t, err
	}
	if in.MaximumRetryAttempts == nil && in.MaximumEventAgeInSeconds == nil && in.DestinationConfig == nil {
		return t, invalid("You must specify at least one of error handling or destination setting.")
	}
	if f := p.get(t.name); f == nil || !f.has(orLatest(t.qualifier)) {
		return t, notFound("The function doesn't exist.")
	}
	return t, p.checkDestinations(t.name, in.DestinationConfig)
}

// checkDestinations refuses destinations that nothing could be sent to.
func (p *Plane) checkDestinations(name string, d *DestinationConfig) error {
	if d == nil {
		return nil
	}
	shown := func(kind, destination string) string {
		if destination == "" {
			return "null"
		}
		return kind + "(destination=" + destination + ")"
	}
	for _, destination := range []string{d.OnFailure.Destination, d.OnSuccess.Destination} {
		switch service(destination) {
		case "":
		case "lambda":
			n, ok := lambda.ParseName(destination)
			if !ok || p.get(n.Function) == nil || n.Qualifier != "" && !p.get(n.Function).has(n.Qualifier) {
				return invalid("The destination ARN %s is invalid.", destination)
			}
			if n.Function == name {
				return invalid("You can't specify the function as a destination for itself.")
			}
		case "sqs", "sns", "events", "s3":
			if err := p.checkServed(destination); err != nil {
				return err
			}
		default:
			return invalid("The provided destination config DestinationConfig(onSuccess=%s, onFailure=%s) is invalid.",
				shown("OnSuccess", d.OnSuccess.Destination), shown("OnFailure", d.OnFailure.Destination))
		}
	}
	return nil
}

// checkServed refuses a target of a service that is not here.
func (p *Plane) checkServed(arn string) error {
	if p.cfg.Targets != nil && p.cfg.Targets.Serves(arn) {
		return nil
	}
	return invalid("The target %s cannot be sent to: %s is not served here. A Lambda function can be.", arn, strings.ToUpper(service(arn)))
}

// configured is a version's configuration of events, as the API shows it.
func (p *Plane) configured(name, qualifier string, c *EventInvokeConfig) *EventInvokeConfig {
	shown := *c
	shown.FunctionArn = p.arn(name, qualifier)
	return &shown
}

func (p *Plane) putFunctionEventInvokeConfig(_ context.Context, in *EventInvokeConfigRequest) (*EventInvokeConfig, error) {
	return p.changeEventConfig(in, func(*EventInvokeConfig) (*EventInvokeConfig, error) { return &EventInvokeConfig{}, nil })
}

func (p *Plane) updateFunctionEventInvokeConfig(_ context.Context, in *EventInvokeConfigRequest) (*EventInvokeConfig, error) {
	return p.changeEventConfig(in, func(c *EventInvokeConfig) (*EventInvokeConfig, error) {
		if c == nil {
			t, _ := p.locate(in.FunctionName, in.Qualifier, maxNameOrARN) // it has been located before
			return nil, p.noEventConfig(t)
		}
		return c, nil
	})
}

func (p *Plane) noEventConfig(t target) error {
	return notFound("The function %s doesn't have an EventInvokeConfig", p.arn(t.name, orLatest(t.qualifier)))
}

// changeEventConfig puts what the request says into the configuration that from returns for the present one, nil for none.
func (p *Plane) changeEventConfig(in *EventInvokeConfigRequest, from func(*EventInvokeConfig) (*EventInvokeConfig, error)) (*EventInvokeConfig, error) {
	t, err := p.checkEventConfig(in)
	if err != nil {
		return nil, err
	}
	qualifier := orLatest(t.qualifier)
	var changed *EventInvokeConfig
	_, err = p.change(t.name, func(f *function) (*function, error) {
		if f == nil || !f.has(qualifier) {
			return nil, notFound("The function doesn't exist.")
		}
		if changed, err = from(f.InvokeConfigs[qualifier]); err != nil {
			return nil, err
		}
		if in.MaximumRetryAttempts != nil {
			changed.MaximumRetryAttempts = in.MaximumRetryAttempts
		}
		if in.MaximumEventAgeInSeconds != nil {
			changed.MaximumEventAgeInSeconds = in.MaximumEventAgeInSeconds
		}
		set(&changed.DestinationConfig, in.DestinationConfig)
		changed.LastModified = epoch(p.cfg.Clock.Now())
		f.InvokeConfigs[qualifier] = changed
		return f, nil
	})
	if err != nil {
		return nil, err
	}
	return p.configured(t.name, qualifier, changed), nil
}

func (p *Plane) getFunctionEventInvokeConfig(_ context.Context, in *EventInvokeConfigRequest) (*EventInvokeConfig, error) {
	t, err := p.locate(in.FunctionName, in.Qualifier, maxNameOrARN)
	if err != nil {
		return nil, err
	}
	f := p.get(t.name)
	if f == nil || f.InvokeConfigs[orLatest(t.qualifier)] == nil {
		return nil, p.noEventConfig(t)
	}
	return p.configured(t.name, orLatest(t.qualifier), f.InvokeConfigs[orLatest(t.qualifier)]), nil
}

func (p *Plane) deleteFunctionEventInvokeConfig(_ context.Context, in *EventInvokeConfigRequest) (*struct{}, error) {
	t, err := p.locate(in.FunctionName, in.Qualifier, maxNameOrARN)
	if err != nil {
		return nil, err
	}
	_, err = p.change(t.name, func(f *function) (*function, error) {
		if f == nil || f.InvokeConfigs[orLatest(t.qualifier)] == nil {
			return nil, p.noEventConfig(t)
		}
		delete(f.InvokeConfigs, orLatest(t.qualifier))
		return f, nil
	})
	return nil, err
}

// ListEventInvokeConfigsResponse is the response of ListFunctionEventInvokeConfigs.
type ListEventInvokeConfigsResponse struct {
	FunctionEventInvokeConfigs []*EventInvokeConfig
	NextMarker                 string `json:",omitempty"`
}

func (p *Plane) listFunctionEventInvokeConfigs(_ context.Context, in *EventInvokeConfigRequest) (*ListEventInvokeConfigsResponse, error) {
	page, next, err := listByQualifier(p, qualifierListing{in.FunctionName, in.Marker, in.MaxItems, "The function doesn't exist."},
		func(f *function) map[string]*EventInvokeConfig { return f.InvokeConfigs }, p.configured, func(c *EventInvokeConfig) string { return c.FunctionArn })
	return &ListEventInvokeConfigsResponse{page, next}, err
}

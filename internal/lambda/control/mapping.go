package control

import (
	"context"
	"strings"

	"github.com/tutti-run/tutti/internal/lambda"
)

// MappingRequest is the request of the operations on event source mappings.
type MappingRequest struct {
	UUID                   *string
	FunctionName           *string
	EventSourceArn         *string
	SelfManagedEventSource map[string]any
	StartingPosition       *string
	Marker                 string
	MaxItems               *int
}

// MappingsResponse is the response of ListEventSourceMappings.
type MappingsResponse struct {
	EventSourceMappings []struct{}
	NextMarker          string `json:",omitempty"`
}

// createEventSourceMapping serves CreateEventSourceMapping: it refuses every source, in AWS's words where AWS would. A mapping polls a queue or
// a stream, and none is served here. A mapping that is accepted and never fires would be worse than none.
func (p *Plane) createEventSourceMapping(_ context.Context, in *MappingRequest) (*struct{}, error) {
	var c constraints
	c.matches("eventSourceArn", in.EventSourceArn, matchARN, patternARN)
	if err := c.err(); err != nil {
		return nil, err
	}
	if in.EventSourceArn == nil && in.SelfManagedEventSource == nil {
		return nil, invalid("Unrecognized event source.")
	}
	kind := service(text(in.EventSourceArn))
	if in.StartingPosition == nil && (kind == "dynamodb" || kind == "kinesis" || kind == "kafka") {
		return nil, invalid("1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.")
	}
	t, err := p.locate(in.FunctionName, "", maxNamespaced)
	if err != nil {
		return nil, err
	}
	if p.get(t.name) == nil {
		return nil, invalid("Function does not exist")
	}
	if in.EventSourceArn == nil {
		return nil, invalid("A self-managed event source cannot be polled: no broker is served here.")
	}
	return nil, invalid("The event source %s cannot be polled: %s is not served here.", *in.EventSourceArn, strings.ToUpper(kind))
}

// noMapping serves the operations on one mapping.
func (p *Plane) noMapping(context.Context, *MappingRequest) (*struct{}, error) {
	return nil, lambda.Refuse(lambda.CodeResourceNotFound, "The resource you requested does not exist.")
}

func (p *Plane) listEventSourceMappings(_ context.Context, in *MappingRequest) (*MappingsResponse, error) {
	var c constraints
	c.matches("eventSourceArn", in.EventSourceArn, matchARN, patternARN)
	c.page(maxListed, in.MaxItems)
	if err := c.err(); err != nil {
		return nil, err
	}
	if in.FunctionName != nil {
		if _, _, err := p.function(in.FunctionName, "", maxNamespaced); err != nil {
			return nil, err
		}
	}
	return &MappingsResponse{EventSourceMappings: []struct{}{}}, nil
}

package control

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/lambda"
)

// MappingSettings are what one can set of an event source mapping, and all that such requests may have for other sources than queues.
type MappingSettings struct {
	FunctionName                   *string
	Enabled                        *bool
	BatchSize                      *int
	MaximumBatchingWindowInSeconds *int
	FilterCriteria                 *FilterCriteria
	FunctionResponseTypes          []string
	ScalingConfig                  *ScalingConfig
	KMSKeyArn                      *string
	MetricsConfig                  *MetricsConfig

	// What follows is for other sources.
	StartingPosition           *string
	StartingPositionTimestamp  *float64
	ParallelizationFactor      *int
	MaximumRecordAgeInSeconds  *int
	MaximumRetryAttempts       *int
	BisectBatchOnFunctionError *bool
	TumblingWindowInSeconds    *int
	Topics, Queues             []string
	DestinationConfig          *DestinationConfig
	ProvisionedPollerConfig    map[string]any
	SourceAccessConfigurations []any
}

// The members of mappings.
type (
	// FilterCriteria says which messages a function gets: those that match one of the filters. The others are deleted.
	FilterCriteria struct{ Filters []Filter }
	// Filter is a pattern.
	Filter struct{ Pattern string }
	// ScalingConfig bounds how many batches are processed at once.
	ScalingConfig struct {
		MaximumConcurrency *int `json:",omitempty"`
	}
	// MetricsConfig is kept and shown.
	MetricsConfig struct{ Metrics []string }
)

// MappingRequest is the request of the operations on event source mappings.
type MappingRequest struct {
	MappingSettings
	UUID                   *string
	EventSourceArn         *string
	SelfManagedEventSource map[string]any
	Tags                   map[string]string
	Marker                 string
	MaxItems               *int
}

// Mapping is an event source mapping as the API shows it (API reference, EventSourceMappingConfiguration). It is also what is stored.
type Mapping struct {
	UUID                           string
	EventSourceArn                 string
	EventSourceMappingArn          string
	FunctionArn                    string
	BatchSize                      int
	MaximumBatchingWindowInSeconds int
	FilterCriteria                 *FilterCriteria `json:",omitempty"`
	FunctionResponseTypes          []string
	ScalingConfig                  *ScalingConfig `json:",omitempty"`
	KMSKeyArn                      string         `json:",omitempty"`
	MetricsConfig                  *MetricsConfig `json:",omitempty"`
	LastModified                   float64        // epoch seconds
	State                          string
	StateTransitionReason          string
}

// The states of mappings. Those under way are seen in the answers of the operations that bring them about, and are over with them.
const (
	mappingCreating  = "Creating"
	mappingEnabling  = "Enabling"
	mappingEnabled   = "Enabled"
	mappingDisabling = "Disabling"
	mappingDisabled  = "Disabled"
	mappingUpdating  = "Updating"
	mappingDeleting  = "Deleting"
)

// storedMapping is a mapping on disk.
type storedMapping struct {
	Mapping
	Tags map[string]string `json:",omitempty"`
	// Template tells that it is of a template, without which it does not poll.
	Template bool `json:",omitempty"`
}

const mappingsCollection = "lambda.mapping" // by UUID

// MappingsResponse is the response of ListEventSourceMappings.
type MappingsResponse struct {
	EventSourceMappings []Mapping
	NextMarker          string `json:",omitempty"`
}

// Limits of mappings of queues (developer guide, "Lambda parameters for Amazon SQS event source mappings").
const (
	usualBatch      = 10
	maxBatch        = 10_000
	maxFIFOBatch    = 10
	maxWindow       = 300
	maxFilters      = 5
	leastScaling    = 2
	maxScaling      = 1000
	reportItems     = "ReportBatchItemFailures"
	maxMappingsPage = 100
	atTimestamp     = "AT_TIMESTAMP"
)

// createEventSourceMapping serves CreateEventSourceMapping. Queues are polled; other sources are refused, in AWS's words where AWS would: a mapping that is
// accepted and never fires would be worse than none.
func (p *Plane) createEventSourceMapping(_ context.Context, in *MappingRequest) (*Mapping, error) {
	m, err := p.newMapping(in)
	if err != nil {
		return nil, err
	}
	p.mappings.changing.Lock()
	defer p.mappings.changing.Unlock()
	for _, other := range p.mappings.list() {
		if other.EventSourceArn == m.EventSourceArn && other.FunctionArn == m.FunctionArn {
			return nil, lambda.Refuse(lambda.CodeResourceConflict, "An event source mapping with SQS arn (\" %s \") and function (\" %s \") already exists. "+
				"Please update or delete the existing mapping with UUID %s", m.EventSourceArn, text(in.FunctionName), other.UUID)
		}
	}
	if err := p.mappings.put(m); err != nil {
		return nil, err
	}
	if m.State == mappingDisabled {
		return &m.Mapping, nil
	}
	return m.during(mappingCreating), nil
}

// newMapping checks a request and returns what it asks for.
func (p *Plane) newMapping(in *MappingRequest) (*storedMapping, error) {
	var c constraints
	c.matches("eventSourceArn", in.EventSourceArn, matchARN, patternARN)
	in.check(&c)
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
	if in.StartingPositionTimestamp != nil && (kind == "dynamodb" || kind == "kinesis") && *in.StartingPosition != atTimestamp {
		return nil, invalid("Timestamp only valid with StartingPosition AT_TIMESTAMP")
	}
	m := &storedMapping{Tags: in.Tags, Mapping: Mapping{
		UUID: uuid.NewString(), EventSourceArn: text(in.EventSourceArn), BatchSize: usualBatch, FunctionResponseTypes: []string{}, State: mappingEnabled,
	}}
	if in.UUID != nil {
		m.UUID = *in.UUID // of a template's
	}
	m.EventSourceMappingArn = "arn:aws:lambda:" + p.cfg.Region + ":" + p.cfg.Account + ":event-source-mapping:" + m.UUID
	if in.FunctionName == nil {
		c.required("functionName", nil)
		return nil, c.err()
	}
	if err := p.apply(m, &in.MappingSettings); err != nil {
		return nil, err
	}
	if in.EventSourceArn == nil {
		return nil, invalid("A self-managed event source cannot be polled: no broker is served here.")
	}
	if kind != "sqs" || p.cfg.Queues == nil {
		return nil, invalid("The event source %s cannot be polled: %s is not served here. Queues of SQS are.", *in.EventSourceArn, strings.ToUpper(kind))
	}
	return m, p.checkQueue(m)
}

// check holds members to what the API's model says.
func (in *MappingSettings) check(c *constraints) {
	c.oneOf("startingPosition", in.StartingPosition, "LATEST", atTimestamp, "TRIM_HORIZON")
	c.between("batchSize", in.BatchSize, 1, maxBatch)
	c.between("maximumBatchingWindowInSeconds", in.MaximumBatchingWindowInSeconds, 0, maxWindow)
	if in.ScalingConfig != nil {
		c.between("scalingConfig.maximumConcurrency", in.ScalingConfig.MaximumConcurrency, leastScaling, maxScaling)
	}
	for i, kind := range in.FunctionResponseTypes {
		c.oneOf("functionResponseTypes."+strconv.Itoa(i+1)+".member", &kind, reportItems)
	}
	if n := len(in.FunctionResponseTypes); n > 1 {
		c.add("'"+strings.Join(in.FunctionResponseTypes, ", ")+"'", "functionResponseTypes", "Member must have length less than or equal to 1")
	}
}

// foreign names a member that is for other sources than queues, "" if there is none.
func (in *MappingSettings) foreign() string {
	for _, m := range []struct {
		name  string
		given bool
	}{
		{"StartingPosition", in.StartingPosition != nil}, {"StartingPositionTimestamp", in.StartingPositionTimestamp != nil},
		{"ParallelizationFactor", in.ParallelizationFactor != nil},
		{"MaximumRecordAgeInSeconds", in.MaximumRecordAgeInSeconds != nil}, {"MaximumRetryAttempts", in.MaximumRetryAttempts != nil},
		{"BisectBatchOnFunctionError", in.BisectBatchOnFunctionError != nil}, {"TumblingWindowInSeconds", in.TumblingWindowInSeconds != nil},
		{"Topics", len(in.Topics) > 0}, {"Queues", len(in.Queues) > 0}, {"SourceAccessConfigurations", len(in.SourceAccessConfigurations) > 0},
		{"DestinationConfig", in.DestinationConfig != nil && *in.DestinationConfig != (DestinationConfig{})},
	} {
		if m.given {
			return m.name
		}
	}
	return ""
}

// apply makes the changes that a request asks for.
func (p *Plane) apply(m *storedMapping, in *MappingSettings) error {
	if in.FunctionName != nil {
		t, err := p.locate(in.FunctionName, "", maxNamespaced)
		if err != nil {
			return err
		}
		f := p.get(t.name)
		if f == nil || f.find(t.qualifier) == nil {
			return invalid("Function does not exist")
		}
		m.FunctionArn = p.arn(t.name, t.qualifier)
	}
	if service(m.EventSourceArn) == "sqs" {
		if name := in.foreign(); name != "" {
			return invalid("%s is not valid for SQS event sources.", name)
		}
		if len(in.ProvisionedPollerConfig) > 0 {
			return invalid("ProvisionedPollerConfig cannot be had here: nothing is provisioned. ScalingConfig bounds how many batches are processed at once.")
		}
	}
	set(&m.BatchSize, in.BatchSize)
	set(&m.MaximumBatchingWindowInSeconds, in.MaximumBatchingWindowInSeconds)
	set(&m.KMSKeyArn, in.KMSKeyArn)
	if in.Enabled != nil {
		m.State = map[bool]string{true: mappingEnabled, false: mappingDisabled}[*in.Enabled]
	}
	if in.FunctionResponseTypes != nil {
		m.FunctionResponseTypes = in.FunctionResponseTypes
	}
	if in.MetricsConfig != nil {
		m.MetricsConfig = in.MetricsConfig
	}
	if s := in.ScalingConfig; s != nil { // an empty one takes it away
		if m.ScalingConfig = s; s.MaximumConcurrency == nil {
			m.ScalingConfig = nil
		}
	}
	if f := in.FilterCriteria; f != nil {
		if m.FilterCriteria = f; len(f.Filters) == 0 {
			m.FilterCriteria = nil
		}
		if _, err := newFilter(m.FilterCriteria); err != nil {
			return err
		}
	}
	m.LastModified = float64(p.cfg.Clock.Now().UnixMilli()) / 1000
	m.StateTransitionReason = "USER_INITIATED"
	return nil
}

// checkQueue refuses what cannot be done with the mapping's queue.
func (p *Plane) checkQueue(m *storedMapping) error {
	q, ok := p.cfg.Queues.Queue(m.EventSourceArn)
	if !ok {
		return invalid("Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.")
	}
	switch {
	case q.FIFO && m.MaximumBatchingWindowInSeconds > 0:
		return invalid("Maximum batch window is not supported for FIFO queues.")
	case q.FIFO && m.BatchSize > maxFIFOBatch:
		return invalid("Batch size must be less than or equal to %d for FIFO queues.", maxFIFOBatch)
	case m.BatchSize > usualBatch && m.MaximumBatchingWindowInSeconds == 0:
		return invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
	}
	n, _ := lambda.ParseName(m.FunctionArn)
	if f := p.get(n.Function); f != nil {
		if v := f.find(n.Qualifier); v != nil && v.Config.Timeout > q.Visibility {
			return invalid("Queue visibility timeout: %d seconds is less than Function timeout: %d seconds", q.Visibility, v.Config.Timeout)
		}
	}
	return nil
}

// during is a mapping as it is shown while something is done to it.
func (m *storedMapping) during(state string) *Mapping {
	shown := m.Mapping
	shown.State = state
	return &shown
}

// mapping finds the mapping of a request.
func (p *Plane) mapping(in *MappingRequest) (*storedMapping, error) {
	if m := p.mappings.get(text(in.UUID)); m != nil {
		return m, nil
	}
	return nil, notFound("The resource you requested does not exist.")
}

func (p *Plane) getEventSourceMapping(_ context.Context, in *MappingRequest) (*Mapping, error) {
	m, err := p.mapping(in)
	if err != nil {
		return nil, err
	}
	return &m.Mapping, nil
}

func (p *Plane) updateEventSourceMapping(_ context.Context, in *MappingRequest) (*Mapping, error) {
	var c constraints
	in.check(&c)
	if err := c.err(); err != nil {
		return nil, err
	}
	p.mappings.changing.Lock()
	defer p.mappings.changing.Unlock()
	old, err := p.mapping(in)
	if err != nil {
		return nil, err
	}
	next := *old
	if err := p.apply(&next, &in.MappingSettings); err != nil {
		return nil, err
	}
	if err := p.checkQueue(&next); err != nil {
		return nil, err
	}
	if err := p.mappings.put(&next); err != nil {
		return nil, err
	}
	state := mappingUpdating
	switch {
	case old.State == mappingDisabled && next.State == mappingEnabled:
		state = mappingEnabling
	case old.State == mappingEnabled && next.State == mappingDisabled:
		state = mappingDisabling
	}
	return next.during(state), nil
}

func (p *Plane) deleteEventSourceMapping(_ context.Context, in *MappingRequest) (*Mapping, error) {
	p.mappings.changing.Lock()
	defer p.mappings.changing.Unlock()
	m, err := p.mapping(in)
	if err != nil {
		return nil, err
	}
	return m.during(mappingDeleting), p.mappings.remove(m.UUID)
}

func (p *Plane) listEventSourceMappings(_ context.Context, in *MappingRequest) (*MappingsResponse, error) {
	var c constraints
	c.matches("eventSourceArn", in.EventSourceArn, matchARN, patternARN)
	c.page(maxListed, in.MaxItems)
	if err := c.err(); err != nil {
		return nil, err
	}
	arn := ""
	if in.FunctionName != nil {
		t, err := p.locate(in.FunctionName, "", maxNamespaced) // which need not be there
		if err != nil {
			return nil, err
		}
		arn = p.arn(t.name, t.qualifier)
	}
	out := &MappingsResponse{EventSourceMappings: []Mapping{}}
	most := maxMappingsPage
	if in.MaxItems != nil {
		most = min(most, *in.MaxItems)
	}
	for _, m := range p.mappings.list() {
		switch {
		case m.UUID <= in.Marker, in.EventSourceArn != nil && m.EventSourceArn != *in.EventSourceArn, arn != "" && m.FunctionArn != arn:
		case len(out.EventSourceMappings) == most:
			out.NextMarker = out.EventSourceMappings[most-1].UUID
			return out, nil
		default:
			out.EventSourceMappings = append(out.EventSourceMappings, m.Mapping)
		}
	}
	return out, nil
}

// DeployMapping creates a template's mapping, or brings the one of the UUID to what the request says.
func (p *Plane) DeployMapping(in MappingRequest) error {
	next, err := p.newMapping(&in)
	if err != nil {
		return err
	}
	next.Template = true
	p.mappings.changing.Lock()
	defer p.mappings.changing.Unlock()
	if old := p.mappings.get(next.UUID); old != nil {
		same := *next
		same.LastModified = old.LastModified
		if encode(&same) == encode(old) {
			next.LastModified = old.LastModified
		}
	}
	return p.mappings.put(next)
}

// SettleMappings deletes the mappings of templates that are not among those of the UUIDs.
func (p *Plane) SettleMappings(uuids []string) error {
	p.mappings.changing.Lock()
	defer p.mappings.changing.Unlock()
	for _, m := range p.mappings.all() {
		if m.Template && !slices.Contains(uuids, m.UUID) {
			if err := p.mappings.remove(m.UUID); err != nil {
				return err
			}
		}
	}
	return nil
}

// mappingTags finds the mapping that a request about tags names; nil for one that names something else.
func (p *Plane) mappingTags(resource *string) (*storedMapping, error) {
	_, id, ok := strings.Cut(text(resource), ":event-source-mapping:")
	if !ok {
		return nil, nil
	}
	var c constraints
	c.matches("resource", resource, matchTaggable, patternTaggable)
	if err := c.err(); err != nil {
		return nil, err
	}
	if m := p.mappings.get(id); m != nil {
		return m, nil
	}
	return nil, notFound("Event source mapping not found: %s", *resource)
}

// changeMappingTags changes a mapping's tags.
func (p *Plane) changeMappingTags(m *storedMapping, do func(tags map[string]string) error) error {
	p.mappings.changing.Lock()
	defer p.mappings.changing.Unlock()
	next := *m
	if next.Tags = maps.Clone(m.Tags); next.Tags == nil {
		next.Tags = map[string]string{}
	}
	if err := do(next.Tags); err != nil {
		return err
	}
	return p.mappings.put(&next)
}

// loadMappings reads what is stored. Mappings of templates wait until these are there.
func (p *Plane) loadMappings() error {
	for d, err := range p.cfg.Journal.Documents(mappingsCollection) {
		if err != nil {
			return err
		}
		m := new(storedMapping)
		if err := json.Unmarshal(d.Value, m); err != nil {
			return fmt.Errorf("the event source mapping %.100q: %w", d.Key, err)
		}
		p.mappings.stored[m.UUID] = m
		if !m.Template {
			p.mappings.present[m.UUID] = true
		}
	}
	return nil
}

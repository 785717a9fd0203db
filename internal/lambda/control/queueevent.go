package control

import (
	"encoding/json"

	"github.com/tutti-run/tutti/internal/pattern"
	"github.com/tutti-run/tutti/internal/value"
)

// queueEvent is what a function gets (developer guide, "Using Lambda with Amazon SQS").
type queueEvent struct {
	Records []queueRecord
}

// queueRecord is a message in an event.
type queueRecord struct {
	MessageID         string                     `json:"messageId"`
	ReceiptHandle     string                     `json:"receiptHandle"`
	Body              string                     `json:"body"`
	Attributes        map[string]string          `json:"attributes"`
	MessageAttributes map[string]recordAttribute `json:"messageAttributes"`
	MD5OfAttributes   string                     `json:"md5OfMessageAttributes,omitempty"`
	MD5OfBody         string                     `json:"md5OfBody"`
	EventSource       string                     `json:"eventSource"`
	EventSourceARN    string                     `json:"eventSourceARN"`
	AWSRegion         string                     `json:"awsRegion"`
}

// recordAttribute is an attribute of a message in an event. The lists are never used, and always there.
type recordAttribute struct {
	StringValue string     `json:"stringValue,omitempty"`
	BinaryValue []byte     `json:"binaryValue,omitempty"`
	StringList  []struct{} `json:"stringListValues"`
	BinaryList  []struct{} `json:"binaryListValues"`
	DataType    string     `json:"dataType"`
}

func (p *poller) event(batch []QueueMessage) queueEvent {
	e := queueEvent{Records: make([]queueRecord, 0, len(batch))}
	for i := range batch {
		e.Records = append(e.Records, p.record(&batch[i]))
	}
	return e
}

func (p *poller) record(m *QueueMessage) queueRecord {
	r := queueRecord{
		MessageID: m.ID, ReceiptHandle: m.Receipt, Body: m.Body, Attributes: m.System, MessageAttributes: map[string]recordAttribute{},
		MD5OfAttributes: m.MD5OfAttributes, MD5OfBody: m.MD5OfBody, EventSource: "aws:sqs", EventSourceARN: p.m.EventSourceArn, AWSRegion: p.s.plane.cfg.Region,
	}
	for name, a := range m.Attributes {
		r.MessageAttributes[name] = recordAttribute{a.String, a.Binary, []struct{}{}, []struct{}{}, a.DataType}
	}
	return r
}

// size is about how much room a message takes in an event.
func (m *QueueMessage) size() int {
	const frame = 1 << 10 // names, handles, digests
	n := frame + len(m.Body) + len(m.Body)/8
	for name, a := range m.Attributes {
		n += len(name) + len(a.String) + 2*len(a.Binary) + 100
	}
	return n
}

// filter is filter criteria, compiled.
type filter struct {
	patterns []*pattern.Pattern
}

// newFilter compiles criteria; none, or those without filters, are nil.
func newFilter(c *FilterCriteria) (*filter, error) {
	if c == nil || len(c.Filters) == 0 {
		return nil, nil
	}
	if len(c.Filters) > maxFilters {
		return nil, invalid("Maximum number of filters is %d. The quota can be raised on AWS, not here.", maxFilters)
	}
	f := &filter{}
	for _, one := range c.Filters {
		compiled, err := pattern.Parse(one.Pattern)
		if err != nil {
			return nil, invalid("Invalid filter pattern definition.") // and not a word more (recorded on AWS)
		}
		f.patterns = append(f.patterns, compiled)
	}
	return f, nil
}

// wants tells whether a record matches one of the filters. A body that is a JSON object is looked into, and is otherwise a text (developer guide, "Using event
// filtering with an Amazon SQS event source").
func (f *filter) wants(r queueRecord) bool {
	text, err := json.Marshal(r)
	if err != nil {
		return false // it always encodes
	}
	v, err := value.Parse(string(text))
	o, ok := v.(*value.Object)
	if err != nil || !ok {
		return false
	}
	matches := func(v value.Value) bool {
		for _, p := range f.patterns {
			if p.Match(v) {
				return true
			}
		}
		return false
	}
	body, err := value.Parse(r.Body)
	if _, isObject := body.(*value.Object); err != nil || !isObject {
		return matches(o)
	}
	return matches(o.With("body", body))
}

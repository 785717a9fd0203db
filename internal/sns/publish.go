package sns

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

const (
	// MaxMessageBytes bounds a message with its attributes, and all messages of a batch together (API reference, Publish).
	MaxMessageBytes = 256 << 10
	// MaxBatch is how many messages a request may publish.
	MaxBatch = 10
	// dedupWindow is how long a deduplication id is remembered.
	dedupWindow = 5 * time.Minute
)

// Attribute is an attribute of a message.
type Attribute struct {
	DataType string `json:"t"` // String, String.Array, Number or Binary
	String   string `json:"s,omitempty"`
	Binary   []byte `json:"b,omitempty"`
}

// filtered is what filter policies see of an attribute, nil for nothing.
func (a Attribute) filtered() value.Value {
	switch {
	case a.DataType == "String.Array":
		if v, err := value.Parse(a.String); err == nil {
			return v
		}
		return nil
	case strings.HasPrefix(a.DataType, "Number"):
		if v, err := value.Parse(a.String); err == nil && v.Kind() == value.KindNumber {
			return v
		}
		return nil
	case strings.HasPrefix(a.DataType, "Binary"):
		return nil
	}
	return value.String(a.String)
}

// Message is a message to publish.
type Message struct {
	Body, Subject string
	// Structure is "json" if Body is an object with a text for each protocol, "" else.
	Structure  string
	Attributes map[string]Attribute
	// Dedup and Group are MessageDeduplicationId and MessageGroupId.
	Dedup, Group string
}

// Size is what counts of a message: its body, and names, types and values of its attributes.
func (m *Message) Size() int {
	n := len(m.Body)
	for name, a := range m.Attributes {
		n += len(name) + len(a.DataType) + len(a.String) + len(a.Binary)
	}
	return n
}

// Published is what became of a message.
type Published struct {
	ID       string
	Sequence string // of FIFO topics
}

// dedup is a deduplication id that was used. Its document is this in JSON.
type dedup struct {
	ID       string `json:"id"`
	Sequence string `json:"sequence"`
	Expires  int64  `json:"expires"` // epoch milliseconds
}

var (
	attributeType = regexp.MustCompile(`^(String|Number|Binary)(\..+)?$`)
	token128      = regexp.MustCompile(`^[!-~]{1,128}$`)
	subject       = regexp.MustCompile(`^[!-~][ -~]{0,99}$`)
)

// check refuses a message.
func (m *Message) check(r *topicRecord) error {
	switch {
	case m.Body == "":
		return invalid("Empty message")
	case !utf8.ValidString(m.Body):
		return invalid("Message")
	case m.Size() > MaxMessageBytes:
		return invalid("Message too long")
	case m.Subject != "" && !subject.MatchString(m.Subject):
		return invalid("Subject")
	case m.Structure != "" && m.Structure != "json":
		return invalid("MessageStructure")
	}
	if m.Structure == "json" {
		if _, err := m.texts(); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		if err := checkMessageAttribute(name, m.Attributes[name]); err != nil {
			return err
		}
	}
	return m.checkIDs(r)
}

// checkIDs refuses group and deduplication ids, and makes the latter where the topic does.
func (m *Message) checkIDs(r *topicRecord) error {
	switch {
	case m.Group != "" && !token128.MatchString(m.Group):
		return invalid("MessageGroupId Reason: must be 1 to 128 alphanumeric or punctuation characters")
	case m.Dedup != "" && !token128.MatchString(m.Dedup):
		return invalid("MessageDeduplicationId Reason: must be 1 to 128 alphanumeric or punctuation characters")
	case !r.fifo() && m.Dedup != "":
		return invalid("MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type")
	case !r.fifo():
		return nil
	case m.Group == "":
		return invalid("The MessageGroupId parameter is required for FIFO topics")
	case m.Dedup == "" && r.Attributes["ContentBasedDeduplication"] != "true":
		return invalid("The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	case m.Dedup == "":
		sum := sha256.Sum256([]byte(m.Body))
		m.Dedup = hex.EncodeToString(sum[:])
	}
	return nil
}

// maxAttributeName is how many bytes the name of an attribute of a message has at most.
const maxAttributeName = 256

// checkMessageAttribute refuses an attribute of a message, in the words of AWS.
func checkMessageAttribute(name string, a Attribute) error {
	bad := func(format string, args ...any) error { return sfn.Refuse(InvalidParameterValue, format, args...) }
	if err := checkAttributeName(name); err != nil {
		return err
	}
	field, empty := "String", a.String == ""
	if strings.HasPrefix(a.DataType, "Binary") {
		field, empty = "Binary", len(a.Binary) == 0
	}
	switch {
	case a.DataType == "":
		return bad("The message attribute '%s' must contain non-empty message attribute type.", name)
	case !attributeType.MatchString(a.DataType):
		return bad("The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", name)
	case a.String == "" && len(a.Binary) == 0:
		return bad("The message attribute '%s' must contain non-empty message attribute value for message attribute type '%s'.", name, a.DataType)
	case empty:
		return bad("The message attribute '%s' with type '%s' must use field '%s'.", name, a.DataType, field)
	case strings.HasPrefix(a.DataType, "Number") && a.filtered() == nil:
		return bad("Could not cast message attribute '%s' value to number.", name)
	case a.DataType == "String.Array":
		if v, err := value.Parse(a.String); err != nil || v.Kind() != value.KindArray {
			return bad("The message attribute '%s' of type String.Array is not a JSON array.", name)
		}
	}
	return nil
}

// checkAttributeName refuses what an attribute of a message cannot be called.
func checkAttributeName(name string) error {
	bad := func(format string, args ...any) error { return sfn.Refuse(InvalidParameterValue, format, args...) }
	switch {
	case name == "" || len(name) > maxAttributeName:
		return bad("Length of message attribute name must be less than 256 bytes.")
	case strings.HasPrefix(name, "."):
		return bad("Invalid message attribute name starting with character '.' was found.")
	case strings.HasSuffix(name, "."):
		return bad("Invalid message attribute name ending with character '.' was found.")
	case strings.Contains(name, ".."):
		return bad("Message attribute name can not have successive '.' character.")
	}
	for _, r := range name {
		if r >= utf8.RuneSelf || !attributeRune(byte(r)) {
			return bad("Invalid non-alphanumeric character '#x%X' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.", r)
		}
	}
	return nil
}

// attributeRune tells whether a name of an attribute may have the character.
func attributeRune(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.-", c) >= 0
}

// texts are the texts for the protocols of a message whose structure is JSON.
func (m *Message) texts() (map[string]string, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(m.Body), &all); err != nil {
		return nil, invalid("Message Structure - JSON message body failed to parse")
	}
	texts := map[string]string{}
	for protocol, raw := range all {
		var text string
		if json.Unmarshal(raw, &text) == nil { // others are ignored
			texts[protocol] = text
		}
	}
	if _, ok := texts["default"]; !ok {
		return nil, invalid("Message Structure - No default entry in JSON message body")
	}
	return texts, nil
}

// textFor is what the subscribers of a protocol get.
func (m *Message) textFor(protocol string) string {
	if m.Structure != "json" {
		return m.Body
	}
	texts, err := m.texts()
	if err != nil {
		return m.Body // it was checked
	}
	if text, ok := texts[protocol]; ok {
		return text
	}
	return texts["default"]
}

// Publish publishes a message to a topic. It returns when what is to be delivered is on disk. The error may be NotFound, InvalidParameter or InvalidParameterValue.
func (s *Service) Publish(topicARN string, m Message) (Published, error) {
	published, err := s.PublishAll(topicARN, []Message{m})
	if err != nil {
		return Published{}, err
	}
	return published[0], nil
}

// PublishAll publishes messages in their order, in one write. As on AWS, one that cannot be published is the error of all.
func (s *Service) PublishAll(topicARN string, messages []Message) ([]Published, error) {
	t, err := s.find(topicARN)
	if err != nil {
		return nil, err
	}
	r := s.recordOf(t)
	for i := range messages {
		if err := messages[i].check(&r); err != nil {
			return nil, err
		}
	}
	if r.fifo() { // the order of the sequence numbers is that of the deliveries
		t.publish.Lock()
		defer t.publish.Unlock()
	}
	now := s.cfg.Clock.Now()
	p := publication{s: s, t: t, r: &r, arn: topicARN, now: now, subscriptions: s.subscriptionsOf(topicARN), used: map[string]dedup{}}
	published := make([]Published, len(messages))
	for i := range messages {
		published[i] = p.add(&messages[i])
	}
	if r.fifo() {
		p.forget()
	}
	if len(p.changes) > 0 {
		if err := s.cfg.Journal.Write(p.changes); err != nil {
			return nil, fmt.Errorf("record a message: %w", err)
		}
	}
	p.countPublished(messages)
	maps.Copy(t.dedups, p.used)
	s.deliveries.add(p.owed)
	return published, nil
}

// publication is messages that are published by one request.
type publication struct {
	s             *Service
	t             *topic
	r             *topicRecord
	arn           string
	now           time.Time
	subscriptions []*subscription
	changes       []Change
	owed          []delivery
	used          map[string]dedup // ids that were used now
	filteredOut   []int            // metrics of what no subscription gets
}

// add makes out what is to be delivered of a message.
func (p *publication) add(m *Message) Published {
	out := Published{ID: uuid.NewString()}
	if p.r.fifo() {
		id := m.Dedup
		if p.r.Attributes["FifoThroughputScope"] == "MessageGroup" {
			id = m.Group + "\x00" + id
		}
		sum := sha256.Sum256([]byte(id))
		key := hex.EncodeToString(sum[:])
		for _, known := range []map[string]dedup{p.used, p.t.dedups} {
			if d, ok := known[key]; ok && d.Expires > p.now.UnixMilli() {
				return Published{d.ID, d.Sequence}
			}
		}
		p.t.last = max(p.now.UnixNano(), p.t.last+1)
		out.Sequence = fmt.Sprintf("1%019d", p.t.last)
		d := dedup{out.ID, out.Sequence, p.now.Add(dedupWindow).UnixMilli()}
		p.used[key] = d
		p.changes = append(p.changes, set(dedupsCollection, p.r.Name+"\x00"+key, &d))
	}
	for _, sub := range p.subscriptions {
		if !sub.Confirmed {
			continue
		}
		body := m.textFor(sub.Protocol)
		if !sub.settings.filter.passes(m, body) {
			p.filteredOut = append(p.filteredOut, sub.settings.filter.whyFilteredOut(m, body))
			continue
		}
		d := p.s.notification(p.r, sub, m, body, out, p.now)
		p.owed = append(p.owed, d)
		p.changes = append(p.changes, set(deliveriesCollection, d.Key, &d))
	}
	return out
}

// forget takes out the ids that are over.
func (p *publication) forget() {
	for key, d := range p.t.dedups {
		if d.Expires <= p.now.UnixMilli() {
			if _, again := p.used[key]; !again {
				delete(p.t.dedups, key)
				p.changes = append(p.changes, Change{Collection: dedupsCollection, Key: p.r.Name + "\x00" + key})
			}
		}
	}
}

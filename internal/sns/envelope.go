package sns

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// timeForm is how times stand in messages.
const timeForm = "2006-01-02T15:04:05.000Z"

// unsigned stands where AWS has a signature: nobody here has AWS's key.
const unsigned = "UNSIGNED"

// document is what SQS queues and HTTP endpoints get (developer guide, "Parsing Amazon SNS message formats"). The members stand in AWS's order.
type document struct {
	Type              string                       `json:"Type"`
	MessageID         string                       `json:"MessageId"`
	SequenceNumber    string                       `json:"SequenceNumber,omitempty"`
	Token             string                       `json:"Token,omitempty"` // of a confirmation
	TopicARN          string                       `json:"TopicArn"`
	Subject           string                       `json:"Subject,omitempty"`
	Message           string                       `json:"Message"`
	SubscribeURL      string                       `json:"SubscribeURL,omitempty"` // of a confirmation
	Timestamp         string                       `json:"Timestamp"`
	SignatureVersion  string                       `json:"SignatureVersion,omitempty"` // FIFO topics do not sign, as recorded on AWS
	Signature         string                       `json:"Signature,omitempty"`
	SigningCertURL    string                       `json:"SigningCertURL,omitempty"`
	UnsubscribeURL    string                       `json:"UnsubscribeURL,omitempty"`
	MessageAttributes map[string]documentAttribute `json:"MessageAttributes,omitempty"`
}

type documentAttribute struct {
	Type  string
	Value any // text, or bytes in base64
}

func documentAttributes(attributes map[string]Attribute) map[string]documentAttribute {
	if len(attributes) == 0 {
		return nil
	}
	out := map[string]documentAttribute{}
	for name, a := range attributes {
		v := any(a.String)
		if strings.HasPrefix(a.DataType, "Binary") {
			v = a.Binary
		}
		out[name] = documentAttribute{a.DataType, v}
	}
	return out
}

// text is a document as AWS writes it: a member a line, with blanks around the colons.
func (d *document) text() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(d) // texts encode
	var members []string
	decoder := json.NewDecoder(&b)
	_, _ = decoder.Token() // the brace
	for decoder.More() {
		name, err := decoder.Token()
		var v json.RawMessage
		if err != nil || decoder.Decode(&v) != nil {
			break // it was written above
		}
		quoted, _ := json.Marshal(name)
		members = append(members, "  "+string(quoted)+" : "+string(v))
	}
	return "{\n" + strings.Join(members, ",\n") + "\n}"
}

// link is a URL of this service that does something. Colons stand in it as they are, as in AWS's.
func (s *Service) link(action string, parameters ...string) string {
	s.mu.RLock()
	link := s.endpoint + "/?Action=" + action
	s.mu.RUnlock()
	for i := 0; i < len(parameters); i += 2 {
		link += "&" + parameters[i] + "=" + strings.ReplaceAll(url.QueryEscape(parameters[i+1]), "%3A", ":")
	}
	return link
}

func (s *Service) certificateURL() string {
	return "https://sns." + s.cfg.Place.Region + ".amazonaws.com/SimpleNotificationService-0000000000000000000000.pem"
}

// sign puts a topic's signature on a document, or what stands for it here.
func (d *document) sign(s *Service, r *topicRecord) {
	if r.fifo() {
		return
	}
	d.SignatureVersion, d.Signature, d.SigningCertURL = "1", unsigned, s.certificateURL()
	if v := r.Attributes["SignatureVersion"]; v != "" {
		d.SignatureVersion = v
	}
}

// notification is what is to be delivered of a message to a subscription.
func (s *Service) notification(r *topicRecord, sub *subscription, m *Message, body string, p Published, now time.Time) delivery {
	d := s.newDelivery(sub, now)
	d.MessageID, d.Type, d.Group, d.Dedup, d.Raw = p.ID, notificationType, m.Group, m.Dedup, sub.settings.raw && sub.Protocol != protocolLambda
	d.ContentType = s.contentType(r, sub)
	if r.fifo() {
		d.Lane = sub.ARN + "\x00" + m.Group
	}
	switch {
	case d.Raw:
		d.Body, d.Attributes = body, m.Attributes
	case sub.Protocol == protocolLambda:
		d.Body = s.functionEvent(sub, m, body, p, now)
	default:
		doc := document{
			Type: d.Type, MessageID: p.ID, SequenceNumber: p.Sequence, TopicARN: sub.TopicARN, Subject: m.Subject, Message: body,
			Timestamp: now.UTC().Format(timeForm), UnsubscribeURL: s.link("Unsubscribe", "SubscriptionArn", sub.ARN),
			MessageAttributes: documentAttributes(m.Attributes),
		}
		doc.sign(s, r)
		d.Body = doc.text()
	}
	return d
}

// functionEvent is what a function gets (Lambda developer guide, "Invoking Lambda functions with Amazon SNS notifications").
func (s *Service) functionEvent(sub *subscription, m *Message, body string, p Published, now time.Time) string {
	type notification struct {
		Type              string
		MessageId         string
		TopicArn          string
		Subject           *string
		Message           string
		Timestamp         string
		SignatureVersion  string
		Signature         string
		SigningCertUrl    string
		UnsubscribeUrl    string
		MessageAttributes map[string]documentAttribute
	}
	type record struct {
		EventSource          string
		EventVersion         string
		EventSubscriptionArn string
		Sns                  notification
	}
	n := notification{
		Type: notificationType, MessageId: p.ID, TopicArn: sub.TopicARN, Message: body, Timestamp: now.UTC().Format(timeForm), SignatureVersion: "1", Signature: unsigned,
		SigningCertUrl: s.certificateURL(), UnsubscribeUrl: s.link("Unsubscribe", "SubscriptionArn", sub.ARN), MessageAttributes: documentAttributes(m.Attributes),
	}
	if m.Subject != "" {
		n.Subject = &m.Subject
	}
	if n.MessageAttributes == nil {
		n.MessageAttributes = map[string]documentAttribute{}
	}
	text, _ := json.Marshal(map[string][]record{"Records": {{"aws:sns", "1.0", sub.ARN, n}}}) // texts encode
	return string(text)
}

// confirmation asks an HTTP endpoint to confirm its subscription.
func (s *Service) confirmation(sub *subscription) delivery {
	now := s.cfg.Clock.Now()
	d := s.newDelivery(sub, now)
	d.Type = confirmationType
	doc := document{
		Type: d.Type, MessageID: d.MessageID, Token: sub.Token, TopicARN: sub.TopicARN,
		Message:      "You have chosen to subscribe to the topic " + sub.TopicARN + ".\nTo confirm the subscription, visit the SubscribeURL included in this message.",
		SubscribeURL: s.link("ConfirmSubscription", "TopicArn", sub.TopicARN, "Token", sub.Token), Timestamp: now.UTC().Format(timeForm),
		SignatureVersion: "1", Signature: unsigned, SigningCertURL: s.certificateURL(),
	}
	d.Body = doc.text()
	return d
}

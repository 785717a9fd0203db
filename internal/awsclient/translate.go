package awsclient

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// A service of this program is written for one protocol, awsJson; clients of the same service may speak others. What follows turns their requests
// into it and the answers back. (Smithy documentation, "AWS Query protocol" and "Smithy RPC v2 CBOR protocol".)

// RequestToJSON turns the body of a request in the query protocol or in CBOR into that of the JSON protocol.
func RequestToJSON(p awsmodel.Protocol, s *awsmodel.Service, o *awsmodel.Operation, body []byte) ([]byte, error) {
	input := o.Input
	if input == nil {
		return []byte("{}"), nil
	}
	if p == awsmodel.Query {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, fmt.Errorf("the body is not a form: %w", err)
		}
		root, err := parseForm(form)
		if err != nil {
			return nil, err
		}
		return []byte(value.Text(root.structure(queryShape(s, input)))), nil
	}
	if len(body) == 0 {
		return []byte("{}"), nil
	}
	v, _, err := readCBOR(body, 0)
	if err != nil {
		return nil, err
	}
	return []byte(value.Text(epochTimes(input, v))), nil
}

// ResponseFromJSON turns the body of an answer in the JSON protocol into that of the query protocol or of CBOR.
func ResponseFromJSON(p awsmodel.Protocol, s *awsmodel.Service, o *awsmodel.Operation, body []byte, requestID string) ([]byte, error) {
	v, err := value.Parse(string(body))
	if err != nil {
		return nil, err
	}
	output := o.Output
	if output == nil {
		output = awsmodel.NewStructure()
	}
	if p == awsmodel.CBOR {
		return wireNames.appendCBOR(nil, output, v, "")
	}
	w := &xmlWriter{names: &wireNames}
	w.open(o.Name+"Response", namespaceAttribute(queryNamespace(s)))
	if o.Output != nil {
		wrapper := o.Wrapper
		if wrapper == "" {
			wrapper = o.Name + "Result"
		}
		if err := w.structure(wrapper, nil, queryShape(s, output), v); err != nil {
			return nil, err
		}
	}
	w.open("ResponseMetadata", nil)
	w.text("RequestId", requestID)
	w.close("ResponseMetadata")
	w.close(o.Name + "Response")
	return laidOut(s, w.dst), nil
}

// ServiceFault is an error of a service. Code is what the query protocol calls it, Name is the exception's.
type ServiceFault struct {
	Name, Code, Message, RequestID string
	Sender                         bool // the client is to blame
}

// ErrorFromJSON writes an error in the query protocol or in CBOR.
func ErrorFromJSON(p awsmodel.Protocol, s *awsmodel.Service, e ServiceFault) []byte {
	if p == awsmodel.CBOR {
		dst := appendCBORHead(nil, cborMap, 2)
		for _, t := range []string{"__type", e.Name, "message", e.Message} {
			dst = append(appendCBORHead(dst, cborText, uint64(len(t))), t...)
		}
		return dst
	}
	blame := "Receiver"
	if e.Sender {
		blame = "Sender"
	}
	w := &xmlWriter{}
	w.open("ErrorResponse", namespaceAttribute(queryNamespace(s)))
	w.open("Error", nil)
	w.text("Type", blame)
	w.text("Code", e.Code)
	w.text("Message", e.Message)
	w.close("Error")
	w.text("RequestId", e.RequestID)
	w.close("ErrorResponse")
	return laidOut(s, w.dst)
}

func (w *xmlWriter) text(name, text string) {
	w.open(name, nil)
	w.dst = escapeXML(w.dst, text)
	w.close(name)
}

func namespaceAttribute(namespace string) []byte {
	if namespace == "" {
		return nil
	}
	return append(escapeXML([]byte(` xmlns="`), namespace), '"')
}

// queryNamespace is of a service's answers in the query protocol.
func queryNamespace(s *awsmodel.Service) string {
	if s.Namespace == "" && s.ID == "SQS" {
		return "http://queue.amazonaws.com/doc/" + s.Version + "/" // the model has forgotten it with the names below
	}
	return s.Namespace
}

// epochTimes writes timestamps, which are texts, as the JSON protocol does: in epoch seconds.
func epochTimes(s *awsmodel.Shape, v value.Value) value.Value {
	if s == nil {
		return v
	}
	switch s.Kind {
	case awsmodel.Timestamp:
		if t, ok := v.(value.String); ok {
			if at, ok := parseTime(string(t)); ok {
				return value.Float(float64(at.UnixMilli()) / 1000)
			}
		}
	case awsmodel.Structure:
		if o, ok := v.(*value.Object); ok {
			byName := map[string]*awsmodel.Shape{}
			for i := range s.Members {
				byName[s.Members[i].Name] = s.Members[i].Shape
			}
			return mapMembers(o, func(name string) *awsmodel.Shape { return byName[name] })
		}
	case awsmodel.Map:
		if o, ok := v.(*value.Object); ok {
			return mapMembers(o, func(string) *awsmodel.Shape { return s.Elem })
		}
	case awsmodel.List:
		if items, ok := v.(value.Array); ok {
			list := make(value.Array, len(items))
			for i := range items {
				list[i] = epochTimes(s.Elem, items[i])
			}
			return list
		}
	}
	return v
}

func mapMembers(o *value.Object, shape func(name string) *awsmodel.Shape) *value.Object {
	members := make([]value.Member, 0, o.Len())
	for name, inner := range o.All() {
		members = append(members, value.Member{Name: name, Value: epochTimes(shape(name), inner)})
	}
	return value.NewObject(members...)
}

// field is a name in a form with all that begins with it and a dot: A, A.1, A.1.B.
type field struct {
	text  string
	given bool
	inner map[string]*field
}

// maxFormDepth bounds how many parts a field's name has.
const maxFormDepth = 40

var errFormDepth = errors.New("a parameter's name has too many parts")

func parseForm(form url.Values) (*field, error) {
	root := &field{}
	for name, values := range form {
		parts := strings.Split(name, ".")
		if len(parts) > maxFormDepth {
			return nil, errFormDepth
		}
		at := root
		for _, part := range parts {
			next := at.inner[part]
			if next == nil {
				if at.inner == nil {
					at.inner = map[string]*field{}
				}
				next = &field{}
				at.inner[part] = next
			}
			at = next
		}
		at.text, at.given = values[0], true
	}
	return root, nil
}

func (f *field) structure(s *awsmodel.Shape) *value.Object {
	var members []value.Member
	for i := range s.Members {
		m := &s.Members[i]
		if inner := f.inner[m.Wire]; inner != nil {
			members = append(members, value.Member{Name: m.Name, Value: inner.value(m.Shape, m.Flat)})
		}
	}
	return value.NewObject(members...)
}

func (f *field) value(s *awsmodel.Shape, flat bool) value.Value {
	flat = flat || s.Flat
	switch s.Kind {
	case awsmodel.Structure:
		return f.structure(s)
	case awsmodel.List:
		if member := f.inner[orElse(s.ElemName, "member")]; !flat && member != nil {
			f = member
		}
		list := value.Array{}
		for _, item := range f.numbered() {
			list = append(list, item.value(s.Elem, false))
		}
		if flat && f.given && len(list) == 0 {
			list = append(list, formScalar(s.Elem.Kind, f.text)) // AttributeName=All for AttributeName.1=All
		}
		return list
	case awsmodel.Map:
		if entry := f.inner["entry"]; !flat && entry != nil {
			f = entry
		}
		var members []value.Member
		for _, entry := range f.numbered() {
			key, inner := entry.inner[orElse(s.KeyName, "key")], entry.inner[orElse(s.ElemName, "value")]
			if key != nil && inner != nil {
				members = append(members, value.Member{Name: key.text, Value: inner.value(s.Elem, false)})
			}
		}
		return value.NewObject(members...)
	}
	return formScalar(s.Kind, f.text)
}

// numbered lists what is inside, by its numbers.
func (f *field) numbered() []*field {
	var numbers []int
	for name := range f.inner {
		if n, err := strconv.Atoi(name); err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	var list []*field
	for _, n := range slices.Compact(numbers) {
		if inner := f.inner[strconv.Itoa(n)]; inner != nil { // "01" is no number of a list
			list = append(list, inner)
		}
	}
	return list
}

// formScalar reads a simple value. What does not fit stays a text, which the service refuses.
func formScalar(kind awsmodel.Kind, text string) value.Value {
	switch kind {
	case awsmodel.Integer, awsmodel.Long, awsmodel.Float, awsmodel.Double:
		if v, err := value.Parse(strings.TrimSpace(text)); err == nil && v.Kind() == value.KindNumber {
			return v
		}
	case awsmodel.Boolean:
		switch strings.ToLower(text) {
		case "true", "1":
			return value.Bool(true)
		case "false", "0":
			return value.Bool(false)
		}
	case awsmodel.Timestamp:
		if t, ok := parseTime(text); ok {
			return value.Float(float64(t.UnixMilli()) / 1000)
		}
	case awsmodel.Blob:
		if _, err := base64.StdEncoding.DecodeString(text); err != nil {
			return value.String(base64.StdEncoding.EncodeToString([]byte(text)))
		}
	}
	return value.String(text)
}

func orElse(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

// flatName is what a flat member was called in the query protocol before its service's model became one of the JSON protocol.
type flatName struct{ element, key, value string }

// sqsNames are those of SQS (API reference of 2012-11-05, "Making Query API requests"), by member.
var sqsNames = map[string]flatName{
	"AWSAccountIds":               {element: "AWSAccountId"},
	"Actions":                     {element: "ActionName"},
	"AttributeNames":              {element: "AttributeName"},
	"Attributes":                  {"Attribute", "Name", "Value"},
	"BinaryListValues":            {element: "BinaryListValue"},
	"MessageAttributeNames":       {element: "MessageAttributeName"},
	"MessageAttributes":           {"MessageAttribute", "Name", "Value"},
	"MessageSystemAttributeNames": {element: "MessageSystemAttributeName"},
	"MessageSystemAttributes":     {"MessageSystemAttribute", "Name", "Value"},
	"Messages":                    {element: "Message"},
	"QueueUrls":                   {element: "QueueUrl"},
	"queueUrls":                   {element: "QueueUrl"},
	"StringListValues":            {element: "StringListValue"},
	"TagKeys":                     {element: "TagKey"},
	"Tags":                        {"Tag", "Key", "Value"},
	"tags":                        {"Tag", "Key", "Value"},
	"Failed":                      {element: "BatchResultErrorEntry"},
}

// sqsEntries are those of members whose names say less than the structures in them, by a member that only those structures have.
var sqsEntries = []struct{ member, has, element string }{
	{"Entries", "MessageBody", "SendMessageBatchRequestEntry"},
	{"Entries", "VisibilityTimeout", "ChangeMessageVisibilityBatchRequestEntry"},
	{"Entries", "ReceiptHandle", "DeleteMessageBatchRequestEntry"},
	{"Successful", "MessageId", "SendMessageBatchResultEntry"},
	{"Results", "TaskHandle", "ListMessageMoveTasksResultEntry"},
}

func sqsName(m *awsmodel.Member) flatName {
	if n, ok := sqsNames[m.Name]; ok {
		return n
	}
	for _, e := range sqsEntries {
		if e.member == m.Name && m.Shape.Elem != nil && slices.ContainsFunc(m.Shape.Elem.Members, func(inner awsmodel.Member) bool { return inner.Name == e.has }) {
			return flatName{element: e.element}
		}
	}
	return flatName{element: m.Name}
}

// queryShape is the shape as the query protocol of the service has it.
func queryShape(service *awsmodel.Service, s *awsmodel.Shape) *awsmodel.Shape {
	if service.ID != "SQS" {
		return s
	}
	return withFlatNames(s, sqsName, map[*awsmodel.Shape]*awsmodel.Shape{})
}

// withFlatNames copies a shape and all in it, with other names for flat members.
func withFlatNames(s *awsmodel.Shape, name func(*awsmodel.Member) flatName, done map[*awsmodel.Shape]*awsmodel.Shape) *awsmodel.Shape {
	if s == nil || done[s] != nil {
		return done[s]
	}
	c := *s
	done[s] = &c
	c.Members = slices.Clone(s.Members)
	c.Elem = withFlatNames(s.Elem, name, done)
	for i := range c.Members {
		m := &c.Members[i]
		flat := m.Flat || m.Shape.Flat
		called := name(m)
		m.Shape = withFlatNames(m.Shape, name, done)
		if !flat {
			continue
		}
		m.Wire = called.element
		if m.Shape.Kind == awsmodel.Map {
			inner := *m.Shape // other members may call their keys otherwise
			inner.KeyName, inner.ElemName = called.key, called.value
			m.Shape = &inner
		}
	}
	return &c
}

// sqsCodes are what the query protocol calls errors of SQS, which its model has forgotten too.
var sqsCodes = map[string]string{
	"BatchEntryIdsNotDistinct":          "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
	"BatchRequestTooLong":               "AWS.SimpleQueueService.BatchRequestTooLong",
	"EmptyBatchRequest":                 "AWS.SimpleQueueService.EmptyBatchRequest",
	"InvalidBatchEntryId":               "AWS.SimpleQueueService.InvalidBatchEntryId",
	"InvalidParameterValueException":    "InvalidParameterValue",
	"MessageNotInflight":                "AWS.SimpleQueueService.MessageNotInflight",
	"MissingRequiredParameterException": "MissingParameter",
	"PurgeQueueInProgress":              "AWS.SimpleQueueService.PurgeQueueInProgress",
	"QueueDeletedRecently":              "AWS.SimpleQueueService.QueueDeletedRecently",
	"QueueDoesNotExist":                 "AWS.SimpleQueueService.NonExistentQueue",
	"QueueNameExists":                   "QueueAlreadyExists",
	"TooManyEntriesInBatchRequest":      "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
	"UnsupportedOperation":              "AWS.SimpleQueueService.UnsupportedOperation",
}

// QueryCode is what the query protocol calls an exception of the service.
func QueryCode(s *awsmodel.Service, exception string) string {
	if code := sqsCodes[exception]; code != "" && s.ID == "SQS" {
		return code
	}
	return s.ErrorCode(exception)
}

package awsclient

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// decode reads the answer to a call.
func decode(call Call, status int, header http.Header, body []byte) (*Response, error) {
	if status < 200 || status > 299 {
		return nil, decodeError(call.Service, status, header, body)
	}
	d := decoder{service: call.Service, millis: call.Milliseconds}
	r := &Response{Status: status, Header: header, RequestID: requestID(header), Output: value.NewObject()}
	output := call.Operation.Output
	var members []value.Member
	var err error
	switch call.Service.Protocol {
	case awsmodel.JSON:
		members, err = d.jsonBody(output, body, true)
	case awsmodel.CBOR:
		members, err = d.cborBody(output, body)
	case awsmodel.Query, awsmodel.EC2:
		members, err = d.queryBody(call.Operation, body, r)
	default:
		members, err = d.rest(output, status, header, body)
	}
	if err != nil {
		return nil, fmt.Errorf("Unable to unmarshall response (%w)", err)
	}
	r.Output = value.NewObject(members...)
	return r, nil
}

// decoder reads bodies into values with the names of Step Functions.
type decoder struct {
	service *awsmodel.Service
	millis  bool
}

func (d *decoder) jsonBody(s *awsmodel.Shape, body []byte, rpc bool) ([]value.Member, error) {
	if s == nil || len(strings.TrimSpace(string(body))) == 0 {
		return nil, nil
	}
	v, err := value.Parse(string(body))
	if err != nil {
		return nil, err
	}
	o, ok := v.(*value.Object)
	if !ok {
		return nil, fmt.Errorf("a JSON object was expected, not %s", v.Kind())
	}
	return d.members(s, o, rpc), nil
}

// members translates the members of an object that the shape knows, in the order in which they came.
func (d *decoder) members(s *awsmodel.Shape, o *value.Object, rpc bool) []value.Member {
	byWire := make(map[string]*awsmodel.Member, len(s.Members))
	for i := range s.Members {
		m := &s.Members[i]
		if rpc {
			byWire[m.Name] = m
		} else if m.Location == "" {
			byWire[m.Wire] = m
		}
	}
	var members []value.Member
	for name, inner := range o.All() {
		m := byWire[name]
		if m == nil || inner.Kind() == value.KindNull {
			continue
		}
		members = append(members, value.Member{Name: m.Field, Value: d.json(m.Shape, inner, rpc)})
	}
	return members
}

func (d *decoder) json(s *awsmodel.Shape, v value.Value, rpc bool) value.Value {
	if s.Document || v.Kind() == value.KindNull {
		return v
	}
	switch s.Kind {
	case awsmodel.Structure:
		if o, ok := v.(*value.Object); ok {
			return value.NewObject(d.members(s, o, rpc)...)
		}
	case awsmodel.List:
		if items, ok := v.(value.Array); ok {
			list := make(value.Array, len(items))
			for i := range items {
				list[i] = d.json(s.Elem, items[i], rpc)
			}
			return list
		}
	case awsmodel.Map:
		if o, ok := v.(*value.Object); ok {
			members := make([]value.Member, 0, o.Len())
			for name, inner := range o.All() {
				members = append(members, value.Member{Name: name, Value: d.json(s.Elem, inner, rpc)})
			}
			return value.NewObject(members...)
		}
	case awsmodel.Timestamp:
		if t, ok := jsonTime(v); ok {
			return d.time(t)
		}
	case awsmodel.Blob:
		if encoded, ok := v.(value.String); ok {
			if raw, err := base64.StdEncoding.DecodeString(string(encoded)); err == nil {
				return bytesValue(raw)
			}
		}
	}
	return v
}

// time is a timestamp as Step Functions shows it.
func (d *decoder) time(t time.Time) value.Value {
	if d.millis {
		return value.Int(t.UnixMilli())
	}
	return value.String(instant(t.UTC()))
}

func jsonTime(v value.Value) (time.Time, bool) {
	switch v := v.(type) {
	case value.Int:
		return time.Unix(int64(v), 0), true
	case value.Float:
		return time.UnixMilli(int64(float64(v)*1000 + 0.5)), true
	case value.String:
		return parseTime(string(v))
	}
	return time.Time{}, false
}

// parseTime reads a timestamp that is written as a text in any of the formats.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, http.TimeFormat, "2006-01-02T15:04:05.999999999", time.RFC1123Z, "Mon, 2 Jan 2006 15:04:05 GMT"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	if seconds, err := strconv.ParseFloat(s, 64); err == nil {
		return time.UnixMilli(int64(seconds*1000 + 0.5)), true
	}
	return time.Time{}, false
}

// bytesValue shows bytes: as text where they are one, else in base64.
func bytesValue(raw []byte) value.Value {
	if utf8.Valid(raw) {
		return value.String(raw)
	}
	return value.String(base64.StdEncoding.EncodeToString(raw))
}

// rest reads headers, status and body of a REST protocol.
func (d *decoder) rest(s *awsmodel.Shape, status int, header http.Header, body []byte) ([]value.Member, error) {
	if s == nil {
		return nil, nil
	}
	var members []value.Member
	for i := range s.Members {
		m := &s.Members[i]
		if v := d.outside(m, status, header); v != nil {
			members = append(members, value.Member{Name: m.Field, Value: v})
		}
	}
	if s.Payload != "" {
		v, name, err := d.payload(s, body)
		if err == nil && v != nil {
			members = append(members, value.Member{Name: name, Value: v})
		}
		return members, err
	}
	if len(strings.TrimSpace(string(body))) == 0 {
		return members, nil
	}
	if d.service.Protocol == awsmodel.RESTJSON {
		inner, err := d.jsonBody(s, body, false)
		return append(members, inner...), err
	}
	root, err := parseXML(body)
	if err != nil {
		return nil, err
	}
	return append(members, d.xmlMembers(s, root)...), nil
}

// outside reads a member that does not stand in the body; nil if it does, or is not there.
func (d *decoder) outside(m *awsmodel.Member, status int, header http.Header) value.Value {
	switch m.Location {
	case awsmodel.InStatus:
		return value.Int(status)
	case awsmodel.InHeader:
		text := header.Get(m.Wire)
		if text == "" {
			return nil
		}
		if m.JSON {
			if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
				text = string(raw)
			}
		}
		if m.Shape.Kind == awsmodel.List {
			var list value.Array
			for part := range strings.SplitSeq(text, ",") {
				list = append(list, d.text(m.Shape.Elem, strings.TrimSpace(part)))
			}
			return list
		}
		return d.text(m.Shape, text)
	case awsmodel.InHeaders:
		var found []value.Member
		prefix := http.CanonicalHeaderKey(m.Wire)
		for _, name := range slices.Sorted(maps.Keys(header)) {
			if rest, ok := strings.CutPrefix(name, prefix); ok && len(header[name]) > 0 {
				found = append(found, value.Member{Name: strings.ToLower(rest), Value: value.String(header[name][0])})
			}
		}
		return value.NewObject(found...) // the SDK shows an empty map where there is none
	}
	return nil
}

func (d *decoder) payload(s *awsmodel.Shape, body []byte) (value.Value, string, error) {
	for i := range s.Members {
		m := &s.Members[i]
		if m.Name != s.Payload {
			continue
		}
		switch {
		case m.Shape.Kind == awsmodel.Blob:
			return bytesValue(body), m.Field, nil
		case m.Shape.Kind == awsmodel.String:
			return value.String(body), m.Field, nil
		case len(strings.TrimSpace(string(body))) == 0:
			return nil, m.Field, nil
		case d.service.Protocol == awsmodel.RESTXML:
			root, err := parseXML(body)
			if err != nil {
				return nil, m.Field, err
			}
			return d.xml(m.Shape, root), m.Field, nil
		}
		v, err := value.Parse(string(body))
		if err != nil {
			return nil, m.Field, err
		}
		return d.json(m.Shape, v, false), m.Field, nil
	}
	return nil, "", nil
}

// text reads a simple value that is written as a text.
func (d *decoder) text(s *awsmodel.Shape, text string) value.Value {
	switch s.Kind {
	case awsmodel.Integer, awsmodel.Long:
		if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
			return value.Int(n)
		}
	case awsmodel.Float, awsmodel.Double:
		if f, err := value.Parse(strings.TrimSpace(text)); err == nil && f.Kind() == value.KindNumber {
			return f
		}
	case awsmodel.Boolean:
		return value.Bool(strings.EqualFold(strings.TrimSpace(text), "true"))
	case awsmodel.Timestamp:
		if t, ok := parseTime(strings.TrimSpace(text)); ok {
			return d.time(t)
		}
	case awsmodel.Blob:
		if raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err == nil {
			return bytesValue(raw)
		}
	}
	return value.String(text)
}

// queryBody reads an answer of the query protocols.
func (d *decoder) queryBody(o *awsmodel.Operation, body []byte, r *Response) ([]value.Member, error) {
	if len(strings.TrimSpace(string(body))) == 0 {
		return nil, nil
	}
	root, err := parseXML(body)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"RequestId", "requestId"} {
		if id := root.find(name).content(); id != "" {
			r.RequestID = id
			break
		}
	}
	if o.Output == nil {
		return nil, nil
	}
	result := root
	if o.Wrapper != "" {
		if result = root.child(o.Wrapper); result == nil {
			return nil, nil
		}
	}
	return d.xmlMembers(o.Output, result), nil
}

// xmlMembers reads the members of a structure, in the order of the model.
func (d *decoder) xmlMembers(s *awsmodel.Shape, n *node) []value.Member {
	var members []value.Member
	for i := range s.Members {
		m := &s.Members[i]
		if m.Location != "" {
			continue
		}
		if m.Attribute {
			_, local, _ := strings.Cut(m.Wire, ":")
			if v, ok := n.attributes[m.Wire]; ok {
				members = append(members, value.Member{Name: m.Field, Value: value.String(v)})
			} else if v, ok := n.attributes[local]; ok {
				members = append(members, value.Member{Name: m.Field, Value: value.String(v)})
			}
			continue
		}
		if v := d.xmlMember(m, n); v != nil {
			members = append(members, value.Member{Name: m.Field, Value: v})
		}
	}
	return members
}

func (d *decoder) xmlMember(m *awsmodel.Member, n *node) value.Value {
	name := m.Wire
	flat := m.Flat || m.Shape.Flat
	if flat && m.Shape.Kind == awsmodel.List && m.Shape.ElemName != "" && m.Wire == m.Name {
		name = m.Shape.ElemName
	}
	if !flat || m.Shape.Kind != awsmodel.List && m.Shape.Kind != awsmodel.Map {
		child := n.child(name)
		if child == nil {
			return nil
		}
		return d.xml(m.Shape, child)
	}
	holder := &node{}
	for _, c := range n.children {
		if c.name == name {
			holder.children = append(holder.children, c)
		}
	}
	if len(holder.children) == 0 {
		return nil
	}
	return d.xml(m.Shape, holder)
}

// xml reads an element as a value of the shape. The children of a list's element are its members, whatever they are called.
func (d *decoder) xml(s *awsmodel.Shape, n *node) value.Value {
	switch s.Kind {
	case awsmodel.Structure:
		return value.NewObject(d.xmlMembers(s, n)...)
	case awsmodel.List:
		list := make(value.Array, len(n.children))
		for i, c := range n.children {
			list[i] = d.xml(s.Elem, c)
		}
		return list
	case awsmodel.Map:
		key, element := s.KeyName, s.ElemName
		if key == "" {
			key = "key"
		}
		if element == "" {
			element = "value"
		}
		var members []value.Member
		for _, entry := range n.children {
			if v := entry.child(element); v != nil {
				members = append(members, value.Member{Name: entry.child(key).content(), Value: d.xml(s.Elem, v)})
			}
		}
		return value.NewObject(members...)
	}
	return d.text(s, string(n.text))
}

// base64Value is how the JSON protocols write bytes.
func base64Value(raw []byte) value.Value { return value.String(base64.StdEncoding.EncodeToString(raw)) }

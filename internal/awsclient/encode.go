package awsclient

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// parts are what a request is made of.
type parts struct {
	method string
	path   string // escaped
	query  url.Values
	header http.Header
	host   string // what stands before the endpoint's host name
	body   []byte
	md5    bool
}

// InputError says that an input cannot be written in the service's protocol.
type InputError struct{ Field, Problem string }

func (e *InputError) Error() string {
	return fmt.Sprintf("The value of the field '%s' %s", e.Field, e.Problem)
}

// encode writes the input in the service's protocol.
func encode(s *awsmodel.Service, o *awsmodel.Operation, in *value.Object) (*parts, error) {
	if in == nil {
		in = value.NewObject()
	}
	p := &parts{method: o.Method, path: "/", query: url.Values{}, header: http.Header{}, host: o.Host, md5: o.MD5}
	input := o.Input
	if input == nil {
		input = awsmodel.NewStructure()
	}
	for _, m := range input.Members {
		if v, ok := given(in, &m); ok && m.HostLabel {
			p.host = strings.ReplaceAll(p.host, "{"+m.Name+"}", text(v))
		}
	}
	var err error
	switch s.Protocol {
	case awsmodel.JSON:
		p.header.Set("Content-Type", "application/x-amz-json-"+s.JSON)
		p.header.Set("X-Amz-Target", s.Target+"."+o.Name)
		p.body, err = appendJSON(nil, input, in, "", true)
	case awsmodel.CBOR:
		p.path = "/service/" + s.Target + "/operation/" + o.Name
		p.header.Set("Smithy-Protocol", "rpc-v2-cbor")
		p.header.Set("Content-Type", "application/cbor")
		p.header.Set("Accept", "application/cbor")
		p.body, err = stepFunctionsNames.appendCBOR(nil, input, in, "")
	case awsmodel.Query, awsmodel.EC2:
		form := url.Values{"Action": {o.Name}, "Version": {s.Version}}
		err = (&formWriter{form: form, ec2: s.Protocol == awsmodel.EC2}).structure("", input, in)
		p.header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		p.body = []byte(form.Encode())
	default:
		err = encodeREST(p, s, o, input, in)
	}
	return p, err
}

// given returns what the input has for the member: a member that must be unique and is not there gets a value.
func given(in *value.Object, m *awsmodel.Member) (value.Value, bool) {
	v, ok := in.Get(m.Field)
	if ok && v.Kind() != value.KindNull {
		return v, true
	}
	if m.Token {
		return value.String(uuid.NewString()), true
	}
	return nil, false
}

// encodeREST puts the members where the model has them: into the path, the query, headers and the body.
func encodeREST(p *parts, s *awsmodel.Service, o *awsmodel.Operation, input *awsmodel.Shape, in *value.Object) error {
	path, query, _ := strings.Cut(o.URI, "?")
	p.path = path
	for _, constant := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' }) {
		name, v, _ := strings.Cut(constant, "=")
		p.query.Add(name, v)
	}
	body := 0
	for i := range input.Members {
		m := &input.Members[i]
		v, ok := given(in, m)
		if m.Location == "" {
			body++
		}
		if !ok {
			if m.Location == awsmodel.InURI {
				return &InputError{m.Field, "is missing: it is a part of the service's path"}
			}
			continue
		}
		if err := p.place(m, v); err != nil {
			return err
		}
	}
	if input.Payload != "" {
		return p.payload(s, input, in)
	}
	if body == 0 {
		return nil
	}
	var err error
	if s.Protocol == awsmodel.RESTXML {
		root := input.Root
		if root == "" {
			root = o.Name + "Request"
		}
		p.header.Set("Content-Type", "application/xml")
		p.body, err = appendXML(nil, root, s.Namespace, input, in)
		return err
	}
	p.header.Set("Content-Type", "application/json")
	p.body, err = appendJSON(nil, input, in, "", false)
	return err
}

// place puts a member outside of the body.
func (p *parts) place(m *awsmodel.Member, v value.Value) error {
	switch m.Location {
	case awsmodel.InURI:
		label, err := scalar(m.Shape, v, format(m, awsmodel.ISO8601), m.Field)
		if err != nil {
			return err
		}
		if label == "" {
			return &InputError{m.Field, "is empty: it is a part of the service's path"}
		}
		p.path = strings.ReplaceAll(p.path, "{"+m.Wire+"+}", escape(label, true))
		p.path = strings.ReplaceAll(p.path, "{"+m.Wire+"}", escape(label, false))
	case awsmodel.InQuery:
		return p.inQuery(m, v)
	case awsmodel.InHeader:
		if items, ok := v.(value.Array); ok && m.Shape.Kind == awsmodel.List {
			texts := make([]string, len(items))
			for i, item := range items {
				var err error
				if texts[i], err = scalar(m.Shape.Elem, item, awsmodel.HTTPDate, m.Field); err != nil {
					return err
				}
			}
			p.header.Set(m.Wire, strings.Join(texts, ","))
			return nil
		}
		text, err := scalar(m.Shape, v, format(m, awsmodel.HTTPDate), m.Field)
		if m.JSON {
			text = base64.StdEncoding.EncodeToString([]byte(text))
		}
		p.header.Set(m.Wire, text)
		return err
	case awsmodel.InHeaders:
		o, ok := v.(*value.Object)
		if !ok {
			return &InputError{m.Field, "has an invalid format"}
		}
		for name, inner := range o.All() {
			text, err := scalar(m.Shape.Elem, inner, awsmodel.HTTPDate, m.Field)
			if err != nil {
				return err
			}
			p.header.Set(m.Wire+name, text)
		}
	}
	return nil
}

func (p *parts) inQuery(m *awsmodel.Member, v value.Value) error {
	switch v := v.(type) {
	case value.Array:
		if m.Shape.Kind != awsmodel.List {
			break
		}
		for _, item := range v {
			text, err := scalar(m.Shape.Elem, item, awsmodel.ISO8601, m.Field)
			if err != nil {
				return err
			}
			p.query.Add(m.Wire, text)
		}
		return nil
	case *value.Object:
		if m.Shape.Kind != awsmodel.Map {
			break
		}
		for name, inner := range v.All() {
			items, ok := inner.(value.Array)
			if !ok {
				items = value.Array{inner}
			}
			for _, item := range items {
				p.query.Add(name, text(item))
			}
		}
		return nil
	}
	text, err := scalar(m.Shape, v, format(m, awsmodel.ISO8601), m.Field)
	p.query.Add(m.Wire, text)
	return err
}

// object writes the body of an object in S3 as AWS does for a Task: whatever it is, as JSON text, with the checksum that AWS's SDK adds (recorded).
func (p *parts) object(v value.Value) {
	p.body = []byte(value.Text(v))
	if p.header.Get("Content-Type") == "" {
		p.header.Set("Content-Type", "text/plain; charset=UTF-8")
	}
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(p.body))
	p.header.Set("X-Amz-Sdk-Checksum-Algorithm", "CRC32")
	p.header.Set("X-Amz-Checksum-Crc32", base64.StdEncoding.EncodeToString(sum))
}

// payload writes the member that is the whole body.
func (p *parts) payload(s *awsmodel.Service, input *awsmodel.Shape, in *value.Object) error {
	var m *awsmodel.Member
	for i := range input.Members {
		if input.Members[i].Name == input.Payload {
			m = &input.Members[i]
		}
	}
	if m == nil {
		return nil
	}
	v, ok := given(in, m)
	if !ok {
		return nil
	}
	var err error
	switch {
	case m.Shape.Kind == awsmodel.Blob && s.Protocol == awsmodel.RESTXML:
		p.object(v)
	case m.Shape.Kind == awsmodel.Blob || m.Shape.Kind == awsmodel.String:
		if p.header.Get("Content-Type") == "" {
			p.header.Set("Content-Type", "application/octet-stream")
		}
		p.body = blob(v)
	case s.Protocol == awsmodel.RESTXML:
		p.header.Set("Content-Type", "application/xml")
		root := m.Shape.Root
		if m.Wire != m.Name {
			root = m.Wire
		}
		if root == "" {
			root = m.Name
		}
		namespace := m.Namespace
		if namespace == "" {
			namespace = s.Namespace
		}
		p.body, err = appendXML(nil, root, namespace, m.Shape, v)
	default:
		p.header.Set("Content-Type", "application/json")
		p.body, err = appendJSON(nil, m.Shape, v, m.Field, false)
	}
	return err
}

// escape escapes a part of a path; a greedy one keeps its slashes.
func escape(s string, greedy bool) string {
	if !greedy {
		return strings.ReplaceAll(url.PathEscape(s), "+", "%2B")
	}
	segments := strings.Split(s, "/")
	for i := range segments {
		segments[i] = escape(segments[i], false)
	}
	return strings.Join(segments, "/")
}

// format is how a timestamp member is written, where the protocol would write it as otherwise.
func format(m *awsmodel.Member, otherwise string) string {
	switch {
	case m.Format != "":
		return m.Format
	case m.Shape.Format != "":
		return m.Shape.Format
	}
	return otherwise
}

// scalar writes a simple value as a text.
func scalar(s *awsmodel.Shape, v value.Value, timestamps, field string) (string, error) {
	switch s.Kind {
	case awsmodel.Timestamp:
		t, err := timeOf(v, field)
		return formatTime(t, timestamps), err
	case awsmodel.Blob:
		return base64.StdEncoding.EncodeToString(blob(v)), nil
	}
	return text(v), nil
}

// text is a string as it is, and everything else as JSON.
func text(v value.Value) string {
	if s, ok := v.(value.String); ok {
		return string(s)
	}
	return value.Text(v)
}

// blob is what a text stands for as bytes: itself, unless it is the base64 form in which a service's bytes that are no text were shown.
func blob(v value.Value) []byte {
	plain := []byte(text(v))
	if raw, err := base64.StdEncoding.DecodeString(string(plain)); err == nil && len(raw) > 0 && !utf8.Valid(raw) {
		return raw
	}
	return plain
}

// timeOf reads a timestamp: an ISO 8601 text, or epoch seconds.
func timeOf(v value.Value, field string) (time.Time, error) {
	if seconds, ok := value.Float64(v); ok && v.Kind() == value.KindNumber {
		return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text(v))
	if err != nil {
		return t, &InputError{field, "has an invalid format"}
	}
	return t.UTC(), nil
}

func formatTime(t time.Time, form string) string {
	switch form {
	case awsmodel.HTTPDate:
		return t.Format(http.TimeFormat)
	case awsmodel.UnixTimestamp:
		return epoch(t)
	}
	return instant(t)
}

// epoch writes epoch seconds, with milliseconds where there are any.
func epoch(t time.Time) string {
	if t.Nanosecond() == 0 {
		return strconv.FormatInt(t.Unix(), 10)
	}
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64)
}

// instant writes a time as Java's Instant does: a fraction of three, six or nine digits where there is one.
func instant(t time.Time) string {
	switch n := t.Nanosecond(); {
	case n == 0:
		return t.Format("2006-01-02T15:04:05Z")
	case n%1e6 == 0:
		return t.Format("2006-01-02T15:04:05.000Z")
	case n%1e3 == 0:
		return t.Format("2006-01-02T15:04:05.000000Z")
	}
	return t.Format("2006-01-02T15:04:05.000000000Z")
}

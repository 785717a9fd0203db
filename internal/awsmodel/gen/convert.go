package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/tutti-run/tutti/internal/awsmodel"
)

// model is a service model of botocore, as far as it is read.
type model struct {
	Metadata struct {
		APIVersion       string          `json:"apiVersion"`
		EndpointPrefix   string          `json:"endpointPrefix"`
		GlobalEndpoint   string          `json:"globalEndpoint"`
		JSONVersion      string          `json:"jsonVersion"`
		Protocol         string          `json:"protocol"`
		Protocols        []string        `json:"protocols"`
		ServiceID        string          `json:"serviceId"`
		SigningName      string          `json:"signingName"`
		TargetPrefix     string          `json:"targetPrefix"`
		XMLNamespace     json.RawMessage `json:"xmlNamespace"`
		AWSQueryCompatib *struct{}       `json:"awsQueryCompatible"`
	} `json:"metadata"`
	Operations map[string]struct {
		Name string `json:"name"`
		HTTP struct {
			Method     string `json:"method"`
			RequestURI string `json:"requestUri"`
		} `json:"http"`
		Input            *reference `json:"input"`
		Output           *reference `json:"output"`
		Endpoint         struct{ HostPrefix string }
		ChecksumRequired bool `json:"httpChecksumRequired"`
		Checksum         struct {
			RequestChecksumRequired bool `json:"requestChecksumRequired"`
		} `json:"httpChecksum"`
	} `json:"operations"`
	Shapes map[string]*shape `json:"shapes"`
}

type reference struct {
	Shape            string     `json:"shape"`
	LocationName     string     `json:"locationName"`
	Location         string     `json:"location"`
	QueryName        string     `json:"queryName"`
	Flattened        bool       `json:"flattened"`
	Streaming        bool       `json:"streaming"`
	XMLAttribute     bool       `json:"xmlAttribute"`
	XMLNamespace     *namespace `json:"xmlNamespace"`
	IdempotencyToken bool       `json:"idempotencyToken"`
	HostLabel        bool       `json:"hostLabel"`
	JSONValue        bool       `json:"jsonvalue"`
	TimestampFormat  string     `json:"timestampFormat"`
	ResultWrapper    string     `json:"resultWrapper"`
}

type namespace struct{ URI, Prefix string }

type shape struct {
	Type            string                 `json:"type"`
	Members         orderedMembers         `json:"members"`
	Required        []string               `json:"required"`
	Member          *reference             `json:"member"`
	Key             *reference             `json:"key"`
	Value           *reference             `json:"value"`
	Enum            []string               `json:"enum"`
	Min             *float64               `json:"min"`
	Max             *float64               `json:"max"`
	TimestampFormat string                 `json:"timestampFormat"`
	Flattened       bool                   `json:"flattened"`
	Payload         string                 `json:"payload"`
	Streaming       bool                   `json:"streaming"`
	Eventstream     bool                   `json:"eventstream"`
	LocationName    string                 `json:"locationName"`
	Document        bool                   `json:"document"`
	Union           bool                   `json:"union"`
	Exception       bool                   `json:"exception"`
	Error           *struct{ Code string } `json:"error"`
}

// orderedMembers keeps the members in the order of the model, which XML bodies need.
type orderedMembers struct {
	names []string
	refs  map[string]reference
}

func (o *orderedMembers) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &o.refs); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		o.names = append(o.names, name.(string))
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return err
		}
	}
	return nil
}

// spoken lists the protocols by preference: what emulators and AWS agree on most comes first.
var spoken = []awsmodel.Protocol{awsmodel.JSON, awsmodel.RESTJSON, awsmodel.RESTXML, awsmodel.Query, awsmodel.EC2, awsmodel.CBOR}

// converter collects the shapes of one service.
type converter struct {
	m       *model
	out     *awsmodel.Wire
	byShape map[string]int
	byText  map[string]int
}

func convert(m *model) *awsmodel.Wire {
	md := m.Metadata
	w := &awsmodel.Wire{
		ID: md.ServiceID, Version: md.APIVersion, Endpoint: md.EndpointPrefix, Target: md.TargetPrefix, JSON: md.JSONVersion, Global: md.GlobalEndpoint,
		Errors: map[string]string{}, QueryCodes: md.AWSQueryCompatib != nil,
	}
	if md.SigningName != md.EndpointPrefix {
		w.Signing = md.SigningName
	}
	var ns namespace
	if json.Unmarshal(md.XMLNamespace, &w.Namespace) != nil && json.Unmarshal(md.XMLNamespace, &ns) == nil {
		w.Namespace = ns.URI
	}
	for _, p := range spoken {
		if string(p) == md.Protocol || slices.Contains(md.Protocols, string(p)) {
			w.Protocol = p
			break
		}
	}
	c := &converter{m: m, out: w, byShape: map[string]int{}, byText: map[string]int{}}
	for _, key := range slices.Sorted(maps.Keys(m.Operations)) {
		o := m.Operations[key]
		op := awsmodel.WireOperation{Name: key, Host: o.Endpoint.HostPrefix, MD5: o.ChecksumRequired || o.Checksum.RequestChecksumRequired}
		if o.HTTP.Method != "POST" {
			op.Method = o.HTTP.Method
		}
		if o.HTTP.RequestURI != "/" {
			op.URI = o.HTTP.RequestURI
		}
		if o.Input != nil {
			i := c.shape(o.Input.Shape)
			op.Input = &i
			if root := o.Input.LocationName; root != "" {
				w.Shapes[i].Root = root
			}
		}
		if o.Output != nil {
			i := c.shape(o.Output.Shape)
			op.Output, op.Wrapper = &i, o.Output.ResultWrapper
		}
		w.Operations = append(w.Operations, op)
	}
	for name, s := range m.Shapes {
		if !s.Exception && s.Error == nil {
			continue
		}
		w.Errors[name] = name
		if s.Error != nil && s.Error.Code != "" {
			w.Errors[s.Error.Code] = name
		}
	}
	return w
}

var kinds = map[string]awsmodel.Kind{
	"structure": awsmodel.Structure, "list": awsmodel.List, "map": awsmodel.Map, "string": awsmodel.String, "integer": awsmodel.Integer,
	"long": awsmodel.Long, "float": awsmodel.Float, "double": awsmodel.Double, "boolean": awsmodel.Boolean, "timestamp": awsmodel.Timestamp, "blob": awsmodel.Blob,
}

var formats = map[string]string{"": "", "unixTimestamp": awsmodel.UnixTimestamp, "iso8601": awsmodel.ISO8601, "rfc822": awsmodel.HTTPDate}

// shape returns the index of the shape, which it adds if it is new. Simple shapes that say the same are one.
func (c *converter) shape(name string) int {
	if i, ok := c.byShape[name]; ok {
		return i
	}
	s := c.m.Shapes[name]
	w := awsmodel.WireShape{
		Kind: kinds[s.Type], Flat: s.Flattened, Enum: s.Enum, Min: s.Min, Max: s.Max, Format: formats[s.TimestampFormat], Payload: s.Payload,
		Stream: s.Streaming || s.Eventstream, Document: s.Document, Union: s.Union,
	}
	if w.Kind == "" {
		panic(fmt.Sprintf("%s: shape %s has the unknown type %q", c.m.Metadata.ServiceID, name, s.Type))
	}
	if s.Member == nil && s.Key == nil && s.Type != "structure" {
		text, err := json.Marshal(w)
		if err != nil {
			panic(err)
		}
		i, ok := c.byText[string(text)]
		if !ok {
			i = len(c.out.Shapes)
			c.out.Shapes = append(c.out.Shapes, w)
			c.byText[string(text)] = i
		}
		c.byShape[name] = i
		return i
	}
	i := len(c.out.Shapes)
	c.byShape[name] = i
	c.out.Shapes = append(c.out.Shapes, w)
	switch {
	case s.Member != nil:
		elem := c.shape(s.Member.Shape)
		w.Elem, w.ElemName = &elem, s.Member.LocationName
	case s.Key != nil:
		key, elem := c.shape(s.Key.Shape), c.shape(s.Value.Shape)
		w.Key, w.Elem, w.KeyName, w.ElemName = &key, &elem, s.Key.LocationName, s.Value.LocationName
	default:
		w.Root = s.LocationName
		for _, member := range s.Members.names {
			w.Members = append(w.Members, c.member(member, s))
		}
	}
	c.out.Shapes[i] = w
	return i
}

func (c *converter) member(name string, s *shape) awsmodel.WireMember {
	r := s.Members.refs[name]
	m := awsmodel.WireMember{
		Name: name, Shape: c.shape(r.Shape), Required: slices.Contains(s.Required, name), Location: r.Location, Query: r.QueryName, Flat: r.Flattened,
		Attribute: r.XMLAttribute, Token: r.IdempotencyToken, HostLabel: r.HostLabel, JSON: r.JSONValue, Format: formats[r.TimestampFormat],
	}
	if r.LocationName != name {
		m.Wire = r.LocationName
	}
	if r.XMLNamespace != nil {
		m.Namespace, m.Prefix = r.XMLNamespace.URI, r.XMLNamespace.Prefix
	}
	return m
}

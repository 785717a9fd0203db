package awsclient

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// appendXML writes the value as an element.
func appendXML(dst []byte, name, namespace string, s *awsmodel.Shape, v value.Value) ([]byte, error) {
	var attributes []byte
	if namespace != "" {
		attributes = append(attributes, ` xmlns="`...)
		attributes = append(escapeXML(attributes, namespace), '"')
	}
	w := &xmlWriter{dst: dst, names: &stepFunctionsNames}
	err := w.element(name, attributes, s, v, false, awsmodel.ISO8601)
	return w.dst, err
}

type xmlWriter struct {
	dst   []byte
	names *names
}

func (w *xmlWriter) open(name string, attributes []byte) {
	w.dst = append(w.dst, '<')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, attributes...)
	w.dst = append(w.dst, '>')
}

func (w *xmlWriter) close(name string) {
	w.dst = append(w.dst, "</"...)
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, '>')
}

func (w *xmlWriter) element(name string, attributes []byte, s *awsmodel.Shape, v value.Value, flat bool, form string) error {
	switch s.Kind {
	case awsmodel.Structure:
		return w.structure(name, attributes, s, v)
	case awsmodel.List:
		return w.list(name, attributes, s, v, flat || s.Flat)
	case awsmodel.Map:
		return w.entries(name, attributes, s, v, flat || s.Flat)
	}
	text, err := scalar(s, v, form, name)
	if s.Kind == awsmodel.Blob {
		text = base64.StdEncoding.EncodeToString(w.names.bytes(v))
	}
	w.open(name, attributes)
	w.dst = escapeXML(w.dst, text)
	w.close(name)
	return err
}

func (w *xmlWriter) structure(name string, attributes []byte, s *awsmodel.Shape, v value.Value) error {
	o, ok := v.(*value.Object)
	if !ok {
		return &InputError{name, "has an invalid format"}
	}
	for i := range s.Members {
		m := &s.Members[i]
		inner, ok := w.names.given(o, m)
		if !ok || !m.Attribute {
			continue
		}
		attributes = append(attributes, ' ')
		attributes = append(attributes, m.Wire...)
		attributes = append(escapeXML(append(attributes, `="`...), text(inner)), '"')
	}
	w.open(name, attributes)
	for i := range s.Members {
		m := &s.Members[i]
		inner, ok := w.names.given(o, m)
		if !ok || m.Attribute || m.Location != "" {
			continue
		}
		if err := w.element(m.Wire, namespaceOf(m), m.Shape, inner, m.Flat, format(m, awsmodel.ISO8601)); err != nil {
			return err
		}
	}
	w.close(name)
	return nil
}

// namespaceOf declares the namespace of a member's element.
func namespaceOf(m *awsmodel.Member) []byte {
	if m.Namespace == "" {
		return nil
	}
	declared := ` xmlns`
	if m.Prefix != "" {
		declared += ":" + m.Prefix
	}
	return append(escapeXML([]byte(declared+`="`), m.Namespace), '"')
}

func (w *xmlWriter) list(name string, attributes []byte, s *awsmodel.Shape, v value.Value, flat bool) error {
	items, ok := v.(value.Array)
	if !ok {
		return &InputError{name, "has an invalid format"}
	}
	element := s.ElemName
	if element == "" {
		element = "member"
	}
	if flat {
		element = name
	} else {
		w.open(name, attributes)
		attributes = nil
	}
	for _, item := range items {
		if err := w.element(element, attributes, s.Elem, item, false, awsmodel.ISO8601); err != nil {
			return err
		}
	}
	if !flat {
		w.close(name)
	}
	return nil
}

func (w *xmlWriter) entries(name string, attributes []byte, s *awsmodel.Shape, v value.Value, flat bool) error {
	o, ok := v.(*value.Object)
	if !ok {
		return &InputError{name, "has an invalid format"}
	}
	key, element, entry := s.KeyName, s.ElemName, "entry"
	if key == "" {
		key = "key"
	}
	if element == "" {
		element = "value"
	}
	if flat {
		entry = name
	} else {
		w.open(name, attributes)
	}
	for k, inner := range o.All() {
		w.open(entry, nil)
		w.open(key, nil)
		w.dst = escapeXML(w.dst, k)
		w.close(key)
		if err := w.element(element, nil, s.Elem, inner, false, awsmodel.ISO8601); err != nil {
			return err
		}
		w.close(entry)
	}
	if !flat {
		w.close(name)
	}
	return nil
}

func escapeXML(dst []byte, s string) []byte {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return append(dst, b.Bytes()...)
}

// node is an XML element that was read.
type node struct {
	name       string
	attributes map[string]string
	text       []byte
	children   []*node
}

// maxXMLDepth bounds how deep elements nest.
const maxXMLDepth = 100

// parseXML reads a document and returns its root.
func parseXML(body []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	root := &node{}
	open := []*node{root}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		top := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if len(open) > maxXMLDepth {
				return nil, fmt.Errorf("elements nest more than %d deep", maxXMLDepth)
			}
			n := &node{name: t.Name.Local}
			for _, a := range t.Attr {
				if n.attributes == nil {
					n.attributes = map[string]string{}
				}
				n.attributes[a.Name.Local] = a.Value
				if a.Name.Space == "http://www.w3.org/2001/XMLSchema-instance" {
					n.attributes["xsi:"+a.Name.Local] = a.Value
				}
			}
			top.children = append(top.children, n)
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.text = append(top.text, t...)
		}
	}
	if len(root.children) == 0 {
		return nil, errors.New("there is no element")
	}
	return root.children[0], nil
}

// child returns the first child with the name, nil if there is none.
func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// find returns the first element with the name at any depth, nil if there is none.
func (n *node) find(name string) *node {
	if n == nil || n.name == name {
		return n
	}
	for _, c := range n.children {
		if found := c.find(name); found != nil {
			return found
		}
	}
	return nil
}

func (n *node) content() string {
	if n == nil {
		return ""
	}
	return string(n.text)
}

package awsclient

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// formWriter writes inputs of the query protocols: one field for every simple value, whose name is the way to it.
type formWriter struct {
	form url.Values
	ec2  bool
}

func (f *formWriter) structure(prefix string, s *awsmodel.Shape, v value.Value) error {
	o, ok := v.(*value.Object)
	if !ok {
		return &InputError{prefix, "has an invalid format"}
	}
	for i := range s.Members {
		m := &s.Members[i]
		inner, ok := given(o, m)
		if !ok {
			continue
		}
		if err := f.value(join(prefix, f.name(m)), m.Shape, m.Flat, inner, m); err != nil {
			return err
		}
	}
	return nil
}

// name is what a member is called.
func (f *formWriter) name(m *awsmodel.Member) string {
	if !f.ec2 {
		return m.Wire
	}
	if m.Query != "" {
		return m.Query
	}
	return strings.ToUpper(m.Wire[:1]) + m.Wire[1:]
}

func (f *formWriter) value(name string, s *awsmodel.Shape, flat bool, v value.Value, m *awsmodel.Member) error {
	switch s.Kind {
	case awsmodel.Structure:
		return f.structure(name, s, v)
	case awsmodel.List:
		items, ok := v.(value.Array)
		if !ok {
			return &InputError{name, "has an invalid format"}
		}
		if len(items) == 0 && !f.ec2 {
			f.form.Set(name, "")
		}
		if !flat && !s.Flat && !f.ec2 {
			element := s.ElemName
			if element == "" {
				element = "member"
			}
			name = join(name, element)
		} else if s.ElemName != "" && !f.ec2 {
			// A flat list is called after its members.
			name = name[:strings.LastIndexByte(name, '.')+1] + s.ElemName
		}
		for i, item := range items {
			if err := f.value(join(name, strconv.Itoa(i+1)), s.Elem, false, item, nil); err != nil {
				return err
			}
		}
		return nil
	case awsmodel.Map:
		return f.entries(name, s, flat, v)
	}
	form := awsmodel.ISO8601
	if m != nil {
		form = format(m, form)
	}
	text, err := scalar(s, v, form, name)
	f.form.Set(name, text)
	return err
}

func (f *formWriter) entries(name string, s *awsmodel.Shape, flat bool, v value.Value) error {
	o, ok := v.(*value.Object)
	if !ok {
		return &InputError{name, "has an invalid format"}
	}
	if !flat && !s.Flat {
		name = join(name, "entry")
	}
	key, element := s.KeyName, s.ElemName
	if key == "" {
		key = "key"
	}
	if element == "" {
		element = "value"
	}
	i := 0
	for k, inner := range o.All() {
		i++
		entry := join(name, strconv.Itoa(i))
		f.form.Set(join(entry, key), k)
		if err := f.value(join(entry, element), s.Elem, false, inner, nil); err != nil {
			return err
		}
	}
	return nil
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

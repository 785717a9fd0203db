package awsmodel

import (
	"fmt"

	"github.com/tutti-run/tutti/internal/value"
)

// Problems lists what Step Functions has against v as a value of the shape before it calls the service, in its words. null is as good as
// absent. What a service itself would refuse (a number out of bounds, a required member that is missing) is left to it.
func (s *Shape) Problems(v value.Value) []string { return s.problems(nil, "", v) }

func (s *Shape) problems(list []string, field string, v value.Value) []string {
	if v == nil || v.Kind() == value.KindNull || s.Document {
		return list
	}
	misfit := func() []string {
		return append(list, fmt.Sprintf("The value of the field '%s' has an invalid format", field))
	}
	switch s.Kind {
	case Structure:
		o, ok := v.(*value.Object)
		if !ok {
			return misfit()
		}
		for name, inner := range o.All() {
			m, ok := s.Member(name)
			if !ok {
				list = append(list, fmt.Sprintf("The field '%s' is not supported by Step Functions", name))
				continue
			}
			list = m.Shape.problems(list, name, inner)
		}
	case List:
		items, ok := v.(value.Array)
		if !ok {
			return misfit()
		}
		for _, item := range items {
			list = s.Elem.problems(list, field, item)
		}
	case Map:
		o, ok := v.(*value.Object)
		if !ok {
			return misfit()
		}
		for _, inner := range o.All() {
			if problems := s.Elem.problems(nil, field, inner); len(problems) > 0 {
				return append(list, problems...)
			}
		}
	default:
		if !s.takes(v) {
			return misfit()
		}
	}
	return list
}

// takes tells whether v can be a value of the simple shape. Values are not coerced, but an array or object where a text is expected is sent as
// JSON, and a blob is any text or JSON.
func (s *Shape) takes(v value.Value) bool {
	switch s.Kind {
	case String:
		k := v.Kind()
		return k == value.KindString || len(s.Enum) == 0 && (k == value.KindObject || k == value.KindArray)
	case Integer, Long:
		_, ok := value.Integer(v)
		return ok
	case Float, Double:
		return v.Kind() == value.KindNumber
	case Boolean:
		return v.Kind() == value.KindBool
	case Timestamp:
		return v.Kind() == value.KindString || v.Kind() == value.KindNumber
	}
	return true
}

// NewStructure returns the shape of an object with these members, in which Name is both names. It is for integrations that no model describes.
func NewStructure(members ...Member) *Shape {
	s := &Shape{Kind: Structure, Members: members, byName: map[string]int{}}
	for i := range s.Members {
		m := &s.Members[i]
		m.Field, m.Wire = m.Name, m.Name
		s.byName[m.Name] = i
	}
	return s
}

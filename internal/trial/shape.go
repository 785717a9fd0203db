package trial

import (
	"fmt"
	"slices"
	"unicode/utf16"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// wanted is what a kind of shape takes, and how messages call it.
var wanted = map[awsmodel.Kind]struct {
	kind value.Kind
	name string
}{
	awsmodel.Structure: {value.KindObject, "an object"},
	awsmodel.Map:       {value.KindObject, "an object"},
	awsmodel.List:      {value.KindArray, "an array"},
	awsmodel.String:    {value.KindString, "a string"},
	awsmodel.Timestamp: {value.KindString, "a string"},
	awsmodel.Blob:      {value.KindString, "a string"}, // also one that integrations give as JSON, like the Payload of Lambda
	awsmodel.Integer:   {value.KindNumber, "a number"},
	awsmodel.Long:      {value.KindNumber, "a number"},
	awsmodel.Float:     {value.KindNumber, "a number"},
	awsmodel.Double:    {value.KindNumber, "a number"},
	awsmodel.Boolean:   {value.KindBool, "a boolean"},
}

// misfit says what is wrong with v as a value of the shape, of the first thing that is; "" if nothing is. The strict check demands the required
// members of structures, before it looks at those that are there. Members that the shape does not have are no matter.
func misfit(s *awsmodel.Shape, field string, v value.Value, strict bool) string {
	if s.Document {
		return ""
	}
	if want := wanted[s.Kind]; v.Kind() != want.kind {
		return fmt.Sprintf("Field '%s' must be %s", field, want.name)
	}
	switch v := v.(type) {
	case *value.Object:
		if s.Kind == awsmodel.Structure {
			return misfitMember(s, v, strict)
		}
		if problem := outOfBounds(s, field, float64(v.Len())); problem != "" {
			return problem
		}
		for _, inner := range v.All() {
			if problem := misfit(s.Elem, field, inner, strict); problem != "" {
				return problem
			}
		}
	case value.Array:
		if problem := outOfBounds(s, field, float64(len(v))); problem != "" {
			return problem
		}
		for _, item := range v {
			if problem := misfit(s.Elem, field, item, strict); problem != "" {
				return problem
			}
		}
	case value.String:
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, string(v)) {
			return fmt.Sprintf("Field '%s' is not an expected value", field)
		}
		if s.Kind != awsmodel.Timestamp {
			return outOfBounds(s, field, float64(len(utf16.Encode([]rune(string(v))))))
		}
	case value.Bool, value.Null:
	default:
		return outOfBounds(s, field, float(v))
	}
	return ""
}

func misfitMember(s *awsmodel.Shape, o *value.Object, strict bool) string {
	if strict {
		for i := range s.Members {
			m := &s.Members[i]
			if given, ok := o.Get(m.Field); m.Required && (!ok || given.Kind() == value.KindNull) {
				return fmt.Sprintf("Required field '%s' is missing", m.Field)
			}
		}
	}
	for name, inner := range o.All() {
		m, ok := s.Member(name)
		if !ok || inner.Kind() == value.KindNull {
			continue
		}
		if problem := misfit(m.Shape, name, inner, strict); problem != "" {
			return problem
		}
	}
	return ""
}

// outOfBounds says that a number, or the length of anything else, is not within the shape's bounds.
func outOfBounds(s *awsmodel.Shape, field string, n float64) string {
	number := wanted[s.Kind].kind == value.KindNumber
	switch {
	case s.Max != nil && n > *s.Max && number:
		return fmt.Sprintf("Field '%s' exceeds the maximum value", field)
	case s.Max != nil && n > *s.Max:
		return fmt.Sprintf("Field '%s' exceeds the maximum length", field)
	case s.Min != nil && n < *s.Min && number:
		return fmt.Sprintf("Field '%s' is less than the minimum value", field)
	case s.Min != nil && n < *s.Min:
		return fmt.Sprintf("Field '%s' is smaller than the minimum length", field)
	}
	return ""
}

func float(v value.Value) float64 {
	n, _ := value.Float64(v)
	return n
}

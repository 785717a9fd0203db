package awsclient

import (
	"encoding/base64"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// appendJSON writes the value as the JSON protocols have it. Of a structure it writes the members that belong into the body. The RPC protocols
// ignore where else members might stand, and their own names.
func appendJSON(dst []byte, s *awsmodel.Shape, v value.Value, field string, rpc bool) ([]byte, error) {
	if s.Document {
		return value.AppendJSON(dst, v), nil
	}
	var err error
	switch s.Kind {
	case awsmodel.Structure:
		return appendJSONObject(dst, s, v, field, rpc)
	case awsmodel.List:
		items, ok := v.(value.Array)
		if !ok {
			return dst, &InputError{field, "has an invalid format"}
		}
		dst = append(dst, '[')
		for i, item := range items {
			if i > 0 {
				dst = append(dst, ',')
			}
			if item.Kind() == value.KindNull {
				dst = append(dst, "null"...)
			} else if dst, err = appendJSON(dst, s.Elem, item, field, rpc); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	case awsmodel.Map:
		o, ok := v.(*value.Object)
		if !ok {
			return dst, &InputError{field, "has an invalid format"}
		}
		dst = append(dst, '{')
		first := true
		for name, inner := range o.All() {
			if inner.Kind() == value.KindNull {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(value.AppendQuoted(dst, name), ':')
			if dst, err = appendJSON(dst, s.Elem, inner, field, rpc); err != nil {
				return dst, err
			}
		}
		return append(dst, '}'), nil
	}
	return appendJSONScalar(dst, s, v, field)
}

func appendJSONObject(dst []byte, s *awsmodel.Shape, v value.Value, field string, rpc bool) ([]byte, error) {
	o, ok := v.(*value.Object)
	if !ok {
		return dst, &InputError{field, "has an invalid format"}
	}
	dst = append(dst, '{')
	first := true
	for i := range s.Members {
		m := &s.Members[i]
		inner, ok := given(o, m)
		if !ok || m.Location != "" && !rpc {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		name := m.Wire
		if rpc {
			name = m.Name
		}
		dst = append(value.AppendQuoted(dst, name), ':')
		var err error
		if m.Shape.Kind == awsmodel.Timestamp {
			dst, err = appendJSONTime(dst, inner, format(m, awsmodel.UnixTimestamp), m.Field)
		} else {
			dst, err = appendJSON(dst, m.Shape, inner, m.Field, rpc)
		}
		if err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func appendJSONScalar(dst []byte, s *awsmodel.Shape, v value.Value, field string) ([]byte, error) {
	switch s.Kind {
	case awsmodel.String:
		return value.AppendQuoted(dst, text(v)), nil
	case awsmodel.Blob:
		return value.AppendQuoted(dst, base64.StdEncoding.EncodeToString(blob(v))), nil
	case awsmodel.Timestamp:
		form := s.Format
		if form == "" {
			form = awsmodel.UnixTimestamp
		}
		return appendJSONTime(dst, v, form, field)
	}
	return value.AppendJSON(dst, v), nil
}

func appendJSONTime(dst []byte, v value.Value, form, field string) ([]byte, error) {
	t, err := timeOf(v, field)
	if err != nil {
		return dst, err
	}
	if form == awsmodel.UnixTimestamp {
		return append(dst, epoch(t)...), nil
	}
	return value.AppendQuoted(dst, formatTime(t, form)), nil
}

package vtl

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// List is a list, which a template may change.
type List struct{ Items []any }

// Map is a map that keeps the order of its keys, and which a template may change.
type Map struct {
	keys   []string
	values map[string]any
}

// NewMap returns an empty map.
func NewMap() *Map { return &Map{values: map[string]any{}} }

// Put sets a value.
func (m *Map) Put(key string, v any) {
	if _, there := m.values[key]; !there {
		m.keys = append(m.keys, key)
	}
	m.values[key] = v
}

func (m *Map) put(r *run, key string, v any) error {
	m.Put(key, v)
	return r.spend(len(key) + 32)
}

// Get is a key's value; nil and false if there is none.
func (m *Map) Get(key string) (any, bool) {
	v, ok := m.values[key]
	return v, ok
}

// Keys are the keys in the order in which they came.
func (m *Map) Keys() []string { return slices.Clone(m.keys) }

func (m *Map) remove(key string) any {
	v := m.values[key]
	if _, there := m.values[key]; there {
		delete(m.values, key)
		m.keys = slices.DeleteFunc(m.keys, func(k string) bool { return k == key })
	}
	return v
}

// Of makes a template's value of a JSON value.
func Of(v value.Value) any {
	switch v := v.(type) {
	case value.Bool:
		return bool(v)
	case value.String:
		return string(v)
	case value.Array:
		l := &List{Items: make([]any, len(v))}
		for i, item := range v {
			l.Items[i] = Of(item)
		}
		return l
	case *value.Object:
		m := NewMap()
		for name, member := range v.All() {
			m.Put(name, Of(member))
		}
		return m
	case nil, value.Null:
		return nil
	}
	if n, ok := value.Integer(v); ok {
		return n
	}
	f, _ := value.Float64(v)
	return f
}

// maxNesting bounds how deep a value is printed: a template can put a map into itself.
const maxNesting = 64

// text is a value as a reference prints it: lists and maps as JSON, the others as Java prints them.
func (r *run) text(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return value.Text(value.Float(v))
	}
	var b strings.Builder
	r.json(&b, v, 0)
	r.bytes += b.Len() // whoever spends next hears of it
	return b.String()
}

func (r *run) json(b *strings.Builder, v any, depth int) {
	if depth > maxNesting || r.bytes+b.Len() > maxBytes {
		b.WriteString("null")
		return
	}
	switch v := v.(type) {
	case string:
		b.Write(value.AppendQuoted(nil, v))
	case *List:
		b.WriteByte('[')
		for i, item := range v.Items {
			if i > 0 {
				b.WriteByte(',')
			}
			r.json(b, item, depth+1)
		}
		b.WriteByte(']')
	case *Map:
		b.WriteByte('{')
		for i, k := range v.keys {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(value.AppendQuoted(nil, k))
			b.WriteByte(':')
			r.json(b, v.values[k], depth+1)
		}
		b.WriteByte('}')
	case nil, bool, int64, float64:
		b.WriteString(r.text(v))
	default:
		b.WriteString("{}")
	}
}

// property is the value of .name.
func property(v any, name string) any {
	switch v := v.(type) {
	case Object:
		got, _ := v.Property(name)
		return got
	case *Map:
		if got, ok := v.values[name]; ok {
			return got
		}
		switch name {
		case "empty":
			return len(v.keys) == 0
		case "size":
			return int64(len(v.keys))
		}
	case *List:
		switch name {
		case "empty":
			return len(v.Items) == 0
		case "size":
			return int64(len(v.Items))
		}
	case string:
		switch name {
		case "empty":
			return v == ""
		case "length":
			return int64(len([]rune(v)))
		}
	}
	return nil
}

// indexed is the value of [index].
func indexed(r *run, v, index any) any {
	switch v := v.(type) {
	case *List:
		n, ok := index.(int64)
		if ok && n < 0 {
			n += int64(len(v.Items))
		}
		if ok && n >= 0 && n < int64(len(v.Items)) {
			return v.Items[n]
		}
	case *Map:
		return v.values[r.text(index)]
	case Object:
		got, _ := v.Property(r.text(index))
		return got
	}
	return nil
}

// Text is a value as a reference prints it, "null" for null.
func Text(v any) string { return (&run{}).text(v) }

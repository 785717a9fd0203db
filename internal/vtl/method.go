package vtl

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// call calls a method. What a value's class does not have is null, as in Velocity.
func (r *run) call(v any, name string, args []any) (any, error) {
	switch v := v.(type) {
	case Object:
		got, _, err := v.Call(name, args)
		if text, ok := got.(string); ok && err == nil {
			err = r.spend(len(text))
		}
		return got, err
	case string:
		return r.callText(v, name, args)
	case *List:
		return r.callList(v, name, args)
	case *Map:
		return r.callMap(v, name, args)
	}
	if parse := classMethods[name]; parse != nil && len(args) == 1 {
		n, err := parse(r.textAt(args, 0))
		if err != nil {
			return nil, r.fail("%s(%.40q): it is no number", name, r.textAt(args, 0))
		}
		return n, nil
	}
	switch {
	case name == "toString" && len(args) == 0:
		return r.text(v), nil
	case name == "equals" && len(args) == 1:
		return r.equal(v, args[0]), nil
	case name == "intValue" || name == "longValue":
		if f, ok := number(v); ok {
			return int64(f), nil
		}
	}
	return nil, nil
}

// textAt is an argument as a text.
func (r *run) textAt(args []any, i int) string {
	if i < len(args) && args[i] != nil {
		return r.text(args[i])
	}
	return ""
}

func whole(args []any, i int) (int, bool) {
	if i >= len(args) {
		return 0, false
	}
	n, ok := args[i].(int64)
	return int(max(min(n, 1<<31), -1<<31)), ok
}

// callText calls the methods of java.lang.String that templates use.
func (r *run) callText(s, name string, args []any) (any, error) {
	if err := r.spend(len(s) / 16); err != nil { // most look at the whole
		return nil, err
	}
	arg := r.textAt(args, 0)
	switch name {
	case "toString":
		return s, nil
	case "length":
		return int64(len([]rune(s))), nil
	case "isEmpty":
		return s == "", nil
	case "equals":
		return s == arg && len(args) == 1 && args[0] != nil, nil
	case "equalsIgnoreCase":
		return strings.EqualFold(s, arg), nil
	case "startsWith":
		return strings.HasPrefix(s, arg), nil
	case "endsWith":
		return strings.HasSuffix(s, arg), nil
	case "contains":
		return strings.Contains(s, arg), nil
	case "indexOf":
		return runeIndex(s, strings.Index(s, arg)), nil
	case "lastIndexOf":
		return runeIndex(s, strings.LastIndex(s, arg)), nil
	case "hashCode":
		hash := int32(0)
		for _, c := range s {
			hash = 31*hash + c
		}
		return int64(hash), nil
	case "charAt":
		if i, ok := whole(args, 0); ok {
			return r.substring(s, i, i+1)
		}
		return nil, nil
	case "substring":
		return r.substringOf(s, args)
	case "matches":
		p, err := r.pattern("^(?:" + arg + ")$")
		return err == nil && p.MatchString(s), err
	case "split":
		return r.split(s, arg)
	}
	return r.changeText(s, name, args)
}

// changeText calls those that make another string.
func (r *run) changeText(s, name string, args []any) (any, error) {
	made := ""
	switch name {
	case "trim":
		made = strings.Trim(s, "\x00\x01\x02\x03\x04\x05\x06\x07\b\t\n\v\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f ")
	case "strip":
		made = strings.TrimSpace(s)
	case "toLowerCase":
		made = strings.ToLower(s)
	case "toUpperCase":
		made = strings.ToUpper(s)
	case "concat":
		made = s + r.textAt(args, 0)
	case "replace":
		old, next := r.textAt(args, 0), r.textAt(args, 1)
		if err := r.spend(strings.Count(s, old) * len(next)); err != nil {
			return nil, err
		}
		made = strings.ReplaceAll(s, old, next)
	case "replaceAll", "replaceFirst":
		return r.replacePattern(s, r.textAt(args, 0), r.textAt(args, 1), name == "replaceFirst")
	default:
		return nil, nil
	}
	return made, r.spend(len(made))
}

func runeIndex(s string, at int) int64 {
	if at < 0 {
		return -1
	}
	return int64(len([]rune(s[:at])))
}

func (r *run) substringOf(s string, args []any) (any, error) {
	from, ok := whole(args, 0)
	if !ok {
		return nil, nil
	}
	to := len([]rune(s))
	if len(args) > 1 {
		if to, ok = whole(args, 1); !ok {
			return nil, nil
		}
	}
	return r.substring(s, from, to)
}

func (r *run) substring(s string, from, to int) (any, error) {
	runes := []rune(s)
	if from < 0 || to > len(runes) || from > to {
		return nil, r.fail("a string has no part from %d to %d: it has %d characters", from, to, len(runes))
	}
	return string(runes[from:to]), r.spend(to - from)
}

const (
	// maxPattern bounds a regular expression.
	maxPattern = 1000
	// patternCost is what compiling one counts as, in bytes: it takes far more time than other calls.
	patternCost = 128 << 10
)

// pattern compiles a regular expression, which are Go's here: without look-around and references back.
func (r *run) pattern(text string) (*regexp.Regexp, error) {
	if p := r.patterns[text]; p != nil {
		return p, nil
	}
	if len(text) > maxPattern {
		return nil, r.fail("a regular expression is longer than %d bytes", maxPattern)
	}
	if err := r.spend(patternCost); err != nil {
		return nil, err
	}
	p, err := regexp.Compile(text)
	if err != nil {
		return nil, r.fail("the regular expression %q cannot be had here: %v", text, err)
	}
	if r.patterns == nil {
		r.patterns = map[string]*regexp.Regexp{}
	}
	r.patterns[text] = p
	return p, nil
}

func (r *run) split(s, pattern string) (any, error) {
	p, err := r.pattern(pattern)
	if err != nil {
		return nil, err
	}
	parts := p.Split(s, -1)
	for len(parts) > 1 && parts[len(parts)-1] == "" { // Java drops empty ones at the end
		parts = parts[:len(parts)-1]
	}
	l := &List{}
	for _, part := range parts {
		l.Items = append(l.Items, part)
	}
	return l, r.spend(len(s) + 16*len(parts))
}

// replacePattern replaces matches; in the replacement $1 is a group and a backslash takes the next character's meaning, as in Java.
func (r *run) replacePattern(s, pattern, with string, once bool) (any, error) {
	p, err := r.pattern(pattern)
	if err != nil {
		return nil, err
	}
	limit := -1
	if once {
		limit = 1
	}
	var b strings.Builder
	end := 0
	for _, m := range p.FindAllStringSubmatchIndex(s, limit) {
		b.WriteString(s[end:m[0]])
		if err := r.replacement(&b, s, m, with); err != nil {
			return nil, err
		}
		if end = m[1]; r.bytes+b.Len() > maxBytes {
			return nil, r.spend(b.Len())
		}
	}
	b.WriteString(s[end:])
	return b.String(), r.spend(b.Len())
}

func (r *run) replacement(b *strings.Builder, s string, match []int, with string) error {
	for i := 0; i < len(with); i++ {
		switch c := with[i]; {
		case c == '\\' && i+1 < len(with):
			i++
			b.WriteByte(with[i])
		case c == '$' && i+1 < len(with) && isDigit(with[i+1]):
			i++
			group := int(with[i] - '0')
			if 2*group+1 >= len(match) {
				return r.fail("a replacement has no group %d", group)
			}
			if match[2*group] >= 0 {
				b.WriteString(s[match[2*group]:match[2*group+1]])
			}
		default:
			b.WriteByte(c)
		}
	}
	return nil
}

// callList calls the methods of java.util.List that templates use.
func (r *run) callList(l *List, name string, args []any) (any, error) {
	if name == "contains" || name == "indexOf" {
		r.steps += len(l.Items)
	}
	i, isIndex := whole(args, 0)
	inside := isIndex && i >= 0 && i < len(l.Items)
	switch name {
	case "size", "length":
		return int64(len(l.Items)), nil
	case "isEmpty":
		return len(l.Items) == 0, nil
	case "get":
		if inside {
			return l.Items[i], nil
		}
	case "contains":
		return slices.ContainsFunc(l.Items, func(v any) bool { return len(args) == 1 && r.equal(v, args[0]) }), nil
	case "indexOf":
		return int64(slices.IndexFunc(l.Items, func(v any) bool { return len(args) == 1 && r.equal(v, args[0]) })), nil
	case "add":
		if len(args) == 1 {
			l.Items = append(l.Items, args[0])
			return true, r.spend(16)
		}
	case "addAll":
		if len(args) == 1 {
			if more, ok := args[0].(*List); ok {
				l.Items = append(l.Items, slices.Clone(more.Items)...)
				return true, r.spend(16 * len(more.Items))
			}
		}
	case "set":
		if inside && len(args) == 2 {
			before := l.Items[i]
			l.Items[i] = args[1]
			return before, nil
		}
	case "remove":
		if inside {
			before := l.Items[i]
			l.Items = slices.Delete(l.Items, i, i+1)
			return before, nil
		}
	case "toString":
		text := r.text(l)
		return text, r.spend(len(text))
	}
	return nil, nil
}

// callMap calls the methods of java.util.Map that templates use.
func (r *run) callMap(m *Map, name string, args []any) (any, error) {
	key := r.textAt(args, 0)
	switch name {
	case "get":
		return m.values[key], nil
	case "getOrDefault":
		if v, ok := m.values[key]; ok || len(args) < 2 {
			return v, nil
		}
		return args[1], nil
	case "containsKey":
		_, ok := m.values[key]
		return ok, nil
	case "size":
		return int64(len(m.keys)), nil
	case "isEmpty":
		return len(m.keys) == 0, nil
	case "put":
		if len(args) == 2 {
			before := m.values[key]
			if before == nil {
				before = ""
			}
			return before, m.put(r, key, args[1])
		}
	case "putAll":
		if len(args) == 1 {
			if more, ok := args[0].(*Map); ok {
				for _, k := range more.Keys() {
					if err := m.put(r, k, more.values[k]); err != nil {
						return nil, err
					}
				}
			}
		}
		return "", nil
	case "remove":
		return m.remove(key), nil
	case "keySet", "values", "entrySet":
		return m.list(name), r.spend(32 * len(m.keys))
	case "toString":
		text := r.text(m)
		return text, r.spend(len(text))
	}
	return nil, nil
}

// list is the map's keys, its values, or entries of both.
func (m *Map) list(what string) *List {
	l := &List{}
	for _, k := range m.keys {
		switch what {
		case "keySet":
			l.Items = append(l.Items, k)
		case "values":
			l.Items = append(l.Items, m.values[k])
		default:
			l.Items = append(l.Items, entry{k, m.values[k]})
		}
	}
	return l
}

// entry is a java.util.Map.Entry.
type entry struct {
	key   string
	value any
}

// Property implements Object.
func (e entry) Property(name string) (any, bool) {
	switch name {
	case "key":
		return e.key, true
	case "value":
		return e.value, true
	}
	return nil, false
}

// Call implements Object.
func (e entry) Call(name string, _ []any) (any, bool, error) {
	switch name {
	case "getKey":
		return e.key, true, nil
	case "getValue":
		return e.value, true, nil
	}
	return nil, false, nil
}

// classMethods are the static methods of Java's numbers, which templates reach through any instance, like $n.parseInt("1") of #set($n = 0).
var classMethods = map[string]func(string) (any, error){
	"parseInt":    func(s string) (any, error) { n, err := strconv.ParseInt(s, 10, 32); return n, err },
	"parseLong":   func(s string) (any, error) { n, err := strconv.ParseInt(s, 10, 64); return n, err },
	"parseDouble": func(s string) (any, error) { f, err := strconv.ParseFloat(s, 64); return f, err },
	"valueOf":     func(s string) (any, error) { n, err := strconv.ParseInt(s, 10, 64); return n, err },
}

package conformance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
)

// tokens are the placeholders in texts: {{name}}.
var tokens = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

// loneToken returns the name in a text that is one token as a whole.
func loneToken(text string) (string, bool) {
	at := tokens.FindStringSubmatchIndex(text)
	if at == nil || at[0] != 0 || at[1] != len(text) {
		return "", false
	}
	return text[at[2]:at[3]], true
}

func isWildcard(name string) bool { return strings.HasPrefix(name, "*") }

// names is the environment of one case.
type names struct {
	values map[string]any
	trail  []string // names in the order in which comparisons have bound them
	origin string   // of the uids
	began  time.Time
}

func newNames(c *testCase, began time.Time) *names {
	home := sfn.DefaultPlace()
	return &names{origin: c.ID, began: began.UTC(), values: map[string]any{
		"account": home.Account, "account2": "222222222222", "region": home.Region, "partition": home.Partition,
	}}
}

// clone returns a copy whose bindings do not reach the original.
func (n *names) clone() *names {
	c := &names{values: make(map[string]any, len(n.values)), origin: n.origin, began: n.began}
	for name, v := range n.values {
		c.values[name] = v
	}
	return c
}

// mark and undo bracket a comparison that may fail.
func (n *names) mark() int { return len(n.trail) }

func (n *names) undo(mark int) {
	for _, name := range n.trail[mark:] {
		delete(n.values, name)
	}
	n.trail = n.trail[:mark]
}

func (n *names) bind(name string, v any) {
	n.values[name] = v
	n.trail = append(n.trail, name)
}

// lookup finds what a name, or a reference that starts with one, stands for.
func (n *names) lookup(token string) (any, bool) {
	if v, ok := n.values[token]; ok {
		return v, true
	}
	if v, ok := n.builtin(token); ok {
		return v, true
	}
	end := strings.IndexAny(token, ".[")
	if end <= 0 {
		return nil, false
	}
	v, ok := n.values[token[:end]]
	if !ok {
		return nil, false
	}
	return descend(v, token[end:])
}

// builtin makes the names that every case knows: uid1, now, now+3d.
func (n *names) builtin(token string) (any, bool) {
	if number, ok := strings.CutPrefix(token, "uid"); ok {
		if _, err := strconv.Atoi(number); err != nil {
			return nil, false
		}
		sum := sha256.Sum256([]byte(n.origin + " " + token))
		return hex.EncodeToString(sum[:4]), true
	}
	days, ok := strings.CutPrefix(token, "now")
	if !ok {
		return nil, false
	}
	at := n.began
	if days != "" {
		count, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(days, "+"), "d"))
		if err != nil {
			return nil, false
		}
		at = at.AddDate(0, 0, count)
	}
	return at.Format("2006-01-02T15:04:05"), true
}

// descend goes down from v by .member, ["member"], [2], [-1], [0:10] and [*].
func descend(v any, path string) (any, bool) {
	for path != "" {
		if text, ok := v.(string); ok {
			parsed, ok := parseJSON(text)
			if !ok {
				return nil, false
			}
			v = parsed
		}
		part := path
		if path[0] == '.' {
			if end := strings.IndexAny(path[1:], ".["); end >= 0 {
				part = path[:end+1]
			}
			object, _ := v.(map[string]any)
			member, ok := object[part[1:]]
			if !ok {
				return nil, false
			}
			v, path = member, path[len(part):]
			continue
		}
		end := strings.IndexByte(path, ']')
		if path[0] != '[' || end < 0 {
			return nil, false
		}
		index := path[1:end]
		path = path[end+1:]
		if index == "*" {
			return descendAll(v, path)
		}
		var ok bool
		if v, ok = at(v, index); !ok {
			return nil, false
		}
	}
	return v, true
}

func descendAll(v any, path string) (any, bool) {
	list, ok := v.([]any)
	all := make([]any, 0, len(list))
	for _, item := range list {
		below, found := descend(item, path)
		if !found {
			return nil, false
		}
		all = append(all, below)
	}
	return all, ok
}

// at returns what stands between [ and ] of v.
func at(v any, index string) (any, bool) {
	if object, ok := v.(map[string]any); ok {
		member, ok := object[strings.Trim(index, `"`)]
		return member, ok
	}
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	if from, to, ok := strings.Cut(index, ":"); ok {
		a, b := bounds(from, to, len(list))
		return list[a:b], true
	}
	i, err := strconv.Atoi(index)
	if i < 0 {
		i += len(list)
	}
	if err != nil || i < 0 || i >= len(list) {
		return nil, false
	}
	return list[i], true
}

// bounds reads a slice as Python does: open ends, negative numbers count from the end, nothing is out of range.
func bounds(from, to string, length int) (int, int) {
	end := func(text string, open int) int {
		i, err := strconv.Atoi(text)
		if err != nil {
			return open
		}
		if i < 0 {
			i += length
		}
		return min(max(i, 0), length)
	}
	a, b := end(from, 0), end(to, length)
	return a, max(a, b)
}

// fill replaces the references in what is sent. A text that is one token takes the referenced value with its type.
func (n *names) fill(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return n.fillText(v)
	case []any:
		filled := make([]any, len(v))
		for i, item := range v {
			var err error
			if filled[i], err = n.fill(item); err != nil {
				return nil, err
			}
		}
		return filled, nil
	case map[string]any:
		filled := make(map[string]any, len(v))
		for name, item := range v {
			var err error
			if filled[name], err = n.fill(item); err != nil {
				return nil, err
			}
		}
		return filled, nil
	}
	return v, nil
}

func (n *names) fillText(text string) (any, error) {
	if name, ok := loneToken(text); ok {
		if v, ok := n.lookup(name); ok {
			return v, nil
		}
		return nil, fmt.Errorf("nothing is known by the name %q", name)
	}
	var unknown string
	filled := tokens.ReplaceAllStringFunc(text, func(token string) string {
		name := token[2 : len(token)-2]
		v, ok := n.lookup(name)
		if !ok {
			unknown = name
		}
		return textOf(v)
	})
	if unknown != "" {
		return nil, fmt.Errorf("nothing is known by the name %q", unknown)
	}
	return filled, nil
}

// textOf is a value as a part of a text.
func textOf(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	return compact(v)
}

// compact is the JSON text of v.
func compact(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// parseJSON reads a text that holds a JSON object or array.
func parseJSON(text string) (any, bool) {
	trimmed := strings.TrimLeft(text, " \t\r\n")
	if trimmed == "" || trimmed[0] != '{' && trimmed[0] != '[' {
		return nil, false
	}
	v, err := decodeJSON(text)
	return v, err == nil
}

// decodeJSON reads any JSON text.
func decodeJSON(text string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return v, nil
}

package logs

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// MetricFilter makes metrics of a group's events (API reference, MetricFilter).
type MetricFilter struct {
	Name            string                 `json:"name"`
	Pattern         string                 `json:"pattern"`
	Transformations []MetricTransformation `json:"transformations"`
	Created         int64                  `json:"created"` // epoch milliseconds
	// Deployed tells whether it belongs to a template.
	Deployed bool `json:"deployed,omitempty"`
}

// MetricTransformation says which metric an event that matches is counted in, and how (API reference, MetricTransformation).
type MetricTransformation struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Value is a number, or where one stands in the event: $.latency in JSON, $latency in a line of fields.
	Value string `json:"value"`
	// Default is counted when events come in of which none matches; nil for nothing.
	Default    *float64          `json:"default,omitempty"`
	Unit       string            `json:"unit,omitempty"`
	Dimensions map[string]string `json:"dimensions,omitempty"` // names, and where in the event their values stand
}

// Measured is a value that a metric filter has found.
type Measured struct {
	Namespace, Name, Unit string
	Dimensions            map[string]string
	Value                 float64
	Time                  time.Time
}

// WithMeasures hands on what metric filters find. It must not keep callers waiting.
func WithMeasures(take func([]Measured)) Option { return func(s *Service) { s.measures = take } }

// WithPut hands on the events that Put has taken. It must not keep callers waiting.
func WithPut(take func([]Event)) Option { return func(s *Service) { s.put = take } }

// Limits of metric filters (CloudWatch Logs quotas; API reference, PutMetricFilter).
const (
	maxMetricFilters   = 100 // of a group
	maxFilterDimension = 3
)

// measuring is a metric filter that works. It never changes.
type measuring struct {
	filter          *Filter
	transformations []transformation
}

type transformation struct {
	MetricTransformation
	value      extraction
	dimensions map[string]extraction
}

// extraction finds a text in an event.
type extraction struct {
	constant string
	steps    []step // of JSON
	field    string // of a line of fields
}

// parseExtraction reads a number, $.selector or $field.
func parseExtraction(text string, f *Filter) (x extraction, ok bool) {
	if !strings.HasPrefix(text, "$") {
		_, err := strconv.ParseFloat(text, 64)
		return extraction{constant: text}, err == nil
	}
	if fields, isFields := f.of.(fieldsPattern); isFields {
		x.field = text[1:]
		return x, slices.Contains(fields.names, x.field)
	}
	if _, isJSON := f.of.(jsonPattern); !isJSON {
		return x, false
	}
	p := &patternParser{text: text}
	steps, err := p.selector()
	return extraction{steps: steps}, err == nil && p.done()
}

func compileMetricFilter(m *MetricFilter) (*measuring, error) {
	f, err := ParseFilter(m.Pattern)
	if err != nil {
		return nil, err
	}
	out := &measuring{filter: f}
	for _, t := range m.Transformations {
		one := transformation{MetricTransformation: t, dimensions: map[string]extraction{}}
		var ok bool
		if one.value, ok = parseExtraction(t.Value, f); !ok {
			return nil, invalid("Invalid metric transformation: metricValue %s is neither a number nor a field of the filter pattern.", t.Value)
		}
		if len(t.Dimensions) > maxFilterDimension {
			return nil, invalid("Invalid metric transformation: more than %d dimensions.", maxFilterDimension)
		}
		if len(t.Dimensions) > 0 && t.Default != nil {
			return nil, invalid("Invalid metric transformation: dimensions and default value are mutually exclusive properties.")
		}
		for name, text := range t.Dimensions {
			x, ok := parseExtraction(text, f)
			if !ok || x.constant != "" {
				return nil, invalid("Invalid metric transformation: dimension %s must be a field of the filter pattern, like $.name.", name)
			}
			one.dimensions[name] = x
		}
		out.transformations = append(out.transformations, one)
	}
	return out, nil
}

// compileFilters readies a group's filters. One that cannot be read any more counts nothing.
func (g *group) compileFilters() {
	var list []*measuring
	for i := range g.record.Filters {
		if m, err := compileMetricFilter(&g.record.Filters[i]); err == nil {
			list = append(list, m)
		}
	}
	g.measuring.Store(&list)
}

// measure runs events through the group's metric filters.
func (s *Service) measure(g *group, events []Event) {
	list := g.measuring.Load()
	if s.measures == nil || list == nil || len(*list) == 0 || len(events) == 0 {
		return
	}
	var found []Measured
	for _, m := range *list {
		before := len(found)
		for i := range events {
			if m.filter.Match(events[i].Message) {
				found = m.measure(found, &events[i])
			}
		}
		if len(found) == before {
			found = m.nothing(found, events[len(events)-1].Timestamp)
		}
	}
	if len(found) > 0 {
		s.measures(found)
	}
}

// measure adds what an event that matches counts for. A value that is no number, or a dimension that is not there, counts for nothing.
func (m *measuring) measure(found []Measured, e *Event) []Measured {
	parts := m.filter.parts(e.Message)
	for i := range m.transformations {
		t := &m.transformations[i]
		v, err := strconv.ParseFloat(t.value.in(parts), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		one := Measured{Namespace: t.Namespace, Name: t.Name, Unit: t.Unit, Value: v, Time: time.UnixMilli(e.Timestamp).UTC()}
		for name, x := range t.dimensions {
			text := x.in(parts)
			if text == "" || len(text) > 1024 {
				one.Name = "" // it has no such dimension
				break
			}
			if one.Dimensions == nil {
				one.Dimensions = map[string]string{}
			}
			one.Dimensions[name] = text
		}
		if one.Name != "" {
			found = append(found, one)
		}
	}
	return found
}

// nothing adds the default values of a filter that has matched nothing.
func (m *measuring) nothing(found []Measured, at int64) []Measured {
	for i := range m.transformations {
		if t := &m.transformations[i]; t.Default != nil {
			found = append(found, Measured{Namespace: t.Namespace, Name: t.Name, Unit: t.Unit, Value: *t.Default, Time: time.UnixMilli(at).UTC()})
		}
	}
	return found
}

// parts is a message as extractions see it.
type parts struct {
	json   value.Value
	fields map[string]string
}

func (f *Filter) parts(message string) (p parts) {
	switch of := f.of.(type) {
	case jsonPattern:
		p.json, _ = value.Parse(message) // it has matched, so it can be read
	case fieldsPattern:
		p.fields = of.named(message)
	}
	return p
}

// named are the fields of a line by their names.
func (f fieldsPattern) named(message string) map[string]string {
	fields := splitFields(message)
	list := map[string]string{}
	for i, name := range f.names {
		at := i
		if i >= len(f.before) {
			at = len(fields) - len(f.names) + i
		}
		if name != "" && at >= 0 && at < len(fields) {
			list[name] = fields[at]
		}
	}
	return list
}

// in is the text that is found, "" for none.
func (x *extraction) in(p parts) (text string) {
	switch {
	case x.constant != "":
		return x.constant
	case x.field != "":
		return p.fields[x.field]
	case p.json == nil:
		return ""
	}
	follow(p.json, x.steps, func(v value.Value) bool {
		text = value.Text(v)
		if s, ok := v.(value.String); ok {
			text = string(s)
		}
		return true
	})
	return text
}

// Extract is what TestMetricFilter shows of a message that matches: the values of the fields that the pattern names.
func (f *Filter) Extract(message string) map[string]string {
	out := map[string]string{}
	p := f.parts(message)
	for name, text := range p.fields {
		out["$"+name] = text
	}
	if of, ok := f.of.(jsonPattern); ok {
		for name, steps := range of.selectors {
			x := extraction{steps: steps}
			if text := x.in(p); text != "" {
				out[name] = text
			}
		}
	}
	return out
}

// PutMetricFilter creates a filter of a group or replaces the one of its name. The error may be the exception InvalidParameterException,
// ResourceNotFoundException or LimitExceededException.
func (s *Service) PutMetricFilter(groupName string, m MetricFilter) error {
	if _, err := compileMetricFilter(&m); err != nil {
		return err
	}
	return s.change(groupName, func(g *group) error {
		list := slices.Clone(g.record.Filters)
		m.Created = s.now().UnixMilli()
		i := slices.IndexFunc(list, func(o MetricFilter) bool { return o.Name == m.Name })
		switch {
		case i >= 0:
			m.Created = list[i].Created
			list[i] = m
		case len(list) >= maxMetricFilters:
			return sfn.Refuse(LimitExceededException, "Resource limit exceeded.")
		default:
			list = append(list, m)
		}
		g.record.Filters = list
		g.compileFilters()
		return s.record(g.changed())
	})
}

// DeleteMetricFilter deletes a filter of a group. The error may be the exception ResourceNotFoundException.
func (s *Service) DeleteMetricFilter(groupName, name string) error {
	return s.change(groupName, func(g *group) error {
		i := slices.IndexFunc(g.record.Filters, func(m MetricFilter) bool { return m.Name == name })
		if i < 0 {
			return sfn.Refuse(ResourceNotFoundException, "The specified metric filter does not exist.")
		}
		g.record.Filters = slices.Delete(slices.Clone(g.record.Filters), i, i+1)
		g.compileFilters()
		return s.record(g.changed())
	})
}

// GroupFilter is a metric filter with its group.
type GroupFilter struct {
	Group string
	MetricFilter
}

// MetricFilters lists the filters of a group, or of all for "", by group and name. The error may be the exception ResourceNotFoundException.
func (s *Service) MetricFilters(group string) ([]GroupFilter, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if group != "" && s.groups[group] == nil {
		return nil, noGroup()
	}
	var list []GroupFilter
	for _, name := range slices.Sorted(maps.Keys(s.groups)) {
		if group != "" && name != group {
			continue
		}
		filters := slices.Clone(s.groups[name].record.Filters)
		slices.SortFunc(filters, func(a, b MetricFilter) int { return strings.Compare(a.Name, b.Name) })
		for _, m := range filters {
			list = append(list, GroupFilter{name, m})
		}
	}
	return list, nil
}

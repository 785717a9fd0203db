package metrics

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/value"
)

// Limits of the embedded metric format (user guide, "Specification: Embedded metric format").
const (
	maxEMFMessage    = 256 << 10
	maxEMFMetrics    = 100 // of a directive
	maxEMFDimensions = 30  // of a set
	maxEMFValues     = 100 // of a metric
	maxEMFDirectives = 100 // not AWS's: so that a message cannot multiply without bound
)

// emfMark is in every message of the format.
const emfMark = `"CloudWatchMetrics"`

// ParseEMF reads the metrics that a log event tells in the embedded metric format; none if it tells none, or is not valid. What comes before
// the document, such as a time and a request id that a runtime prints, is passed over. now is the time of metrics whose time cannot be kept.
func ParseEMF(message string, now time.Time) []Datum {
	at := strings.IndexByte(message, '{')
	if at < 0 || len(message) > maxEMFMessage || !strings.Contains(message, emfMark) {
		return nil
	}
	parsed, err := value.Parse(strings.TrimSpace(message[at:]))
	root, ok := parsed.(*value.Object)
	if err != nil || !ok {
		return nil
	}
	head, _ := root.Get("_aws")
	meta, ok := head.(*value.Object)
	if !ok {
		return nil
	}
	stamp, ok := meta.Get("Timestamp")
	millis, isNumber := value.Float64(stamp)
	if !ok || !isNumber || math.Abs(millis) > 8.64e15 {
		return nil
	}
	when := time.UnixMilli(int64(millis)).UTC()
	if when.After(now.Add(2*time.Hour)) || when.Before(now.Add(-14*24*time.Hour)) {
		return nil
	}
	directives, _ := member[value.Array](meta, "CloudWatchMetrics")
	if len(directives) > maxEMFDirectives {
		return nil
	}
	var data []Datum
	for _, d := range directives {
		directive, ok := d.(*value.Object)
		if !ok {
			return nil
		}
		some, ok := emfDirective(root, directive, when)
		if !ok {
			return nil
		}
		data = append(data, some...)
	}
	return data
}

// member is a member of a type.
func member[T value.Value](o *value.Object, name string) (v T, ok bool) {
	m, _ := o.Get(name)
	v, ok = m.(T)
	return v, ok
}

// emfDirective reads one directive: each of its metrics under each of its sets of dimensions.
func emfDirective(root, directive *value.Object, when time.Time) (data []Datum, ok bool) {
	namespace, ok := member[value.String](directive, "Namespace")
	if !ok || namespace == "" || len(namespace) > 255 {
		return nil, false
	}
	definitions, ok := member[value.Array](directive, "Metrics")
	if !ok || len(definitions) > maxEMFMetrics {
		return nil, false
	}
	sets, ok := emfDimensions(root, directive)
	if !ok {
		return nil, false
	}
	for _, d := range definitions {
		definition, isObject := d.(*value.Object)
		if !isObject {
			return nil, false
		}
		one, ok := emfMetric(root, definition)
		if !ok {
			return nil, false
		}
		for _, set := range sets {
			n := one
			n.Metric, n.Time = NewMetric(string(namespace), one.Metric.Name, set...), when
			data = append(data, n)
		}
	}
	return data, true
}

// emfDimensions reads the sets of dimensions, whose values are members of the document. No set at all counts as an empty one.
func emfDimensions(root, directive *value.Object) (sets [][]Dimension, ok bool) {
	list, given := directive.Get("Dimensions")
	arrays, isArray := list.(value.Array)
	if !given {
		return [][]Dimension{nil}, true
	}
	if !isArray || len(arrays) > maxEMFDirectives {
		return nil, false
	}
	for _, a := range arrays {
		names, isArray := a.(value.Array)
		if !isArray || len(names) > maxEMFDimensions {
			return nil, false
		}
		set := make([]Dimension, 0, len(names))
		for _, n := range names {
			name, isText := n.(value.String)
			text, there := member[value.String](root, string(name))
			if !isText || !there || text == "" || len(text) > 1024 || len(name) > 255 {
				return nil, false
			}
			set = append(set, Dimension{string(name), string(text)})
		}
		sets = append(sets, set)
	}
	if len(sets) == 0 {
		sets = [][]Dimension{nil}
	}
	return sets, true
}

// emfMetric reads a metric's definition and its values, a number or an array of them.
func emfMetric(root, definition *value.Object) (d Datum, ok bool) {
	name, ok := member[value.String](definition, "Name")
	if !ok || name == "" || len(name) > 255 {
		return d, false
	}
	d.Metric.Name = string(name)
	if unit, given := member[value.String](definition, "Unit"); given {
		if !slices.Contains(Units(), Unit(unit)) {
			return d, false
		}
		d.Unit = Unit(unit)
	}
	if resolution, given := definition.Get("StorageResolution"); given {
		n, _ := value.Integer(resolution)
		if n != 1 && n != 60 {
			return d, false
		}
		d.HighResolution = n == 1
	}
	target, _ := root.Get(string(name))
	values, isArray := target.(value.Array)
	if !isArray {
		values = value.Array{target}
	}
	if len(values) == 0 || len(values) > maxEMFValues {
		return d, false
	}
	for _, v := range values {
		if v == nil {
			return d, false
		}
		f, isNumber := value.Float64(v)
		if !isNumber || math.IsNaN(f) || math.Abs(f) > math.Ldexp(1, 360) {
			return d, false
		}
		one := Value(f)
		d.Values.Add(&one)
	}
	return d, true
}

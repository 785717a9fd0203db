package jsonpath

import (
	"math"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// call is a function at work: the node that it stands behind and its arguments.
type call struct {
	*evaluation
	node      value.Value
	arguments []argument
	values    []value.Value // of the arguments; nil for one that is not JSON
}

// functions are the functions of Jayway 2.10, which are not those of the States Language (States.Format and so on). They are looked up
// when the path is evaluated, as an unknown one fails only then.
var functions = map[string]func(*call) (value.Value, error){
	"avg":    aggregate(mean),              // of numbers
	"stddev": aggregate(standardDeviation), // of numbers, as a whole population
	"sum":    aggregate(sum),               // of numbers
	"min":    aggregate(minimum),           // of numbers
	"max":    aggregate(maximum),           // of numbers
	"concat": concat,                       // of strings
	"length": length,                       // of an array or an object
	"size":   length,                       // the same
	"append": appendTo,                     // an array and the arguments
	"keys":   keys,                         // of an object
	"first":  first,                        // element
	"last":   last,                         // element
	"index":  index,                        // the element that the argument numbers
}

// each calls visit with the values of the arguments, those in arrays one by one.
func (c *call) each(visit func(value.Value)) error {
	for i, v := range c.values {
		if v == nil {
			return c.arguments[i].err
		}
		array, ok := v.(value.Array)
		if !ok {
			visit(v)
			continue
		}
		for _, item := range array {
			visit(item)
		}
	}
	return nil
}

// aggregate returns the function that applies f to the numbers in the node, if that is an array, and in the arguments.
func aggregate(f func([]float64) float64) func(*call) (value.Value, error) {
	return func(c *call) (value.Value, error) {
		var numbers []float64
		add := func(v value.Value) {
			if n, ok := value.Float64(v); ok {
				numbers = append(numbers, n)
			}
		}
		if array, ok := c.node.(value.Array); ok {
			for _, item := range array {
				add(item)
			}
		}
		if err := c.each(add); err != nil {
			return nil, err
		}
		if len(numbers) == 0 {
			return nil, failf("Aggregation function attempted to calculate value using empty array")
		}
		return double(f(numbers)), nil
	}
}

// double is f as a value. JSON has no word for what is not finite; Jackson writes a string.
func double(f float64) value.Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return value.String(strings.Trim(value.Text(value.Float(f)), `"`))
	}
	return value.Float(f)
}

func sum(numbers []float64) float64 {
	total := 0.0
	for _, n := range numbers {
		total += n
	}
	return total
}

func mean(numbers []float64) float64 { return sum(numbers) / float64(len(numbers)) }

func standardDeviation(numbers []float64) float64 {
	total, squares, count := 0.0, 0.0, float64(len(numbers))
	for _, n := range numbers {
		total += n
		squares += n * n
	}
	return math.Sqrt(squares/count - total*total/count/count)
}

func minimum(numbers []float64) float64 {
	least := math.MaxFloat64
	for _, n := range numbers {
		least = min(least, n)
	}
	return least
}

// maximum starts from the smallest positive double, as Jayway does: of negative numbers alone the maximum is 4.9E-324.
func maximum(numbers []float64) float64 {
	most := math.SmallestNonzeroFloat64
	for _, n := range numbers {
		most = max(most, n)
	}
	return most
}

func concat(c *call) (value.Value, error) {
	var b strings.Builder
	if array, ok := c.node.(value.Array); ok {
		for _, item := range array {
			if s, ok := item.(value.String); ok {
				b.WriteString(string(s))
			}
		}
	}
	err := c.each(func(v value.Value) {
		if v != (value.Null{}) {
			b.WriteString(javaText(v))
		}
	})
	return value.String(b.String()), err
}

// length counts the children of its argument, a path applied to the node, or else of the node.
func length(c *call) (value.Value, error) {
	if len(c.arguments) > 0 {
		counted, err := c.counted(&c.arguments[0])
		if err != nil {
			return nil, err
		}
		if array, ok := counted.(value.Array); ok {
			return value.Int(len(array)), nil
		}
	}
	switch v := c.node.(type) {
	case value.Array:
		return value.Int(len(v)), nil
	case *value.Object:
		return value.Int(v.Len()), nil
	}
	return value.Null{}, nil
}

func (c *call) counted(a *argument) (value.Value, error) {
	if a.path == nil {
		return nil, failf("The function length takes a path, not a JSON value")
	}
	if c.node == (value.Null{}) {
		return nil, failf("root can not be null")
	}
	p := a.path
	if a.counted != nil {
		p = a.counted
	}
	delete(c.scanned, p)
	return c.nested(p, c.node, c.node)
}

func appendTo(c *call) (value.Value, error) {
	array, ok := c.node.(value.Array)
	if !ok {
		return c.node, nil
	}
	longer := make(value.Array, len(array), len(array)+len(c.values))
	copy(longer, array)
	for i, v := range c.values {
		if v == nil {
			return nil, c.arguments[i].err
		}
		longer = append(longer, v)
	}
	return longer, nil
}

// keySet is what keys() gives. To a Java program it is a set, which is neither an array nor an object: no step goes into it.
type keySet struct{ value.Array }

func keys(c *call) (value.Value, error) {
	object, ok := c.node.(*value.Object)
	if !ok {
		return value.Null{}, nil
	}
	names := make(value.Array, 0, object.Len())
	for name := range object.All() {
		names = append(names, value.String(name))
	}
	c.keySets = true
	return keySet{names}, nil
}

// plain is v with arrays in place of key sets.
func plain(v value.Value) value.Value {
	switch v := v.(type) {
	case keySet:
		return v.Array
	case value.Array:
		items := make(value.Array, len(v))
		for i, item := range v {
			items[i] = plain(item)
		}
		return items
	}
	return v
}

func first(c *call) (value.Value, error) { return c.pick(0) }
func last(c *call) (value.Value, error)  { return c.pick(-1) }

func index(c *call) (value.Value, error) {
	if _, ok := c.node.(value.Array); !ok {
		return c.pick(0)
	}
	var numbers []value.Value
	err := c.each(func(v value.Value) {
		if v.Kind() == value.KindNumber {
			numbers = append(numbers, v)
		}
	})
	if err != nil {
		return nil, err
	}
	if len(numbers) == 0 {
		return nil, outOfBounds(0, 0)
	}
	return c.pick(toInt32(numbers[0]))
}

// toInt32 cuts a number as Java does: a double at the ends of the range, an integer to its low 32 bits.
func toInt32(v value.Value) int {
	switch n := v.(type) {
	case value.Int:
		return int(int32(n))
	case value.Float:
		return int(int32(max(math.MinInt32, min(math.MaxInt32, float64(n)))))
	}
	return math.MaxInt32
}

// pick returns the i-th element of the node, from the end if i is negative. Jayway does not reach the first element from the end.
func (c *call) pick(i int) (value.Value, error) {
	array, ok := c.node.(value.Array)
	if !ok {
		return nil, failf("Aggregation function attempted to calculate value using empty array")
	}
	if i < 0 {
		if i+len(array) <= 0 {
			return nil, failf("Target index:%d larger than object count:%d", i, len(array))
		}
		return array[i+len(array)], nil
	}
	if i >= len(array) {
		return nil, outOfBounds(i, len(array))
	}
	return array[i], nil
}

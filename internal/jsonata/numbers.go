package jsonata

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// total adds the numbers of an array, in order and in doubles.
func (r *run) total(elements []value.Value) float64 {
	r.step(len(elements))
	sum := 0.0
	for _, e := range elements {
		f, _ := float(e)
		sum += f
	}
	return sum
}

func sum(r *run, args []value.Value) (value.Value, *Error) {
	elements, ok := items(arg(args, 0))
	if !ok {
		return nil, nil
	}
	return number(r.total(elements)), nil
}

func average(r *run, args []value.Value) (value.Value, *Error) {
	elements, ok := items(arg(args, 0))
	if !ok || len(elements) == 0 {
		return nil, nil
	}
	return number(r.total(elements) / float64(len(elements))), nil
}

func count(_ *run, args []value.Value) (value.Value, *Error) {
	elements, _ := items(arg(args, 0))
	return value.Int(len(elements)), nil
}

func maximum(r *run, args []value.Value) (value.Value, *Error) { return r.extreme(args, 1) }

func minimum(r *run, args []value.Value) (value.Value, *Error) { return r.extreme(args, -1) }

// extreme returns the item that lies furthest in a direction, as it is.
func (r *run) extreme(args []value.Value, direction int) (value.Value, *Error) {
	elements, ok := items(arg(args, 0))
	if !ok || len(elements) == 0 {
		return nil, nil
	}
	r.step(len(elements))
	best := elements[0]
	for _, e := range elements {
		if f, _ := float(e); f != f {
			return value.Float(math.NaN()), nil
		}
		if orderNumbers(e, best)*direction > 0 {
			best = e
		}
	}
	return best, nil
}

func toNumber(_ *run, args []value.Value) (value.Value, *Error) {
	switch x := arg(args, 0).(type) {
	case nil, value.Int, value.Float, value.BigInt:
		return x, nil
	case value.Bool:
		if x {
			return value.Int(1), nil
		}
		return value.Int(0), nil
	case value.String:
		if v, ok := castNumber(string(x)); ok {
			return v, nil
		}
	}
	return nil, faultAt("D3030", args[0], 1)
}

// castNumber reads decimal numbers as in JSON, except that they may begin with zeros, and hexadecimal, octal and binary integers.
func castNumber(s string) (value.Value, bool) {
	if isDecimal(s) {
		return parseNumber(s)
	}
	if !looksRadix(s) {
		return nil, false
	}
	s = strings.TrimSpace(s)
	n, ok := new(big.Int).SetString(s, 0)
	if !ok || len(s) < 3 || s[0] != '0' || strings.Contains(s, "_") {
		return value.Float(math.NaN()), true // as the reference: its test looks at one end of the text only
	}
	f, _ := new(big.Float).SetInt(n).Float64()
	return number(f), true
}

func isDecimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	rest := strings.TrimLeft(s, "0123456789")
	if len(rest) == len(s) {
		return false
	}
	if fraction, ok := strings.CutPrefix(rest, "."); ok {
		rest = strings.TrimLeft(fraction, "0123456789")
		if len(rest) == len(fraction) {
			return false
		}
	}
	if rest == "" {
		return true
	}
	if rest[0] != 'e' && rest[0] != 'E' {
		return false
	}
	rest = rest[1:]
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		rest = rest[1:]
	}
	return rest != "" && strings.TrimLeft(rest, "0123456789") == ""
}

// looksRadix is the reference's test /^(0[xX][0-9A-Fa-f]+)|(0[oO][0-7]+)|(0[bB][0-1]+)$/, whose ends belong to the outer alternatives only.
func looksRadix(s string) bool {
	hex := func(c byte) bool { return isDigit(c) || c|32 >= 'a' && c|32 <= 'f' }
	if len(s) > 2 && s[0] == '0' && s[1]|32 == 'x' && hex(s[2]) {
		return true
	}
	for i := 0; i+2 < len(s); i++ {
		if s[i] == '0' && s[i+1]|32 == 'o' && s[i+2] >= '0' && s[i+2] <= '7' {
			return true
		}
	}
	binary := strings.TrimRight(s, "01")
	return len(binary) < len(s) && len(binary) >= 2 && binary[len(binary)-1]|32 == 'b' && binary[len(binary)-2] == '0'
}

// rounding applies f to a number that is not an integer already.
func rounding(args []value.Value, f func(float64) float64) (value.Value, *Error) {
	switch x := arg(args, 0).(type) {
	case value.Int:
		return x, nil
	case value.Float, value.BigInt:
		n, _ := float(x)
		return number(f(n)), nil
	}
	return nil, nil
}

func floor(_ *run, args []value.Value) (value.Value, *Error) { return rounding(args, math.Floor) }

func ceil(_ *run, args []value.Value) (value.Value, *Error) { return rounding(args, math.Ceil) }

func abs(_ *run, args []value.Value) (value.Value, *Error) {
	if n, ok := arg(args, 0).(value.Int); ok && n != math.MinInt64 {
		return max(n, -n), nil
	}
	if f, ok := numberArg(args, 0); ok {
		return number(math.Abs(f)), nil
	}
	return nil, nil
}

func round(_ *run, args []value.Value) (value.Value, *Error) {
	f, ok := numberArg(args, 0)
	if !ok {
		return nil, nil
	}
	places, _ := numberArg(args, 1)
	if n, isInt := args[0].(value.Int); isInt && places >= 0 && places == math.Trunc(places) && places < 300 {
		return n, nil
	}
	return number(roundHalfEven(f, places)), nil
}

// roundHalfEven rounds f to so many decimal places. The point is moved in the decimal text, since multiplying by powers of ten would add
// errors of its own.
func roundHalfEven(f, places float64) float64 {
	if places != 0 && places == places {
		f = shiftPoint(f, places)
	}
	result := math.Floor(f)
	if f-result >= 0.5 {
		result++
	}
	if math.Abs(result-f) == 0.5 && math.Abs(math.Mod(result, 2)) == 1 {
		result--
	}
	if places != 0 && places == places {
		result = shiftPoint(result, -places)
	}
	if result == 0 {
		return 0 // never negative
	}
	return result
}

// shiftPoint is f × 10^places by way of its decimal text.
func shiftPoint(f, places float64) float64 {
	mantissa, exponent, _ := strings.Cut(numberText(f, false), "e")
	e, _ := strconv.ParseFloat(exponent, 64)
	text := numberText(e+places, false)
	if _, err := strconv.Atoi(text); err != nil {
		return math.NaN()
	}
	shifted, err := strconv.ParseFloat(mantissa+"e"+text, 64)
	if err != nil && !math.IsInf(shifted, 0) {
		return math.NaN()
	}
	return shifted
}

func sqrt(_ *run, args []value.Value) (value.Value, *Error) {
	f, ok := numberArg(args, 0)
	if !ok {
		return nil, nil
	}
	if f < 0 {
		return nil, faultAt("D3060", args[0], 1)
	}
	return number(math.Sqrt(f)), nil
}

func power(_ *run, args []value.Value) (value.Value, *Error) {
	base, ok := numberArg(args, 0)
	if !ok {
		return nil, nil
	}
	exponent, ok := numberArg(args, 1)
	if !ok {
		exponent = math.NaN()
	}
	result := math.NaN()
	if exponent == exponent && !(math.IsInf(exponent, 0) && math.Abs(base) == 1) {
		result = pow(base, exponent)
	}
	if result != result || math.IsInf(result, 0) {
		err := faultAt("D3061", args[0], 1)
		err.insert.exponent = arg(args, 1)
		return nil, err
	}
	return number(result), nil
}

func formatBase(_ *run, args []value.Value) (value.Value, *Error) {
	f, ok := numberArg(args, 0)
	if !ok {
		return nil, nil
	}
	radix, ok := numberArg(args, 1)
	if !ok {
		radix = 10
	}
	radix = roundHalfEven(radix, 0)
	if radix < 2 || radix > 36 {
		return nil, valueFault("D3100", number(radix))
	}
	if n, isInt := args[0].(value.Int); isInt {
		return value.String(strconv.FormatInt(int64(n), int(radix))), nil
	}
	return value.String(radixText(roundHalfEven(f, 0), int(radix))), nil
}

// radixText writes a whole number in a base, exactly.
func radixText(f float64, radix int) string {
	if radix == 10 || f != f || math.IsInf(f, 0) {
		return numberText(f, false)
	}
	n, _ := new(big.Float).SetFloat64(f).Int(nil)
	return n.Text(radix)
}

func randomPlain(r *run, _ []value.Value) (value.Value, *Error) { return value.Float(r.random()), nil }

// random draws a number from 0 up to 1.
func (r *run) random() float64 {
	if r.bindings.Chance != nil {
		return r.bindings.Chance.Float64()
	}
	return rand.Float64()
}

func boolean(r *run, args []value.Value) (value.Value, *Error) {
	if arg(args, 0) == nil {
		return nil, nil
	}
	t, err := r.truth(args[0])
	return value.Bool(t), err
}

func not(r *run, args []value.Value) (value.Value, *Error) {
	if arg(args, 0) == nil {
		return nil, nil
	}
	t, err := r.truth(args[0])
	return value.Bool(!t), err
}

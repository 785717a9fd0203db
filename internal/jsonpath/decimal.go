package jsonpath

import (
	"math"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// number is a number in a filter. Jayway compares decimals: 0.1 in the document, a double, equals 0.1 in the path. The double nearest
// to it decides most comparisons; the digits are looked at when that does not.
type number struct {
	approx float64
	form   value.Value // of a number in the document; nil if it is written in the path or in a string
	text   string      // as written, if form is nil
}

func numberOf(v value.Value) number {
	approx, _ := value.Float64(v)
	return number{approx: approx, form: v}
}

// parseNumber reads a string that spells a number.
func parseNumber(text string) (number, bool) {
	if _, ok := parseDecimal(text); !ok {
		return number{}, false
	}
	approx, _ := strconv.ParseFloat(text, 64)
	return number{approx: approx, text: text}, true
}

func (n number) decimal() decimal {
	text := n.text
	if n.form != nil {
		text = value.Text(n.form)
	}
	d, _ := parseDecimal(text)
	return d
}

func (n number) compare(other number) int {
	switch {
	case n.approx < other.approx:
		return -1
	case n.approx > other.approx:
		return 1
	}
	a, aInt := n.form.(value.Int)
	b, bInt := other.form.(value.Int)
	if aInt && bInt {
		return int(min(max(a-b, -1), 1)) // close to one another, as their doubles are equal
	}
	return n.decimal().compare(other.decimal())
}

// String is the number as Java's BigDecimal writes it.
func (n number) String() string {
	if i, ok := n.form.(value.Int); ok {
		return strconv.FormatInt(int64(i), 10)
	}
	return n.decimal().String()
}

// int32 is the whole part, cut to 32 bits as Java does.
func (n number) int32() int {
	if math.Abs(n.approx) >= 1<<53 {
		return math.MinInt32
	}
	return int(int32(int64(n.approx)))
}

// decimal is java.math.BigDecimal: digits times ten to the power of minus scale.
type decimal struct {
	negative bool
	digits   string // without leading zeros; "0" for zero
	scale    int
}

// parseDecimal reads a sign, digits with or without a point, and an exponent.
func parseDecimal(text string) (d decimal, ok bool) {
	if text != "" && (text[0] == '-' || text[0] == '+') {
		d.negative = text[0] == '-'
		text = text[1:]
	}
	exponent := 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n, err := strconv.ParseInt(text[i+1:], 10, 32)
		if err != nil {
			return d, false
		}
		exponent = int(n)
		text = text[:i]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return d, false
	}
	d.scale = len(fraction) - exponent
	if d.scale > math.MaxInt32 || d.scale < math.MinInt32 {
		return d, false
	}
	if d.digits = strings.TrimLeft(digits, "0"); d.digits == "" {
		d.digits = "0"
		d.negative = false
	}
	return d, true
}

func (d decimal) compare(other decimal) int {
	switch {
	case d.sign() != other.sign():
		return d.sign() - other.sign()
	case d.sign() < 0:
		return other.compareMagnitude(d)
	}
	return d.compareMagnitude(other)
}

func (d decimal) sign() int {
	switch {
	case d.digits == "0":
		return 0
	case d.negative:
		return -1
	}
	return 1
}

func (d decimal) compareMagnitude(other decimal) int {
	if d.digits == "0" {
		return 0 // signs are equal, so other is zero too
	}
	if order := (len(d.digits) - d.scale) - (len(other.digits) - other.scale); order != 0 {
		return order
	}
	return strings.Compare(strings.TrimRight(d.digits, "0"), strings.TrimRight(other.digits, "0"))
}

func (d decimal) String() string {
	sign := ""
	if d.negative {
		sign = "-"
	}
	exponent := len(d.digits) - 1 - d.scale
	switch {
	case d.scale == 0:
		return sign + d.digits
	case d.scale > 0 && exponent >= -6:
		if point := len(d.digits) - d.scale; point > 0 {
			return sign + d.digits[:point] + "." + d.digits[point:]
		}
		return sign + "0." + strings.Repeat("0", d.scale-len(d.digits)) + d.digits
	}
	mantissa := d.digits[:1]
	if len(d.digits) > 1 {
		mantissa += "." + d.digits[1:]
	}
	if exponent == 0 {
		return sign + mantissa
	}
	text := strconv.Itoa(exponent)
	if exponent > 0 {
		text = "+" + text
	}
	return sign + mantissa + "E" + text
}

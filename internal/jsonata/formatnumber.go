package jsonata

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/value"
)

// numberSymbols are the characters of a picture and of the number made from it (XPath and XQuery Functions 3.1, 4.7.1).
type numberSymbols struct {
	decimal, grouping, exponent, infinity, minus, nan, percent, perMille, zero, digit, pattern string
}

func newNumberSymbols(options *value.Object) (s numberSymbols, err *Error) {
	s = numberSymbols{decimal: ".", grouping: ",", exponent: "e", infinity: "Infinity", minus: "-", nan: "NaN", percent: "%", perMille: "\u2030", zero: "0", digit: "#", pattern: ";"}
	if options == nil {
		return s, nil
	}
	for name, place := range map[string]*string{
		"decimal-separator": &s.decimal, "grouping-separator": &s.grouping, "exponent-separator": &s.exponent, "infinity": &s.infinity,
		"minus-sign": &s.minus, "NaN": &s.nan, "percent": &s.percent, "per-mille": &s.perMille, "zero-digit": &s.zero, "digit": &s.digit,
		"pattern-separator": &s.pattern,
	} {
		v, given := options.Get(name)
		if !given {
			continue
		}
		text, ok := v.(value.String)
		if !ok {
			return s, internalFault("The option " + name + " of formatNumber is not a string")
		}
		*place = string(text)
	}
	return s, nil
}

func (s *numberSymbols) zeroRune() rune {
	zero, _ := utf8.DecodeRuneInString(s.zero)
	return zero
}

func (s *numberSymbols) isDigit(c rune) bool { return c >= s.zeroRune() && c < s.zeroRune()+10 }

// is compares a character with a symbol; only symbols of one character can be found in a picture.
func is(c rune, symbol string) bool { return string(c) == symbol }

// isActive tells characters that mean something from those that are copied.
func (s *numberSymbols) isActive(c rune) bool {
	return s.isDigit(c) || is(c, s.decimal) || is(c, s.exponent) || is(c, s.grouping) || is(c, s.digit) || is(c, s.pattern)
}

// subPicture is a picture for positive or negative numbers, taken apart and analysed.
type subPicture struct {
	picture                     string
	prefix, suffix              string
	active, mantissa            string
	integer, fraction, exponent string
	hasExponent                 bool

	integerGroups, fractionGroups        []int
	regular                              int // the distance of grouping separators, if it is always the same
	minInteger, minFraction, maxFraction int
	minExponent, scaling                 int
}

func formatNumber(r *run, args []value.Value) (value.Value, *Error) {
	f, ok := numberArg(args, 0)
	if !ok {
		return nil, nil
	}
	picture, ok := textArg(args, 1)
	if !ok {
		return nil, internalFault("Cannot read properties of undefined (reading 'split')")
	}
	options, _ := arg(args, 2).(*value.Object)
	symbols, err := newNumberSymbols(options)
	if err != nil {
		return nil, err
	}
	r.step(len(picture))
	r.charge(pictureBytes * len(picture))
	pictures, err := symbols.analyse(picture)
	if err != nil {
		return nil, err
	}
	p := pictures[0]
	if !(f >= 0) {
		p = pictures[1]
	}
	text, err := symbols.format(r, f, p)
	return value.String(text), err
}

func (s *numberSymbols) analyse(picture string) ([]*subPicture, *Error) {
	texts := strings.Split(picture, s.pattern)
	if len(texts) > 2 {
		return nil, fault("D3080")
	}
	var pictures []*subPicture
	for _, text := range texts {
		p := s.takeApart(text)
		if code := s.validate(p); code != "" {
			return nil, fault(code)
		}
		pictures = append(pictures, p)
	}
	for _, p := range pictures {
		s.measure(p)
	}
	if len(pictures) == 1 {
		negative := *pictures[0]
		negative.prefix = s.minus + negative.prefix
		pictures = append(pictures, &negative)
	}
	return pictures, nil
}

func (s *numberSymbols) takeApart(text string) *subPicture {
	p := &subPicture{picture: text}
	bounds := func(c rune) bool { return s.isActive(c) && !is(c, s.exponent) }
	if start := strings.IndexFunc(text, bounds); start >= 0 {
		p.prefix = text[:start]
		last := strings.LastIndexFunc(text, bounds)
		_, size := utf8.DecodeRuneInString(text[last:])
		p.suffix = text[last+size:]
	}
	p.active = text[len(p.prefix) : len(text)-len(p.suffix)]
	p.mantissa = p.active
	// The reference looks for the exponent in the whole picture, but cuts the active part at that place.
	if at := strings.Index(text[len(p.prefix):], s.exponent); at >= 0 && len(p.prefix)+at <= len(text)-len(p.suffix) {
		active := []rune(p.active)
		place := utf8.RuneCountInString(text[:len(p.prefix)+at])
		p.hasExponent = true
		p.mantissa = string(active[:min(place, len(active))])
		p.exponent = string(active[min(place+1, len(active)):])
	}
	var found bool
	p.integer, p.fraction, found = strings.Cut(p.mantissa, s.decimal)
	if !found {
		p.fraction = p.suffix
	}
	return p
}

// validate returns the code of the rule that the picture breaks, the last one if there are several.
func (s *numberSymbols) validate(p *subPicture) (code string) {
	rules := []struct {
		code   string
		broken bool
	}{
		{"D3081", strings.Count(p.picture, s.decimal) > 1},
		{"D3082", strings.Count(p.picture, s.percent) > 1},
		{"D3083", strings.Count(p.picture, s.perMille) > 1},
		{"D3084", strings.Contains(p.picture, s.percent) && strings.Contains(p.picture, s.perMille)},
		{"D3085", !strings.ContainsFunc(p.mantissa, s.isDigitOrOptional)},
		{"D3086", strings.ContainsFunc(p.active, func(c rune) bool { return !s.isActive(c) })},
		{"D3087", strings.Contains(p.picture, s.decimal) && s.groupsAtPoint(p.picture)},
		{"D3088", !strings.Contains(p.picture, s.decimal) && strings.HasSuffix(p.integer, s.grouping)},
		{"D3089", strings.Contains(p.picture, s.grouping+s.grouping)},
		{"D3090", s.digitBefore(p.integer)},
		{"D3091", s.digitBehind(p.fraction)},
		{"D3092", p.hasExponent && p.exponent != "" && (strings.Contains(p.picture, s.percent) || strings.Contains(p.picture, s.perMille))},
		{"D3093", p.hasExponent && (p.exponent == "" || strings.ContainsFunc(p.exponent, func(c rune) bool { return !s.isDigit(c) }))},
	}
	for _, rule := range rules {
		if rule.broken {
			code = rule.code
		}
	}
	return code
}

func (s *numberSymbols) isDigitOrOptional(c rune) bool { return s.isDigit(c) || is(c, s.digit) }

func (s *numberSymbols) groupsAtPoint(picture string) bool {
	before, after, _ := strings.Cut(picture, s.decimal)
	return s.grouping != "" && (strings.HasSuffix(before, s.grouping) || strings.HasPrefix(after, s.grouping))
}

// digitBefore tells whether a mandatory digit precedes an optional one; digitBehind whether one follows the last.
func (s *numberSymbols) digitBefore(integer string) bool {
	at := strings.Index(integer, s.digit)
	return at >= 0 && strings.ContainsFunc(integer[:at], s.isDigit)
}

func (s *numberSymbols) digitBehind(fraction string) bool {
	at := strings.LastIndex(fraction, s.digit)
	return at >= 0 && strings.ContainsFunc(fraction[at:], s.isDigit)
}

func countFunc(text string, is func(rune) bool) int {
	n := 0
	for _, c := range text {
		if is(c) {
			n++
		}
	}
	return n
}

// measure works out what the parts ask for (4.7.4).
func (s *numberSymbols) measure(p *subPicture) {
	if s.grouping != "" {
		right := countFunc(p.integer, s.isDigitOrOptional)
		parts := strings.Split(p.integer, s.grouping)
		for _, part := range parts[:len(parts)-1] {
			right -= countFunc(part, s.isDigitOrOptional)
			p.integerGroups = append(p.integerGroups, right)
		}
	}
	p.regular = regularDistance(p.integerGroups)
	p.fractionGroups = s.fractionGroups([]rune(p.fraction), []rune(p.integer))
	p.minInteger = countFunc(p.integer, s.isDigit)
	p.scaling = p.minInteger
	p.minFraction = countFunc(p.fraction, s.isDigit)
	p.maxFraction = countFunc(p.fraction, s.isDigitOrOptional)
	if p.minInteger == 0 && p.maxFraction == 0 {
		if p.hasExponent {
			p.minFraction, p.maxFraction = 1, 1
		} else {
			p.minInteger = 1
		}
	}
	if p.hasExponent && p.minInteger == 0 && strings.Contains(p.integer, s.digit) {
		p.minInteger = 1
	}
	if p.minInteger == 0 && p.minFraction == 0 {
		p.minFraction = 1
	}
	p.minExponent = countFunc(p.exponent, s.isDigit)
}

// fractionGroups are the digits before each separator of the fraction. The reference looks for the second and further separators in the integer
// part, from the place of the first.
func (s *numberSymbols) fractionGroups(fraction, integer []rune) (groups []int) {
	separator := []rune(s.grouping)
	if len(separator) == 0 {
		return nil
	}
	left, counted := 0, 0
	for at := indexRunes(fraction, separator); at >= 0; {
		for ; counted < min(at, len(fraction)); counted++ {
			if s.isDigitOrOptional(fraction[counted]) {
				left++
			}
		}
		groups = append(groups, left)
		next := at + 1
		at = -1
		if next <= len(integer) {
			if at = indexRunes(integer[next:], separator); at >= 0 {
				at += next
			}
		}
	}
	return groups
}

// regularDistance is the distance of separators at these positions, 0 if they are not evenly apart.
func regularDistance(positions []int) int {
	if len(positions) == 0 {
		return 0
	}
	factor := positions[0]
	for _, p := range positions[1:] {
		for p != 0 {
			factor, p = p, factor%p
		}
	}
	known := make(map[int]bool, len(positions))
	for _, p := range positions {
		known[p] = true
	}
	for i := range positions {
		if !known[(i+1)*factor] {
			return 0
		}
	}
	return factor
}

// format writes f (4.7.5).
func (s *numberSymbols) format(r *run, f float64, p *subPicture) (string, *Error) {
	mantissa, exponent := f, 0
	switch {
	case strings.Contains(p.picture, s.percent):
		mantissa *= 100
	case strings.Contains(p.picture, s.perMille):
		mantissa *= 1000
	}
	if p.minExponent > 0 {
		mantissa, exponent = scale(mantissa, p.scaling)
	}
	r.text(p.minInteger + p.maxFraction)
	if p.maxFraction > 100 {
		return "", internalFault("toFixed() digits argument must be between 0 and 100")
	}
	text := []rune(s.localized(toFixed(math.Abs(roundHalfEven(mantissa, float64(p.maxFraction))), p.maxFraction)))
	point := []rune(s.decimal)
	at := slices.Index(text, '.')
	if at < 0 {
		text = append(text, point...)
	} else {
		text = slices.Concat(text[:at], point, text[at+1:])
	}
	zero := s.zeroRune()
	for len(text) > 0 && text[0] == zero {
		text = text[1:]
	}
	for len(text) > 0 && text[len(text)-1] == zero {
		text = text[:len(text)-1]
	}
	at = indexRunes(text, point)
	text = slices.Concat(slices.Repeat([]rune{zero}, max(0, p.minInteger-at)), text,
		slices.Repeat([]rune{zero}, max(0, p.minFraction-(len(text)-at-1))))
	text = s.group(r, text, p)
	at = indexRunes(text, point)
	if !strings.Contains(p.picture, s.decimal) || at == len(text)-1 {
		text = text[:len(text)-1]
	}
	out := p.prefix + string(text)
	if p.minExponent > 0 {
		digits := s.localized(strconv.Itoa(max(exponent, -exponent)))
		sign := ""
		if exponent < 0 {
			sign = s.minus
		}
		missing := max(0, p.minExponent-utf8.RuneCountInString(digits))
		out += s.exponent + sign + strings.Repeat(string(zero), missing) + digits
	}
	return out + p.suffix, nil
}

func indexRunes(text, part []rune) int {
	for i := range text {
		if len(text)-i >= len(part) && slices.Equal(text[i:i+len(part)], part) {
			return i
		}
	}
	return -1
}

// scale returns mantissa and exponent such that the mantissa has so many digits before the point. Zero and what is no number stay.
func scale(f float64, digits int) (mantissa float64, exponent int) {
	most, least := math.Pow10(digits), math.Pow10(digits-1)
	if f == 0 || f != f || math.IsInf(f, 0) {
		return f, 0
	}
	for math.Abs(f) < least {
		f *= 10
		exponent--
	}
	for math.Abs(f) > most {
		f /= 10
		exponent++
	}
	return f, exponent
}

// toFixed is JavaScript's Number.toFixed for f >= 0: halves go up, and large numbers are not written out.
func toFixed(f float64, places int) string {
	if !(f < 1e21) {
		return numberText(f, false)
	}
	text := strconv.FormatFloat(f, 'f', places, 64)
	exact := strconv.FormatFloat(f, 'f', -1, 64)
	if _, fraction, _ := strings.Cut(exact, "."); len(fraction) == places+1 && fraction[places] == '5' && exactHalf(f, places) {
		return strconv.FormatFloat(math.Nextafter(f, math.Inf(1)), 'f', places, 64)
	}
	return text
}

// exactHalf tells whether f lies exactly between two numbers with so many places.
func exactHalf(f float64, places int) bool {
	long := strconv.FormatFloat(f, 'f', places+60, 64)
	_, fraction, _ := strings.Cut(long, ".")
	return strings.TrimRight(fraction[places:], "0") == "5"
}

// localized writes ASCII digits in the picture's own.
func (s *numberSymbols) localized(digits string) string {
	if s.zero == "0" {
		return digits
	}
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return s.zeroRune() + c - '0'
		}
		return c
	}, digits)
}

// group inserts the grouping separators.
func (s *numberSymbols) group(r *run, text []rune, p *subPicture) []rune {
	point := []rune(s.decimal)
	insert := func(at int) {
		r.step(1 + len(text)/16)
		if at < 0 { // JavaScript's slice counts from the end
			at = max(0, len(text)+at)
		}
		text = slices.Insert(text, min(at, len(text)), []rune(s.grouping)...)
	}
	at := indexRunes(text, point)
	if p.regular > 0 {
		for i := 1; i <= (at-1)/p.regular; i++ {
			insert(at - i*p.regular)
		}
	} else {
		for _, position := range p.integerGroups {
			insert(at - position)
			at++
		}
	}
	at = indexRunes(text, point)
	for _, position := range p.fractionGroups {
		insert(position + at + 1)
	}
	return text
}

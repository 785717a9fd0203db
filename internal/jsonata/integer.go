package jsonata

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// Integers by XPath pictures (XPath and XQuery Functions 3.1, 4.6): digits, letters, Roman numerals and English words.

// numbering is how an integer is written.
type numbering uint8

const (
	numberingDigits   numbering = iota // 1, 001, #,##0
	numberingLetters                   // a, A
	numberingRoman                     // i, I
	numberingWords                     // w, W, Ww
	numberingSequence                  // anything else, which is not supported
)

type letterCase uint8

const (
	caseLower letterCase = iota
	caseUpper
	caseTitle
)

// integerPicture is a picture after analysis.
type integerPicture struct {
	numbering  numbering
	letters    letterCase
	ordinal    bool
	text       string // the picture without its modifier
	zero       rune
	mandatory  int
	optional   int
	distance   int // of separators, if they are evenly apart and all the same
	separators []separator
	width      int // in dates: exactly so many digits are read, 0 for any number
}

type separator struct {
	position  int // digits to its right
	character rune
}

// decimalZeros are the zeros of the digit families that a picture may use.
var decimalZeros = [...]rune{0x30, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
	0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
	0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10}

func analyseInteger(picture string) (*integerPicture, *Error) {
	p := &integerPicture{text: picture}
	if at := strings.LastIndexByte(picture, ';'); at >= 0 {
		p.text = picture[:at]
		p.ordinal = strings.HasPrefix(picture[at+1:], "o")
	}
	switch p.text {
	case "A", "a":
		p.numbering = numberingLetters
	case "I", "i":
		p.numbering = numberingRoman
	case "W", "w", "Ww":
		p.numbering = numberingWords
	default:
		return p, p.analyseDigits()
	}
	switch {
	case p.text == "Ww":
		p.letters = caseTitle
	case p.text[0] < 'a':
		p.letters = caseUpper
	}
	return p, nil
}

func (p *integerPicture) analyseDigits() *Error {
	position := 0
	runes := []rune(p.text)
	slices.Reverse(runes)
	for _, c := range runes {
		zero := zeroOf(c)
		switch {
		case zero != 0:
			p.mandatory++
			position++
			if p.zero == 0 {
				p.zero = zero
			} else if p.zero != zero {
				return fault("D3131")
			}
		case c == '#':
			p.optional++
			position++
		default:
			p.separators = append(p.separators, separator{position, c})
		}
	}
	if p.mandatory == 0 {
		p.numbering = numberingSequence
		return nil
	}
	positions := make([]int, len(p.separators))
	for i, s := range p.separators {
		positions[i] = s.position
		if s.character != p.separators[0].character {
			return nil
		}
	}
	p.distance = regularDistance(positions)
	return nil
}

// zeroOf is the zero of the family that c belongs to, or 0 if c is no digit.
func zeroOf(c rune) rune {
	for _, zero := range decimalZeros {
		if c >= zero && c <= zero+9 {
			return zero
		}
	}
	return 0
}

// integerPicture returns the analysis of a picture, which the run keeps.
func (r *run) integerPicture(picture string) (*integerPicture, *Error) {
	if p, ok := r.pictures["i"+picture].(*integerPicture); ok {
		return p, nil
	}
	r.step(len(picture))
	r.charge(pictureBytes * len(picture))
	p, err := analyseInteger(picture)
	if err == nil {
		r.keepPicture("i"+picture, p)
	}
	return p, err
}

func (r *run) keepPicture(key string, p any) {
	if r.pictures == nil || len(r.pictures) > 64 {
		r.pictures = map[string]any{}
	}
	r.pictures[key] = p
}

func formatInteger(r *run, args []value.Value) (value.Value, *Error) {
	f, ok := numberArg(args, 0)
	if !ok {
		return nil, nil
	}
	picture, ok := textArg(args, 1)
	if !ok {
		return nil, internalFault("Cannot read properties of undefined (reading 'lastIndexOf')")
	}
	p, err := r.integerPicture(picture)
	if err != nil {
		return nil, err
	}
	text, err := p.format(r, math.Floor(f))
	return value.String(text), err
}

// format writes the whole number f.
func (p *integerPicture) format(r *run, f float64) (string, *Error) {
	negative := f < 0
	f = math.Abs(f)
	var text string
	switch p.numbering {
	case numberingLetters:
		text = lettersText(f, 'a')
	case numberingRoman:
		if f >= 1e7 {
			r.exceed(sentenceMemory)
		}
		if f == f {
			text = romanText(int(f))
		}
	case numberingWords:
		if f != f {
			return "", internalFault("Maximum call stack size exceeded") // the reference never finds the words
		}
		text = wordsText(f, p.ordinal)
	case numberingSequence:
		return "", valueFault("D3130", value.String(p.text))
	default:
		text = p.digits(r, f)
	}
	if p.numbering != numberingDigits {
		switch {
		case p.letters == caseUpper:
			text = strings.ToUpper(text)
		case p.letters == caseLower:
			text = strings.ToLower(text)
		}
	}
	if negative {
		text = "-" + text
	}
	return text, nil
}

func (p *integerPicture) digits(r *run, f float64) string {
	text := numberText(f, false)
	if missing := p.mandatory - len(text); missing > 0 {
		text = r.filled("0", float64(missing)) + text
	}
	runes := []rune(text)
	if p.zero != '0' {
		for i := range runes {
			runes[i] += p.zero - '0'
		}
	}
	if p.distance > 0 {
		for i := (len(runes) - 1) / p.distance; i > 0; i-- {
			r.step(1 + len(runes)/16)
			runes = slices.Insert(runes, len(runes)-i*p.distance, p.separators[0].character)
		}
	} else {
		for i := len(p.separators) - 1; i >= 0; i-- {
			r.step(1 + len(runes)/16)
			at := len(runes) - p.separators[i].position
			if at < 0 { // as the reference: of the digits only the last so many are left
				runes = runes[max(0, len(runes)+at):]
				at = 0
			}
			runes = slices.Insert(runes, at, p.separators[i].character)
		}
	}
	if p.ordinal {
		runes = append(runes, []rune(ordinalSuffix(runes))...)
	}
	return string(runes)
}

func ordinalSuffix(digits []rune) string {
	n := len(digits)
	if n > 1 && digits[n-2] == '1' {
		return "th"
	}
	switch digits[n-1] {
	case '1':
		return "st"
	case '2':
		return "nd"
	case '3':
		return "rd"
	}
	return "th"
}

// lettersText counts a, b, …, z, aa, ab as spreadsheets do.
func lettersText(f float64, first byte) string {
	var letters []byte
	for f > 0 && !math.IsInf(f, 0) {
		letters = append(letters, first+byte(math.Mod(f-1, 26)))
		f = math.Floor((f - 1) / 26)
	}
	slices.Reverse(letters)
	return string(letters)
}

func lettersValue(letters string, first byte) float64 {
	n := 0.0
	for i := range len(letters) {
		n += (float64(letters[len(letters)-i-1]) - float64(first) + 1) * pow(26, float64(i))
	}
	return n
}

var romanNumerals = [...]struct {
	value int
	text  string
}{{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"}, {50, "l"}, {40, "xl"}, {10, "x"}, {9, "ix"}, {5, "v"}, {4, "iv"}, {1, "i"}}

func romanText(n int) string {
	var b strings.Builder
	for _, numeral := range romanNumerals {
		b.WriteString(strings.Repeat(numeral.text, n/numeral.value))
		n %= numeral.value
	}
	return b.String()
}

var romanValues = map[byte]float64{'M': 1000, 'D': 500, 'C': 100, 'L': 50, 'X': 10, 'V': 5, 'I': 1}

// romanValue reads Roman numerals; a letter that is none makes the result NaN.
func romanValue(text string) float64 {
	n, largest := 0.0, 1.0
	for i := len(text) - 1; i >= 0; i-- {
		v, ok := romanValues[text[i]]
		if !ok {
			return math.NaN()
		}
		if v < largest {
			n -= v
		} else {
			largest = v
			n += v
		}
	}
	return n
}

var (
	smallWords = [...]string{"Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve",
		"Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen"}
	smallOrdinals = [...]string{"Zeroth", "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth",
		"Eleventh", "Twelfth", "Thirteenth", "Fourteenth", "Fifteenth", "Sixteenth", "Seventeenth", "Eighteenth", "Nineteenth"}
	tensWords      = [...]string{"Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety", "Hundred"}
	magnitudeWords = [...]string{"Thousand", "Million", "Billion", "Trillion"}
)

func wordsText(f float64, ordinal bool) string {
	if f != f || math.IsInf(f, 0) {
		return numberText(f, false)
	}
	return wordsPart(f, false, ordinal)
}

// wordsPart writes f, which follows other words if continued is set.
func wordsPart(f float64, continued, ordinal bool) string {
	and, comma := "", ""
	if continued {
		and, comma = " and ", ", "
	}
	switch {
	case f <= 19:
		if ordinal {
			return and + smallOrdinals[int(f)]
		}
		return and + smallWords[int(f)]
	case f < 100:
		word := and + tensWords[int(f)/10-2]
		if rest := math.Mod(f, 10); rest > 0 {
			return word + "-" + wordsPart(rest, false, ordinal)
		}
		if ordinal {
			return word[:len(word)-1] + "ieth"
		}
		return word
	case f < 1000:
		return comma + smallWords[int(f)/100] + " Hundred" + wordsRest(math.Mod(f, 100), ordinal)
	}
	magnitude := min((integerDigits(f)-1)/3, len(magnitudeWords))
	factor := pow(10, float64(magnitude*3))
	mantissa := math.Floor(f / factor)
	return comma + wordsPart(mantissa, false, false) + " " + magnitudeWords[magnitude-1] + wordsRest(f-mantissa*factor, ordinal)
}

// integerDigits counts the digits of the whole number f.
func integerDigits(f float64) int {
	var room [32]byte
	_, exponent := decimalDigits(room[:0], f, false)
	return exponent
}

func wordsRest(rest float64, ordinal bool) string {
	switch {
	case rest > 0:
		return wordsPart(rest, true, ordinal)
	case ordinal:
		return "th"
	}
	return ""
}

// wordValue is what a word in lower case counts.
func wordValue(word string) (float64, bool) {
	for i := range smallWords {
		if word == strings.ToLower(smallWords[i]) || word == strings.ToLower(smallOrdinals[i]) {
			return float64(i), true
		}
	}
	for i := range tensWords {
		lower := strings.ToLower(tensWords[i])
		if word == lower || word == lower[:len(lower)-1]+"ieth" {
			return float64((i + 2) * 10), true
		}
	}
	if word == "hundredth" {
		return 100, true
	}
	for i := range magnitudeWords {
		lower := strings.ToLower(magnitudeWords[i])
		if word == lower || word == lower+"th" {
			return math.Pow10((i + 1) * 3), true
		}
	}
	return 0, false
}

// wordsValue reads English words; a word that is none makes the result NaN.
func wordsValue(text string) float64 {
	segments := []float64{0}
	for _, word := range splitWords(text) {
		v, ok := wordValue(word)
		if !ok {
			v = math.NaN()
		}
		last := len(segments) - 1
		switch {
		case !(v < 100):
			segments[last] *= v
		case segments[last] >= 1000:
			segments = append(segments, v)
		default:
			segments[last] += v
		}
	}
	total := 0.0
	for _, s := range segments {
		total += s
	}
	return total
}

// splitWords cuts at the reference's /,\s|\sand\s|[\s\\-]/.
func splitWords(text string) []string {
	var words []string
	start := 0
	cut := func(at, size int) {
		words = append(words, text[start:at])
		start = at + size
	}
	isSpace := func(i int) bool { return i < len(text) && strings.IndexByte(" \t\n\r\v\f", text[i]) >= 0 }
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == ',' && isSpace(i+1):
			cut(i, 2)
		case isSpace(i) && strings.HasPrefix(text[i+1:], "and") && isSpace(i+4):
			cut(i, 5)
		case isSpace(i) || text[i] == '-' || text[i] == '\\':
			cut(i, 1)
		}
		i = max(i, start-1)
	}
	return append(words, text[start:])
}

func parseInteger(r *run, args []value.Value) (value.Value, *Error) {
	text, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	picture, ok := textArg(args, 1)
	if !ok {
		return nil, internalFault("Cannot read properties of undefined (reading 'lastIndexOf')")
	}
	p, err := r.integerPicture(picture)
	if err != nil {
		return nil, err
	}
	r.step(len(text))
	f, err := p.parse(text)
	if err != nil {
		return nil, err
	}
	return number(f), nil
}

// parse reads what format writes. It does not check the text against the picture, as the reference does not.
func (p *integerPicture) parse(text string) (float64, *Error) {
	switch p.numbering {
	case numberingLetters:
		first := byte('a')
		if p.letters == caseUpper {
			first = 'A'
		}
		return lettersValue(text, first), nil
	case numberingRoman:
		if p.letters != caseUpper {
			text = strings.ToUpper(text)
		}
		return romanValue(text), nil
	case numberingWords:
		return wordsValue(lowerCase(text)), nil
	case numberingSequence:
		return 0, valueFault("D3130", value.String(p.text))
	}
	if p.ordinal {
		text = text[:max(0, len(text)-2)]
	}
	if p.distance > 0 {
		text = strings.ReplaceAll(text, ",", "")
	} else {
		for _, s := range p.separators {
			text = strings.ReplaceAll(text, string(s.character), "")
		}
	}
	if p.zero != '0' {
		if strings.ContainsFunc(text, func(c rune) bool { return c < p.zero-'0' }) {
			return 0, internalFault("Invalid code point")
		}
		text = strings.Map(func(c rune) rune { return c - p.zero + '0' }, text)
	}
	return parseInt(text), nil
}

// parseInt is JavaScript's: white space, a sign, digits, and whatever follows.
func parseInt(text string) float64 {
	text = strings.TrimLeft(text, " \t\n\r\v\f\u00a0\ufeff\u2028\u2029")
	digits := strings.TrimLeft(text, "+-")
	if len(text)-len(digits) > 1 {
		return math.NaN()
	}
	if len(digits) > 2 && digits[0] == '0' && digits[1]|32 == 'x' {
		rest := strings.TrimLeft(digits[2:], "0123456789abcdefABCDEF")
		if n, err := strconv.ParseUint(digits[2:len(digits)-len(rest)], 16, 64); err == nil {
			return math.Copysign(float64(n), signOf(text))
		}
	}
	end := len(digits) - len(strings.TrimLeft(digits, "0123456789"))
	if end == 0 {
		return math.NaN()
	}
	f, _ := strconv.ParseFloat(digits[:end], 64)
	return math.Copysign(f, signOf(text))
}

func signOf(text string) float64 {
	if strings.HasPrefix(text, "-") {
		return -1
	}
	return 1
}

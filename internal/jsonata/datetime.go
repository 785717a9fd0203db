package jsonata

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/jsonata/regex"
	"github.com/tutti-run/tutti/internal/value"
)

// Dates and times by XPath pictures (XPath and XQuery Functions 3.1, 9.8). Calculations are those of JavaScript's Date, in milliseconds and
// in doubles, of which NaN stands for an invalid date.

const (
	millisPerDay = 24 * 60 * 60 * 1000
	maxMillis    = 8.64e15 // as far as JavaScript's dates reach
)

// datePicture is a picture after analysis.
type datePicture struct{ parts []datePart }

// datePart is a literal text or a component of a date.
type datePart struct {
	literal    string
	component  rune // 0 for a literal
	style      string
	modifier   byte // a, t, c or o behind the style
	minWidth   int  // 0 if not given
	maxWidth   int
	named      bool
	letters    letterCase // of names
	integer    *integerPicture
	yearDigits int // of Y: as many of the last digits, 0 for all
}

var defaultStyles = map[rune]string{'Y': "1", 'M': "1", 'D': "1", 'd': "1", 'F': "n", 'W': "1", 'w': "1", 'X': "1", 'x': "1", 'H': "1", 'h': "1",
	'P': "n", 'm': "01", 's': "01", 'f': "1", 'Z': "01:01", 'z': "01:01", 'C': "n", 'E': "n"}

const integerComponents = "YMDdFWwXxHhms"

var (
	dayNames   = [...]string{"", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	monthNames = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
)

func analyseDate(picture string) (*datePicture, *Error) {
	p := &datePicture{}
	literal := func(text string) {
		if text != "" {
			p.parts = append(p.parts, datePart{literal: strings.ReplaceAll(text, "]]", "]")})
		}
	}
	start := 0
	for at := 0; at < len(picture); at++ {
		if picture[at] != '[' {
			continue
		}
		literal(picture[start:at])
		if strings.HasPrefix(picture[at+1:], "[") {
			p.parts = append(p.parts, datePart{literal: "["})
			at++
			start = at + 1
			continue
		}
		end := strings.IndexByte(picture[at:], ']')
		if end < 0 {
			return nil, fault("D3135")
		}
		marker := strings.Join(strings.Fields(picture[at+1:at+end]), "")
		if err := p.marker(marker); err != nil {
			return nil, err
		}
		at += end
		start = at + 1
	}
	literal(picture[start:])
	return p, nil
}

// marker adds the component in a pair of brackets.
func (p *datePicture) marker(marker string) *Error {
	part := datePart{}
	name := ""
	if marker != "" {
		var size int
		part.component, size = utf8.DecodeRuneInString(marker)
		name = marker[:size]
	}
	part.style = marker[len(name):]
	if comma := strings.LastIndexByte(marker, ','); comma >= len(name) {
		part.style = marker[len(name):comma]
		part.readWidth(marker[comma+1:])
	}
	switch n := len(part.style); {
	case n == 0:
		part.style = defaultStyles[part.component]
		if part.style == "" {
			return valueFault("D3132", value.String(name))
		}
	case n > 1 && strings.IndexByte("atco", part.style[n-1]) >= 0:
		part.modifier = part.style[n-1]
		part.style = part.style[:n-1]
	}
	if err := p.readStyle(&part); err != nil {
		return err
	}
	p.parts = append(p.parts, part)
	return nil
}

// readWidth reads min, min-max or * behind the comma.
func (part *datePart) readWidth(text string) {
	low, high, ranged := strings.Cut(text, "-")
	part.minWidth = widthOf(low)
	if ranged {
		part.maxWidth = widthOf(high)
	}
}

func widthOf(text string) int {
	n := parseInt(text)
	if !(n > 0 && n < math.MaxInt32) {
		return 0
	}
	return int(n)
}

func (p *datePicture) readStyle(part *datePart) (err *Error) {
	switch {
	case part.style[0] == 'n':
		part.named = true
	case part.style[0] == 'N':
		part.named = true
		part.letters = caseUpper
		if strings.HasPrefix(part.style[1:], "n") {
			part.letters = caseTitle
		}
	case strings.ContainsRune(integerComponents+"f", part.component):
		text := part.style
		if part.modifier != 0 {
			text += ";" + string(part.modifier)
		}
		if part.integer, err = analyseInteger(text); err != nil {
			return err
		}
		part.fitWidth()
		// Digits directly behind digits: how many belong to the first of them must be known.
		if n := len(p.parts); n > 0 && p.parts[n-1].integer != nil {
			p.parts[n-1].integer.width = p.parts[n-1].integer.mandatory
		}
	}
	if part.component == 'Z' || part.component == 'z' {
		part.integer, err = analyseInteger(part.style)
	}
	return err
}

func (part *datePart) fitWidth() {
	if part.integer.numbering == numberingDigits {
		part.integer.mandatory = max(part.integer.mandatory, part.minWidth)
	}
	if part.component != 'Y' {
		return
	}
	if part.maxWidth > 0 {
		part.yearDigits = part.maxWidth
		part.integer.mandatory = part.maxWidth
	} else if digits := part.integer.mandatory + part.integer.optional; digits >= 2 {
		part.yearDigits = digits
	}
}

// datePicture returns the analysis of a picture, which the run keeps.
func (r *run) datePicture(picture string) (*datePicture, *Error) {
	if p, ok := r.pictures["d"+picture].(*datePicture); ok {
		return p, nil
	}
	r.step(len(picture))
	r.charge(pictureBytes * len(picture))
	p, err := analyseDate(picture)
	if err == nil {
		r.keepPicture("d"+picture, p)
	}
	return p, err
}

// dateUTC is JavaScript's Date.UTC: parts may overflow, and years before 100 mean the twentieth century.
func dateUTC(year, month, day, hour, minute, second, milli float64) float64 {
	sum := year + month + day + hour + minute + second + milli
	if sum != sum || math.IsInf(sum, 0) || math.Abs(year) > 400_000 || math.Abs(month) > 5_000_000 || math.Abs(day) > 2e8 {
		return math.NaN()
	}
	year = math.Trunc(year)
	if year >= 0 && year <= 99 {
		year += 1900
	}
	days := time.Date(int(year), time.Month(int(month)+1), int(day), 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
	millis := float64(days)*millisPerDay + math.Trunc(hour)*3.6e6 + math.Trunc(minute)*6e4 + math.Trunc(second)*1e3 + math.Trunc(milli)
	if math.Abs(millis) > maxMillis {
		return math.NaN()
	}
	return millis
}

// date is a moment with its parts.
type date struct {
	millis float64
	t      time.Time
	valid  bool
}

func newDate(millis float64) date {
	millis = math.Trunc(millis)
	if millis != millis || math.Abs(millis) > maxMillis {
		return date{millis: math.NaN()}
	}
	return date{millis: millis, t: time.UnixMilli(int64(millis)).UTC(), valid: true}
}

// firstWeek is when the first week of a year or a month begins, the one with its first Thursday (ISO 8601).
func firstWeek(year, month float64) float64 {
	first := dateUTC(year, month, 1, 0, 0, 0, 0)
	weekday := 7.0
	if d := newDate(first); d.valid && d.t.Weekday() != time.Sunday {
		weekday = float64(d.t.Weekday())
	}
	if weekday > 4 {
		return first + (8-weekday)*millisPerDay
	}
	return first - (weekday-1)*millisPerDay
}

// weekSince counts weeks from 1.
func weekSince(start, day float64) float64 { return (day-start)/(millisPerDay*7) + 1 }

// part is the value of an integer component.
func (d date) part(component rune) float64 {
	if !d.valid {
		return math.NaN()
	}
	year, month := float64(d.t.Year()), float64(d.t.Month()-1)
	today := dateUTC(year, month, float64(d.t.Day()), 0, 0, 0, 0)
	switch component {
	case 'Y':
		return year
	case 'M':
		return month + 1
	case 'D':
		return float64(d.t.Day())
	case 'd':
		return (today-dateUTC(year, 0, 1, 0, 0, 0, 0))/millisPerDay + 1
	case 'F':
		if d.t.Weekday() == time.Sunday {
			return 7
		}
		return float64(d.t.Weekday())
	case 'W':
		return weekWithin(today, 52, firstWeek(year, 0), firstWeek(year+1, 0), firstWeek(year-1, 0))
	case 'w':
		return weekWithin(today, 4, firstWeek(year, month), firstWeek(nextMonth(year, month)), firstWeek(previousMonth(year, month)))
	case 'X':
		return year + d.outside(firstWeek(year, 0), firstWeek(year+1, 0))
	case 'x':
		return d.weekMonth(year, month)
	case 'H':
		return float64(d.t.Hour())
	case 'h':
		return float64((d.t.Hour()+11)%12 + 1)
	case 'm':
		return float64(d.t.Minute())
	case 's':
		return float64(d.t.Second())
	case 'f':
		return float64(d.t.Nanosecond() / 1e6)
	}
	return math.NaN()
}

func nextMonth(year, month float64) (float64, float64) {
	if month == 11 {
		return year + 1, 0
	}
	return year, month + 1
}

func previousMonth(year, month float64) (float64, float64) {
	if month == 0 {
		return year - 1, 11
	}
	return year, month - 1
}

// weekWithin is the number of today's week in a period that has at least so many, or in the neighbour that the week belongs to.
func weekWithin(today, most, start, next, previous float64) float64 {
	week := weekSince(start, today)
	if week > most && today >= next {
		week = 1
	} else if week < 1 {
		week = weekSince(previous, today)
	}
	return math.Floor(week)
}

// outside is -1 before start, 1 from end on and 0 between.
func (d date) outside(start, end float64) float64 {
	switch {
	case d.millis < start:
		return -1
	case d.millis >= end:
		return 1
	}
	return 0
}

func (d date) weekMonth(year, month float64) float64 {
	nextYear, next := nextMonth(year, month)
	switch d.outside(firstWeek(year, month), firstWeek(nextYear, next)) {
	case -1:
		_, previous := previousMonth(year, month)
		return previous + 1
	case 1:
		return next + 1
	}
	return month + 1
}

const isoPicture = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"

func fromMillis(r *run, args []value.Value) (value.Value, *Error) {
	millis, ok := numberArg(args, 0)
	if !ok {
		return nil, nil
	}
	return r.formatDate(millis, args[1:])
}

func now(r *run, args []value.Value) (value.Value, *Error) {
	return r.formatDate(float64(r.moment().UnixMilli()), args)
}

func millis(r *run, _ []value.Value) (value.Value, *Error) {
	return value.Int(r.moment().UnixMilli()), nil
}

// formatDate writes a moment by a picture and a time zone (+hhmm), both optional.
func (r *run) formatDate(millis float64, args []value.Value) (value.Value, *Error) {
	picture, ok := textArg(args, 0)
	hours, minutes := 0.0, 0.0
	if zone, given := textArg(args, 1); given {
		offset := parseInt(zone)
		hours = math.Floor(offset / 100)
		minutes = math.Mod(offset, 100)
	}
	if !ok {
		if text, done := isoText(millis, hours, minutes); done {
			return value.String(text), nil
		}
		picture = isoPicture
	}
	p, err := r.datePicture(picture)
	if err != nil {
		return nil, err
	}
	d := newDate(millis + (60*hours+minutes)*60_000)
	var b strings.Builder
	for i := range p.parts {
		if p.parts[i].component == 0 {
			b.WriteString(p.parts[i].literal)
			continue
		}
		text, err := p.parts[i].format(r, d, hours, minutes)
		if err != nil {
			return nil, err
		}
		b.WriteString(text)
		r.text(len(text))
	}
	return value.String(b.String()), nil
}

// isoText is the default picture for the usual case, in UTC and with four digits of the year.
func isoText(millis, hours, minutes float64) (string, bool) {
	d := newDate(millis)
	if !d.valid || hours != 0 || minutes != 0 || d.t.Year() < 1 || d.t.Year() > 9999 {
		return "", false
	}
	return d.t.Format("2006-01-02T15:04:05.000Z"), true
}

// format writes one component.
func (part *datePart) format(r *run, d date, hours, minutes float64) (string, *Error) {
	switch c := part.component; {
	case strings.ContainsRune(integerComponents, c):
		return part.formatInteger(r, d)
	case c == 'f':
		if part.integer == nil {
			return "", internalFault("Cannot read properties of undefined (reading 'primary')")
		}
		return part.integer.format(r, d.part('f'))
	case c == 'Z' || c == 'z':
		return part.formatZone(r, hours, minutes)
	case c == 'P':
		text := "am"
		if d.valid && d.t.Hour() >= 12 {
			text = "pm"
		}
		if part.named && part.letters == caseUpper {
			text = strings.ToUpper(text)
		}
		return text, nil
	case c == 'C' || c == 'E':
		return "ISO", nil
	}
	return "undefined", nil
}

func (part *datePart) formatInteger(r *run, d date) (string, *Error) {
	n := d.part(part.component)
	if part.component == 'Y' && part.yearDigits > 0 {
		n = math.Mod(n, pow(10, float64(part.yearDigits)))
	}
	if !part.named {
		return part.integer.format(r, n)
	}
	name := "undefined"
	switch {
	case part.component == 'M' || part.component == 'x':
		if n >= 1 && n <= 12 {
			name = monthNames[int(n)-1]
		}
	case part.component == 'F':
		if n >= 1 && n <= 7 {
			name = dayNames[int(n)]
		}
	default:
		return "", valueFault("D3133", value.String(part.component))
	}
	if name == "undefined" && (part.maxWidth > 0 || part.letters == caseUpper || part.letters == caseLower) {
		return "", internalFault("Cannot read properties of undefined") // the moment is none, because the time zone is none
	}
	switch part.letters {
	case caseUpper:
		name = strings.ToUpper(name)
	case caseLower:
		name = strings.ToLower(name)
	}
	if part.maxWidth > 0 && len(name) > part.maxWidth {
		name = name[:part.maxWidth]
	}
	return name, nil
}

func (part *datePart) formatZone(r *run, hours, minutes float64) (string, *Error) {
	offset := hours*100 + minutes
	digits := part.integer.mandatory
	var text string
	var err *Error
	switch {
	case part.integer.distance > 0 || digits == 3 || digits == 4:
		text, err = part.integer.format(r, offset)
	case digits == 1 || digits == 2:
		text, err = part.integer.format(r, hours)
		if minutes != 0 {
			text += ":" + twoDigits(minutes)
		}
	default:
		return "", valueFault("D3134", value.Int(digits))
	}
	if err != nil {
		return "", err
	}
	if offset >= 0 {
		text = "+" + text
	}
	if part.component == 'z' {
		text = "GMT" + text
	}
	if offset == 0 && part.modifier == 't' {
		text = "Z"
	}
	return text, nil
}

func twoDigits(f float64) string {
	text := numberText(math.Abs(f), false)
	if len(text) < 2 {
		text = "0" + text
	}
	if f < 0 {
		text = "-" + text
	}
	return text
}

func toMillis(r *run, args []value.Value) (value.Value, *Error) {
	text, ok := textArg(args, 0)
	if !ok {
		return nil, nil
	}
	picture, ok := textArg(args, 1)
	if !ok {
		f, ok := parseISO(text)
		if !ok {
			return nil, valueFault("D3110", args[0])
		}
		return number(f), nil
	}
	reader, err := r.dateReader(picture)
	if err != nil {
		return nil, err
	}
	return reader.read(r, text)
}

// isoTimestamp is what the reference takes for an ISO 8601 timestamp.
var isoTimestamp = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\d{4})(-[01]\d)?(-[0-3]\d)?(T([0-2]\d):([0-5]\d):([0-5]\d))?(\.\d+)?([+-][0-2]\d:?[0-5]\d|Z)?$`)
})

// parseISO reads such a timestamp as Date.parse does in a process that runs in UTC. It is NaN if there is no such date.
func parseISO(text string) (millis float64, ok bool) {
	m := isoTimestamp().FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	part := func(text string, otherwise float64) float64 {
		f, err := strconv.ParseFloat(strings.Trim(text, "-."), 64)
		if err != nil {
			return otherwise
		}
		return f
	}
	timed, fraction, zone := m[4] != "", m[8], m[9]
	year, month, day := part(m[1], 0), part(m[2], 1), part(m[3], 1)
	hour, minute, second := part(m[5], 0), part(m[6], 0), part(m[7], 0)
	milli := part((fraction + "000")[:min(4, len(fraction)+3)], 0)
	offset := part(strings.Replace(strings.TrimLeft(zone, "+-Z"), ":", "", 1), 0) // hhmm
	switch {
	case month < 1 || month > 12 || day < 1 || day > 31, offset >= 2400,
		hour > 24 || hour == 24 && minute+second+milli > 0,
		!timed && (fraction != "" || zone != "" && zone != "Z"):
		return math.NaN(), true
	}
	minutes := math.Floor(offset/100)*60 + math.Mod(offset, 100)
	if strings.HasPrefix(zone, "-") {
		minutes = -minutes
	}
	midnight := time.Date(int(year), time.Month(int(month)), int(day), 0, 0, 0, 0, time.UTC).UnixMilli()
	return float64(midnight) + hour*3.6e6 + (minute-minutes)*6e4 + second*1e3 + milli, true
}

// dateReader parses timestamps by a picture.
type dateReader struct {
	parts []readPart
	re    *regex.Regexp
}

// readPart tells what the text of a group means; read is nil for a literal. ok is false for a name that is none.
type readPart struct {
	component rune
	read      func(text string) (f float64, ok bool, err *Error)
}

func (r *run) dateReader(picture string) (*dateReader, *Error) {
	if reader, ok := r.pictures["r"+picture].(*dateReader); ok {
		return reader, nil
	}
	p, err := r.datePicture(picture)
	if err != nil {
		return nil, err
	}
	reader := &dateReader{}
	var pattern strings.Builder
	for i := range p.parts {
		text, part, err := p.parts[i].reader()
		if err != nil {
			return nil, err
		}
		pattern.WriteString("(" + text + ")")
		reader.parts = append(reader.parts, part)
	}
	re, compileErr := regex.Compile("^"+pattern.String()+"$", regex.Flags{IgnoreCase: true})
	if compileErr != nil {
		return nil, internalFault(compileErr.Error())
	}
	reader.re = re
	r.keepPicture("r"+picture, reader)
	return reader, nil
}

// reader returns the regular expression that a part matches, and how to read the text. The expression has no groups of its own.
func (part *datePart) reader() (pattern string, read readPart, err *Error) {
	read.component = part.component
	switch {
	case part.component == 0:
		var b strings.Builder
		for _, c := range part.literal {
			if strings.ContainsRune(`.*+?^${}()|[]\`, c) {
				b.WriteByte('\\')
			}
			b.WriteRune(c)
		}
		return b.String(), read, nil
	case part.component == 'Z' || part.component == 'z':
		pattern, read.read = part.zoneReader()
		return pattern, read, nil
	case part.component == 'f':
		read.read = func(text string) (float64, bool, *Error) {
			f, _ := strconv.ParseFloat("0."+text[:min(3, len(text))], 64)
			return f * 1000, true, nil
		}
		return "[0-9]+", read, nil
	case part.integer != nil:
		pattern, err = part.integer.pattern()
		read.read = func(text string) (float64, bool, *Error) {
			f, err := part.integer.parse(text)
			return f, true, err
		}
		return pattern, read, err
	}
	names, err := part.names()
	read.read = func(text string) (float64, bool, *Error) {
		n, ok := names[text]
		return n, ok, nil
	}
	return "[a-zA-Z]+", read, err
}

func (part *datePart) zoneReader() (string, func(string) (float64, bool, *Error)) {
	pattern, prefix := "[-+][0-9]+", ""
	if part.component == 'z' {
		prefix = "GMT"
	}
	separator := ""
	if part.integer.distance > 0 {
		separator = string(part.integer.separators[0].character)
		pattern += separator + "[0-9]+"
	}
	return prefix + pattern, func(text string) (float64, bool, *Error) {
		text = text[len(prefix):]
		hours, minutes := text, "0"
		switch {
		case separator != "":
			hours, minutes, _ = strings.Cut(text, separator)
		case len(text) > 3:
			hours, minutes = text[:3], text[3:]
		}
		return parseInt(hours)*60 + parseInt(minutes), true, nil
	}
}

// names are what the component may be called.
func (part *datePart) names() (map[string]float64, *Error) {
	names := map[string]float64{}
	add := func(list []string) {
		for i, name := range list {
			if part.maxWidth > 0 {
				name = name[:min(part.maxWidth, len(name))]
			}
			names[name] = float64(i + 1)
		}
	}
	switch part.component {
	case 'M', 'x':
		add(monthNames[:])
	case 'F':
		add(dayNames[1:])
	case 'P':
		return map[string]float64{"am": 0, "AM": 0, "pm": 1, "PM": 1}, nil
	default:
		return nil, valueFault("D3133", value.String(part.component))
	}
	return names, nil
}

// pattern is the regular expression for what parse reads within a date.
func (p *integerPicture) pattern() (string, *Error) {
	switch p.numbering {
	case numberingLetters:
		if p.letters == caseUpper {
			return "[A-Z]+", nil
		}
		return "[a-z]+", nil
	case numberingRoman:
		if p.letters == caseUpper {
			return "[MDCLXVI]+", nil
		}
		return "[mdclxvi]+", nil
	case numberingWords:
		var words []string
		add := func(list []string, ends ...string) {
			for _, word := range list {
				word = strings.ToLower(word)
				words = append(words, word)
				for _, end := range ends {
					words = append(words, strings.TrimSuffix(word, "y")+end)
				}
			}
		}
		add(smallWords[:])
		add(smallOrdinals[:])
		add(tensWords[:], "ieth")
		words = append(words, "hundredth")
		add(magnitudeWords[:])
		for _, word := range magnitudeWords {
			words = append(words, strings.ToLower(word)+"th")
		}
		return "(?:" + strings.Join(append(words, "and", `[\-, ]`), "|") + ")+", nil
	case numberingSequence:
		return "", valueFault("D3130", value.String(p.text))
	}
	pattern := "[0-9]+"
	if p.width > 0 {
		pattern = "[0-9]{" + strconv.Itoa(p.width) + "}"
	}
	if p.ordinal {
		pattern += "(?:th|st|nd|rd)"
	}
	return pattern, nil
}

// dateParts are the components that a timestamp has told, and later those that follow from them.
type dateParts struct {
	values [128]float64
	known  [128]bool
}

func (p *dateParts) set(component rune, f float64) {
	p.values[component&127], p.known[component&127] = f, true
}

// mask has a bit for each of the components whose value is neither unknown nor zero, the first one being the highest.
func (p *dateParts) mask(components string) int {
	mask := 0
	for _, c := range components {
		mask <<= 1
		if f := p.values[c]; p.known[c] && f == f && f != 0 {
			mask |= 1
		}
	}
	return mask
}

// The combinations of components that make a date or a time, as masks over YXMxWwdD and PHhmsf.
const (
	maskYMD   = 0b10100001
	maskYd    = 0b10000010
	maskXxwF  = 0b01010100
	maskXWF   = 0b01001000
	maskHmsf  = 0b010111
	maskPhmsf = 0b101111
)

// fitsMask tells whether mask has some of the bits of kind and no others.
func fitsMask(mask, kind int) bool { return ^kind&mask == 0 && kind&mask != 0 }

// read returns the moment in milliseconds, or undefined if the text does not fit the picture.
func (d *dateReader) read(r *run, text string) (value.Value, *Error) {
	prepared := regex.NewText(text)
	places, ok := d.re.Match(prepared, 0, func(steps int) bool {
		r.step(steps)
		return true
	})
	if !ok {
		r.exceed(sentenceMemory)
	}
	if places == nil {
		return nil, nil
	}
	var parts dateParts
	any := false
	for i, part := range d.parts {
		if part.read == nil {
			continue
		}
		any = true
		f, known, err := part.read(prepared.Slice(places[2*i+2], places[2*i+3]))
		if err != nil {
			return nil, err
		}
		if known {
			parts.set(part.component, f)
		}
	}
	if !any {
		return nil, nil
	}
	f, err := parts.moment(newDate(float64(r.moment().UnixMilli())))
	if err != nil {
		return nil, err
	}
	return number(f), nil
}

// moment fills what the timestamp leaves open: more significant parts from the present, less significant ones with their least value.
// Gaps between are a fault.
func (p *dateParts) moment(present date) (float64, *Error) {
	mask := p.mask("YXMxWwdD")
	byMonth := fitsMask(mask, maskYMD)
	byDay := !byMonth && fitsMask(mask, maskYd)
	byMonthWeek := fitsMask(mask, maskXxwF)
	byWeek := !byMonthWeek && fitsMask(mask, maskXWF)
	mask = p.mask("PHhmsf")
	twelve := !fitsMask(mask, maskHmsf) && fitsMask(mask, maskPhmsf)
	components := "YMD"
	switch {
	case byDay:
		components = "YD"
	case byMonthWeek:
		components = "XxwF"
	case byWeek:
		components = "XWF"
	}
	if twelve {
		components += "Phmsf"
	} else {
		components += "Hmsf"
	}
	if err := p.complete(components, present); err != nil {
		return 0, err
	}
	if byMonthWeek || byWeek {
		return 0, fault("D3136") // weeks are not supported, as in the reference
	}
	month := 0.0
	if p.values['M'] > 0 {
		month = p.values['M'] - 1
	}
	day := p.values['D']
	if byDay {
		derived := newDate(dateUTC(p.values['Y'], 0, 1, 0, 0, 0, 0) + (p.values['d']-1)*millisPerDay)
		month, day = derived.part('M')-1, derived.part('D')
	}
	hour := p.values['H']
	if twelve {
		hour = math.Mod(p.values['h'], 12)
		if p.values['h'] != 12 {
			hour = p.values['h']
		}
		if p.values['P'] == 1 {
			hour += 12
		}
	}
	f := dateUTC(p.values['Y'], month, day, hour, p.values['m'], p.values['s'], p.values['f'])
	zone := p.values['Z']
	if zone == 0 || zone != zone {
		zone = p.values['z']
	}
	if zone != 0 {
		f -= zone * 60_000
	}
	return f, nil
}

func (p *dateParts) complete(components string, present date) *Error {
	started, ended := false, false
	for _, c := range components {
		switch {
		case p.known[c]:
			started = true
			if ended {
				return fault("D3136")
			}
		case started:
			p.set(c, 0)
			if strings.ContainsRune("MDd", c) {
				p.set(c, 1)
			}
			ended = true
		default:
			f := present.part(c)
			if c == 'P' { // the present's is a text, which counts as neither morning nor afternoon
				f = math.NaN()
			}
			p.set(c, f)
		}
	}
	return nil
}

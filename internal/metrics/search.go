package metrics

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// maxSearch is how long a search may be (user guide, "CloudWatch search expression syntax").
const maxSearch = 1024

// usualSearchPeriod is the period of a search that says none, and whose query says none either.
const usualSearchPeriod = 5 * time.Minute

// search is SEARCH: the time series of all metrics that a search finds, of those that have had values within two weeks.
func (e *evaluation) search(args []any) (any, error) {
	source, ok := args[0].(word)
	name, named := args[1].(word)
	if !ok || !named {
		return nil, errors.New("it takes a search and a statistic, both as texts")
	}
	stat, ok := ParseStatistic(string(name))
	if !ok {
		return nil, fmt.Errorf("the value %s is not a valid statistic", name)
	}
	period := usualSearchPeriod
	if e.period > 0 {
		period = e.period
	}
	if len(args) == 3 {
		seconds, _ := args[2].(float64)
		period = time.Duration(seconds) * time.Second
	}
	if !ValidPeriod(period) {
		return nil, errors.New("its period must be 1, 5, 10, 20, 30 or a multiple of 60")
	}
	s, err := parseSearch(string(source))
	if err != nil {
		return nil, err
	}
	all, err := e.service.Metrics(Filter{Namespace: s.namespace})
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(all, func(m Metric) bool { return !s.finds(&m) })
	if len(found) > maxArray {
		return nil, fmt.Errorf("it finds more than %d metrics", maxArray)
	}
	out := list{}
	for i, label := range searchLabels(found) {
		st := &step{Query: &Query{ID: e.id, Label: label, Metric: found[i], Period: period}, stat: stat}
		one, err := e.service.metricSeries(st, e.from, e.end)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// searchLabels tell metrics apart: by the values of their dimensions, and by their names if there are several.
func searchLabels(found []Metric) []string {
	labels := make([]string, 0, len(found))
	for i := range found {
		var parts []string
		for _, d := range found[i].Dimensions {
			parts = append(parts, d.Value)
		}
		if len(parts) == 0 || slices.ContainsFunc(found, func(m Metric) bool { return m.Name != found[0].Name }) {
			parts = append(parts, found[i].Name)
		}
		labels = append(labels, strings.Join(parts, " "))
	}
	return labels
}

// searched is a search that was read.
type searched struct {
	namespace  string   // "" for any
	dimensions []string // the names of all dimensions that a metric must have, ascending; none for any
	term       term     // nil for all
}

// term finds metrics.
type term func(m *Metric) bool

func (s *searched) finds(m *Metric) bool {
	if len(s.dimensions) > 0 {
		var names []string
		for _, d := range m.Dimensions {
			names = append(names, d.Name)
		}
		if !slices.Equal(names, s.dimensions) {
			return false
		}
	}
	return s.term == nil || s.term(m)
}

// searchParser reads a search from its front.
type searchParser struct{ parser }

// parseSearch reads a search: a schema in braces, {Namespace, Dimension …}, and terms, of which either may be missing.
func parseSearch(source string) (*searched, error) {
	if len(source) > maxSearch {
		return nil, fmt.Errorf("the search is longer than %d characters", maxSearch)
	}
	p := &searchParser{parser{text: source}}
	s := &searched{}
	schema := p.next("{")
	if schema {
		names, err := p.schema()
		if err != nil {
			return nil, err
		}
		s.namespace, s.dimensions = names[0], names[1:]
		slices.Sort(s.dimensions)
	}
	if p.skip(); p.rest() == "" {
		if !schema {
			return nil, errors.New("the search is empty")
		}
		return s, nil
	}
	var err error
	if s.term, err = p.either(""); err == nil && p.rest() != "" {
		err = p.bad("unexpected %q in the search", p.rest())
	}
	return s, err
}

// skip passes blanks, and commas, which mean no more between terms.
func (p *searchParser) skip() {
	p.at += len(p.rest()) - len(strings.TrimLeftFunc(p.rest(), func(r rune) bool { return unicode.IsSpace(r) || r == ',' }))
}

func (p *searchParser) next(token string) bool {
	p.skip()
	return p.take(token)
}

// schema reads the names up to the closing brace.
func (p *searchParser) schema() ([]string, error) {
	var names []string
	for !p.next("}") {
		if p.rest() == "" {
			return nil, p.bad("a brace is not closed in the search")
		}
		name, _, err := p.word("}")
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, p.bad("the schema of the search has no namespace")
	}
	return names, nil
}

// word reads a word, or an exact text in quotation marks, in which a backslash stands before what it would not mean else.
func (p *searchParser) word(ends string) (text string, exact bool, err error) {
	if !p.take(`"`) {
		end := strings.IndexFunc(p.rest(), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`,()="`+ends, r) })
		if end < 0 {
			end = len(p.rest())
		}
		if end == 0 {
			return "", false, p.bad("a word is missing in the search")
		}
		text = p.rest()[:end]
		p.at += end
		return text, false, nil
	}
	var b strings.Builder
	escaped := false
	for i, r := range p.rest() {
		switch {
		case !escaped && r == '\\':
			escaped = true
			continue
		case !escaped && r == '"':
			p.at += i + 1
			return b.String(), true, nil
		}
		escaped = false
		b.WriteRune(r)
	}
	return "", false, p.bad("a quotation mark is not closed in the search")
}

// operatorWord takes an operator, which is in capitals.
func (p *searchParser) operatorWord(name string) bool {
	p.skip()
	if leadingWord(p.rest()) != name || strings.HasPrefix(p.rest()[len(name):], "=") {
		return false
	}
	p.at += len(name)
	return true
}

// either reads terms that OR separates. property is what they are about, "" for anything.
func (p *searchParser) either(property string) (term, error) {
	left, err := p.all(property)
	for err == nil && p.operatorWord("OR") {
		var right term
		before := left
		if right, err = p.all(property); err == nil {
			left = func(m *Metric) bool { return before(m) || right(m) }
		}
	}
	return left, err
}

// all reads terms that AND, or nothing, separates.
func (p *searchParser) all(property string) (term, error) {
	left, err := p.single(property)
	for err == nil {
		and := p.operatorWord("AND")
		if p.skip(); !and && (p.rest() == "" || p.rest()[0] == ')' || leadingWord(p.rest()) == "OR") {
			return left, nil
		}
		var right term
		before := left
		if right, err = p.single(property); err == nil {
			left = func(m *Metric) bool { return before(m) && right(m) }
		}
	}
	return nil, err
}

// single reads one term: NOT and another, several in parentheses, or what a property, or anything, is to be.
func (p *searchParser) single(property string) (term, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, p.bad("parts nest deeper than %d in the search", maxNesting)
	}
	defer func() { p.depth-- }()
	if p.operatorWord("NOT") {
		of, err := p.single(property)
		return func(m *Metric) bool { return !of(m) }, err
	}
	if p.next("(") {
		within, err := p.either(property)
		if err == nil && !p.next(")") {
			err = p.bad("a parenthesis is not closed in the search")
		}
		return within, err
	}
	text, exact, err := p.word("")
	if err != nil {
		return nil, err
	}
	if property == "" && p.take("=") {
		if strings.HasPrefix(text, ":aws.") {
			return nil, &notRunHere{"searches by " + text, "are", "there is one account"}
		}
		return p.single(text)
	}
	matches := func(candidate string) bool { return candidate == text }
	if !exact {
		matches = partial(text)
	}
	return func(m *Metric) bool { return slices.ContainsFunc(m.named(property), matches) }, nil
}

// named are the texts of a metric that a property names, "" for all.
func (m *Metric) named(property string) []string {
	switch property {
	case "MetricName":
		return []string{m.Name}
	case "Namespace":
		return []string{m.Namespace}
	}
	var texts []string
	if property == "" {
		texts = append(texts, m.Name, m.Namespace)
	}
	for _, d := range m.Dimensions {
		switch property {
		case "":
			texts = append(texts, d.Name, d.Value)
		case d.Name:
			texts = append(texts, d.Value)
		}
	}
	return texts
}

// partial matches texts that have the tokens of a term one behind the other, or are it but for what is neither letter nor digit. Capitals count where nothing but they, or
// digits, part the tokens of the term: "To match a composite token, the search is case sensitive" (user guide).
func partial(term string) func(text string) bool {
	wanted := searchTokens(term)
	whole := strings.Join(wanted, "")
	same := strings.EqualFold
	if len(wanted) > 1 && !strings.ContainsFunc(term, isDelimiter) {
		same = func(a, b string) bool { return a == b }
	}
	return func(text string) bool {
		tokens := searchTokens(text)
		if strings.EqualFold(whole, strings.Join(tokens, "")) {
			return len(wanted) > 0
		}
		for i := 0; len(wanted) > 0 && i+len(wanted) <= len(tokens); i++ {
			if slices.EqualFunc(tokens[i:i+len(wanted)], wanted, same) {
				return true
			}
		}
		return false
	}
}

func isDelimiter(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// searchTokens are the parts of a text: they begin with a capital behind a small letter, with the last of several capitals, with a digit, or behind what is neither letter nor
// digit (user guide, "CloudWatch search expressions: Tokenization").
func searchTokens(text string) []string {
	runes := []rune(text)
	var tokens []string
	start := 0
	cut := func(end int) {
		if end > start {
			tokens = append(tokens, string(runes[start:end]))
		}
		start = end
	}
	for i, r := range runes {
		switch {
		case isDelimiter(r):
			cut(i)
			start = i + 1
		case i == start || i == 0:
		case unicode.IsDigit(r) != unicode.IsDigit(runes[i-1]),
			unicode.IsUpper(r) && !unicode.IsUpper(runes[i-1]),
			unicode.IsUpper(r) && i+1 < len(runes) && unicode.IsLower(runes[i+1]):
			cut(i)
		}
	}
	cut(len(runes))
	return tokens
}

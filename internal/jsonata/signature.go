package jsonata

import (
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// signature says which arguments a function takes. The reference turns it into a regular expression over one letter for each argument; this
// is the same, with a matcher of its own.
//
// The letters: s string, n number, b boolean, l null, o object, a array, f function, m missing.
type signature struct {
	parameters []parameter
	single     bool // no parameter is repeated
	needed     int  // how many parameters, from the first, cannot be left out without more ado
}

type parameter struct {
	letters  letterSet
	optional bool
	repeated bool
	lazy     bool // takes as little as possible: only after two marks, as in s-?
	context  bool // - : if it is missing, the context stands in
	kind     byte // the letter of the signature; '(' for a choice
	subtype  string
	typed    bool // a subtype is given, if only an empty one
}

// letterSet is a set of letters, one bit each.
type letterSet uint16

const (
	letterS letterSet = 1 << iota
	letterN
	letterB
	letterL
	letterO
	letterA
	letterF
	letterM

	anyLetter = letterS | letterN | letterB | letterL | letterO | letterA | letterF | letterM
)

func setOf(letters string) (set letterSet) {
	for i := range len(letters) {
		switch letters[i] {
		case 's':
			set |= letterS
		case 'n':
			set |= letterN
		case 'b':
			set |= letterB
		case 'l':
			set |= letterL
		case 'o':
			set |= letterO
		case 'a':
			set |= letterA
		case 'f':
			set |= letterF
		case 'm':
			set |= letterM
		}
	}
	return set
}

// arrayNames are the plurals for messages about the items of arrays.
var arrayNames = map[string]string{"a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings"}

// mustSignature is for signatures that are part of the program.
func mustSignature(text string) *signature {
	s, err := parseSignature(text)
	if err != nil {
		panic("jsonata: signature " + text + ": " + err.Error())
	}
	return s
}

// parseSignature reads <…>. A fault's Position is relative to the text.
func parseSignature(text string) (*signature, *Error) {
	s := &signature{}
	var current *parameter
	for i := 1; i < len(text) && text[i] != ':'; i++ {
		c := text[i]
		next := parameter{kind: c}
		switch c {
		case 's', 'n', 'b', 'l', 'o':
			next.letters = setOf(string(c) + "m")
		case 'a', 'x':
			next.letters = anyLetter
		case 'f':
			next.letters = letterF
		case 'j':
			next.letters = anyLetter &^ letterF
		case '(':
			end := closing(text, i, '(', ')')
			choice := text[i+1 : min(end, len(text))]
			if strings.Contains(choice, "<") {
				return nil, &Error{Class: ClassSyntax, Code: "S0402", Position: i, Value: value.String(choice)}
			}
			next.letters = setOf(choice) | letterM
			i = end
		case '-', '?', '+':
			if current == nil {
				continue
			}
			if err := current.modify(c); err != nil {
				return nil, err
			}
			continue
		case '<':
			if current == nil || current.kind != 'a' && current.kind != 'f' {
				err := &Error{Class: ClassSyntax, Code: "S0401", Position: i}
				if current != nil {
					err.Value = value.String(current.kind)
				}
				return nil, err
			}
			end := closing(text, i, '<', '>')
			current.subtype = text[i+1 : min(end, len(text))]
			current.typed = true
			i = end
			continue
		default:
			continue
		}
		s.parameters = append(s.parameters, next)
		current = &s.parameters[len(s.parameters)-1]
	}
	s.single = true
	for i, p := range s.parameters {
		s.single = s.single && !p.repeated && !p.lazy
		if !p.optional || p.context {
			s.needed = i + 1
		}
	}
	return s, nil
}

// modify applies a mark behind the parameter. The reference appends it to a regular expression: the second mark makes it lazy.
func (p *parameter) modify(mark byte) *Error {
	if p.optional || p.repeated {
		if mark == '+' || p.lazy {
			return &Error{Class: ClassSyntax, Message: "Invalid regular expression: Nothing to repeat"}
		}
		p.lazy = true
	} else {
		p.optional = mark != '+'
		p.repeated = mark == '+'
	}
	p.context = p.context || mark == '-'
	return nil
}

// closing is the place of the bracket that closes the one at start.
func closing(text string, start int, open, shut byte) int {
	depth := 1
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case shut:
			if depth--; depth == 0 {
				return i
			}
		case open:
			depth++
		}
	}
	return len(text)
}

// letterOf is the signature's letter for v.
func letterOf(v value.Value) letterSet {
	switch v.(type) {
	case nil:
		return letterM
	case value.String:
		return letterS
	case value.Int, value.Float, value.BigInt:
		return letterN
	case value.Bool:
		return letterB
	case value.Null:
		return letterL
	case value.Array, *list:
		return letterA
	case *function:
		return letterF
	}
	return letterO
}

// fits tells whether args can be passed as they are: each fits the parameter in its place, and what is missing at the end is optional.
func (s *signature) fits(args []value.Value) bool {
	if !s.single || len(args) > len(s.parameters) || len(args) < s.needed {
		return false
	}
	for i := range args {
		p := &s.parameters[i]
		letter := letterOf(args[i])
		if p.letters&letter == 0 || p.kind == 'a' && letter != letterM && (letter != letterA || !p.holds(args[i])) {
			return false
		}
	}
	return true
}

// holds tells whether the items of an array are what the parameter asks for.
func (p *parameter) holds(array value.Value) bool {
	if !p.typed {
		return true
	}
	elements, _ := items(array)
	want := setOf(p.subtype[:min(1, len(p.subtype))])
	for _, e := range elements {
		if letterOf(e) != want {
			return false
		}
	}
	return true
}

// validate returns the arguments in the form in which the function takes them: with the context in place of missing ones and single
// values made arrays. It may keep args.
func (s *signature) validate(args []value.Value, context value.Value) ([]value.Value, *Error) {
	if s.fits(args) {
		return args, nil
	}
	var room [8]letterSet
	letters := room[:0]
	for _, arg := range args {
		letters = append(letters, letterOf(arg))
	}
	var counts [8]int
	taken := counts[:0]
	if len(s.parameters) > len(counts) {
		taken = make([]int, 0, len(s.parameters))
	}
	taken, ok := s.match(letters, 0, taken)
	if !ok {
		return nil, s.mismatch(args, letters)
	}
	out := make([]value.Value, 0, max(len(s.parameters), len(args)))
	next := 0
	for i := range s.parameters {
		p := &s.parameters[i]
		if taken[i] == 0 {
			if !p.context {
				var arg value.Value
				if next < len(args) {
					arg = args[next]
				}
				out = append(out, arg)
				next++
				continue
			}
			if p.letters&letterOf(context) == 0 {
				err := valueFault("T0411", context)
				err.insert.index = next + 1
				return nil, err
			}
			out = append(out, context)
			continue
		}
		for range taken[i] {
			var arg value.Value
			if next < len(args) {
				arg = args[next]
			}
			if p.kind == 'a' {
				var err *Error
				if arg, err = p.array(arg, next, taken[i]); err != nil {
					return nil, err
				}
			}
			out = append(out, arg)
			next++
		}
	}
	return out, nil
}

// array makes an array of arg if it is none, and checks the items that the signature speaks of.
func (p *parameter) array(arg value.Value, index, taken int) (value.Value, *Error) {
	if arg == nil {
		return nil, nil
	}
	_, isArray := items(arg)
	ok := true
	switch {
	case isArray:
		ok = p.holds(arg)
	case p.typed:
		ok = taken == 1 && len(p.subtype) == 1 && letterOf(arg) == setOf(p.subtype)
	}
	if !ok {
		err := valueFault("T0412", arg)
		err.insert.index = index + 1
		err.insert.typeName = arrayNames[p.subtype]
		return nil, err
	}
	if isArray {
		return arg, nil
	}
	return value.Array{arg}, nil
}

// match finds how many letters each parameter takes, as a regular expression would.
func (s *signature) match(letters []letterSet, from int, taken []int) ([]int, bool) {
	i := len(taken)
	if i == len(s.parameters) {
		return taken, from == len(letters)
	}
	p := &s.parameters[i]
	most := 0
	for from+most < len(letters) && p.letters&letters[from+most] != 0 && (most == 0 || p.repeated) {
		most++
	}
	least := 1
	if p.optional {
		least = 0
	}
	for step := range most - least + 1 {
		count := most - step
		if p.lazy {
			count = least + step
		}
		if rest, ok := s.match(letters, from+count, append(taken, count)); ok {
			return rest, true
		}
	}
	return nil, false
}

// mismatch finds the first argument at which the parameters, taken one after another, cannot match.
func (s *signature) mismatch(args []value.Value, letters []letterSet) *Error {
	good := 0
	for n := 1; n <= len(s.parameters); n++ {
		part := signature{parameters: s.parameters[:n]}
		matched, ok := part.longest(letters, 0, 0)
		if !ok {
			break
		}
		good = matched
	}
	err := fault("T0410")
	if good < len(args) {
		err.Value = args[good]
	}
	err.insert.index = good + 1
	return err
}

// longest is how many letters the parameters from i on take, with no need to take all.
func (s *signature) longest(letters []letterSet, from, i int) (int, bool) {
	if i == len(s.parameters) {
		return from, true
	}
	p := &s.parameters[i]
	most := 0
	for from+most < len(letters) && p.letters&letters[from+most] != 0 && (most == 0 || p.repeated) {
		most++
	}
	least := 1
	if p.optional {
		least = 0
	}
	for step := range most - least + 1 {
		count := most - step
		if p.lazy {
			count = least + step
		}
		if end, ok := s.longest(letters, from+count, i+1); ok {
			return end, true
		}
	}
	return 0, false
}

package jsonata

import "github.com/tutti-run/tutti/internal/value"

// builtin is an entry of the tables below. The arity is that of the reference's implementation, which decides how many arguments higher-order
// functions pass: $map(xs, $round) calls $round(x, index).
type builtin struct {
	name      string
	signature string
	arity     int
	native    native
}

// builtins are the functions of both dialects. A signature checks the arguments before the function sees them; what it lets through as
// missing arrives as nil.
var builtins = [...]builtin{
	{"sum", "<a<n>:n>", 1, sum},                             // adds numbers
	{"count", "<a:n>", 1, count},                            // counts items
	{"max", "<a<n>:n>", 1, maximum},                         // the largest number
	{"min", "<a<n>:n>", 1, minimum},                         // the smallest number
	{"average", "<a<n>:n>", 1, average},                     // the mean
	{"string", "<x-b?:s>", 1, stringify},                    // casts to a string: JSON, indented if asked
	{"substring", "<s-nn?:s>", 3, substring},                // characters from a place, so many
	{"substringBefore", "<s-s:s>", 2, substringBefore},      // what precedes a text
	{"substringAfter", "<s-s:s>", 2, substringAfter},        // what follows a text
	{"lowercase", "<s-:s>", 1, lowercase},                   // lower case
	{"uppercase", "<s-:s>", 1, uppercase},                   // upper case
	{"length", "<s-:n>", 1, length},                         // counts characters
	{"trim", "<s-:s>", 1, trim},                             // single blanks, none at the ends
	{"pad", "<s-ns?:s>", 3, pad},                            // fills up to a width
	{"match", "<s-f<s:o>n?:a<o>>", 3, match},                // all matches of a regular expression
	{"contains", "<s-(sf):b>", 2, contains},                 // tests for a text or a match
	{"replace", "<s-(sf)(sf)n?:s>", 4, replace},             // replaces a text or matches
	{"split", "<s-(sf)n?:a<s>>", 3, split},                  // cuts at a text or at matches
	{"join", "<a<s>s?:s>", 2, join},                         // joins strings
	{"formatNumber", "<n-so?:s>", 3, formatNumber},          // a number by an XPath picture
	{"formatBase", "<n-n?:s>", 2, formatBase},               // a number in another base
	{"formatInteger", "<n-s:s>", 2, formatInteger},          // an integer by an XPath picture: digits, words, letters, Roman
	{"parseInteger", "<s-s:n>", 2, parseInteger},            // the reverse
	{"number", "<(nsb)-:n>", 1, toNumber},                   // casts to a number
	{"floor", "<n-:n>", 1, floor},                           // rounds down
	{"ceil", "<n-:n>", 1, ceil},                             // rounds up
	{"round", "<n-n?:n>", 2, round},                         // rounds half to even, at a decimal place
	{"abs", "<n-:n>", 1, abs},                               // the magnitude
	{"sqrt", "<n-:n>", 1, sqrt},                             // the square root
	{"power", "<n-n:n>", 2, power},                          // a power
	{"boolean", "<x-:b>", 1, boolean},                       // casts to a boolean
	{"not", "<x-:b>", 1, not},                               // the opposite
	{"map", "<af>", 2, mapItems},                            // a function's answers for all items
	{"zip", "<a+>", 0, zip},                                 // arrays of items with equal places
	{"filter", "<af>", 2, filterItems},                      // items that a function approves
	{"single", "<af?>", 2, single},                          // the only such item
	{"reduce", "<afj?:j>", 3, reduce},                       // folds from the left
	{"sift", "<o-f?:o>", 2, sift},                           // members that a function approves
	{"keys", "<x-:a<s>>", 1, keys},                          // the names of members
	{"lookup", "<x-s:x>", 2, lookupKey},                     // the value of a member
	{"append", "<xx:a>", 2, appendItems},                    // joins arrays
	{"exists", "<x:b>", 1, exists},                          // tests for a value
	{"spread", "<x-:a<o>>", 1, spread},                      // an object for each member
	{"merge", "<a<o>:o>", 1, merge},                         // one object of many
	{"reverse", "<a:a>", 1, reverse},                        // the other way round
	{"each", "<o-f:a>", 2, each},                            // a function's answers for all members
	{"error", "<s?:x>", 1, raise},                           // fails with D3137
	{"assert", "<bs?:x>", 2, assert},                        // fails with D3141 unless
	{"type", "<x:s>", 1, typeOf},                            // the name of the type
	{"sort", "<af?:a>", 2, sortItems},                       // sorts, by a function if given
	{"shuffle", "<a:a>", 1, shuffle},                        // any order
	{"distinct", "<x:x>", 1, distinct},                      // without duplicates
	{"base64encode", "<s-:s>", 1, base64encode},             // Base64 of Latin-1
	{"base64decode", "<s-:s>", 1, base64decode},             // the reverse
	{"encodeUrlComponent", "<s-:s>", 1, encodeURLComponent}, // percent-encodes a component
	{"encodeUrl", "<s-:s>", 1, encodeURL},                   // percent-encodes a URL
	{"decodeUrlComponent", "<s-:s>", 1, decodeURLComponent}, // the reverse
	{"decodeUrl", "<s-:s>", 1, decodeURL},                   // the reverse
	{"toMillis", "<s-s?:n>", 2, toMillis},                   // parses a timestamp
	{"fromMillis", "<n-s?s?:s>", 3, fromMillis},             // formats a timestamp
	{"now", "<s?s?:s>", 2, now},                             // the moment of the evaluation, formatted
	{"millis", "<:n>", 0, millis},                           // the same in milliseconds
	{"clone", "<(oa)-:o>", 1, clone},                        // a deep copy, which transforms work on
}

// plainOnly are the functions that the service lacks or has in another form.
var plainOnly = [...]builtin{
	{"eval", "<sx?:x>", 2, evaluate},   // compiles and evaluates a text
	{"random", "<:n>", 0, randomPlain}, // a number from 0 up to 1
}

// serviceOnly are the functions that the service adds. They check their arguments themselves, as the service's faults differ.
var serviceOnly = [...]builtin{
	{"partition", "", 2, partition},  // cuts an array in chunks
	{"range", "", 3, rangeOf},        // numbers from, to, by
	{"hash", "", 2, hash},            // a digest in hexadecimal
	{"random", "", 1, randomService}, // a number from 0 up to 1, the same for the same seed
	{"uuid", "", 0, uuid},            // a random UUID
	{"parse", "", 1, parseJSON},      // JSON text to value
}

// Arguments as Go values. ok is false for what is missing.

func textArg(args []value.Value, i int) (string, bool) {
	if i >= len(args) {
		return "", false
	}
	s, ok := args[i].(value.String)
	return string(s), ok
}

func numberArg(args []value.Value, i int) (float64, bool) {
	if i >= len(args) {
		return 0, false
	}
	return float(args[i])
}

func functionArg(args []value.Value, i int) *function {
	if i >= len(args) {
		return nil
	}
	f, _ := args[i].(*function)
	return f
}

// arg is the i-th argument, nil if there is none.
func arg(args []value.Value, i int) value.Value {
	if i >= len(args) {
		return nil
	}
	return args[i]
}

// faultAt is a fault with a value, about an argument.
func faultAt(code string, v value.Value, index int) *Error {
	err := valueFault(code, v)
	err.insert.index = index
	return err
}

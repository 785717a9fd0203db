package payload

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/value"
)

// function is one intrinsic function.
type function struct {
	name        string
	least, most int // how many arguments a run accepts; most < 0 is without bound
	comment     string
	eval        func(arguments) (value.Value, error)
}

// arguments are what a function is evaluated with.
type arguments struct {
	values  []value.Value
	written []argument
	env     *Env
}

const (
	maxRange      = 1000   // items of an ArrayRange
	maxCharacters = 10_000 // of what Base64Encode, Base64Decode and Hash take
)

// functions is the closed set (developer guide, "Intrinsic functions for JSONPath states"). Where the guide and AWS's measured behaviour
// differ, the comment says so: the measurements are the conformance recordings and those that other emulators' authors published with
// their tests.
var functions = [...]function{
	{"States.Format", 1, -1, "fills the {} of a template; maps and lists print as in Java, null as null", format},
	{"States.StringToJson", 1, 1, "parses a JSON text; a blank one is null", stringToJSON},
	{"States.JsonToString", 1, 1, "prints a value as compact JSON", jsonToString},
	{"States.Array", 0, -1, "makes an array of its arguments", array},
	{"States.ArrayPartition", 2, 2, "cuts an array into pieces of a size; a fraction of the size is cut off (the guide: rounded)", arrayPartition},
	{"States.ArrayContains", 2, 2, "looks a value up by what it prints as, so that \"true\" contains true", arrayContains},
	{"States.ArrayRange", 3, 3, "counts from, to (inclusive), by; at most 1,000 items; fractions are cut off (the guide: rounded)", arrayRange},
	{"States.ArrayGetItem", 2, 2, "picks the item at an index from 0; a fraction is cut off; an empty array gives null", arrayGetItem},
	{"States.ArrayLength", 1, 1, "counts items", arrayLength},
	{"States.ArrayUnique", 1, 1, "drops repeated items; what remains is in the order of a java.util.HashSet", arrayUnique},
	{"States.Base64Encode", 1, 1, "encodes at most 10,000 characters", base64Encode},
	{"States.Base64Decode", 1, 1, "decodes at most 10,000 characters, leniently", base64Decode},
	{"States.Hash", 2, 2, "hex of MD5, SHA-1, SHA-256, SHA-384 or SHA-512 of at most 10,000 characters", hash},
	{"States.JsonMerge", 3, 3, "merges two objects, not deeply; the second wins", jsonMerge},
	{"States.MathRandom", 2, 3, "draws an integer from start (inclusive) to end (exclusive); the same seed gives the same number", mathRandom},
	{"States.MathAdd", 2, 2, "adds two 32-bit integers, each rounded first, halves upwards", mathAdd},
	{"States.StringSplit", 2, 2, "splits at any character of the delimiter and drops empty pieces", stringSplit},
	{"States.UUID", 0, 0, "makes a UUID of version 4", uuid},
}

// Functions lists the names of the intrinsic functions.
func Functions() []string {
	names := make([]string, len(functions))
	for i := range functions {
		names[i] = functions[i].name
	}
	return names
}

func functionNamed(name string) *function {
	for i := range functions {
		if functions[i].name == name {
			return &functions[i]
		}
	}
	return nil
}

// invalid is the fault for which [errInvalidArguments] stands.
func (f *function) invalid() error { return complaintf("Invalid arguments in %s", f.name) }

// text is the n-th argument if it is a string.
func (a arguments) text(n int) (string, bool) {
	s, ok := a.values[n].(value.String)
	return string(s), ok
}

// array is the n-th argument if it is an array.
func (a arguments) array(n int) (value.Array, bool) {
	items, ok := a.values[n].(value.Array)
	return items, ok
}

// int32 is the n-th argument without its fraction if it is a number of 32 bits.
func (a arguments) int32(n int) (int64, bool) {
	whole, ok := truncated(a.values[n])
	return whole, ok && whole >= math.MinInt32 && whole <= math.MaxInt32
}

// printed is the n-th argument as Java prints it. What StringToJson parsed prints as JSON instead: to AWS it is a node of the JSON library.
func (a arguments) printed(n int) (string, bool) {
	if call := a.written[n].call; call != nil && call.function.name == "States.StringToJson" {
		return jsonText(a.values[n])
	}
	return javaText(a.values[n])
}

// format scans the template once. In it \' \{ \} and \\ stand for the second character, {} for the next argument.
func format(a arguments) (value.Value, error) {
	template := a.written[0].escaped
	if template == "" { // not a literal, or an empty one
		var ok bool
		if template, ok = a.printed(0); !ok {
			return nil, errInvalidArguments
		}
	}
	var out strings.Builder
	next := 1
	for i := 0; i < len(template); i++ {
		switch c := template[i]; {
		case c == '\\' && i+1 < len(template) && escapable(template[i+1]):
			i++
			out.WriteByte(template[i])
		case c == '{' && !strings.HasPrefix(template[i:], "{}"):
			return nil, complaint("Invalid template in States.Format: matching '}' not found for '{'.")
		case c == '}':
			return nil, complaint("Invalid template in States.Format: matching '{' not found for '}'.")
		case c == '{':
			i++
			if next < len(a.values) {
				s, ok := a.printed(next)
				if !ok || out.Len()+len(s) > maxText {
					return nil, errInvalidArguments
				}
				out.WriteString(s)
			}
			next++
		default:
			out.WriteByte(c)
		}
	}
	if next != len(a.values) {
		return nil, complaint("Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.")
	}
	return value.String(out.String()), nil
}

func stringToJSON(a arguments) (value.Value, error) {
	s, ok := a.text(0)
	if !ok {
		return nil, errInvalidArguments
	}
	if strings.Trim(s, " \t\r\n") == "" {
		return value.Null{}, nil
	}
	v, err := value.Parse(s)
	if err != nil {
		return nil, errInvalidArguments
	}
	return v, nil
}

func jsonToString(a arguments) (value.Value, error) {
	s, ok := jsonText(a.values[0])
	if !ok {
		return nil, errInvalidArguments
	}
	return value.String(s), nil
}

func array(a arguments) (value.Value, error) { return value.Array(a.values), nil }

func arrayPartition(a arguments) (value.Value, error) {
	items, ok := a.array(0)
	size, isInt := a.int32(1)
	if !ok || !isInt || size < 1 {
		return nil, errInvalidArguments
	}
	pieces := value.Array{}
	for piece := range slices.Chunk(items, int(size)) {
		pieces = append(pieces, piece)
	}
	return pieces, nil
}

func arrayContains(a arguments) (value.Value, error) {
	items, ok := a.array(0)
	wanted, printable := javaText(a.values[1])
	if !ok || !printable {
		return nil, errInvalidArguments
	}
	room := maxText
	for _, item := range items {
		s, printable := javaText(item)
		if room -= len(s); !printable || room < 0 {
			return nil, errInvalidArguments
		}
		if s == wanted {
			return value.Bool(true), nil
		}
	}
	return value.Bool(false), nil
}

func arrayRange(a arguments) (value.Value, error) {
	first, ok1 := a.int32(0)
	last, ok2 := a.int32(1)
	step, ok3 := a.int32(2)
	if !ok1 || !ok2 || !ok3 || step == 0 {
		return nil, errInvalidArguments
	}
	count := int64(0)
	if (last-first)*step >= 0 { // else it is the wrong way
		count = (last-first)/step + 1
	}
	if count > maxRange {
		return nil, errInvalidArguments
	}
	items := make(value.Array, count)
	for i := range items {
		items[i] = value.Int(first + int64(i)*step)
	}
	return items, nil
}

func arrayGetItem(a arguments) (value.Value, error) {
	items, ok := a.array(0)
	index, isInt := a.int32(1)
	switch {
	case !ok || !isInt:
		return nil, errInvalidArguments
	case len(items) == 0:
		return value.Null{}, nil
	case index < 0 || index >= int64(len(items)):
		return nil, errInvalidArguments
	}
	return items[index], nil
}

func arrayLength(a arguments) (value.Value, error) {
	items, ok := a.array(0)
	if !ok {
		return nil, errInvalidArguments
	}
	return value.Int(len(items)), nil
}

func arrayUnique(a arguments) (value.Value, error) {
	items, ok := a.array(0)
	if _, fits := jsonText(a.values[0]); !ok || !fits {
		return nil, errInvalidArguments
	}
	seen := make(map[string]bool, len(items))
	var distinct value.Array
	var hashes []int32
	for _, item := range items {
		identity := string(appendIdentity(nil, item))
		if seen[identity] {
			continue
		}
		seen[identity] = true
		distinct = append(distinct, item)
		hashes = append(hashes, javaHash(item))
	}
	unique := make(value.Array, 0, len(distinct))
	for _, i := range hashOrder(hashes, len(items)) {
		unique = append(unique, distinct[i])
	}
	return unique, nil
}

func base64Encode(a arguments) (value.Value, error) {
	s, ok := a.text(0)
	if !ok || utf16Length(s) > maxCharacters {
		return nil, errInvalidArguments
	}
	return value.String(base64.StdEncoding.EncodeToString([]byte(s))), nil
}

// base64Decode reads both alphabets, skips characters outside of them, ends at the first padding and drops bits that fill no byte, as the
// decoder that AWS uses does (Apache Commons Codec). Bytes that are not UTF-8 become U+FFFD.
func base64Decode(a arguments) (value.Value, error) {
	s, ok := a.text(0)
	if !ok || utf16Length(s) > maxCharacters {
		return nil, errInvalidArguments
	}
	var out []byte
	bits, pending := uint32(0), 0
	for i := 0; i < len(s) && s[i] != '='; i++ {
		six, ok := base64Digit(s[i])
		if !ok {
			continue
		}
		bits, pending = bits<<6|six, pending+6
		if pending >= 8 {
			pending -= 8
			out = append(out, byte(bits>>pending))
		}
	}
	var text strings.Builder
	for len(out) > 0 {
		r, size := utf8.DecodeRune(out)
		text.WriteRune(r)
		out = out[size:]
	}
	return value.String(text.String()), nil
}

func base64Digit(c byte) (uint32, bool) {
	switch {
	case c >= 'A' && c <= 'Z':
		return uint32(c - 'A'), true
	case c >= 'a' && c <= 'z':
		return uint32(c-'a') + 26, true
	case c >= '0' && c <= '9':
		return uint32(c-'0') + 52, true
	case c == '+' || c == '-':
		return 62, true
	case c == '/' || c == '_':
		return 63, true
	}
	return 0, false
}

// hash takes data of any type: what is not a string is hashed as JSON.
func hash(a arguments) (value.Value, error) {
	data, ok := a.text(0)
	if !ok {
		if data, ok = jsonText(a.values[0]); !ok {
			return nil, errInvalidArguments
		}
	}
	algorithm, isText := a.text(1)
	if !isText || utf16Length(data) > maxCharacters {
		return nil, errInvalidArguments
	}
	var sum []byte
	switch b := []byte(data); algorithm {
	case "MD5":
		s := md5.Sum(b)
		sum = s[:]
	case "SHA-1":
		s := sha1.Sum(b)
		sum = s[:]
	case "SHA-256":
		s := sha256.Sum256(b)
		sum = s[:]
	case "SHA-384":
		s := sha512.Sum384(b)
		sum = s[:]
	case "SHA-512":
		s := sha512.Sum512(b)
		sum = s[:]
	default:
		return nil, errInvalidArguments
	}
	return value.String(hex.EncodeToString(sum)), nil
}

// jsonMerge refuses only a third argument that reads as true: AWS takes anything else for false. The members come out in the order of a
// java.util.HashMap.
func jsonMerge(a arguments) (value.Value, error) {
	first, ok := a.values[0].(*value.Object)
	second, also := a.values[1].(*value.Object)
	deep, printable := javaText(a.values[2])
	if !ok || !also || !printable || strings.EqualFold(deep, "true") {
		return nil, errInvalidArguments
	}
	members := make([]value.Member, 0, first.Len()+second.Len())
	for _, o := range [...]*value.Object{first, second} {
		for name, v := range o.All() {
			members = append(members, value.Member{Name: name, Value: v})
		}
	}
	merged := value.NewObject(members...)
	hashes := make([]int32, merged.Len())
	for i := range hashes {
		hashes[i] = javaStringHash(merged.At(i).Name)
	}
	ordered := make([]value.Member, 0, len(hashes))
	for _, i := range hashOrder(hashes, len(hashes)) {
		ordered = append(ordered, merged.At(i))
	}
	return value.NewObject(ordered...), nil
}

// mathRandom cuts fractions off (the guide: rounded). With a seed it is java.util.Random, which is inferred; without one it is
// the execution's own [Chance].
func mathRandom(a arguments) (value.Value, error) {
	start, ok1 := a.int32(0)
	end, ok2 := a.int32(1)
	if !ok1 || !ok2 || start >= end {
		return nil, errInvalidArguments
	}
	if len(a.values) == 2 {
		return value.Int(start + a.env.chance().Int64N(end-start)), nil
	}
	seed, ok := truncated(a.values[2])
	if !ok {
		return nil, errInvalidArguments
	}
	return value.Int(newJavaRandom(seed).between(int32(start), int32(end))), nil
}

func mathAdd(a arguments) (value.Value, error) {
	sum := 0.0
	for _, v := range a.values {
		f, ok := value.Float64(v)
		if !ok {
			return nil, errInvalidArguments
		}
		f = javaRound(f)
		if sum += f; f < math.MinInt32 || f > math.MaxInt32 {
			return nil, errInvalidArguments
		}
	}
	if sum < math.MinInt32 || sum > math.MaxInt32 {
		return nil, errInvalidArguments
	}
	return value.Int(sum), nil
}

// stringSplit is java.util.StringTokenizer: an empty delimiter splits nothing.
func stringSplit(a arguments) (value.Value, error) {
	s, ok := a.text(0)
	delimiters, also := a.text(1)
	if !ok || !also {
		return nil, errInvalidArguments
	}
	splits := make(map[rune]bool)
	for _, r := range delimiters {
		splits[r] = true
	}
	pieces := value.Array{}
	for piece := range strings.FieldsFuncSeq(s, func(r rune) bool { return splits[r] }) {
		pieces = append(pieces, value.String(piece))
	}
	return pieces, nil
}

func uuid(a arguments) (value.Value, error) { return value.String(a.env.chance().UUID()), nil }

package jsonata

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"math"

	"github.com/tutti-run/tutti/internal/value"
)

// The functions that the service adds (developer guide, "Transforming data with JSONata in Step Functions"; specification, section 6). They take numbers
// rounded towards zero.

// refuse is the fault of an argument that does not fit.
func refuse(args []value.Value, i int) *Error { return faultAt("T0410", arg(args, i), i+1) }

// wholeArg is a numeric argument without its fraction.
func wholeArg(args []value.Value, i int) (float64, bool) {
	f, ok := numberArg(args, i)
	return math.Trunc(f), ok
}

// message is a fault whose text the function gives itself.
func message(text string) *Error {
	err := fault("D3137")
	err.insert.message = text
	return err
}

func partition(r *run, args []value.Value) (value.Value, *Error) {
	if len(args) > 2 {
		return nil, refuse(args, 2)
	}
	list := arg(args, 0)
	if list == nil {
		return nil, nil
	}
	elements, ok := items(list)
	if !ok {
		return nil, faultAt("T0412", list, 1)
	}
	size, ok := wholeArg(args, 1)
	switch {
	case !ok && arg(args, 1) != nil:
		return nil, refuse(args, 1)
	case !ok || size > float64(len(elements)):
		size = float64(max(len(elements), 1))
	case size < 0:
		return nil, message("Second argument must be zero or greater")
	}
	if size == 0 || len(elements) == 0 {
		return nil, nil
	}
	chunk := int(size)
	r.array(len(elements)/chunk + 1)
	var out value.Array
	for start := 0; start < len(elements); start += chunk {
		end := min(start+chunk, len(elements))
		out = append(out, value.Array(elements[start:end:end]))
	}
	return out, nil
}

func rangeOf(r *run, args []value.Value) (value.Value, *Error) {
	if len(args) > 3 {
		return nil, refuse(args, 3)
	}
	start, hasStart := wholeArg(args, 0)
	if !hasStart {
		return nil, refuse(args, 0)
	}
	end, hasEnd := wholeArg(args, 1)
	if !hasEnd {
		return nil, refuse(args, 1)
	}
	step, hasStep := wholeArg(args, 2)
	if !hasStep && arg(args, 2) != nil {
		return nil, refuse(args, 2)
	}
	count := math.Floor((end-start)/step) + 1
	if !hasStep || step == 0 || !(count >= 1) {
		return nil, nil
	}
	if count > maxSpan {
		r.exceed(sentenceMemory)
	}
	r.growingList(int(count))
	out := make([]value.Value, int(count))
	for i := range out {
		out[i] = number(start + float64(i)*step)
	}
	return sequenceOf(out), nil
}

// growingList notes a list of n items that grows by half whenever it is full, from ten on, as Java's does.
func (r *run) growingList(n int) {
	r.array(n)
	room := int64(10)
	for room < int64(n) {
		room += room / 2
	}
	if r.limits.ListMemory >= 0 && room*serviceListRoom > r.limits.ListMemory {
		r.exceed(sentenceMemory)
	}
}

func hash(r *run, args []value.Value) (value.Value, *Error) {
	if len(args) > 2 {
		return nil, refuse(args, 2)
	}
	text, ok := textArg(args, 0)
	if !ok && arg(args, 0) != nil {
		return nil, refuse(args, 0)
	}
	algorithm, named := textArg(args, 1)
	if !named && arg(args, 1) != nil {
		return nil, refuse(args, 1)
	}
	if !ok || !named {
		return nil, nil
	}
	r.step(len(text))
	var digest []byte
	switch bytes := []byte(text); algorithm {
	case "MD5":
		sum := md5.Sum(bytes)
		digest = sum[:]
	case "SHA-1":
		sum := sha1.Sum(bytes)
		digest = sum[:]
	case "SHA-256":
		sum := sha256.Sum256(bytes)
		digest = sum[:]
	case "SHA-384":
		sum := sha512.Sum384(bytes)
		digest = sum[:]
	case "SHA-512":
		sum := sha512.Sum512(bytes)
		digest = sum[:]
	default:
		return nil, message("Hash algorithm '" + algorithm + "' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5")
	}
	return value.String(hex.EncodeToString(digest)), nil
}

// randomService is random with an optional seed, for which it is java.util.Random's first nextDouble.
func randomService(r *run, args []value.Value) (value.Value, *Error) {
	if len(args) > 1 {
		return nil, refuse(args, 1)
	}
	seed, ok := wholeArg(args, 0)
	if !ok {
		if arg(args, 0) != nil {
			return nil, refuse(args, 0)
		}
		return value.Float(r.random()), nil
	}
	whole := int64(math.Max(math.MinInt64, math.Min(seed, math.MaxInt64-1024)))
	if n, isInt := args[0].(value.Int); isInt {
		whole = int64(n)
	}
	const multiplier, mask = 0x5DEECE66D, 1<<48 - 1
	state := (uint64(whole) ^ multiplier) & mask
	next := func(bits uint) uint64 {
		state = (state*multiplier + 0xB) & mask
		return state >> (48 - bits)
	}
	high := next(26) << 27
	return value.Float(float64(high+next(27)) / (1 << 53)), nil
}

func uuid(r *run, args []value.Value) (value.Value, *Error) {
	if len(args) > 0 {
		return nil, refuse(args, 0)
	}
	if r.bindings.Chance != nil {
		return value.String(r.bindings.Chance.UUID()), nil
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return value.String(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])), nil
}

func parseJSON(r *run, args []value.Value) (value.Value, *Error) {
	if len(args) > 1 {
		return nil, refuse(args, 1)
	}
	text, ok := textArg(args, 0)
	if !ok {
		if arg(args, 0) != nil {
			return nil, refuse(args, 0)
		}
		return nil, nil
	}
	r.text(len(text))
	r.step(len(text) / 8)
	v, err := value.Parse(text)
	if err != nil {
		return nil, message("Invalid JSON")
	}
	members, finite := countMembers(v)
	if !finite || members != countColons(text) { // a repeated name leaves fewer members than colons
		return nil, message("Invalid JSON")
	}
	return v, nil
}

// countMembers counts the members of all objects in v. finite is false if an integer in it is beyond the doubles.
func countMembers(v value.Value) (n int, finite bool) {
	finite = true
	add := func(v value.Value) {
		more, ok := countMembers(v)
		n += more
		finite = finite && ok
	}
	switch x := v.(type) {
	case *value.Object:
		n = x.Len()
		for i := range x.Len() {
			add(x.At(i).Value)
		}
	case value.Array:
		for _, e := range x {
			add(e)
		}
	case value.BigInt:
		f, _ := value.Float64(x)
		finite = !math.IsInf(f, 0)
	}
	return n, finite
}

// countColons counts the colons outside of strings in JSON text.
func countColons(text string) int {
	n := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ':':
			n++
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		}
	}
	return n
}

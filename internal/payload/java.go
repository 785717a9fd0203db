package payload

import (
	"math"
	"math/big"
	"slices"
	"unicode/utf16"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// The service runs on a JVM, and in three places that shows: values print as Java prints them (States.Format), sets and maps come out in
// the order of Java's hash tables (States.ArrayUnique, States.JsonMerge, templates), and seeded random numbers are java.util.Random's.

// maxText bounds the texts that intrinsic functions make. It leaves intermediate results room to be larger than any payload, and keeps
// a call that repeats a large argument from exhausting memory.
const maxText = 16 * sfn.MaxPayloadBytes

// appendJava appends v as Java's String.valueOf prints maps, lists and scalars: {a=1, b=[x, null]}. Once dst is longer than maxText
// it stops, and dst remains longer than maxText.
func appendJava(dst []byte, v value.Value) []byte {
	if len(dst) > maxText {
		return dst
	}
	switch x := v.(type) {
	case value.String:
		return append(dst, x...)
	case value.Array:
		dst = append(dst, '[')
		for i, item := range x {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			if dst = appendJava(dst, item); len(dst) > maxText {
				return dst
			}
		}
		return append(dst, ']')
	case *value.Object:
		dst = append(dst, '{')
		for i := range x.Len() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			m := x.At(i)
			dst = append(append(dst, m.Name...), '=')
			if dst = appendJava(dst, m.Value); len(dst) > maxText {
				return dst
			}
		}
		return append(dst, '}')
	}
	return value.AppendJSON(dst, v)
}

// javaText is v as Java prints it; ok is false if that is longer than maxText.
func javaText(v value.Value) (text string, ok bool) {
	if s, isString := v.(value.String); isString {
		return string(s), true
	}
	b := appendJava(nil, v)
	return string(b), len(b) <= maxText
}

// jsonText is [value.Text] of v; ok is false if that is longer than maxText.
func jsonText(v value.Value) (text string, ok bool) {
	if remainingText(v, maxText) < 0 {
		return "", false
	}
	text = value.Text(v)
	return text, len(text) <= maxText
}

// remainingText is room less a lower bound of the length of v's text. It stops looking when it is negative.
func remainingText(v value.Value, room int) int {
	switch x := v.(type) {
	case value.String:
		return room - len(x) - 2
	case value.BigInt:
		return room - len(x)
	case value.Array:
		room -= 1 + max(len(x), 1)
		for _, item := range x {
			if room < 0 {
				break
			}
			room = remainingText(item, room)
		}
	case *value.Object:
		room -= 1 + max(x.Len(), 1)
		for name, member := range x.All() {
			if room < 0 {
				break
			}
			room = remainingText(member, room-len(name)-3)
		}
	default:
		room--
	}
	return room
}

// javaHash is hashCode() of the Java object that stands for v: null, Boolean, Integer, Long, Double, BigInteger, String, List or Map.
func javaHash(v value.Value) int32 {
	switch x := v.(type) {
	case value.Bool:
		if x {
			return 1231
		}
		return 1237
	case value.Int:
		if x >= math.MinInt32 && x <= math.MaxInt32 {
			return int32(x)
		}
		return int32(uint64(x) ^ uint64(x)>>32)
	case value.Float:
		bits := math.Float64bits(float64(x))
		return int32(bits ^ bits>>32)
	case value.BigInt:
		return javaBigHash(string(x))
	case value.String:
		return javaStringHash(string(x))
	case value.Array:
		hash := int32(1)
		for _, item := range x {
			hash = 31*hash + javaHash(item)
		}
		return hash
	case *value.Object:
		hash := int32(0)
		for name, member := range x.All() {
			hash += javaStringHash(name) ^ javaHash(member)
		}
		return hash
	}
	return 0
}

func javaStringHash(s string) int32 {
	hash := int32(0)
	for _, r := range s {
		if r >= 0x10000 {
			high, low := utf16.EncodeRune(r)
			hash = 31*hash + high
			r = low
		}
		hash = 31*hash + r
	}
	return hash
}

func javaBigHash(digits string) int32 {
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return 0
	}
	magnitude := n.Bytes()
	hash := int32(0)
	for len(magnitude) > 0 {
		size := len(magnitude) % 4
		if size == 0 {
			size = 4
		}
		word := int32(0)
		for _, b := range magnitude[:size] {
			word = word<<8 | int32(b)
		}
		hash = 31*hash + word
		magnitude = magnitude[size:]
	}
	return hash * int32(n.Sign())
}

// hashOrder returns the places of the hashes in the order in which a java.util.HashMap whose table was made for size entries visits them:
// by bucket, and within one by insertion.
func hashOrder(hashes []int32, size int) []int {
	buckets := uint32(16)
	for size > int(buckets/4*3) {
		buckets *= 2
	}
	order := make([]int, len(hashes))
	for i := range order {
		order[i] = i
	}
	bucket := func(i int) uint32 {
		h := uint32(hashes[i])
		return (h ^ h>>16) & (buckets - 1)
	}
	slices.SortStableFunc(order, func(i, j int) int { return int(bucket(i)) - int(bucket(j)) })
	return order
}

// appendIdentity appends a text that two values share exactly if Java's equals holds them equal: objects whatever their order, and 1
// apart from 1.0.
func appendIdentity(dst []byte, v value.Value) []byte {
	switch x := v.(type) {
	case value.Array:
		dst = append(dst, '[')
		for _, item := range x {
			dst = append(appendIdentity(dst, item), ',')
		}
		return append(dst, ']')
	case *value.Object:
		members := make([]value.Member, 0, x.Len())
		for i := range x.Len() {
			members = append(members, x.At(i))
		}
		slices.SortFunc(members, func(a, b value.Member) int {
			if a.Name < b.Name {
				return -1
			}
			return 1
		})
		dst = append(dst, '{')
		for _, m := range members {
			dst = append(value.AppendQuoted(dst, m.Name), ':')
			dst = append(appendIdentity(dst, m.Value), ',')
		}
		return append(dst, '}')
	}
	return value.AppendJSON(dst, v)
}

// javaRound is Math.round: to the nearest whole number, halves towards positive infinity.
func javaRound(f float64) float64 {
	whole := math.Floor(f)
	if f-whole >= 0.5 {
		whole++
	}
	return whole
}

// utf16Length is String.length(), in which the service counts characters.
func utf16Length(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x10000 {
			n++
		}
	}
	return n
}

// truncated returns the number v without its fraction, if that fits 64 bits.
func truncated(v value.Value) (int64, bool) {
	switch n := v.(type) {
	case value.Int:
		return int64(n), true
	case value.Float:
		return value.Integer(value.Float(math.Trunc(float64(n))))
	}
	return 0, false
}

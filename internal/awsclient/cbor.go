package awsclient

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// The major types of CBOR (RFC 8949 section 3.1), in their place in the initial byte.
const (
	cborUint   = 0 << 5
	cborNegInt = 1 << 5
	cborBytes  = 2 << 5
	cborText   = 3 << 5
	cborArray  = 4 << 5
	cborMap    = 5 << 5
	cborTag    = 6 << 5
	cborSimple = 7 << 5
)

// appendCBOR writes the value as the rpcv2Cbor protocol has it.
func (n *names) appendCBOR(dst []byte, s *awsmodel.Shape, v value.Value, field string) ([]byte, error) {
	misfit := &InputError{field, "has an invalid format"}
	switch s.Kind {
	case awsmodel.Structure:
		o, ok := v.(*value.Object)
		if !ok {
			return dst, misfit
		}
		var members []value.Member
		var shapes []*awsmodel.Shape
		for i := range s.Members {
			if inner, ok := n.given(o, &s.Members[i]); ok {
				members, shapes = append(members, value.Member{Name: s.Members[i].Name, Value: inner}), append(shapes, s.Members[i].Shape)
			}
		}
		return n.appendCBORMap(dst, members, func(i int) *awsmodel.Shape { return shapes[i] })
	case awsmodel.Map:
		o, ok := v.(*value.Object)
		if !ok {
			return dst, misfit
		}
		var members []value.Member
		for name, inner := range o.All() {
			members = append(members, value.Member{Name: name, Value: inner})
		}
		return n.appendCBORMap(dst, members, func(int) *awsmodel.Shape { return s.Elem })
	case awsmodel.List:
		items, ok := v.(value.Array)
		if !ok {
			return dst, misfit
		}
		dst = appendCBORHead(dst, cborArray, uint64(len(items)))
		var err error
		for _, item := range items {
			if dst, err = n.appendCBOR(dst, s.Elem, item, field); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
	return n.appendCBORScalar(dst, s, v, field)
}

func (n *names) appendCBORMap(dst []byte, members []value.Member, shape func(int) *awsmodel.Shape) ([]byte, error) {
	dst = appendCBORHead(dst, cborMap, uint64(len(members)))
	var err error
	for i, m := range members {
		dst = append(appendCBORHead(dst, cborText, uint64(len(m.Name))), m.Name...)
		if dst, err = n.appendCBOR(dst, shape(i), m.Value, m.Name); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (n *names) appendCBORScalar(dst []byte, s *awsmodel.Shape, v value.Value, field string) ([]byte, error) {
	switch s.Kind {
	case awsmodel.Timestamp:
		t, err := timeOf(v, field)
		return appendCBORFloat(appendCBORHead(dst, cborTag, 1), float64(t.UnixMilli())/1000), err
	case awsmodel.Blob:
		raw := n.bytes(v)
		return append(appendCBORHead(dst, cborBytes, uint64(len(raw))), raw...), nil
	case awsmodel.String:
		t := text(v)
		return append(appendCBORHead(dst, cborText, uint64(len(t))), t...), nil
	case awsmodel.Boolean:
		if v == value.Bool(true) {
			return append(dst, cborSimple|21), nil
		}
		return append(dst, cborSimple|20), nil
	case awsmodel.Integer, awsmodel.Long:
		i, ok := value.Integer(v)
		if !ok {
			return dst, &InputError{field, "has an invalid format"}
		}
		if i < 0 {
			return appendCBORHead(dst, cborNegInt, uint64(-(i + 1))), nil
		}
		return appendCBORHead(dst, cborUint, uint64(i)), nil
	}
	f, ok := value.Float64(v)
	if !ok {
		return dst, &InputError{field, "has an invalid format"}
	}
	return appendCBORFloat(dst, f), nil
}

func appendCBORFloat(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, cborSimple|27), math.Float64bits(f))
}

func appendCBORHead(dst []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= math.MaxUint8:
		return append(dst, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

func (d *decoder) cborBody(s *awsmodel.Shape, body []byte) ([]value.Member, error) {
	if s == nil || len(body) == 0 {
		return nil, nil
	}
	v, _, err := readCBOR(body, 0)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*value.Object)
	if !ok {
		return nil, errors.New("a CBOR map was expected")
	}
	return d.members(s, o, true), nil
}

var errCBOR = errors.New("the body is not CBOR")

// maxCBORDepth bounds how deep values nest.
const maxCBORDepth = 100

// readCBOR reads one item and returns the rest. Bytes and timestamps become what JSON has for them.
func readCBOR(in []byte, depth int) (value.Value, []byte, error) {
	if len(in) == 0 || depth > maxCBORDepth {
		return nil, nil, errCBOR
	}
	major, info := in[0]&0xe0, in[0]&0x1f
	if major == cborSimple {
		return readCBORSimple(in, info)
	}
	n, rest, err := readCBORCount(in[1:], info)
	if err != nil {
		return nil, nil, err
	}
	endless := info == 31
	switch major {
	case cborUint:
		if n > math.MaxInt64 {
			return value.Float(n), rest, nil
		}
		return value.Int(n), rest, nil
	case cborNegInt:
		if n > math.MaxInt64 {
			return nil, nil, errCBOR
		}
		return value.Int(-1 - int64(n)), rest, nil
	case cborBytes, cborText:
		return readCBORText(major, n, endless, rest, depth)
	case cborArray:
		return readCBORArray(n, endless, rest, depth)
	case cborMap:
		return readCBORMap(n, endless, rest, depth)
	}
	v, rest, err := readCBOR(rest, depth+1) // a tag
	if seconds, ok := value.Float64(v); ok && n == 1 {
		return value.String(instant(time.UnixMilli(int64(seconds * 1000)).UTC())), rest, err
	}
	return v, rest, err
}

func readCBORCount(in []byte, info byte) (uint64, []byte, error) {
	size := 0
	switch {
	case info < 24:
		return uint64(info), in, nil
	case info <= 27:
		size = 1 << (info - 24)
	case info == 31:
		return 0, in, nil
	default:
		return 0, nil, errCBOR
	}
	if len(in) < size {
		return 0, nil, errCBOR
	}
	var n uint64
	for _, b := range in[:size] {
		n = n<<8 | uint64(b)
	}
	return n, in[size:], nil
}

func readCBORSimple(in []byte, info byte) (value.Value, []byte, error) {
	switch info {
	case 20, 21:
		return value.Bool(info == 21), in[1:], nil
	case 22, 23:
		return value.Null{}, in[1:], nil
	}
	n, rest, err := readCBORCount(in[1:], info)
	if err != nil {
		return nil, nil, err
	}
	switch info {
	case 26:
		return finite(float64(math.Float32frombits(uint32(n)))), rest, nil
	case 27:
		return finite(math.Float64frombits(n)), rest, nil
	}
	return nil, nil, errCBOR
}

// finite is a number, or the text that JSON has for one that it cannot write.
func finite(f float64) value.Value {
	switch {
	case math.IsNaN(f):
		return value.String("NaN")
	case math.IsInf(f, 1):
		return value.String("Infinity")
	case math.IsInf(f, -1):
		return value.String("-Infinity")
	}
	return value.Float(f)
}

func readCBORText(major byte, n uint64, endless bool, in []byte, depth int) (value.Value, []byte, error) {
	if endless {
		var whole []byte
		for len(in) > 0 && in[0] != 0xff {
			if in[0]&0xe0 != major || in[0]&0x1f == 31 {
				return nil, nil, errCBOR
			}
			n, rest, err := readCBORCount(in[1:], in[0]&0x1f)
			if err != nil || n > uint64(len(rest)) {
				return nil, nil, errCBOR
			}
			whole, in = append(whole, rest[:n]...), rest[n:]
		}
		if len(in) == 0 {
			return nil, nil, errCBOR
		}
		return cborString(major, whole), in[1:], nil
	}
	if n > uint64(len(in)) {
		return nil, nil, errCBOR
	}
	return cborString(major, in[:n]), in[n:], nil
}

// cborString is a text, or bytes as the JSON protocols write them.
func cborString(major byte, raw []byte) value.Value {
	if major == cborBytes {
		return base64Value(raw)
	}
	return value.String(raw)
}

func readCBORArray(n uint64, endless bool, in []byte, depth int) (value.Value, []byte, error) {
	list := value.Array{}
	for i := uint64(0); endless || i < n; i++ {
		if endless && len(in) > 0 && in[0] == 0xff {
			return list, in[1:], nil
		}
		item, rest, err := readCBOR(in, depth+1)
		if err != nil {
			return nil, nil, err
		}
		list, in = append(list, item), rest
	}
	return list, in, nil
}

func readCBORMap(n uint64, endless bool, in []byte, depth int) (value.Value, []byte, error) {
	var members []value.Member
	for i := uint64(0); endless || i < n; i++ {
		if endless && len(in) > 0 && in[0] == 0xff {
			return value.NewObject(members...), in[1:], nil
		}
		key, rest, err := readCBOR(in, depth+1)
		if err != nil {
			return nil, nil, err
		}
		name, ok := key.(value.String)
		if !ok {
			return nil, nil, errCBOR
		}
		var v value.Value
		if v, in, err = readCBOR(rest, depth+1); err != nil {
			return nil, nil, err
		}
		members = append(members, value.Member{Name: string(name), Value: v})
	}
	return value.NewObject(members...), in, nil
}

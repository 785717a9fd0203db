package items

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/parquet-go/parquet-go"

	"github.com/tutti-run/tutti/internal/value"
)

// parquet goes over the rows of a Parquet file. It reads pages as it comes to them; a row group and the footer have quotas of their own.
func (r *reader) parquet(in io.ReaderAt, size int64, source string) (err error) {
	// The library trusts what a file says of itself in many places; one that lies ends here.
	defer func() {
		if fault := recover(); fault != nil {
			err = wrong("The Parquet file is damaged: %v.", fault)
		}
	}()
	var tail [8]byte
	if size < int64(len(tail)) {
		return wrong("The file is not a Parquet file.")
	}
	if _, err := in.ReadAt(tail[:], size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if string(tail[4:]) != "PAR1" {
		return wrong("The file is not a Parquet file.")
	}
	if footer := binary.LittleEndian.Uint32(tail[:]); footer > maxFooter || int64(footer) > size-int64(len(tail)) {
		return wrong("The footer of the Parquet file has %d bytes, more than the limit of 5 MB.", footer)
	}
	f, err := parquet.OpenFile(in, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(256<<10))
	if err != nil {
		return wrong("The Parquet file cannot be read: %s.", err)
	}
	for i := range f.Metadata().RowGroups {
		if n := f.Metadata().RowGroups[i].TotalByteSize; n > maxRowGroup {
			return wrong("A row group of the Parquet file has %d bytes, more than the limit of 256 MB.", n)
		}
	}
	rows := parquet.NewReader(f)
	defer func() { _ = rows.Close() }()
	for {
		var row any
		err := rows.Read(&row)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return wrong("The Parquet file cannot be read: %s.", err)
		}
		if err := r.hand(Item{Value: cell(row, f.Schema()), Source: source}); err != nil {
			return err
		}
	}
}

// cell makes a value of what the library has read. The node gives members their order and bytes their meaning.
func cell(v any, node parquet.Node) value.Value {
	switch v := v.(type) {
	case nil:
		return value.Null{}
	case bool:
		return value.Bool(v)
	case int32:
		return value.Int(int64(v))
	case int64:
		return value.Int(v)
	case int:
		return value.Int(int64(v))
	case uint32:
		return value.Int(int64(v))
	case uint64:
		return number(strconv.FormatUint(v, 10))
	case float32:
		return float(float64(v), 32)
	case float64:
		return float(v, 64)
	case string:
		return bytesValue([]byte(v), node)
	case []byte:
		return bytesValue(v, node)
	case []any:
		items := make(value.Array, len(v))
		for i := range v {
			items[i] = cell(v[i], element(node))
		}
		return items
	case map[string]any:
		return group(v, node)
	}
	return value.String(fmt.Sprint(v))
}

// group makes an object. Its members come in the order of the schema; those of a map, which it does not name, by name.
func group(v map[string]any, node parquet.Node) value.Value {
	var members []value.Member
	if node != nil && !node.Leaf() {
		for _, field := range node.Fields() {
			if member, ok := v[field.Name()]; ok {
				members = append(members, value.Member{Name: field.Name(), Value: cell(member, field)})
			}
		}
	}
	if len(members) == len(v) {
		return value.NewObject(members...)
	}
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	members = members[:0]
	for _, name := range names {
		members = append(members, value.Member{Name: name, Value: cell(v[name], nil)})
	}
	return value.NewObject(members...)
}

// element is the node of a list's elements; nil if the schema does not have it where lists have it.
func element(node parquet.Node) parquet.Node {
	if node == nil || node.Leaf() {
		return node
	}
	if fields := node.Fields(); len(fields) == 1 && !fields[0].Leaf() && len(fields[0].Fields()) == 1 {
		return fields[0].Fields()[0]
	}
	return node
}

func number(text string) value.Value {
	v, err := value.Parse(text)
	if err != nil {
		return value.String(text)
	}
	return v
}

// float makes a number; what JSON has no number for becomes a text.
func float(f float64, bits int) value.Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return value.String(strconv.FormatFloat(f, 'g', -1, bits))
	}
	return number(strconv.FormatFloat(f, 'g', -1, bits))
}

// bytesValue makes a text: of a UUID its usual form, of what is no UTF-8 base64.
func bytesValue(b []byte, node parquet.Node) value.Value {
	if node != nil && len(b) == 16 && strings.HasPrefix(fmt.Sprint(node.Type()), "UUID") {
		return value.String(uuid.UUID(b).String())
	}
	if !utf8.Valid(b) {
		return value.String(base64.StdEncoding.EncodeToString(b))
	}
	return value.String(b)
}

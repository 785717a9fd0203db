package items

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/s3"
	"github.com/tutti-run/tutti/internal/value"
)

// Quotas (developer guide, "ItemReader" and "Step Functions service quotas").
const (
	maxItemBytes   = 8 << 20  // of one item, before ItemSelector makes it smaller
	maxHeaderBytes = 10 << 10 // of the header of a CSV file
	maxFileBytes   = 10 << 30 // of one file
	maxRowGroup    = 256 << 20
	maxFooter      = 5 << 20
	maxPointer     = 2000     // characters of an ItemsPointer
	maxBefore      = 16 << 20 // bytes before what an ItemsPointer points at
)

// Objects is where objects are. *s3.Store is one.
type Objects interface {
	Get(bucket, key, version string) (*s3.Object, error)
	List(bucket string, o s3.ListOptions) (s3.Page, error)
}

// Location is what an ItemReader's Parameters, or Arguments, name.
type Location struct{ Bucket, Key, Prefix, Version string }

// Item is one item.
type Item struct {
	Value value.Value
	// Key is the name of an object's member; Keyed tells whether the item is one.
	Key   string
	Keyed bool
	// Source is S3://bucket or S3://bucket/key.
	Source string
}

// Error is what is wrong with what was to be read.
type Error struct{ Cause string }

func (e *Error) Error() string { return e.Cause }

func wrong(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// yield hands an item on; false ends the reading.
type yield func(Item) bool

// errStop ends a reading that nobody wants to go on with.
var errStop = errors.New("enough")

// Read yields the items. After an error there are none. An [*Error] tells what is wrong with the data or the place, any other is our own trouble or
// ctx's.
func Read(ctx context.Context, from Objects, how *asl.ItemReader, at Location) iter.Seq2[Item, error] {
	return func(hand func(Item, error) bool) {
		r := &reader{ctx: ctx, from: from, how: how, at: at, yield: func(it Item) bool { return hand(it, nil) }}
		if err := r.read(); err != nil && !errors.Is(err, errStop) {
			hand(Item{}, err)
		}
	}
}

// ReadText yields the items in the text of one file that was read already, as a test of a Map gives it. What stands in a format that is no text,
// or was listed, is given as JSON.
func ReadText(ctx context.Context, how *asl.ItemReader, text, source string) iter.Seq2[Item, error] {
	inputType := how.InputType
	if inputType != "CSV" && inputType != "JSONL" {
		inputType = "JSON"
	}
	return func(hand func(Item, error) bool) {
		r := &reader{ctx: ctx, how: how, yield: func(it Item) bool { return hand(it, nil) }}
		if err := r.records(strings.NewReader(text), inputType, source); err != nil && !errors.Is(err, errStop) {
			hand(Item{}, err)
		}
	}
}

type reader struct {
	ctx   context.Context
	from  Objects
	how   *asl.ItemReader
	at    Location
	yield yield
}

func (r *reader) read() error {
	if r.at.Bucket == "" {
		return wrong("The field 'Bucket' of the ItemReader is missing or empty.")
	}
	if r.how.Resource.API == "listObjectsV2" {
		return r.list()
	}
	if r.at.Key == "" {
		return wrong("The field 'Key' of the ItemReader is missing or empty.")
	}
	if r.how.InputType == "MANIFEST" || r.how.ManifestType != "" {
		return r.manifest()
	}
	return r.file(r.at, r.how.InputType)
}

// hand hands an item on.
func (r *reader) hand(it Item) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if !r.yield(it) {
		return errStop
	}
	return nil
}

// list goes over the objects of a bucket: they are the items, or the items are in them.
func (r *reader) list() error {
	o := s3.ListOptions{Prefix: r.at.Prefix}
	for {
		page, err := r.from.List(r.at.Bucket, o)
		if err != nil {
			return r.refused(err)
		}
		for i := range page.Objects {
			info := &page.Objects[i]
			if r.how.Transformation == "LOAD_AND_FLATTEN" {
				if strings.HasSuffix(info.Key, "/") && info.Size == 0 {
					continue // what consoles make to show a folder has nothing in it
				}
				err = r.file(Location{Bucket: r.at.Bucket, Key: info.Key}, r.how.InputType)
			} else {
				err = r.hand(Item{Value: listed(info), Source: "S3://" + r.at.Bucket})
			}
			if err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		o.After = page.Next
	}
}

// listed is an object as an item (spec asl.md section 6.1).
func listed(i *s3.Info) value.Value {
	return value.NewObject(
		value.Member{Name: "Etag", Value: value.String(`"` + i.ETag + `"`)},
		value.Member{Name: "Key", Value: value.String(i.Key)},
		value.Member{Name: "LastModified", Value: value.Int(i.LastModified.Unix())},
		value.Member{Name: "Size", Value: value.Int(i.Size)},
		value.Member{Name: "StorageClass", Value: value.String(i.Class())})
}

// refused makes an Error of what S3 refuses.
func (r *reader) refused(err error) error {
	var e *s3.Error
	if errors.As(err, &e) {
		return &Error{e.Message}
	}
	return err
}

// file goes over what is in one object.
func (r *reader) file(at Location, inputType string) error {
	o, err := r.from.Get(at.Bucket, at.Key, at.Version)
	if err != nil {
		return r.refused(err)
	}
	defer func() { _ = o.Close() }()
	if o.Size > maxFileBytes {
		return wrong("The file %s has %d bytes, more than the limit of 10 GB.", at.Key, o.Size)
	}
	source := "S3://" + at.Bucket + "/" + at.Key
	if inputType == "PARQUET" {
		if at.Version != "" {
			return wrong("VersionId is not supported for Parquet files.")
		}
		return r.parquet(o, o.Size, source)
	}
	src, err := unpacked(o.Reader(), at.Key)
	if err != nil {
		return err
	}
	defer src.close()
	return r.records(src, inputType, source)
}

// records goes over the records of a file.
func (r *reader) records(src io.Reader, inputType, source string) error {
	in := bufio.NewReaderSize(src, 256<<10)
	switch inputType {
	case "CSV":
		return r.csv(in, source)
	case "JSONL":
		return r.lines(in, source)
	case "JSON":
		return r.json(in, source)
	case "":
		return wrong("The field 'InputType' of the ReaderConfig is missing.")
	}
	return wrong("Items cannot be read as %s.", inputType)
}

// stream is a file, unpacked.
type stream struct {
	io.Reader
	close func()
}

// unpacked unpacks a file whose name tells that it is compressed.
func unpacked(src io.Reader, name string) (*stream, error) {
	switch {
	case strings.HasSuffix(name, ".gz"):
		z, err := gzip.NewReader(src)
		if err != nil {
			return nil, wrong("The file %s is not compressed with gzip: %s.", name, err)
		}
		return &stream{bounded(z, name), func() { _ = z.Close() }}, nil
	case strings.HasSuffix(name, ".zst"), strings.HasSuffix(name, ".zstd"):
		z, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, wrong("The file %s is not compressed with Zstandard: %s.", name, err)
		}
		return &stream{bounded(z, name), z.Close}, nil
	}
	return &stream{src, func() {}}, nil
}

// bounded reads at most as much as a file may have, however small it was packed.
func bounded(src io.Reader, name string) io.Reader { return &bound{src, name, maxFileBytes} }

type bound struct {
	src  io.Reader
	name string
	left int64
}

func (b *bound) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, wrong("The file %s has more than the limit of 10 GB when it is unpacked.", b.name)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, wrong("The file %s cannot be unpacked: %s.", b.name, err)
	}
	return n, err
}

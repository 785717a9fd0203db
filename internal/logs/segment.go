package logs

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A segment file is a sequence of blocks. A block is a head and the events that one stream got between two writes. Numbers are little
// endian:
//
//	 0 checksum of all that follows in the block (CRC-32C)
//	 4 length of the events in bytes
//	 8 number of the stream
//	12 count of events
//	16 base, the time of the first event in epoch milliseconds
//	24 the earliest time
//	32 the latest time
//	40 when they came in
//	48 number of the first event in the group; the others follow
//	56 events: time less base (varint), length (uvarint), message
const headSize = 56

// castagnoli is the polynomial of all checksums here; processors have an instruction for it.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// block is a block in memory. While it grows, events and the head's members are kept apart.
type block struct {
	stream, count                    uint32
	base, earliest, latest, ingested int64
	first                            int64
	events                           []byte
}

// add appends an event.
func (b *block) add(e Event) {
	if b.count == 0 {
		b.base, b.earliest, b.latest = e.Timestamp, e.Timestamp, e.Timestamp
	}
	b.count++
	b.earliest, b.latest = min(b.earliest, e.Timestamp), max(b.latest, e.Timestamp)
	b.events = binary.AppendVarint(b.events, e.Timestamp-b.base)
	b.events = binary.AppendUvarint(b.events, uint64(len(e.Message)))
	b.events = append(b.events, e.Message...)
}

// appendTo appends the block as it lies in a file.
func (b *block) appendTo(dst []byte) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(b.events)))
	dst = binary.LittleEndian.AppendUint32(dst, b.stream)
	dst = binary.LittleEndian.AppendUint32(dst, b.count)
	for _, n := range [...]int64{b.base, b.earliest, b.latest, b.ingested, b.first} {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(n))
	}
	dst = append(dst, b.events...)
	binary.LittleEndian.PutUint32(dst[at:], crc32.Checksum(dst[at+4:], castagnoli))
	return dst
}

// errCut ends a segment: what follows is not a block, since a crash came between.
var errCut = errors.New("the segment ends in the midst of a block")

// parseBlock reads the block at the front of data and returns what follows it. The block shares data's memory.
func parseBlock(data []byte) (b block, rest []byte, err error) {
	if len(data) < headSize {
		return b, nil, errCut
	}
	length := int64(binary.LittleEndian.Uint32(data[4:]))
	if length > int64(len(data)-headSize) {
		return b, nil, errCut
	}
	end := headSize + int(length)
	if crc32.Checksum(data[4:end], castagnoli) != binary.LittleEndian.Uint32(data) {
		return b, nil, errCut
	}
	b.stream, b.count = binary.LittleEndian.Uint32(data[8:]), binary.LittleEndian.Uint32(data[12:])
	for i, n := range [...]*int64{&b.base, &b.earliest, &b.latest, &b.ingested, &b.first} {
		*n = int64(binary.LittleEndian.Uint64(data[16+8*i:]))
	}
	b.events = data[headSize:end]
	return b, data[end:], nil
}

// each hands every event of the block on until take returns false.
func (b *block) each(take func(number, timestamp int64, message []byte) bool) error {
	events := b.events
	for i := range int64(b.count) {
		delta, n := binary.Varint(events)
		if n <= 0 {
			return errCut
		}
		size, m := binary.Uvarint(events[n:])
		if m <= 0 || size > uint64(len(events)-n-m) {
			return errCut
		}
		message := events[n+m:][:size]
		if !take(b.first+i, b.base+delta, message) {
			return nil
		}
		events = events[n+m+int(size):]
	}
	return nil
}

// sum is what is known of a run of blocks without reading them.
type sum struct {
	Bytes    int64 `json:"bytes"` // of the blocks
	Earliest int64 `json:"earliest"`
	Latest   int64 `json:"latest"`
	Ingested int64 `json:"ingested"` // when the last came in
}

func (s *sum) add(b *block) {
	s.merge(sum{int64(headSize + len(b.events)), b.earliest, b.latest, b.ingested})
}

func (s *sum) merge(o sum) {
	if s.Bytes == 0 {
		*s = o
		return
	}
	s.Bytes += o.Bytes
	s.Earliest, s.Latest, s.Ingested = min(s.Earliest, o.Earliest), max(s.Latest, o.Latest), max(s.Ingested, o.Ingested)
}

// segment is a segment file.
type segment struct {
	Number  uint32         `json:"number"`
	Total   sum            `json:"total"`   // Total.Bytes is how much of the file counts
	Next    int64          `json:"next"`    // number of the event that follows
	Streams map[uint32]sum `json:"streams"` // by number
}

func newSegment(number uint32, next int64) *segment {
	return &segment{Number: number, Next: next, Streams: map[uint32]sum{}}
}

func (g *segment) add(b *block) {
	g.Total.add(b)
	s := g.Streams[b.stream]
	s.add(b)
	g.Streams[b.stream] = s
	g.Next = b.first + int64(b.count)
}

// Names of segment files and of what sums them up.
const (
	segmentSuffix = ".log"
	sumSuffix     = ".sum"
)

func segmentName(number uint32, suffix string) string { return fmt.Sprintf("%08d%s", number, suffix) }

// segmentNumber is the number in the name of a segment file, 0 for another.
func segmentNumber(name string) uint32 {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil {
		return 0
	}
	return uint32(n)
}

// maxSegmentFile bounds what is read of a file that claims to be a segment.
const maxSegmentFile = math.MaxInt32

// readFile reads a whole file, or its first limit bytes if limit is not negative.
func readFile(fsys vfs.FS, path string, limit int64) (_ []byte, err error) {
	file, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	if limit >= 0 {
		size = min(size, limit)
	}
	if size > maxSegmentFile {
		return nil, fmt.Errorf("%s has %d bytes, which none of these files has", path, size)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(file, data); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return data, nil
}

// loadSegment learns of a segment: from what sums it up if that is there and whole, else from the segment itself.
func loadSegment(fsys vfs.FS, dir string, number uint32) (*segment, error) {
	if text, err := readFile(fsys, fsys.PathJoin(dir, segmentName(number, sumSuffix)), -1); err == nil {
		g := new(segment)
		if json.Unmarshal(text, g) == nil && g.Number == number && g.Streams != nil {
			return g, nil
		}
	}
	data, err := readFile(fsys, fsys.PathJoin(dir, segmentName(number, segmentSuffix)), -1)
	if err != nil {
		return nil, err
	}
	g := newSegment(number, 0)
	for len(data) > 0 {
		b, rest, err := parseBlock(data)
		if err != nil {
			break // a crash: what follows was never acknowledged
		}
		g.add(&b)
		data = rest
	}
	return g, nil
}

// writeSum keeps what is known of a segment that will not grow any more. It need not be durable: without it the segment is read.
func (g *segment) writeSum(fsys vfs.FS, dir string) error {
	text, err := json.Marshal(g)
	if err != nil {
		return err
	}
	file, err := fsys.Create(fsys.PathJoin(dir, segmentName(g.Number, sumSuffix)), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}

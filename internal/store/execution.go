package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
)

// Execution is the record of one execution. A new one is an Execution literal; the value remembers, once put or read, what the store
// keeps for it, so whoever goes on changing it must put the same value again (or a copy that replaces it), never an older copy.
// Times are kept to the nanosecond, between the years 1678 and 2262, and come back in UTC.
type Execution struct {
	// What the first [Batch.Put] fixes. Later changes are ignored.

	ARN         string
	MachineARN  string // unqualified; a Map Run's child has the machine's with the label
	Name        string
	Revision    int64 // of the machine, with which the execution ends even if the machine has changed meanwhile
	StartDate   time.Time
	MapRunARN   string // of the Map Run whose child it is; such an execution is listed under the Map Run only
	VersionARN  string // by which it was started
	AliasARN    string // by which it was started
	TraceHeader string
	ItemCount   int // items of a Map Run's child

	// What may change.

	Status      sfn.Status
	StopDate    time.Time // zero while open
	LastEventID int64     // set by [Batch.Put]; events are numbered from 1 without gaps
	// WakeAt is when an execution that only waits is due ([Store.Due]). Zero: it is at work and belongs into memory ([Store.Awake]).
	// Without effect on executions that are not RUNNING.
	WakeAt       time.Time
	RedriveCount int
	RedriveDate  time.Time

	id      uint64 // 0: not stored yet
	indexed index  // the entries that the indexes hold, or will when the batch is committed
}

// maxText bounds each text of a record. AWS's longest, an ARN, has 2000 characters.
const maxText = 1 << 16

func (e *Execution) check() error {
	if e.ARN == "" || e.MachineARN == "" {
		return errors.New("the ARN of the execution or of its machine is missing")
	}
	for _, text := range []string{e.ARN, e.MachineARN, e.Name, e.MapRunARN, e.VersionARN, e.AliasARN, e.TraceHeader} {
		if len(text) > maxText {
			return fmt.Errorf("a text of %d bytes, longer than %d", len(text), maxText)
		}
	}
	if e.StartDate.IsZero() {
		return errors.New("the start date is missing")
	}
	for _, t := range []time.Time{e.StartDate, e.StopDate, e.WakeAt, e.RedriveDate} {
		if y := t.Year(); !t.IsZero() && (y < 1678 || y > 2261) {
			return fmt.Errorf("a time in the year %d", y)
		}
	}
	if e.Revision < 0 || e.ItemCount < 0 || e.RedriveCount < 0 || e.LastEventID < 0 {
		return errors.New("a negative number")
	}
	_, err := statusCode(e.Status)
	return err
}

// index returns the entries that the record calls for.
func (e *Execution) index() index {
	code, _ := statusCode(e.Status) // check has passed it
	x := index{scope: e.indexed.scope, status: code, start: e.StartDate.UnixNano(), wake: notOpen}
	if e.indexed.status == 0 {
		x.scope = scopeOf(e.MachineARN, e.MapRunARN)
	} else {
		x.start = e.indexed.start
	}
	if e.Status == sfn.StatusRunning {
		x.wake = 0
		if !e.WakeAt.IsZero() {
			x.wake = wakeNanos(e.WakeAt)
		}
	}
	return x
}

// The optional fields of the fixed part, in the order in which they follow, and the bits that announce them.
const (
	hasMapRun = 1 << iota
	hasVersion
	hasAlias
	hasTrace
	hasItems
)

// appendFixed writes the fixed part: ARN; how many bytes the machine's ARN shares with it at the front, and the rest; how many the name
// shares with it at the back, and the rest; revision; start; the optional fields. The ARN says most of
// it, so 140 bytes hold the 200 of the three names alone.
func (e *Execution) appendFixed(dst []byte) []byte {
	dst = appendText(dst, e.ARN)
	front := 0
	for front < min(len(e.ARN), len(e.MachineARN)) && e.ARN[front] == e.MachineARN[front] {
		front++
	}
	dst = appendText(binary.AppendUvarint(dst, uint64(front)), e.MachineARN[front:])
	back := 0
	for back < min(len(e.ARN), len(e.Name)) && e.ARN[len(e.ARN)-1-back] == e.Name[len(e.Name)-1-back] {
		back++
	}
	dst = appendText(binary.AppendUvarint(dst, uint64(back)), e.Name[:len(e.Name)-back])
	dst = binary.AppendUvarint(dst, uint64(e.Revision))
	dst = binary.AppendVarint(dst, e.StartDate.UnixNano())

	var has byte
	at := len(dst)
	dst = append(dst, 0)
	for bit, text := range []string{e.MapRunARN, e.VersionARN, e.AliasARN, e.TraceHeader} {
		if text != "" {
			has |= 1 << bit
			dst = appendText(dst, text)
		}
	}
	if e.ItemCount > 0 {
		has |= hasItems
		dst = binary.AppendUvarint(dst, uint64(e.ItemCount))
	}
	dst[at] = has
	return dst
}

func (e *Execution) decodeFixed(data []byte) error {
	r := reader{data: data}
	e.ARN = string(r.bytes())
	front, rest := r.uvarint(), r.bytes()
	e.MachineARN = e.ARN[:r.within(front, len(e.ARN))] + string(rest)
	back, rest := r.uvarint(), r.bytes()
	e.Name = string(rest) + e.ARN[len(e.ARN)-r.within(back, len(e.ARN)):]
	e.Revision = int64(r.uvarint())
	e.StartDate = r.time()
	has := r.byte()
	for bit, text := range []*string{&e.MapRunARN, &e.VersionARN, &e.AliasARN, &e.TraceHeader} {
		if has&(1<<bit) != 0 {
			*text = string(r.bytes())
		}
	}
	if has&hasItems != 0 {
		e.ItemCount = int(r.uvarint())
	}
	return r.end("the fixed part of an execution")
}

// The optional fields of the changing part.
const (
	hasStop = 1 << iota
	hasWake
	hasRedrives
	hasRedriveDate
)

// appendChanging writes the changing part: status, bits, last event id, the optional fields.
func (e *Execution) appendChanging(dst []byte, status byte) []byte {
	var has byte
	dst = append(dst, status, 0)
	at := len(dst) - 1
	dst = binary.AppendUvarint(dst, uint64(e.LastEventID))
	if !e.StopDate.IsZero() {
		has |= hasStop
		dst = binary.AppendVarint(dst, e.StopDate.UnixNano())
	}
	if !e.WakeAt.IsZero() {
		has |= hasWake
		dst = binary.AppendVarint(dst, e.WakeAt.UnixNano())
	}
	if e.RedriveCount > 0 {
		has |= hasRedrives
		dst = binary.AppendUvarint(dst, uint64(e.RedriveCount))
	}
	if !e.RedriveDate.IsZero() {
		has |= hasRedriveDate
		dst = binary.AppendVarint(dst, e.RedriveDate.UnixNano())
	}
	dst[at] = has
	return dst
}

func (e *Execution) decodeChanging(data []byte) error {
	r := reader{data: data}
	code := r.byte()
	if code == 0 || int(code) >= len(statusCodes) {
		return damagef("status %d of an execution", code)
	}
	e.Status = statusCodes[code]
	has := r.byte()
	e.LastEventID = int64(r.uvarint())
	if has&hasStop != 0 {
		e.StopDate = r.time()
	}
	if has&hasWake != 0 {
		e.WakeAt = r.time()
	}
	if has&hasRedrives != 0 {
		e.RedriveCount = int(r.uvarint())
	}
	if has&hasRedriveDate != 0 {
		e.RedriveDate = r.time()
	}
	return r.end("the changing part of an execution")
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// reader takes a record apart. The first thing that is not there makes all that follows zero, and end say so.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) byte() byte {
	if len(r.data) == 0 {
		r.bad = true
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

// uvarint returns a number that fits an int64.
func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.data)
	if size <= 0 || n > 1<<63-1 {
		r.bad, r.data = true, nil
		return 0
	}
	r.data = r.data[size:]
	return n
}

// bytes returns a text with its length before it; it shares the record's memory.
func (r *reader) bytes() []byte {
	n := r.within(r.uvarint(), len(r.data))
	text := r.data[:n]
	r.data = r.data[n:]
	return text
}

func (r *reader) time() time.Time {
	n, size := binary.Varint(r.data)
	if size <= 0 {
		r.bad, r.data = true, nil
		return time.Time{}
	}
	r.data = r.data[size:]
	return time.Unix(0, n).UTC()
}

// within returns n if it is at most limit.
func (r *reader) within(n uint64, limit int) int {
	if n > uint64(limit) {
		r.bad, r.data = true, nil
		return 0
	}
	return int(n)
}

func (r *reader) end(what string) error {
	if r.bad || len(r.data) > 0 {
		return damagef("%s does not read as one", what)
	}
	return nil
}

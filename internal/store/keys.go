package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
)

// family is the first byte of a key. Numbers in keys are big endian, so that the order of keys is the order of numbers.
type family byte

// The families of keys.
const (
	familyActivity  family = 'A' // an activity's ARN → Activity as JSON
	familyDocument  family = 'd' // collection, 0, key → whatever its owner keeps
	familyARN       family = 'a' // digest of an execution's ARN (16) → its number (8)
	familySegment   family = 'h' // number (8), first event id (4) → count of events, events
	familyMachine   family = 'm' // ARN, 0, revision (8) → Machine as JSON
	familyOpen      family = 'o' // wake time (8; 0: awake), number (8) → nothing; RUNNING executions only
	familyStatus    family = 's' // scope (8), status (1), start, newest first (8), number, newest first (8) → nothing
	familySchema    family = 'v' // → version of the schema (8)
	familyExecution family = 'x' // number (8), part (1) → what is fixed, what changes
)

// The parts of an execution's record.
const (
	partFixed    = 0 // written once
	partChanging = 1 // written with every batch
)

const (
	openKeyLen   = 1 + 8 + 8
	statusKeyLen = 1 + 8 + 1 + 8 + 8
	positionLen  = 8 + 8 // of a status key: start and number, by which a list is ordered
)

func (f family) lower() []byte { return []byte{byte(f)} }

func (f family) upper() []byte { return []byte{byte(f) + 1} }

// appendARNKey keys an execution's ARN by the first half of its SHA-256. Two ARNs never share it in practice, and the record that is
// found in the end has the whole ARN to compare.
func appendARNKey(dst []byte, arn string) []byte {
	sum := sha256.Sum256([]byte(arn))
	return append(append(dst, byte(familyARN)), sum[:16]...)
}

func appendExecutionKey(dst []byte, id uint64, part byte) []byte {
	return append(binary.BigEndian.AppendUint64(append(dst, byte(familyExecution)), id), part)
}

// appendSegmentKey keys the segment of execution id that begins with event first, or with 0, where all its segments begin.
func appendSegmentKey(dst []byte, id uint64, first uint32) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, byte(familySegment)), id)
	return binary.BigEndian.AppendUint32(dst, first)
}

func appendOpenKey(dst []byte, wake int64, id uint64) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, byte(familyOpen)), uint64(wake))
	return binary.BigEndian.AppendUint64(dst, id)
}

func parseOpenKey(key []byte) (wake int64, id uint64, err error) {
	if len(key) != openKeyLen {
		return 0, 0, damagef("a key of the open executions has %d bytes", len(key))
	}
	return int64(binary.BigEndian.Uint64(key[1:])), binary.BigEndian.Uint64(key[9:]), nil
}

// appendStatusPrefix begins the keys of all executions of one scope and status.
func appendStatusPrefix(dst []byte, scope uint64, status byte) []byte {
	return append(binary.BigEndian.AppendUint64(append(dst, byte(familyStatus)), scope), status)
}

// appendPosition orders by start and number, the newest first: both are stored inverted, and the start as an unsigned number.
func appendPosition(dst []byte, start int64, id uint64) []byte {
	dst = binary.BigEndian.AppendUint64(dst, ^(uint64(start) ^ 1<<63))
	return binary.BigEndian.AppendUint64(dst, ^id)
}

func parsePosition(position []byte) (id uint64) { return ^binary.BigEndian.Uint64(position[8:]) }

func appendMachineKey(dst []byte, arn string, revision int64) []byte {
	dst = append(append(append(dst, byte(familyMachine)), arn...), 0)
	return binary.BigEndian.AppendUint64(dst, uint64(revision))
}

// appendMachineEnd returns the end of all revisions of one machine.
func appendMachineEnd(dst []byte, arn string) []byte {
	return append(append(append(dst, byte(familyMachine)), arn...), 1)
}

// scopeOf is the list to which an execution belongs: its Map Run's, else its machine's. The hash shortens the key; two scopes may share
// one, which readers of the index have to bear.
func scopeOf(machineARN, mapRunARN string) uint64 {
	h := fnv.New64a()
	if mapRunARN != "" {
		machineARN = mapRunARN
	}
	_, _ = h.Write([]byte(machineARN)) // a hash never fails
	return h.Sum64()
}

// statusCodes are the statuses' bytes on disk, their place in the table. The table may grow but not change.
var statusCodes = [...]sfn.Status{
	0: "", // nothing
	1: sfn.StatusRunning,
	2: sfn.StatusSucceeded,
	3: sfn.StatusFailed,
	4: sfn.StatusTimedOut,
	5: sfn.StatusAborted,
	6: sfn.StatusPendingRedrive,
}

func statusCode(s sfn.Status) (byte, error) {
	for code, status := range statusCodes {
		if code > 0 && status == s {
			return byte(code), nil
		}
	}
	return 0, fmt.Errorf("%q is not a status of an execution", s)
}

// index is what the indexes hold for one execution. It follows from the record alone.
type index struct {
	scope  uint64
	start  int64
	wake   int64 // of the open entry: 0 awake, notOpen without an entry
	status byte  // 0: no entries at all
}

const notOpen = -1

// noWake is behind every wake time.
const noWake = math.MaxInt64

// wakeNanos is the wake time's form in a key. Times before 1970 are due at once all the same.
func wakeNanos(t time.Time) int64 { return min(max(nanos(t), 1), noWake-1) }

// nanos is t in nanoseconds since 1970, or the nearest that fits, where time.Time.UnixNano would be undefined.
func nanos(t time.Time) int64 {
	switch {
	case t.Year() < 1678:
		return math.MinInt64
	case t.Year() > 2261:
		return math.MaxInt64
	}
	return t.UnixNano()
}

// maxEventID bounds event ids to what a segment's key holds. AWS ends an execution at 25,000.
const maxEventID = math.MaxUint32

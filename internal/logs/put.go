package logs

import (
	"regexp"
	"time"
	"unicode/utf16"

	"github.com/tutti-run/tutti/internal/sfn"
)

// Limits of PutLogEvents (API reference, PutLogEvents).
const (
	maxBatchEvents = 10_000
	maxBatchBytes  = 1 << 20
	eventOverhead  = 26 // bytes that an event counts beyond its message
	maxPast        = 14 * 24 * time.Hour
	maxFuture      = 2 * time.Hour
	maxSpan        = 24 * time.Hour
)

// MaxMessageBytes is the longest message: with its overhead it is a batch of its own.
const MaxMessageBytes = maxBatchBytes - eventOverhead

// Event is a message with its time in epoch milliseconds.
type Event struct {
	Timestamp int64
	Message   string
}

// Rejected says which events of a batch were not taken. Each is an index into it, or nil.
type Rejected struct {
	TooNewStart *int // the first that is more than two hours in the future; those behind it are, too
	TooOldEnd   *int // behind the last that is more than 14 days old
	ExpiredEnd  *int // behind the last that is older than the group's retention
}

// None tells whether all were taken.
func (r Rejected) None() bool { return r == Rejected{} }

// Put takes a batch of events for a stream and returns when they are on disk. Events that are too old or too new are left out and
// named. The error may be the exception InvalidParameterException or ResourceNotFoundException.
func (s *Service) Put(groupName, streamName string, events []Event) (Rejected, error) {
	now := s.now()
	if err := checkBatch(events); err != nil {
		return Rejected{}, err
	}
	s.mu.RLock()
	g := s.groups[groupName]
	var stream *streamRecord
	if g != nil {
		stream = g.streams[streamName]
	}
	closed := s.closed
	s.mu.RUnlock()
	switch {
	case closed:
		return Rejected{}, errClosed
	case g == nil:
		return Rejected{}, noGroup()
	case stream == nil:
		return Rejected{}, noStream()
	}
	taken, rejected := sift(events, now, s.oldest(g))
	if len(taken) == 0 {
		return rejected, nil
	}
	if _, err := g.append(stream.ID, now.UnixMilli(), taken); err != nil {
		return rejected, err
	}
	written, err := g.write()
	if err != nil {
		return rejected, err
	}
	s.measure(g, taken)
	if s.put != nil {
		s.put(taken)
	}
	if err := s.syncCatalog(); err != nil {
		return rejected, err
	}
	return rejected, g.sync(written)
}

// checkBatch refuses a batch as a whole.
func checkBatch(events []Event) error {
	bytes := 0
	for i, e := range events {
		bytes += len(e.Message) + eventOverhead
		if i > 0 && e.Timestamp < events[i-1].Timestamp {
			return invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
		if len(e.Message) > MaxMessageBytes {
			return invalid("Log event too large: %d bytes exceeds limit of %d", len(e.Message)+eventOverhead, maxBatchBytes)
		}
	}
	if bytes > maxBatchBytes {
		return invalid("Upload too large: %d bytes exceeds limit of %d", bytes, maxBatchBytes)
	}
	if n := len(events); n > 0 && time.Duration(events[n-1].Timestamp-events[0].Timestamp)*time.Millisecond > maxSpan {
		return invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}

// sift leaves out what is too old or too new. The events are in chronological order.
func sift(events []Event, now time.Time, expired int64) (taken []Event, r Rejected) {
	tooOld, tooNew := now.Add(-maxPast).UnixMilli(), now.Add(maxFuture).UnixMilli()
	from, to := 0, len(events)
	for i, e := range events {
		switch behind := i + 1; {
		case e.Timestamp < tooOld:
			r.TooOldEnd, from = &behind, behind
		case e.Timestamp < expired:
			r.ExpiredEnd, from = &behind, behind
		case e.Timestamp > tooNew && r.TooNewStart == nil:
			r.TooNewStart, to = &i, i
		}
	}
	return events[from:max(from, to)], r
}

// Append takes events for a stream of a group, making the stream if it is not there, and writes them soon. The times need no order. It
// waits for nobody but the file system, and for that only when a quarter of a megabyte has gathered. The error may be the exception
// ResourceNotFoundException: there is no such group.
func (s *Service) Append(groupName, streamName string, events []Event) error {
	g, stream, err := s.stream(groupName, streamName)
	if err != nil {
		return err
	}
	waiting, err := g.append(stream, s.now().UnixMilli(), events)
	if err != nil {
		return err
	}
	s.wake()
	s.measure(g, events)
	if waiting >= maxBlock {
		_, err = g.write()
	}
	return err
}

// stream finds a stream, or makes it.
func (s *Service) stream(groupName, name string) (*group, uint32, error) {
	s.mu.RLock()
	g, closed := s.groups[groupName], s.closed
	var stream *streamRecord
	if g != nil {
		stream = g.streams[name]
	}
	s.mu.RUnlock()
	switch {
	case closed:
		return nil, 0, errClosed
	case g == nil:
		return nil, 0, noGroup()
	case stream != nil:
		return g, stream.ID, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stream = g.streams[name]; stream != nil {
		return g, stream.ID, nil
	}
	stream, err := s.createStream(g, name)
	if err != nil {
		return nil, 0, err
	}
	return g, stream.ID, nil
}

// EnsureGroup makes a group if it is not there, as services do that log by themselves.
func (s *Service) EnsureGroup(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.groups[name] != nil {
		return nil
	}
	_, err := s.createGroup(Group{Name: name})
	return err
}

var (
	groupName  = regexp.MustCompile(`^[\.\-_/#A-Za-z0-9]+$`)
	streamName = regexp.MustCompile(`^[^:*]*$`)
)

const maxName = 512

// checkGroupName and checkStreamName refuse what the API's model does (API reference, CreateLogGroup and CreateLogStream).
func checkGroupName(name string) error {
	return checkName("logGroupName", name, groupName.MatchString(name), `[\.\-_/#A-Za-z0-9]+`)
}

func checkStreamName(name string) error {
	return checkName("logStreamName", name, streamName.MatchString(name), `[^:*]*`)
}

func checkName(field, name string, fits bool, pattern string) error {
	rule := ""
	switch {
	case name == "":
		rule = "Member must have length greater than or equal to 1"
	case len(utf16.Encode([]rune(name))) > maxName:
		rule = "Member must have length less than or equal to 512"
	case !fits:
		rule = "Member must satisfy regular expression pattern: " + pattern
	default:
		return nil
	}
	return sfn.Refuse(InvalidParameterException, "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", name, field, rule)
}

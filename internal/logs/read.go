package logs

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"io/fs"
	"math"
	"slices"
)

// Position is where an event stands in its group: events are read by time, and those of one time in the order in which they came in.
type Position struct{ Timestamp, Number int64 }

// Compare orders positions.
func (p Position) Compare(o Position) int {
	return cmp.Or(cmp.Compare(p.Timestamp, o.Timestamp), cmp.Compare(p.Number, o.Number))
}

// The positions before and behind all events.
var (
	Front = Position{math.MinInt64, 0}
	Back  = Position{math.MaxInt64, math.MaxInt64}
)

// Query says what to read of a group.
type Query struct {
	Group string
	// Streams are names of streams; nil means all.
	Streams []string
	// Prefix is what the names of streams begin with.
	Prefix string
	// From and Until bound times: those not before From and before Until, epoch milliseconds. Until 0 means no bound.
	From, Until int64
	// After and Before bound positions, both excluded. The zero Before means Back.
	After, Before Position
	// Match chooses among messages; nil takes all.
	Match func(message string) bool
	// Limit is how many events a page may have.
	Limit int
	// Newest begins at the end: the page holds the last events rather than the first.
	Newest bool
}

// Found is an event that was read.
type Found struct {
	Event
	Stream   string
	Ingested int64 // epoch milliseconds
	Position Position
}

// Page is what a Query found, in the order of positions.
type Page struct {
	Events []Found
	// More tells that there may be further events behind the page, or with Newest before it.
	More bool
	// Edge is how far was read: everything before it is in the page, or with Newest everything behind it.
	Edge Position
}

const (
	maxPageBytes = 1 << 20  // messages of a page (API reference, FilterLogEvents: 1 MB)
	maxScanBytes = 32 << 20 // what one page reads of files, so that a rare match costs many quick calls in place of a slow one
)

// Read reads a page. The error may be the exception ResourceNotFoundException, or ctx's.
func (s *Service) Read(ctx context.Context, q Query) (Page, error) {
	s.mu.RLock()
	g := s.groups[q.Group]
	s.mu.RUnlock()
	if g == nil {
		return Page{}, noGroup()
	}
	if _, err := g.write(); err != nil {
		s.log.Error("events of a log group are lost", "error", err)
	}
	r := &reader{Query: q, ctx: ctx, group: g}
	r.From = max(r.From, s.oldest(g))
	if r.Before == (Position{}) {
		r.Before = Back
	}
	if r.Until > 0 {
		r.Before = least(r.Before, Position{r.Until, math.MinInt64})
	}
	if r.From > math.MinInt64 {
		r.After = most(r.After, Position{r.From - 1, math.MaxInt64})
	}
	return r.read()
}

func least(a, b Position) Position {
	if a.Compare(b) < 0 {
		return a
	}
	return b
}

func most(a, b Position) Position {
	if a.Compare(b) > 0 {
		return a
	}
	return b
}

// reader gathers a page. It keeps the best events seen so far in a heap, the worst on top: the last, or the first for Newest.
type reader struct {
	Query
	ctx     context.Context
	group   *group
	wanted  map[uint32]string // streams by number
	kept    []Found
	bytes   int
	full    bool // events were left out: whatever is worse than the worst is, too
	scanned int64
}

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (r *reader) Len() int           { return len(r.kept) }
func (r *reader) Less(i, j int) bool { return r.better(r.kept[j].Position, r.kept[i].Position) }
func (r *reader) Swap(i, j int)      { r.kept[i], r.kept[j] = r.kept[j], r.kept[i] }
func (r *reader) Push(v any)         { r.kept = append(r.kept, v.(Found)) }

// Pop implements heap.Interface.
func (r *reader) Pop() any {
	last := r.kept[len(r.kept)-1]
	r.kept[len(r.kept)-1] = Found{}
	r.kept = r.kept[:len(r.kept)-1]
	return last
}

// better tells whether an event at a comes into the page before one at b.
func (r *reader) better(a, b Position) bool {
	if r.Newest {
		return a.Compare(b) > 0
	}
	return a.Compare(b) < 0
}

func (r *reader) read() (Page, error) {
	segments := r.choose()
	edge := r.end()
	for i, s := range segments {
		near := r.near(s)
		if r.full && r.better(r.kept[0].Position, near) {
			break
		}
		if i > 0 && r.scanned >= maxScanBytes && r.better(r.near(segments[0]), near) && r.better(r.start(), near) {
			r.cut(near)
			edge = near
			r.full = true
			break
		}
		if err := r.segment(s); err != nil {
			return Page{}, err
		}
	}
	p := Page{Events: r.kept, More: r.full, Edge: edge}
	slices.SortFunc(p.Events, func(a, b Found) int { return a.Position.Compare(b.Position) })
	if n := len(p.Events); r.full && n > 0 && edge == r.end() {
		if p.Edge = p.Events[n-1].Position; r.Newest {
			p.Edge = p.Events[0].Position
		}
	}
	return p, nil
}

// start and end are the bounds, in the direction of reading.
func (r *reader) start() Position {
	if r.Newest {
		return r.Before
	}
	return r.After
}

func (r *reader) end() Position {
	if r.Newest {
		return r.After
	}
	return r.Before
}

// near is the position that no event of the segment is better than.
func (r *reader) near(s *segment) Position {
	if r.Newest {
		return Position{s.Total.Latest, math.MaxInt64}
	}
	return Position{s.Total.Earliest, math.MinInt64}
}

// cut leaves out what lies at or behind the position: there may be better ones that were not read.
func (r *reader) cut(at Position) {
	r.kept = slices.DeleteFunc(r.kept, func(f Found) bool { return !r.better(f.Position, at) })
}

// choose returns the segments that may hold what is wanted, the most promising first.
func (r *reader) choose() []*segment {
	r.group.mu.Lock()
	defer r.group.mu.Unlock()
	r.wanted = map[uint32]string{}
	for id, name := range r.group.names {
		if (r.Streams == nil || slices.Contains(r.Streams, name)) && len(name) >= len(r.Prefix) && name[:len(r.Prefix)] == r.Prefix {
			r.wanted[id] = name
		}
	}
	var chosen []*segment
	for _, s := range r.group.segments {
		if s.Total.Bytes == 0 || s.Total.Latest < r.After.Timestamp || s.Total.Earliest > r.Before.Timestamp || !r.wants(s) {
			continue
		}
		copied := *s // the last one grows
		copied.Streams = nil
		chosen = append(chosen, &copied)
	}
	slices.SortStableFunc(chosen, func(a, b *segment) int {
		if r.better(r.near(a), r.near(b)) {
			return -1
		}
		if r.better(r.near(b), r.near(a)) {
			return 1
		}
		return 0
	})
	return chosen
}

func (r *reader) wants(s *segment) bool {
	for id := range s.Streams {
		if _, ok := r.wanted[id]; ok {
			return true
		}
	}
	return false
}

// segment looks through a segment.
func (r *reader) segment(s *segment) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	path := r.group.fs.PathJoin(r.group.dir, segmentName(s.Number, segmentSuffix))
	data, err := readFile(r.group.fs, path, s.Total.Bytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it has expired meanwhile
	}
	if err != nil {
		return err
	}
	r.scanned += s.Total.Bytes
	for len(data) > 0 {
		b, rest, err := parseBlock(data)
		if err != nil {
			return nil // a write failed here
		}
		data = rest
		name, ok := r.wanted[b.stream]
		if !ok || b.latest < r.After.Timestamp || b.earliest > r.Before.Timestamp {
			continue
		}
		if err := b.each(func(number, timestamp int64, message []byte) bool {
			r.take(Position{timestamp, number}, name, b.ingested, message)
			return true
		}); err != nil {
			return err
		}
	}
	return nil
}

// take keeps an event if it belongs into the page.
func (r *reader) take(at Position, stream string, ingested int64, message []byte) {
	if at.Compare(r.After) <= 0 || at.Compare(r.Before) >= 0 || r.full && !r.better(at, r.kept[0].Position) {
		return
	}
	text := string(message)
	if r.Match != nil && !r.Match(text) {
		return
	}
	heap.Push(r, Found{Event: Event{at.Timestamp, text}, Stream: stream, Ingested: ingested, Position: at})
	r.bytes += len(text)
	for len(r.kept) > r.Limit || r.bytes > maxPageBytes && len(r.kept) > 1 {
		r.bytes -= len(heap.Pop(r).(Found).Message)
		r.full = true
	}
}

package logs

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/tutti-run/tutti/internal/sfn"
)

const (
	// maxSegment ends a segment file. A page of events costs about the reading of one, and retention frees whole ones.
	maxSegment = 4 << 20
	// defaultMaxBytes bounds all segments together. The oldest go first.
	defaultMaxBytes = 1 << 30
	// writeEvery is how long what was appended may wait in memory, syncEvery how long on its way to the disk.
	writeEvery = 100 * time.Millisecond
	syncEvery  = time.Second
	// sweepEvery is how often segments that are past their group's retention are looked for.
	sweepEvery = time.Hour
	// maxGroups and maxStreams bound what the catalog holds in memory (CloudWatch Logs quotas: log groups, 1,000,000; streams have none).
	maxGroups  = 100_000
	maxStreams = 1_000_000
)

// Service is an open folder of logs. All methods may be called by any goroutine.
type Service struct {
	dir      string
	fs       vfs.FS
	now      func() time.Time
	log      *slog.Logger
	maxBytes int64
	measures func([]Measured) // takes what metric filters find; may be nil
	put      func([]Event)    // takes what Put has taken; may be nil

	mu       sync.RWMutex // guards the catalog: all groups and streams
	groups   map[string]*group
	nextID   uint32
	streams  int
	catalog  catalog
	unsynced bool // changes of the catalog that are not synced
	closed   bool

	dirty     chan struct{} // holds a token when events have been appended
	done      chan struct{}
	wg        sync.WaitGroup
	closeOnce sync.Once
	closeErr  error
}

// Option changes how a folder is opened.
type Option func(*Service)

// WithFS keeps the folder in another file system than the computer's, such as one in memory.
func WithFS(fs vfs.FS) Option { return func(s *Service) { s.fs = fs } }

// WithLogger tells log what goes wrong behind the scenes. Without it that is dropped.
func WithLogger(log *slog.Logger) Option { return func(s *Service) { s.log = log } }

// WithClock replaces time.Now.
func WithClock(now func() time.Time) Option { return func(s *Service) { s.now = now } }

// WithMaxBytes bounds what the events of all groups may take on disk; 1 GiB otherwise.
func WithMaxBytes(n int64) Option { return func(s *Service) { s.maxBytes = n } }

// Open opens the folder dir, creating it if it is not there. One process may have it open at a time, which is for the caller to see to.
func Open(dir string, options ...Option) (*Service, error) {
	s := &Service{
		dir: dir, fs: vfs.Default, now: time.Now, log: slog.New(slog.DiscardHandler), maxBytes: defaultMaxBytes,
		groups: map[string]*group{}, dirty: make(chan struct{}, 1), done: make(chan struct{}),
	}
	for _, o := range options {
		o(s)
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("open the logs in %s: %w; move the folder away to start without old logs", dir, err)
	}
	s.sweep()
	s.wg.Go(s.flushLoop)
	return s, nil
}

// load reads the catalog and writes it anew.
func (s *Service) load() error {
	if err := s.fs.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if err := syncFolder(s.fs, s.fs.PathDir(s.dir)); err != nil {
		return err
	}
	byID := map[uint32]*groupRecord{}
	streams := map[uint32]*streamRecord{}
	err := readCatalog(s.fs, s.dir, func(c change) {
		switch {
		case c.Group != nil:
			byID[c.Group.ID] = c.Group
			s.nextID = max(s.nextID, c.Group.ID)
		case c.GroupDeleted != 0:
			delete(byID, c.GroupDeleted)
		case c.Stream != nil:
			streams[c.Stream.ID] = c.Stream
			s.nextID = max(s.nextID, c.Stream.ID)
		case c.StreamDeleted != nil:
			delete(streams, c.StreamDeleted.ID)
		}
	})
	if err != nil {
		return err
	}
	opened := map[uint32]*group{}
	for id, record := range byID {
		g, err := openGroup(s.fs, s.dir, *record)
		if err != nil {
			return err
		}
		opened[id], s.groups[record.Name] = g, g
	}
	for _, stream := range streams {
		if g := opened[stream.Group]; g != nil {
			s.addStream(g, stream)
		}
	}
	s.catalog = catalog{fs: s.fs, dir: s.dir}
	return s.catalog.rewrite(s.changes())
}

// changes are those that make the catalog out of nothing.
func (s *Service) changes() []change {
	var all []change
	for _, name := range slices.Sorted(maps.Keys(s.groups)) {
		g := s.groups[name]
		record := g.record
		all = append(all, change{Group: &record})
		for _, stream := range slices.Sorted(maps.Keys(g.streams)) {
			all = append(all, change{Stream: g.streams[stream]})
		}
	}
	return all
}

func (s *Service) addStream(g *group, stream *streamRecord) {
	g.streams[stream.Name] = stream
	g.mu.Lock()
	g.names[stream.ID] = stream.Name
	g.mu.Unlock()
	s.streams++
}

// Close writes and syncs what waits and ends the service. Closing again does nothing and returns the same.
func (s *Service) Close() error {
	s.closeOnce.Do(func() {
		close(s.done)
		s.wg.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed = true
		errs := []error{s.catalog.file.Sync(), s.catalog.file.Close()}
		for _, g := range s.groups {
			errs = append(errs, g.close())
		}
		s.closeErr = errors.Join(errs...)
	})
	return s.closeErr
}

var errClosed = errors.New("the logs are closed")

// flushLoop brings what is appended to the disk, in time.
func (s *Service) flushLoop() {
	timer := time.NewTimer(sweepEvery)
	defer timer.Stop()
	synced := time.Now() // the pace is the computer's own, whatever the clock that dates events
	for {
		select {
		case <-s.done:
			return
		case <-timer.C:
			s.sweep()
		case <-s.dirty:
			if !s.pause(writeEvery) {
				return
			}
			if time.Since(synced) >= syncEvery {
				s.flush(true)
				synced = time.Now()
			} else {
				s.flush(false)
				s.wake() // to be synced
			}
		}
		timer.Reset(sweepEvery)
	}
}

// pause waits, and tells whether the service is still open.
func (s *Service) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.done:
		return false
	case <-timer.C:
		return true
	}
}

// wake has the loop write what waits.
func (s *Service) wake() {
	select {
	case s.dirty <- struct{}{}:
	default: // it will already
	}
}

// flush writes what waits in all groups, and syncs it if it is to.
func (s *Service) flush(sync bool) {
	if sync {
		if err := s.syncCatalog(); err != nil {
			s.log.Error("cannot write the catalog of the logs", "error", err)
		}
	}
	for _, g := range s.all() {
		written, err := g.write()
		if err == nil && sync {
			err = g.sync(written)
		}
		if err != nil {
			s.log.Error("events of a log group are lost", "error", err)
		}
	}
	if sync {
		s.bound()
	}
}

// all lists the groups.
func (s *Service) all() []*group {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Collect(maps.Values(s.groups))
}

// sweep deletes what is past its group's retention.
func (s *Service) sweep() {
	for _, g := range s.all() {
		if oldest := s.oldest(g); oldest > 0 {
			if _, err := g.drop(func(seg *segment) bool { return seg.Total.Latest < oldest }); err != nil {
				s.log.Error("cannot delete old events", "group", g.record.Name, "error", err)
			}
		}
	}
	s.bound()
}

// oldest is the time before which the group's events have expired, 0 for never.
func (s *Service) oldest(g *group) int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if g.record.Retention == 0 {
		return 0
	}
	return s.now().AddDate(0, 0, -g.record.Retention).UnixMilli()
}

// bound deletes the oldest segments until all together are within bounds.
func (s *Service) bound() {
	type candidate struct {
		g      *group
		number uint32
		latest int64
	}
	var total int64
	groups := s.all()
	for _, g := range groups {
		total += g.size()
	}
	if total <= s.maxBytes {
		return
	}
	var candidates []candidate
	for _, g := range groups {
		g.mu.Lock()
		for _, seg := range g.segments {
			candidates = append(candidates, candidate{g, seg.Number, seg.Total.Latest})
		}
		g.mu.Unlock()
	}
	slices.SortFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.latest, b.latest) })
	for _, c := range candidates {
		if total <= s.maxBytes {
			return
		}
		freed, err := c.g.drop(func(seg *segment) bool { return seg.Number == c.number })
		if err != nil {
			s.log.Error("cannot delete old events", "group", c.g.record.Name, "error", err)
		}
		total -= freed
	}
}

// syncCatalog returns when all changes of the catalog are on disk.
func (s *Service) syncCatalog() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.syncCatalogLocked()
}

func (s *Service) syncCatalogLocked() error {
	if s.closed || !s.unsynced {
		return nil
	}
	s.unsynced = false
	return s.catalog.file.Sync()
}

// record writes changes of the catalog; the mutex is held.
func (s *Service) record(changes ...change) error {
	if s.closed {
		return errClosed
	}
	if err := s.catalog.write(changes...); err != nil {
		return fmt.Errorf("write the catalog of the logs: %w", err)
	}
	s.unsynced = true
	return nil
}

// change finds a group, lets f change its catalog, and returns when that is on disk.
func (s *Service) change(name string, f func(*group) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[name]
	if g == nil {
		return noGroup()
	}
	if err := f(g); err != nil {
		return err
	}
	return s.syncCatalogLocked()
}

// Group is a log group.
type Group struct {
	Name      string
	Created   time.Time
	Retention int // days; 0: events never expire
	Class     string
	Tags      map[string]string
	KMSKeyID  string // kept and shown; events are not encrypted here
	Protected bool   // from deletion
	Bytes     int64  // that its events take

	MetricFilters int // how many it has
}

// CreateGroup creates a log group of g's name, class, tags, key and protection. The error may be the exception ResourceAlreadyExistsException,
// InvalidParameterException or LimitExceededException.
func (s *Service) CreateGroup(g Group) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.groups[g.Name] != nil {
		return sfn.Refuse(ResourceAlreadyExistsException, "The specified log group already exists")
	}
	if _, err := s.createGroup(g); err != nil {
		return err
	}
	return s.syncCatalogLocked()
}

func (s *Service) createGroup(g Group) (*group, error) {
	if err := checkGroupName(g.Name); err != nil {
		return nil, err
	}
	if len(s.groups) >= maxGroups {
		return nil, sfn.Refuse(LimitExceededException, "Resource limit exceeded.")
	}
	s.nextID++
	record := groupRecord{ID: s.nextID, Name: g.Name, Created: s.now().UnixMilli(), Class: g.Class, Tags: maps.Clone(g.Tags), KMSKeyID: g.KMSKeyID, Protected: g.Protected}
	made, err := openGroup(s.fs, s.dir, record)
	if err != nil {
		return nil, err
	}
	if err := s.record(change{Group: &record}); err != nil {
		return nil, err
	}
	s.groups[g.Name] = made
	return made, nil
}

// DeleteGroup deletes a log group with all that is in it. The error may be the exception ResourceNotFoundException, or
// ValidationException for one that is protected.
func (s *Service) DeleteGroup(name string) error {
	var gone *group
	err := s.change(name, func(g *group) error {
		if g.record.Protected {
			return sfn.Refuse(sfn.ValidationException, "The log group %s is protected from deletion: disable its deletion protection first.", name)
		}
		gone = g
		delete(s.groups, name)
		s.streams -= len(g.streams)
		return s.record(change{GroupDeleted: g.record.ID})
	})
	if err != nil {
		return err
	}
	return gone.remove()
}

// HasGroup tells whether there is a log group of the name.
func (s *Service) HasGroup(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.groups[name] != nil
}

// HasStream tells whether the group has a stream of the name.
func (s *Service) HasStream(group, stream string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	g := s.groups[group]
	return g != nil && g.streams[stream] != nil
}

// Groups lists all groups that take is true for, by name.
func (s *Service) Groups(take func(name string) bool) []Group {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []Group
	for name, g := range s.groups {
		if take(name) {
			list = append(list, g.describe())
		}
	}
	slices.SortFunc(list, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Group returns one log group. The error may be the exception ResourceNotFoundException.
func (s *Service) Group(name string) (Group, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	g := s.groups[name]
	if g == nil {
		return Group{}, noGroup()
	}
	return g.describe(), nil
}

func (g *group) describe() Group {
	return Group{
		MetricFilters: len(g.record.Filters),
		Name:          g.record.Name, Created: time.UnixMilli(g.record.Created).UTC(), Retention: g.record.Retention, Class: g.record.Class,
		Tags: maps.Clone(g.record.Tags), KMSKeyID: g.record.KMSKeyID, Protected: g.record.Protected, Bytes: g.size(),
	}
}

// SetRetention has the group's events expire after days, or never for 0. The error may be the exception ResourceNotFoundException.
func (s *Service) SetRetention(name string, days int) error {
	return s.change(name, func(g *group) error {
		g.record.Retention = days
		return s.record(g.changed())
	})
}

// SetKey has the group show a KMS key, or none for "". The error may be the exception ResourceNotFoundException.
func (s *Service) SetKey(name, key string) error {
	return s.change(name, func(g *group) error {
		g.record.KMSKeyID = key
		return s.record(g.changed())
	})
}

// SetProtection protects the group from deletion, or no longer. The error may be the exception ResourceNotFoundException.
func (s *Service) SetProtection(name string, protected bool) error {
	return s.change(name, func(g *group) error {
		g.record.Protected = protected
		return s.record(g.changed())
	})
}

// EditTags lets edit change the group's tags, unless it returns an error. The error may also be the exception ResourceNotFoundException.
func (s *Service) EditTags(name string, edit func(tags map[string]string) error) error {
	return s.change(name, func(g *group) error {
		tags := maps.Clone(g.record.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		if err := edit(tags); err != nil {
			return err
		}
		g.record.Tags = tags
		return s.record(g.changed())
	})
}

func (g *group) changed() change {
	record := g.record
	return change{Group: &record}
}

// Stream is a log stream. Times are epoch milliseconds; those of events are 0 without any.
type Stream struct {
	Name        string
	Created     int64
	First, Last int64 // the earliest and the latest event
	Ingested    int64 // when the last event came in
}

// CreateStream creates a log stream. The error may be the exception ResourceNotFoundException, ResourceAlreadyExistsException or
// InvalidParameterException.
func (s *Service) CreateStream(groupName, name string) error {
	return s.change(groupName, func(g *group) error {
		if g.streams[name] != nil {
			return sfn.Refuse(ResourceAlreadyExistsException, "The specified log stream already exists")
		}
		_, err := s.createStream(g, name)
		return err
	})
}

func (s *Service) createStream(g *group, name string) (*streamRecord, error) {
	if err := checkStreamName(name); err != nil {
		return nil, err
	}
	if s.streams >= maxStreams {
		return nil, sfn.Refuse(LimitExceededException, "Resource limit exceeded.")
	}
	s.nextID++
	stream := &streamRecord{Group: g.record.ID, ID: s.nextID, Name: name, Created: s.now().UnixMilli()}
	if err := s.record(change{Stream: stream}); err != nil {
		return nil, err
	}
	s.addStream(g, stream)
	return stream, nil
}

// DeleteStream deletes a log stream and its events. The error may be the exception ResourceNotFoundException.
func (s *Service) DeleteStream(groupName, name string) error {
	return s.change(groupName, func(g *group) error {
		stream := g.streams[name]
		if stream == nil {
			return noStream()
		}
		if err := s.record(change{StreamDeleted: &streamRecord{Group: stream.Group, ID: stream.ID}}); err != nil {
			return err
		}
		delete(g.streams, name)
		s.streams--
		g.mu.Lock()
		delete(g.names, stream.ID)
		g.mu.Unlock()
		return nil
	})
}

// Streams lists the streams of a group whose names begin with prefix, by name. The error may be the exception ResourceNotFoundException.
func (s *Service) Streams(group, prefix string) ([]Stream, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	g := s.groups[group]
	if g == nil {
		return nil, noGroup()
	}
	sums := g.streamSums()
	var list []Stream
	for name, stream := range g.streams {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		events := sums[stream.ID]
		list = append(list, Stream{Name: name, Created: stream.Created, First: events.Earliest, Last: events.Latest, Ingested: events.Ingested})
	}
	slices.SortFunc(list, func(a, b Stream) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

package trigger

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/value"
)

// Archive keeps the events of a bus that match its pattern. It never changes once it is stored; it is replaced.
type Archive struct {
	Name string `json:"name"`
	// ID is what its events are keyed by: 16 hexadecimal digits that no other archive has had.
	ID          string `json:"id"`
	Bus         string `json:"bus"`
	Description string `json:"description,omitempty"`
	Pattern     string `json:"pattern,omitempty"` // "": all events
	// RetentionDays is how long an event is kept, 0 for ever.
	RetentionDays int       `json:"retentionDays,omitempty"`
	KMSKey        string    `json:"kmsKey,omitempty"`
	Created       time.Time `json:"created"`
	// Template is a sum of what a template says of the archive, "" for one that a client has made.
	Template string `json:"template,omitempty"`

	pattern *Pattern // nil: all events
	size    *archiveSize
}

// archiveSize counts what is in an archive, on disk.
type archiveSize struct{ events, bytes atomic.Int64 }

func (s *archiveSize) add(events, bytes int64) {
	s.events.Add(events)
	s.bytes.Add(bytes)
}

// Events is how many events are in the archive.
func (a *Archive) Events() int64 { return a.size.events.Load() }

// Bytes is the size of the events in the archive, counted as eventSize does.
func (a *Archive) Bytes() int64 { return a.size.bytes.Load() }

// The collections of archives. An archived event is a document by the archive, the event's time and its arrival, so that a replay reads a range of it.
// What came to an archive in one commit is noted by the time of its arrival, so that what is too old is found, and what there is can be counted, without
// reading events.
const (
	collectionArchives  = "event-archives"
	collectionArchived  = "event-archived"
	collectionArrivals  = "event-arrivals"
	collectionDiscarded = "event-archives-discarded" // the ids of archives that were deleted
)

// arrival is what came to an archive in one commit.
type arrival struct {
	Events []string `json:"events"` // the parts of their keys before and behind that of the arrival, as archivedKey has them
	Bytes  int64    `json:"bytes"`
}

// sortable writes a number so that texts sort as numbers do.
func sortable(n int64) string { return fmt.Sprintf("%016x", uint64(n)^1<<63) }

// fromSortable reads what sortable has written.
func fromSortable(text string) int64 {
	n, _ := strconv.ParseUint(text, 16, 64) // it was written by sortable
	return int64(n ^ 1<<63)
}

// The lengths of the parts of keys.
const (
	archiveIDLength = 16
	sortableLength  = 16
)

// archivedKey keys an event by its archive, its time in epoch seconds, its arrival and its place there. part has the time and the place.
func archivedKey(id, part, arrival string) string {
	return id + part[:sortableLength] + arrival + part[sortableLength:]
}

// archivedPart is the time and the place of an event in its arrival.
func archivedPart(seconds int64, place int) string {
	return sortable(seconds) + fmt.Sprintf("%04x", place)
}

// archivedTime is the time of an event in epoch seconds, by its key.
func archivedTime(key string) int64 {
	return fromSortable(key[archiveIDLength : archiveIDLength+sortableLength])
}

// arrivalKey keys an arrival by its archive and when it was, in epoch milliseconds.
func arrivalKey(id string, at int64, arrival string) string { return id + sortable(at) + arrival }

// ArchiveARN is the ARN of the archive name.
func (e *Events) ArchiveARN(name string) string { return e.arn("archive/" + name) }

func noArchive(name string) error {
	return sfn.Refuse(ResourceNotFoundException, "Archive %s does not exist.", name)
}

func (a *Archive) compile() (err error) {
	if a.Pattern != "" {
		a.pattern, err = ParsePattern(a.Pattern)
	}
	return err
}

// ofStates tells whether events of Step Functions may be archived.
func (a *Archive) ofStates() bool {
	return a.pattern == nil || a.pattern.MayMatch("source", value.String("aws.states"))
}

// loadArchives reads the archives and counts what is in them. What was committed for archives that were being deleted goes now.
func (e *Events) loadArchives() error {
	if err := e.discard(); err != nil {
		return err
	}
	for d, err := range e.cfg.Store.Documents(collectionArchives, "", "") {
		a := &Archive{size: new(archiveSize)}
		if err = errors.Join(err, json.Unmarshal(d.Value, a)); err == nil {
			err = a.compile()
		}
		if err != nil {
			return fmt.Errorf("read the archives of events: %w", err)
		}
		e.archives[a.Name] = a
		for d, err := range e.cfg.Store.Documents(collectionArrivals, a.ID, "") {
			var one arrival
			if err = errors.Join(err, json.Unmarshal(d.Value, &one)); err != nil {
				return fmt.Errorf("count archive %s: %w", a.Name, err)
			}
			a.size.add(int64(len(one.Events)), one.Bytes)
		}
	}
	e.listArchives()
	return nil
}

// discard deletes what is left of archives that were deleted in an earlier life of the process.
func (e *Events) discard() error {
	b := e.cfg.Store.NewBatch()
	for d, err := range e.cfg.Store.Documents(collectionDiscarded, "", "") {
		if err != nil {
			return fmt.Errorf("read which archives were deleted: %w", err)
		}
		b.DeleteDocuments(collectionArchived, d.Key)
		b.DeleteDocuments(collectionArrivals, d.Key)
		b.DeleteDocument(collectionDiscarded, d.Key)
	}
	if b.Empty() {
		return nil
	}
	return e.cfg.Store.Commit(b)
}

// listArchives lists the archives of each bus anew; the mutex is held, or nobody else is there yet.
func (e *Events) listArchives() {
	e.archivesOf = map[string][]*Archive{}
	for _, a := range e.archives {
		e.archivesOf[a.Bus] = append(e.archivesOf[a.Bus], a)
	}
}

// CreateArchive creates an archive of the events of its bus from now on. The error may be ResourceNotFoundException, for the bus,
// ResourceAlreadyExistsException or InvalidEventPatternException.
func (e *Events) CreateArchive(a Archive) (Archive, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.buses[a.Bus] == nil:
		return a, noBus(a.Bus)
	case e.archives[a.Name] != nil:
		return a, sfn.Refuse(ResourceAlreadyExistsException, "Archive %s already exists.", a.Name)
	}
	a.ID, a.Created, a.size = strings.ReplaceAll(uuid.NewString(), "-", "")[:archiveIDLength], e.cfg.Clock.Now().UTC(), new(archiveSize)
	return a, e.storeArchive(&a)
}

// storeArchive creates or replaces an archive; the mutex is held.
func (e *Events) storeArchive(a *Archive) error {
	if err := a.compile(); err != nil {
		return err
	}
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := e.commit(func(b *store.Batch) error { return b.PutDocument(collectionArchives, a.Name, text) }); err != nil {
		return err
	}
	e.archives[a.Name] = a
	e.listArchives()
	return nil
}

// ArchiveChange is what UpdateArchive changes of an archive: what is not nil.
type ArchiveChange struct {
	Description, Pattern, KMSKey *string
	RetentionDays                *int
}

// UpdateArchive changes an archive and returns what it is now. What is in it stays, as far as it is not too old. The error may be
// ResourceNotFoundException or InvalidEventPatternException.
func (e *Events) UpdateArchive(name string, c ArchiveChange) (Archive, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.archives[name]
	if before == nil {
		return Archive{}, noArchive(name)
	}
	a := *before
	for _, m := range []struct{ from, to *string }{{c.Description, &a.Description}, {c.Pattern, &a.Pattern}, {c.KMSKey, &a.KMSKey}} {
		if m.from != nil {
			*m.to = *m.from
		}
	}
	if c.RetentionDays != nil {
		a.RetentionDays = *c.RetentionDays
	}
	a.pattern = nil
	return a, e.storeArchive(&a)
}

// DeleteArchive deletes an archive with all events in it. The error may be ResourceNotFoundException.
func (e *Events) DeleteArchive(name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.archives[name]
	if a == nil {
		return noArchive(name)
	}
	return e.dropArchive(a)
}

// dropArchive deletes an archive; the mutex is held. Events that are being committed for it meanwhile are discarded by the next process.
func (e *Events) dropArchive(a *Archive) error {
	err := e.commit(func(b *store.Batch) error {
		b.DeleteDocument(collectionArchives, a.Name)
		b.DeleteDocuments(collectionArchived, a.ID)
		b.DeleteDocuments(collectionArrivals, a.ID)
		return b.PutDocument(collectionDiscarded, a.ID, nil)
	})
	if err != nil {
		return err
	}
	delete(e.archives, a.Name)
	e.listArchives()
	return nil
}

// Archive returns one archive. The error may be ResourceNotFoundException.
func (e *Events) Archive(name string) (Archive, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	a := e.archives[name]
	if a == nil {
		return Archive{}, noArchive(name)
	}
	return *a, nil
}

// Archives lists the archives whose names begin with prefix, by name.
func (e *Events) Archives(prefix string) []Archive {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var list []Archive
	for name, a := range e.archives {
		if strings.HasPrefix(name, prefix) {
			list = append(list, *a)
		}
	}
	slices.SortFunc(list, func(a, b Archive) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// kept is an event that an archive keeps.
type kept struct {
	archive *Archive
	seconds int64 // the event's time
	text    string
	size    int64
}

// keep adds the event to what the archives of the bus keep, unless it is a replayed one (user guide, "Preventing replayed events from being delivered
// to an archive"). A mutex is held.
func (e *Events) keep(all *effects, bus string, event *value.Object) {
	archives := e.archivesOf[bus]
	if len(archives) == 0 {
		return
	}
	if _, replayed := event.Get(replayName); replayed {
		return
	}
	one := kept{}
	for _, a := range archives {
		if a.pattern != nil && !a.pattern.Match(event) {
			continue
		}
		if one.text == "" {
			at, _ := time.Parse(eventTime, value.TextAt(event, "time")) // it was made here
			one.seconds, one.text, one.size = at.Unix(), value.Text(event), eventSize(event)
		}
		one.archive = a
		all.kept = append(all.kept, one)
	}
}

// eventSize is what an event adds to the SizeBytes of an archive: its source, type, detail, account and resources, and 14 bytes for the time. It comes to what
// was recorded on AWS.
func eventSize(event *value.Object) int64 {
	size := 14
	for _, name := range []string{"source", "detail-type", "account"} {
		size += len(value.TextAt(event, name))
	}
	for _, r := range value.Texts(value.ArrayAt(event, "resources")) {
		size += len(r)
	}
	detail, _ := event.Get("detail")
	return int64(size + len(value.Text(detail)))
}

// putKept adds to the batch what archives keep.
func (e *Events) putKept(b *store.Batch, list []kept) error {
	if len(list) == 0 {
		return nil
	}
	now, name := e.cfg.Clock.Now().UnixMilli(), uuid.Must(uuid.NewV7()).String()
	arrivals := map[string]*arrival{} // by the archive's id
	for i, k := range list {
		one := arrivals[k.archive.ID]
		if one == nil {
			one = new(arrival)
			arrivals[k.archive.ID] = one
		}
		part := archivedPart(k.seconds, i)
		one.Events, one.Bytes = append(one.Events, part), one.Bytes+k.size
		if err := b.PutDocument(collectionArchived, archivedKey(k.archive.ID, part, name), []byte(k.text)); err != nil {
			return err
		}
	}
	for id, one := range arrivals {
		text, err := json.Marshal(one)
		if err == nil {
			err = b.PutDocument(collectionArrivals, arrivalKey(id, now, name), text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// expiredAtOnce bounds how many arrivals one commit forgets.
const expiredAtOnce = 256

// expire deletes what archives have kept for longer than they retain.
func (e *Events) expire() error {
	for _, a := range e.Archives("") {
		if a.RetentionDays == 0 {
			continue
		}
		until := arrivalKey(a.ID, e.cfg.Clock.Now().AddDate(0, 0, -a.RetentionDays).UnixMilli(), "")
		for more := true; more; {
			var err error
			if more, err = e.expireSome(&a, until); err != nil {
				return err
			}
		}
	}
	return nil
}

// expireSome deletes arrivals before a key and tells whether there may be more.
func (e *Events) expireSome(a *Archive, until string) (more bool, err error) {
	b := e.cfg.Store.NewBatch()
	var arrivals, events, bytes int64
	for d, err := range e.cfg.Store.Documents(collectionArrivals, a.ID, "") {
		var one arrival
		if err = errors.Join(err, json.Unmarshal(d.Value, &one)); err != nil {
			return false, err
		}
		if d.Key >= until || arrivals == expiredAtOnce {
			break
		}
		name := d.Key[archiveIDLength+sortableLength:]
		for _, part := range one.Events {
			b.DeleteDocument(collectionArchived, archivedKey(a.ID, part, name))
		}
		b.DeleteDocument(collectionArrivals, d.Key)
		arrivals, events, bytes = arrivals+1, events+int64(len(one.Events)), bytes+one.Bytes
	}
	if arrivals == 0 {
		return false, nil
	}
	if err := e.cfg.Store.Commit(b); err != nil {
		return false, err
	}
	a.size.add(-events, -bytes)
	return arrivals == expiredAtOnce, nil
}

// DeployArchive creates an archive of a template, or gives it what the template says, unless that is the same as before. fixed tells that the template
// names it: such an archive cannot be of another bus all of a sudden, while one without a name is replaced (template reference, AWS::Events::Archive).
func (e *Events) DeployArchive(a Archive, fixed bool) (err error) {
	if a.Template, err = templateSum(a); err != nil {
		return err
	}
	before, err := e.Archive(a.Name)
	switch {
	case err == nil && before.Bus != a.Bus && fixed:
		return invalidEvents("CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename %s and update the stack again.", a.Name)
	case err == nil && before.Bus != a.Bus:
		if err := e.DeleteArchive(a.Name); err != nil {
			return err
		}
		fallthrough
	case err != nil:
		_, err := e.CreateArchive(a)
		return err
	case before.Template == a.Template:
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	a.ID, a.Created, a.size = before.ID, before.Created, before.size
	return e.storeArchive(&a)
}

// WithdrawArchives deletes the archives of templates that keep does not want any more.
func (e *Events) WithdrawArchives(keep func(name string) bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, a := range e.archives {
		if a.Template == "" || keep(name) {
			continue
		}
		if err := e.dropArchive(a); err != nil {
			return err
		}
	}
	return nil
}

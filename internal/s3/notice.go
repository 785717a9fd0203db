package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tutti-run/tutti/internal/lsm"
)

// NoticeKind says what became of an object: the detail-type of the event that tells of it.
type NoticeKind string

// What is told of objects.
const (
	ObjectCreated NoticeKind = "Object Created"
	ObjectDeleted NoticeKind = "Object Deleted"
)

// Origin says which request changed an object.
type Origin struct {
	// Reason is the operation: PutObject, CopyObject, CompleteMultipartUpload or DeleteObject.
	Reason string `json:"reason"`
	// RequestID and SourceIP are "" for changes by this process itself.
	RequestID string `json:"requestId,omitempty"`
	SourceIP  string `json:"sourceIp,omitempty"`
}

// Notice tells of a change of an object in a bucket whose events go to somebody.
type Notice struct {
	Kind      NoticeKind `json:"kind"`
	Bucket    string     `json:"bucket"`
	Key       string     `json:"key"`
	Size      int64      `json:"size"`
	ETag      string     `json:"etag,omitempty"`
	Time      time.Time  `json:"time"`
	Sequencer string     `json:"sequencer"` // ascending with the changes of an object
	Origin
	// Aside tells that EventBridge does not hear of it, only whom To names.
	Aside bool           `json:"aside,omitempty"`
	To    []Notification `json:"to,omitempty"`
}

// Detail is the detail of the event that tells of the notice (user guide, "Amazon S3 event message structure"). Requester is the account.
func (n *Notice) Detail(requester string) ([]byte, error) {
	type object struct {
		Key       string `json:"key"`
		Size      *int64 `json:"size,omitempty"`
		ETag      string `json:"etag,omitempty"`
		Sequencer string `json:"sequencer"`
	}
	d := struct {
		Version  string            `json:"version"`
		Bucket   map[string]string `json:"bucket"`
		Object   object            `json:"object"`
		Request  string            `json:"request-id"`
		Who      string            `json:"requester"`
		From     string            `json:"source-ip-address,omitempty"`
		Reason   string            `json:"reason"`
		Deletion string            `json:"deletion-type,omitempty"`
	}{"0", map[string]string{"name": n.Bucket}, object{n.Key, nil, n.ETag, n.Sequencer}, n.RequestID, requester, n.SourceIP, n.Reason, ""}
	if n.Kind == ObjectCreated {
		d.Object.Size = &n.Size
	} else {
		d.Deletion = "Permanently Deleted" // versions are not kept
	}
	return json.Marshal(d)
}

// notices is what is to be told, and the goroutine that tells it.
type notices struct {
	mu   sync.Mutex
	last int64 // number of the latest notice

	wake   chan struct{} // holds a token when there may be something to tell
	cancel context.CancelFunc
	done   chan struct{}
}

// Notify has every change of an object in a bucket whose events go to somebody be told, in order, until the store is closed. A notice is on disk
// with the change that it tells of, and stays until tell returns nil; so none is lost, and one may be told twice, if the process ends between the two.
// It is called once, before the first operation.
func (s *Store) Notify(tell func(Notice) error) {
	ctx, cancel := context.WithCancel(context.Background())
	s.notices.cancel, s.notices.done = cancel, make(chan struct{})
	if _, err := s.fs.Stat(s.fs.PathJoin(s.dir, "index")); err == nil {
		s.wakeNotices() // what an earlier life has left
	}
	go s.tellNotices(ctx, tell)
}

func (s *Store) wakeNotices() {
	select {
	case s.notices.wake <- struct{}{}:
	default: // a token is there already
	}
}

// stopNotices ends the telling.
func (s *Store) stopNotices() {
	if s.notices.cancel != nil {
		s.notices.cancel()
		<-s.notices.done
	}
}

// tellAgainAfter is how long a notice that could not be told waits.
const tellAgainAfter = time.Second

func (s *Store) tellNotices(ctx context.Context, tell func(Notice) error) {
	defer close(s.notices.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.notices.wake:
		}
		err := s.tellAll(ctx, tell)
		if err == nil || ctx.Err() != nil || errors.Is(err, errClosed) {
			continue
		}
		s.log.Warn("an event of an object could not be told; it is tried again", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(tellAgainAfter):
			s.wakeNotices()
		}
	}
}

// tellAll tells what there is.
func (s *Store) tellAll(ctx context.Context, tell func(Notice) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return s.scan([]byte{familyNotice}, []byte{familyNotice + 1}, func(key, value []byte) (bool, error) {
		if ctx.Err() != nil {
			return false, nil
		}
		var n Notice
		if err := json.Unmarshal(value, &n); err != nil {
			return false, err
		}
		if err := tell(n); err != nil {
			return false, err
		}
		return true, s.db.Delete(key, pebble.NoSync) // if that is lost, it is told again
	})
}

// notice adds to the batch what is to be told of a change, if the bucket's events go to somebody.
func (s *Store) notice(batch *lsm.Batch, b *Bucket, kind NoticeKind, i *Info, from Origin) error {
	var to []Notification
	for _, n := range b.Notifications {
		if n.tells(eventNames[from.Reason], i.Key) {
			to = append(to, n)
		}
	}
	if !b.EventBridge && len(to) == 0 || s.notices.cancel == nil {
		return nil
	}
	now := s.now()
	s.notices.mu.Lock()
	s.notices.last = max(s.notices.last+1, now.UnixNano())
	number := s.notices.last
	s.notices.mu.Unlock()
	n := Notice{
		Kind: kind, Bucket: b.Name, Key: i.Key, Size: i.Size, ETag: i.ETag, Time: now.UTC(), Sequencer: fmt.Sprintf("%018X", number), Origin: from,
		Aside: !b.EventBridge, To: to,
	}
	value, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return batch.Set(fmt.Appendf([]byte{familyNotice}, "%016x", number), value, nil)
}

// SetEventBridge says whether the events of a bucket's objects go to EventBridge. The error may be NoSuchBucket.
func (s *Store) SetEventBridge(name string, on bool) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	s.buckets.Lock()
	defer s.buckets.Unlock()
	b, err := s.bucket(name)
	if err != nil || b.EventBridge == on {
		return err
	}
	b.EventBridge = on
	return s.set(bucketKey(name), b)
}

// origin is the request as notices tell of it.
func (c *call) origin(reason string) Origin {
	host, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		host = ""
	}
	return Origin{reason, c.w.Header().Get("x-amz-request-id"), host}
}

package s3

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tutti-run/tutti/internal/lsm"
)

// Attributes are what a client says of an object beside its body.
type Attributes struct {
	ContentType        string            `json:"contentType,omitempty"`
	CacheControl       string            `json:"cacheControl,omitempty"`
	ContentDisposition string            `json:"contentDisposition,omitempty"`
	ContentEncoding    string            `json:"contentEncoding,omitempty"`
	ContentLanguage    string            `json:"contentLanguage,omitempty"`
	Expires            string            `json:"expires,omitempty"`
	StorageClass       string            `json:"storageClass,omitempty"` // "" is STANDARD
	Metadata           map[string]string `json:"metadata,omitempty"`     // by name in lower case, without x-amz-meta-
	Tags               []Tag             `json:"tags,omitempty"`
}

// Tag is a tag of an object.
type Tag struct {
	Key   string `json:"k"`
	Value string `json:"v"`
}

// Info describes an object.
type Info struct {
	Key          string    `json:"-"`
	Size         int64     `json:"size"`
	ETag         string    `json:"etag"` // without quotes
	LastModified time.Time `json:"modified"`
	Checksum     Checksum  `json:"checksum,omitzero"`
	Parts        int       `json:"parts,omitempty"` // of an object that was uploaded in parts
	Attributes
}

// Class is the object's storage class.
func (i *Info) Class() string {
	if i.StorageClass == "" {
		return "STANDARD"
	}
	return i.StorageClass
}

// entry is an object in the index.
type entry struct {
	Info
	// Files are the body; where there are none, it lies beside the entry.
	Files []segment `json:"files,omitempty"`
}

// Condition says under which conditions a request is carried out. The zero value is always fulfilled.
type Condition struct {
	IfMatch, IfNoneMatch               string // entity tags, or "*"
	IfModifiedSince, IfUnmodifiedSince time.Time
}

// check returns PreconditionFailed, or NotModified, if the condition does not hold for the object; nil stands for none. RFC 9110, section 13.2.2, says
// which condition goes before which.
func (c Condition) check(i *Info, reading bool, bucket, key string) error {
	matches := func(tags string) bool {
		if i == nil {
			return false
		}
		for tag := range strings.SplitSeq(tags, ",") {
			if tag = strings.Trim(strings.TrimPrefix(strings.TrimSpace(tag), "W/"), `"`); tag == "*" || tag == i.ETag {
				return true
			}
		}
		return false
	}
	since := func(t time.Time) bool { return i != nil && i.LastModified.Truncate(time.Second).After(t) }
	switch {
	case c.IfMatch != "" && i == nil && !reading:
		return refuse(NoSuchKey, bucket, key)
	case c.IfMatch != "" && !matches(c.IfMatch), c.IfMatch == "" && !c.IfUnmodifiedSince.IsZero() && since(c.IfUnmodifiedSince):
		return refuse(PreconditionFailed, bucket, key)
	case c.IfNoneMatch != "" && matches(c.IfNoneMatch) && !reading:
		return refuse(PreconditionFailed, bucket, key)
	case c.IfNoneMatch != "" && matches(c.IfNoneMatch), c.IfNoneMatch == "" && !c.IfModifiedSince.IsZero() && !since(c.IfModifiedSince):
		return refuse(NotModified, bucket, key)
	}
	return nil
}

// Put stores an object, replacing the one of the same key. The body's own errors come back as they are. The error may be NoSuchBucket,
// KeyTooLongError, EntityTooLarge or PreconditionFailed.
func (s *Store) Put(bucket, key string, src io.Reader, a Attributes, when Condition, sum *Checksum) (Info, error) {
	return s.put(bucket, key, src, a, when, sum, Origin{Reason: "PutObject"})
}

// put stores an object on behalf of a request.
func (s *Store) put(bucket, key string, src io.Reader, a Attributes, when Condition, sum *Checksum, from Origin) (Info, error) {
	if err := checkKey(bucket, key); err != nil {
		return Info{}, err
	}
	if err := s.enter(); err != nil {
		return Info{}, err
	}
	defer s.leave()
	if err := s.checkBucket(bucket); err != nil {
		return Info{}, err
	}
	digest := md5.New()
	inline, files, size, err := s.spill(io.TeeReader(&limited{src, MaxPutBytes}, digest), inlineBytes)
	if err != nil {
		return Info{}, err
	}
	e := entry{Files: files, Info: Info{
		Key: key, Size: size, ETag: hex.EncodeToString(digest.Sum(nil)), Attributes: a, LastModified: s.now().UTC().Truncate(time.Millisecond),
	}}
	if sum != nil {
		e.Checksum = *sum
	}
	if err := s.commit(bucket, &e, inline, when, from, nil); err != nil {
		s.discard(files)
		return Info{}, err
	}
	return e.Info, nil
}

// commit makes the entry the object of its key. A body without files is inline. more adds to the batch.
func (s *Store) commit(bucket string, e *entry, inline []byte, when Condition, from Origin, more func(*lsm.Batch) error) error {
	s.buckets.RLock()
	defer s.buckets.RUnlock()
	b, err := s.bucket(bucket)
	if err != nil { // it may have gone while the body came in
		return err
	}
	defer s.lockKey(bucket, e.Key)()
	before, err := s.entry(bucket, e.Key)
	var absent *Error
	if err != nil && !errors.As(err, &absent) {
		return err
	}
	var existing *Info
	if err == nil {
		existing = &before.Info
	}
	if err := when.check(existing, false, bucket, e.Key); err != nil {
		return err
	}
	value, err := json.Marshal(e)
	if err != nil {
		return err
	}
	batch := s.db.NewBatch()
	defer func() { _ = batch.Close() }()
	if err := errors.Join(batch.Set(objectKey(bucket, e.Key), value, nil), batch.Set(contentKey(bucket, e.Key), inline, nil)); err != nil {
		return err
	}
	if err := s.notice(batch, &b, ObjectCreated, &e.Info, from); err != nil {
		return err
	}
	if more != nil {
		if err := more(batch); err != nil {
			return err
		}
	}
	if err := batch.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	s.wakeNotices()
	s.discard(before.Files)
	return nil
}

// entry reads an object's entry.
func (s *Store) entry(bucket, key string) (entry, error) {
	e := entry{Info: Info{Key: key}}
	return e, s.get(objectKey(bucket, key), &e, refuse(NoSuchKey, bucket, key))
}

// snapshot reads an object's entry and what lies beside it, both of one moment.
func (s *Store) snapshot(bucket, key string) (e entry, inline []byte, err error) {
	view := s.db.NewSnapshot()
	defer func() { err = errors.Join(err, view.Close()) }()
	e.Key = key
	if err := get(view, objectKey(bucket, key), &e, refuse(NoSuchKey, bucket, key)); err != nil {
		return e, nil, err
	}
	if len(e.Files) > 0 {
		return e, nil, nil
	}
	value, closer, err := view.Get(contentKey(bucket, key))
	if err != nil {
		return e, nil, fmt.Errorf("read the body of %s/%s: %w", bucket, key, err)
	}
	return e, append([]byte{}, value...), closer.Close()
}

// Object is an object that is open for reading, as it was when it was opened. Close it.
type Object struct {
	Info
	*body
}

// Reader reads the object from its beginning.
func (o *Object) Reader() io.Reader { return io.NewSectionReader(o.body, 0, o.Size) }

// Get opens an object. The error may be NoSuchBucket, NoSuchKey or NoSuchVersion: the only version that an object has is called "null".
func (s *Store) Get(bucket, key, version string) (*Object, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := s.checkBucket(bucket); err != nil {
		return nil, err
	}
	if version != "" && version != "null" {
		return nil, refuse(NoSuchVersion, bucket, key)
	}
	for try := 0; ; try++ {
		e, inline, err := s.snapshot(bucket, key)
		if err != nil {
			return nil, err
		}
		b, err := s.openBody(inline, e.Files)
		switch {
		case err == nil:
			return &Object{e.Info, b}, nil
		case !errors.Is(err, fs.ErrNotExist) || try == 10: // it was replaced in this moment
			return nil, fmt.Errorf("open the body of %s/%s: %w", bucket, key, err)
		}
	}
}

// Head describes an object. The error may be one of Get's.
func (s *Store) Head(bucket, key string) (Info, error) {
	if err := s.enter(); err != nil {
		return Info{}, err
	}
	defer s.leave()
	if err := s.checkBucket(bucket); err != nil {
		return Info{}, err
	}
	e, err := s.entry(bucket, key)
	return e.Info, err
}

// Delete deletes an object. Deleting what is not there is no error, but the error may be NoSuchBucket.
func (s *Store) Delete(bucket, key string) error {
	return s.remove(bucket, key, Origin{Reason: "DeleteObject"})
}

// remove deletes an object on behalf of a request.
func (s *Store) remove(bucket, key string, from Origin) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	b, err := s.bucket(bucket)
	if err != nil {
		return err
	}
	defer s.lockKey(bucket, key)()
	e, err := s.entry(bucket, key)
	var absent *Error
	if errors.As(err, &absent) {
		return nil
	}
	if err != nil {
		return err
	}
	batch := s.db.NewBatch()
	defer func() { _ = batch.Close() }()
	err = errors.Join(batch.Delete(objectKey(bucket, key), nil), batch.Delete(contentKey(bucket, key), nil),
		s.notice(batch, &b, ObjectDeleted, &Info{Key: key}, from))
	if err = errors.Join(err, batch.Commit(pebble.Sync)); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	s.wakeNotices()
	s.discard(e.Files)
	return nil
}

// SetTags replaces the tags of an object. The error may be NoSuchBucket or NoSuchKey.
func (s *Store) SetTags(bucket, key string, tags []Tag) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if err := s.checkBucket(bucket); err != nil {
		return err
	}
	defer s.lockKey(bucket, key)()
	e, err := s.entry(bucket, key)
	if err != nil {
		return err
	}
	e.Tags = tags
	return s.set(objectKey(bucket, key), &e)
}

// ListOptions say which objects to list.
type ListOptions struct {
	Prefix    string
	Delimiter string
	// After is the key, or common prefix, behind which the page begins.
	After string
	Limit int // at most MaxListKeys, which 0 stands for
}

// Page is a part of a list. What is in it is sorted by the bytes of keys and prefixes.
type Page struct {
	Objects  []Info
	Prefixes []string // that keys have up to the delimiter
	// Next is the After of the following page; "" behind the last.
	Next string
}

// List lists objects by the bytes of their keys. The error may be NoSuchBucket.
func (s *Store) List(bucket string, o ListOptions) (Page, error) {
	if err := s.enter(); err != nil {
		return Page{}, err
	}
	defer s.leave()
	if err := s.checkBucket(bucket); err != nil {
		return Page{}, err
	}
	if o.Limit <= 0 || o.Limit > MaxListKeys {
		o.Limit = MaxListKeys
	}
	l := lister{ListOptions: o, head: len(objectKey(bucket, ""))}
	lower := objectKey(bucket, o.Prefix)
	upper := behind(lower)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return Page{}, fmt.Errorf("read the index: %w", err)
	}
	err = l.walk(it, bucket)
	return l.page, errors.Join(err, it.Close())
}

type lister struct {
	ListOptions
	head int // how many bytes of an index key go before the object's
	page Page
}

// walk fills the page. It steps over the keys behind a common prefix at once.
func (l *lister) walk(it *pebble.Iterator, bucket string) error {
	ok := it.First()
	if after := l.After; after != "" {
		if prefix, common := l.common(after); common && prefix == after {
			ok = it.SeekGE(behind(objectKey(bucket, after)))
		} else if after >= l.Prefix {
			ok = it.SeekGE(append(objectKey(bucket, after), 0))
		}
	}
	last := ""
	for ok {
		if len(l.page.Objects)+len(l.page.Prefixes) == l.Limit {
			l.page.Next = last
			return nil
		}
		key := string(it.Key()[l.head:])
		if prefix, common := l.common(key); common {
			l.page.Prefixes = append(l.page.Prefixes, prefix)
			last = prefix
			ok = it.SeekGE(behind(objectKey(bucket, prefix)))
			continue
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		i := Info{}
		if err := json.Unmarshal(value, &i); err != nil {
			return fmt.Errorf("read the index: %w", err)
		}
		i.Key, last = key, key
		l.page.Objects = append(l.page.Objects, i)
		ok = it.Next()
	}
	return it.Error()
}

// common is the common prefix under which the key is listed, if it is.
func (l *lister) common(key string) (string, bool) {
	if l.Delimiter == "" || !strings.HasPrefix(key, l.Prefix) {
		return "", false
	}
	at := strings.Index(key[len(l.Prefix):], l.Delimiter)
	if at < 0 {
		return "", false
	}
	return key[:len(l.Prefix)+at+len(l.Delimiter)], true
}

// limited ends with EntityTooLarge once more than left bytes have been read.
type limited struct {
	io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n, refuse(EntityTooLarge, "", "")
	}
	return n, err
}

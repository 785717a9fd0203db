package s3

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/lsm"
)

// Upload is a multipart upload under way.
type Upload struct {
	ID      string    `json:"id"`
	Key     string    `json:"key"`
	Started time.Time `json:"started"`
	// Algorithm is what the parts' checksums are computed with, "" for none.
	Algorithm string `json:"algorithm,omitempty"`
	// WholeChecksum tells that the object's checksum will be one of its whole body, not one of the parts' checksums.
	WholeChecksum bool `json:"whole,omitempty"`
	Attributes
}

// Part is a part of an upload.
type Part struct {
	Number       int       `json:"-"`
	Size         int64     `json:"size"`
	ETag         string    `json:"etag"`
	LastModified time.Time `json:"modified"`
	Checksum     Checksum  `json:"checksum,omitzero"`
	Files        []segment `json:"files"`
}

func uploadKey(bucket, key, id string) []byte {
	k := append(append([]byte{familyUpload}, bucket...), 0)
	if key == "" && id == "" {
		return k
	}
	return append(append(append(k, key...), 0), id...)
}

func partKey(id string, number int) []byte {
	return binary.BigEndian.AppendUint16(append(append([]byte{familyPart}, id...), 0), uint16(number))
}

// CreateUpload begins a multipart upload. The error may be NoSuchBucket or KeyTooLongError.
func (s *Store) CreateUpload(bucket, key, algorithm string, whole bool, a Attributes) (Upload, error) {
	if err := checkKey(bucket, key); err != nil {
		return Upload{}, err
	}
	if err := s.enter(); err != nil {
		return Upload{}, err
	}
	defer s.leave()
	s.buckets.RLock()
	defer s.buckets.RUnlock()
	if err := s.checkBucket(bucket); err != nil {
		return Upload{}, err
	}
	u := Upload{ID: strings.ReplaceAll(uuid.NewString(), "-", ""), Key: key, Started: s.now().UTC().Truncate(time.Millisecond),
		Algorithm: algorithm, WholeChecksum: whole, Attributes: a}
	return u, s.set(uploadKey(bucket, key, u.ID), &u)
}

// upload reads an upload. The caller has entered.
func (s *Store) upload(bucket, key, id string) (Upload, error) {
	var u Upload
	if err := s.checkBucket(bucket); err != nil {
		return u, err
	}
	return u, s.get(uploadKey(bucket, key, id), &u, refuse(NoSuchUpload, bucket, key))
}

// PutPart stores a part, replacing the one of the same number. The error may be NoSuchUpload or EntityTooLarge.
func (s *Store) PutPart(bucket, key, id string, number int, src io.Reader, sum *Checksum) (Part, error) {
	if number < 1 || number > MaxParts {
		return Part{}, refusef(InvalidArgument, "Part number must be an integer between 1 and %d, inclusive", MaxParts)
	}
	if err := s.enter(); err != nil {
		return Part{}, err
	}
	defer s.leave()
	if _, err := s.upload(bucket, key, id); err != nil {
		return Part{}, err
	}
	digest := md5.New()
	_, files, size, err := s.spill(io.TeeReader(&limited{src, MaxPutBytes}, digest), 0)
	if err != nil {
		return Part{}, err
	}
	p := Part{Number: number, Size: size, ETag: hex.EncodeToString(digest.Sum(nil)), LastModified: s.now().UTC().Truncate(time.Millisecond), Files: files}
	if sum != nil {
		p.Checksum = *sum
	}
	defer s.lockUpload(id)()
	before := Part{}
	_, err = s.upload(bucket, key, id) // it may have ended while the body came in
	if err == nil {
		if err := s.get(partKey(id, number), &before, errClosed); err != nil && !errors.Is(err, errClosed) {
			return Part{}, err
		}
		err = s.set(partKey(id, number), &p)
	}
	if err != nil {
		s.discard(files)
		return Part{}, err
	}
	s.discard(before.Files)
	return p, nil
}

// Parts lists the parts of an upload by number. The error may be NoSuchUpload.
func (s *Store) Parts(bucket, key, id string) (Upload, []Part, error) {
	if err := s.enter(); err != nil {
		return Upload{}, nil, err
	}
	defer s.leave()
	u, err := s.upload(bucket, key, id)
	if err != nil {
		return u, nil, err
	}
	parts, err := s.parts(id)
	return u, parts, err
}

func (s *Store) parts(id string) ([]Part, error) {
	var parts []Part
	prefix := append(append([]byte{familyPart}, id...), 0)
	err := s.scan(prefix, behind(prefix), func(key, value []byte) (bool, error) {
		p := Part{Number: int(binary.BigEndian.Uint16(key[len(key)-2:]))}
		err := json.Unmarshal(value, &p)
		parts = append(parts, p)
		return true, err
	})
	return parts, err
}

// Uploads lists the uploads under way of a bucket, by key. The error may be NoSuchBucket.
func (s *Store) Uploads(bucket, prefix string) ([]Upload, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := s.checkBucket(bucket); err != nil {
		return nil, err
	}
	var list []Upload
	lower := append(uploadKey(bucket, "", ""), prefix...)
	err := s.scan(lower, behind(lower), func(_, value []byte) (bool, error) {
		var u Upload
		err := json.Unmarshal(value, &u)
		list = append(list, u)
		return true, err
	})
	return list, err
}

// AbortUpload ends an upload and forgets its parts. The error may be NoSuchUpload.
func (s *Store) AbortUpload(bucket, key, id string) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	defer s.lockUpload(id)()
	if _, err := s.upload(bucket, key, id); err != nil {
		return err
	}
	return s.abort(bucket, key, id)
}

func (s *Store) abort(bucket, key, id string) error {
	parts, err := s.parts(id)
	if err != nil {
		return err
	}
	batch := s.db.NewBatch()
	defer func() { _ = batch.Close() }()
	if err := errors.Join(forget(batch, bucket, key, id), batch.Commit(pebble.Sync)); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	for _, p := range parts {
		s.discard(p.Files)
	}
	return nil
}

// forget deletes the entries of an upload.
func forget(batch *lsm.Batch, bucket, key, id string) error {
	prefix := append(append([]byte{familyPart}, id...), 0)
	return errors.Join(batch.Delete(uploadKey(bucket, key, id), nil), batch.DeleteRange(prefix, behind(prefix), nil))
}

// abortAll ends the uploads of a bucket that is about to go.
func (s *Store) abortAll(bucket string) error {
	var list []Upload
	prefix := uploadKey(bucket, "", "")
	err := s.scan(prefix, behind(prefix), func(_, value []byte) (bool, error) {
		var u Upload
		err := json.Unmarshal(value, &u)
		list = append(list, u)
		return true, err
	})
	for _, u := range list {
		err = errors.Join(err, s.abort(bucket, u.Key, u.ID))
	}
	return err
}

// Chosen is a part that the object of an upload is to have.
type Chosen struct {
	Number   int
	ETag     string
	Checksum Checksum // the zero value where the client names none
}

// CompleteUpload makes an object of parts. The error may be NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall or PreconditionFailed. whole
// is the checksum that the client says the object has.
func (s *Store) CompleteUpload(bucket, key, id string, chosen []Chosen, when Condition, whole Checksum) (Info, error) {
	return s.complete(bucket, key, id, chosen, when, whole, Origin{Reason: "CompleteMultipartUpload"})
}

// complete makes an object of parts on behalf of a request.
func (s *Store) complete(bucket, key, id string, chosen []Chosen, when Condition, whole Checksum, from Origin) (Info, error) {
	if err := s.enter(); err != nil {
		return Info{}, err
	}
	defer s.leave()
	defer s.lockUpload(id)()
	u, err := s.upload(bucket, key, id)
	if err != nil {
		return Info{}, err
	}
	parts, err := s.parts(id)
	if err != nil {
		return Info{}, err
	}
	e := entry{Info: Info{Key: key, Attributes: u.Attributes, Parts: len(chosen), LastModified: s.now().UTC().Truncate(time.Millisecond)}}
	left, err := e.assemble(bucket, parts, chosen)
	if err != nil {
		return Info{}, err
	}
	switch {
	case u.WholeChecksum:
		e.Checksum = whole
	case u.Algorithm != "":
		sums := make([]Checksum, len(chosen))
		for i, c := range chosen {
			sums[i] = partOf(parts, c.Number).Checksum
		}
		e.Checksum = composite(u.Algorithm, sums)
	}
	if err := s.commit(bucket, &e, nil, when, from, func(b *lsm.Batch) error { return forget(b, bucket, key, id) }); err != nil {
		return Info{}, err
	}
	s.discard(left)
	return e.Info, nil
}

func partOf(parts []Part, number int) *Part {
	for i := range parts {
		if parts[i].Number == number {
			return &parts[i]
		}
	}
	return nil
}

// assemble makes the body of the chosen parts and returns the files of the others.
func (e *entry) assemble(bucket string, parts []Part, chosen []Chosen) (left []segment, err error) {
	if len(chosen) == 0 {
		return nil, refuse(MalformedXML, bucket, e.Key)
	}
	digest := md5.New()
	used := map[int]bool{}
	for i, c := range chosen {
		p := partOf(parts, c.Number)
		switch {
		case i > 0 && c.Number <= chosen[i-1].Number:
			return nil, refuse(InvalidPartOrder, bucket, e.Key)
		case p == nil || strings.Trim(c.ETag, `"`) != p.ETag || c.Checksum.Value != "" && c.Checksum != p.Checksum:
			return nil, refuse(InvalidPart, bucket, e.Key)
		case i < len(chosen)-1 && p.Size < MinPartBytes:
			return nil, refuse(EntityTooSmall, bucket, e.Key)
		}
		raw, err := hex.DecodeString(p.ETag)
		if err != nil {
			return nil, err
		}
		_, _ = digest.Write(raw)
		used[c.Number] = true
		e.Size += p.Size
		e.Files = append(e.Files, p.Files...)
	}
	e.ETag = hex.EncodeToString(digest.Sum(nil)) + "-" + strconv.Itoa(len(chosen))
	for _, p := range parts {
		if !used[p.Number] {
			left = append(left, p.Files...)
		}
	}
	return left, nil
}

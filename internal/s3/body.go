package s3

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
)

// inlineBytes is how large a body may be and still lie in the index: below one commit is cheaper than a file and a commit.
const inlineBytes = 32 << 10

// segment is a file with a part of a body.
type segment struct {
	File string `json:"f"` // a random name, ours
	Size int64  `json:"s"`
}

func (s *Store) bodies() string { return s.fs.PathJoin(s.dir, "bodies") }

func (s *Store) bodyPath(file string) string { return s.fs.PathJoin(s.bodies(), file) }

// spill writes a body: one of less than inlineMax bytes is returned, a larger one is in files that are complete and on disk. What reading src
// fails with is returned as it is.
func (s *Store) spill(src io.Reader, inlineMax int) (inline []byte, files []segment, size int64, err error) {
	head, err := io.ReadAll(io.LimitReader(src, int64(inlineMax)))
	if err != nil {
		return nil, nil, 0, err
	}
	if len(head) < inlineMax {
		return head, nil, int64(len(head)), nil
	}
	name := uuid.NewString()
	f, err := s.fs.Create(s.bodyPath(name), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("write a body: %w", err)
	}
	size, err = io.CopyBuffer(struct{ io.Writer }{f}, io.MultiReader(bytes.NewReader(head), src), make([]byte, 256<<10))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.syncFolder(s.bodies())
	}
	if err != nil {
		s.discard([]segment{{File: name}})
		return nil, nil, 0, err
	}
	return nil, []segment{{name, size}}, size, nil
}

// syncFolder makes the names of new files durable.
func (s *Store) syncFolder(path string) error {
	dir, err := s.fs.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// discard removes files that no entry names any more. One that stays is swept at the next opening.
func (s *Store) discard(files []segment) {
	for _, f := range files {
		if err := s.fs.Remove(s.bodyPath(f.File)); err != nil {
			s.log.Warn("cannot remove a body", "file", f.File, "error", err)
		}
	}
}

// sweep removes the files that no entry names.
func (s *Store) sweep() error {
	names, err := s.fs.List(s.bodies())
	if err != nil || len(names) == 0 {
		return err
	}
	left := make(map[string]bool, len(names))
	for _, name := range names {
		left[name] = true
	}
	for _, family := range []byte{familyObject, familyPart} {
		err := s.scan([]byte{family}, []byte{family + 1}, func(_, value []byte) (bool, error) {
			var e struct {
				Files []segment `json:"files"`
			}
			err := json.Unmarshal(value, &e)
			for _, f := range e.Files {
				delete(left, f.File)
			}
			return true, err
		})
		if err != nil {
			return err
		}
	}
	for name := range left {
		s.discard([]segment{{File: name}})
	}
	return nil
}

// openBody opens a body for reading at random.
func (s *Store) openBody(inline []byte, files []segment) (*body, error) {
	b := &body{inline: inline, files: files}
	for _, f := range files {
		file, err := s.fs.Open(s.bodyPath(f.File))
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
		b.open = append(b.open, file)
	}
	return b, nil
}

// body reads what lies in the index or in files, one behind the other.
type body struct {
	inline []byte
	files  []segment
	open   []vfs.File
}

// ReadAt implements io.ReaderAt.
func (b *body) ReadAt(p []byte, at int64) (n int, err error) {
	if b.files == nil {
		return bytes.NewReader(b.inline).ReadAt(p, at)
	}
	for i, f := range b.files {
		if at >= f.Size {
			at -= f.Size
			continue
		}
		part := p[n:min(len(p), n+int(min(f.Size-at, int64(len(p)))))]
		got, err := b.open[i].ReadAt(part, at)
		n += got
		if got < len(part) {
			return n, errors.Join(io.ErrUnexpectedEOF, err)
		}
		if n == len(p) {
			return n, nil
		}
		at = 0
	}
	return n, io.EOF
}

// Close closes the files.
func (b *body) Close() error {
	var errs []error
	for _, f := range b.open {
		errs = append(errs, f.Close())
	}
	b.open = nil
	return errors.Join(errs...)
}

package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strconv"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// change is one line of the catalog. Exactly one member is there.
type change struct {
	Group         *groupRecord  `json:"group,omitempty"`
	GroupDeleted  uint32        `json:"groupDeleted,omitempty"` // its number
	Stream        *streamRecord `json:"stream,omitempty"`
	StreamDeleted *streamRecord `json:"streamDeleted,omitempty"` // its numbers
}

// groupRecord is what is kept of a group. Numbers are never used again.
type groupRecord struct {
	ID        uint32            `json:"id"`
	Name      string            `json:"name"`
	Created   int64             `json:"created"` // epoch milliseconds
	Retention int               `json:"retention,omitempty"`
	Class     string            `json:"class,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"`
	KMSKeyID  string            `json:"kmsKeyId,omitempty"`
	Protected bool              `json:"protected,omitempty"` // from deletion
	Filters   []MetricFilter    `json:"filters,omitempty"`   // never changed in place
}

// streamRecord is what is kept of a stream beside its events.
type streamRecord struct {
	Group   uint32 `json:"group"`
	ID      uint32 `json:"id"` // unique in the service
	Name    string `json:"name,omitempty"`
	Created int64  `json:"created,omitempty"` // epoch milliseconds
}

const (
	catalogFile    = "catalog"
	newCatalogFile = "catalog.new"
)

// catalog is the file of groups and streams: one change a line, each with its checksum. Its methods are called with the service's mutex
// held.
type catalog struct {
	fs   vfs.FS
	dir  string
	file vfs.File
}

// readCatalog hands every change on, in order. A last line that a crash has cut is left out.
func readCatalog(fsys vfs.FS, dir string, apply func(change)) error {
	file, err := fsys.Open(fsys.PathJoin(dir, catalogFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	text, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	for number := 1; len(text) > 0; number++ {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		c, err := parseChange(line)
		if err != nil && (!whole || len(rest) == 0) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d of %s: %w", number, fsys.PathJoin(dir, catalogFile), err)
		}
		apply(c)
		text = rest
	}
	return nil
}

func parseChange(line []byte) (c change, err error) {
	sum, text, ok := bytes.Cut(line, []byte(" "))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !ok || err != nil || crc32.Checksum(text, castagnoli) != uint32(want) {
		return c, errors.New("the checksum is wrong")
	}
	return c, json.Unmarshal(text, &c)
}

func appendChange(dst []byte, c change) ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	dst = fmt.Appendf(dst, "%08x ", crc32.Checksum(text, castagnoli))
	return append(append(dst, text...), '\n'), nil
}

// rewrite replaces the file by one that holds the changes alone, and keeps it open for more.
func (c *catalog) rewrite(changes []change) (err error) {
	path := c.fs.PathJoin(c.dir, newCatalogFile)
	if c.file, err = c.fs.Create(path, vfs.WriteCategoryUnspecified); err != nil {
		return err
	}
	if err := c.write(changes...); err != nil {
		return err
	}
	if err := c.file.Sync(); err != nil {
		return err
	}
	if err := c.fs.Rename(path, c.fs.PathJoin(c.dir, catalogFile)); err != nil {
		return err
	}
	return syncFolder(c.fs, c.dir)
}

// write appends changes without waiting for the disk.
func (c *catalog) write(changes ...change) error {
	var text []byte
	for _, one := range changes {
		var err error
		if text, err = appendChange(text, one); err != nil {
			return err
		}
	}
	_, err := c.file.Write(text)
	return err
}

func syncFolder(fsys vfs.FS, path string) error {
	d, err := fsys.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

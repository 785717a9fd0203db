package store_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/tutti-run/tutti/internal/store"
)

func TestDocuments(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, fs)
	b := s.NewBatch()
	for _, key := range []string{"b", "a/1", "a/2", "a/\xff", "a/\xff\xff", "a", ""} {
		if err := b.PutDocument("aliases", key, []byte("value of "+key)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.PutDocument("aliases2", "a/1", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(b); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, fs)
	for _, tt := range []struct {
		prefix, after string
		want          []string
	}{
		{"", "", []string{"", "a", "a/1", "a/2", "a/\xff", "a/\xff\xff", "b"}},
		{"a/", "", []string{"a/1", "a/2", "a/\xff", "a/\xff\xff"}},
		{"a/", "a/1", []string{"a/2", "a/\xff", "a/\xff\xff"}},
		{"a/", "a/15", []string{"a/2", "a/\xff", "a/\xff\xff"}},
		{"a/", "b", nil},
		{"a/", "A", []string{"a/1", "a/2", "a/\xff", "a/\xff\xff"}},
		{"a/\xff", "", []string{"a/\xff", "a/\xff\xff"}},
		{"", "a/\xff\xff", []string{"b"}},
		{"c", "", nil},
	} {
		if got := documentKeys(t, s, "aliases", tt.prefix, tt.after); !slices.Equal(got, tt.want) {
			t.Errorf("prefix %q after %q: %q, want %q", tt.prefix, tt.after, got, tt.want)
		}
	}
	value, err := s.Document("aliases", "a/2")
	if err != nil || !bytes.Equal(value, []byte("value of a/2")) {
		t.Errorf("a/2 is %q, %v", value, err)
	}
	if _, err := s.Document("aliases", "a/3"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a/3: %v, want ErrNotFound", err)
	}
	b = s.NewBatch()
	b.DeleteDocuments("aliases", "a/")
	b.DeleteDocument("aliases", "b")
	b.DeleteDocument("aliases", "never there")
	if err := s.Commit(b); err != nil {
		t.Fatal(err)
	}
	if got := documentKeys(t, s, "aliases", "", ""); !slices.Equal(got, []string{"", "a"}) {
		t.Errorf("left are %q", got)
	}
	if got := documentKeys(t, s, "aliases2", "", ""); !slices.Equal(got, []string{"a/1"}) {
		t.Errorf("the other collection has %q", got)
	}
}

func TestDocumentsThatCannotBe(t *testing.T) {
	s := open(t, vfs.NewMem())
	for name, put := range map[string]func(*store.Batch) error{
		"no collection":        func(b *store.Batch) error { return b.PutDocument("", "k", nil) },
		"zero in a collection": func(b *store.Batch) error { return b.PutDocument("a\x00b", "k", nil) },
		"a long key":           func(b *store.Batch) error { return b.PutDocument("a", strings.Repeat("k", 1<<17), nil) },
		"a large value":        func(b *store.Batch) error { return b.PutDocument("a", "k", make([]byte, 17<<20)) },
		"deleted":              func(b *store.Batch) error { b.DeleteDocument("", "k"); return s.Commit(b) },
	} {
		if err := put(s.NewBatch()); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func documentKeys(t *testing.T, s *store.Store, collection, prefix, after string) (keys []string) {
	t.Helper()
	for d, err := range s.Documents(collection, prefix, after) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, d.Key)
	}
	return keys
}

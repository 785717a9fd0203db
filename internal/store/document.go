package store

import (
	"fmt"
	"iter"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// Document is a named text that somebody else keeps here: a function's configuration, an alias, a Map Run. The store does not look inside.
type Document struct {
	Key   string
	Value []byte
}

// maxDocument bounds a document's value. Whatever grows without bound belongs in many documents.
const maxDocument = 16 << 20

// appendDocumentKey keys a document by its collection, a zero and its key, so that a collection is one range and a prefix of keys a part of it.
func appendDocumentKey(dst []byte, collection, key string) []byte {
	dst = append(append(dst, byte(familyDocument)), collection...)
	return append(append(dst, 0), key...)
}

// PutDocument stores a document, replacing the one of the same collection and key. The collection may not be empty or hold a zero.
func (b *Batch) PutDocument(collection, key string, value []byte) error {
	if err := checkDocument(collection, key); err != nil {
		return fmt.Errorf("put document: %w", err)
	}
	if len(value) > maxDocument {
		return fmt.Errorf("put document %s %.100q: %d bytes, more than %d", collection, key, len(value), maxDocument)
	}
	if err := b.room(len(value)); err != nil {
		return err
	}
	b.key = appendDocumentKey(b.key[:0], collection, key)
	b.set(b.key, value)
	return nil
}

// DeleteDocument deletes a document. Deleting what is not there is no error.
func (b *Batch) DeleteDocument(collection, key string) {
	if err := checkDocument(collection, key); err != nil {
		b.note(fmt.Errorf("delete document: %w", err))
		return
	}
	b.key = appendDocumentKey(b.key[:0], collection, key)
	b.delete(b.key)
}

// DeleteDocuments deletes all documents of a collection whose keys begin with prefix.
func (b *Batch) DeleteDocuments(collection, prefix string) {
	if err := checkDocument(collection, prefix); err != nil {
		b.note(fmt.Errorf("delete documents: %w", err))
		return
	}
	b.key = appendDocumentKey(b.key[:0], collection, prefix)
	b.deleteRange(b.key, behind(b.key))
}

func checkDocument(collection, key string) error {
	if collection == "" || strings.ContainsRune(collection, 0) || len(collection)+len(key) > maxText {
		return fmt.Errorf("no document has the collection %.100q and the key %.100q", collection, key)
	}
	return nil
}

// Document returns a document's value, or ErrNotFound.
func (s *Store) Document(collection, key string) ([]byte, error) {
	var value []byte
	lower := appendDocumentKey(nil, collection, key)
	err := s.scan(lower, append(appendDocumentKey(nil, collection, key), 0), func(it *pebble.Iterator) error {
		if !it.First() {
			return notFound(it)
		}
		found, err := it.ValueAndErr()
		value = append([]byte{}, found...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("document %s %.100q: %w", collection, key, err)
	}
	return value, nil
}

// Documents yields the documents of a collection whose keys begin with prefix and come behind after ("" for all), by key in ascending order.
// The values are the caller's to keep.
func (s *Store) Documents(collection, prefix, after string) iter.Seq2[Document, error] {
	return sequence("documents "+collection, func(yield func(Document) bool) error {
		lower := appendDocumentKey(nil, collection, prefix)
		upper := behind(lower)
		if after >= prefix && after != "" {
			lower = append(appendDocumentKey(nil, collection, after), 0)
		}
		if string(lower) >= string(upper) {
			return nil
		}
		head := len(collection) + 2
		return s.scan(lower, upper, func(it *pebble.Iterator) error {
			for ok := it.First(); ok; ok = it.Next() {
				value, err := it.ValueAndErr()
				if err != nil {
					return err
				}
				if !yield(Document{Key: string(it.Key()[head:]), Value: append([]byte{}, value...)}) {
					return nil
				}
			}
			return it.Error()
		})
	})
}

// behind is the first key behind all keys that begin with key. A key of documents has a zero in it, so there always is one.
func behind(key []byte) []byte {
	end := append([]byte{}, key...)
	for end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	end[len(end)-1]++
	return end
}

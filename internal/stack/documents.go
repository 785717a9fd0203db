package stack

import (
	"errors"
	"iter"

	"github.com/tutti-run/tutti/internal/store"
)

// Services that keep documents in the journal know neither the store nor one another, so each has types of its own for a document and for its new value, nil
// for none. This is what they have in common.
type (
	document interface {
		~struct {
			Key   string
			Value []byte
		}
	}
	change interface {
		~struct {
			Collection, Key string
			Value           []byte
		}
	}
)

// documents lets a service keep its documents in the store: it implements control.Journal and sns.Journal.
type documents[D document, C change] struct{ store *store.Store }

// Documents yields the documents of a collection by key in ascending order.
func (j documents[D, C]) Documents(collection string) iter.Seq2[D, error] {
	return documentsFrom[D](j.store, collection, "")
}

// Document returns one document; ok tells whether it is there.
func (j documents[D, C]) Document(collection, key string) (value []byte, ok bool, err error) {
	value, err = j.store.Document(collection, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, nil
	}
	return value, err == nil, err
}

// Write makes the changes, all or none, and returns when they are on disk.
func (j documents[D, C]) Write(changes []C) error {
	b := j.store.NewBatch()
	defer b.Reset()
	if err := putChanges(b, changes); err != nil {
		return err
	}
	return j.store.Commit(b)
}

// documentsFrom yields the documents of a collection whose keys begin with prefix.
func documentsFrom[D document](s *store.Store, collection, prefix string) iter.Seq2[D, error] {
	return func(yield func(D, error) bool) {
		for d, err := range s.Documents(collection, prefix, "") {
			if !yield(D(d), err) {
				return
			}
		}
	}
}

// putChanges adds changes to a batch.
func putChanges[C change](b *store.Batch, changes []C) error {
	for _, one := range changes {
		c := struct {
			Collection, Key string
			Value           []byte
		}(one)
		if c.Value == nil {
			b.DeleteDocument(c.Collection, c.Key)
		} else if err := b.PutDocument(c.Collection, c.Key, c.Value); err != nil {
			return err
		}
	}
	return nil
}

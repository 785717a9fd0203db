package runner

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// taggable refuses an ARN that no machine and no activity has, or whose machine is being deleted.
func (r *Runner) taggable(arn string) error {
	missing := sfn.Refuse(sfn.ResourceNotFound, "Resource not found: '%s'", arn)
	if machine, err := sfn.ParseMachineARN(arn); err == nil && machine.Qualifier == "" && machine.Label == "" {
		_, err := r.current(arn)
		if isMissing(err) {
			return missing
		}
		return err
	}
	_, err := r.store.Activity(arn)
	if errors.Is(err, store.ErrNotFound) {
		return missing
	}
	return err
}

// Tags lists the tags of a machine or activity. The error may be the exception ResourceNotFound.
func (r *Runner) Tags(arn string) ([]sfn.Tag, error) {
	if err := r.taggable(arn); err != nil {
		return nil, err
	}
	return r.tagsOf(arn)
}

func (r *Runner) tagsOf(arn string) ([]sfn.Tag, error) {
	var list []sfn.Tag
	err := r.document(tags, arn, &list)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return list, err
}

// Tag puts tags on a machine or activity, replacing those with the same keys. The error may be the exception ResourceNotFound, TooManyTags or
// ValidationException.
func (r *Runner) Tag(arn string, added []sfn.Tag) error {
	return r.retag(arn, func(list []sfn.Tag) ([]sfn.Tag, error) { return mergeTags(arn, list, added) })
}

// Untag takes the tags with the keys off a machine or activity. The error may be the exception ResourceNotFound.
func (r *Runner) Untag(arn string, keys []string) error {
	return r.retag(arn, func(list []sfn.Tag) ([]sfn.Tag, error) {
		return slices.DeleteFunc(list, func(t sfn.Tag) bool { return slices.Contains(keys, t.Key) }), nil
	})
}

func (r *Runner) retag(arn string, change func([]sfn.Tag) ([]sfn.Tag, error)) error {
	r.machines.change.Lock()
	defer r.machines.change.Unlock()
	list, err := r.Tags(arn)
	if err != nil {
		return err
	}
	if list, err = change(list); err != nil {
		return err
	}
	batch := r.store.NewBatch()
	if err := putTags(batch, arn, list); err != nil {
		return err
	}
	return r.store.Commit(batch)
}

// putTags puts all tags of a resource into the batch.
func putTags(batch *store.Batch, arn string, list []sfn.Tag) error {
	if len(list) == 0 {
		batch.DeleteDocument(tags, arn)
		return nil
	}
	return putDocument(batch, tags, arn, list)
}

// mergeTags adds tags, in the order in which they come. The error is the exception TooManyTags or ValidationException.
func mergeTags(arn string, list, added []sfn.Tag) ([]sfn.Tag, error) {
	list = slices.Clone(list)
	for _, tag := range added {
		if err := checkTag(tag); err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(list, func(t sfn.Tag) bool { return t.Key == tag.Key }); i >= 0 {
			list[i] = tag
			continue
		}
		list = append(list, tag)
	}
	if len(list) > sfn.MaxTags {
		tooMany := sfn.Refuse(sfn.TooManyTags, "Too Many Tags: '%s' would have %d tags, and may have %d", arn, len(list), sfn.MaxTags)
		tooMany.Resource = arn
		return nil, tooMany
	}
	return list, nil
}

// checkTag refuses characters that tags may not have (API reference, Tag).
func checkTag(t sfn.Tag) error {
	if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
		return sfn.Refuse(sfn.ValidationException, "Tag keys that begin with aws: are reserved. Received: '%s'", t.Key)
	}
	for _, text := range []string{t.Key, t.Value} {
		if i := strings.IndexFunc(text, func(c rune) bool {
			return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsSpace(c) && !strings.ContainsRune("_.:/=+-@", c)
		}); i >= 0 {
			return sfn.Refuse(sfn.ValidationException,
				"Tags may hold letters, digits, white space and the characters _ . : / = + - @ only. Received: '%s'", text)
		}
	}
	return nil
}

package trial

import (
	"context"
	"errors"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/items"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// MapReport is what a Map did with its items.
type MapReport struct {
	// Selected are the items after ItemSelector, Batches after ItemBatcher; nil where the state has no such field.
	Selected, Batches []*value.Data
	// Pointed is what an ItemsPointer led to; nil where there is none.
	Pointed value.Array
	// Iterations is how many times the processor would run.
	Iterations int64
	// ToleratedCount and ToleratedPercentage are how many items may fail; nil where the state does not say.
	ToleratedCount      *int64
	ToleratedPercentage *float64
}

// tooMany tells whether so many failures are more than the Map tolerates. A Map that says nothing of it tolerates them all (recorded).
func (r *MapReport) tooMany(failures int64) bool {
	if r.ToleratedCount != nil && failures > *r.ToleratedCount {
		return true
	}
	return r.ToleratedPercentage != nil && r.Iterations > 0 && 100*float64(failures)/float64(r.Iterations) > *r.ToleratedPercentage
}

// checkReader demands what a Map's ItemReader is said to have read.
func (s *test) checkReader() error {
	if m, ok := s.state.(*asl.Map); ok && m.ItemReader != nil && !s.req.ReaderData.Set {
		return refuse("ItemReader data must be specified when testing a Map state with ItemReader specified.")
	}
	return nil
}

// inspectMap works out what the Map would run its processor on. A failure is the Map's.
func (s *test) inspectMap(ctx context.Context, m *asl.Map, found *engine.Findings, run *engine.MapRun) (*MapReport, *sfn.Failure, error) {
	r := &MapReport{}
	var failure *sfn.Failure
	var err error
	if run == nil {
		r.Selected, r.Iterations = found.Inputs, int64(len(found.Inputs))
	} else if failure, err = s.inspectRun(ctx, run, r); err != nil {
		return nil, nil, err
	}
	if m.ItemSelector == nil {
		r.Selected = nil
	}
	if m.ItemBatcher == nil {
		r.Batches = nil
	}
	if m.ItemReader == nil || m.ItemReader.ItemsPointer == "" {
		r.Pointed = nil
	}
	return r, failure, nil
}

// inspectRun does so of a distributed Map.
func (s *test) inspectRun(ctx context.Context, run *engine.MapRun, r *MapReport) (failure *sfn.Failure, err error) {
	if run.Map.ToleratedFailureCount.Set {
		r.ToleratedCount = &run.ToleratedCount
	}
	if run.Map.ToleratedFailurePercentage.Set {
		r.ToleratedPercentage = &run.ToleratedPercentage
	}
	r.Selected, r.Batches, r.Pointed = []*value.Data{}, []*value.Data{}, value.Array{}
	batcher := run.Batcher()
	add := func(child *value.Data) {
		if child != nil {
			r.Batches = append(r.Batches, child)
		}
	}
	take := func(it engine.Item) *sfn.Failure {
		input, why := run.Input(it)
		if why == nil {
			r.Selected, r.Pointed = append(r.Selected, input), append(r.Pointed, it.Value)
			child, _ := batcher.Add(input)
			add(child)
		}
		return why
	}
	if run.Reader != nil {
		failure, err = s.read(ctx, run, take)
	}
	for i := 0; i < len(run.Items) && failure == nil; i++ {
		failure = take(run.Item(i))
	}
	child, _ := batcher.Rest()
	add(child)
	r.Iterations = int64(len(r.Batches))
	return failure, err
}

// read hands on the items that the reader is said to have read, up to its MaxItems.
func (s *test) read(ctx context.Context, run *engine.MapRun, take func(engine.Item) *sfn.Failure) (*sfn.Failure, error) {
	most := run.Reader.MaxItems
	if most < 0 {
		return sfn.Fail(sfn.ErrorItemReaderFailed, "field MaxItems must be positive"), nil
	}
	source := "S3://" + run.Reader.Bucket
	if run.Reader.Key != "" {
		source += "/" + run.Reader.Key
	}
	index := int64(0)
	for it, err := range items.ReadText(ctx, run.Map.ItemReader, s.req.ReaderData.Text, source) {
		var unreadable *items.Error
		switch {
		case errors.As(err, &unreadable):
			return sfn.Fail(sfn.ErrorItemReaderFailed, "%s", unreadable.Cause), nil
		case err != nil:
			return nil, err
		}
		failure := take(engine.Item{Index: index, Value: it.Value, Key: it.Key, Keyed: it.Keyed, Source: it.Source})
		if failure != nil {
			return failure, nil
		}
		if index++; index == most {
			break
		}
	}
	return nil, nil
}

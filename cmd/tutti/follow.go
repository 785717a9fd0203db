package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// follower watches one execution.
type follower struct {
	client  *sfn.Client
	arn     string
	view    view
	console *console
	every   time.Duration // between two looks
	now     func() time.Time
	// enough, if not nil, is asked after every look whether to stop watching an execution that has not ended.
	enough func() bool
	// told is the newest event that is not told any more, where events are told a line each: of a redriven execution, how it ended before.
	told int64

	tree *tree
	lag  int // looks that found no execution
}

// errEnough says that the follower was asked to stop watching.
var errEnough = errors.New("not watched to its end")

// follow shows the execution until it has ended. The error is the context's, errEnough, or what went wrong with asking; either way what is
// drawn stays on the terminal.
func (f *follower) follow(ctx context.Context) error {
	f.tree = newTree()
	d := &drawing{console: f.console}
	if f.console.live {
		defer f.leave(d)
	}
	ticker := time.NewTicker(f.every)
	defer ticker.Stop()
	for {
		events, err := f.poll(ctx)
		if err != nil {
			return err
		}
		f.take(events)
		if f.console.live {
			f.draw(d)
		}
		switch {
		case f.tree.ended():
			return nil
		case f.enough != nil && f.enough():
			return errEnough
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// maxLag is how many looks may find nothing after a start: AWS's reads are eventually consistent.
const maxLag = 20

// poll returns the events that have come since the last look. It reads from the newest backwards, so a look costs as much as has happened.
func (f *follower) poll(ctx context.Context) ([]types.HistoryEvent, error) {
	var fresh []types.HistoryEvent
	pages := sfn.NewGetExecutionHistoryPaginator(f.client, &sfn.GetExecutionHistoryInput{
		ExecutionArn: aws.String(f.arn), ReverseOrder: true, IncludeExecutionData: aws.Bool(false), MaxResults: 200,
	})
	for known := false; pages.HasMorePages() && !known; {
		page, err := pages.NextPage(ctx)
		if errors.As(err, new(*types.ExecutionDoesNotExist)) && f.tree.last == 0 && f.lag < maxLag {
			f.lag++
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, e := range page.Events {
			if known = e.Id <= f.tree.last; known {
				break
			}
			fresh = append(fresh, e)
		}
	}
	slices.Reverse(fresh)
	for i, e := range fresh {
		if e.Id != f.tree.last+int64(i)+1 {
			return fresh[:i], nil // a hole, which the next look fills
		}
	}
	return fresh, nil
}

// take adds the events to the tree, and tells them a line each where they are not drawn.
func (f *follower) take(events []types.HistoryEvent) {
	for _, e := range events {
		n := f.tree.add(e)
		if f.console.live || e.Id <= f.told {
			continue
		}
		for _, line := range f.view.progressLines(f.tree, n, e) {
			f.console.println(line)
		}
	}
}

// draw shows the tree as it stands, within the terminal's height.
func (f *follower) draw(d *drawing) {
	width, height := f.console.size()
	d.draw(f.lines(width, height-1))
}

// leave shows the whole tree for good.
func (f *follower) leave(d *drawing) {
	width, _ := f.console.size()
	d.finish(f.lines(width, 0))
}

func (f *follower) lines(width, height int) []string {
	if f.tree.last == 0 {
		return nil
	}
	return f.view.lines(f.tree, f.now(), width, height)
}

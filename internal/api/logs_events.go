package api

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/sfn"
)

// sequenceToken is that of every stream: the service has ignored the tokens since 2023 and goes on to answer them.
const sequenceToken = "49039859605281012315105562446205416158010834108421079042"

type putLogEventsInput struct {
	LogGroupName  sfn.OptString   `json:"logGroupName"`
	LogStreamName sfn.OptString   `json:"logStreamName"`
	LogEvents     []inputLogEvent `json:"logEvents"`
}

type inputLogEvent struct {
	Timestamp *int64        `json:"timestamp"`
	Message   sfn.OptString `json:"message"`
}

type putLogEventsOutput struct {
	NextSequenceToken     string         `json:"nextSequenceToken"`
	RejectedLogEventsInfo *rejectedInput `json:"rejectedLogEventsInfo,omitempty"`
}

type rejectedInput struct {
	TooNewLogEventStartIndex *int `json:"tooNewLogEventStartIndex,omitempty"`
	TooOldLogEventEndIndex   *int `json:"tooOldLogEventEndIndex,omitempty"`
	ExpiredLogEventEndIndex  *int `json:"expiredLogEventEndIndex,omitempty"`
}

func (s *cloudWatchLogs) putLogEvents(_ context.Context, in *putLogEventsInput) (*putLogEventsOutput, error) {
	var c constraints
	c.required("logGroupName", in.LogGroupName)
	c.logGroup("logGroupName", in.LogGroupName)
	c.required("logStreamName", in.LogStreamName)
	c.logStream("logStreamName", in.LogStreamName)
	switch n := len(in.LogEvents); {
	case in.LogEvents == nil:
		c.add("null ", "logEvents", "Member must not be null")
	case n == 0:
		c.add("'[]' ", "logEvents", "Member must have length greater than or equal to 1")
	case n > maxLogEvents:
		c.add("", "logEvents", "Member must have length less than or equal to "+strconv.Itoa(maxLogEvents))
	}
	events := make([]logs.Event, 0, len(in.LogEvents))
	for i, e := range in.LogEvents[:min(len(in.LogEvents), maxLogEvents)] {
		field := "logEvents." + strconv.Itoa(i+1) + ".member."
		c.required(field+"message", e.Message)
		c.length(field+"message", e.Message, 1, math.MaxInt)
		switch {
		case e.Timestamp == nil:
			c.add("null ", field+"timestamp", "Member must not be null")
		case *e.Timestamp < 0:
			c.add("'"+strconv.FormatInt(*e.Timestamp, 10)+"' ", field+"timestamp", "Member must have value greater than or equal to 0")
		default:
			events = append(events, logs.Event{Timestamp: *e.Timestamp, Message: e.Message.Text})
		}
		if len(c.broken) > maxBroken {
			break
		}
	}
	if err := c.logsErr(); err != nil {
		return nil, err
	}
	rejected, err := s.logs.Put(in.LogGroupName.Text, in.LogStreamName.Text, events)
	if err != nil {
		return nil, err
	}
	out := &putLogEventsOutput{NextSequenceToken: sequenceToken}
	if !rejected.None() {
		out.RejectedLogEventsInfo = &rejectedInput{rejected.TooNewStart, rejected.TooOldEnd, rejected.ExpiredEnd}
	}
	return out, nil
}

// maxBroken ends the list of what a request breaks, which could have one for each of ten thousand events.
const maxBroken = 10

type getLogEventsInput struct {
	LogGroupName       sfn.OptString `json:"logGroupName"`
	LogGroupIdentifier sfn.OptString `json:"logGroupIdentifier"`
	LogStreamName      sfn.OptString `json:"logStreamName"`
	StartTime          *int64        `json:"startTime"`
	EndTime            *int64        `json:"endTime"`
	NextToken          sfn.OptString `json:"nextToken"`
	Limit              *int          `json:"limit"`
	StartFromHead      bool          `json:"startFromHead"`
}

type getLogEventsOutput struct {
	Events            []outputLogEvent `json:"events"`
	NextForwardToken  string           `json:"nextForwardToken"`
	NextBackwardToken string           `json:"nextBackwardToken"`
}

type outputLogEvent struct {
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
}

// getLogEvents pages in both directions. A token says behind or before which event the page begins, so that the end of the events answers the
// token that was asked with, as clients expect.
func (s *cloudWatchLogs) getLogEvents(ctx context.Context, in *getLogEventsInput) (*getLogEventsOutput, error) {
	group, err := logGroupOf(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	var c constraints
	c.required("logStreamName", in.LogStreamName)
	c.logStream("logStreamName", in.LogStreamName)
	c.limit(in.Limit, maxLogEvents)
	c.atLeastZero("startTime", in.StartTime)
	c.atLeastZero("endTime", in.EndTime)
	if err := c.logsErr(); err != nil {
		return nil, err
	}
	if s.logs.HasGroup(group) && !s.logs.HasStream(group, in.LogStreamName.Text) {
		return nil, sfn.Refuse(logs.ResourceNotFoundException, "The specified log stream does not exist.")
	}
	q := logs.Query{
		Group: group, Streams: []string{in.LogStreamName.Text}, From: optional(in.StartTime), Until: optional(in.EndTime),
		After: logs.Front, Before: logs.Back, Limit: pageLimit(in.Limit, maxLogEvents), Newest: !in.StartFromHead,
	}
	from := logs.Position{}
	if in.NextToken.Set {
		forward, at, err := parseEventToken(in.NextToken.Text)
		if err != nil {
			return nil, err
		}
		from, q.Newest = at, !forward
		if forward {
			q.After = at
		} else {
			q.Before = at
		}
	}
	page, err := s.logs.Read(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &getLogEventsOutput{
		Events:           make([]outputLogEvent, 0, len(page.Events)),
		NextForwardToken: eventToken(true, from), NextBackwardToken: eventToken(false, from),
	}
	for _, e := range page.Events {
		out.Events = append(out.Events, outputLogEvent{e.Timestamp, e.Message, e.Ingested})
	}
	switch n := len(page.Events); {
	case n > 0:
		out.NextForwardToken = eventToken(true, page.Events[n-1].Position)
		out.NextBackwardToken = eventToken(false, page.Events[0].Position)
	case in.NextToken.Set && q.Newest:
		out.NextForwardToken = eventToken(true, logs.Position{Timestamp: from.Timestamp, Number: from.Number - 1})
	case in.NextToken.Set:
		out.NextBackwardToken = eventToken(false, logs.Position{Timestamp: from.Timestamp, Number: from.Number + 1})
	}
	return out, nil
}

func optional(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// The digits of a time and of a number in what names an event: 56 together, as AWS's have. The times reach to the year 2286.
const (
	timeDigits   = 13
	numberDigits = 43
	maxTime      = 9_999_999_999_999
)

// eventID names an event, in the order of events.
func eventID(p logs.Position) string {
	return fmt.Sprintf("%0*d%0*d", timeDigits, min(max(p.Timestamp, 0), maxTime), numberDigits, max(p.Number, 0))
}

// eventToken is a token of GetLogEvents: the page behind the event, or the one before it.
func eventToken(forward bool, p logs.Position) string {
	if forward {
		return "f/" + eventID(p) + "/s"
	}
	return "b/" + eventID(p) + "/s"
}

func parseEventToken(token string) (forward bool, p logs.Position, err error) {
	direction, rest, _ := strings.Cut(token, "/")
	digits, end, _ := strings.Cut(rest, "/")
	if direction != "f" && direction != "b" || len(digits) != timeDigits+numberDigits || end != "s" {
		return false, p, invalidLogsToken()
	}
	t, err1 := strconv.ParseUint(digits[:timeDigits], 10, 63)
	n, err2 := strconv.ParseUint(digits[timeDigits:], 10, 63)
	if err1 != nil || err2 != nil {
		return false, p, invalidLogsToken()
	}
	return direction == "f", logs.Position{Timestamp: int64(t), Number: int64(n)}, nil
}

type filterLogEventsInput struct {
	LogGroupName        sfn.OptString   `json:"logGroupName"`
	LogGroupIdentifier  sfn.OptString   `json:"logGroupIdentifier"`
	LogStreamNames      []sfn.OptString `json:"logStreamNames"`
	LogStreamNamePrefix sfn.OptString   `json:"logStreamNamePrefix"`
	StartTime           *int64          `json:"startTime"`
	EndTime             *int64          `json:"endTime"`
	FilterPattern       sfn.OptString   `json:"filterPattern"`
	NextToken           sfn.OptString   `json:"nextToken"`
	Limit               *int            `json:"limit"`
}

type filterLogEventsOutput struct {
	Events             []filteredLogEvent `json:"events"`
	SearchedLogStreams []struct{}         `json:"searchedLogStreams"` // always empty since 2020, says the API reference
	NextToken          string             `json:"nextToken,omitempty"`
}

type filteredLogEvent struct {
	LogStreamName string `json:"logStreamName"`
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
	EventID       string `json:"eventId"`
}

func (s *cloudWatchLogs) filterLogEvents(ctx context.Context, in *filterLogEventsInput) (*filterLogEventsOutput, error) {
	q, err := s.query(in)
	if err != nil {
		return nil, err
	}
	scope := strings.Join([]string{"FilterLogEvents", q.Group, q.Prefix, strings.Join(q.Streams, "\x01"), in.FilterPattern.Text,
		strconv.FormatInt(q.From, 10), strconv.FormatInt(q.Until, 10)}, "\x00")
	position, err := openToken(scope, in.NextToken, s.now())
	if err != nil {
		return nil, invalidLogsToken()
	}
	if position != "" { // one that was put there
		t, n, _ := strings.Cut(position, "/")
		q.After.Timestamp, _ = strconv.ParseInt(t, 10, 64)
		q.After.Number, _ = strconv.ParseInt(n, 10, 64)
	}
	page, err := s.logs.Read(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &filterLogEventsOutput{Events: make([]filteredLogEvent, 0, len(page.Events)), SearchedLogStreams: []struct{}{}}
	for _, e := range page.Events {
		out.Events = append(out.Events, filteredLogEvent{e.Stream, e.Timestamp, e.Message, e.Ingested, eventID(e.Position)})
	}
	if page.More {
		out.NextToken = pageToken(scope, fmt.Sprintf("%d/%d", page.Edge.Timestamp, page.Edge.Number), s.now())
	}
	return out, nil
}

// query checks the request and makes what the logs are asked.
func (s *cloudWatchLogs) query(in *filterLogEventsInput) (q logs.Query, err error) {
	group, err := logGroupOf(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return q, err
	}
	var c constraints
	if len(in.LogStreamNames) > maxLogStreamNames {
		c.add("", "logStreamNames", "Member must have length less than or equal to "+strconv.Itoa(maxLogStreamNames))
	}
	c.logStream("logStreamNamePrefix", in.LogStreamNamePrefix)
	c.limit(in.Limit, maxLogEvents)
	c.atLeastZero("startTime", in.StartTime)
	c.atLeastZero("endTime", in.EndTime)
	if err := c.logsErr(); err != nil {
		return q, err
	}
	if in.LogStreamNamePrefix.Set && len(in.LogStreamNames) > 0 {
		return q, sfn.Refuse(logs.InvalidParameterException, "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
	}
	filter, err := logs.ParseFilter(in.FilterPattern.Text)
	if err != nil {
		return q, err
	}
	q = logs.Query{
		Group: group, Prefix: in.LogStreamNamePrefix.Text, From: optional(in.StartTime), After: logs.Front, Limit: pageLimit(in.Limit, maxLogEvents),
	}
	if in.FilterPattern.Text != "" {
		q.Match = filter.Match
	}
	if in.EndTime != nil {
		q.Until = *in.EndTime + 1 // here, and only here, the end is included
	}
	for _, name := range in.LogStreamNames {
		if s.logs.HasGroup(group) && !s.logs.HasStream(group, name.Text) {
			return q, sfn.Refuse(logs.ResourceNotFoundException, "The specified log stream does not exist.")
		}
		q.Streams = append(q.Streams, name.Text)
	}
	return q, nil
}

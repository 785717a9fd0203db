package runner

import (
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/sfn"
)

// Logs takes what executions log. *logs.Service does; it must not keep callers waiting.
type Logs interface {
	// HasGroup tells whether there is a log group of the name.
	HasGroup(name string) bool
	// Append takes events for a stream of a group, which it makes if it is not there. An exception says that the group is gone.
	Append(group, stream string, events []logs.Event) error
}

// logTarget is where a machine's executions log, and what. It never changes.
type logTarget struct {
	group, stream string // group is "" if they log nothing
	level         sfn.LogLevel
	includeData   bool
	until         time.Time // when another stream is due
}

// streamLife is how long executions log into one stream before another is begun.
const streamLife = 24 * time.Hour

// logTarget returns where the machine's executions log, nil if they do not.
func (r *Runner) logTarget(m *machine) *logTarget {
	if r.logs == nil {
		return nil
	}
	now := r.now()
	t := m.log.Load()
	if t == nil || t.group != "" && !now.Before(t.until) {
		t = r.newLogTarget(m, now)
		m.log.Store(t)
	}
	if t.group == "" {
		return nil
	}
	return t
}

// newLogTarget names a stream as Step Functions does, by machine and minute; the digits keep processes apart.
func (r *Runner) newLogTarget(m *machine, now time.Time) *logTarget {
	c := m.config.Logging
	t := &logTarget{group: c.LogGroup(), level: c.Level, includeData: c.IncludeExecutionData, until: now.Add(streamLife)}
	minute := now.UTC().Format("2006-01-02-15-04")
	t.stream = fmt.Sprintf("states/%s/%s/%08x", m.Name, minute, uint32(maphash.String(r.seed, m.ARN+minute)))
	return t
}

// logLines gathers a round's records for one target.
type logLines struct {
	to   *logTarget
	text []byte
	ends []logLine
}

// logLine says where a record ends in the text.
type logLine struct {
	timestamp int64
	end       int
}

// log writes what the round has decided to where it is to be logged. It is on disk already: what is logged has happened. The reverse does
// not hold, since a crash may come between; AWS delivers logs with best effort, too.
func (s *shard) log() {
	if s.runner.logs == nil {
		return
	}
	for _, r := range s.touched {
		if r.log == nil || len(r.events) == 0 {
			continue
		}
		lines := s.linesFor(r.log)
		record := &s.logRecord
		record.ExecutionARN, record.MapRunARN = r.record.ARN, r.record.MapRunARN
		record.RedriveCount, record.IncludeData = r.record.RedriveCount, r.log.includeData
		for i := range r.events {
			if e := &r.events[i]; e.Type.LoggedAt(r.log.level) {
				lines.text = e.AppendLog(lines.text, record)
				lines.ends = append(lines.ends, logLine{e.Time.UnixMilli(), len(lines.text)})
			}
		}
	}
	for i := range s.lines {
		s.appendLines(&s.lines[i])
		s.lines[i].to = nil
	}
	s.lines = s.lines[:0]
}

// linesFor returns the lines for the target, with the memory of an earlier round.
func (s *shard) linesFor(to *logTarget) *logLines {
	for i := range s.lines {
		if s.lines[i].to == to {
			return &s.lines[i]
		}
	}
	if len(s.lines) < cap(s.lines) {
		s.lines = s.lines[:len(s.lines)+1]
	} else {
		s.lines = append(s.lines, logLines{})
	}
	lines := &s.lines[len(s.lines)-1]
	lines.to, lines.text, lines.ends = to, lines.text[:0], lines.ends[:0]
	return lines
}

// maxLogText is how much memory for records a shard keeps between rounds.
const maxLogText = 1 << 20

func (s *shard) appendLines(lines *logLines) {
	if len(lines.ends) == 0 {
		return
	}
	text := string(lines.text)
	events := s.logEvents[:0]
	from := 0
	for _, line := range lines.ends {
		events = append(events, logs.Event{Timestamp: line.timestamp, Message: text[from:line.end]})
		from = line.end
	}
	err := s.runner.logs.Append(lines.to.group, lines.to.stream, events)
	var gone *sfn.Exception
	if err != nil && !errors.As(err, &gone) { // a group that was deleted takes nothing, and the executions do not mind
		s.runner.log.Error("cannot log what executions did", "group", lines.to.group, "error", err)
	}
	clear(events)
	s.logEvents = events[:0]
	if cap(lines.text) > maxLogText {
		lines.text = nil
	}
}

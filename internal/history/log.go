package history

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// MaxLogRecord is how long the record of an event in CloudWatch Logs may be, in bytes. Data is cut to make it fit.
const MaxLogRecord = 262_144 - 26

// LogRecord is what the record of an event in CloudWatch Logs tells of the execution. One goroutine uses it at a time.
type LogRecord struct {
	ExecutionARN string
	MapRunARN    string // of a Map Run's child
	RedriveCount int
	// IncludeData keeps inputs, outputs, parameters and variables.
	IncludeData bool

	writer logWriter // memory for the next record
}

// LoggedAt tells whether events of the type are written at the level (developer guide, "Log levels for execution events").
func (t Type) LoggedAt(level sfn.LogLevel) bool {
	switch level {
	case sfn.LogAll:
		return true
	case sfn.LogFatal:
		return t.EndsExecution() && t != ExecutionSucceeded
	case sfn.LogError:
		name := string(t)
		return t == FailStateEntered || strings.HasSuffix(name, "Failed") || strings.HasSuffix(name, "TimedOut") || strings.HasSuffix(name, "Aborted")
	}
	return false
}

// AppendLog appends the event as Step Functions writes it to CloudWatch Logs: numbers of the head as texts, the members of the details in
// alphabetical order (spec history.md section 6).
func (e *Event) AppendLog(dst []byte, r *LogRecord) []byte {
	at := len(dst)
	for cut := 0; ; cut = nextCut(cut) {
		dst = e.appendLog(dst[:at], r, cut)
		if len(dst)-at <= MaxLogRecord || cut == 1 {
			return dst
		}
	}
}

// nextCut halves to how many bytes each text of data is cut, beginning at half a record; 0 stands for no cut.
func nextCut(cut int) int {
	if cut == 0 {
		return MaxLogRecord / 2
	}
	return max(1, cut/2)
}

func (e *Event) appendLog(dst []byte, r *LogRecord, cut int) []byte {
	dst = append(dst, `{"id":"`...)
	dst = strconv.AppendInt(dst, e.ID, 10)
	dst = append(dst, `","type":"`...)
	dst = append(dst, e.Type...)
	dst = append(dst, `","details":{`...)
	if e.Details != nil {
		w := &r.writer
		w.writer = writer{dst: dst, withoutData: !r.IncludeData, first: true, noted: append(w.noted[:0], 0)[:0]}
		w.cut = cut
		e.Details.visit(w)
		dst = w.sorted(len(dst))
		w.dst = nil // the caller's
	}
	dst = append(dst, `},"previous_event_id":"`...)
	dst = strconv.AppendInt(dst, e.PreviousID, 10)
	dst = append(dst, `","event_timestamp":"`...)
	dst = strconv.AppendInt(dst, e.Time.UnixMilli(), 10)
	dst = append(dst, `","execution_arn":`...)
	dst = value.AppendQuoted(dst, r.ExecutionARN)
	if r.MapRunARN != "" {
		dst = append(dst, `,"map_run_arn":`...)
		dst = value.AppendQuoted(dst, r.MapRunARN)
	}
	dst = append(dst, `,"redrive_count":"`...)
	dst = strconv.AppendInt(dst, int64(r.RedriveCount), 10)
	return append(dst, `"}`...)
}

// logWriter is the writer of log records. It notes where members begin, to sort them, and cuts data that is too long.
type logWriter struct {
	writer
	cut     int      // bytes of each text, 0 for all
	members [][]byte // memory for sorted
}

// sorted brings the members that were written from start on in order.
func (w *logWriter) sorted(start int) []byte {
	if len(w.noted) < 2 {
		return w.dst
	}
	members := w.members[:0]
	for i, at := range w.noted {
		end := len(w.dst)
		if i+1 < len(w.noted) {
			end = w.noted[i+1] - 1 // the comma
		}
		members = append(members, w.dst[at:end])
	}
	w.members = members
	defer clear(members)
	if slices.IsSortedFunc(members, compareNames) {
		return w.dst
	}
	slices.SortFunc(members, compareNames)
	end := len(w.dst)
	for i, m := range members { // behind what is there, then moved over it
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		w.dst = append(w.dst, m...)
	}
	return append(w.dst[:start], w.dst[end:]...)
}

// compareNames orders members, each of which begins with its quoted name.
func compareNames(a, b []byte) int {
	nameOf := func(m []byte) []byte { return m[1 : 1+bytes.IndexByte(m[1:], '"')] }
	return bytes.Compare(nameOf(a), nameOf(b))
}

func (w *logWriter) data(name string, at **value.Data) {
	if *at == nil || w.withoutData {
		return
	}
	w.name(name)
	text, truncated := w.shorten((*at).Text())
	w.dst = value.AppendQuoted(w.dst, text)
	w.truncated(name, truncated)
}

func (w *logWriter) parameters(name string, at **value.Data) {
	if *at == nil || w.withoutData {
		return
	}
	w.name(name)
	text, _ := w.shorten((*at).Text())
	w.dst = value.AppendQuoted(w.dst, text)
}

func (w *logWriter) variables(name string, at *[]Variable) {
	if len(*at) == 0 || w.withoutData {
		return
	}
	w.name(name)
	w.dst = append(w.dst, '{')
	truncated := false
	for i, variable := range *at {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		w.dst = value.AppendQuoted(w.dst, variable.Name)
		w.dst = append(w.dst, ':')
		text, cut := w.shorten(variable.Value.Text())
		truncated = truncated || cut
		w.dst = value.AppendQuoted(w.dst, text)
	}
	w.dst = append(w.dst, '}')
	w.truncated(name, truncated)
}

// shorten cuts a text between characters.
func (w *logWriter) shorten(text string) (string, bool) {
	if w.cut == 0 || len(text) <= w.cut {
		return text, false
	}
	end := w.cut
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end], true
}

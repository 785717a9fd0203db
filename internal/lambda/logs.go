package lambda

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The streams of a Line.
const (
	StreamStdout   = "stdout"   // what the function printed
	StreamStderr   = "stderr"   // the same; Go's log package prints here
	StreamPlatform = "platform" // what the service writes: START, END, REPORT and the errors it found
)

// Line is one line of a function's log. On AWS it would be a CloudWatch Logs event.
type Line struct {
	Function  string // the name
	Version   string
	LogGroup  string
	LogStream string // one for each execution environment
	RequestID string // the invocation during which it was printed; between two, the earlier; "" in the init phase
	Stream    string // StreamStdout, StreamStderr or StreamPlatform
	Time      time.Time
	Text      string // valid UTF-8 without the newline; it may consist of several lines, where the platform or a runtime wrote them as one event
}

// Logs receives the lines of all functions. Those of one environment and stream come in order, from one goroutine at a time; several
// environments call at once. Log must return soon, since the function waits meanwhile, and must not call the host.
type Logs interface {
	Log(Line)
}

const (
	// maxLine is where a line is cut: the size of the largest event that CloudWatch Logs has long accepted.
	maxLine = 256 << 10
	// maxTail is how much of an invocation's log its result carries (Lambda API, Invoke, X-Amz-Log-Result).
	maxTail = 4 << 10
)

var cutMark = fmt.Sprintf(" ... [line cut after %d bytes]", maxLine)

// output turns what an environment prints into lines, and keeps the tail of the current invocation's.
type output struct {
	sink   Logs // may be nil
	now    func() time.Time
	origin Line // the fields that all lines share

	mu      sync.Mutex
	buf     []byte
	streams []*stream
	request string // the id of the current or latest invocation
	tail    []byte
}

// stream is one of the two pipes of a process.
type stream struct {
	out  *output
	name string
	file *os.File // the end we read

	// Guarded by out.mu.
	partial []byte // a line without its end yet, at most maxLine bytes
	cut     bool   // the rest of the line is being dropped
}

// pipe makes a stream and returns the end that the process writes to.
func (o *output) pipe(name string) (*stream, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	return &stream{out: o, name: name, file: r}, w, nil
}

// attach makes the streams of a new process those that drain empties.
func (o *output) attach(streams []*stream) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.streams = streams
	if o.buf == nil {
		o.buf = make([]byte, 16<<10)
	}
}

// drain handles everything that the process has written so far.
func (o *output) drain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.streams {
		s.drain()
	}
}

// detach drains the streams of a process that is gone and closes them, also where a child of it still holds the other end.
func (o *output) detach() {
	o.drain()
	o.mu.Lock()
	streams := o.streams
	o.streams = nil
	for _, s := range streams {
		s.flush()
	}
	o.mu.Unlock()
	for _, s := range streams {
		_ = s.file.Close() // the read end of a pipe: nothing can be lost by it
	}
}

// begin makes request the invocation that lines belong to.
func (o *output) begin(request, version string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.request = request
	o.tail = nil
	o.emit(StreamPlatform, "START RequestId: "+request+" Version: "+version)
}

// end drains, writes lines of the platform and returns the tail of the invocation's log.
func (o *output) end(lines ...string) []byte {
	o.drain()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.streams {
		s.flush()
	}
	for _, text := range lines {
		o.emit(StreamPlatform, text)
	}
	tail := o.tail
	o.tail = nil
	return tail[max(0, len(tail)-maxTail):]
}

// platform writes one line of the platform.
func (o *output) platform(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.emit(StreamPlatform, text)
}

// emit hands one line on. o.mu is held, which is what keeps the lines of both pipes and the platform in order.
func (o *output) emit(stream, text string) {
	o.tail = append(append(o.tail, text...), '\n')
	if len(o.tail) > 4*maxTail {
		o.tail = append(o.tail[:0], o.tail[len(o.tail)-maxTail:]...)
	}
	if o.sink == nil {
		return
	}
	line := o.origin
	line.RequestID, line.Stream, line.Time, line.Text = o.request, stream, o.now(), text
	o.sink.Log(line)
}

// consume splits what was read into lines. out.mu is held.
func (s *stream) consume(data []byte) {
	for len(data) > 0 {
		chunk, rest, ended := bytes.Cut(data, []byte("\n"))
		if !s.cut {
			if room := maxLine - len(s.partial); len(chunk) > room {
				chunk, s.cut = chunk[:room], true
			}
			s.partial = append(s.partial, chunk...)
		}
		if ended {
			s.emit()
		}
		data = rest
	}
}

// flush emits a line that has no end. out.mu is held.
func (s *stream) flush() {
	if len(s.partial) > 0 {
		s.emit()
	}
}

func (s *stream) emit() {
	text := strings.ToValidUTF8(string(bytes.TrimSuffix(s.partial, []byte("\r"))), "\uFFFD")
	text = strings.ReplaceAll(text, "\r", "\n") // how runtimes print several lines as one event
	if s.cut {
		text += cutMark
	}
	s.partial, s.cut = s.partial[:0], false
	if cap(s.partial) > 16<<10 {
		s.partial = nil // one long line is no reason to keep its memory
	}
	s.out.emit(s.name, text)
}

// Report is what the REPORT line of an invocation says.
type Report struct {
	Duration       time.Duration // from handing over the event to the call of next that followed, or the end of the process
	BilledDuration time.Duration // Duration and InitDuration, in whole milliseconds
	InitDuration   time.Duration // 0 for a warm invocation
	MemoryMB       int           // the memory size of the configuration
	MaxMemoryMB    int           // the most the process has used so far; 0 where the system does not tell cheaply
}

// line is the REPORT line, with AWS's tabs. status is "", "timeout" or "error"; errorType goes with the last.
func (r Report) line(request, status, errorType string) string {
	// Without fmt: every invocation ends in this line.
	b := make([]byte, 0, 256)
	ms := func(name string, d time.Duration) {
		b = strconv.AppendFloat(append(b, name...), milliseconds(d), 'f', 2, 64)
		b = append(b, " ms\t"...)
	}
	number := func(name string, n int64, unit string) {
		b = append(strconv.AppendInt(append(b, name...), n, 10), unit...)
	}
	b = append(append(append(b, "REPORT RequestId: "...), request...), '\t')
	ms("Duration: ", r.Duration)
	number("Billed Duration: ", r.BilledDuration.Milliseconds(), " ms\t")
	number("Memory Size: ", int64(r.MemoryMB), " MB\t")
	if r.MaxMemoryMB > 0 {
		number("Max Memory Used: ", int64(r.MaxMemoryMB), " MB\t")
	}
	if r.InitDuration > 0 {
		ms("Init Duration: ", r.InitDuration)
	}
	if status != "" {
		b = append(b, "Status: "+status+"\t"...)
	}
	if errorType != "" {
		b = append(b, "Error Type: "+errorType+"\t"...)
	}
	return string(b)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// billed rounds up to whole milliseconds, as the bill does.
func billed(d time.Duration) time.Duration {
	return time.Duration(math.Ceil(milliseconds(d))) * time.Millisecond
}

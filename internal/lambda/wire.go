package lambda

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// runtimeServer takes the connections of all processes. It speaks the little of HTTP/1.1 that a runtime needs: requests with a body of a
// given length or in chunks, one after another on a connection that stays.
//
// net/http would do; it did. But it reads in the background of every request for the case that the client goes away, sets deadlines, and
// builds maps of headers that nobody looks at: about half of the host's CPU time of a warm invocation. And a handler that waits for work
// is a goroutine that has to be woken, where here whoever has the work writes it to the connection (BenchmarkWarmInvoke).
type runtimeServer struct {
	host     *Host
	listener net.Listener

	mu     sync.Mutex
	conns  map[*runtimeConn]struct{}
	closed bool
}

// The bounds of a request's head. It may carry the X-Ray cause of an error, up to 1 MiB in aws-lambda-go.
const (
	maxHead     = 2 << 20
	usualBuffer = 4 << 10
)

// introduction is how long a connection may take to show a token, and to send the head of a request thereafter one that has none.
const introduction = 10 * time.Second

// serve takes connections until close.
func (s *runtimeServer) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(5 * time.Millisecond) // out of files, most likely: a process that ends gives some back
			continue
		}
		c := &runtimeConn{server: s, conn: conn, buf: make([]byte, 0, usualBuffer)}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = conn.Close()
			continue
		}
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		s.host.background.Go(c.serve)
	}
}

// close closes the listener and all connections, which ends their goroutines.
func (s *runtimeServer) close() {
	_ = s.listener.Close() // nobody listens any more
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.conns {
		_ = c.conn.Close()
	}
}

// runtimeConn is a connection of a process. Its goroutine reads; who writes is said at write.
type runtimeConn struct {
	server *runtimeServer
	conn   net.Conn
	buf    []byte       // what has been read and not yet used
	env    *environment // whose token it has shown last; guarded by Host.mu

	writing sync.Mutex
	out     []byte // for answers; guarded by writing
}

// wireRequest is a request, as far as anyone looks at it. Its texts are its own.
type wireRequest struct {
	method, path string
	length       int64 // of the body; -1 for chunks
	last         bool  // the connection is to be closed after the answer
	expects      bool  // the body comes once it has been asked for
	errorType    string
	// In the trailer of a body in chunks.
	trailerType, trailerBody string
}

// The faults of a request after which a connection is of no use.
var (
	errMalformed = errors.New("the request is not well-formed HTTP/1.1")
	errHeadSize  = errors.New("the head of the request is too large")
)

// serve answers requests until the connection ends.
func (c *runtimeConn) serve() {
	defer func() {
		_ = c.conn.Close()
		c.server.mu.Lock()
		delete(c.server.conns, c)
		c.server.mu.Unlock()
		c.server.host.unpark(c)
	}()
	_ = c.conn.SetReadDeadline(time.Now().Add(introduction)) // a connection that has no deadlines ends otherwise
	for {
		r, err := c.readHead()
		if err != nil {
			if errors.Is(err, errMalformed) || errors.Is(err, errHeadSize) {
				c.refuse(400, "InvalidRequest", err.Error())
			}
			return
		}
		if !c.server.host.handle(c, r) || r.last {
			return
		}
		if cap(c.buf) > 64<<10 && len(c.buf) == 0 {
			c.buf = make([]byte, 0, usualBuffer) // one large request is no reason to keep its memory
		}
	}
}

// fill reads more into the buffer.
func (c *runtimeConn) fill() error {
	if len(c.buf) == cap(c.buf) {
		c.buf = slices.Grow(c.buf, max(usualBuffer, len(c.buf)))
	}
	n, err := c.conn.Read(c.buf[len(c.buf):cap(c.buf)])
	c.buf = c.buf[:len(c.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

// use takes n bytes out of the buffer.
func (c *runtimeConn) use(n int) { c.buf = c.buf[:copy(c.buf, c.buf[n:])] }

// readHead reads the next request up to its body.
func (c *runtimeConn) readHead() (*wireRequest, error) {
	from := 0
	for {
		if end := bytes.Index(c.buf[from:], []byte("\r\n\r\n")); end >= 0 && from+end <= maxHead {
			end += from
			r, err := parseHead(c.buf[:end])
			c.use(end + 4)
			return r, err
		}
		if len(c.buf) > maxHead {
			return nil, errHeadSize
		}
		from = max(0, len(c.buf)-3)
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// parseHead reads the request line and the headers, without the blank line (RFC 9112, sections 3 and 5).
func parseHead(head []byte) (*wireRequest, error) {
	line, rest, _ := bytes.Cut(head, []byte("\r\n"))
	method, target, ok := bytes.Cut(line, []byte(" "))
	path, version, ok2 := bytes.Cut(target, []byte(" "))
	if !ok || !ok2 || len(method) == 0 || len(path) == 0 || path[0] != '/' || !bytes.HasPrefix(version, []byte("HTTP/1.")) || len(version) != 8 {
		return nil, errMalformed
	}
	r := &wireRequest{method: wireMethod(method), path: string(path), last: version[7] == '0'}
	sized := false
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t\x00") || bytes.ContainsAny(line, "\r\n\x00") {
			return nil, errMalformed
		}
		value = bytes.Trim(value, " \t")
		switch {
		case equalFold(name, "Content-Length"):
			n, err := strconv.ParseUint(string(value), 10, 62)
			if err != nil || sized && r.length != int64(n) || r.length < 0 {
				return nil, errMalformed
			}
			r.length, sized = int64(n), true
		case equalFold(name, "Transfer-Encoding"):
			if sized || !equalFold(value, "chunked") {
				return nil, errMalformed
			}
			r.length = -1
		case equalFold(name, "Connection"):
			r.last = r.last && !containsToken(value, "keep-alive") || containsToken(value, "close")
		case equalFold(name, "Expect"):
			r.expects = equalFold(value, "100-continue")
		case equalFold(name, headerErrorType):
			r.errorType = string(value)
		}
	}
	return r, nil
}

// wireMethod is the text of a method, without a copy for those that runtimes use.
func wireMethod(m []byte) string {
	switch string(m) {
	case "GET":
		return "GET"
	case "POST":
		return "POST"
	}
	return string(m)
}

// equalFold compares a header's name or value without regard to case.
func equalFold(b []byte, s string) bool { return len(b) == len(s) && strings.EqualFold(string(b), s) }

// containsToken looks for a token in a list with commas.
func containsToken(list []byte, token string) bool {
	for part := range bytes.SplitSeq(list, []byte(",")) {
		if equalFold(bytes.Trim(part, " \t"), token) {
			return true
		}
	}
	return false
}

// readBody reads the body of at most MaxResponseSize bytes. Of a larger one some is read and dropped, so that the sender gets to the
// answer. Any other error means that the connection is of no use.
func (c *runtimeConn) readBody(r *wireRequest) ([]byte, error) {
	if r.expects && r.length != 0 {
		if err := c.write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return nil, err
		}
	}
	if r.length >= 0 {
		return c.readLength(r.length)
	}
	var body []byte
	total := int64(0)
	for {
		n, err := c.readChunkSize()
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		if total += n; total > 11*MaxResponseSize {
			return nil, errMalformed // whoever sends on and on does not look for an answer
		}
		if total > MaxResponseSize {
			body = nil
			err = c.drop(n)
		} else {
			body, err = c.append(body, n)
		}
		if err == nil {
			err = c.endOfLine()
		}
		if err != nil {
			return nil, err
		}
	}
	if err := c.readTrailer(r); err != nil {
		return nil, err
	}
	if total > MaxResponseSize {
		return nil, errTooLarge
	}
	return body, nil
}

func (c *runtimeConn) readLength(n int64) ([]byte, error) {
	switch {
	case n > 11*MaxResponseSize:
		return nil, errMalformed
	case n > MaxResponseSize:
		if err := c.drop(n); err != nil {
			return nil, err
		}
		return nil, errTooLarge
	}
	return c.append(nil, n)
}

// append reads n bytes to the end of body. Memory grows with what arrives, not with what is announced.
func (c *runtimeConn) append(body []byte, n int64) ([]byte, error) {
	for n > 0 {
		if len(c.buf) == 0 {
			if n < usualBuffer {
				if err := c.fill(); err != nil {
					return nil, ended(err)
				}
				continue
			}
			body = slices.Grow(body, int(min(n, 256<<10)))
			room := body[len(body):min(cap(body), len(body)+int(n))]
			got, err := c.conn.Read(room)
			if got == 0 && err != nil {
				return nil, ended(err)
			}
			body, n = body[:len(body)+got], n-int64(got)
			continue
		}
		k := int(min(n, int64(len(c.buf))))
		body = append(body, c.buf[:k]...)
		c.use(k)
		n -= int64(k)
	}
	return body, nil
}

// drop reads n bytes and forgets them.
func (c *runtimeConn) drop(n int64) error {
	for n > 0 {
		if len(c.buf) == 0 {
			if err := c.fill(); err != nil {
				return ended(err)
			}
		}
		k := int(min(n, int64(len(c.buf))))
		c.use(k)
		n -= int64(k)
	}
	return nil
}

// ended is the error of a request that the connection did not outlive.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readLine reads a line of at most most bytes, without its end.
func (c *runtimeConn) readLine(most int) (string, error) {
	for {
		if end := bytes.IndexByte(c.buf, '\n'); end >= 0 {
			if end == 0 || c.buf[end-1] != '\r' || end > most {
				return "", errMalformed
			}
			line := string(c.buf[:end-1])
			c.use(end + 1)
			return line, nil
		}
		if len(c.buf) > most {
			return "", errMalformed
		}
		if err := c.fill(); err != nil {
			return "", ended(err)
		}
	}
}

// readChunkSize reads the line before a chunk (RFC 9112, section 7.1). Extensions are nobody's.
func (c *runtimeConn) readChunkSize() (int64, error) {
	line, err := c.readLine(256)
	if err != nil {
		return 0, err
	}
	digits, _, _ := strings.Cut(line, ";")
	n, err := strconv.ParseUint(strings.TrimRight(digits, " \t"), 16, 40)
	if err != nil {
		return 0, errMalformed
	}
	return int64(n), nil
}

func (c *runtimeConn) endOfLine() error {
	line, err := c.readLine(2)
	if err == nil && line != "" {
		err = errMalformed
	}
	return err
}

// readTrailer reads the lines behind the last chunk.
func (c *runtimeConn) readTrailer(r *wireRequest) error {
	for total := 0; total < maxTrailer; {
		line, err := c.readLine(maxTrailer)
		if err != nil {
			return err
		}
		if line == "" {
			return nil
		}
		total += len(line)
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return errMalformed
		}
		switch value = textproto.TrimString(value); {
		case strings.EqualFold(name, headerErrorType):
			r.trailerType = value
		case strings.EqualFold(name, headerErrorBody):
			r.trailerBody = value
		}
	}
	return errHeadSize
}

// maxTrailer bounds what follows the last chunk: the error document in base64.
const maxTrailer = 9 << 20

// write sends bytes. The connection's own goroutine writes the answers to what it has read, except to a call of next that waits: that is
// answered by whoever has an invocation, after taking the connection away from the environment under Host.mu, so that it is one.
func (c *runtimeConn) write(b []byte) error {
	_, err := c.conn.Write(b)
	return err
}

// accepted is the answer to what a process has posted, in one piece.
var accepted202 = []byte("HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n" + `{"status":"OK"}`)

// accept answers what was posted. It reports whether the connection is still good.
func (c *runtimeConn) accept() bool { return c.write(accepted202) == nil }

// refuse answers with an error document.
func (c *runtimeConn) refuse(status int, errorType, message string) bool {
	return c.answer(status, nil, errorDocument(errorType, message))
}

// statusTexts are the reasons of the statuses that are answered with.
var statusTexts = map[int]string{
	200: "OK", 202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 413: "Request Entity Too Large",
}

// answer writes a response with a body in JSON, in one piece unless it is large.
func (c *runtimeConn) answer(status int, headers []byte, body []byte) bool {
	c.writing.Lock()
	defer c.writing.Unlock()
	b := append(c.out[:0], "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(append(b, ' '), statusTexts[status]...)
	b = append(b, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\n"...)
	b = append(append(b, headers...), "\r\n"...)
	if len(body) > 64<<10 {
		buffers := net.Buffers{b, body}
		_, err := buffers.WriteTo(c.conn)
		c.out = b
		return err == nil
	}
	b = append(b, body...)
	if c.out = b; cap(c.out) > 64<<10 {
		c.out = nil
	}
	return c.write(b) == nil
}

package lambda

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// fakeConn is a connection that reads from one place and writes to another.
type fakeConn struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (c *fakeConn) Read(p []byte) (int, error)      { return c.in.Read(p) }
func (c *fakeConn) Write(p []byte) (int, error)     { return c.out.Write(p) }
func (c *fakeConn) SetReadDeadline(time.Time) error { return nil }

// read reads all requests that come in, as "method path body" each, and the error that ends it.
func read(in io.Reader) (requests []string, written string, err error) {
	conn := &fakeConn{in: in}
	c := &runtimeConn{conn: conn, buf: make([]byte, 0, usualBuffer)}
	for {
		r, err := c.readHead()
		if err != nil {
			return requests, conn.out.String(), err
		}
		body, err := c.readBody(r)
		if errors.Is(err, errTooLarge) {
			body = []byte("(too large)")
		} else if err != nil {
			return requests, conn.out.String(), err
		}
		text := fmt.Sprintf("%s %s %s", r.method, r.path, body)
		for _, extra := range []string{r.errorType, r.trailerType, r.trailerBody} {
			if extra != "" {
				text += " " + extra
			}
		}
		if r.last {
			text += " last"
		}
		requests = append(requests, text)
	}
}

func TestReadRequests(t *testing.T) {
	const post = "POST /p HTTP/1.1\r\nHost: h\r\n"
	large := strings.Repeat("x", MaxResponseSize)
	for _, tc := range []struct {
		name, in string
		want     string // the requests, separated by a bar
		err      error
	}{
		{"nothing", "", "", io.EOF},
		{"one", "GET /a/b?c HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a/b?c ", io.EOF},
		{"two at once", "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n", "GET /a |GET /b ", io.EOF},
		{"length", post + "content-length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\n\r\n", "POST /p hello|GET /b ", io.EOF},
		{"chunks", post + "Transfer-Encoding: chunked\r\nTrailer: A\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\nGET /b HTTP/1.1\r\n\r\n", "POST /p hello|GET /b ", io.EOF},
		{"trailer", post + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nLambda-Runtime-Function-Error-Type: E\r\nlambda-runtime-function-error-body: e30=\r\n\r\n", "POST /p x E e30=", io.EOF},
		{"error type", post + "Lambda-Runtime-Function-Error-Type:  Mine \r\n\r\n", "POST /p  Mine", io.EOF},
		{"close", "GET / HTTP/1.1\r\nConnection: TE, close\r\n\r\n", "GET /  last", io.EOF},
		{"old", "GET / HTTP/1.0\r\n\r\n", "GET /  last", io.EOF},
		{"old, kept", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / ", io.EOF},
		{"largest", post + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", MaxResponseSize, large), "POST /p " + large, io.EOF},
		{"too large", post + fmt.Sprintf("Content-Length: %d\r\n\r\n%sx", MaxResponseSize+1, large) + "GET / HTTP/1.1\r\n\r\n", "POST /p (too large)|GET / ", io.EOF},
		{"too large in chunks", post + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%sx\r\n0\r\n\r\n", MaxResponseSize+1, large), "POST /p (too large)", io.EOF},
		{"without end", post + "Content-Length: 99999999999\r\n\r\n", "", errMalformed},
		{"head cut off", "GET / HTTP/1.1\r\nHos", "", io.EOF},
		{"body cut off", post + "Content-Length: 5\r\n\r\nhel", "", io.ErrUnexpectedEOF},
		{"chunk cut off", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "", io.ErrUnexpectedEOF},
		{"no version", "GET /\r\n\r\n", "", errMalformed},
		{"other version", "GET / HTTP/2.0\r\n\r\n", "", errMalformed},
		{"no path", "GET x HTTP/1.1\r\n\r\n", "", errMalformed},
		{"no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", "", errMalformed},
		{"blank before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", "", errMalformed},
		{"negative length", post + "Content-Length: -1\r\n\r\n", "", errMalformed},
		{"two lengths", post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "", errMalformed},
		{"length and chunks", post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "", errMalformed},
		{"chunks and length", post + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", "", errMalformed},
		{"other encoding", post + "Transfer-Encoding: gzip\r\n\r\n", "", errMalformed},
		{"no chunk size", post + "Transfer-Encoding: chunked\r\n\r\nx\r\n", "", errMalformed},
		{"no end of chunk", post + "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", "", errMalformed},
		{"large head", "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", maxHead+1) + "\r\n\r\n", "", errHeadSize},
	} {
		t.Run(tc.name, func(t *testing.T) {
			readers := map[string]io.Reader{"at once": strings.NewReader(tc.in)}
			if len(tc.in) < 10_000 {
				readers["byte by byte"] = iotest.OneByteReader(strings.NewReader(tc.in))
			}
			for how, in := range readers {
				got, _, err := read(in)
				if strings.Join(got, "|") != tc.want || !errors.Is(err, tc.err) {
					t.Errorf("%s: %.200q, %v; want %.200q, %v", how, got, err, tc.want, tc.err)
				}
			}
		})
	}
}

func TestExpectContinue(t *testing.T) {
	got, written, _ := read(strings.NewReader("POST /p HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx"))
	if len(got) != 1 || written != "HTTP/1.1 100 Continue\r\n\r\n" {
		t.Errorf("read %q, wrote %q", got, written)
	}
}

func TestAnswersAreHTTP(t *testing.T) {
	large := strings.Repeat("y", 200<<10)
	for name, write := range map[string]func(*runtimeConn) bool{
		"202": (*runtimeConn).accept,
		"403": func(c *runtimeConn) bool { return c.refuse(403, "E", "m") },
		"200": func(c *runtimeConn) bool { return c.answer(200, []byte("A: b\r\n"), []byte(large)) },
	} {
		conn := &fakeConn{}
		if !write(&runtimeConn{conn: conn}) {
			t.Fatalf("%s is not written", name)
		}
		response, err := http.ReadResponse(bufio.NewReader(&conn.out), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.Status[:3] != name || int64(len(body)) != response.ContentLength || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %+v with %d bytes, %v", name, response, len(body), err)
		}
	}
}

func TestEveryStatusHasAReason(t *testing.T) {
	for status, reason := range statusTexts {
		if http.StatusText(status) != reason {
			t.Errorf("%d is %q, not %q", status, http.StatusText(status), reason)
		}
	}
}

// FuzzWire holds the reader to net/http's: what is accepted here means the same there.
func FuzzWire(f *testing.F) {
	f.Add([]byte("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"))
	f.Add([]byte("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nLambda-Runtime-Function-Error-Type: E\r\n\r\n"))
	f.Add([]byte("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &runtimeConn{conn: &fakeConn{in: bytes.NewReader(data)}, buf: make([]byte, 0, usualBuffer)}
		r, err := c.readHead()
		if err != nil {
			return
		}
		body, err := c.readBody(r)
		if err != nil {
			return
		}
		theirs, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return // they know more rules, about names, values and hosts; a function's process hurts nobody by breaking them
		}
		their, err := io.ReadAll(theirs.Body)
		if err != nil {
			return
		}
		if theirs.Method != r.method || theirs.RequestURI != r.path || !bytes.Equal(their, body) {
			t.Errorf("%q: %s %s %q here, %s %s %q there", data, r.method, r.path, body, theirs.Method, theirs.RequestURI, their)
		}
	})
}

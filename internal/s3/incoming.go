package s3

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// This file reads what clients send: bodies, whole or in signed chunks with a trailer, held against the digests that come with them.

// patience is how long a client may be silent while it sends a body, and how long it may take to read a piece of an answer.
const patience = time.Minute

// maxXML bounds the XML documents that clients send: 10,000 parts with checksums stay below.
const maxXML = 4 << 20

// body returns the request's body as the client means it, and the checksum that it has once the body has been read to its end. Reading fails
// with BadDigest at the end of a body that is not what its digests say.
func (c *call) body() (io.Reader, *Checksum, error) {
	in := &incoming{src: &patient{c.r.Body, http.NewResponseController(c.w)}, sum: &Checksum{}}
	payload := c.r.Header.Get("X-Amz-Content-Sha256")
	if strings.HasPrefix(payload, "STREAMING-") || strings.Contains(c.r.Header.Get("Content-Encoding"), "aws-chunked") {
		in.chunks = &chunks{src: bufio.NewReaderSize(in.src, 64<<10), trailer: http.Header{}}
		in.src = in.chunks
		if n, err := strconv.ParseInt(c.r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64); err == nil {
			in.want = n
		} else {
			in.want = -1
		}
	} else {
		in.want = c.r.ContentLength
		if len(payload) == sha256.Size*2 {
			in.sha, in.wantSHA = sha256.New(), payload
		}
	}
	if text := c.r.Header.Get("Content-Md5"); text != "" {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw) != md5.Size {
			return nil, nil, refuse(InvalidDigest, c.bucket, c.key)
		}
		in.md5, in.wantMD5 = md5.New(), raw
	}
	if err := in.expect(c.r.Header); err != nil {
		return nil, nil, err
	}
	return in, in.sum, nil
}

// incoming is a body as it comes in.
type incoming struct {
	src     io.Reader
	chunks  *chunks // nil if the body is sent as it is
	want    int64   // how long it is to be; -1 if nobody has said
	got     int64
	sha     hash.Hash
	wantSHA string
	md5     hash.Hash
	wantMD5 []byte
	algo    string // of the checksum
	hash    hash.Hash
	claimed string // in a header; else the trailer says
	sum     *Checksum
}

// expect finds out which checksum the body has.
func (in *incoming) expect(h http.Header) error {
	trailer := strings.ToLower(h.Get("X-Amz-Trailer"))
	for algorithm, begin := range checksumAlgorithms {
		name := checksumHeader(algorithm)
		if h.Get(name) != "" || trailer == name {
			in.algo, in.hash, in.claimed = algorithm, begin(), h.Get(name)
		}
	}
	if in.algo == "" {
		if begin := checksumAlgorithms[strings.ToUpper(h.Get("X-Amz-Sdk-Checksum-Algorithm"))]; begin != nil {
			in.algo, in.hash = strings.ToUpper(h.Get("X-Amz-Sdk-Checksum-Algorithm")), begin()
		}
	}
	if trailer != "" && in.algo == "" {
		return refuse(XAmzTrailer, "", "")
	}
	if in.algo == "" { // S3 computes this one where the client asks for none
		in.algo, in.hash = "CRC64NVME", checksumAlgorithms["CRC64NVME"]()
	}
	return nil
}

// Read implements io.Reader.
func (in *incoming) Read(p []byte) (int, error) {
	n, err := in.src.Read(p)
	in.got += int64(n)
	for _, h := range []hash.Hash{in.sha, in.md5, in.hash} {
		if h != nil {
			_, _ = h.Write(p[:n])
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		if bad := in.verify(); bad != nil {
			return n, bad
		}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, refuse(IncompleteBody, "", "")
	}
	return n, err
}

// verify holds the body that has come to its end against what was said of it.
func (in *incoming) verify() error {
	if in.want >= 0 && in.got != in.want {
		return refuse(IncompleteBody, "", "")
	}
	if in.sha != nil && hex.EncodeToString(in.sha.Sum(nil)) != in.wantSHA {
		return refuse(XAmzContentSHA256, "", "")
	}
	if in.md5 != nil && !bytes.Equal(in.md5.Sum(nil), in.wantMD5) {
		return refuse(BadDigest, "", "")
	}
	value := base64.StdEncoding.EncodeToString(in.hash.Sum(nil))
	claimed := in.claimed
	if in.chunks != nil && claimed == "" {
		claimed = in.chunks.trailer.Get(checksumHeader(in.algo))
	}
	if claimed != "" && claimed != value {
		return refuse(BadDigest, "", "")
	}
	*in.sum = Checksum{in.algo, value}
	return nil
}

// chunks decodes the encoding aws-chunked (API reference, "Transferring payload in multiple chunks"): chunks with their length, in hexadecimal, and perhaps a
// signature before them; after the last, empty one a trailer.
type chunks struct {
	src     *bufio.Reader
	left    int64 // of the current chunk
	began   bool
	ended   bool
	trailer http.Header
}

// Read implements io.Reader.
func (d *chunks) Read(p []byte) (int, error) {
	for d.left == 0 {
		if d.ended {
			return 0, io.EOF
		}
		if err := d.next(); err != nil {
			return 0, err
		}
	}
	n, err := d.src.Read(p[:min(int64(len(p)), d.left)])
	d.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next reads the head of the next chunk, and the trailer behind the last.
func (d *chunks) next() error {
	if d.began {
		if line, err := d.line(); err != nil || line != "" {
			return errors.Join(io.ErrUnexpectedEOF, err)
		}
	}
	d.began = true
	line, err := d.line()
	if err != nil {
		return err
	}
	size, _, _ := strings.Cut(line, ";")
	if d.left, err = strconv.ParseInt(strings.TrimSpace(size), 16, 64); err != nil || d.left < 0 {
		d.left = 0
		return refusef(InvalidRequest, "The body is not aws-chunked: a chunk has the length %.20q", size)
	}
	if d.left > 0 {
		return nil
	}
	d.ended = true
	for range 32 {
		line, err := d.line()
		if errors.Is(err, io.ErrUnexpectedEOF) || line == "" {
			return nil // some clients leave out the empty line
		}
		name, value, ok := strings.Cut(line, ":")
		if err != nil || !ok {
			return refuse(XAmzTrailer, "", "")
		}
		d.trailer.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return refuse(XAmzTrailer, "", "")
}

// line reads a line of at most the buffer's size, without its end.
func (d *chunks) line() (string, error) {
	line, err := d.src.ReadSlice('\n')
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		err = refusef(InvalidRequest, "The body is not aws-chunked: a line has more than %d bytes", len(line))
	}
	return strings.TrimRight(string(line), "\r\n"), err
}

// patient gives the client new time whenever it has sent something, so that a large body may take as long as it needs.
type patient struct {
	src     io.Reader
	control *http.ResponseController
}

func (p *patient) Read(b []byte) (int, error) {
	now := time.Now()
	_ = p.control.SetReadDeadline(now.Add(patience))      // a recorder in a test has no deadlines
	_ = p.control.SetWriteDeadline(now.Add(2 * patience)) // of the answer that is due at the end
	return p.src.Read(b)
}

// document reads an XML document that the client sent into v.
func (c *call) document(v any) error {
	src, _, err := c.body()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(&limited{src, maxXML})
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(text, v); err != nil {
		return wrong(err)
	}
	return nil
}

// attributes reads what the headers say of an object that is about to be stored.
func (c *call) attributes() (Attributes, error) {
	h := c.r.Header
	a := Attributes{
		ContentType: h.Get("Content-Type"), CacheControl: h.Get("Cache-Control"), ContentDisposition: h.Get("Content-Disposition"),
		ContentLanguage: h.Get("Content-Language"), Expires: h.Get("Expires"), StorageClass: h.Get("X-Amz-Storage-Class"),
	}
	var encodings []string
	for e := range strings.SplitSeq(h.Get("Content-Encoding"), ",") {
		if e = strings.TrimSpace(e); e != "" && e != "aws-chunked" {
			encodings = append(encodings, e)
		}
	}
	a.ContentEncoding = strings.Join(encodings, ",")
	if a.StorageClass == "STANDARD" {
		a.StorageClass = ""
	}
	size := 0
	for name, values := range h {
		if rest, ok := strings.CutPrefix(strings.ToLower(name), "x-amz-meta-"); ok {
			if a.Metadata == nil {
				a.Metadata = map[string]string{}
			}
			a.Metadata[rest] = strings.Join(values, ",")
			size += len(rest) + len(a.Metadata[rest])
		}
	}
	if size > maxMetadata {
		return a, refuse(MetadataTooLarge, c.bucket, c.key)
	}
	var err error
	a.Tags, err = parseTags(h.Get("X-Amz-Tagging"))
	return a, err
}

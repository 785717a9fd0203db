package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// This file serves the operations on objects.

func (c *call) putObject() error {
	if c.r.ContentLength > MaxPutBytes {
		return refuse(EntityTooLarge, c.bucket, c.key)
	}
	a, err := c.attributes()
	if err != nil {
		return err
	}
	src, sum, err := c.body()
	if err != nil {
		return err
	}
	i, err := c.store.put(c.bucket, c.key, src, a, condition(c.r.Header, ""), sum, c.origin("PutObject"))
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("ETag", quote(i.ETag))
	c.sum(i.Checksum)
	h.Set("x-amz-server-side-encryption", "AES256")
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// sum sets the headers that tell a checksum.
func (c *call) sum(s Checksum) {
	if s.Value != "" {
		c.w.Header().Set(checksumHeader(s.Algorithm), s.Value)
		c.w.Header().Set("x-amz-checksum-type", checksumType(s))
	}
}

// getObject serves GetObject and HeadObject.
func (c *call) getObject() error {
	o, err := c.store.Get(c.bucket, c.key, c.query.Get("versionId"))
	if err != nil {
		return err
	}
	defer func() { _ = o.Close() }()
	c.describe(&o.Info)
	if err := condition(c.r.Header, "").check(&o.Info, true, c.bucket, c.key); err != nil {
		return err
	}
	from, length, partial, err := c.span(o.Size, c.r.Header.Get("Range"))
	if c.query.Has("partNumber") {
		from, length, partial, err = c.partSpan(o)
	}
	if err != nil {
		return err
	}
	h := c.w.Header()
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		h.Set("Content-Range", "bytes "+itoa(from)+"-"+itoa(from+length-1)+"/"+itoa(o.Size))
	} else if strings.EqualFold(c.r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		c.sum(o.Checksum)
	}
	h.Set("Content-Length", itoa(length))
	c.w.WriteHeader(status)
	if c.r.Method == http.MethodHead {
		return nil
	}
	control := http.NewResponseController(c.w)
	src := io.NewSectionReader(o.body, from, length)
	for {
		_ = control.SetWriteDeadline(time.Now().Add(patience)) // a recorder in a test has no deadline
		if _, err := io.CopyN(c.w, src, 1<<20); err != nil {
			if !errors.Is(err, io.EOF) && c.r.Context().Err() == nil {
				c.store.log.Warn("an object was not sent to its end", "bucket", c.bucket, "key", c.key, "error", err)
			}
			return nil
		}
	}
}

// describe sets the headers of an object. Those of the kind response-… in the query replace what was stored.
func (c *call) describe(i *Info) {
	h := c.w.Header()
	set := func(name, value string) {
		if text := c.query.Get("response-" + strings.ToLower(name)); text != "" {
			value = text
		}
		if value != "" {
			h.Set(name, value)
		}
	}
	contentType := i.ContentType
	if contentType == "" {
		contentType = "binary/octet-stream"
	}
	set("Content-Type", contentType)
	set("Cache-Control", i.CacheControl)
	set("Content-Disposition", i.ContentDisposition)
	set("Content-Encoding", i.ContentEncoding)
	set("Content-Language", i.ContentLanguage)
	set("Expires", i.Expires)
	for name, value := range i.Metadata {
		h.Set("x-amz-meta-"+name, value)
	}
	h.Set("ETag", quote(i.ETag))
	h.Set("Last-Modified", i.LastModified.UTC().Format(http.TimeFormat))
	h.Set("Accept-Ranges", "bytes")
	h.Set("x-amz-server-side-encryption", "AES256")
	if i.StorageClass != "" {
		h.Set("x-amz-storage-class", i.StorageClass)
	}
	if len(i.Tags) > 0 {
		h.Set("x-amz-tagging-count", strconv.Itoa(len(i.Tags)))
	}
	if i.Parts > 0 {
		h.Set("x-amz-mp-parts-count", strconv.Itoa(i.Parts))
	}
}

// span is the part of an object of size bytes that a range asks for. One that cannot be read is ignored, as HTTP demands; several are answered with the
// whole.
func (c *call) span(size int64, text string) (from, length int64, partial bool, err error) {
	spec, ok := strings.CutPrefix(text, "bytes=")
	first, last, ok2 := strings.Cut(spec, "-")
	if !ok || !ok2 || strings.Contains(spec, ",") {
		return 0, size, false, nil
	}
	end := size - 1
	if first == "" {
		n, err := strconv.ParseInt(last, 10, 64)
		if err != nil || n < 0 {
			return 0, size, false, nil
		}
		if n == 0 || size == 0 {
			return 0, 0, false, refuse(InvalidRange, c.bucket, c.key)
		}
		from = max(0, size-n)
		return from, size - from, true, nil
	}
	if from, err = strconv.ParseInt(first, 10, 64); err != nil || from < 0 {
		return 0, size, false, nil
	}
	if last != "" {
		n, err := strconv.ParseInt(last, 10, 64)
		if err != nil || n < from {
			return 0, size, false, nil
		}
		end = min(end, n)
	}
	if from >= size {
		return 0, 0, false, refuse(InvalidRange, c.bucket, c.key)
	}
	return from, end - from + 1, true, nil
}

// partSpan is a part of an object by its number.
func (c *call) partSpan(o *Object) (from, length int64, partial bool, err error) {
	n, err := c.number("partNumber", 0)
	if err != nil {
		return 0, 0, false, err
	}
	files := o.files
	if o.Parts == 0 {
		files = []segment{{Size: o.Size}}
	}
	if n < 1 || n > len(files) {
		return 0, 0, false, refusef(InvalidRange, "The requested partnumber is not satisfiable")
	}
	for _, f := range files[:n-1] {
		from += f.Size
	}
	return from, files[n-1].Size, o.Size > 0, nil
}

func (c *call) deleteObject() error {
	if version := c.query.Get("versionId"); version != "" && version != "null" {
		return refuse(NoSuchVersion, c.bucket, c.key)
	}
	if match := condition(c.r.Header, ""); match.IfMatch != "" {
		i, err := c.store.Head(c.bucket, c.key)
		if err != nil {
			return err
		}
		if err := match.check(&i, false, c.bucket, c.key); err != nil {
			return err
		}
	}
	if err := c.store.remove(c.bucket, c.key, c.origin("DeleteObject")); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// open opens the object to copy, if the conditions for that hold.
func (c *call) open() (*Object, error) {
	bucket, key, err := c.source()
	if err != nil {
		return nil, err
	}
	o, err := c.store.Get(bucket, key, "")
	if err != nil {
		return nil, err
	}
	err = condition(c.r.Header, "X-Amz-Copy-Source-").check(&o.Info, true, bucket, key)
	var e *Error
	if errors.As(err, &e) { // of a copy there is no 304
		err = refuse(PreconditionFailed, bucket, key)
	}
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

type copyBody struct {
	XMLName      xml.Name
	XMLNS        string `xml:"xmlns,attr"`
	LastModified string
	ETag         string
}

func (c *call) copyObject() error {
	o, err := c.open()
	if err != nil {
		return err
	}
	defer func() { _ = o.Close() }()
	if o.Size > MaxPutBytes {
		return refusef(InvalidRequest, "The specified copy source is larger than the maximum allowable size for a copy source: %d", int64(MaxPutBytes))
	}
	a, err := c.attributes()
	if err != nil {
		return err
	}
	replace := strings.EqualFold(c.r.Header.Get("X-Amz-Metadata-Directive"), "REPLACE")
	source := strings.TrimPrefix(c.r.Header.Get("X-Amz-Copy-Source"), "/")
	if unescaped, err := url.PathUnescape(source); err == nil && unescaped == c.bucket+"/"+c.key && !replace && a.StorageClass == "" {
		return refusef(InvalidRequest, "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, "+
			"storage class, website redirect location or encryption attributes.")
	}
	tags := a.Tags
	if !replace {
		class := a.StorageClass
		a = o.Attributes
		a.StorageClass = class
	}
	a.Tags = o.Tags
	if strings.EqualFold(c.r.Header.Get("X-Amz-Tagging-Directive"), "REPLACE") {
		a.Tags = tags
	}
	sum := o.Checksum
	if sum.Composite() {
		sum = Checksum{}
	}
	i, err := c.store.put(c.bucket, c.key, o.Reader(), a, condition(c.r.Header, ""), &sum, c.origin("CopyObject"))
	if err != nil {
		return err
	}
	c.answer(http.StatusOK, copyBody{XMLName: xml.Name{Local: "CopyObjectResult"}, XMLNS: namespace, LastModified: clock(i.LastModified), ETag: quote(i.ETag)})
	return nil
}

type tagBody struct{ Key, Value string }

type taggingBody struct {
	XMLName xml.Name  `xml:"Tagging"`
	XMLNS   string    `xml:"xmlns,attr"`
	Tags    []tagBody `xml:"TagSet>Tag"`
}

func (c *call) getTagging() error {
	i, err := c.store.Head(c.bucket, c.key)
	if err != nil {
		return err
	}
	out := taggingBody{XMLNS: namespace}
	for _, t := range i.Tags {
		out.Tags = append(out.Tags, tagBody(t))
	}
	c.answer(http.StatusOK, out)
	return nil
}

func (c *call) putTagging() error {
	var in taggingBody
	if err := c.document(&in); err != nil {
		return err
	}
	tags := make([]Tag, 0, len(in.Tags))
	for _, t := range in.Tags {
		tags = append(tags, Tag(t))
	}
	if err := checkTags(tags); err != nil {
		return err
	}
	if err := c.store.SetTags(c.bucket, c.key, tags); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (c *call) deleteTagging() error {
	if err := c.store.SetTags(c.bucket, c.key, nil); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// parseTags reads the header x-amz-tagging, which is written like a query.
func parseTags(text string) ([]Tag, error) {
	if text == "" {
		return nil, nil
	}
	var tags []Tag
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(name)
		text, err2 := url.QueryUnescape(value)
		if err != nil || err2 != nil {
			return nil, refusef(InvalidArgument, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
		}
		tags = append(tags, Tag{key, text})
	}
	return tags, checkTags(tags)
}

// checkTags bounds the tags of an object (user guide, "Categorizing your objects using tags").
func checkTags(tags []Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		if t.Key == "" || len(t.Key) > 4*128 || len(t.Value) > 4*256 || seen[t.Key] {
			return refusef(InvalidArgument, "The TagKey you have provided is invalid")
		}
		seen[t.Key] = true
	}
	if len(tags) > 10 {
		return refusef(InvalidArgument, "Object tags cannot be greater than 10")
	}
	return nil
}

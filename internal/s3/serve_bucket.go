package s3

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// This file serves the operations on buckets and lists.

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

type ownerBody struct {
	ID          string
	DisplayName string
}

type bucketBody struct {
	Name         string
	CreationDate string
	BucketRegion string
}

func (c *call) listBuckets() error {
	list, err := c.store.Buckets()
	if err != nil {
		return err
	}
	most, err := c.number("max-buckets", MaxBuckets)
	if err != nil {
		return err
	}
	out := struct {
		XMLName           xml.Name     `xml:"ListAllMyBucketsResult"`
		XMLNS             string       `xml:"xmlns,attr"`
		Owner             ownerBody    `xml:"Owner"`
		Buckets           []bucketBody `xml:"Buckets>Bucket"`
		ContinuationToken string       `xml:",omitempty"`
		Prefix            string       `xml:",omitempty"`
	}{XMLNS: namespace, Owner: ownerBody{c.owner, c.owner}, Prefix: c.query.Get("prefix")}
	after, err := openToken(c.query.Get("continuation-token"))
	if err != nil {
		return err
	}
	for _, b := range list {
		if b.Name <= after || !strings.HasPrefix(b.Name, out.Prefix) {
			continue
		}
		if len(out.Buckets) == most {
			out.ContinuationToken = token(out.Buckets[len(out.Buckets)-1].Name)
			break
		}
		out.Buckets = append(out.Buckets, bucketBody{b.Name, clock(b.Created), c.region})
	}
	c.answer(http.StatusOK, out)
	return nil
}

func (c *call) createBucket() error {
	var in struct {
		LocationConstraint string
	}
	if c.r.ContentLength != 0 {
		if err := c.document(&in); err != nil {
			return err
		}
	}
	if in.LocationConstraint != "" && in.LocationConstraint != c.region {
		return &Error{Code: InvalidArgument, Bucket: c.bucket,
			Message: "The " + in.LocationConstraint + " location constraint is incompatible for the region specific endpoint this request was sent to: this is " + c.region + "."}
	}
	err := c.store.CreateBucket(c.bucket)
	var e *Error
	if errors.As(err, &e) && e.Code == BucketAlreadyOwnedByYou && c.region == "us-east-1" {
		err = nil // there, for the sake of old clients, S3 answers 200 (API reference, CreateBucket)
	}
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", "/"+c.bucket)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (c *call) headBucket() error {
	if _, err := c.store.HeadBucket(c.bucket); err != nil {
		return err
	}
	c.w.Header().Set("x-amz-bucket-region", c.region)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (c *call) deleteBucket() error {
	if err := c.store.DeleteBucket(c.bucket); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *call) getBucketLocation() error {
	if _, err := c.store.HeadBucket(c.bucket); err != nil {
		return err
	}
	out := struct {
		XMLName xml.Name `xml:"LocationConstraint"`
		XMLNS   string   `xml:"xmlns,attr"`
		Region  string   `xml:",chardata"`
	}{XMLNS: namespace, Region: c.region}
	if c.region == "us-east-1" {
		out.Region = "" // for historical reasons (API reference, GetBucketLocation)
	}
	c.answer(http.StatusOK, out)
	return nil
}

// getBucketVersioning says that versioning was never enabled.
func (c *call) getBucketVersioning() error {
	if _, err := c.store.HeadBucket(c.bucket); err != nil {
		return err
	}
	c.answer(http.StatusOK, struct {
		XMLName xml.Name `xml:"VersioningConfiguration"`
		XMLNS   string   `xml:"xmlns,attr"`
	}{XMLNS: namespace})
	return nil
}

// token hides the key behind which the next page begins.
func token(after string) string { return "1" + base64.RawURLEncoding.EncodeToString([]byte(after)) }

func openToken(text string) (after string, err error) {
	if text == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, "1"))
	if err != nil || text[0] != '1' {
		return "", refusef(InvalidArgument, "The continuation token provided is incorrect")
	}
	return string(raw), nil
}

type objectBody struct {
	Key               string
	LastModified      string
	ETag              string
	ChecksumAlgorithm string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
	Size              int64
	StorageClass      string
	Owner             *ownerBody
}

type prefixBody struct{ Prefix string }

// listBody is the answer to both operations that list objects; each leaves out what belongs to the other.
type listBody struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	XMLNS                 string   `xml:"xmlns,attr"`
	Name                  string
	Prefix                string
	Marker                *string
	NextMarker            string `xml:",omitempty"`
	ContinuationToken     string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	StartAfter            string `xml:",omitempty"`
	KeyCount              *int
	MaxKeys               int
	Delimiter             string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	IsTruncated           bool
	Contents              []objectBody
	CommonPrefixes        []prefixBody
}

// list lists a page into the answer. after is where it begins.
func (c *call) list(after string, owners bool) (*listBody, Page, error) {
	most, err := c.number("max-keys", MaxListKeys)
	if err != nil {
		return nil, Page{}, err
	}
	out := &listBody{XMLNS: namespace, Name: c.bucket, MaxKeys: min(most, MaxListKeys), EncodingType: c.query.Get("encoding-type")}
	switch out.EncodingType {
	case "", "url":
	default:
		return nil, Page{}, refusef(InvalidArgument, "Invalid Encoding Method specified in Request")
	}
	o := ListOptions{Prefix: c.query.Get("prefix"), Delimiter: c.query.Get("delimiter"), After: after, Limit: out.MaxKeys}
	var page Page
	if most == 0 {
		_, err = c.store.HeadBucket(c.bucket)
	} else {
		page, err = c.store.List(c.bucket, o)
	}
	if err != nil {
		return nil, Page{}, err
	}
	out.Prefix, out.Delimiter, out.IsTruncated = out.encode(o.Prefix), out.encode(o.Delimiter), page.Next != ""
	for i := range page.Objects {
		o := &page.Objects[i]
		b := objectBody{Key: out.encode(o.Key), LastModified: clock(o.LastModified), ETag: quote(o.ETag), Size: o.Size, StorageClass: o.Class()}
		if o.Checksum.Value != "" {
			b.ChecksumAlgorithm, b.ChecksumType = o.Checksum.Algorithm, checksumType(o.Checksum)
		}
		if owners {
			b.Owner = &ownerBody{c.owner, c.owner}
		}
		out.Contents = append(out.Contents, b)
	}
	for _, p := range page.Prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, prefixBody{out.encode(p)})
	}
	return out, page, nil
}

// encode puts a key into the encoding that the client has asked for: XML 1.0 cannot hold every character that a key can.
func (b *listBody) encode(key string) string {
	if b.EncodingType != "url" {
		return key
	}
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(key))
}

func (c *call) listObjects() error {
	marker := c.query.Get("marker")
	out, page, err := c.list(marker, true)
	if err != nil {
		return err
	}
	marker = out.encode(marker)
	out.Marker = &marker
	if out.Delimiter != "" {
		out.NextMarker = out.encode(page.Next)
	}
	c.answer(http.StatusOK, out)
	return nil
}

func (c *call) listObjectsV2() error {
	after, err := openToken(c.query.Get("continuation-token"))
	if err != nil {
		return err
	}
	if after == "" {
		after = c.query.Get("start-after")
	}
	out, page, err := c.list(after, c.query.Get("fetch-owner") == "true")
	if err != nil {
		return err
	}
	n := len(out.Contents) + len(out.CommonPrefixes)
	out.KeyCount = &n
	out.ContinuationToken, out.StartAfter = c.query.Get("continuation-token"), out.encode(c.query.Get("start-after"))
	if page.Next != "" {
		out.NextContinuationToken = token(page.Next)
	}
	c.answer(http.StatusOK, out)
	return nil
}

// deleteObjects deletes up to a thousand objects.
func (c *call) deleteObjects() error {
	var in struct {
		Quiet  bool
		Object []struct{ Key, VersionId string }
	}
	if err := c.document(&in); err != nil {
		return err
	}
	if len(in.Object) == 0 || len(in.Object) > MaxListKeys {
		return refuse(MalformedXML, c.bucket, "")
	}
	type deleted struct{ Key string }
	type failed struct {
		Key     string
		Code    Code
		Message string
	}
	out := struct {
		XMLName xml.Name `xml:"DeleteResult"`
		XMLNS   string   `xml:"xmlns,attr"`
		Deleted []deleted
		Error   []failed
	}{XMLNS: namespace}
	if _, err := c.store.HeadBucket(c.bucket); err != nil {
		return err
	}
	for _, o := range in.Object {
		err := checkKey(c.bucket, o.Key)
		if err == nil && o.VersionId != "" && o.VersionId != "null" {
			err = refuse(NoSuchVersion, c.bucket, o.Key)
		}
		if err == nil {
			err = c.store.remove(c.bucket, o.Key, c.origin("DeleteObject"))
		}
		var e *Error
		switch {
		case errors.As(err, &e):
			out.Error = append(out.Error, failed{o.Key, e.Code, e.Message})
		case err != nil:
			return err
		case !in.Quiet:
			out.Deleted = append(out.Deleted, deleted{o.Key})
		}
	}
	c.answer(http.StatusOK, out)
	return nil
}

// checksumType says what a checksum is one of.
func checksumType(s Checksum) string {
	if s.Composite() {
		return "COMPOSITE"
	}
	return "FULL_OBJECT"
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

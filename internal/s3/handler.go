package s3

import (
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Handler speaks S3's wire protocol (REST with XML) for a store. It may be used by any number of goroutines.
type Handler struct {
	store  *Store
	region string
	owner  string // the account
}

// NewHandler returns the handler. Region and account are what it says of buckets and their owner.
func NewHandler(store *Store, region, account string) *Handler {
	return &Handler{store: store, region: region, owner: account}
}

// call is a request on its way.
type call struct {
	*Handler
	w      http.ResponseWriter
	r      *http.Request
	query  url.Values
	bucket string
	key    string
}

// target is what an operation is about.
type target uint8

const (
	onService target = iota
	onBucket
	onObject
)

// operation is one of S3's, found by its method, its target and a name in the query, or a header, that only it has.
type operation struct {
	name   string
	method string
	on     target
	query  string
	header string
	serve  func(*call) error
}

// operations lists what is served. Of those that fit a request the first is taken.
var operations = []operation{
	{"ListBuckets", http.MethodGet, onService, "", "", (*call).listBuckets},

	{"GetBucketLocation", http.MethodGet, onBucket, "location", "", (*call).getBucketLocation},
	{"GetBucketVersioning", http.MethodGet, onBucket, "versioning", "", (*call).getBucketVersioning},
	{"GetBucketNotificationConfiguration", http.MethodGet, onBucket, "notification", "", (*call).getNotification},
	{"PutBucketNotificationConfiguration", http.MethodPut, onBucket, "notification", "", (*call).putNotification},
	{"GetBucketAccelerateConfiguration", http.MethodGet, onBucket, "accelerate", "", (*call).getConfiguration},
	{"GetBucketAcl", http.MethodGet, onBucket, "acl", "", (*call).getConfiguration},
	{"GetBucketCors", http.MethodGet, onBucket, "cors", "", (*call).getConfiguration},
	{"GetBucketEncryption", http.MethodGet, onBucket, "encryption", "", (*call).getConfiguration},
	{"GetBucketLifecycleConfiguration", http.MethodGet, onBucket, "lifecycle", "", (*call).getConfiguration},
	{"GetBucketLogging", http.MethodGet, onBucket, "logging", "", (*call).getConfiguration},
	{"GetBucketNotificationConfiguration", http.MethodGet, onBucket, "notification", "", (*call).getConfiguration},
	{"GetObjectLockConfiguration", http.MethodGet, onBucket, "object-lock", "", (*call).getConfiguration},
	{"GetBucketOwnershipControls", http.MethodGet, onBucket, "ownershipControls", "", (*call).getConfiguration},
	{"GetBucketPolicy", http.MethodGet, onBucket, "policy", "", (*call).getConfiguration},
	{"GetPublicAccessBlock", http.MethodGet, onBucket, "publicAccessBlock", "", (*call).getConfiguration},
	{"GetBucketReplication", http.MethodGet, onBucket, "replication", "", (*call).getConfiguration},
	{"GetBucketRequestPayment", http.MethodGet, onBucket, "requestPayment", "", (*call).getConfiguration},
	{"GetBucketTagging", http.MethodGet, onBucket, "tagging", "", (*call).getConfiguration},
	{"GetBucketWebsite", http.MethodGet, onBucket, "website", "", (*call).getConfiguration},
	{"ListMultipartUploads", http.MethodGet, onBucket, "uploads", "", (*call).listUploads},
	{"ListObjectsV2", http.MethodGet, onBucket, "list-type", "", (*call).listObjectsV2},
	{"ListObjects", http.MethodGet, onBucket, "", "", (*call).listObjects},
	{"HeadBucket", http.MethodHead, onBucket, "", "", (*call).headBucket},
	{"CreateBucket", http.MethodPut, onBucket, "", "", (*call).createBucket},
	{"DeleteBucket", http.MethodDelete, onBucket, "", "", (*call).deleteBucket},
	{"DeleteObjects", http.MethodPost, onBucket, "delete", "", (*call).deleteObjects},

	{"ListParts", http.MethodGet, onObject, "uploadId", "", (*call).listParts},
	{"GetObjectTagging", http.MethodGet, onObject, "tagging", "", (*call).getTagging},
	{"GetObject", http.MethodGet, onObject, "", "", (*call).getObject},
	{"HeadObject", http.MethodHead, onObject, "", "", (*call).getObject},
	{"UploadPartCopy", http.MethodPut, onObject, "uploadId", "X-Amz-Copy-Source", (*call).copyPart},
	{"UploadPart", http.MethodPut, onObject, "uploadId", "", (*call).putPart},
	{"PutObjectTagging", http.MethodPut, onObject, "tagging", "", (*call).putTagging},
	{"CopyObject", http.MethodPut, onObject, "", "X-Amz-Copy-Source", (*call).copyObject},
	{"PutObject", http.MethodPut, onObject, "", "", (*call).putObject},
	{"CreateMultipartUpload", http.MethodPost, onObject, "uploads", "", (*call).createUpload},
	{"CompleteMultipartUpload", http.MethodPost, onObject, "uploadId", "", (*call).completeUpload},
	{"AbortMultipartUpload", http.MethodDelete, onObject, "uploadId", "", (*call).abortUpload},
	{"DeleteObjectTagging", http.MethodDelete, onObject, "tagging", "", (*call).deleteTagging},
	{"DeleteObject", http.MethodDelete, onObject, "", "", (*call).deleteObject},
}

// subresources are the names in a query that make a request one about something else than the bucket or object itself. Those without an operation
// here are answered with NotImplemented, not taken for what they are not.
var subresources = []string{
	"accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "location",
	"logging", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment",
	"restore", "retention", "select", "tagging", "torrent", "uploadId", "uploads", "versioning", "versions", "website",
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Handler: h, w: w, r: r, query: r.URL.Query()}
	id := strings.ToUpper(strings.ReplaceAll(uuid.NewString(), "-", "")[:16])
	w.Header().Set("x-amz-request-id", id)
	w.Header().Set("x-amz-id-2", id+id)
	w.Header().Set("Server", "AmazonS3")
	c.bucket, c.key = locate(r.Host, r.URL.Path)
	if err := c.serve(); err != nil {
		c.refuse(err)
	}
}

func (c *call) serve() error {
	if err := c.checkPresigned(c.store.now()); err != nil {
		return err
	}
	on := onService
	switch {
	case c.key != "":
		on = onObject
	case c.bucket != "":
		on = onBucket
	}
	if c.bucket != "" && !ValidBucketName(c.bucket) {
		return refuse(InvalidBucketName, c.bucket, "")
	}
	about := ""
	for _, name := range subresources {
		if c.query.Has(name) {
			about = name
		}
	}
	known := false
	for i := range operations {
		o := &operations[i]
		if o.on != on || about != "" && o.query != about {
			continue
		}
		known = true
		if o.method == c.r.Method && (o.query == "" || c.query.Has(o.query)) && (o.header == "" || c.r.Header.Get(o.header) != "") {
			return o.serve(c)
		}
	}
	if _, reads := configurations(c.owner)[about]; reads && on == onBucket {
		return refusef(NotImplemented, "The subresource %q can only be read here.", about)
	}
	if known || about == "" {
		return refuse(MethodNotAllowed, c.bucket, c.key)
	}
	return refusef(NotImplemented, "The subresource %q is not served here.", about)
}

// locate finds bucket and key of a request: the bucket in the host's name (BUCKET.s3.localhost, BUCKET.localhost, BUCKET.s3.REGION.amazonaws.com) or as
// the first part of the path.
func locate(host, path string) (bucket, key string) {
	host = strings.ToLower(host)
	if at := strings.LastIndexByte(host, ':'); at >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:at]
	}
	path = strings.TrimPrefix(path, "/")
	if name := virtual(host); name != "" {
		return name, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

// virtual is the bucket that the host names, "" for none.
func virtual(host string) string {
	name, local := strings.CutSuffix(host, ".localhost")
	if !local {
		var aws bool
		if name, aws = strings.CutSuffix(host, ".amazonaws.com"); !aws {
			return ""
		}
	}
	if name == "s3" || strings.HasPrefix(name, "s3.") || strings.HasPrefix(name, "s3-") {
		return "" // s3.localhost, s3.REGION.amazonaws.com
	}
	if at := strings.LastIndex(name, ".s3"); at >= 0 && (at+3 == len(name) || name[at+3] == '.' || name[at+3] == '-') {
		return name[:at]
	}
	if local {
		return name
	}
	return ""
}

// checkPresigned refuses a presigned URL whose time is over (General Reference, "Authenticating requests: using query parameters").
func (c *call) checkPresigned(now time.Time) error {
	if !c.query.Has("X-Amz-Signature") {
		return nil
	}
	signed, err := time.Parse("20060102T150405Z", c.query.Get("X-Amz-Date"))
	seconds, err2 := strconv.ParseInt(c.query.Get("X-Amz-Expires"), 10, 64)
	switch {
	case err != nil || err2 != nil:
		return refuse(AuthorizationQuery, "", "")
	case seconds < 0 || seconds > 7*24*3600:
		return refusef(AuthorizationQuery, "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds")
	case now.After(signed.Add(time.Duration(seconds) * time.Second)):
		return refuse(AccessDenied, "", "")
	}
	return nil
}

// errorBody is how S3 answers an error.
type errorBody struct {
	XMLName    xml.Name `xml:"Error"`
	Code       Code
	Message    string
	BucketName string `xml:",omitempty"`
	Key        string `xml:",omitempty"`
	Resource   string
	RequestID  string `xml:"RequestId"`
	HostID     string `xml:"HostId"`
}

// refuse answers with an error.
func (c *call) refuse(err error) {
	var e *Error
	if !errors.As(err, &e) {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			e = refuse(EntityTooLarge, c.bucket, c.key)
		} else {
			c.store.log.Error("cannot serve a request to S3", "method", c.r.Method, "path", c.r.URL.Path, "error", err)
			e = refusef(InternalError, "%s (%v)", errorTexts[InternalError].message, err)
		}
	}
	c.w.Header().Del("Content-Length")
	if c.r.Method == http.MethodHead || e.Code == NotModified {
		c.w.WriteHeader(e.Status())
		return
	}
	c.answer(e.Status(), errorBody{Code: e.Code, Message: e.Message, BucketName: e.Bucket, Key: e.Key, Resource: c.r.URL.Path,
		RequestID: c.w.Header().Get("x-amz-request-id"), HostID: c.w.Header().Get("x-amz-id-2")})
}

// answer writes an XML document.
func (c *call) answer(status int, v any) {
	text, err := xml.Marshal(v)
	if err != nil { // a text that XML cannot hold is escaped, so this does not happen
		c.store.log.Error("cannot encode an answer of S3", slog.Any("error", err))
		status, text = http.StatusInternalServerError, nil
	}
	text = append([]byte(xml.Header), text...)
	c.w.Header().Set("Content-Type", "application/xml")
	c.w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(text) // the client is gone: nobody to tell
}

// quote puts an entity tag into quotes.
func quote(etag string) string { return `"` + etag + `"` }

// number reads a whole number from the query.
func (c *call) number(name string, otherwise int) (int, error) {
	text := c.query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0, refusef(InvalidArgument, "Provided %s not an integer or within integer range", name)
	}
	return int(n), nil
}

// condition reads the conditions of a request.
func condition(h http.Header, prefix string) Condition {
	at := func(name string) time.Time {
		t, _ := http.ParseTime(h.Get(prefix + name)) // one that cannot be read is no condition, as HTTP demands
		return t
	}
	return Condition{
		IfMatch: h.Get(prefix + "If-Match"), IfNoneMatch: h.Get(prefix + "If-None-Match"),
		IfModifiedSince: at("If-Modified-Since"), IfUnmodifiedSince: at("If-Unmodified-Since"),
	}
}

// source reads the header that names the object to copy.
func (c *call) source() (bucket, key string, err error) {
	text := c.r.Header.Get("X-Amz-Copy-Source")
	path, version, versioned := strings.Cut(text, "?versionId=")
	name, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
	bucket, key, ok := strings.Cut(name, "/")
	if err != nil || !ok || bucket == "" || key == "" {
		return "", "", refusef(InvalidArgument, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	if versioned && version != "null" {
		return "", "", refuse(NoSuchVersion, bucket, key)
	}
	return bucket, key, nil
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// wrong says that the XML of a request cannot be read.
func wrong(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	e := refuse(MalformedXML, "", "")
	e.Message += fmt.Sprintf(" (%v)", err)
	return e
}

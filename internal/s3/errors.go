package s3

import (
	"fmt"
	"net/http"
)

// Code is the name of an error as S3 answers it.
type Code string

// The errors that are raised here (Amazon S3 API reference, "Error responses").
const (
	AccessDenied                          Code = "AccessDenied"                          // a presigned URL has expired
	BadDigest                             Code = "BadDigest"                             // the body is not what Content-MD5 or a checksum says
	BucketAlreadyOwnedByYou               Code = "BucketAlreadyOwnedByYou"               // the bucket exists
	BucketNotEmpty                        Code = "BucketNotEmpty"                        // a bucket that is to be deleted has objects
	EntityTooLarge                        Code = "EntityTooLarge"                        // a body is over the limit
	EntityTooSmall                        Code = "EntityTooSmall"                        // a part before the last is under 5 MiB
	IncompleteBody                        Code = "IncompleteBody"                        // the body ends before its length says so
	InternalError                         Code = "InternalError"                         // our own trouble
	InvalidArgument                       Code = "InvalidArgument"                       // a parameter cannot be what it is
	InvalidBucketName                     Code = "InvalidBucketName"                     // a bucket cannot be called so
	InvalidDigest                         Code = "InvalidDigest"                         // Content-MD5 is no digest
	InvalidPart                           Code = "InvalidPart"                           // a part of an upload is not there, or is another
	InvalidPartOrder                      Code = "InvalidPartOrder"                      // parts are not in ascending order
	InvalidRange                          Code = "InvalidRange"                          // a range begins behind the object's end
	InvalidRequest                        Code = "InvalidRequest"                        // a request makes no sense
	KeyTooLongError                       Code = "KeyTooLongError"                       // a key is over 1,024 bytes
	MalformedXML                          Code = "MalformedXML"                          // a body is not the XML that was expected
	MethodNotAllowed                      Code = "MethodNotAllowed"                      // the resource has no such method
	NoSuchBucket                          Code = "NoSuchBucket"                          // there is no such bucket
	NoSuchKey                             Code = "NoSuchKey"                             // there is no such object
	NoSuchUpload                          Code = "NoSuchUpload"                          // there is no such upload
	NoSuchBucketPolicy                    Code = "NoSuchBucketPolicy"                    // the bucket has no policy
	NoSuchCORSConfiguration               Code = "NoSuchCORSConfiguration"               // nor rules for pages of others
	NoSuchLifecycleConfiguration          Code = "NoSuchLifecycleConfiguration"          // nor rules of expiry
	NoSuchTagSet                          Code = "NoSuchTagSet"                          // nor tags
	NoSuchWebsiteConfiguration            Code = "NoSuchWebsiteConfiguration"            // nor is it a website
	ObjectLockConfigurationNotFoundError  Code = "ObjectLockConfigurationNotFoundError"  // nor does it lock objects
	ReplicationConfigurationNotFoundError Code = "ReplicationConfigurationNotFoundError" // nor copy them
	NoSuchVersion                         Code = "NoSuchVersion"                         // versions are not kept
	NotImplemented                        Code = "NotImplemented"                        // the operation is none that is served
	NotModified                           Code = "NotModified"                           // the client has the object already
	PreconditionFailed                    Code = "PreconditionFailed"                    // a condition of the request does not hold
	TooManyBuckets                        Code = "TooManyBuckets"                        // the limit on buckets is reached
	XAmzContentSHA256                     Code = "XAmzContentSHA256Mismatch"             // the body is not what the signature covers
	XAmzTrailer                           Code = "MalformedTrailerError"                 // the trailer behind a body cannot be read
	MetadataTooLarge                      Code = "MetadataTooLarge"                      // user metadata is over 2 KiB
	AuthorizationQuery                    Code = "AuthorizationQueryParametersError"     // a presigned URL lacks what it needs
)

// errorTexts has of every error its HTTP status and message.
var errorTexts = map[Code]struct {
	status  int
	message string
}{
	AccessDenied:                          {http.StatusForbidden, "Request has expired"},
	BadDigest:                             {http.StatusBadRequest, "The Content-MD5 or checksum value that you specified did not match what the server received."},
	BucketAlreadyOwnedByYou:               {http.StatusConflict, "Your previous request to create the named bucket succeeded and you already own it."},
	BucketNotEmpty:                        {http.StatusConflict, "The bucket you tried to delete is not empty"},
	EntityTooLarge:                        {http.StatusBadRequest, "Your proposed upload exceeds the maximum allowed size"},
	EntityTooSmall:                        {http.StatusBadRequest, "Your proposed upload is smaller than the minimum allowed size"},
	IncompleteBody:                        {http.StatusBadRequest, "The request body terminated unexpectedly"},
	InternalError:                         {http.StatusInternalServerError, "We encountered an internal error. Please try again."},
	InvalidArgument:                       {http.StatusBadRequest, "Invalid Argument"},
	InvalidBucketName:                     {http.StatusBadRequest, "The specified bucket is not valid."},
	InvalidDigest:                         {http.StatusBadRequest, "The Content-MD5 you specified was invalid."},
	InvalidPart:                           {http.StatusBadRequest, "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."},
	InvalidPartOrder:                      {http.StatusBadRequest, "The list of parts was not in ascending order. Parts must be ordered by part number."},
	InvalidRange:                          {http.StatusRequestedRangeNotSatisfiable, "The requested range is not satisfiable"},
	InvalidRequest:                        {http.StatusBadRequest, "Invalid Request"},
	KeyTooLongError:                       {http.StatusBadRequest, "Your key is too long"},
	MalformedXML:                          {http.StatusBadRequest, "The XML you provided was not well-formed or did not validate against our published schema"},
	MethodNotAllowed:                      {http.StatusMethodNotAllowed, "The specified method is not allowed against this resource."},
	NoSuchBucket:                          {http.StatusNotFound, "The specified bucket does not exist"},
	NoSuchKey:                             {http.StatusNotFound, "The specified key does not exist."},
	NoSuchUpload:                          {http.StatusNotFound, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."},
	NoSuchBucketPolicy:                    {http.StatusNotFound, "The bucket policy does not exist"},
	NoSuchCORSConfiguration:               {http.StatusNotFound, "The CORS configuration does not exist"},
	NoSuchLifecycleConfiguration:          {http.StatusNotFound, "The lifecycle configuration does not exist"},
	NoSuchTagSet:                          {http.StatusNotFound, "The TagSet does not exist"},
	NoSuchWebsiteConfiguration:            {http.StatusNotFound, "The specified bucket does not have a website configuration"},
	ObjectLockConfigurationNotFoundError:  {http.StatusNotFound, "Object Lock configuration does not exist for this bucket"},
	ReplicationConfigurationNotFoundError: {http.StatusNotFound, "The replication configuration was not found"},
	NoSuchVersion:                         {http.StatusNotFound, "The specified version does not exist."},
	NotImplemented:                        {http.StatusNotImplemented, "A header or query you provided implies functionality that is not implemented"},
	NotModified:                           {http.StatusNotModified, "Not Modified"},
	PreconditionFailed:                    {http.StatusPreconditionFailed, "At least one of the pre-conditions you specified did not hold"},
	TooManyBuckets:                        {http.StatusBadRequest, "You have attempted to create more buckets than allowed"},
	XAmzContentSHA256:                     {http.StatusBadRequest, "The provided 'x-amz-content-sha256' header does not match what was computed."},
	XAmzTrailer:                           {http.StatusBadRequest, "The request contained trailing data that was not well-formed or did not conform to our published schema."},
	MetadataTooLarge:                      {http.StatusBadRequest, "Your metadata headers exceed the maximum allowed metadata size"},
	AuthorizationQuery:                    {http.StatusBadRequest, "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."},
}

// Error is an error that S3 answers.
type Error struct {
	Code    Code
	Message string
	// Bucket and Key are what the error is about, where it is about one.
	Bucket, Key string
}

// Error returns the message behind the code.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Status is the HTTP status that goes with the error.
func (e *Error) Status() int { return errorTexts[e.Code].status }

// refuse returns the error with its usual message.
func refuse(code Code, bucket, key string) *Error {
	return &Error{Code: code, Message: errorTexts[code].message, Bucket: bucket, Key: key}
}

// refusef returns the error with a message of its own.
func refusef(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

package sqs

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/sfn"
)

// Attribute is an attribute of a message: a text, a number as text, or bytes.
type Attribute struct {
	// DataType is String, Number or Binary, with a dot and anything behind it if one likes.
	DataType string `json:"t"`
	// String is the value of a text or number, Binary that of bytes.
	String string `json:"s,omitempty"`
	Binary []byte `json:"b,omitempty"`
}

// bytes are the value on the wire.
func (a *Attribute) bytes() []byte {
	if a.binary() {
		return a.Binary
	}
	return []byte(a.String)
}

func (a *Attribute) binary() bool { return strings.HasPrefix(a.DataType, "Binary") }

// MD5OfBody is the digest of a body by which clients check what came of it.
func MD5OfBody(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// MD5OfAttributes is the digest of attributes (developer guide, "Calculating the MD5 message digest for message attributes"); "" for none.
func MD5OfAttributes(attributes map[string]Attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	var text []byte
	field := func(b []byte) {
		text = binary.BigEndian.AppendUint32(text, uint32(len(b)))
		text = append(text, b...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		field([]byte(name))
		field([]byte(a.DataType))
		if a.binary() {
			text = append(text, 2)
		} else {
			text = append(text, 1)
		}
		field(a.bytes())
	}
	sum := md5.Sum(text)
	return hex.EncodeToString(sum[:])
}

// Entry is a message to send. Only Body is required, and Group for FIFO queues.
type Entry struct {
	Body       string
	Delay      *int // seconds; nil leaves it to the queue
	Attributes map[string]Attribute
	Trace      string // the system attribute AWSTraceHeader
	// SystemAttributes are those of the request, of which AWSTraceHeader is the only one that there is.
	SystemAttributes map[string]Attribute
	Dedup            string // MessageDeduplicationId
	Group            string // MessageGroupId
	Sender           string // the id of whoever sends
}

// Sent is what became of a message.
type Sent struct {
	ID                                                string
	MD5OfBody, MD5OfAttributes, MD5OfSystemAttributes string
	Sequence                                          string // of FIFO queues
}

// Size is what counts of a message: its body, and names, types and values of its attributes.
func (e *Entry) Size() int {
	n := len(e.Body)
	for name, a := range e.Attributes {
		n += len(name) + len(a.DataType) + len(a.bytes())
	}
	return n
}

const (
	maxAttributes    = 10
	maxAttributeName = 256
)

var (
	nameRune = regexp.MustCompile(`^[\pL\pN_.-]$`)
	dataType = regexp.MustCompile(`^(String|Number|Binary)(\..+)?$`)
	number   = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	token128 = regexp.MustCompile(`^[!-~]{1,128}$`) // of group and deduplication ids: alphanumeric characters and punctuation
)

// check refuses a message that the queue cannot take. limit is the queue's on its size, batch tells that the message is of a batch.
func (e *Entry) check(limit int, batch bool) error {
	if e.Body == "" {
		return missing("MessageBody")
	}
	if e.Size() > limit {
		what := "are invalid"
		if batch {
			what = "cannot be validated"
		}
		return sfn.Refuse(InvalidParameterValue, "One or more parameters %s. Reason: Message must be shorter than %d bytes.", what, limit)
	}
	if !readable(e.Body) {
		return sfn.Refuse(InvalidMessageContents, "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.")
	}
	if len(e.Attributes) > maxAttributes {
		return sfn.Refuse(InvalidParameterValue, "Number of message attributes [%d] exceeds the allowed maximum [%d].", len(e.Attributes), maxAttributes)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
		if err := checkMessageAttribute(name, e.Attributes[name]); err != nil {
			return err
		}
	}
	for name, a := range e.SystemAttributes {
		if name != "AWSTraceHeader" || a.DataType != "String" {
			return sfn.Refuse(InvalidParameterValue, "Message system attribute name '%s' is invalid. The only one that can be sent is AWSTraceHeader, a String.", name)
		}
	}
	return nil
}

// readable tells whether a text has only characters that messages may have.
func readable(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return false
		}
	}
	return true
}

// checkMessageAttribute refuses an attribute of a message (developer guide, "Message attribute components").
func checkMessageAttribute(name string, a Attribute) error {
	bad := func(format string, args ...any) error { return sfn.Refuse(InvalidParameterValue, format, args...) }
	if err := checkAttributeName(name); err != nil {
		return err
	}
	switch {
	case a.DataType == "":
		return bad("The message attribute '%s' must contain non-empty message attribute type.", name)
	case len(a.DataType) > maxAttributeName || !dataType.MatchString(a.DataType):
		return bad("The type of message (user) attribute '%s' is invalid. You must use only the following supported type prefixes: Binary, Number, String.", name)
	case len(a.bytes()) == 0:
		return bad("Message (user) attribute '%s' must contain a non-empty value of type '%s'.", name, a.DataType)
	case strings.HasPrefix(a.DataType, "Number") && !number.MatchString(a.String):
		return bad("Can't cast the value of message (user) attribute '%s' to a number.", name)
	case !a.binary() && !readable(a.String):
		return bad("Invalid characters found in the value of message (user) attribute '%s'.", name)
	}
	return nil
}

// checkAttributeName refuses what an attribute of a message cannot be called.
func checkAttributeName(name string) error {
	bad := func(format string, args ...any) error { return sfn.Refuse(InvalidParameterValue, format, args...) }
	lower := strings.ToLower(name)
	switch {
	case name == "" || len(name) > maxAttributeName:
		return bad("Length of message attribute name must be between 1 and 256 bytes.")
	case strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon."):
		return bad("You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for internal use.")
	case strings.HasPrefix(name, "."):
		return bad("Invalid message attribute name starting with character '.' was found.")
	case strings.HasSuffix(name, "."):
		return bad("Invalid message attribute name ending with character '.' was found.")
	case strings.Contains(name, ".."):
		return bad("Message attribute name can not have successive '.' character.")
	}
	for _, r := range name {
		if !nameRune.MatchString(string(r)) {
			return bad("Invalid non-alphanumeric character '#x%X' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.", r)
		}
	}
	return nil
}

package s3

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

// Limits (Amazon S3 user guide, "Bucket quotas", "Object overview", "Multipart upload limits").
const (
	MaxBuckets     = 10_000
	MaxKeyBytes    = 1024
	MaxObjectBytes = 5 << 40
	MaxPutBytes    = 5 << 30 // of one body: an object that is put at once, or a part
	MinPartBytes   = 5 << 20
	MaxParts       = 10_000
	MaxListKeys    = 1000
	maxMetadata    = 2 << 10
)

// ValidBucketName tells whether a bucket can be called so (user guide, "General purpose bucket naming rules").
func ValidBucketName(name string) bool {
	if len(name) < 3 || len(name) > 63 || strings.Contains(name, "..") {
		return false
	}
	for i := range len(name) {
		c := name[i]
		alphanumeric := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alphanumeric && (c != '-' && c != '.' || i == 0 || i == len(name)-1) {
			return false
		}
	}
	for _, prefix := range []string{"xn--", "sthree-"} { // not amzn-s3-demo-, which AWS keeps for its examples: they must work here
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	for _, suffix := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3"} {
		if strings.HasSuffix(name, suffix) {
			return false
		}
	}
	_, err := netip.ParseAddr(name)
	return err != nil
}

// checkKey refuses what cannot be an object's key.
func checkKey(bucket, key string) error {
	switch {
	case len(key) > MaxKeyBytes:
		return refuse(KeyTooLongError, bucket, key)
	case key == "" || !utf8.ValidString(key):
		return refusef(InvalidArgument, "A key has between 1 and %d bytes of UTF-8", MaxKeyBytes)
	}
	return nil
}

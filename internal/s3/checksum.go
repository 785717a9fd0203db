package s3

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"strconv"
	"strings"
)

// Checksum is what a client has had computed of a body, beside its MD5.
type Checksum struct {
	Algorithm string `json:"algorithm,omitempty"` // a member of checksumAlgorithms; "" is no checksum
	Value     string `json:"value,omitempty"`     // base64, of an object in parts with -N behind it if it is a checksum of checksums
}

// Composite tells whether the checksum is one of the parts' checksums.
func (c Checksum) Composite() bool { return strings.Contains(c.Value, "-") }

// checksumAlgorithms has how each algorithm is computed (user guide, "Checking object integrity"). The name in lower case ends the headers
// x-amz-checksum-….
var checksumAlgorithms = map[string]func() hash.Hash{
	"CRC32":     func() hash.Hash { return crc32.NewIEEE() },
	"CRC32C":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"CRC64NVME": func() hash.Hash { return crc64.New(crc64.MakeTable(nvme)) },
	"SHA1":      sha1.New,
	"SHA256":    sha256.New,
}

// nvme is the polynomial of CRC-64/NVME, reversed.
const nvme = 0x9a6c9329ac4bc9b5

// checksumHeader is the header that carries checksums of the algorithm.
func checksumHeader(algorithm string) string { return "x-amz-checksum-" + strings.ToLower(algorithm) }

// composite is the checksum of an object that was uploaded in parts with these checksums; none if any is missing.
func composite(algorithm string, parts []Checksum) Checksum {
	begin := checksumAlgorithms[algorithm]
	if begin == nil {
		return Checksum{}
	}
	h := begin()
	for _, p := range parts {
		raw, err := base64.StdEncoding.DecodeString(p.Value)
		if p.Algorithm != algorithm || err != nil {
			return Checksum{}
		}
		_, _ = h.Write(raw)
	}
	return Checksum{algorithm, base64.StdEncoding.EncodeToString(h.Sum(nil)) + "-" + strconv.Itoa(len(parts))}
}

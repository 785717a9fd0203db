package s3

import (
	"encoding/xml"
	"io"
	"net/http"
	"strings"
)

// This file serves the operations on multipart uploads.

func (c *call) createUpload() error {
	a, err := c.attributes()
	if err != nil {
		return err
	}
	algorithm := strings.ToUpper(c.r.Header.Get("X-Amz-Checksum-Algorithm"))
	if algorithm != "" && checksumAlgorithms[algorithm] == nil {
		return refusef(InvalidRequest, "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
	}
	whole := algorithm == "CRC64NVME" || strings.EqualFold(c.r.Header.Get("X-Amz-Checksum-Type"), "FULL_OBJECT")
	u, err := c.store.CreateUpload(c.bucket, c.key, algorithm, whole, a)
	if err != nil {
		return err
	}
	if algorithm != "" {
		c.w.Header().Set("x-amz-checksum-algorithm", algorithm)
		kind := "COMPOSITE"
		if whole {
			kind = "FULL_OBJECT"
		}
		c.w.Header().Set("x-amz-checksum-type", kind)
	}
	c.answer(http.StatusOK, struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		XMLNS    string   `xml:"xmlns,attr"`
		Bucket   string
		Key      string
		UploadID string `xml:"UploadId"`
	}{XMLNS: namespace, Bucket: c.bucket, Key: c.key, UploadID: u.ID})
	return nil
}

func (c *call) putPart() error {
	number, err := c.number("partNumber", 0)
	if err != nil {
		return err
	}
	src, sum, err := c.body()
	if err != nil {
		return err
	}
	p, err := c.store.PutPart(c.bucket, c.key, c.query.Get("uploadId"), number, src, sum)
	if err != nil {
		return err
	}
	c.w.Header().Set("ETag", quote(p.ETag))
	c.sum(p.Checksum)
	c.w.Header().Del("x-amz-checksum-type")
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (c *call) copyPart() error {
	number, err := c.number("partNumber", 0)
	if err != nil {
		return err
	}
	o, err := c.open()
	if err != nil {
		return err
	}
	defer func() { _ = o.Close() }()
	from, length := int64(0), o.Size
	if text := c.r.Header.Get("X-Amz-Copy-Source-Range"); text != "" {
		var partial bool
		if from, length, partial, err = c.span(o.Size, text); err != nil {
			return err
		}
		if !partial {
			return refusef(InvalidArgument, "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
		}
	}
	p, err := c.store.PutPart(c.bucket, c.key, c.query.Get("uploadId"), number, io.NewSectionReader(o.body, from, length), nil)
	if err != nil {
		return err
	}
	c.answer(http.StatusOK, copyBody{XMLName: xml.Name{Local: "CopyPartResult"}, XMLNS: namespace, LastModified: clock(p.LastModified), ETag: quote(p.ETag)})
	return nil
}

// checksums are the members of XML elements that carry one.
type checksums struct {
	ChecksumCRC32     string `xml:",omitempty"`
	ChecksumCRC32C    string `xml:",omitempty"`
	ChecksumCRC64NVME string `xml:",omitempty"`
	ChecksumSHA1      string `xml:",omitempty"`
	ChecksumSHA256    string `xml:",omitempty"`
}

func (c *checksums) of(algorithm string) *string {
	switch algorithm {
	case "CRC32":
		return &c.ChecksumCRC32
	case "CRC32C":
		return &c.ChecksumCRC32C
	case "CRC64NVME":
		return &c.ChecksumCRC64NVME
	case "SHA1":
		return &c.ChecksumSHA1
	case "SHA256":
		return &c.ChecksumSHA256
	}
	return nil
}

// checksum is the one that is set.
func (c *checksums) checksum() Checksum {
	for algorithm := range checksumAlgorithms {
		if value := *c.of(algorithm); value != "" {
			return Checksum{algorithm, value}
		}
	}
	return Checksum{}
}

func (c *checksums) set(s Checksum) {
	if field := c.of(s.Algorithm); field != nil {
		*field = s.Value
	}
}

func (c *call) completeUpload() error {
	var in struct {
		XMLName xml.Name `xml:"CompleteMultipartUpload"`
		Part    []struct {
			PartNumber int
			ETag       string
			checksums
		}
	}
	if err := c.document(&in); err != nil {
		return err
	}
	if len(in.Part) > MaxParts {
		return refuse(MalformedXML, c.bucket, c.key)
	}
	chosen := make([]Chosen, 0, len(in.Part))
	for i := range in.Part {
		p := &in.Part[i]
		chosen = append(chosen, Chosen{p.PartNumber, p.ETag, p.checksum()})
	}
	var whole Checksum
	for algorithm := range checksumAlgorithms {
		if value := c.r.Header.Get(checksumHeader(algorithm)); value != "" {
			whole = Checksum{algorithm, value}
		}
	}
	i, err := c.store.complete(c.bucket, c.key, c.query.Get("uploadId"), chosen, condition(c.r.Header, ""), whole, c.origin("CompleteMultipartUpload"))
	if err != nil {
		return err
	}
	out := struct {
		XMLName  xml.Name `xml:"CompleteMultipartUploadResult"`
		XMLNS    string   `xml:"xmlns,attr"`
		Location string
		Bucket   string
		Key      string
		ETag     string
		checksums
		ChecksumType string `xml:",omitempty"`
	}{XMLNS: namespace, Location: "http://" + c.r.Host + "/" + c.bucket + "/" + c.key, Bucket: c.bucket, Key: c.key, ETag: quote(i.ETag)}
	if i.Checksum.Value != "" {
		out.set(i.Checksum)
		out.ChecksumType = checksumType(i.Checksum)
	}
	c.w.Header().Set("x-amz-server-side-encryption", "AES256")
	c.answer(http.StatusOK, out)
	return nil
}

func (c *call) abortUpload() error {
	if err := c.store.AbortUpload(c.bucket, c.key, c.query.Get("uploadId")); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *call) listParts() error {
	id := c.query.Get("uploadId")
	u, parts, err := c.store.Parts(c.bucket, c.key, id)
	if err != nil {
		return err
	}
	most, err := c.number("max-parts", MaxListKeys)
	if err != nil {
		return err
	}
	marker, err := c.number("part-number-marker", 0)
	if err != nil {
		return err
	}
	type partBody struct {
		PartNumber   int
		LastModified string
		ETag         string
		Size         int64
		checksums
	}
	out := struct {
		XMLName              xml.Name `xml:"ListPartsResult"`
		XMLNS                string   `xml:"xmlns,attr"`
		Bucket               string
		Key                  string
		UploadID             string `xml:"UploadId"`
		Owner                ownerBody
		Initiator            ownerBody
		StorageClass         string
		PartNumberMarker     int
		NextPartNumberMarker int
		MaxParts             int
		IsTruncated          bool
		ChecksumAlgorithm    string `xml:",omitempty"`
		Part                 []partBody
	}{XMLNS: namespace, Bucket: c.bucket, Key: c.key, UploadID: id, Owner: ownerBody{c.owner, c.owner}, Initiator: ownerBody{c.owner, c.owner},
		StorageClass: (&Info{Attributes: u.Attributes}).Class(), PartNumberMarker: marker, MaxParts: min(most, MaxListKeys), ChecksumAlgorithm: u.Algorithm}
	for _, p := range parts {
		if p.Number <= marker {
			continue
		}
		if len(out.Part) == out.MaxParts {
			out.IsTruncated = true
			break
		}
		b := partBody{PartNumber: p.Number, LastModified: clock(p.LastModified), ETag: quote(p.ETag), Size: p.Size}
		if u.Algorithm != "" {
			b.set(p.Checksum)
		}
		out.Part = append(out.Part, b)
		out.NextPartNumberMarker = p.Number
	}
	c.answer(http.StatusOK, out)
	return nil
}

func (c *call) listUploads() error {
	list, err := c.store.Uploads(c.bucket, c.query.Get("prefix"))
	if err != nil {
		return err
	}
	most, err := c.number("max-uploads", MaxListKeys)
	if err != nil {
		return err
	}
	type uploadBody struct {
		Key          string
		UploadID     string `xml:"UploadId"`
		Initiator    ownerBody
		Owner        ownerBody
		StorageClass string
		Initiated    string
	}
	out := struct {
		XMLName            xml.Name `xml:"ListMultipartUploadsResult"`
		XMLNS              string   `xml:"xmlns,attr"`
		Bucket             string
		KeyMarker          string
		UploadIDMarker     string `xml:"UploadIdMarker"`
		NextKeyMarker      string
		NextUploadIDMarker string `xml:"NextUploadIdMarker"`
		Prefix             string
		MaxUploads         int
		IsTruncated        bool
		Upload             []uploadBody
	}{XMLNS: namespace, Bucket: c.bucket, Prefix: c.query.Get("prefix"), KeyMarker: c.query.Get("key-marker"), UploadIDMarker: c.query.Get("upload-id-marker"),
		MaxUploads: min(most, MaxListKeys)}
	for _, u := range list {
		if u.Key < out.KeyMarker || u.Key == out.KeyMarker && (out.UploadIDMarker == "" || u.ID <= out.UploadIDMarker) {
			continue
		}
		if len(out.Upload) == out.MaxUploads {
			out.IsTruncated = true
			break
		}
		me := ownerBody{c.owner, c.owner}
		out.Upload = append(out.Upload, uploadBody{u.Key, u.ID, me, me, (&Info{Attributes: u.Attributes}).Class(), clock(u.Started)})
		out.NextKeyMarker, out.NextUploadIDMarker = u.Key, u.ID
	}
	c.answer(http.StatusOK, out)
	return nil
}

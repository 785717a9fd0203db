package items

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/tutti-run/tutti/internal/asl"
)

// maxManifest bounds a manifest of an S3 inventory, which names a few dozens of files.
const maxManifest = 16 << 20

// manifest goes over what is in the files that a manifest names.
func (r *reader) manifest() error {
	o, err := r.from.Get(r.at.Bucket, r.at.Key, r.at.Version)
	if err != nil {
		return r.refused(err)
	}
	defer func() { _ = o.Close() }()
	src, err := unpacked(o.Reader(), r.at.Key)
	if err != nil {
		return err
	}
	defer src.close()
	if r.how.ManifestType == "ATHENA_DATA" {
		return r.athena(bufio.NewReader(src))
	}
	return r.inventory(src)
}

// inventory reads the manifest.json of an S3 inventory (S3 user guide, "Locating your inventory list"). Its files have no header: the manifest has
// their schema.
func (r *reader) inventory(src io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(src, maxManifest+1))
	if err != nil {
		return err
	}
	if len(text) > maxManifest {
		return wrong("The manifest has more than %d bytes.", maxManifest)
	}
	var m struct {
		DestinationBucket string `json:"destinationBucket"`
		FileFormat        string `json:"fileFormat"`
		FileSchema        string `json:"fileSchema"`
		Files             []struct {
			Key string `json:"key"`
		} `json:"files"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return wrong("The manifest is not that of an Amazon S3 inventory: %s.", err)
	}
	bucket := m.DestinationBucket[strings.LastIndexByte(m.DestinationBucket, ':')+1:]
	if bucket == "" || len(m.Files) > 0 && m.FileFormat == "" {
		return wrong("The manifest is not that of an Amazon S3 inventory: destinationBucket or fileFormat is missing.")
	}
	inner := *r
	inner.how = &asl.ItemReader{InputType: strings.ToUpper(m.FileFormat), HeaderGiven: true}
	switch inner.how.InputType {
	case "CSV":
		for name := range strings.SplitSeq(m.FileSchema, ",") {
			inner.how.CSVHeaders = append(inner.how.CSVHeaders, strings.TrimSpace(name))
		}
	case "PARQUET":
	default:
		return wrong("Inventories in the format %s cannot be read; CSV and Parquet can.", m.FileFormat)
	}
	for _, f := range m.Files {
		if err := inner.file(Location{Bucket: bucket, Key: f.Key}, inner.how.InputType); err != nil {
			return err
		}
	}
	return nil
}

// athena reads the manifest of an Athena query, which has a URI like s3://bucket/key in each line (Athena user guide, "UNLOAD").
func (r *reader) athena(in *bufio.Reader) error {
	for n := 1; ; n++ {
		line, err := readLine(in, 4<<10)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		uri := strings.Trim(strings.TrimSpace(line), `"`)
		if uri == "" {
			continue
		}
		rest, ok := strings.CutPrefix(uri, "s3://")
		bucket, key, ok2 := strings.Cut(rest, "/")
		if !ok || !ok2 || bucket == "" || key == "" {
			return wrong("Line %d of the manifest is not a URI like s3://bucket/key: %.100q.", n, uri)
		}
		if err := r.file(Location{Bucket: bucket, Key: key}, r.how.InputType); err != nil {
			return err
		}
	}
}

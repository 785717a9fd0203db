// Command gen writes models.zip from the service models that botocore ships, in a folder that the environment variable BOTOCORE_DATA names:
//
//	pip install botocore
//	BOTOCORE_DATA=.../site-packages/botocore/data go generate ./internal/awsmodel
//
// Documentation, examples, patterns and endpoint rules are left out. Of a service with several API versions the newest is taken.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/tutti-run/tutti/internal/awsmodel"
)

func main() {
	out := flag.String("out", "models.zip", "the file to write")
	flag.Parse()
	if err := generate(os.Getenv("BOTOCORE_DATA"), *out); err != nil {
		log.Fatal(err)
	}
}

// generate writes every service of the folder.
func generate(data, out string) error {
	if data == "" {
		return errors.New("set BOTOCORE_DATA to the folder botocore/data of an installed botocore")
	}
	folders, err := os.ReadDir(data)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	zw := zip.NewWriter(&archive)
	zw.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	seen := map[string]bool{}
	for _, folder := range folders {
		m, err := newest(filepath.Join(data, folder.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return fmt.Errorf("%s: %w", folder.Name(), err)
		}
		w := convert(m)
		name := awsmodel.NameOf(w.ID)
		if seen[name] {
			continue // sms-voice is pinpoint-sms-voice under an older name
		}
		seen[name] = true
		text, err := json.Marshal(w)
		if err != nil {
			return err
		}
		entry, err := zw.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			return err
		}
		if _, err := entry.Write(text); err != nil {
			return err
		}
	}
	if err := zw.Close(); err != nil {
		return err
	}
	return os.WriteFile(out, archive.Bytes(), 0o644)
}

// newest reads the newest version of the service in the folder.
func newest(folder string) (*model, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*", "service-2.json.gz"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fs.ErrNotExist
	}
	slices.Sort(files)
	f, err := os.Open(files[len(files)-1])
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var m model
	return &m, json.NewDecoder(r).Decode(&m)
}

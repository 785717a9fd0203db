package restapi

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"regexp"
	"time"
)

// modelFiles are an API's models as files, so that they can refer to each other: a JSON Schema by NAME.json.
type modelFiles map[string]string

// modelReference is a reference from a model to another: in a template by the service's own URL, in an OpenAPI document by its place there.
var modelReference = regexp.MustCompile(`"\$ref"\s*:\s*"(?:https://apigateway\.amazonaws\.com/restapis/[^/"]*/models/|#/definitions/|#/components/schemas/)([A-Za-z0-9_.-]+)"`)

// draft4 is the dialect of models that name none (developer guide, "Data models for REST APIs").
const draft4 = "http://json-schema.org/draft-04/schema#"

func filesOf(models map[string]string) modelFiles {
	files := modelFiles{}
	for name, text := range models {
		text = modelReference.ReplaceAllStringFunc(text, func(ref string) string {
			to := modelReference.FindStringSubmatch(ref)[1]
			if _, known := models[to]; !known {
				return ref // a definition of the model's own
			}
			return `"$ref":"` + to + `.json"`
		})
		var document map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &document) == nil && document != nil && document["$schema"] == nil {
			document["$schema"], _ = json.Marshal(draft4)
			if withDialect, err := json.Marshal(document); err == nil {
				text = string(withDialect)
			}
		}
		files[name+".json"] = text
	}
	return files
}

// Open implements fs.FS.
func (m modelFiles) Open(name string) (fs.File, error) {
	text, ok := m[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &modelFile{bytes.NewReader([]byte(text)), name, int64(len(text))}, nil
}

// modelFile is one of them, open.
type modelFile struct {
	io.Reader
	name string
	size int64
}

// Stat implements fs.File.
func (f *modelFile) Stat() (fs.FileInfo, error) { return f, nil }

// Close implements fs.File.
func (f *modelFile) Close() error { return nil }

// Name implements fs.FileInfo.
func (f *modelFile) Name() string { return f.name }

// Size implements fs.FileInfo.
func (f *modelFile) Size() int64 { return f.size }

// Mode implements fs.FileInfo.
func (f *modelFile) Mode() fs.FileMode { return 0o444 }

// ModTime implements fs.FileInfo.
func (f *modelFile) ModTime() time.Time { return time.Time{} }

// IsDir implements fs.FileInfo.
func (f *modelFile) IsDir() bool { return false }

// Sys implements fs.FileInfo.
func (f *modelFile) Sys() any { return nil }

package control

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/measure/measuretest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a journal in memory.
type memory struct {
	mu     sync.Mutex
	text   map[[2]string]string
	writes int
	err    error // answers every write
}

func (m *memory) Documents(collection string) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		m.mu.Lock()
		text := maps.Clone(m.text)
		m.mu.Unlock()
		var keys []string
		for key := range text {
			if key[0] == collection {
				keys = append(keys, key[1])
			}
		}
		slices.Sort(keys)
		for _, key := range keys {
			if !yield(Document{key, []byte(text[[2]string{collection, key}])}, nil) {
				return
			}
		}
	}
}

func (m *memory) Document(collection, key string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.text[[2]string{collection, key}]
	return []byte(value), ok, nil
}

func (m *memory) Write(changes []Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.writes++
	for _, c := range changes {
		if c.Value == nil {
			delete(m.text, [2]string{c.Collection, c.Key})
		} else {
			m.text[[2]string{c.Collection, c.Key}] = string(c.Value)
		}
	}
	return nil
}

// count is how many documents a collection has.
func (m *memory) count(collection string) int {
	n := 0
	for range m.Documents(collection) {
		n++
	}
	return n
}

// host stands in for a lambda.Host: it keeps what it was told and answers as do says.
type host struct {
	mu       sync.Mutex
	versions map[string]lambda.Function // by name:version
	aliases  map[string]lambda.Alias    // by name:alias
	invoked  []lambda.Invocation
	do       func(lambda.Invocation) (lambda.Result, error) // nil echoes
	program  string                                         // the path of a built program
}

func newHost() *host {
	return &host{versions: map[string]lambda.Function{}, aliases: map[string]lambda.Alias{}}
}

func (h *host) Register(f lambda.Function) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.versions[f.Name+":"+f.Version] = f
	return nil
}

func (h *host) RegisterAlias(a lambda.Alias) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.aliases[a.Function+":"+a.Name] = a
	return nil
}

func (h *host) Remove(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.versions, func(key string, _ lambda.Function) bool { return strings.HasPrefix(key, name+":") })
	maps.DeleteFunc(h.aliases, func(key string, _ lambda.Alias) bool { return strings.HasPrefix(key, name+":") })
}

func (h *host) RemoveVersion(name, number string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.versions, name+":"+number)
}

func (h *host) RemoveAlias(function, alias string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.aliases, function+":"+alias)
}

func (h *host) Binary(context.Context, string, string) (string, error) {
	if h.program == "" {
		return "", lambda.Refuse(lambda.CodeResourceConflict, "it does not build")
	}
	return h.program, nil
}

func (h *host) Invoke(_ context.Context, in lambda.Invocation) (lambda.Result, error) {
	h.mu.Lock()
	h.invoked = append(h.invoked, in)
	h.mu.Unlock()
	if h.do != nil {
		return h.do(in)
	}
	return lambda.Result{Payload: in.Payload, ExecutedVersion: lambda.Latest, RequestID: in.RequestID}, nil
}

// calls lists the invocations so far.
func (h *host) calls() []lambda.Invocation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.invoked)
}

// known lists what the host has been told.
func (h *host) known() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := slices.Collect(maps.Keys(h.versions))
	for name, a := range h.aliases {
		all = append(all, name+"="+a.Version)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// world is a plane with what stands around it.
type world struct {
	*Plane
	host    *host
	journal *memory
	dir     string
	counted *measuretest.Ledger
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{host: newHost(), journal: &memory{text: map[[2]string]string{}}, dir: t.TempDir()}
	w.open(t)
	return w
}

// open opens the plane, again after it has been closed.
func (w *world) open(t testing.TB) {
	t.Helper()
	p, err := Open(Config{Dir: w.dir, Host: w.host, Journal: w.journal})
	if err != nil {
		t.Fatal(err)
	}
	w.Plane = p
	t.Cleanup(p.Close)
}

// do calls an operation with a request in JSON and returns the response in JSON.
func (w *world) do(t testing.TB, operation, request string) string {
	t.Helper()
	text, err := w.try(t, operation, request)
	if err != nil {
		t.Fatalf("%s %.300s: %v", operation, request, err)
	}
	return text
}

func (w *world) try(t testing.TB, operation, request string) (string, error) {
	t.Helper()
	out, err := w.Call(t.Context(), operation, []byte(request))
	if err != nil || out == nil {
		return "", err
	}
	text, err := json.Marshal(out)
	return string(text), err
}

// member reads a member of a response, such as "Configuration.RevisionId".
func member(t testing.TB, text, path string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for name := range strings.SplitSeq(path, ".") {
		object, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = object[name]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// zipped is a zip of files, given by name, content, name, content.
func zipped(t testing.TB, files ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for i := 0; i < len(files); i += 2 {
		header := &zip.FileHeader{Name: files[i], Method: zip.Deflate}
		header.SetMode(0o755)
		f, err := z.CreateHeader(header)
		if err == nil {
			_, err = io.WriteString(f, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// creation is a request of CreateFunction, with further members.
func creation(t testing.TB, name string, members ...string) string {
	t.Helper()
	request := map[string]json.RawMessage{}
	base := fmt.Sprintf(`{"FunctionName":%q,"Role":"arn:aws:iam::000000000000:role/r","Runtime":"provided.al2023","Handler":"bootstrap","Code":{"ZipFile":%s}}`,
		name, encode(zipped(t, "bootstrap", "#!/bin/sh\n# "+name)))
	for _, text := range append([]string{base}, members...) {
		if err := json.Unmarshal([]byte(text), &request); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	maps.DeleteFunc(request, func(_ string, v json.RawMessage) bool { return string(v) == "null" })
	text, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// refusedAs checks an error's code and text.
func refusedAs(t testing.TB, err error, code, message string) {
	t.Helper()
	var refused *lambda.Error
	if !errors.As(err, &refused) || refused.Code != code || !strings.Contains(refused.Message, message) {
		t.Errorf("error %v\nwant  %s: %s", err, code, message)
	}
}

// files lists the files below a folder.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			relative, _ := filepath.Rel(dir, path)
			list = append(list, relative)
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return list
}

package control

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/lambda"
)

func TestUnzip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "root")
	if err := unzip(zipped(t, "bootstrap", "b", "lib/a.txt", "a", "lib/deep/b.txt", "bb", "empty/", ""), dir, maxUnzipped); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); !slices.Equal(got, []string{"bootstrap", "lib/a.txt", "lib/deep/b.txt"}) {
		t.Errorf("unpacked %v", got)
	}
	if info, err := os.Stat(filepath.Join(dir, "bootstrap")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("the bootstrap is not executable: %v, %v", info, err)
	}
}

// entry is a zip of one entry with a header of its own.
func entry(t testing.TB, edit func(*zip.FileHeader), content string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	header := &zip.FileHeader{Name: "x", Method: zip.Deflate}
	header.SetMode(0o644)
	edit(header)
	f, err := z.CreateHeader(header)
	if err == nil {
		_, err = f.Write([]byte(content))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestUnzipRefuses(t *testing.T) {
	const limit = 1 << 20
	named := func(name string) []byte { return entry(t, func(h *zip.FileHeader) { h.Name = name }, "x") }
	mode := func(m fs.FileMode) []byte { return entry(t, func(h *zip.FileHeader) { h.SetMode(m) }, "/etc/passwd") }
	// A bomb that lies: its directory says that the file is small.
	bomb := entry(t, func(*zip.FileHeader) {}, strings.Repeat("\x00", limit+1))
	at := bytes.LastIndex(bomb, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(bomb[at+24:], 10)
	damaged := zipped(t, "bootstrap", strings.Repeat("abc", 1000))
	damaged[40] ^= 0xff
	many := []string{}
	for i := range maxFiles + 1 {
		many = append(many, "f"+strings.Repeat("x", i%3)+string(rune('a'+i%26)), "")
	}
	for _, tc := range []struct {
		name    string
		zip     []byte
		message string
	}{
		{"nothing", nil, notZip},
		{"no zip", []byte("hello"), notZip},
		{"no files", zipped(t), emptyZip},
		{"up", named("../x"), "would lie outside of the function's folder"},
		{"up within", named("a/../../x"), "would lie outside of the function's folder"},
		{"absolute", named("/etc/x"), "would lie outside of the function's folder"},
		{"backslash", named(`..\x`), "would lie outside of the function's folder"},
		{"link", mode(fs.ModeSymlink | 0o777), "symbolic link"},
		{"pipe", mode(fs.ModeNamedPipe | 0o644), "neither a file nor a folder"},
		{"twice", zipped(t, "a", "1", "a", "2"), "twice"},
		{"file as folder", zipped(t, "a", "1", "a/b", "2"), notZip},
		{"bomb", entry(t, func(*zip.FileHeader) {}, strings.Repeat("\x00", limit+1)), "Unzipped size must be smaller than 262144000 bytes"},
		{"lying bomb", bomb, notZip},
		{"damaged", damaged, notZip},
		{"many", zipped(t, many...), "at most 20000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			err := unzip(tc.zip, filepath.Join(dir, "deep", "root"), limit)
			refusedAs(t, err, lambda.CodeInvalidParameterValue, tc.message)
			for _, f := range files(t, dir) {
				if !strings.HasPrefix(f, filepath.Join("deep", "root")) {
					t.Errorf("%s lies outside", f)
				}
			}
		})
	}
}

func TestProgramsForOtherMachines(t *testing.T) {
	elf := func(machine byte) string {
		return "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00" + string([]byte{machine}) + "\x00" + "rest"
	}
	w := newWorld(t)
	for _, tc := range []struct{ name, program, built string }{
		{"arm", elf(0xb7), "linux/arm64"},
		{"x86", elf(0x3e), "linux/amd64"},
		{"mac", "\xcf\xfa\xed\xfe\x0c\x00\x00\x01" + strings.Repeat("\x00", 20), "darwin/arm64"},
		{"script", "#!/bin/sh\necho hello, all", ""},
		{"short", "x", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code := `{"Code":{"ZipFile":` + encode(zipped(t, "bootstrap", tc.program)) + `}}`
			_, err := w.try(t, "CreateFunction", creation(t, tc.name, code))
			if tc.built == "" || tc.built == runtime.GOOS+"/"+runtime.GOARCH {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refusedAs(t, err, lambda.CodeInvalidParameterValue, "The bootstrap is a program for "+tc.built)
		})
	}
}

func FuzzUnzip(f *testing.F) {
	f.Add(zipped(f, "bootstrap", "x", "a/b", "y"))
	f.Add(entry(f, func(h *zip.FileHeader) { h.Name = "../x" }, "x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		_ = unzip(data, filepath.Join(dir, "deep", "root"), 1<<20)
		for _, name := range files(t, dir) {
			if !strings.HasPrefix(name, filepath.Join("deep", "root")+string(filepath.Separator)) {
				t.Errorf("%s lies outside", name)
			}
		}
	})
}

func FuzzCall(f *testing.F) {
	w := newWorld(f)
	w.do(f, "CreateFunction", creation(f, "f", `{"Publish":true}`))
	f.Add("CreateFunction", creation(f, "g"))
	f.Add("CreateAlias", `{"FunctionName":"f","Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}}`)
	f.Add("AddPermission", `{"FunctionName":"f","StatementId":"s","Action":"*","Principal":"*","SourceAccount":"000000000000"}`)
	f.Add("ListFunctions", `{"Marker":"AWE","MaxItems":1}`)
	f.Add("TagResource", `{"Resource":"arn:aws:lambda:us-east-1:000000000000:function:f","Tags":{"a":"b"}}`)
	f.Fuzz(func(t *testing.T, operation, request string) {
		_, err := w.Call(t.Context(), operation, []byte(request))
		if err != nil && !strings.Contains(err.Error(), "Exception: ") {
			t.Errorf("%s %q: %v", operation, request, err)
		}
	})
}

package control

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"
)

// The sizes of code (developer guide, "Lambda quotas").
const (
	maxZipped    = 50 << 20  // of a zip in a request
	maxUnzipped  = 250 << 20 // of a zip's content, and of a zip in S3
	maxTotalCode = 75 << 30  // of all code of an account
	maxFiles     = 20_000    // in a zip: ours, so that a small zip cannot fill a disk with empty files
)

// keepsCode is how long code stays on disk that no version is made of any more: an invocation that began with it has ended by then.
const keepsCode = 20 * time.Minute

// codeStore is a folder of unpacked code. A code is the SHA-256 of its zip in hexadecimal. In the folder of that name lie the zip itself, as
// "zip", and its files below "root".
type codeStore struct {
	dir string

	mu     sync.Mutex
	unused map[string]time.Time // since when nobody uses a code
}

func openCodeStore(dir string) (*codeStore, error) {
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("the folder %q is not absolute", dir)
	}
	s := &codeStore{dir: filepath.Join(dir, "code"), unused: map[string]time.Time{}}
	return s, os.MkdirAll(s.dir, 0o700)
}

// put unpacks a zip and returns its code. Unpacking again what is there does nothing. An error that is a [*lambda.Error] is about the zip.
func (s *codeStore) put(zipped []byte) (code string, err error) {
	sum := sha256.Sum256(zipped)
	code = hex.EncodeToString(sum[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.unused, code)
	if _, err := os.Stat(s.zip(code)); err == nil {
		return code, nil
	}
	scratch, err := os.MkdirTemp(s.dir, "new-")
	if err != nil {
		return "", fmt.Errorf("store code: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }() // gone by its name if all is well
	if err := writeDurably(filepath.Join(scratch, "zip"), zipped); err != nil {
		return "", fmt.Errorf("store code: %w", err)
	}
	if err := unzip(zipped, filepath.Join(scratch, "root"), maxUnzipped); err != nil {
		return "", err
	}
	if err := os.Rename(scratch, filepath.Join(s.dir, code)); err != nil {
		return "", fmt.Errorf("store code: %w", err)
	}
	return code, syncFolder(s.dir)
}

func (s *codeStore) zip(code string) string { return filepath.Join(s.dir, code, "zip") }

// bootstrap is the path of the code's program, which need not be there. Files that a power cut has taken are unpacked again.
func (s *codeStore) bootstrap(code string) (string, error) {
	root := filepath.Join(s.dir, code, "root")
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.repair(code, root); err != nil {
		return "", fmt.Errorf("the code %s: %w", code, err)
	}
	return filepath.Join(root, "bootstrap"), nil
}

// repair unpacks the zip again if a file is not there in its size. s.mu is held.
func (s *codeStore) repair(code, root string) error {
	r, err := zip.OpenReader(s.zip(code))
	if err != nil {
		return err
	}
	whole := true
	for _, f := range r.File {
		info, err := os.Stat(filepath.Join(root, filepath.FromSlash(f.Name)))
		whole = whole && err == nil && (info.IsDir() || info.Size() == int64(f.UncompressedSize64))
	}
	if err := r.Close(); err != nil || whole {
		return err
	}
	zipped, err := os.ReadFile(s.zip(code))
	if err != nil {
		return err
	}
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	return unzip(zipped, root, maxUnzipped)
}

// codePattern is what a code looks like.
var codePattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// open opens a code's zip.
func (s *codeStore) open(code string) (*os.File, error) {
	if !codePattern.MatchString(code) {
		return nil, fs.ErrNotExist
	}
	return os.Open(s.zip(code))
}

// size is the size of a code's zip.
func (s *codeStore) size(code string) (int64, error) {
	info, err := os.Stat(s.zip(code))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// sweep deletes code that has not been used for as long as given, and what an interrupted put has left.
func (s *codeStore) sweep(used map[string]bool, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return // next time
	}
	now := time.Now()
	for _, e := range entries {
		name := e.Name()
		if used[name] {
			delete(s.unused, name)
			continue
		}
		since, known := s.unused[name]
		if !known {
			since, s.unused[name] = now, now
		}
		if now.Sub(since) >= after {
			delete(s.unused, name)
			_ = os.RemoveAll(filepath.Join(s.dir, name)) // what stays is tried again
		}
	}
}

// codeSHA is the form in which the API shows a code.
func codeSHA(code string) string {
	sum, _ := hex.DecodeString(code) // made by put
	return base64.StdEncoding.EncodeToString(sum)
}

const (
	notZip   = "Could not unzip uploaded file. Please check your file, then try to upload again."
	emptyZip = "Uploaded file must be a non-empty zip"
)

// unzip unpacks a zip of at most limit bytes of content into a new folder. A file that would lie outside of it, a link, and anything over the
// limits is refused.
func unzip(zipped []byte, folder string, limit int64) error {
	r, err := zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
	if err != nil {
		return invalid(notZip)
	}
	if len(r.File) == 0 {
		return invalid(emptyZip)
	}
	if err := checkZip(r, limit); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("store code: %w", err)
	}
	root, err := os.OpenRoot(folder) // names are checked above; this holds even if the check should be wrong
	if err != nil {
		return fmt.Errorf("store code: %w", err)
	}
	defer func() { _ = root.Close() }()
	left := limit
	for _, f := range r.File {
		n, err := unzipFile(root, f, left)
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// checkZip looks at the names and sizes that a zip gives.
func checkZip(r *zip.Reader, limit int64) error {
	if len(r.File) > maxFiles {
		return invalid("The zip has %d files; at most %d are unpacked here.", len(r.File), maxFiles)
	}
	total := uint64(0)
	for _, f := range r.File {
		name := filepath.FromSlash(strings.TrimSuffix(f.Name, "/"))
		switch mode := f.Mode(); {
		case !filepath.IsLocal(name) || strings.ContainsAny(f.Name, "\\\x00"):
			return invalid("The zip has a file %.200q, which would lie outside of the function's folder.", f.Name)
		case mode&fs.ModeSymlink != 0:
			return invalid("The zip has a symbolic link, %.200q; put the file itself there.", f.Name)
		case !mode.IsRegular() && !mode.IsDir():
			return invalid("The zip has %.200q, which is neither a file nor a folder.", f.Name)
		}
		if total += f.UncompressedSize64; f.UncompressedSize64 > uint64(limit) || total > uint64(limit) {
			return tooLargeUnzipped()
		}
	}
	return nil
}

func tooLargeUnzipped() error {
	return invalid("Unzipped size must be smaller than %d bytes", maxUnzipped)
}

// unzipFile unpacks one file of at most left bytes and returns its size.
func unzipFile(root *os.Root, f *zip.File, left int64) (int64, error) {
	name := path.Clean(f.Name)
	if f.Mode().IsDir() {
		if err := root.MkdirAll(name, 0o755); err != nil {
			return 0, invalid(notZip)
		}
		return 0, nil
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return 0, invalid(notZip) // a file is where a folder should be
	}
	content, err := f.Open()
	if err != nil {
		return 0, invalid(notZip)
	}
	defer func() { _ = content.Close() }()
	// Our own permissions are added, or an update could not delete the file.
	to, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, f.Mode().Perm()|0o600)
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			return 0, invalid("The zip has the file %.200q twice.", f.Name)
		}
		return 0, fmt.Errorf("store code: %w", err)
	}
	n, err := io.Copy(to, io.LimitReader(content, left+1))
	if closeErr := to.Close(); err == nil && closeErr != nil {
		return n, fmt.Errorf("store code: %w", closeErr)
	}
	switch {
	case n > left: // the zip lied about the size
		return n, tooLargeUnzipped()
	case errors.Is(err, fs.ErrPermission), errors.As(err, new(*fs.PathError)):
		return n, fmt.Errorf("store code: %w", err)
	case err != nil:
		return n, invalid(notZip)
	}
	return n, nil
}

// packed is a zip of one program, always the same for the same bytes, as code of a function that was built from its source.
func packed(program []byte) ([]byte, error) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Store}
	header.SetMode(0o755)
	f, err := w.CreateHeader(header)
	if err == nil {
		_, err = f.Write(program)
	}
	if err == nil {
		err = w.Close()
	}
	return buf.Bytes(), err
}

// checkProgram refuses a bootstrap that this machine cannot run: better now than at the first invocation. What has no known form, such as a
// script, is left to the system.
func checkProgram(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil // no bootstrap: the first invocation will say so, as on AWS
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 20)
	if _, err := io.ReadFull(f, head); err != nil {
		return nil
	}
	built := programFor(head)
	here := runtime.GOOS + "/" + runtime.GOARCH
	if built == "" || built == here {
		return nil
	}
	return invalid("The bootstrap is a program for %s, and this machine runs %s. Build it for here (GOOS=%s GOARCH=%s), "+
		"or run the tool where %s programs run.", built, here, runtime.GOOS, runtime.GOARCH, built)
}

// programFor is the system and machine that an executable is for, from its first 20 bytes; "" if they do not tell.
func programFor(head []byte) string {
	machines := map[uint16]string{ // e_machine of ELF
		0x03: "linux/386", 0x28: "linux/arm", 0x3e: "linux/amd64", 0xb7: "linux/arm64", 0xf3: "linux/riscv64",
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x7fELF")) && head[5] == 1:
		return machines[uint16(head[18])|uint16(head[19])<<8]
	case bytes.HasPrefix(head, []byte("\xcf\xfa\xed\xfe\x07\x00\x00\x01")):
		return "darwin/amd64"
	case bytes.HasPrefix(head, []byte("\xcf\xfa\xed\xfe\x0c\x00\x00\x01")):
		return "darwin/arm64"
	case bytes.HasPrefix(head, []byte("MZ")):
		return "windows/" + runtime.GOARCH // which machine stands further in
	}
	return ""
}

// writeDurably writes a file that outlives a power cut once its folder does.
func writeDurably(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncFolder makes names in a folder durable. Windows cannot, and need not.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

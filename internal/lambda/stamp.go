package lambda

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// stamp lists what a binary was built from, so that a build of unchanged sources needs no go command, only a handful of stat calls.
//
// The inputs are all files of the packages built, as `go list -deps` names them, but for the standard library, which goes with the
// toolchain, and the module cache, which never changes; the module's and the workspace's own files; and the list of source files
// in each folder, since a new one may belong to the package. A file counts as unchanged if its size and modification time are, and
// otherwise if its content is. A modification time shortly before the stamp was made proves nothing, since a later change may bear
// the same one; then too the content decides.
//
// Whatever is in doubt counts as changed: the price is a go build that finds its own cache warm.
type stamp struct {
	Source    string
	Toolchain string
	Made      int64     // Unix time in nanoseconds, before any input was looked at
	Binary    fileStamp // its size and time tell whether it is still what was built
	Files     []fileStamp
	Folders   []folderStamp
}

// fileStamp is one file. One that is absent has Size -1: its appearance would be a change.
type fileStamp struct {
	Path    string
	Size    int64
	ModTime int64
	Hash    string `json:",omitempty"`
}

// folderStamp is the list of file names in one folder.
type folderStamp struct {
	Path    string
	All     bool // all names count, since the files are embedded; otherwise those of source files
	ModTime int64
	Names   string // a hash
}

const stampName = "build.json"

// doubtful is how long before a stamp a modification time may lie to be good evidence. It is the coarsest clock of a file system
// in use (FAT, two seconds).
const doubtful = 2 * time.Second

func removeStamp(folder string) { _ = os.Remove(filepath.Join(folder, stampName)) }

// fresh reports whether binary is what a build of source would make.
func fresh(folder, binary, source string, tools toolchain) bool {
	data, err := os.ReadFile(filepath.Join(folder, stampName))
	if err != nil {
		return false
	}
	var s stamp
	if err := json.Unmarshal(data, &s); err != nil || s.Source != source || s.Toolchain != tools.fingerprint {
		return false
	}
	now := time.Now().UnixNano()
	if built := statFile(binary); built != s.Binary {
		return false
	}
	touched := false
	for i := range s.Files {
		same, t := s.Files[i].unchanged(s.Made)
		if !same {
			return false
		}
		touched = touched || t
	}
	for i := range s.Folders {
		same, t := s.Folders[i].unchanged(s.Made)
		if !same {
			return false
		}
		touched = touched || t
	}
	if touched {
		// Next time the stat calls will do. A failure to write costs only that.
		s.Made = now
		_ = s.save(folder)
	}
	return true
}

// unchanged compares the file with its stamp, which it corrects if only the time has changed or was in doubt; then touched is true.
func (f *fileStamp) unchanged(made int64) (same, touched bool) {
	now := statFile(f.Path)
	now.Hash = f.Hash
	if now == *f && (f.Size < 0 || f.ModTime < made-int64(doubtful)) {
		return true, false
	}
	if now.Size != f.Size || f.Size < 0 {
		return false, false
	}
	if sum, err := hashFile(f.Path); err != nil || sum != f.Hash {
		return false, false
	}
	*f = now
	return true, true
}

func (f *folderStamp) unchanged(made int64) (same, touched bool) {
	info, err := os.Stat(f.Path)
	if err != nil {
		return false, false
	}
	modTime := info.ModTime().UnixNano()
	if modTime == f.ModTime && modTime < made-int64(doubtful) {
		return true, false
	}
	if hashNames(f.Path, f.All) != f.Names {
		return false, false
	}
	f.ModTime = modTime
	return true, true
}

func statFile(path string) fileStamp {
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{Path: path, Size: -1}
	}
	return fileStamp{Path: path, Size: info.Size(), ModTime: info.ModTime().UnixNano()}
}

// sourceExtensions are those that the go command looks at (go help packages, go/build).
var sourceExtensions = []string{".c", ".cc", ".cpp", ".cxx", ".f", ".F", ".f90", ".for", ".go", ".h", ".hh", ".hpp", ".hxx", ".m", ".s", ".S", ".swig", ".swigcxx", ".sx", ".syso"}

// hashNames is the hash of the names in a folder; "" if it cannot be read.
func hashNames(folder string, all bool) string {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return ""
	}
	sum := sha256.New()
	for _, entry := range entries { // sorted by name
		name := entry.Name()
		source := !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "_") && !strings.HasSuffix(name, "_test.go") &&
			slices.Contains(sourceExtensions, filepath.Ext(name))
		if all || source {
			_, _ = io.WriteString(sum, name+"\x00")
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// listedPackage is what `go list -json` says of a package, as far as it matters here.
type listedPackage struct {
	Dir        string
	Standard   bool
	EmbedFiles []string
	Module     *listedModule

	GoFiles, IgnoredGoFiles, IgnoredOtherFiles, CgoFiles, CFiles, CXXFiles, MFiles, HFiles, FFiles, SFiles, SwigFiles, SwigCXXFiles, SysoFiles []string
}

type listedModule struct {
	Dir, GoMod string
	Replace    *listedModule
}

const listedFields = "Dir,Standard,EmbedFiles,Module,GoFiles,IgnoredGoFiles,IgnoredOtherFiles,CgoFiles,CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles,SwigFiles,SwigCXXFiles,SysoFiles"

// newStamp lists the inputs of a build of source as they are now.
func (h *Host) newStamp(source string, tools toolchain) (*stamp, error) {
	s := &stamp{Source: source, Toolchain: tools.fingerprint, Made: time.Now().UnixNano()}
	out, err := h.goCommand(source, tools, "env", "-json", "GOMODCACHE", "GOWORK", "GOENV")
	if err != nil {
		return nil, err
	}
	var env struct{ GOMODCACHE, GOWORK, GOENV string }
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, err
	}
	out, err = h.goCommand(source, tools, "list", "-deps", buildFlags[0], "-json="+listedFields, ".")
	if err != nil {
		return nil, err
	}
	files, folders := map[string]bool{}, map[string]bool{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if p.Standard || within(env.GOMODCACHE, p.Dir) {
			continue
		}
		p.inputs(files, folders)
	}
	addSettings(files, source, env.GOWORK, env.GOENV)
	return s, s.look(files, folders)
}

// inputs adds p's files and folders.
func (p *listedPackage) inputs(files, folders map[string]bool) {
	if !folders[p.Dir] { // it may be known as a folder of embedded files
		folders[p.Dir] = false
	}
	for _, list := range [][]string{
		p.GoFiles, p.IgnoredGoFiles, p.IgnoredOtherFiles, p.CgoFiles, p.CFiles, p.CXXFiles, p.MFiles, p.HFiles, p.FFiles, p.SFiles,
		p.SwigFiles, p.SwigCXXFiles, p.SysoFiles, p.EmbedFiles,
	} {
		for _, name := range list {
			files[filepath.Join(p.Dir, name)] = true
		}
	}
	for _, name := range p.EmbedFiles {
		folders[filepath.Dir(filepath.Join(p.Dir, name))] = true
	}
	module := p.Module
	if module != nil && module.Replace != nil {
		module = module.Replace
	}
	if module != nil && module.GoMod != "" {
		root := filepath.Dir(module.GoMod)
		for _, name := range []string{module.GoMod, filepath.Join(root, "go.sum"), filepath.Join(root, "vendor", "modules.txt")} {
			files[name] = true
		}
	}
}

// addSettings adds the files, absent ones too, that decide which module and workspace source belongs to and how it is built.
func addSettings(files map[string]bool, source, work, settings string) {
	if settings != "" && settings != "off" {
		files[settings] = true
	}
	if work != "" && work != "off" {
		files[work] = true
		files[work+".sum"] = true
	}
	for folder := source; ; folder = filepath.Dir(folder) {
		files[filepath.Join(folder, "go.work")] = true
		if folder == filepath.Dir(folder) {
			return
		}
	}
}

// look takes the stamp of every file and folder.
func (s *stamp) look(files, folders map[string]bool) error {
	for path := range files {
		f := statFile(path)
		if f.Size >= 0 {
			var err error
			if f.Hash, err = hashFile(path); err != nil {
				return err
			}
		}
		s.Files = append(s.Files, f)
	}
	for path, all := range folders {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		s.Folders = append(s.Folders, folderStamp{path, all, info.ModTime().UnixNano(), hashNames(path, all)})
	}
	return nil
}

// write completes the stamp with the binary and saves it.
func (s *stamp) write(folder, binary string) error {
	s.Binary = statFile(binary)
	return s.save(folder)
}

func (s *stamp) save(folder string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(folder, stampName+"-")
	if err != nil {
		return err
	}
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), filepath.Join(folder, stampName))
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
	}
	return err
}

// within reports whether path lies in folder.
func within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return folder != "" && err == nil && filepath.IsLocal(rel)
}

package stack

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	_ "embed" // the runtime clients
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/value"
)

// code is what the function host runs for a function: one of the two.
type code struct {
	source string // the folder of a Go main package
	binary string // an executable that speaks the Runtime API

	shown string // where the code lies, for people: relative to the project
	watch string // the file or folder whose changes change the function

	layers []string // the folders of its layers
}

// stamp is another one when the code or a layer changes.
func (c *code) stamp() string {
	stamp := folderStamp(c.watch)
	for _, layer := range c.layers {
		stamp += folderStamp(layer)
	}
	return stamp
}

//go:embed runtimes/node.mjs
var nodeRuntime []byte

//go:embed runtimes/python.py
var pythonRuntime []byte

// interpreter is a language whose functions run under a runtime client of ours.
type interpreter struct {
	prefix   string   // of the runtime's name
	commands []string // programs to look for
	ask      []string // arguments with which the program tells where it really is: version managers put a script in its place
	client   []byte   // the runtime client
	file     string   // the client's name
	inline   string   // what code in the template is called
	path     string   // the variable with the folders of modules
	modules  string   // where a layer has its modules (developer guide, "Packaging your layer content")
	unbuilt  string   // where they are in a folder that SAM would build the layer of
}

// interpreters is the table of the languages whose functions are interpreted.
func interpreters() []interpreter {
	return []interpreter{
		{"nodejs", []string{"node", "nodejs"}, []string{"-p", "process.execPath"}, nodeRuntime, "node.mjs", "index.js", "NODE_PATH", "nodejs/node_modules", "node_modules"},
		{"python", []string{"python3", "python"}, []string{"-c", "import sys; print(sys.executable)"}, pythonRuntime, "python.py", "index.py", "PYTHONPATH", "python", "."},
	}
}

// codeOf finds a function's code and makes it something that the host can run.
func (s *Stack) codeOf(u *unit, r *cfn.Resource) (code, error) {
	p := r.Read()
	runtimeName := p.String("Runtime")
	given := p.Value("Code")
	if o, ok := given.(*value.Object); ok {
		if _, isImage := o.Get("ImageUri"); isImage && metadata(r, sourceMetadata) == "" {
			return code{}, errors.New("its code is a container image, and containers are not run here")
		}
		if inline, ok := o.Get("ZipFile"); ok && metadata(r, sourceMetadata) == "" {
			text, _ := inline.(value.String)
			return s.inlineCode(r, runtimeName, string(text))
		}
	}
	path, err := u.located(s.cfg.Project, r, "Code", given, "S3Bucket", "S3Key")
	if err != nil {
		return code{}, err
	}
	c := code{shown: shownPath(s.cfg.Project, path), watch: path}
	folder, err := s.unpacked(path)
	if err != nil {
		return c, fmt.Errorf("%s: %w", c.shown, err)
	}
	for _, i := range interpreters() {
		if strings.HasPrefix(runtimeName, i.prefix) {
			c.layers = s.layersOf(r)
			c.binary, err = s.launcher(r.Name, i, folder, c.layers)
			return c, err
		}
	}
	return s.compiled(c, folder, runtimeName)
}

// compiled finds what runs without an interpreter: Go source, or a bootstrap that is ready.
func (s *Stack) compiled(c code, folder, runtimeName string) (code, error) {
	if !strings.HasPrefix(runtimeName, "provided") && runtimeName != "go1.x" && runtimeName != "" {
		return c, fmt.Errorf("functions of the runtime %s do not run here; Go, nodejs*, python* and any bootstrap do", runtimeName)
	}
	if sources, _ := filepath.Glob(filepath.Join(escapeGlob(folder), "*.go")); len(sources) > 0 {
		c.source = folder
		return c, nil
	}
	for _, name := range []string{"bootstrap", "main"} {
		binary := filepath.Join(folder, name)
		if info, err := os.Stat(binary); err == nil && info.Mode().IsRegular() {
			if err := runnable(binary); err != nil {
				return c, fmt.Errorf("%s: %w", shownPath(s.cfg.Project, binary), err)
			}
			c.binary = binary
			return c, nil
		}
	}
	return c, fmt.Errorf("%s has neither Go source nor a bootstrap", c.shown)
}

// escapeGlob takes the meaning from a path's wildcards.
func escapeGlob(path string) string {
	if os.PathSeparator == '\\' {
		return path
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// runnable says why an executable cannot be run on this computer: it is mostly built for Lambda's.
func runnable(path string) error {
	file, err := elf.Open(path)
	if err != nil {
		return nil // a script, or what another system runs
	}
	defer func() { _ = file.Close() }()
	machines := map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}
	if arch := machines[file.Machine]; runtime.GOOS != "linux" || arch != runtime.GOARCH {
		return fmt.Errorf("the bootstrap is built for linux/%s, and this computer is %s/%s", arch, runtime.GOOS, runtime.GOARCH)
	}
	return nil
}

// launcher writes the program that starts an interpreter on a function's folder, with those of its layers.
func (s *Stack) launcher(name string, i interpreter, folder string, layers []string) (string, error) {
	if runtime.GOOS == "windows" {
		return "", fmt.Errorf("functions of the runtimes %s* do not run on Windows", i.prefix)
	}
	program, err := s.interpreterPath(i)
	if err != nil {
		return "", err
	}
	client, err := s.write(filepath.Join("runtimes", i.file), i.client, 0o600)
	if err != nil {
		return "", err
	}
	paths := ""
	if len(layers) > 0 {
		paths = fmt.Sprintf("export %s=%s${%s:+:$%s}\n", i.path, quoted(i.layerPath(layers)), i.path, i.path)
	}
	script := fmt.Sprintf("#!/bin/sh\ncd %s || exit 1\nexport LAMBDA_TASK_ROOT=\"$PWD\"\n%sexec %s %s\n", quoted(folder), paths, quoted(program), quoted(client))
	// The folder's name is the function's and the script's, so that a changed launcher is another binary.
	sum := sha256.Sum256([]byte(script))
	return s.write(filepath.Join("launchers", name+"-"+hex.EncodeToString(sum[:6]), "bootstrap"), []byte(script), 0o700)
}

// quoted is a word for the shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// interpreterPath finds an interpreter, once.
func (s *Stack) interpreterPath(i interpreter) (string, error) {
	if path, ok := s.programs[i.prefix]; ok {
		return path, nil
	}
	for _, command := range i.commands {
		found, err := exec.LookPath(command)
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		out, err := exec.CommandContext(ctx, found, i.ask...).Output()
		cancel()
		if path := strings.TrimSpace(string(out)); err == nil && filepath.IsAbs(path) {
			s.programs[i.prefix] = path
			return path, nil
		}
	}
	return "", fmt.Errorf("its runtime needs %s, which is not installed here", i.commands[0])
}

// write writes a file below the data folder, unless it is there already with that content.
func (s *Stack) write(relative string, content []byte, mode fs.FileMode) (string, error) {
	path := filepath.Join(s.cfg.Data, relative)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	// A new file, since a running process may have the old one open.
	if err := os.WriteFile(path+".new", content, mode); err != nil {
		return "", err
	}
	return path, os.Rename(path+".new", path)
}

// inlineCode writes code that stands in the template to a folder of its own.
func (s *Stack) inlineCode(r *cfn.Resource, runtimeName, text string) (code, error) {
	for _, i := range interpreters() {
		if !strings.HasPrefix(runtimeName, i.prefix) {
			continue
		}
		// Changed code must be another folder, so that processes of the old one end.
		sum := sha256.Sum256([]byte(text))
		file, err := s.write(filepath.Join("inline", r.Name+"-"+hex.EncodeToString(sum[:6]), i.inline), []byte(text), 0o600)
		if err != nil {
			return code{}, err
		}
		layers := s.layersOf(r)
		binary, err := s.launcher(r.Name, i, filepath.Dir(file), layers)
		return code{binary: binary, layers: layers}, err
	}
	return code{}, fmt.Errorf("code in the template runs under nodejs* and python*, not under %q", runtimeName)
}

// Lambda's limit for unpacked code (developer guide, "Lambda quotas"), and one of ours.
const (
	maxUnpacked = 250 << 20
	maxEntries  = 100_000
)

// unpacked returns a folder as it is, and for a zip file the folder that it is unpacked into.
func (s *Stack) unpacked(path string) (string, error) {
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return path, err
	}
	return s.unpack(path)
}

// unpack unpacks a zip file into a folder that is named after its content, and returns that.
func (s *Stack) unpack(path string) (string, error) {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return "", fmt.Errorf("it is neither a folder nor a zip file: %w", err)
	}
	defer func() { _ = archive.Close() }()
	digest, err := fileDigest(path)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(s.cfg.Data, "code", digest)
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	if len(archive.File) > maxEntries {
		return "", fmt.Errorf("it has %d entries; %d are read at most", len(archive.File), maxEntries)
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return "", err
	}
	unpacking, err := os.MkdirTemp(filepath.Dir(folder), ".unpacking-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(unpacking) }()
	left := int64(maxUnpacked)
	for _, entry := range archive.File {
		written, err := unpackEntry(unpacking, entry, left)
		if err != nil {
			return "", fmt.Errorf("%s: %w", entry.Name, err)
		}
		left -= written
	}
	if err := os.Rename(unpacking, folder); err != nil {
		return "", err
	}
	return folder, nil
}

// unpackEntry writes one entry of a zip file, of at most limit bytes.
func unpackEntry(folder string, entry *zip.File, limit int64) (int64, error) {
	name := strings.TrimSuffix(filepath.FromSlash(entry.Name), string(filepath.Separator))
	if !filepath.IsLocal(name) {
		return 0, errors.New("the path leaves the archive")
	}
	path := filepath.Join(folder, name)
	if entry.FileInfo().IsDir() {
		return 0, os.MkdirAll(path, 0o700)
	}
	if !entry.Mode().IsRegular() {
		return 0, errors.New("it is neither a file nor a folder")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return 0, err
	}
	from, err := entry.Open()
	if err != nil {
		return 0, err
	}
	defer func() { _ = from.Close() }()
	mode := fs.FileMode(0o600)
	if entry.Mode()&0o111 != 0 || name == "bootstrap" {
		mode = 0o700
	}
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, mode)
	if err != nil {
		return 0, err
	}
	written, err := io.Copy(to, io.LimitReader(from, limit+1))
	if err = errors.Join(err, to.Close()); err == nil && written > limit {
		err = fmt.Errorf("unpacked, the code has more than %d bytes", maxUnpacked)
	}
	return written, err
}

func fileDigest(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)[:16]), nil
}

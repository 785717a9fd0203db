package lambda

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// BuildState is how far a build has come.
type BuildState string

// The states of a build. It begins with BuildStarted, unless nothing has changed, and ends with one of the others.
const (
	BuildStarted  BuildState = "started"    // the go command runs
	BuildUpToDate BuildState = "up to date" // nothing has changed since the last build
	BuildDone     BuildState = "built"      // there is a new binary
	BuildFailed   BuildState = "failed"     // Err says why
)

// BuildEvent is the progress of one function's build.
type BuildEvent struct {
	Function string // the name
	Version  string
	State    BuildState
	Duration time.Duration // since the build began, in which it may have waited for others; 0 for BuildStarted
	Err      error         // a *BuildError, for BuildFailed
}

// BuildError says that a function does not build.
type BuildError struct {
	Function string
	Source   string         // its folder
	Output   string         // what the go command said
	Problems []BuildProblem // the same, as far as it names places
	Err      error          // what became of the go command
}

// BuildProblem is one complaint of the compiler.
type BuildProblem struct {
	File         string // absolute
	Line, Column int    // from 1; a column of 0 is not known
	Message      string
}

func (e *BuildError) Error() string {
	what := e.Output
	if what == "" {
		what = e.Err.Error()
	}
	return fmt.Sprintf("build of the function %s in %s failed:\n%s", e.Function, e.Source, what)
}

func (e *BuildError) Unwrap() error { return e.Err }

// maxBuildOutput bounds what is kept of the go command's complaints.
const maxBuildOutput = 64 << 10

// buildRun is a build under way. After done is closed, err does not change.
type buildRun struct {
	done chan struct{}
	err  error
}

// Build builds the named functions' versions with a Source, or all of them if none is named, as many at a time as there are CPUs.
// The error joins a *BuildError for each that failed; the others are built all the same. An unknown name is an *Error.
//
// A function whose sources have not changed is not built again (see stamp). One whose binary has changed gets new processes, as
// after Register. One that fails to build answers invocations with ResourceConflictException until a build succeeds.
//
// Calling Build is not required: Invoke builds what has never been built.
func (h *Host) Build(ctx context.Context, names ...string) error {
	h.mu.Lock()
	var versions []*version
	var errs []error
	if len(names) == 0 {
		for _, fn := range h.functions {
			for _, v := range fn.versions {
				versions = append(versions, v)
			}
		}
	}
	for _, name := range names {
		v, _, err := h.resolve(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		versions = append(versions, v)
	}
	versions = slices.DeleteFunc(versions, func(v *version) bool { return v.Source == "" })
	h.mu.Unlock()
	slices.SortFunc(versions, func(a, b *version) int { return strings.Compare(a.folder(), b.folder()) })
	versions = slices.Compact(versions)

	results := make(chan error, len(versions))
	for _, v := range versions {
		go func() { results <- h.build(ctx, v) }()
	}
	for range versions {
		errs = append(errs, <-results)
	}
	slices.SortStableFunc(errs, func(a, b error) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return errors.Join(errs...)
}

// build builds v from its sources as they are now, or returns ctx's error; then the build goes on for whoever comes next.
func (h *Host) build(ctx context.Context, v *version) error {
	for {
		run, mine := h.joinBuild(v)
		if run == nil {
			return ErrClosed
		}
		select {
		case <-run.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if mine {
			return run.err
		}
		// It may have begun before the latest change.
	}
}

// awaitBuild returns when v has a binary, or says in an *Error why it has none.
func (h *Host) awaitBuild(ctx context.Context, v *version) error {
	for {
		h.mu.Lock()
		built, buildErr := v.built, v.buildErr
		h.mu.Unlock()
		if buildErr != nil {
			err := newError(CodeResourceConflict, "The operation cannot be performed at this time. "+
				"The function is currently in the following state: Failed. The %v", buildErr)
			err.Err = buildErr
			return err
		}
		if built {
			return nil
		}
		run, _ := h.joinBuild(v)
		if run == nil {
			return ErrClosed
		}
		select {
		case <-run.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// joinBuild is the build of v under way, or a new one, which is then mine; nil if the host is closed.
func (h *Host) joinBuild(v *version) (run *buildRun, mine bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, false
	}
	if v.building == nil {
		v.building, mine = &buildRun{done: make(chan struct{})}, true
		f := v.Function
		h.background.Go(func() { h.runBuild(v, f) })
	}
	return v.building, mine
}

// runBuild builds f and makes the result v's, unless v has been given other sources meanwhile.
func (h *Host) runBuild(v *version, f Function) {
	binary, err := h.buildFunction(f)
	built := statFile(binary)
	h.mu.Lock()
	defer h.mu.Unlock()
	run := v.building
	v.building = nil
	run.err = err
	if v.Source == f.Source && !errors.Is(err, context.Canceled) {
		v.built, v.binary, v.buildErr = err == nil, binary, err
		if err == nil && v.binaryStamp != built {
			v.binaryStamp = built
			h.retire(v)
		}
	}
	close(run.done)
}

// buildFunction builds f if need be. A binary that comes out the same is not touched.
func (h *Host) buildFunction(f Function) (binary string, err error) {
	began := time.Now()
	report := func(state BuildState, err error) {
		event := BuildEvent{Function: f.Name, Version: f.Version, State: state, Err: err}
		if state != BuildStarted {
			event.Duration = time.Since(began)
		}
		h.cfg.OnBuild(event)
	}
	folder := filepath.Join(h.cfg.Dir, "functions", f.folder())
	binary = filepath.Join(folder, "bootstrap")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	select {
	case h.buildSlots <- struct{}{}:
		defer func() { <-h.buildSlots }()
	case <-h.ctx.Done():
		return "", h.ctx.Err()
	}

	tools, err := h.toolchain()
	if err == nil && fresh(folder, binary, f.Source, tools) {
		report(BuildUpToDate, nil)
		return binary, nil
	}
	report(BuildStarted, nil)
	if err == nil {
		err = h.compile(f, tools, folder, binary)
	}
	switch {
	case h.ctx.Err() != nil:
		return "", h.ctx.Err()
	case err != nil:
		err = asBuildError(f, err)
		report(BuildFailed, err)
		return "", err
	}
	report(BuildDone, nil)
	return binary, nil
}

// buildFlags are what the Lambda documentation recommends for Go on an OS-only runtime, and what makes the output depend on
// nothing but the sources: then an edit of a comment gives the same binary, and warm processes stay.
var buildFlags = []string{"-tags=lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="}

// compile builds f into a temporary file, puts that in the place of binary and writes the stamp. The list of inputs is made before
// the build, so that a change during the build makes the stamp out of date rather than wrong.
func (h *Host) compile(f Function, tools toolchain, folder, binary string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	stamp, stampErr := h.newStamp(f.Source, tools)
	scratch, err := os.MkdirTemp(folder, "build-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	output := filepath.Join(scratch, filepath.Base(binary))
	args := append([]string{"build"}, buildFlags...)
	if _, err := h.goCommand(f.Source, tools, append(args, "-o", output, ".")...); err != nil {
		return err
	}
	if info, err := os.Stat(output); err != nil || info.IsDir() || info.Mode()&0o100 == 0 && runtime.GOOS != "windows" {
		return errors.New("the folder does not hold a main package")
	}
	sum, err := hashFile(output)
	if err != nil {
		return err
	}
	if old, err := hashFile(binary); err != nil || old != sum {
		if err := replaceFile(output, binary); err != nil {
			return err
		}
	}
	if stampErr == nil {
		stampErr = stamp.write(folder, binary)
	}
	if stampErr != nil {
		removeStamp(folder) // the next build will not be skipped; nothing worse
	}
	return nil
}

// toolchain is the go command, and what of its surroundings a build depends on.
type toolchain struct {
	path        string
	fingerprint string
}

// buildVariables are the environment variables that change what a build makes of the same sources.
var buildVariables = []string{"GOAMD64", "GOARM64", "GOENV", "GOEXPERIMENT", "GOFIPS140", "GOFLAGS", "GOMODCACHE", "GOPATH", "GOROOT", "GOTOOLCHAIN", "GOWORK"}

func findToolchain(name string) (toolchain, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return toolchain{}, fmt.Errorf("find the go command, which builds the functions: %w; install Go, or name the command in the configuration", err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return toolchain{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return toolchain{}, err
	}
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, path, info.Size(), info.ModTime().UnixNano(), runtime.GOOS, runtime.GOARCH, buildFlags)
	for _, variable := range buildVariables {
		_, _ = fmt.Fprintf(sum, "%s=%q\n", variable, os.Getenv(variable))
	}
	return toolchain{path, hex.EncodeToString(sum.Sum(nil))}, nil
}

// goError is a go command that failed, with what it said.
type goError struct {
	output string
	err    error
}

func (e *goError) Error() string { return e.err.Error() + "\n" + e.output }

// goCommand runs the go command in folder, for this machine, and returns its standard output.
func (h *Host) goCommand(folder string, tools toolchain, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(h.ctx, tools.path, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "PWD="+folder)
	// A go command that was told to stop may leave a compiler behind that holds the pipe.
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, &goError{output: stderr.String(), err: fmt.Errorf("go %s: %w", args[0], err)}
	}
	return stdout.Bytes(), nil
}

// problemPattern is how the go command names a place: file:line:column: message, with the column left out at times.
var problemPattern = regexp.MustCompile(`(?m)^(?:vet: )?([^\s:][^:\n]*\.\w+):(\d+)(?::(\d+))?: (.+)$`)

func asBuildError(f Function, err error) *BuildError {
	b := &BuildError{Function: f.Name, Source: f.Source, Err: err}
	var command *goError
	if !errors.As(err, &command) {
		return b
	}
	b.Err = command.err
	b.Output = strings.TrimSpace(command.output)
	if len(b.Output) > maxBuildOutput {
		b.Output = strings.ToValidUTF8(b.Output[:maxBuildOutput], "") + "\n..."
	}
	for _, m := range problemPattern.FindAllStringSubmatch(b.Output, -1) {
		problem := BuildProblem{File: m[1], Message: m[4]}
		if !filepath.IsAbs(problem.File) {
			problem.File = filepath.Join(f.Source, problem.File)
		}
		problem.Line, _ = strconv.Atoi(m[2]) // digits; a number too large for a line is no line
		problem.Column, _ = strconv.Atoi(m[3])
		b.Problems = append(b.Problems, problem)
	}
	return b
}

// replaceFile moves from to to. Processes that run the old file go on running it.
func replaceFile(from, to string) error {
	err := os.Rename(from, to)
	if err == nil || runtime.GOOS != "windows" || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Windows does not replace a program that runs, but lets it be moved out of the way.
	if err := os.Rename(to, to+".old-"+newSecret()); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

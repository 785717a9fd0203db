//go:build unix

package lambda

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/await"
)

// builds records what OnBuild hears.
type builds struct {
	mu     sync.Mutex
	events []BuildEvent
}

func (b *builds) on(event BuildEvent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, event)
}

// take returns and forgets the states so far, each after its function's name.
func (b *builds) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var states []string
	for _, event := range b.events {
		states = append(states, event.Function+" "+string(event.State))
	}
	b.events = nil
	slices.Sort(states)
	return states
}

func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// settle gives everything in dir a time long ago, so that stat calls alone decide.
func settle(t testing.TB, dir string) {
	t.Helper()
	long := time.Now().Add(-time.Hour)
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chtimes(path, long, long))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A program that speaks no Runtime API is enough where only the building counts.
var module = map[string]string{
	"go.mod":                "module example.com/shop\n\ngo 1.24\n",
	"orders/main.go":        "package main\n\nimport (\n\t_ \"embed\"\n\n\t\"example.com/shop/price\"\n)\n\n//go:embed data/rates.txt\nvar rates string\n\nfunc main() { println(price.Of(rates), rates) }\n",
	"orders/data/rates.txt": "1\n",
	"price/price.go":        "package price\n\nfunc Of(string) int { return 1 }\n",
}

func TestBuildStamps(t *testing.T) {
	b := &builds{}
	h, _ := newHost(t, Config{OnBuild: b.on})
	dir := t.TempDir()
	write(t, dir, module)
	settle(t, dir)
	register(t, h, Function{Name: "orders", Source: filepath.Join(dir, "orders")})
	binary := filepath.Join(h.cfg.Dir, "functions", "orders", "bootstrap")

	for _, step := range []struct {
		name  string
		do    func()
		built bool // with the go command
		other bool // the binary is another one
	}{
		{"the first time", func() {}, true, true},
		{"nothing has changed", func() {}, false, false},
		{"times have changed", func() {
			write(t, dir, map[string]string{"price/price.go": module["price/price.go"], "go.mod": module["go.mod"]})
		}, false, false},
		{"a package it imports has changed", func() {
			write(t, dir, map[string]string{"price/price.go": "package price\n\nfunc Of(string) int { return 2 }\n"})
		}, true, true},
		{"a change of the same size at the same time", func() {
			write(t, dir, map[string]string{"price/price.go": "package price\n\nfunc Of(string) int { return 3 }\n"})
			now := time.Now()
			for _, name := range []string{"price/price.go"} {
				if err := os.Chtimes(filepath.Join(dir, name), now, now); err != nil {
					t.Fatal(err)
				}
			}
		}, true, true},
		{"a comment", func() {
			write(t, dir, map[string]string{"price/price.go": "package price\n\nfunc Of(string) int { return 3 } // three\n"})
		}, true, false},
		{"an embedded file", func() { write(t, dir, map[string]string{"orders/data/rates.txt": "2\n"}) }, true, true},
		{"a file beside an embedded one", func() { write(t, dir, map[string]string{"orders/data/more.txt": "2\n"}) }, true, false},
		{"a new source file", func() {
			write(t, dir, map[string]string{"price/init.go": "package price\n\nfunc init() { println(\"init\") }\n"})
		}, true, true},
		{"a test", func() { write(t, dir, map[string]string{"price/price_test.go": "package price\n"}) }, false, false},
		{"the module", func() { write(t, dir, map[string]string{"go.mod": module["go.mod"] + "// more\n"}) }, true, false},
		{"a workspace", func() { write(t, dir, map[string]string{"go.work": "go 1.24\n\nuse .\n"}) }, true, false},
		{"a file that is gone", func() {
			if err := os.Remove(filepath.Join(dir, "price/init.go")); err != nil {
				t.Fatal(err)
			}
		}, true, true},
		{"the binary is gone", func() {
			if err := os.Remove(binary); err != nil {
				t.Fatal(err)
			}
		}, true, true},
		{"the stamp is damaged", func() { write(t, filepath.Dir(binary), map[string]string{stampName: "{"}) }, true, false},
	} {
		t.Run(step.name, func(t *testing.T) {
			before := statFile(binary)
			step.do()
			if err := h.Build(await.Context(t)); err != nil {
				t.Fatal(err)
			}
			want := []string{"orders up to date"}
			if step.built {
				want = []string{"orders built", "orders started"}
			}
			if got := b.take(); !slices.Equal(got, want) {
				t.Errorf("events %q, want %q", got, want)
			}
			if other := statFile(binary) != before; other != step.other {
				t.Errorf("another binary: %v, want %v", other, step.other)
			}
		})
	}
}

func TestBuildErrors(t *testing.T) {
	b := &builds{}
	h, _ := newHost(t, Config{OnBuild: b.on})
	broken, err := filepath.Abs("testdata/broken")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, module)
	register(t, h, Function{Name: "broken", Source: broken})
	register(t, h, Function{Name: "library", Source: filepath.Join(dir, "price")})
	register(t, h, Function{Name: "missing", Source: filepath.Join(dir, "missing")})
	register(t, h, Function{Name: "orders", Source: filepath.Join(dir, "orders")})
	err = h.Build(await.Context(t))
	for _, want := range []string{
		"build of the function broken in " + broken + " failed:\n# ", "./main.go:5:2: undefined: undefinedFunction",
		"build of the function library", "does not hold a main package",
		"build of the function missing",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Build = %v\nwant it to contain %q", err, want)
		}
	}
	want := []string{"broken failed", "broken started", "library failed", "library started", "missing failed", "missing started", "orders built", "orders started"}
	if got := b.take(); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}

	_, err = h.Invoke(await.Context(t), Invocation{Function: "broken"})
	e := wantCode(t, err, CodeResourceConflict)
	var build *BuildError
	if !strings.Contains(e.Message, "undefined: undefinedFunction") || !errors.As(err, &build) || build.Function != "broken" {
		t.Errorf("Invoke = %v", err)
	}
	problem := BuildProblem{File: filepath.Join(broken, "main.go"), Line: 5, Column: 2, Message: "undefined: undefinedFunction"}
	if len(build.Problems) != 1 || build.Problems[0] != problem {
		t.Errorf("problems %+v, want %+v", build.Problems, problem)
	}
	_ = wantCode(t, h.Build(await.Context(t), "nobody"), CodeResourceNotFound)
}

func TestBuildWithoutGo(t *testing.T) {
	h, _ := newHost(t, Config{Go: "no-such-go-command"})
	register(t, h, Function{Name: "f", Source: t.TempDir()})
	if err := h.Build(await.Context(t)); err == nil || !strings.Contains(err.Error(), "install Go") {
		t.Errorf("Build = %v", err)
	}
}

// The loop of someone who writes a function: it works, it breaks, it is mended, and no step needs more than Build.
func TestEditLoop(t *testing.T) {
	h, _ := newHost(t, Config{})
	dir := t.TempDir()
	program := func(answer string) map[string]string {
		return map[string]string{"go.mod": "module example.com/f\n\ngo 1.24\n", "main.go": strings.ReplaceAll(bareFunction, "ANSWER", answer)}
	}
	write(t, dir, program(`"one"`))
	register(t, h, Function{Name: "f", Source: dir})
	if got := invoke(t, h, "f", `{}`); string(got.Payload) != `"one"` { // without Build before
		t.Fatalf("%s %s", got.Payload, got.LogTail)
	}
	write(t, dir, program("` + undefined + `"))
	if err := h.Build(await.Context(t), "f"); err == nil {
		t.Error("nonsense compiles")
	}
	_, err := h.Invoke(await.Context(t), Invocation{Function: "f"})
	_ = wantCode(t, err, CodeResourceConflict)
	write(t, dir, program(`"two"`))
	if err := h.Build(await.Context(t), "f"); err != nil {
		t.Fatal(err)
	}
	if got := invoke(t, h, "f", `{}`); string(got.Payload) != `"two"` {
		t.Errorf("after the edit: %s", got.Payload)
	}
	cold := processes(h)
	if err := h.Build(await.Context(t), "f"); err != nil {
		t.Fatal(err)
	}
	if got := invoke(t, h, "f", `{}`); got.Report.InitDuration != 0 || processes(h) > cold {
		t.Error("a build without a change costs the warm process")
	}
}

// bareFunction is a function of the standard library alone.
const bareFunction = `package main

import (
	"net/http"
	"os"
	"strings"
)

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		next, err := http.Get(api + "next")
		if err != nil {
			os.Exit(1)
		}
		next.Body.Close()
		url := api + next.Header.Get("Lambda-Runtime-Aws-Request-Id") + "/response"
		answer, err := http.Post(url, "application/json", strings.NewReader(` + "`ANSWER`" + `))
		if err != nil {
			os.Exit(1)
		}
		answer.Body.Close()
	}
}
`

func TestBuildIsCancelled(t *testing.T) {
	h, _ := newHost(t, Config{})
	dir := t.TempDir()
	write(t, dir, module)
	register(t, h, Function{Name: "orders", Source: filepath.Join(dir, "orders")})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.Build(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Build with a context that has ended = %v", err)
	}
	if err := h.Close(); err != nil { // does not wait for the go command to finish
		t.Fatal(err)
	}
	if err := h.Build(await.Context(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("Build after Close = %v", err)
	}
}

func FuzzBuildError(f *testing.F) {
	f.Add("# example.com/shop/orders\n./main.go:5:2: undefined: x\n../price/price.go:7: too many errors\n")
	f.Add("main.go:3:8: package nowhere is not in std\n")
	f.Fuzz(func(t *testing.T, output string) {
		e := asBuildError(Function{Name: "f", Source: "/src/f"}, &goError{output: output, err: errors.New("exit status 1")})
		for _, problem := range e.Problems {
			if !filepath.IsAbs(problem.File) || problem.Line < 0 || problem.Message == "" {
				t.Errorf("%q: %+v", output, problem)
			}
		}
		if !strings.Contains(e.Error(), "/src/f") || len(e.Output) > maxBuildOutput+4 {
			t.Errorf("%q: %q", output, e.Error())
		}
	})
}

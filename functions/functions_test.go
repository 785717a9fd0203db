package functions_test

import (
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tutti-run/tutti/events"
	"github.com/tutti-run/tutti/internal/schema"
	"github.com/tutti-run/tutti/schemas"
)

// functions returns the names of all functions: the folders here with a main.go.
func functions(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob("*/main.go")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no functions found: %v", err)
	}
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = filepath.Dir(file)
	}
	return names
}

// Every function has a contract that compiles, and a sample event that keeps it.
func TestEveryFunctionHasAContract(t *testing.T) {
	for _, name := range functions(t) {
		t.Run(name, func(t *testing.T) {
			input, err := schema.Compile(schemas.FS, name+".input.schema.json")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := schema.Compile(schemas.FS, name+".output.schema.json"); err != nil {
				t.Error(err)
			}
			event, err := fs.ReadFile(events.FS, name+".json")
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range input.Validate(event) {
				t.Errorf("events/%s.json: %s", name, v)
			}
		})
	}
}

// build makes the binary of package path as it is made for Lambda.
func build(b *testing.B, path string) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "bootstrap")
	command := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", binary, path)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		b.Fatalf("build %s: %v\n%s", path, err, out)
	}
	return binary
}

// BenchmarkColdStart measures from the start of a function's process to its first question for work. The function "bare" does
// nothing but lambda.Start: what the others take beyond it is ours.
func BenchmarkColdStart(b *testing.B) {
	paths := map[string]string{"bare": "./testdata/bare"}
	for _, name := range functions(b) {
		paths[name] = "./" + name
	}
	for name, path := range paths {
		b.Run(name, func(b *testing.B) {
			binary := build(b, path)
			asked := make(chan struct{})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			api := http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				<-r.Context().Done()
			})}
			go func() { _ = api.Serve(l) }() // Ends with Close.
			defer func() { _ = api.Close() }()
			for b.Loop() {
				process := exec.Command(binary)
				process.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + l.Addr().String()}
				if err := process.Start(); err != nil {
					b.Fatal(err)
				}
				<-asked
				b.StopTimer()
				_ = process.Process.Kill()
				_ = process.Wait() // Killed: its status says no more.
				b.StartTimer()
			}
		})
	}
}

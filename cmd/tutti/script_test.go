package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tutti": main})
}

// TestScript runs the scenarios in testdata/script: real processes in a project of their own, whose state machines need no functions. Beside
// testscript's own commands there are:
//
//	exits CODE ARGS...            runs tutti and checks the exit code
//	serve [ARGS...]               runs tutti dev on any free port until the end of the scenario, and waits until it serves
//	beside ARGS...                runs tutti until the end of the scenario, waits until it serves, and puts its endpoint into $ENDPOINT
//	signal NAME CODE REGEX ARGS...  runs tutti, sends it the signal when what it prints matches, and checks the exit code (- for none)
//	taken                         takes a port and puts its number into $PORT
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("TERM", "dumb")
			return os.CopyFS(env.WorkDir, os.DirFS("testdata/project"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "serve": serve, "beside": beside, "signal": signalled, "taken": taken,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg {
		ts.Fatalf("usage: exits CODE ARGS...")
	}
	err = ts.Exec("tutti", args[1:]...)
	if got := exitCode(err); got != want {
		ts.Fatalf("tutti exited with %d, not %d: %v\n%s%s", got, want, err, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

// process is a tutti that runs beside the scenario.
type process struct {
	*exec.Cmd
	lines *bufio.Scanner
	seen  strings.Builder
}

// start runs tutti with both its outputs in one.
func start(ts *testscript.TestScript, args ...string) *process {
	path, err := exec.LookPath("tutti")
	ts.Check(err)
	p := &process{Cmd: exec.Command(path, args...)}
	p.Dir = ts.MkAbs(".")
	p.Env = append(os.Environ(), "TERM=dumb")
	out, in, err := os.Pipe()
	ts.Check(err)
	p.Stdout, p.Stderr = in, in
	p.lines = bufio.NewScanner(out)
	ts.Check(p.Start())
	_ = in.Close() // the process has its own
	ts.Defer(func() {
		_ = out.Close()      // only read
		_ = p.Process.Kill() // it has ended if all went well
		_ = p.Wait()
	})
	return p
}

// await reads until a line matches.
func (p *process) await(ts *testscript.TestScript, pattern string) {
	re, err := regexp.Compile(pattern)
	ts.Check(err)
	for p.lines.Scan() {
		p.seen.WriteString(p.lines.Text() + "\n")
		if re.MatchString(p.lines.Text()) {
			return
		}
	}
	ts.Fatalf("%v ended without a line like %s:\n%s", p.Args, pattern, p.seen.String())
}

// rest reads to the end.
func (p *process) rest() {
	for p.lines.Scan() {
		p.seen.WriteString(p.lines.Text() + "\n")
	}
}

func serve(ts *testscript.TestScript, _ bool, args []string) {
	p := start(ts, append([]string{"dev", "--port", "0"}, args...)...)
	p.await(ts, "Ctrl-C stops")
	ts.Check(os.WriteFile(ts.MkAbs("dev.txt"), []byte(p.seen.String()), 0o600))
	go p.rest()
}

func beside(ts *testscript.TestScript, _ bool, args []string) {
	p := start(ts, args...)
	p.await(ts, "Ctrl-C stops")
	endpoint := regexp.MustCompile(`Endpoint +(\S+)`).FindStringSubmatch(p.seen.String())
	if endpoint == nil {
		ts.Fatalf("no endpoint in:\n%s", p.seen.String())
	}
	ts.Setenv("ENDPOINT", endpoint[1])
	go p.rest()
}

func signalled(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "KILL": os.Kill}
	p := start(ts, args[3:]...)
	p.await(ts, args[2])
	ts.Check(p.Process.Signal(signals[args[0]]))
	p.rest()
	err := p.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("signalled.txt"), []byte(p.seen.String()), 0o600))
	if got := fmt.Sprint(exitCode(err)); args[1] != "-" && got != args[1] {
		ts.Fatalf("exit code %s, not %s:\n%s", got, args[1], p.seen.String())
	}
}

func taken(ts *testscript.TestScript, _ bool, _ []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
	ts.Setenv("PORT", strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
}

// TestReferenceProject runs the project's own workflow with its functions, in this process.
func TestReferenceProject(t *testing.T) {
	if testing.Short() {
		t.Skip("builds functions")
	}
	t.Cleanup(func() { goleak.VerifyNone(t) }) // after all other clean-up
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	demo := demoServer(t)
	var out, trouble strings.Builder
	c := newCLI(strings.NewReader(""), &out, &trouble, os.Environ(), t.TempDir(), time.Now)
	code := c.run(t.Context(), []string{
		"run", "endpoint-watch", "--project", root, "--data", t.TempDir(), "--input",
		`{"endpoints":[{"name":"a","url":"` + demo + `/healthy"},{"name":"b","url":"` + demo + `/healthy"}],"slowMillis":5000}`,
	})
	if code != exitOK || !strings.Contains(out.String(), `"worst":"healthy"`) || !strings.Contains(trouble.String(), "ProbeEndpoints[1].Probe calls probe-endpoint") {
		t.Errorf("exit code %d\n%s%s", code, out.String(), trouble.String())
	}
}

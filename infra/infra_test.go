package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/jsii-runtime-go"
)

var update = flag.Bool("update", false, "write the golden files in snapshot and testdata anew")

// No test here runs in parallel with another: jsii talks to Node over one pipe and would mix up the answers.
func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		out, err := os.MkdirTemp("", "infra-test")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(out) }()
		defer jsii.Close()
		err = errors.Join(setNodeEnv(quietNode), setNodeEnv(map[string]string{
			// The rules that aws-cdk-lib holds a template to take seconds in each process. "make synth" applies them.
			"CDK_VALIDATION": "false",
			"CDK_OUTDIR":     out,
		}))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// needNode skips a test on a machine without Node; with CI=true it fails.
func needNode(t *testing.T) {
	t.Helper()
	node := os.Getenv("JSII_NODE")
	if node == "" {
		node = "node"
	}
	if _, err := exec.LookPath(node); err == nil || os.Getenv("JSII_RUNTIME") != "" {
		return
	}
	const message = "aws-cdk-lib runs on Node, and there is no %q: install Node 22 or later to synthesize"
	if os.Getenv("CI") == "true" {
		t.Fatalf(message, node)
	}
	t.Skipf(message, node)
}

// check runs an assertion of aws-cdk-lib, which panics when it does not hold, as a subtest that fails instead.
func check(t *testing.T, name string, assert func()) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("%v", p)
			}
		}()
		assert()
	})
}

// template is a synthesized template.
type template struct {
	Stage     string
	Text      string // Masked, and indented by two spaces.
	Resources map[string]resource
}

type resource struct {
	Type           string
	Properties     map[string]any
	Metadata       map[string]any
	DeletionPolicy string
}

// of returns the resources of a type by logical id.
func (tpl template) of(kind string) map[string]resource {
	found := map[string]resource{}
	for id, r := range tpl.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

// templateOf returns the template of a stage as "make synth" would make it, but for its asset hashes: the functions in it are
// placeholders.
func templateOf(t *testing.T, stage string) template {
	t.Helper()
	needNode(t)
	tpl, err := synthesized[stage]()
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

// synthesized synthesizes each stage when it is first asked for.
var synthesized = func() map[string]func() (template, error) {
	once := map[string]func() (template, error){}
	for _, config := range stages() {
		once[config.Stage] = sync.OnceValues(func() (template, error) { return synthesize(config) })
	}
	return once
}()

func synthesize(config Config) (tpl template, err error) {
	defer recoverFault(&err)
	root, err := findRoot()
	if err != nil {
		return template{}, err
	}
	settings, err := readContext(root)
	if err != nil {
		return template{}, err
	}
	builds, err := os.MkdirTemp("", "infra-builds")
	if err != nil {
		return template{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(builds)) }()
	for _, task := range []string{"probe-endpoint", "summarize-probes"} {
		if err := writeBuild(filepath.Join(builds, task), config.Architecture); err != nil {
			return template{}, err
		}
	}
	app := newApp(settings)
	stack := NewEndpointWatchStack(app, "EndpointWatch", &EndpointWatchStackProps{Config: config, Functions: builds})
	text, err := os.ReadFile(*app.Synth(nil).GetStackByName(stack.StackName()).TemplateFullPath())
	if err != nil {
		return template{}, err
	}
	return readTemplate(config.Stage, text)
}

// assetHash is the SHA-256 by which an asset is named. It changes with every change of a function's code.
var assetHash = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

// readTemplate decodes a template, and masks and indents its text, keeping the order of its keys.
func readTemplate(stage string, text []byte) (template, error) {
	tpl := template{Stage: stage}
	if err := json.Unmarshal(text, &tpl); err != nil {
		return template{}, err
	}
	var indented strings.Builder
	for line := range strings.Lines(string(text)) {
		content := strings.TrimLeft(line, " ")
		indented.WriteString(strings.Repeat("  ", len(line)-len(content)))
		indented.WriteString(content)
	}
	tpl.Text = assetHash.ReplaceAllLiteralString(strings.TrimSpace(indented.String()), "HASH") + "\n"
	return tpl, nil
}

// writeBuild writes what a built function looks like from outside: a bootstrap that begins as a Linux program does.
func writeBuild(dir string, arch Architecture) error {
	header := make([]byte, 64) // An ELF header, 64-bit and little-endian, of a program without sections.
	copy(header, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(header[16:], 2) // ET_EXEC
	binary.LittleEndian.PutUint16(header[18:], uint16(arch.machine()))
	binary.LittleEndian.PutUint32(header[20:], 1) // EV_CURRENT
	binary.LittleEndian.PutUint16(header[52:], uint16(len(header)))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "bootstrap"), header, 0o755)
}

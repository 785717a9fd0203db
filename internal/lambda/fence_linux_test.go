package lambda

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tree makes folders with the file cgroup.subtree_control, as the kernel has them.
func tree(t *testing.T, controllers map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range controllers {
		dir := filepath.Join(root, path)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// A fence's files are the kernel's; in a plain folder there are none, so that nothing but the choice of the folder can be tried there.
func TestWhereFencesCanBe(t *testing.T) {
	for _, tt := range []struct {
		name, own string
		tree      map[string]string
	}{
		{"no version 2", "1:memory:/a\n", map[string]string{"a": "memory"}},
		{"no controller", "0::/a/b\n", map[string]string{"a/b": "", "a": "cpu pids", "": "cpu"}},
		{"no such group", "0::/x\n", map[string]string{"a": "memory"}},
		{"nothing to write", "0::/a\n", map[string]string{"a": "cpu memory"}},
		{"a way out", "0::/../../a\n", map[string]string{"a": "memory"}},
	} {
		root := tree(t, tt.tree)
		f := findFences(root, tt.own, func(*fence) error { return errors.New("it must not come to that") })
		if f.parent != "" || f.make("x", 128) != nil {
			t.Errorf("%s: fences in %q", tt.name, f.parent)
		}
		left, _ := filepath.Glob(filepath.Join(root, "*", "tutti-*"))
		if len(left) > 0 {
			t.Errorf("%s: %v is left", tt.name, left)
		}
	}
}

// Where the system has them the kernel ends a function; everywhere the answer is the same.
func TestFences(t *testing.T) {
	f := openFences()
	if f.parent == "" {
		t.Skip("this system lets nobody make memory cgroups of version 2")
	}
	one := f.make("test", 128)
	if one == nil {
		t.Fatalf("no fence in %s", f.parent)
	}
	if text, err := os.ReadFile(filepath.Join(one.dir, "memory.max")); err != nil || strings.TrimSpace(string(text)) != "134217728" {
		t.Errorf("the limit is %s, %v", text, err)
	}
	one.remove()
	if _, err := os.Stat(one.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it stays: %v", err)
	}
	h, _ := newHost(t, Config{})
	register(t, h, Function{Name: "f", MemoryMB: 128, Timeout: 30 * time.Second})
	result := invoke(t, h, "f", `{"Do":"allocate","N":300}`)
	if !strings.Contains(string(result.Payload), TypeOutOfMemory) {
		t.Errorf("payload %s", result.Payload)
	}
}

package watch_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/tutti-run/tutti/internal/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestChanges(t *testing.T) {
	root := t.TempDir()
	except := filepath.Join(root, "data")
	for _, folder := range []string{"a", "data", "node_modules/x", ".git"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w, err := watch.New([]string{root}, []string{except})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	// What nobody wants to hear of comes first: were it told, it would be told with or before what follows.
	for _, unwanted := range []string{"data/journal", "node_modules/x/index.js", ".git/index", "a/.x.swp", "a/main.go~"} {
		write(t, filepath.Join(root, unwanted))
	}
	wanted := filepath.Join(root, "a", "main.go")
	write(t, wanted)
	if got := <-w.Changes(); !slices.Equal(got, []string{wanted}) {
		t.Errorf("changed: %q", got)
	}
	deep := filepath.Join(root, "new", "folder")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	for got := range w.Changes() {
		if slices.Contains(got, filepath.Join(root, "new")) {
			break
		}
	}
	write(t, filepath.Join(deep, "f"))
	if got := <-w.Changes(); !slices.Contains(got, filepath.Join(deep, "f")) {
		t.Errorf("in a new folder changed: %q", got)
	}
}

func TestCloseWhileSomethingIsToBeTold(t *testing.T) {
	root := t.TempDir()
	w, err := watch.New([]string{root}, nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "f"))
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

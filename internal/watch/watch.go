// Package watch tells when files change: folders come in through [New], and changed paths leave by [Watcher.Changes], a moment after the last
// change, so that a save of many files is one event.
//
// Folders below are watched too, those that come later included. Left out are hidden ones, what package managers fill, and the folders that
// the caller names. The package reads no file and keeps nothing.
package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// MaxFolders bounds how many folders are watched: systems have limits, and a project with more has its dependencies among them.
const MaxFolders = 4096

// quiet is how long nothing must change before a change is told.
const quiet = 150 * time.Millisecond

// skipped are folders that nobody edits in.
var skipped = map[string]bool{"node_modules": true, "__pycache__": true, "vendor": true}

// Watcher watches folders. It has one goroutine, which Close ends.
type Watcher struct {
	files   *fsnotify.Watcher
	except  []string
	folders int
	changes chan []string
	done    chan struct{}
}

// New watches the folders and all below, except for the absolute paths that are left out.
func New(folders, except []string) (*Watcher, error) {
	files, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	w := &Watcher{files: files, except: except, changes: make(chan []string), done: make(chan struct{})}
	for _, folder := range folders {
		if err := w.add(folder); err != nil {
			_ = files.Close()
			return nil, fmt.Errorf("watch files in %s: %w", folder, err)
		}
	}
	go w.loop()
	return w, nil
}

// Changes gives the paths that changed, sorted. It is closed by Close.
func (w *Watcher) Changes() <-chan []string { return w.changes }

// Close ends the watching and returns when the goroutine has ended. It is called once.
func (w *Watcher) Close() error {
	err := w.files.Close()
	close(w.done)
	for range w.changes { // until the loop has closed it
	}
	return err
}

// add watches a folder and those below it. One that is gone by now is no error.
func (w *Watcher) add(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission):
			return nil
		case err != nil:
			return err
		case !entry.IsDir():
			return nil
		case path != root && w.ignored(path):
			return filepath.SkipDir
		}
		if w.folders++; w.folders > MaxFolders {
			return fmt.Errorf("there are more than %d folders", MaxFolders)
		}
		if err := w.files.Add(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// ignored tells whether nobody wants to hear of a path: hidden files, those that editors keep beside what they edit, and what is left out.
func (w *Watcher) ignored(path string) bool {
	name := filepath.Base(path)
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasSuffix(name, ".swp") || strings.HasSuffix(name, ".tmp") ||
		skipped[name] || slices.Contains(w.except, path)
}

func (w *Watcher) loop() {
	defer close(w.changes)
	changed := map[string]bool{}
	timer := time.NewTimer(quiet)
	timer.Stop()
	defer timer.Stop()
	var out chan []string // nil while there is nothing to tell
	for {
		var told []string
		if out != nil {
			told = slices.Sorted(maps.Keys(changed))
		}
		select {
		case event, ok := <-w.files.Events:
			if !ok {
				return
			}
			if event.Op == fsnotify.Chmod || w.ignored(event.Name) {
				continue
			}
			if event.Has(fsnotify.Create) {
				_ = w.add(event.Name) // a file is not added; one folder too many is not watched
			}
			changed[event.Name] = true
			timer.Reset(quiet)
		case _, ok := <-w.files.Errors:
			if !ok {
				return
			}
			changed["."] = true // events were lost: something changed
			timer.Reset(quiet)
		case <-timer.C:
			out = w.changes
		case out <- told:
			changed, out = map[string]bool{}, nil
		case <-w.done:
			return
		}
	}
}

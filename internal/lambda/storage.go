package lambda

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// The temporary folder of a function has a size (Lambda developer guide, "Configure ephemeral storage"). On AWS a write into a full one fails with "no space left on
// device". Here nothing but a look every so often keeps a process from writing more: one that has gets killed, with an error that says so.

const (
	defaultStorageMB = 512
	maxStorageMB     = 10240
)

// endOverfull ends the processes whose temporary folders have grown too large, of those that are at work or were since the last look. It is called by the one
// goroutine that watches, and reports nothing but by the invocations' ends.
func (h *Host) endOverfull() {
	type look struct {
		env *environment
		p   *process
	}
	now := time.Now()
	h.mu.Lock()
	var due []look
	for _, env := range h.environments {
		if env.process != nil && (env.state == stateBusy || env.invocations != env.storageSeen) && !now.Before(env.storageNext) {
			due = append(due, look{env, env.process})
		}
	}
	h.mu.Unlock()
	for _, l := range due {
		began := time.Now()
		used := folderBytes(l.env.tmp())
		limit := int64(l.env.config.StorageMB) << 20
		h.mu.Lock()
		l.env.storageNext = time.Now().Add(20 * time.Since(began)) // looking takes a twentieth of the time at most
		l.env.storageSeen = l.env.invocations
		over := used > limit && l.env.process == l.p && l.env.state != stateStopping
		message := fmt.Sprintf("No space left on device: %s has %d MB, and EphemeralStorage is %d MB", l.env.tmp(), used>>20, l.env.config.StorageMB)
		if over {
			l.env.verdict = &verdict{TypeStorage, message}
		}
		idle := over && l.env.state == stateIdle
		if idle {
			h.stop(l.env)
		}
		h.mu.Unlock()
		switch {
		case idle:
			l.env.out.platform(message + "; the process is ended before its next invocation")
		case over:
			l.p.kill() // the invocation ends with the process
		}
	}
}

// folderBytes is what the files below a folder take.
func folderBytes(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // it has gone meanwhile
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}

// verdict is why the host has ended a process.
type verdict struct{ errorType, message string }

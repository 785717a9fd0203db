package lambda

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A host keeps a folder run/<its pid>-<its start> while it lives. In it lies a file for each running process, named after the pid
// and holding the moment it started, and a folder for each environment's temporary files. A host that finds the folder of another
// that is dead, kills what still runs of it and removes the folder.

// newRunFolder makes the folder of this host.
func newRunFolder(dir string) (string, error) {
	pid := os.Getpid()
	if err := os.MkdirAll(filepath.Join(dir, "run"), 0o700); err != nil {
		return "", err
	}
	// The random end lets one process have several hosts.
	return os.MkdirTemp(filepath.Join(dir, "run"), strconv.Itoa(pid)+"-"+processStart(pid)+"-")
}

// reapLeftovers ends what hosts that are dead have left behind in dir.
func reapLeftovers(dir string) {
	if processStart(os.Getpid()) == "" {
		return // this system does not let us tell the dead from the living
	}
	owners, err := os.ReadDir(filepath.Join(dir, "run"))
	if err != nil {
		return // there is nothing yet
	}
	for _, owner := range owners {
		pid, start, ok := strings.Cut(owner.Name(), "-")
		number, err := strconv.Atoi(pid)
		if !ok || err != nil {
			continue // not one of ours
		}
		if now := processStart(number); now != "" && strings.HasPrefix(start, now+"-") {
			continue // it lives
		}
		folder := filepath.Join(dir, "run", owner.Name())
		killRecorded(folder)
		_ = os.RemoveAll(folder) // what cannot go now goes next time
	}
}

// killRecorded kills the processes recorded in folder, if they are still the ones that were recorded.
func killRecorded(folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid <= 1 || !entry.Type().IsRegular() {
			continue
		}
		start, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err == nil && len(start) > 0 && string(start) == processStart(pid) {
			killLeftover(pid)
		}
	}
}

// record notes a process that runs.
func (h *Host) record(p *process) {
	// Without the record the process may in the worst case survive the host; that is no reason to refuse the invocation.
	_ = os.WriteFile(h.recordPath(p), []byte(processStart(p.pid)), 0o600)
}

func (h *Host) unrecord(p *process) { _ = os.Remove(h.recordPath(p)) }

func (h *Host) recordPath(p *process) string { return filepath.Join(h.runFolder, strconv.Itoa(p.pid)) }

package main

import (
	"bytes"
	"fmt"
	"os"
	"testing"
)

func TestGiveBackStartup(t *testing.T) {
	mapped := func() (kib int) {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(status) {
			_, _ = fmt.Sscanf(string(line), "RssFile: %d kB", &kib)
		}
		return kib
	}
	before := mapped()
	if before == 0 {
		t.Skip("the system does not tell how much of files is mapped")
	}
	giveBackStartup()
	if after := mapped(); after >= before*3/4 {
		t.Errorf("%d KiB of files were mapped before, %d after", before, after)
	}
}

// What differs from the file must stay: a dynamic linker's addresses, and variables.
func TestOwnMappings(t *testing.T) {
	var code, variables bool
	for _, m := range ownMappings() {
		code = code || m.mode == "r-xp" && m.clean
		variables = variables || m.mode == "rw-p" && !m.clean
	}
	if !code || !variables {
		t.Errorf("clean code %v, changed variables %v: %+v", code, variables, ownMappings())
	}
}

package api_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/tutti-run/tutti/internal/api"
)

// AWS's own clients of Python, unmodified, go through every operation.
func TestPythonClients(t *testing.T) {
	for _, client := range []string{"boto3", "awscli"} {
		t.Run(client, func(t *testing.T) {
			interpreter := python(t, client)
			e := openEndpoint(t, vfs.NewMem())
			cmd := exec.CommandContext(t.Context(), interpreter, "testdata/session.py", client, e.url, strings.Join(api.OperationNames(), ","))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			} else {
				t.Logf("%s", out)
			}
		})
	}
}

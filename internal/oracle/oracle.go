// Package oracle finds the reference data that tests hold the program to: recordings made on AWS, the answers of other
// implementations, definitions written by other people. The data lies beside the project's root in ../shared, or where
// $TUTTI_SHARED points. Only tests import this package.
package oracle

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir returns the absolute path of the folder name in the reference data. Where the data is absent the test is skipped; with
// CI=true in the environment its absence is a failure, so that a machine that should have the data cannot pass without it.
func Dir(tb testing.TB, name string) string {
	tb.Helper()
	root, err := root()
	if err != nil {
		tb.Fatal(err)
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatalf("reference data %s is absent: %v", dir, err)
		}
		tb.Skipf("reference data %s is absent; set TUTTI_SHARED to the folder that holds %q to run this test", dir, name)
	}
	return dir
}

// root is $TUTTI_SHARED, or the folder "shared" beside the folder that holds the project's go.mod.
func root() (string, error) {
	if dir := os.Getenv("TUTTI_SHARED"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for project := dir; ; project = filepath.Dir(project) {
		if _, err := os.Stat(filepath.Join(project, "cdk.json")); err == nil {
			return filepath.Join(filepath.Dir(project), "shared"), nil
		}
		if project == filepath.Dir(project) {
			return filepath.Join(filepath.Dir(dir), "shared"), nil
		}
	}
}

package events_test

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/events"
	"github.com/tutti-run/tutti/internal/schema"
	"github.com/tutti-run/tutti/schemas"
)

// Every event keeps the input contract of what it is for, and every one whose name ends in -invalid breaks it.
func TestEventsKeepTheirContract(t *testing.T) {
	files, err := fs.Glob(events.FS, "*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no events embedded: %v", err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			text, err := fs.ReadFile(events.FS, file)
			if err != nil {
				t.Fatal(err)
			}
			subject, invalid := strings.CutSuffix(strings.TrimSuffix(file, ".json"), "-invalid")
			contract, err := schema.Compile(schemas.FS, subject+".input.schema.json")
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(text) {
				t.Error("not JSON")
			}
			if found := contract.Validate(text); invalid != (found != nil) {
				t.Errorf("violations: %v", found)
			}
		})
	}
}

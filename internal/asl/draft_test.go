package asl

import (
	"slices"
	"strings"
	"testing"
)

func TestCheckDraft(t *testing.T) {
	pass := func(members string) string {
		return `{"StartAt":"P","States":{"P":{"Type":"Pass","End":true` + members + `}}}`
	}
	task := func(members string) string {
		return `{"StartAt":"T","States":{"T":{"Type":"Task","End":true,` + members + `}}}`
	}
	for _, tt := range []struct {
		name, text string
		want       []string // severity and code of what is found
	}{
		{"finished", pass(""), nil},
		{"a number", `{"TimeoutSeconds": ${timeout}, "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`, nil},
		{"a list", task(`"Resource":"${f}","Retry": ${retry}`), nil},
		{"an item of a list", task(`"Resource":"${f}","Retry": [${retry}]`), nil},
		{"braces and strings within", pass(`,"Result": ${jsonencode({a = "}"})}`), nil},
		{"more than one line", pass(",\"Result\": ${jsonencode(\n  x\n)}"), nil},
		{"in a string nothing is passed over", pass(`,"Result": "${", "Nope": 1`), []string{"ERROR SCHEMA_VALIDATION_FAILED"}},
		{"what is wrong beside it is told", pass(`,"Result": ${r}, "Nope": 1`), []string{"ERROR SCHEMA_VALIDATION_FAILED"}},
		{"never closed", pass(`,"Result": ${r`), []string{"ERROR INVALID_JSON_DESCRIPTION"}},
		{"no ARN yet", task(`"Resource":"TO_BE_REPLACED"`), []string{"WARNING SCHEMA_VALIDATION_FAILED"}},
		{"an ARN that AWS does not know", task(`"Resource":"arn:aws:states:::sqs:fly"`), []string{"ERROR SCHEMA_VALIDATION_FAILED"}},
		{"an action of an SDK that may be new", task(`"Resource":"arn:aws:states:::aws-sdk:s3:flyObject"`), []string{"WARNING SCHEMA_VALIDATION_FAILED"}},
		{"half a placeholder", task(`"Resource":"${f"`), []string{"ERROR SCHEMA_VALIDATION_FAILED"}},
	} {
		var got []string
		for _, d := range CheckDraft(tt.text, Options{}) {
			got = append(got, string(d.Severity)+" "+string(d.Code))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if _, diagnostics := Parse(tt.text, Options{}); tt.want == nil && strings.Contains(tt.text, ": ${") && len(diagnostics) == 0 {
			t.Errorf("%s: accepted as finished", tt.name)
		}
	}
}

func TestCheckDraftSaysWhere(t *testing.T) {
	const text = "{\"TimeoutSeconds\": ${timeout(\n1)},\n \"StartAt\": 1, \"States\": {}}"
	for _, d := range CheckDraft(text, Options{}) {
		if line, column := Position(text, d.Offset); d.Pointer == "/StartAt" && (line != 3 || column != 13) {
			t.Errorf("%s is at %d:%d, want 3:13", d.Pointer, line, column)
		}
	}
}

func FuzzCheckDraft(f *testing.F) {
	f.Add(`{"StartAt": ${a}, "States": {"a": ${b{}"}"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		masked, holes := maskHoles(text)
		if len(masked) != len(text) {
			t.Fatalf("%d bytes became %d", len(text), len(masked))
		}
		for at := range holes {
			if !strings.HasPrefix(text[at:], "${") || masked[at] != '"' {
				t.Errorf("a hole at %d", at)
			}
		}
		CheckDraft(text, Options{})
	})
}

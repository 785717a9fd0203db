package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// known is the list of failures that are known, each with the level at which the case fails and a reason. The line "jsonata:* any reason"
// stands for all cases with JSONata in them: they may fail or pass.
type known struct {
	head    []string // comments and rules
	jsonata bool
	entries map[string]entry
}

type entry struct {
	level  level
	reason string
}

func parseKnown(text string) (known, error) {
	k := known{entries: map[string]entry{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			k.head = append(k.head, line)
			continue
		}
		id, rest, _ := strings.Cut(line, " ")
		word, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
		if id == "jsonata:*" {
			k.jsonata = true
			k.head = append(k.head, line)
			continue
		}
		l := slices.Index(levelNames, word)
		if l < 0 || level(l) == passed || strings.TrimSpace(reason) == "" {
			return k, fmt.Errorf("%q is not: case-id level reason", line)
		}
		if _, twice := k.entries[id]; twice {
			return k, fmt.Errorf("%s is listed twice", id)
		}
		k.entries[id] = entry{level(l), strings.TrimSpace(reason)}
	}
	return k, nil
}

// judge says what is surprising about a case, "" if nothing is.
func (k known) judge(v verdict) string {
	e, listed := k.entries[v.c.ID]
	switch {
	case k.jsonata && v.c.usesJSONata():
		return ""
	case !v.ran() && listed:
		return "is listed in " + knownFile + " but cannot be played"
	case !v.ran():
		return ""
	case !listed && v.level() < passed:
		return "fails at the level " + v.level().String() + " and is not listed in " + knownFile
	case listed && v.level() == passed:
		return "passes and is still listed in " + knownFile
	case listed && v.level() != e.level:
		return fmt.Sprintf("fails at the level %s and is listed in %s with %s", v.level(), knownFile, e.level)
	}
	return ""
}

// renew writes the list as it is now, with the reasons of old.
func (k known) renew(verdicts []verdict) string {
	lines := map[string]string{}
	for _, v := range verdicts {
		if !v.ran() || v.level() == passed || k.jsonata && v.c.usesJSONata() {
			continue
		}
		reason := k.entries[v.c.ID].reason
		if reason == "" {
			reason = "unexplained"
		}
		lines[v.c.ID] = fmt.Sprintf("%s %s %s\n", v.c.ID, v.level(), reason)
	}
	var b strings.Builder
	for _, line := range k.head {
		b.WriteString(line + "\n")
	}
	for _, id := range slices.Sorted(maps.Keys(lines)) {
		b.WriteString(lines[id])
	}
	return b.String()
}

func TestKnown(t *testing.T) {
	k, err := parseKnown("# why\na/b full the order\na/c result nothing\n")
	if err != nil {
		t.Fatal(err)
	}
	failing := func(l level) *outcome { return &outcome{failures: []failure{{level: passed}, {level: l}}} }
	for _, tt := range []struct {
		id    string
		o     *outcome
		quiet bool
	}{
		{"a/b", failing(levelFull), true},
		{"a/b", failing(levelCause), false},
		{"a/b", &outcome{}, false},
		{"a/b", &outcome{needs: []string{"X"}}, false},
		{"a/c", failing(levelResult), true},
		{"a/c", failing(levelFull), false},
		{"a/d", failing(levelFull), false},
		{"a/d", &outcome{}, true},
		{"a/d", &outcome{needs: []string{"X"}}, true},
	} {
		if got := k.judge(verdict{&testCase{ID: tt.id}, tt.o}); (got == "") != tt.quiet {
			t.Errorf("%s %+v: %q", tt.id, tt.o, got)
		}
	}
	want := "# why\na/b cause the order\n"
	if got := k.renew([]verdict{{&testCase{ID: "a/b"}, failing(levelCause)}, {&testCase{ID: "a/c"}, &outcome{}}}); got != want {
		t.Errorf("renewed: %q, want %q", got, want)
	}
	for _, bad := range []string{"a/b", "a/b full", "a/b pass x", "a/b full x\na/b cause y"} {
		if _, err := parseKnown(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	jsonata := known{jsonata: true}
	if got := jsonata.judge(verdict{&testCase{ID: "a/j", QueryLanguage: []string{"JSONPath", "JSONata"}}, failing(levelResult)}); got != "" {
		t.Errorf("a case with JSONata: %s", got)
	}
}

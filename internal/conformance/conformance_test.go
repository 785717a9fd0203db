package conformance

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"text/tabwriter"
)

var (
	onlyCase = flag.String("case", "", "play the cases whose id contains this, and print the histories")
	update   = flag.Bool("update", false, "rewrite testdata/known.txt")
	exact    = flag.Bool("exact", false, "demand that texts which hold arrays are equal to the last blank")
)

var knownFile = filepath.Join("testdata", "known.txt")

// verdict is a case with what came of it.
type verdict struct {
	c *testCase
	*outcome
}

func TestConformance(t *testing.T) {
	cases := readCases(t)
	if *onlyCase != "" {
		cases = slices.DeleteFunc(cases, func(c *testCase) bool { return !strings.Contains(c.ID, *onlyCase) })
	}
	verdicts := playAll(cases, func(c *testCase) *outcome { return playInBubble(t, c) })
	if *onlyCase != "" {
		for _, v := range verdicts {
			t.Log(v.report())
		}
		return
	}
	text, err := os.ReadFile(knownFile)
	if err != nil {
		t.Fatal(err)
	}
	list, err := parseKnown(string(text))
	if err != nil {
		t.Fatalf("%s: %v", knownFile, err)
	}
	t.Log("\n" + table(verdicts) + "\n" + needs(verdicts))
	if *update {
		if err := os.WriteFile(knownFile, []byte(list.renew(verdicts)), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, v := range verdicts {
		if surprise := list.judge(v); surprise != "" {
			t.Errorf("%s: %s", v.report(), surprise)
		} else if len(v.failures) > 0 && testing.Verbose() {
			t.Log(v.report())
		}
	}
}

// waits finds what makes a case wait for time to pass, or, as lengths in headers do, depend on what time it is.
var waits = regexp.MustCompile(`Seconds|Timestamp|\\"Retry|"sleep"|_worker"|ReceiveMessage|"background"|still_running|execution_logs|eventbridge|AllHttpHeaders`)

// TestOverHTTP plays the cases that need no waiting once more, over real HTTP through a listening endpoint and by the real clock. They
// must come out as in process.
func TestOverHTTP(t *testing.T) {
	var cases []*testCase
	for _, c := range readCases(t) {
		replayed := c.Kind == "execution" && len(c.Requires) > 0 // the replay learns of an execution after its start, which is too late here
		if c.Seconds == 0 && !replayed && !waits.MatchString(c.text) && strings.Contains(c.ID, *onlyCase) {
			cases = append(cases, c)
		}
	}
	text, err := os.ReadFile(knownFile)
	if err != nil {
		t.Fatal(err)
	}
	list, err := parseKnown(string(text))
	if err != nil {
		t.Fatalf("%s: %v", knownFile, err)
	}
	verdicts := playAll(cases, func(c *testCase) *outcome { return play(c, options{exact: *exact, wire: true}) })
	t.Log("\n" + table(verdicts) + "\n" + needs(verdicts))
	for _, v := range verdicts {
		if surprise := list.judge(v); surprise != "" {
			t.Errorf("%s: %s", v.report(), surprise)
		}
	}
}

// playAll plays the cases, as many at once as there are processors.
func playAll(cases []*testCase, play func(*testCase) *outcome) []verdict {
	verdicts := make([]verdict, len(cases))
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				verdicts[i] = verdict{cases[i], play(cases[i])}
			}
		})
	}
	for i := range cases {
		next <- i
	}
	close(next)
	wg.Wait()
	return verdicts
}

// playInBubble gives the case a clock of its own. That a bubble cannot be left, since goroutines remain, is the case's failure.
func playInBubble(t *testing.T, c *testCase) *outcome {
	o := &outcome{failures: []failure{{levelResult, "bubble", "the case was not played to its end"}}}
	done := make(chan bool)
	go func() { // synctest.Test ends the goroutine if the race detector has found something
		defer close(done)
		defer func() {
			if fault := recover(); fault != nil {
				o.failures = append(o.failures, failure{levelResult, "bubble", fmt.Sprint(fault)})
			}
		}()
		synctest.Test(t, func(*testing.T) {
			o = play(c, options{exact: *exact, histories: *onlyCase != ""})
		})
	}()
	<-done
	return o
}

// report tells what is wrong with a case.
func (v verdict) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", v.c.ID, v.level())
	if len(v.needs) > 0 {
		fmt.Fprintf(&b, ", not run: needs %s", strings.Join(v.needs, ", "))
	}
	for _, f := range v.failures {
		fmt.Fprintf(&b, "\n  [%s] %s: %s", f.level, f.key, strings.TrimSpace(f.text))
	}
	for _, h := range v.histories {
		b.WriteString("\n" + h)
	}
	return b.String()
}

// ran tells whether the case could be played.
func (v verdict) ran() bool { return len(v.needs) == 0 }

// table counts the cases that reach each level.
func table(verdicts []verdict) string {
	type row struct {
		total, notRun int
		reached       [3]int
	}
	rows := map[[4]string]*row{}
	count := func(key [4]string, v verdict) {
		r := rows[key]
		if r == nil {
			r = &row{}
			rows[key] = r
		}
		r.total++
		if !v.ran() {
			r.notRun++
			return
		}
		for l := range r.reached {
			if v.level() > level(l) {
				r.reached[l]++
			}
		}
	}
	for _, v := range verdicts {
		requires := "none"
		if len(v.c.Requires) > 0 {
			requires = "replay"
		}
		count([4]string{v.c.Area, v.c.Kind, v.c.language(), requires}, v)
		count([4]string{"~all", v.c.Kind, v.c.language(), ""}, v)
		count([4]string{"~~all"}, v)
	}
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "area\tkind\tlanguage\trequires\tcases\tresult\tcause\tfull\tnot run")
	for _, key := range slices.SortedFunc(maps.Keys(rows), func(a, b [4]string) int { return slices.Compare(a[:], b[:]) }) {
		r := rows[key]
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\n", strings.TrimLeft(key[0], "~"), key[1], key[2], key[3],
			r.total, r.reached[0], r.reached[1], r.reached[2], r.notRun)
	}
	_ = w.Flush()
	return b.String()
}

// needs counts what cases could not be played without.
func needs(verdicts []verdict) string {
	counts := map[string]int{}
	for _, v := range verdicts {
		if !v.ran() {
			counts[v.needs[0]]++
		}
	}
	var b strings.Builder
	for _, what := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	}) {
		fmt.Fprintf(&b, "not run, needs %s: %d\n", what, counts[what])
	}
	return b.String()
}

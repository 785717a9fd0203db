package jsonata_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/jsonata"
	"github.com/tutti-run/tutti/internal/value"
)

// referenceTime is how long each expression is measured in the reference implementation, most of it to let its compiler warm up.
const referenceTime = 800 * time.Millisecond

// BenchmarkReference measures the reference implementation on Node and this package side by side, on the same expressions and input, and
// prints both with their ratio. It fails if a result differs. Without Node, or before npm has installed the reference, it says so and skips.
func BenchmarkReference(b *testing.B) {
	input := workflowInput(1000)
	theirs := reference(b, input)
	bindings := states(mustParse(b, input))
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-14s %12s %12s %8s %10s %8s\n", "expression", "Node ns", "here ns", "ratio", "B/op", "allocs")
	product, worst := 1.0, 0.0
	for i, x := range workflowExpressions {
		e, err := jsonata.Compile(x.text, jsonata.StepFunctions())
		if err != nil {
			b.Fatal(err)
		}
		got, err := e.Eval(nil, bindings)
		if err != nil || !value.Equal(doubles(got), doubles(mustParse(b, string(theirs[i].Result)))) {
			b.Errorf("%s gives %s, %v; the reference %s", x.text, show(got), err, theirs[i].Result)
		}
		mine := fastest(b, e, bindings)
		ns := float64(mine.T.Nanoseconds()) / float64(mine.N)
		ratio := ns / theirs[i].Nanoseconds
		product, worst = product*ratio, max(worst, ratio)
		fmt.Fprintf(&table, "%-14s %12.0f %12.0f %8.3f %10d %8d\n", x.name, theirs[i].Nanoseconds, ns, ratio, mine.AllocedBytesPerOp(), mine.AllocsPerOp())
	}
	mean := math.Pow(product, 1/float64(len(workflowExpressions)))
	fmt.Fprintf(&table, "geometric mean of the ratios %.3f, worst %.3f\n", mean, worst)
	fmt.Print(table.String())  // b.Log would cut it short
	b.ReportMetric(0, "ns/op") // the time of this benchmark itself says nothing
	b.ReportMetric(mean, "ratio")
	b.ReportMetric(worst, "worst-ratio")
}

// fastest is the best of a few rounds, as the reference's figure is.
func fastest(b *testing.B, e *jsonata.Expr, bindings jsonata.Bindings) (best testing.BenchmarkResult) {
	b.Helper()
	var before, after runtime.MemStats
	for n, began := 1, time.Now(); time.Since(began) < referenceTime/2; {
		runtime.ReadMemStats(&before)
		start := time.Now()
		for range n {
			if _, err := e.Eval(nil, bindings); err != nil {
				b.Fatal(err)
			}
		}
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if best.N == 0 || float64(took)/float64(n) < float64(best.T)/float64(best.N) {
			best = testing.BenchmarkResult{N: n, T: took, MemAllocs: after.Mallocs - before.Mallocs, MemBytes: after.TotalAlloc - before.TotalAlloc}
		}
		if took < 20*time.Millisecond {
			n *= 2
		}
	}
	return best
}

type measured struct {
	Result      json.RawMessage
	Nanoseconds float64
}

// reference runs the reference implementation.
func reference(b *testing.B, input string) (answers []measured) {
	b.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		b.Skip("the comparison with the reference implementation needs Node, which is not installed")
	}
	modules, err := filepath.Abs(filepath.Join("..", "..", "node_modules"))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "jsonata")); err != nil {
		b.Skip("the comparison with the reference implementation needs it installed: run npm ci")
	}
	question := map[string]any{"input": json.RawMessage(input), "milliseconds": referenceTime.Milliseconds()}
	var texts []string
	for _, x := range workflowExpressions {
		texts = append(texts, x.text)
	}
	question["expressions"] = texts
	text, err := json.Marshal(question)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), node, filepath.Join("testdata", "reference.js"))
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	cmd.Stdin = bytes.NewReader(text)
	var trouble bytes.Buffer
	cmd.Stderr = &trouble
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%v\n%s", err, trouble.String())
	}
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != len(texts) {
		b.Fatalf("%d answers, %v", len(answers), err)
	}
	return answers
}

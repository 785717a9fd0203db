package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// BenchmarkEvalBatch is the cost of a line with a small input.
func BenchmarkEvalBatch(b *testing.B) {
	var lines bytes.Buffer
	for i := range b.N {
		fmt.Fprintf(&lines, `{"id":%d,"expr":"{\"a\": x & \"b\", \"n\": $sum(items.(p*q))}","input":{"x":"y","items":[{"p":1,"q":2},{"p":3,"q":4.5}]}}`+"\n", i)
	}
	c := newCLI(&lines, io.Discard, io.Discard, nil, "", time.Now)
	b.ReportAllocs()
	b.ResetTimer()
	if code := c.run(b.Context(), []string{"eval", "--batch"}); code != exitOK {
		b.Fatal(code)
	}
}

// A program that waits for each answer before it asks again gets it.
func TestEvalBatchStreams(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	questions, asking := io.Pipe()
	answering, answers := io.Pipe()
	c := newCLI(questions, answers, io.Discard, nil, "", time.Now)
	ended := make(chan int)
	go func() { ended <- c.run(t.Context(), []string{"eval", "--batch"}) }()
	answer := make([]byte, 100)
	for i := range 3 {
		if _, err := fmt.Fprintf(asking, `{"id":%d,"expr":"%d*2"}`+"\n", i, i); err != nil {
			t.Fatal(err)
		}
		n, err := answering.Read(answer)
		if want := fmt.Sprintf(`{"id":%d,"result":%d}`+"\n", i, 2*i); err != nil || string(answer[:n]) != want {
			t.Errorf("got %q, %v, want %q", answer[:n], err, want)
		}
	}
	_ = asking.Close()
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// Nobody reads the answers any more: the rest of the questions is not asked.
func TestEvalBatchWithoutReader(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	answering, answers := io.Pipe()
	_ = answering.Close()
	lines := strings.NewReader(strings.Repeat(`{"expr":"1"}`+"\n", 100_000))
	c := newCLI(lines, answers, io.Discard, nil, "", time.Now)
	if code := c.run(t.Context(), []string{"eval", "--batch"}); code != exitTrouble {
		t.Errorf("exit code %d", code)
	}
	if lines.Len() == 0 {
		t.Error("read to the end")
	}
}

func TestReadLines(t *testing.T) {
	long := strings.Repeat("x", 300<<10) // longer than the reader's buffer
	for _, c := range []struct {
		name, text string
		longest    int
		want       string
	}{
		{"plain", "a\nb\n", 10, "1:a 2:b"},
		{"no line end at the end", "a\nb", 10, "1:a 2:b"},
		{"blank lines count", "\na\r\n \nb\n", 10, "2:a 4:b"},
		{"nothing", "", 10, ""},
		{"too long", "aa\n" + long + "\nb\n", 1000, "1:aa 2: 3:b"},
		{"too long at the end", long, 1000, "1:"},
		{"as long as allowed", long + "\nb", len(long) + 1, "1:" + long + " 2:b"},
	} {
		var got []string
		err := readLines(strings.NewReader(c.text), c.longest, func(lines []batchLine) bool {
			for _, line := range lines {
				got = append(got, fmt.Sprintf("%d:%s", line.number, line.text))
			}
			return true
		})
		if text := strings.Join(got, " "); err != nil || text != c.want {
			t.Errorf("%s: got %.80q, %v, want %.80q", c.name, text, err, c.want)
		}
	}
}

func TestLineAt(t *testing.T) {
	for _, c := range []struct {
		text           string
		position       int
		line           string
		number, column int
	}{
		{"a + b", 5, "a + b", 1, 5},
		{"a\nbc", 4, "bc", 2, 2},
		{"😀 + x", 6, "😀 + x", 1, 5},
		{"", 0, "", 1, 1},
		{"ab", 9, "ab", 1, 3},
	} {
		if line, number, column := lineAt(c.text, c.position); line != c.line || number != c.number || column != c.column {
			t.Errorf("%q at %d: got %q %d:%d", c.text, c.position, line, number, column)
		}
	}
}

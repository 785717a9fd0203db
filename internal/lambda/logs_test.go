//go:build unix

package lambda

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestLogLines(t *testing.T) {
	h, logs := newHost(t, Config{})
	register(t, h, Function{Name: "f", MemoryMB: 512})
	first := invoke(t, h, "f", `{"Do":"print","Text":"one\r\n\ntwo, without an end"}`)
	second := invoke(t, h, "f", `{"Do":"print","Text":"three\n"}`)

	if got, want := logs.texts(StreamStdout), []string{"one", "", "two, without an end", "three"}; !slices.Equal(got, want) {
		t.Errorf("stdout %q, want %q", got, want)
	}
	if got, want := logs.texts(StreamStderr), []string{"ONE", "", "TWO, WITHOUT AN END", "THREE"}; !slices.Equal(got, want) {
		t.Errorf("stderr %q, want %q", got, want)
	}
	platform := logs.texts(StreamPlatform)
	memory := ""
	if first.Report.MaxMemoryMB > 0 {
		memory = `Max Memory Used: \d+ MB\t`
	}
	for i, want := range []string{
		`START RequestId: ` + first.RequestID + ` Version: \$LATEST`,
		`END RequestId: ` + first.RequestID,
		`REPORT RequestId: ` + first.RequestID + `\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 512 MB\t` + memory + `Init Duration: \d+\.\d\d ms\t`,
		`START RequestId: ` + second.RequestID + ` Version: \$LATEST`,
		`END RequestId: ` + second.RequestID,
		`REPORT RequestId: ` + second.RequestID + `\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 512 MB\t` + memory,
	} {
		if i >= len(platform) || !regexp.MustCompile("^"+want+"$").MatchString(platform[i]) {
			t.Errorf("platform line %d of %q, want %s", i, platform, want)
		}
	}
	stream := logs.lines[0].LogStream
	for i, line := range logs.lines {
		want := first.RequestID
		if i >= len(logs.lines)/2+2 { // 3 lines of each kind in the first invocation, 1 and 1 and 3 in the second
			want = second.RequestID
		}
		if line.RequestID != want || line.Function != "f" || line.LogGroup != "/aws/lambda/f" || line.LogStream != stream || line.Version != Latest {
			t.Errorf("line %d: %+v, want request %s", i, line, want)
		}
	}
	if r := first.Report; r.InitDuration <= 0 || r.BilledDuration < r.Duration+r.InitDuration || r.BilledDuration%time.Millisecond != 0 || r.MemoryMB != 512 {
		t.Errorf("report %+v", r)
	}
	if got := string(second.LogTail); !strings.HasPrefix(got, "START RequestId: "+second.RequestID) || !strings.Contains(got, "\nthree\n") || !strings.HasSuffix(got, "\t\n") {
		t.Errorf("log tail %q", got)
	}
}

func TestLongLines(t *testing.T) {
	h, logs := newHost(t, Config{})
	register(t, h, Function{Name: "f"})
	for _, tc := range []struct {
		printed string // how many bytes
		want    int    // of them in the line
		cut     bool
	}{
		{"262144", maxLine, false},
		{"262145", maxLine, true},
		{"3000000", maxLine, true},
		{"10", 10, false},
	} {
		t.Run(tc.printed, func(t *testing.T) {
			before := len(logs.texts(StreamStdout))
			result := invoke(t, h, "f", `{"Do":"print much","N":`+tc.printed+`}`)
			lines := logs.texts(StreamStdout)[before:]
			want := strings.Repeat("x", tc.want)
			if tc.cut {
				want += cutMark
			}
			if len(lines) != 1 || lines[0] != want {
				t.Errorf("%d lines, the first of %d bytes, ends in %q", len(lines), len(lines[0]), lines[0][max(0, len(lines[0])-40):])
			}
			if len(result.LogTail) > maxTail || tc.want > maxTail && len(result.LogTail) < maxTail {
				t.Errorf("a log tail of %d bytes", len(result.LogTail))
			}
		})
	}
}

func TestReportLine(t *testing.T) {
	for _, tc := range []struct {
		report            Report
		status, errorType string
		want              string
	}{
		{Report{Duration: 1234567 * time.Nanosecond, BilledDuration: 2 * time.Millisecond, MemoryMB: 128, MaxMemoryMB: 31}, "", "",
			"REPORT RequestId: r\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 31 MB\t"},
		{Report{BilledDuration: 9 * time.Millisecond, MemoryMB: 128, InitDuration: 8100 * time.Microsecond}, "timeout", "",
			"REPORT RequestId: r\tDuration: 0.00 ms\tBilled Duration: 9 ms\tMemory Size: 128 MB\tInit Duration: 8.10 ms\tStatus: timeout\t"},
		{Report{MemoryMB: 128}, "error", TypeExit,
			"REPORT RequestId: r\tDuration: 0.00 ms\tBilled Duration: 0 ms\tMemory Size: 128 MB\tStatus: error\tError Type: Runtime.ExitError\t"},
	} {
		if got := tc.report.line("r", tc.status, tc.errorType); got != tc.want {
			t.Errorf("got  %q\nwant %q", got, tc.want)
		}
	}
	for d, want := range map[time.Duration]time.Duration{0: 0, 1: time.Millisecond, time.Millisecond: time.Millisecond, time.Millisecond + 1: 2 * time.Millisecond} {
		if got := billed(d); got != want {
			t.Errorf("billed(%v) = %v, want %v", d, got, want)
		}
	}
}

// FuzzConsume holds the splitting of arbitrary bytes in arbitrary pieces to what splitting them at once gives.
func FuzzConsume(f *testing.F) {
	f.Add([]byte("a\nb\r\n\n\xff"), 1)
	f.Add([]byte("no end"), 2)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		if size <= 0 {
			size = len(data) + 1
		}
		logs := &recorder{}
		o := &output{sink: logs, now: time.Now}
		s := &stream{out: o, name: StreamStdout}
		for rest := data; len(rest) > 0; {
			n := min(size, len(rest))
			s.consume(rest[:n])
			rest = rest[n:]
		}
		s.flush()

		want := strings.Split(string(data), "\n")
		if want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		got := logs.texts("")
		if len(got) != len(want) {
			t.Fatalf("%d lines, want %d", len(got), len(want))
		}
		for i := range want {
			if !utf8.ValidString(got[i]) || len(got[i]) > 3*maxLine+len(cutMark) {
				t.Errorf("line %d: %d bytes, valid %v", i, len(got[i]), utf8.ValidString(got[i]))
			}
			if len(want[i]) > maxLine {
				want[i] = want[i][:maxLine] + cutMark
			}
			if utf8.ValidString(want[i]) && got[i] != strings.TrimSuffix(want[i], "\r") && !strings.HasSuffix(want[i], cutMark) {
				t.Errorf("line %d: %q, want %q", i, got[i], want[i])
			}
		}
	})
}

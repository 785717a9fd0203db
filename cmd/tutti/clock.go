package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tutti-run/tutti/internal/clock"
)

// clockFlag says by which time executions wait and schedules come due.
type clockFlag struct {
	rate float64 // 0 and 1 are the computer's own pace
	skip bool
}

func (f *clockFlag) addTo(cmd *cobra.Command) {
	cmd.Flags().Var(f, "clock", "real; skip, which moves on over waits, retry intervals and schedules while nobody works; or rate=N, N times as fast as real")
}

// String implements pflag.Value.
func (f *clockFlag) String() string {
	switch {
	case f.skip:
		return "skip"
	case f.rate != 0:
		return "rate=" + strconv.FormatFloat(f.rate, 'g', -1, 64)
	}
	return "real"
}

// Set implements pflag.Value.
func (f *clockFlag) Set(text string) error {
	*f = clockFlag{}
	switch rate, isRate := strings.CutPrefix(text, "rate="); {
	case isRate:
		n, err := strconv.ParseFloat(rate, 64)
		if err != nil || n < 0.001 || n > 1e6 {
			return fmt.Errorf("a rate is a number from 0.001 to 1000000, as in rate=60")
		}
		f.rate = n
	case text == "skip":
		f.skip = true
	case text != "real":
		return fmt.Errorf("the clock is real, skip or rate=N")
	}
	return nil
}

// Type implements pflag.Value.
func (f *clockFlag) Type() string { return "CLOCK" }

// clock is the clock that the flag means, begun now.
func (f *clockFlag) clock() *clock.Clock {
	if f.rate != 0 {
		return clock.Fast(f.rate)
	}
	return clock.Real()
}

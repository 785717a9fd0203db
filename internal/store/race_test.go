//go:build race

package store_test

// Pebble checks itself at every step when the race detector is on, which makes it forty times slower.
const (
	modelRuns = "2"
	powerCuts = 12
)

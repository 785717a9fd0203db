//go:build !race

package store_test

const (
	modelRuns = "60"
	powerCuts = 100
)

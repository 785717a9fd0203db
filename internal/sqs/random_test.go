package sqs_test

import (
	"math/rand/v2"

	"pgregory.net/rapid"
)

// random is a source of chance that a failing test can repeat.
func random(r *rapid.T) *rand.Rand { return rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1)) }

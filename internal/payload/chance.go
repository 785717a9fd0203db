package payload

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// Chance is a source of random numbers and UUIDs that gives the same sequence for the same seed. The engine has no randomness of its
// own: what an execution draws is a function of the execution and of the history event that draws, so replaying a history draws the same.
// A Chance belongs to one goroutine.
type Chance struct {
	seed    string
	eventID int64
	source  *rand.Rand // nil until the first draw: most states draw nothing
}

// NewChance returns the source of the event eventID in the execution that seed stands for (its ARN, for instance).
func NewChance(seed string, eventID int64) *Chance { return &Chance{seed: seed, eventID: eventID} }

func (c *Chance) rand() *rand.Rand {
	if c.source == nil {
		key := binary.BigEndian.AppendUint64([]byte(c.seed), uint64(c.eventID))
		c.source = rand.New(rand.NewChaCha8(sha256.Sum256(key)))
	}
	return c.source
}

// Float64 returns a number in [0, 1).
func (c *Chance) Float64() float64 { return c.rand().Float64() }

// Int64N returns a number in [0, n); n must be positive.
func (c *Chance) Int64N(n int64) int64 { return c.rand().Int64N(n) }

// UUID returns a UUID of version 4 (RFC 9562) in lower case.
func (c *Chance) UUID() string {
	r := c.rand()
	high, low := r.Uint64(), r.Uint64()
	high = high&^0xf000 | 0x4000
	low = low&^(0xc<<60) | 0x8<<60
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", high>>32, high>>16&0xffff, high&0xffff, low>>48, low&(1<<48-1))
}

// javaRandom is java.util.Random: the linear congruential generator behind a seeded States.MathRandom.
type javaRandom struct{ state uint64 }

const (
	javaMultiplier = 0x5DEECE66D
	javaMask       = 1<<48 - 1
)

func newJavaRandom(seed int64) *javaRandom {
	return &javaRandom{state: (uint64(seed) ^ javaMultiplier) & javaMask}
}

func (r *javaRandom) next(bits uint) int32 {
	r.state = (r.state*javaMultiplier + 0xB) & javaMask
	return int32(r.state >> (48 - bits))
}

// below is nextInt(bound) for a positive bound.
func (r *javaRandom) below(bound int32) int32 {
	u := r.next(31)
	if bound&(bound-1) == 0 {
		return int32(int64(bound) * int64(u) >> 31)
	}
	for {
		rest := u % bound
		if u-rest+(bound-1) >= 0 { // else u lies in the last, incomplete run of bound numbers: the sum wraps as in Java
			return rest
		}
		u = r.next(31)
	}
}

// between is nextInt(origin, bound) for origin < bound.
func (r *javaRandom) between(origin, bound int32) int32 {
	if width := bound - origin; width > 0 {
		return origin + r.below(width)
	}
	for { // the width does not fit 32 bits
		if n := r.next(32); n >= origin && n < bound {
			return n
		}
	}
}

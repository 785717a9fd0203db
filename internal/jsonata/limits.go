package jsonata

import (
	"context"
	"time"
)

// Limits bound one evaluation. A zero means the default of the dialect; a negative number means no bound.
type Limits struct {
	// Depth is how deep expressions and calls may nest, counted as the reference nests its evaluations: 100 in the service's dialect.
	// There is always a bound, because the goroutine's stack has one.
	Depth int
	// Time is how long an evaluation may take: a second in the service's dialect.
	Time time.Duration
	// Steps bounds the work of an evaluation whatever the machine's speed: items visited, calls made, characters handled by the dozen.
	Steps int64
	// Memory is the size in bytes of everything that an evaluation may build, what it has dropped again among that.
	Memory int64
	// ValueMemory is the size in bytes of a single array or string, in the measure of the service: 12 for an item, 2 for a character.
	ValueMemory int64
	// ListMemory is the same for arrays that grow as they are made, like $range's: 24 for every item that there is room for.
	ListMemory int64
}

// The bounds of plain mode are meant to be out of the way of honest work; the others are the service's. Memory is our own in both: the
// service's own measure of it is unknown, but its effect on single values has been measured (specification, section 5).
var (
	plainLimits   = Limits{Depth: 10_000, Time: -1, Steps: -1, Memory: 2 << 30, ValueMemory: -1, ListMemory: -1}
	serviceLimits = Limits{Depth: 100, Time: time.Second, Steps: -1, Memory: 256 << 20, ValueMemory: 10 << 20, ListMemory: 10 << 20}
)

// or fills what is zero from the defaults.
func (l Limits) or(defaults Limits) Limits {
	switch {
	case l.Depth == 0:
		l.Depth = defaults.Depth
	case l.Depth < 0:
		l.Depth = maxDepth
	}
	if l.Time == 0 {
		l.Time = defaults.Time
	}
	if l.Steps == 0 {
		l.Steps = defaults.Steps
	}
	if l.Memory == 0 {
		l.Memory = defaults.Memory
	}
	if l.ValueMemory == 0 {
		l.ValueMemory = defaults.ValueMemory
	}
	if l.ListMemory == 0 {
		l.ListMemory = defaults.ListMemory
	}
	return l
}

// The measure of memory. itemBytes and frameBytes are Go's own sizes; the others are the service's.
const (
	itemBytes        = 16
	frameBytes       = 96
	pictureBytes     = 64  // for a character of a picture, analysed
	textBytes        = 200 // for a character of an expression, compiled
	serviceItem      = 12
	serviceArray     = 370
	serviceCharacter = 2
	serviceListRoom  = 24
)

// maxDepth stands for no bound at all: what fits a goroutine's stack several times over.
const maxDepth = 100_000

// maxNesting bounds how deep values may nest that are walked by recursion: far beyond what any JSON reader accepts.
const maxNesting = 10_000

// clockEvery is after how many steps the clock is read. At some 10 ns a step that is every 40 µs, and costs less than a thousandth.
const clockEvery = 4096

// exceeded is the panic that ends an evaluation when a bound is hit. It may arise deep in functions that cannot fail otherwise; Eval catches it.
type exceeded struct{ err *Error }

func (r *run) exceed(sentence string) { panic(exceeded{limitError(sentence)}) }

// step notes n steps of work.
func (r *run) step(n int) {
	r.steps += int64(n)
	if r.steps >= r.checkAt {
		r.check()
	}
}

// check looks at the clock and the other reasons to stop. The clock starts at the first look, so short evaluations never read it.
func (r *run) check() {
	r.checkAt = r.steps + clockEvery
	if r.limits.Steps >= 0 && r.steps > r.limits.Steps {
		r.exceed(sentenceTime)
	}
	if r.context != nil && r.context.Err() != nil {
		panic(exceeded{&Error{Class: ClassLimit, Code: codeLimit, Message: sentenceTime}})
	}
	if r.limits.Time < 0 {
		return
	}
	now := time.Now()
	if r.deadline.IsZero() {
		r.deadline = now.Add(r.limits.Time)
	} else if now.After(r.deadline) {
		r.exceed(sentenceTime)
	}
}

// startClock begins an evaluation's count of steps.
func (r *run) startClock(ctx context.Context) {
	r.steps = 0
	r.context = ctx
	r.deadline = time.Time{}
	r.checkAt = clockEvery
	if r.limits.Steps >= 0 {
		r.checkAt = min(r.checkAt, r.limits.Steps+1)
	}
}

// charge notes memory.
func (r *run) charge(bytes int) {
	r.memory += int64(bytes)
	if r.memory > r.limits.Memory && r.limits.Memory >= 0 {
		r.exceed(sentenceMemory)
	}
}

// array notes an array of n items that is about to be made.
func (r *run) array(n int) {
	r.step(n)
	r.charge(n * itemBytes)
	if r.limits.ValueMemory >= 0 && n > 1000 && int64(n)*serviceItem+serviceArray > r.limits.ValueMemory {
		r.exceed(sentenceMemory)
	}
}

// text notes a string of n bytes that is about to be made.
func (r *run) text(n int) {
	r.step(n / 64)
	r.charge(n)
	if r.limits.ValueMemory >= 0 && int64(n)*serviceCharacter > r.limits.ValueMemory {
		r.exceed(sentenceMemory)
	}
}

// descend and ascend enclose a recursion over a value.
func (r *run) descend() {
	if r.nesting++; r.nesting > maxNesting {
		r.exceed(sentenceDepth)
	}
}

func (r *run) ascend() { r.nesting-- }

// reach fails if evaluating something at the given depth within the current function would nest too deep.
func (r *run) reach(depth int) {
	if r.base+depth > r.limits.Depth {
		r.exceed(sentenceDepth)
	}
}

package trigger

import "github.com/tutti-run/tutti/internal/pattern"

// InvalidEventPatternException refuses an event pattern.
const InvalidEventPatternException = pattern.InvalidEventPatternException

// Pattern is a compiled event pattern.
type Pattern = pattern.Pattern

// ParsePattern reads a pattern. The error is the exception InvalidEventPatternException.
func ParsePattern(text string) (*Pattern, error) { return pattern.Parse(text) }

package asl

import (
	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/value"
)

// Condition is what a Choice rule asks: [And], [Or], [Not], [*Comparison] (JSONPath) or [*Expression] (JSONata).
type Condition interface{ condition() }

// And holds if all of its conditions do.
type And []Condition

// Or holds if one of its conditions does.
type Or []Condition

// Not holds if its condition does not.
type Not struct{ Condition Condition }

// Comparison holds a variable against an operand.
type Comparison struct {
	Variable *payload.Path
	Operator Operator
	// Operand is the literal operand; nil if OperandPath says where it is.
	Operand     value.Value
	OperandPath *payload.Path
	Place       Place
}

// Expression is a Condition in JSONata; a literal true or false is a constant template.
type Expression struct{ Template *payload.Template }

func (And) condition()         {}
func (Or) condition()          {}
func (Not) condition()         {}
func (*Comparison) condition() {}
func (*Expression) condition() {}

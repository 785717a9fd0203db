package payload

import (
	"time"

	"github.com/tutti-run/tutti/internal/value"
)

// Env is what the holes of a template may read. It serves one evaluation at a time. A part left nil reads as absent.
type Env struct {
	// Input is "$": the state's input, its effective input or its result, as the field demands.
	Input value.Value
	// InputText is the text of Input as messages quote it. Nil stands for the compact form.
	InputText func() string
	// Context builds "$$", the Context object. It is called only when a path reads it.
	Context func() value.Value
	// Variable returns the value of "$name".
	Variable func(name string) (value.Value, bool)
	// Result and ErrorOutput are what $states has of those names; nil where it has not. Only expressions read them, and their Input is the
	// state's raw input.
	Result, ErrorOutput value.Value
	// Now is what $now tells.
	Now time.Time
	// Chance is where UUIDs and random numbers come from.
	Chance *Chance
}

func (e *Env) inputText() string {
	if e.InputText == nil {
		return value.Text(e.Input)
	}
	return e.InputText()
}

func (e *Env) context() value.Value {
	if e.Context == nil {
		return value.NewObject()
	}
	return e.Context()
}

func (e *Env) variable(name string) (value.Value, bool) {
	if e.Variable == nil {
		return nil, false
	}
	return e.Variable(name)
}

func (e *Env) chance() *Chance {
	if e.Chance == nil {
		e.Chance = NewChance("", 0)
	}
	return e.Chance
}

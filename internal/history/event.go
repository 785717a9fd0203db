package history

import (
	"fmt"
	"strconv"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// Event is an entry of an execution's history.
type Event struct {
	// ID counts from 1 without gaps; PreviousID is the event that caused this one, 0 for none.
	ID, PreviousID int64
	// Time has millisecond precision.
	Time time.Time
	Type Type
	// Details is nil for types that have none.
	Details Details

	// Flow is the number of the flow (the top level, a branch, an iteration) that the event belongs to. AWS does not show it.
	Flow int64
	// Next is the state that follows an Exited event, where the definition alone does not say so: after a Choice or a Catch. AWS does
	// not show it.
	Next string
	// Token is the client token of the request that caused an ExecutionRedriven. AWS does not show it.
	Token string
	// Result is what a Map Run came to; AWS shows it only in the state's output, after ResultSelector and ResultPath.
	Result *value.Data
}

// AppendAWS appends the event as GetExecutionHistory answers it. Without data the inputs and outputs are left out.
func (e *Event) AppendAWS(dst []byte, includeData bool) []byte {
	w := writer{dst: e.appendHead(dst), withoutData: !includeData}
	w.details(e)
	return append(w.dst, '}')
}

// AppendJournal appends the event as it is recorded: AWS's form and the members that AWS does not show.
func (e *Event) AppendJournal(dst []byte) []byte {
	w := writer{dst: e.appendHead(dst)}
	w.details(e)
	if e.Flow != 0 {
		w.optNumber("flow", &e.Flow)
	}
	w.optText("next", &e.Next)
	w.optText("token", &e.Token)
	w.parameters("result", &e.Result)
	return append(w.dst, '}')
}

func (e *Event) appendHead(dst []byte) []byte {
	dst = append(dst, `{"timestamp":`...)
	dst = AppendTime(dst, e.Time)
	dst = append(dst, `,"type":"`...)
	dst = append(dst, e.Type...)
	dst = append(dst, `","id":`...)
	dst = strconv.AppendInt(dst, e.ID, 10)
	dst = append(dst, `,"previousEventId":`...)
	return strconv.AppendInt(dst, e.PreviousID, 10)
}

// AppendTime appends t as the wire does: epoch seconds with three decimals.
func AppendTime(dst []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	dst = strconv.AppendInt(dst, ms/1000, 10)
	return fmt.Appendf(dst, ".%03d", ms%1000)
}

// writer is the visitor that writes.
type writer struct {
	dst         []byte
	withoutData bool
	first       bool // no member has been written yet
	// noted are the places of dst at which members begin, if they are to be noted: if the slice is not nil.
	noted []int
}

func (w *writer) details(e *Event) {
	if e.Details == nil {
		return
	}
	w.name(forms[e.Type].member)
	w.dst = append(w.dst, '{')
	w.first = true
	e.Details.visit(w)
	w.first = false
	w.dst = append(w.dst, '}')
}

func (w *writer) name(name string) {
	if !w.first {
		w.dst = append(w.dst, ',')
	}
	w.first = false
	if w.noted != nil {
		w.noted = append(w.noted, len(w.dst))
	}
	w.dst = append(w.dst, '"')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, `":`...)
}

func (w *writer) text(name string, at *string) {
	w.name(name)
	w.dst = value.AppendQuoted(w.dst, *at)
}

func (w *writer) optText(name string, at *string) {
	if *at != "" {
		w.text(name, at)
	}
}

func (w *writer) opt(name string, at *sfn.OptString) {
	if at.Set {
		w.text(name, &at.Text)
	}
}

func (w *writer) number(name string, at *int64) {
	w.name(name)
	w.dst = strconv.AppendInt(w.dst, *at, 10)
}

func (w *writer) optNumber(name string, at *int64) {
	if *at != 0 {
		w.number(name, at)
	}
}

func (w *writer) data(name string, at **value.Data) {
	if *at == nil || w.withoutData {
		return
	}
	w.parameters(name, at)
	w.truncated(name, false)
}

func (w *writer) truncated(name string, truncated bool) {
	w.name(name + "Details")
	w.dst = append(w.dst, `{"truncated":`...)
	w.dst = append(strconv.AppendBool(w.dst, truncated), '}')
}

func (w *writer) parameters(name string, at **value.Data) {
	if *at == nil {
		return
	}
	w.name(name)
	w.dst = value.AppendQuoted(w.dst, (*at).Text())
}

func (w *writer) variables(name string, at *[]Variable) {
	if len(*at) == 0 || w.withoutData {
		return
	}
	w.name(name)
	w.dst = append(w.dst, '{')
	w.first = true
	for _, variable := range *at {
		if !w.first {
			w.dst = append(w.dst, ',')
		}
		w.first = false
		w.dst = value.AppendQuoted(w.dst, variable.Name)
		w.dst = append(w.dst, ':')
		w.dst = value.AppendQuoted(w.dst, variable.Value.Text())
	}
	w.dst = append(w.dst, '}')
	w.first = false
	w.truncated(name, false)
}

func (w *writer) credentials(name string, roleARN *string) {
	if *roleARN == "" {
		return
	}
	w.name(name)
	w.dst = append(w.dst, `{"roleArn":`...)
	w.dst = append(value.AppendQuoted(w.dst, *roleARN), '}')
}

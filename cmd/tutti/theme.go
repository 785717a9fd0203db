package main

import (
	"charm.land/lipgloss/v2"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// theme says how kinds of text look: in the sixteen colours that the person has chosen for the terminal, or in none.
type theme struct {
	good, bad, warn, busy, dim, bold func(...string) string
}

func newTheme(colour bool) theme {
	style := lipgloss.NewStyle()
	if !colour {
		plain := func(texts ...string) string { return texts[0] }
		return theme{plain, plain, plain, plain, plain, plain}
	}
	return theme{
		good: style.Foreground(lipgloss.Green).Render,
		bad:  style.Foreground(lipgloss.Red).Render,
		warn: style.Foreground(lipgloss.Yellow).Render,
		busy: style.Foreground(lipgloss.Cyan).Render,
		dim:  style.Faint(true).Render,
		bold: style.Bold(true).Render,
	}
}

// status colours the status of an execution.
func (th theme) status(s types.ExecutionStatus) string {
	switch s {
	case types.ExecutionStatusSucceeded:
		return th.good(string(s))
	case types.ExecutionStatusFailed, types.ExecutionStatusTimedOut:
		return th.bad(string(s))
	case types.ExecutionStatusAborted:
		return th.warn(string(s))
	}
	return th.busy(string(s))
}

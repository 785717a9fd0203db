package engine

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// token is the task token of the attempt that is scheduled with the event. It says which execution and event it belongs to, so no
// index of tokens is needed, and ends in a part that only the execution knows.
func (x *Execution) token(scheduled int64) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Join([]string{
		tokenVersion, x.identity.ARN, strconv.FormatInt(scheduled, 10), x.chance(scheduled, "Task.Token").UUID()}, " ")))
}

const tokenVersion = "tutti/1"

// Token is a task token, taken apart.
type Token struct {
	Execution string // ARN
	Scheduled int64  // id of the Scheduled event
}

// ParseToken takes a task token apart. Whether it is genuine only its execution can tell: see [Execution.Genuine].
func ParseToken(token string) (Token, error) {
	text, err := base64.StdEncoding.DecodeString(token)
	parts := strings.Split(string(text), " ")
	if err != nil || len(parts) != 4 || parts[0] != tokenVersion {
		return Token{}, fmt.Errorf("not a task token")
	}
	scheduled, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || scheduled < 1 {
		return Token{}, fmt.Errorf("not a task token")
	}
	return Token{Execution: parts[1], Scheduled: scheduled}, nil
}

// Genuine tells whether the execution made the token, for whatever event.
func (x *Execution) Genuine(token string) bool {
	t, err := ParseToken(token)
	return err == nil && t.Execution == x.identity.ARN && x.token(t.Scheduled) == token
}

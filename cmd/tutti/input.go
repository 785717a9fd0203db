package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// input reads the input of an execution: JSON as it stands, a file, or - for standard input. "" is {}.
func (c *cli) input(given string) (string, error) {
	text, from := given, "the input"
	switch {
	case given == "":
		return "{}", nil
	case given == "-":
		read, err := readInput(c.stdin)
		if err != nil {
			return "", usage("the input on standard input cannot be read: %w", err)
		}
		text = read
	case !looksLikeJSON(given):
		read, err := readInputFile(c.path(given))
		if err != nil {
			return "", usage("the input %s cannot be read: %w; --input takes a file, - for standard input, or JSON", printable(given), reason(err))
		}
		text, from = read, printable(given)
	}
	if len(text) > sfn.MaxPayloadBytes {
		return "", usage("%s: 1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have size less than or equal to %d bytes "+
			"in UTF-8 encoding; put the data into a file or bucket and pass its place instead", sfn.ValidationException, sfn.MaxPayloadBytes)
	}
	if _, err := value.ParseData(text); err != nil {
		return "", usage("%s: Invalid State Machine Execution Input: '%s'; %s has to be one JSON value", sfn.InvalidExecutionInput, printable(err.Error()), from)
	}
	return text, nil
}

// looksLikeJSON tells JSON from the name of a file.
func looksLikeJSON(s string) bool {
	return strings.ContainsRune(`{["`, rune(strings.TrimSpace(s + " x")[0])) || json.Valid([]byte(s))
}

func readInputFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return "", errors.New("it is a folder")
	}
	return readInput(f)
}

// readInput reads no more than shows that it is too much.
func readInput(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, sfn.MaxPayloadBytes+1))
	if err != nil {
		return "", err
	}
	return string(text), nil
}

// reason is what the system says, without the path.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return fmt.Errorf("%w", err)
}

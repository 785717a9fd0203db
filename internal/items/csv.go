package items

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/value"
)

// delimiters are the values of CSVDelimiter (developer guide, "ItemReader", CSVDelimiter).
var delimiters = map[string]byte{"": ',', "COMMA": ',', "PIPE": '|', "SEMICOLON": ';', "SPACE": ' ', "TAB": '\t'}

// csv goes over the rows of a CSV file. Every value is a text. A row that is too short is filled up with empty ones, what is too much is dropped.
func (r *reader) csv(in *bufio.Reader, source string) error {
	rows := csvRows{in: in, delimiter: delimiters[r.how.CSVDelimiter]}
	skipMark(in)
	header := r.how.CSVHeaders
	if !r.how.HeaderGiven {
		row, err := rows.next(maxHeaderBytes)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		header = slices.Clone(row)
	}
	size := 0
	seen := make(map[string]bool, len(header))
	for _, name := range header {
		if seen[name] {
			return wrong("CSV headers cannot contain duplicates.")
		}
		seen[name] = true
		size += len(name) + 1
	}
	if size > maxHeaderBytes {
		return wrong("CSV headers cannot exceed 10 KB.")
	}
	for {
		row, err := rows.next(maxItemBytes)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		members := make([]value.Member, len(header))
		for i, name := range header {
			members[i] = value.Member{Name: name, Value: value.String("")}
			if i < len(row) {
				members[i].Value = value.String(row[i])
			}
		}
		if err := r.hand(Item{Value: value.NewObject(members...), Source: source}); err != nil {
			return err
		}
	}
}

// skipMark steps over a byte order mark.
func skipMark(in *bufio.Reader) {
	if mark, err := in.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = in.Discard(3)
	}
}

// csvRows takes a CSV file apart (RFC 4180, with backslashes: they escape a backslash, a quote and the delimiter, and any other is dropped).
type csvRows struct {
	in        *bufio.Reader
	delimiter byte
	field     []byte
	row       []string
	line      int
}

// next returns the next row, or io.EOF. It skips empty lines. The row is good until the next one.
func (c *csvRows) next(most int) ([]string, error) {
	for {
		row, blank, err := c.scan(most)
		if err != nil || !blank {
			return row, err
		}
	}
}

func (c *csvRows) scan(most int) (row []string, blank bool, err error) {
	c.row, c.field = c.row[:0], c.field[:0]
	c.line++
	size, quoted, wasQuoted := 0, false, false
	for {
		b, err := c.in.ReadByte()
		if errors.Is(err, io.EOF) {
			if quoted {
				return nil, false, wrong("The CSV file ends inside of a quoted value that begins before line %d.", c.line+1)
			}
			if len(c.row) == 0 && len(c.field) == 0 && !wasQuoted {
				return nil, false, io.EOF
			}
			return c.end(), false, nil
		}
		if err != nil {
			return nil, false, err
		}
		if size++; size > most {
			return nil, false, tooLarge(most)
		}
		switch {
		case b == '\\':
			if next, err := c.in.Peek(1); err == nil && (next[0] == '\\' || next[0] == '"' || next[0] == c.delimiter) {
				c.field = append(c.field, next[0])
				_, _ = c.in.Discard(1)
			}
		case b == '"' && quoted:
			if next, err := c.in.Peek(1); err == nil && next[0] == '"' {
				c.field = append(c.field, '"')
				_, _ = c.in.Discard(1)
			} else {
				quoted = false
			}
		case b == '"' && len(c.field) == 0 && !wasQuoted:
			quoted, wasQuoted = true, true
		case quoted:
			if b == '\n' {
				c.line++
			}
			c.field = append(c.field, b)
		case b == c.delimiter:
			c.take()
			wasQuoted = false
		case b == '\r':
			if next, err := c.in.Peek(1); err == nil && next[0] == '\n' {
				continue
			}
			c.field = append(c.field, b)
		case b == '\n':
			blank := len(c.row) == 0 && len(c.field) == 0 && !wasQuoted
			return c.end(), blank, nil
		default:
			c.field = append(c.field, b)
		}
	}
}

func (c *csvRows) take() {
	text := string(c.field)
	if !utf8.ValidString(text) {
		text = string([]rune(text)) // what is not UTF-8 becomes the replacement character
	}
	c.row = append(c.row, text)
	c.field = c.field[:0]
}

func (c *csvRows) end() []string {
	c.take()
	return c.row
}

func tooLarge(most int) error {
	if most == maxHeaderBytes {
		return wrong("CSV headers cannot exceed 10 KB.")
	}
	return wrong("An item has more than the limit of 8 MB.")
}

package items

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// errIterable is AWS's answer to a JSON file with nothing to go over in it (recorded).
func errIterable() error { return wrong("Attempting to map over non-iterable node.") }

// json goes over the elements of an array, or the members of an object, in a JSON file: the whole file, or what ItemsPointer points at. That a whole
// file may not be an object is recorded.
func (r *reader) json(in *bufio.Reader, source string) error {
	skipMark(in)
	s := &scanner{in: in}
	if r.how.ItemsPointer != "" {
		if err := s.find(r.how.ItemsPointer); err != nil {
			return err
		}
	}
	first, err := s.peek()
	if err != nil {
		return s.ended(err)
	}
	switch {
	case first == '[':
		err = s.elements(func(int) error {
			v, err := s.item()
			if err != nil {
				return err
			}
			return r.hand(Item{Value: v, Source: source})
		})
	case first == '{' && r.how.ItemsPointer != "":
		err = s.members(func(name string) error {
			v, err := s.item()
			if err != nil {
				return err
			}
			return r.hand(Item{Value: v, Key: name, Keyed: true, Source: source})
		})
	default:
		return errIterable()
	}
	if err != nil || r.how.ItemsPointer != "" {
		return err // what stands behind the part that is wanted is not read
	}
	if _, err := s.peek(); !errors.Is(err, io.ErrUnexpectedEOF) {
		return s.wrong("something stands behind the array")
	}
	return nil
}

// lines goes over the lines of a file, each a JSON text.
func (r *reader) lines(in *bufio.Reader, source string) error {
	for n := 1; ; n++ {
		line, err := readLine(in, maxItemBytes)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		text := strings.TrimSpace(line)
		if text == "" {
			continue
		}
		v, err := value.Parse(text)
		if err != nil {
			return wrong("Line %d of the JSON Lines file is not JSON: %s.", n, err)
		}
		if err := r.hand(Item{Value: v, Source: source}); err != nil {
			return err
		}
	}
}

// readLine reads a line of at most so many bytes, or io.EOF behind the last.
func readLine(in *bufio.Reader, most int) (string, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > most {
			return "", tooLarge(most)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0, err == nil:
			return strings.TrimRight(string(line), "\r\n"), nil
		default:
			return "", err
		}
	}
}

// scanner walks through a JSON text of any length without keeping it. Only what is taken as an item or a name is looked at closely; of what is
// stepped over, brackets and quotes have to fit.
type scanner struct {
	in *bufio.Reader
	at int64
}

func (s *scanner) wrong(what string) error {
	return wrong("The file is not the JSON that was expected: %s (at byte %d).", what, s.at)
}

func (s *scanner) byte() (byte, error) {
	b, err := s.in.ReadByte()
	if errors.Is(err, io.EOF) {
		return 0, io.ErrUnexpectedEOF
	}
	s.at++
	return b, err
}

// peek steps over blanks and returns the next byte without taking it; io.ErrUnexpectedEOF at the end.
func (s *scanner) peek() (byte, error) {
	for {
		b, err := s.byte()
		if err != nil {
			return 0, err
		}
		switch b {
		case ' ', '\t', '\r', '\n':
		default:
			s.at--
			return b, s.in.UnreadByte()
		}
	}
}

// expect takes the byte, which is next.
func (s *scanner) expect(want byte) error {
	b, err := s.peek()
	if err != nil {
		return s.ended(err)
	}
	if b != want {
		return s.wrong("there is " + strconv.QuoteRune(rune(b)) + " instead of " + strconv.QuoteRune(rune(want)))
	}
	_, err = s.byte()
	return err
}

// ended makes an Error of the end of the file.
func (s *scanner) ended(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return s.wrong("it ends too early")
	}
	return err
}

// elements visits the elements of the array that is next. visit takes the element.
func (s *scanner) elements(visit func(index int) error) error {
	return s.list('[', ']', func(index int) error { return visit(index) })
}

// members visits the members of the object that is next. visit takes the member's value.
func (s *scanner) members(visit func(name string) error) error {
	return s.list('{', '}', func(int) error {
		if b, err := s.peek(); err != nil || b != '"' {
			return errors.Join(s.wrong("a name is missing"), s.ended(err))
		}
		text, err := s.raw(maxItemBytes)
		if err != nil {
			return err
		}
		v, err := value.Parse(text)
		name, ok := v.(value.String)
		if err != nil || !ok {
			return s.wrong("a name cannot be read")
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		return visit(string(name))
	})
}

func (s *scanner) list(opening, closing byte, visit func(index int) error) error {
	if err := s.expect(opening); err != nil {
		return err
	}
	for index := 0; ; index++ {
		b, err := s.peek()
		switch {
		case err != nil:
			return s.ended(err)
		case b == closing && index == 0:
			return s.expect(closing)
		}
		if err := visit(index); err != nil {
			return err
		}
		if b, err = s.peek(); err != nil {
			return s.ended(err)
		}
		if b == closing {
			return s.expect(closing)
		}
		if err := s.expect(','); err != nil {
			return err
		}
	}
}

// item takes the value that is next.
func (s *scanner) item() (value.Value, error) {
	text, err := s.raw(maxItemBytes)
	if err != nil {
		return nil, err
	}
	v, err := value.Parse(text)
	if err != nil {
		return nil, s.wrong("an item is not JSON: " + err.Error())
	}
	return v, nil
}

// raw takes the text of the value that is next. most bounds it; 0 steps over a value of any length.
func (s *scanner) raw(most int) (string, error) {
	if _, err := s.peek(); err != nil {
		return "", s.ended(err)
	}
	var text []byte
	depth, inString, length := 0, false, 0
	for {
		b, err := s.byte()
		if errors.Is(err, io.ErrUnexpectedEOF) && depth == 0 && !inString && length > 0 {
			return string(text), nil // a number or a literal at the end of the file
		}
		if err != nil {
			return "", s.ended(err)
		}
		if length++; most > 0 {
			if length > most {
				return "", tooLarge(most)
			}
			text = append(text, b)
		}
		switch {
		case inString && b == '\\':
			b, err := s.byte()
			if err != nil {
				return "", s.ended(err)
			}
			if length++; most > 0 {
				text = append(text, b)
			}
			continue
		case b == '"':
			inString = !inString
		case inString:
			continue
		case b == '[' || b == '{':
			depth++
			continue
		case b == ']' || b == '}':
			depth--
		case b == ',' || b == ':' || b == ' ' || b == '\t' || b == '\r' || b == '\n':
			if depth == 0 {
				depth = -1 // a number or a literal ends here
			}
		default:
			continue
		}
		switch {
		case depth == 0 && !inString:
			return string(text), nil
		case depth < 0: // the byte belongs to what stands around the value
			s.at--
			if most > 0 {
				text = text[:len(text)-1]
			}
			if length == 1 {
				return "", s.wrong("a value is missing")
			}
			return string(text), s.in.UnreadByte()
		}
	}
}

// find goes to what the pointer points at (RFC 6901).
func (s *scanner) find(pointer string) error {
	if len(pointer) >= maxPointer || pointer[0] != '/' {
		return wrong("ItemsPointer must be a JSON Pointer of less than %d characters, like /items.", maxPointer)
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		name := strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		b, err := s.peek()
		if err != nil {
			return s.ended(err)
		}
		switch b {
		case '{':
			err = s.members(func(member string) error { return s.step(member == name) })
		case '[':
			err = s.elements(func(index int) error { return s.step(strconv.Itoa(index) == name) })
		default:
			err = nil
		}
		if !errors.Is(err, errFound) {
			return errors.Join(err, wrongPointer(err, pointer))
		}
		if s.at > maxBefore {
			return wrong("What ItemsPointer points at must begin within the first 16 MB of the file.")
		}
	}
	return nil
}

var errFound = errors.New("found")

// step stops in front of the value that is next if it is the wanted one, and steps over it otherwise.
func (s *scanner) step(wanted bool) error {
	if wanted {
		return errFound
	}
	if s.at > maxBefore {
		return wrong("What ItemsPointer points at must begin within the first 16 MB of the file.")
	}
	_, err := s.raw(0)
	return err
}

func wrongPointer(err error, pointer string) error {
	if err != nil {
		return nil
	}
	return wrong("There is nothing in the file that ItemsPointer %s points at.", pointer)
}

package regex_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/jsonata/regex"
)

// matches: the answers are V8's.
var matches = []struct {
	pattern, flags, text string
	want                 string // place and groups, "no" for no match; - stands for a group that took no part
}{
	{`a`, "", "cab", "1 a"},
	{`a|ab`, "", "ab", "0 a"},
	{`(a|ab)(c|bcd)(d*)`, "", "abcd", "0 abcd a bcd "},
	{`a+?b`, "", "aaab", "0 aaab"},
	{`(z)((a+)?(b+)?(c))*`, "", "zaacbbbcac", "0 zaacbbbcac z ac a - c"},
	{`(a*)*`, "", "b", "0  -"},
	{`(a*)?`, "", "b", "0  -"},
	{`(?:a*?)+?b`, "", "aab", "0 aab"},
	{`(?=(a+))a*b\1`, "", "baaabac", "3 aba a"},
	{`(.*?)a(?!(a+)b\2c)\2(.*)`, "", "baaabaac", "0 baaabaac ba - abaac"},
	{`(?<=\$)\d+`, "", "a $42", "3 42"},
	{`(?<!\$)\b\d+`, "", "$42 17", "4 17"},
	{`(?<=(\d+)(\d+))$`, "", "1053", "4  1 053"},
	{`(?<=\1(a))b`, "", "aab", "2 b a"},
	{`(a)|b`, "", "b", "0 b -"},
	{`\b\w+\b`, "", "  héllo", "2 h"},
	{`^b`, "m", "a\nb", "2 b"},
	{`^b`, "", "a\nb", "no"},
	{`a$`, "m", "a\nb", "0 a"},
	{`.`, "", "\n\r\u2028\u2029", "no"},
	{`[^]`, "", "\n", "0 \n"},
	{`[]`, "", "a", "no"},
	{`É`, "i", "é", "0 é"},
	{`[à-é]`, "i", "É", "0 É"},
	{`ſ`, "i", "s", "no"},
	{`\u212a`, "i", "k", "no"},
	{`\w`, "i", "ſ", "no"},
	{`[^x]`, "i", "X", "no"},
	{`\x41\u0042\103`, "", "ABC", "0 ABC"},
	{`\cJ`, "", "\n", "0 \n"},
	{`\c`, "", `\c`, `0 \c`},
	{`[\b]`, "", "\b", "0 \b"},
	{`[\d-x]+`, "", "1-x", "0 1-x"},
	{`a{,2}`, "", "a{,2}", "0 a{,2}"},
	{`a{2,3}`, "", "aaaa", "0 aaa"},
	{`(?:ab){2,}?`, "", "ababab", "0 abab"},
	{`x{0}y`, "", "xy", "1 y"},
	{`(?<year>\d{4})-\k<year>`, "", "2024-2024", "0 2024-2024 2024"},
	{`\k<x>`, "", "k<x>", "0 k<x>"},
	{`\1(a)`, "", "a", "0 a a"},
	{`\2(a)`, "", "\x02a", "0 \x02a a"},
	{`(?=a)*b`, "", "b", "0 b"},
	{`]}`, "", "]}", "0 ]}"},
	{`😀`, "", "x😀", "1 😀"},
	{`x*`, "", "aaa", "0 "},
}

func flags(letters string) regex.Flags {
	return regex.Flags{IgnoreCase: strings.Contains(letters, "i"), Multiline: strings.Contains(letters, "m")}
}

func describe(text *regex.Text, places []int) string {
	if places == nil {
		return "no"
	}
	var b strings.Builder
	fmt.Fprint(&b, places[0])
	for i := 0; i < len(places); i += 2 {
		b.WriteByte(' ')
		if places[i] < 0 {
			b.WriteByte('-')
		} else {
			b.WriteString(text.Slice(places[i], places[i+1]))
		}
	}
	return b.String()
}

func TestMatch(t *testing.T) {
	for _, c := range matches {
		re, err := regex.Compile(c.pattern, flags(c.flags))
		if err != nil {
			t.Errorf("/%s/: %v", c.pattern, err)
			continue
		}
		text := regex.NewText(c.text)
		places, _ := re.Match(text, 0, nil)
		if got := describe(text, places); got != c.want {
			t.Errorf("/%s/%s on %q: got %q, want %q", c.pattern, c.flags, c.text, got, c.want)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct{ pattern, want string }{
		{`(`, "Unterminated group"},
		{`)`, "Unmatched ')'"},
		{`[a`, "Unterminated character class"},
		{`a**`, "Nothing to repeat"},
		{`{1}`, "Nothing to repeat"},
		{`a{2,1}`, "numbers out of order in {} quantifier"},
		{`[b-a]`, "Range out of order in character class"},
		{`(?<n>a)(?<n>b)`, "Duplicate capture group name"},
		{`(?<1>a)`, "Invalid capture group name"},
		{`(?<a>x)\k<b>`, "Invalid named capture referenced"},
		{`(?<a>x)\k`, "Invalid named reference"},
		{`(?x)`, "Invalid group"},
		{`(?<=a)*`, "Invalid quantifier"},
		{`\`, `\ at end of pattern`},
		{strings.Repeat("(", 1000), "Regular expression too large"},
	} {
		_, err := regex.Compile(c.pattern, regex.Flags{})
		want := "Invalid regular expression: /" + c.pattern + "/g: " + c.want
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestAbandon makes sure that a match asks whether it may go on.
func TestAbandon(t *testing.T) {
	re, err := regex.Compile(`(a|aa)+$`, regex.Flags{})
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	places, ok := re.Match(regex.NewText(strings.Repeat("a", 60)+"b"), 0, func(int) bool {
		asked++
		return asked < 10
	})
	if places != nil || ok || asked != 10 {
		t.Errorf("places %v, ok %v after %d questions", places, ok, asked)
	}
}

func TestUnits(t *testing.T) {
	for _, s := range []string{"", "abc", "é€😀", "\xed\xa0\xbdx", "x\xed\xb8\x80"} {
		if got := regex.FromUnits(regex.Units(s)); got != s {
			t.Errorf("%q comes back as %q", s, got)
		}
	}
	if got := regex.FromUnits(regex.Units("\xed\xa0\xbd\xed\xb8\x80")); got != "😀" {
		t.Errorf("two halves make %q", got)
	}
}

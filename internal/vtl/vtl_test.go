package vtl_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/value"
	"github.com/tutti-run/tutti/internal/vtl"
)

// Example fills a template with a document.
func Example() {
	t, err := vtl.Parse(`#set($root = $in)
{#foreach($pet in $root.pets)"$pet.name": $pet.age#if($foreach.hasNext), #end#end}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	document, _ := value.Parse(`{"pets":[{"name":"Rex","age":3},{"name":"Tom","age":5}]}`)
	out, err := t.Run(map[string]any{"in": vtl.Of(document)})
	fmt.Println(out, err)
	// Output: {"Rex": 3, "Tom": 5} <nil>
}

// echo is an Object that says how it was called.
type echo struct{}

func (echo) Property(name string) (any, bool) { return nil, false }

func (echo) Call(name string, args []any) (any, bool, error) {
	return fmt.Sprint(name, args), true, nil
}

func variables(t testing.TB) map[string]any {
	document, err := value.Parse(`{"s":"it's","n":3,"f":1.5,"t":true,"z":null,"list":[1,2,3],"o":{"a":"x","b":[true]},"empty":""}`)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := vtl.Of(document).(*vtl.Map)
	all := map[string]any{"echo": echo{}, "m": m}
	for _, k := range m.Keys() {
		all[k], _ = m.Get(k)
	}
	return all
}

func TestTemplates(t *testing.T) {
	for _, tt := range []struct{ name, template, want string }{
		{"text", "a b", "a b"},
		{"reference", "$s ${s}x $!s $!{s}", "it's it'sx it's it's"},
		{"undefined", "$nope ${nope} $!nope. $nope.a.b() $$ $1 100$", "$nope ${nope} . $nope.a.b() $$ $1 100$"},
		{"null", "$z|$!z", "$z|"},
		{"property", "$o.a $o.b[0] $o['a'] $list[1] $list[-1] $o.b", "x true x 2 3 [true]"},
		{"end of a reference", "$s. $s.. $list[x] $s-", "it's. it's.. [1,2,3][x] $s-"},
		{"JSON", "$o $list $f $n $t", `{"a":"x","b":[true]} [1,2,3] 1.5 3 true`},
		{"set", "#set($a = 1)$a#set( $b = $a + 1 ) $b", "1 2"},
		{"set null", "#set($n = $nope)$n", "3"},
		{"set a member", "#set($o.c = 'd')#set($o['e'] = 1)#set($list[0] = 9)$o.c $o.e $list", "d 1 [9,2,3]"},
		{"strings", `#set($a = "x${n}y $nope")$a #set($b = 'x$n')$b #set($c = "a""b")$c #set($d = "")[$d]`, `x3y $nope x$n a"b []`},
		{"numbers", "#set($a = (1 + 2) * 3 - 10 / 3 % 2)$a #set($b = 1.5 * 2)$b #set($c = -$n)$c #set($d = 7 / 0)$!d", "8 3.0 -3 "},
		{"join", "#set($a = 'a' + 1)$a", "a1"},
		{"list", "#set($a = [1, 'b', $n])$a $a.size() $a.isEmpty() $a.get(1) $a.contains('b') #set($x = $a.add(4))$a", `[1,"b",3] 3 false b true [1,"b",3,4]`},
		{"range", "#set($a = [1..3])$a #set($b = [2..0])$b", "[1,2,3] [2,1,0]"},
		{"map", `#set($a = {"k": 1, 'l': [2]})$a $a.k $a.get('l') $a.size() $a.containsKey('x') $a.keySet() #set($x = $a.put('m', 3))$a.m $a.remove('k') $a`, `{"k":1,"l":[2]} 1 [2] 2 false ["k","l"] 3 1 {"l":[2],"m":3}`},
		{"empty", "$o.empty $list.empty $empty.empty $o.size()", "false false true 2"},
		{"if", "#if($t)yes#{else}no#end #if($nope)yes#else no#end#if(!$nope)!#end", "yes  no!"},
		{"truth", "#if($empty)true#end#if(0)true#end#if($z)x#end#if($t == false)y#end", "truetrue"},
		{"elseif", "#if($n == 1)a#elseif($n == 3)b#else c#end", "b"},
		{"comparisons", "#if($n >= 3 && $n < 4 && $n != 4 && !($n > 3) and $n le 3)a#end#if($n lt 3 or $n eq 3)b#end#if('a' < 'b')c#end", "ab"},
		{"equal", `#if($n == '3')a#end#if($n == 3.0)b#end#if($z == $nope)c#end#if($s == "it's")d#end`, "abcd"},
		{"foreach", "#foreach($i in $list)$i$foreach.index$foreach.count$velocityCount#if($foreach.hasNext),#end#end$!i$!foreach", "1011,2122,3233"},
		{"foreach of a map", "#foreach($v in $o)$v;#end#foreach($e in $o.entrySet())$e.key=$e.value;#end", `x;[true];a=x;b=[true];`},
		{"nested loops", "#foreach($a in [1..2])#foreach($b in [1..2])$a$b$foreach.parent.count #end#end", "111 121 212 222 "},
		{"break", "#foreach($i in $list)#if($i == 2)#break#end$i#end.", "1."},
		{"stop", "a#stop b", "a"},
		{"comments", "a## no $s\nb#* $s\n *#c#[[ $s ]]#", "abc $s "},
		{"lines", "#if($t)\n  a\n#end\nb", "  a\nb"},
		{"escapes", `\$s \#if \\ \x # #1 #foo`, `$s #if \\ \x # #1 #foo`},
		{"methods of texts", "$s.length() $s.toUpperCase() $s.substring(1,2) $s.substring(2) $s.indexOf('s') $s.contains('t') $s.replace(\"'\", '-') $s.split(\"'\") $s.equals(\"it's\") $s.charAt(0) $s.concat('!')",
			`4 IT'S t 's 3 true it-s ["it","s"] true i it's!`},
		{"patterns", `$s.replaceAll("(t)'", "$1-") $s.replaceAll('[its]', '\$') $s.matches('.*s') $s.replaceFirst('.', '')`, `it-s $$'$ true t's`},
		{"numbers of texts", "#set($i = 0)$i.parseInt('12') #set($x = $i.parseInt('3') + 1)$x", "12 4"},
		{"objects", "$echo.call(1, 'a', [true]) $echo.nope", "call[1 a 0xADDRESS] $echo.nope"},
		{"no such method", "$s.getClass() $n.getClass().forName('x') $list.stream()", "$s.getClass() $n.getClass().forName('x') $list.stream()"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			template, err := vtl.Parse(tt.template)
			if err != nil {
				t.Fatal(err)
			}
			got, err := template.Run(variables(t))
			if err != nil {
				t.Fatal(err)
			}
			if tt.name == "objects" {
				before, _, _ := strings.Cut(tt.want, "0x")
				if !strings.HasPrefix(got, before[:len("call[1 a")]) || !strings.HasSuffix(got, "$echo.nope") {
					t.Errorf("%q", got)
				}
				return
			}
			if got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct{ template, want string }{
		{"a\n#if($x)", "line 2: #if is not ended by #end"},
		{"#end", "line 1: #end stands without a directive that it belongs to"},
		{"#foreach($x in $y)", "#foreach is not ended by #end"},
		{"#foreach($x of $y)#end", "#foreach needs the word in"},
		{"#foreach($x.y in $y)#end", "#foreach needs a variable"},
		{"#set(a = 1)", "#set needs a reference to set"},
		{"#set($a 1)", `"=" is missing`},
		{"#set($a = )", "begins no expression"},
		{"#set($a = 'x)", "a string has no end"},
		{"#set($a = \"#if(\")", "in a string: line 1"},
		{"#if($a) #else #else #end", "#else is not ended by #end"},
		{"${a", "is not ended by }"},
		{"$a.b(1", `"," is missing`},
		{"#macro(x)#end", "#macro is not part of the language of mapping templates"},
		{strings.Repeat("#if($a)", 100), "are nested deeper than 60"},
		{"#set($a = " + strings.Repeat("(", 100), "are nested deeper than 60"},
		{"#set($a = " + strings.Repeat("!", 100), "are nested deeper than 60"},
		{strings.Repeat("x", vtl.MaxSize+1), "the template has 307201 bytes, and may have 307200"},
	} {
		_, err := vtl.Parse(tt.template)
		var fault *vtl.SyntaxError
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.40q: %v, want %s", tt.template, err, tt.want)
		}
	}
}

func TestBounds(t *testing.T) {
	for _, tt := range []struct{ template, want string }{
		{"#set($l = [])#foreach($i in [1..1000])#foreach($j in [1..1000])#set($x = $l.add(1))#end#end", "steps"},
		{"#set($s = 'x')#foreach($i in [1..40])#set($s = \"$s$s\")#end", "bytes of text"},
		{"#foreach($i in [1..1002])#end", "more than 1000"},
		{"#set($l = [1])#foreach($i in [1..40])#set($x = $l.addAll($l))#end", "bytes of text"},
		{"#foreach($i in [1..1000])#foreach($j in [1..1000])#set($x = 'a'.matches('a'))#end#end", "begins no expression|"},
		{`#set($s = 'a')#foreach($i in [1..1000])#foreach($j in [1..1000])#set($x = $s.matches("a{900}$i-$j"))#end#end`, "bytes of text"},
		{"#set($m = {})#set($x = $m.put('a', $m))#set($x = $m.put('b', $m))$m$m$m", "bytes of text"},
		{"#set($s = 'a')$s.substring(2)", "a string has no part from 2 to 1"},
		{"#set($s = 'a')$s.replaceAll('a', '$7')", "no group 7"},
		{"#set($s = 'a')$s.matches('(?=a)')", "cannot be had here"},
		{"#set($s = 0)$s.parseInt('x')", "it is no number"},
		{"#set($s = 'a')#set($s.b = 1)", "sets nothing that can be set"},
	} {
		template, err := vtl.Parse(tt.template)
		if want, syntax := strings.CutSuffix(tt.want, "|"); syntax {
			if err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(want, "|")) && !strings.Contains(err.Error(), "is missing") {
				t.Errorf("%q: %v", tt.template, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", tt.template, err)
			continue
		}
		_, err = template.Run(map[string]any{})
		var fault *vtl.RunError
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %s", tt.template, err, tt.want)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		"$s ${o.a} $!nope", "#set($a = \"x$n\")#if($a == 'x3')y#elseif(!$a)z#{else}w#end", "#foreach($i in [1..3])$i$foreach.hasNext#end",
		"#set($m = {'a': [1, 2.5]})$m.a[1] $m.keySet()", "$s.replaceAll(\"(t)'\", '$1').substring(0, 1)", "## c\n#* d *##[[ e ]]#\\$s", "#set($o.c = -(1 + 2) * 3 % 4)$o",
		"#stop#break", "$list[$n] $list.add($list)$list", "#if((((1))))#end",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		template, err := vtl.Parse(text)
		if err != nil {
			return
		}
		if out, err := template.Run(variables(t)); err == nil && len(out) > 33<<20 {
			t.Errorf("%d bytes come of %q", len(out), text)
		}
	})
}

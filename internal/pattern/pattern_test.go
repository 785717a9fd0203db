package pattern_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/pattern"
	"github.com/tutti-run/tutti/internal/value"
)

func TestPattern(t *testing.T) {
	const event = `{"version":"0","source":"aws.ec2","detail-type":"State-change","resources":["arn:a","arn:b"],"none":null,"empty":"",
		"detail":{"state":"running","c-count":5,"x-limit":3.018e2,"flag":true,"ip":"10.0.0.17","file":"a/dir/x.PNG","list":[1,2],"objects":[{"k":"a","v":1},{"k":"b","v":2}],"nothing":[],
		"lists":[[{"k":"a","v":1}],[{"k":"b","v":2},"leaf"]],"some":[{"k":"a"},{"v":1}],"dotted.name":"x","big":12345678901}}`
	parsed, err := value.Parse(event)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		pattern string
		want    bool
	}{
		{`{"source":["aws.ec2"]}`, true},
		{`{"source":["aws.s3","aws.ec2"]}`, true},
		{`{"source":["AWS.EC2"]}`, false},
		{`{"source":["aws.ec2"],"detail":{"state":["stopped"]}}`, false},
		{`{"detail":{"state":["running"],"c-count":[5]}}`, true},
		{`{"detail":{"c-count":["5"]}}`, false},
		{`{"detail":{"flag":[true]}}`, true},
		{`{"none":[null]}`, true},
		{`{"missing":[null]}`, false},
		{`{"empty":[""]}`, true},
		{`{"resources":["arn:b"]}`, true},
		{`{"detail":{"list":[2]}}`, true},
		{`{"detail":{"objects":{"k":["b"],"v":[2]}}}`, true},
		{`{"detail":{"objects":{"k":["a"],"v":[2]}}}`, false},
		{`{"detail":{"state":[{"prefix":"run"}]}}`, true},
		{`{"detail":{"state":[{"prefix":{"equals-ignore-case":"RUN"}}]}}`, true},
		{`{"detail":{"file":[{"suffix":".png"}]}}`, false},
		{`{"detail":{"file":[{"suffix":{"equals-ignore-case":".png"}}]}}`, true},
		{`{"detail":{"state":[{"equals-ignore-case":"RUNNING"}]}}`, true},
		{`{"detail":{"state":[{"anything-but":"stopped"}]}}`, true},
		{`{"detail":{"state":[{"anything-but":["stopped","running"]}]}}`, false},
		{`{"detail":{"c-count":[{"anything-but":[1,2]}]}}`, true},
		{`{"detail":{"missing":[{"anything-but":"x"}]}}`, false},
		{`{"detail":{"state":[{"anything-but":{"prefix":"run"}}]}}`, false},
		{`{"detail":{"state":[{"anything-but":{"suffix":["x","ing"]}}]}}`, false},
		{`{"detail":{"state":[{"anything-but":{"equals-ignore-case":["STOPPED"]}}]}}`, true},
		{`{"detail":{"file":[{"anything-but":{"wildcard":"*/lib/*"}}]}}`, true},
		{`{"detail":{"c-count":[{"numeric":[">",0,"<=",5]}]}}`, true},
		{`{"detail":{"c-count":[{"numeric":["<",5]}]}}`, false},
		{`{"detail":{"x-limit":[{"numeric":["=",301.8]}]}}`, true},
		{`{"detail":{"state":[{"numeric":["=",1]}]}}`, false},
		{`{"detail":{"ip":[{"cidr":"10.0.0.0/24"}]}}`, true},
		{`{"detail":{"ip":[{"cidr":"10.0.1.0/24"}]}}`, false},
		{`{"detail":{"state":[{"exists":true}]}}`, true},
		{`{"detail":{"state":[{"exists":false}]}}`, false},
		{`{"detail":{"missing":[{"exists":false}]}}`, true},
		{`{"missing":{"deep":[{"exists":false}]}}`, true},
		{`{"detail":[{"exists":true}]}`, false},
		{`{"detail":{"file":[{"wildcard":"a/*/x.*"}]}}`, true},
		{`{"detail":{"file":[{"wildcard":"a/*/y.*"}]}}`, false},
		{`{"detail":{"file":[{"wildcard":"a/dir/x.PNG"}]}}`, true},
		{`{"detail":{"file":[{"wildcard":"a\\*"}]}}`, false},
		{`{"$or":[{"source":["x"]},{"detail":{"c-count":[5]}}]}`, true},
		{`{"$or":[{"source":["x"]},{"source":["y"]}]}`, false},
		{`{"source":["aws.ec2"],"detail":{"$or":[{"state":["x"]},{"c-count":[{"numeric":[">",4]}]}]}}`, true},
		{`{"source":[{"prefix":"aws."},"x"]}`, true},
		{`{"$or":[{"prefix":"x"},"y"]}`, false},                                     // a field of that name
		{`{"source":["x"],"$or":[{"source":["aws.ec2"]},{"version":["1"]}]}`, true}, // what comes later in the text goes before
		{`{"$or":[{"source":["aws.ec2"]},{"version":["1"]}],"source":["x"]}`, false},
		{`{"detail":{"x-limit":[301.8]}}`, true}, // numbers by value
		{`{"detail":{"c-count":[5.0]}}`, true},
		{`{"detail":{"big":[12345678901]}}`, true},
		{`{"detail":{"ip":["10.0.0.17"]}}`, true},
		{`{"detail":{"ip":[{"cidr":"10.0.0.200/24"}]}}`, true}, // the block around an address
		{`{"detail.state":["running"]}`, true},                 // names joined by dots, here and there
		{`{"detail":{"dotted":{"name":["x"]}}}`, true},
		{`{"detail":{"nothing":[{"exists":true}]}}`, false}, // an empty list has no leaves
		{`{"detail":{"nothing":[{"exists":false}]}}`, true},
		{`{"detail":{"objects":[{"exists":true}]}}`, false},
		{`{"detail":{"lists":["leaf"]}}`, true}, // lists in lists
		{`{"detail":{"lists":{"k":["b"],"v":[2]}}}`, true},
		{`{"detail":{"lists":{"k":["a"],"v":[2]}}}`, false},
		{`{"detail":{"some":{"v":[{"exists":false}]}}}`, false},          // one element has it
		{`{"detail":{"some":{"k":["a"],"v":[{"exists":false}]}}}`, true}, // this element has it not
		{`{"detail":{"some":{"k":["a"],"v":[1]}}}`, false},
		{`{"none":[{"anything-but":"x"}]}`, true},
		{`{"detail":{"c-count":[{"anything-but":"5"}]}}`, true},
		{`{"detail":{"c-count":[{"anything-but":5.0}]}}`, false},
		{`{"detail":{"c-count":[{"anything-but":{"prefix":"5"}}]}}`, true},
		{`{"detail":{"state":[{"anything-but":["stopped","x"]},{"exists":false}]}}`, true},
		{`{"detail":{"missing":["x",{"exists":false}]}}`, true},
		{`{"detail":{"file":[{"wildcard":"*dir*.P*"}]}}`, true},
		{`{"detail":{"file":[{"wildcard":"*r*r*"}]}}`, false},
		{`{"detail":{"file":[{"wildcard":"*"}]},"empty":[{"wildcard":"*"}]}`, true},
		{`{"detail":{"c-count":[{"wildcard":"*"}]}}`, false},
	} {
		p, err := pattern.Parse(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		if got := p.Match(parsed); got != test.want {
			t.Errorf("%s: got %v", test.pattern, got)
		}
	}
}

func TestPatternRefusals(t *testing.T) {
	for _, test := range []struct{ pattern, reason string }{
		{`[]`, "Filter is not an object"},
		{`{`, "Unexpected end-of-input: expected close marker for Object (start marker at [Source: (String)\"{\"; line: 1, column: 1])"},
		{`what`, "Unrecognized token 'what': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"},
		{`{a:["x"]}`, "Unexpected character ('a' (code 97)): was expecting double-quote to start field name"},
		{`{"a":["x" "y"]}`, "Unexpected character ('\"' (code 34)): was expecting comma to separate Array entries"},
		{`{"a":["x"]} {}`, "Unexpected character ('{' (code 123)): expected nothing behind the pattern"},
		{`{"a":["x"}`, "Unexpected close marker '}': expected ']' (for Array starting at [Source: (String)\"{\"a\":[\"x\"}\"; line: 1, column: 6])"},
		{`{}`, "Empty objects are not allowed"},
		{`{"source":"x"}`, `"source" must be an object or an array`},
		{`{"source":[]}`, "Empty arrays are not allowed"},
		{`{"source":[["x"]]}`, "Match value must be String, number, true, false, or null"},
		{`{"source":[{"begins":"x"}]}`, "Unrecognized match type begins"},
		{`{"source":[{"prefix":"x","suffix":"y"}]}`, "Only one key allowed in match expression"},
		{`{"source":[{"prefix":1}]}`, "prefix match pattern must be a string"},
		{`{"source":[{"equals-ignore-case":1}]}`, "equals-ignore-case match pattern must be a string"},
		{`{"source":[{"exists":"x"}]}`, "exists match pattern must be either true or false."},
		{`{"source":[{"numeric":1}]}`, "Value of numeric must be an array."},
		{`{"source":[{"numeric":[]}]}`, "Invalid member in numeric match: ]"},
		{`{"source":[{"numeric":["!",1]}]}`, "Unrecognized numeric range operator: !"},
		{`{"source":[{"numeric":["=","1"]}]}`, "Value of equals must be numeric"},
		{`{"source":[{"numeric":["<",1,">",0]}]}`, "Too many elements in numeric expression"},
		{`{"source":[{"numeric":[">",5,"<",1]}]}`, "Bottom must be less than top"},
		{`{"source":[{"numeric":[">",5,"=",9]}]}`, "Bad numeric range operator: ="},
		{`{"source":[{"cidr":"10.0.0.1"}]}`, "Malformed CIDR, one '/' required"},
		{`{"source":[{"cidr":"10.0.0.1/x"}]}`, "Malformed CIDR, mask bits must be an integer"},
		{`{"source":[{"cidr":"10.0.0/24"}]}`, "Nonstandard IP address: 10.0.0"},
		{`{"source":[{"wildcard":1}]}`, "wildcard match pattern must be a string"},
		{`{"source":[{"wildcard":"a**"}]}`, "Consecutive wildcard characters at pos 2"},
		{`{"source":[{"wildcard":"*:*:*:*:*:event-bus/*"}]}`, "Rule is too complex - try using fewer wildcard characters"},
		{`{"source":[{"wildcard":"*aaaaaaaaaaaa"}]}`, "Rule is too complex - try using fewer wildcard characters"},
		{`{"source":[{"wildcard":"*aaaaaa"},{"anything-but":{"wildcard":"*aaaaaa"}}]}`, "Rule is too complex - try using fewer wildcard characters"},
		{`{"source":[{"wildcard":"a\\b"}]}`, "Invalid escape character at pos 2"},
		{`{"source":[{"wildcard":"a"},{}]}`, "Match expression name not found"},
		{`{"source":[{"prefix":{"suffix":"a"}}]}`, "Unsupported prefix pattern: suffix"},
		{`{"source":[{"suffix":{}}]}`, "Suffix expression name not found"},
		{`{"source":[{"numeric":[">",5]},{"numeric":[">",5,6]}]}`, "Bad value in numeric range: 6"},
		{`{"source":[{"numeric":[">",5,"<",6,7]}]}`, "Too many terms in numeric range expression"},
		{`{"source":[{"cidr":"10.0.0.1/32"}]}`, "IPv4 mask bits must be < 32"},
		{`{"source":[{"cidr":"::1/128"}]}`, "IPv6 mask bits must be < 128"},
		{`{"source":[{"cidr":"::1/-1"}]}`, "Malformed CIDR, mask bits must not be negative"},
		{`{"source":[{"anything-but":["x",1]}]}`, "Inside anything but list, either all values are number or string, mixed type is not supported"},
		{`{"source":[{"anything-but":[]}]}`, "Inside anything but list, either all values are number or string, mixed type is not supported"},
		{`{"source":[{"anything-but":[true]}]}`, "Inside anything but list, start|null|boolean is not supported."},
		{`{"source":[{"anything-but":{"equals-ignore-case":[1]}}]}`, "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."},
		{`{"source":[{"anything-but":{"prefix":{"equals-ignore-case":"x"}}}]}`, "Value of anything-but must be an array or single string/number value."},
		{`{"$or":[{"a":["x"]}]}`, "There must have at least 2 Objects in $or relationship."},
		{`{"$or":[{"a":["x"]},1]}`, "Only JSON object is allowed in array of $or relationship."},
		{`{"$or":{"a":["x"]},"b":1}`, "It must be an Array followed with $or."},
		{`{"$or":[{"a":["x"]},{"b":{"prefix":["x"]}}]}`, "prefix is Ruler reserved fieldName which cannot be used inside $or."},
		{`{"source":[{"anything-but":{"exists":true}}]}`, "Unsupported anything-but pattern: exists"},
		{`{"source":[{"anything-but":true}]}`, "Value of anything-but must be an array or single string/number value."},
		{`{"source":[{"anything-but":{"prefix":""}}]}`, "Null prefix/suffix not allowed"},
	} {
		_, err := pattern.Parse(test.pattern)
		if err == nil || !strings.HasPrefix(err.Error(), "InvalidEventPatternException: Event pattern is not valid. Reason: "+test.reason) {
			t.Errorf("%s: got %v, want %s", test.pattern, err, test.reason)
		}
	}
}

// TestPatternPlaces holds the places that errors tell to those that AWS has told: behind the token that is wrong, but in front of a text that was not wanted.
func TestPatternPlaces(t *testing.T) {
	for _, test := range []struct {
		pattern      string
		line, column int
	}{
		{`{"n": 42}`, 1, 9},
		{`{"text": "value"}`, 1, 11},
		{`["a"]`, 1, 2},
		{`{"list": []}`, 1, 12},
		{`{"k": [{"EXISTS": true}]}`, 1, 23},
		{`{"d": {"e": [{"NUMERIC": ["=", 5]}]}}`, 1, 27},
		{`{"d": [{"numeric": [">", 0, ">", 0]}]}`, 1, 32},
		{`{"d": [{"numeric": [">", 0, "<"]}]}`, 1, 33},
		{`{"d": [{"equals-ignore-case": ["x"]}]}`, 1, 32},
		{`{"d": [{"wildcard": "a:**:b"}]}`, 1, 29},
		{`{"d": [{"prefix": 123}]}`, 1, 22},
		{`{'d': "e"}`, 1, 2},
		{`{"d": nothing}`, 1, 14},
		{"{\n\t\"ä\": [\"x\"],\n\t\"b\": 1}", 3, 8},
	} {
		_, err := pattern.Parse(test.pattern)
		want := fmt.Sprintf("\n at [Source: (String)\"%s\"; line: %d, column: %d]", test.pattern, test.line, test.column)
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	long := `{"a": [1], "b": "` + strings.Repeat("x", 600) + `"}`
	if _, err := pattern.Parse(long); err == nil || !strings.HasSuffix(err.Error(), `xxx"[truncated 119 chars]; line: 1, column: 18]`) {
		t.Errorf("got %v", err)
	}
}

// TestPatternSearch has a rule want several things of the same elements of long lists, which takes all of their combinations to refuse.
func TestPatternSearch(t *testing.T) {
	var list value.Array
	for i := range 1000 {
		list = append(list, value.NewObject(value.Member{Name: "x", Value: value.Int(1)}, value.Member{Name: "y", Value: value.Int(i)}))
	}
	event := value.NewObject(value.Member{Name: "a", Value: list}, value.Member{Name: "b", Value: list}, value.Member{Name: "c", Value: list})
	for text, want := range map[string]bool{
		`{"a":{"x":[1],"y":[999]},"b":{"x":[1],"y":[998]},"c":{"x":[1],"y":[997]}}`:  true,
		`{"a":{"x":[1],"y":[999]},"b":{"x":[1],"y":[998]},"c":{"x":[2],"y":[997]}}`:  false,
		`{"a":{"x":[1],"y":[999]},"b":{"x":[1],"y":[998]},"c":{"x":[1],"y":[1000]}}`: false,
	} {
		p, err := pattern.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Match(event); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add(`{"a":[{"numeric":[">",1,"<",2]},{"cidr":"::1/8"}],"$or":[{"b":["x"]},{"c":[{"wildcard":"a*\\*"}]}]}`, `{"a":1.5,"b":["x"]}`)
	f.Add(`{"a":{"b":[{"anything-but":{"prefix":["x"]}},null,true]}}`, `{"a":[{"b":"y"}]}`)
	f.Fuzz(func(t *testing.T, text, event string) {
		p, err := pattern.Parse(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "InvalidEventPatternException: ") {
				t.Errorf("%q: %v is not for the client", text, err)
			}
			return
		}
		if v, err := value.Parse(event); err == nil {
			p.Match(v)
		}
	})
}

func TestMayMatch(t *testing.T) {
	for _, test := range []struct {
		pattern string
		want    bool
	}{
		{`{"source":["aws.states"]}`, true},
		{`{"source":["shop"]}`, false},
		{`{"source":[{"prefix":"aws."}],"detail":{"n":[1]}}`, true},
		{`{"source":[{"anything-but":"aws.states"}]}`, false},
		{`{"detail-type":["x"]}`, true},
		{`{"$or":[{"source":["shop"]},{"detail":{"n":[1]}}]}`, true},
	} {
		p, err := pattern.Parse(test.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.MayMatch("source", value.String("aws.states")); got != test.want {
			t.Errorf("%s: got %v", test.pattern, got)
		}
	}
}

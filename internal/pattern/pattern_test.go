package pattern_test

import (
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/pattern"
	"github.com/tutti-run/tutti/internal/value"
)

func TestPattern(t *testing.T) {
	const event = `{"version":"0","source":"aws.ec2","detail-type":"State-change","resources":["arn:a","arn:b"],"none":null,"empty":"",
		"detail":{"state":"running","c-count":5,"x-limit":3.018e2,"flag":true,"ip":"10.0.0.17","file":"a/dir/x.PNG","list":[1,2],"objects":[{"k":"a","v":1},{"k":"b","v":2}],"nothing":[]}}`
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
		{`{`, "Filter is not valid JSON"},
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
		{`{"source":[{"wildcard":"*a*b*c*d*e*"}]}`, "Rule is too complex"},
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

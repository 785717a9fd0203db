package logs_test

import (
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/logs"
)

// The user guide's own examples, and their corners.
func TestFilter(t *testing.T) {
	const (
		bad     = "[ERROR 400] BAD REQUEST"
		unauth  = "[ERROR 401] UNAUTHORIZED REQUEST"
		missing = "[ERROR 419] MISSING ARGUMENTS"
		invalid = "[ERROR 420] INVALID ARGUMENTS"
		trail   = `{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another value"],
			"objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"cluster.name":"c","ThisFlag":true,"bandwidth":75.5,"n":"7"}`
		web    = `127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534`
		levels = "WARN 17 disk"
	)
	for _, test := range []struct {
		pattern, message string
		want             bool
	}{
		{"", bad, true},
		{"  ", bad, true},
		{"ERROR", bad, true},
		{"error", bad, false},
		{"ERROR ARGUMENTS", missing, true},
		{"ERROR ARGUMENTS", bad, false},
		{"?ERROR ?WARN", levels, true},
		{"?ERROR ?FATAL", levels, false},
		{"?FATAL ARGUMENTS", missing, true},
		{"ERROR -ARGUMENTS", bad, true},
		{"ERROR -ARGUMENTS", missing, false},
		{"-ARGUMENTS", unauth, true},
		{`"BAD REQUEST"`, bad, true},
		{`"REQUEST BAD"`, bad, false},
		{`"say \"hi\""`, `they say "hi"`, true},
		{`-"BAD REQUEST" ERROR`, bad, false},
		{`?"BAD REQUEST" ?"no such"`, bad, true},
		{"%ERROR 4[0-9]{2}%", invalid, true},
		{"%AUTHORIZED|INVALID%", missing, false},

		{`{ $.eventType = "UpdateTrail" }`, trail, true},
		{`{$.eventType="Update*"}`, trail, true},
		{`{ $.eventType = Update* }`, trail, true},
		{`{ $.eventType = "Update" }`, trail, false},
		{`{ $.sourceIPAddress != 123.123.* }`, trail, true},
		{`{ $.sourceIPAddress != 111.111.* }`, trail, false},
		{`{ $.arrayKey[0] = "value" }`, trail, true},
		{`{ $.arrayKey[1] = "value" }`, trail, false},
		{`{ $.arrayKey[*] = "another value" }`, trail, true},
		{`{ $.objectList[1].id = 2 }`, trail, true},
		{`{ $.objectList[*].id > 1 && $.objectList[*].name = "a" }`, trail, true},
		{`{ $.SomeObject IS NULL }`, trail, true},
		{`{ $.eventType is null }`, trail, false},
		{`{ $.SomeOtherObject NOT EXISTS }`, trail, true},
		{`{ $.SomeObject NOT EXISTS }`, trail, false},
		{`{ $.SomeObject EXISTS }`, trail, true},
		{`{ $.ThisFlag IS TRUE }`, trail, true},
		{`{ $.ThisFlag IS FALSE }`, trail, false},
		{`{ $.["cluster.name"] = "c" }`, trail, true},
		{`{ $['cluster.name'] = c }`, trail, true},
		{`{ $.bandwidth > 75 }`, trail, true},
		{`{ $.bandwidth <= 75.5 }`, trail, true},
		{`{ $.bandwidth >= 7.56e1 }`, trail, false},
		{`{ $.bandwidth = "*" }`, trail, true},
		{`{ $.n = 7 }`, trail, true},
		{`{ $.missing != "x" }`, trail, false},
		{`{ $.eventType = %Trail$% }`, trail, true},
		{`{ ($.eventType = "x" || $.eventType = "UpdateTrail") && $.bandwidth < 1 }`, trail, false},
		{`{ $.eventType = "UpdateTrail" || $.eventType = "x" && $.bandwidth < 1 }`, trail, true},
		{`{ ($.errorCode = "*Unauthorized*") || ($.errorCode = "AccessDenied*") }`, `{"errorCode":"Client.UnauthorizedOperation"}`, true},
		{`{ $.a = 1 }`, "no JSON", false},
		{`{ $.a = 1 }`, `{"a":1`, false},
		{`{ $.a = 1 }`, `[1]`, false},

		{"[ip, id, user, timestamp, request, status_code, bytes]", web, true},
		{"[ip, id, user, timestamp, request, status_code]", web, false},
		{"[ip, id, user, timestamp, request =*.html*, status_code = 4*, bytes]", web, true},
		{"[ip, id, user, timestamp, request, status_code = 5*, bytes]", web, false},
		{"[..., status_code = 404, bytes > 1000]", web, true},
		{"[ip = 127.*, ...]", web, true},
		{"[ip, ..., bytes < 1000]", web, false},
		{`[ip, id, user = "frank", ...]`, web, true},
		{"[level = ERROR || level = WARN, ...]", levels, true},
		{"[level = %WARN|ERROR%, number > 10 && number < 20, what]", levels, true},
		{"[level, number != 17, what]", levels, false},
	} {
		f, err := logs.ParseFilter(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		if got := f.Match(test.message); got != test.want {
			t.Errorf("%s on %.60q: got %v", test.pattern, test.message, got)
		}
	}
}

func TestFilterRefusals(t *testing.T) {
	for _, test := range []struct{ pattern, message string }{
		{"a.b", "Invalid character(s) in term 'a.b'"},
		{"ERROR:", "Invalid character(s) in term 'ERROR:'"},
		{"?", "Invalid filter pattern at character 2: a term is missing"},
		{`"open`, "Invalid filter pattern at character 1: the quotation mark is not closed"},
		{"%[%", "Invalid filter pattern at character 1: \"[\" is not a regular expression"},
		{"%a% %b% %c%", "Invalid filter pattern at character 9: more than 2 regular expressions"},
		{"{ $.a }", "Invalid filter pattern at character 7: one of the operators"},
		{"{ a = 1 }", "Invalid filter pattern at character 3: a selector"},
		{"{ $.a = }", "Invalid filter pattern at character 9: the value to compare with is missing"},
		{"{ $.a > x }", "Invalid filter pattern at character 10: > compares numbers"},
		{"{ $.a = 1", "Invalid filter pattern at character 10: the expression does not end here with }"},
		{"{ ($.a = 1 }", "Invalid filter pattern at character 12: a parenthesis is not closed"},
		{"{ $.a[x] = 1 }", "Invalid filter pattern at character 7: brackets hold"},
		{"{ $.a IS MAYBE }", "Invalid filter pattern at character 10: IS is followed by"},
		{"[a, ..., b, ...]", "Invalid filter pattern at character 16: there can be only one ellipsis"},
		{"[a = 1 && b = 2]", "Invalid filter pattern at character 12: the condition is on another field than a"},
		{"[a, b", "Invalid filter pattern at character 6: the fields do not end here"},
		{strings.Repeat("é", 1025), "1 validation error detected: Value at 'filterPattern'"},
	} {
		_, err := logs.ParseFilter(test.pattern)
		if err == nil || !strings.HasPrefix(err.Error(), "InvalidParameterException: "+test.message) {
			t.Errorf("%.40s: got %v, want %s", test.pattern, err, test.message)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		"ERROR -WARN ?x", `"a \" b" %a|b%`, `{ ($.a.b[0] = "x*") && $.c IS TRUE || $.["d e"][*] >= 1e3 }`, "[a, b=*x || b!=1, ..., c]", "{$.a=%x%}", "[",
	} {
		f.Add(seed, `{"a":{"b":["xy"]}}`)
	}
	f.Fuzz(func(t *testing.T, pattern, message string) {
		filter, err := logs.ParseFilter(pattern)
		if err == nil {
			filter.Match(message)
		} else if !strings.HasPrefix(err.Error(), "InvalidParameterException: ") {
			t.Errorf("%q: %v is not for the client", pattern, err)
		}
	})
}

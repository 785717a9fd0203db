package stack_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/stack"
)

// runtimeCase is a function and what its only invocation comes to. Files and log are compared without what changes from run to run.
type runtimeCase struct {
	name, handler, code string
	payload, err        string // the response or error document, as a regular expression; the error type
	logs                string // what is in the log, as a regular expression
}

var pythonCases = []runtimeCase{
	{"answer", "app.f", "def f(event, context):\n    return {'got': event, 'who': context.function_name, 'mb': context.memory_limit_in_mb, 'left': context.get_remaining_time_in_millis() > 0}", `{"got": {"n": 1}, "who": "f0", "mb": "128", "left": true}`, "", ""},
	{"decimals", "app.f", "import decimal\ndef f(e, c):\n    return [decimal.Decimal('3'), decimal.Decimal('1.5'), b'x']", `\[3, 1.5, "x"\]`, "", ""},
	{"not JSON", "app.f", "import datetime\ndef f(e, c):\n    return datetime.date(2026, 1, 2)",
		`{"errorMessage": "Unable to marshal response: Object of type date is not JSON serializable", "errorType": "Runtime.MarshalError", "requestId": "ID", "stackTrace": \[\]}`, "Runtime.MarshalError",
		`\[ERROR\] Runtime.MarshalError: Unable to marshal response: Object of type date is not JSON serializable\n`},
	{"exception", "app.f", "def f(e, c):\n    print('before')\n    raise ValueError('as\\nasked')",
		`{"errorMessage": "as\\nasked", "errorType": "ValueError", "requestId": "ID", "stackTrace": \["  File \\"/.*/app.py\\", line 3, in f\\n    raise ValueError\('as\\\\nasked'\)\\n"\]}`, "ValueError",
		`\nbefore\n\[ERROR\] ValueError: as\nasked\nTraceback \(most recent call last\):\n\x{a0}\x{a0}File "/.*/app.py", line 3, in f\n\x{a0}{4}raise ValueError\('as\\nasked'\)\nEND`},
	{"logging", "app.f", "import logging\nlogging.getLogger().setLevel('INFO')\ndef f(e, c):\n    logging.info('told')\n    logging.debug('not told')",
		`null`, "", `\[INFO\]\tTIME\tID\ttold\nEND`},
	{"no module", "nothing.f", "", `{"errorMessage": "Unable to import module 'nothing': No module named 'nothing'", "errorType": "Runtime.ImportModuleError", "requestId": "", "stackTrace": \[\]}`, "Runtime.ImportModuleError", ""},
	{"missing import", "app.f", "import not_there", `{"errorMessage": "Unable to import module 'app': No module named 'not_there'", .*`, "Runtime.ImportModuleError", ""},
	{"no handler", "app.g", "def f(e, c): pass", `{"errorMessage": "Handler 'g' missing on module 'app'", .*`, "Runtime.HandlerNotFound", ""},
	{"no syntax", "app.f", "def f(", `{"errorMessage": "Syntax error in module 'app': .*`, "Runtime.UserCodeSyntaxError", ""},
	{"exit", "app.f", "import sys\ndef f(e, c):\n    sys.exit(3)", `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 3"}`, "Runtime.ExitError", ""},
}

var nodeCases = []runtimeCase{
	{"answer", "app.f", "exports.f = async (event, context) => ({ got: event, mb: context.memoryLimitInMB, left: context.getRemainingTimeInMillis() > 0 });", `{"got":{"n":1},"mb":"128","left":true}`, "", ""},
	{"callback", "app.f", "exports.f = (event, context, callback) => { setTimeout(() => console.log('later'), 20); callback(null, 'done'); };", `"done"`, "", `TIME\tID\tINFO\tlater\nEND`},
	{"callback at once", "app.f", "exports.f = (event, context, callback) => { context.callbackWaitsForEmptyEventLoop = false; setTimeout(() => {}, 60000); callback(null, 'now'); };", `"now"`, "", ""},
	{"a value without a promise", "app.f", "exports.f = () => 'not taken';", `null`, "", ""},
	{"nothing", "app.f", "exports.f = async () => {};", `null`, "", ""},
	{"promise that never ends", "app.f", "exports.f = async () => { await new Promise(() => {}); };", `{"errorType":"Runtime.NodeJsExit","errorMessage":"The Lambda runtime client detected .*`, "Runtime.NodeJsExit", ""},
	{"circular", "app.f", "exports.f = async () => { const a = {}; a.a = a; return a; };", `{"errorType":"Error","errorMessage":"Unable to stringify response body",.*`, "Error", ""},
	{"exception", "app.f", "exports.f = async () => { console.log('before %d', 7); throw new TypeError('as asked'); };",
		`{"errorType":"TypeError","errorMessage":"as asked","trace":\["TypeError: as asked","    at exports.f \(/.*app.js:1:.*`, "TypeError",
		`TIME\tID\tINFO\tbefore 7\nTIME\tID\tERROR\tInvoke Error \t{"errorType":"TypeError","errorMessage":"as asked","stack":\["TypeError: as asked",.*\]}\nEND`},
	{"several lines", "app.f", "exports.f = async () => { console.warn('one\\ntwo'); };", `null`, "", `TIME\tID\tWARN\tone\ntwo\nEND`},
	{"rejection that nobody hears", "app.f", "exports.f = () => { Promise.reject(new Error('lost')); };", `{"errorType":"Runtime.UnhandledPromiseRejection","errorMessage":"Error: lost","trace":.*`, "Runtime.UnhandledPromiseRejection", `ERROR\tUnhandled Promise Rejection`},
	{"exception that nobody hears", "app.f", "exports.f = () => { setTimeout(() => { throw new RangeError('late'); }, 1); };", `{"errorType":"RangeError","errorMessage":"late","trace":.*`, "RangeError", `ERROR\tUncaught Exception`},
	{"no module", "nothing.f", "", `{"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module 'nothing'.*`, "Runtime.ImportModuleError", ""},
	{"missing import", "app.f", "require('not-there');", `{"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module 'not-there'.*`, "Runtime.ImportModuleError", ""},
	{"no handler", "app.g", "exports.f = 1;", `{"errorType":"Runtime.HandlerNotFound","errorMessage":"app.g is undefined or not exported".*`, "Runtime.HandlerNotFound", ""},
	{"handler that is no function", "app.f", "exports.f = 1;", `{"errorType":"Runtime.HandlerNotFound","errorMessage":"app.f is not a function".*`, "Runtime.HandlerNotFound", ""},
	{"no syntax", "app.f", "exports.f = {", `{"errorType":"Runtime.UserCodeSyntaxError","errorMessage":"SyntaxError: .*`, "Runtime.UserCodeSyntaxError", ""},
	{"stream", "app.f", "exports.f = awslambda.streamifyResponse(async () => {});", `{"errorType":"Runtime.InvalidStreamingOperation","errorMessage":"Functions that stream their response .*`, "Runtime.InvalidStreamingOperation", ""},
}

// What functions of AWS's own runtimes see, print and fail with is what they do on AWS.
func TestRuntimeClients(t *testing.T) {
	for _, language := range []struct {
		command, runtime, file string
		cases                  []runtimeCase
	}{{"python3", "python3.12", "app.py", pythonCases}, {"node", "nodejs20.x", "app.js", nodeCases}} {
		t.Run(language.runtime, func(t *testing.T) {
			needs(t, language.command)
			files := map[string]string{}
			template := "Resources:\n"
			for i, c := range language.cases {
				files[fmt.Sprintf("f%d/%s", i, language.file)] = c.code + "\n"
				template += fmt.Sprintf("  F%d: {Type: AWS::Lambda::Function, Properties: {FunctionName: f%d, Code: f%d, Handler: %s, Runtime: %s, Timeout: 60, Role: 'arn:aws:iam::000000000000:role/r'}}\n",
					i, i, i, c.handler, language.runtime)
			}
			s := openRuntimes(t, files, template)
			for i, c := range language.cases {
				result, err := s.Lambda().Invoke(t.Context(), lambda.Invocation{Function: fmt.Sprintf("f%d", i), Payload: []byte(`{"n":1}`)})
				if err != nil {
					t.Errorf("%s: %v", c.name, err)
					continue
				}
				plain := strings.NewReplacer(result.RequestID, "ID").Replace
				if got := plain(string(result.Payload)); !regexp.MustCompile("^" + c.payload + "$").MatchString(got) {
					t.Errorf("%s: got %s, want %s", c.name, got, c.payload)
				}
				if failed := result.FunctionError != ""; failed != (c.err != "") || failed && !strings.Contains(string(result.Payload), c.err) {
					t.Errorf("%s: failed %v, want %q", c.name, failed, c.err)
				}
				told := timeOfLine.ReplaceAllString(plain(string(result.LogTail)), "TIME")
				if !regexp.MustCompile("(?s)" + c.logs).MatchString(told) {
					t.Errorf("%s: logged %q, want %s", c.name, told, c.logs)
				}
			}
		})
	}
}

var timeOfLine = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`)

func openRuntimes(t *testing.T, files map[string]string, template string) *stack.Stack {
	t.Helper()
	files = maps.Clone(files)
	files["template.yaml"] = template
	cfg := project(t, files)
	cfg.Template = filepath.Join(cfg.Project, "template.yaml")
	s, _ := open(t, cfg)
	return s
}

// Logs as JSON have the fields that AWS gives them.
func TestRuntimeClientsInJSON(t *testing.T) {
	for _, language := range []struct{ command, runtime, file, code string }{
		{"python3", "python3.12", "app.py", "import logging\ndef f(e, c):\n    logging.warning('told %d', 1, extra={'order': 7})\n    logging.info('not told')"},
		{"node", "nodejs20.x", "app.js", "exports.f = async () => { console.warn('told %d', 1); console.info('not told'); };"},
	} {
		needs(t, language.command)
		s := openRuntimes(t, map[string]string{"f/" + language.file: language.code}, `
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: f, Code: f, Handler: app.f, Runtime: `+language.runtime+`, Timeout: 60, LoggingConfig: {LogFormat: JSON, ApplicationLogLevel: WARN}, Role: 'arn:aws:iam::000000000000:role/r'}
`)
		result, err := s.Lambda().Invoke(t.Context(), lambda.Invocation{Function: "f"})
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for line := range strings.Lines(string(result.LogTail)) {
			if strings.Contains(line, "told") {
				lines = append(lines, line)
			}
		}
		if len(lines) != 1 || slices.ContainsFunc([]string{`"timestamp":`, `"level":`, `WARN`, `"message":`, `told 1`, `"requestId":`, result.RequestID}, func(part string) bool { return !strings.Contains(lines[0], part) }) {
			t.Errorf("%s: logged %q of %s", language.runtime, lines, result.LogTail)
		}
	}
}

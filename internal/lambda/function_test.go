//go:build unix

package lambda

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestExceptions(t *testing.T) {
	for code, entry := range exceptions {
		e := newError(code, "what %s", "happened")
		if e.Code != code || e.Message != "what happened" || e.Status < 400 || e.Status > 599 || e.Error() != code+": what happened" {
			t.Errorf("%s: %+v", code, e)
		}
		if (e.Status >= 500) != (e.Fault == "Server") || entry.text != e.Member() || !strings.EqualFold(e.Member(), "message") {
			t.Errorf("%s: status %d and fault %q", code, e.Status, e.Fault)
		}
	}
	for _, errorType := range []string{TypeTimedOut, TypeExit, TypeInvalidEntrypoint, TypeResponseSize, TypeUnknown} {
		var document struct{ ErrorType, ErrorMessage string }
		if err := json.Unmarshal(errorDocument(errorType, `a "b" <c>`), &document); err != nil || document.ErrorType != errorType || document.ErrorMessage != `a "b" <c>` {
			t.Errorf("%s: %+v, %v", errorType, document, err)
		}
	}
}

func TestRegisterRefuses(t *testing.T) {
	h, _ := newHost(t, Config{})
	negative := -1
	for _, tc := range []struct {
		name string
		edit func(*Function)
		want string
	}{
		{"no name", func(f *Function) { f.Name = "" }, "name"},
		{"a path as name", func(f *Function) { f.Name = "../f" }, "name"},
		{"a long name", func(f *Function) { f.Name = strings.Repeat("f", 65) }, "name"},
		{"a version that is none", func(f *Function) { f.Version = "../1" }, "version"},
		{"an ARN of another", func(f *Function) { f.ARN = "arn:aws:lambda:us-east-1:000000000000:function:g" }, "ARN"},
		{"an ARN of nothing", func(f *Function) { f.ARN = "f" }, "ARN"},
		{"neither source nor binary", func(f *Function) { f.Binary = "" }, "either"},
		{"both", func(f *Function) { f.Source = "/f" }, "either"},
		{"a relative path", func(f *Function) { f.Binary = "bootstrap" }, "absolute"},
		{"a negative timeout", func(f *Function) { f.Timeout = -1 }, "timeout"},
		{"a long timeout", func(f *Function) { f.Timeout = 16 * time.Minute }, "timeout"},
		{"little memory", func(f *Function) { f.MemoryMB = 64 }, "memory"},
		{"much memory", func(f *Function) { f.MemoryMB = 10241 }, "memory"},
		{"negative concurrency", func(f *Function) { f.ReservedConcurrency = &negative }, "concurrency"},
		{"a variable that is none", func(f *Function) { f.Environment = map[string]string{"A=B": ""} }, "regular expression"},
		{"a value that is none", func(f *Function) { f.Environment = map[string]string{"KEY": "a\x00b"} }, "null"},
		{"large variables", func(f *Function) { f.Environment = map[string]string{"KEY": strings.Repeat("x", 4094)} }, "4KB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := Function{Name: "f", Binary: probe}
			tc.edit(&f)
			var e *Error
			if err := h.Register(f); !errors.As(err, &e) || !strings.Contains(e.Message, tc.want) || e.Status != 400 {
				t.Errorf("Register = %v, want an error about %s", err, tc.want)
			}
		})
	}
}

func TestReservedVariables(t *testing.T) {
	for name := range reservedVariables {
		err := CheckVariables(map[string]string{name: "x", "MINE": "y"})
		e := wantCode(t, err, CodeInvalidParameterValue)
		if want := "Reserved keys used in this request: " + name; !strings.HasSuffix(e.Message, want) {
			t.Errorf("%q, want it to end with %q", e.Message, want)
		}
	}
}

// The environment of a process is a closed set: nothing of the host's own leaks in.
func TestEnvironmentVariables(t *testing.T) {
	t.Setenv("MY_SECRET", "of the host")
	t.Setenv("AWS_PROFILE", "of the host")
	t.Setenv("AWS_ACCESS_KEY_ID", "of the host")
	t.Setenv("SSL_CERT_FILE", "/certificates.pem")
	h, _ := newHost(t, Config{Region: "eu-north-1", Account: "123456789012"})
	register(t, h, Function{
		Name: "my-function", Version: "7", Handler: "main", MemoryMB: 256,
		Environment: map[string]string{"TABLE": "orders", "TZ": "Europe/Oslo"},
		Credentials: Credentials{"AKIDEXAMPLE", "secret", "token"},
	})
	var got struct {
		Variables []string
		Dir, Tmp  string
	}
	result := invoke(t, h, "my-function:7", `{"Do":"environment"}`)
	if err := json.Unmarshal(result.Payload, &got); err != nil || result.ExecutedVersion != "7" {
		t.Fatalf("%s: %v", result.Payload, err)
	}
	vars := map[string]string{}
	for _, variable := range got.Variables {
		name, value, _ := strings.Cut(variable, "=")
		vars[name] = value
	}
	if !strings.HasPrefix(got.Tmp, h.runFolder) || vars["HOME"] != got.Tmp {
		t.Errorf("temporary folder %s, home %s", got.Tmp, vars["HOME"])
	}
	if !strings.HasPrefix(vars["AWS_LAMBDA_RUNTIME_API"], h.address+"/") || len(vars["AWS_LAMBDA_RUNTIME_API"]) != len(h.address)+33 {
		t.Errorf("AWS_LAMBDA_RUNTIME_API=%s", vars["AWS_LAMBDA_RUNTIME_API"])
	}
	if !strings.Contains(vars["AWS_LAMBDA_LOG_STREAM_NAME"], "/[7]") {
		t.Errorf("AWS_LAMBDA_LOG_STREAM_NAME=%s", vars["AWS_LAMBDA_LOG_STREAM_NAME"])
	}
	for _, name := range []string{"TMPDIR", "HOME", "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_LOG_STREAM_NAME", "_X_AMZN_TRACE_ID"} {
		delete(vars, name) // the last is aws-lambda-go's own doing
	}
	want := map[string]string{
		"_HANDLER":                        "main",
		"AWS_ACCESS_KEY_ID":               "AKIDEXAMPLE",
		"AWS_DEFAULT_REGION":              "eu-north-1",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
		"AWS_LAMBDA_FUNCTION_NAME":        "my-function",
		"AWS_LAMBDA_FUNCTION_VERSION":     "7",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/my-function",
		"AWS_REGION":                      "eu-north-1",
		"AWS_SECRET_ACCESS_KEY":           "secret",
		"AWS_SESSION_TOKEN":               "token",
		"AWS_XRAY_CONTEXT_MISSING":        "LOG_ERROR",
		"GOMEMLIMIT":                      "230MiB",
		"GOMAXPROCS":                      "1",
		"LAMBDA_RUNTIME_DIR":              filepath.Dir(probe),
		"LAMBDA_TASK_ROOT":                filepath.Dir(probe),
		"LANG":                            "en_US.UTF-8",
		"PATH":                            os.Getenv("PATH"),
		"SSL_CERT_FILE":                   "/certificates.pem",
		"TABLE":                           "orders",
		"TZ":                              "Europe/Oslo",
	}
	if value, ok := os.LookupEnv("SSL_CERT_DIR"); ok {
		want["SSL_CERT_DIR"] = value
	}
	for name, value := range want {
		if vars[name] != value {
			t.Errorf("%s=%q, want %q", name, vars[name], value)
		}
		delete(vars, name)
	}
	if len(vars) > 0 {
		t.Errorf("there are also %v", vars)
	}
	if got.Dir != filepath.Dir(probe) {
		t.Errorf("it runs in %s", got.Dir)
	}
}

func TestResolve(t *testing.T) {
	h, _ := newHost(t, Config{Region: "eu-west-1", Account: "123456789012"})
	register(t, h, Function{Name: "f"})
	register(t, h, Function{Name: "f", Version: "1"})
	register(t, h, Function{Name: "elsewhere", ARN: "arn:aws:lambda:us-gov-west-1:111111111111:function:elsewhere"})
	for name, version := range map[string]string{"live": "1", "beta_2": Latest} {
		if err := h.RegisterAlias(Alias{Function: "f", Name: name, Version: version}); err != nil {
			t.Fatal(err)
		}
	}
	const arn = "arn:aws:lambda:eu-west-1:123456789012:function:f"
	for _, tc := range []struct{ in, arn, version string }{ // an empty version stands for an error
		{"f", arn, Latest},
		{"f:$LATEST", arn + ":$LATEST", Latest},
		{"f:1", arn + ":1", "1"},
		{"f:live", arn + ":live", "1"},
		{"f:beta_2", arn + ":beta_2", Latest},
		{"function:f:1", arn + ":1", "1"},
		{"123456789012:function:f", arn, Latest},
		{"123456789012:f", arn, Latest},
		{"eu-west-1:123456789012:function:f", arn, Latest},
		{arn, arn, Latest},
		{arn + ":live", arn + ":live", "1"},
		{"elsewhere", "arn:aws:lambda:us-gov-west-1:111111111111:function:elsewhere", Latest},
		{"arn:aws-us-gov:lambda:us-gov-west-1:111111111111:function:elsewhere", "arn:aws:lambda:us-gov-west-1:111111111111:function:elsewhere", Latest},
		{"f:2", "", ""},
		{"f:dead", "", ""},
		{"F", "", ""},
		{"111111111111:function:f", "", ""},
		{"arn:aws:lambda:us-east-1:123456789012:function:f", "", ""},
		{"arn:aws:states:eu-west-1:123456789012:function:f", "", ""},
		{"f:", "", ""},
		{"f/g", "", ""},
		{arn + ":1:2", "", ""},
		{"", "", ""},
	} {
		h.mu.Lock()
		v, got, err := h.resolve(tc.in)
		h.mu.Unlock()
		if (err == nil) != (tc.version != "") || err == nil && (got != tc.arn || v.Version != tc.version) {
			t.Errorf("resolve(%q) = %q, %v, want %q, version %q", tc.in, got, err, tc.arn, tc.version)
		}
	}
}

func TestAliases(t *testing.T) {
	a := Alias{Version: "1", Weights: map[string]float64{"2": 0.25, "3": 0.5}}
	for r, want := range map[float64]string{0: "2", 0.24: "2", 0.26: "3", 0.74: "3", 0.76: "1", 0.999: "1"} {
		if got := a.pick(r); got != want {
			t.Errorf("pick(%v) = %s, want %s", r, got, want)
		}
	}
	h, _ := newHost(t, Config{})
	register(t, h, Function{Name: "f", Version: "1"})
	register(t, h, Function{Name: "f", Version: "2"})
	for _, tc := range []struct {
		name  string
		alias Alias
		code  string
	}{
		{"a number", Alias{Function: "f", Name: "12", Version: "1"}, CodeInvalidParameterValue},
		{"a path", Alias{Function: "f", Name: "a/b", Version: "1"}, CodeInvalidParameterValue},
		{"an unknown function", Alias{Function: "g", Name: "live", Version: "1"}, CodeResourceNotFound},
		{"an unknown version", Alias{Function: "f", Name: "live", Version: "9"}, CodeResourceNotFound},
		{"an unknown weighted version", Alias{Function: "f", Name: "live", Version: "1", Weights: map[string]float64{"9": 0.1}}, CodeResourceNotFound},
		{"too much weight", Alias{Function: "f", Name: "live", Version: "1", Weights: map[string]float64{"2": 1.1}}, CodeInvalidParameterValue},
		{"no weight", Alias{Function: "f", Name: "live", Version: "1", Weights: map[string]float64{"2": math.NaN()}}, CodeInvalidParameterValue},
	} {
		t.Run(tc.name, func(t *testing.T) { _ = wantCode(t, h.RegisterAlias(tc.alias), tc.code) })
	}
	if err := h.RegisterAlias(Alias{Function: "f", Name: "live", Version: "1", Weights: map[string]float64{"2": 1}}); err != nil {
		t.Fatal(err)
	}
	if got := invoke(t, h, "f:live", `{}`).ExecutedVersion; got != "2" {
		t.Errorf("an alias with all its weight on version 2 executes version %s", got)
	}
}

func TestFolders(t *testing.T) {
	names := map[string]bool{}
	for _, f := range []Function{
		{Name: "orders", Version: Latest}, {Name: "Orders", Version: Latest}, {Name: "ORDERS", Version: Latest}, {Name: "orders", Version: "1"},
	} {
		folder := strings.ToLower(f.folder()) // as a file system may
		if names[folder] || !filepath.IsLocal(folder) {
			t.Errorf("%s:%s shares the folder %s", f.Name, f.Version, folder)
		}
		names[folder] = true
	}
}

func FuzzResolve(f *testing.F) {
	for _, seed := range []string{"f", "f:1", "arn:aws:lambda:us-east-1:000000000000:function:f:live", "000000000000:function:f", "function:f", "a:b:c"} {
		f.Add(seed)
	}
	h, err := NewHost(Config{Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = h.Close() })
	register(f, h, Function{Name: "f"})
	f.Fuzz(func(t *testing.T, name string) {
		h.mu.Lock()
		v, arn, err := h.resolve(name)
		h.mu.Unlock()
		var e *Error
		switch {
		case err == nil && (v.Name != "f" || !slices.Contains(strings.Split(name, ":"), "f") || !strings.HasPrefix(arn, v.ARN)):
			t.Errorf("resolve(%q) = %s, %s", name, v.Name, arn)
		case err != nil && !errors.As(err, &e):
			t.Errorf("resolve(%q) = %v", name, err)
		}
	})
}

// TestParseName holds the forms that are parsed by hand to the pattern.
func TestParseName(t *testing.T) {
	for _, s := range []string{
		"", "f", "F_-9", "a b", "f:1", "f:$LATEST", "f:", ":f", "function:f", "function", "123456789012", "123456789012:f", "123456789012:function:f:live",
		"us-east-1:f", "arn:aws:lambda:us-east-1:000000000000:function:f", "arn:aws:lambda:us-east-1:000000000000:function:f:1",
		"arn:aws:lambda:us-gov-west-1:000000000000:function:f", "arn:aws:lambda:x:000000000000:function:f", "arn:aws:lambda:us-east-1:0:function:f",
		"arn:aws:lambda:us-east-12:000000000000:function:f", "arn:aws:lambda:us-1:000000000000:function:f", "arn:aws:lambda:usa-east-1:000000000000:function:f",
		"arn:aws-cn:lambda:cn-north-1:000000000000:function:f", "arn:aws:lambda:us-east-1:000000000000:layer:f", "arn:aws:lambda:us-East-1:000000000000:function:f",
	} {
		got, ok := ParseName(s)
		m := invokedName.FindStringSubmatch(s)
		if ok != (m != nil) || ok && got != (Name{m[1], m[2], m[3], m[4]}) {
			t.Errorf("%q is %+v, %v; the pattern says %q", s, got, ok, m)
		}
	}
}

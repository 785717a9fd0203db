package sfn_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/tutti-run/tutti/internal/sfn"
)

func TestLogGroupName(t *testing.T) {
	place := sfn.DefaultPlace()
	for _, test := range []struct{ arn, name string }{
		{place.LogGroupARN("/aws/vendedlogs/states/x"), "/aws/vendedlogs/states/x"},
		{place.LogGroupARN("/aws/vendedlogs/states/x") + ":*", "/aws/vendedlogs/states/x"},
		{place.LogGroupARN("x") + ":log-stream:y", ""},
		{place.LogGroupARN(""), ""},
		{place.FunctionARN("x"), ""},
		{"x", ""},
	} {
		if got := sfn.LogGroupName(test.arn); got != test.name {
			t.Errorf("%s: got %q, want %q", test.arn, got, test.name)
		}
	}
}

func TestLoggingConfiguration(t *testing.T) {
	const (
		one     = `{"cloudWatchLogsLogGroup":{"logGroupArn":"arn:aws:logs:us-east-1:000000000000:log-group:here:*"}}`
		other   = `{"cloudWatchLogsLogGroup":{"logGroupArn":"arn:aws:logs:us-east-1:000000000000:log-group:gone:*"}}`
		exactly = "Invalid Logging Configuration: Must specify exactly one Log Destination."
		absent  = "Invalid Logging Configuration: Log Destination not found."
	)
	for _, test := range []struct{ name, text, group, refused string }{
		{"absent", `{}`, "", ""},
		{"off", `{"level":"OFF"}`, "", ""},
		{"off with a destination", `{"level":"OFF","destinations":[` + one + `]}`, "", ""},
		{"off with two", `{"destinations":[` + one + `,` + one + `]}`, "", exactly},
		{"all", `{"level":"ALL","destinations":[` + one + `]}`, "here", ""},
		{"none", `{"level":"ERROR"}`, "", exactly},
		{"two", `{"level":"FATAL","destinations":[` + one + `,` + other + `]}`, "", exactly},
		{"of a group that is not there", `{"level":"ALL","destinations":[` + other + `]}`, "gone", absent},
		{"of no group", `{"level":"ALL","destinations":[{}]}`, "", absent},
	} {
		var c sfn.LoggingConfiguration
		if err := json.Unmarshal([]byte(test.text), &c); err != nil {
			t.Fatal(err)
		}
		if got := c.LogGroup(); got != test.group {
			t.Errorf("%s: writes to %q, want %q", test.name, got, test.group)
		}
		err := c.Check(func(name string) bool { return name == "here" })
		var refused *sfn.Exception
		switch {
		case test.refused == "" && err != nil, test.refused != "" && !errors.As(err, &refused), refused != nil && refused.Message != test.refused:
			t.Errorf("%s: got %v, want %q", test.name, err, test.refused)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
)

func TestEveryStageIsValid(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range stages() {
		if err := c.validate(); err != nil {
			t.Error(err)
		}
		if seen[c.Stage] {
			t.Errorf("stage %s is there twice", c.Stage)
		}
		seen[c.Stage] = true
	}
}

func TestConfigForUnknownStage(t *testing.T) {
	_, err := configFor("qa")
	if want := `stage "qa" is not one of dev, prod`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("have %v, want %s", err, want)
	}
}

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		change func(*Config)
		want   string // Empty: valid.
	}{
		{func(c *Config) {}, ""},
		{func(c *Config) { c.Account, c.Region = "123456789012", "eu-central-1" }, ""},
		{func(c *Config) { c.Architecture = X86_64 }, ""},
		{func(c *Config) { c.EndpointWatch.Schedule.Expression = "rate(5 minute)" }, ""},
		{func(c *Config) { c.EndpointWatch.Schedule.Expression = "cron(0/10 6 ? * MON-FRI *)" }, ""},
		{func(c *Config) { c.EndpointWatch.Schedule.Expression = "at(2027-01-31T06:00:00)" }, ""},

		{func(c *Config) { c.Stage = "Dev" }, "Stage: "},
		{func(c *Config) { c.Stage = "" }, "Stage: "},
		{func(c *Config) { c.Stage = strings.Repeat("a", 21) }, "Stage: "},
		{func(c *Config) { c.Account = "123456789012" }, "Account and Region: "},
		{func(c *Config) { c.Region = "eu-central-1" }, "Account and Region: "},
		{func(c *Config) { c.Account, c.Region = "12345", "eu-central-1" }, `Account: "12345"`},
		{func(c *Config) { c.Account, c.Region = "123456789012", "Frankfurt" }, `Region: "Frankfurt"`},
		{func(c *Config) { c.Owner = "" }, "Owner: "},
		{func(c *Config) { c.Architecture = "amd64" }, `Architecture: "amd64"`},
		{func(c *Config) { c.Logs.Retention = "" }, "Logs.Retention: "},
		{func(c *Config) { c.Logs.Retention = awslogs.RetentionDays_INFINITE }, "Logs.Retention: "},
		{func(c *Config) { c.Logs.Removal = "" }, "Logs.Removal: "},
		{func(c *Config) { c.Logs.Level = "" }, "Logs.Level: "},
		{func(c *Config) { c.EndpointWatch.Probe.MemoryMB = 64 }, "EndpointWatch.Probe.MemoryMB: 64"},
		{func(c *Config) { c.EndpointWatch.Summarize.MemoryMB = 10241 }, "EndpointWatch.Summarize.MemoryMB: 10241"},
		{func(c *Config) { c.EndpointWatch.Probe.Timeout = 0 }, "EndpointWatch.Probe.Timeout: 0s"},
		{func(c *Config) { c.EndpointWatch.Probe.Timeout = 1500 * time.Millisecond }, "EndpointWatch.Probe.Timeout: 1.5s"},
		{func(c *Config) { c.EndpointWatch.Probe.Timeout = 16 * time.Minute }, "EndpointWatch.Probe.Timeout: 16m"},
		{func(c *Config) { c.EndpointWatch.Schedule.Expression = "5 minutes" }, `EndpointWatch.Schedule.Expression: "5 minutes"`},
		{func(c *Config) { c.EndpointWatch.Schedule.Expression = "rate(0 minutes)" }, `EndpointWatch.Schedule.Expression: "rate(0 minutes)"`},
		{func(c *Config) { c.EndpointWatch.Schedule.Expression = "rate(30 seconds)" }, `EndpointWatch.Schedule.Expression: "rate(30 seconds)"`},
		{func(c *Config) { c.EndpointWatch.Schedule.Expression = "cron(0 6 * * ?)" }, `EndpointWatch.Schedule.Expression: "cron(0 6 * * ?)"`},
		{func(c *Config) { c.EndpointWatch.Schedule.Expression = "at(2027-02-31T06:00:00)" }, `EndpointWatch.Schedule.Expression: "at(2027-02-31T06:00:00)"`},
		{func(c *Config) { c.EndpointWatch.Schedule.MaxAge = time.Second }, "EndpointWatch.Schedule.MaxAge: 1s"},
		{func(c *Config) { c.EndpointWatch.Schedule.MaxAge = 25 * time.Hour }, "EndpointWatch.Schedule.MaxAge: 25h"},
		{func(c *Config) { c.EndpointWatch.Schedule.MaxAge = 6 * time.Minute }, "is longer than the period of rate(5 minutes)"},
		{func(c *Config) { c.EndpointWatch.Schedule.MaxRetries = -1 }, "EndpointWatch.Schedule.MaxRetries: -1"},
		{func(c *Config) { c.EndpointWatch.Schedule.MaxRetries = 186 }, "EndpointWatch.Schedule.MaxRetries: 186"},
		{func(c *Config) { c.HTTPAPI.RequestsPerSecond = 0 }, "HTTPAPI.RequestsPerSecond: 0"},
		{func(c *Config) { c.HTTPAPI.Burst = 5001 }, "HTTPAPI.Burst: 5001"},
		{func(c *Config) { c.EndpointWatch.EventMaxAge = 0 }, "EndpointWatch.EventMaxAge: 0s"},
		{func(c *Config) { c.EndpointWatch.EventMaxAge = 25 * time.Hour }, "EndpointWatch.EventMaxAge: 25h"},
		{func(c *Config) { c.EndpointWatch.Input.Endpoints = nil }, "EndpointWatch.Input/endpoints: "},
		{func(c *Config) { c.EndpointWatch.Input.Endpoints = []Endpoint{{Name: "x", URL: "ftp://x"}} }, "EndpointWatch.Input/endpoints/0/url: "},
		{func(c *Config) { c.EndpointWatch.Input.Endpoints = []Endpoint{{URL: "https://x"}} }, "EndpointWatch.Input/endpoints/0/name: "},
		{func(c *Config) { c.EndpointWatch.Input.SlowMillis = -1 }, "EndpointWatch.Input/slowMillis: "},
	} {
		c, err := configFor("dev")
		if err != nil {
			t.Fatal(err)
		}
		test.change(&c)
		err = c.validate()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("have %v, want %q", err, test.want)
		}
	}
}

// All that is wrong is said at once.
func TestValidateReportsEverything(t *testing.T) {
	err := Config{}.validate()
	if n := strings.Count(err.Error(), "\n") + 1; n < 10 {
		t.Errorf("have %d problems of an empty config: %v", n, err)
	}
}

func TestReadContext(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`{"context": {"flag": true}}`, ""},
		{`{"context": {}}`, "no \"context\""},
		{`{}`, "no \"context\""},
		{`{"context"`, "cdk.json: unexpected end"},
	} {
		root := t.TempDir()
		if err := os.WriteFile(filepath.Join(root, "cdk.json"), []byte(test.text), 0o644); err != nil {
			t.Fatal(err)
		}
		settings, err := readContext(root)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: have %v, want %q", test.text, err, test.want)
		}
		if err == nil && (settings["flag"] != true || settings["aws:cdk:enable-path-metadata"] != true) {
			t.Errorf("%s: have %v", test.text, settings)
		}
	}
	if _, err := readContext(t.TempDir()); err == nil {
		t.Error("no error without cdk.json")
	}
}

func TestFindRootOutsideTheProject(t *testing.T) {
	t.Chdir(t.TempDir())
	if root, err := findRoot(); err == nil || !strings.Contains(err.Error(), "no cdk.json") {
		t.Errorf("have %q, %v", root, err)
	}
}

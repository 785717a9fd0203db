package stack_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tutti-run/tutti/internal/await"
	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/metrics"
	"github.com/tutti-run/tutti/internal/metrics/alarm"
	"github.com/tutti-run/tutti/internal/stack"
)

// watchTemplate has an alarm on a metric, one on an expression, a composite one that comes before those that it refers to, and a dashboard.
const watchTemplate = `{"Resources":{
	"Page":{"Type":"AWS::CloudWatch::CompositeAlarm","Properties":{"AlarmName":"page","AlarmRule":"ALARM(errors) OR ALARM(rate)",
		"AlarmActions":["arn:aws:ssm:us-east-1:000000000000:opsitem:1"]}},
	"Errors":{"Type":"AWS::CloudWatch::Alarm","Properties":{"AlarmName":"errors","Namespace":"App","MetricName":"Errors","Statistic":"Sum","Period":60,
		"EvaluationPeriods":"1","Threshold":0,"ComparisonOperator":"GreaterThanThreshold","TreatMissingData":"notBreaching","Dimensions":[{"Name":"Route","Value":"/a"}]}},
	"Rate":{"Type":"AWS::CloudWatch::Alarm","Properties":{"AlarmName":"rate","EvaluationPeriods":3,"DatapointsToAlarm":2,"Threshold":5.5,"ComparisonOperator":"LessThanThreshold",
		"Metrics":[{"Id":"m1","ReturnData":false,"MetricStat":{"Metric":{"Namespace":"App","MetricName":"Errors"},"Period":300,"Stat":"Sum"}},
			{"Id":"e1","Expression":"m1 / 2","Label":"half"}]}},
	"Board":{"Type":"AWS::CloudWatch::Dashboard","Properties":{"DashboardName":"board","DashboardBody":"{\"widgets\":[]}"}},
	"Hear":{"Type":"AWS::Events::Rule","Properties":{"EventPattern":{"source":["aws.cloudwatch"],"detail":{"state":{"value":["ALARM"]}}},
		"Targets":[{"Id":"l","Arn":"arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/alarms"}]}},
	"Group":{"Type":"AWS::Logs::LogGroup","Properties":{"LogGroupName":"/aws/events/alarms"}}}}`

func alarmNames(s *stack.Stack) string {
	var names []string
	for _, a := range s.Alarms().List() {
		names = append(names, a.Name)
	}
	return strings.Join(names, " ")
}

// The alarms of a template go off, tell EventBridge, and leave with the template.
func TestAlarmsOfTemplates(t *testing.T) {
	cfg := project(t, map[string]string{"app.template.json": watchTemplate})
	cfg.Clock = clock.Fast(120)
	s, told := open(t, cfg)
	if got := alarmNames(s); got != "errors page rate" {
		t.Errorf("alarms %q", got)
	}
	if e := told.one(t, stack.NotRunHere); !strings.Contains(e.Detail, "the action arn:aws:ssm:us-east-1:000000000000:opsitem:1 of alarm page: actions of ssm are not run here") {
		t.Errorf("%+v", e)
	}
	rate, err := s.Alarms().Alarm("rate")
	if err != nil || rate.Metric.Period != 5*time.Minute || rate.Metric.DatapointsToAlarm != 2 || rate.Metric.Metrics[1].Expression != "m1 / 2" {
		t.Errorf("%+v %v", rate.Metric, err)
	}
	if d, err := s.Dashboards().Get("board"); err != nil || d.Body != `{"widgets":[]}` {
		t.Errorf("%+v %v", d, err)
	}
	errorsOf := s.Metrics().Counter(metrics.NewMetric("App", "Errors", metrics.Dimension{Name: "Route", Value: "/a"}), "Count")
	errorsOf.Add(cfg.Clock.Now(), 1)
	await.Until(t, "the alarm", func() bool {
		a, err := s.Alarms().Alarm("page")
		return err == nil && a.State.Value == alarm.InAlarm
	})
	await.Until(t, "the events", func() bool {
		for _, g := range s.Logs().Groups(func(name string) bool { return name == "/aws/events/alarms" }) {
			return g.Bytes > 1000
		}
		return false
	})
	hear := s.Metrics()
	await.Until(t, "the rule's metrics", func() bool {
		list, err := hear.Metrics(metrics.Filter{Namespace: "AWS/Events", Name: "Invocations", Dimensions: []metrics.Dimension{{Name: "RuleName"}}})
		matched, _ := hear.Metrics(metrics.Filter{Namespace: "AWS/Events", Name: "MatchedEvents"})
		return err == nil && len(list) == 1 && len(matched) == 2
	})
	if err := s.Alarms().Put(alarm.Alarm{Name: "mine", Rule: "ALARM(rate)"}); err != nil {
		t.Fatal(err)
	}
	without := strings.NewReplacer(`"Errors":{"Type":"AWS::CloudWatch::Alarm"`, `"Errors":{"Type":"AWS::IAM::Role"`, `"Page":{"Type":"AWS::CloudWatch::CompositeAlarm"`, `"Page":{"Type":"AWS::IAM::Role"`,
		`"Board":{"Type":"AWS::CloudWatch::Dashboard"`, `"Board":{"Type":"AWS::IAM::Role"`).Replace(watchTemplate)
	if err := os.WriteFile(cfg.Template, []byte(without), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := alarmNames(s); got != "mine rate" {
		t.Errorf("after the reload: %q", got)
	}
	if _, err := s.Dashboards().Get("board"); err == nil {
		t.Error("a dashboard has stayed that has left the template")
	}
}

// What is wrong with an alarm is told with its logical id and the property's path.
func TestWrongAlarms(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`"Period":60`, `"Period":45`, "Errors |Properties.Period|Period must be 10, 20, 30 or a multiple of 60."},
		{`"GreaterThanThreshold"`, `"Above"`, "Errors |Properties.ComparisonOperator|ComparisonOperator must be one of"},
		{`"Threshold":0,`, ``, "Errors |The property Threshold is required."},
		{`m1 / 2`, `m1 /`, "Rate |Properties.Metrics|a value is missing"},
		{`OR ALARM(rate)`, `OR ALARM(nope)`, "Page |Properties.AlarmRule|alarms [nope] in the alarm rule do not exist"},
		{`{\"widgets\":[]}`, `[]`, "Board |Properties.DashboardBody|must be a valid JSON object"},
	} {
		cfg := project(t, map[string]string{"app.template.json": strings.Replace(watchTemplate, c.from, c.to, 1)})
		s, err := stack.Open(t.Context(), cfg)
		if err == nil {
			_ = s.Close(t.Context())
			t.Errorf("%s is taken", c.to)
			continue
		}
		for _, part := range strings.Split(c.want, "|") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v, want one that says %q", err, part)
			}
		}
	}
}

// What only AWS has does not keep a stack from running.
func TestAlarmsNotRunHere(t *testing.T) {
	template := strings.Replace(watchTemplate, `m1 / 2`, `ANOMALY_DETECTION_BAND(m1)`, 1)
	template = strings.Replace(template, ` OR ALARM(rate)`, ``, 1)
	template = strings.Replace(template, `,
		"AlarmActions":["arn:aws:ssm:us-east-1:000000000000:opsitem:1"]`, ``, 1)
	s, told := open(t, project(t, map[string]string{"app.template.json": template}))
	if e := told.one(t, stack.NotRunHere); !strings.Contains(e.Detail, "Rate (AWS::CloudWatch::Alarm), Metrics: ") {
		t.Errorf("%+v", e)
	}
	if got := alarmNames(s); got != "errors page" {
		t.Errorf("%q", got)
	}
}

package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
)

// target takes deliveries, or fails as its function says.
type target struct {
	mu       sync.Mutex
	taken    []string
	messages []trigger.Message
	fail     func(attempt int) error
	tries    int
}

func (t *target) Deliver(_ context.Context, m trigger.Message) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tries++
	if t.fail != nil {
		if err := t.fail(t.tries); err != nil {
			return err
		}
	}
	t.taken, t.messages = append(t.taken, m.Input), append(t.messages, m)
	return nil
}

func (t *target) attempts() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tries
}

func (t *target) got() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string{}, t.taken...)
}

func openEvents(t *testing.T, fs vfs.FS, targets map[string]trigger.Deliverer) (*trigger.Events, func()) {
	t.Helper()
	s, err := store.Open("data", store.WithFS(fs))
	if err != nil {
		t.Fatal(err)
	}
	e, err := trigger.NewEvents(trigger.EventsConfig{Store: s, Targets: targets})
	if err != nil {
		t.Fatal(err)
	}
	return e, func() {
		e.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	queueARN  = "arn:aws:sqs:us-east-1:000000000000:q"
	otherARN  = "arn:aws:sqs:us-east-1:000000000000:dead"
	lambdaARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
)

// rule puts a rule on the default bus that sends all orders to the targets.
func rule(t *testing.T, e *trigger.Events, targets ...trigger.Target) {
	t.Helper()
	check(t, e.PutRule(trigger.Rule{Bus: "default", Name: "orders", Pattern: `{"source":["shop"]}`}))
	check(t, e.PutTargets("default", "orders", targets))
}

func order(detail string) trigger.EventEntry {
	return trigger.EventEntry{Source: "shop", DetailType: "Order", Detail: detail, Resources: []string{"r"}}
}

// Every way of making a target's input out of the event.
func TestInputs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			name   string
			target trigger.Target
			want   string
		}{
			{"constant", trigger.Target{Input: `{"a": 1}`}, `{"a": 1}`},
			{"path", trigger.Target{InputPath: "$.detail"}, `{"n":7,"who":"a \"b\"","list":[1,{"x":2}]}`},
			{"path to nothing", trigger.Target{InputPath: "$.detail.none"}, `null`},
			{"transformer", trigger.Target{InputTransformer: &trigger.InputTransformer{
				InputPathsMap: map[string]string{"n": "$.detail.n", "who": "$.detail.who", "list": "$.detail.list", "none": "$.none"},
				InputTemplate: `{"n": <n>, "who": <who>, "text": "<who> has <n> of <list><none>", "rule": "<aws.events.rule-name>"}`,
			}}, `{"n": 7, "who": "a \"b\"", "text": "a \"b\" has 7 of [1,{\"x\":2}]", "rule": "orders"}`},
			{"no value", trigger.Target{InputTransformer: &trigger.InputTransformer{
				InputPathsMap: map[string]string{"none": "$.none"}, InputTemplate: `{"none": <none>, "text": "<none>", "empty": {}}`,
			}}, `{"none": "", "text": "", "empty": {}}`},
			{"event without its detail", trigger.Target{InputTransformer: &trigger.InputTransformer{InputTemplate: `[<aws.events.event>]`}},
				`[{"version":"0","id":"ID","detailType":"Order","source":"shop","account":"000000000000","time":"2000-01-01T00:00:00Z","region":"us-east-1","resources":["r"]}]`},
		} {
			queue := &target{}
			e, closeAll := openEvents(t, vfs.NewMem(), map[string]trigger.Deliverer{"sqs": queue})
			check(t, e.Start())
			test.target.ID, test.target.ARN = "1", queueARN
			rule(t, e, test.target)
			results, err := e.PutEvents([]trigger.EventEntry{order(`{"n":7,"who":"a \"b\"","list":[1,{"x":2}]}`)})
			if err != nil || len(results) != 1 || results[0].EventID == "" {
				t.Fatalf("got %+v, %v", results, err)
			}
			synctest.Wait()
			if got := queue.got(); len(got) != 1 || strings.ReplaceAll(got[0], results[0].EventID, "ID") != test.want {
				t.Errorf("%s: got %q, want %q", test.name, got, test.want)
			}
			closeAll()
		}
	})
}

// An event without a choice of input comes as a whole; entries that are no events are refused one by one.
func TestPutEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := &target{}
		e, closeAll := openEvents(t, vfs.NewMem(), map[string]trigger.Deliverer{"sqs": queue})
		defer closeAll()
		check(t, e.Start())
		rule(t, e, trigger.Target{ID: "1", ARN: queueARN})
		results, err := e.PutEvents([]trigger.EventEntry{order(`{"n":1}`), {Source: "shop", DetailType: "x"}, order(`"text"`), {Source: "aws.x", DetailType: "x", Detail: "{}"}, {Source: "other", DetailType: "x", Detail: "{}"}})
		check(t, err)
		var got []string
		for _, r := range results {
			got = append(got, fmt.Sprintf("%v %s: %s", r.EventID != "", r.ErrorCode, r.ErrorMessage))
		}
		want := "true : ; false InvalidArgument: Parameter Detail is not valid. Reason: Detail is a required argument.; " +
			"false MalformedDetail: Detail is malformed.; false NotAuthorizedForSourceException: Not authorized for the source.; true : "
		if strings.Join(got, "; ") != want {
			t.Errorf("got %s", strings.Join(got, "; "))
		}
		synctest.Wait()
		whole := `{"version":"0","id":"` + results[0].EventID + `","detail-type":"Order","source":"shop","account":"000000000000","time":"2000-01-01T00:00:00Z","region":"us-east-1","resources":["r"],"detail":{"n":1}}`
		if taken := queue.got(); len(taken) != 1 || taken[0] != whole {
			t.Errorf("got %q", taken)
		}
		check(t, e.EnableRule("default", "orders", false))
		_, err = e.PutEvents([]trigger.EventEntry{order(`{}`)})
		check(t, err)
		synctest.Wait()
		if taken := queue.got(); len(taken) != 1 {
			t.Errorf("a disabled rule sent %q", taken[1:])
		}
	})
}

// What fails is tried again until it is taken, given up and sent to the dead-letter queue, or hopeless.
func TestRetries(t *testing.T) {
	two, age := 2, 60
	const arns = "RULE_ARN=arn:aws:events:us-east-1:000000000000:rule/orders TARGET_ARN=" + lambdaARN + " "
	down := func(int) error { return errors.New("down") }
	for _, test := range []struct {
		name   string
		fail   func(attempt int) error
		policy *trigger.RetryPolicy
		tries  int
		taken  int
		letter string
	}{
		{"the third works", func(attempt int) error {
			if attempt < 3 {
				return errors.New("down")
			}
			return nil
		}, nil, 3, 1, ""},
		{"two retries", down, &trigger.RetryPolicy{MaximumRetryAttempts: &two}, 3, 0, "ERROR_CODE=ERROR_FROM_TARGET ERROR_MESSAGE=down EXHAUSTED_RETRY_CONDITION=MaximumRetryAttempts RETRY_ATTEMPTS=2 " + arns},
		{"one minute", down, &trigger.RetryPolicy{MaximumEventAgeInSeconds: &age}, 6, 0, "ERROR_CODE=ERROR_FROM_TARGET ERROR_MESSAGE=down EXHAUSTED_RETRY_CONDITION=MaximumEventAgeInSeconds RETRY_ATTEMPTS=5 " + arns},
		{"hopeless", func(int) error { return &trigger.Permanent{Err: errors.New("gone"), Code: trigger.NoResource} }, nil, 1, 0, "ERROR_CODE=NO_RESOURCE ERROR_MESSAGE=gone RETRY_ATTEMPTS=0 " + arns},
	} {
		synctest.Test(t, func(t *testing.T) {
			function, dead := &target{fail: test.fail}, &target{}
			e, closeAll := openEvents(t, vfs.NewMem(), map[string]trigger.Deliverer{"lambda": function, "sqs": dead})
			defer closeAll()
			check(t, e.Start())
			rule(t, e, trigger.Target{ID: "1", ARN: lambdaARN, RetryPolicy: test.policy, DeadLetterConfig: &trigger.DeadLetterConfig{ARN: otherARN}})
			_, err := e.PutEvents([]trigger.EventEntry{order(`{}`)})
			check(t, err)
			time.Sleep(10 * time.Minute)
			if function.attempts() != test.tries || len(function.got()) != test.taken || len(dead.got()) > 1 {
				t.Errorf("%s: %d tries, %d taken, %d dead", test.name, function.attempts(), len(function.got()), len(dead.got()))
			}
			letter := ""
			for _, m := range dead.messages {
				for _, name := range slices.Sorted(maps.Keys(m.Attributes)) {
					letter += name + "=" + m.Attributes[name].Value + " "
				}
			}
			if letter != test.letter {
				t.Errorf("%s: the dead-letter queue got\n%s, want\n%s", test.name, letter, test.letter)
			}
		})
	}
}

// What was accepted is delivered by the next process if this one is killed, with rules and buses as they were.
func TestDeliveryOutlivesAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewCrashableMem()
		e, closeAll := openEvents(t, disk, map[string]trigger.Deliverer{"sqs": &target{}}) // never started
		check(t, e.CreateBus(trigger.Bus{Name: "shop"}))
		check(t, e.PutRule(trigger.Rule{Bus: "shop", Name: "all", Pattern: `{"source":["shop"]}`}))
		check(t, e.PutTargets("shop", "all", []trigger.Target{{ID: "1", ARN: queueARN, InputPath: "$.detail"}}))
		rule(t, e, trigger.Target{ID: "1", ARN: e.BusARN("shop")})
		_, err := e.PutEvents([]trigger.EventEntry{order(`{"n":1}`)})
		check(t, err)
		after := disk.CrashClone(vfs.CrashCloneCfg{})
		closeAll()

		queue := &target{}
		e, closeAll = openEvents(t, after, map[string]trigger.Deliverer{"sqs": queue})
		defer closeAll()
		check(t, e.Start())
		synctest.Wait()
		if got := queue.got(); len(got) != 1 || got[0] != `{"n":1}` {
			t.Errorf("got %q", got)
		}
	})
}

func TestEventsRefusals(t *testing.T) {
	e, closeAll := openEvents(t, vfs.NewMem(), map[string]trigger.Deliverer{"sqs": &target{}})
	defer closeAll()
	rule(t, e, trigger.Target{ID: "1", ARN: queueARN})
	targets := func(t trigger.Target) error { return e.PutTargets("default", "orders", []trigger.Target{t}) }
	_, missing := e.Rule("default", "none")
	for _, test := range []struct {
		err  error
		want string
	}{
		{e.CreateBus(trigger.Bus{Name: "default"}), "ResourceAlreadyExistsException: Event bus default already exists."},
		{e.DeleteBus("default"), "ValidationException: Cannot delete event bus default."},
		{e.PutRule(trigger.Rule{Bus: "none", Name: "r", Pattern: `{"a":[1]}`}), "ResourceNotFoundException: Event bus none does not exist."},
		{e.PutRule(trigger.Rule{Bus: "default", Name: "r"}), "ValidationException: Parameter(s) EventPattern or ScheduleExpression must be specified."},
		{e.PutRule(trigger.Rule{Bus: "default", Name: "r", Pattern: `{"a":1}`}),
			"InvalidEventPatternException: Event pattern is not valid. Reason: \"a\" must be an object or an array\n at [Source: (String)\"{\"a\":1}\"; line: 1, column: 7]"},
		{e.DeleteRule("default", "orders"), "ValidationException: Rule can't be deleted since it has targets."},
		{missing, "ResourceNotFoundException: Rule none does not exist on EventBus default."},
		{targets(trigger.Target{ID: "2", ARN: "x"}), "ValidationException: Parameter x is not valid. Reason: Provided Arn is not in correct format."},
		{targets(trigger.Target{ID: "2", ARN: lambdaARN}), "ValidationException: Parameter " + lambdaARN + " is not valid. Reason: Targets of the service lambda are not served here."},
		{targets(trigger.Target{ID: "2", ARN: queueARN, Input: "{"}), "ValidationException: JSON syntax error in input for target 2"},
		{targets(trigger.Target{ID: "2", ARN: queueARN, InputTransformer: &trigger.InputTransformer{InputTemplate: `"<x> <aws.events.rule-arn>"`}}),
			"ValidationException: InputTemplate for target 2 contains invalid placeholder x."},
		{targets(trigger.Target{ID: "2", ARN: queueARN, Input: "{}", InputPath: "$"}), "ValidationException: Only one of Input, InputPath, or InputTransformer must be provided for target 2."},
		{e.DeleteRule("default", "none"), ""},
	} {
		if got := fmt.Sprint(test.err); got != test.want && (test.err != nil || test.want != "") {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
	left, err := e.RemoveTargets("default", "orders", []string{"1", "9"})
	if err != nil || len(left) != 1 || left[0] != "9" {
		t.Errorf("got %q, %v", left, err)
	}
	check(t, e.DeleteRule("default", "orders"))
}

// Rules by time: the event as AWS shapes it, in every form that targets want, over a power cut, and while they are disabled.
func TestRulesByTime(t *testing.T) {
	const arn = "arn:aws:events:us-east-1:000000000000:rule/tick"
	for _, test := range []struct {
		name   string
		target trigger.Target
		want   string
	}{
		{"the event", trigger.Target{}, `{"version":"0","id":"ID","detail-type":"Scheduled Event","source":"aws.events","account":"000000000000","time":"2000-01-01T01:00:00Z",` +
			`"region":"us-east-1","resources":["` + arn + `"],"detail":{}}`},
		{"path", trigger.Target{InputPath: "$.resources[0]"}, `"` + arn + `"`},
		{"constant", trigger.Target{Input: `{"a": 1}`}, `{"a": 1}`},
		{"transformer", trigger.Target{InputTransformer: &trigger.InputTransformer{
			InputPathsMap: map[string]string{"at": "$.time"}, InputTemplate: `{"at": "<at>", "rule": "<aws.events.rule-name>"}`,
		}}, `{"at": "2000-01-01T01:00:00Z", "rule": "tick"}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			disk, queue := vfs.NewCrashableMem(), &target{}
			targets := map[string]trigger.Deliverer{"sqs": queue}
			e, closeAll := openEvents(t, disk, targets)
			check(t, e.Start())
			check(t, e.PutRule(trigger.Rule{Bus: "default", Name: "tick", Schedule: "rate(1 hour)"}))
			test.target.ID, test.target.ARN = "1", queueARN
			check(t, e.PutTargets("default", "tick", []trigger.Target{test.target}))
			time.Sleep(90 * time.Minute)
			synctest.Wait()
			got := queue.got()
			if len(got) != 1 {
				t.Fatalf("%s: got %q", test.name, got)
			}
			if i := strings.Index(got[0], `"id":"`); i > 0 {
				got[0] = got[0][:i+6] + "ID" + got[0][i+6+36:]
			}
			if got[0] != test.want {
				t.Errorf("%s: got  %s\nwant %s", test.name, got[0], test.want)
			}
			after := disk.CrashClone(vfs.CrashCloneCfg{})
			closeAll()
			e, closeAll = openEvents(t, after, targets)
			defer closeAll()
			check(t, e.Start())
			time.Sleep(time.Hour) // 02:30
			check(t, e.EnableRule("default", "tick", false))
			time.Sleep(2 * time.Hour) // 04:30
			check(t, e.EnableRule("default", "tick", true))
			time.Sleep(time.Hour)
			synctest.Wait()
			if n := len(queue.got()); n != 3 {
				t.Errorf("%s: fired %d times, want at 1, 2 and 5 o'clock", test.name, n)
			}
			_, err := e.FireRule(t.Context(), "tick")
			check(t, err)
			if n := len(queue.got()); n != 4 {
				t.Errorf("%s: nothing came of firing by hand", test.name)
			}
		})
	}
}

// A template's rule is put with exactly its targets, keeps what clients change while the template says the same, and goes with it.
func TestDeployRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, closeAll := openEvents(t, vfs.NewMem(), map[string]trigger.Deliverer{"sqs": &target{}})
		defer closeAll()
		r := trigger.Rule{Bus: "default", Name: "r", Schedule: "rate(1 hour)"}
		q := func(id string) trigger.Target { return trigger.Target{ID: id, ARN: queueARN} }
		shown := func() string {
			got, err := e.Rule("default", "r")
			if err != nil {
				return err.Error()
			}
			ids := ""
			for _, t := range got.Targets {
				ids += t.ID
			}
			return fmt.Sprint(ids, " ", got.Disabled)
		}
		deploy := func(r trigger.Rule, targets ...trigger.Target) string {
			refused, err := e.DeployRule(r, targets)
			check(t, err)
			return fmt.Sprint(shown(), " ", len(refused))
		}
		bad := trigger.Target{ID: "b", ARN: lambdaARN}
		if got := deploy(r, q("1"), bad, q("2")); got != "12 false 1" {
			t.Errorf("at first: %s", got)
		}
		check(t, e.EnableRule("default", "r", false))
		if got := deploy(r, q("1"), bad, q("2")); got != "12 true 1" {
			t.Errorf("the same again: %s", got)
		}
		if got := deploy(r, q("2")); got != "2 false 0" {
			t.Errorf("changed: %s", got)
		}
		check(t, e.PutRule(trigger.Rule{Bus: "default", Name: "mine", Schedule: "rate(1 hour)"}))
		check(t, e.WithdrawRules(func(string, string) bool { return false }))
		if got := shown(); !strings.Contains(got, "does not exist") {
			t.Errorf("withdrawn: %s", got)
		}
		if _, err := e.Rule("default", "mine"); err != nil {
			t.Error(err)
		}
	})
}

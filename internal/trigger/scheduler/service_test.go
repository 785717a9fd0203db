package scheduler_test

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
	"go.uber.org/goleak"

	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/trigger/scheduler"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	queueARN   = "arn:aws:sqs:us-east-1:000000000000:q"
	lettersARN = "arn:aws:sqs:us-east-1:000000000000:letters"
	busARN     = "arn:aws:events:us-east-1:000000000000:event-bus/default"
	machineARN = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
	scheduled  = "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s"
)

// inbox is a target that keeps what it gets, or fails.
type inbox struct {
	mu   sync.Mutex
	got  []trigger.Message
	at   []time.Time
	fail error // of all queues but the one for dead letters
}

func (i *inbox) Deliver(_ context.Context, m trigger.Message) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fail != nil && m.Target != lettersARN {
		return i.fail
	}
	i.got, i.at = append(i.got, m), append(i.at, time.Now().UTC())
	return nil
}

// times are the days and minutes at which something came, and takes forgets them.
func (i *inbox) times() (list []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, at := range i.at {
		list = append(list, at.Format("2 15:04"))
	}
	i.got, i.at = nil, nil
	return list
}

func open(t *testing.T, fs vfs.FS, box *inbox, change ...func(*scheduler.Config)) (*scheduler.Service, func()) {
	t.Helper()
	s, err := store.Open("data", store.WithFS(fs))
	check(t, err)
	cfg := scheduler.Config{
		Store: s, Targets: map[string]trigger.Deliverer{"sqs": box, "states": box, "events": box}, Universal: scheduler.NewUniversal(nil, "us-east-1"),
	}
	for _, c := range change {
		c(&cfg)
	}
	v, err := scheduler.Open(cfg)
	check(t, err)
	check(t, v.Start())
	return v, func() {
		v.Close()
		check(t, s.Close())
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func queue(expression string) scheduler.Schedule {
	return scheduler.Schedule{Name: "s", Expression: expression, Target: scheduler.Target{ARN: queueARN, Input: "x"}}
}

func create(t *testing.T, v *scheduler.Service, s scheduler.Schedule) {
	t.Helper()
	_, err := v.Create(s, "")
	check(t, err)
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// In a synctest bubble it is midnight, 1 January 2000, UTC.

// When schedules of every form fire within four hours. (The store ticks ten times a second, so days would take minutes.)
func TestTimes(t *testing.T) {
	date := func(hour int) time.Time { return time.Date(2000, 1, 1, hour, 0, 0, 0, time.UTC) }
	for _, test := range []struct {
		name string
		s    scheduler.Schedule
		want []string
	}{
		{"rate", queue("rate(90 minutes)"), []string{"1 00:00", "1 01:30", "1 03:00"}},
		{"cron", queue("cron(30 1,3 * * ? *)"), []string{"1 01:30", "1 03:30"}},
		{"once", queue("at(2000-01-01T03:00:00)"), []string{"1 03:00"}},
		{"zone", scheduler.Schedule{Name: "s", Expression: "cron(30 4 * * ? *)", Timezone: "Europe/Berlin", Target: queue("").Target}, []string{"1 03:30"}},
		{"start", scheduler.Schedule{Name: "s", Expression: "rate(90 minutes)", Start: date(2), Target: queue("").Target}, []string{"1 02:00", "1 03:30"}},
		{"end", scheduler.Schedule{Name: "s", Expression: "cron(0 * * * ? *)", Start: date(1), End: date(3), Target: queue("").Target}, []string{"1 01:00", "1 02:00", "1 03:00"}},
		{"disabled", scheduler.Schedule{Name: "s", Expression: "rate(1 hour)", State: scheduler.Disabled, Target: queue("").Target}, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			box := &inbox{}
			v, closeAll := open(t, vfs.NewMem(), box)
			defer closeAll()
			create(t, v, test.s)
			time.Sleep(4*time.Hour - time.Second)
			synctest.Wait()
			if got := box.times(); !slices.Equal(got, test.want) {
				t.Errorf("%s: got %q, want %q", test.name, got, test.want)
			}
		})
	}
}

// An invocation in a flexible window comes within it, and at the same moment if it is asked again.
func TestWindow(t *testing.T) {
	var first []string
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			box := &inbox{}
			v, closeAll := open(t, vfs.NewMem(), box)
			defer closeAll()
			s := queue("cron(0 1 * * ? *)")
			s.Window = scheduler.Window{Mode: scheduler.WindowFlexible, Minutes: 60}
			create(t, v, s)
			time.Sleep(2*time.Hour + time.Second)
			synctest.Wait()
			got := box.times()
			if len(got) != 1 || got[0] == "1 01:00" || first != nil && got[0] != first[0] {
				t.Errorf("got %q after %q", got, first)
			}
			first = got
		})
	}
}

// The context attributes, in the words of the input, and what comes without an input.
func TestInput(t *testing.T) {
	for _, test := range []struct{ arn, input, want string }{
		{queueARN, `<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.scheduler.attempt-number> <aws.scheduler.execution-id>`, scheduled + " 2000-01-01T00:01:00Z 1 ID"},
		{busARN, "", "{}"},
		{machineARN, "", `{"version":"0","id":"UUID","detail-type":"Scheduled Event","source":"aws.scheduler","account":"000000000000","time":"2000-01-01T00:01:00Z",` +
			`"region":"us-east-1","resources":["` + scheduled + `"],"detail":"{}"}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			box := &inbox{}
			v, closeAll := open(t, vfs.NewMem(), box)
			defer closeAll()
			s := scheduler.Schedule{Name: "s", Expression: "at(2000-01-01T00:01:00)", Target: scheduler.Target{ARN: test.arn, Input: test.input}}
			if s.Target.ARN == busARN {
				s.Target.Bus, s.Target.Source, s.Target.DetailType = true, "me", "Tick"
			}
			create(t, v, s)
			time.Sleep(time.Minute)
			synctest.Wait()
			m := box.got[0]
			got := m.Input
			if i := strings.LastIndex(got, " "); strings.HasSuffix(test.want, " ID") && len(got)-i == 17 {
				got = got[:i] + " ID"
			}
			if i := strings.Index(got, `"id":"`); i > 0 {
				got = got[:i+6] + "UUID" + got[i+6+36:]
			}
			if got != test.want || m.Source != s.Target.Source || m.DetailType != s.Target.DetailType {
				t.Errorf("got  %s, %+v\nwant %s", got, m, test.want)
			}
		})
	}
}

// What fails is tried again as the retry policy says and then comes to the queue for dead letters, with the attempt in its input.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, retries := &inbox{fail: errors.New("down")}, 2
		v, closeAll := open(t, vfs.NewMem(), box)
		defer closeAll()
		s := queue("at(2000-01-01T00:01:00)")
		s.Target.Input, s.Target.DeadLetters = "try <aws.scheduler.attempt-number>", &trigger.DeadLetterConfig{ARN: lettersARN}
		s.Target.RetryPolicy, s.Completion = &trigger.RetryPolicy{MaximumRetryAttempts: &retries}, scheduler.DeleteCompleted
		create(t, v, s)
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if _, err := v.Get("default", "s"); err != nil {
			t.Errorf("a schedule that is still tried is gone: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(box.got) != 1 {
			t.Fatalf("got %+v", box.got)
		}
		letter := box.got[0].Input
		for _, name := range slices.Sorted(maps.Keys(box.got[0].Attributes)) {
			if name != "EXECUTION_ID" {
				letter += " " + name + "=" + box.got[0].Attributes[name].Value
			}
		}
		if want := "try 4 ERROR_CODE=ERROR_FROM_TARGET ERROR_MESSAGE=down EXHAUSTED_RETRY_CONDITION=MaximumRetryAttempts IS_PAYLOAD_TRUNCATED=false RETRY_ATTEMPTS=2 " +
			"SCHEDULED_TIME=2000-01-01T00:01:00Z SCHEDULE_ARN=" + scheduled + " TARGET_ARN=" + queueARN; letter != want {
			t.Errorf("got  %s\nwant %s", letter, want)
		}
		if _, err := v.Get("default", "s"); err == nil {
			t.Error("a completed schedule is still there")
		}
	})
}

// A power cut at any moment: no time is seen to twice, the latest one that was missed is made up for within a day, and completed schedules go.
func TestKill(t *testing.T) {
	for _, test := range []struct {
		name       string
		expression string
		off        time.Duration // how long nothing runs, from 00:30 on
		want       []string      // after that, in the three hours that follow
		left       bool
	}{
		{"hourly", "rate(1 hour)", 10 * time.Minute, []string{"1 01:00", "1 02:00", "1 03:00"}, true},
		{"hourly, some missed", "rate(1 hour)", 3 * time.Hour, []string{"1 03:30", "1 04:00", "1 05:00", "1 06:00"}, true},
		{"once, not missed", "at(2000-01-01T02:00:00)", time.Hour, []string{"1 02:00"}, false},
		{"once, missed", "at(2000-01-01T02:00:00)", 12 * time.Hour, []string{"1 12:30"}, false},
		{"once, missed for more than a day", "at(2000-01-01T02:00:00)", 30 * time.Hour, nil, false},
		{"once, before", "at(2000-01-01T00:10:00)", time.Hour, nil, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			disk, box := vfs.NewCrashableMem(), &inbox{}
			v, closeAll := open(t, disk, box)
			s := queue(test.expression)
			s.Completion = scheduler.DeleteCompleted
			create(t, v, s)
			time.Sleep(30 * time.Minute)
			synctest.Wait()
			after := disk.CrashClone(vfs.CrashCloneCfg{})
			closeAll()
			box.times()
			time.Sleep(test.off)
			v, closeAll = open(t, after, box)
			defer closeAll()
			time.Sleep(3 * time.Hour)
			synctest.Wait()
			if got := box.times(); !slices.Equal(got, test.want) {
				t.Errorf("%s: got %q, want %q", test.name, got, test.want)
			}
			if _, err := v.Get("default", "s"); (err == nil) != test.left {
				t.Errorf("%s: afterwards %v", test.name, err)
			}
		})
	}
}

// An update keeps the times unless they are changed; what was disabled is not made up for.
func TestUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &inbox{}
		v, closeAll := open(t, vfs.NewMem(), box)
		defer closeAll()
		create(t, v, queue("rate(1 hour)"))
		update := func(s scheduler.Schedule) {
			t.Helper()
			_, err := v.Update(s, "")
			check(t, err)
		}
		time.Sleep(30 * time.Minute)
		other := queue("rate(1 hour)")
		other.Description = "changed"
		update(other)
		time.Sleep(time.Hour)
		synctest.Wait()
		expect(t, box.times(), "1 00:00", "1 01:00")
		other.State = scheduler.Disabled
		update(other)
		time.Sleep(2 * time.Hour)
		other.State = scheduler.Enabled
		update(other)
		time.Sleep(time.Hour)
		synctest.Wait()
		expect(t, box.times(), "1 04:00")
		update(queue("rate(2 hours)"))
		time.Sleep(time.Hour)
		synctest.Wait()
		expect(t, box.times(), "1 04:30")
		check(t, v.Delete("default", "s", ""))
		time.Sleep(5 * time.Hour)
		synctest.Wait()
		expect(t, box.times())
	})
}

// Requests that come twice under a client token are one.
func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewCrashableMem()
		v, closeAll := open(t, disk, &inbox{})
		for range 2 {
			_, err1 := v.Create(queue("rate(1 day)"), "a")
			_, err2 := v.CreateGroup("g", nil, "b")
			if err := errors.Join(err1, err2); err != nil {
				t.Error(err)
			}
			after := disk.CrashClone(vfs.CrashCloneCfg{})
			closeAll()
			disk = after
			v, closeAll = open(t, disk, &inbox{})
		}
		defer func() { closeAll() }()
		_, err1 := v.Create(queue("rate(2 days)"), "a")
		_, err2 := v.Create(queue("rate(1 day)"), "c")
		err3 := errors.Join(v.DeleteGroup("g", "d"), v.DeleteGroup("g", "d"), v.Delete("default", "s", "e"), v.Delete("default", "s", "e"))
		if got := fmt.Sprint(err1, "; ", err2, "; ", err3); got != "ConflictException: The ClientToken a has been used with a different request.; "+
			"ConflictException: Schedule s already exists.; <nil>" {
			t.Error(got)
		}
	})
}

// Templates bring their schedules, take them away again, and leave those of clients alone.
func TestDeploy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, box := vfs.NewMem(), &inbox{}
		v, closeAll := open(t, disk, box)
		defer closeAll()
		clients := queue("rate(1 hour)")
		clients.Name = "mine"
		create(t, v, clients)
		deploy := func(groups []scheduler.Group, schedules ...scheduler.Schedule) string {
			t.Helper()
			refused, err := v.Deploy(groups, schedules)
			check(t, err)
			list, err := v.List(scheduler.Filter{})
			check(t, err)
			var words []string
			for _, s := range list {
				words = append(words, s.Group+"/"+s.Name)
			}
			for _, i := range slices.Sorted(maps.Keys(refused)) {
				words = append(words, fmt.Sprintf("%d: %v", i, refused[i]))
			}
			return strings.Join(words, ", ")
		}
		in := queue("rate(1 hour)")
		in.Group = "g"
		bad := queue("rate(1 fortnight)")
		bad.Name = "bad"
		for _, step := range []struct{ got, want string }{
			{deploy([]scheduler.Group{{Name: "g"}}, queue("rate(1 hour)"), in, clients, bad, in), "default/mine, default/s, g/s, " +
				"2: " + scheduler.ErrClients.Error() + ", " +
				"3: ValidationException: Invalid Schedule Expression rate(1 fortnight). A rate is a positive whole number and one of minute(s), hour(s) and day(s), like rate(5 minutes)., " +
				"4: another schedule has the name s in the group g"},
			{deploy([]scheduler.Group{{Name: "g"}}, in), "default/mine, g/s"},
			{deploy(nil), "default/mine"},
			{deploy(nil, in), "default/mine, 0: ResourceNotFoundException: Schedule group g does not exist."},
		} {
			if step.got != step.want {
				t.Errorf("got  %s\nwant %s", step.got, step.want)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, closeAll := open(t, vfs.NewMem(), &inbox{})
		defer closeAll()
		date := func(day int) time.Time { return time.Date(2000, 1, day, 0, 0, 0, 0, time.UTC) }
		with := func(change func(*scheduler.Schedule)) error {
			s := queue("rate(1 hour)")
			change(&s)
			_, err := v.Create(s, "")
			return err
		}
		target := func(arn, input string) error {
			return with(func(s *scheduler.Schedule) { s.Target = scheduler.Target{ARN: arn, Input: input} })
		}
		const universal = "arn:aws:scheduler:::aws-sdk:"
		for _, test := range []struct {
			err  error
			want string
		}{
			{with(func(s *scheduler.Schedule) { s.Expression = "at(1999-01-01T00:00:00)" }), "ValidationException: Invalid Schedule Expression at(1999-01-01T00:00:00). It never comes due from now on."},
			{with(func(s *scheduler.Schedule) { s.Timezone = "Mars" }), "ValidationException: Invalid Schedule Expression Timezone Mars. It is not the name of a time zone, like Europe/Berlin."},
			{with(func(s *scheduler.Schedule) { s.Start, s.End = date(3), date(2) }), "ValidationException: The EndDate you specify must not be earlier than the StartDate."},
			{with(func(s *scheduler.Schedule) { s.Start = date(0) }), "ValidationException: The StartDate you specify cannot be earlier than 5 minutes ago."},
			{with(func(s *scheduler.Schedule) { s.End = date(0) }), "ValidationException: The EndDate you specify must be in the future."},
			{with(func(s *scheduler.Schedule) { s.Window.Mode = scheduler.WindowFlexible }), "ValidationException: MaximumWindowInMinutes must be provided when FlexibleTimeWindowMode is set to FLEXIBLE"},
			{with(func(s *scheduler.Schedule) { s.Group = "none" }), "ResourceNotFoundException: Schedule group none does not exist."},
			{target("x", ""), "ValidationException: Provided Arn is not in correct format."},
			{target(busARN, "{}"), "ValidationException: EventBridgeParameters must be provided for the target " + busARN + "."},
			{target(machineARN, "{"), "ValidationException: Invalid Input: it must be JSON for the target " + machineARN + ": Unexpected end-of-input: expected double-quote to start field name at line 1, column 2"},
			{target("arn:aws:kinesis:us-east-1:000000000000:stream/s", ""), "ValidationException: Provided Arn arn:aws:kinesis:us-east-1:000000000000:stream/s cannot be invoked: targets of the service kinesis are not served here. " +
				"A universal target, arn:aws:scheduler:::aws-sdk:SERVICE:ACTION, reaches every service that --upstream names."},
			{target(universal+"sqs", ""), "ValidationException: Provided Arn is not in correct format: a universal target is arn:aws:scheduler:::aws-sdk:SERVICE:ACTION."},
			{target(universal+"pigeon:send", ""), "ValidationException: Provided Arn is not in correct format: there is no service pigeon."},
			{target(universal+"sqs:fly", ""), "ValidationException: Provided Arn is not in correct format: the service sqs has no action fly."},
			{target(universal+"sqs:listQueues", ""), "ValidationException: Provided Arn is not in correct format: listQueues only reads, which schedules may not."},
			{target(universal+"sqs:sendMessage", `{"Body":"x"}`), "ValidationException: Invalid Input for the action aws-sdk:sqs:sendMessage: The field 'Body' is not one of the action's"},
			{v.Delete("default", "none", ""), "ResourceNotFoundException: Schedule none does not exist."},
			{v.DeleteGroup("default", ""), "ValidationException: The default schedule group cannot be deleted."},
			{target(universal+"sqs:sendMessage", `{"QueueUrl":"u","MessageBody":"<aws.scheduler.scheduled-time>"}`), "<nil>"},
		} {
			if got := fmt.Sprint(test.err); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		}
	})
}

package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/s3"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/value"
)

// storage is a server with an S3 on the same disk that has a bucket "data".
type storage struct {
	*server
	objects *s3.Store
}

func openStorage(t *testing.T, disk vfs.FS, performer runner.Performer) *storage {
	t.Helper()
	db, err := store.Open("data", store.WithFS(disk), store.OnFailure(func(error) {}))
	if err != nil {
		t.Fatal(err)
	}
	objects := s3.New("s3", s3.WithFS(disk))
	_ = objects.CreateBucket("data") // it may be there
	s := &server{runner.New(runner.Config{Store: db, Tasks: performer, Objects: objects, Shards: 2}), db, disk}
	s.start(t)
	return &storage{s, objects}
}

func (s *storage) close(t *testing.T) {
	t.Helper()
	s.server.close(t)
	if err := s.objects.Close(); err != nil {
		t.Error(err)
	}
}

func (s *storage) put(t *testing.T, key, body string) {
	t.Helper()
	if _, err := s.objects.Put("data", key, strings.NewReader(body), s3.Attributes{}, s3.Condition{}, nil); err != nil {
		t.Fatal(err)
	}
}

func (s *storage) get(t *testing.T, key string) string {
	t.Helper()
	o, err := s.objects.Get("data", key, "")
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	defer func() { _ = o.Close() }()
	body, err := io.ReadAll(o.Reader())
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

const (
	pass      = `"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}`
	reads     = `"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"data","Key":"%s"},"ReaderConfig":{%s}},`
	lists     = `"ItemReader":{"Resource":"arn:aws:states:::s3:listObjectsV2","Parameters":{"Bucket":"data","Prefix":"%s"},"ReaderConfig":{%s}},`
	wholeItem = `"ItemSelector":{"i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value","s.$":"$$.Map.Item.Source","x.$":"$.x"},`
)

func TestMapRunReads(t *testing.T) {
	for _, tt := range []struct {
		name, extra, want string // output or cause
	}{
		{"csv", fmt.Sprintf(reads, "a.csv", `"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"`), `[{"a":"1","b":"x, y"},{"a":"2","b":""}]`},
		{"json lines", fmt.Sprintf(reads, "a.jsonl", `"InputType":"JSONL"`), `[1,{"b":2}]`},
		{"json below a pointer", fmt.Sprintf(reads, "a.json", `"InputType":"JSON","ItemsPointer":"/deep/list"`), `[{"n":1.5},[2]]`},
		{"members of an object", fmt.Sprintf(reads, "a.json", `"InputType":"JSON","ItemsPointer":"/deep"`), `[{"Key":"list","Value":[{"n":1.5},[2]]}]`},
		{"what MaxItems allows", fmt.Sprintf(reads, "a.jsonl", `"InputType":"JSONL","MaxItems":1`), `[1]`},
		{"a selected item", fmt.Sprintf(reads, "a.jsonl", `"InputType":"JSONL"`) + wholeItem,
			`[{"s":"S3://data/a.jsonl","v":1,"x":7,"i":0},{"s":"S3://data/a.jsonl","v":{"b":2},"x":7,"i":1}]`},
		{"loaded and flattened", fmt.Sprintf(lists, "many/", `"InputType":"JSONL","Transformation":"LOAD_AND_FLATTEN"`), `[1,2,3]`},
		{"batches", fmt.Sprintf(lists, "many/", `"InputType":"JSONL","Transformation":"LOAD_AND_FLATTEN"`) + `"ItemBatcher":{"MaxItemsPerBatch":2,"BatchInput":{"k.$":"$.x"}},`,
			`[{"BatchInput":{"k":7},"Items":[1,2]},{"BatchInput":{"k":7},"Items":[3]}]`},
		{"nothing there", fmt.Sprintf(reads, "none", `"InputType":"JSON"`), "The specified key does not exist."},
		{"no array", fmt.Sprintf(reads, "a.csv", `"InputType":"JSON"`), "Attempting to map over non-iterable node."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openStorage(t, vfs.NewMem(), tasks{})
				defer s.close(t)
				s.put(t, "a.csv", "a,b\n1,\"x, y\"\n2\n")
				s.put(t, "a.jsonl", "1\n{\"b\": 2}\n")
				s.put(t, "a.json", `{"other":[0],"deep":{"list":[{"n": 1.50},[2]]}}`)
				s.put(t, "many/1", "1\n2\n")
				s.put(t, "many/2", "3")
				d := s.run(t, s.machine(t, "m", distributed("EXPRESS", tt.extra, pass)), `{"x":7}`)
				got := d.Failure.Cause.Text
				if d.Output != nil {
					got = d.Output.Text()
				}
				if got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
				if d.Status == sfn.StatusFailed && d.Failure.Name() != sfn.ErrorItemReaderFailed {
					t.Errorf("failed with %s", d.Failure.Name())
				}
			})
		})
	}
}

// TestMapOverAnObject goes over the members of an object in the state's input.
func TestMapOverAnObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStorage(t, vfs.NewMem(), tasks{})
		defer s.close(t)
		plain := s.run(t, s.machine(t, "m", distributed("STANDARD", "", pass)), `{"a":1,"b":[2]}`)
		if plain.Output == nil || plain.Output.Text() != `[{"Key":"a","Value":1},{"Key":"b","Value":[2]}]` {
			t.Errorf("%v %v", plain.Output, plain.Failure)
		}
		selected := s.run(t, s.machine(t, "n", distributed("STANDARD", `"ItemSelector":{"k.$":"$$.Map.Item.Key","s.$":"$$.Map.Item.Source"},`, pass)), `{"a":1}`)
		if selected.Output == nil || selected.Output.Text() != `[{"s":"STATE_DATA","k":"a"}]` {
			t.Errorf("%v %v", selected.Output, selected.Failure)
		}
	})
}

const writes = `"ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"data","Prefix":"out"}%s},`

// TestMapRunWrites compares the exported files with what the developer guide shows, names and times aside.
func TestMapRunWrites(t *testing.T) {
	full := func(n int, input string) string {
		return fmt.Sprintf(`{"ExecutionArn":"CHILD%d","Input":"%s","InputDetails":{"Included":true},"Name":"NAME","Output":"%s","OutputDetails":{"Included":true},"RedriveCount":0,`+
			`"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":"TIME","StateMachineArn":"MACHINE","Status":"SUCCEEDED","StopDate":"TIME"}`, n, input, input)
	}
	failed := `{"Error":"Two","ExecutionArn":"CHILD0","Input":"2","InputDetails":{"Included":true},"Name":"NAME","RedriveCount":0,"RedriveStatus":"REDRIVABLE_BY_MAP_RUN",` +
		`"StartDate":"TIME","StateMachineArn":"MACHINE","Status":"FAILED","StopDate":"TIME"}`
	for _, tt := range []struct {
		name, config, input string
		succeeded, failed   string // the contents of the files; "" for none
	}{
		{"untransformed", "", `[1,3]`, "[" + full(0, "1") + "," + full(0, "3") + "]", ""},
		{"NONE as lines", `,"WriterConfig":{"Transformation":"NONE","OutputType":"JSONL"}`, `[1]`, full(0, "1") + "\n", ""},
		{"COMPACT", `,"WriterConfig":{"Transformation":"COMPACT","OutputType":"JSON"}`, `[1,[3],{"a": 4}]`, `[1,[3],{"a":4}]`, ""},
		{"FLATTEN", `,"WriterConfig":{"Transformation":"FLATTEN","OutputType":"JSON"}`, `[1,[3,[4]],[]]`, `[1,3,[4]]`, ""},
		{"FLATTEN as lines", `,"WriterConfig":{"Transformation":"FLATTEN","OutputType":"JSONL"}`, `[[3,4],5]`, "3\n4\n5\n", ""},
		{"failures stay whole", `,"WriterConfig":{"Transformation":"COMPACT","OutputType":"JSON"}`, `[1,2]`, `[1]`, "[" + failed + "]"},
		{"nothing", "", `[]`, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openStorage(t, vfs.NewMem(), tasks{})
				defer s.close(t)
				d := s.run(t, s.machine(t, "m", distributed("STANDARD", `"ToleratedFailureCount":1,`+fmt.Sprintf(writes, tt.config), failOnTwo)), tt.input)
				var result struct {
					MapRunArn           string
					ResultWriterDetails struct{ Bucket, Key string }
				}
				if d.Output == nil {
					t.Fatal(d.Failure)
				}
				if err := json.Unmarshal([]byte(d.Output.Text()), &result); err != nil {
					t.Fatal(err)
				}
				folder := "out/" + result.MapRunArn[strings.LastIndexByte(result.MapRunArn, ':')+1:] + "/"
				if result.ResultWriterDetails.Key != folder+"manifest.json" {
					t.Errorf("the manifest is %s", result.ResultWriterDetails.Key)
				}
				extension := ".json"
				if strings.Contains(tt.config, "JSONL") {
					extension = ".jsonl"
				}
				list := func(kind, want string) string {
					if want == "" {
						return `"` + kind + `":[]`
					}
					key := folder + kind + "_0" + extension
					text := s.get(t, key)
					if got := masked(text); got != want {
						t.Errorf("%s holds\n%s, want\n%s", key, got, want)
					}
					return fmt.Sprintf(`"%s":[{"Key":"%s","Size":%d}]`, kind, key, len(text))
				}
				want := fmt.Sprintf(`{"DestinationBucket":"data","MapRunArn":"%s","ResultFiles":{%s,"PENDING":[],%s}}`, result.MapRunArn, list("FAILED", tt.failed), list("SUCCEEDED", tt.succeeded))
				if got := s.get(t, folder+"manifest.json"); got != want {
					t.Errorf("the manifest is\n%s, want\n%s", got, want)
				}
			})
		})
	}
}

var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`"ExecutionArn":"arn:aws:states:us-east-1:000000000000:execution:m/items:[0-9a-f-]{36}"`), `"ExecutionArn":"CHILD0"`},
	{regexp.MustCompile(`"Name":"[0-9a-f-]{36}"`), `"Name":"NAME"`},
	{regexp.MustCompile(`"arn:aws:states:us-east-1:000000000000:stateMachine:m/items"`), `"MACHINE"`},
	{regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`), `"TIME"`},
}

func masked(text string) string {
	for _, m := range masks {
		text = m.pattern.ReplaceAllString(text, m.with)
	}
	return text
}

func TestMapRunCannotWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStorage(t, vfs.NewMem(), tasks{})
		defer s.close(t)
		extra := `"ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"none","Prefix":""}},`
		d := s.run(t, s.machine(t, "m", distributed("STANDARD", extra, pass)), `[1]`)
		if d.Failure.Name() != sfn.ErrorResultWriterFailed || d.Failure.Cause.Text != "The specified bucket does not exist" {
			t.Errorf("%v", d.Failure)
		}
	})
}

// TestMapRunStopsAtTooManyFailures checks what is left, and that it is exported all the same.
func TestMapRunStopsAtTooManyFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStorage(t, vfs.NewMem(), tasks{})
		defer s.close(t)
		m := s.machine(t, "m", strings.Replace(distributed("EXPRESS", `"ToleratedFailurePercentage":20,`+fmt.Sprintf(writes, ""), failOnTwo), `"MaxConcurrency":2`, `"MaxConcurrency":1`, 1))
		d := s.run(t, m, `[1,2,3,2,5,6,7,8,9,2]`)
		if d.Failure.Name() != "" && d.Status != sfn.StatusFailed {
			t.Errorf("%s %v", d.Status, d.Failure)
		}
		// Two of ten are 20 per cent, which is tolerated; the third is the last item.
		run := s.onlyMapRun(t, d.ARN)
		want := runner.MapRunCounts{Total: 10, Succeeded: 7, Failed: 3, ResultsWritten: 10}
		if run.Status != sfn.StatusFailed || run.Items != want || run.Executions != want {
			t.Errorf("%s %+v, want %+v", run.Status, run.Items, want)
		}
		d = s.run(t, m, `[2,2,2,2,5]`)
		run = s.onlyMapRun(t, d.ARN)
		want = runner.MapRunCounts{Total: 5, Failed: 2, Pending: 3, ResultsWritten: 2}
		if run.Items != want {
			t.Errorf("%+v, want %+v", run.Items, want)
		}
		folder := "out/" + run.ARN[strings.LastIndexByte(run.ARN, ':')+1:] + "/"
		if pending := s.get(t, folder+"PENDING_0.json"); strings.Count(pending, `"Status":"PENDING"`) != 3 {
			t.Errorf("pending are %s", pending)
		}
	})
}

func (s *storage) onlyMapRun(t *testing.T, execution string) runner.MapRun {
	t.Helper()
	page, next, err := s.MapRuns(execution, "", 10)
	if err != nil || len(page) != 1 || next != "" {
		t.Fatalf("%d Map Runs, %q, %v", len(page), next, err)
	}
	return page[0]
}

// TestMapRunAtWork looks at a Map Run while it is at work, and gives it more to do at once.
func TestMapRunAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStorage(t, vfs.NewMem(), tasks{})
		defer s.close(t)
		started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: s.machine(t, "m", distributed("STANDARD", "", waitThenPass)), Input: `[1,2,3,4,5,6]`})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(90 * time.Second) // rounds of two take a minute
		run := s.onlyMapRun(t, started.ARN)
		if want := (runner.MapRunCounts{Total: 6, Succeeded: 2, Running: 2, Pending: 2}); run.Items != want || run.Executions != want || run.Status != sfn.StatusRunning || run.MaxConcurrency != 2 {
			t.Errorf("%+v, want %+v", run, want)
		}
		four := int64(4)
		if err := s.UpdateMapRun(run.ARN, runner.MapRunUpdate{MaxConcurrency: &four}); err != nil {
			t.Fatal(err)
		}
		d := s.end(t, started.ARN)
		if took := d.StopDate.Sub(d.StartDate); d.Status != sfn.StatusSucceeded || took != 150*time.Second {
			t.Errorf("%s after %s, want the last two to have begun at 90 s", d.Status, took)
		}
		run = s.onlyMapRun(t, started.ARN)
		if run.Status != sfn.StatusSucceeded || run.MaxConcurrency != 4 || !run.StopDate.Equal(d.StopDate) {
			t.Errorf("%+v", run)
		}
		refused(t, sfn.ValidationException, func() error { return s.UpdateMapRun(run.ARN, runner.MapRunUpdate{MaxConcurrency: &four}) })
		refused(t, sfn.ResourceNotFound, func() error { return s.UpdateMapRun(run.ARN+"0", runner.MapRunUpdate{}) })
	})
}

// TestMapRunIsAborted stops the execution around a Map Run.
func TestMapRunIsAborted(t *testing.T) {
	for _, kind := range []string{"STANDARD", "EXPRESS"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openStorage(t, vfs.NewMem(), tasks{})
				defer s.close(t)
				started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: s.machine(t, "m", distributed(kind, "", waitThenPass)), Input: `[1,2,3,4,5]`})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(90 * time.Second)
				if _, err := s.StopExecution(t.Context(), started.ARN, sfn.Failure{}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				run := s.onlyMapRun(t, started.ARN)
				if want := (runner.MapRunCounts{Total: 5, Succeeded: 2, Aborted: 2, Pending: 1}); run.Status != sfn.StatusAborted || run.Items != want || run.StopDate.IsZero() {
					t.Errorf("%s %+v, want %+v", run.Status, run.Items, want)
				}
				aborted, _, err := s.Executions(store.Filter{MapRunARN: run.ARN, Status: sfn.StatusAborted})
				if err != nil || len(aborted) != 2 {
					t.Errorf("%d aborted children, %v", len(aborted), err)
				}
			})
		})
	}
}

// TestMapRunBesideAFailure has the sibling of a distributed Map fail.
func TestMapRunBesideAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStorage(t, vfs.NewMem(), tasks{})
		defer s.close(t)
		inner := strings.TrimPrefix(distributed("STANDARD", "", waitThenPass), "")
		m := s.machine(t, "m", `{"StartAt":"Both","States":{"Both":{"Type":"Parallel","Branches":[`+inner+
			`,{"StartAt":"L","States":{"L":{"Type":"Wait","Seconds":30,"Next":"F"},"F":{"Type":"Fail","Error":"Mine"}}}],`+
			`"Catch":[{"ErrorEquals":["Mine"],"Next":"Z"}],"End":true},"Z":{"Type":"Wait","Seconds":5,"End":true}}}`)
		d := s.run(t, m, `[1,2,3]`)
		if d.Status != sfn.StatusSucceeded {
			t.Fatalf("%s %v", d.Status, d.Failure)
		}
		kinds := s.types(t, d.ARN)
		if at := slices.Index(kinds, history.MapRunAborted); at < 0 || kinds[at+1] != history.MapStateAborted {
			t.Errorf("no MapRunAborted before MapStateAborted in %v", kinds)
		}
		run := s.onlyMapRun(t, d.ARN)
		if want := (runner.MapRunCounts{Total: 3, Aborted: 2, Pending: 1}); run.Status != sfn.StatusAborted || run.Items != want {
			t.Errorf("%s %+v, want %+v", run.Status, run.Items, want)
		}
	})
}

// TestMapRunNested has children that have Map Runs of their own.
func TestMapRunNested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStorage(t, vfs.NewMem(), tasks{})
		defer s.close(t)
		inner := strings.Replace(distributed("EXPRESS", "", pass), `"Label":"items"`, `"Label":"inner"`, 1)
		inner = strings.Replace(strings.TrimSuffix(strings.TrimPrefix(inner, "{"), "}"), `"M"`, `"N"`, 2)
		d := s.run(t, s.machine(t, "m", distributed("STANDARD", "", inner)), `[[1,2],[3],[]]`)
		if d.Status != sfn.StatusSucceeded || d.Output.Text() != `[[1,2],[3],[]]` {
			t.Errorf("%s %v %v", d.Status, d.Output, d.Failure)
		}
	})
}

// TestMapRunAfterAPowerCut cuts the power while Express children are at work. What they had achieved is kept, the object that has changed meanwhile
// is not read again, and the result is whole.
func TestMapRunAfterAPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewCrashableMem()
		s := openStorage(t, disk, tasks{})
		s.put(t, "a.jsonl", "1\n2\n3\n4\n5\n")
		m := s.machine(t, "m", distributed("EXPRESS", fmt.Sprintf(reads, "a.jsonl", `"InputType":"JSONL"`), waitThenPass))
		started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: m, Input: `{}`})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(90 * time.Second) // two are done, two at work
		crashed := disk.CrashClone(vfs.CrashCloneCfg{})
		s.close(t)

		s = openStorage(t, crashed, tasks{})
		defer s.close(t)
		s.put(t, "a.jsonl", "broken")
		d := s.end(t, started.ARN)
		if d.Status != sfn.StatusSucceeded || d.Output.Text() != `[1,2,3,4,5]` {
			t.Errorf("%s %v %v", d.Status, d.Output, d.Failure)
		}
		// The two at work began again at 90 s, so the last ended at 210 s instead of 180.
		if took := d.StopDate.Sub(d.StartDate); took != 210*time.Second {
			t.Errorf("it took %s", took)
		}
		run := s.onlyMapRun(t, started.ARN)
		if want := (runner.MapRunCounts{Total: 5, Succeeded: 5, ResultsWritten: 5}); run.Items != want {
			t.Errorf("%+v, want %+v", run.Items, want)
		}
		for d, err := range s.store.Documents("maprun.inputs", "", "") {
			t.Errorf("inputs are left: %s, %v", d.Key, err)
		}
	})
}

// TestMapRunIsAbortedAcrossAPowerCut cuts the power when the execution has ended but its Map Run has not.
func TestMapRunIsAbortedAcrossAPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewCrashableMem()
		s := openStorage(t, disk, tasks{})
		started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: s.machine(t, "m", distributed("STANDARD", "", waitThenPass)), Input: `[1,2,3]`})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		if _, err := s.StopExecution(t.Context(), started.ARN, sfn.Failure{}); err != nil {
			t.Fatal(err)
		}
		crashed := disk.CrashClone(vfs.CrashCloneCfg{}) // the execution is over on disk, and the children are about to be stopped
		s.close(t)

		s = openStorage(t, crashed, tasks{})
		defer s.close(t)
		time.Sleep(time.Second)
		run := s.onlyMapRun(t, started.ARN)
		if run.Status != sfn.StatusAborted || run.Items.Aborted != 2 || run.Items.Pending != 1 {
			t.Errorf("%s %+v", run.Status, run.Items)
		}
		for e, err := range s.store.Running() {
			t.Errorf("%s is left running, %v", e.ARN, err)
		}
	})
}

// TestMapRunIsRedriven redrives a Map Run whose threshold was exceeded: what failed and what had not begun goes on, what succeeded stays.
func TestMapRunIsRedriven(t *testing.T) {
	for _, kind := range []string{"STANDARD", "EXPRESS"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var broken atomic.Bool
				broken.Store(true)
				s := openStorage(t, vfs.NewMem(), tasks{"f": func(_ context.Context, c task.Call) (*value.Data, *sfn.Failure) {
					time.Sleep(time.Minute)
					if broken.Load() && strings.Contains(c.Parameters.Text(), `2`) {
						return nil, sfn.Fail("Broken", "it is")
					}
					return value.NewData(value.Bool(true)), nil
				}})
				defer s.close(t)
				definition := distributed(kind, fmt.Sprintf(writes, `,"WriterConfig":{"Transformation":"COMPACT","OutputType":"JSON"}`),
					`"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f","Payload.$":"$"},"OutputPath":"$","End":true}}`)
				d := s.run(t, s.machine(t, "m", strings.Replace(definition, `"MaxConcurrency":2`, `"MaxConcurrency":1`, 1)), `[1,2,3]`)
				run := s.onlyMapRun(t, d.ARN)
				if want := (runner.MapRunCounts{Total: 3, Succeeded: 1, Failed: 1, Pending: 1, ResultsWritten: 2}); d.Status != sfn.StatusFailed || run.Items != want {
					t.Fatalf("%s %+v, want %+v", d.Status, run.Items, want)
				}
				broken.Store(false)
				time.Sleep(time.Hour)
				if _, err := s.RedriveExecution(t.Context(), d.ARN, ""); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				run = s.onlyMapRun(t, d.ARN)
				if want := (runner.MapRunCounts{Total: 3, Succeeded: 1, Running: 1, Pending: 1}); run.Status != sfn.StatusRunning || run.Items != want || run.RedriveCount != 1 || run.RedriveDate.IsZero() || !run.StopDate.IsZero() {
					t.Errorf("%+v, want %+v", run, want)
				}
				d = s.end(t, d.ARN)
				run = s.onlyMapRun(t, d.ARN)
				if want := (runner.MapRunCounts{Total: 3, Succeeded: 3, ResultsWritten: 3}); d.Status != sfn.StatusSucceeded || run.Status != sfn.StatusSucceeded || run.Items != want {
					t.Errorf("%s %v %+v, want %+v", d.Status, d.Failure, run, want)
				}
				children, _, err := s.Executions(store.Filter{MapRunARN: run.ARN})
				if err != nil || len(children) != 3 {
					t.Errorf("%d children, %v", len(children), err)
				}
			})
		})
	}
}

// TestMapRunPendingRedrive stops a redrive before it has come to all children: those it has not come to are as they were.
func TestMapRunPendingRedrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStorage(t, vfs.NewMem(), tasks{"f": func(context.Context, task.Call) (*value.Data, *sfn.Failure) {
			time.Sleep(time.Minute)
			return nil, sfn.Fail("Broken", "it is")
		}})
		defer s.close(t)
		m := s.machine(t, "m", distributed("STANDARD", "", `"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}}`))
		started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: m, Input: `[1,2,3,4]`}) // two at once fail
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		run := s.onlyMapRun(t, started.ARN)
		one := int64(1) // from the redrive on
		if err := s.UpdateMapRun(run.ARN, runner.MapRunUpdate{MaxConcurrency: &one}); err != nil {
			t.Fatal(err)
		}
		d := s.end(t, started.ARN)
		time.Sleep(time.Hour)
		if _, err := s.RedriveExecution(t.Context(), d.ARN, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		pending, _, err := s.Executions(store.Filter{MapRunARN: run.ARN, Status: sfn.StatusPendingRedrive})
		if run = s.onlyMapRun(t, d.ARN); err != nil || len(pending) != 1 || run.Items.PendingRedrive != 1 || run.Items.Running != 1 || run.Items.Pending != 2 {
			t.Errorf("%d children are pending, %+v, %v", len(pending), run.Items, err)
		}
		if _, err := s.StopExecution(t.Context(), d.ARN, sfn.Failure{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		run = s.onlyMapRun(t, d.ARN)
		if run.Status != sfn.StatusAborted || run.Items.Aborted+run.Items.Failed != 2 || run.Items.Pending != 2 || run.Items.PendingRedrive != 0 {
			t.Errorf("%s %+v, want two that have ended", run.Status, run.Items)
		}
		if pending, _, err = s.Executions(store.Filter{MapRunARN: run.ARN, Status: sfn.StatusPendingRedrive}); err != nil || len(pending) != 0 {
			t.Errorf("%d children are left pending, %v", len(pending), err)
		}
	})
}

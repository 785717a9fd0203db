package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

const logGroup = "/aws/vendedlogs/states/test"

// logTo is the configuration of a machine that logs.
func logTo(level sfn.LogLevel, data bool) sfn.LoggingConfiguration {
	arn := sfn.DefaultPlace().LogGroupARN(logGroup) + ":*"
	return sfn.LoggingConfiguration{Level: level, IncludeExecutionData: data, Destinations: []sfn.LogDestination{
		{CloudWatchLogsLogGroup: &sfn.LogGroupDestination{LogGroupARN: arn}},
	}}
}

// putLogging stores a machine that logs and returns its ARN.
func putLogging(t testing.TB, s *store.Store, kind sfn.MachineType, definition string, c sfn.LoggingConfiguration) string {
	t.Helper()
	config, err := json.Marshal(sfn.MachineConfiguration{Logging: c})
	if err != nil {
		t.Fatal(err)
	}
	m := store.Machine{
		ARN: sfn.DefaultPlace().StateMachineARN("logger"), Name: "logger", Revision: 1, Type: kind, Definition: definition,
		RoleARN: "arn:aws:iam::000000000000:role/r", Created: time.Now(), Config: config,
	}
	batch := s.NewBatch()
	if err := batch.PutMachine(m); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(batch); err != nil {
		t.Fatal(err)
	}
	return m.ARN
}

// openLogging opens a runner that logs into a service in memory, with one group.
func openLogging(t *testing.T) (*server, *logs.Service) {
	t.Helper()
	l, err := logs.Open("logs", logs.WithFS(vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.CreateGroup(logs.Group{Name: logGroup}); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open("data", store.WithFS(vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	return &server{Runner: runner.New(runner.Config{Store: db, Tasks: tasks{}, Logs: l, Shards: 2}), store: db}, l
}

// logged is a record as it was written, as far as the tests look.
type logged struct {
	ID        string         `json:"id"`
	Type      history.Type   `json:"type"`
	Details   map[string]any `json:"details"`
	Execution string         `json:"execution_arn"`
	MapRun    string         `json:"map_run_arn"`
}

// readLog reads all records, and checks that they are in one stream named after the machine.
func readLog(t *testing.T, l *logs.Service) (records []logged) {
	t.Helper()
	page, err := l.Read(t.Context(), logs.Query{Group: logGroup, After: logs.Front, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Events {
		var r logged
		if err := json.Unmarshal([]byte(e.Message), &r); err != nil {
			t.Fatalf("%s: %v", e.Message, err)
		}
		if !strings.HasPrefix(e.Stream, "states/logger/2000-01-01-00-00/") && !strings.HasPrefix(e.Stream, "states/logger/M/2000-01-01-00-00/") {
			t.Errorf("logged into the stream %s", e.Stream)
		}
		records = append(records, r)
	}
	return records
}

func typesOf(records []logged) string {
	var types []string
	for _, r := range records {
		types = append(types, r.ID+" "+string(r.Type))
	}
	return strings.Join(types, ", ")
}

// What is logged follows from the level and the history; inputs and outputs from the configuration.
func TestLogsByLevel(t *testing.T) {
	const caught = `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},
		"Catch":[{"ErrorEquals":["States.ALL"],"Next":"F"}],"End":true},"F":{"Type":"Fail","Error":"E"}}}`
	for _, kind := range []sfn.MachineType{sfn.Standard, sfn.Express} {
		for _, test := range []struct {
			level sfn.LogLevel
			data  bool
			want  string
		}{
			{sfn.LogAll, true, "1 ExecutionStarted, 2 TaskStateEntered, 3 TaskScheduled, 4 TaskStarted, 5 TaskFailed, 6 TaskStateExited, 7 FailStateEntered, 8 ExecutionFailed"},
			{sfn.LogError, false, "5 TaskFailed, 7 FailStateEntered, 8 ExecutionFailed"},
			{sfn.LogFatal, false, "8 ExecutionFailed"},
			{sfn.LogOff, false, ""},
		} {
			synctest.Test(t, func(t *testing.T) {
				s, l := openLogging(t)
				s.start(t)
				machine := putLogging(t, s.store, kind, caught, logTo(test.level, test.data))
				started, err := s.StartExecution(t.Context(), runner.StartRequest{MachineARN: machine})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second) // until all is done
				records := readLog(t, l)
				if got := typesOf(records); got != test.want {
					t.Errorf("%s %s:\n got %s\nwant %s", kind, test.level, got, test.want)
				}
				for _, r := range records {
					if _, ok := r.Details["input"]; ok != (test.data && strings.HasSuffix(string(r.Type), "Entered") || test.data && r.Type == history.ExecutionStarted) {
						t.Errorf("%s: input %v, with data %v", r.Type, ok, test.data)
					}
					if r.Execution != started.ARN {
						t.Errorf("%s is said to be of %s", r.Type, r.Execution)
					}
				}
				s.close(t)
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// The children of a Map Run log where their parent does, and say whose children they are.
func TestChildrenLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := openLogging(t)
		s.start(t)
		machine := putLogging(t, s.store, sfn.Standard, `{"StartAt":"M","States":{"M":{"Type":"Map","Label":"M","End":true,
			"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}}`, logTo(sfn.LogAll, true))
		s.run(t, machine, "[1,2]")
		children := map[string]int{}
		for _, r := range readLog(t, l) {
			if (r.MapRun != "") != strings.Contains(r.Execution, ":express:logger/M:") {
				t.Errorf("%s of %s has the Map Run %q", r.Type, r.Execution, r.MapRun)
			}
			if r.MapRun != "" {
				children[r.Execution]++
			}
		}
		if len(children) != 2 {
			t.Errorf("got children %v", children)
		}
		s.close(t)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A group that has been deleted takes nothing, and executions go on.
func TestLogsIntoNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, l := openLogging(t)
		s.start(t)
		machine := putLogging(t, s.store, sfn.Standard, passMachine, logTo(sfn.LogAll, true))
		if err := l.DeleteGroup(logGroup); err != nil {
			t.Fatal(err)
		}
		if d := s.run(t, machine, "{}"); d.Status != sfn.StatusSucceeded {
			t.Errorf("got %s", d.Status)
		}
		s.close(t)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkManyPassesLogged is BenchmarkManyPasses with nothing, and with everything, logged: ALL with data should cost at most a fifth of
// the transitions.
func BenchmarkManyPassesLogged(b *testing.B) {
	for _, level := range []sfn.LogLevel{sfn.LogOff, sfn.LogAll} {
		b.Run(string(level), func(b *testing.B) {
			l, err := logs.Open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			if err := l.CreateGroup(logs.Group{Name: logGroup}); err != nil {
				b.Fatal(err)
			}
			db, err := store.Open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			s := &server{Runner: runner.New(runner.Config{Store: db, Logs: l}), store: db}
			if _, err := s.Start(); err != nil {
				b.Fatal(err)
			}
			m := putLogging(b, db, sfn.Standard, passes(10), logTo(level, true))
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ResetTimer()
			for range 256 {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						s.benchRun(b, m)
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(10*b.N)/b.Elapsed().Seconds(), "transitions/s")
			s.Close(context.Background())
			if err := errors.Join(l.Close(), db.Close()); err != nil {
				b.Error(err)
			}
		})
	}
}

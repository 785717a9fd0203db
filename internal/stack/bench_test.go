package stack_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/stack"
)

// tenCalls is a template with a function that does nothing and a machine that calls it ten times in a row.
func tenCalls() string {
	var states []string
	for i := range 10 {
		next := fmt.Sprintf(`\"Next\":\"S%d\"`, i+1)
		if i == 9 {
			next = `\"End\":true`
		}
		states = append(states, fmt.Sprintf(`\"S%d\":{\"Type\":\"Task\",\"Resource\":\"${F}\",%s}`, i, next))
	}
	return `{"Resources":{"F":{"Type":"AWS::Lambda::Function","Metadata":{"tutti:source":"internal/stack/testdata/nothing"},
		"Properties":{"Code":{},"Role":"arn:aws:iam::000000000000:role/r","Runtime":"provided.al2023","Handler":"bootstrap"}},
		"M":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"RoleArn":"arn:aws:iam::000000000000:role/r","DefinitionSubstitutions":{"F":{"Fn::GetAtt":["F","Arn"]}},
		"DefinitionString":"{\"StartAt\":\"S0\",\"States\":{` + strings.Join(states, ",") + `}}"}}}}`
}

// BenchmarkTenFunctionCalls runs executions of ten real function calls in a row, one execution after another and eight in flight.
func BenchmarkTenFunctionCalls(b *testing.B) {
	lambda.CoarseTimers() // as tutti does
	root, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	template := filepath.Join(dir, "bench.template.json")
	if err := os.WriteFile(template, []byte(tenCalls()), 0o644); err != nil {
		b.Fatal(err)
	}
	s, err := stack.Open(context.Background(), stack.Config{Project: root, Template: template, Data: filepath.Join(dir, "data")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close(context.Background()) }()
	if _, err := s.Start(); err != nil {
		b.Fatal(err)
	}
	machine := s.Machines()[0].ARN
	run := func() {
		started, err := s.Runner().StartExecution(context.Background(), runner.StartRequest{MachineARN: machine})
		if err == nil {
			err = s.Runner().Await(context.Background(), started.ARN)
		}
		if err != nil {
			b.Error(err)
		}
	}
	run()
	for _, inFlight := range []int{1, 8} {
		b.Run(fmt.Sprint(inFlight), func(b *testing.B) {
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			used := cpuTime()
			b.ResetTimer()
			for range inFlight {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						run()
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "executions/s")
			b.ReportMetric(float64((cpuTime()-used).Microseconds())/1000/float64(b.N), "cpu-ms/execution")
		})
	}
}

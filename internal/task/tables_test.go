package task

import (
	"slices"
	"testing"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/awsmodel"
)

// TestTablesAgree holds the tables of this package to the table of integrations that definitions are checked with, and both to the services' models.
func TestTablesAgree(t *testing.T) {
	c := NewCatalog(Config{})
	known := map[string]bool{}
	for _, i := range asl.Integrations() {
		key := i.Service + ":" + i.API
		known[key] = true
		if i.Storage {
			continue
		}
		if c.performers[key] != nil {
			if shape := c.inputs[key]; shape == nil {
				t.Errorf("%s has a performer but no input", key)
			}
			continue
		}
		if c.actions[key].refusal != "" {
			continue
		}
		target, failure := c.target(asl.Resource{ARN: key, Service: i.Service, API: i.API})
		if failure != nil {
			t.Errorf("%s: %s", key, failure)
			continue
		}
		for _, name := range i.Required {
			if _, ok := target.input().Member(name); !ok {
				t.Errorf("%s requires %s, which its input does not have", key, name)
			}
		}
		kind, hasJob := c.jobs[key]
		if runs := slices.Contains(i.Patterns, asl.RunJob); runs != hasJob {
			t.Errorf("%s runs a job: %v; it is in the table of jobs: %v", key, runs, hasJob)
		}
		if hasJob {
			checkJob(t, key, &target, &kind)
		}
	}
	for key := range c.jobs {
		if !known[key] {
			t.Errorf("the table of jobs has %s, which is no integration", key)
		}
	}
	for key := range c.actions {
		if !known[key] {
			t.Errorf("the table of actions has %s, which is no integration", key)
		}
	}
}

// checkJob holds a row of the table of jobs to the service's model: operations, arguments, and the ways into what they answer.
func checkJob(t *testing.T, key string, target *target, k *jobKind) {
	describe, ok := target.model.Operation(k.describe)
	if !ok {
		t.Errorf("%s: no operation %s", key, k.describe)
		return
	}
	checkArguments(t, key, target, describe, k.arguments)
	job := shapeAt(describe.Output, k.job)
	if job == nil {
		t.Errorf("%s: %s answers without %s", key, k.describe, k.job)
		return
	}
	if k.status != "" {
		status := shapeAt(job, k.status)
		if status == nil {
			t.Errorf("%s: the job has no %s", key, k.status)
			return
		}
		for _, s := range slices.Concat(k.succeeded, k.failed) {
			if len(status.Enum) > 0 && !slices.Contains(status.Enum, s) {
				t.Errorf("%s: no job has the status %s; there are %q", key, s, status.Enum)
			}
		}
	} else if k.verdict == nil {
		t.Errorf("%s: nothing tells whether the job has ended", key)
	}
	if k.stop != "" {
		stop, ok := target.model.Operation(k.stop)
		if !ok {
			t.Errorf("%s: no operation %s", key, k.stop)
			return
		}
		checkArguments(t, key, target, stop, k.stopArguments)
	}
}

func checkArguments(t *testing.T, key string, target *target, o *awsmodel.Operation, list []argument) {
	for _, a := range list {
		m, ok := o.Input.Member(a.name)
		if !ok {
			t.Errorf("%s: %s takes no %s", key, o.Name, a.name)
			continue
		}
		if (m.Shape.Kind == awsmodel.List) != a.list {
			t.Errorf("%s: %s takes %s as a list: %v", key, o.Name, a.name, m.Shape.Kind == awsmodel.List)
		}
		if a.parameter != "" {
			if _, ok := target.input().Member(a.parameter); !ok {
				t.Errorf("%s takes no parameter %s", key, a.parameter)
			}
		}
		if a.submitted != "" && target.action.result == nil && shapeAt(target.operation.Output, a.submitted) == nil {
			t.Errorf("%s answers without %s", key, a.submitted)
		}
	}
}

// shapeAt goes a way into a shape; nil if it leads nowhere.
func shapeAt(s *awsmodel.Shape, way string) *awsmodel.Shape {
	for _, step := range steps(way) {
		switch {
		case s == nil:
			return nil
		case s.Kind == awsmodel.List:
			s = s.Elem
		default:
			m, ok := s.Member(step)
			if !ok {
				return nil
			}
			s = m.Shape
		}
	}
	return s
}

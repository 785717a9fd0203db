package trigger_test

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/trigger"
)

// Tags of rules and buses outlive a power cut, those of templates too, and what a client changes stays until the template says something else.
func TestTagsOutliveAKill(t *testing.T) {
	disk := vfs.NewCrashableMem()
	e, closeAll := openEvents(t, disk, map[string]trigger.Deliverer{"sqs": &target{}})
	defer closeAll()
	tag := func(key string) trigger.Tag { return trigger.Tag{Key: key, Value: key} }
	bus := trigger.Bus{Name: "shop", Description: "d", Tags: []trigger.Tag{tag("b"), tag("a")}}
	r := trigger.Rule{Bus: "shop", Name: "r", Pattern: `{"source":["shop"]}`, Tags: []trigger.Tag{tag("x")}}
	deploy := func(e *trigger.Events) {
		t.Helper()
		check(t, e.DeployBus(bus))
		_, err := e.DeployRule(r, nil)
		check(t, err)
	}
	shown := func(e *trigger.Events) string {
		ofBus, err1 := e.TagsOf(e.BusARN("shop"))
		ofRule, err2 := e.TagsOf(e.RuleARN("shop", "r"))
		return fmt.Sprint(ofBus, ofRule, err1, err2)
	}
	deploy(e)
	check(t, e.Tag(e.BusARN("shop"), []trigger.Tag{tag("c")}))
	check(t, e.Untag(e.RuleARN("shop", "r"), []string{"x"}))
	after := disk.CrashClone(vfs.CrashCloneCfg{})
	e, closeAgain := openEvents(t, after, map[string]trigger.Deliverer{"sqs": &target{}})
	defer closeAgain()
	deploy(e)
	if got := shown(e); got != "[{a a} {b b} {c c}] [] <nil> <nil>" {
		t.Errorf("after a power cut: %s", got)
	}
	bus.Tags, r.Tags = nil, []trigger.Tag{tag("y")}
	deploy(e)
	if got := shown(e); got != "[] [{y y}] <nil> <nil>" {
		t.Errorf("after the template has changed: %s", got)
	}
}

package trigger_test

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/trigger"
	"github.com/tutti-run/tutti/internal/value"
)

// Statements of templates come and go with them, over a power cut, and leave those of clients alone.
func TestDeployStatements(t *testing.T) {
	disk := vfs.NewCrashableMem()
	e, closeAll := openEvents(t, disk, map[string]trigger.Deliverer{})
	defer closeAll()
	statement := func(e *trigger.Events, sid, principal string) *value.Object {
		return e.Statement("default", trigger.Permission{StatementID: sid, Action: "events:PutEvents", Principal: principal})
	}
	shown := func(e *trigger.Events) string {
		b, err := e.Bus("default")
		check(t, err)
		sids := ""
		if b.Policy == "" {
			return sids
		}
		policy, err := value.Parse(b.Policy)
		check(t, err)
		for _, v := range value.ArrayAt(policy.(*value.Object), "Statement") {
			sids += value.TextAt(v.(*value.Object), "Sid") + value.Text(value.ObjectAt(v.(*value.Object), "Principal")) + " "
		}
		return sids
	}
	deploy := func(e *trigger.Events, list ...*value.Object) {
		t.Helper()
		if refused := e.DeployStatements(map[string][]*value.Object{"default": list}); len(refused) > 0 {
			t.Fatal(refused)
		}
	}
	deploy(e, statement(e, "a", "111111111111"), statement(e, "b", "111111111111"))
	check(t, e.PutPermission("default", trigger.Permission{StatementID: "mine", Action: "events:PutEvents", Principal: "333333333333"}))
	check(t, e.RemovePermission("default", "b"))
	after := disk.CrashClone(vfs.CrashCloneCfg{})
	e, closeAgain := openEvents(t, after, map[string]trigger.Deliverer{})
	defer closeAgain()
	deploy(e, statement(e, "a", "111111111111"), statement(e, "b", "111111111111"))
	const arn = `{"AWS":"arn:aws:iam::ACCOUNT:root"} `
	of := func(account string) string { return strings.Replace(arn, "ACCOUNT", account, 1) }
	if got := shown(e); got != "a"+of("111111111111")+"mine"+of("333333333333") {
		t.Errorf("the same again: %s", got)
	}
	deploy(e, statement(e, "b", "222222222222"))
	if got := shown(e); got != "mine"+of("333333333333")+"b"+of("222222222222") {
		t.Errorf("changed: %s", got)
	}
	deploy(e)
	if got := shown(e); got != "mine"+of("333333333333") {
		t.Errorf("gone: %s", got)
	}
	if refused := e.DeployStatements(map[string][]*value.Object{"none": nil, "default": {value.NewObject()}}); len(refused) != 2 {
		t.Errorf("refused %v", refused)
	}
}

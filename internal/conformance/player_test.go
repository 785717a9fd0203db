package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/tutti-run/tutti/internal/api"
	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/history"
	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/s3"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/sns"
	"github.com/tutti-run/tutti/internal/sqs"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/trigger"
)

// level is how far a case has to be right.
type level int

const (
	levelResult level = iota // status, output, error; error codes
	levelCause               // causes; messages
	levelFull                // everything
	passed                   // the level of a case that fails at none
)

var levelNames = []string{"result", "cause", "full", "pass"}

func (l level) String() string { return levelNames[l] }

// failure is something that is not as on AWS.
type failure struct {
	level level
	key   string // of the match step, or of the run
	text  string
}

// outcome is what came of a case.
type outcome struct {
	failures  []failure
	needs     []string // what the case could not be played without
	histories []string // for people
}

// level is the lowest level at which the case fails.
func (o *outcome) level() level {
	l := passed
	for _, f := range o.failures {
		l = min(l, f.level)
	}
	return l
}

// patience is how long a case waits, in its own time, for what must happen. Pebble's tickers make a day cost half a second.
const patience = 24 * time.Hour

// player plays one case.
type player struct {
	c       *testCase
	options options
	world   *world
	runner  *runner.Runner
	objects *s3.Store
	logs    *logs.Service
	queues  eventQueues
	sqs     *sqs.Store   // of a case that has topics, like sns
	sns     *sns.Service // nil for a case that does not
	service *service
	names   *names // guarded by world.mu
	ctx     context.Context

	statuses map[string]int // HTTP statuses by saved name

	mu  sync.Mutex
	out outcome
	wg  sync.WaitGroup // background steps and workers
}

type options struct {
	exact, histories bool
	wire             bool // over HTTP, by the real clock
}

// patience is how long the case waits for what must happen.
func (o options) patience() time.Duration {
	if o.wire {
		return 10 * time.Second
	}
	return patience
}

// errStop ends the case: what follows depends on what failed.
var errStop = errors.New("the case cannot go on")

// play plays the case. It must be called in a bubble of its own.
func play(c *testCase, o options) *outcome {
	time.Sleep(time.Until(c.date().Add(9*time.Hour + 123456*time.Microsecond)))
	p := &player{c: c, options: o, names: newNames(c, time.Now()), statuses: map[string]int{}}
	p.world = newWorld(c, p.names)
	db, err := store.Open("/data", store.WithFS(vfs.NewMem()))
	if err != nil {
		p.fail(levelResult, "store", err.Error())
		return &p.out
	}
	p.logs, err = logs.Open("/logs", logs.WithFS(vfs.NewMem()))
	if err != nil {
		p.fail(levelResult, "logs", err.Error())
		return &p.out
	}
	p.objects = s3.New("/s3", s3.WithFS(vfs.NewMem()))
	buckets := s3.NewHandler(p.objects, "us-east-1", p.text("account"))
	p.world.routes.Embed(buckets, "s3")
	p.queues.heard = map[string][]string{}
	bus, err := trigger.NewEvents(trigger.EventsConfig{Store: db, Place: p.place(""), Targets: map[string]trigger.Deliverer{"sqs": &p.queues}})
	if err == nil {
		err = bus.Start()
	}
	if err != nil {
		p.fail(levelResult, "events", err.Error())
		return &p.out
	}
	p.runner = runner.New(runner.Config{Store: db, Tasks: p.world, Objects: p.objects, Logs: p.logs, Events: bus, Shards: 2})
	if _, err := p.runner.Start(); err != nil {
		p.fail(levelResult, "runner", err.Error())
		return &p.out
	}
	if c.hasTopics() {
		if err := p.openTopics(db); err != nil {
			p.fail(levelResult, "topics", err.Error())
			return &p.out
		}
	}
	p.service = &service{handler: api.New(api.Config{States: p.runner, S3: buckets, Logs: p.logs, Events: bus, Queues: p.sqs, Topics: p.sns, Now: time.Now})}
	if p.sns != nil {
		p.world.routes.Embed(p.service.handler, "sns", "sqs")
	}
	p.world.routes.Embed(p.service.handler, "sfn", "eventbridge")
	hangUp := p.listen()
	p.world.catalog.Follow(p.runner)
	p.world.answer = p.answerToken
	var cancel context.CancelFunc
	p.ctx, cancel = context.WithTimeout(context.Background(), 10*o.patience())
	p.perform()
	cancel()
	closing, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	p.wg.Wait()
	hangUp()
	bus.Close()
	p.runner.Close(closing)
	if err := p.logs.Close(); err != nil {
		p.fail(levelFull, "logs", err.Error())
	}
	if !o.wire {
		synctest.Wait()
	}
	if err := errors.Join(p.closeTopics(), p.objects.Close(), db.Close()); err != nil {
		p.fail(levelFull, "store", err.Error())
	}
	return &p.out
}

// perform does the steps and judges the runs.
func (p *player) perform() {
	defer func() {
		if fault := recover(); fault != nil {
			p.fail(levelResult, "panic", fmt.Sprintf("%v\n%s", fault, debug.Stack()))
		}
	}()
	_ = p.do(p.c.Steps)
	if len(p.out.needs) > 0 {
		return
	}
	p.judgeRuns()
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	for _, fault := range p.world.faults {
		p.fail(levelFull, "replay", fault)
	}
}

func (p *player) fail(l level, key, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out.failures = append(p.out.failures, failure{l, key, text})
}

func (p *player) need(what string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out.needs = append(p.out.needs, what)
	return errStop
}

func (p *player) do(steps []step) error {
	for i := range steps {
		if err := p.step(&steps[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) step(s *step) error {
	switch {
	case s.ClientSide:
		return nil
	case s.Call != "":
		return p.call(s)
	case s.Match != "":
		return p.match(s)
	case s.Resource != "":
		return p.resource(s)
	case s.Await != "":
		return p.await(s)
	case s.Let != "":
		return p.let(s)
	}
	p.wg.Go(func() { _ = p.do(s.Background) })
	return nil
}

func (p *player) fill(v any) (any, error) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	return p.names.fill(v)
}

func (p *player) save(name string, v any) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	p.names.values[name] = v
}

func (p *player) text(name string) string {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	v, _ := p.names.lookup(name)
	return textOf(v)
}

func (p *player) place(account string) sfn.Place {
	return sfn.Place{Partition: "aws", Region: "us-east-1", Account: p.text("account" + strings.TrimPrefix(account, "1"))}
}

// call makes a call and saves what it answers.
func (p *player) call(s *step) error {
	filled, err := p.fill(s.Params)
	if err != nil {
		p.fail(levelResult, s.Call, err.Error())
		return errStop
	}
	params, _ := filled.(map[string]any)
	for name, v := range params {
		if list, ok := v.([]any); ok && len(list) == 1 && strings.Contains(textOf(s.Params[name]), "[*]") {
			params[name] = list[0] // whichever there are: there is one
		}
	}
	name, ours := strings.CutPrefix(s.Call, "stepfunctions.")
	if !ours {
		return p.callOther(s, params)
	}
	p.settle()
	p.announce(s)
	r := p.ask(name, s, params)
	if r.need != "" {
		return p.need(r.need)
	}
	p.mu.Lock()
	p.statuses[s.Save] = r.status
	p.mu.Unlock()
	switch {
	case r.err != nil && !s.ExpectError:
		p.fail(levelResult, s.Call+" "+s.Save, fmt.Sprintf("refused with %s: %s", r.err.code, r.err.message))
		return errStop
	case r.err != nil:
		p.save(s.Save, map[string]any{"$error": r.err.value()})
		return nil
	case s.ExpectError:
		p.fail(levelResult, s.Call+" "+s.Save, "was not refused: "+shorten(compact(r.body)))
		p.save(s.Save, map[string]any{"$error": map[string]any{}})
		return nil
	}
	p.save(s.Save, r.body)
	p.began(s, r.body)
	return nil
}

// settle lets what runs at once run to its end. In a bubble time passes only while everybody waits, so any time will do; else the open
// executions are given a moment.
func (p *player) settle() {
	if !p.options.wire {
		time.Sleep(100 * time.Millisecond)
		return
	}
	for range 100 {
		open := false
		for range p.runner.Running() {
			open = true
			break
		}
		if !open {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// listen opens an endpoint on loopback for a case that is played over HTTP, and returns what closes it.
func (p *player) listen() (hangUp func()) {
	if !p.options.wire {
		return func() {}
	}
	server := httptest.NewServer(p.service.handler)
	transport := &http.Transport{MaxIdleConnsPerHost: 4}
	p.service.url, p.service.client = server.URL, &http.Client{Transport: transport}
	return func() {
		transport.CloseIdleConnections()
		server.Close()
	}
}

// ask calls Step Functions, page by page if the step says so.
func (p *player) ask(name string, s *step, params map[string]any) response {
	ctx, cancel := context.WithTimeout(p.ctx, p.options.patience())
	defer cancel()
	r := p.service.call(ctx, name, p.place(s.Account), params)
	page, _ := r.body.(map[string]any)
	for s.Paginate && r.err == nil && page != nil {
		next, ok := page["nextToken"]
		if !ok {
			break
		}
		delete(page, "nextToken")
		following := map[string]any{"nextToken": next}
		for name, v := range params {
			following[name] = v
		}
		more := p.service.call(ctx, name, p.place(s.Account), following)
		if more.err != nil {
			return more
		}
		members, _ := more.body.(map[string]any)
		for name, v := range members {
			if list, ok := v.([]any); ok {
				before, _ := page[name].([]any)
				page[name] = append(before, list...)
			} else {
				page[name] = v
			}
		}
	}
	return r
}

// runOf returns the run that the call starts, if it does.
func (p *player) runOf(s *step) *run {
	for i := range p.c.Runs {
		if p.c.Runs[i].Start == s.Save {
			return &p.c.Runs[i]
		}
	}
	return nil
}

// announce prepares the replay of a synchronous run, whose ARN is known at its end only.
func (p *player) announce(s *step) {
	if r := p.runOf(s); r != nil && r.Sync {
		p.world.setSync(&replay{left: slices.Clone(r.ServiceResults)})
	}
}

// began prepares the replay of a run that was started.
func (p *player) began(s *step, body any) {
	r := p.runOf(s)
	if r == nil {
		return
	}
	if r.Sync {
		p.world.setSync(nil)
		return
	}
	if arn, ok := descend(body, ".executionArn"); ok {
		p.world.started(textOf(arn), &replay{left: slices.Clone(r.ServiceResults)})
	}
}

// callOther makes a call to a service that is there as far as cases need it beside the replay.
func (p *player) callOther(s *step, params map[string]any) error {
	if operation, ok := strings.CutPrefix(s.Call, "logs."); ok {
		r := p.service.wire(p.ctx, "Logs_20140328."+operation, p.place(s.Account), params)
		if r.err != nil {
			p.fail(levelResult, s.Call, r.err.code+": "+r.err.message)
			return errStop
		}
		p.save(s.Save, r.body)
		return nil
	}
	switch s.Call {
	case "s3.PutObject":
		return p.putObject(s, params)
	case "s3.GetObject":
		return p.getObject(s, params)
	case "cloudformation.CreateStack":
		return p.createStack(s, params)
	case "cloudformation.DeleteStack": // what it made goes with the case
		p.save(s.Save, map[string]any{})
	case "sqs.ReceiveMessage":
		ctx, cancel := context.WithTimeout(p.ctx, time.Hour)
		defer cancel()
		body, ok := p.world.receive(ctx, textOf(params["QueueUrl"]))
		messages := []any{}
		if ok {
			messages = append(messages, map[string]any{"Body": body})
		}
		p.save(s.Save, map[string]any{"Messages": messages})
	default:
		if p.sns != nil {
			return p.callTopics(s, params)
		}
		return p.need(s.Call)
	}
	return nil
}

// answerToken answers a task token with a recorded outcome.
func (p *player) answerToken(token string, outcome recorded) {
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	var err error
	if outcome.text("outcome") == "succeeded" {
		err = p.runner.SendTaskSuccess(ctx, token, recordedText(outcome["output"]))
	} else {
		err = p.runner.SendTaskFailure(ctx, token, failureOf(outcome))
	}
	if err != nil {
		p.fail(levelFull, "replay", "the token was refused: "+err.Error())
	}
}

// match compares an answer with the recorded one, and if they differ finds out at which level.
func (p *player) match(s *step) error {
	actual, err := p.fill(s.Actual)
	if err != nil {
		p.fail(levelResult, s.Match, err.Error())
		return errStop
	}
	name := referred(s.Actual)
	p.mu.Lock()
	status, known := p.statuses[name]
	p.mu.Unlock()
	if known && s.Status != 0 && status != s.Status {
		p.fail(levelResult, s.Match, fmt.Sprintf("HTTP status %d, expected %d", status, s.Status))
	}
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	m := &matcher{names: p.names, unordered: s.Unordered, subset: s.Subset, extra: s.AllowExtra, exact: p.options.exact}
	if s.Compare != "" {
		if why := disorder(actual); why != "" {
			p.fail(levelFull, s.Match, why)
		}
	}
	d := m.history(s.Compare, s.Expected, actual)
	if d == nil {
		return nil
	}
	for _, stage := range p.stages(s) {
		if nearer := m.compare("", only(s.Expected, stage.members), only(actual, stage.members)); nearer != nil {
			p.fail(stage.level, s.Match, nearer.String())
			return nil
		}
	}
	p.fail(levelFull, s.Match, d.String())
	return nil
}

// history compares whole answers, of which one with a history may be compared as a tree.
func (m *matcher) history(how string, want, got any) *difference {
	w, ok := want.(map[string]any)
	g, okToo := got.(map[string]any)
	if how != "causal" || !ok || !okToo {
		return m.compare("", want, got)
	}
	wantEvents, _ := w["events"].([]any)
	gotEvents, _ := g["events"].([]any)
	if d := m.compare("", except(w, "events"), except(g, "events")); d != nil {
		return d
	}
	return m.compareTrees(wantEvents, gotEvents)
}

func except(members map[string]any, name string) map[string]any {
	rest := map[string]any{}
	for n, v := range members {
		if n != name {
			rest[n] = v
		}
	}
	return rest
}

// stage is a part of an answer that stands for a level.
type stage struct {
	level   level
	members []string
}

// stages lists the parts by which the answer is judged if as a whole it is wrong.
func (p *player) stages(s *step) []stage {
	switch actual, _ := s.Actual.(string); {
	case strings.HasSuffix(actual, ".$error}}"):
		return []stage{{levelResult, []string{"code"}}, {levelCause, []string{"message"}}}
	case p.c.Kind == "test_state":
		return []stage{{levelResult, []string{"status", "error", "output", "nextState"}}, {levelCause, []string{"cause"}}}
	case p.c.Kind == "validation":
		return []stage{{levelResult, []string{"result"}}, {levelCause, []string{"diagnostics"}}}
	}
	return nil
}

func only(v any, members []string) any {
	all, ok := v.(map[string]any)
	if !ok {
		return v
	}
	some := map[string]any{}
	for _, name := range members {
		if member, ok := all[name]; ok {
			some[name] = member
		}
	}
	return some
}

// referred is the saved name at the beginning of a reference.
func referred(actual any) string {
	text, _ := actual.(string)
	name, _ := loneToken(text)
	if end := strings.IndexAny(name, ".["); end >= 0 {
		name = name[:end]
	}
	return name
}

// disorder says where a history goes back in time or counts wrongly, "" if nowhere.
func disorder(actual any) string {
	events, _ := descend(actual, ".events")
	list, _ := events.([]any)
	last := ""
	if first, ok := descend(list, "[0].id"); ok && number(first) != "1" {
		list = slices.Clone(list)
		slices.Reverse(list) // asked for in reverse
	}
	for i, e := range list {
		event, _ := e.(map[string]any)
		if id := number(event["id"]); id != fmt.Sprint(i+1) {
			return fmt.Sprintf("the event at %d has the id %s", i, id)
		}
		at := number(event["timestamp"])
		if len(at) < len(last) || len(at) == len(last) && at < last {
			return fmt.Sprintf("event %d is of %s, the one before of %s", i+1, at, last)
		}
		last = at
	}
	return ""
}

// let makes a value from another one.
func (p *player) let(s *step) error {
	v, err := p.fill(s.Value)
	if err != nil {
		p.fail(levelResult, s.Let, err.Error())
		return errStop
	}
	text := textOf(v)
	switch {
	case len(s.Replace) == 2:
		from, errFrom := p.fill(s.Replace[0])
		to, errTo := p.fill(s.Replace[1])
		if err := errors.Join(errFrom, errTo); err != nil {
			p.fail(levelResult, s.Let, err.Error())
			return errStop
		}
		v = strings.ReplaceAll(text, textOf(from), textOf(to))
	case len(s.Slice) == 2:
		runes := []rune(text)
		a, b := bounds(openText(s.Slice[0]), openText(s.Slice[1]), len(runes))
		v = string(runes[a:b])
	case s.Split != "":
		parts := []any{}
		for _, part := range strings.Split(text, s.Split) {
			parts = append(parts, part)
		}
		v = parts
	case s.AfterLast != "":
		v = text[strings.LastIndex(text, s.AfterLast)+len(s.AfterLast):]
	case s.ParseJSON:
		if v, err = decodeJSON(text); err != nil {
			p.fail(levelResult, s.Let, err.Error())
			return errStop
		}
	}
	p.save(s.Let, v)
	return nil
}

func openText(v any) string {
	if v == nil {
		return ""
	}
	return textOf(v)
}

// await waits for a state of affairs. What only AWS's delay makes necessary is there at once.
func (p *player) await(s *step) error {
	switch {
	case strings.HasPrefix(s.Await, "state_machine_"), strings.HasPrefix(s.Await, "cloudformation."), s.Await == "propagation", s.Await == "execution_started":
		return nil
	}
	execution, err := p.fill(s.Execution)
	if err != nil {
		p.fail(levelResult, s.Await, err.Error())
		return errStop
	}
	arn := textOf(execution)
	switch s.Await {
	case "execution_terminated":
		err = p.until(arn, func(e store.Execution) bool { return e.Status.Ended() })
	case "sqs_messages":
		return p.queueMessages(s)
	case "eventbridge_events":
		return p.eventbridgeEvents(s)
	case "execution_logs":
		return p.executionLogs(s)
	case "execution_still_running":
		time.Sleep(time.Second)
	case "state_entered":
		err = p.until(arn, func(e store.Execution) bool { return p.hasEntered(arn, s.State) })
	default:
		return p.need(s.Await)
	}
	if err != nil {
		p.fail(levelResult, s.Await, err.Error())
		return errStop
	}
	return nil
}

// executionLogs saves what executions have logged, once the end of one is among it or nothing more will come.
func (p *player) executionLogs(s *step) error {
	group, err := p.fill(s.LogGroup)
	if err != nil {
		p.fail(levelResult, s.Await, err.Error())
		return errStop
	}
	records := []any{}
	for deadline, pause := time.Now().Add(time.Hour), time.Second; time.Now().Before(deadline); pause *= 2 {
		time.Sleep(pause)
		r := p.service.wire(p.ctx, "Logs_20140328.FilterLogEvents", p.place(""), map[string]any{"logGroupName": group})
		if r.err != nil {
			p.fail(levelResult, s.Await, r.err.code+": "+r.err.message)
			return errStop
		}
		found, _ := descend(r.body, ".events")
		events, _ := found.([]any)
		records = records[:0]
		ended := false
		for _, e := range events {
			message, _ := descend(e, ".message")
			record, err := decodeJSON(textOf(message))
			if err != nil {
				p.fail(levelResult, s.Await, err.Error())
				return errStop
			}
			kind, _ := descend(record, ".type")
			ended = ended || history.Type(textOf(kind)).EndsExecution()
			records = append(records, record)
		}
		if ended {
			break
		}
	}
	p.save(s.Save, records)
	return nil
}

// until waits until the execution is as it should be, looking less and less often.
func (p *player) until(arn string, good func(store.Execution) bool) error {
	deadline := time.Now().Add(p.options.patience())
	for pause := time.Millisecond; ; pause = min(2*pause, 10*time.Minute) {
		time.Sleep(pause)
		e, err := p.runner.Execution(arn)
		switch {
		case err != nil:
			return err
		case good(e):
			return nil
		case time.Now().After(deadline) || e.Status.Ended():
			return fmt.Errorf("the execution is %s, after %d events and %s", e.Status, e.LastEventID, time.Since(e.StartDate))
		}
	}
}

func (p *player) hasEntered(arn, state string) bool {
	events, _, err := p.runner.History(arn, 1)
	if err != nil {
		return false
	}
	for e, err := range events {
		if err != nil {
			return false
		}
		if entered, ok := e.Details.(*history.StateEnteredDetails); ok && entered.Name == state {
			return true
		}
	}
	return false
}

// judgeRuns compares what came out of the runs, and holds their histories to the engine's laws. What the matches of the case have bound
// does not count: a wrong history must not make a right result wrong.
func (p *player) judgeRuns() {
	p.world.mu.Lock()
	bound := p.names.clone()
	for _, name := range p.names.trail {
		delete(bound.values, name)
	}
	p.world.mu.Unlock()
	for i := range p.c.Runs {
		r := &p.c.Runs[i]
		if r.LogMatch != "" {
			continue // its end is a match step's
		}
		got, ok := p.resultOf(r)
		if !ok {
			p.fail(levelResult, r.Start, "the execution was not started")
			continue
		}
		for _, stage := range []stage{{levelResult, []string{"status", "output", "error"}}, {levelCause, []string{"cause"}}} {
			m := &matcher{names: bound}
			if d := m.compare("", only(r.Result, stage.members), only(got, stage.members)); d != nil && r.Result != nil {
				p.fail(stage.level, "run "+r.Start, d.String())
			}
		}
	}
}

// resultOf is how a run ended.
func (p *player) resultOf(r *run) (map[string]any, bool) {
	if r.Sync {
		p.world.mu.Lock()
		defer p.world.mu.Unlock()
		v, _ := p.names.lookup(r.Start)
		got, ok := v.(map[string]any)
		return got, ok
	}
	arn := p.text(r.Start + ".executionArn")
	record, err := p.runner.Execution(arn)
	if err != nil {
		return nil, false
	}
	got := map[string]any{"status": string(record.Status)}
	events, _, err := p.runner.History(arn, 1)
	if err != nil {
		return nil, false
	}
	var all []history.Event
	for e, err := range events {
		if err != nil {
			p.fail(levelFull, "law", err.Error())
			return got, true
		}
		all = append(all, e)
	}
	if len(all) > 0 {
		end(got, all[len(all)-1])
	}
	p.checkLaws(arn, record, all)
	if p.options.histories {
		p.out.histories = append(p.out.histories, r.Start+" "+arn+" "+string(record.Status)+"\n"+show(all))
	}
	return got, true
}

// end adds what the last event tells.
func end(got map[string]any, e history.Event) {
	switch d := e.Details.(type) {
	case *history.OutputDetails:
		got["output"] = d.Output.Text()
	case *history.FailedDetails:
		if d.Error.Set {
			got["error"] = d.Error.Text
		}
		if d.Cause.Set {
			got["cause"] = d.Cause.Text
		}
	}
}

// checkLaws folds the stored history: it must be one, and lead to the recorded status and output.
func (p *player) checkLaws(arn string, record store.Execution, events []history.Event) {
	m, err := p.runner.Machine(record.MachineARN)
	if err != nil || m.Revision != record.Revision {
		return // deleted or updated since
	}
	parsed, _ := asl.Parse(m.Definition, asl.Options{Type: m.Type})
	if parsed == nil {
		return
	}
	x, err := engine.Fold(parsed, engine.Identity{
		ARN: arn, Name: record.Name, MachineARN: m.ARN, MachineName: m.Name, RoleARN: m.RoleARN,
		VersionARN: record.VersionARN, AliasARN: record.AliasARN,
	}, func(yield func(history.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	})
	switch {
	case err != nil:
		p.fail(levelFull, "law", err.Error())
	case x.Status() != record.Status || x.LastEventID() != record.LastEventID:
		p.fail(levelFull, "law", fmt.Sprintf("folding gives %s after event %d, recorded are %s and %d",
			x.Status(), x.LastEventID(), record.Status, record.LastEventID))
	case record.Status.Ended() && !x.Stopped().Equal(record.StopDate):
		p.fail(levelFull, "law", fmt.Sprintf("folding gives the end %s, recorded is %s", x.Stopped(), record.StopDate))
	}
}

// show prints a history, a line for each event.
func show(events []history.Event) string {
	var b strings.Builder
	for i := range events {
		e := &events[i]
		v, err := decodeJSON(string(e.AppendAWS(nil, true)))
		if err != nil {
			fmt.Fprintf(&b, "%s: %v\n", e.AppendAWS(nil, true), err)
			continue
		}
		members, _ := v.(map[string]any)
		fmt.Fprintf(&b, "  %d<-%d %s flow %d", e.ID, e.PreviousID, e.Type, e.Flow)
		for name, details := range members {
			if strings.HasSuffix(name, "EventDetails") {
				fmt.Fprintf(&b, " %s", shorten(compact(details)))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

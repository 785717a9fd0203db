package lambda

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Config says how a host runs. Only Dir is required.
type Config struct {
	Dir            string           // an absolute folder for built functions, temporary files and records; hosts may share it
	Region         string           // "" means us-east-1
	Account        string           // "" means 000000000000
	MaxConcurrency int              // the most processes at a time, over all functions; 0 means 16 for each CPU
	IdleAfter      time.Duration    // how long an unused process is kept; 0 means 10 min
	Logs           Logs             // nil discards
	Now            func() time.Time // for log times and idling; nil means time.Now. Timeouts and deadlines are real time.
	Meter          *Meter           // counts invocations; nil means nobody does. It is called with a lock held
	OnBuild        func(BuildEvent) // hears of builds, from several goroutines at once; nil means nobody does
	Go             string           // the go command; "" means the one in PATH
}

// initLimit is how long Lambda's init phase may take before it is cut off and done again in the invoke phase, at the expense of
// the function's timeout (Lambda developer guide, "Understanding the Lambda execution environment lifecycle").
const initLimit = 10 * time.Second

// stopGrace is how long a process that asked for SIGTERM may take over it: what AWS gives a function with internal extensions.
const stopGrace = 500 * time.Millisecond

// closeLimit is how long Close waits for processes that were killed. Only the kernel could make it longer.
const closeLimit = 10 * time.Second

// Host runs functions. All its methods may be called at any time from any goroutine.
type Host struct {
	cfg        Config
	address    string // host:port of the Runtime API
	server     *runtimeServer
	starter    *starter
	runFolder  string
	initLimit  time.Duration
	buildSlots chan struct{}
	toolchain  func() (toolchain, error)

	ctx        context.Context // ends with the host
	cancel     context.CancelFunc
	fences     func() *fences // found out when the first process starts
	atWork     chan struct{}  // says that a process has an invocation; has room for one
	background sync.WaitGroup // environments, builds, the server and the reaper
	closing    sync.Once
	closeErr   error

	mu           sync.Mutex
	functions    map[string]*function
	environments map[string]*environment // by token; each has a process, or is about to, or just had
	queue        []*invocation           // those that wait for an environment, first come first
	leaving      int                     // environments being stopped
	undelivered  []*environment          // that have both an invocation and a connection for it; see unlock
	closed       bool
}

var regionPattern = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)

// NewHost returns a host without functions. It listens on a loopback port, and ends what an earlier host that was killed has left.
func NewHost(cfg Config) (*Host, error) {
	if !filepath.IsAbs(cfg.Dir) {
		return nil, fmt.Errorf("lambda: start the function host: the folder %q is not absolute", cfg.Dir)
	}
	cfg.Region = orDefault(cfg.Region, "us-east-1")
	cfg.Account = orDefault(cfg.Account, "000000000000")
	cfg.Go = orDefault(cfg.Go, "go")
	if !regionPattern.MatchString(cfg.Region) {
		return nil, fmt.Errorf("lambda: start the function host: %q is not a region", cfg.Region)
	}
	if cfg.MaxConcurrency <= 0 {
		cfg.MaxConcurrency = 16 * runtime.NumCPU()
	}
	if cfg.IdleAfter <= 0 {
		cfg.IdleAfter = 10 * time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.OnBuild == nil {
		cfg.OnBuild = func(BuildEvent) {}
	}

	reapLeftovers(cfg.Dir)
	runFolder, err := newRunFolder(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("lambda: start the function host: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		_ = os.RemoveAll(runFolder)
		return nil, fmt.Errorf("lambda: start the Runtime API: %w", err)
	}
	h := &Host{
		cfg:          cfg,
		address:      listener.Addr().String(),
		starter:      newStarter(),
		runFolder:    runFolder,
		initLimit:    initLimit,
		buildSlots:   make(chan struct{}, runtime.GOMAXPROCS(0)),
		atWork:       make(chan struct{}, 1),
		functions:    map[string]*function{},
		environments: map[string]*environment{},
	}
	h.fences = sync.OnceValue(openFences)
	h.toolchain = sync.OnceValues(func() (toolchain, error) { return findToolchain(cfg.Go) })
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.server = &runtimeServer{host: h, listener: listener, conns: map[*runtimeConn]struct{}{}}
	h.background.Go(h.server.serve)
	h.background.Go(h.reapPeriodically)
	h.background.Go(h.watchMemory)
	return h, nil
}

// Close kills all processes and ends all invocations with ErrClosed. Further calls return what the first returned.
func (h *Host) Close() error {
	h.closing.Do(func() { h.closeErr = h.close() })
	return h.closeErr
}

func (h *Host) close() error {
	h.cancel()
	h.mu.Lock()
	h.closed = true
	interrupted := h.queue
	h.queue = nil
	for _, env := range h.environments {
		if inv := env.detachInvocation(); inv != nil {
			interrupted = append(interrupted, inv)
		}
		h.stop(env)
	}
	h.mu.Unlock()
	for _, inv := range interrupted {
		h.answer(inv, Result{}, ErrClosed)
	}

	gone := make(chan struct{})
	go func() {
		h.awaitEnvironments()
		close(gone)
	}()
	var err error
	select {
	case <-gone:
	case <-time.After(closeLimit):
		err = fmt.Errorf("lambda: close the function host: processes are still there %v after being killed", closeLimit)
	}
	h.server.close()
	if err != nil {
		return err // what waits for those processes cannot be waited for either
	}
	h.background.Wait()
	h.starter.stop()
	_ = os.RemoveAll(h.runFolder) // if it stays, the next host removes it
	return nil
}

// awaitEnvironments returns when there is none left.
func (h *Host) awaitEnvironments() {
	for {
		h.mu.Lock()
		var one *environment
		for _, env := range h.environments {
			one = env
			break
		}
		h.mu.Unlock()
		if one == nil {
			return
		}
		<-one.gone
	}
}

// Register adds a function, or replaces the one of the same name and version. Where anything a process depends on has changed, the
// processes of the old configuration finish the invocation they are at and stop; otherwise they serve on. The error is an *Error.
func (h *Host) Register(f Function) error {
	f, err := f.normalized(h.cfg.Region, h.cfg.Account)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	fn := h.functions[f.Name]
	if fn == nil {
		fn = &function{versions: map[string]*version{}, aliases: map[string]Alias{}}
		h.functions[f.Name] = fn
	}
	if f.Version == Latest {
		fn.reserved = f.ReservedConcurrency
	}
	v := fn.versions[f.Version]
	if v == nil {
		v = &version{function: fn, Function: f}
		fn.versions[f.Version] = v
	} else if v.equal(f) {
		v.Function = f
		return nil
	}
	sameCode := v.Source == f.Source && v.Binary == f.Binary
	v.Function = f
	if f.Binary != "" {
		v.built, v.binary, v.buildErr = true, f.Binary, nil
	} else if !sameCode || !v.built {
		v.built, v.binary, v.buildErr = false, "", nil
	}
	h.retire(v)
	return nil
}

// RegisterAlias adds an alias of a registered function, or replaces it. The error is an *Error.
func (h *Host) RegisterAlias(a Alias) error {
	if len(a.Name) > 128 || !aliasPattern.MatchString(a.Name) {
		return newError(CodeInvalidParameterValue, "the alias name %q is not of letters, digits, '-' and '_', or it is a number", a.Name)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	fn := h.functions[a.Function]
	if fn == nil {
		return newError(CodeResourceNotFound, "Function not found: %s", a.Function)
	}
	total := 0.0
	for number, weight := range a.Weights {
		if fn.versions[number] == nil {
			return newError(CodeResourceNotFound, "Function not found: %s:%s", a.Function, number)
		}
		if total += weight; !(weight >= 0 && total <= 1) { // in this form it refuses NaN, too
			return newError(CodeInvalidParameterValue, "the weights of alias %s of %s are not between 0 and 1 together", a.Name, a.Function)
		}
	}
	if fn.versions[a.Version] == nil {
		return newError(CodeResourceNotFound, "Function not found: %s:%s", a.Function, a.Version)
	}
	fn.aliases[a.Name] = a
	return nil
}

// Remove forgets a function with all its versions and aliases. Its processes finish the invocation they are at; invocations that
// wait for a process end with ResourceNotFoundException. An unknown name is no error.
func (h *Host) Remove(name string) {
	h.mu.Lock()
	fn := h.functions[name]
	if fn == nil {
		h.mu.Unlock()
		return
	}
	delete(h.functions, name)
	dropped := h.drop(slices.Collect(maps.Values(fn.versions)))
	h.mu.Unlock()
	h.refuseDropped(dropped)
}

// RemoveVersion forgets one version of a function, as Remove does with all. Unknown names are no error.
func (h *Host) RemoveVersion(name, number string) {
	h.mu.Lock()
	fn := h.functions[name]
	if fn == nil || fn.versions[number] == nil {
		h.mu.Unlock()
		return
	}
	v := fn.versions[number]
	delete(fn.versions, number)
	dropped := h.drop([]*version{v})
	h.mu.Unlock()
	h.refuseDropped(dropped)
}

// RemoveAlias forgets an alias of a function. Unknown names are no error.
func (h *Host) RemoveAlias(function, alias string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if fn := h.functions[function]; fn != nil {
		delete(fn.aliases, alias)
	}
}

// drop takes versions out of use and returns the invocations that waited for them. h.mu is held.
func (h *Host) drop(versions []*version) (dropped []*invocation) {
	for _, v := range versions {
		v.removed = true
		h.retire(v)
	}
	h.queue = slices.DeleteFunc(h.queue, func(inv *invocation) bool {
		if inv.version.removed {
			dropped = append(dropped, inv)
			return true
		}
		return false
	})
	return dropped
}

func (h *Host) refuseDropped(dropped []*invocation) {
	for _, inv := range dropped {
		h.answer(inv, Result{}, newError(CodeResourceNotFound, "Function not found: %s", inv.arn))
	}
}

// Binary is the path of the executable that serves a version of a function, which is built first if it has never been. The error is an
// *Error, or ctx's.
func (h *Host) Binary(ctx context.Context, name, number string) (string, error) {
	h.mu.Lock()
	v, _, err := h.resolve(name + ":" + number)
	h.mu.Unlock()
	if err != nil {
		return "", err
	}
	if err := h.awaitBuild(ctx, v); err != nil {
		return "", err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return v.binary, nil
}

// retire makes v's present processes stop, each when it is idle. h.mu is held.
func (h *Host) retire(v *version) {
	v.revision++
	for len(v.idle) > 0 {
		h.stop(v.idle[0])
	}
}

// reapPeriodically stops idle processes while the host lives.
func (h *Host) reapPeriodically() {
	period := min(max(h.cfg.IdleAfter/4, 100*time.Millisecond), 30*time.Second)
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			h.reap()
		case <-h.ctx.Done():
			return
		}
	}
}

// reap stops the processes that have been idle for long enough.
func (h *Host) reap() {
	limit := h.cfg.Now().Add(-h.cfg.IdleAfter)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, env := range h.environments {
		if env.state == stateIdle && !env.idleSince.After(limit) {
			h.stop(env)
		}
	}
}

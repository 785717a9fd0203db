package runner

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/engine"
	"github.com/tutti-run/tutti/internal/items"
	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/s3"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
	"github.com/tutti-run/tutti/internal/task"
	"github.com/tutti-run/tutti/internal/trial"
	"github.com/tutti-run/tutti/internal/value"
)

// Performer makes the calls of Task states and follows the jobs that they start. *task.Catalog does.
type Performer interface {
	// Prepare returns the parameters with which the task is scheduled, or a sentence that says why it cannot be. It must depend on nothing but
	// what it is given.
	Prepare(r asl.Resource, parameters *value.Data) (prepared *value.Data, why string)
	// Perform makes the call.
	Perform(ctx context.Context, c task.Call) (*value.Data, *sfn.Failure)
	Jobs
	// Shapes serve tests of single states.
	trial.Shapes
}

// Jobs follows what tasks with the pattern .sync have started.
type Jobs interface {
	// AwaitJob returns when the job that the call started has ended, and with what. It may be asked by another process than the one that made
	// the call.
	AwaitJob(ctx context.Context, c task.Call, submitted *value.Data) (*value.Data, *sfn.Failure)
	// StopJob stops the job that the call started, as far as it can be.
	StopJob(ctx context.Context, c task.Call, submitted *value.Data) error
}

// Objects is the S3 that Map Runs read items from and write results to. *s3.Store is one.
type Objects interface {
	items.Objects
	HeadBucket(name string) (s3.Bucket, error)
	Put(bucket, key string, body io.Reader, a s3.Attributes, when s3.Condition, sum *s3.Checksum) (s3.Info, error)
}

// Config says what a runner works with. Store and Tasks are required.
type Config struct {
	Store *store.Store
	Tasks Performer
	// Logs takes what executions log; nil: they log nothing, and any log group will do.
	Logs Logs
	// Meter counts what executions do; nil: nobody counts.
	Meter measure.Meter
	// Events hears of the statuses of Standard executions; nil: nobody does.
	Events EventBus
	// Objects is nil where there is no S3: then an ItemReader fails, and a ResultWriter too.
	Objects Objects
	// Clock is the time by which executions wait; nil means the computer's.
	Clock *clock.Clock
	// Skips tells that the clock is moved on while nobody works ([Runner.Quiet]). Executions that only wait then stay in memory.
	Skips bool
	// Log receives our own trouble; nil discards it.
	Log *slog.Logger
	// Shards is how many goroutines decide; 0 means four for each CPU, so that some decide while others wait for the disk.
	Shards int
}

// Runner runs executions. All methods may be called by any goroutine.
type Runner struct {
	store *store.Store
	tasks Performer
	clock *clock.Clock
	log   *slog.Logger
	logs  Logs

	meter measure.Meter

	bus EventBus

	objects Objects
	live    liveMapRuns

	machines   machines
	activities activities
	shards     []*shard
	skips      bool
	working    atomic.Int64  // Map Runs that do something, and jobs elsewhere that have not ended
	worked     atomic.Uint64 // grows with everything that is done
	open       atomic.Int64  // Standard executions that have not ended
	maxOpen    int64
	seed       maphash.Seed
	wakes      wakes

	stopping  atomic.Bool // no new work: answers are recorded, nothing follows from them
	ctx       context.Context
	cancel    context.CancelFunc
	wg        sync.WaitGroup // shards and the waker
	calls     sync.WaitGroup // calls under way
	watches   sync.WaitGroup // Map Runs, jobs and deletions that are waited for: Close does not wait for their end, since they go on in the next process
	door      sync.RWMutex   // closed to new calls while stopping is set
	startOnce sync.Once
	closeOnce sync.Once
}

// New returns a runner that has not been started. Close ends it, started or not.
func New(cfg Config) *Runner {
	r := &Runner{store: cfg.Store, tasks: cfg.Tasks, objects: cfg.Objects, clock: cfg.Clock, skips: cfg.Skips, log: cfg.Log, logs: cfg.Logs, meter: cfg.Meter, bus: cfg.Events, seed: maphash.MakeSeed()}
	if r.clock == nil {
		r.clock = clock.Real()
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.live.runs = map[string]*mapRun{}
	r.machines.parsed, r.machines.lives = map[revision]*machine{}, map[string]*life{}
	r.activities.queues = map[string]*activityQueue{}
	r.wakes.poked = make(chan struct{}, 1)
	r.maxOpen = sfn.MaxOpenExecutions
	shards := cfg.Shards
	if shards <= 0 {
		shards = 4 * runtime.GOMAXPROCS(0)
	}
	for range shards {
		r.shards = append(r.shards, newShard(r))
	}
	return r
}

// Start begins to run, first of all the executions that were at work when the data folder was last in use. It returns how many those are.
func (r *Runner) Start() (resumed int, err error) {
	err = errors.New("the runner has been started before")
	r.startOnce.Do(func() {
		var doomed []string
		if doomed, err = r.doomed(); err != nil {
			return
		}
		var open int
		if open, err = r.store.CountRunning(); err != nil {
			return
		}
		r.open.Store(int64(open))
		for _, s := range r.shards {
			r.wg.Go(s.run)
		}
		atWork := r.store.Awake()
		if r.skips { // those that wait count too: the clock is to be moved on to their times
			atWork = r.store.Running()
		}
		for e, failed := range atWork {
			if err = failed; err != nil {
				return
			}
			resumed++
			r.send(message{arn: e.ARN, input: engine.Tick{}})
		}
		r.wg.Go(r.wakeLoop)
		for _, arn := range doomed {
			r.buryLater(arn)
		}
		err = r.adoptMapRuns()
	})
	if err != nil {
		return resumed, fmt.Errorf("start the runner: %w", err)
	}
	return resumed, nil
}

// Close stops running. No new call is made; those under way may end until ctx does, and their answers are recorded. What goes on
// afterwards goes on in the next process.
func (r *Runner) Close(ctx context.Context) {
	r.closeOnce.Do(func() {
		r.door.Lock() // a call that begins while calls are waited for would be missed
		r.stopping.Store(true)
		r.door.Unlock()
		done := make(chan struct{})
		go func() {
			r.calls.Wait()
			close(done)
		}()
		select {
		case <-done:
		case <-ctx.Done():
		}
		for _, s := range r.shards {
			s.mail.close()
		}
		r.cancel()
		r.wg.Wait()
		r.watches.Wait()
		<-done
	})
}

// begin runs f as one of the calls or watches under way. It returns false, and does not, if the runner is stopping.
func (r *Runner) begin(underWay *sync.WaitGroup, f func()) bool {
	r.door.RLock()
	defer r.door.RUnlock()
	if r.stopping.Load() {
		return false
	}
	underWay.Go(f)
	return true
}

func (r *Runner) now() time.Time { return r.clock.Now() }

// InFlight is how many calls of Task states are under way.
func (r *Runner) InFlight() int {
	n := 0
	for _, s := range r.shards {
		n += int(s.inFlight.Load())
	}
	return n
}

// send hands a message to the shard of its execution.
func (r *Runner) send(m message) {
	r.shards[maphash.String(r.seed, m.arn)%uint64(len(r.shards))].mail.put(m)
}

// ask sends a message and waits for its answer.
func (r *Runner) ask(ctx context.Context, m message) (answer, error) {
	m.answer = make(chan answer, 1)
	r.send(m)
	select {
	case a := <-m.answer:
		return a, a.err
	case <-ctx.Done():
		return answer{}, ctx.Err()
	case <-r.ctx.Done():
		return answer{}, errStopping
	}
}

var errStopping = errors.New("the server is stopping")

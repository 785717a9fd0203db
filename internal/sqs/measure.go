package sqs

import (
	"math"
	"time"

	"github.com/tutti-run/tutti/internal/measure"
)

// The metrics of a queue, by their places in its table.
const (
	metricSent = iota
	metricReceived
	metricDeleted
	metricEmptyReceives
	metricDeduplicated // FIFO queues
	metricSize
	metricVisible
	metricNotVisible
	metricDelayed
	metricAge
	metricBusyGroups // FIFO queues
)

// Metrics is the table of the metrics of queues. Messages that go to a dead-letter queue, or come back from one, do not count as sent, received or
// deleted (developer guide, "Creating alarms for dead-letter queues using Amazon CloudWatch").
func Metrics() measure.Table { return queueMetrics }

var queueMetrics = measure.Table{
	Namespace:  "AWS/SQS",
	Source:     "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
	Dimensions: [][]string{{"QueueName"}},
	Metrics: []measure.Metric{
		metricSent:          {Name: "NumberOfMessagesSent", Unit: measure.Count},
		metricReceived:      {Name: "NumberOfMessagesReceived", Unit: measure.Count},
		metricDeleted:       {Name: "NumberOfMessagesDeleted", Unit: measure.Count}, // "including duplicate deletions"
		metricEmptyReceives: {Name: "NumberOfEmptyReceives", Unit: measure.Count},
		metricDeduplicated:  {Name: "NumberOfDeduplicatedSentMessages", Unit: measure.Count},
		metricSize:          {Name: "SentMessageSize", Unit: measure.Bytes},
		metricVisible:       {Name: "ApproximateNumberOfMessagesVisible", Unit: measure.Count},
		metricNotVisible:    {Name: "ApproximateNumberOfMessagesNotVisible", Unit: measure.Count},
		metricDelayed:       {Name: "ApproximateNumberOfMessagesDelayed", Unit: measure.Count},
		metricAge:           {Name: "ApproximateAgeOfOldestMessage", Unit: measure.Seconds},
		metricBusyGroups:    {Name: "ApproximateNumberOfGroupsWithInflightMessages", Unit: measure.Count},
	},
}

const (
	minute = 60_000 // milliseconds
	// activeFor is how long a queue is reported after it was accessed, or had messages, last (developer guide, "Monitoring Amazon SQS queues using CloudWatch").
	activeFor = 6 * 60 * minute
	// longestGap is how far back a queue is reported that nobody has looked at meanwhile.
	longestGap = 24 * 60 * minute
	// poisonous is how many receives make a message one that the oldest message's age goes past, but in FIFO queues, which keep their order.
	poisonous = 3
)

// meter counts what happens to a queue, whose mutex guards it. Once a minute it notes how the queue stands.
type meter struct {
	counters measure.Counters
	counted  [metricSize]bool // which metrics have counted something in this minute
	next     int64            // when the queue is looked at next, in epoch milliseconds; never if nobody counts
	accessed int64            // when it was used last
}

// WithMeter has metrics counted; nobody counts otherwise.
func WithMeter(m measure.Meter) Option { return func(s *Store) { s.meter = m } }

// startMeter begins to count for a queue, which has its name.
func (q *queue) startMeter(now int64) {
	q.meter = meter{counters: queueMetrics.Counters(q.s.meter, map[string]string{"QueueName": q.record.Name}), next: math.MaxInt64, accessed: now}
	if q.meter.counters != nil {
		q.meter.next = nextMinute(now)
	}
}

// nextMinute is the beginning of the minute behind a time.
func nextMinute(now int64) int64 { return now - now%minute + minute }

// count counts so many of something. The queue's mutex is held.
func (q *queue) count(metric int, now int64, n int) {
	if n > 0 && q.meter.counters != nil {
		q.meter.counted[metric] = true
		q.meter.counters.AddMany(metric, time.UnixMilli(now), 1, float64(n))
	}
}

// measure counts so many of something now.
func (q *queue) measure(metric, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count(metric, q.s.now(), n)
}

// countSize counts the size of a message that was sent.
func (q *queue) countSize(now int64, bytes int) {
	q.meter.counters.Add(metricSize, time.UnixMilli(now), float64(bytes))
}

// Sample reports of every queue how it stood at the end of each minute since it was last looked at. Every operation on a queue does so first, so what
// is reported is exact, whenever this is called; but it must be called for queues that nobody uses.
func (s *Store) Sample() error {
	if _, err := s.fs.Stat(s.dir); err != nil {
		return nil // nobody has made a queue
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	now := s.now()
	for _, q := range s.all() {
		q.mu.Lock()
		q.report(now)
		q.mu.Unlock()
	}
	return nil
}

// report brings the queue to the end of each minute that is over, and counts how it stands then, as long as it is active. What is measured at the end of
// a minute belongs to that minute.
func (q *queue) report(now int64) {
	m := &q.meter
	if m.next > now {
		return
	}
	m.next = max(m.next, nextMinute(now-longestGap))
	oldest, of := int64(0), -1 // over the messages that there were when it was found out
	for ; m.next <= now; m.next += minute {
		q.mature(m.next)
		if len(q.messages) == 0 && m.next-m.accessed > activeFor {
			m.next = nextMinute(now)
			return
		}
		if len(q.messages) > 0 {
			m.accessed = m.next
		}
		if len(q.messages) != of {
			oldest, of = q.oldestCome(), len(q.messages)
		}
		q.reportMinute(m.next, oldest)
	}
}

// reportMinute counts how the queue stands at the end of a minute, and none of what has not happened in it. oldest is when the oldest message came.
func (q *queue) reportMinute(end, oldest int64) {
	m, at := &q.meter, time.UnixMilli(end-1)
	for metric, counted := range m.counted { // sizes are not among them, as there is none
		if !counted && (metric != metricDeduplicated || q.fifo()) {
			m.counters.Add(metric, at, 0)
		}
	}
	m.counted = [metricSize]bool{}
	m.counters.Add(metricVisible, at, float64(q.counts[ready]))
	m.counters.Add(metricNotVisible, at, float64(q.counts[inFlight]+q.counts[leaving]))
	m.counters.Add(metricDelayed, at, float64(q.counts[delayed]))
	m.counters.Add(metricAge, at, float64(max(0, end-oldest)/1000))
	if q.fifo() {
		m.counters.Add(metricBusyGroups, at, float64(q.busyGroups()))
	}
}

// oldestCome is when the oldest message came that the age of the oldest goes by; the end of all time if there is none.
func (q *queue) oldestCome() int64 {
	oldest := int64(math.MaxInt64)
	for _, m := range q.messages {
		if m.condition != coming && (q.fifo() || m.receives < poisonous) {
			oldest = min(oldest, m.came)
		}
	}
	return oldest
}

// busyGroups is how many groups have messages in flight.
func (q *queue) busyGroups() (n int) {
	for _, g := range q.groups {
		if g.busy > 0 {
			n++
		}
	}
	return n
}

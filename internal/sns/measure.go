package sns

import (
	"time"

	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/value"
)

// The metrics of a topic, by their places in its table.
const (
	metricPublished = iota
	metricSize
	metricDelivered
	metricFailed
	metricFilteredOut
	metricFilteredByAttributes
	metricFilteredForLack
	metricFilteredByBody
	metricFilteredBadBody
	metricLetters
	metricLettersLost
)

// Metrics is the table of the metrics of topics. Messages whose attributes are invalid are not published here, so none are filtered out for that.
func Metrics() measure.Table { return topicMetrics }

var topicMetrics = measure.Table{
	Namespace:  "AWS/SNS",
	Source:     "https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html",
	Dimensions: [][]string{{"TopicName"}},
	Metrics: []measure.Metric{
		metricPublished:            {Name: "NumberOfMessagesPublished", Unit: measure.Count},
		metricSize:                 {Name: "PublishSize", Unit: measure.Bytes},
		metricDelivered:            {Name: "NumberOfNotificationsDelivered", Unit: measure.Count},
		metricFailed:               {Name: "NumberOfNotificationsFailed", Unit: measure.Count},
		metricFilteredOut:          {Name: "NumberOfNotificationsFilteredOut", Unit: measure.Count},
		metricFilteredByAttributes: {Name: "NumberOfNotificationsFilteredOut-MessageAttributes", Unit: measure.Count},
		metricFilteredForLack:      {Name: "NumberOfNotificationsFilteredOut-NoMessageAttributes", Unit: measure.Count},
		metricFilteredByBody:       {Name: "NumberOfNotificationsFilteredOut-MessageBody", Unit: measure.Count},
		metricFilteredBadBody:      {Name: "NumberOfNotificationsFilteredOut-InvalidMessageBody", Unit: measure.Count},
		metricLetters:              {Name: "NumberOfNotificationsRedrivenToDlq", Unit: measure.Count},
		metricLettersLost:          {Name: "NumberOfNotificationsFailedToRedriveToDlq", Unit: measure.Count},
	},
}

// newTopic is a topic with its counters.
func (s *Service) newTopic(r topicRecord) *topic {
	return &topic{record: r, dedups: map[string]dedup{}, counters: topicMetrics.Counters(s.cfg.Meter, map[string]string{"TopicName": r.Name})}
}

// countPublished counts messages that were published.
func (p *publication) countPublished(messages []Message) {
	for i := range messages {
		p.t.counters.Add(metricPublished, p.now, 1)
		p.t.counters.Add(metricSize, p.now, float64(messages[i].Size()))
	}
	for _, metric := range p.filteredOut {
		p.t.counters.Add(metricFilteredOut, p.now, 1)
		p.t.counters.Add(metric, p.now, 1)
	}
}

// whyFilteredOut is the metric of a message that a policy does not let pass.
func (f *filter) whyFilteredOut(m *Message, body string) int {
	if !f.body && len(m.Attributes) == 0 {
		return metricFilteredForLack
	}
	if !f.body {
		return metricFilteredByAttributes
	}
	if v, err := value.Parse(body); err != nil || v.Kind() != value.KindObject {
		return metricFilteredBadBody
	}
	return metricFilteredByBody
}

// count counts what became of a delivery. Confirmations that are asked for are no notifications.
func (q *deliveries) count(d *delivery, metric int) {
	if d.Type != notificationType {
		return
	}
	if t, err := q.s.find(d.Topic); err == nil {
		t.counters.Add(metric, q.now(), 1)
	}
}

// countFailure counts an attempt that failed: of HTTP endpoints each, of others the one that was the last (developer guide, "Monitoring Amazon SNS topics using
// CloudWatch", NumberOfNotificationsFailed).
func (q *deliveries) countFailure(d *delivery, last bool) {
	if last || d.Protocol == protocolHTTP || d.Protocol == protocolHTTPS {
		q.count(d, metricFailed)
	}
}

func (q *deliveries) now() time.Time { return q.s.cfg.Clock.Now() }

package conformance

import (
	"context"
	"errors"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/sns"
	"github.com/tutti-run/tutti/internal/sqs"
	"github.com/tutti-run/tutti/internal/store"
)

// hasTopics tells whether the case's topics and queues are real. They are not where the answers to task tokens are replayed, or a rule's events looked at.
func (c *testCase) hasTopics() bool {
	return slices.ContainsFunc(c.Requires, func(name string) bool { return name == "sns" || name == "sqs" }) &&
		!slices.Contains(c.Requires, "events") && !strings.Contains(c.text, "TaskToken")
}

// openTopics opens the queues and topics of the case, in memory.
func (p *player) openTopics(db *store.Store) (err error) {
	p.sqs = sqs.New("/sqs", sqs.WithFS(vfs.NewMem()), sqs.WithPlace(p.place("")))
	p.sns, err = sns.Open(sns.Config{Journal: topicJournal{db}, Place: p.place(""), Targets: map[string]sns.Target{"sqs": topicQueue{p.sqs}}})
	if err != nil {
		return err
	}
	return p.sns.Start()
}

// closeTopics closes them, if they are open.
func (p *player) closeTopics() error {
	if p.sns == nil {
		return nil
	}
	p.sns.Close()
	return p.sqs.Close()
}

// callTopics makes the calls that set up a subscription.
func (p *player) callTopics(s *step, params map[string]any) (err error) {
	var out map[string]any
	switch s.Call {
	case "sqs.GetQueueAttributes":
		out = map[string]any{"Attributes": map[string]any{"QueueArn": p.sqs.ARN(path.Base(textOf(params["QueueUrl"])))}}
	case "sns.Subscribe":
		var arn string
		arn, _, err = p.sns.Subscribe(sns.SubscribeRequest{TopicARN: textOf(params["TopicArn"]), Protocol: textOf(params["Protocol"]), Endpoint: textOf(params["Endpoint"])})
		out = map[string]any{"SubscriptionArn": arn}
	default:
		return p.need(s.Call)
	}
	if err != nil {
		p.fail(levelResult, s.Call, err.Error())
		return errStop
	}
	p.save(s.Save, out)
	return nil
}

// queueMessages saves what came into a queue.
func (p *player) queueMessages(s *step) error {
	queue, err := p.fill(s.Queue)
	messages := []any{}
	for err == nil && len(messages) < s.Count && p.ctx.Err() == nil {
		var got []sqs.Message
		got, err = p.sqs.ReceiveMessage(p.ctx, path.Base(textOf(queue)), sqs.Receive{Wait: new(20)})
		for _, m := range got {
			var v any
			if v, err = decodeJSON(m.Body); err == nil {
				messages = append(messages, v)
			}
		}
	}
	if err != nil {
		p.fail(levelResult, s.Await, err.Error())
		return errStop
	}
	p.save(s.Save, messages)
	return nil
}

// topicQueue delivers into queues.
type topicQueue struct{ store *sqs.Store }

func (q topicQueue) Deliver(_ context.Context, d sns.Delivery) error {
	_, err := q.store.SendMessage(q.store.NameOf(d.Endpoint), sqs.Entry{Body: d.Body})
	return err
}

// topicJournal keeps topics in the store.
type topicJournal struct{ store *store.Store }

func (j topicJournal) Documents(collection string) iter.Seq2[sns.Document, error] {
	return func(yield func(sns.Document, error) bool) {
		for d, err := range j.store.Documents(collection, "", "") {
			if !yield(sns.Document(d), err) {
				return
			}
		}
	}
}

func (j topicJournal) Document(collection, key string) ([]byte, bool, error) {
	v, err := j.store.Document(collection, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, nil
	}
	return v, err == nil, err
}

func (j topicJournal) Write(changes []sns.Change) error {
	b := j.store.NewBatch()
	for _, c := range changes {
		if c.Value == nil {
			b.DeleteDocument(c.Collection, c.Key)
		} else if err := b.PutDocument(c.Collection, c.Key, c.Value); err != nil {
			return err
		}
	}
	return j.store.Commit(b)
}

// fifoAttribute makes a queue or topic whose name says so a FIFO one.
func fifoAttribute(attribute, name string) map[string]string {
	if strings.HasSuffix(name, ".fifo") {
		return map[string]string{attribute: "true"}
	}
	return nil
}

package sns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tutti-run/tutti/internal/clock"
	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/sfn"
)

// Journal keeps documents.
type Journal interface {
	// Documents yields the documents of a collection by key in ascending order.
	Documents(collection string) iter.Seq2[Document, error]
	// Document returns one document; ok tells whether it is there.
	Document(collection, key string) (value []byte, ok bool, err error)
	// Write makes the changes, all or none, and returns when they are on disk.
	Write(changes []Change) error
}

// Document is one document of a collection.
type Document struct {
	Key   string
	Value []byte
}

// Change is the new value of a document; nil deletes it.
type Change struct {
	Collection, Key string
	Value           []byte
}

// The collections of documents.
const (
	topicsCollection        = "sns.topic"        // by name
	subscriptionsCollection = "sns.subscription" // by ARN
	deliveriesCollection    = "sns.delivery"     // by time
	dedupsCollection        = "sns.dedup"        // by topic, a zero and a digest of the id
)

// Target is where messages of one protocol go.
type Target interface {
	// Deliver returns when the endpoint has taken the message. An error that is [Permanent] is not tried again.
	Deliver(ctx context.Context, d Delivery) error
}

// Delivery is a message on its way to an endpoint.
type Delivery struct {
	Endpoint, MessageID string
	// Body is what the endpoint gets: the message itself, if it is to be raw, else a document that holds it.
	Body string
	// Attributes are those of a raw message.
	Attributes map[string]Attribute
	// Group and Dedup are the message group and deduplication id, "" for none.
	Group, Dedup string
}

// Permanent says that trying again is of no use.
type Permanent struct{ Err error }

func (p *Permanent) Error() string { return p.Err.Error() }

// Unwrap returns the cause.
func (p *Permanent) Unwrap() error { return p.Err }

// Config says what a service works with. Journal is required.
type Config struct {
	Journal Journal
	// Place is where the topics are; zero means [sfn.DefaultPlace].
	Place sfn.Place
	// Targets are the protocols that are served beside http and https, by their names: sqs and lambda.
	Targets map[string]Target
	// HTTP calls endpoints; nil means a client with AWS's timeout of 15 seconds.
	HTTP *http.Client
	// Meter counts messages and notifications; nil counts nothing.
	Meter measure.Meter
	// Clock is the time; nil means the computer's.
	Clock *clock.Clock
	// Log receives our own trouble; nil discards it.
	Log *slog.Logger
}

// Service is Amazon SNS. All methods may be called by any goroutine. Errors that SNS itself would answer are [*sfn.Exception]s.
type Service struct {
	cfg Config

	changing sync.Mutex // held by who changes topics and subscriptions, over the write to the journal

	mu            sync.RWMutex // never held over anything that takes time
	topics        map[string]*topic
	subscriptions map[string]*subscription // by ARN; one never changes, it is replaced
	endpoint      string                   // URL at which this service is called

	deliveries deliveries
}

// topic is a topic. Its document is record in JSON.
type topic struct {
	record  topicRecord // replaced as a whole, under the service's mutex
	publish sync.Mutex  // of a FIFO topic: one publication at a time
	last    int64       // the last sequence number; publish guards it
	dedups  map[string]dedup

	counters measure.Counters
}

type topicRecord struct {
	Name       string            `json:"name"`
	Attributes map[string]string `json:"attributes,omitempty"` // those that are set
	Tags       map[string]string `json:"tags,omitempty"`
}

const fifoSuffix = ".fifo"

func (r *topicRecord) fifo() bool { return strings.HasSuffix(r.Name, fifoSuffix) }

// Open reads what is stored. Start begins to deliver.
func Open(cfg Config) (*Service, error) {
	if cfg.Place == (sfn.Place{}) {
		cfg.Place = sfn.DefaultPlace()
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: 15 * time.Second} // developer guide, "Amazon SNS message delivery retries"
	}
	s := &Service{cfg: cfg, topics: map[string]*topic{}, subscriptions: map[string]*subscription{}}
	s.endpoint = "https://sns." + cfg.Place.Region + ".amazonaws.com"
	s.deliveries.init(s)
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("open the topics: %w", err)
	}
	return s, nil
}

func (s *Service) load() error {
	err := each(s.cfg.Journal, topicsCollection, func(_ string, r *topicRecord) {
		s.topics[r.Name] = s.newTopic(*r)
	})
	err = errors.Join(err, each(s.cfg.Journal, subscriptionsCollection, func(_ string, sub *subscription) {
		s.subscriptions[sub.ARN] = sub
	}))
	for _, sub := range s.subscriptions {
		sub.Attributes = plain(sub.Attributes)
		if sub.settings, _ = compile(sub.Attributes); sub.settings == nil { // they were checked before they were stored
			return fmt.Errorf("the subscription %s has attributes that cannot be", sub.ARN)
		}
	}
	now := s.cfg.Clock.Now().UnixMilli()
	return errors.Join(err, each(s.cfg.Journal, dedupsCollection, func(key string, d *dedup) {
		name, id, _ := strings.Cut(key, "\x00")
		if t := s.topics[name]; t != nil && d.Expires > now {
			t.dedups[id] = *d
		}
	}))
}

// each decodes the documents of a collection.
func each[T any](j Journal, collection string, visit func(key string, v *T)) error {
	for d, err := range j.Documents(collection) {
		if err != nil {
			return err
		}
		v := new(T)
		if err := json.Unmarshal(d.Value, v); err != nil {
			return fmt.Errorf("%s %.100q: %w", collection, d.Key, err)
		}
		visit(d.Key, v)
	}
	return nil
}

// set is the change that stores a value in JSON. Values here always encode.
func set(collection, key string, v any) Change {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return Change{collection, key, text}
}

// ServeAt says at which URL this service is called, for the links in messages. Say it before anything is delivered.
func (s *Service) ServeAt(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoint = url
}

// ARN is that of the topic name.
func (s *Service) ARN(name string) string {
	p := s.cfg.Place
	return sfn.ARN{Partition: p.Partition, Service: "sns", Region: p.Region, Account: p.Account, Resource: name}.String()
}

// Account is where the topics are.
func (s *Service) Account() string { return s.cfg.Place.Account }

// find returns the topic of an ARN. The error may be NotFound or InvalidParameter.
func (s *Service) find(arn string) (*topic, error) {
	a, err := sfn.ParseARN(arn)
	if err != nil || a.Service != "sns" || a.Resource == "" || strings.Contains(a.Resource, ":") {
		return nil, invalid("TopicArn Reason: An ARN must have at least 6 elements, not %d", strings.Count(arn, ":")+1)
	}
	name, ok := strings.CutPrefix(arn, s.ARN(""))
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t := s.topics[name]; ok && t != nil {
		return t, nil
	}
	return nil, noTopic()
}

// recordOf is what a topic is now.
func (s *Service) recordOf(t *topic) topicRecord {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return t.record
}

// subscriptionsOf lists the subscriptions of a topic by ARN, all for "".
func (s *Service) subscriptionsOf(topicARN string) []*subscription {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []*subscription
	for _, arn := range slices.Sorted(maps.Keys(s.subscriptions)) {
		if sub := s.subscriptions[arn]; topicARN == "" || sub.TopicARN == topicARN {
			list = append(list, sub)
		}
	}
	return list
}

package sqs

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
)

// maxName is the longest name of a queue, the suffix of FIFO queues included.
const maxName = 80

var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// checkName refuses what a queue cannot be called.
func checkName(name string, fifo bool) error {
	plain := strings.TrimSuffix(name, fifoSuffix)
	switch {
	case name == "":
		return missing("QueueName")
	case fifo && (!strings.HasSuffix(name, fifoSuffix) || !plainName.MatchString(plain) || len(name) > maxName):
		return sfn.Refuse(InvalidParameterValue, "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")
	case !fifo && (!plainName.MatchString(name) || len(name) > maxName):
		return sfn.Refuse(InvalidParameterValue, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	return nil
}

// maxTags is how many tags a queue may have (API reference, TagQueue).
const maxTags = 50

func checkTags(name string, tags map[string]string) error {
	if len(tags) > maxTags {
		return sfn.Refuse(InvalidParameterValue, "Too many tags added for queue %s.", name)
	}
	for key, v := range tags {
		if key == "" || len(key) > 512 || len(v) > 1024 {
			return sfn.Refuse(InvalidParameterValue, "Tag keys must be between 1 and 128 characters in length, values at most 256.")
		}
	}
	return nil
}

// CreateQueue creates a queue. One of the name that has the same attributes is no error. The error may be InvalidAttributeName,
// InvalidAttributeValue, InvalidParameterValue, MissingParameter or QueueNameExists.
func (s *Store) CreateQueue(name string, attributes, tags map[string]string) error {
	attributes = plain(attributes)
	return s.create(name, attributes, tags, func(q *queue) error {
		asked, err := (&settings{}).with(name, attributes)
		if err != nil {
			return err
		}
		has := q.attributes()
		for _, attribute := range slices.Sorted(maps.Keys(asked.Attributes)) {
			if has[attribute] != asked.Attributes[attribute] {
				return sfn.Refuse(QueueNameExists, "A queue already exists with the same name and a different value for attribute %s", attribute)
			}
		}
		return nil
	})
}

// PutQueue creates a queue, or gives the one of the name these attributes and tags in the place of all that it has; its messages stay. Errors are as those
// of [Store.CreateQueue].
func (s *Store) PutQueue(name string, attributes, tags map[string]string) error {
	attributes = plain(attributes)
	return s.create(name, attributes, tags, func(q *queue) error {
		next, err := (&settings{}).with(name, attributes)
		if err != nil {
			return err
		}
		return q.change(next, tags)
	})
}

// create makes a queue, or calls exists if there is one of the name.
func (s *Store) create(name string, attributes, tags map[string]string, exists func(*queue) error) error {
	if err := checkName(name, attributes[attrFIFO] == "true"); err != nil {
		return err
	}
	if err := checkTags(name, tags); err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	s.changing.Lock()
	defer s.changing.Unlock()
	if q, err := s.find(name); err == nil {
		return exists(q)
	}
	next, err := (&settings{}).with(name, attributes)
	if err != nil {
		return err
	}
	if err := s.checkRedrive(name, next); err != nil {
		return err
	}
	q := newQueue(s)
	seconds := s.now() / 1000
	q.record = record{Name: name, Attributes: next.Attributes, Tags: maps.Clone(tags), Created: seconds, Modified: seconds}
	q.record.ID = uint64(max(s.clock.Now().UnixNano(), s.made.Load()+1))
	q.settings = next
	q.startMeter(s.now())
	if err := s.writeRecord(&q.record); err != nil {
		return err
	}
	s.made.Store(int64(q.record.ID))
	s.mu.Lock()
	s.queues[name] = q
	s.mu.Unlock()
	return nil
}

func (s *Store) writeRecord(r *record) error {
	b := s.db.NewBatch()
	if err := put(b, queueKey(r.Name), r); err != nil {
		return errors.Join(err, b.Close())
	}
	return s.commit(b)
}

func queueKey(name string) []byte { return append([]byte{familyQueue}, name...) }

// checkRedrive refuses a redrive policy whose target cannot be the queue's.
func (s *Store) checkRedrive(name string, next *settings) error {
	if next.redrive == nil {
		return nil
	}
	text := next.Attributes[attrRedrive]
	target := s.byARN(next.redrive.target)
	if target == nil {
		return invalid(text, attrRedrive, "Dead letter target does not exist.")
	}
	if target.fifo() != strings.HasSuffix(name, fifoSuffix) {
		return invalid(text, attrRedrive, "Dead-letter queue must be same type of queue as the source.")
	}
	target.mu.Lock()
	allow := target.settings.allow
	target.mu.Unlock()
	if !allow.allows(s.ARN(name)) {
		return invalid(text, attrRedrive, "Queue "+target.record.Name+" has a redrive allow policy that does not allow this queue to use it as a dead-letter queue.")
	}
	return nil
}

// change gives a queue other settings and tags.
func (q *queue) change(next *settings, tags map[string]string) error {
	if err := q.s.checkRedrive(q.record.Name, next); err != nil {
		return err
	}
	q.mu.Lock()
	r := q.record
	r.Attributes, r.Tags, r.Modified = next.Attributes, maps.Clone(tags), q.s.now()/1000
	q.mu.Unlock()
	if err := q.s.writeRecord(&r); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.record.Attributes, q.record.Tags, q.record.Modified = r.Attributes, r.Tags, r.Modified // the name never changes, and is read without the mutex
	q.settings = next
	if q.fifo() { // a delay of theirs is the queue's, whatever it was when they were sent
		now := q.s.now()
		for _, m := range slices.Clone(q.waiting) {
			if m.condition == delayed {
				q.place(m, now)
			}
		}
	}
	q.wake()
	return nil
}

// edit changes a queue under the lock of those who do.
func (s *Store) edit(name string, change func(q *queue) (*settings, map[string]string, error)) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	s.changing.Lock()
	defer s.changing.Unlock()
	q, err := s.find(name)
	if err != nil {
		return err
	}
	next, tags, err := change(q)
	if err != nil {
		return err
	}
	return q.change(next, tags)
}

// SetQueueAttributes changes some attributes of a queue. Errors are as those of [Store.CreateQueue], and QueueDoesNotExist.
func (s *Store) SetQueueAttributes(name string, attributes map[string]string) error {
	attributes = plain(attributes)
	if v, ok := attributes[attrFIFO]; ok && v != "true" && FIFO(name) {
		return sfn.Refuse(InvalidAttributeValue, "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.")
	}
	return s.edit(name, func(q *queue) (*settings, map[string]string, error) {
		next, err := q.settings.with(name, attributes)
		return next, q.record.Tags, err
	})
}

// attributes are all that a queue has, with those that are not set at their usual values.
func (q *queue) attributes() map[string]string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settle(q.s.now())
	a := map[string]string{
		attrMessages: strconv.Itoa(q.counts[ready]), attrInFlight: strconv.Itoa(q.counts[inFlight] + q.counts[leaving]), attrDelayed: strconv.Itoa(q.counts[delayed]),
		attrCreated: strconv.FormatInt(q.record.Created, 10), attrModified: strconv.FormatInt(q.record.Modified, 10), attrARN: q.arn(),
		attrManagedSSE: "true",
	}
	for name, bounds := range numberAttributes {
		if name != attrKmsReuse {
			a[name] = strconv.Itoa(bounds.usual)
		}
	}
	if q.fifo() {
		a[attrFIFO], a[attrContentBased], a[attrDedupScope], a[attrThroughput] = "true", "false", "queue", "perQueue"
	}
	if q.settings.Attributes[attrKmsKey] != "" {
		a[attrKmsReuse] = strconv.Itoa(numberAttributes[attrKmsReuse].usual)
	}
	maps.Copy(a, q.settings.Attributes)
	return a
}

// AttributeNames lists the names of all attributes that a queue can have, and All.
func AttributeNames() []string {
	return slices.Concat(computed, slices.Collect(maps.Keys(numberAttributes)), slices.Collect(maps.Keys(fifoOnly)),
		[]string{attrPolicy, attrRedrive, attrRedriveAllow, attrKmsKey, attrManagedSSE, attrAll})
}

// GetQueueAttributes returns the attributes of the names, of which All stands for all. The error may be QueueDoesNotExist or InvalidAttributeName.
func (s *Store) GetQueueAttributes(name string, names []string) (map[string]string, error) {
	q, done, err := s.use(name)
	if err != nil {
		return nil, err
	}
	defer done()
	known := AttributeNames()
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, sfn.Refuse(InvalidAttributeName, "Unknown Attribute %s.", n)
		}
	}
	all := q.attributes()
	if slices.Contains(names, attrAll) {
		return all, nil
	}
	maps.DeleteFunc(all, func(n, _ string) bool { return !slices.Contains(names, n) })
	return all, nil
}

// use finds a queue for an operation, which done ends.
func (s *Store) use(name string) (q *queue, done func(), err error) {
	if err := s.enter(); err != nil {
		return nil, nil, err
	}
	if q, err = s.find(name); err != nil {
		s.leave()
		return nil, nil, err
	}
	return q, s.leave, nil
}

// Exists tells whether there is a queue of the name. The error may be QueueDoesNotExist.
func (s *Store) Exists(name string) error {
	_, done, err := s.use(name)
	if err == nil {
		done()
	}
	return err
}

// Queues lists the names of the queues that begin with prefix, in their order.
func (s *Store) Queues(prefix string) ([]string, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	var names []string
	for _, q := range s.all() {
		if strings.HasPrefix(q.record.Name, prefix) {
			names = append(names, q.record.Name)
		}
	}
	return names, nil
}

// DeadLetterSources lists the names of the queues whose dead letters go to this one. The error may be QueueDoesNotExist.
func (s *Store) DeadLetterSources(name string) ([]string, error) {
	q, done, err := s.use(name)
	if err != nil {
		return nil, err
	}
	defer done()
	return s.sourcesOf(q.arn()), nil
}

func (s *Store) sourcesOf(arn string) []string {
	var names []string
	for _, q := range s.all() {
		q.mu.Lock()
		if p := q.settings.redrive; p != nil && p.target == arn {
			names = append(names, q.record.Name)
		}
		q.mu.Unlock()
	}
	return names
}

// DeleteQueue deletes a queue with its messages. The error may be QueueDoesNotExist.
func (s *Store) DeleteQueue(name string) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	s.changing.Lock()
	defer s.changing.Unlock()
	q, err := s.find(name)
	if err != nil {
		return err
	}
	return q.clear(true)
}

// PurgeQueue deletes all messages of a queue, those in flight included; what was deduplicated is forgotten. The error may be QueueDoesNotExist.
func (s *Store) PurgeQueue(name string) error {
	q, done, err := s.use(name)
	if err != nil {
		return err
	}
	defer done()
	return q.clear(false)
}

// clear deletes the messages, and the queue itself if it is to go.
func (q *queue) clear(whole bool) error {
	q.commits.Lock() // whoever sends has the messages on disk, and nobody begins
	defer q.commits.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.deleted {
		return noQueue()
	}
	b := q.s.db.NewBatch()
	families := []byte{familyMessage, familyBody, familyState, familyDedup}
	if whole {
		families = append(families, familyNext)
		if err := b.Delete(queueKey(q.record.Name), nil); err != nil {
			return err
		}
	}
	for _, family := range families {
		if err := b.DeleteRange(q.prefix(family), q.end(family), nil); err != nil {
			return err
		}
	}
	if !whole { // the numbers go on
		q.reserved = q.next + reserve
		if err := b.Set(q.prefix(familyNext), appendNumber(q.reserved), nil); err != nil {
			return err
		}
	}
	if err := q.s.commit(b); err != nil {
		return err
	}
	for _, m := range q.messages {
		q.become(m, gone)
	}
	clear(q.dedups)
	q.aging = nil
	if whole {
		q.deleted = true
		q.s.mu.Lock()
		delete(q.s.queues, q.record.Name)
		q.s.mu.Unlock()
	}
	q.wake()
	return nil
}

// Tags returns a queue's tags. The error may be QueueDoesNotExist.
func (s *Store) Tags(name string) (map[string]string, error) {
	q, done, err := s.use(name)
	if err != nil {
		return nil, err
	}
	defer done()
	q.mu.Lock()
	defer q.mu.Unlock()
	return maps.Clone(q.record.Tags), nil
}

// TagQueue adds tags to a queue. The error may be QueueDoesNotExist, InvalidParameterValue or MissingParameter.
func (s *Store) TagQueue(name string, tags map[string]string) error {
	if len(tags) == 0 {
		return missing("Tags")
	}
	return s.edit(name, func(q *queue) (*settings, map[string]string, error) {
		all := maps.Clone(q.record.Tags)
		if all == nil {
			all = map[string]string{}
		}
		maps.Copy(all, tags)
		return q.settings, all, checkTags(name, all)
	})
}

// UntagQueue takes tags off a queue. The error may be QueueDoesNotExist or InvalidParameterValue.
func (s *Store) UntagQueue(name string, keys []string) error {
	if len(keys) == 0 {
		return sfn.Refuse(InvalidParameterValue, "Tag keys must be between 1 and 128 characters in length.")
	}
	return s.edit(name, func(q *queue) (*settings, map[string]string, error) {
		all := maps.Clone(q.record.Tags)
		maps.DeleteFunc(all, func(key, _ string) bool { return slices.Contains(keys, key) })
		return q.settings, all, nil
	})
}

// FIFO tells whether a queue of the name is a FIFO queue.
func FIFO(name string) bool { return strings.HasSuffix(name, fifoSuffix) }

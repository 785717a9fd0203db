package s3

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Notification says where a bucket's events go beside EventBridge: to a function, a queue or a topic.
type Notification struct {
	ID string `json:"id"`
	// Target is the ARN of whoever is told.
	Target string `json:"target"`
	// Events are those that are told, as s3:ObjectCreated:* or s3:ObjectRemoved:Delete.
	Events []string `json:"events"`
	// Prefix and Suffix are those of the keys that count.
	Prefix string `json:"prefix,omitempty"`
	Suffix string `json:"suffix,omitempty"`
	// Template tells that the notification is a template's, and goes with it.
	Template bool `json:"template,omitempty"`
}

// eventNames are the events that are told here, by the operation that they come of (user guide, "Event notification types and destinations").
var eventNames = map[string]string{
	"PutObject":               "ObjectCreated:Put",
	"CopyObject":              "ObjectCreated:Copy",
	"CompleteMultipartUpload": "ObjectCreated:CompleteMultipartUpload",
	"DeleteObject":            "ObjectRemoved:Delete", // versions are not kept, so no marker is made
}

// otherEvents are those of S3 that nothing here comes to: of tiers, replicas, versions and tags.
var otherEvents = []string{
	"s3:ObjectCreated:*", "s3:ObjectCreated:Post", "s3:ObjectRemoved:*", "s3:ObjectRemoved:DeleteMarkerCreated", "s3:ObjectRestore:*", "s3:ObjectRestore:Post",
	"s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete", "s3:ReducedRedundancyLostObject", "s3:Replication:*", "s3:Replication:OperationFailedReplication",
	"s3:Replication:OperationMissedThreshold", "s3:Replication:OperationReplicatedAfterThreshold", "s3:Replication:OperationNotTracked", "s3:LifecycleTransition",
	"s3:LifecycleExpiration:*", "s3:LifecycleExpiration:Delete", "s3:LifecycleExpiration:DeleteMarkerCreated", "s3:IntelligentTiering", "s3:ObjectTagging:*",
	"s3:ObjectTagging:Put", "s3:ObjectTagging:Delete", "s3:ObjectAcl:Put", "s3:TestEvent",
}

// knownEvent tells whether S3 has an event of the name.
func knownEvent(name string) bool {
	if slices.Contains(otherEvents, name) {
		return true
	}
	for _, event := range eventNames {
		if name == "s3:"+event {
			return true
		}
	}
	return false
}

// tells says whether an event of an object with the key is one that the notification tells.
func (n *Notification) tells(event, key string) bool {
	kind, _, _ := strings.Cut(event, ":")
	return (slices.Contains(n.Events, "s3:"+event) || slices.Contains(n.Events, "s3:"+kind+":*")) && strings.HasPrefix(key, n.Prefix) && strings.HasSuffix(key, n.Suffix)
}

// SetNotifications replaces the bucket's notifications: those of templates or those that clients have made. The error may be NoSuchBucket, or
// InvalidArgument for an event that S3 does not have.
func (s *Store) SetNotifications(name string, template bool, list []Notification) error {
	for i := range list {
		list[i].Template = template
		for _, event := range list[i].Events {
			if !knownEvent(event) {
				return refusef(InvalidArgument, "The event '%s' is not supported for notifications", event)
			}
		}
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	s.buckets.Lock()
	defer s.buckets.Unlock()
	b, err := s.bucket(name)
	if err != nil {
		return err
	}
	b.Notifications = append(slices.DeleteFunc(slices.Clone(b.Notifications), func(n Notification) bool { return n.Template == template }), list...)
	return s.set(bucketKey(name), b)
}

// Record is the message to whoever a notification tells of the notice (user guide, "Event message structure"). The principal is the account.
func (n *Notice) Record(to *Notification, partition, region, account string) ([]byte, error) {
	type identity struct {
		PrincipalID string `json:"principalId"`
	}
	type bucket struct {
		Name  string   `json:"name"`
		Owner identity `json:"ownerIdentity"`
		ARN   string   `json:"arn"`
	}
	type object struct {
		Key       string `json:"key"`
		Size      *int64 `json:"size,omitempty"`
		ETag      string `json:"eTag,omitempty"`
		Sequencer string `json:"sequencer"`
	}
	type about struct {
		SchemaVersion   string `json:"s3SchemaVersion"`
		ConfigurationID string `json:"configurationId"`
		Bucket          bucket `json:"bucket"`
		Object          object `json:"object"`
	}
	type record struct {
		EventVersion string            `json:"eventVersion"`
		EventSource  string            `json:"eventSource"`
		Region       string            `json:"awsRegion"`
		Time         string            `json:"eventTime"`
		Name         string            `json:"eventName"`
		Who          identity          `json:"userIdentity"`
		Request      map[string]string `json:"requestParameters"`
		Response     map[string]string `json:"responseElements"`
		S3           about             `json:"s3"`
	}
	r := record{
		EventVersion: "2.1", EventSource: "aws:s3", Region: region, Time: n.Time.UTC().Format("2006-01-02T15:04:05.000Z"), Name: eventNames[n.Reason],
		Who: identity{account}, Request: map[string]string{"sourceIPAddress": n.SourceIP}, Response: map[string]string{"x-amz-request-id": n.RequestID, "x-amz-id-2": n.RequestID},
		S3: about{"1.0", to.ID, bucket{n.Bucket, identity{account}, "arn:" + partition + ":s3:::" + n.Bucket}, object{Key: escapedKey(n.Key), ETag: n.ETag, Sequencer: n.Sequencer}},
	}
	if n.Kind == ObjectCreated {
		r.S3.Object.Size = &n.Size
	}
	return json.Marshal(map[string][]record{"Records": {r}})
}

// escapedKey is a key as the messages have it: escaped as in the query of a URL, with slashes as they are.
func escapedKey(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }

// notificationBody is the configuration of a bucket's notifications on the wire.
type notificationBody struct {
	XMLName     xml.Name            `xml:"NotificationConfiguration"`
	XMLNS       string              `xml:"xmlns,attr,omitempty"`
	Topics      []notificationEntry `xml:"TopicConfiguration"`
	Queues      []notificationEntry `xml:"QueueConfiguration"`
	Functions   []notificationEntry `xml:"CloudFunctionConfiguration"`
	EventBridge *struct{}           `xml:"EventBridgeConfiguration"`
}

// notificationEntry is one notification on the wire; one of Topic, Queue and Function names whom it tells.
type notificationEntry struct {
	ID       string      `xml:"Id,omitempty"`
	Filter   *filterBody `xml:"Filter"`
	Topic    string      `xml:"Topic,omitempty"`
	Queue    string      `xml:"Queue,omitempty"`
	Function string      `xml:"CloudFunction,omitempty"`
	Events   []string    `xml:"Event"`
}

type filterBody struct {
	Rules []filterRule `xml:"S3Key>FilterRule"`
}

type filterRule struct {
	Name  string
	Value string
}

// notification is the entry as it is kept.
func (e *notificationEntry) notification() (Notification, error) {
	n := Notification{ID: e.ID, Target: e.Topic + e.Queue + e.Function, Events: e.Events}
	var rules []filterRule
	if e.Filter != nil {
		rules = e.Filter.Rules
	}
	for _, rule := range rules {
		switch strings.ToLower(rule.Name) {
		case "prefix":
			n.Prefix = rule.Value
		case "suffix":
			n.Suffix = rule.Value
		default:
			return n, refusef(InvalidArgument, "filter rule name must be either prefix or suffix")
		}
	}
	if parts := strings.SplitN(n.Target, ":", 6); len(parts) != 6 || parts[0] != "arn" || !slices.Contains([]string{"sns", "sqs", "lambda"}, parts[2]) {
		return n, refusef(InvalidArgument, "The ARN could not be parsed")
	}
	return n, nil
}

// entry is the notification on the wire.
func (n *Notification) entry() notificationEntry {
	e := notificationEntry{ID: n.ID, Events: n.Events}
	var rules []filterRule
	if n.Prefix != "" {
		rules = append(rules, filterRule{"prefix", n.Prefix})
	}
	if n.Suffix != "" {
		rules = append(rules, filterRule{"suffix", n.Suffix})
	}
	if len(rules) > 0 {
		e.Filter = &filterBody{rules}
	}
	return e
}

func (c *call) putNotification() error {
	var in notificationBody
	if err := c.document(&in); err != nil {
		return err
	}
	var list []Notification
	for _, e := range slices.Concat(in.Topics, in.Queues, in.Functions) {
		n, err := e.notification()
		if err != nil {
			return err
		}
		if n.ID == "" {
			n.ID = "notification-" + strconv.Itoa(len(list)+1)
		}
		list = append(list, n)
	}
	if err := c.store.SetNotifications(c.bucket, false, list); err != nil {
		return err
	}
	if err := c.store.SetNotifications(c.bucket, true, nil); err != nil { // what is put replaces all there was
		return err
	}
	if err := c.store.SetEventBridge(c.bucket, in.EventBridge != nil); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (c *call) getNotification() error {
	b, err := c.store.HeadBucket(c.bucket)
	if err != nil {
		return err
	}
	out := notificationBody{XMLNS: namespace}
	if b.EventBridge {
		out.EventBridge = new(struct{})
	}
	for _, n := range b.Notifications {
		e := n.entry()
		switch strings.SplitN(n.Target, ":", 4)[2] {
		case "sns":
			e.Topic = n.Target
			out.Topics = append(out.Topics, e)
		case "sqs":
			e.Queue = n.Target
			out.Queues = append(out.Queues, e)
		default:
			e.Function = n.Target
			out.Functions = append(out.Functions, e)
		}
	}
	c.answer(http.StatusOK, out)
	return nil
}

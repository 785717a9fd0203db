package stack

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/s3"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/sns"
	"github.com/tutti-run/tutti/internal/trigger"
)

// deployBucket makes the bucket, or keeps the one that is there with all its objects.
func (s *Stack) deployBucket(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	notifications := p.Block("NotificationConfiguration")
	if err := p.Err(); err != nil {
		return err
	}
	err := s.objects.CreateBucket(r.Name)
	var refused *s3.Error
	if err != nil && !(errors.As(err, &refused) && refused.Code == s3.BucketAlreadyOwnedByYou) {
		return err
	}
	if err := s.notify(r.Name, notifications); err != nil {
		return err
	}
	return p.Err()
}

// notificationShape says how a kind of notification is written in a template: by CloudFormation, or by CDK, which calls S3 itself.
type notificationShape struct{ list, target, events, filter, rules string }

// notificationShapes is the table of the kinds of notifications (CloudFormation, AWS::S3::Bucket NotificationConfiguration; S3's
// PutBucketNotificationConfiguration).
var notificationShapes = []notificationShape{
	{"LambdaConfigurations", "Function", "Event", "S3Key", "Rules"},
	{"QueueConfigurations", "Queue", "Event", "S3Key", "Rules"},
	{"TopicConfigurations", "Topic", "Event", "S3Key", "Rules"},
	{"LambdaFunctionConfigurations", "LambdaFunctionArn", "Events", "Key", "FilterRules"},
	{"QueueConfigurations", "QueueArn", "Events", "Key", "FilterRules"},
	{"TopicConfigurations", "TopicArn", "Events", "Key", "FilterRules"},
}

// notify configures who is told of a bucket's objects. That EventBridge is, as a client has set it, stays where the template says nothing of it.
func (s *Stack) notify(bucket string, notifications *cfn.Block) error {
	if err := s.objects.SetNotifications(bucket, true, templateNotifications(notifications)); err != nil {
		return err
	}
	if !notifications.Has("EventBridgeConfiguration") {
		return nil
	}
	return s.objects.SetEventBridge(bucket, notifications.Block("EventBridgeConfiguration").Bool("EventBridgeEnabled", true))
}

// templateNotifications reads the notifications to functions, queues and topics.
func templateNotifications(p *cfn.Block) []s3.Notification {
	var list []s3.Notification
	for _, shape := range notificationShapes {
		for _, b := range p.Blocks(shape.list) {
			if !b.Has(shape.target) {
				continue // of the other shape
			}
			n := s3.Notification{ID: cmp.Or(b.String("Id"), "notification-"+strconv.Itoa(len(list)+1)), Target: b.String(shape.target)}
			if shape.events == "Event" {
				n.Events = []string{b.String(shape.events)}
			} else {
				n.Events = b.Strings(shape.events)
			}
			for _, rule := range b.Block("Filter").Block(shape.filter).Blocks(shape.rules) {
				switch strings.ToLower(rule.String("Name")) {
				case "prefix":
					n.Prefix = rule.String("Value")
				case "suffix":
					n.Suffix = rule.String("Value")
				default:
					rule.Problem("Name", "This must be prefix or suffix.")
				}
			}
			list = append(list, n)
		}
	}
	return list
}

// tellOfObject tells of a notice of S3 whoever is to hear of it. What cannot be delivered at all is dropped, as S3 does.
func (s *Stack) tellOfObject(n s3.Notice) error {
	if !n.Aside {
		if err := s.tellEventBridge(n); err != nil {
			return err
		}
	}
	for _, to := range n.To {
		err := s.tellTarget(n, to)
		var never *trigger.Permanent
		switch {
		case errors.As(err, &never):
			s.cfg.Log.Warn("a notification of an object is dropped", "bucket", n.Bucket, "key", n.Key, "target", to.Target, "error", err)
		case err != nil:
			return err
		}
	}
	return nil
}

// topicSubject is the subject of S3's messages to topics.
const topicSubject = "Amazon S3 Notification"

// tellTarget tells a function, a queue or a topic.
func (s *Stack) tellTarget(n s3.Notice, to s3.Notification) error {
	record, err := n.Record(&to, s.cfg.Place.Partition, s.cfg.Place.Region, s.cfg.Place.Account)
	if err != nil {
		return err
	}
	arn, _ := sfn.ParseARN(to.Target)
	deliverer := s.eventTargets()[arn.Service]
	switch {
	case deliverer == nil:
		return &trigger.Permanent{Err: errors.New("there is no such target"), Code: trigger.InvalidParameter}
	case arn.Service == "sns":
		_, err := s.topics.Publish(to.Target, sns.Message{Subject: topicSubject, Body: string(record)})
		var refused *sfn.Exception
		if errors.As(err, &refused) {
			return &trigger.Permanent{Err: err, Code: trigger.NoResource}
		}
		return err
	}
	return deliverer.Deliver(context.Background(), trigger.Message{Target: to.Target, ID: uuid.NewString(), Input: string(record)})
}

// tellEventBridge puts a notice of S3 on the default bus.
func (s *Stack) tellEventBridge(n s3.Notice) error {
	detail, err := n.Detail(s.cfg.Place.Account)
	if err != nil {
		return err
	}
	return s.events.PutOwn(trigger.EventEntry{
		Time: n.Time, Source: "aws.s3", DetailType: string(n.Kind), Resources: []string{"arn:" + s.cfg.Place.Partition + ":s3:::" + n.Bucket}, Detail: string(detail),
	})
}

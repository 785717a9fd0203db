package stack

import (
	"errors"

	"github.com/tutti-run/tutti/internal/cfn"
	"github.com/tutti-run/tutti/internal/s3"
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

// notify configures what is told of a bucket's objects. What a client has set stays where the template says nothing of EventBridge.
func (s *Stack) notify(bucket string, notifications *cfn.Block) error {
	for _, name := range []string{"LambdaConfigurations", "LambdaFunctionConfigurations", "QueueConfigurations", "TopicConfigurations"} {
		if notifications.Has(name) {
			s.tell(Event{Kind: NotRunHere, Name: bucket, Detail: "the " + name + " of bucket " + bucket + ": notifications go to EventBridge here; set EventBridgeConfiguration, and have a rule for the source aws.s3 send them on"})
		}
	}
	if !notifications.Has("EventBridgeConfiguration") {
		return nil
	}
	return s.objects.SetEventBridge(bucket, notifications.Block("EventBridgeConfiguration").Bool("EventBridgeEnabled", true))
}

// tellOfObject puts a notice of S3 on the default bus.
func (s *Stack) tellOfObject(n s3.Notice) error {
	detail, err := n.Detail(s.cfg.Place.Account)
	if err != nil {
		return err
	}
	return s.events.PutOwn(trigger.EventEntry{
		Time: n.Time, Source: "aws.s3", DetailType: string(n.Kind), Resources: []string{"arn:" + s.cfg.Place.Partition + ":s3:::" + n.Bucket}, Detail: string(detail),
	})
}

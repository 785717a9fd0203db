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
	on := notifications.Has("EventBridgeConfiguration") && notifications.Block("EventBridgeConfiguration").Bool("EventBridgeEnabled", true)
	if err := p.Err(); err != nil {
		return err
	}
	for _, name := range []string{"LambdaConfigurations", "QueueConfigurations", "TopicConfigurations"} {
		if notifications.Has(name) {
			s.tell(Event{Kind: NotRunHere, Name: r.Name, Detail: "the " + name + " of bucket " + r.Name + ": notifications go to EventBridge here; set EventBridgeConfiguration, and have a rule for the source aws.s3 send them on"})
		}
	}
	err := s.objects.CreateBucket(r.Name)
	var refused *s3.Error
	if err != nil && !(errors.As(err, &refused) && refused.Code == s3.BucketAlreadyOwnedByYou) {
		return err
	}
	if !notifications.Has("EventBridgeConfiguration") {
		return nil // what a client has set stays
	}
	return s.objects.SetEventBridge(r.Name, on)
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

package stack

import "github.com/tutti-run/tutti/internal/cfn"

// The resources with which CDK does what CloudFormation cannot are backed by functions of its own, which call AWS. What the common ones come to
// is done here instead.

// deployLogRetention sets how long a function's log group keeps events (aws-cdk-lib/aws-logs, LogRetention).
func (s *Stack) deployLogRetention(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("LogGroupName")
	group, days := p.String("LogGroupName"), p.Int("RetentionInDays", 0)
	if err := p.Err(); err != nil {
		return err
	}
	if err := s.logs.EnsureGroup(group); err != nil {
		return err
	}
	return s.logs.SetRetention(group, int(days))
}

// deployBucketNotices configures what is told of a bucket's objects (aws-cdk-lib/aws-s3, Bucket with eventBridgeEnabled).
func (s *Stack) deployBucketNotices(_ *unit, r *cfn.Resource) error {
	p := r.Read()
	p.Need("BucketName", "NotificationConfiguration")
	bucket, notifications := p.String("BucketName"), p.Block("NotificationConfiguration")
	if err := p.Err(); err != nil {
		return err
	}
	if err := s.notify(bucket, notifications); err != nil {
		return err
	}
	return p.Err()
}

package sqs_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tutti-run/tutti/internal/sqs"
)

// FuzzAttributes sets attributes of queues and uses handles of any form: what is wrong is refused by an exception.
func FuzzAttributes(f *testing.F) {
	f.Add("RedrivePolicy", `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:q","maxReceiveCount":"3"}`, "AAAA")
	f.Add("RedriveAllowPolicy", `{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:q"]}`, "")
	f.Add("Policy", `{"Statement":[{"Sid":"l"}]}`, "eyJ0YXNrSWQiOiIxIn0=")
	f.Fuzz(func(t *testing.T, attribute, text, handle string) {
		s := sqs.New("/q", sqs.WithFS(vfs.NewMem()))
		defer func() { _ = s.Close() }()
		if err := s.CreateQueue("q", nil, nil); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{
			s.SetQueueAttributes("q", map[string]string{attribute: text}), s.AddPermission("q", text, []string{"111111111111"}, []string{"*"}),
			s.RemovePermission("q", text), last(s.CancelMessageMoveTask(handle)), s.CreateQueue(text, nil, nil),
		} {
			if err != nil && !known(err) {
				t.Errorf("%v is not for the client", err)
			}
		}
		errs, err := s.DeleteMessages("q", []string{handle})
		if err != nil || errs[0] != nil && !known(errs[0]) {
			t.Errorf("%v, %v", errs, err)
		}
	})
}

package stack_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/stack"
)

// What CDK has functions of its own for is done without them, and keys are names.
func TestResourcesOfCDK(t *testing.T) {
	cfg := project(t, map[string]string{"template.yaml": `
Resources:
  Key: {Type: AWS::KMS::Key, Properties: {KeyPolicy: {}}}
  Alias: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/k, TargetKeyId: !Ref Key}}
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: things}}
  Told: {Type: Custom::S3BucketNotifications, Properties: {ServiceToken: x, BucketName: !Ref Bucket, NotificationConfiguration: {EventBridgeConfiguration: {}}, Managed: true}}
  Policy: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: !Ref Bucket, PolicyDocument: {}}}
  Empty: {Type: Custom::S3AutoDeleteObjects, Properties: {ServiceToken: x, BucketName: !Ref Bucket}}
  Kept: {Type: Custom::LogRetention, Properties: {ServiceToken: x, LogGroupName: /aws/lambda/f, RetentionInDays: 7}}
`})
	cfg.Template = filepath.Join(cfg.Project, "template.yaml")
	s, told := open(t, cfg)
	for _, e := range told.list {
		if e.Kind == stack.NotRunHere {
			t.Errorf("told: %s", e.Detail)
		}
	}
	w := httptest.NewRecorder()
	s.S3().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/things?notification", nil))
	if !strings.Contains(w.Body.String(), "EventBridgeConfiguration") {
		t.Errorf("the bucket's notifications: %s", w.Body)
	}
	groups := s.Logs().Groups(func(name string) bool { return name == "/aws/lambda/f" })
	if len(groups) != 1 || groups[0].Retention != 7 {
		t.Errorf("groups %+v", groups)
	}
}

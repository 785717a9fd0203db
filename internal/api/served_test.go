package api

import (
	"net/http"
	"testing"

	"github.com/tutti-run/tutti/internal/awsmodel"
)

// TestServedHasModels holds the names of services to those that Task states can call.
func TestServedHasModels(t *testing.T) {
	if names := (Config{}).Served(); len(names) != 0 {
		t.Errorf("nothing is configured, served are %q", names)
	}
	if names := (Config{S3: http.NotFoundHandler()}).Served(); len(names) != 1 || names[0] != "s3" {
		t.Errorf("served are %q, want s3", names)
	}
	models := awsmodel.New()
	for _, s := range (&Config{}).services() {
		if m, ok := models.Service(s.sdk); !ok || m.Signing != s.scope || m.Target != s.target && s.target != "" {
			t.Errorf("%s is called %q, whose model says: %+v", s.title, s.sdk, m)
		}
	}
}

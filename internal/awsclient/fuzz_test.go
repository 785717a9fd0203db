package awsclient

import (
	"net/http"
	"testing"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// FuzzDecode gives every protocol any answer: it is read or refused, and what was read is JSON.
func FuzzDecode(f *testing.F) {
	models := awsmodel.New()
	apis := []struct{ service, api string }{
		{"dynamodb", "getItem"}, {"ecs", "describeTasks"}, {"lambda", "invoke"}, {"batch", "describeJobs"}, {"s3", "listObjectsV2"}, {"s3", "getBucketAcl"},
		{"sns", "getTopicAttributes"}, {"ec2", "describeInstances"}, {"eventbridgev2", ""},
	}
	for i := range apis {
		f.Add(uint8(i), 200, []byte(`{"Item":{"a":{"B":"/w=="}},"tasks":[{"createdAt":1e300}],"jobs":[null]}`))
		f.Add(uint8(i), 200, []byte(`<R><GetTopicAttributesResult><Attributes><entry><key>k</key><value>v</value></entry></Attributes></GetTopicAttributesResult></R>`))
		f.Add(uint8(i), 404, []byte(`<Error><Code>C</Code></Error>`))
		f.Add(uint8(i), 400, []byte("\xbf\x61a\x9f\x01\xff\xff"))
	}
	f.Fuzz(func(t *testing.T, which uint8, status int, body []byte) {
		at := apis[int(which)%len(apis)]
		s, ok := models.Service(at.service)
		if !ok {
			t.Fatal(at.service)
		}
		if at.api == "" {
			at.api = s.Operations()[0]
		}
		o, ok := s.Operation(at.api)
		if !ok {
			t.Fatal(at.api)
		}
		response, err := decode(Call{Service: s, Operation: o}, status, http.Header{}, body)
		if err != nil {
			return
		}
		if text := value.Text(response.Output); !value.Valid(text) {
			t.Errorf("%s %s: %s is not JSON", at.service, at.api, text)
		}
	})
}

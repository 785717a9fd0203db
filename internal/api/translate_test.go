package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/sfn"
)

// shelf is a service with the names of CloudWatch, which says what it was asked.
type shelf struct{ asked []string }

func (s *shelf) handler() http.Handler {
	p := &protocol{
		route:       route{title: "Shelf", target: "GraniteServiceVersion20100801", version: "2010-08-01", scope: "monitoring"},
		contentType: json10, namespace: "com.amazonaws.cloudwatch#",
	}
	operations := map[string]operation[*shelf]{
		"PutMetricData": func(s *shelf, _ context.Context, body []byte) (any, error) {
			s.asked = append(s.asked, string(body))
			return nothing{}, nil
		},
		"DeleteAlarms": func(*shelf, context.Context, []byte) (any, error) {
			return nil, sfn.Refuse("ResourceNotFound", "no such alarm <x>")
		},
	}
	door := &frontDoor{services: []service{{route: p.route, served: true,
		handler: translated("cloudwatch", p.target, serveJSON(p, operations, s, slog.New(slog.DiscardHandler)))}}, log: slog.New(slog.DiscardHandler)}
	return door
}

func TestOtherProtocols(t *testing.T) {
	const form = "application/x-www-form-urlencoded; charset=utf-8"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, "Action=PutMetricData&Version=2010-08-01&Namespace=Z")
	_ = z.Close()
	tests := []struct {
		name, path, body string
		header           []string
		status           int
		asked, answer    string
	}{
		{"a form, unsigned", "/", "Action=PutMetricData&Version=2010-08-01&Namespace=N&MetricData.member.1.MetricName=m&MetricData.member.1.Value=1.5",
			[]string{"Content-Type", form}, 200, `{"Namespace":"N","MetricData":[{"MetricName":"m","Value":1.5}]}`, "<PutMetricDataResponse xmlns"},
		{"the query of a GET", "/?Action=PutMetricData&Version=2010-08-01&Namespace=N", "", nil, 200, `{"Namespace":"N"}`, "<RequestId>"},
		{"a form, compressed and signed", "/", zipped.String(), []string{"Content-Type", form, "Content-Encoding", "gzip", "Authorization", "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/monitoring/aws4_request, "},
			200, `{"Namespace":"Z"}`, "<RequestId>"},
		{"an action beside a body that is no form", "/?Action=PutMetricData&Namespace=N", `{"a":1}`, []string{"Content-Type", "application/json", "Authorization", "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/monitoring/aws4_request, ", "Accept", "application/json"},
			200, `{"Namespace":"N"}`, `{"PutMetricDataResponse":{"ResponseMetadata":{"RequestId":"`},
		{"an error in JSON for a form", "/", "Action=DeleteAlarms&Version=2010-08-01", []string{"Content-Type", form, "Accept", "application/json"}, 400, "",
			`{"Error":{"Code":"ResourceNotFound","Message":"no such alarm <x>","Type":"Sender"},"RequestId":"`},
		{"CBOR", "/service/GraniteServiceVersion20100801/operation/PutMetricData", "\xa1iNamespaceaN", []string{"Smithy-Protocol", "rpc-v2-cbor", "Content-Type", "application/cbor"}, 200, `{"Namespace":"N"}`, "\xa0"},
		{"JSON", "/", `{"Namespace": "N"}`, []string{"X-Amz-Target", "GraniteServiceVersion20100801.PutMetricData"}, 200, `{"Namespace": "N"}`, "{}"},
		{"an error in XML", "/", "Action=DeleteAlarms&Version=2010-08-01", []string{"Content-Type", form}, 400, "", "<Type>Sender</Type>\n    <Code>ResourceNotFound</Code>\n    <Message>no such alarm &lt;x&gt;</Message>\n  </Error>"},
		{"an error in CBOR", "/service/GraniteServiceVersion20100801/operation/DeleteAlarms", "", []string{"Smithy-Protocol", "rpc-v2-cbor"}, 400, "", "com.amazonaws.cloudwatch#ResourceNotFound"},
		{"an unknown action", "/", "Action=Dance&Version=2010-08-01", []string{"Content-Type", form}, 400, "", "<Code>InvalidAction</Code>"},
		{"no action", "/", "Version=2010-08-01", []string{"Content-Type", form}, 400, "", "<Code>MissingAction</Code>"},
		{"no CBOR", "/service/GraniteServiceVersion20100801/operation/PutMetricData", "\xff\xff", []string{"Smithy-Protocol", "rpc-v2-cbor"}, 400, "", "SerializationException"},
		{"no gzip", "/", "x", []string{"Content-Type", form, "Content-Encoding", "gzip", "Authorization", "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/monitoring/aws4_request, "}, 400, "", "<Code>MalformedInput</Code>"},
		{"a form too deep", "/", "Action=PutMetricData&Version=2010-08-01&a" + strings.Repeat(".a", 50) + "=1", []string{"Content-Type", form}, 400, "", "too many parts"},
		{"another service's version", "/", "Action=PutMetricData&Version=1999-01-01", []string{"Content-Type", form}, 404, "", "endpoint for AWS clients"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &shelf{}
			method := http.MethodPost
			if strings.Contains(test.path, "?") && test.body == "" {
				method = http.MethodGet
			}
			r := httptest.NewRequest(method, test.path, strings.NewReader(test.body))
			r.Host = "localhost"
			for i := 0; i < len(test.header); i += 2 {
				r.Header.Set(test.header[i], test.header[i+1])
			}
			w := httptest.NewRecorder()
			s.handler().ServeHTTP(w, r)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.answer) {
				t.Errorf("%d %q", w.Code, w.Body)
			}
			if got := strings.Join(s.asked, ";"); got != test.asked {
				t.Errorf("the service was asked %s", got)
			}
		})
	}
}

// Clients of services that once spoke the query protocol read errors from a header.
func TestErrorsOfQueryCompatibleServices(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
	r.Host = "localhost"
	r.Header.Set("X-Amz-Target", "GraniteServiceVersion20100801.DeleteAlarms")
	w := httptest.NewRecorder()
	(&shelf{}).handler().ServeHTTP(w, r)
	if got := w.Header().Get("X-Amzn-Query-Error"); got != "ResourceNotFound;Sender" {
		t.Errorf("the header is %q", got)
	}
	if !strings.Contains(w.Body.String(), fmt.Sprintf(`"__type":%q`, "com.amazonaws.cloudwatch#ResourceNotFound")) {
		t.Errorf("%s", w.Body)
	}
}

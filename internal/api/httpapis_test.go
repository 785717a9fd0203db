package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tutti-run/tutti/internal/api"
)

// oneHTTPAPI answers with the path that it was asked for.
type oneHTTPAPI struct{}

func (oneHTTPAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, r.URL.EscapedPath())
}

func (oneHTTPAPI) AllowsOrigin(origin string) bool { return origin == "https://shop.example" }

func TestHTTPAPIs(t *testing.T) {
	front := api.New(api.Config{HTTPAPIs: func(id string) api.HTTPAPI {
		if id == "a1" {
			return oneHTTPAPI{}
		}
		return nil
	}, FunctionURLs: func(id string) api.HTTPAPI {
		if id == "f1" {
			return oneHTTPAPI{}
		}
		return nil
	}})
	for _, tt := range []struct {
		url, origin string
		status      int
		path        string
	}{
		{"http://a1.execute-api.localhost:4566/x/y%2Fz", "", 200, "/x/y%2Fz"},
		{"http://a1.execute-api.eu-west-1.amazonaws.com/", "", 200, "/"},
		{"http://127.0.0.1:4566/_aws/execute-api/a1/x/y%2Fz", "", 200, "/x/y%2Fz"},
		{"http://127.0.0.1:4566/_aws/execute-api/a1", "", 200, "/"},
		{"http://b2.execute-api.localhost/", "", 404, ""},
		{"http://f1.lambda-url.localhost:4566/x?y", "", 200, "/x"},
		{"http://f1.lambda-url.us-east-1.on.aws/x", "", 200, "/x"},
		{"http://127.0.0.1:4566/_aws/lambda-url/f1/x", "", 200, "/x"},
		{"http://f2.lambda-url.localhost/", "", 403, ""},
		{"http://a1.execute-api.localhost/", "https://shop.example", 200, "/"},
		{"http://a1.execute-api.localhost/", "https://evil.example", 403, ""},
		{"http://a1.execute-api.evil.example/", "", 403, ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.url, nil)
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		w := httptest.NewRecorder()
		front.ServeHTTP(w, r)
		if w.Code != tt.status || tt.status == 200 && w.Body.String() != tt.path {
			t.Errorf("%s from %q: %d %s, want %d %s", tt.url, tt.origin, w.Code, w.Body, tt.status, tt.path)
		}
	}
}

package httpapi

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func FuzzRoute(f *testing.F) {
	for _, key := range []string{"GET /a/{b}/c", "ANY /{proxy+}", "GET /", "POST /{a}{b}", "$default", "GET /%2F/{x}"} {
		f.Add(key, "/a/b/c")
	}
	f.Fuzz(func(t *testing.T, key, path string) {
		r, problems := newRouter([]Route{{Key: key}})
		route, variables := r.find("GET", path)
		if len(problems) > 0 && route != nil {
			t.Errorf("%q was refused and is found", key)
		}
		for name := range variables {
			if !strings.Contains(key, "{"+name) {
				t.Errorf("%q has no variable %q", key, name)
			}
		}
	})
}

func FuzzSelection(f *testing.F) {
	for _, text := range []string{"$request.body.a[0].b", "${request.path.id} x ${context.stage}", "${", "$request.header.", "$context.authorizer.claims.sub", "$stageVariables.a"} {
		f.Add(text, `{"a":[{"b":1}]}`)
	}
	f.Fuzz(func(t *testing.T, text, body string) {
		in := &request{Request: httptest.NewRequest("GET", "/x?a=1", nil), api: &API{}, stage: &Stage{}, route: &Route{}, body: []byte(body), time: time.Unix(0, 0)}
		s := selection{request: in, response: &response{body: []byte(body)}}
		s.fill(text)
		s.accessLine(text)
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"statusCode":200,"headers":{"a":1},"body":null,"cookies":["a"]}`), true)
	f.Fuzz(func(t *testing.T, payload []byte, second bool) {
		format := formatV1
		if second {
			format = formatV2
		}
		if out, err := readAnswer(payload, format, "text/plain"); err == nil && (out.status < 100 || out.status > 599) {
			t.Errorf("%q has the status %d", payload, out.status)
		}
	})
}

package awsclient_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tutti-run/tutti/internal/awsclient"
)

// A handler that serves some hosts only leaves the others to the upstream, where there is one.
func TestEmbedHosts(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "upstream") }))
	defer upstream.Close()
	here := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") })
	for _, tt := range []struct {
		upstreams []string
		host      string
		want      string
	}{
		{nil, "own", "here"}, {nil, "other", "here"}, {[]string{upstream.URL}, "own", "here"}, {[]string{upstream.URL}, "other", "upstream"},
		{[]string{"execute-api=" + upstream.URL}, "own", "upstream"},
	} {
		routes, err := awsclient.NewRoutes(tt.upstreams)
		if err != nil {
			t.Fatal(err)
		}
		routes.EmbedHosts(here, "execute-api", func(host string) bool { return host == "own" })
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+tt.host+":1/", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _, got, err := awsclient.New(routes).Exchange(r, awsclient.Exchange{Service: "execute-api"})
		if err != nil || string(got) != tt.want {
			t.Errorf("%v, %s: %s, %v; want %s", tt.upstreams, tt.host, got, err, tt.want)
		}
	}
}

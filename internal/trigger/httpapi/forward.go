package httpapi

import (
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Forwarded are the headers of a request with those that API Gateway adds before it hands them on. source is the client's address.
func Forwarded(r *http.Request, source, trace string) http.Header {
	out := r.Header.Clone()
	out.Del("Connection")
	out.Set("Host", r.Host)
	out.Set("X-Amzn-Trace-Id", trace)
	out.Set("X-Forwarded-For", strings.TrimPrefix(strings.Join(append(r.Header.Values("X-Forwarded-For"), source), ", "), ", "))
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		port = "80"
	}
	out.Set("X-Forwarded-Port", port)
	out.Set("X-Forwarded-Proto", "http")
	return out
}

// Headers of answers that REST APIs and function URLs keep for themselves, and those that they do not take from what they call.
var (
	ownHeaders     = []string{"Connection", "Content-Length", "Date", "Server", "X-Amzn-Requestid"}
	foreignHeaders = []string{
		"Authorization", "Content-Md5", "Expect", "Host", "Max-Forwards", "Proxy-Authenticate", "Trailer", "Upgrade", "User-Agent", "Www-Authenticate",
	}
)

// Remap gives other names to the headers of an answer that do not pass (API Gateway developer guide, "Amazon API Gateway important notes"). called tells
// that the answer is that of a function or server, and not the gateway's own.
func Remap(h http.Header, called bool) {
	names := ownHeaders
	if called {
		names = slices.Concat(ownHeaders, foreignHeaders)
	}
	for _, name := range names {
		if values, ok := h[name]; ok {
			h["X-Amzn-Remapped-"+name] = values
			delete(h, name)
		}
	}
}

// stageVariable is a variable in a URI.
var stageVariable = regexp.MustCompile(`\$\{stageVariables\.([A-Za-z0-9_]+)\}`)

// FillVariables puts a stage's variables into the URI of an integration or authorizer; those that the stage lacks are empty.
func FillVariables(uri string, variables map[string]string) string {
	return stageVariable.ReplaceAllStringFunc(uri, func(text string) string { return variables[stageVariable.FindStringSubmatch(text)[1]] })
}

// WithoutVariables puts a word in the place of stage variables, whose values only the stages have.
func WithoutVariables(uri string) string { return stageVariable.ReplaceAllString(uri, "x") }

// Trace is the X-Ray trace header of a request: the client's, or a new one made of the request's id, a UUID, and time.
func Trace(h http.Header, id string, at time.Time) string {
	if given := h.Get("X-Amzn-Trace-Id"); given != "" {
		return given
	}
	digits := strings.ReplaceAll(id, "-", "")
	return "Root=1-" + strconv.FormatInt(at.Unix(), 16) + "-" + digits[:24]
}

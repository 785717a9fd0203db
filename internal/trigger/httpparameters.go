package trigger

import (
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// HTTPParameters are for targets that are HTTP endpoints (API reference, HttpParameters). Values that begin with $. are JSONPaths into the event.
type HTTPParameters struct {
	PathParameterValues   []string          `json:"PathParameterValues,omitempty"`
	HeaderParameters      map[string]string `json:"HeaderParameters,omitempty"`
	QueryStringParameters map[string]string `json:"QueryStringParameters,omitempty"`
}

// check refuses a path that is none. The error is the exception ValidationException.
func (p *HTTPParameters) check() error {
	if p == nil {
		return nil
	}
	_, err := p.of(nil)
	return err
}

// of are the parameters with what their paths find in the event.
func (p *HTTPParameters) of(event value.Value) (*HTTPParameters, error) {
	if p == nil {
		return nil, nil
	}
	var failed error
	fill := func(text string) string {
		if !strings.HasPrefix(text, "$.") {
			return text
		}
		path, err := parseInputPath(text)
		if err != nil {
			failed = err
			return ""
		}
		if event == nil {
			return ""
		}
		found := path(event)
		if s, ok := found.(value.String); ok {
			return string(s)
		}
		if found == nil {
			return ""
		}
		return value.Text(found)
	}
	filled := &HTTPParameters{HeaderParameters: map[string]string{}, QueryStringParameters: map[string]string{}}
	for _, text := range p.PathParameterValues {
		filled.PathParameterValues = append(filled.PathParameterValues, fill(text))
	}
	for name, text := range p.HeaderParameters {
		filled.HeaderParameters[name] = fill(text)
	}
	for name, text := range p.QueryStringParameters {
		filled.QueryStringParameters[name] = fill(text)
	}
	return filled, failed
}

package httpapi

import (
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/measure"
)

// The metrics of an API by their places in its table; REST APIs have the first five under names of their own.
const (
	metricCount = iota
	metric4xx
	metric5xx
	metricLatency
	metricIntegrationLatency
	metricDataProcessed
)

// Metrics is the table of the metrics of HTTP APIs. Those of a route are counted where its stage has detailed metrics.
func Metrics() measure.Table { return apiMetrics }

var apiMetrics = measure.Table{
	Namespace:  "AWS/ApiGateway",
	Source:     "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html",
	Dimensions: [][]string{{"ApiId"}, {"ApiId", "Stage"}, {"ApiId", "Method", "Resource", "Stage"}},
	Metrics: []measure.Metric{
		metricCount:              {Name: "Count", Unit: measure.Count},
		metric4xx:                {Name: "4xx", Unit: measure.Count},
		metric5xx:                {Name: "5xx", Unit: measure.Count},
		metricLatency:            {Name: "Latency", Unit: measure.Milliseconds},
		metricIntegrationLatency: {Name: "IntegrationLatency", Unit: measure.Milliseconds},
		metricDataProcessed:      {Name: "DataProcessed", Unit: measure.Bytes},
	},
}

// Answered is what counts of a request that was answered.
type Answered struct {
	Status int
	Took   time.Duration
	// Called tells whether the integration was called, and Integration for how long.
	Called      bool
	Integration time.Duration
}

// CountIn counts the request. A request that failed counts as one and any other as none, so that the average of the errors is their rate (developer guide,
// "Amazon API Gateway dimensions and metrics").
func (a Answered) CountIn(c measure.Counters, at time.Time) {
	c.Add(metricCount, at, 1)
	c.Add(metric4xx, at, oneIf(a.Status/100 == 4))
	c.Add(metric5xx, at, oneIf(a.Status/100 == 5))
	c.Add(metricLatency, at, milliseconds(a.Took))
	if a.Called {
		c.Add(metricIntegrationLatency, at, milliseconds(a.Integration))
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measured are the counters of requests that reach no stage, of stages and, where metrics are detailed, of their routes.
type measured struct {
	api    measure.Counters
	stages map[string]measure.Counters
	routes map[[2]string]measure.Counters // by stage and route key
}

// measured asks for the API's counters.
func (a *API) measured(m measure.Meter) measured {
	c := measured{api: apiMetrics.Counters(m, map[string]string{"ApiId": a.ID}), stages: map[string]measure.Counters{}, routes: map[[2]string]measure.Counters{}}
	for _, s := range a.Stages {
		c.stages[s.Name] = apiMetrics.Counters(m, map[string]string{"ApiId": a.ID, "Stage": s.Name})
		for _, r := range a.Routes {
			if s.detailed(r.Key) {
				method, resource, _ := strings.Cut(r.Key, " ")
				if r.Key == defaultKey {
					method, resource = anyMethod, defaultKey
				}
				c.routes[[2]string{s.Name, r.Key}] = apiMetrics.Counters(m, map[string]string{"ApiId": a.ID, "Method": method, "Resource": resource, "Stage": s.Name})
			}
		}
	}
	return c
}

// detailed tells whether a route of the stage is measured by itself: its own setting goes before that of the stage.
func (s *Stage) detailed(key string) bool {
	if own, ok := s.DetailedRoutes[key]; ok {
		return own
	}
	return s.Detailed
}

// count counts a request that was answered; in is nil for one that could not be read.
func (h *Handler) count(in *request, out *response) {
	c := h.measured.api
	answered := Answered{Status: out.status, Took: out.took}
	received := 0
	if in != nil {
		answered.Called, answered.Integration, received = in.behind.Called, in.behind.Latency, len(in.body)
		if in.stage != nil {
			c = h.measured.stages[in.stage.Name]
		}
		if in.stage != nil && in.route != nil {
			if route := h.measured.routes[[2]string{in.stage.Name, in.route.Key}]; route != nil {
				c = route
			}
		}
	}
	now := h.services.Now()
	answered.CountIn(c, now)
	c.Add(metricDataProcessed, now, float64(received+len(out.body)))
}

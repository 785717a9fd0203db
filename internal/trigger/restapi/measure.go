package restapi

import (
	"cmp"
	"strings"
	"unicode"

	"github.com/tutti-run/tutti/internal/measure"
	"github.com/tutti-run/tutti/internal/trigger/httpapi"
)

// Metrics is the table of the metrics of REST APIs, which have no cache here that could be hit. Those of a method are counted where its stage has detailed metrics.
// The order is that of [httpapi.Metrics].
func Metrics() measure.Table { return apiMetrics }

var apiMetrics = measure.Table{
	Namespace:  "AWS/ApiGateway",
	Source:     "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html",
	Dimensions: [][]string{{"ApiName"}, {"ApiName", "Stage"}, {"ApiName", "Method", "Resource", "Stage"}},
	Metrics: []measure.Metric{
		{Name: "Count", Unit: measure.Count},
		{Name: "4XXError", Unit: measure.Count},
		{Name: "5XXError", Unit: measure.Count},
		{Name: "Latency", Unit: measure.Milliseconds},
		{Name: "IntegrationLatency", Unit: measure.Milliseconds},
	},
}

// measured are the counters of requests that reach no stage, of stages and of methods.
type measured struct {
	api     measure.Counters
	stages  map[string]measure.Counters
	methods map[[3]string]measure.Counters // by stage, verb and path
}

func newMeasured(a *API, m measure.Meter) measured {
	name := measuredName(a)
	c := measured{api: apiMetrics.Counters(m, map[string]string{"ApiName": name}), stages: map[string]measure.Counters{}, methods: map[[3]string]measure.Counters{}}
	for _, s := range a.Stages {
		c.stages[s.Name] = apiMetrics.Counters(m, map[string]string{"ApiName": name, "Stage": s.Name})
		for _, one := range a.Methods {
			if mostExact(s.Detailed, &method{Method: one}, one.Verb) {
				c.methods[[3]string{s.Name, one.Verb, one.Path}] = apiMetrics.Counters(m, map[string]string{
					"ApiName": name, "Method": one.Verb, "Resource": one.Path, "Stage": s.Name,
				})
			}
		}
	}
	return c
}

// measuredName is the dimension ApiName: "API Gateway removes non-ASCII characters from the ApiName dimension […]. If the APIName contains no ASCII characters, the
// API ID is used as the ApiName" (developer guide, "Amazon API Gateway dimensions and metrics").
func measuredName(a *API) string {
	return cmp.Or(strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return -1
		}
		return r
	}, a.Name), a.ID)
}

// count counts a request that was answered.
func (h *Handler) count(in *request) {
	c := h.measured.api
	if in.stage != nil {
		c = h.measured.stages[in.stage.Name]
		if in.method != nil {
			if own := h.measured.methods[[3]string{in.stage.Name, in.method.Verb, in.method.Path}]; own != nil {
				c = own
			}
		}
	}
	answered := httpapi.Answered{Status: in.status, Took: in.took, Called: in.behind.Called, Integration: in.behind.Latency}
	answered.CountIn(c, h.services.Now())
}

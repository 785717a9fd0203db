package api

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/metrics/alarm"
	"github.com/tutti-run/tutti/internal/metrics/dashboard"
	"github.com/tutti-run/tutti/internal/sfn"
)

// Limits of dashboards and tags (API reference, CloudWatch).
const (
	maxDashboardsPage = 1000
	maxMetricTags     = 50
)

// noMetricsResource refuses tags of what is not there.
const noMetricsResource sfn.ExceptionName = "ResourceNotFoundException"

type putDashboardInput struct {
	DashboardName string `json:"DashboardName"`
	DashboardBody string `json:"DashboardBody"`
}

type putDashboardOutput struct {
	Messages []dashboardMessage `json:"DashboardValidationMessages"`
}

type dashboardMessage struct {
	DataPath string `json:"DataPath"`
	Message  string `json:"Message"`
}

func (s *cloudWatch) putDashboard(_ context.Context, in *putDashboardInput) (*putDashboardOutput, error) {
	problems, err := s.dashboards.Put(dashboard.Dashboard{Name: in.DashboardName, Body: in.DashboardBody})
	out := &putDashboardOutput{Messages: []dashboardMessage{}}
	for _, p := range problems {
		out.Messages = append(out.Messages, dashboardMessage{p.Path, p.Message})
	}
	return out, err
}

type getDashboardInput struct {
	DashboardName string `json:"DashboardName"`
}

type getDashboardOutput struct {
	DashboardArn  string `json:"DashboardArn"`
	DashboardBody string `json:"DashboardBody"`
	DashboardName string `json:"DashboardName"`
}

func (s *cloudWatch) getDashboard(_ context.Context, in *getDashboardInput) (*getDashboardOutput, error) {
	var c complaints
	c.required("DashboardName", in.DashboardName != "")
	if err := c.err(); err != nil {
		return nil, err
	}
	d, err := s.dashboards.Get(in.DashboardName)
	if err != nil {
		return nil, err
	}
	return &getDashboardOutput{s.dashboards.ARN(d.Name), d.Body, d.Name}, nil
}

type listDashboardsInput struct {
	DashboardNamePrefix string        `json:"DashboardNamePrefix"`
	NextToken           sfn.OptString `json:"NextToken"`
}

type listDashboardsOutput struct {
	Entries   []dashboardEntry `json:"DashboardEntries"`
	NextToken string           `json:"NextToken,omitempty"`
}

type dashboardEntry struct {
	DashboardName string    `json:"DashboardName"`
	DashboardArn  string    `json:"DashboardArn"`
	LastModified  timestamp `json:"LastModified"`
	Size          int       `json:"Size"`
}

func (s *cloudWatch) listDashboards(_ context.Context, in *listDashboardsInput) (*listDashboardsOutput, error) {
	scope := scopeOf("ListDashboards", in.DashboardNamePrefix)
	from, err := s.offset(scope, in.NextToken)
	if err != nil {
		return nil, err
	}
	list, err := s.dashboards.List(in.DashboardNamePrefix)
	if err != nil {
		return nil, err
	}
	from = min(from, len(list))
	to := min(from+maxDashboardsPage, len(list))
	out := &listDashboardsOutput{Entries: []dashboardEntry{}, NextToken: s.next(scope, to, len(list))}
	for _, d := range list[from:to] {
		out.Entries = append(out.Entries, dashboardEntry{d.Name, s.dashboards.ARN(d.Name), timestamp{d.Modified}, len(d.Body)})
	}
	return out, nil
}

type deleteDashboardsInput struct {
	DashboardNames []string `json:"DashboardNames"`
}

func (s *cloudWatch) deleteDashboards(_ context.Context, in *deleteDashboardsInput) (nothing, error) {
	var c complaints
	c.required("DashboardNames", len(in.DashboardNames) > 0)
	if err := c.err(); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.dashboards.Delete(in.DashboardNames...)
}

type metricTagsInput struct {
	ResourceARN string           `json:"ResourceARN"`
	Tags        []metricTagInput `json:"Tags"`    // TagResource
	TagKeys     []string         `json:"TagKeys"` // UntagResource
}

// tagged is the name of the alarm that a request is about: alarms alone have tags here.
func (in *metricTagsInput) tagged() (string, error) {
	var c complaints
	c.required("ResourceARN", in.ResourceARN != "")
	if err := c.err(); err != nil {
		return "", err
	}
	name := alarm.NameOf(in.ResourceARN)
	if name == in.ResourceARN {
		if strings.Contains(in.ResourceARN, ":dashboard/") {
			return "", sfn.Refuse(invalidParameterValue, "Dashboards have no tags here; tag alarms.")
		}
		return "", sfn.Refuse(invalidParameterValue, "The value %s for parameter ResourceARN is invalid.", in.ResourceARN)
	}
	return name, nil
}

func noTagged(err error) error {
	if refused, ok := err.(*sfn.Exception); ok && refused.Name == alarm.ResourceNotFound {
		return sfn.Refuse(noMetricsResource, "%s", refused.Message)
	}
	return err
}

func (s *cloudWatch) tagResource(_ context.Context, in *metricTagsInput) (nothing, error) {
	name, err := in.tagged()
	if err != nil {
		return nothing{}, err
	}
	var c complaints
	for i, t := range in.Tags {
		at := "Tags.member." + strconv.Itoa(i+1) + "."
		c.required(at+"Key", t.Key != "")
		c.length(at+"Key", t.Key, 128)
		c.length(at+"Value", t.Value, 256)
	}
	if err := c.err(); err != nil {
		return nothing{}, err
	}
	return nothing{}, noTagged(s.alarms.SetTags(name, func(tags map[string]string) error {
		for _, t := range in.Tags {
			tags[t.Key] = t.Value
		}
		if len(tags) > maxMetricTags {
			return sfn.Refuse(invalidParameterValue, "A resource must not have more than %d tags.", maxMetricTags)
		}
		return nil
	}))
}

func (s *cloudWatch) untagResource(_ context.Context, in *metricTagsInput) (nothing, error) {
	name, err := in.tagged()
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, noTagged(s.alarms.SetTags(name, func(tags map[string]string) error {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		return nil
	}))
}

type metricTagsOutput struct {
	Tags []metricTagInput `json:"Tags"`
}

func (s *cloudWatch) listTagsForResource(_ context.Context, in *metricTagsInput) (*metricTagsOutput, error) {
	name, err := in.tagged()
	if err != nil {
		return nil, err
	}
	a, err := s.alarms.Alarm(name)
	if err != nil {
		return nil, noTagged(err)
	}
	out := &metricTagsOutput{Tags: []metricTagInput{}}
	for _, key := range slices.Sorted(maps.Keys(a.Tags)) {
		out.Tags = append(out.Tags, metricTagInput{key, a.Tags[key]})
	}
	return out, nil
}

package api_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// Metric filters come and go, and say what they would find.
func TestMetricFilters(t *testing.T) {
	_, c := serveLogs(t)
	ctx := t.Context()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("g")})
	ok(err)
	put := func(pattern string, tr types.MetricTransformation) error {
		_, err := c.PutMetricFilter(ctx, &cloudwatchlogs.PutMetricFilterInput{
			LogGroupName: aws.String("g"), FilterName: aws.String("errors"), FilterPattern: aws.String(pattern), MetricTransformations: []types.MetricTransformation{tr},
		})
		return err
	}
	ok(put(`{ $.level = "ERROR" }`, types.MetricTransformation{MetricName: aws.String("Errors"), MetricNamespace: aws.String("App"), MetricValue: aws.String("$.count"),
		Dimensions: map[string]string{"Route": "$.route"}, Unit: types.StandardUnitCount}))
	for _, wrong := range []error{
		put(`{ $.a = `, types.MetricTransformation{MetricName: aws.String("x"), MetricNamespace: aws.String("App"), MetricValue: aws.String("1")}),
		put(`ERROR`, types.MetricTransformation{MetricName: aws.String("x"), MetricNamespace: aws.String("App"), MetricValue: aws.String("$.x")}),
		put(`ERROR`, types.MetricTransformation{MetricName: aws.String("a:b"), MetricNamespace: aws.String("App"), MetricValue: aws.String("1")}),
		put(`{ $.a = 1 }`, types.MetricTransformation{MetricName: aws.String("x"), MetricNamespace: aws.String("App"), MetricValue: aws.String("1"), DefaultValue: aws.Float64(0), Dimensions: map[string]string{"a": "$.a"}}),
	} {
		if invalid := new(types.InvalidParameterException); !errors.As(wrong, &invalid) {
			t.Errorf("%v", wrong)
		}
	}
	list, err := c.DescribeMetricFilters(ctx, &cloudwatchlogs.DescribeMetricFiltersInput{MetricName: aws.String("Errors"), MetricNamespace: aws.String("App")})
	ok(err)
	if len(list.MetricFilters) != 1 || *list.MetricFilters[0].FilterName != "errors" || list.MetricFilters[0].MetricTransformations[0].Dimensions["Route"] != "$.route" {
		t.Errorf("%+v", list.MetricFilters)
	}
	tested, err := c.TestMetricFilter(ctx, &cloudwatchlogs.TestMetricFilterInput{
		FilterPattern: aws.String(`[ip, user, status = 5*, ..., size]`), LogEventMessages: []string{"1.2.3.4 ann 200 x 17", "1.2.3.4 bob 503 x y 18"},
	})
	ok(err)
	if len(tested.Matches) != 1 || fmt.Sprint(tested.Matches[0].EventNumber, tested.Matches[0].ExtractedValues) != "2 map[$ip:1.2.3.4 $size:18 $status:503 $user:bob]" {
		t.Errorf("%+v", tested.Matches)
	}
	_, err = c.DeleteMetricFilter(ctx, &cloudwatchlogs.DeleteMetricFilterInput{LogGroupName: aws.String("g"), FilterName: aws.String("errors")})
	ok(err)
	_, err = c.DeleteMetricFilter(ctx, &cloudwatchlogs.DeleteMetricFilterInput{LogGroupName: aws.String("g"), FilterName: aws.String("errors")})
	if missing := new(types.ResourceNotFoundException); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
}

package api_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/smithy-go"

	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
)

const testMapRunARN = "arn:aws:states:us-east-1:000000000000:mapRun:watch/items:0b1c"

func (b *backend) MapRun(arn string) (runner.MapRun, error) {
	if arn != testMapRunARN {
		return runner.MapRun{}, sfn.Refuse(sfn.ResourceNotFound, "Resource not found: '%s'", arn)
	}
	counts := runner.MapRunCounts{Total: 7, Succeeded: 4, Failed: 1, Running: 2}
	return runner.MapRun{
		ARN: testMapRunARN, ExecutionARN: executionARN, MachineARN: machineARN + "/items", Status: sfn.StatusRunning, StartDate: began,
		MaxConcurrency: 10, ToleratedFailureCount: 3, ToleratedFailurePercentage: 12.5, Items: counts, Executions: counts,
	}, nil
}

func (b *backend) MapRuns(execution, after string, limit int) ([]runner.MapRun, string, error) {
	m, err := b.MapRun(testMapRunARN)
	if _, err := b.execution(execution); err != nil {
		return nil, "", err
	}
	if after == "" && limit == 1 {
		return []runner.MapRun{m}, "second", err
	}
	return []runner.MapRun{m}, "", err
}

func (b *backend) UpdateMapRun(arn string, u runner.MapRunUpdate) error {
	if _, err := b.MapRun(arn); err != nil {
		return err
	}
	b.answered = append(b.answered, "update "+time.Duration(*u.MaxConcurrency).String())
	return nil
}

func TestMapRuns(t *testing.T) {
	b := newBackend()
	c := client(t, b)
	ctx := t.Context()
	d, err := c.DescribeMapRun(ctx, &awssfn.DescribeMapRunInput{MapRunArn: aws.String(testMapRunARN)})
	if err != nil || d.Status != "RUNNING" || d.ToleratedFailurePercentage != 12.5 || d.ItemCounts.Total != 7 || d.ExecutionCounts.Running != 2 || d.StopDate != nil {
		t.Errorf("%+v, %v", d, err)
	}
	page, err := c.ListMapRuns(ctx, &awssfn.ListMapRunsInput{ExecutionArn: aws.String(executionARN), MaxResults: 1})
	if err != nil || len(page.MapRuns) != 1 || page.NextToken == nil || *page.MapRuns[0].StateMachineArn != machineARN+"/items" {
		t.Fatalf("%+v, %v", page, err)
	}
	if page, err = c.ListMapRuns(ctx, &awssfn.ListMapRunsInput{ExecutionArn: aws.String(executionARN), MaxResults: 1, NextToken: page.NextToken}); err != nil || page.NextToken != nil {
		t.Errorf("%+v, %v", page, err)
	}
	if _, err := c.UpdateMapRun(ctx, &awssfn.UpdateMapRunInput{MapRunArn: aws.String(testMapRunARN), MaxConcurrency: aws.Int32(5)}); err != nil || len(b.answered) != 1 {
		t.Errorf("%v, %v", b.answered, err)
	}
	for name, call := range map[string]func() error{
		"ResourceNotFound": func() error {
			_, err := c.DescribeMapRun(ctx, &awssfn.DescribeMapRunInput{MapRunArn: aws.String(testMapRunARN + "0")})
			return err
		},
		"InvalidArn": func() error {
			_, err := c.DescribeMapRun(ctx, &awssfn.DescribeMapRunInput{MapRunArn: aws.String(executionARN)})
			return err
		},
		"ExecutionDoesNotExist": func() error {
			_, err := c.ListMapRuns(ctx, &awssfn.ListMapRunsInput{ExecutionArn: aws.String(strings.Replace(executionARN, ":one", ":two", 1))})
			return err
		},
		"ValidationException": func() error {
			_, err := c.UpdateMapRun(ctx, &awssfn.UpdateMapRunInput{MapRunArn: aws.String(testMapRunARN), ToleratedFailurePercentage: aws.Float32(101)})
			return err
		},
	} {
		var refused smithy.APIError
		if err := call(); !errors.As(err, &refused) || refused.ErrorCode() != name {
			t.Errorf("%v, want %s", err, name)
		}
	}
}

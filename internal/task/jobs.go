package task

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/asl"
	"github.com/tutti-run/tutti/internal/awsclient"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// jobKind is how a task with the pattern .sync follows the job that it has started (developer guide, "Run a job (.sync)", and the page of each
// service).
type jobKind struct {
	// describe is the operation that is asked for the job, with these arguments.
	describe  string
	arguments []argument
	// job is the way to the job in the answer, status the way from there to its status; a way is made of names and indexes. Without a status
	// verdict decides.
	job, status string
	succeeded   []string
	failed      []string
	// verdict tells whether the job has ended and whether it failed, where statuses do not say it all.
	verdict func(job *value.Object) (ended, failed bool)
	// gone tells that the job is done when the service no longer knows what is asked for.
	gone bool
	// result is the name that stands around the job in the task's result, "" for none; add is a member of the first response that stands beside it.
	result string
	add    string
	// stop is the operation that ends the job, "" where there is none.
	stop          string
	stopArguments []argument
}

// argument is an argument of a call about a job: a member of the task's parameters, a way into the response that the job was submitted with, or a text.
type argument struct {
	name, parameter, submitted, text string
	list                             bool // it is the only member of a list
}

func fromTask(name string) argument        { return argument{name: name, parameter: name} }
func fromAnswer(name, way string) argument { return argument{name: name, submitted: way} }
func fromAnswerList(name, way string) argument {
	return argument{name: name, submitted: way, list: true}
}

// aborted is why a job is stopped (recorded of nested executions; %s is the ARN of the execution that waited).
const aborted = "The Task state in AWS Step Functions execution [%s] which was managing this resource was aborted"

func because(name string) argument { return argument{name: name, text: aborted} }

// jobKinds are by "service:api".
func jobKinds() map[string]jobKind {
	codeBuild := func(describe, ids, list, one, stop string) jobKind {
		return jobKind{describe: describe, arguments: []argument{fromAnswerList("Ids", one+"/Id")}, job: list + "/0", status: ids,
			succeeded: []string{"SUCCEEDED"}, failed: []string{"FAILED", "FAULT", "TIMED_OUT", "STOPPED"}, result: one,
			stop: stop, stopArguments: []argument{fromAnswer("Id", one+"/Id")}}
	}
	sageMaker := func(what string) jobKind {
		name := fromTask(what + "Name")
		return jobKind{describe: "describe" + what, arguments: []argument{name}, status: what + "Status",
			succeeded: []string{"Completed"}, failed: []string{"Failed", "Stopped"}, stop: "stop" + what, stopArguments: []argument{name}}
	}
	application := func(id argument, succeeded, failed []string) jobKind {
		return jobKind{describe: "getApplication", arguments: []argument{id}, job: "Application", status: "State", succeeded: succeeded, failed: failed, result: "Application"}
	}
	serverlessRun := func(run argument, succeeded, failed []string, stop string) jobKind {
		arguments := []argument{fromTask("ApplicationId"), run}
		return jobKind{describe: "getJobRun", arguments: arguments, job: "JobRun", status: "State", succeeded: succeeded, failed: failed, result: "JobRun",
			stop: stop, stopArguments: arguments}
	}
	eks := func(describe, what string, failed []string, gone bool, names ...string) jobKind {
		k := jobKind{describe: describe, job: what, status: "Status", failed: failed, gone: gone, result: what}
		for _, name := range names {
			k.arguments = append(k.arguments, fromTask(name))
		}
		if !gone {
			k.succeeded = []string{"ACTIVE"}
		}
		return k
	}
	cluster := func(succeeded, failed []string, id argument) jobKind {
		return jobKind{describe: "describeCluster", arguments: []argument{id}, job: "Cluster", status: "Status/State", succeeded: succeeded, failed: failed,
			result: "Cluster", add: "ClusterId"}
	}
	containers := []argument{fromTask("VirtualClusterId"), fromAnswer("Id", "Id")}
	glue := fromTask("JobName")
	return map[string]jobKind{
		"states:startExecution": {describe: "describeExecution", arguments: []argument{fromAnswer("ExecutionArn", "ExecutionArn")}, status: "Status",
			succeeded: []string{"SUCCEEDED"}, failed: []string{"FAILED", "TIMED_OUT", "ABORTED"},
			stop: "stopExecution", stopArguments: []argument{fromAnswer("ExecutionArn", "ExecutionArn"), because("Cause")}},
		"ecs:runTask": {describe: "describeTasks", arguments: []argument{fromTask("Cluster"), fromAnswerList("Tasks", "Tasks/0/TaskArn")}, job: "Tasks/0",
			verdict: containersEnded, stop: "stopTask", stopArguments: []argument{fromTask("Cluster"), fromAnswer("Task", "Tasks/0/TaskArn"), because("Reason")}},
		"batch:submitJob": {describe: "describeJobs", arguments: []argument{fromAnswerList("Jobs", "JobId")}, job: "Jobs/0", status: "Status",
			succeeded: []string{"SUCCEEDED"}, failed: []string{"FAILED"}, stop: "terminateJob", stopArguments: []argument{fromAnswer("JobId", "JobId"), because("Reason")}},
		"glue:startJobRun": {describe: "getJobRun", arguments: []argument{glue, fromAnswer("RunId", "JobRunId")}, job: "JobRun", status: "JobRunState",
			succeeded: []string{"SUCCEEDED"}, failed: []string{"FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"},
			stop: "batchStopJobRun", stopArguments: []argument{glue, fromAnswerList("JobRunIds", "JobRunId")}},
		"databrew:startJobRun": {describe: "describeJobRun", arguments: []argument{fromTask("Name"), fromAnswer("RunId", "RunId")}, status: "State",
			succeeded: []string{"SUCCEEDED"}, failed: []string{"FAILED", "STOPPED", "TIMEOUT"},
			stop: "stopJobRun", stopArguments: []argument{fromTask("Name"), fromAnswer("RunId", "RunId")}},
		"athena:startQueryExecution": {describe: "getQueryExecution", arguments: []argument{fromAnswer("QueryExecutionId", "QueryExecutionId")},
			job: "QueryExecution", status: "Status/State", succeeded: []string{"SUCCEEDED"}, failed: []string{"FAILED", "CANCELLED"}, result: "QueryExecution",
			stop: "stopQueryExecution", stopArguments: []argument{fromAnswer("QueryExecutionId", "QueryExecutionId")}},
		"codebuild:startBuild":              codeBuild("batchGetBuilds", "BuildStatus", "Builds", "Build", "stopBuild"),
		"codebuild:startBuildBatch":         codeBuild("batchGetBuildBatches", "BuildBatchStatus", "BuildBatches", "BuildBatch", "stopBuildBatch"),
		"codebuild:retryBuildBatch":         codeBuild("batchGetBuildBatches", "BuildBatchStatus", "BuildBatches", "BuildBatch", "stopBuildBatch"),
		"elasticmapreduce:createCluster":    cluster([]string{"WAITING", "TERMINATED"}, []string{"TERMINATED_WITH_ERRORS"}, fromAnswer("ClusterId", "ClusterId")),
		"elasticmapreduce:terminateCluster": cluster([]string{"TERMINATED", "TERMINATED_WITH_ERRORS"}, nil, fromTask("ClusterId")),
		"elasticmapreduce:addStep": {describe: "describeStep", arguments: []argument{fromTask("ClusterId"), fromAnswer("StepId", "StepId")}, job: "Step",
			status: "Status/State", succeeded: []string{"COMPLETED"}, failed: []string{"FAILED", "CANCELLED", "INTERRUPTED"}, result: "Step", add: "StepId",
			stop: "cancelSteps", stopArguments: []argument{fromTask("ClusterId"), fromAnswerList("StepIds", "StepId")}},
		"emr-containers:deleteVirtualCluster": {describe: "describeVirtualCluster", arguments: []argument{fromTask("Id")}, job: "VirtualCluster", status: "State",
			succeeded: []string{"TERMINATED"}, failed: []string{"ARRESTED"}, result: "VirtualCluster"},
		"emr-containers:startJobRun": {describe: "describeJobRun", arguments: containers, job: "JobRun", status: "State",
			succeeded: []string{"COMPLETED"}, failed: []string{"FAILED", "CANCELLED"}, result: "JobRun", stop: "cancelJobRun", stopArguments: containers},
		"emr-serverless:createApplication":        application(fromAnswer("ApplicationId", "ApplicationId"), []string{"CREATED", "STARTED", "STOPPED"}, []string{"TERMINATED"}),
		"emr-serverless:startApplication":         application(fromTask("ApplicationId"), []string{"STARTED"}, []string{"STOPPED", "TERMINATED"}),
		"emr-serverless:stopApplication":          application(fromTask("ApplicationId"), []string{"STOPPED"}, []string{"TERMINATED"}),
		"emr-serverless:deleteApplication":        application(fromTask("ApplicationId"), []string{"TERMINATED"}, nil),
		"emr-serverless:startJobRun":              serverlessRun(fromAnswer("JobRunId", "JobRunId"), []string{"SUCCESS"}, []string{"FAILED", "CANCELLED"}, "cancelJobRun"),
		"emr-serverless:cancelJobRun":             serverlessRun(fromTask("JobRunId"), []string{"CANCELLED"}, []string{"FAILED", "SUCCESS"}, ""),
		"eks:createCluster":                       eks("describeCluster", "Cluster", []string{"FAILED"}, false, "Name"),
		"eks:deleteCluster":                       eks("describeCluster", "Cluster", []string{"FAILED"}, true, "Name"),
		"eks:createNodegroup":                     eks("describeNodegroup", "Nodegroup", []string{"CREATE_FAILED", "DEGRADED"}, false, "ClusterName", "NodegroupName"),
		"eks:deleteNodegroup":                     eks("describeNodegroup", "Nodegroup", []string{"DELETE_FAILED"}, true, "ClusterName", "NodegroupName"),
		"eks:createFargateProfile":                eks("describeFargateProfile", "FargateProfile", []string{"CREATE_FAILED"}, false, "ClusterName", "FargateProfileName"),
		"eks:deleteFargateProfile":                eks("describeFargateProfile", "FargateProfile", []string{"DELETE_FAILED"}, true, "ClusterName", "FargateProfileName"),
		"sagemaker:createTrainingJob":             sageMaker("TrainingJob"),
		"sagemaker:createTransformJob":            sageMaker("TransformJob"),
		"sagemaker:createProcessingJob":           sageMaker("ProcessingJob"),
		"sagemaker:createLabelingJob":             sageMaker("LabelingJob"),
		"sagemaker:createHyperParameterTuningJob": sageMaker("HyperParameterTuningJob"),
		"mediaconvert:createJob": {describe: "getJob", arguments: []argument{fromAnswer("Id", "Job/Id")}, job: "Job", status: "Status",
			succeeded: []string{"COMPLETE"}, failed: []string{"ERROR", "CANCELED"}, result: "Job", stop: "cancelJob", stopArguments: []argument{fromAnswer("Id", "Job/Id")}},
		"bedrock:createModelCustomizationJob": {describe: "getModelCustomizationJob", arguments: []argument{fromAnswer("JobIdentifier", "JobArn")}, status: "Status",
			succeeded: []string{"Completed"}, failed: []string{"Failed", "Stopped"},
			stop: "stopModelCustomizationJob", stopArguments: []argument{fromAnswer("JobIdentifier", "JobArn")}},
	}
}

// containersEnded judges an ECS task: it fails if any of its containers did.
func containersEnded(job *value.Object) (ended, failed bool) {
	if follow(job, "LastStatus") != value.Value(value.String("STOPPED")) {
		return false, false
	}
	containers, _ := get(job, "Containers").(value.Array)
	failed = len(containers) == 0
	for _, c := range containers {
		if code, ok := value.Integer(follow(c, "ExitCode")); !ok || code != 0 {
			failed = true
		}
	}
	return true, failed
}

// steps are the parts of a way.
func steps(way string) []string {
	return strings.FieldsFunc(way, func(r rune) bool { return r == '/' })
}

// follow goes a way of names and indexes into v; nil if it leads nowhere.
func follow(v value.Value, way string) value.Value {
	for _, step := range steps(way) {
		switch at := v.(type) {
		case *value.Object:
			v = get(at, step)
		case value.Array:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(at) {
				return nil
			}
			v = at[i]
		default:
			return nil
		}
	}
	return v
}

// pollInterval is how long is waited before a service is asked for a job again. AWS hears of most ends through events; a stand-in has none.
func pollInterval(attempt int) time.Duration {
	const first, last = 250 * time.Millisecond, 15 * time.Second
	interval := first
	for range attempt {
		if interval *= 2; interval >= last {
			return last
		}
	}
	return interval
}

// arguments makes the input of a call about a job.
func arguments(list []argument, call Call, submitted *value.Object) *value.Object {
	var members []value.Member
	for _, a := range list {
		var v value.Value
		switch {
		case a.text != "":
			v = value.String(fmt.Sprintf(a.text, call.Execution))
		case a.parameter != "":
			v = get(call.object(), a.parameter)
		default:
			v = follow(submitted, a.submitted)
		}
		if v == nil {
			continue
		}
		if a.list {
			v = value.Array{v}
		}
		members = append(members, value.Member{Name: a.name, Value: v})
	}
	return value.NewObject(members...)
}

// jobOf finds how the job of a call is followed.
func (c *Catalog) jobOf(call Call, submitted *value.Data) (target, jobKind, *value.Object, *sfn.Failure) {
	t, failure := c.target(call.Resource)
	response, _ := submitted.Value().(*value.Object)
	if response == nil {
		response = value.NewObject()
	}
	return t, c.jobs[t.key], response, failure
}

// AwaitJob returns when the job that the call has started has ended. It may be called in another process than the call was made in.
func (c *Catalog) AwaitJob(ctx context.Context, call Call, submitted *value.Data) (*value.Data, *sfn.Failure) {
	t, kind, response, failure := c.jobOf(call, submitted)
	if failure != nil {
		return nil, failure
	}
	operation, ok := t.model.Operation(kind.describe)
	if !ok {
		return nil, sfn.Fail(sfn.ErrorRuntime, "%s starts no job that could be waited for", call.Resource.ARN)
	}
	if t.key == "states:startExecution" && c.executions != nil {
		if arn, ok := get(response, "ExecutionArn").(value.String); ok {
			if err := c.executions.Await(ctx, string(arn)); err != nil && ctx.Err() != nil {
				return nil, sfn.Fail(sfn.ErrorTimeout, "%s", err)
			}
		}
	}
	ask := request(t, call, operation, arguments(kind.arguments, call, response))
	ask.Milliseconds = true
	for attempt := 0; ; attempt++ {
		answer, err := c.client.Do(ctx, ask)
		output, failure, ended := kind.judge(&t, call, response, answer, err)
		if ended {
			return output, failure
		}
		timer := time.NewTimer(c.every(attempt))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, sfn.Fail(sfn.ErrorTimeout, "%s", ctx.Err())
		}
	}
}

// judge tells from a service's answer whether the job has ended, and how.
func (k *jobKind) judge(t *target, call Call, submitted *value.Object, answer *awsclient.Response, err error) (*value.Data, *sfn.Failure, bool) {
	var refused *awsclient.Error
	switch {
	case errors.As(err, &refused):
		if k.gone && strings.Contains(refused.Code, "NotFound") {
			return value.NewData(withoutMetadata(submitted)), nil, true
		}
		if passing(refused) {
			return nil, nil, false
		}
		return nil, t.refused(refused), true
	case err != nil:
		var nobody *awsclient.NotServedError
		if errors.As(err, &nobody) {
			return nil, t.failure(call, err), true
		}
		return nil, nil, false // the service may be back at the next attempt
	}
	job, ok := follow(answer.Output, k.job).(*value.Object)
	if !ok {
		return nil, nil, false // jobs may be listed a moment later than they are started
	}
	ended, failed := k.verdictOn(job)
	switch {
	case !ended:
		return nil, nil, false
	case failed:
		return nil, sfn.Fail(sfn.ErrorTaskFailed, "%s", value.Text(k.failedJob(t, job))), true
	}
	return value.NewData(k.resultOf(t, call.Resource, submitted, job)), nil, true
}

// passing tells whether a service that answers so will answer better later.
func passing(e *awsclient.Error) bool {
	return e.Status >= 500 || e.Status == 429 || strings.Contains(e.Code, "Throttl") || strings.Contains(e.Code, "TooManyRequests")
}

func (k *jobKind) verdictOn(job *value.Object) (ended, failed bool) {
	if k.verdict != nil {
		return k.verdict(job)
	}
	status, _ := follow(job, k.status).(value.String)
	failed = slices.Contains(k.failed, string(status))
	return failed || slices.Contains(k.succeeded, string(status)), failed
}

// resultOf is the task's result.
func (k *jobKind) resultOf(t *target, r asl.Resource, submitted, job *value.Object) *value.Object {
	if t.key == "states:startExecution" {
		return nestedResult(r, job)
	}
	if k.result == "" {
		return job
	}
	if k.add != "" {
		return object(k.add, get(submitted, k.add), k.result, job)
	}
	return object(k.result, job)
}

// failedJob is what the cause of a failed job shows.
func (k *jobKind) failedJob(t *target, job *value.Object) *value.Object {
	if t.key == "states:startExecution" {
		return failedExecution(job)
	}
	return job
}

func withoutMetadata(o *value.Object) *value.Object {
	var members []value.Member
	for name, v := range o.All() {
		if !strings.HasPrefix(name, "Sdk") {
			members = append(members, value.Member{Name: name, Value: v})
		}
	}
	return value.NewObject(members...)
}

// StopJob stops the job that the call has started, where its service can.
func (c *Catalog) StopJob(ctx context.Context, call Call, submitted *value.Data) error {
	t, kind, response, failure := c.jobOf(call, submitted)
	if failure != nil {
		return errors.New(failure.String())
	}
	operation, ok := t.model.Operation(kind.stop)
	if !ok {
		return nil // EMR's and EKS's clusters, for example, go on (developer guide)
	}
	_, err := c.client.Do(ctx, request(t, call, operation, arguments(kind.stopArguments, call, response)))
	return err
}

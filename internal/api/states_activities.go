package api

import (
	"context"
	"slices"

	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

type createActivityInput struct {
	Name       sfn.OptString    `json:"name" model:"required,length=1:80"`
	Tags       []tagInput       `json:"tags"`
	Encryption *encryptionInput `json:"encryptionConfiguration"`
}

type createActivityOutput struct {
	ActivityARN  string    `json:"activityArn"`
	CreationDate timestamp `json:"creationDate"`
}

func (s *stepFunctions) createActivity(ctx context.Context, in *createActivityInput) (*createActivityOutput, error) {
	a, err := s.backend.CreateActivity(s.place(ctx), runner.NewActivity{
		Name: in.Name.Text, Tags: tagsOf(in.Tags), Encryption: orZero(in.Encryption.configuration()),
	})
	if err != nil {
		return nil, err
	}
	return &createActivityOutput{a.ARN, timestamp{a.Created}}, nil
}

// activityInput is the request of operations on one activity.
type activityInput struct {
	ActivityARN sfn.OptString `json:"activityArn" model:"required,length=1:256,arn=activity"`
}

type describeActivityOutput struct {
	ActivityARN             string                      `json:"activityArn"`
	Name                    string                      `json:"name"`
	CreationDate            timestamp                   `json:"creationDate"`
	EncryptionConfiguration sfn.EncryptionConfiguration `json:"encryptionConfiguration"`
}

func (s *stepFunctions) describeActivity(_ context.Context, in *activityInput) (*describeActivityOutput, error) {
	a, err := s.backend.Activity(in.ActivityARN.Text)
	if err != nil {
		return nil, err
	}
	return &describeActivityOutput{a.ARN, a.Name, timestamp{a.Created}, runner.ActivityEncryption(a)}, nil
}

func (s *stepFunctions) deleteActivity(_ context.Context, in *activityInput) (nothing, error) {
	return nothing{}, s.backend.DeleteActivity(in.ActivityARN.Text)
}

type listActivitiesInput struct {
	MaxResults optInt        `json:"maxResults" model:"range=0:1000"`
	NextToken  sfn.OptString `json:"nextToken" model:"length=1:1024"`
}

type listActivitiesOutput struct {
	Activities []activityListItem `json:"activities"`
	NextToken  string             `json:"nextToken,omitempty"`
}

type activityListItem struct {
	ActivityARN  string    `json:"activityArn"`
	Name         string    `json:"name"`
	CreationDate timestamp `json:"creationDate"`
}

func (s *stepFunctions) listActivities(ctx context.Context, in *listActivitiesInput) (*listActivitiesOutput, error) {
	all, err := s.backend.Activities()
	if err != nil {
		return nil, err
	}
	place := s.place(ctx)
	all = slices.DeleteFunc(all, func(a store.Activity) bool { return a.ARN != place.ActivityARN(a.Name) })
	list, next, err := page(all, func(a store.Activity) string { return a.ARN },
		"ListActivities\x00"+place.ActivityARN(""), in.MaxResults, in.NextToken, s.now())
	if err != nil {
		return nil, err
	}
	out := &listActivitiesOutput{Activities: []activityListItem{}, NextToken: next}
	for _, a := range list {
		out.Activities = append(out.Activities, activityListItem{a.ARN, a.Name, timestamp{a.Created}})
	}
	return out, nil
}

type getActivityTaskInput struct {
	ActivityARN sfn.OptString `json:"activityArn" model:"required,length=1:256,arn=activity"`
	WorkerName  sfn.OptString `json:"workerName" model:"length=1:80"`
}

// getActivityTaskOutput has no members if there was no task.
type getActivityTaskOutput struct {
	TaskToken string        `json:"taskToken,omitempty"`
	Input     sfn.OptString `json:"input,omitzero"`
}

func (s *stepFunctions) getActivityTask(ctx context.Context, in *getActivityTaskInput) (*getActivityTaskOutput, error) {
	if in.WorkerName.Set && !sfn.ValidName(in.WorkerName.Text) {
		return nil, sfn.Refuse(sfn.InvalidName, "Invalid Name: '%s'", in.WorkerName.Text)
	}
	task, err := s.backend.GetActivityTask(ctx, in.ActivityARN.Text, in.WorkerName.Text)
	if err != nil || task.Token == "" {
		return &getActivityTaskOutput{}, err
	}
	return &getActivityTaskOutput{task.Token, sfn.Some(task.Input)}, nil
}

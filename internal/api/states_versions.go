package api

import (
	"context"
	"fmt"

	"github.com/tutti-run/tutti/internal/runner"
	"github.com/tutti-run/tutti/internal/sfn"
)

type publishStateMachineVersionInput struct {
	StateMachineARN sfn.OptString `json:"stateMachineArn" model:"required,length=1:256,arn=stateMachine"`
	RevisionID      sfn.OptString `json:"revisionId"`
	Description     sfn.OptString `json:"description" model:"length=:256,sensitive"`
}

type publishStateMachineVersionOutput struct {
	CreationDate           timestamp `json:"creationDate"`
	StateMachineVersionARN string    `json:"stateMachineVersionArn"`
}

func (s *stepFunctions) publishStateMachineVersion(_ context.Context, in *publishStateMachineVersionInput) (*publishStateMachineVersionOutput, error) {
	if _, err := unqualified(in.StateMachineARN); err != nil {
		return nil, err
	}
	v, err := s.backend.PublishVersion(in.StateMachineARN.Text, in.RevisionID, in.Description.Text)
	if err != nil {
		return nil, err
	}
	return &publishStateMachineVersionOutput{timestamp{v.Created}, v.ARN}, nil
}

type listStateMachineVersionsInput struct {
	StateMachineARN sfn.OptString `json:"stateMachineArn" model:"required,length=1:256,arn=stateMachine"`
	NextToken       sfn.OptString `json:"nextToken" model:"length=1:1024"`
	MaxResults      optInt        `json:"maxResults" model:"range=0:1000"`
}

type listStateMachineVersionsOutput struct {
	StateMachineVersions []versionListItem `json:"stateMachineVersions"`
	NextToken            string            `json:"nextToken,omitempty"`
}

type versionListItem struct {
	StateMachineVersionARN string    `json:"stateMachineVersionArn"`
	CreationDate           timestamp `json:"creationDate"`
}

func (s *stepFunctions) listStateMachineVersions(_ context.Context, in *listStateMachineVersionsInput) (*listStateMachineVersionsOutput, error) {
	arn, err := unlabelled(in.StateMachineARN)
	if err != nil {
		return nil, err
	}
	list, err := s.backend.Versions(arn.Unqualified())
	if err != nil {
		return nil, err
	}
	const greatest = 1 << 31 // the newest first: positions ascend as numbers descend
	list, next, err := page(list, func(v runner.Version) string { return fmt.Sprintf("%010d", greatest-v.Number) },
		"ListStateMachineVersions\x00"+in.StateMachineARN.Text, in.MaxResults, in.NextToken, s.now())
	if err != nil {
		return nil, err
	}
	out := &listStateMachineVersionsOutput{StateMachineVersions: []versionListItem{}, NextToken: next}
	for _, v := range list {
		out.StateMachineVersions = append(out.StateMachineVersions, versionListItem{v.ARN, timestamp{v.Created}})
	}
	return out, nil
}

type deleteStateMachineVersionInput struct {
	StateMachineVersionARN sfn.OptString `json:"stateMachineVersionArn" model:"required,length=1:2000,arn=stateMachine"`
}

func (s *stepFunctions) deleteStateMachineVersion(_ context.Context, in *deleteStateMachineVersionInput) (nothing, error) {
	arn, err := unlabelled(in.StateMachineVersionARN)
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, s.backend.DeleteVersion(arn)
}

// routingConfigurationListItem is called as AWS calls it, since errors print its name.
type routingConfigurationListItem struct {
	StateMachineVersionARN sfn.OptString `json:"stateMachineVersionArn" model:"required,length=1:256"`
	Weight                 optInt        `json:"weight" model:"required,range=0:100"`
}

func routesOf(in []routingConfigurationListItem) []runner.Route {
	if in == nil {
		return nil
	}
	routes := make([]runner.Route, 0, len(in))
	for _, r := range in {
		routes = append(routes, runner.Route{VersionARN: r.StateMachineVersionARN.Text, Weight: r.Weight.n})
	}
	return routes
}

type createStateMachineAliasInput struct {
	Description sfn.OptString                  `json:"description" model:"length=:256,sensitive"`
	Name        sfn.OptString                  `json:"name" model:"required,length=1:80,pattern=alias"`
	Routes      []routingConfigurationListItem `json:"routingConfiguration" model:"required,length=1:2"`
}

type createStateMachineAliasOutput struct {
	StateMachineAliasARN string    `json:"stateMachineAliasArn"`
	CreationDate         timestamp `json:"creationDate"`
}

func (s *stepFunctions) createStateMachineAlias(_ context.Context, in *createStateMachineAliasInput) (*createStateMachineAliasOutput, error) {
	a, err := s.backend.CreateAlias(in.Name.Text, in.Description.Text, routesOf(in.Routes))
	if err != nil {
		return nil, err
	}
	return &createStateMachineAliasOutput{a.ARN, timestamp{a.Created}}, nil
}

type updateStateMachineAliasInput struct {
	StateMachineAliasARN sfn.OptString                  `json:"stateMachineAliasArn" model:"required,length=1:256,arn=stateMachine"`
	Description          sfn.OptString                  `json:"description" model:"length=:256,sensitive"`
	Routes               []routingConfigurationListItem `json:"routingConfiguration" model:"length=1:2"`
}

type updateStateMachineAliasOutput struct {
	UpdateDate timestamp `json:"updateDate"`
}

func (s *stepFunctions) updateStateMachineAlias(_ context.Context, in *updateStateMachineAliasInput) (*updateStateMachineAliasOutput, error) {
	arn, err := unlabelled(in.StateMachineAliasARN)
	if err != nil {
		return nil, err
	}
	a, err := s.backend.UpdateAlias(arn, in.Description, routesOf(in.Routes))
	if err != nil {
		return nil, err
	}
	return &updateStateMachineAliasOutput{timestamp{a.Updated}}, nil
}

// aliasInput is the request of operations on one alias.
type aliasInput struct {
	StateMachineAliasARN sfn.OptString `json:"stateMachineAliasArn" model:"required,length=1:256,arn=stateMachine"`
}

type describeStateMachineAliasOutput struct {
	StateMachineAliasARN string         `json:"stateMachineAliasArn"`
	Name                 string         `json:"name"`
	Description          string         `json:"description,omitempty"`
	RoutingConfiguration []runner.Route `json:"routingConfiguration"`
	CreationDate         timestamp      `json:"creationDate"`
	UpdateDate           timestamp      `json:"updateDate"`
}

func (s *stepFunctions) describeStateMachineAlias(_ context.Context, in *aliasInput) (*describeStateMachineAliasOutput, error) {
	arn, err := unlabelled(in.StateMachineAliasARN)
	if err != nil {
		return nil, err
	}
	a, err := s.backend.Alias(arn)
	if err != nil {
		return nil, err
	}
	return &describeStateMachineAliasOutput{
		StateMachineAliasARN: a.ARN, Name: a.Name, Description: a.Description, RoutingConfiguration: a.Routes,
		CreationDate: timestamp{a.Created}, UpdateDate: timestamp{a.Updated},
	}, nil
}

func (s *stepFunctions) deleteStateMachineAlias(_ context.Context, in *aliasInput) (nothing, error) {
	arn, err := unlabelled(in.StateMachineAliasARN)
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, s.backend.DeleteAlias(arn)
}

type listStateMachineAliasesInput struct {
	StateMachineARN sfn.OptString `json:"stateMachineArn" model:"required,length=1:256,arn=stateMachine"`
	NextToken       sfn.OptString `json:"nextToken" model:"length=1:1024"`
	MaxResults      optInt        `json:"maxResults" model:"range=0:1000"`
}

type listStateMachineAliasesOutput struct {
	StateMachineAliases []aliasListItem `json:"stateMachineAliases"`
	NextToken           string          `json:"nextToken,omitempty"`
}

type aliasListItem struct {
	StateMachineAliasARN string    `json:"stateMachineAliasArn"`
	CreationDate         timestamp `json:"creationDate"`
}

// listStateMachineAliases lists by name. The API reference says the newest first, but what was recorded on AWS lists older ones before
// newer, by name.
func (s *stepFunctions) listStateMachineAliases(_ context.Context, in *listStateMachineAliasesInput) (*listStateMachineAliasesOutput, error) {
	arn, err := unlabelled(in.StateMachineARN)
	if err != nil {
		return nil, err
	}
	list, err := s.backend.AliasesOf(arn)
	if err != nil {
		return nil, err
	}
	list, next, err := page(list, func(a runner.Alias) string { return a.Name },
		"ListStateMachineAliases\x00"+in.StateMachineARN.Text, in.MaxResults, in.NextToken, s.now())
	if err != nil {
		return nil, err
	}
	out := &listStateMachineAliasesOutput{StateMachineAliases: []aliasListItem{}, NextToken: next}
	for _, a := range list {
		out.StateMachineAliases = append(out.StateMachineAliases, aliasListItem{a.ARN, timestamp{a.Created}})
	}
	return out, nil
}

package api

import (
	"context"

	"github.com/tutti-run/tutti/internal/sfn"
)

type tagInput struct {
	Key   sfn.OptString `json:"key" model:"required,length=1:128"`
	Value sfn.OptString `json:"value" model:"length=0:256"`
}

func tagsOf(in []tagInput) []sfn.Tag {
	var list []sfn.Tag
	for _, t := range in {
		list = append(list, sfn.Tag{Key: t.Key.Text, Value: t.Value.Text})
	}
	return list
}

type tagResourceInput struct {
	ResourceARN sfn.OptString `json:"resourceArn" model:"required,length=1:256,arn=tagged"`
	Tags        []tagInput    `json:"tags" model:"required"`
}

func (s *stepFunctions) tagResource(_ context.Context, in *tagResourceInput) (nothing, error) {
	return nothing{}, s.backend.Tag(in.ResourceARN.Text, tagsOf(in.Tags))
}

type untagResourceInput struct {
	ResourceARN sfn.OptString   `json:"resourceArn" model:"required,length=1:256,arn=tagged"`
	TagKeys     []sfn.OptString `json:"tagKeys" model:"required,each=1:128"`
}

func (s *stepFunctions) untagResource(_ context.Context, in *untagResourceInput) (nothing, error) {
	keys := make([]string, 0, len(in.TagKeys))
	for _, key := range in.TagKeys {
		keys = append(keys, key.Text)
	}
	return nothing{}, s.backend.Untag(in.ResourceARN.Text, keys)
}

type listTagsForResourceInput struct {
	ResourceARN sfn.OptString `json:"resourceArn" model:"required,length=1:256,arn=tagged"`
}

type listTagsForResourceOutput struct {
	Tags []sfn.Tag `json:"tags"`
}

func (s *stepFunctions) listTagsForResource(_ context.Context, in *listTagsForResourceInput) (*listTagsForResourceOutput, error) {
	list, err := s.backend.Tags(in.ResourceARN.Text)
	if err != nil {
		return nil, err
	}
	return &listTagsForResourceOutput{append([]sfn.Tag{}, list...)}, nil
}

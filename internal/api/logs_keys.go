package api

import (
	"context"

	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/sfn"
)

// maxKMSKey is the length of a key's ARN (API reference, CloudWatch Logs, AssociateKmsKey).
const maxKMSKey = 256

type kmsKeyInput struct {
	LogGroupName       sfn.OptString `json:"logGroupName"`
	KMSKeyID           sfn.OptString `json:"kmsKeyId"`
	ResourceIdentifier sfn.OptString `json:"resourceIdentifier"`
}

// group is the log group that a request about keys names, by name or ARN. Results of queries have none here, since there are no queries.
func (in *kmsKeyInput) group() (string, error) {
	switch {
	case in.LogGroupName.Set && in.ResourceIdentifier.Set:
		return "", sfn.Refuse(logs.InvalidParameterException, "LogGroupName and ResourceIdentifier are mutually exclusive parameters.")
	case in.ResourceIdentifier.Set && sfn.LogGroupName(in.ResourceIdentifier.Text) == "":
		return "", sfn.Refuse(logs.InvalidParameterException, "The specified resourceIdentifier is not the ARN of a log group; queries are not served here.")
	case in.ResourceIdentifier.Set:
		return sfn.LogGroupName(in.ResourceIdentifier.Text), nil
	}
	return logGroupOf(in.LogGroupName, sfn.OptString{})
}

func (s *cloudWatchLogs) associateKmsKey(_ context.Context, in *kmsKeyInput) (nothing, error) {
	var c constraints
	c.required("kmsKeyId", in.KMSKeyID)
	c.length("kmsKeyId", in.KMSKeyID, 0, maxKMSKey)
	if err := c.logsErr(); err != nil {
		return nothing{}, err
	}
	group, err := in.group()
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, s.logs.SetKey(group, in.KMSKeyID.Text)
}

func (s *cloudWatchLogs) disassociateKmsKey(_ context.Context, in *kmsKeyInput) (nothing, error) {
	group, err := in.group()
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, s.logs.SetKey(group, "")
}

type deletionProtectionInput struct {
	LogGroupIdentifier sfn.OptString `json:"logGroupIdentifier"`
	Enabled            *bool         `json:"deletionProtectionEnabled"`
}

func (s *cloudWatchLogs) putLogGroupDeletionProtection(_ context.Context, in *deletionProtectionInput) (nothing, error) {
	var c constraints
	c.required("logGroupIdentifier", in.LogGroupIdentifier)
	if in.Enabled == nil {
		c.add("null ", "deletionProtectionEnabled", "Member must not be null")
	}
	if err := c.logsErr(); err != nil {
		return nothing{}, err
	}
	group, err := logGroupOf(sfn.OptString{}, in.LogGroupIdentifier)
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, s.logs.SetProtection(group, *in.Enabled)
}

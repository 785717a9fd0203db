package api

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

type listStateMachinesInput struct {
	MaxResults int           `json:"maxResults"`
	NextToken  sfn.OptString `json:"nextToken"`
}

type listStateMachinesOutput struct {
	StateMachines []stateMachineListItem `json:"stateMachines"`
	NextToken     string                 `json:"nextToken,omitempty"`
}

type stateMachineListItem struct {
	StateMachineARN string          `json:"stateMachineArn"`
	Name            string          `json:"name"`
	Type            sfn.MachineType `json:"type"`
	CreationDate    timestamp       `json:"creationDate"`
}

// listStateMachines pages by ARN: the position is the last ARN of the page before.
func (s *stepFunctions) listStateMachines(_ context.Context, in *listStateMachinesInput) (*listStateMachinesOutput, error) {
	var c constraints
	c.results(in.MaxResults)
	c.length("nextToken", in.NextToken, 1, maxToken)
	if err := c.err(); err != nil {
		return nil, err
	}
	const scope = "ListStateMachines"
	after, err := openToken(scope, in.NextToken, s.now())
	if err != nil {
		return nil, err
	}
	machines, err := s.backend.Machines()
	if err != nil {
		return nil, err
	}
	out := &listStateMachinesOutput{StateMachines: []stateMachineListItem{}}
	for _, m := range machines {
		if m.ARN <= after {
			continue
		}
		if len(out.StateMachines) == pageSize(in.MaxResults) {
			out.NextToken = pageToken(scope, out.StateMachines[len(out.StateMachines)-1].StateMachineARN, s.now())
			break
		}
		out.StateMachines = append(out.StateMachines, stateMachineListItem{m.ARN, m.Name, m.Type, timestamp{m.Created}})
	}
	return out, nil
}

// pageSize is the length of a page for a maxResults, of which 0 means the default.
func pageSize(asked int) int {
	if asked == 0 {
		return 100
	}
	return asked
}

type describeStateMachineInput struct {
	StateMachineARN sfn.OptString `json:"stateMachineArn"`
	IncludedData    sfn.OptString `json:"includedData"`
}

type describeStateMachineOutput struct {
	StateMachineARN         string          `json:"stateMachineArn"`
	Name                    string          `json:"name"`
	Status                  string          `json:"status"`
	Definition              string          `json:"definition"`
	RoleARN                 string          `json:"roleArn"`
	Type                    sfn.MachineType `json:"type"`
	CreationDate            timestamp       `json:"creationDate"`
	LoggingConfiguration    logging         `json:"loggingConfiguration"`
	TracingConfiguration    tracing         `json:"tracingConfiguration"`
	EncryptionConfiguration encryption      `json:"encryptionConfiguration"`
	RevisionID              string          `json:"revisionId,omitempty"`
}

type logging struct {
	Level                string `json:"level"`
	IncludeExecutionData bool   `json:"includeExecutionData"`
}

type tracing struct {
	Enabled bool `json:"enabled"`
}

type encryption struct {
	Type string `json:"type"`
}

// describeStateMachine shows logging, tracing and encryption as AWS defaults them.
func (s *stepFunctions) describeStateMachine(_ context.Context, in *describeStateMachineInput) (*describeStateMachineOutput, error) {
	if err := checkARN(in.StateMachineARN, kindMachine); err != nil {
		return nil, err
	}
	var c constraints
	c.required("stateMachineArn", in.StateMachineARN)
	c.length("stateMachineArn", in.StateMachineARN, 1, maxARN)
	c.includedData(in.IncludedData)
	if err := c.err(); err != nil {
		return nil, err
	}
	m, err := s.backend.Machine(in.StateMachineARN.Text)
	if err != nil {
		return nil, err
	}
	out := &describeStateMachineOutput{
		StateMachineARN: m.ARN, Name: m.Name, Status: "ACTIVE", Definition: m.Definition, RoleARN: m.RoleARN, Type: m.Type,
		CreationDate: timestamp{m.Created}, LoggingConfiguration: logging{Level: "OFF"},
		EncryptionConfiguration: encryption{Type: "AWS_OWNED_KEY"}, RevisionID: revisionID(m),
	}
	if m.Deleting {
		out.Status = "DELETING"
	}
	if metadataOnly(in.IncludedData) {
		out.Definition = "{}" // API reference, DescribeStateMachine, "definition"
	}
	return out, nil
}

// revisionID is absent until a machine is changed for the first time, and a UUID from then on.
func revisionID(m store.Machine) string {
	if m.Revision <= 1 {
		return ""
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(m.ARN+":"+strconv.FormatInt(m.Revision, 10))).String()
}

// includedData bounds the member that asks for the data of a resource or not.
func (c *constraints) includedData(v sfn.OptString) {
	c.oneOf("includedData", v, "METADATA_ONLY", "ALL_DATA")
}

func metadataOnly(v sfn.OptString) bool { return v.Text == "METADATA_ONLY" }

package asl

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tutti-run/tutti/internal/awsmodel"
)

// ResourceKind says which protocol a Task speaks.
type ResourceKind uint8

// The kinds of resources.
const (
	ResourceService  ResourceKind = iota // arn:aws:states:::service:api[.pattern]
	ResourceFunction                     // the ARN of a Lambda function
	ResourceActivity                     // the ARN of an activity
)

// Pattern is how a service integration ends.
type Pattern string

// The integration patterns (developer guide, "Service integration patterns").
const (
	RequestResponse  Pattern = ""                  // with the response
	RunJob           Pattern = ".sync"             // with the job
	RunJob2          Pattern = ".sync:2"           // with the job, whose output is parsed
	WaitForTaskToken Pattern = ".waitForTaskToken" // with SendTaskSuccess or SendTaskFailure
)

// Resource is the Resource of a Task, taken apart.
type Resource struct {
	// ARN is the text as written.
	ARN  string
	Kind ResourceKind
	// Partition and Region are those of the ARN; an integration's region is usually empty.
	Partition, Region string
	// Service is like "lambda", "sqs" or "aws-sdk:s3"; "" unless the kind is ResourceService.
	Service string
	// API is the action without its pattern, like "invoke".
	API     string
	Pattern Pattern
}

// Type is the resourceType of history events, like "lambda" or "aws-sdk:s3".
func (r Resource) Type() string { return r.Service }

// Name is the resource of history events, like "invoke.waitForTaskToken".
func (r Resource) Name() string { return r.API + string(r.Pattern) }

// WaitsForToken tells whether the task ends by an answer to its task token.
func (r Resource) WaitsForToken() bool {
	return r.Kind == ResourceActivity || r.Pattern == WaitForTaskToken
}

// HasToken tells whether the Context object has a task token for the task.
func (r Resource) HasToken() bool { return r.WaitsForToken() || r.RunsJob() }

// RunsJob tells whether the task ends with the job that it started.
func (r Resource) RunsJob() bool { return r.Pattern == RunJob || r.Pattern == RunJob2 }

// ParseResource takes the Resource of a Task apart: the ARN of a Lambda function or an activity, or that of an integration. The error's
// text is what AWS has against it. Placeholders like ${FunctionArn} may stand for the whole or for parts.
func ParseResource(arn string) (Resource, error) {
	r, ok := splitResource(arn)
	if !ok {
		return Resource{}, errors.New("Value is not a valid resource ARN")
	}
	if !r.recognized() {
		return Resource{}, fmt.Errorf("The resource provided %s is not recognized. "+
			"The value is not a valid resource ARN, or the resource is not available in this region.", arn)
	}
	return r, nil
}

// splitResource takes an ARN apart without asking whether there is such an action.
func splitResource(arn string) (Resource, bool) {
	masked := maskPlaceholders(arn)
	if hasPlaceholder(arn) && !strings.HasPrefix(arn, "arn:") {
		return Resource{ARN: arn, Kind: ResourceFunction}, true
	}
	parts := strings.SplitN(masked, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[1] == "" || parts[5] == "" {
		return Resource{}, false
	}
	at := len(masked) - len(parts[5])
	r := Resource{ARN: arn, Partition: arn[len("arn:") : len("arn:")+len(parts[1])]}
	region := at - len(parts[4]) - len(parts[3]) - 2
	r.Region = arn[region : region+len(parts[3])]
	rest, masked := arn[at:], parts[5]
	switch parts[2] {
	case "lambda":
		r.Kind = ResourceFunction
		return r, strings.HasPrefix(rest, "function:") && len(rest) > len("function:")
	case "states":
		if name, ok := strings.CutPrefix(rest, "activity:"); ok {
			r.Kind = ResourceActivity
			return r, name != ""
		}
		for _, pattern := range []Pattern{RunJob2, RunJob, WaitForTaskToken} {
			if strings.HasSuffix(rest, string(pattern)) {
				r.Pattern = pattern
				rest, masked = strings.TrimSuffix(rest, string(pattern)), strings.TrimSuffix(masked, string(pattern))
				break
			}
		}
		colon := strings.LastIndexByte(masked, ':')
		if colon < 0 {
			r.Service = rest
			return r, true
		}
		r.Service, r.API = rest[:colon], rest[colon+1:]
		return r, true
	}
	r.Service = arn[len("arn:")+len(parts[1])+1:][:len(parts[2])]
	return r, true
}

// maskPlaceholders replaces the colons within ${...} (and within Serverless Framework's #{...}), so that the others are the ARN's.
func maskPlaceholders(s string) string {
	masked := []byte(s)
	depth := 0
	for i, c := range masked {
		switch {
		case (c == '$' || c == '#') && strings.HasPrefix(s[i+1:], "{"):
			depth++
		case c == '}' && depth > 0:
			depth--
		case c == ':' && depth > 0:
			masked[i] = '_'
		}
	}
	return string(masked)
}

// recognized tells whether a Task can do what the resource says.
func (r Resource) recognized() bool {
	if r.Kind != ResourceService {
		return true
	}
	if hasPlaceholder(r.Service) || hasPlaceholder(r.API) {
		return true
	}
	if service, ok := strings.CutPrefix(r.Service, "aws-sdk:"); ok {
		return (r.Pattern == RequestResponse || r.Pattern == WaitForTaskToken) && hasAction(service, r.API)
	}
	i, ok := integrations[action{r.Service, r.API}]
	return ok && slices.Contains(i.Patterns, r.Pattern)
}

// models are those of all services. They are read once a definition speaks of one.
var models = sync.OnceValue(awsmodel.New)

// hasAction tells whether AWS's SDK has the service and the service the action.
func hasAction(service, api string) bool {
	s, ok := models().Service(strings.ToLower(service))
	if ok {
		_, ok = s.Operation(api)
	}
	return ok
}

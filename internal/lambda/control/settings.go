package control

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/lambda"
)

// The concurrency of an account (developer guide, "Lambda quotas").
const (
	accountConcurrency    = 1000
	minUnreservedExecutes = 100
)

// Concurrency is how many invocations of a function may run at a time.
type Concurrency struct {
	ReservedConcurrentExecutions *int `json:",omitempty"`
}

// ConcurrencyRequest is the request of PutFunctionConcurrency and its kin.
type ConcurrencyRequest struct {
	FunctionName                 *string
	ReservedConcurrentExecutions *int
}

// unqualified returns the function that a request names, which may not name a version.
func (p *Plane) unqualified(name *string) (*function, target, error) {
	t, err := p.locate(name, "", maxNameOrARN)
	if err != nil {
		return nil, t, err
	}
	if t.qualifier != "" {
		return nil, t, invalid("This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. " +
			"Please specify either a function name or an unqualified function ARN.")
	}
	f := p.get(t.name)
	if f == nil {
		return nil, t, notFound("Function not found: %s", p.arn(t.name, ""))
	}
	return f, t, nil
}

func (p *Plane) putFunctionConcurrency(_ context.Context, in *ConcurrencyRequest) (*Concurrency, error) {
	_, t, err := p.unqualified(in.FunctionName)
	if err != nil && t.name != "" && t.qualifier == "" {
		return nil, notFound("Function not found: %s", p.arn(t.name, lambda.Latest)) // only here with the qualifier (recorded on AWS)
	}
	if err != nil {
		return nil, err
	}
	var c constraints
	if in.ReservedConcurrentExecutions == nil {
		c.add("null", "reservedConcurrentExecutions", "Member must not be null")
	} else if *in.ReservedConcurrentExecutions < 0 {
		c.add(quoted(strconv.Itoa(*in.ReservedConcurrentExecutions)), "reservedConcurrentExecutions", "Member must have value greater than or equal to 0")
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	_, err = p.change(t.name, func(f *function) (*function, error) {
		if f == nil {
			return nil, notFound("Function not found: %s", p.arn(t.name, lambda.Latest))
		}
		if p.reserved(t.name)+*in.ReservedConcurrentExecutions > accountConcurrency-minUnreservedExecutes {
			return nil, lambda.Refuse(lambda.CodeInvalidParameterValue, "Specified ReservedConcurrentExecutions for function decreases account's "+
				"UnreservedConcurrentExecution below its minimum value of [%d].", minUnreservedExecutes).Untyped()
		}
		f.Reserved = in.ReservedConcurrentExecutions
		return f, nil
	})
	if err != nil {
		return nil, err
	}
	return &Concurrency{in.ReservedConcurrentExecutions}, nil
}

// reserved is the sum of what all functions but one have reserved.
func (p *Plane) reserved(but string) int {
	sum := 0
	for _, f := range p.all() {
		if f.Name != but && f.Reserved != nil {
			sum += *f.Reserved
		}
	}
	return sum
}

func (p *Plane) getFunctionConcurrency(_ context.Context, in *ConcurrencyRequest) (*Concurrency, error) {
	f, _, err := p.unqualified(in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &Concurrency{f.Reserved}, nil
}

func (p *Plane) deleteFunctionConcurrency(_ context.Context, in *ConcurrencyRequest) (*struct{}, error) {
	_, t, err := p.unqualified(in.FunctionName)
	if err != nil {
		return nil, err
	}
	_, err = p.change(t.name, func(f *function) (*function, error) {
		if f == nil {
			return nil, notFound("Function not found: %s", p.arn(t.name, lambda.Latest))
		}
		f.Reserved = nil
		return f, nil
	})
	return nil, err
}

// ProvisionedRequest is the request of the operations on provisioned concurrency.
type ProvisionedRequest struct {
	FunctionName *string
	Qualifier    string
	Marker       string
	MaxItems     *int
}

// ProvisionedConfigs is the response of ListProvisionedConcurrencyConfigs.
type ProvisionedConfigs struct {
	ProvisionedConcurrencyConfigs []struct{}
}

// provisionable finds the version or alias of a request. Nothing is provisioned here, so that there is no more to it.
func (p *Plane) provisionable(in *ProvisionedRequest) error {
	t, err := p.locate(in.FunctionName, in.Qualifier, maxNameOrARN)
	if err != nil {
		return err
	}
	f := p.get(t.name)
	switch found := f != nil && f.has(t.qualifier); {
	case t.qualifier == "" || t.qualifier == lambda.Latest:
		return invalid("The function resource provided must be an alias or a published version.")
	case !found && matchNumber.MatchString(t.qualifier):
		return notFound("Function not found: %s", p.arn(t.name, t.qualifier))
	case !found:
		return notFound("Cannot find alias arn: %s", p.arn(t.name, t.qualifier))
	}
	return nil
}

func (p *Plane) getProvisionedConcurrencyConfig(_ context.Context, in *ProvisionedRequest) (*struct{}, error) {
	if err := p.provisionable(in); err != nil {
		return nil, err
	}
	return nil, lambda.Refuse(lambda.CodeNoProvisionedConcurrency, "No Provisioned Concurrency Config found for this function")
}

func (p *Plane) deleteProvisionedConcurrencyConfig(_ context.Context, in *ProvisionedRequest) (*struct{}, error) {
	return nil, p.provisionable(in)
}

func (p *Plane) listProvisionedConcurrencyConfigs(_ context.Context, in *ProvisionedRequest) (*ProvisionedConfigs, error) {
	var c constraints
	c.page(maxConfigsListed, in.MaxItems)
	if err := c.err(); err != nil {
		return nil, err
	}
	if _, _, err := p.function(in.FunctionName, "", maxNameOrARN); err != nil {
		return nil, err
	}
	return &ProvisionedConfigs{[]struct{}{}}, nil
}

// AccountSettings is the response of GetAccountSettings.
type AccountSettings struct {
	AccountLimit struct {
		TotalCodeSize, CodeSizeUnzipped, CodeSizeZipped      int64
		ConcurrentExecutions, UnreservedConcurrentExecutions int
	}
	AccountUsage struct{ TotalCodeSize, FunctionCount int64 }
}

func (p *Plane) getAccountSettings(context.Context, *struct{}) (*AccountSettings, error) {
	s := &AccountSettings{}
	s.AccountLimit.TotalCodeSize, s.AccountLimit.CodeSizeUnzipped, s.AccountLimit.CodeSizeZipped = maxTotalCode, maxUnzipped, maxZipped
	s.AccountLimit.ConcurrentExecutions = accountConcurrency
	s.AccountLimit.UnreservedConcurrentExecutions = accountConcurrency - p.reserved("")
	s.AccountUsage.TotalCodeSize, s.AccountUsage.FunctionCount = p.totalCode(), int64(len(p.all()))
	return s, nil
}

// Recursion says whether invocations that go round in a loop are stopped.
type Recursion struct{ RecursiveLoop string }

// RecursionRequest is the request of PutFunctionRecursionConfig and GetFunctionRecursionConfig.
type RecursionRequest struct{ FunctionName, RecursiveLoop *string }

func (p *Plane) getFunctionRecursionConfig(_ context.Context, in *RecursionRequest) (*Recursion, error) {
	f, _, err := p.unqualified(in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &Recursion{f.recursiveLoop()}, nil
}

func (f *function) recursiveLoop() string {
	if f.RecursiveLoop == "" {
		return recursionTerminate
	}
	return f.RecursiveLoop
}

const (
	recursionTerminate = "Terminate"
	recursionAllow     = "Allow"
)

func (p *Plane) putFunctionRecursionConfig(_ context.Context, in *RecursionRequest) (*Recursion, error) {
	var c constraints
	c.required("recursiveLoop", in.RecursiveLoop)
	c.oneOf("recursiveLoop", in.RecursiveLoop, recursionTerminate, recursionAllow)
	if err := c.err(); err != nil {
		return nil, err
	}
	_, t, err := p.unqualified(in.FunctionName)
	if err != nil {
		return nil, err
	}
	_, err = p.change(t.name, func(f *function) (*function, error) {
		if f == nil {
			return nil, notFound("Function not found: %s", p.arn(t.name, lambda.Latest))
		}
		f.RecursiveLoop = *in.RecursiveLoop
		return f, nil
	})
	if err != nil {
		return nil, err
	}
	return &Recursion{*in.RecursiveLoop}, nil
}

// CodeSigning is the response of GetFunctionCodeSigningConfig. Nothing is signed here, and it is empty then (recorded on AWS).
type CodeSigning struct{}

func (p *Plane) getFunctionCodeSigningConfig(_ context.Context, in *GetRequest) (*CodeSigning, error) {
	if _, _, err := p.function(in.FunctionName, "", maxNameOrARN); err != nil {
		return nil, err
	}
	return &CodeSigning{}, nil
}

// deleteFunctionCodeSigningConfig has nothing to delete: nothing is signed here.
func (p *Plane) deleteFunctionCodeSigningConfig(_ context.Context, in *GetRequest) (*struct{}, error) {
	_, _, err := p.function(in.FunctionName, "", maxNameOrARN)
	return nil, err
}

// RuntimeManagement says when a function's runtime is brought up to date: Auto, FunctionUpdate, or Manual with the version that it stays at. There is
// one runtime here, so that it is only kept and shown.
type RuntimeManagement struct {
	UpdateRuntimeOn   string
	FunctionArn       string `json:",omitempty"` // made for each answer
	RuntimeVersionArn string `json:",omitempty"`
}

// RuntimeManagementRequest is the request of PutRuntimeManagementConfig.
type RuntimeManagementRequest struct {
	FunctionName                       *string
	Qualifier                          string
	UpdateRuntimeOn, RuntimeVersionArn *string
}

var matchRuntimeVersion = regexp.MustCompile(`^arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d::runtime:.+$`)

const patternRuntimeVersion = `arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}::runtime:.+`

func (p *Plane) putRuntimeManagementConfig(_ context.Context, in *RuntimeManagementRequest) (*RuntimeManagement, error) {
	var c constraints
	c.required("updateRuntimeOn", in.UpdateRuntimeOn)
	c.oneOf("updateRuntimeOn", in.UpdateRuntimeOn, "Auto", "Manual", "FunctionUpdate")
	c.matches("runtimeVersionArn", in.RuntimeVersionArn, matchRuntimeVersion, patternRuntimeVersion)
	if err := c.err(); err != nil {
		return nil, err
	}
	_, v, t, err := p.version(in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	switch manual := *in.UpdateRuntimeOn == "Manual"; {
	case manual && text(in.RuntimeVersionArn) == "":
		return nil, invalid("RuntimeVersionArn is required when UpdateRuntimeOn is set to Manual.")
	case !manual && text(in.RuntimeVersionArn) != "":
		return nil, invalid("RuntimeVersionArn can only be specified when UpdateRuntimeOn is set to Manual.")
	}
	number := v.Config.Version
	var kept RuntimeManagement
	_, err = p.change(t.name, func(f *function) (*function, error) {
		if f == nil || f.versions[number] == nil {
			return nil, notFound("Function not found: %s", p.arn(t.name, t.qualifier))
		}
		kept = RuntimeManagement{UpdateRuntimeOn: *in.UpdateRuntimeOn, RuntimeVersionArn: text(in.RuntimeVersionArn)}
		stored := kept
		f.versions[number].RuntimeManagement = &stored
		return f, nil
	})
	kept.FunctionArn = p.arn(t.name, orLatest(t.qualifier))
	return &kept, err
}

func (p *Plane) getRuntimeManagementConfig(_ context.Context, in *GetRequest) (*RuntimeManagement, error) {
	f, v, t, err := p.version(in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	shown := RuntimeManagement{UpdateRuntimeOn: "Auto"}
	if v.RuntimeManagement != nil {
		shown = *v.RuntimeManagement
	}
	shown.FunctionArn = p.arn(f.Name, orLatest(t.qualifier))
	return &shown, nil
}

// The limits of tags (developer guide, "Use tags on Lambda functions").
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// checkTags refuses tags that may not be added to those that are there.
func checkTags(added, present map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(added)) {
		switch {
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalid("Tag keys starting with 'aws:' are reserved for system use")
		case key == "" || utf8.RuneCountInString(key) > maxTagKey:
			return invalid("The TagKey you have provided is invalid: it must have 1 to %d characters", maxTagKey)
		case utf8.RuneCountInString(added[key]) > maxTagValue:
			return invalid("The TagValue you have provided is invalid: it must have at most %d characters", maxTagValue)
		}
	}
	all := maps.Clone(present)
	if all == nil {
		all = map[string]string{}
	}
	if maps.Copy(all, added); len(all) > maxTags {
		return invalid("Number of tags exceeds resource tag limit.")
	}
	return nil
}

// TagRequest is the request of TagResource, UntagResource and ListTags.
type TagRequest struct {
	Resource *string
	Tags     map[string]string
	TagKeys  []string
}

// TagsResponse is the response of ListTags.
type TagsResponse struct{ Tags map[string]string }

// tagged returns the function that a request about tags names.
func (p *Plane) tagged(resource *string) (*function, error) {
	var c constraints
	c.required("resource", resource)
	c.matches("resource", resource, matchTaggable, patternTaggable)
	if err := c.err(); err != nil {
		return nil, err
	}
	n, ok := lambda.ParseName(*resource)
	if !ok || !strings.Contains(*resource, ":function:") {
		return nil, notFound("The resource you requested does not exist.")
	}
	if n.Qualifier != "" {
		return nil, invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	f := p.get(n.Function)
	if f == nil || n.Region != p.cfg.Region || n.Account != p.cfg.Account {
		return nil, notFound("Function not found: %s", *resource)
	}
	return f, nil
}

func (p *Plane) changeTags(resource *string, do func(tags map[string]string) error) error {
	if m, err := p.mappingTags(resource); err != nil || m != nil {
		if err != nil {
			return err
		}
		return p.changeMappingTags(m, do)
	}
	f, err := p.tagged(resource)
	if err != nil {
		return err
	}
	_, err = p.change(f.Name, func(f *function) (*function, error) {
		if f == nil {
			return nil, notFound("Function not found: %s", *resource)
		}
		if f.Tags == nil {
			f.Tags = map[string]string{}
		}
		return f, do(f.Tags)
	})
	return err
}

func (p *Plane) tagResource(_ context.Context, in *TagRequest) (*struct{}, error) {
	if len(in.Tags) == 0 {
		return nil, invalid("An error occurred and the request cannot be processed.")
	}
	return nil, p.changeTags(in.Resource, func(tags map[string]string) error {
		if err := checkTags(in.Tags, tags); err != nil {
			return err
		}
		maps.Copy(tags, in.Tags)
		return nil
	})
}

func (p *Plane) untagResource(_ context.Context, in *TagRequest) (*struct{}, error) {
	if len(in.TagKeys) == 0 {
		var c constraints
		c.add("null", "tagKeys", "Member must not be null")
		return nil, c.err()
	}
	return nil, p.changeTags(in.Resource, func(tags map[string]string) error {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		return nil
	})
}

func (p *Plane) listTags(_ context.Context, in *TagRequest) (*TagsResponse, error) {
	if m, err := p.mappingTags(in.Resource); err != nil {
		return nil, err
	} else if m != nil {
		tags := maps.Clone(m.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		return &TagsResponse{tags}, nil
	}
	f, err := p.tagged(in.Resource)
	if err != nil {
		return nil, err
	}
	tags := f.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return &TagsResponse{tags}, nil
}

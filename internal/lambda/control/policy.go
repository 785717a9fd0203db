package control

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/tutti-run/tutti/internal/lambda"
)

// maxPolicy is the size of a policy (developer guide, "Lambda quotas": function resource-based policy, 20 KB).
const maxPolicy = 20 << 10

// PermissionRequest is the request of AddPermission and RemovePermission.
type PermissionRequest struct {
	FunctionName                   *string
	Qualifier                      string
	StatementId, Action, Principal *string
	SourceArn, SourceAccount       *string
	EventSourceToken               *string
	PrincipalOrgID                 *string
	FunctionUrlAuthType            *string
	InvokedViaFunctionUrl          *bool
	RevisionId                     *string
}

// PermissionResponse is the response of AddPermission.
type PermissionResponse struct{ Statement string }

var (
	matchAccount   = regexp.MustCompile(`^\d{12}$`)
	matchPrincipal = regexp.MustCompile(`^arn:aws[a-zA-Z-]*:(iam|sts)::`)
	matchService   = regexp.MustCompile(`^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$`)
	matchToken     = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)
	matchOrg       = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)
)

func (in *PermissionRequest) check() error {
	var c constraints
	c.required("statementId", in.StatementId)
	c.required("action", in.Action)
	c.required("principal", in.Principal)
	c.length("statementId", in.StatementId, 1, 100)
	c.matches("statementId", in.StatementId, matchSid, patternSid)
	c.matches("action", in.Action, matchAction, patternAction)
	c.matches("principal", in.Principal, matchHandler, patternHandler)
	c.matches("sourceArn", in.SourceArn, matchARN, patternARN)
	c.matches("sourceAccount", in.SourceAccount, matchAccount, `\d{12}`)
	c.length("eventSourceToken", in.EventSourceToken, 0, 256)
	c.matches("eventSourceToken", in.EventSourceToken, matchToken, `[a-zA-Z0-9._\-]+`)
	c.matches("principalOrgID", in.PrincipalOrgID, matchOrg, `o-[a-z0-9]{10,32}`)
	c.oneOf("functionUrlAuthType", in.FunctionUrlAuthType, "NONE", "AWS_IAM")
	return c.err()
}

// statement makes the policy's entry of a request.
func (in *PermissionRequest) statement(resource string) (statement, error) {
	s := statement{Sid: *in.StatementId, Effect: "Allow", Action: *in.Action, Resource: resource}
	switch who := *in.Principal; {
	case who == "*":
		s.Principal = who
	case matchAccount.MatchString(who):
		s.Principal = map[string]string{"AWS": "arn:aws:iam::" + who + ":root"}
	case matchPrincipal.MatchString(who):
		s.Principal = map[string]string{"AWS": who}
	case matchService.MatchString(who):
		s.Principal = map[string]string{"Service": who}
	default:
		return s, invalid("The provided principal was invalid. Please check the principal and try again.")
	}
	equals := map[string]string{}
	for name, value := range map[string]*string{
		"AWS:SourceAccount": in.SourceAccount, "lambda:EventSourceToken": in.EventSourceToken, "aws:PrincipalOrgID": in.PrincipalOrgID,
		"lambda:FunctionUrlAuthType": in.FunctionUrlAuthType,
	} {
		if value != nil {
			equals[name] = *value
		}
	}
	s.Condition = map[string]map[string]string{}
	if len(equals) > 0 {
		s.Condition["StringEquals"] = equals
	}
	if in.SourceArn != nil {
		s.Condition["ArnLike"] = map[string]string{"AWS:SourceArn": *in.SourceArn}
	}
	if in.InvokedViaFunctionUrl != nil && *in.InvokedViaFunctionUrl {
		s.Condition["Bool"] = map[string]string{"lambda:InvokedViaFunctionUrl": "true"}
	}
	return s, nil
}

func (p *Plane) addPermission(_ context.Context, in *PermissionRequest) (*PermissionResponse, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	t, err := p.locate(in.FunctionName, in.Qualifier, maxNamespaced)
	if err != nil {
		return nil, err
	}
	if t.qualifier == lambda.Latest {
		return nil, invalid("We currently do not support adding policies for $LATEST.")
	}
	entry, err := in.statement(p.arn(t.name, t.qualifier))
	if err != nil {
		return nil, err
	}
	_, err = p.change(t.name, func(f *function) (*function, error) {
		qualifier := orLatest(t.qualifier)
		if err := p.present404(f, t); err != nil {
			return nil, err
		}
		if err := checkRevision(in.RevisionId, f.revision(qualifier)); err != nil {
			return nil, err
		}
		of := f.Policies[qualifier]
		if of == nil {
			of = &policy{Version: "2012-10-17", Id: "default"}
			f.Policies[qualifier] = of
		}
		if of.index(entry.Sid) >= 0 {
			return nil, lambda.Refuse(lambda.CodeResourceConflict, "The statement id (%s) provided already exists. Please provide a new statement id, "+
				"or remove the existing statement.", entry.Sid)
		}
		of.Statement = append(of.Statement, entry)
		if size := len(encode(of)); size > maxPolicy {
			return nil, lambda.Refuse(lambda.CodePolicyLengthExceeded, "The final policy size (%d) is bigger than the limit (%d).", size, maxPolicy)
		}
		f.touch(qualifier)
		return f, nil
	})
	if err != nil {
		return nil, err
	}
	return &PermissionResponse{encode(entry)}, nil
}

// present404 refuses a function or qualifier that is not there.
func (p *Plane) present404(f *function, t target) error {
	switch {
	case f == nil:
		return notFound("Function not found: %s", p.arn(t.name, t.qualifier))
	case f.has(orLatest(t.qualifier)):
		return nil
	case lambda.IsAlias(t.qualifier):
		return notFound("Cannot find alias arn: %s", p.arn(t.name, t.qualifier))
	}
	return notFound("Function not found: %s", p.arn(t.name, t.qualifier))
}

func orLatest(qualifier string) string {
	if qualifier == "" {
		return lambda.Latest
	}
	return qualifier
}

// index is where a statement is, -1 if it is not there.
func (p *policy) index(sid string) int {
	return slices.IndexFunc(p.Statement, func(s statement) bool { return s.Sid == sid })
}

// encode is the text of a policy, as AWS hands it out: a string in JSON. Texts always encode.
func encode(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n")
}

func (p *Plane) removePermission(_ context.Context, in *PermissionRequest) (*struct{}, error) {
	var c constraints
	c.required("statementId", in.StatementId)
	c.length("statementId", in.StatementId, 1, 100)
	if err := c.err(); err != nil {
		return nil, err
	}
	t, err := p.locate(in.FunctionName, in.Qualifier, maxNamespaced)
	if err != nil {
		return nil, err
	}
	_, err = p.change(t.name, func(f *function) (*function, error) {
		if f == nil {
			return nil, notFound("No policy found for: %s", p.arn(t.name, ""))
		}
		if err := p.present404(f, t); err != nil {
			return nil, err
		}
		qualifier := orLatest(t.qualifier)
		of := f.Policies[qualifier]
		if of == nil {
			return nil, notFound("No policy is associated with the given resource.")
		}
		at := of.index(*in.StatementId)
		if at < 0 {
			return nil, notFound("Statement %s is not found in resource policy.", *in.StatementId)
		}
		if err := checkRevision(in.RevisionId, f.revision(qualifier)); err != nil {
			return nil, err
		}
		if of.Statement = slices.Delete(of.Statement, at, at+1); len(of.Statement) == 0 {
			delete(f.Policies, qualifier)
		}
		f.touch(qualifier)
		return f, nil
	})
	return nil, err
}

// PolicyResponse is the response of GetPolicy.
type PolicyResponse struct{ Policy, RevisionId string }

func (p *Plane) getPolicy(_ context.Context, in *GetRequest) (*PolicyResponse, error) {
	f, t, err := p.function(in.FunctionName, in.Qualifier, maxNamespaced)
	if err != nil {
		return nil, err
	}
	qualifier := orLatest(t.qualifier)
	of := f.Policies[qualifier]
	if of == nil {
		return nil, notFound("The resource you requested does not exist.")
	}
	return &PolicyResponse{encode(of), f.revision(qualifier)}, nil
}

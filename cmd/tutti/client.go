package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/spf13/cobra"
	vocabulary "github.com/tutti-run/tutti/internal/sfn"
)

// clientFlags say which server is meant.
type clientFlags struct {
	projectFlags
	endpoint string
	profile  string
	output   format
}

func (f *clientFlags) addTo(cmd *cobra.Command) {
	f.projectFlags.addTo(cmd)
	cmd.Flags().StringVar(&f.endpoint, "endpoint", "", "the `URL` of the server, or of AWS (default: the server that runs for this project)")
	cmd.Flags().StringVar(&f.profile, "profile", "", "speak to AWS, as the `NAME` in its configuration files says")
	f.output.addTo(cmd)
}

// remote is a server's API with the names that people use.
type remote struct {
	*sfn.Client
	url       string
	local     bool
	own       bool        // it lives as long as this command
	names     []shortName // what the server of the project calls its machines
	functions []shortName // and its functions
}

// connect returns the server that the flags mean. The error is errNoServer if none runs.
func (c *cli) connect(ctx context.Context, f clientFlags) (*remote, error) {
	switch {
	case f.profile != "":
		return c.profile(ctx, f.profile, f.endpoint)
	case f.endpoint != "":
		return c.dial(ctx, f.endpoint)
	}
	p, err := c.locate(f.projectFlags)
	if err != nil {
		return nil, err
	}
	e, err := running(ctx, p.data)
	if err != nil {
		return nil, &problem{exitNoServer, err}
	}
	return e.remote(), nil
}

// remote is the API of a server that runs for a project.
func (e endpoint) remote() *remote {
	return &remote{Client: localAPI(e.URL), url: e.URL, local: true, names: e.Machines, functions: e.Functions}
}

// dial returns the API at a URL: with made-up credentials on this computer, with the person's own on AWS.
func (c *cli) dial(ctx context.Context, address string) (*remote, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usage("--endpoint %q is not a URL like http://127.0.0.1:4566", address)
	}
	if isLocal(u.Hostname()) {
		return &remote{Client: localAPI(address), url: address, local: true}, nil
	}
	var options []func(*config.LoadOptions) error
	if region := regionOf(u.Hostname()); region != "" {
		options = append(options, config.WithRegion(region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, &problem{exitNoServer, fmt.Errorf("the AWS configuration cannot be read: %w", err)}
	}
	return &remote{Client: sfn.NewFromConfig(cfg, func(o *sfn.Options) { o.BaseEndpoint = aws.String(address) }), url: address}, nil
}

// profile returns AWS's API for a profile of the person's configuration files, at another endpoint if one is given.
func (c *cli) profile(ctx context.Context, name, address string) (*remote, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithSharedConfigProfile(name))
	if err != nil {
		return nil, &problem{exitNoServer, fmt.Errorf("the AWS configuration cannot be read: %w", err)}
	}
	if cfg.Region == "" {
		return nil, &problem{exitNoServer, fmt.Errorf("the AWS profile %s has no region: add one, or set AWS_REGION", printable(name))}
	}
	if address == "" {
		return &remote{Client: sfn.NewFromConfig(cfg), url: "AWS in " + cfg.Region}, nil
	}
	return &remote{Client: sfn.NewFromConfig(cfg, func(o *sfn.Options) { o.BaseEndpoint = aws.String(address) }), url: address}, nil
}

var awsHost = regexp.MustCompile(`^(?:sync-)?states\.([a-z0-9-]+)\.`)

// regionOf is the region in the name of one of AWS's endpoints, "" for other names.
func regionOf(host string) string {
	if m := awsHost.FindStringSubmatch(host); m != nil {
		return m[1]
	}
	return ""
}

func isLocal(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// localAPI is a client for a server on this computer, whose name must not get the prefix that StartSyncExecution has on AWS.
func localAPI(address string) *sfn.Client {
	return sfn.New(sfn.Options{
		Region: vocabulary.DefaultPlace().Region, BaseEndpoint: aws.String(address), HTTPClient: &http.Client{Transport: wholeBody{localClient().Transport}},
		Credentials: credentials.NewStaticCredentialsProvider("tutti", "tutti", ""),
		Retryer:     aws.NopRetryer{},
		APIOptions: []func(*middleware.Stack) error{func(s *middleware.Stack) error {
			return s.Initialize.Add(middleware.InitializeMiddlewareFunc("noHostPrefix",
				func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
					return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
				}), middleware.Before)
		}},
	})
}

// wholeBody hands requests on with their bodies in memory. The SDK closes the body that it has given as soon as an answer begins, and
// net/http, which may still be looking for the body's end by then, takes that for a failed request and drops the answer (smithy-go,
// safeWriteToReadCloser.WriteTo). Against AWS that does not happen, as no answer comes within microseconds.
type wholeBody struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t wholeBody) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return t.next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close() // it has been read
	if err != nil {
		return nil, err
	}
	whole := r.Clone(r.Context())
	whole.Body = io.NopCloser(bytes.NewReader(body))
	return t.next.RoundTrip(whole)
}

// explain turns an error of the client into one that says what to do.
func (r *remote) explain(err error) error {
	var answered smithy.APIError
	var refused *net.OpError
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &answered):
		code := exitTrouble
		switch answered.ErrorCode() {
		case "InvalidArn", "InvalidName", "InvalidExecutionInput", "ValidationException", "ExecutionAlreadyExists", "ExecutionDoesNotExist",
			"ExecutionNotRedrivable", "StateMachineDoesNotExist", "StateMachineTypeNotSupported":
			code = exitUsage
		}
		return &problem{code, fmt.Errorf("%s: %s", answered.ErrorCode(), answered.ErrorMessage())}
	case errors.As(err, &refused):
		return &problem{exitNoServer, fmt.Errorf("the server at %s cannot be reached: %w; is it still running?", r.url, refused.Err)}
	}
	return &problem{exitNoServer, fmt.Errorf("the server at %s does not answer as AWS does: %w", r.url, err)}
}

// pollEvery is how often an execution is looked at: often on this computer, within AWS's quota of 20 calls a second there.
func (r *remote) pollEvery() time.Duration {
	if r.local {
		return 100 * time.Millisecond
	}
	return time.Second
}

// short is what people call a machine, a function, or whatever else has the ARN.
func (r *remote) short(arn string) string {
	for _, named := range slices.Concat(r.names, r.functions) {
		if named.ARN == arn {
			return named.Name
		}
	}
	if parsed, err := vocabulary.ParseMachineARN(arn); err == nil {
		return parsed.Name
	}
	// arn:partition:service:region:account:kind:name, or without the kind, or kind/name.
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[5][strings.LastIndexAny(parts[5], ":/")+1:]
	}
	return arn
}

// machines lists all machines.
func (r *remote) machines(ctx context.Context) ([]types.StateMachineListItem, error) {
	var list []types.StateMachineListItem
	pages := sfn.NewListStateMachinesPaginator(r.Client, &sfn.ListStateMachinesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, r.explain(err)
		}
		list = append(list, page.StateMachines...)
	}
	slices.SortFunc(list, func(a, b types.StateMachineListItem) int {
		return strings.Compare(r.short(*a.StateMachineArn), r.short(*b.StateMachineArn))
	})
	return list, nil
}

// machine finds the machine that a person means: by ARN, by its short or deployed name, or by the end of the deployed name, before
// which templates put the stage or the stack.
func (r *remote) machine(ctx context.Context, name string) (types.StateMachineListItem, error) {
	list, err := r.machines(ctx)
	if err != nil {
		return types.StateMachineListItem{}, err
	}
	matches := []func(types.StateMachineListItem) bool{
		func(m types.StateMachineListItem) bool { return *m.StateMachineArn == name },
		func(m types.StateMachineListItem) bool { return r.short(*m.StateMachineArn) == name },
		func(m types.StateMachineListItem) bool { return *m.Name == name },
		func(m types.StateMachineListItem) bool { return strings.HasSuffix(*m.Name, "-"+name) },
	}
	for _, match := range matches {
		if i := slices.IndexFunc(list, match); i >= 0 && !slices.ContainsFunc(list[i+1:], match) {
			return list[i], nil
		}
	}
	names := make([]string, 0, len(list))
	for _, m := range list {
		names = append(names, r.short(*m.StateMachineArn))
	}
	return types.StateMachineListItem{}, noMachine(name, names)
}

// notFound says that nothing has the name that was given.
type notFound struct{ text string }

func (e *notFound) Error() string { return e.text }

func missing(format string, args ...any) error {
	return &problem{exitUsage, &notFound{fmt.Sprintf(format, args...)}}
}

// noMachine says that there is no machine of the name, and which there are.
func noMachine(name string, names []string) error {
	if len(names) == 0 {
		return missing("there is no state machine %s; there is none at all", printable(name))
	}
	return missing("there is no state machine %s; there are: %s", printable(name), strings.Join(names, ", "))
}

// maxSearched is how many executions of a machine are looked through for the beginning of a name.
const maxSearched = 10_000

// execution finds the execution that a person means: by ARN, by name, or by the beginning of a name that no other has.
func (r *remote) execution(ctx context.Context, name string) (arn string, err error) {
	if strings.HasPrefix(name, "arn:") {
		return name, nil
	}
	list, err := r.machines(ctx)
	if err != nil {
		return "", err
	}
	// AWS keeps nothing of the executions of Express machines.
	list = slices.DeleteFunc(list, func(m types.StateMachineListItem) bool { return m.Type == types.StateMachineTypeExpress })
	found, err := r.gather(ctx, list, name, r.named)
	if err == nil && len(found) == 0 {
		found, err = r.gather(ctx, list, name, r.beginning)
	}
	if err != nil {
		return "", err
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0:
		return "", missing("there is no execution %s; see tutti ls", printable(name))
	}
	more := ""
	if len(found) > 5 {
		found, more = found[:5], ", and more"
	}
	return "", usage("%s could be any of these, give more of the name or the ARN: %s%s", printable(name), strings.Join(found, ", "), more)
}

// gather joins what find finds for each machine.
func (r *remote) gather(ctx context.Context, list []types.StateMachineListItem, name string,
	find func(ctx context.Context, machine, name string) ([]string, error),
) (found []string, err error) {
	for _, m := range list {
		arns, err := find(ctx, *m.StateMachineArn, name)
		if err != nil {
			return nil, err
		}
		found = append(found, arns...)
	}
	return found, nil
}

// named returns the ARN of a machine's execution of that name, if there is one.
func (r *remote) named(ctx context.Context, machine, name string) ([]string, error) {
	parsed, err := vocabulary.ParseMachineARN(machine)
	if err != nil || !vocabulary.ValidName(name) {
		return nil, nil // no execution can have it
	}
	arn := parsed.ExecutionARN(vocabulary.Standard, name, "")
	_, err = r.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(arn), IncludedData: types.IncludedDataMetadataOnly})
	switch {
	case errors.As(err, new(*types.ExecutionDoesNotExist)):
		return nil, nil
	case err != nil:
		return nil, r.explain(err)
	}
	return []string{arn}, nil
}

// beginning returns the ARNs of a machine's executions whose names begin so.
func (r *remote) beginning(ctx context.Context, machine, name string) ([]string, error) {
	var found []string
	pages := sfn.NewListExecutionsPaginator(r.Client, &sfn.ListExecutionsInput{StateMachineArn: aws.String(machine), MaxResults: 1000})
	for searched := 0; pages.HasMorePages() && searched < maxSearched; {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, r.explain(err)
		}
		for _, e := range page.Executions {
			if strings.HasPrefix(*e.Name, name) {
				found = append(found, *e.ExecutionArn)
			}
		}
		searched += len(page.Executions)
	}
	return found, nil
}

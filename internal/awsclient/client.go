package awsclient

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tutti-run/tutti/internal/awsmodel"
	"github.com/tutti-run/tutti/internal/value"
)

// maxResponse bounds what is read of a response: well above the largest result that a state may have, so that what is too large is told from
// what is not.
const maxResponse = 8 << 20

// Call is one request.
type Call struct {
	Service   *awsmodel.Service
	Operation *awsmodel.Operation
	// Input has the names of Step Functions. It has been checked (see [awsmodel.Shape.Problems]).
	Input *value.Object
	// Region is where the service is called, unless the upstream has a region of its own.
	Region string
	// Role is assumed before the call where the upstream is AWS; "" for none.
	Role string
	// Milliseconds writes timestamps in the response as epoch milliseconds rather than texts.
	Milliseconds bool
}

// Response is a service's answer.
type Response struct {
	Status    int
	Header    http.Header
	RequestID string
	// Output has the names of Step Functions.
	Output *value.Object
}

// Error is a service's answer that is no success.
type Error struct {
	// Code is the error's name on the wire, without namespace. QueryCode is what the query protocol calls it, where that differs.
	Code, QueryCode string
	Message         string
	Status          int
	RequestID       string
	// ExtendedRequestID is S3's second id.
	ExtendedRequestID string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s (HTTP status %d)", e.Code, e.Message, e.Status)
}

// NotServedError says that there is nobody to call.
type NotServedError struct{ Service string }

func (e *NotServedError) Error() string {
	return fmt.Sprintf("%s is not served here: start tutti with --upstream URL to send its calls to LocalStack, moto or another stand-in, or with --upstream aws",
		e.Service)
}

// ErrTooLarge says that a response is larger than any state's result may be.
var ErrTooLarge = errors.New("the response is larger than 8 MiB")

// Client makes calls. All methods may be called by any goroutine.
type Client struct {
	routes *Routes
	signer *v4.Signer
	http   *http.Client
	now    func() time.Time
	roles  roles
}

// New returns a client that calls where the routes say.
func New(routes *Routes) *Client {
	return &Client{
		routes: routes, signer: v4.NewSigner(), now: time.Now,
		// A redirect would have to be signed again; the services that answer with one mean a wrong region.
		http: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

// Serves tells whether there is anybody to call.
func (c *Client) Serves(service string) bool {
	_, ok := c.routes.find(service)
	return ok
}

// Do makes a call. The error is an [*Error] if the service gave it, a [*NotServedError] if there is no such service, and otherwise says why it could
// not be reached.
func (c *Client) Do(ctx context.Context, call Call) (*Response, error) {
	to, ok := c.routes.find(call.Service.Name)
	if !ok {
		return nil, &NotServedError{call.Service.Name}
	}
	parts, err := encode(call.Service, call.Operation, call.Input)
	if err != nil {
		return nil, err
	}
	identity, err := c.identity(ctx, to, call)
	if err != nil {
		return nil, err
	}
	base, err := to.base(call.Service, identity.region, parts.host)
	if err != nil {
		return nil, err
	}
	req, err := newRequest(ctx, base, parts)
	if err != nil {
		return nil, err
	}
	if err := c.sign(ctx, req, parts, call, identity); err != nil {
		return nil, err
	}
	status, header, body, err := c.send(to, req)
	if err != nil {
		return nil, err
	}
	return decode(call, status, header, body)
}

// newRequest makes the HTTP request of its parts.
func newRequest(ctx context.Context, base *url.URL, p *parts) (*http.Request, error) {
	u := *base
	u.Path = strings.TrimSuffix(u.Path, "/") // the path of the service stands below the upstream's own
	u, err := joined(u, p)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, p.method, u.String(), bytes.NewReader(p.body))
	if err != nil {
		return nil, err
	}
	for name, values := range p.header {
		req.Header[name] = values
	}
	if p.md5 {
		sum := md5.Sum(p.body)
		req.Header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	}
	return req, nil
}

func joined(u url.URL, p *parts) (url.URL, error) {
	raw := u.EscapedPath() + p.path
	path, err := url.PathUnescape(raw)
	if err != nil {
		return u, fmt.Errorf("the path %s: %w", raw, err)
	}
	u.Path, u.RawPath, u.RawQuery = path, raw, p.query.Encode()
	return u, nil
}

// sign signs the request (General Reference, "Signature Version 4").
func (c *Client) sign(ctx context.Context, req *http.Request, p *parts, call Call, who identity) error {
	sum := sha256.Sum256(p.body)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	err := c.signer.SignHTTP(ctx, who.credentials, req, hash, call.Service.Signing, who.region, c.now(), func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = call.Service.Name == "s3"
	})
	if err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	return nil
}

// send sends the request and reads the whole answer.
func (c *Client) send(to route, req *http.Request) (int, http.Header, []byte, error) {
	if to.handler != nil {
		return inMemory(to.handler, req)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // the URL adds nothing to a cause and may be long
		}
		return 0, nil, nil, fmt.Errorf("Unable to execute HTTP request: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("Unable to execute HTTP request: the response ends early: %w", err)
	}
	if len(body) > maxResponse {
		return 0, nil, nil, ErrTooLarge
	}
	return resp.StatusCode, resp.Header, body, nil
}

// identity is who a request comes from, and where it goes.
type identity struct {
	credentials aws.Credentials
	region      string
}

package awsclient

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tutti-run/tutti/internal/awsmodel"
)

// Exchange says how a request that no model describes is sent.
type Exchange struct {
	// Service is what the routes and signatures call the other side, like "execute-api".
	Service, Region string
	// Role is assumed where the upstream is AWS; "" for none.
	Role string
	Body []byte
	Sign bool
	// Direct sends the request to where its URL says, past all routes.
	Direct bool
}

// Exchange sends the request and returns the whole answer. A request that is neither direct nor to AWS keeps its host name in the header Host and
// goes to the service's handler or upstream.
func (c *Client) Exchange(req *http.Request, x Exchange) (status int, header http.Header, body []byte, err error) {
	to := route{url: req.URL}
	if !x.Direct {
		var ok bool
		if to, ok = c.routes.findHost(x.Service, req.URL.Hostname()); !ok {
			return 0, nil, nil, &NotServedError{x.Service}
		}
		if to.url != nil {
			req.Host = req.URL.Host
			req.URL.Scheme, req.URL.Host, req.URL.Path = to.url.Scheme, to.url.Host, strings.TrimSuffix(to.url.Path, "/")+req.URL.Path
		}
	}
	if x.Sign {
		who, err := c.identity(req.Context(), to, Call{Region: x.Region, Role: x.Role, Service: &awsmodel.Service{Name: x.Service}})
		if err != nil {
			return 0, nil, nil, err
		}
		sum := sha256.Sum256(x.Body)
		if err := c.signer.SignHTTP(req.Context(), who.credentials, req, hex.EncodeToString(sum[:]), x.Service, who.region, c.now(), func(*v4.SignerOptions) {}); err != nil {
			return 0, nil, nil, err
		}
	}
	return c.send(to, req)
}

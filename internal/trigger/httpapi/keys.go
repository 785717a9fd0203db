package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// Keys gets the public keys of issuers: from a file where one is named for the issuer, else from the issuer itself as OpenID Connect Discovery says.
type Keys struct {
	// Files has the file of a JSON Web Key Set for issuers that cannot be reached, or should not be. A file is read anew for every token.
	Files map[string]string
	// HTTP makes the requests; nil means http.DefaultTransport.
	HTTP http.RoundTripper
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	mu   sync.Mutex
	kept map[string]keptKeys
}

type keptKeys struct {
	text  []byte
	until time.Time
}

const (
	keepKeys   = 2 * time.Hour // as long as the service keeps them (developer guide, "JWT authorizers")
	maxKeys    = 1 << 20       // bytes of a key set
	keyTimeout = 5 * time.Second
)

// Keys implements KeySource.
func (k *Keys) Keys(ctx context.Context, issuer string) ([]byte, error) {
	if file := k.Files[issuer]; file != "" {
		return os.ReadFile(file)
	}
	now := time.Now
	if k.Now != nil {
		now = k.Now
	}
	k.mu.Lock()
	defer k.mu.Unlock() // one request at a time: the others find its answer
	if kept, ok := k.kept[issuer]; ok && now().Before(kept.until) {
		return kept.text, nil
	}
	text, err := k.fetch(ctx, issuer)
	if err != nil {
		return nil, fmt.Errorf("get the keys of %s: %w", issuer, err)
	}
	if k.kept == nil {
		k.kept = map[string]keptKeys{}
	}
	k.kept[issuer] = keptKeys{text, now().Add(keepKeys)}
	return text, nil
}

func (k *Keys) fetch(ctx context.Context, issuer string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	text, err := k.get(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return nil, err
	}
	var document struct {
		Keys string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(text, &document); err != nil || document.Keys == "" {
		return nil, fmt.Errorf("the issuer's configuration names no jwks_uri")
	}
	return k.get(ctx, document.Keys)
}

func (k *Keys) get(ctx context.Context, address string) ([]byte, error) {
	if u, err := url.Parse(address); err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not a URL", address)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	transport := k.HTTP
	if transport == nil {
		transport = http.DefaultTransport
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, maxKeys))
}

package scheduler

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/store"
)

// maxTokens is how many client tokens are remembered, the latest ones. Clients repeat requests within seconds.
const maxTokens = 10_000

// token is what a client token stands for: a request that has succeeded.
type token struct {
	Sum   string `json:"sum"`   // of the operation and the request
	Order uint64 `json:"order"` // ascending
}

// newToken sums up a request.
func newToken(operation string, request any) token {
	text, _ := json.Marshal(request) // texts, numbers and times encode
	sum := sha256.Sum256(append([]byte(operation+"\x00"), text...))
	return token{Sum: hex.EncodeToString(sum[:])}
}

// tokens remembers client tokens. The zero value remembers none.
type tokens struct {
	byToken map[string]token
	order   uint64
}

// find tells whether the request has been done under the client token. The error is ConflictException, for a token of another request.
func (t *tokens) find(clientToken string, request token) (done bool, err error) {
	known, ok := t.byToken[clientToken]
	switch {
	case clientToken == "" || !ok:
		return false, nil
	case known.Sum != request.Sum:
		return false, sfn.Refuse(ConflictException, "The ClientToken %s has been used with a different request.", clientToken)
	}
	return true, nil
}

// oldest is the token that is forgotten next, "" if there is room for one more.
func (t *tokens) oldest() string {
	if len(t.byToken) < maxTokens {
		return ""
	}
	oldest := ""
	for name, one := range t.byToken {
		if oldest == "" || one.Order < t.byToken[oldest].Order {
			oldest = name
		}
	}
	return oldest
}

// put adds a token to the batch that carries out its request. Once that is on disk, remember must be called.
func (t *tokens) put(b *store.Batch, clientToken string, request token) error {
	if clientToken == "" {
		return nil
	}
	if old := t.oldest(); old != "" {
		b.DeleteDocument(collectionTokens, old)
	}
	request.Order = t.order + 1
	return put(b, collectionTokens, clientToken, request)
}

// remember takes a token that is on disk.
func (t *tokens) remember(clientToken string, request token) {
	if clientToken == "" {
		return
	}
	if t.byToken == nil {
		t.byToken = map[string]token{}
	}
	if old := t.oldest(); old != "" {
		delete(t.byToken, old)
	}
	if request.Order == 0 {
		request.Order = t.order + 1
	}
	t.order = max(t.order, request.Order)
	t.byToken[clientToken] = request
}

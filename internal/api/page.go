package api

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"slices"
	"time"

	"github.com/tutti-run/tutti/internal/sfn"
)

// tokenLife is how long a page token may be used (API reference, nextToken).
const tokenLife = 24 * time.Hour

// tokenForm is the first byte of a token, so that its form can change.
const tokenForm = 1

// pageToken hides where the next page begins. scope is the operation and all arguments that must not change between pages.
//
// A token is a form byte, when it ends in epoch seconds, a sum of scope, end and position, and the position. The sum is no secret:
// it only tells a mistake from a token, and whoever makes up a position gets a page that could have been asked for anyway.
func pageToken(scope, position string, now time.Time) string {
	token := []byte{tokenForm}
	token = binary.BigEndian.AppendUint64(token, uint64(now.Add(tokenLife).Unix()))
	token = binary.BigEndian.AppendUint64(token, tokenSum(scope, position, token))
	return base64.RawURLEncoding.EncodeToString(append(token, position...))
}

// openToken returns the position in a token that pageToken has made for the same scope; "" for no token. The error is InvalidToken.
func openToken(scope string, token sfn.OptString, now time.Time) (position string, err error) {
	const head = 1 + 8 + 8
	if !token.Set {
		return "", nil
	}
	invalid := sfn.Refuse(sfn.InvalidToken, "Invalid Token: 'Invalid token'")
	raw, err := base64.RawURLEncoding.DecodeString(token.Text)
	if err != nil || len(raw) <= head || raw[0] != tokenForm {
		return "", invalid
	}
	ends, position := binary.BigEndian.Uint64(raw[1:]), string(raw[head:])
	if binary.BigEndian.Uint64(raw[9:]) != tokenSum(scope, position, raw[:9]) || uint64(max(0, now.Unix())) > ends {
		return "", invalid
	}
	return position, nil
}

func tokenSum(scope, position string, head []byte) uint64 {
	h := fnv.New64a()
	for _, part := range [][]byte{head, []byte(scope), {0}, []byte(position)} {
		_, _ = h.Write(part) // a hash takes everything
	}
	return h.Sum64()
}

// pageSize is the length of a page for a maxResults, of which 0 means the default.
func pageSize(asked int) int {
	if asked == 0 {
		return 100
	}
	return asked
}

// page is the part of a list, which is ordered by position, that comes where the token ends, with the token of the next page, "" behind
// the last.
func page[T any](list []T, position func(T) string, scope string, most optInt, token sfn.OptString, now time.Time) (items []T, next string, err error) {
	after, err := openToken(scope, token, now)
	if err != nil {
		return nil, "", err
	}
	if after != "" {
		begins := slices.IndexFunc(list, func(v T) bool { return position(v) > after })
		if begins < 0 {
			return nil, "", nil
		}
		list = list[begins:]
	}
	size := pageSize(most.n)
	if len(list) <= size {
		return list, "", nil
	}
	return list[:size], pageToken(scope, position(list[size-1]), now), nil
}

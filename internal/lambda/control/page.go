package control

import (
	"encoding/base64"
)

// pageOf cuts a page out of a list that is sorted by position. The marker of a page is the position of its last entry; a list that has
// changed meanwhile goes on from there.
func pageOf[T any](all []T, position func(T) string, marker string, limit *int, usual int) (page []T, next string, err error) {
	page = []T{}
	after := ""
	if marker != "" {
		raw, err := base64.RawURLEncoding.DecodeString(marker)
		if err != nil || len(raw) == 0 || raw[0] != markerForm {
			return page, "", invalid("Invalid marker: the NextMarker of a response is wanted.")
		}
		after = string(raw[1:])
	}
	most := usual
	if limit != nil {
		most = min(*limit, usual)
	}
	for i, entry := range all {
		if marker != "" && position(entry) <= after {
			continue
		}
		if len(page) == most {
			last := append([]byte{markerForm}, position(all[i-1])...)
			return page, base64.RawURLEncoding.EncodeToString(last), nil
		}
		page = append(page, entry)
	}
	return page, "", nil
}

// markerForm is the first byte of a marker, so that its form can change.
const markerForm = 1

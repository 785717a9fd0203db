package control

import (
	"encoding/base64"
	"maps"
	"slices"
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

// qualifierListing asks for what a function has for its qualifiers.
type qualifierListing struct {
	function *string
	marker   string
	limit    *int
	absent   string // what is said where there is no such function
}

// listByQualifier lists what a function has for its qualifiers, in their order. arn is the position in the list.
func listByQualifier[C, Shown any](p *Plane, in qualifierListing, configs func(*function) map[string]C, show func(name, qualifier string, c C) *Shown,
	arn func(*Shown) string,
) (page []*Shown, next string, err error) {
	var c constraints
	c.page(maxConfigsListed, in.limit)
	if err := c.err(); err != nil {
		return nil, "", err
	}
	t, err := p.locate(in.function, "", maxNameOrARN)
	if err != nil {
		return nil, "", err
	}
	f := p.get(t.name)
	if f == nil {
		return nil, "", notFound("%s", in.absent)
	}
	byQualifier := configs(f)
	var all []*Shown
	for _, qualifier := range slices.Sorted(maps.Keys(byQualifier)) {
		all = append(all, show(t.name, qualifier, byQualifier[qualifier]))
	}
	return pageOf(all, arn, in.marker, in.limit, maxConfigsListed)
}

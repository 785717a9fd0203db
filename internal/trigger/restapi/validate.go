package restapi

import (
	"maps"
	"slices"
	"strings"
)

// validate holds the request to what the method's validator checks (developer guide, "Request validation for REST APIs").
func (in *request) validate() *fault {
	m := in.method
	if m.CheckParameters {
		var missing []string
		for _, name := range slices.Sorted(maps.Keys(m.Parameters)) {
			below, ok := strings.CutPrefix(name, "method.request.")
			if !ok || !m.Parameters[name] {
				continue
			}
			if v, ok := in.parameter(below); !ok || v == "" {
				_, short, _ := strings.Cut(below, ".")
				missing = append(missing, short)
			}
		}
		if len(missing) > 0 {
			message := "Missing required request parameters: [" + strings.Join(missing, ", ") + "]"
			return &fault{kind: "BAD_REQUEST_PARAMETERS", message: message}
		}
	}
	if !m.CheckBody || len(m.models) == 0 {
		return nil
	}
	kind := mediaType(in.Header.Get("Content-Type"))
	if kind == "" {
		kind = "application/json"
	}
	s := m.models[kind]
	if s == nil {
		s = m.models["$default"]
	}
	if s == nil {
		return nil // there is no model for what the client sends
	}
	if found := s.Validate(in.body); len(found) > 0 {
		var all []string
		for _, v := range found {
			all = append(all, v.String())
		}
		return &fault{kind: "BAD_REQUEST_BODY", detail: "[" + strings.Join(all, ", ") + "]"}
	}
	return nil
}

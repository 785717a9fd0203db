package restapi

import (
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// usage is what keys have used of their plans. It begins anew with the handler.
type usage struct {
	mu     sync.Mutex
	limits map[[2]string]*rate.Limiter // by key and plan
	counts map[[2]string]*count        // likewise
}

type count struct {
	period string
	used   int
}

// checkKey finds the request's API key and takes from its plan's allowance (developer guide, "Usage plans and API keys for REST APIs").
func (h *Handler) checkKey(in *request) *fault {
	if !in.method.KeyRequired {
		return nil
	}
	given := in.Header.Get("X-Api-Key")
	if h.api.KeySource == "AUTHORIZER" {
		given = in.who.usageKey
	}
	i := slices.IndexFunc(h.api.Keys, func(k Key) bool { return k.Value == given && given != "" && !k.Disabled })
	if i < 0 {
		return &fault{kind: "INVALID_API_KEY"}
	}
	key := &h.api.Keys[i]
	p := slices.IndexFunc(key.Plans, func(p Plan) bool { return slices.Contains(p.Stages, in.stage.Name) })
	if p < 0 {
		return &fault{kind: "INVALID_API_KEY", detail: "the key is in no usage plan of the stage"}
	}
	in.who.key = key
	return h.usage.take(key, &key.Plans[p], in.time)
}

func (u *usage) take(key *Key, plan *Plan, now time.Time) *fault {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.limits == nil {
		u.limits, u.counts = map[[2]string]*rate.Limiter{}, map[[2]string]*count{}
	}
	of := [2]string{key.ID, plan.ID}
	limit, known := u.limits[of]
	if !known {
		limit = plan.Throttle.Limiter()
		u.limits[of] = limit
	}
	if limit != nil && !limit.AllowN(now, 1) {
		return &fault{kind: "THROTTLED"}
	}
	if plan.Quota <= 0 {
		return nil
	}
	period := periodOf(plan.Period, now.UTC())
	c := u.counts[of]
	if c == nil || c.period != period {
		c = &count{period: period}
		u.counts[of] = c
	}
	if c.used >= plan.Quota {
		return &fault{kind: "QUOTA_EXCEEDED"}
	}
	c.used++
	return nil
}

// periodOf names the period that a time is in.
func periodOf(kind string, t time.Time) string {
	switch kind {
	case "WEEK":
		return t.AddDate(0, 0, -int(t.Weekday())).Format(time.DateOnly)
	case "MONTH":
		return t.Format("2006-01")
	}
	return t.Format(time.DateOnly)
}

// admits takes a request from the allowance of the stage for the method: of the most exact setting that there is.
func (s *stage) admits(m *method, verb string, now time.Time) bool {
	limit := mostExact(s.limits, m, verb)
	return limit == nil || limit.AllowN(now, 1)
}

// mostExact is the setting for a method, of those by "VERB /path" of which either may be *; the zero value if there is none.
func mostExact[T any](settings map[string]T, m *method, verb string) (found T) {
	path := m.Path
	for _, key := range []string{verb + " " + path, m.Verb + " " + path, "* " + path, verb + " /*", "* /*"} {
		if setting, ok := settings[strings.ReplaceAll(key, "~1", "/")]; ok {
			return setting
		}
	}
	return found
}

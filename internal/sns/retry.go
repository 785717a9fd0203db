package sns

import (
	"encoding/json"
	"math"
	"time"
)

// retryPolicy says when deliveries to HTTP endpoints are tried again (developer guide, "Creating HTTP/S delivery policies"). Delays are in seconds.
type retryPolicy struct {
	MinDelay  int    `json:"minDelayTarget"`
	MaxDelay  int    `json:"maxDelayTarget"`
	Retries   int    `json:"numRetries"`
	MaxDelays int    `json:"numMaxDelayRetries"` // retries at the end, MaxDelay apart
	NoDelays  int    `json:"numNoDelayRetries"`  // retries at once
	MinDelays int    `json:"numMinDelayRetries"` // retries behind those, MinDelay apart
	Backoff   string `json:"backoffFunction"`    // linear, arithmetic, geometric or exponential: how delays grow between the two
}

// usualRetries is the policy of HTTP endpoints that have no other.
func usualRetries() retryPolicy { return retryPolicy{20, 20, 3, 0, 0, 0, "linear"} }

const maxRetries = 100

// parseRetries reads the delivery policy of a subscription, nil for none.
func parseRetries(text string) (*retryPolicy, error) {
	if text == "" {
		return nil, nil
	}
	usual := usualRetries()
	p := struct {
		Healthy *retryPolicy `json:"healthyRetryPolicy"`
	}{&usual}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, invalid("Attributes Reason: DeliveryPolicy: Unable to parse the policy")
	}
	return p.Healthy.check()
}

// topicRetries is the policy that a topic has for its HTTP endpoints, nil for none.
func (s *Service) topicRetries(arn string) *retryPolicy {
	t, err := s.find(arn)
	if err != nil {
		return nil
	}
	return topicPolicy(s.recordOf(t).Attributes["DeliveryPolicy"])
}

// topicPolicy reads the part for HTTP of a topic's delivery policy.
func topicPolicy(text string) *retryPolicy {
	usual := usualRetries()
	p := struct {
		HTTP struct {
			Default *retryPolicy `json:"defaultHealthyRetryPolicy"`
		} `json:"http"`
	}{}
	p.HTTP.Default = &usual
	if text == "" || json.Unmarshal([]byte(text), &p) != nil {
		return nil
	}
	checked, err := p.HTTP.Default.check()
	if err != nil {
		return nil
	}
	return checked
}

func (p *retryPolicy) check() (*retryPolicy, error) {
	switch {
	case p == nil:
		return nil, nil
	case p.MinDelay < 1 || p.MaxDelay < p.MinDelay || p.MaxDelay > 3600:
		return nil, invalid("Attributes Reason: DeliveryPolicy: healthyRetryPolicy.minDelayTarget must be at least 1 and at most maxDelayTarget, which must be at most 3600")
	case p.Retries < 0 || p.Retries > maxRetries || p.NoDelays < 0 || p.MinDelays < 0 || p.MaxDelays < 0 || p.NoDelays+p.MinDelays+p.MaxDelays > p.Retries:
		return nil, invalid("Attributes Reason: DeliveryPolicy: healthyRetryPolicy.numRetries must be at most %d, and not less than the retries of all phases together", maxRetries)
	}
	return p, nil
}

// effectiveDelivery is a topic's delivery policy as it counts.
func effectiveDelivery(text string) string {
	p := topicPolicy(text)
	if p == nil {
		usual := usualRetries()
		p = &usual
	}
	out, _ := json.Marshal(map[string]any{"http": map[string]any{"defaultHealthyRetryPolicy": p, "disableSubscriptionOverrides": false}}) // numbers encode
	return string(out)
}

func effectiveSubscriptionDelivery(p *retryPolicy) string {
	if p == nil {
		usual := usualRetries()
		p = &usual
	}
	out, _ := json.Marshal(map[string]any{"healthyRetryPolicy": p, "guaranteed": false}) // numbers encode
	return string(out)
}

// How AWS's own endpoints are tried again: at once three times, then for 23 days (developer guide, "Amazon SNS message delivery retries").
const (
	ownAtOnce  = 3
	ownSlow    = 2 // more, a second apart
	ownBackoff = 10
	ownRetries = 100_015
	ownLast    = 20 * time.Second
)

// pause is how long to wait before the try behind so many that have failed; again is false if there is to be none.
func (p *retryPolicy) pause(protocol string, tried int) (d time.Duration, again bool) {
	if protocol != protocolHTTP && protocol != protocolHTTPS {
		switch {
		case tried <= ownAtOnce:
			return time.Millisecond, true
		case tried <= ownAtOnce+ownSlow:
			return time.Second, true
		case tried <= ownAtOnce+ownSlow+ownBackoff:
			return min(time.Second<<(tried-ownAtOnce-ownSlow), ownLast), true
		}
		return ownLast, tried <= ownRetries
	}
	if p == nil {
		usual := usualRetries()
		p = &usual
	}
	seconds := func(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
	growing := p.Retries - p.NoDelays - p.MinDelays - p.MaxDelays
	switch {
	case tried > p.Retries:
		return 0, false
	case tried <= p.NoDelays:
		return time.Millisecond, true
	case tried <= p.NoDelays+p.MinDelays:
		return seconds(float64(p.MinDelay)), true
	case tried > p.Retries-p.MaxDelays:
		return seconds(float64(p.MaxDelay)), true
	}
	least, most := float64(p.MinDelay), float64(p.MaxDelay)
	part := float64(tried-p.NoDelays-p.MinDelays) / float64(max(growing, 1)) // above 0, up to 1
	switch p.Backoff {
	case "exponential", "geometric":
		return seconds(least * math.Pow(most/least, part)), true
	case "arithmetic":
		return seconds(least + (most-least)*part*part), true
	}
	return seconds(least + (most-least)*part), true
}

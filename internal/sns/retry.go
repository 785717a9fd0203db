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

// usualContentType is how HTTP endpoints are sent messages unless a policy says otherwise.
const usualContentType = "text/plain; charset=UTF-8"

// topicDelivery is a topic's delivery policy for HTTP endpoints, with the members as they are shown.
type topicDelivery struct {
	Retries   json.RawMessage `json:"defaultHealthyRetryPolicy,omitempty"`
	Sickly    json.RawMessage `json:"defaultSicklyRetryPolicy,omitempty"`
	Overrides bool            `json:"disableSubscriptionOverrides"`
	Throttle  json.RawMessage `json:"defaultThrottlePolicy,omitempty"`
	Request   json.RawMessage `json:"defaultRequestPolicy,omitempty"`
}

// subscriptionDelivery is a subscription's delivery policy, likewise: members that are not there are null.
type subscriptionDelivery struct {
	Retries    json.RawMessage `json:"healthyRetryPolicy"`
	Sickly     json.RawMessage `json:"sicklyRetryPolicy"`
	Throttle   json.RawMessage `json:"throttlePolicy"`
	Request    json.RawMessage `json:"requestPolicy"`
	Guaranteed bool            `json:"guaranteed"`
}

// given is a member of a policy, nil for null.
func given(m json.RawMessage) json.RawMessage {
	if string(m) == "null" {
		return nil
	}
	return m
}

// parseTopicDelivery reads a topic's delivery policy. One that cannot be read is that of a topic without any.
func parseTopicDelivery(text string) (p topicDelivery) {
	var whole struct {
		HTTP topicDelivery `json:"http"`
	}
	if json.Unmarshal([]byte(text), &whole) != nil {
		return p
	}
	p = whole.HTTP
	p.Retries, p.Sickly, p.Throttle, p.Request = given(p.Retries), given(p.Sickly), given(p.Throttle), given(p.Request)
	return p
}

// text is the policy as GetTopicAttributes shows it.
func (p topicDelivery) text() string {
	out, _ := json.Marshal(map[string]any{"http": p}) // what was parsed encodes
	return string(out)
}

// effective fills in what a topic has that says nothing else.
func (p topicDelivery) effective() topicDelivery {
	usual := usualRetries()
	retries, err := readRetries(p.Retries)
	if retries == nil || err != nil {
		retries = &usual
	}
	p.Retries, _ = json.Marshal(retries) // numbers encode
	if p.Request == nil {
		p.Request, _ = json.Marshal(requestPolicy{usualContentType})
	}
	return p
}

// requestPolicy says how HTTP endpoints are called.
type requestPolicy struct {
	ContentType string `json:"headerContentType"`
}

// readRetries reads a policy of retries, nil for none. What it does not say is as usual.
func readRetries(m json.RawMessage) (*retryPolicy, error) {
	if given(m) == nil {
		return nil, nil
	}
	p := usualRetries()
	if err := json.Unmarshal(m, &p); err != nil {
		return nil, invalid("DeliveryPolicy: Unable to parse the policy")
	}
	return p.check()
}

// parseDelivery reads the delivery policy of a subscription, nil for none.
func parseDelivery(text string) (*subscriptionDelivery, error) {
	if text == "" {
		return nil, nil
	}
	p := new(subscriptionDelivery)
	if err := json.Unmarshal([]byte(text), p); err != nil {
		return nil, invalid("DeliveryPolicy: Unable to parse the policy")
	}
	retries, err := readRetries(p.Retries)
	if err == nil && retries != nil {
		p.Retries, _ = json.Marshal(retries) // numbers encode
	}
	return p, err
}

func (p *subscriptionDelivery) text() string {
	out, _ := json.Marshal(p) // what was parsed encodes
	return string(out)
}

// effective is the policy that counts for a subscription of a topic: its own members, and else the topic's.
func (p *subscriptionDelivery) effective(topic topicDelivery) subscriptionDelivery {
	topic = topic.effective()
	out := subscriptionDelivery{topic.Retries, topic.Sickly, topic.Throttle, topic.Request, false}
	if p == nil || topic.Overrides {
		return out
	}
	for _, m := range []struct{ to, from *json.RawMessage }{
		{&out.Retries, &p.Retries}, {&out.Sickly, &p.Sickly}, {&out.Throttle, &p.Throttle}, {&out.Request, &p.Request},
	} {
		if own := given(*m.from); own != nil {
			*m.to = own
		}
	}
	return out
}

// deliveryOf is the policy that counts for a subscription.
func (s *Service) deliveryOf(sub *subscription) subscriptionDelivery {
	text := ""
	if t, err := s.find(sub.TopicARN); err == nil {
		text = s.recordOf(t).Attributes["DeliveryPolicy"]
	}
	return sub.settings.delivery.effective(parseTopicDelivery(text))
}

// contentType is how an HTTP endpoint is sent a topic's messages, "" for other endpoints.
func (s *Service) contentType(r *topicRecord, sub *subscription) string {
	if sub.Protocol != protocolHTTP && sub.Protocol != protocolHTTPS {
		return ""
	}
	var p requestPolicy
	_ = json.Unmarshal(sub.settings.delivery.effective(parseTopicDelivery(r.Attributes["DeliveryPolicy"])).Request, &p) // of another form it says nothing
	return p.ContentType
}

func (p *retryPolicy) check() (*retryPolicy, error) {
	switch {
	case p == nil:
		return nil, nil
	case p.MinDelay < 1 || p.MaxDelay < p.MinDelay || p.MaxDelay > 3600:
		return nil, invalid("DeliveryPolicy: healthyRetryPolicy.minDelayTarget must be at least 1 and at most maxDelayTarget, which must be at most 3600")
	case p.Retries < 0 || p.Retries > maxRetries || p.NoDelays < 0 || p.MinDelays < 0 || p.MaxDelays < 0 || p.NoDelays+p.MinDelays+p.MaxDelays > p.Retries:
		return nil, invalid("DeliveryPolicy: healthyRetryPolicy.numRetries must be at most %d, and not less than the retries of all phases together", maxRetries)
	}
	return p, nil
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

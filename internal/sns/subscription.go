package sns

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/tutti-run/tutti/internal/pattern"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// The protocols of subscriptions.
const (
	protocolSQS    = "sqs"
	protocolLambda = "lambda"
	protocolHTTP   = "http"
	protocolHTTPS  = "https"
)

// mailProtocols are those by e-mail. Their subscriptions stay pending: nothing is sent.
var mailProtocols = []string{"email", "email-json"}

const maxSubscriptions = 12_500_000 // of a topic

// subscription is a subscription. Its document is this in JSON.
type subscription struct {
	ARN        string            `json:"arn"`
	TopicARN   string            `json:"topic"`
	Protocol   string            `json:"protocol"`
	Endpoint   string            `json:"endpoint"`
	Attributes map[string]string `json:"attributes,omitempty"` // those that are set
	Confirmed  bool              `json:"confirmed,omitempty"`
	Token      string            `json:"token,omitempty"` // confirms it
	Template   bool              `json:"template,omitempty"`

	settings *subscriptionSettings
}

// subscriptionSettings are what follows from the attributes.
type subscriptionSettings struct {
	raw     bool
	filter  *filter
	letters string // ARN of the dead-letter queue, "" for none
	retries *retryPolicy
}

// compile checks attributes and reads them.
func compile(attributes map[string]string) (*subscriptionSettings, error) {
	s := &subscriptionSettings{raw: strings.EqualFold(attributes["RawMessageDelivery"], "true")}
	for name, v := range attributes {
		switch name {
		case "RawMessageDelivery":
			if _, err := strconv.ParseBool(strings.ToLower(v)); err != nil {
				return nil, invalid("Attributes Reason: RawMessageDelivery: Invalid value [%s]. Must be true or false.", v)
			}
		case "FilterPolicyScope":
			if v != scopeAttributes && v != scopeBody {
				return nil, invalid("Attributes Reason: FilterPolicyScope: Invalid value [%s]. Please use either MessageBody or MessageAttributes", v)
			}
		case "FilterPolicy", "DeliveryPolicy", "SubscriptionRoleArn":
		case "RedrivePolicy":
			var p struct {
				Target string `json:"deadLetterTargetArn"`
			}
			a, err := sfn.ParseARN("")
			if json.Unmarshal([]byte(v), &p) == nil {
				a, err = sfn.ParseARN(p.Target)
			}
			if err != nil || a.Service != "sqs" {
				return nil, invalid("Attributes Reason: RedrivePolicy: deadLetterTargetArn is an invalid arn")
			}
			s.letters = p.Target
		case "ReplayPolicy":
			return nil, invalid("Attributes Reason: ReplayPolicy: messages are not archived here")
		default:
			return nil, invalid("AttributeName")
		}
	}
	var err error
	if s.filter, err = newFilter(attributes["FilterPolicy"], attributes["FilterPolicyScope"]); err != nil {
		return nil, err
	}
	s.retries, err = parseRetries(attributes["DeliveryPolicy"])
	return s, err
}

// checkEndpoint refuses an endpoint that is none of the protocol, or that this topic cannot have.
func (s *Service) checkEndpoint(r *topicRecord, protocol, endpoint string) error {
	switch {
	case protocol == protocolHTTP || protocol == protocolHTTPS:
		if u, err := url.Parse(endpoint); err != nil || u.Scheme != protocol || u.Host == "" {
			return invalid("Endpoint must match the specified protocol")
		}
		if r.fifo() {
			return invalid("Invalid protocol type: %s", protocol)
		}
	case slices.Contains(mailProtocols, protocol):
		if !strings.Contains(endpoint, "@") {
			return invalid("Email address")
		}
	case s.cfg.Targets[protocol] == nil:
		return invalid("Protocol Reason: %q is not served here; served are sqs, lambda, http and https", protocol)
	default:
		a, err := sfn.ParseARN(endpoint)
		if err != nil || a.Service != protocol {
			return invalid("%s endpoint ARN", map[string]string{protocolSQS: "SQS", protocolLambda: "Lambda"}[protocol])
		}
		if protocol == protocolSQS && !r.fifo() && strings.HasSuffix(a.Resource, fifoSuffix) {
			return invalid("Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
		}
		if protocol == protocolLambda && r.fifo() {
			return invalid("Invalid protocol type: lambda")
		}
	}
	return nil
}

// SubscribeRequest asks for a subscription.
type SubscribeRequest struct {
	TopicARN, Protocol, Endpoint string
	Attributes                   map[string]string
	// Template tells that it is of a template, by which it is known again. ID is the last part of its ARN then.
	Template bool
	ID       string
}

// Subscribe subscribes an endpoint to a topic, and returns the ARN; pending tells that the endpoint has to confirm first. The same again is no error. The error may be
// NotFound or InvalidParameter.
func (s *Service) Subscribe(in SubscribeRequest) (arn string, pending bool, err error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	t, err := s.find(in.TopicARN)
	if err != nil {
		return "", false, err
	}
	r := s.recordOf(t)
	if err := s.checkEndpoint(&r, in.Protocol, in.Endpoint); err != nil {
		return "", false, err
	}
	settings, err := compile(in.Attributes)
	if err != nil {
		return "", false, err
	}
	list := s.subscriptionsOf(in.TopicARN)
	sub := &subscription{
		ARN: in.TopicARN + ":" + uuid.NewString(), TopicARN: in.TopicARN, Protocol: in.Protocol, Endpoint: in.Endpoint,
		Attributes: maps.Clone(in.Attributes), settings: settings, Template: in.Template,
	}
	if in.ID != "" {
		sub.ARN = in.TopicARN + ":" + in.ID
	}
	i := slices.IndexFunc(list, func(o *subscription) bool { return o.Protocol == in.Protocol && o.Endpoint == in.Endpoint })
	switch {
	case i >= 0 && !in.Template && len(in.Attributes) > 0 && !maps.Equal(list[i].Attributes, in.Attributes):
		return "", false, invalid("Attributes Reason: Subscription already exists with different attributes")
	case i >= 0 && !in.Template:
		return list[i].ARN, !list[i].Confirmed, s.askAgain(list[i])
	case i >= 0: // the template says what it is to be now
		sub.Confirmed, sub.Token = list[i].Confirmed, list[i].Token
		if in.ID == "" {
			sub.ARN = list[i].ARN
		}
		if list[i].ARN != sub.ARN {
			if err := s.dropSubscription(list[i].ARN); err != nil {
				return "", false, err
			}
		}
	case len(list) >= maxSubscriptions:
		return "", false, sfn.Refuse(SubscriptionLimitExceeded, "Subscription limit exceeded")
	}
	return s.addSubscription(sub)
}

// addSubscription stores a subscription and has the endpoint asked to confirm it, if it must.
func (s *Service) addSubscription(sub *subscription) (arn string, pending bool, err error) {
	ask := false
	switch {
	case s.cfg.Targets[sub.Protocol] != nil:
		sub.Confirmed = true
	case sub.Token == "":
		sub.Token = newToken()
		ask = sub.Protocol == protocolHTTP || sub.Protocol == protocolHTTPS
	}
	changes := []Change{set(subscriptionsCollection, sub.ARN, sub)}
	var owed []delivery
	if ask {
		owed = []delivery{s.confirmation(sub)}
		changes = append(changes, set(deliveriesCollection, owed[0].Key, &owed[0]))
	}
	if err := s.cfg.Journal.Write(changes); err != nil {
		return "", false, err
	}
	s.mu.Lock()
	s.subscriptions[sub.ARN] = sub
	s.mu.Unlock()
	s.deliveries.add(owed)
	return sub.ARN, !sub.Confirmed, nil
}

// askAgain sends the confirmation to an endpoint that subscribes again and has not confirmed.
func (s *Service) askAgain(sub *subscription) error {
	if sub.Confirmed || sub.Protocol != protocolHTTP && sub.Protocol != protocolHTTPS {
		return nil
	}
	d := s.confirmation(sub)
	if err := s.cfg.Journal.Write([]Change{set(deliveriesCollection, d.Key, &d)}); err != nil {
		return err
	}
	s.deliveries.add([]delivery{d})
	return nil
}

func newToken() string {
	b := make([]byte, 64)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// storeSubscription replaces a subscription. s.changing is held.
func (s *Service) storeSubscription(sub *subscription) error {
	if err := s.cfg.Journal.Write([]Change{set(subscriptionsCollection, sub.ARN, sub)}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscriptions[sub.ARN] = sub
	return nil
}

func (s *Service) dropSubscription(arn string) error {
	if err := s.cfg.Journal.Write([]Change{{Collection: subscriptionsCollection, Key: arn}}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.subscriptions, arn)
	return nil
}

// ConfirmSubscription confirms the subscription of a token and returns its ARN. The error may be NotFound or InvalidParameter.
func (s *Service) ConfirmSubscription(topicARN, token string) (string, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if _, err := s.find(topicARN); err != nil {
		return "", err
	}
	for _, sub := range s.subscriptionsOf(topicARN) {
		if sub.Token != "" && sub.Token == token {
			next := *sub
			next.Confirmed = true
			return sub.ARN, s.storeSubscription(&next)
		}
	}
	return "", invalid("Token")
}

// subscription finds a subscription. The error may be NotFound or InvalidParameter.
func (s *Service) subscription(arn string) (*subscription, error) {
	if strings.Count(arn, ":") != 6 {
		return nil, invalid("SubscriptionArn Reason: An ARN must have at least 6 elements, not %d", strings.Count(arn, ":")+1)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if sub := s.subscriptions[arn]; sub != nil {
		return sub, nil
	}
	return nil, noSubscription()
}

// Unsubscribe deletes a subscription. One that is not there is no error. The error may be InvalidParameter.
func (s *Service) Unsubscribe(arn string) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	_, err := s.subscription(arn)
	var refused *sfn.Exception
	if errors.As(err, &refused) && refused.Name == NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return s.dropSubscription(arn)
}

// SetSubscriptionAttribute sets one attribute; "" unsets it. The error may be NotFound or InvalidParameter.
func (s *Service) SetSubscriptionAttribute(arn, name, v string) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	sub, err := s.subscription(arn)
	if err != nil {
		return err
	}
	next := *sub
	if next.Attributes = maps.Clone(sub.Attributes); next.Attributes == nil {
		next.Attributes = map[string]string{}
	}
	next.Attributes[name] = v
	if v == "" || name == "FilterPolicy" && v == "{}" {
		if _, err := compile(map[string]string{name: v}); v == "" && err != nil && name != "RedrivePolicy" {
			return err
		}
		delete(next.Attributes, name)
	}
	if next.settings, err = compile(next.Attributes); err != nil {
		return err
	}
	return s.storeSubscription(&next)
}

// Subscription is a subscription as it is listed.
type Subscription struct {
	ARN, TopicARN, Protocol, Endpoint string
	Confirmed                         bool
}

// Subscriptions lists the subscriptions of a topic by their ARNs, all for "". The error may be NotFound or InvalidParameter.
func (s *Service) Subscriptions(topicARN string) ([]Subscription, error) {
	if topicARN != "" {
		if _, err := s.find(topicARN); err != nil {
			return nil, err
		}
	}
	var list []Subscription
	for _, sub := range s.subscriptionsOf(topicARN) {
		list = append(list, Subscription{sub.ARN, sub.TopicARN, sub.Protocol, sub.Endpoint, sub.Confirmed})
	}
	return list, nil
}

// SubscriptionAttributes returns all attributes of a subscription. The error may be NotFound or InvalidParameter.
func (s *Service) SubscriptionAttributes(arn string) (map[string]string, error) {
	sub, err := s.subscription(arn)
	if err != nil {
		return nil, err
	}
	a := map[string]string{
		"SubscriptionArn": sub.ARN, "TopicArn": sub.TopicARN, "Protocol": sub.Protocol, "Endpoint": sub.Endpoint, "Owner": s.Account(),
		"PendingConfirmation": strconv.FormatBool(!sub.Confirmed), "ConfirmationWasAuthenticated": strconv.FormatBool(sub.Confirmed && sub.Token == ""),
		"RawMessageDelivery": "false", "SubscriptionPrincipal": "arn:" + s.cfg.Place.Partition + ":iam::" + s.Account() + ":root",
	}
	if sub.settings.filter != nil {
		a["FilterPolicyScope"] = scopeAttributes
	}
	if sub.Protocol == protocolHTTP || sub.Protocol == protocolHTTPS {
		a["EffectiveDeliveryPolicy"] = effectiveSubscriptionDelivery(sub.settings.retries)
	}
	maps.Copy(a, sub.Attributes)
	return a, nil
}

// SettleSubscriptions deletes the subscriptions of templates that are not among those of the ARNs.
func (s *Service) SettleSubscriptions(arns []string) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	for _, sub := range s.subscriptionsOf("") {
		if sub.Template && !slices.Contains(arns, sub.ARN) {
			if err := s.dropSubscription(sub.ARN); err != nil {
				return err
			}
		}
	}
	return nil
}

// The scopes of filter policies.
const (
	scopeAttributes = "MessageAttributes"
	scopeBody       = "MessageBody"
)

// filter is a filter policy, compiled.
type filter struct {
	pattern *pattern.Pattern
	body    bool
}

// newFilter compiles a policy, nil for none (developer guide, "Amazon SNS subscription filter policies"). The language is that of event patterns.
func newFilter(policy, scope string) (*filter, error) {
	if policy == "" || policy == "{}" {
		return nil, nil
	}
	p, err := pattern.Parse(policy)
	if err != nil {
		var refused *sfn.Exception
		if errors.As(err, &refused) {
			return nil, invalid("FilterPolicy: %s", strings.TrimPrefix(refused.Message, "Event pattern is not valid. Reason: "))
		}
		return nil, err
	}
	if scope != scopeBody {
		v, _ := value.Parse(policy) // it was parsed before
		for name, member := range v.(*value.Object).All() {
			if _, nested := member.(*value.Object); nested && name != "$or" {
				return nil, invalid("Filter policy scope MessageAttributes does not support nested filter policy")
			}
		}
	}
	return &filter{p, scope == scopeBody}, nil
}

// passes tells whether a message passes the policy. A body that is no JSON object passes none.
func (f *filter) passes(m *Message, body string) bool {
	if f == nil {
		return true
	}
	if f.body {
		v, err := value.Parse(body)
		o, ok := v.(*value.Object)
		return err == nil && ok && f.pattern.Match(o)
	}
	var members []value.Member
	for name, a := range m.Attributes {
		if v := a.filtered(); v != nil {
			members = append(members, value.Member{Name: name, Value: v})
		}
	}
	return f.pattern.Match(value.NewObject(members...))
}

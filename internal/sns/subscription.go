package sns

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"regexp"
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
	// delivery is the policy for HTTP endpoints, nil for none.
	delivery *subscriptionDelivery
}

// ofAttributes says of an error about one attribute that it was given among others.
func ofAttributes(err error) error {
	refused, ok := err.(*sfn.Exception)
	if !ok || refused.Message == "Invalid parameter: AttributeName" {
		return err
	}
	return invalid("Attributes Reason: %s", strings.TrimPrefix(refused.Message, "Invalid parameter: "))
}

// plain returns attributes as they are kept: what is true or false in small letters, without a filter policy that is empty.
func plain(attributes map[string]string) map[string]string {
	attributes = maps.Clone(attributes)
	if v, ok := attributes["RawMessageDelivery"]; ok {
		if lower := strings.ToLower(v); lower == "true" || lower == "false" {
			attributes["RawMessageDelivery"] = lower
		}
	}
	if attributes["FilterPolicy"] == "" {
		delete(attributes, "FilterPolicy")
	}
	return attributes
}

// usualSubscriptionAttributes are what subscriptions have that were not given them.
var usualSubscriptionAttributes = map[string]string{"RawMessageDelivery": "false", "FilterPolicyScope": scopeAttributes}

// has tells whether a subscription has all the attributes.
func (s *subscription) has(attributes map[string]string) bool {
	for name, v := range attributes {
		was, set := s.Attributes[name]
		if !set {
			was = usualSubscriptionAttributes[name]
		}
		if was != v {
			return false
		}
	}
	return true
}

// compile checks attributes and reads them.
func compile(attributes map[string]string) (*subscriptionSettings, error) {
	s := &subscriptionSettings{raw: attributes["RawMessageDelivery"] == "true"}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		v := attributes[name]
		switch name {
		case "RawMessageDelivery":
			if v != "true" && v != "false" {
				return nil, invalid("RawMessageDelivery: Invalid value [%s]. Must be true or false.", v)
			}
		case "FilterPolicyScope":
			if v != scopeAttributes && v != scopeBody {
				return nil, invalid("FilterPolicyScope: Invalid value [%s]. Please use either MessageBody or MessageAttributes", v)
			}
		case "FilterPolicy", "DeliveryPolicy", "SubscriptionRoleArn":
		case "RedrivePolicy":
			var err error
			if s.letters, err = parseRedrive(v); err != nil {
				return nil, err
			}
		case "ReplayPolicy":
			return nil, invalid("ReplayPolicy: messages are not archived here")
		default:
			return nil, invalid("AttributeName")
		}
	}
	var err error
	if s.filter, err = newFilter(attributes["FilterPolicy"], attributes["FilterPolicyScope"]); err != nil {
		return nil, err
	}
	s.delivery, err = parseDelivery(attributes["DeliveryPolicy"])
	return s, err
}

// parseRedrive reads a redrive policy: the ARN of the dead-letter queue.
func parseRedrive(text string) (string, error) {
	if fault := jsonFault(text); fault != "" {
		return "", invalid("RedrivePolicy: %s", fault)
	}
	var p struct {
		Target string `json:"deadLetterTargetArn"`
	}
	_ = json.Unmarshal([]byte(text), &p) // of another form it names no queue
	if a, err := sfn.ParseARN(p.Target); err != nil || a.Service != "sqs" {
		return "", invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn")
	}
	return p.Target, nil
}

// check refuses what a subscription of the topic cannot be, beside what its attributes cannot be by themselves.
func (sub *subscription) check(r *topicRecord) error {
	letters := sub.settings.letters
	if letters != "" && r.fifo() && strings.HasSuffix(sub.Endpoint, fifoSuffix) && !strings.HasSuffix(letters, fifoSuffix) {
		return invalid("RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.")
	}
	return checkFilter(sub.Attributes["FilterPolicy"])
}

// otherProtocols are those of AWS's that are not served here (API reference, Subscribe).
var otherProtocols = []string{"sms", "application", "firehose"}

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
	case s.cfg.Targets[protocol] == nil && !slices.Contains(otherProtocols, protocol):
		return invalid("Amazon SNS does not support this protocol string: %.256s", protocol)
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
	in.Attributes = plain(in.Attributes)
	settings, err := compile(in.Attributes)
	if err != nil {
		return "", false, ofAttributes(err)
	}
	list := s.subscriptionsOf(in.TopicARN)
	sub := &subscription{
		ARN: in.TopicARN + ":" + uuid.NewString(), TopicARN: in.TopicARN, Protocol: in.Protocol, Endpoint: in.Endpoint,
		Attributes: in.Attributes, settings: settings, Template: in.Template,
	}
	if err := sub.check(&r); err != nil {
		return "", false, ofAttributes(err)
	}
	if in.ID != "" {
		sub.ARN = in.TopicARN + ":" + in.ID
	}
	i := slices.IndexFunc(list, func(o *subscription) bool { return o.Protocol == in.Protocol && o.Endpoint == in.Endpoint })
	switch {
	case i >= 0 && !in.Template && !list[i].has(in.Attributes):
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

// ConfirmSubscription confirms the subscription of a token and returns its ARN. The error may be InvalidParameter.
func (s *Service) ConfirmSubscription(topicARN, token string) (string, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if _, err := hex.DecodeString(token); err != nil || token == "" {
		return "", sfn.Refuse(InvalidParameter, "Invalid token")
	}
	for _, sub := range s.subscriptionsOf("") {
		if sub.Token != token {
			continue
		}
		if sub.TopicARN != topicARN {
			return "", invalid("Topic")
		}
		next := *sub
		next.Confirmed = true
		return sub.ARN, s.storeSubscription(&next)
	}
	return "", invalid("Token")
}

// subscription finds a subscription. The error may be NotFound or InvalidParameter.
func (s *Service) subscription(arn string) (*subscription, error) {
	switch n := strings.Count(arn, ":"); {
	case n == 5:
		return nil, invalid("SubscriptionId")
	case n != 6:
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
	next.Attributes = plain(next.Attributes)
	if next.settings, err = compile(next.Attributes); err != nil {
		return err
	}
	if t, err := s.find(sub.TopicARN); err == nil {
		r := s.recordOf(t)
		if err := next.check(&r); err != nil {
			return err
		}
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
		effective := s.deliveryOf(sub)
		a["EffectiveDeliveryPolicy"] = effective.text()
	}
	maps.Copy(a, sub.Attributes)
	if sub.settings.filter == nil { // without a policy the scope is kept, and not shown
		delete(a, "FilterPolicyScope")
	}
	if sub.settings.delivery != nil {
		a["DeliveryPolicy"] = sub.settings.delivery.text()
	}
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

// The limits of filter policies (developer guide, "Filter policy constraints in Amazon SNS").
const (
	maxFilterKeys         = 5
	maxFilterCombinations = 150
)

// newFilter compiles a policy, nil for none (developer guide, "Amazon SNS subscription filter policies"). The language is that of event patterns.
func newFilter(policy, scope string) (*filter, error) {
	if policy == "" || policy == "{}" {
		return nil, nil
	}
	if fault := jsonFault(policy); fault != "" {
		return nil, invalid("FilterPolicy: %s", fault)
	}
	p, err := pattern.Parse(policy)
	if err != nil {
		if text := patternFault(err); text != "" {
			return nil, invalid("FilterPolicy: %s", text)
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

// checkFilter refuses a policy, which was compiled before, for its size.
func checkFilter(policy string) error {
	v, _ := value.Parse(policy)
	o, ok := v.(*value.Object)
	switch {
	case !ok:
		return nil
	case o.Len() > maxFilterKeys:
		return invalid("FilterPolicy: Filter policy can not have more than %d keys", maxFilterKeys)
	case combinations(o, 1) > maxFilterCombinations:
		return invalid("FilterPolicy: Filter policy is too complex")
	}
	return nil
}

// combinations is what a policy counts for: the product of the lengths of its arrays, each times how deep it stands. The alternatives of an $or are added up.
func combinations(o *value.Object, depth float64) float64 {
	product := 1.0
	for name, member := range o.All() {
		switch m := member.(type) {
		case *value.Object:
			product *= combinations(m, depth+1)
		case value.Array:
			n := float64(len(m)) * depth
			if name == "$or" {
				n = 0
				for _, alternative := range m {
					if a, ok := alternative.(*value.Object); ok {
						n += combinations(a, depth)
					}
				}
			}
			product *= n
		}
	}
	return product
}

// patternFault is what is wrong with a policy as a pattern, "" for nothing.
func patternFault(err error) string {
	var refused *sfn.Exception
	if !errors.As(err, &refused) {
		return ""
	}
	return strings.TrimPrefix(refused.Message, "Event pattern is not valid. Reason: ")
}

// unexpected is what the parser says of a character that cannot be there, and in which column that is.
var unexpected = regexp.MustCompile(`^(Unexpected character (?s:.*) column: )([0-9]+)\]$`)

// jsonFault is what SNS says of a text that is no JSON, "" for one that is. It counts the column behind the character, where patterns of events count that of
// the character itself.
func jsonFault(text string) string {
	if _, err := value.Parse(text); err == nil {
		return ""
	}
	_, err := pattern.Parse(text)
	fault := patternFault(err)
	if m := unexpected.FindStringSubmatch(fault); m != nil {
		if n, err := strconv.Atoi(m[2]); err == nil {
			fault = m[1] + strconv.Itoa(n+1) + "]"
		}
	}
	return "failed to parse JSON. " + fault
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

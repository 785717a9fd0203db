package sqs

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/sfn"
)

// The attributes of queues (API reference, SetQueueAttributes and GetQueueAttributes).
const (
	attrPolicy           = "Policy"
	attrVisibility       = "VisibilityTimeout"
	attrMaxSize          = "MaximumMessageSize"
	attrRetention        = "MessageRetentionPeriod"
	attrDelay            = "DelaySeconds"
	attrWait             = "ReceiveMessageWaitTimeSeconds"
	attrRedrive          = "RedrivePolicy"
	attrRedriveAllow     = "RedriveAllowPolicy"
	attrFIFO             = "FifoQueue"
	attrContentBased     = "ContentBasedDeduplication"
	attrDedupScope       = "DeduplicationScope"
	attrThroughput       = "FifoThroughputLimit"
	attrKmsKey           = "KmsMasterKeyId"
	attrKmsReuse         = "KmsDataKeyReusePeriodSeconds"
	attrManagedSSE       = "SqsManagedSseEnabled"
	attrMessages         = "ApproximateNumberOfMessages"
	attrInFlight         = "ApproximateNumberOfMessagesNotVisible"
	attrDelayed          = "ApproximateNumberOfMessagesDelayed"
	attrCreated          = "CreatedTimestamp"
	attrModified         = "LastModifiedTimestamp"
	attrARN              = "QueueArn"
	attrAll              = "All"
	fifoSuffix           = ".fifo"
	scopeGroup           = "messageGroup"
	throughputPerGroup   = "perMessageGroupId"
	maxSourceQueues      = 10 // in a redrive allow policy
	maxReceiveCountLimit = 1000
)

// MaxMessageBytes bounds a message, body and attributes, and all messages of a batch together (developer guide, "Amazon SQS message quotas").
const MaxMessageBytes = 1 << 20

// numberAttributes is the table of the attributes that are numbers, with their bounds and what they are by themselves.
var numberAttributes = map[string]struct{ least, most, usual int }{
	attrVisibility: {0, 43_200, 30},                          // seconds that a received message is hidden
	attrMaxSize:    {1024, MaxMessageBytes, MaxMessageBytes}, // bytes of a message
	attrRetention:  {60, 1_209_600, 345_600},                 // seconds that a message is kept
	attrDelay:      {0, 900, 0},                              // seconds until a message can be received
	attrWait:       {0, 20, 0},                               // seconds that a receive waits for messages
	attrKmsReuse:   {60, 86_400, 300},                        // seconds; kept, no more
}

// computed are the attributes that nobody can set.
var computed = []string{attrMessages, attrInFlight, attrDelayed, attrCreated, attrModified, attrARN}

// fifoOnly are the attributes that standard queues have not, with the values that they may have.
var fifoOnly = map[string][]string{
	attrFIFO:         {"true"},
	attrContentBased: {"true", "false"},
	attrDedupScope:   {"queue", scopeGroup},
	attrThroughput:   {"perQueue", throughputPerGroup},
}

// onlyWithFIFO are those of them that are not called unknown where they are missing.
var onlyWithFIFO = []string{attrDedupScope, attrThroughput}

// booleans are the attributes that are true or false, which may be written in capitals.
var booleans = []string{attrFIFO, attrContentBased, attrManagedSSE}

// plain returns attributes as they are kept: true and false in small letters.
func plain(attributes map[string]string) map[string]string {
	attributes = maps.Clone(attributes)
	for _, name := range booleans {
		if v, ok := attributes[name]; ok {
			attributes[name] = strings.ToLower(v)
		}
	}
	return attributes
}

// settings are a queue's attributes as far as they are set, and what follows from them.
type settings struct {
	Attributes map[string]string `json:"attributes,omitempty"`

	redrive *redrivePolicy
	allow   *redriveAllowPolicy
}

// redrivePolicy says when messages go to which dead-letter queue.
type redrivePolicy struct {
	target string // ARN
	most   int    // receives
}

// redriveAllowPolicy says whose dead-letter queue this one may be.
type redriveAllowPolicy struct {
	Permission string   `json:"redrivePermission"`
	Sources    []string `json:"sourceQueueArns"`
}

func (s *settings) number(name string) int {
	if n, err := strconv.Atoi(s.Attributes[name]); err == nil {
		return n
	}
	return numberAttributes[name].usual
}

// with returns the settings with changes, checked as far as a queue by itself can be. A text that is empty unsets a policy.
func (s *settings) with(name string, changes map[string]string) (*settings, error) {
	next := &settings{Attributes: maps.Clone(s.Attributes)}
	if next.Attributes == nil {
		next.Attributes = map[string]string{}
	}
	fifo := strings.HasSuffix(name, fifoSuffix)
	for _, attribute := range slices.Sorted(maps.Keys(changes)) {
		v := changes[attribute]
		if err := checkAttribute(attribute, v, fifo); err != nil {
			return nil, err
		}
		if v == "" {
			delete(next.Attributes, attribute)
		} else {
			next.Attributes[attribute] = v
		}
	}
	if changes[attrKmsKey] != "" && changes[attrManagedSSE] == "true" {
		return nil, sfn.Refuse(InvalidAttributeName, "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.")
	}
	switch {
	case changes[attrKmsKey] != "":
		next.Attributes[attrManagedSSE] = "false"
	case changes[attrManagedSSE] == "true":
		delete(next.Attributes, attrKmsKey)
	}
	if next.Attributes[attrKmsKey] == "" { // the key goes, and how long it is used again with it
		delete(next.Attributes, attrKmsReuse)
	}
	if next.Attributes[attrThroughput] == throughputPerGroup && next.Attributes[attrDedupScope] != scopeGroup {
		return nil, sfn.Refuse(InvalidAttributeValue, "Invalid value for the parameter FifoThroughputLimit. Reason: perMessageGroupId is allowed only when the value for DeduplicationScope is messageGroup.")
	}
	return next, next.compile()
}

// checkAttribute refuses what an attribute cannot be.
func checkAttribute(name, v string, fifo bool) error {
	bad := sfn.Refuse(InvalidAttributeValue, "Invalid value for the parameter %s.", name)
	if bounds, ok := numberAttributes[name]; ok {
		if n, err := strconv.Atoi(v); err != nil || n < bounds.least || n > bounds.most {
			return bad
		}
		return nil
	}
	if values, ok := fifoOnly[name]; ok {
		switch {
		case !fifo && slices.Contains(onlyWithFIFO, name):
			return sfn.Refuse(InvalidAttributeName, "You can specify the %s only when FifoQueue is set to true.", name)
		case !fifo:
			return sfn.Refuse(InvalidAttributeName, "Unknown Attribute %s.", name)
		case !slices.Contains(values, v):
			return bad
		}
		return nil
	}
	switch name {
	case attrRedrive, attrRedriveAllow, attrKmsKey:
		return nil
	case attrPolicy:
		if v != "" && !json.Valid([]byte(v)) {
			return bad
		}
		return nil
	case attrManagedSSE:
		if v != "true" && v != "false" {
			return bad
		}
		return nil
	}
	return sfn.Refuse(InvalidAttributeName, "Unknown Attribute %s.", name)
}

// compile reads the policies of redriving.
func (s *settings) compile() error {
	var err error
	if text := s.Attributes[attrRedrive]; text != "" {
		if s.redrive, err = parseRedrive(text); err != nil {
			return err
		}
	}
	if text := s.Attributes[attrRedriveAllow]; text != "" {
		s.allow, err = parseRedriveAllow(text)
	}
	return err
}

// queueARN is what can be the ARN of a queue.
var queueARN = regexp.MustCompile(`^arn:[a-z-]+:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$`)

func parseRedrive(text string) (*redrivePolicy, error) {
	bad := func(reason string) error { return invalid(text, attrRedrive, reason) }
	var p struct {
		Target *string         `json:"deadLetterTargetArn"`
		Most   json.RawMessage `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, bad("Redrive policy is not a valid JSON map.")
	}
	switch {
	case p.Target == nil:
		return nil, bad("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
	case p.Most == nil:
		return nil, bad("Redrive policy does not contain mandatory attribute: maxReceiveCount.")
	case !queueARN.MatchString(*p.Target):
		return nil, bad("Invalid value for deadLetterTargetArn.")
	}
	number := strings.Trim(string(p.Most), `"`)
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > maxReceiveCountLimit {
		return nil, bad("Invalid value for maxReceiveCount: " + number + ", valid values are from 1 to 1000 both inclusive.")
	}
	return &redrivePolicy{*p.Target, n}, nil
}

func parseRedriveAllow(text string) (*redriveAllowPolicy, error) {
	bad := func(reason string) error { return invalid(text, attrRedriveAllow, reason) }
	p := new(redriveAllowPolicy)
	if err := json.Unmarshal([]byte(text), p); err != nil {
		return nil, bad("Amazon SQS can't create the redrive allow policy, as it's in an unsupported format.")
	}
	switch p.Permission {
	case "allowAll", "denyAll":
		if len(p.Sources) > 0 {
			return nil, bad("Amazon SQS can't create the redrive allow policy. The parameters sourceQueueArns is only allowed with redrivePermission byQueue.")
		}
	case "byQueue":
		if len(p.Sources) == 0 || len(p.Sources) > maxSourceQueues {
			return nil, bad("Amazon SQS can't create the redrive allow policy. The parameter sourceQueueArns must have between 1 and 10 queues with redrivePermission byQueue.")
		}
		for _, arn := range p.Sources {
			if !queueARN.MatchString(arn) {
				return nil, bad("Amazon SQS can't create the redrive allow policy. The ARN " + arn + " is not valid.")
			}
		}
	default:
		return nil, bad("Amazon SQS can't create the redrive allow policy, as it's in an unsupported format.")
	}
	return p, nil
}

// allows tells whether a queue may have the one with this policy for its dead letters.
func (p *redriveAllowPolicy) allows(source string) bool {
	return p == nil || p.Permission == "allowAll" || p.Permission == "byQueue" && slices.Contains(p.Sources, source)
}

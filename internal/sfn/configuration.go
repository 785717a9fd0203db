package sfn

import (
	"regexp"
	"strings"
)

// TracingConfiguration says whether executions are traced by X-Ray.
type TracingConfiguration struct {
	Enabled bool `json:"enabled"`
}

// EncryptionType says whose key encrypts what is stored.
type EncryptionType string

// The types (API reference, EncryptionConfiguration).
const (
	AWSOwnedKey        EncryptionType = "AWS_OWNED_KEY"            // the service's own
	CustomerManagedKey EncryptionType = "CUSTOMER_MANAGED_KMS_KEY" // one of the account's in KMS
)

// EncryptionTypes lists all of them, in the order of the API's own enum.
func EncryptionTypes() []EncryptionType {
	return []EncryptionType{AWSOwnedKey, CustomerManagedKey}
}

// EncryptionConfiguration says how a machine's or an activity's data is encrypted on AWS. Here it is kept and shown, and nothing more.
type EncryptionConfiguration struct {
	Type     EncryptionType `json:"type"`
	KMSKeyID string         `json:"kmsKeyId,omitempty"`
	// ReusePeriodSeconds is for how long a data key of KMS is used.
	ReusePeriodSeconds int `json:"kmsDataKeyReusePeriodSeconds,omitempty"`
}

// MachineConfiguration is what a revision of a state machine has beside definition and role.
type MachineConfiguration struct {
	Logging    LoggingConfiguration    `json:"loggingConfiguration"`
	Tracing    TracingConfiguration    `json:"tracingConfiguration"`
	Encryption EncryptionConfiguration `json:"encryptionConfiguration"`
	// RevisionID is a UUID, "" for the revision with which the machine was created.
	RevisionID string `json:"revisionId,omitempty"`
}

// DefaultConfiguration is that of a machine about which nothing was said (API reference, DescribeStateMachine).
func DefaultConfiguration() MachineConfiguration {
	return MachineConfiguration{Logging: LoggingConfiguration{Level: LogOff}, Encryption: EncryptionConfiguration{Type: AWSOwnedKey}}
}

// Tag is a label that people put on a resource.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// defaultReuseSeconds is how long a data key is used if nothing is said (API reference, EncryptionConfiguration).
const defaultReuseSeconds = 300

// WithDefaults is the configuration as AWS describes it: with a type, and with a period for a key of one's own.
func (c EncryptionConfiguration) WithDefaults() EncryptionConfiguration {
	if c.Type == "" {
		c.Type = AWSOwnedKey
	}
	if c.Type == CustomerManagedKey && c.ReusePeriodSeconds == 0 {
		c.ReusePeriodSeconds = defaultReuseSeconds
	}
	return c
}

// Check refuses a configuration that cannot be, as InvalidEncryptionConfiguration. Whether there is such a key, only KMS knows.
func (c EncryptionConfiguration) Check() error {
	switch {
	case c.Type == CustomerManagedKey && c.KMSKeyID == "":
		return Refuse(InvalidEncryptionConfiguration, "Invalid Encryption Configuration: Must specify kmsKeyId with CUSTOMER_MANAGED_KMS_KEY.")
	case c.Type == AWSOwnedKey && (c.KMSKeyID != "" || c.ReusePeriodSeconds != 0):
		return Refuse(InvalidEncryptionConfiguration, "Invalid Encryption Configuration: Must not specify kmsKeyId or kmsDataKeyReusePeriodSeconds with AWS_OWNED_KEY.")
	case c.Type == CustomerManagedKey && !validKey(c.KMSKeyID):
		return Refuse(InvalidEncryptionConfiguration, "Invalid Encryption Configuration: '%s' is neither the id nor the alias of a KMS key.", c.KMSKeyID)
	}
	return nil
}

var keyID = regexp.MustCompile(`^(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)

// validKey tells whether a text has one of the forms in which a key may be named: a key's id or ARN, an alias's name or ARN.
func validKey(s string) bool {
	if arn, err := ParseARN(s); err == nil {
		if arn.Service != "kms" || arn.Region == "" || arn.Account == "" {
			return false
		}
		s = strings.TrimPrefix(arn.Resource, "key/")
	}
	alias, isAlias := strings.CutPrefix(s, "alias/")
	return isAlias && alias != "" && !strings.ContainsAny(alias, " \t\n:") || keyID.MatchString(s)
}

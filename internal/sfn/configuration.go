package sfn

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

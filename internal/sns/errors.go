package sns

import "github.com/tutti-run/tutti/internal/sfn"

// The exceptions of Amazon SNS that are raised here (API reference, the Errors section of each operation).
const (
	BatchEntryIDsNotDistinct     sfn.ExceptionName = "BatchEntryIdsNotDistinctException"     // two entries of a batch have one id
	BatchRequestTooLong          sfn.ExceptionName = "BatchRequestTooLongException"          // the messages of a batch are over the limit together
	EmptyBatchRequest            sfn.ExceptionName = "EmptyBatchRequestException"            // a batch without entries
	InvalidBatchEntryID          sfn.ExceptionName = "InvalidBatchEntryIdException"          // an id with characters that it may not have
	InvalidParameter             sfn.ExceptionName = "InvalidParameterException"             // a parameter cannot be that
	InvalidParameterValue        sfn.ExceptionName = "InvalidParameterValueException"        // an attribute of a message cannot be that
	NotFound                     sfn.ExceptionName = "NotFoundException"                     // no topic or subscription has the ARN
	ResourceNotFound             sfn.ExceptionName = "ResourceNotFoundException"             // likewise, of requests about tags
	SubscriptionLimitExceeded    sfn.ExceptionName = "SubscriptionLimitExceededException"    // the topic has as many as it may have
	TagLimitExceeded             sfn.ExceptionName = "TagLimitExceededException"             // more tags than a topic may have
	TooManyEntriesInBatchRequest sfn.ExceptionName = "TooManyEntriesInBatchRequestException" // more than ten
	TopicLimitExceeded           sfn.ExceptionName = "TopicLimitExceededException"           // there are as many topics as there may be
)

// invalid refuses a parameter, in the words of AWS.
func invalid(format string, args ...any) error {
	return sfn.Refuse(InvalidParameter, "Invalid parameter: "+format, args...)
}

func noTopic() error { return sfn.Refuse(NotFound, "Topic does not exist") }

func noSubscription() error { return sfn.Refuse(NotFound, "Subscription does not exist") }

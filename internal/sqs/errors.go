package sqs

import "github.com/tutti-run/tutti/internal/sfn"

// The exceptions of Amazon SQS that are raised here (API reference, the Errors section of each operation). Those that end in Exception are of the
// framework that the service is built with. Clients know all of them by the codes of the query protocol, which whoever answers them adds.
const (
	BatchEntryIDsNotDistinct     sfn.ExceptionName = "BatchEntryIdsNotDistinct"          // two entries of a batch have one id
	BatchRequestTooLong          sfn.ExceptionName = "BatchRequestTooLong"               // the messages of a batch are over the limit together
	EmptyBatchRequest            sfn.ExceptionName = "EmptyBatchRequest"                 // a batch without entries
	InvalidAttributeName         sfn.ExceptionName = "InvalidAttributeName"              // no queue has the attribute
	InvalidAttributeValue        sfn.ExceptionName = "InvalidAttributeValue"             // an attribute of a queue cannot be that
	InvalidBatchEntryID          sfn.ExceptionName = "InvalidBatchEntryId"               // an id with characters that it may not have
	InvalidMessageContents       sfn.ExceptionName = "InvalidMessageContents"            // a body with characters that XML has not
	InvalidParameterValue        sfn.ExceptionName = "InvalidParameterValueException"    // a parameter cannot be that
	MissingParameter             sfn.ExceptionName = "MissingRequiredParameterException" // a parameter is not there
	OverLimit                    sfn.ExceptionName = "OverLimit"                         // too many messages in flight, or actions in a permission
	QueueDoesNotExist            sfn.ExceptionName = "QueueDoesNotExist"                 // no queue has the name
	QueueNameExists              sfn.ExceptionName = "QueueNameExists"                   // the name is taken by a queue with other attributes
	ReceiptHandleIsInvalid       sfn.ExceptionName = "ReceiptHandleIsInvalid"            // no handle of this queue
	ResourceNotFound             sfn.ExceptionName = "ResourceNotFoundException"         // no queue or task of those of moving messages
	TooManyEntriesInBatchRequest sfn.ExceptionName = "TooManyEntriesInBatchRequest"      // more than ten
	UnsupportedOperation         sfn.ExceptionName = "UnsupportedOperation"              // the operation does not fit what the queue is
)

// invalid refuses a parameter's value, in the words of AWS.
func invalid(value any, parameter, reason string) error {
	return sfn.Refuse(InvalidParameterValue, "Value %v for parameter %s is invalid. Reason: %s", value, parameter, reason)
}

// missing refuses a request without a parameter that it must have.
func missing(parameter string) error {
	return sfn.Refuse(MissingParameter, "The request must contain the parameter %s.", parameter)
}

// noQueue refuses what names no queue.
func noQueue() error {
	return sfn.Refuse(QueueDoesNotExist, "The specified queue does not exist.")
}

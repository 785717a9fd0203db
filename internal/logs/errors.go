package logs

import "github.com/tutti-run/tutti/internal/sfn"

// The exceptions of the API that are raised here (API reference, the Errors section of each operation).
const (
	InvalidParameterException      sfn.ExceptionName = "InvalidParameterException"      // a member of the request breaks its constraint
	ResourceAlreadyExistsException sfn.ExceptionName = "ResourceAlreadyExistsException" // the name is taken
	ResourceNotFoundException      sfn.ExceptionName = "ResourceNotFoundException"      // no such group or stream
	LimitExceededException         sfn.ExceptionName = "LimitExceededException"         // more groups than an account may have
)

func noGroup() error {
	return sfn.Refuse(ResourceNotFoundException, "The specified log group does not exist.")
}

func noStream() error {
	return sfn.Refuse(ResourceNotFoundException, "The specified log stream does not exist.")
}

func invalid(format string, args ...any) error {
	return sfn.Refuse(InvalidParameterException, format, args...)
}

package sfn

// Status is where an execution stands.
type Status string

// The statuses (API reference, DescribeExecution).
const (
	StatusRunning        Status = "RUNNING"         // not ended
	StatusSucceeded      Status = "SUCCEEDED"       // ended with an output
	StatusFailed         Status = "FAILED"          // ended with an error
	StatusTimedOut       Status = "TIMED_OUT"       // ended by the machine's TimeoutSeconds or the quota on time
	StatusAborted        Status = "ABORTED"         // ended by StopExecution
	StatusPendingRedrive Status = "PENDING_REDRIVE" // a child of a redriven Map Run that has not begun again
)

// Statuses lists all of them, in the order of the API's own enum.
func Statuses() []Status {
	return []Status{StatusRunning, StatusSucceeded, StatusFailed, StatusTimedOut, StatusAborted, StatusPendingRedrive}
}

// Ended tells whether the execution is over.
func (s Status) Ended() bool {
	switch s {
	case StatusSucceeded, StatusFailed, StatusTimedOut, StatusAborted:
		return true
	}
	return false
}

// MachineType is Standard or Express.
type MachineType string

// The types of state machines.
const (
	Standard MachineType = "STANDARD" // durable, exactly once, up to a year
	Express  MachineType = "EXPRESS"  // in memory, up to five minutes
)

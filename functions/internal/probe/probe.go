package probe

import "slices"

// Status is what a probe says of an endpoint.
type Status string

const (
	// Healthy: the expected HTTP status, in time, with a certificate that stays valid for a while.
	Healthy Status = "healthy"

	// Degraded: the expected HTTP status, but slow, or with a certificate that expires soon. Someone should look today.
	Degraded Status = "degraded"

	// Down: another HTTP status, or no answer at all. Someone should look now.
	Down Status = "down"
)

// statuses holds every Status, from best to worst.
var statuses = []Status{Healthy, Degraded, Down}

// Statuses returns every Status, from best to worst.
func Statuses() []Status { return slices.Clone(statuses) }

// Rank orders statuses: the worse, the higher. A string that is no Status ranks below all of them.
func (s Status) Rank() int { return slices.Index(statuses, s) }

// Record is what one probe found.
type Record struct {
	// Index is the endpoint's position in the run's list, from 0.
	Index int `json:"index"`

	// Name and URL are the endpoint's, as configured.
	Name string `json:"name"`
	URL  string `json:"url"`

	Status Status `json:"status"`

	// Reasons says in words why Status is not Healthy; it is empty, never null, for a healthy endpoint.
	Reasons []string `json:"reasons"`

	// HTTPStatus and LatencyMillis are nil where the endpoint gave no answer, CertificateDaysLeft where there was no TLS.
	HTTPStatus          *int   `json:"httpStatus"`
	LatencyMillis       *int64 `json:"latencyMillis"`
	CertificateDaysLeft *int   `json:"certificateDaysLeft"`

	// RunStartedAt is when the run began that the record belongs to (RFC 3339).
	RunStartedAt string `json:"runStartedAt"`

	// Error is the error that ended the last attempt. A probe that returns a record had none; the workflow fills it in when
	// it makes a record of a failed probe, so that all records have the same members.
	Error *Failure `json:"error"`
}

// Failure is the Error Output of the States Language.
type Failure struct {
	Error string `json:"Error"`
	Cause string `json:"Cause"`
}

// Labelled is a record with the label that the workflow gave it: ok, warning or critical.
type Labelled struct {
	Record
	Severity string `json:"severity"`
}

package httpapi

import (
	"strconv"
	"time"
)

// Behind is what access logs say of what stands behind an API: of the integration's call.
type Behind struct {
	// Status is that of the response of the integration, or of the function; 0 for none.
	Status int
	// ServiceStatus is that of the answer of the service that was called, which for functions is Lambda; 0 for none.
	ServiceStatus int
	RequestID     string
	// Latency is how long the call took; Called tells that there was one.
	Latency time.Duration
	Called  bool
	// Error is why there is no response; "" if there is one.
	Error string
}

// Variable is the variable $context.integration…, by what follows these letters. Of most there are two names: $context.integrationStatus and
// $context.integration.integrationStatus are the same (developer guide, "Variables for access logging for API Gateway").
func (b *Behind) Variable(name string) (v string, ok bool) {
	switch name {
	case ".status":
		return strconv.Itoa(b.Status), b.Status != 0
	case "Status", ".integrationStatus":
		return strconv.Itoa(b.ServiceStatus), b.ServiceStatus != 0
	case "Latency", ".latency":
		return strconv.FormatInt(b.Latency.Milliseconds(), 10), b.Called
	case ".requestId":
		return b.RequestID, b.RequestID != ""
	case "ErrorMessage", ".error":
		return b.Error, b.Error != ""
	}
	return "", false
}

// Timed measures a call. It is to be called with the time when it begins, and what it returns when it has ended.
func (b *Behind) Timed(began time.Time) func() {
	return func() { b.Called, b.Latency = true, time.Since(began) }
}

package metrics

// For tests in package metrics_test.
var (
	DecodeAggregate = decodeAggregate
	ParseExpression = func(s string) error { _, err := parseExpression(s); return err }
	Functions       = functions
)

func (a *Aggregate) Encode() []byte { return a.append(nil) }

// Sweep does what is done every hour.
func (s *Service) Sweep() error { return s.sweep() }

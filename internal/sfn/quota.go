package sfn

import "time"

// Quotas of the service (developer guide, "Step Functions service quotas").
const (
	MaxPayloadBytes      = 262_144   // input, output and every intermediate result, in UTF-8
	MaxDefinitionBytes   = 1_048_576 // a definition's text
	MaxHistoryEvents     = 25_000    // events of one Standard execution
	MaxNameLength        = 80        // characters of a machine's, execution's, activity's or state's name
	MaxErrorLength       = 256       // characters of an error's name
	MaxCauseLength       = 32_768    // characters of a cause
	MaxVariableBytes     = 262_144   // one variable, and all the values of one Assign
	MaxAllVariablesBytes = 10 << 20  // all variables of an execution
	MaxInlineConcurrency = 40        // iterations of an inline Map at work at once, whatever MaxConcurrency says
	MaxMapRunConcurrency = 10_000    // child executions of a Map Run at work at once
	MaxTimeoutSeconds    = 99_999_999
	MaxStandardDuration  = 365 * 24 * time.Hour
	MaxExpressDuration   = 5 * time.Minute
)

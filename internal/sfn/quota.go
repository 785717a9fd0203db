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
	MaxMachines          = 100_000             // registered state machines of an account and region
	MaxActivities        = 100_000             // registered activities of an account and region
	MaxOpenExecutions    = 1_000_000           // Standard executions that have not ended
	MaxVersions          = 1000                // versions of a state machine
	MaxAliases           = 100                 // aliases of a state machine
	MaxTags              = 50                  // tags of a resource
	NameReuseAfter       = 90 * 24 * time.Hour // from an execution's end until its name is free again
	MaxStandardDuration  = 365 * 24 * time.Hour
	MaxExpressDuration   = 5 * time.Minute
)

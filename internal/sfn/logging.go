package sfn

import "strings"

// LogLevel says which events of an execution are written to a log group (developer guide, "Log levels for execution events").
type LogLevel string

// The log levels. Which events belong to which is said with the event types.
const (
	LogAll   LogLevel = "ALL"   // every event
	LogError LogLevel = "ERROR" // what went wrong, caught or not
	LogFatal LogLevel = "FATAL" // executions that ended in failure
	LogOff   LogLevel = "OFF"   // nothing; the default
)

// LogLevels lists all of them, in the order of the API's own enum.
func LogLevels() []LogLevel { return []LogLevel{LogAll, LogError, LogFatal, LogOff} }

// LoggingConfiguration is what a state machine's executions write to CloudWatch Logs, as on the wire (API reference,
// LoggingConfiguration). The zero value is that of a machine without one, once [LoggingConfiguration.WithDefaults] has filled it.
type LoggingConfiguration struct {
	Level LogLevel `json:"level,omitempty"`
	// IncludeExecutionData lets inputs and outputs be written.
	IncludeExecutionData bool `json:"includeExecutionData"`
	// Destinations has one member, unless the level is OFF.
	Destinations []LogDestination `json:"destinations,omitempty"`
}

// LogDestination is where to write. A log group is the only kind there is.
type LogDestination struct {
	CloudWatchLogsLogGroup *LogGroupDestination `json:"cloudWatchLogsLogGroup,omitempty"`
}

// LogGroupDestination names a log group.
type LogGroupDestination struct {
	// LogGroupARN ends with :*, for all streams of the group.
	LogGroupARN string `json:"logGroupArn,omitempty"`
}

// WithDefaults is the configuration as AWS describes it: with a level.
func (c LoggingConfiguration) WithDefaults() LoggingConfiguration {
	if c.Level == "" {
		c.Level = LogOff
	}
	return c
}

// LogGroup is the name of the log group that is written to, "" if nothing is.
func (c LoggingConfiguration) LogGroup() string {
	if c.WithDefaults().Level == LogOff || len(c.Destinations) != 1 {
		return ""
	}
	return c.Destinations[0].logGroup()
}

// logGroup is the name of the destination's log group, "" if it is none.
func (d LogDestination) logGroup() string {
	if d.CloudWatchLogsLogGroup == nil {
		return ""
	}
	return LogGroupName(d.CloudWatchLogsLogGroup.LogGroupARN)
}

// Check refuses a configuration that no machine can have, as InvalidLoggingConfiguration in AWS's words. exists tells whether there is a log
// group of the name.
func (c LoggingConfiguration) Check(exists func(group string) bool) error {
	switch {
	case len(c.Destinations) == 0 && c.WithDefaults().Level == LogOff:
		return nil
	case len(c.Destinations) != 1:
		return Refuse(InvalidLoggingConfiguration, "Invalid Logging Configuration: Must specify exactly one Log Destination.")
	}
	if group := c.Destinations[0].logGroup(); group == "" || !exists(group) {
		return Refuse(InvalidLoggingConfiguration, "Invalid Logging Configuration: Log Destination not found.")
	}
	return nil
}

// LogGroupARN returns the ARN of the log group name, without the :* at its end.
func (p Place) LogGroupARN(name string) string {
	return ARN{p.Partition, "logs", p.Region, p.Account, "log-group:" + name}.String()
}

// LogGroupName is the name in a log group's ARN, with or without :* at its end, "" if it is another ARN or none.
func LogGroupName(arn string) string {
	a, err := ParseARN(arn)
	if err != nil || a.Service != "logs" {
		return ""
	}
	name, ok := strings.CutPrefix(a.Resource, "log-group:")
	name = strings.TrimSuffix(name, ":*")
	if !ok || strings.Contains(name, ":") {
		return ""
	}
	return name
}

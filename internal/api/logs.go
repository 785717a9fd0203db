package api

import (
	"context"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/logs"
	"github.com/tutti-run/tutti/internal/sfn"
)

// logsProtocol is how CloudWatch Logs is spoken to. Its exceptions bear no namespace.
var logsProtocol = protocol{
	route:       route{title: "Amazon CloudWatch Logs", target: "Logs_20140328", scope: "logs", hosts: []string{"logs"}},
	contentType: json11,
	maxBytes:    8 << 20, // a batch of PutLogEvents is a megabyte as AWS counts, and more with JSON's escapes
	exceptions: map[sfn.ExceptionName]exception{
		logs.InvalidParameterException:      {"", 400},
		logs.LimitExceededException:         {"", 400},
		logs.ResourceAlreadyExistsException: {"", 400},
		logs.ResourceNotFoundException:      {"", 400},
		sfn.ValidationException:             {"", 400},
	},
	refused: map[string]string{
		"StartLiveTail": "poll FilterLogEvents instead, as aws logs tail --follow does",
		"StartQuery":    "use FilterLogEvents with a filter pattern instead",
	},
}

// cloudWatchLogs serves the API of Amazon CloudWatch Logs, version 2014-03-28.
type cloudWatchLogs struct {
	logs *logs.Service
	home sfn.Place // where requests are that do not say it
	now  func() time.Time
}

func newCloudWatchLogs(c *Config) *cloudWatchLogs {
	return &cloudWatchLogs{logs: c.Logs, home: c.Place, now: c.Now}
}

// place is where the request is.
func (s *cloudWatchLogs) place(ctx context.Context) sfn.Place { return callerOf(ctx).place(s.home) }

// logsOperations is the table of all operations that are served.
var logsOperations = map[string]operation[*cloudWatchLogs]{
	"AssociateKmsKey":               op((*cloudWatchLogs).associateKmsKey),               // kept and shown
	"CreateLogGroup":                op((*cloudWatchLogs).createLogGroup),                // with tags
	"CreateLogStream":               op((*cloudWatchLogs).createLogStream),               // in a group
	"DeleteLogGroup":                op((*cloudWatchLogs).deleteLogGroup),                // with all that is in it
	"DeleteMetricFilter":            op((*cloudWatchLogs).deleteMetricFilter),            // by name
	"DescribeMetricFilters":         op((*cloudWatchLogs).describeMetricFilters),         // of a group or all, by prefix or metric
	"PutMetricFilter":               op((*cloudWatchLogs).putMetricFilter),               // has events counted
	"TestMetricFilter":              op((*cloudWatchLogs).testMetricFilter),              // what a pattern finds in messages
	"DeleteLogStream":               op((*cloudWatchLogs).deleteLogStream),               // with its events
	"DeleteRetentionPolicy":         op((*cloudWatchLogs).deleteRetentionPolicy),         // lets events stay for ever
	"DescribeLogGroups":             op((*cloudWatchLogs).describeLogGroups),             // by prefix or part of the name
	"DescribeLogStreams":            op((*cloudWatchLogs).describeLogStreams),            // by name or by the time of the last event
	"DisassociateKmsKey":            op((*cloudWatchLogs).disassociateKmsKey),            // shows no key any more
	"FilterLogEvents":               op((*cloudWatchLogs).filterLogEvents),               // of a group, by time and pattern
	"GetLogEvents":                  op((*cloudWatchLogs).getLogEvents),                  // of a stream, forward and backward
	"ListTagsForResource":           op((*cloudWatchLogs).listTagsForResource),           // of a group, by ARN
	"ListTagsLogGroup":              op((*cloudWatchLogs).listTagsLogGroup),              // the same by name
	"PutLogEvents":                  op((*cloudWatchLogs).putLogEvents),                  // a batch for a stream
	"PutLogGroupDeletionProtection": op((*cloudWatchLogs).putLogGroupDeletionProtection), // a group that cannot be deleted
	"PutRetentionPolicy":            op((*cloudWatchLogs).putRetentionPolicy),            // lets events expire
	"TagLogGroup":                   op((*cloudWatchLogs).tagLogGroup),                   // by name
	"TagResource":                   op((*cloudWatchLogs).tagResource),                   // by ARN
	"UntagLogGroup":                 op((*cloudWatchLogs).untagLogGroup),                 // by name
	"UntagResource":                 op((*cloudWatchLogs).untagResource),                 // by ARN
}

// Limits of members (API reference, CloudWatch Logs).
const (
	maxLogName        = 512
	maxLogIdentifier  = 2048
	maxLogPage        = 50     // groups and streams
	maxLogEvents      = 10_000 // of a page, and of a batch
	maxLogStreamNames = 100    // of FilterLogEvents
)

// Patterns of names, as the API's model has them.
const (
	logGroupPattern  = `[\.\-_/#A-Za-z0-9]+`
	logStreamPattern = `[^:*]*`
)

// logsErr is the error that lists what is broken as CloudWatch Logs answers it, nil for nothing.
func (c *constraints) logsErr() error { return c.errAs(logs.InvalidParameterException) }

// logGroup bounds the name of a group.
func (c *constraints) logGroup(field string, v sfn.OptString) {
	c.length(field, v, 1, maxLogName)
	if v.Set && v.Text != "" && strings.ContainsFunc(v.Text, func(r rune) bool { return !isLogGroupRune(r) }) {
		c.add("'"+v.Text+"' ", field, "Member must satisfy regular expression pattern: "+logGroupPattern)
	}
}

func isLogGroupRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_/#", r)
}

// logStream bounds the name of a stream.
func (c *constraints) logStream(field string, v sfn.OptString) {
	c.length(field, v, 1, maxLogName)
	if v.Set && strings.ContainsAny(v.Text, ":*") {
		c.add("'"+v.Text+"' ", field, "Member must satisfy regular expression pattern: "+logStreamPattern)
	}
}

// limit bounds the length of a page.
func (c *constraints) limit(v *int, most int) {
	if v != nil {
		c.between("limit", *v, 1, most)
	}
}

// pageLimit is the length of a page, by default the greatest.
func pageLimit(v *int, most int) int {
	if v == nil {
		return most
	}
	return *v
}

// logGroupOf is the name of the group that a request is about: it names the group, or identifies it by name or ARN.
func logGroupOf(name, identifier sfn.OptString) (string, error) {
	var c constraints
	switch {
	case name.Set && identifier.Set:
		return "", sfn.Refuse(sfn.ValidationException, "LogGroup name and LogGroup ARN are mutually exclusive parameters.")
	case identifier.Set:
		c.length("logGroupIdentifier", identifier, 1, maxLogIdentifier)
		if strings.HasPrefix(identifier.Text, "arn:") {
			group := sfn.LogGroupName(identifier.Text)
			if group == "" {
				return "", sfn.Refuse(logs.InvalidParameterException, "The specified logGroupIdentifier is invalid.")
			}
			return group, c.logsErr()
		}
		c.logGroup("logGroupIdentifier", identifier)
		return identifier.Text, c.logsErr()
	}
	c.required("logGroupName", name)
	c.logGroup("logGroupName", name)
	return name.Text, c.logsErr()
}

func invalidLogsToken() error {
	return sfn.Refuse(logs.InvalidParameterException, "The specified nextToken is invalid.")
}

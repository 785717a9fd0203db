package api

import (
	"maps"
	"slices"

	"github.com/tutti-run/tutti/internal/sfn"
)

// OperationNames lists the table of operations.
func OperationNames() []string { return slices.Sorted(maps.Keys(statesOperations)) }

// ExceptionNames lists the table of exceptions.
func ExceptionNames() []sfn.ExceptionName { return slices.Sorted(maps.Keys(statesProtocol.exceptions)) }

// Decode is the reader of request bodies.
var Decode = decode

// Token makes and opens page tokens.
var (
	PageToken = pageToken
	OpenToken = openToken
)

// LogsOperationNames lists the table of operations of CloudWatch Logs.
func LogsOperationNames() []string { return slices.Sorted(maps.Keys(logsOperations)) }

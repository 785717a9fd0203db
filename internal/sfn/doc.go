// Package sfn is the vocabulary of AWS Step Functions: names of resources, statuses of executions, names of errors, quotas, and the two
// families of faults that are values of the language ([Failure]) and of its checks ([Diagnostic]).
//
// It imports nothing of the project but is imported by most of it. It holds no behaviour beyond parsing and printing its own words.
package sfn

// Package task calls what Task states name in their Resource: a [Catalog] maps resources to performers.
//
// A [Call] comes in when the runner has recorded that the task has started; a result or a failure of the States Language leaves, in the shape
// and with the names that AWS gives them. A performer is one file; the table in catalog.go has one line for each.
//
// The package records nothing and repeats nothing: a call that fails has failed, and Retry is the engine's business.
package task

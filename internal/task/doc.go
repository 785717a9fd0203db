// Package task calls what Task states name in their Resource: a [Catalog] maps resources to performers.
//
// A [Call] comes in when the runner has recorded that the task has started; a result or a failure of the States Language leaves, in the shape
// and with the names that AWS gives them. Before that the catalog is asked to prepare the task's parameters, afterwards to follow the jobs that
// tasks with the pattern .sync start. A few integrations are performers of their own, a file each; all others follow from three tables: the
// optimized services in services.go, the actions that differ from the service's operation in actions.go, the jobs in jobs.go.
//
// The package records nothing and repeats nothing: a call that fails has failed, and Retry is the engine's business.
package task

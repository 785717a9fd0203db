// Package functions is the folder of automated tasks: each folder in it is one Lambda function, one task, one typed handler.
//
// A function takes JSON that satisfies schemas/<function>.input.schema.json and gives JSON that satisfies
// schemas/<function>.output.schema.json; package task holds it to both. Functions know nothing of the workflow that calls
// them and never call each other: order, retries and branches are the state machine's. What several functions share is
// in internal/, under its noun.
//
// The package itself has no code, only the tests that hold for every function.
package functions

// Package api is the front door: AWS's own wire protocols, so that unmodified AWS clients and tools work against local services.
//
// An HTTP request comes in through the handler that [New] returns. The front door checks where it comes from (Host and Origin), finds the
// service by the X-Amz-Target header, or else by the credential scope of the request's signature, the host's name or the path, and hands
// it over. A service with a REST protocol is a handler of its own. One with a JSON protocol is a table of typed operations: the front door
// decodes the body into the operation's request, which is checked in AWS's order and words, calls the narrow interfaces stated in this
// package, and answers with a typed response or an exception. Everything about the answers is AWS's: casing, timestamps, error bodies,
// page tokens.
//
// # Terms
//
// An operation is one entry of a service's API, like StartExecution. A constraint is what the API's model says of a member, like its
// greatest length; breaking one is a ValidationException, which lists all that are broken. Those of Step Functions stand in the tags of
// the structs that requests are read into (model.go). An exception is an error that the API names. A request's place is the region and account
// that its signature names.
//
// # Never
//
// The package runs nothing, stores nothing and does not listen: whoever does gives the handler to [NewServer]. It reads the clock for the
// age of page tokens only. It trusts a request's host and origin no further than loopback and AWS's own names. Of a JSON protocol it reads no
// body beyond the service's limit; REST services bound their own.
package api

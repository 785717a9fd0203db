// Package awsclient calls operations of AWS's services with JSON as Step Functions writes it, and answers in the same form.
//
// A [Call] comes in with an operation's description from awsmodel and its input as an object with Pascal-case names; it leaves as a signed HTTP
// request in the service's protocol, and what comes back is a [Response] or an [*Error]. Requests go to handlers in this process, called in
// memory, or to an upstream such as LocalStack, moto or AWS itself: see [Routes].
//
// The package retries nothing, caches nothing but credentials, and knows no error names of the States Language.
package awsclient

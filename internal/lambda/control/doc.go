// Package control is the control plane of AWS Lambda: the functions that there are, with their versions, aliases, settings, permissions and
// tags, and the queue of events that wait to be delivered to them.
//
// # In and out
//
// A request comes in by [Plane.Call], which finds the operation in one table and decodes the request into its type, or by [Plane.Invoke] and
// [Plane.Enqueue]. A response in the API's own shape leaves, or an error that is a [*lambda.Error]. Functions of a template come in by
// [Plane.Deploy] and stand in the same list. What functions are told to be is handed on to the [lambda.Host], which runs them.
//
// # Terms
//
// A function is a name with versions: $LATEST, which changes, and published ones, which do not. The code of a version is a zip that was
// sent, known by the hash of its bytes, or, for the functions of a template, a folder of Go source. An event is an asynchronous
// invocation. A qualifier names a version or an alias; where none is given $LATEST is meant.
//
// # Durability
//
// Each function is a document in the journal and each of its versions another; what an operation changes is one write, and nobody is
// answered and no process is told before that is on disk. An event is a document until it is delivered or given up: it is delivered at
// least once. Code lies beside the journal, in a folder named after its hash; it is on disk before a document names it.
//
// # Never
//
// The package knows no HTTP, starts no process, and unpacks nothing outside its folder.
package control

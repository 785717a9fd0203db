// Command tutti runs serverless workflows on this computer and looks after them here and on AWS.
//
// dev and run open a stack (internal/stack) and put AWS's own API (internal/api) in front of it; every other command, and the part
// of run that starts and watches, is a client of that API and works as well against AWS. The files are named after the commands; what
// they share is here:
//
//   - cli.go: streams, environment and clock in one value, exit codes, errors that know theirs
//   - project.go: the folder that is worked in, and how a command finds the server that runs for it
//   - serve.go: a stack behind the API on a loopback port
//   - client.go: the AWS client, and how a person's short names become ARNs
//   - tree.go: history events in, nested states out; a pure function
//   - view.go, screen.go, plain.go: the tree as lines, redrawn in place on a terminal or told event by event elsewhere
//   - follow.go: polls an execution's history until it ends
//   - evalbatch.go: eval's lines of JSON, read ahead, evaluated side by side and answered in order; like validate it needs no server
package main

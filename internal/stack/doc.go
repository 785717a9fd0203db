// Package stack turns a CloudFormation template into running services: functions in the function host, state machines and their
// executions in the runner, schedules that start them.
//
// A template (CloudFormation or SAM, JSON or YAML) or a cloud assembly with several stacks, the project's folder and a data folder come in
// through [Open]; a running [Stack] leaves, and [Stack.Reload] takes in what has changed. Code is found where each tool leaves it: in the
// project, by our own metadata; in assets; beside the template; in the template. What a template holds and this program does not run is told with
// what needs it, not passed over in silence. One resource that cannot run, such as a function that does not compile or a definition that
// AWS would refuse, does not keep the others from running.
//
// The package speaks no wire protocol and writes to no terminal.
package stack

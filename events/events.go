// Package events embeds sample payloads. <function>.json is what a workflow hands to the function in functions/<function>,
// <workflow>.json what starts the state machine in statemachines/<workflow>.asl.json; a name that ends in -invalid is input
// that has to be refused. They are used by tests, by make run, and by anyone who wants to try a function alone.
package events

import "embed"

// FS holds the payloads, by file name.
//
//go:embed *.json
var FS embed.FS

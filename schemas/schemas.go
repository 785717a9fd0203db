// Package schemas embeds the contracts: JSON Schemas (draft 2020-12) of what goes into and comes out of every function, and
// of what a workflow is started with. Files in it are data; nothing here reads or compiles them.
//
// <function>.input.schema.json and <function>.output.schema.json belong to the function in functions/<function>, and
// <workflow>.input.schema.json to the state machine in statemachines/<workflow>.asl.json. What two contracts share is
// defined once, by the function that makes it, and referred to by relative $ref.
package schemas

import "embed"

// FS holds the schema files, by file name.
//
//go:embed *.schema.json
var FS embed.FS

// Package statemachines embeds the workflows: definitions in the Amazon States Language, one file each, valid on AWS once
// their ${Name} substitutions are filled in. The stack that deploys a definition fills them in (DefinitionSubstitutions of
// AWS::StepFunctions::StateMachine), with the ARNs of the functions it deploys beside it.
package statemachines

import "embed"

// FS holds the definitions, by file name.
//
//go:embed *.asl.json
var FS embed.FS

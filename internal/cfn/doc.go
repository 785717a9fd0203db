// Package cfn is AWS CloudFormation templates, resolved: what a stack would consist of if it were deployed now.
//
// A template's text comes in through a reader, [ReadJSON] or [ReadYAML], which keeps where everything stands, and becomes a [Document].
// [Resolve]
// takes it with a place, a stack name and parameter values, and returns a [Template]: parameters checked, conditions decided, every
// intrinsic function evaluated, resources in an order in which each follows those it needs. A [Template] never changes, and any number
// of goroutines may use it. [Resource.Read] reads properties with the types that a service expects of them.
//
// Nothing is created here, so a resource's name and ARN are worked out instead of asked for: one table says of each known type how
// its name is formed, what Ref gives and which attributes it has. For other types Ref and Fn::GetAtt give stable made-up texts, and
// [Template.Unknown] lists them. The same template, stack name and place always give the same names.
//
// Faults are [Problems], all of them at once, each with file, line, column, JSON Pointer, logical id and property path; where
// CloudFormation has a sentence for a fault, the message is that sentence. Values of NoEcho parameters appear in no message.
//
// Three macros belong to CloudFormation and are done here: AWS::Include, the language extensions with Fn::ForEach, and SAM's
// AWS::Serverless-2016-10-31, whose resources become those that they stand for, under the logical ids that SAM gives them. Paths of code and
// definitions that are not in S3 stay texts, as `aws cloudformation package` finds them.
//
// The Rules section is not evaluated, custom resources are not called, and other macros are refused. The package does no I/O and asks nobody
// but the functions in [Input], which know what other stacks export, what lies in other files and what stacks within the stack come to.
package cfn

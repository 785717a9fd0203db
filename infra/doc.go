// Infra is the CDK app: it says in Go what of Tutti stands on AWS, and synthesizes CloudFormation templates from it.
//
// Data comes in once, at the top: the settings of cdk.json, the stage (context "stage", "dev" if absent) with its Config, the
// definitions and contracts that the packages statemachines and schemas embed, and the built functions in dist/functions.
// Stacks and constructs see nothing but their props. What leaves is a cloud assembly, for the cdk command to deploy. The
// template of stage dev is committed as well, as snapshot/EndpointWatch.template.json, where it is reviewed like code and
// where tutti reads what to run on a laptop.
//
// So that a template is enough to run what it describes, every function and state machine bears the place of its source in its
// metadata (see sourceKey).
//
// The app never looks anything up in an account and never builds functions: "make build" does.
package main

package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/lambda"
)

// operation decodes a request, carries it out and returns the response, nil for one without a body.
type operation func(p *Plane, ctx context.Context, documents [][]byte) (any, error)

// op makes an operation out of a method with a typed request and response.
func op[In, Out any](do func(*Plane, context.Context, *In) (*Out, error)) operation {
	return func(p *Plane, ctx context.Context, documents [][]byte) (any, error) {
		in := new(In)
		for _, d := range documents {
			if err := decode(d, in); err != nil {
				return nil, err
			}
		}
		out, err := do(p, ctx, in)
		if err != nil || out == nil {
			return nil, err
		}
		return out, nil
	}
}

// operations is the table of all operations on functions, beside invoking them.
var operations = map[string]operation{
	"AddPermission":                      op((*Plane).addPermission),                      // lets another account or a service call a function
	"CreateAlias":                        op((*Plane).createAlias),                        // names a version
	"CreateEventSourceMapping":           op((*Plane).createEventSourceMapping),           // polls a queue
	"CreateFunctionUrlConfig":            op((*Plane).createFunctionURLConfig),            // gives a function or alias a URL
	"CreateFunction":                     op((*Plane).createFunction),                     // makes a function of a zip
	"DeleteAlias":                        op((*Plane).deleteAlias),                        // forgets a name
	"DeleteEventSourceMapping":           op((*Plane).deleteEventSourceMapping),           // stops polling
	"DeleteFunction":                     op((*Plane).deleteFunction),                     // deletes a function or one version
	"DeleteFunctionCodeSigningConfig":    op((*Plane).deleteFunctionCodeSigningConfig),    // of which there never is one
	"DeleteFunctionConcurrency":          op((*Plane).deleteFunctionConcurrency),          // reserves nothing
	"DeleteProvisionedConcurrencyConfig": op((*Plane).deleteProvisionedConcurrencyConfig), // of which there never is one
	"DeleteFunctionUrlConfig":            op((*Plane).deleteFunctionURLConfig),            // takes the URL away
	"DeleteFunctionEventInvokeConfig":    op((*Plane).deleteFunctionEventInvokeConfig),    // delivers events as usual
	"GetAccountSettings":                 op((*Plane).getAccountSettings),                 // limits, and what is used of them
	"GetAlias":                           op((*Plane).getAlias),                           // one alias
	"GetEventSourceMapping":              op((*Plane).getEventSourceMapping),              // one mapping
	"GetFunction":                        op((*Plane).getFunction),                        // a version, where its code is, and tags
	"GetFunctionCodeSigningConfig":       op((*Plane).getFunctionCodeSigningConfig),       // says that nothing is signed
	"GetFunctionConcurrency":             op((*Plane).getFunctionConcurrency),             // what is reserved
	"GetFunctionConfiguration":           op((*Plane).getFunctionConfiguration),           // a version alone
	"GetFunctionEventInvokeConfig":       op((*Plane).getFunctionEventInvokeConfig),       // how events are delivered
	"GetFunctionUrlConfig":               op((*Plane).getFunctionURLConfig),               // the URL, and who may call it
	"GetFunctionRecursionConfig":         op((*Plane).getFunctionRecursionConfig),         // whether loops are stopped
	"GetPolicy":                          op((*Plane).getPolicy),                          // who may call a function
	"GetProvisionedConcurrencyConfig":    op((*Plane).getProvisionedConcurrencyConfig),    // says that there is none
	"GetRuntimeManagementConfig":         op((*Plane).getRuntimeManagementConfig),         // says that the runtime is kept up to date
	"ListAliases":                        op((*Plane).listAliases),                        // of a function, by name
	"ListEventSourceMappings":            op((*Plane).listEventSourceMappings),            // all mappings
	"ListFunctionEventInvokeConfigs":     op((*Plane).listFunctionEventInvokeConfigs),     // of all versions of a function
	"ListFunctionUrlConfigs":             op((*Plane).listFunctionURLConfigs),             // of a function and its aliases
	"ListFunctions":                      op((*Plane).listFunctions),                      // all functions, by name
	"ListProvisionedConcurrencyConfigs":  op((*Plane).listProvisionedConcurrencyConfigs),  // none
	"ListTags":                           op((*Plane).listTags),                           // of a function
	"ListVersionsByFunction":             op((*Plane).listVersionsByFunction),             // $LATEST, then the published ones
	"PublishVersion":                     op((*Plane).publishVersion),                     // keeps what $LATEST is now
	"PutFunctionConcurrency":             op((*Plane).putFunctionConcurrency),             // reserves concurrency, which also limits it
	"PutFunctionEventInvokeConfig":       op((*Plane).putFunctionEventInvokeConfig),       // says how events are delivered
	"PutFunctionRecursionConfig":         op((*Plane).putFunctionRecursionConfig),         // says whether loops are stopped
	"PutRuntimeManagementConfig":         op((*Plane).putRuntimeManagementConfig),         // says when the runtime is brought up to date
	"RemovePermission":                   op((*Plane).removePermission),                   // takes a permission back
	"TagResource":                        op((*Plane).tagResource),                        // adds tags
	"UntagResource":                      op((*Plane).untagResource),                      // removes tags
	"UpdateAlias":                        op((*Plane).updateAlias),                        // leads an alias elsewhere, also in part
	"UpdateEventSourceMapping":           op((*Plane).updateEventSourceMapping),           // polls otherwise
	"UpdateFunctionCode":                 op((*Plane).updateFunctionCode),                 // gives $LATEST other code
	"UpdateFunctionConfiguration":        op((*Plane).updateFunctionConfiguration),        // gives $LATEST other settings
	"UpdateFunctionUrlConfig":            op((*Plane).updateFunctionURLConfig),            // changes a part of the URL's settings
	"UpdateFunctionEventInvokeConfig":    op((*Plane).updateFunctionEventInvokeConfig),    // changes a part of how events are delivered
}

// Operations lists the operations that [Plane.Call] knows.
func Operations() []string { return slices.Sorted(maps.Keys(operations)) }

// Call carries out an operation. Its request is the members of all documents, each a JSON object, later ones before earlier. The response
// encodes as JSON; it is nil where there is none. Errors that are a [*lambda.Error] are the API's.
func (p *Plane) Call(ctx context.Context, name string, documents ...[]byte) (any, error) {
	do := operations[name]
	if do == nil {
		return nil, lambda.Refuse(lambda.CodeUnknownOperation, "The operation %.100q of AWS Lambda is not served here.", name)
	}
	return do(p, ctx, documents)
}

// decode reads a document into a request. Members that the request does not have are ignored, null is as good as absent.
func decode(document []byte, in any) error {
	document = bytes.TrimSpace(document)
	switch {
	case len(document) == 0:
		return nil
	case document[0] != '{':
		return lambda.Refuse(lambda.CodeSerialization, "The body of the request is not a JSON object.")
	case !utf8.Valid(document):
		return lambda.Refuse(lambda.CodeSerialization, "The body of the request is not UTF-8.")
	}
	err := json.Unmarshal(document, in)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return lambda.Refuse(lambda.CodeSerialization, "%s cannot be converted to the type of the member %q.", wrongType.Value, wrongType.Field)
	case err != nil:
		return lambda.Refuse(lambda.CodeSerialization, "Could not parse request body into json: %v", err)
	}
	return nil
}

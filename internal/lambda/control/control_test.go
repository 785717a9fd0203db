package control

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/lambda"
)

// TestRefusals has a line for every way in which a request is refused.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	w.do(t, "CreateFunction", creation(t, "f"))
	w.do(t, "CreateFunction", creation(t, "other"))
	w.do(t, "PublishVersion", `{"FunctionName":"f"}`)
	w.do(t, "UpdateFunctionConfiguration", `{"FunctionName":"f","Timeout":9}`)
	w.do(t, "PublishVersion", `{"FunctionName":"f"}`)
	w.do(t, "CreateAlias", `{"FunctionName":"f","Name":"live","FunctionVersion":"1"}`)
	w.do(t, "AddPermission", `{"FunctionName":"f","StatementId":"s","Action":"lambda:InvokeFunction","Principal":"*"}`)
	const (
		invalidValue = lambda.CodeInvalidParameterValue
		gone         = lambda.CodeResourceNotFound
		validation   = lambda.CodeValidation
		conflict     = lambda.CodeResourceConflict
		stale        = lambda.CodePreconditionFailed
		arn          = "arn:aws:lambda:us-east-1:000000000000:function:"
	)
	large := strings.Repeat("x", 4200)
	for _, tc := range []struct{ name, operation, request, code, message string }{
		{"unknown operation", "GetLayer", `{}`, lambda.CodeUnknownOperation, "GetLayer"},
		{"no object", "GetFunction", `[]`, lambda.CodeSerialization, "not a JSON object"},
		{"no UTF-8", "GetFunction", "{\"FunctionName\":\"\xff\"}", lambda.CodeSerialization, "UTF-8"},
		{"no JSON", "GetFunction", `{"FunctionName"}`, lambda.CodeSerialization, "Could not parse request body into json"},
		{"another type", "GetFunction", `{"FunctionName":1}`, lambda.CodeSerialization, `the member "FunctionName"`},
		{"no function", "GetFunction", `{}`, validation, "Value null at 'functionName' failed to satisfy constraint: Member must not be null"},
		{"name of blanks", "GetFunction", `{"FunctionName":"a b"}`, validation, "Value 'a b' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?"},
		{"qualifier", "GetFunction", `{"FunctionName":"f","Qualifier":"a b"}`, validation, "at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: (|[a-zA-Z0-9$_-]+)"},
		{"two faults", "GetFunction", `{"FunctionName":"a b","Qualifier":"a b"}`, validation, "2 validation errors detected: "},
		{"unknown function", "GetFunction", `{"FunctionName":"g"}`, gone, "Function not found: " + arn + "g"},
		{"unknown version", "GetFunctionConfiguration", `{"FunctionName":"f:7"}`, gone, "Function not found: " + arn + "f:7"},
		{"unknown alias", "GetFunction", `{"FunctionName":"f","Qualifier":"blue"}`, gone, "Function not found: " + arn + "f:blue"},
		{"two qualifiers", "GetFunction", `{"FunctionName":"f:1","Qualifier":"2"}`, invalidValue, "The derived qualifier from the function name does not match the specified qualifier."},
		{"another region", "GetFunction", `{"FunctionName":"arn:aws:lambda:eu-west-1:000000000000:function:f"}`, gone, "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"},
		{"another account", "GetFunction", `{"FunctionName":"111111111111:f"}`, lambda.CodeAccessDenied, "account 111111111111"},

		{"create: nothing", "CreateFunction", `{}`, validation, "3 validation errors detected: "},
		{"create: exists", "CreateFunction", creation(t, "f"), conflict, "Function already exist: f"},
		{"create: long name", "CreateFunction", creation(t, strings.Repeat("n", 65)), invalidValue, "Member must have length less than or equal to 64"},
		{"create: longer name", "CreateFunction", creation(t, strings.Repeat("n", 141)), validation, "Member must have length less than or equal to 140"},
		{"create: with a qualifier", "CreateFunction", creation(t, "function:g:1"), validation, "at 'functionName'"},
		{"create: role", "CreateFunction", creation(t, "g", `{"Role":"r"}`), validation, `Value 'r' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`},
		{"create: little memory", "CreateFunction", creation(t, "g", `{"MemorySize":127}`), validation, "Value '127' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128"},
		{"create: much memory", "CreateFunction", creation(t, "g", `{"MemorySize":10241}`), validation, "less than or equal to 10240"},
		{"create: no time", "CreateFunction", creation(t, "g", `{"Timeout":0}`), validation, "Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"create: much time", "CreateFunction", creation(t, "g", `{"Timeout":901}`), validation, "less than or equal to 900"},
		{"create: storage", "CreateFunction", creation(t, "g", `{"EphemeralStorage":{"Size":511}}`), validation, "at 'ephemeralStorage.size'"},
		{"create: handler", "CreateFunction", creation(t, "g", `{"Handler":"a b"}`), validation, `at 'handler'`},
		{"create: no handler", "CreateFunction", creation(t, "g", `{"Handler":null}`), invalidValue, "Handler is mandatory"},
		{"create: description", "CreateFunction", creation(t, "g", `{"Description":"`+large[:257]+`"}`), validation, "at 'description'"},
		{"create: architectures", "CreateFunction", creation(t, "g", `{"Architectures":["x86_64","arm64"]}`), validation, "Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1"},
		{"create: no architecture", "CreateFunction", creation(t, "g", `{"Architectures":[]}`), validation, "greater than or equal to 1"},
		{"create: architecture", "CreateFunction", creation(t, "g", `{"Architectures":["mips"]}`), validation, "Member must satisfy enum value set: [x86_64, arm64]"},
		{"create: package type", "CreateFunction", creation(t, "g", `{"PackageType":"Tar"}`), validation, "at 'packageType' failed to satisfy constraint: Member must satisfy enum value set: [Zip, Image]"},
		{"create: image", "CreateFunction", creation(t, "g", `{"PackageType":"Image","Code":{"ImageUri":"i"}}`), invalidValue, "Container images are not run here"},
		{"create: no runtime", "CreateFunction", creation(t, "g", `{"Runtime":null}`), invalidValue, "Runtime is mandatory for functions created with deployment packages."},
		{"create: no such runtime", "CreateFunction", creation(t, "g", `{"Runtime":"cobol"}`), invalidValue, "Value cobol at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [nodejs20.x, python3.14, provided.al2023, "},
		{"create: old runtime", "CreateFunction", creation(t, "g", `{"Runtime":"go1.x"}`), invalidValue, "The runtime parameter of go1.x is no longer supported for creating or updating AWS Lambda functions. We recommend you use the new runtime (provided.al2023) while creating or updating functions."},
		{"create: runtime of others", "CreateFunction", creation(t, "g", `{"Runtime":"python3.13"}`), invalidValue, "The runtime python3.13 does not run here"},
		{"create: large environment", "CreateFunction", creation(t, "g", `{"Environment":{"Variables":{"AA":"`+large+`"}}}`), invalidValue, "exceeded the 4KB limit"},
		{"create: reserved variable", "CreateFunction", creation(t, "g", `{"Environment":{"Variables":{"AWS_REGION":"x"}}}`), invalidValue, "Reserved keys used in this request: AWS_REGION"},
		{"create: variable's name", "CreateFunction", creation(t, "g", `{"Environment":{"Variables":{"1":"x"}}}`), validation, "at 'environment.variables'"},
		{"create: layers", "CreateFunction", creation(t, "g", `{"Layers":["l"]}`), invalidValue, "Layers cannot be had here"},
		{"create: file systems", "CreateFunction", creation(t, "g", `{"FileSystemConfigs":[{}]}`), invalidValue, "FileSystemConfigs cannot be had here"},
		{"create: durable", "CreateFunction", creation(t, "g", `{"DurableConfig":{}}`), invalidValue, "DurableConfig cannot be had here"},
		{"create: capacity", "CreateFunction", creation(t, "g", `{"CapacityProviderConfig":{}}`), invalidValue, "CapacityProviderConfig cannot be had here"},
		{"create: tenancy", "CreateFunction", creation(t, "g", `{"TenancyConfig":{}}`), invalidValue, "TenancyConfig cannot be had here"},
		{"create: signing", "CreateFunction", creation(t, "g", `{"CodeSigningConfigArn":"a"}`), invalidValue, "CodeSigningConfigArn cannot be had here"},
		{"create: SnapStart", "CreateFunction", creation(t, "g", `{"SnapStart":{"ApplyOn":"PublishedVersions"}}`), invalidValue, "provided.al2023 is not supported for SnapStart enabled functions."},
		{"create: SnapStart's enum", "CreateFunction", creation(t, "g", `{"SnapStart":{"ApplyOn":"All"}}`), validation, "at 'snapStart.applyOn'"},
		{"create: tracing", "CreateFunction", creation(t, "g", `{"TracingConfig":{"Mode":"On"}}`), validation, "at 'tracingConfig.mode'"},
		{"create: log format", "CreateFunction", creation(t, "g", `{"LoggingConfig":{"LogFormat":"XML"}}`), validation, "at 'loggingConfig.logFormat'"},
		{"create: log level", "CreateFunction", creation(t, "g", `{"LoggingConfig":{"ApplicationLogLevel":"INFO"}}`), invalidValue, "you must set LogFormat to JSON"},
		{"create: subnets", "CreateFunction", creation(t, "g", `{"VpcConfig":{"SubnetIds":["net-1"],"SecurityGroupIds":["sg-1"]}}`), validation, "Value '[net-1]' at 'vpcConfig.subnetIds' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: ^subnet-[0-9a-z]*$]"},
		{"create: groups", "CreateFunction", creation(t, "g", `{"VpcConfig":{"SubnetIds":["subnet-1"],"SecurityGroupIds":["x"]}}`), validation, "Value '[x]' at 'vpcConfig.securityGroupIds' failed to satisfy constraint"},
		{"create: log group", "CreateFunction", creation(t, "g", `{"LoggingConfig":{"LogGroup":"a b"}}`), validation, "at 'loggingConfig.logGroup'"},
		{"create: dead letters' form", "CreateFunction", creation(t, "g", `{"DeadLetterConfig":{"TargetArn":"x"}}`), validation, "at 'deadLetterConfig.targetArn'"},
		{"create: dead letters to a bucket", "CreateFunction", creation(t, "g", `{"DeadLetterConfig":{"TargetArn":"arn:aws:s3:::b"}}`), invalidValue, "neither an SQS queue nor an SNS topic"},
		{"create: dead letters' queue", "CreateFunction", creation(t, "g", `{"DeadLetterConfig":{"TargetArn":"arn:aws:sqs:us-east-1:000000000000:q"}}`), invalidValue, "SQS is not served here"},
		{"create: tags", "CreateFunction", creation(t, "g", `{"Tags":{"aws:x":"y"}}`), invalidValue, "Tag keys starting with 'aws:' are reserved"},
		{"create: no code", "CreateFunction", creation(t, "g", `{"Code":{}}`), invalidValue, "Please provide a source for function code."},
		{"create: empty code", "CreateFunction", creation(t, "g", `{"Code":{"ZipFile":""}}`), invalidValue, "Uploaded file must be a non-empty zip"},
		{"create: no zip", "CreateFunction", creation(t, "g", `{"Code":{"ZipFile":"AAAA"}}`), invalidValue, "Could not unzip uploaded file. Please check your file, then try to upload again."},
		{"create: two codes", "CreateFunction", creation(t, "g", `{"Code":{"ZipFile":"AAAA","S3Bucket":"b"}}`), invalidValue, "Please do not provide other FunctionCode parameters when providing a ZipFile."},
		{"create: no S3", "CreateFunction", creation(t, "g", `{"Code":{"S3Bucket":"bbb","S3Key":"k"}}`), invalidValue, "There is no S3 here"},
		{"create: no key", "CreateFunction", creation(t, "g", `{"Code":{"S3Bucket":"bbb"}}`), invalidValue, "Please provide S3Key"},
		{"create: encrypted code", "CreateFunction", creation(t, "g", `{"Code":{"ZipFile":"AAAA","SourceKMSKeyArn":"k"}}`), invalidValue, "SourceKMSKeyArn cannot be had here"},

		{"code: unknown function", "UpdateFunctionCode", `{"FunctionName":"g"}`, gone, "Function not found: " + arn + "g"},
		{"code: stale", "UpdateFunctionCode", `{"FunctionName":"f","RevisionId":"x","ZipFile":"AAAA"}`, stale, "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"},
		{"code: image", "UpdateFunctionCode", `{"FunctionName":"f","ImageUri":"i"}`, invalidValue, "Please don't provide ImageUri when updating a function with packageType Zip."},
		{"code: architecture", "UpdateFunctionCode", `{"FunctionName":"f","Architectures":["x"]}`, validation, "at 'architectures'"},
		{"configuration: unknown function", "UpdateFunctionConfiguration", `{"FunctionName":"g"}`, gone, "Function not found: " + arn + "g"},
		{"configuration: stale", "UpdateFunctionConfiguration", `{"FunctionName":"f","RevisionId":"x"}`, stale, "The Revision Id provided"},
		{"configuration: image", "UpdateFunctionConfiguration", `{"FunctionName":"f","ImageConfig":{}}`, invalidValue, "ImageConfig is for functions of the package type Image"},
		{"configuration: runtime", "UpdateFunctionConfiguration", `{"FunctionName":"f","Runtime":"nodejs22.x"}`, invalidValue, "does not run here"},

		{"delete: unknown", "DeleteFunction", `{"FunctionName":"g"}`, gone, "Function not found: " + arn + "g"},
		{"delete: $LATEST", "DeleteFunction", `{"FunctionName":"f","Qualifier":"$LATEST"}`, invalidValue, "$LATEST version cannot be deleted without deleting the function."},
		{"delete: $LATEST of none", "DeleteFunction", `{"FunctionName":"g","Qualifier":"$LATEST"}`, invalidValue, "$LATEST version cannot be deleted without deleting the function."},
		{"delete: version of none", "DeleteFunction", `{"FunctionName":"g","Qualifier":"9"}`, gone, "Function not found: " + arn + "g"},
		{"delete: an alias", "DeleteFunction", `{"FunctionName":"f","Qualifier":"live"}`, invalidValue, "Deletion of aliases is not currently supported."},
		{"delete: no alias", "DeleteFunction", `{"FunctionName":"f","Qualifier":"blue"}`, invalidValue, "Deletion of aliases is not currently supported."},
		{"delete: aliased version", "DeleteFunction", `{"FunctionName":"f:1"}`, conflict, "Unable to delete version because the following aliases reference it: [live]"},
		{"list: version", "ListFunctions", `{"FunctionVersion":"1"}`, validation, "Value '1' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value set: [ALL]"},
		{"list: marker", "ListFunctions", `{"Marker":"%"}`, invalidValue, "Invalid marker"},
		{"list: items", "ListFunctions", `{"MaxItems":10001}`, validation, "less than or equal to 10000"},

		{"publish: unknown", "PublishVersion", `{"FunctionName":"g"}`, gone, "Function not found: " + arn + "g"},
		{"publish: code", "PublishVersion", `{"FunctionName":"f","CodeSha256":"x"}`, invalidValue, "CodeSHA256 (x) is different from current CodeSHA256 in $LATEST ("},
		{"publish: stale", "PublishVersion", `{"FunctionName":"f","RevisionId":"x"}`, stale, "The Revision Id"},
		{"publish: elsewhere", "PublishVersion", `{"FunctionName":"f","PublishTo":"LATEST_PUBLISHED"}`, invalidValue, "PublishTo cannot be had here"},
		{"versions: unknown", "ListVersionsByFunction", `{"FunctionName":"g"}`, gone, "Function not found: " + arn + "g"},

		{"alias: number", "CreateAlias", `{"FunctionName":"f","Name":"1","FunctionVersion":"1"}`, validation, "Value '1' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"},
		{"alias: no name", "CreateAlias", `{"FunctionName":"f","FunctionVersion":"1"}`, validation, "Value null at 'name'"},
		{"alias: no version", "CreateAlias", `{"FunctionName":"f","Name":"a"}`, validation, "Value null at 'functionVersion'"},
		{"alias: version's form", "CreateAlias", `{"FunctionName":"f","Name":"a","FunctionVersion":"x"}`, validation, `pattern: (\$LATEST|[0-9]+)`},
		{"alias: unknown version", "CreateAlias", `{"FunctionName":"f","Name":"a","FunctionVersion":"9"}`, gone, "Function not found: " + arn + "f:9"},
		{"alias: unknown function", "CreateAlias", `{"FunctionName":"g","Name":"a","FunctionVersion":"1"}`, gone, "Function not found: " + arn + "g:1"},
		{"alias: exists", "CreateAlias", `{"FunctionName":"f","Name":"live","FunctionVersion":"1"}`, conflict, "Alias already exists: " + arn + "f:live"},
		{"alias: two weights", "CreateAlias", `{"FunctionName":"f","Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"1":0.1,"2":0.1}}}`, invalidValue, "Number of items in AdditionalVersionWeights cannot be greater than 1"},
		{"alias: weight", "CreateAlias", `{"FunctionName":"f","Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"2":2}}}`, validation, "Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: ["},
		{"alias: same version", "CreateAlias", `{"FunctionName":"f","Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}}`, invalidValue, "Invalid function version 1. Function version 1 is already included in routing configuration."},
		{"alias: $LATEST", "CreateAlias", `{"FunctionName":"f","Name":"a","FunctionVersion":"$LATEST","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}}`, invalidValue, "$LATEST is not supported for an alias pointing to more than 1 version"},
		{"alias: weight of a name", "CreateAlias", `{"FunctionName":"f","Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"x":0.5}}}`, validation, "Map keys must satisfy constraint: ["},
		{"alias: weight of no version", "CreateAlias", `{"FunctionName":"f","Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"9":0.5}}}`, gone, "Function not found: " + arn + "f:9"},
		{"alias: get unknown", "GetAlias", `{"FunctionName":"f","Name":"blue"}`, gone, "Cannot find alias arn: " + arn + "f:blue"},
		{"alias: update unknown", "UpdateAlias", `{"FunctionName":"f","Name":"blue"}`, gone, "Alias not found: " + arn + "f:blue"},
		{"alias: update stale", "UpdateAlias", `{"FunctionName":"f","Name":"live","RevisionId":"x"}`, stale, "The Revision Id"},
		{"alias: update to nothing", "UpdateAlias", `{"FunctionName":"f","Name":"live","FunctionVersion":"9"}`, gone, "Function not found: " + arn + "f:9"},
		{"aliases: unknown function", "ListAliases", `{"FunctionName":"g"}`, gone, "Function not found: " + arn + "g"},

		{"concurrency: qualified", "PutFunctionConcurrency", `{"FunctionName":"f:1","ReservedConcurrentExecutions":1}`, invalidValue, "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN."},
		{"concurrency: unknown", "PutFunctionConcurrency", `{"FunctionName":"g","ReservedConcurrentExecutions":1}`, gone, "Function not found: " + arn + "g:$LATEST"},
		{"concurrency: none", "PutFunctionConcurrency", `{"FunctionName":"f"}`, validation, "Value null at 'reservedConcurrentExecutions'"},
		{"concurrency: negative", "PutFunctionConcurrency", `{"FunctionName":"f","ReservedConcurrentExecutions":-1}`, validation, "greater than or equal to 0"},
		{"concurrency: all", "PutFunctionConcurrency", `{"FunctionName":"f","ReservedConcurrentExecutions":901}`, invalidValue, "below its minimum value of [100]"},
		{"concurrency: get unknown", "GetFunctionConcurrency", `{"FunctionName":"g"}`, gone, "Function not found: " + arn + "g"},
		{"two faults", "GetFunction", `{"FunctionName":"f$","Qualifier":"a.b"}`, validation, "2 validation errors detected: Value 'a.b' at 'qualifier' failed"},
		{"provisioned: $LATEST", "GetProvisionedConcurrencyConfig", `{"FunctionName":"f","Qualifier":"$LATEST"}`, invalidValue, "The function resource provided must be an alias or a published version."},
		{"provisioned: unknown function", "GetProvisionedConcurrencyConfig", `{"FunctionName":"g","Qualifier":"live"}`, gone, "Cannot find alias arn: " + arn + "g:live"},
		{"provisioned: unknown alias", "GetProvisionedConcurrencyConfig", `{"FunctionName":"f","Qualifier":"blue"}`, gone, "Cannot find alias arn: " + arn + "f:blue"},
		{"provisioned: unknown version", "DeleteProvisionedConcurrencyConfig", `{"FunctionName":"f","Qualifier":"9"}`, gone, "Function not found: " + arn + "f:9"},
		{"provisioned: none", "GetProvisionedConcurrencyConfig", `{"FunctionName":"f","Qualifier":"1"}`, lambda.CodeNoProvisionedConcurrency, "No Provisioned Concurrency Config found for this function"},
		{"provisioned: list of nobody", "ListProvisionedConcurrencyConfigs", `{"FunctionName":"g"}`, gone, "Function not found: " + arn + "g"},
		{"provisioned: a long page", "ListProvisionedConcurrencyConfigs", `{"FunctionName":"f","MaxItems":51}`, validation, "at 'maxItems'"},
		{"recursion", "PutFunctionRecursionConfig", `{"FunctionName":"f","RecursiveLoop":"Maybe"}`, validation, "Value 'Maybe' at 'recursiveLoop' failed to satisfy constraint: Member must satisfy enum value set: [Terminate, Allow]"},

		{"events: nothing", "PutFunctionEventInvokeConfig", `{"FunctionName":"f"}`, invalidValue, "You must specify at least one of error handling or destination setting."},
		{"events: unknown", "PutFunctionEventInvokeConfig", `{"FunctionName":"g","MaximumRetryAttempts":1}`, gone, "The function doesn't exist."},
		{"events: unknown qualifier", "PutFunctionEventInvokeConfig", `{"FunctionName":"f","Qualifier":"9","MaximumRetryAttempts":1}`, gone, "The function doesn't exist."},
		{"events: retries", "PutFunctionEventInvokeConfig", `{"FunctionName":"f","MaximumRetryAttempts":3}`, validation, "at 'maximumRetryAttempts' failed to satisfy constraint: Member must have value less than or equal to 2"},
		{"events: age", "PutFunctionEventInvokeConfig", `{"FunctionName":"f","MaximumEventAgeInSeconds":59}`, validation, "greater than or equal to 60"},
		{"events: destination", "PutFunctionEventInvokeConfig", `{"FunctionName":"f","DestinationConfig":{"OnSuccess":{"Destination":"x"}}}`, validation, "at 'destinationConfig.onSuccess.destination'"},
		{"events: to itself", "PutFunctionEventInvokeConfig", `{"FunctionName":"f","DestinationConfig":{"OnSuccess":{"Destination":"` + arn + `f"}}}`, invalidValue, "You can't specify the function as a destination for itself."},
		{"events: to nobody", "PutFunctionEventInvokeConfig", `{"FunctionName":"f","DestinationConfig":{"OnSuccess":{"Destination":"` + arn + `g"}}}`, invalidValue, "The destination ARN " + arn + "g is invalid."},
		{"events: to a role", "PutFunctionEventInvokeConfig", `{"FunctionName":"f","DestinationConfig":{"OnSuccess":{"Destination":"arn:aws:iam::000000000000:role/r"}}}`, invalidValue, "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:iam::000000000000:role/r), onFailure=null) is invalid."},
		{"events: to a queue", "PutFunctionEventInvokeConfig", `{"FunctionName":"f","DestinationConfig":{"OnFailure":{"Destination":"arn:aws:sqs:us-east-1:000000000000:q"}}}`, invalidValue, "SQS is not served here"},
		{"events: none", "GetFunctionEventInvokeConfig", `{"FunctionName":"f"}`, gone, "The function " + arn + "f:$LATEST doesn't have an EventInvokeConfig"},
		{"events: update of none", "UpdateFunctionEventInvokeConfig", `{"FunctionName":"f:live","MaximumRetryAttempts":1}`, gone, "The function " + arn + "f:live doesn't have an EventInvokeConfig"},
		{"events: delete of none", "DeleteFunctionEventInvokeConfig", `{"FunctionName":"f:1"}`, gone, "The function " + arn + "f:1 doesn't have an EventInvokeConfig"},
		{"events: list of nobody", "ListFunctionEventInvokeConfigs", `{"FunctionName":"g"}`, gone, "The function doesn't exist."},

		{"policy: exists", "AddPermission", `{"FunctionName":"f","StatementId":"s","Action":"lambda:InvokeFunction","Principal":"*"}`, conflict, "The statement id (s) provided already exists. Please provide a new statement id, or remove the existing statement."},
		{"policy: nothing", "AddPermission", `{"FunctionName":"f"}`, validation, "3 validation errors detected: "},
		{"policy: id", "AddPermission", `{"FunctionName":"f","StatementId":"a b","Action":"*","Principal":"*"}`, validation, "at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)"},
		{"policy: action", "AddPermission", `{"FunctionName":"f","StatementId":"a","Action":"s3:x","Principal":"*"}`, validation, "at 'action'"},
		{"policy: principal", "AddPermission", `{"FunctionName":"f","StatementId":"a","Action":"*","Principal":"me"}`, invalidValue, "The provided principal was invalid. Please check the principal and try again."},
		{"policy: $LATEST", "AddPermission", `{"FunctionName":"f","Qualifier":"$LATEST","StatementId":"a","Action":"*","Principal":"*"}`, invalidValue, "We currently do not support adding policies for $LATEST."},
		{"policy: unknown function", "AddPermission", `{"FunctionName":"g","StatementId":"a","Action":"*","Principal":"*"}`, gone, "Function not found: " + arn + "g"},
		{"policy: unknown alias", "AddPermission", `{"FunctionName":"f:blue","StatementId":"a","Action":"*","Principal":"*"}`, gone, "Cannot find alias arn: " + arn + "f:blue"},
		{"policy: stale", "AddPermission", `{"FunctionName":"f","StatementId":"a","Action":"*","Principal":"*","RevisionId":"x"}`, stale, "The Revision Id"},
		{"policy: none", "GetPolicy", `{"FunctionName":"f:1"}`, gone, "The resource you requested does not exist."},
		{"policy: removal of nobody", "RemovePermission", `{"FunctionName":"g","StatementId":"s"}`, gone, "No policy found for: " + arn + "g"},
		{"policy: removal of none", "RemovePermission", `{"FunctionName":"f:1","StatementId":"s"}`, gone, "No policy is associated with the given resource."},
		{"policy: removal of another", "RemovePermission", `{"FunctionName":"f","StatementId":"t"}`, gone, "Statement t is not found in resource policy."},

		{"tags: form", "ListTags", `{"Resource":"f"}`, validation, "at 'resource' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*):lambda:"},
		{"tags: unknown", "ListTags", `{"Resource":"` + arn + `g"}`, gone, "Function not found: " + arn + "g"},
		{"tags: version", "TagResource", `{"Resource":"` + arn + `f:1","Tags":{"a":"b"}}`, invalidValue, "Tags on function aliases and versions are not supported. Please specify a function ARN."},
		{"tags: none", "TagResource", `{"Resource":"` + arn + `f"}`, invalidValue, "An error occurred and the request cannot be processed."},
		{"tags: no keys", "UntagResource", `{"Resource":"` + arn + `f"}`, validation, "Value null at 'tagKeys'"},
		{"tags: mapping", "ListTags", `{"Resource":"arn:aws:lambda:us-east-1:000000000000:event-source-mapping:01234567-0123-0123-0123-0123456789ab"}`, gone, "Event source mapping not found: arn:aws:lambda:us-east-1:000000000000:event-source-mapping:01234567-"},
		{"tags: mapping's form", "ListTags", `{"Resource":"arn:aws:lambda:us-east-1:000000000000:event-source-mapping:foobar"}`, validation, "at 'resource' failed to satisfy constraint"},

		{"mapping: no source", "CreateEventSourceMapping", `{"FunctionName":"f"}`, invalidValue, "Unrecognized event source."},
		{"mapping: no position", "CreateEventSourceMapping", `{"FunctionName":"f","EventSourceArn":"arn:aws:kinesis:us-east-1:000000000000:stream/s"}`, invalidValue, "Value null at 'startingPosition'"},
		{"mapping: no function", "CreateEventSourceMapping", `{"FunctionName":"g","EventSourceArn":"arn:aws:sqs:us-east-1:000000000000:q"}`, invalidValue, "Function does not exist"},
		{"mapping: queue", "CreateEventSourceMapping", `{"FunctionName":"f","EventSourceArn":"arn:aws:sqs:us-east-1:000000000000:q"}`, invalidValue, "SQS is not served here"},
		{"mapping: unknown", "GetEventSourceMapping", `{"UUID":"u"}`, gone, "The resource you requested does not exist."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			writes := w.journal.writes
			_, err := w.try(t, tc.operation, tc.request)
			refusedAs(t, err, tc.code, tc.message)
			if w.journal.writes != writes {
				t.Error("something was written")
			}
		})
	}
}

func TestRevisionsGoOn(t *testing.T) {
	w := newWorld(t)
	revision := func() string {
		return member(t, w.do(t, "GetFunction", `{"FunctionName":"f"}`), "Configuration.RevisionId")
	}
	seen := map[string]string{}
	for _, step := range [][2]string{
		{"CreateFunction", creation(t, "f")},
		{"UpdateFunctionConfiguration", `{"FunctionName":"f","Timeout":4}`},
		{"UpdateFunctionCode", `{"FunctionName":"f","ZipFile":` + encode(zipped(t, "bootstrap", "#!/bin/sh\n# two")) + `}`},
		{"PublishVersion", `{"FunctionName":"f"}`},
		{"AddPermission", `{"FunctionName":"f","StatementId":"s","Action":"lambda:InvokeFunction","Principal":"s3.amazonaws.com"}`},
		{"RemovePermission", `{"FunctionName":"f","StatementId":"s"}`},
	} {
		w.do(t, step[0], step[1])
		now := revision()
		if before, ok := seen[now]; ok || now == "" {
			t.Errorf("%s leaves the revision of %s", step[0], before)
		}
		seen[now] = step[0]
	}
	latest := revision()
	w.do(t, "UpdateFunctionConfiguration", `{"FunctionName":"f","RevisionId":"`+latest+`"}`)
}

func TestDryRunChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.do(t, "CreateFunction", creation(t, "f"))
	before := w.do(t, "GetFunction", `{"FunctionName":"f"}`)
	shown := w.do(t, "UpdateFunctionCode", `{"FunctionName":"f","DryRun":true,"ZipFile":`+encode(zipped(t, "bootstrap", "#!/bin/sh\n# two"))+`}`)
	if member(t, shown, "CodeSha256") == member(t, before, "Configuration.CodeSha256") {
		t.Errorf("a dry run shows the old code: %s", shown)
	}
	if after := w.do(t, "GetFunction", `{"FunctionName":"f"}`); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
}

func TestHostIsToldWhatThereIs(t *testing.T) {
	w := newWorld(t)
	for _, step := range []struct{ operation, request, known string }{
		{"CreateFunction", creation(t, "f", `{"Publish":true}`), "f:$LATEST f:1"},
		{"CreateAlias", `{"FunctionName":"f","Name":"live","FunctionVersion":"1"}`, "f:$LATEST f:1 f:live=1"},
		{"UpdateFunctionConfiguration", `{"FunctionName":"f","Timeout":4}`, "f:$LATEST f:1 f:live=1"},
		{"PublishVersion", `{"FunctionName":"f"}`, "f:$LATEST f:1 f:2 f:live=1"},
		{"UpdateAlias", `{"FunctionName":"f","Name":"live","FunctionVersion":"2"}`, "f:$LATEST f:1 f:2 f:live=2"},
		{"DeleteFunction", `{"FunctionName":"f","Qualifier":"1"}`, "f:$LATEST f:2 f:live=2"},
		{"DeleteAlias", `{"FunctionName":"f","Name":"live"}`, "f:$LATEST f:2"},
		{"DeleteFunction", `{"FunctionName":"f"}`, ""},
	} {
		w.do(t, step.operation, step.request)
		if got := w.host.known(); got != step.known {
			t.Errorf("after %s the host knows %s, want %s", step.operation, got, step.known)
		}
	}
	if n := len(w.journal.text); n != 0 {
		t.Errorf("%d documents are left", n)
	}
}

func TestNothingIsToldBeforeItIsWritten(t *testing.T) {
	w := newWorld(t)
	w.journal.err = errors.New("the disk is full")
	if _, err := w.try(t, "CreateFunction", creation(t, "f")); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("created: %v", err)
	}
	if got := w.host.known(); got != "" {
		t.Errorf("the host knows %s", got)
	}
	_, err := w.try(t, "GetFunction", `{"FunctionName":"f"}`)
	refusedAs(t, err, lambda.CodeResourceNotFound, "Function not found")
}

func TestFunctionsAreThereAgain(t *testing.T) {
	w := newWorld(t)
	w.do(t, "CreateFunction", creation(t, "f", `{"Publish":true,"Tags":{"a":"b"},"Environment":{"Variables":{"AB":"c"}}}`))
	w.do(t, "CreateAlias", `{"FunctionName":"f","Name":"live","FunctionVersion":"1"}`)
	w.do(t, "PutFunctionConcurrency", `{"FunctionName":"f","ReservedConcurrentExecutions":3}`)
	w.do(t, "AddPermission", `{"FunctionName":"f:live","StatementId":"s","Action":"lambda:InvokeFunction","Principal":"s3.amazonaws.com"}`)
	questions := [][2]string{
		{"GetFunction", `{"FunctionName":"f"}`}, {"GetFunction", `{"FunctionName":"f:live"}`}, {"ListVersionsByFunction", `{"FunctionName":"f"}`},
		{"ListAliases", `{"FunctionName":"f"}`}, {"GetPolicy", `{"FunctionName":"f:live"}`}, {"GetFunctionConcurrency", `{"FunctionName":"f"}`},
	}
	var before []string
	for _, q := range questions {
		before = append(before, w.do(t, q[0], q[1]))
	}
	told := w.host.known()
	w.Close()
	// A power cut may take the unpacked files, which are not synced; the zip is.
	if err := os.RemoveAll(filepath.Join(w.dir, "code", w.code64(t), "root")); err != nil {
		t.Fatal(err)
	}
	w.host = newHost()
	w.open(t)
	for i, q := range questions {
		if after := w.do(t, q[0], q[1]); after != before[i] {
			t.Errorf("%s\nbefore %s\nafter  %s", q[0], before[i], after)
		}
	}
	if got := w.host.known(); got != told {
		t.Errorf("the host knows %s, want %s", got, told)
	}
	f := w.host.versions["f:$LATEST"]
	if _, err := os.Stat(f.Binary); err != nil || f.Environment["AB"] != "c" || *f.ReservedConcurrency != 3 {
		t.Errorf("the host has %+v: %v", f, err)
	}
}

// code64 is the only code there is.
func (w *world) code64(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(w.dir, "code"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	return entries[0].Name()
}

func TestCodeNobodyUsesGoes(t *testing.T) {
	w := newWorld(t)
	w.do(t, "CreateFunction", creation(t, "f"))
	w.do(t, "DeleteFunction", `{"FunctionName":"f"}`)
	w.code64(t) // an invocation may be at it
	w.Close()
	w.open(t)
	if left := files(t, filepath.Join(w.dir, "code")); len(left) > 0 {
		t.Errorf("left is %v", left)
	}
}

func TestTemplatesFunctions(t *testing.T) {
	w := newWorld(t)
	w.host.program = filepath.Join(w.dir, "built")
	if err := os.WriteFile(w.host.program, []byte("#!/bin/sh\n# built"), 0o700); err != nil {
		t.Fatal(err)
	}
	timeout := 7
	d := Deployment{Name: "t", Source: filepath.Join(w.dir, "source"), Settings: Settings{Timeout: &timeout}}
	if err := w.Deploy(d); err != nil {
		t.Fatal(err)
	}
	w.do(t, "CreateFunction", creation(t, "a"))
	if list := w.do(t, "ListFunctions", `{}`); strings.Count(list, `"FunctionName"`) != 2 {
		t.Errorf("listed %s", list)
	}
	published := w.do(t, "PublishVersion", `{"FunctionName":"t"}`)
	if f := w.host.versions["t:1"]; member(t, published, "Version") != "1" || f.Source != "" || filepath.Base(f.Binary) != "bootstrap" {
		t.Errorf("published %s as %+v", published, f)
	}
	if f := w.host.versions["t:$LATEST"]; f.Source != d.Source || f.Binary != "" {
		t.Errorf("$LATEST has become %+v", f)
	}
	w.do(t, "CreateAlias", `{"FunctionName":"t","Name":"live","FunctionVersion":"1"}`)
	before := w.do(t, "GetFunctionConfiguration", `{"FunctionName":"t"}`)
	w.do(t, "UpdateFunctionConfiguration", `{"FunctionName":"a","Timeout":5}`)

	w.Close()
	w.host.Remove("t")
	w.open(t)
	if list := w.do(t, "ListFunctions", `{}`); strings.Contains(list, `"t"`) {
		t.Errorf("before the template is deployed again, listed is %s", list)
	}
	if err := w.Deploy(d); err != nil {
		t.Fatal(err)
	}
	if after := w.do(t, "GetFunctionConfiguration", `{"FunctionName":"t"}`); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	if got := w.host.known(); got != "a:$LATEST t:$LATEST t:1 t:live=1" {
		t.Errorf("the host knows %s", got)
	}
	timeout = 8
	if err := w.Deploy(d); err != nil {
		t.Fatal(err)
	}
	if got := w.do(t, "GetFunctionConfiguration", `{"FunctionName":"t"}`); member(t, got, "Timeout") != "8" || member(t, got, "RevisionId") == member(t, before, "RevisionId") {
		t.Errorf("with another timeout: %s", got)
	}
}

func TestTables(t *testing.T) {
	for _, name := range Operations() {
		w := operations[name]
		if w == nil {
			t.Errorf("%s does nothing", name)
		}
	}
	for _, r := range append(slices.Collect(maps.Keys(runtimesGone)), runtimes...) {
		if err := checkRuntime(&r); (err == nil) != slices.Contains(runtimesHere, r) {
			t.Errorf("%s: %v", r, err)
		}
	}
}

// TestAnswers has a line for what an answer says, or does not say, after others (recorded on AWS).
func TestAnswers(t *testing.T) {
	w := newWorld(t)
	w.do(t, "CreateFunction", creation(t, "f"))
	for _, tc := range []struct{ name, operation, request, has, lacks string }{
		{"a first version", "PublishVersion", `{"FunctionName":"f"}`, `"Version":"1"`, ""},
		{"the same again", "PublishVersion", `{"FunctionName":"f"}`, `"Version":"1"`, ""},
		{"other words in the request", "PublishVersion", `{"FunctionName":"f","Description":"x"}`, `"Version":"1"`, `"x"`},
		{"another description", "UpdateFunctionConfiguration", `{"FunctionName":"f","Description":"y"}`, `"Version":"$LATEST"`, ""},
		{"is a change", "PublishVersion", `{"FunctionName":"f","Description":"x"}`, `"Version":"2"`, ""},
		{"with words of its own", "PublishVersion", `{"FunctionName":"f"}`, `"Version":"2"`, ""},
		{"no such version", "DeleteFunction", `{"FunctionName":"f","Qualifier":"9"}`, "", ""},
		{"nothing is signed", "GetFunctionCodeSigningConfig", `{"FunctionName":"f"}`, "{}", ""},
		{"nothing is provisioned", "ListProvisionedConcurrencyConfigs", `{"FunctionName":"f"}`, `{"ProvisionedConcurrencyConfigs":[]}`, ""},
		{"nothing to take away", "DeleteProvisionedConcurrencyConfig", `{"FunctionName":"f","Qualifier":"1"}`, "", ""},
		{"mappings of nobody", "ListEventSourceMappings", `{"FunctionName":"g"}`, `{"EventSourceMappings":[]}`, ""},
		{"a URL", "CreateFunctionUrlConfig", `{"FunctionName":"f","AuthType":"NONE"}`, "AuthType", "InvokeMode"},
		{"a URL's mode", "UpdateFunctionUrlConfig", `{"FunctionName":"f","InvokeMode":"BUFFERED"}`, `"InvokeMode":"BUFFERED"`, ""},
	} {
		if got := w.do(t, tc.operation, tc.request); !strings.Contains(got, tc.has) || tc.lacks != "" && strings.Contains(got, tc.lacks) {
			t.Errorf("%s: %s", tc.name, got)
		}
	}
}

// noObjects is an S3 without the bucket or the key.
type noObjects string

func (n noObjects) Open(context.Context, string, string, string) (io.ReadCloser, error) {
	return nil, errors.New(string(n))
}

// What S3 says of code that is not there is told in its words (recorded on AWS).
func TestCodeThatIsNotInS3(t *testing.T) {
	bucket, key := "bbb", "k"
	for said, want := range map[string]string{
		"NoSuchBucket: The specified bucket does not exist": "S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist",
		"NoSuchKey: The specified key does not exist.":      "S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
	} {
		p := &Plane{cfg: Config{Objects: noObjects(said)}}
		_, err := p.fetch(t.Context(), &FunctionCode{S3Bucket: &bucket, S3Key: &key})
		refusedAs(t, err, lambda.CodeInvalidParameterValue, "Error occurred while GetObject. "+want)
	}
}

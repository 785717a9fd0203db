package control

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tutti-run/tutti/internal/lambda"
)

// FunctionCode is where the code of a function is (API reference, FunctionCode).
type FunctionCode struct {
	ZipFile                          []byte // in base64 on the wire
	S3Bucket, S3Key, S3ObjectVersion *string
	ImageUri, SourceKMSKeyArn        *string
	_                                struct{}
}

// Settings are what CreateFunction and UpdateFunctionConfiguration have in common. A member that is nil stays as it is, or has its default.
type Settings struct {
	Runtime, Role, Handler, Description *string
	Timeout, MemorySize                 *int
	VpcConfig                           *VpcConfig
	DeadLetterConfig                    *DeadLetterConfig
	Environment                         *Environment
	KMSKeyArn                           *string
	TracingConfig                       *TracingConfig
	Layers                              []string
	FileSystemConfigs                   []any
	ImageConfig                         map[string]any
	EphemeralStorage                    *EphemeralStorage
	SnapStart                           *SnapStart
	LoggingConfig                       *LoggingConfig
	CapacityProviderConfig              map[string]any
	DurableConfig                       map[string]any
}

// CreateFunctionRequest is the request of CreateFunction.
type CreateFunctionRequest struct {
	Settings
	FunctionName         *string
	Code                 *FunctionCode
	Publish              bool
	PackageType          *string
	Architectures        []string
	Tags                 map[string]string
	CodeSigningConfigArn *string
	TenancyConfig        map[string]any
}

// Runtimes that run here; those that AWS has, in the order in which it names them (recorded on AWS, the last two are newer); and those that it has given up,
// with those that it recommends for them.
var (
	runtimesHere = []string{"provided.al2023", "provided.al2"}
	runtimes     = []string{
		"nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java17", "nodejs16.x", "java25", "dotnet8",
		"python3.10", "java11", "python3.11", "dotnet6", "java21", "nodejs18.x", "provided.al2", "ruby3.3", "ruby3.4", "java8.al2", "ruby3.2", "python3.8",
		"python3.9", "dotnet10", "ruby4.0",
	}
	runtimesGone = map[string]string{
		"go1.x": "provided.al2023", "provided": "provided.al2023", "java8": "java21", "ruby2.7": "ruby3.2", "nodejs14.x": "nodejs20.x",
		"nodejs12.x": "nodejs18.x", "python3.7": "python3.12", "dotnetcore3.1": "dotnet6",
	}
)

const (
	logFormatJSON = "JSON"
	logFormatText = "Text"
)

// checkRuntime refuses what cannot run here.
func checkRuntime(runtime *string) error {
	switch {
	case runtime == nil:
		return invalid("Runtime is mandatory for functions created with deployment packages.")
	case slices.Contains(runtimesHere, *runtime):
		return nil
	case runtimesGone[*runtime] != "":
		return invalid("The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. "+
			"We recommend you use the new runtime (%s) while creating or updating functions.", *runtime, runtimesGone[*runtime])
	case slices.Contains(runtimes, *runtime):
		return invalid("The runtime %s does not run here: run are programs that are called bootstrap, with the runtimes %s.",
			*runtime, strings.Join(runtimesHere, " and "))
	}
	return invalid("Value %s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [%s] or be a valid ARN",
		*runtime, strings.Join(runtimes, ", "))
}

// check holds settings to the API's model.
func (s *Settings) check(c *constraints) {
	c.matches("role", s.Role, matchRole, patternRole)
	c.matches("handler", s.Handler, matchHandler, patternHandler)
	c.length("handler", s.Handler, 0, 128)
	c.length("description", s.Description, 0, maxDescription)
	c.between("timeout", s.Timeout, 1, 900)
	c.between("memorySize", s.MemorySize, 128, 10240)
	if s.EphemeralStorage != nil {
		c.between("ephemeralStorage.size", &s.EphemeralStorage.Size, 512, 10240)
	}
	if s.TracingConfig != nil {
		c.oneOf("tracingConfig.mode", &s.TracingConfig.Mode, "Active", "PassThrough")
	}
	if s.DeadLetterConfig != nil {
		c.matches("deadLetterConfig.targetArn", s.DeadLetterConfig.TargetArn, matchTarget, patternTarget)
	}
	if v := s.VpcConfig; v != nil {
		c.each("vpcConfig.subnetIds", v.SubnetIds, matchSubnet, patternSubnet)
		c.each("vpcConfig.securityGroupIds", v.SecurityGroupIds, matchGroup, patternGroup)
	}
	if s.SnapStart != nil {
		c.oneOf("snapStart.applyOn", &s.SnapStart.ApplyOn, "PublishedVersions", "None")
	}
	if l := s.LoggingConfig; l != nil {
		optional := func(text string) *string {
			if text == "" {
				return nil
			}
			return &text
		}
		c.oneOf("loggingConfig.logFormat", optional(l.LogFormat), logFormatJSON, logFormatText)
		c.oneOf("loggingConfig.applicationLogLevel", optional(l.ApplicationLogLevel), "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
		c.oneOf("loggingConfig.systemLogLevel", optional(l.SystemLogLevel), "DEBUG", "INFO", "WARN")
		c.length("loggingConfig.logGroup", optional(l.LogGroup), 1, 512)
		c.matches("loggingConfig.logGroup", optional(l.LogGroup), matchLogGroup, patternLogGroup)
	}
}

// checkMeaning refuses what the model allows and the service, or this program, does not.
func (p *Plane) checkMeaning(s *Settings) error {
	refuse := func(what string) error {
		return invalid("%s cannot be had here; leave the member out.", what)
	}
	switch {
	case len(s.Layers) > 0:
		return refuse("Layers")
	case len(s.FileSystemConfigs) > 0:
		return refuse("FileSystemConfigs")
	case s.CapacityProviderConfig != nil:
		return refuse("CapacityProviderConfig")
	case s.DurableConfig != nil:
		return refuse("DurableConfig")
	case s.SnapStart != nil && s.SnapStart.ApplyOn == "PublishedVersions":
		return invalid("%s is not supported for SnapStart enabled functions.", cmp.Or(text(s.Runtime), runtimesHere[0]))
	case s.LoggingConfig != nil && s.LoggingConfig.LogFormat != logFormatJSON && (s.LoggingConfig.ApplicationLogLevel != "" || s.LoggingConfig.SystemLogLevel != ""):
		return invalid("To use ApplicationLogLevel or SystemLogLevel, you must set LogFormat to JSON.")
	}
	if d := s.DeadLetterConfig; d != nil && text(d.TargetArn) != "" {
		if kind := service(*d.TargetArn); kind != "sqs" && kind != "sns" {
			return invalid("The provided execution role does not have permissions to call the dead letter target %s: it is neither an SQS queue nor an SNS topic.", *d.TargetArn)
		}
		if err := p.checkServed(*d.TargetArn); err != nil {
			return err
		}
	}
	if s.Environment != nil {
		return lambda.CheckVariables(s.Environment.Variables)
	}
	return nil
}

// apply puts settings into a configuration.
func (s *Settings) apply(c *Configuration) {
	set(&c.Runtime, s.Runtime)
	set(&c.Role, s.Role)
	set(&c.Handler, s.Handler)
	set(&c.Description, s.Description)
	set(&c.Timeout, s.Timeout)
	set(&c.MemorySize, s.MemorySize)
	set(&c.KMSKeyArn, s.KMSKeyArn)
	set(&c.EphemeralStorage, s.EphemeralStorage)
	set(&c.TracingConfig, s.TracingConfig)
	if s.VpcConfig != nil {
		c.VpcConfig = s.VpcConfig
		c.VpcConfig.SubnetIds = append([]string{}, s.VpcConfig.SubnetIds...)
		c.VpcConfig.SecurityGroupIds = append([]string{}, s.VpcConfig.SecurityGroupIds...)
	}
	if s.DeadLetterConfig != nil && s.DeadLetterConfig.TargetArn != nil { // without a target what is set stays, an empty one takes it away (recorded on AWS)
		c.DeadLetterConfig = s.DeadLetterConfig
		if *s.DeadLetterConfig.TargetArn == "" {
			c.DeadLetterConfig = nil
		}
	}
	if s.Environment != nil {
		c.Environment = s.Environment
		if s.Environment.Variables == nil {
			c.Environment = nil
		}
	}
	if s.LoggingConfig != nil {
		l := c.LoggingConfig
		l.LogFormat = cmp.Or(s.LoggingConfig.LogFormat, l.LogFormat)
		l.LogGroup = cmp.Or(s.LoggingConfig.LogGroup, l.LogGroup)
		if l.LogFormat == logFormatJSON {
			l.ApplicationLogLevel = cmp.Or(s.LoggingConfig.ApplicationLogLevel, l.ApplicationLogLevel, "INFO")
			l.SystemLogLevel = cmp.Or(s.LoggingConfig.SystemLogLevel, l.SystemLogLevel, "INFO")
		} else {
			l.ApplicationLogLevel, l.SystemLogLevel = "", ""
		}
		c.LoggingConfig = l
	}
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// defaults is a configuration of which nothing has been said.
func defaults(name string) Configuration {
	return Configuration{
		FunctionName: name, Version: lambda.Latest, Timeout: 3, MemorySize: 128, PackageType: "Zip", Architectures: []string{"x86_64"},
		TracingConfig: TracingConfig{"PassThrough"}, EphemeralStorage: EphemeralStorage{512}, SnapStart: SnapStart{"None", "Off"},
		LoggingConfig: LoggingConfig{LogFormat: logFormatText, LogGroup: "/aws/lambda/" + name},
	}
}

// checkArchitectures holds Architectures to the model. The program itself decides where it can run.
func checkArchitectures(c *constraints, list []string) {
	shown := "[" + strings.Join(list, ", ") + "]"
	switch {
	case list == nil:
	case len(list) > 1:
		c.add(quoted(shown), "architectures", "Member must have length less than or equal to 1")
	case len(list) == 0:
		c.add(quoted(shown), "architectures", "Member must have length greater than or equal to 1")
	case list[0] != "x86_64" && list[0] != "arm64":
		c.add(quoted(shown), "architectures", "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]")
	}
}

// createFunction serves CreateFunction.
func (p *Plane) createFunction(ctx context.Context, in *CreateFunctionRequest) (*Configuration, error) {
	name, err := p.checkCreate(in)
	if err != nil {
		return nil, err
	}
	if p.get(name) != nil {
		return nil, lambda.Refuse(lambda.CodeResourceConflict, "Function already exist: %s", name)
	}
	code, err := p.takeCode(ctx, in.Code)
	if err != nil {
		return nil, err
	}
	created := newRevision()
	var shown *Configuration
	_, err = p.change(name, func(f *function) (*function, error) {
		if f != nil {
			return nil, lambda.Refuse(lambda.CodeResourceConflict, "Function already exist: %s", name)
		}
		f = &function{Name: name, NextVersion: 1, Tags: in.Tags, versions: map[string]*version{}}
		v := &version{Config: defaults(name)}
		in.apply(&v.Config)
		if len(in.Architectures) > 0 {
			v.Config.Architectures = in.Architectures
		}
		if err := p.useCode(v, code); err != nil {
			return nil, err
		}
		v.Config.RevisionId, v.Config.LastModified = newRevision(), timestamp(p.cfg.Clock.Now())
		f.versions[lambda.Latest] = v
		shown = asCreated(p.present(v, ""), created)
		if in.Publish {
			shown.Version = f.publish(nil).Config.Version // the ARN stays without it (recorded on AWS)
		}
		return f, nil
	})
	if err != nil {
		return nil, err
	}
	return shown, nil
}

// checkCreate checks a request of CreateFunction and returns the function's name.
func (p *Plane) checkCreate(in *CreateFunctionRequest) (string, error) {
	var c constraints
	c.required("functionName", in.FunctionName)
	c.required("role", in.Role)
	if in.Code == nil {
		c.add("null", "code", "Member must not be null")
	}
	c.oneOf("packageType", in.PackageType, "Zip", "Image")
	checkArchitectures(&c, in.Architectures)
	in.Settings.check(&c)
	if err := c.err(); err != nil {
		return "", err
	}
	t, err := p.locate(in.FunctionName, "", maxNameOrARN)
	if err != nil {
		return "", err
	}
	switch {
	case len(t.name) > maxName:
		var long constraints
		long.length("functionName", &t.name, 1, maxName)
		return "", invalid("%s", long.message())
	case t.qualifier != "":
		c.add(quoted(*in.FunctionName), "functionName", "Member must satisfy regular expression pattern: "+patternName)
		return "", c.err()
	case text(in.PackageType) == "Image" || in.Code.ImageUri != nil || in.ImageConfig != nil:
		return "", invalid("Container images are not run here: give a zip with a program called bootstrap, and the runtime %s.", runtimesHere[0])
	case in.CodeSigningConfigArn != nil:
		return "", invalid("CodeSigningConfigArn cannot be had here; leave the member out.")
	case in.TenancyConfig != nil:
		return "", invalid("TenancyConfig cannot be had here; leave the member out.")
	case in.Handler == nil:
		return "", invalid("Handler is mandatory for functions created with deployment packages.")
	}
	if err := checkRuntime(in.Runtime); err != nil {
		return "", err
	}
	if err := checkTags(in.Tags, nil); err != nil {
		return "", err
	}
	return t.name, p.checkMeaning(&in.Settings)
}

// takeCode reads, checks and stores the code of a request.
func (p *Plane) takeCode(ctx context.Context, in *FunctionCode) (string, error) {
	zipped := in.ZipFile
	switch {
	case in.S3Bucket != nil && len(in.ZipFile) > 0:
		return "", invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.")
	case in.SourceKMSKeyArn != nil && *in.SourceKMSKeyArn != "":
		return "", invalid("SourceKMSKeyArn cannot be had here; leave the member out.")
	case in.S3Bucket != nil:
		var err error
		if zipped, err = p.fetch(ctx, in); err != nil {
			return "", err
		}
	case in.ZipFile == nil:
		return "", invalid("Please provide a source for function code.")
	case len(in.ZipFile) == 0:
		return "", invalid(emptyZip)
	case len(in.ZipFile) > maxZipped:
		return "", lambda.Refuse(lambda.CodeRequestTooLarge, "Zipped size must be smaller than %d bytes", maxZipped)
	}
	if used := p.totalCode(); used+int64(len(zipped)) > maxTotalCode {
		return "", lambda.Refuse(lambda.CodeCodeStorageExceeded, "Code storage limit exceeded.")
	}
	code, err := p.code.put(zipped)
	if err != nil {
		return "", err
	}
	path, err := p.code.bootstrap(code)
	if err != nil {
		return "", err
	}
	if err := checkProgram(path); err != nil {
		return "", err
	}
	return code, nil
}

// fetch reads code from S3.
func (p *Plane) fetch(ctx context.Context, in *FunctionCode) ([]byte, error) {
	if in.S3Key == nil || *in.S3Key == "" {
		return nil, invalid("Please provide S3Key with S3Bucket.")
	}
	if p.cfg.Objects == nil {
		return nil, invalid("Error occurred while GetObject. There is no S3 here; send the code as ZipFile.")
	}
	object, err := p.cfg.Objects.Open(ctx, *in.S3Bucket, *in.S3Key, text(in.S3ObjectVersion))
	if err != nil {
		code, message, _ := strings.Cut(err.Error(), ": ")
		return nil, invalid("Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s", code, message)
	}
	defer func() { _ = object.Close() }()
	zipped, err := io.ReadAll(io.LimitReader(object, maxUnzipped+1))
	if err != nil {
		return nil, invalid("Error occurred while GetObject. %v", err)
	}
	if len(zipped) > maxUnzipped {
		return nil, tooLargeUnzipped()
	}
	return zipped, nil
}

// useCode makes code that takeCode has returned the version's.
func (p *Plane) useCode(v *version, code string) error {
	size, err := p.code.size(code)
	if err != nil {
		return fmt.Errorf("the code %s: %w", code, err)
	}
	v.Code, v.Source, v.Binary = code, "", ""
	v.Config.CodeSize, v.Config.CodeSha256 = size, codeSHA(code)
	return nil
}

// totalCode is the size of all code of all versions.
func (p *Plane) totalCode() int64 {
	total := int64(0)
	for _, f := range p.all() {
		for _, v := range f.versions {
			total += v.Config.CodeSize
		}
	}
	return total
}

// GetRequest is the request of GetFunction and GetFunctionConfiguration.
type GetRequest struct {
	FunctionName *string
	Qualifier    string
}

// GetFunctionResponse is the response of GetFunction.
type GetFunctionResponse struct {
	Configuration *Configuration
	Code          CodeLocation
	Tags          map[string]string `json:",omitempty"`
	Concurrency   *Concurrency      `json:",omitempty"`
}

// CodeLocation says where the code can be fetched. Location is what follows the endpoint's address: see [Plane.OpenCode].
type CodeLocation struct{ RepositoryType, Location string }

// CodePath is what the path of a code's location begins with; the code follows.
const CodePath = "/2015-03-31/code/"

func (p *Plane) getFunction(ctx context.Context, in *GetRequest) (*GetFunctionResponse, error) {
	f, v, t, err := p.version(in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	code := p.measured(ctx, v)
	out := &GetFunctionResponse{Configuration: p.present(code, t.qualifier)}
	out.Code.RepositoryType = "S3"
	if code.Code != "" {
		out.Code.Location = CodePath + code.Code
	}
	if t.qualifier != "" {
		return out, nil // tags and concurrency are the function's, and are not shown with its versions and aliases
	}
	out.Tags = f.Tags
	if f.Reserved != nil {
		out.Concurrency = &Concurrency{f.Reserved}
	}
	return out, nil
}

func (p *Plane) getFunctionConfiguration(ctx context.Context, in *GetRequest) (*Configuration, error) {
	_, v, t, err := p.version(in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	return p.present(p.measured(ctx, v), t.qualifier), nil
}

// measured is v with the size and hash of its code. Those of a function that is built from its source are of a zip with nothing but the
// program: what PublishVersion would publish. A function that does not build has none.
func (p *Plane) measured(ctx context.Context, v *version) *version {
	if v.Code != "" || v.Source == "" {
		return v
	}
	m, err := p.measure(ctx, v)
	if err != nil {
		return v
	}
	copied := *v
	copied.Code = m.code
	copied.Config.CodeSize, copied.Config.CodeSha256 = m.size, codeSHA(m.code)
	return &copied
}

// measurement is what the zip of a program would be, for as long as the program's file stays as it is.
type measurement struct {
	modified time.Time
	length   int64
	code     string
	size     int64
}

// measure is the measurement of a function that is built from its source. It reads the program only if that has changed.
func (p *Plane) measure(ctx context.Context, v *version) (measurement, error) {
	path, err := p.cfg.Host.Binary(ctx, v.Config.FunctionName, v.Config.Version)
	if err != nil {
		return measurement{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return measurement{}, err
	}
	p.mu.RLock()
	m, ok := p.measurements[path]
	p.mu.RUnlock()
	if ok && m.modified.Equal(info.ModTime()) && m.length == info.Size() {
		return m, nil
	}
	zipped, err := p.built(ctx, v)
	if err != nil {
		return m, err
	}
	sum := sha256.Sum256(zipped)
	m = measurement{info.ModTime(), info.Size(), hex.EncodeToString(sum[:]), int64(len(zipped))}
	p.mu.Lock()
	p.measurements[path] = m
	p.mu.Unlock()
	return m, nil
}

// built is the zip of a function that is built from its source.
func (p *Plane) built(ctx context.Context, v *version) ([]byte, error) {
	path, err := p.cfg.Host.Binary(ctx, v.Config.FunctionName, v.Config.Version)
	if err != nil {
		return nil, err
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the program of %s: %w", v.Config.FunctionName, err)
	}
	return packed(program)
}

// OpenCode opens the zip of a code that a response of GetFunction has named. An error that is a [*lambda.Error] says that there is none.
func (p *Plane) OpenCode(ctx context.Context, code string) (io.ReadCloser, error) {
	if f, err := p.code.open(code); err == nil {
		return f, nil
	}
	for _, f := range p.all() {
		if v := f.latest(); v.Source != "" {
			if m, err := p.measure(ctx, v); err != nil || m.code != code {
				continue
			}
			zipped, err := p.built(ctx, v)
			if err != nil {
				return nil, err
			}
			return io.NopCloser(bytes.NewReader(zipped)), nil
		}
	}
	return nil, notFound("There is no code %.100q.", code)
}

// UpdateFunctionCodeRequest is the request of UpdateFunctionCode.
type UpdateFunctionCodeRequest struct {
	FunctionCode
	FunctionName    *string
	Publish, DryRun bool
	RevisionId      *string
	Architectures   []string
}

func (p *Plane) updateFunctionCode(ctx context.Context, in *UpdateFunctionCodeRequest) (*Configuration, error) {
	var c constraints
	checkArchitectures(&c, in.Architectures)
	if err := c.err(); err != nil {
		return nil, err
	}
	f, t, err := p.function(in.FunctionName, "", maxNameOrARN)
	if err != nil {
		return nil, err
	}
	if err := checkRevision(in.RevisionId, f.revision(lambda.Latest)); err != nil {
		return nil, err
	}
	if in.ImageUri != nil {
		return nil, invalid("Please don't provide ImageUri when updating a function with packageType Zip.")
	}
	code, err := p.takeCode(ctx, &in.FunctionCode)
	if err != nil {
		return nil, err
	}
	var shown *Configuration
	updated := newRevision()
	alter := func(f *function) (*function, error) {
		if f == nil {
			return nil, notFound("Function not found: %s", p.arn(t.name, ""))
		}
		if err := checkRevision(in.RevisionId, f.revision(lambda.Latest)); err != nil {
			return nil, err
		}
		v := f.latest()
		if err := p.useCode(v, code); err != nil {
			return nil, err
		}
		if len(in.Architectures) > 0 {
			v.Config.Architectures = in.Architectures
		}
		v.Config.RevisionId, v.Config.LastModified = newRevision(), timestamp(p.cfg.Clock.Now())
		shown = asUpdated(p.present(v, ""), updated)
		if in.Publish {
			published := f.publish(nil)
			shown = asCreated(p.present(published, published.Config.Version), published.Config.RevisionId)
		}
		return f, nil
	}
	if in.DryRun {
		if _, err = alter(f.clone()); err != nil {
			return nil, err
		}
		return shown, nil
	}
	if _, err = p.change(t.name, alter); err != nil {
		return nil, err
	}
	p.code.sweep(p.codeInUse(), keepsCode)
	return shown, nil
}

// UpdateFunctionConfigurationRequest is the request of UpdateFunctionConfiguration.
type UpdateFunctionConfigurationRequest struct {
	Settings
	FunctionName *string
	RevisionId   *string
}

func (p *Plane) updateFunctionConfiguration(_ context.Context, in *UpdateFunctionConfigurationRequest) (*Configuration, error) {
	var c constraints
	in.Settings.check(&c)
	if err := c.err(); err != nil {
		return nil, err
	}
	if _, _, err := p.function(in.FunctionName, "", maxNameOrARN); err != nil {
		return nil, err
	}
	t, err := p.locate(in.FunctionName, "", maxNameOrARN)
	if err != nil {
		return nil, err
	}
	if in.Runtime != nil {
		if err := checkRuntime(in.Runtime); err != nil {
			return nil, err
		}
	}
	if in.ImageConfig != nil {
		return nil, invalid("ImageConfig is for functions of the package type Image, which are not run here.")
	}
	if err := p.checkMeaning(&in.Settings); err != nil {
		return nil, err
	}
	var shown *Configuration
	updated := newRevision()
	_, err = p.change(t.name, func(f *function) (*function, error) {
		if f == nil {
			return nil, notFound("Function not found: %s", p.arn(t.name, ""))
		}
		if err := checkRevision(in.RevisionId, f.revision(lambda.Latest)); err != nil {
			return nil, err
		}
		v := f.latest()
		in.apply(&v.Config)
		v.Config.RevisionId, v.Config.LastModified = newRevision(), timestamp(p.cfg.Clock.Now())
		shown = asUpdated(p.present(v, ""), updated)
		return f, nil
	})
	if err != nil {
		return nil, err
	}
	return shown, nil
}

// DeleteFunctionRequest is the request of DeleteFunction.
type DeleteFunctionRequest struct {
	FunctionName *string
	Qualifier    string
}

// deleteFunction serves DeleteFunction. Deleting a version that is not there does nothing (recorded on AWS).
func (p *Plane) deleteFunction(_ context.Context, in *DeleteFunctionRequest) (*struct{}, error) {
	t, err := p.locate(in.FunctionName, in.Qualifier, maxNameOrARN)
	if err != nil {
		return nil, err
	}
	switch {
	case t.qualifier == lambda.Latest:
		return nil, invalid("$LATEST version cannot be deleted without deleting the function.")
	case lambda.IsAlias(t.qualifier):
		return nil, invalid("Deletion of aliases is not currently supported.")
	}
	_, err = p.change(t.name, func(f *function) (*function, error) {
		switch {
		case f == nil:
			return nil, notFound("Function not found: %s", p.arn(t.name, ""))
		case t.qualifier == "":
			return nil, nil
		}
		if users := f.aliasesOf(t.qualifier); len(users) > 0 {
			return nil, lambda.Refuse(lambda.CodeResourceConflict, "Unable to delete version because the following aliases reference it: [%s]", strings.Join(users, ", "))
		}
		delete(f.versions, t.qualifier)
		delete(f.Policies, t.qualifier)
		delete(f.InvokeConfigs, t.qualifier)
		return f, nil
	})
	if err != nil {
		return nil, err
	}
	p.code.sweep(p.codeInUse(), keepsCode)
	return nil, nil
}

// ListFunctionsRequest is the request of ListFunctions.
type ListFunctionsRequest struct {
	FunctionVersion *string
	MasterRegion    *string
	Marker          string
	MaxItems        *int
}

// ListFunctionsResponse is the response of ListFunctions.
type ListFunctionsResponse struct {
	Functions  []*Configuration
	NextMarker string `json:",omitempty"`
}

func (p *Plane) listFunctions(ctx context.Context, in *ListFunctionsRequest) (*ListFunctionsResponse, error) {
	var c constraints
	c.oneOf("functionVersion", in.FunctionVersion, "ALL")
	c.page(maxListed, in.MaxItems)
	if err := c.err(); err != nil {
		return nil, err
	}
	var all []*Configuration
	for _, f := range p.all() {
		if in.FunctionVersion == nil {
			all = append(all, listed(p.present(p.measured(ctx, f.latest()), "")))
			continue
		}
		for _, number := range f.numbers() {
			all = append(all, listed(p.present(p.measured(ctx, f.versions[number]), number)))
		}
	}
	page, next, err := pageOf(all, func(c *Configuration) string { return c.FunctionArn }, in.Marker, in.MaxItems, 50)
	return &ListFunctionsResponse{page, next}, err
}

// listed leaves out what lists do not show (API reference, ListFunctions).
func listed(c *Configuration) *Configuration {
	c.State, c.LastUpdateStatus, c.RuntimeVersionConfig = "", "", nil
	return c
}

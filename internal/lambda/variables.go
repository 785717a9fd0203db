package lambda

import (
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// reservedVariables are the names that Lambda sets itself and a function's configuration may not (Lambda developer guide, "Working
// with Lambda environment variables", "Reserved environment variables"). AWS_EXECUTION_ENV is reserved and, as on AWS for the
// OS-only runtimes that Go functions use, not set.
var reservedVariables = map[string]bool{
	"_HANDLER":                        true, // the handler of the configuration
	"_X_AMZN_TRACE_ID":                true, // the X-Ray trace, set by the runtime for each invocation
	"AWS_ACCESS_KEY":                  true, // an old name of the next
	"AWS_ACCESS_KEY_ID":               true, // the role's credentials
	"AWS_DEFAULT_REGION":              true, // the region, for older SDKs
	"AWS_EXECUTION_ENV":               true, // the managed runtime's name
	"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": true, // in MB
	"AWS_LAMBDA_FUNCTION_NAME":        true,
	"AWS_LAMBDA_FUNCTION_VERSION":     true, // $LATEST or a number
	"AWS_LAMBDA_INITIALIZATION_TYPE":  true, // on-demand
	"AWS_LAMBDA_LOG_GROUP_NAME":       true,
	"AWS_LAMBDA_LOG_STREAM_NAME":      true,
	"AWS_LAMBDA_MAX_CONCURRENCY":      true, // invocations a process takes at a time, where it may take several
	"AWS_LAMBDA_METADATA_API":         true, // where a process asks about its whereabouts
	"AWS_LAMBDA_METADATA_TOKEN":       true, // the secret that goes with it
	"AWS_LAMBDA_RUNTIME_API":          true, // where the process asks for work
	"AWS_REGION":                      true,
	"AWS_SECRET_ACCESS_KEY":           true,
	"AWS_SESSION_TOKEN":               true,
	"LAMBDA_RUNTIME_DIR":              true, // the runtime's folder
	"LAMBDA_TASK_ROOT":                true, // the folder of the function's code
}

// inheritedVariables are all that a function gets of the host's own environment: how to find programs and certificates, and on
// Windows the two folders without which the system libraries do not work.
var inheritedVariables = []string{"PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"}

// maxVariablesSize is AWS's bound on the total size of names and values.
const maxVariablesSize = 4096

var variablePattern = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)

// CheckVariables refuses what AWS refuses in Environment.Variables, in AWS's words. The error is an *Error.
func CheckVariables(variables map[string]string) error {
	var reserved []string
	size := 0
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		value := variables[name]
		if reservedVariables[name] {
			reserved = append(reserved, name)
			continue
		}
		if !variablePattern.MatchString(name) {
			return newError(CodeValidation, "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must "+
				"satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]; the name is %.100q", name)
		}
		if strings.ContainsRune(value, 0) {
			return newError(CodeInvalidParameterValue, "the environment variable %s contains a null character", name)
		}
		size += len(name) + len(value)
	}
	const unable = "Lambda was unable to configure your environment variables because the environment variables you have provided "
	if reserved != nil {
		return newError(CodeInvalidParameterValue, unable+"contains reserved keys that are currently not supported for modification. "+
			"Reserved keys used in this request: %s", strings.Join(reserved, ", "))
	}
	if size > maxVariablesSize {
		return newError(CodeInvalidParameterValue, unable+"exceeded the 4KB limit. Size measured: %d bytes", size)
	}
	return nil
}

// variables is the whole environment of env's process.
func (env *environment) variables() []string {
	f := env.config
	vars := map[string]string{
		// What AWS sets and a function may override.
		"LANG":                     "en_US.UTF-8",
		"TZ":                       ":UTC",
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
		// The soft limit that makes the collector keep below the memory size, which is a wall: the rest is for what is not Go's heap.
		"GOMEMLIMIT": strconv.Itoa(f.MemoryMB*9/10) + "MiB",
		// A share of the CPU goes with the memory: 1,769 MB have one (developer guide, "Configure Lambda function memory"). A Go program
		// that believes to have more spends a quarter of its time on waking threads for work that one can do.
		"GOMAXPROCS": strconv.Itoa((f.MemoryMB + 1768) / 1769),
		// On AWS each environment has a /tmp to itself.
		"HOME":   env.tmp(),
		"TMPDIR": env.tmp(),
	}
	inherited := inheritedVariables
	if runtime.GOOS == "windows" {
		inherited = append(slices.Clip(inherited), "SYSTEMROOT", "WINDIR")
		vars["TEMP"], vars["TMP"], vars["USERPROFILE"] = env.tmp(), env.tmp(), env.tmp()
	}
	for _, name := range inherited {
		if value, ok := os.LookupEnv(name); ok {
			vars[name] = value
		}
	}
	maps.Copy(vars, f.Environment)

	region := strings.Split(f.ARN, ":")[3]
	maps.Copy(vars, map[string]string{
		"_HANDLER":                        f.Handler,
		"AWS_DEFAULT_REGION":              region,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     f.Version,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       f.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME":      env.logStream,
		"AWS_LAMBDA_RUNTIME_API":          env.host.address + "/" + env.token,
		"AWS_REGION":                      region,
		"LAMBDA_RUNTIME_DIR":              env.taskRoot(),
		"LAMBDA_TASK_ROOT":                env.taskRoot(),
	})
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID":     f.Credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY": f.Credentials.SecretAccessKey,
		"AWS_SESSION_TOKEN":     f.Credentials.SessionToken,
	} {
		if value != "" {
			vars[name] = value
		}
	}
	list := make([]string, 0, len(vars))
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		list = append(list, name+"="+vars[name])
	}
	return list
}

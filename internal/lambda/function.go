package lambda

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Latest is the version of a function that has no published number.
const Latest = "$LATEST"

// The limits and defaults of a function's configuration (Lambda developer guide, "Lambda quotas", "Configuring functions").
const (
	defaultTimeout  = 3 * time.Second
	maxTimeout      = 15 * time.Minute
	defaultMemoryMB = 128
	maxMemoryMB     = 10240
)

// Function is the configuration of one version of a function. The zero values of optional fields are AWS's defaults.
type Function struct {
	Name    string // letters, digits, hyphen and underscore, at most 64
	Version string // "" means $LATEST
	ARN     string // without a qualifier; "" means one made of the host's region and account

	// Exactly one of the two is set, an absolute path.
	Source string // the folder of a Go main package, in any module, which the host builds
	Binary string // an executable that speaks the Runtime API

	Handler             string            // what _HANDLER says; "" means bootstrap
	LogGroup            string            // "" means /aws/lambda/<Name>
	Environment         map[string]string // the function's own variables; see reservedVariables
	Timeout             time.Duration     // 0 means 3 s, at most 15 min
	MemoryMB            int               // 0 means 128, at most 10240
	StorageMB           int               // of the temporary folder; 0 means 512, at most 10240
	ReservedConcurrency *int              // nil means none; counts over all versions and is taken from $LATEST
	Credentials         Credentials
	Traced              bool // traces that begin with an invocation are sampled: TracingConfig's mode Active
}

// Credentials are what the function's AWS SDK signs its requests with: one role's, so that the receiver knows the caller.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
}

// Alias is a name for a version, or for two or more by weight.
type Alias struct {
	Function string
	Name     string
	Version  string             // receives whatever the weights leave over
	Weights  map[string]float64 // further versions, each with its share, 0 to 1
}

// maxNameLength bounds a name because it becomes the name of a folder.
const maxNameLength = 64

var (
	namePattern    = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	versionPattern = regexp.MustCompile(`^(\$LATEST|[0-9]{1,18})$`)
	// aliasPattern leaves out what versionPattern takes, as AWS does: a number alone is no alias.
	aliasPattern = regexp.MustCompile(`^[a-zA-Z0-9_-]*[a-zA-Z_-][a-zA-Z0-9_-]*$`)

	// invokedName is the pattern of FunctionName in the Lambda API: a name, an ARN or a tail of one, with an optional qualifier.
	invokedName = regexp.MustCompile(`^(?:arn:aws[a-zA-Z-]*:lambda:)?(?:([a-z]{2}(?:-[a-z]+)+-\d):)?(?:(\d{12}):)?(?:function:)?` +
		`([a-zA-Z0-9_-]+)(?::(\$LATEST|[a-zA-Z0-9_-]+))?$`)
)

// normalized is f with its defaults filled in and its maps its own, or an *Error that says what AWS would refuse.
func (f Function) normalized(region, account string) (Function, error) {
	if len(f.Name) > maxNameLength || !namePattern.MatchString(f.Name) {
		return f, newError(CodeInvalidParameterValue, "the function name %q is not of letters, digits, '-' and '_', at most %d of them", f.Name, maxNameLength)
	}
	invalid := func(format string, args ...any) (Function, error) {
		return f, newError(CodeInvalidParameterValue, "function "+f.Name+": "+format, args...)
	}
	if f.Version == "" {
		f.Version = Latest
	}
	if !versionPattern.MatchString(f.Version) {
		return invalid("the version %q is neither $LATEST nor a number", f.Version)
	}
	if f.ARN == "" {
		f.ARN = "arn:aws:lambda:" + region + ":" + account + ":function:" + f.Name
	}
	if parts := strings.Split(f.ARN, ":"); len(parts) != 7 || parts[0] != "arn" || parts[2] != "lambda" || parts[5] != "function" || parts[6] != f.Name {
		return invalid("%q is not its unqualified ARN", f.ARN)
	}
	if (f.Source == "") == (f.Binary == "") {
		return invalid("give either the folder of its source or its binary")
	}
	if path := f.Source + f.Binary; !filepath.IsAbs(path) {
		return invalid("the path %q is not absolute", path)
	}
	if f.Handler == "" {
		f.Handler = "bootstrap"
	}
	if f.LogGroup == "" {
		f.LogGroup = "/aws/lambda/" + f.Name
	}
	if f.Timeout == 0 {
		f.Timeout = defaultTimeout
	}
	if f.Timeout < 0 || f.Timeout > maxTimeout {
		return invalid("the timeout %v is not between 0 and %v", f.Timeout, maxTimeout)
	}
	if f.MemoryMB == 0 {
		f.MemoryMB = defaultMemoryMB
	}
	if f.MemoryMB < defaultMemoryMB || f.MemoryMB > maxMemoryMB {
		return invalid("the memory size %d MB is not between %d and %d", f.MemoryMB, defaultMemoryMB, maxMemoryMB)
	}
	if f.StorageMB == 0 {
		f.StorageMB = defaultStorageMB
	}
	if f.StorageMB < defaultStorageMB || f.StorageMB > maxStorageMB {
		return invalid("the ephemeral storage %d MB is not between %d and %d", f.StorageMB, defaultStorageMB, maxStorageMB)
	}
	if f.ReservedConcurrency != nil {
		reserved := *f.ReservedConcurrency
		if reserved < 0 {
			return invalid("the reserved concurrency %d is negative", reserved)
		}
		f.ReservedConcurrency = &reserved
	}
	if err := CheckVariables(f.Environment); err != nil {
		return f, err
	}
	f.Environment = maps.Clone(f.Environment)
	return f, nil
}

// equal reports whether processes of f may go on serving g. Reserved concurrency is the host's affair, not the process's.
func (f Function) equal(g Function) bool {
	return f.Name == g.Name && f.Version == g.Version && f.ARN == g.ARN && f.Source == g.Source && f.Binary == g.Binary &&
		f.Handler == g.Handler && f.LogGroup == g.LogGroup && f.Timeout == g.Timeout && f.MemoryMB == g.MemoryMB && f.StorageMB == g.StorageMB &&
		f.Credentials == g.Credentials && f.Traced == g.Traced && maps.Equal(f.Environment, g.Environment)
}

// folder is the name of the function's folder under functions/. Names differ by case but files may not, so a name with capitals
// also carries a piece of its hash.
func (f Function) folder() string {
	name := f.Name
	if lower := strings.ToLower(name); lower != name {
		sum := sha256.Sum256([]byte(name))
		name = lower + "." + hex.EncodeToString(sum[:4])
	}
	if f.Version != Latest {
		name += "@" + f.Version
	}
	return name
}

// function is what the host knows under one name. Its fields are guarded by Host.mu.
type function struct {
	versions map[string]*version
	aliases  map[string]Alias
	reserved *int
	busy     int // invocations accepted and not yet answered
}

// version is one version of a function, with its execution environments. Its fields are guarded by Host.mu.
type version struct {
	Function
	function *function
	revision int            // counts changes after which running processes no longer serve
	idle     []*environment // in the order in which they became idle: the last one is used first
	removed  bool

	built       bool // the binary is there
	binary      string
	binaryStamp fileStamp // of the binary that was built last
	buildErr    error     // why there is none
	building    *buildRun
}

// Name is what a caller may call a function: a name, an ARN or a tail of one, with an optional qualifier; taken apart. What the caller
// left out is "".
type Name struct {
	Region, Account string
	Function        string
	Qualifier       string // $LATEST, a version's number or an alias
}

// ParseName takes a name apart, or reports that it is none.
func ParseName(s string) (Name, bool) {
	// The two usual forms, by hand: the pattern takes a few microseconds, of some sixty that the host spends on an invocation.
	if isPlainName(s) {
		return Name{Function: s}, true
	}
	if tail, ok := strings.CutPrefix(s, "arn:aws:lambda:"); ok {
		p := strings.SplitN(tail, ":", 5)
		if len(p) == 4 && isRegion(p[0]) && isAccount(p[1]) && p[2] == "function" && isPlainName(p[3]) {
			return Name{Region: p[0], Account: p[1], Function: p[3]}, true
		}
	}
	m := invokedName.FindStringSubmatch(s)
	if m == nil {
		return Name{}, false
	}
	return Name{m[1], m[2], m[3], m[4]}, true
}

func isPlainName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != ""
}

func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// isRegion tells whether s is two letters, one or more words, and a digit, with hyphens between them.
func isRegion(s string) bool {
	parts := strings.Split(s, "-")
	last := len(parts) - 1
	for i, part := range parts {
		letters := part != "" && strings.Trim(part, "abcdefghijklmnopqrstuvwxyz") == ""
		if i == 0 && len(part) != 2 || i < last && !letters || i == last && (len(part) != 1 || part < "0" || part > "9") {
			return false
		}
	}
	return last >= 2
}

// IsAlias tells whether a qualifier can be an alias's name.
func IsAlias(qualifier string) bool {
	return len(qualifier) <= 128 && aliasPattern.MatchString(qualifier)
}

// resolve finds the version that name, of any form the API accepts, stands for, and the ARN the function will be told. h.mu is held.
func (h *Host) resolve(name string) (*version, string, error) {
	n, ok := ParseName(name)
	if !ok || len(n.Function) > maxNameLength {
		return nil, "", newError(CodeValidation, "1 validation error detected: Value '%.200s' at 'functionName' failed to satisfy constraint: "+
			"Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?"+
			"(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?", name)
	}
	region, account, base, qualifier := n.Region, n.Account, n.Function, n.Qualifier
	notFound := func() (*version, string, error) {
		arn := "arn:aws:lambda:" + orDefault(region, h.cfg.Region) + ":" + orDefault(account, h.cfg.Account) + ":function:" + base
		return nil, "", newError(CodeResourceNotFound, "Function not found: %s:%s", arn, orDefault(qualifier, Latest))
	}
	fn := h.functions[base]
	if fn == nil {
		return notFound()
	}
	number := orDefault(qualifier, Latest)
	if alias, ok := fn.aliases[number]; ok {
		number = alias.pick(rand.Float64())
	}
	v := fn.versions[number]
	if v == nil {
		return notFound()
	}
	parts := strings.Split(v.ARN, ":")
	if region != "" && region != parts[3] || account != "" && account != parts[4] {
		return notFound()
	}
	arn := v.ARN
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return v, arn, nil
}

// pick is the version for an invocation that drew r, 0 <= r < 1.
func (a Alias) pick(r float64) string {
	for _, number := range slices.Sorted(maps.Keys(a.Weights)) {
		if r -= a.Weights[number]; r < 0 {
			return number
		}
	}
	return a.Version
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

package control

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/lambda"
)

// Configuration is a version of a function as the API shows it (API reference, FunctionConfiguration). It is also what is stored.
type Configuration struct {
	FunctionName               string
	FunctionArn                string `json:",omitempty"` // made for each answer, since it depends on how the function was asked for
	Runtime                    string `json:",omitempty"`
	Role                       string `json:",omitempty"`
	Handler                    string `json:",omitempty"`
	CodeSize                   int64
	Description                string
	Timeout                    int // seconds
	MemorySize                 int // MB
	LastModified               string
	CodeSha256                 string
	Version                    string
	VpcConfig                  *VpcConfig        `json:",omitempty"`
	DeadLetterConfig           *DeadLetterConfig `json:",omitempty"`
	Environment                *Environment      `json:",omitempty"`
	KMSKeyArn                  string            `json:",omitempty"`
	TracingConfig              TracingConfig
	RevisionId                 string
	State                      string `json:",omitempty"`
	StateReason                string `json:",omitempty"`
	StateReasonCode            string `json:",omitempty"`
	LastUpdateStatus           string `json:",omitempty"`
	LastUpdateStatusReason     string `json:",omitempty"`
	LastUpdateStatusReasonCode string `json:",omitempty"`
	PackageType                string
	Architectures              []string
	EphemeralStorage           EphemeralStorage
	SnapStart                  SnapStart
	RuntimeVersionConfig       *RuntimeVersionConfig `json:",omitempty"`
	LoggingConfig              LoggingConfig
}

// The members of a [Configuration].
type (
	// VpcConfig is the network that the function would be in. Here every function is in this computer's.
	VpcConfig struct {
		SubnetIds               []string
		SecurityGroupIds        []string
		VpcId                   string
		Ipv6AllowedForDualStack bool
	}
	// DeadLetterConfig says where events go that were given up.
	DeadLetterConfig struct {
		TargetArn *string `json:",omitempty"`
	}
	// Environment holds the function's variables.
	Environment struct{ Variables map[string]string }
	// TracingConfig says whether traces begin here: Active, or PassThrough.
	TracingConfig struct{ Mode string }
	// EphemeralStorage is the size of /tmp in MB.
	EphemeralStorage struct{ Size int }
	// SnapStart is off for the runtimes that run here.
	SnapStart struct{ ApplyOn, OptimizationStatus string }
	// RuntimeVersionConfig names the version of the runtime.
	RuntimeVersionConfig struct{ RuntimeVersionArn string }
	// LoggingConfig says what the function logs, in which form and where to.
	LoggingConfig struct {
		LogFormat           string `json:",omitempty"`
		ApplicationLogLevel string `json:",omitempty"`
		SystemLogLevel      string `json:",omitempty"`
		LogGroup            string `json:",omitempty"`
	}
)

// Alias is a name for a version (API reference, AliasConfiguration).
type Alias struct {
	AliasArn        string
	Name            string
	FunctionVersion string
	Description     string
	RoutingConfig   *RoutingConfig `json:",omitempty"`
	RevisionId      string
}

// RoutingConfig gives a second version its share of an alias's invocations, 0 to 1.
type RoutingConfig struct{ AdditionalVersionWeights map[string]float64 }

// EventInvokeConfig says how events of a version or alias are delivered.
type EventInvokeConfig struct {
	FunctionArn              string
	LastModified             float64 // epoch seconds
	MaximumRetryAttempts     *int    `json:",omitempty"`
	MaximumEventAgeInSeconds *int    `json:",omitempty"`
	DestinationConfig        DestinationConfig
}

// DestinationConfig says where the outcome of an event goes.
type DestinationConfig struct{ OnSuccess, OnFailure Destination }

// Destination is the ARN of a queue, topic, bus or function; "" for none.
type Destination struct {
	Destination string `json:",omitempty"`
}

// statement is an entry of a function's policy, in AWS's order of members.
type statement struct {
	Sid       string
	Effect    string
	Principal any // "*", or a map of Service or AWS to who it is
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

// policy is who may call a version or alias beside the account itself.
type policy struct {
	Version   string
	Id        string
	Statement []statement
}

// function is all there is about one function. It is never changed once it is in the plane's map: whoever changes it makes another.
type function struct {
	Name          string
	Template      bool // it comes from a template, and is there only once that has been deployed again
	NextVersion   int
	Reserved      *int                          `json:",omitempty"`
	RecursiveLoop string                        `json:",omitempty"` // "" means Terminate
	Aliases       map[string]*Alias             `json:",omitempty"`
	Policies      map[string]*policy            `json:",omitempty"` // by qualifier
	InvokeConfigs map[string]*EventInvokeConfig `json:",omitempty"` // by qualifier
	URLs          map[string]*functionURL       `json:",omitempty"` // by qualifier
	Tags          map[string]string             `json:",omitempty"`

	// Of the aliases and the qualifiers with an InvokeConfig or a URL: those that the template has.
	TemplateAliases []string `json:",omitempty"`
	TemplateConfigs []string `json:",omitempty"`
	TemplateURLs    []string `json:",omitempty"`

	versions map[string]*version // by number, with $LATEST; documents of their own
	dormant  bool                // of a template that has not been deployed again yet
}

// version is one version of a function.
type version struct {
	Config Configuration
	Code   string // the SHA-256 of its zip in hexadecimal; "" if it is built from Source
	Source string `json:",omitempty"` // the folder of a template's function in Go
	Binary string `json:",omitempty"` // the program of a template's function that is run as it lies there
	Stamp  string `json:",omitempty"` // what the files behind Binary looked like

	RuntimeManagement *RuntimeManagement `json:",omitempty"` // nil means Auto
	Described         *string            `json:",omitempty"` // of a published version: the description of $LATEST then
}

// The collections of documents.
const (
	functionsCollection = "lambda.function" // by name
	versionsCollection  = "lambda.version"  // by name:number
	eventsCollection    = "lambda.event"    // by id, the oldest first
)

// documents is what f looks like in the journal, by collection and key.
func (f *function) documents() (map[[2]string][]byte, error) {
	all := map[[2]string][]byte{}
	if f == nil {
		return all, nil
	}
	text, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode the function %s: %w", f.Name, err)
	}
	all[[2]string{functionsCollection, f.Name}] = text
	for number, v := range f.versions {
		if text, err = json.Marshal(v); err != nil {
			return nil, fmt.Errorf("encode version %s of the function %s: %w", number, f.Name, err)
		}
		all[[2]string{versionsCollection, f.Name + ":" + number}] = text
	}
	return all, nil
}

// clone is a copy that may be changed.
func (f *function) clone() *function {
	c := *f
	c.Aliases = cloneEach(f.Aliases)
	c.InvokeConfigs = cloneEach(f.InvokeConfigs)
	c.Policies = cloneEach(f.Policies)
	for _, p := range c.Policies {
		p.Statement = slices.Clone(p.Statement)
	}
	c.URLs = cloneEach(f.URLs)
	c.Tags = maps.Clone(f.Tags)
	c.versions = cloneEach(f.versions)
	return &c
}

func cloneEach[K comparable, V any](m map[K]*V) map[K]*V {
	c := make(map[K]*V, len(m))
	for k, v := range m {
		copied := *v
		c[k] = &copied
	}
	return c
}

func (f *function) latest() *version { return f.versions[lambda.Latest] }

// numbers lists the versions in AWS's order: $LATEST, then the published ones by number.
func (f *function) numbers() []string {
	return slices.SortedFunc(maps.Keys(f.versions), func(a, b string) int {
		x, _ := strconv.Atoi(a) // $LATEST is no number, and comes first
		y, _ := strconv.Atoi(b)
		return x - y
	})
}

// find returns the version that a qualifier stands for, "" for $LATEST; of an alias the one that gets what the weights leave over.
func (f *function) find(qualifier string) *version {
	if qualifier == "" {
		qualifier = lambda.Latest
	}
	if a := f.Aliases[qualifier]; a != nil {
		qualifier = a.FunctionVersion
	}
	return f.versions[qualifier]
}

// has tells whether the qualifier is one of the function's.
func (f *function) has(qualifier string) bool {
	return f.versions[qualifier] != nil || f.Aliases[qualifier] != nil
}

// revision is the RevisionId of a version or alias.
func (f *function) revision(qualifier string) string {
	if a := f.Aliases[qualifier]; a != nil {
		return a.RevisionId
	}
	if v := f.versions[qualifier]; v != nil {
		return v.Config.RevisionId
	}
	return ""
}

// touch gives a version or alias a new RevisionId.
func (f *function) touch(qualifier string) {
	if a := f.Aliases[qualifier]; a != nil {
		a.RevisionId = newRevision()
	} else if v := f.versions[qualifier]; v != nil {
		v.Config.RevisionId = newRevision()
	}
}

// splitVersionKey takes the key of a version's document apart.
func splitVersionKey(key string) (name, number string) {
	name, number, _ = strings.Cut(key, ":")
	return name, number
}

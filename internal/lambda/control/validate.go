package control

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/lambda"
)

// The patterns of the API's model, each as AWS prints it in errors.
const (
	patternName      = `(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`
	patternDotted    = `(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`
	patternQualifier = `(|[a-zA-Z0-9$_-]+)`
	patternRole      = `arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`
	patternAlias     = `(?!^[0-9]+$)([a-zA-Z0-9-_]+)`
	patternVersion   = `(\$LATEST|[0-9]+)`
	patternHandler   = `[^\s]+`
	patternLogGroup  = `[\.\-_/#A-Za-z0-9]+`
	patternSid       = `([a-zA-Z0-9-_]+)`
	patternAction    = `(lambda:[*]|lambda:[a-zA-Z]+|[*])`
	patternARN       = `arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:([a-z]{2}(-gov)?-[a-z]+-\d{1})?:(\d{12})?:(.*)`
	patternOutcome   = `^$|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:([a-z]{2}((-gov)|(-iso(b?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)`
	patternSubnet    = `^subnet-[0-9a-z]*$`
	patternGroup     = `^sg-[0-9a-zA-Z]*$`
	patternTarget    = `(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()`
	patternTaggable  = `arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})`
)

// The same patterns as this program matches them: a whole text, and without what Go's syntax does not have.
var (
	matchQualifier = regexp.MustCompile(`^[a-zA-Z0-9$_-]*$`)
	matchRole      = regexp.MustCompile(`^arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$`)
	matchVersion   = regexp.MustCompile(`^(\$LATEST|[0-9]+)$`)
	matchNumber    = regexp.MustCompile(`^[0-9]+$`)
	matchHandler   = regexp.MustCompile(`^[^\s]+$`)
	matchLogGroup  = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]+$`)
	matchSid       = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	matchAction    = regexp.MustCompile(`^(lambda:[*]|lambda:[a-zA-Z]+|[*])$`)
	matchARN       = regexp.MustCompile(`^arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9-])+:([a-z]{2}(-gov)?-[a-z]+-\d)?:(\d{12})?:(.*)$`)
	matchOutcome   = regexp.MustCompile(`^$|^arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9-])+:([a-z]{2}((-gov)|(-iso(b?)))?-[a-z]+-\d)?:(\d{12})?:(.*)$`)
	matchSubnet    = regexp.MustCompile(patternSubnet)
	matchGroup     = regexp.MustCompile(patternGroup)
	matchTarget    = regexp.MustCompile(`^((arn:(aws[a-zA-Z-]*)?:[a-z0-9.-]+:.*)|())$`)
	matchTaggable  = regexp.MustCompile(`^arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d:\d{12}:(function:[a-zA-Z0-9_-]+(:(\$LATEST|[a-zA-Z0-9_-]+))?|layer:([a-zA-Z0-9_-]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$`)
)

// constraints gathers what a request breaks of the API's model, in the words of AWS's own check.
type constraints struct{ broken []string }

func (c *constraints) add(value, field, rule string) {
	c.broken = append(c.broken, "Value "+value+" at '"+field+"' failed to satisfy constraint: "+rule)
}

// quoted is a value as the check repeats it.
func quoted(s string) string {
	const most = 1000
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return "'" + s + "'"
}

// required demands a text.
func (c *constraints) required(field string, value *string) {
	if value == nil {
		c.add("null", field, "Member must not be null")
	}
}

// matches holds a text that is present to a pattern, which is shown.
func (c *constraints) matches(field string, value *string, pattern *regexp.Regexp, shown string) {
	if value != nil && !pattern.MatchString(*value) {
		c.add(quoted(*value), field, "Member must satisfy regular expression pattern: "+shown)
	}
}

// length bounds a text that is present, in characters.
func (c *constraints) length(field string, value *string, least, most int) {
	switch {
	case value == nil:
	case utf8.RuneCountInString(*value) > most:
		c.add(quoted(*value), field, "Member must have length less than or equal to "+strconv.Itoa(most))
	case utf8.RuneCountInString(*value) < least:
		c.add(quoted(*value), field, "Member must have length greater than or equal to "+strconv.Itoa(least))
	}
}

// between bounds a number that is present.
func (c *constraints) between(field string, value *int, least, most int) {
	switch {
	case value == nil:
	case *value > most:
		c.add(quoted(strconv.Itoa(*value)), field, "Member must have value less than or equal to "+strconv.Itoa(most))
	case *value < least:
		c.add(quoted(strconv.Itoa(*value)), field, "Member must have value greater than or equal to "+strconv.Itoa(least))
	}
}

// oneOf demands that a text that is present be one of a few.
func (c *constraints) oneOf(field string, value *string, members ...string) {
	if value != nil && !slices.Contains(members, *value) {
		c.add(quoted(*value), field, "Member must satisfy enum value set: ["+strings.Join(members, ", ")+"]")
	}
}

// each holds every entry of a list of ids to a pattern.
func (c *constraints) each(field string, list []string, pattern *regexp.Regexp, shown string) {
	for _, id := range list {
		if !pattern.MatchString(id) || len(id) > 1024 {
			c.add(quoted("["+strings.Join(list, ", ")+"]"), field, "Member must satisfy constraint: [Member must have length less than or equal to 1024, "+
				"Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: "+shown+"]")
			return
		}
	}
}

// page bounds MaxItems.
func (c *constraints) page(most int, value *int) { c.between("maxItems", value, 1, most) }

// err is the ValidationException that lists what is broken, nil for nothing.
func (c *constraints) err() error {
	if len(c.broken) == 0 {
		return nil
	}
	return lambda.Refuse(lambda.CodeValidation, "%s", c.message())
}

func (c *constraints) message() string {
	plural := "s"
	if len(c.broken) == 1 {
		plural = ""
	}
	return fmt.Sprintf("%d validation error%s detected: %s", len(c.broken), plural, strings.Join(c.broken, "; "))
}

// invalid refuses a value.
func invalid(format string, args ...any) error {
	return lambda.Refuse(lambda.CodeInvalidParameterValue, format, args...)
}

func notFound(format string, args ...any) error {
	return lambda.Refuse(lambda.CodeResourceNotFound, format, args...)
}

// The lengths of names (API reference). A longer name is refused as such, whatever it is made of.
const (
	maxName          = 64  // of a function
	maxNameOrARN     = 140 // of a name or ARN that changes the function
	maxNamespaced    = 170 // of a name or ARN that only reads
	maxQualifier     = 128
	maxDescription   = 256
	maxListed        = 10_000
	maxConfigsListed = 50
)

// target is what a request names: a function, and a version or alias of it or "".
type target struct{ name, qualifier string }

// locate takes the name and qualifier of a request apart and checks them. The function need not be there.
func (p *Plane) locate(name *string, qualifier string, most int) (target, error) {
	var c constraints
	c.length("qualifier", &qualifier, 0, maxQualifier)
	c.matches("qualifier", &qualifier, matchQualifier, patternQualifier)
	c.required("functionName", name)
	shown := patternName
	if most == maxNamespaced {
		shown = patternDotted
	}
	var n lambda.Name
	if name != nil {
		c.length("functionName", name, 1, most)
		var ok bool
		if n, ok = lambda.ParseName(*name); !ok {
			c.add(quoted(*name), "functionName", "Member must satisfy regular expression pattern: "+shown)
		}
	}
	switch err := c.err(); {
	case err != nil:
		return target{}, err
	case n.Region != "" && n.Region != p.cfg.Region:
		return target{}, notFound("Functions from '%s' are not reachable in this region ('%s')", n.Region, p.cfg.Region)
	case n.Account != "" && n.Account != p.cfg.Account:
		return target{}, lambda.Refuse(lambda.CodeAccessDenied, "The function %s is of the account %s; here is the account %s.", *name, n.Account, p.cfg.Account)
	case qualifier != "" && n.Qualifier != "" && qualifier != n.Qualifier:
		return target{}, invalid("The derived qualifier from the function name does not match the specified qualifier.")
	case qualifier == "":
		qualifier = n.Qualifier
	}
	return target{n.Function, qualifier}, nil
}

// function returns the function that a request names.
func (p *Plane) function(name *string, qualifier string, most int) (*function, target, error) {
	t, err := p.locate(name, qualifier, most)
	if err != nil {
		return nil, t, err
	}
	f := p.get(t.name)
	if f == nil {
		return nil, t, notFound("Function not found: %s", p.arn(t.name, t.qualifier))
	}
	return f, t, nil
}

// version returns the version that a request names.
func (p *Plane) version(name *string, qualifier string) (*function, *version, target, error) {
	f, t, err := p.function(name, qualifier, maxNamespaced)
	if err != nil {
		return nil, nil, t, err
	}
	v := f.find(t.qualifier)
	if v == nil {
		return nil, nil, t, notFound("Function not found: %s", p.arn(t.name, t.qualifier))
	}
	return f, v, t, nil
}

// checkRevision refuses a revision that is given and not the latest.
func checkRevision(given *string, latest string) error {
	if given == nil || *given == "" || *given == latest {
		return nil
	}
	return lambda.Refuse(lambda.CodePreconditionFailed, "The Revision Id provided does not match the latest Revision Id. "+
		"Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
}

// text is what a pointer points to, "" for none.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

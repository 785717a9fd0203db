package awsmodel

import (
	"regexp"
	"strings"
)

// What follows is how the SDK for Java 2 derives names from a service's model (its code generator's naming strategy). Step Functions calls
// services through that SDK and shows its names.

var words = []struct {
	find    *regexp.Regexp
	replace string
}{
	{regexp.MustCompile(`[^A-Za-z0-9]+`), " "},
	{regexp.MustCompile(`([^a-z]{2,})v([0-9]+)`), "$1 v$2 "},
	{regexp.MustCompile(`([^A-Z]{2,})V([0-9]+)`), "$1 V$2 "},
	{regexp.MustCompile(`([a-z])([A-Z][a-zA-Z0-9])`), "$1 $2"},
	{regexp.MustCompile(`([A-Z]+)([A-Z][a-z])`), "$1 $2"},
	{regexp.MustCompile(`([0-9])([a-zA-Z])`), "$1 $2"},
}

// pascal writes a name in Pascal case, as Java classes are: "DynamoDB" becomes "DynamoDb".
func pascal(name string) string {
	for _, w := range words {
		name = w.find.ReplaceAllString(name, w.replace)
	}
	var b strings.Builder
	for _, word := range strings.Fields(name) {
		b.WriteString(strings.ToUpper(word[:1]) + strings.ToLower(word[1:]))
	}
	return b.String()
}

// servicePrefix is the client's name without "Client", like "Sfn" for "SFN" and "Config" for "Config Service".
func servicePrefix(id string) string {
	name := pascal(id)
	for _, redundant := range []string{"Amazon", "Aws"} {
		name = strings.TrimPrefix(name, redundant)
	}
	return strings.TrimSuffix(name, "Service")
}

// ExceptionName is the Java class of an exception, like "NoSuchKeyException" for "NoSuchKey".
func ExceptionName(shape string) string {
	if name, ok := strings.CutSuffix(shape, "Fault"); ok {
		return pascal(name) + "Exception"
	}
	name := pascal(shape)
	if !strings.HasSuffix(name, "Exception") {
		name += "Exception"
	}
	return name
}

// reserved are names that no member of a Java class can have; it is called …Value instead (developer guide, "Integrating other AWS services":
// a parameter called equals becomes EqualsValue).
var reserved = map[string]bool{
	"abstract": true, "assert": true, "boolean": true, "break": true, "byte": true, "case": true, "catch": true, "char": true, "class": true,
	"const": true, "continue": true, "default": true, "do": true, "double": true, "else": true, "enum": true, "extends": true, "final": true,
	"finally": true, "float": true, "for": true, "goto": true, "if": true, "implements": true, "import": true, "instanceof": true, "int": true,
	"interface": true, "long": true, "native": true, "new": true, "package": true, "private": true, "protected": true, "public": true,
	"return": true, "short": true, "static": true, "strictfp": true, "super": true, "switch": true, "synchronized": true, "this": true,
	"throw": true, "throws": true, "transient": true, "try": true, "void": true, "volatile": true, "while": true, "null": true, "true": true,
	"false": true, "equals": true, "hashCode": true, "toString": true, "getClass": true, "wait": true, "notify": true, "notifyAll": true,
	"clone": true, "finalize": true,
}

// fieldName is how Step Functions calls a member: with an upper-case first letter.
func fieldName(member string) string {
	if reserved[lowerFirst(member)] {
		member += "Value"
	}
	return strings.ToUpper(member[:1]) + member[1:]
}

// apiName is how a resource calls an operation: with a lower-case first letter.
func apiName(operation string) string { return lowerFirst(operation) }

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// serviceName is how a resource calls a service.
func serviceName(prefix string) string { return strings.ToLower(prefix) }

// NameOf is how aws-sdk resources write the service with the serviceId.
func NameOf(id string) string { return serviceName(servicePrefix(id)) }

// ErrorCode is what the exception is called on the wire, in the query protocol if the service speaks that: "NotFound" for
// SNS's "NotFoundException", and the name itself where the model knows no other.
func (s *Service) ErrorCode(exception string) string {
	found := ""
	for code, name := range s.errors {
		if name == exception && code != exception && (found == "" || code < found) {
			found = code
		}
	}
	if found == "" {
		return exception
	}
	return found
}

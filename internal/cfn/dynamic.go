package cfn

import (
	"regexp"
	"slices"

	"github.com/tutti-run/tutti/internal/value"
)

// dynamicPrefix begins a dynamic reference.
const dynamicPrefix = "{{resolve:"

// dynamicReference matches a reference to a value that is kept elsewhere (user guide, "Get values stored in other services using dynamic
// references"): of the parameter store by name and maybe version, or of a secret by id, member and version.
var dynamicReference = regexp.MustCompile(`\{\{resolve:((?:ssm|ssm-secure|secretsmanager):[^{}]+)\}\}`)

// dynamic puts the values of dynamic references into a text. The references that nobody knows stay.
func (r *resolver) dynamic(at *node, text string) (value.Value, bool) {
	fine := true
	replaced := dynamicReference.ReplaceAllStringFunc(text, func(whole string) string {
		reference := dynamicReference.FindStringSubmatch(whole)[1]
		if r.in.Dynamic != nil {
			if found, ok := r.in.Dynamic(reference); ok {
				fine = fine && r.spend(at, len(found))
				return found
			}
		}
		if !slices.Contains(r.template.Unresolved, reference) {
			r.template.Unresolved = append(r.template.Unresolved, reference)
		}
		return whole
	})
	return value.String(replaced), fine
}

package cfn

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tutti-run/tutti/internal/value"
)

// parameter is a declared parameter with its value.
type parameter struct {
	value  value.Value
	fault  string // why there is no value, told where somebody asks for it; "" if there is one or the fault is reported
	madeUp bool   // only AWS knows the value
}

// The members of a parameter (user guide, "Parameters").
var parameterMembers = []string{
	"Type", "Default", "Description", "NoEcho", "AllowedValues", "AllowedPattern", "ConstraintDescription", "MinLength", "MaxLength", "MinValue", "MaxValue",
}

// readParameters gives every declared parameter its value.
func (r *resolver) readParameters() {
	section := r.doc.root.get("Parameters")
	for _, m := range section.all() {
		if r.checkLogicalID("Parameter", m) {
			r.readParameter(m.name, m.value)
		}
	}
	var unknown []string
	for name := range r.in.Parameters {
		if section.get(name) == nil {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		at := section
		if at == nil {
			at = r.doc.root
		}
		r.problem(at, "Parameters: [%s] do not exist in the template", strings.Join(unknown, ", "))
	}
}

// publicParameters begins the names of the parameters that AWS gives everybody, such as the newest machine images.
const publicParameters = "/aws/service/"

func (r *resolver) readParameter(name string, n *node) {
	for _, m := range n.members {
		if !slices.Contains(parameterMembers, m.name) {
			r.problem(m.value, "Template format error: Invalid template parameter property '%s'", m.name)
		}
	}
	typeName, _ := n.get("Type").string()
	kind, stored := kindOf(typeName)
	if kind == noKind {
		at := n
		if t := n.get("Type"); t != nil {
			at = t
		}
		r.problem(at, "Template format error: Unrecognized parameter type: %s", typeName)
		r.parameters[name] = parameter{}
		return
	}
	noEcho := truth(n.get("NoEcho"))
	text, given := r.in.Parameters[name]
	if !given {
		text, given = r.defaultOf(n)
	}
	if !given {
		r.problem(n, "Parameters: [%s] must have values", name)
		r.parameters[name] = parameter{}
		return
	}
	shown := text
	if noEcho {
		shown = "****"
		r.hide(text, kind)
	}
	r.template.Parameters = append(r.template.Parameters, Parameter{Name: name, Type: typeName, Value: shown, NoEcho: noEcho})
	if fault := constraintFault(n, kind, text); fault != "" {
		if description, ok := n.get("ConstraintDescription").string(); ok {
			fault = "failed to satisfy constraint: " + description
		}
		r.problem(n, "Parameter '%s' %s", name, fault)
	}
	if stored {
		stored, found := "", false
		if r.in.StoredParameter != nil {
			stored, found = r.in.StoredParameter(text)
		}
		switch {
		case found:
		case strings.HasPrefix(text, publicParameters):
			r.parameters[name] = parameter{value: value.String(madeUpItem), madeUp: true}
			return
		default:
			quoted := r.origin.quote(shown)
			r.parameters[name] = parameter{fault: "Unable to fetch parameters [" + quoted + "] from parameter store for this account. Give it a value: --resolve ssm:" + quoted + "=VALUE"}
			return
		}
		if text = stored; noEcho {
			r.hide(text, kind)
		}
	}
	if !kind.isList() {
		r.parameters[name] = parameter{value: value.String(text)}
		return
	}
	items := value.Array{}
	for _, item := range listItems(text) {
		items = append(items, value.String(item))
	}
	r.parameters[name] = parameter{value: items}
}

// hide keeps a NoEcho parameter's text, and the items of its list, out of messages.
func (r *resolver) hide(text string, kind parameterKind) {
	secrets := []string{text}
	if kind.isList() {
		secrets = append(secrets, listItems(text)...)
	}
	for _, secret := range secrets {
		if secret != "" {
			r.origin.secrets = append(r.origin.secrets, secret)
		}
	}
}

// parameterKind is what the text of a parameter holds.
type parameterKind uint8

const (
	noKind      parameterKind = iota // the type does not exist
	textKind                         // String, and the types that name something in an account, like AWS::EC2::KeyPair::KeyName
	numberKind                       // Number, which a reference gives as a text all the same
	textsKind                        // CommaDelimitedList and the lists of names
	numbersKind                      // List<Number>
)

func (k parameterKind) isList() bool { return k == textsKind || k == numbersKind }

// kindOf returns the kind of a parameter type, and whether the parameter's text is the name of a parameter in Systems Manager that
// holds the value (user guide, "CloudFormation-supplied parameter types").
func kindOf(typeName string) (kind parameterKind, stored bool) {
	if inner, ok := strings.CutPrefix(typeName, "AWS::SSM::Parameter::Value<"); ok {
		if inner, ok = strings.CutSuffix(inner, ">"); ok {
			kind, _ = kindOf(inner)
		}
		return kind, true
	}
	switch {
	case typeName == "String":
		return textKind, false
	case typeName == "Number":
		return numberKind, false
	case typeName == "CommaDelimitedList", typeName == "List<String>":
		return textsKind, false
	case typeName == "List<Number>":
		return numbersKind, false
	case strings.HasPrefix(typeName, "List<AWS::") && strings.HasSuffix(typeName, ">"):
		return textsKind, false
	case strings.HasPrefix(typeName, "AWS::"): // whether what it names exists is not known here
		return textKind, false
	}
	return noKind, false
}

func (r *resolver) defaultOf(n *node) (string, bool) {
	d := n.get("Default")
	if d == nil {
		return "", false
	}
	text, ok := scalarText(d.literal())
	if !ok {
		r.problem(d, "Template format error: Every Default member must be a string.")
	}
	return text, true
}

// listItems splits a comma-delimited list. Blanks around items do not count (user guide, "CommaDelimitedList").
func listItems(text string) []string {
	if text == "" {
		return nil
	}
	items := strings.Split(text, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// truth reads true and "true".
func truth(n *node) bool {
	if n == nil {
		return false
	}
	text, _ := scalarText(n.literal())
	return strings.EqualFold(text, "true")
}

// constraintFault says which constraint of the declaration the value fails, "" for none. It never quotes the value.
func constraintFault(n *node, kind parameterKind, text string) string {
	if len(text) > MaxParameterBytes {
		return "must contain at most " + strconv.Itoa(MaxParameterBytes) + " bytes"
	}
	items := []string{text}
	if kind.isList() {
		items = listItems(text)
	}
	for _, item := range items {
		if kind == numberKind || kind == numbersKind {
			if fault := numberFault(n, item); fault != "" {
				return fault
			}
		} else if fault := textFault(n, item); fault != "" {
			return fault
		}
		allowed := n.get("AllowedValues")
		if allowed != nil && !slices.ContainsFunc(allowed.items, func(a *node) bool {
			s, ok := scalarText(a.literal())
			return ok && s == item
		}) {
			return "must be one of AllowedValues"
		}
	}
	return ""
}

func textFault(n *node, text string) string {
	length := float64(utf8.RuneCountInString(text))
	if least, ok := bound(n, "MinLength"); ok && length < least {
		return "must contain at least " + format(least) + " characters"
	}
	if most, ok := bound(n, "MaxLength"); ok && length > most {
		return "must contain at most " + format(most) + " characters"
	}
	if pattern, ok := n.get("AllowedPattern").string(); ok {
		// CloudFormation's patterns are Java's. One that Go's linear-time engine cannot run, with look-around for example, is left
		// unchecked: to refuse a template that AWS takes would be worse.
		if re, err := regexp.Compile(`^(?:` + pattern + `)$`); err == nil && !re.MatchString(text) {
			return "must match pattern " + pattern
		}
	}
	return ""
}

func numberFault(n *node, text string) string {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "must be a number"
	}
	if least, ok := bound(n, "MinValue"); ok && number < least {
		return "must be a number not less than " + format(least)
	}
	if most, ok := bound(n, "MaxValue"); ok && number > most {
		return "must be a number not greater than " + format(most)
	}
	return ""
}

// bound reads a constraint, which may be a number or a text with one.
func bound(n *node, name string) (float64, bool) {
	b := n.get(name)
	if b == nil {
		return 0, false
	}
	text, _ := scalarText(b.literal())
	limit, err := strconv.ParseFloat(text, 64)
	return limit, err == nil
}

func format(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

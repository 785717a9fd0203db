package cfn

import (
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"

	"github.com/tutti-run/tutti/internal/value"
)

// function evaluates an intrinsic function with the given argument. A nil value with ok is AWS::NoValue. Not ok means that a problem
// is reported.
type function func(r *resolver, arg *node) (v value.Value, ok bool)

// functions is the table of intrinsic functions (user guide, "Intrinsic function reference"). It is built for each call of Resolve,
// since a package-level table of functions that look into it would be a cycle.
func functions() map[string]function {
	return map[string]function{
		"Ref":              (*resolver).ref,         // a parameter's value, or what names a resource
		"Fn::GetAtt":       (*resolver).getAtt,      // an attribute of a resource
		"Fn::Sub":          (*resolver).sub,         // a text with ${variables}
		"Fn::Join":         (*resolver).join,        // a list's texts with a delimiter between them
		"Fn::Split":        (*resolver).split,       // a text's parts between delimiters
		"Fn::Select":       (*resolver).selectItem,  // one item of a list
		"Fn::FindInMap":    (*resolver).findInMap,   // a value of the Mappings section
		"Fn::If":           (*resolver).branch,      // one of two values, by a condition
		"Fn::Base64":       (*resolver).base64,      // a text, encoded
		"Fn::Cidr":         (*resolver).cidr,        // subnets of an address block
		"Fn::GetAZs":       (*resolver).zones,       // a region's availability zones
		"Fn::ImportValue":  (*resolver).importValue, // another stack's export
		getStackOutput:     (*resolver).stackOutput, // another stack's output
		"Fn::Length":       (*resolver).length,      // how many items a list has
		"Fn::ToJsonString": (*resolver).toJSON,      // a value as JSON text
		"Fn::Transform":    (*resolver).macro,       // refused: a macro is a program in an account
		fnAnd:              misplaced,               // conditions belong into the Conditions section
		fnOr:               misplaced,
		fnNot:              misplaced,
		fnEquals:           misplaced,
	}
}

// resolve evaluates a node with all the functions and dynamic references in it.
func (r *resolver) resolve(n *node) (value.Value, bool) {
	v, ok := r.evaluate(n)
	if text, isText := v.(value.String); isText && strings.Contains(string(text), dynamicPrefix) {
		return r.dynamic(n, string(text))
	}
	return v, ok
}

func (r *resolver) evaluate(n *node) (value.Value, bool) {
	switch n.kind {
	case value.KindArray:
		return r.resolveItems(n)
	case value.KindObject:
		if name, arg := asFunction(n); name != "" {
			return r.call(n, name, arg)
		}
		return r.resolveMembers(n)
	}
	return n.scalar, true
}

// asFunction returns name and argument if n is an object with a single member that is named like a function.
func asFunction(n *node) (name string, arg *node) {
	if len(n.members) == 1 && (n.members[0].name == "Ref" || strings.HasPrefix(n.members[0].name, "Fn::")) {
		return n.members[0].name, n.members[0].value
	}
	return "", nil
}

func (r *resolver) call(n *node, name string, arg *node) (value.Value, bool) {
	f, ok := r.functions[name]
	if !ok {
		r.problem(n, "Template error: %s is no intrinsic function that is known here.", name)
		return nil, false
	}
	return f(r, arg)
}

func (r *resolver) resolveItems(n *node) (value.Value, bool) {
	items, kept, fine := value.Array{}, []int(nil), true
	for i, item := range n.items {
		v, ok := r.resolve(item)
		fine = fine && ok
		if v != nil {
			items = append(items, v)
			kept = append(kept, i)
		}
	}
	if len(items) < len(n.items) {
		r.origin.kept[n] = kept
	}
	return items, fine
}

func (r *resolver) resolveMembers(n *node) (value.Value, bool) {
	members, fine := []value.Member(nil), true
	for _, m := range n.members {
		if strings.HasPrefix(m.name, "Fn::") {
			r.problem(m.value, "Template error: %s must be the only member of its object.", m.name)
			fine = false
			continue
		}
		v, ok := r.resolve(m.value)
		fine = fine && ok
		if v != nil {
			members = append(members, value.Member{Name: m.name, Value: v})
		}
	}
	return value.NewObject(members...), fine
}

// text evaluates a node that must be a text; AWS::NoValue is an empty one.
func (r *resolver) text(n *node) (string, bool) {
	v, ok := r.resolve(n)
	if !ok || v == nil {
		return "", ok
	}
	text, isScalar := scalarText(v)
	if !isScalar {
		r.problem(n, "This must be a string, not %s.", article(v.Kind()))
	}
	return text, isScalar
}

// list evaluates a node that must be a list.
func (r *resolver) list(n *node) (value.Array, bool) {
	v, ok := r.resolve(n)
	if !ok {
		return nil, false
	}
	items, isList := v.(value.Array)
	if !isList {
		kind := "nothing"
		if v != nil {
			kind = article(v.Kind())
		}
		r.problem(n, "This must be a list, not %s.", kind)
	}
	return items, isList
}

// scalarText returns the text of a string, number or boolean.
func scalarText(v value.Value) (string, bool) {
	switch v := v.(type) {
	case value.String:
		return string(v), true
	case value.Bool, value.Int, value.Float, value.BigInt:
		return value.Text(v), true
	}
	return "", false
}

// spend takes the size of something that a function is about to make from the budget.
func (r *resolver) spend(at *node, bytes int) bool {
	if r.budget < 0 {
		return false // reported
	}
	if r.budget -= bytes; r.budget < 0 {
		r.problem(at, "The template's functions make more than %d bytes.", MaxExpandedBytes)
		return false
	}
	return true
}

// args returns the items of an argument that must be a list of least to most items.
func (r *resolver) args(arg *node, least, most int, usage string) ([]*node, bool) {
	if arg.kind != value.KindArray || len(arg.items) < least || len(arg.items) > most {
		r.problem(arg, "Template error: %s", usage)
		return nil, false
	}
	return arg.items, true
}

func (r *resolver) join(arg *node) (value.Value, bool) {
	args, ok := r.args(arg, 2, 2, "every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.")
	if !ok {
		return nil, false
	}
	delimiter, okD := r.text(args[0])
	items, okL := r.list(args[1])
	if !okD || !okL {
		return nil, false
	}
	texts, size := make([]string, len(items)), 0
	for i, item := range items {
		var isScalar bool
		if texts[i], isScalar = scalarText(item); !isScalar {
			r.problem(args[1], "Template error: every Fn::Join object requires a list of strings; its item %d is %s.", i, article(item.Kind()))
			return nil, false
		}
		size += len(texts[i]) + len(delimiter)
	}
	if !r.spend(arg, size) {
		return nil, false
	}
	return value.String(strings.Join(texts, delimiter)), true
}

func (r *resolver) split(arg *node) (value.Value, bool) {
	args, ok := r.args(arg, 2, 2, "every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split.")
	if !ok {
		return nil, false
	}
	delimiter, okD := r.text(args[0])
	source, okS := r.text(args[1])
	if !okD || !okS {
		return nil, false
	}
	if delimiter == "" {
		r.problem(args[0], "Template error: the delimiter of Fn::Split cannot be empty.")
		return nil, false
	}
	const perItem = 16
	if !r.spend(arg, len(source)+perItem*(1+strings.Count(source, delimiter))) {
		return nil, false
	}
	items := value.Array{}
	for part := range strings.SplitSeq(source, delimiter) {
		items = append(items, value.String(part))
	}
	return items, true
}

// madeUpItem stands for what is taken from a made-up value: only the service knows what is there.
const madeUpItem = "made-up"

func (r *resolver) selectItem(arg *node) (value.Value, bool) {
	args, ok := r.args(arg, 2, 2, "Fn::Select requires a list argument with two elements: an integer index and a list")
	if !ok {
		return nil, false
	}
	before := r.madeUp
	text, okI := r.text(args[0])
	items, okL := r.list(args[1])
	if !okI || !okL {
		return nil, false
	}
	index, err := strconv.Atoi(text)
	if err != nil {
		r.problem(args[0], "Template error: Fn::Select requires an integer index, not %q.", r.origin.quote(text))
		return nil, false
	}
	if index < 0 || index >= len(items) {
		if r.madeUp > before { // nobody knows how many there would be
			return value.String(madeUpItem), true
		}
		r.problem(arg, "Template error: Fn::Select cannot select nonexistent value at index %s", r.origin.quote(text))
		return nil, false
	}
	return items[index], true
}

func (r *resolver) findInMap(arg *node) (value.Value, bool) {
	args, ok := r.args(arg, 3, 4, "every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value")
	if !ok {
		return nil, false
	}
	before := r.madeUp
	var keys [3]string
	for i := range keys {
		text, ok := r.text(args[i])
		if !ok {
			return nil, false
		}
		keys[i] = text
	}
	found := r.doc.root.get("Mappings").get(keys[0]).get(keys[1]).get(keys[2])
	if found == nil {
		if len(args) == 4 && args[3].get("DefaultValue") != nil {
			return r.resolve(args[3].get("DefaultValue"))
		}
		if r.madeUp > before {
			return value.String(madeUpItem), true
		}
		r.problem(arg, "Template error: Unable to get mapping for %s::%s::%s", r.origin.quote(keys[0]), r.origin.quote(keys[1]), r.origin.quote(keys[2]))
		return nil, false
	}
	if found.kind == value.KindObject || found.kind == value.KindNull {
		r.problem(found, "Template format error: Every Mappings attribute must be a String or a List.")
		return nil, false
	}
	// The same list may be asked for again and again, so it is paid for as if it were made each time.
	if !r.spend(arg, 1+found.end-found.start) {
		return nil, false
	}
	return found.literal(), true
}

func (r *resolver) branch(arg *node) (value.Value, bool) {
	taken, ok := r.takenBranch(arg, true)
	if !ok {
		return nil, false
	}
	return r.resolve(taken)
}

// takenBranch returns the branch of an Fn::If that its condition chooses.
func (r *resolver) takenBranch(arg *node, report bool) (*node, bool) {
	if arg.kind != value.KindArray || len(arg.items) != 3 {
		if report {
			r.problem(arg, "Template error: Fn::If requires a list argument with three elements")
		}
		return nil, false
	}
	name, isText := arg.items[0].string()
	if !isText || r.conditions[name] == nil {
		if report {
			if !isText && arg.items[0].scalar != nil {
				name, _ = scalarText(arg.items[0].scalar) // such as YAML's Yes, which is true
			}
			r.problem(arg.items[0], "Template error: unresolved condition dependency %s in Fn::If", name)
		}
		return nil, false
	}
	holds, ok := r.decide(name)
	taken := arg.items[2]
	if holds {
		taken = arg.items[1]
	}
	r.origin.chosen[arg] = taken
	return taken, ok
}

func (r *resolver) base64(arg *node) (value.Value, bool) {
	text, ok := r.text(arg)
	if !ok || !r.spend(arg, base64.StdEncoding.EncodedLen(len(text))) {
		return nil, false
	}
	return value.String(base64.StdEncoding.EncodeToString([]byte(text))), true
}

// cidr cuts the first count subnets of 2^bits addresses from a block.
func (r *resolver) cidr(arg *node) (value.Value, bool) {
	args, ok := r.args(arg, 2, 3, "every Fn::Cidr object requires an ipBlock, a count from 1 to 256 and, for most blocks, cidrBits")
	if !ok {
		return nil, false
	}
	before := r.madeUp
	texts := []string{"", "", "8"}
	for i := range args {
		if texts[i], ok = r.text(args[i]); !ok {
			return nil, false
		}
	}
	block, err := netip.ParsePrefix(texts[0])
	count, errCount := strconv.Atoi(texts[1])
	bits, errBits := strconv.Atoi(texts[2])
	if err != nil && r.madeUp > before && errCount == nil && count >= 1 && count <= 256 {
		items := value.Array{}
		for range count {
			items = append(items, value.String(madeUpItem))
		}
		return items, r.spend(arg, len(madeUpItem)*count)
	}
	if err != nil || errCount != nil || errBits != nil || count < 1 || count > 256 || bits < 1 || bits >= block.Addr().BitLen() {
		r.problem(arg, "Template error: Fn::Cidr takes an address block, a count from 1 to 256 and the bits of a subnet's addresses.")
		return nil, false
	}
	block = block.Masked()
	address, prefix := block.Addr(), block.Addr().BitLen()-bits
	items := value.Array{}
	for range count {
		if prefix < block.Bits() || !address.IsValid() || !block.Contains(address) {
			r.problem(arg, "Template error: Fn::Cidr: the block has no room for %d subnets of that size.", count)
			return nil, false
		}
		items = append(items, value.String(netip.PrefixFrom(address, prefix).String()))
		address = plus(address, bits)
	}
	const perItem = 64
	return items, r.spend(arg, perItem*count)
}

// plus returns the address 2^bits further on, the zero Addr beyond the last one.
func plus(a netip.Addr, bits int) netip.Addr {
	bytes := a.AsSlice()
	carry := 1 << (bits % 8)
	for i := len(bytes) - 1 - bits/8; i >= 0 && carry > 0; i-- {
		carry += int(bytes[i])
		bytes[i], carry = byte(carry), carry>>8
	}
	if carry > 0 {
		return netip.Addr{}
	}
	next, _ := netip.AddrFromSlice(bytes)
	return next
}

// zones answers with three zones for every region. Which a region has is known only to an account in it.
func (r *resolver) zones(arg *node) (value.Value, bool) {
	region, ok := r.text(arg)
	if !ok {
		return nil, false
	}
	if region == "" {
		region = r.in.Place.Region
	}
	if !r.spend(arg, 3*len(region)+3) {
		return nil, false
	}
	return value.Array{value.String(region + "a"), value.String(region + "b"), value.String(region + "c")}, true
}

func (r *resolver) importValue(arg *node) (value.Value, bool) {
	name, ok := r.text(arg)
	if !ok {
		return nil, false
	}
	if r.in.Export != nil {
		if text, found := r.in.Export(name); found {
			return value.String(text), r.spend(arg, len(text))
		}
	}
	quoted := r.origin.quote(name)
	r.problem(arg, "No export named %s found. Give it a value: --resolve export:%s=VALUE", quoted, quoted)
	return nil, false
}

// getStackOutput is the function that takes an output that need not be exported.
const getStackOutput = "Fn::GetStackOutput"

const stackOutputUsage = getStackOutput + " takes an object with StackName and OutputName, and maybe Region and RoleArn"

func (r *resolver) stackOutput(arg *node) (value.Value, bool) {
	var texts [3]string
	for i, name := range []string{"StackName", "OutputName", "Region"} {
		n := arg.get(name)
		if n == nil && i < 2 {
			r.problem(arg, "Template error: "+stackOutputUsage)
			return nil, false
		}
		if n != nil {
			text, ok := r.text(n)
			if !ok {
				return nil, false
			}
			texts[i] = text
		}
	}
	if r.in.StackOutput != nil && (texts[2] == "" || texts[2] == r.in.Place.Region) {
		if text, found := r.in.StackOutput(texts[0], texts[1]); found {
			return value.String(text), r.spend(arg, len(text))
		}
	}
	stack, output := r.origin.quote(texts[0]), r.origin.quote(texts[1])
	r.problem(arg, "%s: no stack %s with an output %s is deployed here. Give it a value: --resolve output:%s:%s=VALUE", getStackOutput, stack, output, stack, output)
	return nil, false
}

func (r *resolver) length(arg *node) (value.Value, bool) {
	items, ok := r.list(arg)
	return value.Int(len(items)), ok
}

func (r *resolver) toJSON(arg *node) (value.Value, bool) {
	v, ok := r.resolve(arg)
	if !ok {
		return nil, false
	}
	if v == nil || v.Kind() != value.KindObject && v.Kind() != value.KindArray {
		r.problem(arg, "Template error: Fn::ToJsonString requires an object or an array.")
		return nil, false
	}
	text := value.Text(v)
	return value.String(text), r.spend(arg, len(text))
}

func (r *resolver) macro(arg *node) (value.Value, bool) {
	name, _ := arg.get("Name").string()
	r.problem(arg, "Fn::Transform asks for the macro %q, and macros are not run here. Give the template that this one is transformed to.", name)
	return nil, false
}

func misplaced(r *resolver, arg *node) (value.Value, bool) {
	r.problem(arg, "Template error: a condition function may stand only in the Conditions section. Name the condition in Fn::If.")
	return nil, false
}

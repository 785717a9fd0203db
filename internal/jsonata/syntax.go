package jsonata

import (
	"github.com/tutti-run/tutti/internal/jsonata/regex"
	"github.com/tutti-run/tutti/internal/value"
)

// kind is the type of a syntax node. The parser makes the first group; resolving turns the kinds of the second group into those of the
// third, so that what is compiled has none of them.
type kind uint8

const (
	kindEnd        kind = iota // behind the last token
	kindName                   // a field name
	kindString                 // "text"
	kindNumber                 // 1.5
	kindValue                  // true, false, null
	kindVariable               // $name; "" is the context, "$" the input document
	kindRegex                  // /pattern/i
	kindWildcard               // *
	kindDescendant             // **
	kindParent                 // %
	kindUnary                  // -x, [x], {k: v}: text tells which
	kindFunction               // f(x)
	kindPartial                // f(?, x)
	kindLambda                 // function($x){…}
	kindCondition              // x ? y : z
	kindCoalesce               // x ?? y
	kindElvis                  // x ?: y
	kindTransform              // |pattern|update, delete|
	kindBlock                  // (x; y)

	kindOperator // a token: a keyword used as a name, or the ? of a partial application
	kindBinary   // two operands: text tells which operator

	kindPath  // steps
	kindSort  // ^(terms), a step of a path
	kindBind  // $x := y
	kindApply // x ~> f

	kindCount
)

// kindNames are the reference's, which shows them as the token of S0217.
var kindNames = [kindCount]string{
	kindEnd: "(end)", kindName: "name", kindString: "string", kindNumber: "number", kindValue: "value", kindVariable: "variable",
	kindRegex: "regex", kindWildcard: "wildcard", kindDescendant: "descendant", kindParent: "parent", kindUnary: "unary",
	kindFunction: "function", kindPartial: "partial", kindLambda: "lambda", kindCondition: "condition", kindCoalesce: "condition",
	kindElvis: "condition", kindTransform: "transform", kindBlock: "block", kindOperator: "operator", kindBinary: "binary",
	kindPath: "path", kindSort: "sort", kindBind: "bind", kindApply: "apply",
}

func (k kind) String() string { return kindNames[k] }

// syntax is a node of the syntax tree, and before that a token. Which fields are set depends on the kind.
type syntax struct {
	kind     kind
	text     string // the operator, name, string or pattern
	position int    // of the end of the token that gave the node its kind, in UTF-16 code units
	height   int    // of the tree below
	literal  value.Value
	regex    *regex.Regexp

	left, right, third *syntax      // operands; condition, then, else; pattern, update, delete; procedure, body
	list               []*syntax    // arguments, items, expressions, steps
	pairs              [][2]*syntax // of an object constructor or a grouping
	terms              []sortTerm   // of an order-by
	signature          *signature   // of a lambda

	// What resolving adds.
	stages    []stage     // predicates and position bindings of a step
	predicate []stage     // predicates of anything else
	group     *grouping   // {k: v} behind the node
	keepArray bool        // [] behind the node: its result is not collapsed
	keepOne   bool        // of a path: a step in it has keepArray
	checked   int         // of a path: how many steps have been found to be allowed
	consArray bool        // an array constructor as first or last step, whose result is not flattened
	tuple     bool        // the step, or path, works on a stream of tuples
	focus     string      // @$name
	index     string      // #$name
	ancestor  *ancestor   // the step's input is wanted by a % further on
	slot      *ancestor   // of a parent node
	seeking   []*ancestor // parents within that have not found their ancestor yet
	tail      bool        // of a function call: it is the last thing that a lambda does
}

type sortTerm struct {
	descending bool
	expression *syntax
}

// stage is what stands in brackets behind a step, or a position binding among those.
type stage struct {
	filter *syntax
	index  string
}

type grouping struct {
	pairs    [][2]*syntax
	position int
}

// ancestor connects a % with the step whose input it means. It travels outwards, level counting the steps still to go, until a step
// takes it; label is the name under which the step's input is bound.
type ancestor struct {
	label string
	level int
	index int
}

// is tells whether the node is the operator, or the token, op.
func (s *syntax) is(op string) bool { return s.kind == kindOperator && s.text == op }

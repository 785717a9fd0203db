package payload_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/oracle"
	"github.com/tutti-run/tutti/internal/payload"
	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

func ExampleCompileTemplate() {
	v, _ := value.Parse(`{"subject": "order", "to.$": "$.customer.mail", "text.$": "States.Format('Order {} is {}', $.id, $status)"}`)
	template, problems := payload.CompileTemplate(v)
	if problems != nil {
		fmt.Println(problems[0].Message)
		return
	}
	input, _ := value.Parse(`{"id": 7, "customer": {"mail": "a@example.com"}}`)
	env := &payload.Env{
		Input:    input,
		Variable: func(name string) (value.Value, bool) { return value.String("on its way"), name == "status" },
	}
	result, err := template.Eval(env)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(value.Text(result))
	fmt.Println(template.Variables())
	// Output:
	// {"subject":"order","to":"a@example.com","text":"Order 7 is on its way"}
	// [status]
}

func ExampleTemplate_Eval_missing() {
	v, _ := value.Parse(`{"to.$": "$.mail"}`)
	template, _ := payload.CompileTemplate(v)
	input, _ := value.Parse(`{"id": 7}`)
	_, err := template.Eval(&payload.Env{Input: input})
	fmt.Println(err)
	// Output: The JSONPath '$.mail' specified for the field 'to.$' could not be found in the input '{"id":7}'
}

func ExampleCompileCall() {
	call, err := payload.CompileCall(`States.ArrayGetItem(States.StringSplit($.path, '/'), 1)`)
	if err != nil {
		fmt.Println(err)
		return
	}
	input, _ := value.Parse(`{"path": "/reports/2026/may"}`)
	item, err := call.Eval(&payload.Env{Input: input})
	fmt.Println(item, err)
	// Output: 2026 <nil>
}

func TestTemplate(t *testing.T) {
	for _, tt := range []struct{ template, input, want string }{
		{`{"a":1,"b":["$.x","States.UUID()"],"c":"$.x"}`, `{}`, `{"a":1,"b":["$.x","States.UUID()"],"c":"$.x"}`},
		{`"$.x"`, `{}`, `"$.x"`},
		{`{"all.$":"$"}`, `{"a":1}`, `{"all":{"a":1}}`},
		{`{"c.$":"$$.Execution.Id"}`, `{}`, `{"c":"arn:run"}`},
		{`{"v.$":"$x.n"}`, `{}`, `{"v":1}`},
		{`{"deep":{"list":[{"v.$":"$.a"},[{"w.$":"$.a"}],"$.a"]}}`, `{"a":true}`, `{"deep":{"list":[{"v":true},[{"w":true}],"$.a"]}}`},
		{`{"v.$":"$.a[5]"}`, `{"a":[1]}`, `{"v":null}`},
		{`{"v.$":"$.a[-2]"}`, `{"a":[1]}`, `{"v":null}`},
		{`{"v.$":"$.nul"}`, `{"nul":null}`, `{"v":null}`},
		{`{"v.$":"$.a[*].b"}`, `{}`, `{"v":[]}`},
		{`{".$":"$.a"}`, `{"a":1}`, `{"":1}`},
		// What is fixed comes first, the rest in the order of a Java hash table; without dynamic members of its own an object keeps its order.
		{`{"Bucket.$":"$.a","Key.$":"$.a","from_previous":0}`, `{"a":1}`, `{"from_previous":0,"Bucket":1,"Key":1}`},
		{`{"splitString.$":"$.a","formattedString.$":"$.a"}`, `{"a":1}`, `{"formattedString":1,"splitString":1}`},
		{`{"encodingOps":{"encoded.$":"$.a","decoded.$":"$.a"},"b":1,"a":2}`, `{"a":1}`, `{"encodingOps":{"decoded":1,"encoded":1},"b":1,"a":2}`},
		{`{"a.$":"$.a","b.$":"$.a","c.$":"$.a","d.$":"$.a","e.$":"$.a","f.$":"$.a","g.$":"$.a","h.$":"$.a","i.$":"$.a","j.$":"$.a","k.$":"$.a","l.$":"$.a","zz.$":"$.a"}`,
			`{"a":1}`, `{"zz":1,"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1}`},
	} {
		template, problems := payload.CompileTemplate(parse(t, tt.template))
		if problems != nil {
			t.Errorf("%s: %v", tt.template, problems)
			continue
		}
		v, err := template.Eval(newEnv(t, tt.input))
		if err != nil || value.Text(v) != tt.want {
			t.Errorf("%s of %s = %v, %v, want %s", tt.template, tt.input, v, err, tt.want)
		}
		if template.Constant() != (tt.template == tt.want) {
			t.Errorf("%s: Constant = %v", tt.template, template.Constant())
		}
	}
}

func TestConstantTemplateIsNotCopied(t *testing.T) {
	v := parse(t, `{"a":{"b":1}}`)
	template, _ := payload.CompileTemplate(v)
	if got, err := template.Eval(newEnv(t, `{}`)); err != nil || got != v {
		t.Errorf("Eval = %v, %v", got, err)
	}
}

func TestTemplateFails(t *testing.T) {
	const context = `{"Execution":{"Id":"arn:run","Input":{"a":1}},"StateMachine":{"Id":"arn:machine","Name":"orders"}}`
	for _, tt := range []struct{ template, input, want string }{
		{`{"value.$":"$.x"}`, `{ "y": 1 }`, `The JSONPath '$.x' specified for the field 'value.$' could not be found in the input '{ "y": 1 }'`},
		{`{"a":[{"b.$":"$.x.y"}]}`, `{}`, `The JSONPath '$.x.y' specified for the field 'b.$' could not be found in the input '{}'`},
		{`{"a.$":"$.x[5].y"}`, `{"x":[]}`, `The JSONPath '$.x[5].y' specified for the field 'a.$' could not be found in the input '{"x":[]}'`},
		{`{"t.$":"$$.Task.Token"}`, `{}`, `The JSONPath '$$.Task.Token' specified for the field 't.$' could not be found in the input '` + context + `'`},
		{`{"v.$":"$x.y"}`, `{}`, `The JSONPath '$x.y' specified for the field 'v.$' could not be found in the input '{"n":1,"s":"é"}'`},
		{`{"v.$":"$unset"}`, `{"a":1}`, `The JSONPath '$unset' specified for the field 'v.$' could not be found in the input '{"a":1}'`},
		{`{"b.$":"$.n.sum()"}`, `{"n":[]}`, `Invalid path '$.n.sum()' : Aggregation function attempted to calculate value using empty array`},
		{`{"b.$":"States.ArrayLength($.n)"}`, `{"n":1}`, `The function 'States.ArrayLength($.n)' had the following error: Invalid arguments in States.ArrayLength`},
		{`{"second.$":"$.x","first.$":"$.y"}`, `{}`, `The JSONPath '$.x' specified for the field 'second.$' could not be found in the input '{}'`},
	} {
		template, problems := payload.CompileTemplate(parse(t, tt.template))
		if problems != nil {
			t.Errorf("%s: %v", tt.template, problems)
			continue
		}
		v, err := template.Eval(newEnv(t, tt.input))
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s of %s = %v, %v\nwant %s", tt.template, tt.input, v, err, tt.want)
			continue
		}
		if name := err.(interface{ ErrorName() sfn.ErrorName }).ErrorName(); name != "States.Runtime" {
			t.Errorf("%s: %s", tt.template, name)
		}
	}
}

func TestTemplateProblems(t *testing.T) {
	const message = "The value for the field '%s' must be a valid JSONPath or a valid intrinsic function call"
	for _, tt := range []struct {
		template string
		want     []payload.Problem
	}{
		{`{"x.$":"value"}`, []payload.Problem{{Pointer: "/x.$", Field: "x.$"}}},
		{`{"x.$":""}`, []payload.Problem{{Pointer: "/x.$", Field: "x.$"}}},
		{`{"x.$":23}`, []payload.Problem{{Pointer: "/x.$", Field: "x.$"}}},
		{`{"x.$":{"y.$":"$"}}`, []payload.Problem{{Pointer: "/x.$", Field: "x.$"}}},
		{`{"x.$":" $.a"}`, []payload.Problem{{Pointer: "/x.$", Field: "x.$"}}},
		{`{"x.$":"$.a[?("}`, []payload.Problem{{Pointer: "/x.$", Field: "x.$"}}},
		{`{"parsed.$":"States.Format('\\\"{}\\\"', 1)"}`, []payload.Problem{{Pointer: "/parsed.$", Field: "parsed.$"}}},
		{`{"a/b":[0,{"~.$":null}],"z":{"q.$":"$x y"}}`, []payload.Problem{{Pointer: "/a~1b/1/~0.$", Field: "~.$"}, {Pointer: "/z/q.$", Field: "q.$"}}},
		{`{"x":1,"x.$":"$"}`, []payload.Problem{{Pointer: "/x.$", Field: "x.$", Message: "The field 'x' is specified twice: as 'x' and as 'x.$'"}}},
	} {
		template, problems := payload.CompileTemplate(parse(t, tt.template))
		if template != nil || len(problems) != len(tt.want) {
			t.Errorf("%s: %v, %v", tt.template, template, problems)
			continue
		}
		for i, want := range tt.want {
			if want.Message == "" {
				want.Message = fmt.Sprintf(message, want.Field)
			}
			got := problems[i]
			if got.Pointer != want.Pointer || got.Field != want.Field || got.Message != want.Message {
				t.Errorf("%s: %+v, want %+v", tt.template, got, want)
			}
		}
	}
}

func TestProblemSaysWhere(t *testing.T) {
	_, problems := payload.CompileTemplate(parse(t, `{"x.$":"States.Array(1, 2"}`))
	var syntax *payload.SyntaxError
	if len(problems) != 1 || !errors.As(problems[0].Err, &syntax) || syntax.Offset != 17 {
		t.Errorf("%+v", problems)
	}
}

// recordedCase is as much of a conformance case as these tests need.
type recordedCase struct {
	Kind     string
	Requires []string
	Runs     []struct {
		Definition string
		Input      string
		Result     struct {
			Status string
			Output json.RawMessage
		}
	}
}

// The recorded runs of machines that are one Pass state with Parameters give AWS's output, member for member in AWS's order.
func TestRecordedTemplates(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(oracle.Dir(t, "conformance/cases"), "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c recordedCase
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, run := range c.Runs {
			template, ok := onlyParameters(run.Definition)
			if !ok || run.Result.Status != "SUCCEEDED" || run.Input == "" || strings.Contains(string(run.Result.Output), "{{") || strings.Contains(run.Definition, "$$") {
				continue
			}
			compared++
			compiled, problems := payload.CompileTemplate(template)
			if problems != nil {
				t.Errorf("%s: %v", file, problems)
				continue
			}
			got, err := compiled.Eval(newEnv(t, run.Input))
			want := parse(t, string(run.Result.Output))
			if err != nil || value.Text(got) != value.Text(want) {
				t.Errorf("%s: %s of %s = %v, %v\nwant %s", filepath.Base(file), value.Text(template), run.Input, got, err, value.Text(want))
			}
		}
	}
	if compared < 50 {
		t.Errorf("only %d recorded runs were compared", compared)
	}
}

// onlyParameters returns the Parameters of a machine that consists of one JSONPath Pass state without other data fields.
func onlyParameters(definition string) (value.Value, bool) {
	var machine struct {
		QueryLanguage string
		States        map[string]map[string]json.RawMessage
	}
	if json.Unmarshal([]byte(definition), &machine) != nil || len(machine.States) != 1 || machine.QueryLanguage == "JSONata" {
		return nil, false
	}
	for _, state := range machine.States {
		for name := range state {
			if !strings.Contains(" Type End Comment Parameters ", " "+name+" ") {
				return nil, false
			}
		}
		v, err := value.Parse(string(state["Parameters"]))
		return v, err == nil && string(state["Type"]) == `"Pass"`
	}
	return nil, false
}

// Templates that other people run on AWS compile.
func TestCorpusTemplates(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(oracle.Dir(t, "asl-corpus"), "asl-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	templates := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Definition, Resolved string
			Verdict              struct{ Expect string }
		}
		if err := json.Unmarshal(text, &c); err != nil || c.Verdict.Expect != "accept" {
			continue
		}
		if c.Resolved != "" {
			c.Definition = c.Resolved
		}
		v, err := value.Parse(c.Definition)
		if err != nil {
			continue
		}
		eachTemplate(v, func(template value.Value) {
			templates++
			_, problems := payload.CompileTemplate(template)
			for _, p := range problems {
				t.Errorf("%s: %+v %v", filepath.Base(file), p, p.Err)
			}
		})
	}
	if templates < 1000 {
		t.Errorf("only %d templates were compiled", templates)
	}
}

// eachTemplate calls f with the templates of the states below v.
func eachTemplate(v value.Value, f func(value.Value)) {
	switch x := v.(type) {
	case value.Array:
		for _, item := range x {
			eachTemplate(item, f)
		}
	case *value.Object:
		for name, member := range x.All() {
			switch name {
			case "Parameters", "ResultSelector", "ItemSelector":
				f(member)
			case "Result", "Arguments", "Output", "Assign":
			default:
				eachTemplate(member, f)
			}
		}
	}
}

func FuzzCompileTemplate(f *testing.F) {
	for _, seed := range []string{
		`{"a.$":"$.a","b":[{"c.$":"States.Array($, $$.Execution)"}],"d":null}`, `{"x.$":"$x[0]"}`, `{"x":1,"x.$":"$"}`, `[[{"~/.$":"$"}]]`,
		`{".$":"$"}`, `{"a.$":5}`, `{"v.$":"$.a[9]","w.$":"$..k"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := value.Parse(text)
		if err != nil {
			return
		}
		template, problems := payload.CompileTemplate(v)
		if (template == nil) == (problems == nil) {
			t.Fatalf("%s: %v and %v", text, template, problems)
		}
		for _, p := range problems {
			if !strings.HasSuffix(p.Field, ".$") || !strings.HasPrefix(p.Pointer, "/") || p.Message == "" {
				t.Fatalf("%s: %+v", text, p)
			}
		}
		if template == nil {
			return
		}
		result, err := template.Eval(newEnv(t, `{"a":[1,"b",{"k":2}]}`))
		if err != nil {
			if name := err.(interface{ ErrorName() sfn.ErrorName }).ErrorName(); name != "States.Runtime" {
				t.Fatalf("%s: %s", text, name)
			}
			return
		}
		if template.Constant() && value.Text(result) != value.Text(v) {
			t.Fatalf("%s became %s", text, value.Text(result))
		}
	})
}

func BenchmarkTemplate(b *testing.B) {
	template, problems := payload.CompileTemplate(parse(b, `{"FunctionName":"notify","Payload":{"id.$":"$.order.id","mail.$":"$.order.customer.mail",`+
		`"total.$":"$.order.total","first.$":"$.order.lines[0].sku","run.$":"$x.n","kind":"confirmation"}}`))
	if problems != nil {
		b.Fatal(problems)
	}
	env := newEnv(b, `{"order":{"id":"o-1","total":12.5,"customer":{"name":"A","mail":"a@example.com"},"lines":[{"sku":"s-1"},{"sku":"s-2"}]}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := template.Eval(env); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompileTemplate(b *testing.B) {
	v := parse(b, `{"a.$":"$.order.id","b.$":"States.Format('{}-{}', $.order.id, $$.Execution.Name)","c":{"d.$":"$x.n","e":[1,2,3]}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := payload.CompileTemplate(v); problems != nil {
			b.Fatal(problems)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	c, err := payload.CompileCall(`States.Format('Order {} of {} is worth {}', $.id, $.customer, States.MathAdd($.total, 1))`)
	if err != nil {
		b.Fatal(err)
	}
	env := newEnv(b, `{"id":"o-1","customer":"A","total":12}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Eval(env); err != nil {
			b.Fatal(err)
		}
	}
}

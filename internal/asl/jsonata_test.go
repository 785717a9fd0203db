package asl

import (
	"regexp"
	"slices"
	"testing"

	"github.com/tutti-run/tutti/internal/sfn"
	"github.com/tutti-run/tutti/internal/value"
)

// TestExpressionsAreFound looks whether every expression reaches the compiler: each is refused at its own place.
func TestExpressionsAreFound(t *testing.T) {
	text := `{"QueryLanguage":"JSONata","StartAt":"T","States":{
		"T":{"Type":"Task","Resource":"arn:aws:lambda:::function:f","Next":"W","Arguments":{"a":["x","{% 1 %}"]},"TimeoutSeconds":"{% 2 %}","Credentials":{"RoleArn":"{% 'r' %}"},
			"Output":"{% 3 %}","Assign":{"v":{"w":"{% 4 %}"}},"Catch":[{"ErrorEquals":["a"],"Next":"W","Output":"{% 5 %}","Assign":{"e":"{% 6 %}"}}],"Retry":[{"ErrorEquals":["{% no %}"]}]},
		"W":{"Type":"Wait","Timestamp":"{% $now() %}","Next":"C"},
		"C":{"Type":"Choice","Choices":[{"Condition":"{% true %}","Next":"M","Output":{"o":"{% 7 %}"}}],"Default":"F"},
		"M":{"Type":"Map","End":true,"Items":"{% [1] %}","ItemSelector":{"i":"{% 8 %}"},"MaxConcurrency":"{% 9 %}","ItemProcessor":{"StartAt":"I","States":{
			"I":{"Type":"Pass","Comment":"{% no %}","End":true,"Output":" {% no %}"}}},
			"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Arguments":{"Bucket":"{% 'b' %}"},"ReaderConfig":{"MaxItems":"{% 1 %}","InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["{% no %}"]}}},
		"F":{"Type":"Fail","Error":"{% 'e' %}","Cause":"plain"}}}`
	want := []string{
		"/States/T/Arguments/a[1]", "/States/T/TimeoutSeconds", "/States/T/Credentials/RoleArn", "/States/T/Output", "/States/T/Assign/v/w",
		"/States/T/Catch[0]/Output", "/States/T/Catch[0]/Assign/e", "/States/W/Timestamp", "/States/C/Choices[0]/Condition", "/States/C/Choices[0]/Output/o",
		"/States/M/Items", "/States/M/ItemSelector/i", "/States/M/MaxConcurrency", "/States/M/ItemReader/Arguments/Bucket", "/States/M/ItemReader/ReaderConfig/MaxItems",
		"/States/F/Error",
	}
	text = regexp.MustCompile(`\{% [^n][^%]*%\}`).ReplaceAllString(text, "{% ( %}")
	_, diagnostics := Parse(text, Options{})
	var got []string
	for _, d := range diagnostics {
		if d.Code != sfn.CodeInvalidJSONata {
			t.Errorf("unexpected: %v", d)
		}
		got = append(got, d.Location)
	}
	if !slices.Equal(got, want) {
		t.Errorf("found at\n%q, want\n%q", got, want)
	}
}

// TestOffers says what $states has beside input and context, and where.
func TestOffers(t *testing.T) {
	root := (&reader{text: `{"States":{"S":{"Output":1,"Assign":1,"Arguments":{"Output":1},"Catch":[{"Output":1,"Assign":1,"Next":1}],"Choices":[{"Output":1,"Assign":1}]}}}`}).read()
	state := root.find("/States/S")
	for _, tt := range []struct {
		pointer string
		t       StateType
		want    offer
	}{
		{"/Output", TypeTask, offersResult},
		{"/Assign", TypeMap, offersResult},
		{"/Output", TypeParallel, offersResult},
		{"/Output", TypePass, 0},
		{"/Assign", TypeChoice, 0},
		{"/Arguments", TypeTask, 0},
		{"/Arguments/Output", TypeTask, 0},
		{"/Catch/0/Output", TypeTask, offersErrorOutput},
		{"/Catch/0/Assign", TypeTask, offersErrorOutput},
		{"/Choices/0/Output", TypeChoice, 0},
		{"/Choices/0/Assign", TypeChoice, 0},
	} {
		f := frame{language: JSONata, state: state, types: setOf(tt.t)}
		if got := f.offers(state.find(tt.pointer)); got != tt.want {
			t.Errorf("%s of a %s: %d, want %d", tt.pointer, tt.t, got, tt.want)
		}
	}
}

func TestNodePlaces(t *testing.T) {
	text := `{"States":{"a/b~c":{"Choices":[{"Assign":{"x":[0,{"y":"\"z\""}]}}]}}}`
	root := (&reader{text: text}).read()
	const pointer = "/States/a~1b~0c/Choices/0/Assign/x/1/y"
	n := root.find(pointer)
	state := root.find("/States/a~1b~0c")
	if n.value != value.String(`"z"`) || n.pointer() != pointer || text[n.offset:n.offset+5] != `"\"z\` {
		t.Errorf("found %v at %s, offset %d", n.value, n.pointer(), n.offset)
	}
	if got := n.location(); got != "/States/a/b~c/Choices[0]/Assign/x[1]/y" {
		t.Errorf("location %s", got)
	}
	if got := n.field(state); got != "Choices[0]/Assign/x[1]/y" {
		t.Errorf("field %s", got)
	}
}

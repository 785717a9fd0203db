package pattern_test

import (
	"fmt"

	"github.com/tutti-run/tutti/internal/pattern"
	"github.com/tutti-run/tutti/internal/value"
)

func ExampleParse() {
	p, err := pattern.Parse(`{"body": {"order": [{"numeric": [">", 0]}]}}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{`{"body": {"order": 7}}`, `{"body": {"order": 0}}`, `{"body": "7"}`} {
		v, _ := value.Parse(text)
		fmt.Println(p.Match(v))
	}
	_, err = pattern.Parse(`{"body": 7}`)
	fmt.Println(err)
	// Output:
	// true
	// false
	// false
	// InvalidEventPatternException: Event pattern is not valid. Reason: "body" must be an object or an array
	//  at [Source: (String)"{"body": 7}"; line: 1, column: 11]
}

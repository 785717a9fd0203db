//go:build unix

package lambda_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/tutti-run/tutti/internal/lambda"
)

func ExampleHost() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	source, err := filepath.Abs("testdata/probe") // a Go main package that calls lambda.Start
	if err != nil {
		log.Fatal(err)
	}

	host, err := lambda.NewHost(lambda.Config{Dir: dir, Region: "eu-west-1", Account: "123456789012"})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = host.Close() }()
	if err := host.Register(lambda.Function{Name: "probe", Source: source, Timeout: 10 * time.Second}); err != nil {
		log.Fatal(err)
	}
	for _, event := range []string{`{"Text":"hello"}`, `{"Do":"error","Text":"out of stock"}`} {
		result, err := host.Invoke(context.Background(), lambda.Invocation{Function: "probe", Payload: []byte(event)})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q %s\n", result.FunctionError, result.Payload)
	}
	_, err = host.Invoke(context.Background(), lambda.Invocation{Function: "prope"})
	fmt.Println(err)
	// Output:
	// "" {"Text":"hello"}
	// "Unhandled" {"errorMessage":"out of stock","errorType":"errorString"}
	// ResourceNotFoundException: Function not found: arn:aws:lambda:eu-west-1:123456789012:function:prope:$LATEST
}

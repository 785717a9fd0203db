// Nothing is a function that does nothing, for benchmarks.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(context.Context) (int, error) { return 1, nil })
}

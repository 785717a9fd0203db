// Command probe is a function that does what its event says, so that tests can see from outside what the host makes of it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do   string
	Text string
	N    int
	File string
}

var (
	served int
	held   []byte // what "allocate" took
)

func main() {
	if err := initPhase(os.Getenv("INIT")); err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	if file := os.Getenv("ON_SIGTERM"); file != "" {
		lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() {
			_ = os.WriteFile(file, []byte("asked to end"), 0o600)
			os.Exit(0)
		}))
	}
	lambda.Start(handle)
}

// initPhase misbehaves before the first call of next.
func initPhase(how string) error {
	switch how {
	case "exit":
		return errors.New("the init phase fails")
	case "panic":
		panic("the init phase panics")
	case "hang":
		time.Sleep(time.Hour)
	case "hang once":
		// The temporary folder is the one thing that the second attempt finds as the first has left it.
		mark := os.TempDir() + "/mark"
		if _, err := os.Stat(mark); err == nil {
			return nil
		}
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			return err
		}
		time.Sleep(time.Hour)
	case "report":
		url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
		body := strings.NewReader(`{"errorMessage":"no database","errorType":"Setup.Failed"}`)
		response, err := http.Post(url, "application/json", body)
		if err != nil {
			return err
		}
		return fmt.Errorf("reported: %s", response.Status)
	}
	return nil
}

func handle(ctx context.Context, raw json.RawMessage) (any, error) {
	served++
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, err
	}
	switch e.Do {
	case "", "echo":
		return raw, nil
	case "identify":
		return map[string]int{"pid": os.Getpid(), "served": served}, nil
	case "environment":
		dir, err := os.Getwd()
		return map[string]any{"variables": os.Environ(), "dir": dir, "tmp": os.TempDir()}, err
	case "context":
		lc, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		return map[string]any{"lambda": lc, "left": time.Until(deadline).Milliseconds(), "trace": os.Getenv("_X_AMZN_TRACE_ID")}, nil
	case "error":
		return nil, errors.New(e.Text)
	case "panic":
		panic(e.Text)
	case "exit":
		os.Exit(e.N)
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "print":
		fmt.Fprint(os.Stdout, e.Text)
		fmt.Fprint(os.Stderr, strings.ToUpper(e.Text))
	case "print much":
		fmt.Println(strings.Repeat("x", e.N))
	case "big":
		return strings.Repeat("x", e.N-2), nil // and two quotes
	case "stream":
		return io.MultiReader(strings.NewReader("the beginning"), failingReader{}), nil
	case "allocate":
		held = make([]byte, e.N<<20)
		for i := range held {
			held[i] = 1
		}
		time.Sleep(10 * time.Second)
	case "fill": // sparse files have their size, and cost the test nothing
		f, err := os.CreateTemp("", "")
		if err != nil {
			return nil, err
		}
		if err := errors.Join(f.Truncate(int64(e.N)<<20), f.Close()); err != nil {
			return nil, err
		}
		if e.Text == "wait" {
			time.Sleep(10 * time.Second)
		}
	case "write":
		return nil, os.WriteFile(e.File, []byte(e.Text), 0o600)
	case "await file":
		return nil, awaitFile(e.File)
	case "announce and hang":
		if err := os.WriteFile(e.File, fmt.Appendf(nil, "%d", os.Getpid()), 0o600); err != nil {
			return nil, err
		}
		select {}
	case "spawn and hang":
		child := exec.Command("sleep", "600")
		if err := child.Start(); err != nil {
			return nil, err
		}
		if err := os.WriteFile(e.File, fmt.Appendf(nil, "%d", child.Process.Pid), 0o600); err != nil {
			return nil, err
		}
		select {}
	case "answer and hang":
		if _, err := post(ctx, "response", "", `"in time"`); err != nil {
			return nil, err
		}
		select {}
	case "report":
		return post(ctx, "error", e.Text, strings.Repeat(" ", e.N))
	case "protocol":
		return protocol(ctx)
	}
	return nil, nil
}

// awaitFile returns when the file exists: the test decides when that is.
func awaitFile(name string) error {
	for {
		if _, err := os.Stat(name); err == nil {
			return nil
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		time.Sleep(2 * time.Millisecond)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("the stream broke") }

// post ends the invocation by hand and returns the status of the answer.
func post(ctx context.Context, verb, errorType, body string) (string, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/" + lc.AwsRequestID + "/" + verb
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Lambda-Runtime-Function-Error-Type", errorType)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	_ = response.Body.Close()
	return response.Status, nil
}

// protocol makes calls that a runtime must not make in the middle of an invocation, and returns what came back.
func protocol(ctx context.Context) (any, error) {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API")
	host, _, _ := strings.Cut(os.Getenv("AWS_LAMBDA_RUNTIME_API"), "/")
	lc, _ := lambdacontext.FromContext(ctx)
	const runtime = "/2018-06-01/runtime/"
	var answers []string
	for _, call := range []struct{ method, url, body string }{
		{"GET", api + runtime + "invocation/next", ""},
		{"POST", api + runtime + "invocation/another/response", "1"},
		{"POST", api + runtime + "invocation/another/error", "{}"},
		{"POST", api + runtime + "init/error", "{}"},
		{"GET", api + runtime + "invocation/" + lc.AwsRequestID + "/response", ""},
		{"GET", api + "/", ""},
		{"GET", "http://" + host + "/00000000000000000000000000000000" + runtime + "invocation/next", ""},
		{"GET", "http://" + host + runtime + "invocation/next", ""},
		{"POST", api + runtime + "invocation/" + lc.AwsRequestID + "/response", `"posted by hand"`},
		{"POST", api + runtime + "invocation/" + lc.AwsRequestID + "/response", `"posted again"`},
	} {
		request, err := http.NewRequest(call.method, call.url, strings.NewReader(call.body))
		if err != nil {
			return nil, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		answers = append(answers, response.Status[:3])
	}
	fmt.Println(strings.Join(answers, " "))
	return nil, nil
}

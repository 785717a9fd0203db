package stack_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/tutti-run/tutti/internal/lambda"
	"github.com/tutti-run/tutti/internal/stack"
)

// killedStack is the environment variable that makes this program a stack which waits to be killed: it holds the data folder.
const killedStack = "STACK_TEST_KILLED"

// noFunctions is a template with nothing that runs.
const noFunctions = `{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":{}}}}}`

// script is a zip with a function that fails at once.
func script() ([]byte, error) {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	header := &zip.FileHeader{Name: "bootstrap"}
	header.SetMode(0o755)
	f, err := z.CreateHeader(header)
	if err == nil {
		_, err = io.WriteString(f, "#!/bin/sh\nexit 1\n")
	}
	if err == nil {
		err = z.Close()
	}
	return buf.Bytes(), err
}

// makeFunctions makes functions and events until it is killed, and says of each that it is done.
func makeFunctions(data string) error {
	s, err := stack.Open(context.Background(), stack.Config{Project: data, Template: data + "/app.template.json", Data: data + "/data"})
	if err != nil {
		return err
	}
	code, err := script()
	if err != nil {
		return err
	}
	call := func(operation string, request map[string]any) error {
		text, err := json.Marshal(request)
		if err == nil {
			_, err = s.Lambda().Call(context.Background(), operation, text)
		}
		return err
	}
	for i := 0; ; i++ {
		name := fmt.Sprint("f", i)
		err := call("CreateFunction", map[string]any{
			"FunctionName": name, "Role": "arn:aws:iam::000000000000:role/r", "Runtime": "provided.al2023", "Handler": "h", "Publish": true,
			"Code": map[string]any{"ZipFile": code},
		})
		if err == nil {
			err = call("CreateAlias", map[string]any{"FunctionName": name, "Name": "live", "FunctionVersion": "1"})
		}
		if err == nil {
			err = s.Lambda().Enqueue(context.Background(), lambda.Invocation{Function: name + ":live", Payload: []byte("{}")})
		}
		if err != nil {
			return err
		}
		fmt.Println(name)
	}
}

func TestFunctionsOutliveAKill(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the function is a shell script")
	}
	data := t.TempDir()
	if err := os.WriteFile(data+"/app.template.json", []byte(noFunctions), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedStack+"="+data)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	for buf := make([]byte, 64); strings.Count(said.String(), "\n") < 5; {
		n, err := out.Read(buf)
		if said.Write(buf[:n]); err != nil {
			t.Fatalf("%v after %q", err, said.String())
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(out) // what it had said before it was killed
	_ = cmd.Wait()             // it was killed
	said.Write(rest)

	s, err := stack.Open(t.Context(), stack.Config{Project: data, Template: data + "/app.template.json", Data: data + "/data"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	lines := strings.SplitAfter(said.String(), "\n")
	for _, name := range lines[:len(lines)-1] {
		name = strings.TrimSpace(name)
		if _, err := s.Lambda().Call(t.Context(), "GetFunction", []byte(`{"FunctionName":"`+name+`:live"}`)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		result, err := s.Lambda().Invoke(t.Context(), lambda.Invocation{Function: name + ":live"})
		if err != nil || !strings.Contains(string(result.Payload), "exit status 1") {
			t.Errorf("%s answers %s, %v", name, result.Payload, err)
		}
	}
}

package sqs_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/tutti-run/tutti/internal/sqs"
)

// killedFolder is the environment variable that makes this program one that sends until it is killed: it holds the folder.
const killedFolder = "SQS_TEST_KILLED"

// sendUntilKilled sends from several goroutines, and says of each message that it was taken.
func sendUntilKilled(dir string) {
	s := sqs.New(dir)
	if err := s.CreateQueue("q", nil, nil); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var print sync.Mutex
	for i := range 8 {
		go func() {
			for n := 0; ; n++ {
				body := fmt.Sprint(i, "-", n)
				if _, err := s.SendMessage("q", sqs.Entry{Body: body}); err != nil {
					os.Exit(1)
				}
				print.Lock()
				fmt.Println(body)
				print.Unlock()
			}
		}()
	}
	select {}
}

// TestKill kills a process that sends, and finds all that it was told was taken, each message once.
func TestKill(t *testing.T) {
	dir := t.TempDir() + "/sqs"
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), killedFolder+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	taken := map[string]bool{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if taken[lines.Text()] = true; len(taken) == 500 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	s := sqs.New(dir)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	found := map[string]bool{}
	for {
		messages, err := s.ReceiveMessage(t.Context(), "q", sqs.Receive{Max: new(10)})
		if err != nil {
			t.Fatal(err)
		}
		if len(messages) == 0 {
			break
		}
		for _, m := range messages {
			if found[m.Body] {
				t.Errorf("%s is there twice", m.Body)
			}
			found[m.Body] = true
		}
	}
	for body := range taken {
		if !found[body] {
			t.Errorf("%s was taken and is gone", body)
		}
	}
	if len(taken) < 500 {
		t.Errorf("%d messages were taken", len(taken))
	}
}

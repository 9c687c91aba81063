// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remotetest_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core/remote/remotetest"
)

// role names what this binary does instead of testing.
const role = "GUARDKV_REMOTETEST"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "server": // answers each line, until nobody asks any more
		_, _ = io.Copy(os.Stdout, os.Stdin)
		os.Exit(0)
	case "starter": // of a server that it leaves behind, with its own input and output
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), role+"=server")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		if err := remotetest.Start(cmd); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_ = cmd.Wait() // to wait for nothing would be a deadlock, which the runtime ends
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// peer is a process that plays a role.
type peer struct {
	cmd   *exec.Cmd
	in    io.Writer
	lines *bufio.Reader
}

func start(t *testing.T, name string, begin func(*exec.Cmd) error) *peer {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), role+"="+name), os.Stderr
	in, err := cmd.StdinPipe()
	do(t, err)
	from, to, err := os.Pipe()
	do(t, err)
	t.Cleanup(func() { from.Close() })
	cmd.Stdout = to
	do(t, begin(cmd))
	do(t, to.Close())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	do(t, from.SetReadDeadline(time.Now().Add(3*time.Minute)))
	return &peer{cmd, in, bufio.NewReader(from)}
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *peer) send(t *testing.T, line string) {
	t.Helper()
	_, err := io.WriteString(p.in, line+"\n")
	do(t, err)
}

func (p *peer) answers(t *testing.T, want string) {
	t.Helper()
	if line, err := p.lines.ReadString('\n'); line != want+"\n" || err != nil {
		t.Fatalf("the answer is %q, %v; want %q", line, err, want)
	}
}

// TestAServerEndsWithItsStarter: also if that is killed. Else each test that was killed left its
// servers behind.
func TestAServerEndsWithItsStarter(t *testing.T) {
	p := start(t, "starter", (*exec.Cmd).Start)
	p.send(t, "hello")
	p.answers(t, "hello")
	do(t, p.cmd.Process.Kill())
	if line, err := p.lines.ReadString('\n'); !errors.Is(err, io.EOF) {
		t.Errorf("when its starter was killed the server says %q, %v; want io.EOF", line, err)
	}
}

// TestAServerOutlivesTheThreadThatAskedForIt: Linux takes a thread for the parent, and the runtime
// ends threads.
func TestAServerOutlivesTheThreadThatAskedForIt(t *testing.T) {
	p := start(t, "server", func(cmd *exec.Cmd) error {
		started := make(chan error)
		go func() {
			runtime.LockOSThread() // so that the thread ends with the goroutine
			started <- remotetest.Start(cmd)
		}()
		return <-started
	})
	for i := range 1000 {
		p.send(t, fmt.Sprint(i))
		p.answers(t, fmt.Sprint(i))
	}
}

// TestAPausedServer answers when it goes on, and nothing is lost.
func TestAPausedServer(t *testing.T) {
	do(t, remotetest.Supported())
	p := start(t, "server", remotetest.Start)
	for i := range 10 {
		do(t, remotetest.Pause(p.cmd.Process))
		p.send(t, fmt.Sprint(i))
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid))
		do(t, err)
		for _, thread := range threads {
			if stat, err := os.ReadFile(thread); err == nil && !strings.Contains(string(stat), ") T ") {
				t.Errorf("a thread of a server that is stopped is not: %s", stat)
			}
		}
		do(t, remotetest.Resume(p.cmd.Process))
		p.answers(t, fmt.Sprint(i))
	}
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgrestest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/guardkv/guardkv/core/remote/remotetest"
)

// process is a running server.
type process struct {
	pid   int
	os    *os.Process
	ended chan struct{} // closed when it has ended
}

// startProcess starts a program that ends with this process.
func startProcess(cmd *exec.Cmd) (*process, error) {
	if err := remotetest.Start(cmd); err != nil {
		return nil, err
	}
	p := &process{pid: cmd.Process.Pid, os: cmd.Process, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // its end is all that matters
	}()
	return p, nil
}

// running reports whether it has not ended.
func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// command returns a command that runs as the account, and knows nothing of the environment of
// this process that concerns PostgreSQL.
func (f *folder) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = f.path
	cmd.SysProcAttr = f.as.attributes()
	cmd.Env = []string{
		"PATH=" + filepath.Dir(program) + string(os.PathListSeparator) + os.Getenv("PATH"),
		"HOME=" + f.path, "LC_ALL=C", "TZ=UTC",
	}
	return cmd
}

// run runs a program to its end. Its words are part of the error.
func (f *folder) run(program string, args ...string) error {
	cmd := f.command(program, args...)
	words := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = words, words
	p, err := startProcess(cmd)
	if err != nil {
		return err
	}
	<-p.ended
	if state := cmd.ProcessState; state == nil || !state.Success() {
		return fmt.Errorf("%s: %v: %s", filepath.Base(program), state,
			strings.TrimSpace(words.String()))
	}
	return nil
}

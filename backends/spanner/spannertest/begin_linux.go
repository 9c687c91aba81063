// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spannertest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// starts are processes to start. They are told when their parent dies, which to Linux is the
// thread that has started them: so all are started by one that lives as long as this process.
var starts = sync.OnceValue(func() chan<- func() {
	c := make(chan func())
	go func() {
		runtime.LockOSThread()
		for start := range c {
			start()
		}
	}()
	return c
})

// begin starts a process that is killed when this one ends, however it does.
func begin(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	starts() <- func() { started <- cmd.Start() }
	return <-started
}

// awaitStopped waits until all threads of a process have stopped, or the process has ended.
func awaitStopped(pid int) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		stopped := 0
		for _, name := range threads {
			text, err := os.ReadFile(name)
			// The state is behind the name, which is in parentheses.
			_, state, _ := bytes.Cut(text[bytes.LastIndexByte(text, ')')+1:], []byte(" "))
			if err != nil || bytes.HasPrefix(state, []byte("T")) {
				stopped++
			}
		}
		if stopped == len(threads) {
			return
		}
	}
}

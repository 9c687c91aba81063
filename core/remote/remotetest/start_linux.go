// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remotetest

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
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

func start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	if cmd.SysProcAttr.Pdeathsig == 0 {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	started := make(chan error)
	starts() <- func() { started <- cmd.Start() }
	return <-started
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package remotetest

import (
	"os"
	"syscall"
)

func supported() error { return nil }

func pause(p *os.Process) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	awaitStopped(p.Pid)
	return nil
}

func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }

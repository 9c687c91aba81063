// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package spannertest

import (
	"os"
	"syscall"
)

func supported() error { return nil }

// pauseProcess returns when the process has stopped: on a busy machine its threads may go on for
// a while after the signal was sent, and answer.
func pauseProcess(p *os.Process) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	awaitStopped(p.Pid)
	return nil
}

func resumeProcess(p *os.Process) error { return p.Signal(syscall.SIGCONT) }

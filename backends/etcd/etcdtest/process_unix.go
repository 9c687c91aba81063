// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package etcdtest

import (
	"os"
	"syscall"
)

func supported() error { return nil }

func pauseProcess(p *os.Process) error  { return p.Signal(syscall.SIGSTOP) }
func resumeProcess(p *os.Process) error { return p.Signal(syscall.SIGCONT) }

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remotetest

import (
	"os"
	"os/exec"
)

// Start is cmd.Start of a process that is killed when this process ends, however it does, on
// Linux. If cmd.SysProcAttr has a Pdeathsig, it gets that signal instead.
func Start(cmd *exec.Cmd) error { return start(cmd) }

// Supported returns an error that wraps errors.ErrUnsupported where a process cannot be stopped.
func Supported() error { return supported() }

// Pause stops a process, as if it hung: it keeps its connections, and answers nothing. It returns
// when all threads have stopped: on a busy machine they go on for a while after the signal was
// sent.
func Pause(p *os.Process) error { return pause(p) }

// Resume lets a stopped process go on.
func Resume(p *os.Process) error { return resume(p) }

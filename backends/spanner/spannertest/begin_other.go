// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package spannertest

import (
	"os/exec"
	"time"
)

func begin(cmd *exec.Cmd) error { return cmd.Start() }

// awaitStopped waits for as long as it takes a process to stop.
func awaitStopped(int) { time.Sleep(200 * time.Millisecond) }

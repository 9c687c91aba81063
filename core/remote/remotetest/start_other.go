// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package remotetest

import "os/exec"

func start(cmd *exec.Cmd) error { return cmd.Start() }

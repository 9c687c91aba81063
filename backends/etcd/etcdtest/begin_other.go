// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package etcdtest

import "os/exec"

func begin(cmd *exec.Cmd) error { return cmd.Start() }

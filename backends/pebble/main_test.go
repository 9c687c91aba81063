// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"os"
	"os/exec"
	"testing"
)

// childEnv names what the test binary does instead of running tests, when it is started by a
// test that needs another process.
const childEnv = "GUARDKV_TEST_CHILD"

var children = map[string]func(args []string) error{
	"damage": damageChild,
	"write":  writeChild,
	"lock":   lockChild,
	"few":    fewChild,
	"memory": memoryChild,
	"stock":  stockChild,
}

func TestMain(m *testing.M) {
	if name := os.Getenv(childEnv); name != "" {
		if err := children[name](os.Args[1:]); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), childEnv+"="+name)
	return cmd
}

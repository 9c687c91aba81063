// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// childEnv names what the test binary does instead of running tests, when a test started it as
// another process.
const childEnv = "GUARDKV_TEST_CHILD"

// RunChild runs one of children and ends the process, if [Child] started this one; otherwise it
// returns. Call it first in TestMain. A child that returns an error prints it and exits with 1.
func RunChild(children map[string]func(args []string) error) {
	name := os.Getenv(childEnv)
	if name == "" {
		return
	}
	run := children[name]
	if run == nil {
		fmt.Fprintf(os.Stderr, "no child of this test is named %q\n", name)
		os.Exit(1)
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Child returns a command that runs this test binary as the named child of [RunChild], in a
// process of its own that may crash, be killed, or hold locks that the test itself must not
// have.
func Child(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), childEnv+"="+name)
	return cmd
}

// KillWriter runs a [Child] that writes, kills it some time after it is ready, and returns the
// last number that it acknowledged, or -1 for none. The child prints a line when it is ready,
// and then the number of each write when that write is done. Its standard error goes to that of
// the test.
func KillWriter(tb testing.TB, after time.Duration, name string, args ...string) (last int) {
	tb.Helper()
	cmd := Child(tb.Context(), name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	defer cmd.Wait()
	lines := bufio.NewScanner(out)
	lines.Scan() // it is ready
	timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
	defer timer.Stop()
	last = -1
	for lines.Scan() {
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			cmd.Process.Kill()
			tb.Fatalf("the child %q printed %q; want the number of a write", name, lines.Text())
		}
	}
	return last
}

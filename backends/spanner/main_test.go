// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/guardkv/guardkv/backends/spanner/spannertest"
)

// short is whether tests are to be short, and not only small.
var short bool

// TestMain makes all tests small: the emulator does one thing at a time, so it takes many minutes
// for what is large, and large storages on it prove nothing of Spanner. With
// GUARDKV_SPANNER_LONG in the environment they are as large as on other servers.
func TestMain(m *testing.M) {
	flag.Parse()
	short = testing.Short()
	if os.Getenv("GUARDKV_SPANNER_LONG") == "" {
		_ = flag.Set("test.short", "true") // which there is
	}
	code := m.Run()
	if e, err := shared(); err == nil && wasStarted {
		if err := e.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// emulator returns the one that all tests share that only need some emulator.
func emulator(t testing.TB) *spannertest.Emulator {
	t.Helper()
	e, err := shared()
	available(t, err)
	return e
}

var wasStarted bool

var shared = sync.OnceValues(func() (*spannertest.Emulator, error) {
	wasStarted = true
	return spannertest.Start()
})

// available skips a test if there is no emulator, aloud. Unlike servers, it is needed nowhere: no
// system has a package of it that all may install.
func available(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// database makes one.
func database(t testing.TB, e *spannertest.Emulator) string {
	t.Helper()
	name, err := e.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgrestest

import (
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// Needed ends a test whose server could not be started: it is skipped if PostgreSQL is missing,
// unless the environment has GUARDKV_TEST_SERVERS=required.
func Needed(tb testing.TB, err error) {
	tb.Helper()
	missing := errors.Is(err, exec.ErrNotFound) || errors.Is(err, errors.ErrUnsupported)
	switch {
	case err == nil:
	case missing && os.Getenv("GUARDKV_TEST_SERVERS") != "required":
		tb.Skipf("SKIPPED, not tested: %v", err)
	default:
		tb.Fatalf("a server is needed: %v", err)
	}
}

var shared struct {
	sync.Mutex
	server *Server
	err    error
}

// Shared returns a server that all tests of a process share. It is quick, see [Options.NoSync], and
// Main ends it. The test is skipped if PostgreSQL is not installed, see [Needed].
func Shared(tb testing.TB) *Server {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = Start(Options{NoSync: true})
	}
	Needed(tb, shared.err)
	return shared.server
}

// Main runs the tests of a package, and ends the server of [Shared]. It returns what TestMain gives
// to os.Exit.
func Main(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		if err := shared.server.Close(); err != nil {
			println("the server that tests share: " + err.Error())
			code = max(code, 1)
		}
	}
	return code
}

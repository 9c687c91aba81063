// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/guardkv/guardkv/backends/etcd/etcdtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if c, err := shared(); err == nil && wasStarted {
		if err := c.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// server returns a cluster of one node, which all tests share that only need some server. Nothing
// in it has to survive the machine.
func server(t testing.TB) *etcdtest.Cluster {
	t.Helper()
	c, err := shared()
	available(t, err)
	return c
}

var wasStarted bool

var shared = sync.OnceValues(func() (*etcdtest.Cluster, error) {
	wasStarted = true
	return etcdtest.Start(1, "--unsafe-no-fsync", "--quota-backend-bytes=8000000000")
})

// available skips a test if there is no server, aloud, unless there must be one.
func available(t testing.TB, err error) {
	t.Helper()
	missing := errors.Is(err, exec.ErrNotFound) || errors.Is(err, errors.ErrUnsupported)
	if missing && os.Getenv("GUARDKV_TEST_SERVERS") != "required" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// place returns a path where nothing is.
func place() string { return fmt.Sprintf("storage-%d-", lastPlace.Add(1)) }

var lastPlace atomic.Int64

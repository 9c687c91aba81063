// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgrestest

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start starts a server that ends with the test.
func start(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	Needed(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.folder.path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a closed server leaves %s: %v", s.folder.path, err)
		}
	})
	return s
}

// TestServer goes through the life of a server. What is committed outlives all of it.
func TestServer(t *testing.T) {
	s := start(t, Options{})
	exec := func(sql string, want ...string) {
		t.Helper()
		if got, err := s.Exec(t.Context(), sql); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%s gives %q, %v; want %q", sql, got, err, want)
		}
	}
	exec("create table t (n int)")
	exec("insert into t values (1) returning n", "1")
	do(t, s.Restart())
	exec("select n from t", "1")

	exec("insert into t values (2) returning n", "2")
	pid := s.PID()
	do(t, s.Kill())
	if alive := parents(); s.PID() != 0 || len(family(pid)) != 1 || alive[pid] != 0 {
		t.Errorf("a killed server has processes")
	}
	if _, err := s.Exec(t.Context(), "select 1"); err == nil {
		t.Error("a killed server answers")
	}
	do(t, s.Start())
	exec("select n from t order by n", "1", "2")

	do(t, s.Pause())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Exec(ctx, "select 1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that is paused gives %v; want DeadlineExceeded", err)
	}
	do(t, s.Resume())
	exec("select n from t order by n", "1", "2")
}

// TestDatabases: each is another one.
func TestDatabases(t *testing.T) {
	s := Shared(t)
	for range 2 {
		url, err := s.Database(t.Context())
		do(t, err)
		conn, err := pgconn.Connect(t.Context(), url)
		do(t, err)
		_, err = conn.Exec(t.Context(), "create table t (n int)").ReadAll()
		do(t, err)
		do(t, conn.Close(t.Context()))
	}
}

// TestPassword: a server that has one asks for it.
func TestPassword(t *testing.T) {
	s := start(t, Options{NoSync: true, Password: "it's $ecret/@?"})
	_, err := s.Exec(t.Context(), "select 1")
	do(t, err)
	wrong := strings.Replace(s.URL(), "ecret", "ecre", 1)
	if conn, err := pgconn.Connect(t.Context(), wrong); err == nil {
		t.Error("a wrong password will do")
		conn.Close(t.Context())
	}
}

// TestSettings: a server that does not start says why, and leaves nothing.
func TestSettings(t *testing.T) {
	s, err := Start(Options{Settings: map[string]string{"shared_buffers": "none"}})
	if err == nil {
		s.Close()
		t.Fatal("a server starts with nonsense as a setting")
	}
	if !strings.Contains(err.Error(), "shared_buffers") {
		Needed(t, err)
	}
}

// TestAbandoned: a process that is killed cannot remove the folder of its servers. The next one
// does, and leaves those alone that are used.
func TestAbandoned(t *testing.T) {
	used := start(t, Options{NoSync: true})
	left, err := newFolder(used.folder.as)
	do(t, err)
	do(t, left.lock.Close()) // as the end of the process does
	old := time.Now().Add(-time.Hour)
	do(t, os.Chtimes(left.path, old, old))
	start(t, Options{NoSync: true})
	if _, err := os.Stat(left.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed process has left is still there: %v", err)
	}
	_, err = used.Exec(t.Context(), "select 1")
	do(t, err)
}

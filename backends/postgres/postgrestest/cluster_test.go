// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgrestest

import (
	"errors"
	"os"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestCluster kills two primaries, one after the other, and lets them rejoin.
func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three servers, several times")
	}
	c, err := StartCluster(Options{NoSync: true, Password: "it's secret"}, 2)
	Needed(t, err)
	defer func() {
		do(t, c.Close())
		if _, err := os.Stat(c.folder.path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a closed cluster leaves %s: %v", c.folder.path, err)
		}
	}()
	exec := func(sql string) string {
		t.Helper()
		conn, err := pgconn.Connect(t.Context(), c.URL())
		do(t, err)
		defer conn.Close(t.Context())
		results, err := conn.Exec(t.Context(), sql).ReadAll()
		do(t, err)
		return string(results[len(results)-1].Rows[0][0])
	}
	exec("create table t (n int); select 1")
	for round := range 2 {
		exec("insert into t values (1) returning n")
		old := c.Primary()
		if err := c.Promote(); err == nil {
			t.Fatal("a standby is promoted beside a running primary")
		}
		do(t, old.Kill())
		do(t, c.Promote())
		if got := exec("select count(*) from t"); got != strconv.Itoa(round+1) {
			t.Errorf("after %d commits and a promotion there are %s rows", round+1, got)
		}
		do(t, c.Rejoin(old))
		if n := exec("select count(*) from pg_stat_replication where sync_state = 'quorum'"); n != "2" {
			t.Errorf("%s standbys follow; want 2", n)
		}
	}
	for _, s := range c.Nodes() {
		if s == c.Primary() {
			continue
		}
		do(t, s.Stop())
		do(t, c.Rejoin(s))
	}
}

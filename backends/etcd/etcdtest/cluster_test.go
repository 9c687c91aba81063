// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcdtest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/guardkv/guardkv/backends/etcd/etcdtest"
)

// cluster starts one, or skips the test where there is no server.
func cluster(t *testing.T, nodes int) *etcdtest.Cluster {
	t.Helper()
	c, err := etcdtest.Start(nodes, "--unsafe-no-fsync")
	if missing := errors.Is(err, exec.ErrNotFound) || errors.Is(err, errors.ErrUnsupported); missing &&
		os.Getenv("GUARDKV_TEST_SERVERS") != "required" {
		t.Skip(err)
	}
	do(t, err)
	t.Cleanup(func() { do(t, c.Close()) })
	return c
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestCluster: what is stored outlives nodes that are killed, that hang, and that come back.
func TestCluster(t *testing.T) {
	c := cluster(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	leader, err := c.Leader(ctx)
	do(t, err)
	follower, err := c.Follower(ctx)
	do(t, err)
	client, err := c.Client(follower)
	do(t, err)
	defer client.Close()
	_, err = client.Put(ctx, "k", "v")
	do(t, err)

	do(t, leader.Kill())
	if leader.Running() {
		t.Error("a node runs that was killed")
	}
	next, err := c.Leader(ctx)
	do(t, err)
	if next == leader {
		t.Error("a node leads that was killed")
	}
	do(t, leader.Restart())
	do(t, leader.Ready(ctx))

	next, err = c.Leader(ctx)
	do(t, err)
	do(t, next.Pause())
	if next.Running() {
		t.Error("a node runs that was stopped")
	}
	last, err := c.Leader(ctx)
	do(t, err)
	if last == next {
		t.Error("a node leads that was stopped")
	}
	do(t, next.Resume())
	do(t, next.Ready(ctx))

	for _, n := range c.Nodes {
		do(t, n.Kill())
	}
	for _, n := range c.Nodes {
		do(t, n.Restart())
	}
	for _, n := range c.Nodes {
		do(t, n.Ready(ctx))
	}
	got, err := client.Get(ctx, "k")
	do(t, err)
	if len(got.Kvs) != 1 || string(got.Kvs[0].Value) != "v" {
		t.Errorf("the cluster has lost a row: %v", got.Kvs)
	}
}

// TestBesides: clusters do not collide, and leave nothing.
func TestBesides(t *testing.T) {
	first, second := cluster(t, 1), cluster(t, 1)
	one, err := first.Client()
	do(t, err)
	defer one.Close()
	_, err = one.Put(t.Context(), "k", "v")
	do(t, err)
	other, err := second.Client()
	do(t, err)
	defer other.Close()
	got, err := other.Get(t.Context(), "k")
	do(t, err)
	if len(got.Kvs) != 0 {
		t.Error("a cluster has a row of another one")
	}
	_, socket := first.Nodes[0].Address()
	do(t, first.Close())
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a cluster that was closed has left its socket: %v", err)
	}
}

// TestNoProgram: who has no server is told what to install.
func TestNoProgram(t *testing.T) {
	t.Setenv("GUARDKV_ETCD", "no-such-program-of-etcd")
	if c, err := etcdtest.Start(1); !errors.Is(err, exec.ErrNotFound) &&
		!errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("without a program Start gives %v, %v; want exec.ErrNotFound", c, err)
	}
}

// TestWrongArguments: a server that does not start says why.
func TestWrongArguments(t *testing.T) {
	cluster(t, 1)
	c, err := etcdtest.Start(1, "--no-such-flag")
	if err == nil {
		do(t, c.Close())
		t.Error("a server starts whose arguments are wrong")
	}
}

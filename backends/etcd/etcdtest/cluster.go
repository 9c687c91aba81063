// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/guardkv/guardkv/core/remote/remotetest"
)

// Cluster is a cluster of etcd. Its methods are for one goroutine at a time.
type Cluster struct {
	// Nodes are its servers.
	Nodes []*Node

	dir string
}

// patience is how long something may take that takes a second on a quiet machine.
const patience = 3 * time.Minute

// Start starts a cluster of so many nodes, and returns when it has a leader. args are added to
// the command line of each, such as "--unsafe-no-fsync" where nothing has to survive the
// machine, or "--max-txn-ops=1024". If there is no program the error wraps exec.ErrNotFound; on
// systems without Unix sockets and signals it wraps errors.ErrUnsupported.
func Start(nodes int, args ...string) (*Cluster, error) {
	if err := remotetest.Supported(); err != nil {
		return nil, err
	}
	program, err := Program()
	if err != nil {
		return nil, err
	}
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir}
	var peers []string
	for i := range nodes {
		peers = append(peers, fmt.Sprintf("n%d=unix://%s", i, peerSocket(i)))
	}
	for i := range nodes {
		c.Nodes = append(c.Nodes, newNode(program, dir, i, strings.Join(peers, ","), args))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// folder makes a temporary folder whose name is short: the address of a Unix socket has about
// 100 bytes.
func folder() (string, error) {
	const longest = 64
	where := ""
	if len(os.TempDir()) > longest {
		where = "/tmp"
	}
	return os.MkdirTemp(where, "guardkv-etcd-")
}

// start starts all nodes, and then waits: none is ready alone.
func (c *Cluster) start(ctx context.Context) error {
	for _, n := range c.Nodes {
		if err := n.start(); err != nil {
			return err
		}
	}
	for _, n := range c.Nodes {
		if err := n.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Endpoints returns those of all nodes, as clients of etcd want them.
func (c *Cluster) Endpoints() []string {
	var all []string
	for _, n := range c.Nodes {
		all = append(all, n.Endpoint())
	}
	return all
}

// Leader returns the node that leads the cluster. It waits until the nodes that run agree on
// one of them.
func (c *Cluster) Leader(ctx context.Context) (*Node, error) {
	for {
		if n := c.leader(ctx); n != nil {
			return n, nil
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("the cluster has no leader: %w", err)
		}
	}
}

func (c *Cluster) leader(ctx context.Context) (leader *Node) {
	var led []uint64
	for _, n := range c.Nodes {
		if !n.Running() {
			continue
		}
		s, err := n.status(ctx)
		if err != nil || s.Leader == 0 {
			return nil
		}
		led = append(led, s.Leader)
		if s.Leader == s.Header.MemberId {
			leader = n
		}
	}
	if len(slices.Compact(led)) != 1 {
		return nil
	}
	return leader
}

// Follower returns a node that runs and does not lead.
func (c *Cluster) Follower(ctx context.Context) (*Node, error) {
	leader, err := c.Leader(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range c.Nodes {
		if n != leader && n.Running() {
			return n, nil
		}
	}
	return nil, errors.New("the cluster has no follower")
}

// Client returns a client that logs nothing, of some nodes or, without an argument, of all.
func (c *Cluster) Client(nodes ...*Node) (*clientv3.Client, error) {
	if len(nodes) == 0 {
		nodes = c.Nodes
	}
	var endpoints []string
	for _, n := range nodes {
		endpoints = append(endpoints, n.Endpoint())
	}
	return clientv3.New(clientv3.Config{Endpoints: endpoints, Logger: zap.NewNop()})
}

// Close kills all nodes, and removes what they have stored.
func (c *Cluster) Close() error {
	var err error
	for _, n := range c.Nodes {
		err = errors.Join(err, n.Kill())
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// pause waits a little.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Millisecond):
		return nil
	}
}

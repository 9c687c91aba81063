// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"net"
	"slices"

	"github.com/guardkv/guardkv/backends/etcd/etcdtest"
)

// etcdCluster is three servers of etcd, which choose their leader themselves.
type etcdCluster struct{ *etcdtest.Cluster }

// StartEtcd starts a cluster of etcd. The error wraps exec.ErrNotFound if there is no server.
func StartEtcd() (Cluster, error) {
	c, err := etcdtest.Start(3)
	if err != nil {
		return nil, err
	}
	return etcdCluster{c}, nil
}

func (c etcdCluster) Size() int { return len(c.Nodes) }

func (c etcdCluster) Dial(node int) (net.Conn, error) {
	network, address := c.Nodes[node].Address()
	return net.Dial(network, address)
}

func (c etcdCluster) Address(at []*net.TCPAddr) Address {
	a := Address{Engine: "etcd"}
	for _, tcp := range at {
		a.Endpoints = append(a.Endpoints, "http://"+tcp.String())
	}
	return a
}

func (c etcdCluster) Leader(ctx context.Context) (int, error) {
	leader, err := c.Cluster.Leader(ctx)
	return slices.Index(c.Nodes, leader), err
}

func (c etcdCluster) Kill(node int) error   { return c.Nodes[node].Kill() }
func (c etcdCluster) Pause(node int) error  { return c.Nodes[node].Pause() }
func (c etcdCluster) Resume(node int) error { return c.Nodes[node].Resume() }

// Succeed waits until the others have chosen a leader.
func (c etcdCluster) Succeed(ctx context.Context) error {
	_, err := c.Leader(ctx)
	return err
}

func (c etcdCluster) Return(ctx context.Context, nodes ...int) error {
	for _, n := range nodes {
		if err := c.Nodes[n].Restart(); err != nil {
			return err
		}
	}
	for _, n := range nodes {
		if err := c.Nodes[n].Ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

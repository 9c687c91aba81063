// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
)

// postgresCluster is a primary of PostgreSQL with two synchronous standbys. When the primary is
// dead, somebody has to promote one of them: here the test does.
type postgresCluster struct {
	*postgrestest.Cluster
	nodes []*postgrestest.Server
	was   map[int]bool // the servers that led, and were killed then
}

// StartPostgres starts servers of PostgreSQL. The error wraps exec.ErrNotFound if there is none.
func StartPostgres() (Cluster, error) {
	c, err := postgrestest.StartCluster(postgrestest.Options{}, 2)
	if err != nil {
		return nil, err
	}
	return &postgresCluster{c, c.Nodes(), map[int]bool{}}, nil
}

func (c *postgresCluster) Size() int { return len(c.nodes) }

func (c *postgresCluster) Dial(node int) (net.Conn, error) {
	return net.Dial("unix", c.nodes[node].Socket())
}

// Address returns a URL with all hosts, from which a client takes the one that accepts writes.
func (c *postgresCluster) Address(at []*net.TCPAddr) Address {
	u, err := url.Parse(c.URL())
	if err != nil {
		panic(err) // it is a valid URL
	}
	var hosts, ports []string
	for _, tcp := range at {
		hosts = append(hosts, tcp.IP.String())
		ports = append(ports, strconv.Itoa(tcp.Port))
	}
	q := u.Query()
	q.Set("host", strings.Join(hosts, ","))
	q.Set("port", strings.Join(ports, ","))
	u.RawQuery = q.Encode()
	return Address{Engine: "postgres", URL: u.String()}
}

func (c *postgresCluster) Leader(context.Context) (int, error) {
	return slices.Index(c.nodes, c.Primary()), nil
}

func (c *postgresCluster) Kill(node int) error   { return c.nodes[node].Kill() }
func (c *postgresCluster) Pause(node int) error  { return c.nodes[node].Pause() }
func (c *postgresCluster) Resume(node int) error { return c.nodes[node].Resume() }

// Succeed promotes the standby that has received most, and lets the others follow it.
func (c *postgresCluster) Succeed(ctx context.Context) error {
	old, err := c.Leader(ctx)
	if err != nil {
		return err
	}
	c.was[old] = true
	return c.Promote()
}

// Return starts a primary first, because its standbys wait for it. A former primary undoes what
// its successor does not have.
func (c *postgresCluster) Return(ctx context.Context, nodes ...int) error {
	nodes = slices.Clone(nodes)
	leader, err := c.Leader(ctx)
	if err != nil {
		return err
	}
	if i := slices.Index(nodes, leader); i > 0 {
		nodes[0], nodes[i] = nodes[i], nodes[0]
	}
	for _, n := range nodes {
		start := c.nodes[n].Start
		if c.was[n] {
			start = func() error { return c.Rejoin(c.nodes[n]) }
			delete(c.was, n)
		}
		if err := start(); err != nil {
			return fmt.Errorf("server %d does not return: %w", n, err)
		}
	}
	return nil
}

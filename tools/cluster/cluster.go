// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"net"
)

// Cluster is a set of servers that keep the same storages. One of them leads. Only one goroutine
// at a time may call its methods, except Dial.
type Cluster interface {
	// Size is how many servers there are, dead ones included.
	Size() int
	// Dial connects to a server.
	Dial(node int) (net.Conn, error)
	// Address returns how clients find the servers, in their order, at these addresses.
	Address(at []*net.TCPAddr) Address

	// Leader waits until there is a server that leads, and returns it.
	Leader(ctx context.Context) (int, error)
	// Kill ends a server at once, as kill -9 does.
	Kill(node int) error
	// Return starts servers that were killed, together, and waits until they take part.
	Return(ctx context.Context, nodes ...int) error
	// Succeed makes another server the leader after the one that led was killed.
	Succeed(ctx context.Context) error
	// Pause stops a server, as if it hung, and Resume lets it go on.
	Pause(node int) error
	Resume(node int) error

	Close() error
}

// Site is a cluster with a proxy in front of each of its servers.
type Site struct {
	Cluster
	proxies []*Proxy
}

// NewSite puts proxies in front of the servers.
func NewSite(c Cluster) (*Site, error) {
	s := &Site{Cluster: c}
	for i := range c.Size() {
		p, err := NewProxy(func() (net.Conn, error) { return c.Dial(i) })
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.proxies = append(s.proxies, p)
	}
	return s, nil
}

// Address is how clients find the proxies.
func (s *Site) Address() Address {
	var at []*net.TCPAddr
	for _, p := range s.proxies {
		at = append(at, p.Addr())
	}
	return s.Cluster.Address(at)
}

// Close closes the proxies and the cluster.
func (s *Site) Close() error {
	var errs []error
	for _, p := range s.proxies {
		errs = append(errs, p.Close())
	}
	return errors.Join(append(errs, s.Cluster.Close())...)
}

// others are all servers but one.
func (s *Site) others(than int) (nodes []int) {
	for i := range s.Size() {
		if i != than {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

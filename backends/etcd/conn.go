// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/stats"
)

// A server that hangs keeps its connections, and whoever waits for an answer would wait for as
// long as it may. The keepalive of gRPC finds that after ten seconds at the earliest. So here
// connections know when something was last received, and calls know which connection they use: a
// connection on which nothing comes while an answer is due is closed. All calls on it fail then,
// and gRPC uses other servers until this one greets new connections again.

// conn is a connection to a server. It is its own local address, by which gRPC tells calls which
// connection they use.
type conn struct {
	net.Conn
	heard atomic.Int64 // when something was received, in nanoseconds since started
}

var started = time.Now()

func now() int64 { return int64(time.Since(started)) }

// connect connects to an address as the client of etcd has it: one that begins with "unix:" or a
// host and a port.
func connect(ctx context.Context, address string) (net.Conn, error) {
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", strings.TrimPrefix(path, "//")
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	cn := &conn{Conn: c}
	cn.heard.Store(now())
	return cn, nil
}

// Read notes that the server is alive.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard.Store(now())
	}
	return n, err
}

// LocalAddr returns the connection, which is an address.
func (c *conn) LocalAddr() net.Addr { return c }

// Network returns the name of the network.
func (c *conn) Network() string { return c.Conn.LocalAddr().Network() }

// String returns the address.
func (c *conn) String() string { return c.Conn.LocalAddr().String() }

// call is one request to a server.
type call struct {
	silence time.Duration // that is too long
	began   int64
	sent    atomic.Bool // something may have reached a server
	conn    atomic.Pointer[conn]

	mu    sync.Mutex
	timer *time.Timer // nil when the call is over
}

type callKey struct{}

// begin returns a context for one request, and what is to be known about it. end must be called.
func begin(ctx context.Context, silence time.Duration) (context.Context, *call) {
	c := &call{silence: silence, began: now()}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(silence, c.listen)
	return context.WithValue(ctx, callKey{}, c), c
}

func (c *call) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer.Stop()
	c.timer = nil
}

// listen closes a connection that is silent, or looks again later.
func (c *call) listen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer == nil {
		return
	}
	next := c.silence
	if cn := c.conn.Load(); cn != nil {
		silent := time.Duration(now() - max(c.began, cn.heard.Load()))
		if silent >= c.silence {
			cn.Close()
			silent = 0
		}
		next -= silent
	}
	c.timer.Reset(next)
}

// tracker is told by gRPC of what calls do.
type tracker struct{}

var _ stats.Handler = tracker{}

// TagRPC returns the context, which has the call.
func (tracker) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC learns which connection a call uses, before anything of it is sent.
func (tracker) HandleRPC(ctx context.Context, s stats.RPCStats) {
	out, ok := s.(*stats.OutHeader)
	if !ok {
		return
	}
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return
	}
	c.sent.Store(true)
	if cn, ok := out.LocalAddr.(*conn); ok {
		c.conn.Store(cn)
	}
}

// TagConn returns the context.
func (tracker) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn does nothing.
func (tracker) HandleConn(context.Context, stats.ConnStats) {}

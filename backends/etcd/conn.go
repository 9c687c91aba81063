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

// A server that hangs keeps its connections open, and whoever waits for its answer would wait
// until the time is over. The keepalive of gRPC notices that after ten seconds at the earliest.
// So here each connection knows when it last received something, and each call knows which
// connection it uses. A connection that receives nothing while an answer is due is closed. All
// calls on it fail then, and gRPC uses other servers until this one accepts new connections
// again.

// conn is a connection to a server. It serves as its own local address: that is how gRPC tells
// a call which connection it uses.
type conn struct {
	net.Conn
	heard atomic.Int64 // when something was received, in nanoseconds since started
}

var started = time.Now()

func now() int64 { return int64(time.Since(started)) }

// connect connects to an address in the form that the client of etcd uses: one that begins with
// "unix:", or a host and a port.
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

// call is one request to a server, and its context, by which gRPC tells what becomes of it.
type call struct {
	context.Context
	silence time.Duration // how long a silence is too long
	began   int64
	sent    atomic.Bool // something may have reached a server
	conn    atomic.Pointer[conn]

	mu    sync.Mutex
	timer *time.Timer // nil when the call is over
}

type callKey struct{}

// begin returns the call that watches one request. The caller must call end.
func begin(ctx context.Context, silence time.Duration) *call {
	c := &call{Context: ctx, silence: silence, began: now()}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(silence, c.listen)
	return c
}

// Value returns the call itself, or what its parent has.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func (c *call) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer.Stop()
	c.timer = nil
}

// listen closes a connection that has been silent for too long, or else looks again later.
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

// tracker learns from gRPC what calls do.
type tracker struct{}

var _ stats.Handler = tracker{}

// TagRPC returns the context, which already has the call in it.
func (tracker) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC learns which connection a call uses before anything of the call is sent.
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

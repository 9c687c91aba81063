// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// numbers opens a table as a program does.
func numbers(t *testing.T, b Backend) (*core.Storage, *core.TableOf[int, int]) {
	t.Helper()
	db, err := core.Open(t.Context(), "numbers", b)
	do(t, err)
	t.Cleanup(func() { do(t, db.Close()) })
	table, err := core.OpenTable(t.Context(), db, "numbers", keys.Int(), values.JSON[int]())
	do(t, err)
	return db, table
}

// going calls fn until it succeeds: while a cluster has no leader, calls may be told so. Each
// call has to end in time.
func going(t *testing.T, ctx context.Context, what string, fn func(context.Context) error) {
	t.Helper()
	for {
		err := fn(ctx)
		switch {
		case err == nil:
			return
		case ctx.Err() != nil:
			t.Fatalf("%s does not go on: %v", what, err)
		case !errors.Is(err, core.ErrUnavailable) && !errors.Is(err, core.ErrMaybe):
			t.Fatalf("%s gives %v; want ErrUnavailable or ErrMaybe at most", what, err)
		}
	}
}

// TestNodesThatFail: a leader that hangs or is killed, the loss of the quorum, and the end of all
// nodes: reads and writes go on in the same storage as soon as there is a quorum, and what was
// acknowledged is there.
func TestNodesThatFail(t *testing.T) {
	if testing.Short() {
		t.Skip("elections take seconds")
	}
	t.Parallel() // it has servers of its own, and mostly waits
	c := cluster(t, 3)
	ctx := minutes(t)
	_, table := numbers(t, Backend{Endpoints: c.Endpoints(), Timeout: 6 * time.Second})
	written := 0
	write := func(what string) {
		t.Helper()
		for range 20 {
			going(t, ctx, "writing with "+what, func(ctx context.Context) error {
				return table.Put(ctx, written, written)
			})
			written++
		}
	}
	check := func(what string) {
		t.Helper()
		for i := range written {
			going(t, ctx, "reading with "+what, func(ctx context.Context) error {
				got, err := table.Load(ctx, i)
				if err == nil && got != i {
					t.Errorf("with %s row %d is %d", what, i, got)
				}
				return err
			})
		}
	}
	write("all nodes")

	leader, err := c.Leader(ctx)
	do(t, err)
	do(t, leader.Pause())
	write("a leader that hangs")
	check("a leader that hangs")
	do(t, leader.Resume())
	do(t, leader.Ready(ctx))

	leader, err = c.Leader(ctx)
	do(t, err)
	do(t, leader.Kill())
	write("a leader that was killed")
	check("a leader that was killed")

	follower, err := c.Follower(ctx)
	do(t, err)
	do(t, follower.Kill())
	short, cancel := context.WithTimeout(ctx, time.Second)
	begin := time.Now()
	err = table.Put(short, 1_000_000, 0)
	cancel()
	if err == nil {
		t.Error("a write succeeds without a quorum")
	}
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("a write without a quorum takes %v, with a context of a second", took)
	}
	do(t, leader.Restart())
	write("a quorum again")
	do(t, follower.Restart())
	do(t, follower.Ready(ctx))

	for _, n := range c.Nodes {
		do(t, n.Kill())
	}
	for _, n := range c.Nodes {
		do(t, n.Restart())
	}
	write("nodes that were all killed")
	check("nodes that were all killed")
}

// TestHungServer: a server that hangs keeps its connection. A read or a write to it took as long
// as its context let it, or forever.
func TestHungServer(t *testing.T) {
	t.Parallel() // it has servers of its own, and mostly waits
	c := cluster(t, 1)
	b := Backend{Endpoints: c.Endpoints(), Timeout: 3 * time.Second}
	s := open(t, b, place())
	do(t, s.apply(t, nil, put("k", "old")))
	node := c.Nodes[0]
	do(t, node.Pause())
	begin := time.Now()
	is(t, "a write to a server that hangs", s.apply(t, nil, put("k", "new")), core.ErrMaybe)
	_, err := s.value(t, "k")
	is(t, "a read from a server that hangs", err, core.ErrUnavailable)
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("a write and a read from a server that hangs take %v, with a timeout of %v", took,
			b.Timeout)
	}
	do(t, node.Resume())
	ctx := minutes(t)
	going(t, ctx, "reading", func(context.Context) error {
		v, err := s.value(t, "k")
		if err == nil && v != "old" && v != "new" {
			t.Errorf("the row is %q", v)
		}
		return err
	})
	going(t, ctx, "writing", func(context.Context) error {
		return s.apply(t, nil, put("k", "newer"))
	})
}

// TestSilence: a connection on which nothing comes while an answer is due is closed, long before
// the call's time is over, so that the call can be made elsewhere.
func TestSilence(t *testing.T) {
	t.Parallel() // it has servers of its own, and mostly waits
	c := cluster(t, 1)
	s := open(t, Backend{Endpoints: c.Endpoints()}, place())
	do(t, s.apply(t, nil, put("k", "v")))
	call := begin(minutes(t), time.Second)
	defer call.end()
	do(t, c.Nodes[0].Pause())
	_, err := s.driver.client.kv.Range(call, &pb.RangeRequest{Key: []byte("k")})
	if err == nil || call.Err() != nil {
		t.Errorf("a request to a server that hangs gives %v; want an error of the connection", err)
	}
	do(t, c.Nodes[0].Resume())
}

// TestNobodyThere: where nothing could be sent, nothing was written, and writes are told so.
func TestNobodyThere(t *testing.T) {
	t.Parallel() // it has servers of its own, and mostly waits
	c := cluster(t, 1)
	b := Backend{Endpoints: c.Endpoints(), Timeout: 2 * time.Second}
	s := open(t, b, place())
	do(t, s.apply(t, nil, put("k", "old")))
	do(t, c.Nodes[0].Kill())
	var err error
	for try := 0; ; try++ { // the first one may still be sent
		err = s.apply(t, nil, put("k", "new"))
		if !errors.Is(err, core.ErrMaybe) || try == 10 {
			break
		}
	}
	is(t, "a write to nobody", err, core.ErrUnavailable)
	_, err = s.value(t, "k")
	is(t, "a read from nobody", err, core.ErrUnavailable)
	_, err = b.Claim(t.Context(), "x", false)
	do(t, err)
	_, err = core.Open(t.Context(), "x", b)
	is(t, "opening a storage of nobody", err, core.ErrUnavailable)

	canceled, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = core.Open(canceled, "x", Backend{Endpoints: c.Endpoints(), Timeout: 3 * time.Minute})
	is(t, "opening a storage of nobody, given up", err, context.Canceled)

	do(t, c.Nodes[0].Restart())
	going(t, minutes(t), "writing", func(context.Context) error {
		return s.apply(t, nil, put("k", "newer"))
	})
}

// TestNoRoom: a server whose quota is used up refuses writes. They go on when there is room.
func TestNoRoom(t *testing.T) {
	t.Parallel() // it has servers of its own, and mostly waits
	c := cluster(t, 1, "--quota-backend-bytes=8388608")
	db, table := numbers(t, Backend{Endpoints: c.Endpoints()})
	words, err := core.OpenTable(t.Context(), db, "words", keys.Int(), values.String())
	do(t, err)
	value := strings.Repeat("v", 512<<10)
	for i := range 200 {
		if err = words.Put(t.Context(), 1, value); err != nil {
			if i < 3 {
				t.Fatal(err)
			}
			break
		}
	}
	is(t, "a write to a server without room", err, core.ErrNoRoom)
	is(t, "another one", table.Put(t.Context(), 1, 1), core.ErrNoRoom)
	if v, err := words.Load(t.Context(), 1); v != value || err != nil {
		t.Errorf("a row of a server without room has %d bytes, %v", len(v), err)
	}
	client, err := c.Client()
	do(t, err)
	defer client.Close()
	r, err := client.Get(t.Context(), "any")
	do(t, err)
	_, err = client.Compact(t.Context(), r.Header.Revision)
	do(t, err)
	_, err = client.Defragment(t.Context(), c.Nodes[0].Endpoint())
	do(t, err)
	alarms, err := client.AlarmList(t.Context())
	do(t, err)
	for _, a := range alarms.Alarms {
		_, err = client.AlarmDisarm(t.Context(), (*clientv3.AlarmMember)(a))
		do(t, err)
	}
	do(t, table.Put(t.Context(), 1, 1))
}

// proxy passes connections on to a server over TCP.
func proxy(t *testing.T, l net.Listener, network, address string) {
	t.Helper()
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial(network, address)
			if err != nil {
				from.Close()
				continue
			}
			go pass(from, to)
			go pass(to, from)
		}
	}()
}

func pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// TestTCP: servers are reached by host and port as well, with their names and without http.
func TestTCP(t *testing.T) {
	c := server(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	do(t, err)
	network, address := c.Nodes[0].Address()
	proxy(t, l, network, address)
	for _, endpoint := range []string{l.Addr().String(), "http://" + l.Addr().String()} {
		s := open(t, Backend{Endpoints: []string{endpoint}}, place())
		do(t, s.apply(t, nil, put("k", "v")))
		if v, err := s.value(t, "k"); v != "v" || err != nil {
			t.Errorf("at %s a row is %q, %v", endpoint, v, err)
		}
	}
}

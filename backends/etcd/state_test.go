// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/guardkv/guardkv/core"
)

// lagging is a server that has none of the revisions that others have agreed on.
type lagging struct{ pb.KVClient }

func (l lagging) Range(
	ctx context.Context, q *pb.RangeRequest, o ...grpc.CallOption,
) (*pb.RangeResponse, error) {
	if q.Serializable {
		return nil, rpctypes.ErrGRPCFutureRev
	}
	return l.KVClient.Range(ctx, q, o...)
}

func (l lagging) Txn(
	ctx context.Context, q *pb.TxnRequest, o ...grpc.CallOption,
) (*pb.TxnResponse, error) {
	for _, op := range q.Success {
		if op.GetRequestRange().GetSerializable() {
			return nil, rpctypes.ErrGRPCFutureRev
		}
	}
	return l.KVClient.Txn(ctx, q, o...)
}

// TestLagging: later reads of a state ask any server, and one that lags behind does not have its
// revision yet. Thirty-two of two hundred transactions failed because of that.
func TestLagging(t *testing.T) {
	s := open(t, here(t), place())
	s.fill(t, "tab1", 300, "v")
	s.driver.client.kv = lagging{s.driver.client.kv}
	for _, reverse := range []bool{false, true} {
		snap := s.begin(t, core.ToRead)
		r := between("tab1", "tab2")
		r.Reverse = reverse
		if keys, err := scan(t, snap, r, 1000); len(keys) != 300 || err != nil {
			t.Errorf("there are %d rows, %v; want 300", len(keys), err)
		}
		n := 0
		do(t, snap.Powers().GetMany(t.Context(), [][]byte{[]byte(row("tab1", 7))},
			func(int, []byte) error { n++; return nil }))
		if n != 1 {
			t.Error("a row is not found")
		}
	}
}

// TestCompacted: a state that etcd has compacted is expired, and that is all.
func TestCompacted(t *testing.T) {
	c := cluster(t, 1)
	s := open(t, Backend{Endpoints: c.Endpoints()}, place())
	s.fill(t, "tab1", 200, "v")
	snap, base := s.begin(t, core.ToRead), s.begin(t, core.ToUpdate)
	for _, old := range []core.Snapshot{snap, base} {
		if _, err := scan(t, old, between("tab1", "tab2"), 1); err != nil {
			t.Fatal(err)
		}
	}
	cursor, err := snap.Scan(t.Context(), between("tab1", "tab2"))
	do(t, err)
	defer cursor.Close()
	if _, _, ok := cursor.Next(); !ok {
		t.Fatal(cursor.Err())
	}
	do(t, s.apply(t, nil, put("tab2", "new")))
	compact(t, s)
	_, _, err = snap.Get(t.Context(), []byte("tab2"))
	is(t, "reading what was compacted", err, core.ErrSnapshotExpired)
	for ok := true; ok; {
		_, _, ok = cursor.Next()
	}
	is(t, "going on with a scan of what was compacted", cursor.Err(), core.ErrSnapshotExpired)
	if v, err := s.value(t, "tab2"); v != "new" || err != nil {
		t.Errorf("after a compaction a row is %q, %v", v, err)
	}
	do(t, s.apply(t, base, put("tab2", "newer"))) // what it has read is as it was
}

// compact compacts all that is old.
func compact(t *testing.T, s store) {
	t.Helper()
	client := s.driver.client.etcd
	r, err := client.Get(t.Context(), "any")
	do(t, err)
	_, err = client.Compact(t.Context(), r.Header.Revision, clientv3.WithCompactPhysical())
	do(t, err)
}

// TestGetMany: as many keys as fit into a request of nested transactions are one trip, and all of
// more are of one state.
func TestGetMany(t *testing.T) {
	s := open(t, here(t), place())
	s.fill(t, "tab1", 9000, "old")
	for _, c := range []struct{ keys, trips int }{
		{1, 1}, {127, 1}, {128, 1}, {1000, 1}, {4000, 1}, {9000, 3},
	} {
		snap := s.begin(t, core.ToRead)
		var keys [][]byte
		for i := range c.keys {
			keys = append(keys, []byte(row("tab1", i)))
		}
		before, got := s.trips.Load(), 0
		do(t, snap.Powers().GetMany(t.Context(), keys, func(i int, v []byte) error {
			if string(v) != "old" {
				return fmt.Errorf("row %d is %q", i, v)
			}
			got++
			return nil
		}))
		if n := int(s.trips.Load() - before); got != c.keys || n != c.trips {
			t.Errorf("%d of %d rows were found in %d trips; want %d", got, c.keys, n, c.trips)
		}
	}
}

// TestDown: a long range that is read from its end is read in pages whose keys come first, once
// that is known to be less work. They are the rows of the state all the same.
func TestDown(t *testing.T) {
	s := open(t, here(t), place())
	const n = 3000
	s.fill(t, "tab1", n, "v")
	var want []string
	for i := range n {
		want = append(want, row("tab1", n-1-i))
	}
	for round := range 2 {
		snap := s.begin(t, core.ToRead)
		r := between("tab1", "tab2")
		r.Reverse = true
		c, err := snap.Scan(t.Context(), r)
		do(t, err)
		var got []string
		for key, value, ok := c.Next(); ok; key, value, ok = c.Next() {
			got = append(got, string(key))
			if string(value) != "v" {
				t.Fatalf("round %d: %s is %q", round, key, value)
			}
			if len(got) == 200 {
				do(t, s.apply(t, nil, put(row("tab1", n/2), "new"), put("tab1z", "new"),
					del(row("tab1", n/3))))
			}
		}
		do(t, c.Err())
		do(t, c.Close())
		if !slices.Equal(got, want) {
			t.Errorf("round %d: %d rows, from %q to %q", round, len(got), got[0], got[len(got)-1])
		}
		do(t, s.apply(t, nil, put(row("tab1", n/2), "v"), del("tab1z"), put(row("tab1", n/3), "v")))
	}
	if !s.driver.long.has([]byte(string(s.driver.places.rows) + "tab1")) {
		t.Error("a long range is not remembered")
	}
	if _, err := scan(t, s.begin(t, core.ToRead), core.ScanRange{
		Low: []byte("tab1"), High: []byte("tab1" + strings.Repeat("0", 6)), Reverse: true,
	}, 1); err != nil {
		t.Error(err)
	}
}

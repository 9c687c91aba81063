// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/guardkv/guardkv/backends/etcd/etcdtest"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// The benchmarks compare a table of byte strings with the client of etcd by hand, on the same
// server, which syncs to the disk. Rows have values of 256 bytes.

const (
	benchRows  = 10_000
	benchBytes = 256
)

// bench is a table, and the same rows under another prefix.
type bench struct {
	table  *core.TableOf[string, []byte]
	db     *core.Storage
	client *clientv3.Client
}

func newBench(b *testing.B) bench {
	b.Helper()
	c, err := etcdtest.Start(1)
	available(b, err)
	b.Cleanup(func() { do(b, c.Close()) })
	db, err := core.Open(b.Context(), "bench", Backend{Endpoints: c.Endpoints()})
	do(b, err)
	b.Cleanup(func() { do(b, db.Close()) })
	table, err := core.OpenTable(b.Context(), db, "bench", keys.String(), values.Bytes())
	do(b, err)
	client, err := c.Client()
	do(b, err)
	b.Cleanup(func() { client.Close() })
	s := bench{table, db, client}
	do(b, s.load(b.Context(), benchRows))
	do(b, s.loadByHand(b.Context(), benchRows))
	do(b, s.prepareByHand(b.Context()))
	return s
}

// load is what a program does that has many rows.
func (s bench) load(ctx context.Context, n int) error {
	_, err := s.table.PutStream(ctx, func(yield func(string, []byte) bool) {
		for i := range n {
			if !yield(row("r", i), payload) {
				return
			}
		}
	})
	return err
}

// loadByHand writes as many rows in each transaction as etcd takes.
func (s bench) loadByHand(ctx context.Context, n int) error {
	for at := 0; at < n; at += 128 {
		var ops []clientv3.Op
		for i := at; i < min(at+128, n); i++ {
			ops = append(ops, clientv3.OpPut("hand/"+row("r", i), string(payload)))
		}
		if _, err := s.client.Txn(ctx).Then(ops...).Commit(); err != nil {
			return err
		}
	}
	return nil
}

var payload = func() []byte {
	rnd := rand.New(rand.NewPCG(1, 1))
	v := make([]byte, benchBytes)
	for i := range v {
		v[i] = byte(rnd.Uint32())
	}
	return v
}()

// pair does something n times in turns by GuardKV and by hand, and reports the ratio of the
// medians: what else the machine does concerns both.
func pair(b *testing.B, name string, n int, guardkv, hand func(n int) error) {
	b.Run(name, func(b *testing.B) {
		var took [2][]float64
		for b.Loop() {
			for i, side := range []func(int) error{guardkv, hand} {
				begin := time.Now()
				do(b, side(n))
				took[i] = append(took[i], float64(time.Since(begin).Microseconds())/float64(n))
			}
		}
		for i := range took {
			slices.Sort(took[i])
		}
		ours, theirs := took[0][len(took[0])/2], took[1][len(took[1])/2]
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(ours, "us-guardkv")
		b.ReportMetric(theirs, "us-by-hand")
		b.ReportMetric(ours/theirs, "ratio")
	})
}

// one makes calls one after the other.
func one(call func() error) func(n int) error { return parallel(1, call) }

// parallel makes n calls in so many goroutines.
func parallel(goroutines int, call func() error) func(n int) error {
	return func(n int) error {
		var next atomic.Int64
		var all errgroup
		for range goroutines {
			all.Go(func() error {
				for next.Add(1) <= int64(n) {
					if err := call(); err != nil {
						return err
					}
				}
				return nil
			})
		}
		return all.Wait()
	}
}

// errgroup waits for goroutines, and keeps their errors.
type errgroup struct {
	all  sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

func (g *errgroup) Go(fn func() error) {
	g.all.Go(func() {
		err := fn()
		g.mu.Lock()
		defer g.mu.Unlock()
		g.errs = append(g.errs, err)
	})
}

func (g *errgroup) Wait() error {
	g.all.Wait()
	return errors.Join(g.errs...)
}

// BenchmarkEtcd is in one function, so that all of it is one server in one run.
func BenchmarkEtcd(b *testing.B) {
	s := newBench(b)
	ctx := context.Background()
	get := func() error {
		g, err := s.table.Get(ctx, anyRow())
		if err != nil {
			return err
		}
		return g.Close()
	}
	getByHand := func() error {
		r, err := s.client.Get(ctx, "hand/"+anyRow())
		if err != nil {
			return err
		}
		return counted(len(r.Kvs), 1)
	}
	put := func() error { return s.table.Put(ctx, anyRow(), payload) }
	putByHand := func() error {
		_, err := s.client.Put(ctx, "hand/"+anyRow(), string(payload))
		return err
	}
	getAlike := func() error { return s.getAlikeByHand(ctx, "hand/"+anyRow()) }
	putAlike := func() error { return s.putAlikeByHand(ctx, "hand/"+anyRow()) }
	pair(b, "Get", 100, one(get), one(getByHand))
	pair(b, "Get by 64", 1000, parallel(64, get), parallel(64, getByHand))
	pair(b, "Get, alike", 100, one(get), one(getAlike))
	pair(b, "Get by 64, alike", 1000, parallel(64, get), parallel(64, getAlike))
	pair(b, "GetMany of 100", 10, one(func() error { return s.getMany(ctx, 100) }),
		one(func() error { return s.getManyByHand(ctx, 100) }))
	pair(b, "Put", 30, one(put), one(putByHand))
	pair(b, "Put, alike", 30, one(put), one(putAlike))
	pair(b, "Put by 64", 1000, parallel(64, put), parallel(64, putByHand))
	pair(b, "Update of 1 row of 8 by 8", 100,
		parallel(8, func() error { return s.update(ctx, row("r", rand.IntN(8))) }),
		parallel(8, func() error { return s.updateByHand(ctx, "hand/"+row("r", rand.IntN(8))) }))
	pair(b, "Scan of 10", 50, one(func() error { return s.scan(ctx, anyRow(), 10) }),
		one(func() error { return s.scanByHand(ctx, anyRow(), 10) }))
	pair(b, "Scan of 10000", 1, one(func() error { return s.scan(ctx, "", 0) }),
		one(func() error { return s.scanByHand(ctx, "", 0) }))
	pair(b, "PutStream of 10000", 1, one(func() error { return s.load(ctx, benchRows) }),
		one(func() error { return s.loadByHand(ctx, benchRows) }))
}

// The rows by hand for what GuardKV keeps in a storage beside the rows of tables: its mark, the
// fence, which says whether the tables have changed, and an outcome, which tells later whether a
// write was made.
const (
	handMark    = "hand mark"
	handFence   = "hand fence"
	handOutcome = "hand outcome"
)

var (
	handKnown = string(payload[:150]) // the fence
	handFresh = string(payload[:34])  // an outcome
)

func (s bench) prepareByHand(ctx context.Context) error {
	_, err := s.client.Txn(ctx).Then(
		clientv3.OpPut(handMark, handKnown), clientv3.OpPut(handFence, handKnown),
		clientv3.OpPut(handOutcome, handFresh),
	).Commit()
	return err
}

// getAlikeByHand reads a row, and whether the tables are those that the program knows.
func (s bench) getAlikeByHand(ctx context.Context, k string) error {
	r, err := s.client.Txn(ctx).Then(clientv3.OpGet(handFence), clientv3.OpGet(k)).Commit()
	if err != nil {
		return err
	}
	return counted(len(r.Responses[1].GetResponseRange().Kvs), 1)
}

// putAlikeByHand writes a row if the storage and the tables are those that the program knows, and
// with it what tells later whether it was written, should no answer come.
func (s bench) putAlikeByHand(ctx context.Context, k string) error {
	r, err := s.client.Txn(ctx).If(
		clientv3.Compare(clientv3.CreateRevision(handMark), ">", 0),
		clientv3.Compare(clientv3.Value(handFence), "=", handKnown),
		clientv3.Compare(clientv3.Value(handOutcome), "=", handFresh),
	).Then(
		clientv3.OpPut(k, string(payload)), clientv3.OpPut(handOutcome, handFresh),
	).Else(clientv3.OpGet(handMark)).Commit()
	if err == nil && !r.Succeeded {
		err = errors.New("the storage is another one")
	}
	return err
}

func anyRow() string { return row("r", rand.IntN(benchRows)) }

func counted(n, want int) error {
	if n != want {
		return fmt.Errorf("%d rows; want %d", n, want)
	}
	return nil
}

func some(n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for range n {
			if !yield(anyRow()) {
				return
			}
		}
	}
}

func (s bench) getMany(ctx context.Context, n int) error {
	found := 0
	for _, err := range s.table.GetMany(ctx, some(n)) {
		if err != nil {
			return err
		}
		found++
	}
	return counted(found, n)
}

func (s bench) getManyByHand(ctx context.Context, n int) error {
	var ops []clientv3.Op
	for k := range some(n) {
		ops = append(ops, clientv3.OpGet("hand/"+k))
	}
	r, err := s.client.Txn(ctx).Then(ops...).Commit()
	if err != nil {
		return err
	}
	return counted(len(r.Responses), n)
}

func (s bench) update(ctx context.Context, k string) error {
	return s.db.Update(ctx, func(tx *core.Tx) error {
		in := s.table.In(tx)
		v, err := in.Load(ctx, k)
		if err != nil {
			return err
		}
		return in.Put(ctx, k, v)
	})
}

// updateByHand reads, and writes if nobody else has written meanwhile, until that succeeds.
func (s bench) updateByHand(ctx context.Context, k string) error {
	for {
		r, err := s.client.Get(ctx, k)
		if err != nil {
			return err
		}
		kv := r.Kvs[0]
		done, err := s.client.Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(k), "=", kv.ModRevision)).
			Then(clientv3.OpPut(k, string(kv.Value))).Commit()
		if err != nil || done.Succeeded {
			return err
		}
	}
}

// scan passes over n rows, or over all if n is 0.
func (s bench) scan(ctx context.Context, from string, n int) error {
	scan := s.table.Scan().From(from)
	if n > 0 {
		scan = scan.Limit(n)
	}
	for _, err := range scan.Rows(ctx) {
		if err != nil {
			return err
		}
	}
	return nil
}

// scanByHand reads pages of a thousand rows, all at one revision.
func (s bench) scanByHand(ctx context.Context, from string, n int) error {
	const page = 1000
	limit, revision := int64(page), int64(0)
	if n > 0 {
		limit = int64(n)
	}
	for from = "hand/" + from; ; {
		r, err := s.client.Get(ctx, from, clientv3.WithRange("hand0"), clientv3.WithLimit(limit),
			clientv3.WithRev(revision))
		if err != nil {
			return err
		}
		if n > 0 || !r.More {
			return nil
		}
		from, revision = string(r.Kvs[len(r.Kvs)-1].Key)+"\x00", r.Header.Revision
	}
}

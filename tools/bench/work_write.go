// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
)

// writers is how many goroutines put concurrently.
const writers = 64

// putWork puts one row after the other.
func putWork(en engine, size int, noSync bool) work {
	w := work{
		name:   en.name + "/put",
		title:  fmt.Sprintf("durable Put of %s, 1 goroutine, %s", byteSize(size), en.heading()),
		unit:   "op",
		group:  "put",
		engine: en.name, format: "raw", shape: shape{size: size},
		waits: true,
	}
	limit := en.targets.put
	if noSync {
		w.name, w.group, w.waits, limit = w.name+"-nosync", "put without sync", false, 0
		w.title = fmt.Sprintf("Put of %s without sync, 1 goroutine, %s",
			byteSize(size), en.heading())
	}
	w.setup = func(ctx context.Context, e *env) ([]side, func() error, error) {
		p, err := e.newPair(ctx, en, noSync)
		if err != nil {
			return nil, nil, err
		}
		value := valuesOf(size)
		return p.sides(en.name+" put by hand", func(n native) func(int) error {
			next := counter()
			return func(ops int) error { return n.put(ops, next, value) }
		}, kvSide{
			"Put", func(g *guarded) func(int) error { return g.put(ctx, counter(), value) },
			[]claim{{limit: limit}},
		},
		), p.close, nil
	}
	return w
}

func (g *guarded) put(ctx context.Context, next func() uint64, value valuer) func(int) error {
	return func(n int) error {
		for range n {
			i := next()
			if err := g.table.Put(ctx, i, value(i)); err != nil {
				return err
			}
		}
		return nil
	}
}

// putConcurrentlyWork puts durable rows from many goroutines. The number of operations in a turn
// is fixed, however slow the disk is: a turn of a fixed time could hold too few of them to form
// groups.
func putConcurrentlyWork(en engine, size, ops int) work {
	return work{
		name: fmt.Sprintf("%s/put-%d", en.name, writers),
		title: fmt.Sprintf("durable Put of %s, %d goroutines, %s",
			byteSize(size), writers, en.heading()),
		unit:   "op",
		group:  fmt.Sprintf("put by %d goroutines", writers),
		engine: en.name, format: "raw", shape: shape{size: size},
		waits: true, ops: ops,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			p, err := e.newPair(ctx, en, false)
			if err != nil {
				return nil, nil, err
			}
			put, many := en.name+" put by hand", en.name+" "+en.manyWriters
			claims := []claim{{base: put, limit: en.targets.put64}}
			if en.targets.timesFaster64 > 0 {
				claims[0] = claim{base: put, kind: timesFaster, limit: en.targets.timesFaster64}
			}
			if en.manyWriters != "" {
				claims = append(claims, claim{base: many, limit: en.targets.put64})
			}
			value, next := valuesOf(size), counter()
			sides := p.sides(put, func(n native) func(int) error {
				return concurrently(func() error { return n.put(1, next, value) })
			}, kvSide{"Put", func(g *guarded) func(int) error {
				put := g.put(ctx, counter(), value)
				return concurrently(func() error { return put(1) })
			}, claims})
			if p.hand != nil && en.manyWriters != "" {
				sides[0].ops = max(writers, ops/8) // it forms no groups, so fewer operations do
				sides = append(sides,
					side{name: many, native: true, run: concurrently(func() error {
						return p.hand.putMany(1, next, value)
					})})
			}
			return sides, p.close, nil
		},
	}
}

// concurrently spreads n operations over goroutines.
func concurrently(put func() error) func(n int) error {
	return func(n int) error {
		var left atomic.Int64
		left.Store(int64(n))
		errs := make([]error, writers)
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for errs[i] == nil && left.Add(-1) >= 0 {
					errs[i] = put()
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}
}

// batchWork puts many rows in one durable and atomic write.
func batchWork(en engine, size int) work {
	const rows = 1000
	return work{
		name: en.name + "/batch",
		title: fmt.Sprintf("durable, atomic write of %d rows of %s with ascending keys, %s",
			rows, byteSize(size), en.heading()),
		unit:   "batch",
		group:  fmt.Sprintf("batch of %d rows", rows),
		engine: en.name, format: "raw", shape: shape{size: size},
		waits: true,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			p, err := e.newPair(ctx, en, false)
			if err != nil {
				return nil, nil, err
			}
			batches := func(put func(iter.Seq2[uint64, []byte]) error) func(int) error {
				next, value := counter(), valuesOf(size)
				return func(n int) error {
					for range n {
						err := put(func(yield func(uint64, []byte) bool) {
							for range rows {
								if i := next(); !yield(i, value(i)) {
									return
								}
							}
						})
						if err != nil {
							return err
						}
					}
					return nil
				}
			}
			return p.sides(en.name+" batch by hand",
				func(n native) func(int) error { return batches(n.putAll) },
				kvSide{"PutAll", func(g *guarded) func(int) error {
					return batches(func(all iter.Seq2[uint64, []byte]) error {
						return g.table.PutAll(ctx, all)
					})
				}, []claim{{}}},
			), p.close, nil
		},
	}
}

// transactionWork changes rows of two tables in a durable transaction that reads them first.
func transactionWork(en engine) work {
	const rows = 1000
	return work{
		name: en.name + "/transaction",
		title: fmt.Sprintf("durable transaction that reads and changes a row of each of two "+
			"tables, %s", en.heading()),
		unit:   "tx",
		group:  "transaction over two tables",
		engine: en.name, format: "raw",
		waits: true,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			p, err := e.newPair(ctx, en, false)
			if err != nil {
				return nil, nil, err
			}
			repeat := func(move func(from, to uint64) error) func(int) error {
				next := randomKeys(rows, 1)
				return func(n int) error {
					for range n {
						if err := move(next(), next()); err != nil {
							return err
						}
					}
					return nil
				}
			}
			return p.sides(en.name+" by hand",
				func(n native) func(int) error { return repeat(n.move) },
				kvSide{"Update", func(g *guarded) func(int) error {
					return repeat(func(from, to uint64) error { return g.move(ctx, from, to) })
				}, []claim{{}}},
			), p.close, nil
		},
	}
}

// move is native.move through GuardKV.
func (g *guarded) move(ctx context.Context, from, to uint64) error {
	tables := [2]*rawTable{g.counts, g.table}
	return g.storage.Update(ctx, func(tx *core.Tx) error {
		for i, step := range moves(from, to) {
			table := tables[i].In(tx)
			old, err := table.Get(ctx, step.key)
			if err != nil && !errors.Is(err, core.ErrNotFound) {
				return err
			}
			if err := table.Put(ctx, step.key, step.apply(old)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
)

// recordSizes are the sizes of the records, in bytes.
var recordSizes = []int{200, 20_000}

// recordWorks read records in each format that is used by hand with the same library.
func recordWorks(en engine, e *env) []work {
	var works []work
	for _, size := range recordSizes {
		works = append(works,
			recordWork(en, e, size, cborRecord()), recordWork(en, e, size, gobRecord()),
			recordWork(en, e, size, jsonRecord()),
			recordWork(en, e, size, protobufRecord()), recordWork(en, e, size, flatbuffersRecord()))
	}
	return works
}

// recordWork reads records at random, and looks at one field of each or at all of them.
func recordWork[V, W any](en engine, e *env, size int, f recordFormat[V, W]) work {
	s := shape{min(e.sizes.middle.rows, 40_000_000/size), size}
	return work{
		name: fmt.Sprintf("%s/record/%s/%s", en.name, f.name, sizeName(size)),
		title: fmt.Sprintf("random Get of records in %s%s, about %s, %s",
			f.name, f.note, s, en.heading()),
		unit:   "op",
		group:  "record",
		engine: en.name, format: f.name, shape: s,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			p, err := e.newPair(ctx, en, false)
			if err != nil {
				return nil, nil, err
			}
			sides, err := recordSides(ctx, p, s, f)
			if err != nil {
				return nil, nil, errors.Join(err, p.close())
			}
			if en.settles {
				err = p.settle(ctx)
			}
			return sides, p.close, err
		},
	}
}

// recordSides fills both with the same records.
func recordSides[V, W any](
	ctx context.Context, p *pair, s shape, f recordFormat[V, W],
) (sides []side, err error) {
	encoded := func(yield func(uint64, []byte) bool) {
		for i := range uint64(s.rows) {
			b, err1 := f.encode(f.make(i, s.size))
			if err = errors.Join(err, err1); err1 != nil || !yield(i, b) {
				return
			}
		}
	}
	uses := []struct {
		name string
		use  func(W) uint64
	}{{"one field", f.one}, {"all fields", f.all}}
	if p.hand != nil {
		if err := errors.Join(p.hand.load(encoded, true), err); err != nil {
			return nil, err
		}
		for _, u := range uses {
			sides = append(sides, side{
				name: "by hand, " + u.name, native: true, run: f.byHand(p.hand, s, u.use),
				disk: func() (int64, error) { return diskUse(p.hand.path) },
			})
		}
	}
	if p.kv != nil {
		table, err := core.OpenTable(ctx, p.kv.storage, "records", keys.Uint64(), f.format)
		if err != nil {
			return nil, err
		}
		if _, err := table.PutStream(ctx, f.records(s)); err != nil {
			return nil, err
		}
		for _, u := range uses {
			sides = append(sides, side{
				name: "guardkv, " + u.name, run: f.guarded(ctx, table, s, u.use),
				claims: []claim{{base: "by hand, " + u.name}},
				disk:   func() (int64, error) { return diskUse(p.kv.path) },
			})
		}
	}
	return sides, nil
}

func (f recordFormat[V, W]) records(s shape) iter.Seq2[uint64, V] {
	return func(yield func(uint64, V) bool) {
		for i := range uint64(s.rows) {
			if !yield(i, f.make(i, s.size)) {
				return
			}
		}
	}
}

// byHand reads records by hand.
func (f recordFormat[V, W]) byHand(n native, s shape, use func(W) uint64) func(int) error {
	next := randomKeys(s.rows, 0)
	return func(ops int) error {
		sum := uint64(0)
		err := n.get(ops, next, func(b []byte) error {
			w, err := f.decode(b)
			if err == nil {
				sum += use(w)
			}
			return err
		})
		keep(sum)
		return err
	}
}

// guarded reads records through guards.
func (f recordFormat[V, W]) guarded(
	ctx context.Context, table *core.Table[uint64, V, W], s shape, use func(W) uint64,
) func(int) error {
	next := randomKeys(s.rows, 0)
	return func(ops int) error {
		sum := uint64(0)
		for range ops {
			g, err := table.Get(ctx, next())
			if err != nil {
				return err
			}
			sum += use(g.Value())
			if err := g.Close(); err != nil {
				return err
			}
		}
		keep(sum)
		return nil
	}
}

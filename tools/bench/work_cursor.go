// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
)

// seekWork moves one cursor from one random row to the next.
func seekWork(en engine, s shape) work {
	return work{
		name:   en.name + "/seek",
		title:  fmt.Sprintf("random Seek of one cursor, %s, %s", s, en.heading()),
		unit:   "op",
		group:  "seek",
		engine: en.name, format: "raw", shape: s,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			p, err := e.data(ctx, en, s)
			if err != nil {
				return nil, nil, err
			}
			return p.sides(en.name+" seek by hand", func(n native) func(int) error {
				next := randomKeys(s.rows, 0)
				return func(ops int) error {
					sum := uint64(0)
					err := n.seek(ops, next,
						func(v []byte) error { sum += uint64(v[0]); return nil })
					keep(sum)
					return err
				}
			}, kvSide{"Cursor.Seek", func(g *guarded) func(int) error {
				next := randomKeys(s.rows, 0)
				return func(ops int) error { return g.seek(ctx, ops, next) }
			}, []claim{{limit: 1.3}}}), nothing, nil
		},
	}
}

func (g *guarded) seek(ctx context.Context, ops int, next func() uint64) error {
	c, err := g.table.Scan().Cursor(ctx)
	if err != nil {
		return err
	}
	sum := uint64(0)
	for range ops {
		if c.Seek(next()); !c.Next() {
			return errors.Join(errors.New("there is no row"), c.Err(), c.Close())
		}
		sum += uint64(c.Value()[0])
	}
	keep(sum)
	return errors.Join(c.Err(), c.Close())
}

// getManyWork reads random rows, a hundred at a time.
func getManyWork(en engine, s shape) work {
	const at = 100
	return work{
		name:   en.name + "/get-many",
		title:  fmt.Sprintf("random GetMany of %d rows, %s, %s", at, s, en.heading()),
		unit:   "row",
		group:  "get many",
		engine: en.name, format: "raw", shape: s,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			p, err := e.data(ctx, en, s)
			if err != nil {
				return nil, nil, err
			}
			spread := func(get func(n int, next func() uint64) error) func(int) error {
				return spreadOver(1, s.rows, get)
			}
			return p.sides(en.name+" get by hand",
				func(n native) func(int) error { return spread(nativeGet(n)) },
				kvSide{
					"Get+Close",
					func(g *guarded) func(int) error { return spread(g.get(ctx)) }, nil,
				},
				kvSide{"GetMany", func(g *guarded) func(int) error {
					return spread(func(n int, next func() uint64) error {
						return g.getMany(ctx, n, at, next)
					})
				}, []claim{{}, {base: "guardkv Get+Close"}}},
			), nothing, nil
		},
	}
}

// getMany reads n rows, some at a time.
func (g *guarded) getMany(ctx context.Context, n, at int, next func() uint64) error {
	sum := uint64(0)
	for ; n > 0; n -= at {
		keys := func(yield func(uint64) bool) {
			for range min(n, at) {
				if !yield(next()) {
					return
				}
			}
		}
		for row, err := range g.table.GetMany(ctx, keys) {
			if err != nil {
				return err
			}
			sum += uint64(row.Value[0])
		}
	}
	keep(sum)
	return nil
}

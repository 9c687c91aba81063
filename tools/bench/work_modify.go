// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// plusOne returns a counter that is one higher; nil is 0.
func plusOne(old []byte) []byte {
	n := uint64(0)
	if len(old) == 8 {
		n = binary.BigEndian.Uint64(old)
	}
	return binary.BigEndian.AppendUint64(nil, n+1)
}

// modifyWork increments counters durably, each time another one, from many goroutines.
func modifyWork(en engine, ops int) work {
	const rows = 1000
	return work{
		name: fmt.Sprintf("%s/modify-%d", en.name, writers),
		title: fmt.Sprintf("durable Modify of distinct rows, %d goroutines, %s",
			writers, en.heading()),
		unit:   "op",
		group:  fmt.Sprintf("modify by %d goroutines", writers),
		engine: en.name, format: "raw",
		waits: true, ops: ops,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			p, err := e.newPair(ctx, en, false)
			if err != nil {
				return nil, nil, err
			}
			each := func(do func(k uint64) error) func(int) error {
				next := counter()
				return concurrently(func() error { return do(next() % rows) })
			}
			return p.sides(en.name+" by hand",
				func(n native) func(int) error { return each(n.increment) },
				kvSide{"Put", func(g *guarded) func(int) error {
					return each(func(k uint64) error { return g.table.Put(ctx, k, plusOne(nil)) })
				}, nil},
				kvSide{"Modify", func(g *guarded) func(int) error {
					return each(func(k uint64) error {
						return g.table.Modify(ctx, k,
							func(old []byte, _ bool) ([]byte, core.Change, error) {
								return plusOne(old), core.Store, nil
							})
					})
				}, modifyClaims(en)},
			), p.close, nil
		},
	}
}

// modifyClaims compare Modify with Put. The target is for bbolt, where reading the row costs
// little beside writing it.
func modifyClaims(en engine) []claim {
	if en.name == "bbolt" {
		return []claim{{base: "guardkv Put", limit: 1 / 0.8}, {}}
	}
	return []claim{{base: "guardkv Put"}, {}}
}

// wholeWork deletes everything, which is put back after each turn.
func wholeWork(en engine, name, title string, s shape, way kvSide) work {
	return work{
		name:   en.name + "/" + name,
		title:  fmt.Sprintf("%s of %s durably, %s", title, s, en.heading()),
		unit:   "row",
		group:  title,
		engine: en.name, format: "raw", shape: s,
		ops: s.rows, rounds: 3, waits: true,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			p, err := e.newPair(ctx, en, false)
			if err != nil {
				return nil, nil, err
			}
			if err := p.fill(ctx, s); err != nil {
				return nil, nil, errors.Join(err, p.close())
			}
			sides := p.sides(en.name+" by hand", func(n native) func(int) error {
				return func(int) error { return n.deleteRange(0, math.MaxUint64) }
			}, way)
			p.refill(ctx, sides, inOrder(s.rows, s.size))
			return sides, p.close, nil
		},
	}
}

// rangeClaims compare with the same work by hand. The target is for pebble, where that is one
// deletion of a range.
func rangeClaims(en engine) []claim {
	if en.name == "pebble" {
		return []claim{{limit: 2}}
	}
	return []claim{{}}
}

// clearWork clears a table.
func clearWork(en engine, s shape) work {
	return wholeWork(en, "clear", "Scan.Clear",
		s, kvSide{"Scan.Clear", func(g *guarded) func(int) error {
			return func(int) error { return g.table.Scan().Clear(context.Background()) }
		}, rangeClaims(en)})
}

// dropWork drops a table.
func dropWork(en engine, s shape) work {
	return wholeWork(en, "drop", "DropTable",
		s, kvSide{"DropTable", func(g *guarded) func(int) error {
			return func(int) error { return g.storage.DropTable(context.Background(), "rows") }
		}, rangeClaims(en)})
}

// anew opens the table of rows again, in case it was dropped.
func (g *guarded) anew(ctx context.Context) (err error) {
	g.table, err = core.OpenTable(ctx, g.storage, "rows", keys.Uint64(), values.Bytes())
	return err
}

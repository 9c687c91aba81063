// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// Yours describes the data of a user. Zero fields have defaults.
type Yours struct {
	Rows, Size int // 1,000,000 rows (100,000 in the short form) of 128 bytes
	Reads      int // percent of all operations; 0 is 90, negative is none
}

// yourWorks are the works that tell which engine suits the user's data.
func (e *env) yourWorks() []work {
	y := e.cfg.Yours
	if y.Rows <= 0 {
		y.Rows = e.sizes.small.rows
	}
	if y.Size <= 0 {
		y.Size = e.sizes.small.size
	}
	reads := y.Reads
	if reads == 0 {
		reads = 90
	}
	s := shape{y.Rows, y.Size}
	var all []work
	for _, en := range engines {
		all = append(all,
			loadWork(en, s, true, 3), loadWork(en, s, false, 3),
			getWork(en, s, 1), getWork(en, s, 2), scanWork(en, s, false),
			mixWork(en, s, max(0, reads), 1), mixWork(en, s, max(0, reads), writers))
	}
	return all
}

// mixWork reads and writes rows at random.
func mixWork(en engine, s shape, reads, goroutines int) work {
	return work{
		name: fmt.Sprintf("%s/mix-%d/x%d", en.name, reads, goroutines),
		title: fmt.Sprintf("%d %% Get, else durable Put, at random, %d goroutines, %s, %s",
			reads, goroutines, s, en.heading()),
		unit:   "op",
		group:  fmt.Sprintf("%d %% reads by %d goroutines", reads, goroutines),
		engine: en.name, format: "raw", shape: s,
		waits: true, ops: mixedOps(goroutines),
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			p, err := e.data(ctx, en, s)
			if err != nil {
				return nil, nil, err
			}
			value := valuesOf(s.size)
			mixed := func(get, put func(i uint64) error) func(int) error {
				one := func() error {
					if rand.IntN(100) < reads {
						return get(rand.Uint64N(uint64(s.rows)))
					}
					return put(rand.Uint64N(uint64(s.rows)))
				}
				if goroutines > 1 {
					return concurrently(one)
				}
				return repeated(one)
			}
			see := func(v []byte) error { keep(uint64(v[0])); return nil }
			return p.sides(en.name+" by hand", func(n native) func(int) error {
				return mixed(
					func(i uint64) error { return n.get(1, func() uint64 { return i }, see) },
					func(i uint64) error {
						if goroutines > 1 && en.manyWriters != "" {
							return n.putMany(1, func() uint64 { return i }, value)
						}
						return n.put(1, func() uint64 { return i }, value)
					})
			}, kvSide{"Get, Put", func(g *guarded) func(int) error {
				return mixed(
					func(i uint64) error { return g.table.View(ctx, i, see) },
					func(i uint64) error { return g.table.Put(ctx, i, value(i)) })
			}, []claim{{}}}), nothing, nil
		},
	}
}

// mixedOps is how many operations a turn of many goroutines has, 0 for one goroutine.
func mixedOps(goroutines int) int {
	if goroutines > 1 {
		return 256 * goroutines
	}
	return 0
}

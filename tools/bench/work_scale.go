// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
)

// scaleWorks shows what a table of some size costs to load, to read and to scan.
func scaleWorks(en engine, s shape) []work {
	if en.open == nil && s.rows > 1_000_000 {
		return nil // it would take too much memory
	}
	rounds := 3
	if s.rows > 1_000_000 {
		rounds = 1
	}
	load, get, scan := loadWork(en, s, true, rounds), getWork(en, s, 1), scanWork(en, s, false)
	scan.rounds = 5
	works := []work{load, get, scan}
	for i, verb := range []string{"load", "get", "scan"} {
		works[i].name = fmt.Sprintf("%s/scale/%s/%s", en.name, verb, rowsName(s.rows))
		works[i].group = "scale: " + verb
	}
	return works
}

// rowsName names a number of rows in the name of a work: "10k", "20M".
func rowsName(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%dM", n/1_000_000)
	case n >= 1000 && n%1000 == 0:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}

// flatWorks compare GuardKV with itself: a table that is several times as large must not need
// more memory. An engine's cache is squeezed, or it would grow with the table as it should.
func flatWorks(en engine, rows [2]int) []work {
	if rows[0] == 0 || en.open == nil {
		return nil
	}
	if en.squeezed != nil {
		en = *en.squeezed
	}
	return []work{flatStreamWork(en, rows), flatScanWork(en, rows), flatCompactWork(en, rows)}
}

// flatWork makes the sides of such a work, one for each size.
func flatWork(
	en engine, verb string, rows [2]int, turns func(*env, context.Context, shape) (side, func() error, error),
) work {
	return work{
		name: fmt.Sprintf("%s/memory/%s", en.name, verb),
		title: fmt.Sprintf("memory of %s, %s and %s rows of 128 B, %s",
			verb, grouped(int64(rows[0])), grouped(int64(rows[1])), en.heading()),
		unit:   "turn",
		group:  "memory of " + verb,
		engine: en.name, format: "raw", shape: shape{rows[1], 128},
		ops: 1, rounds: 2, waits: true, peaks: true,
		setup: func(ctx context.Context, e *env) (sides []side, cleanup func() error, err error) {
			var cleanups [2]func() error
			cleanup = func() (err error) {
				for _, c := range cleanups {
					if c != nil {
						err = errors.Join(err, c())
					}
				}
				return err
			}
			for i, n := range rows {
				s, c, err := turns(e, ctx, shape{n, 128})
				if err != nil {
					return nil, nil, errors.Join(err, cleanup())
				}
				cleanups[i] = c
				s.name, s.claims = fmt.Sprintf("guardkv %s, %s rows", verb, grouped(int64(n))), nil
				if i > 0 {
					s.claims = []claim{{kind: memoryTimes, limit: 1.25}}
				}
				sides = append(sides, s)
			}
			return sides, cleanup, nil
		},
	}
}

func flatStreamWork(en engine, rows [2]int) work {
	return flatWork(en, "PutStream",
		rows, func(e *env, ctx context.Context, s shape) (side, func() error, error) {
			// an odd factor permutes
			all := reordered(s.rows, s.size, func(i uint64) uint64 { return i * 0x9E3779B97F4A7C15 })
			return e.freshGuarded(ctx, en, func(g *guarded) error {
				_, err := g.table.PutStream(ctx, all)
				return err
			}), nothing, nil
		})
}

func flatScanWork(en engine, rows [2]int) work {
	return flatWork(en, "Scan",
		rows, func(e *env, ctx context.Context, s shape) (side, func() error, error) {
			half := en
			half.open = nil
			p, err := e.newPair(ctx, half, false)
			if err != nil {
				return side{}, nil, err
			}
			if err := p.fill(ctx, s); err != nil {
				return side{}, nil, errors.Join(err, p.close())
			}
			return side{run: func(int) error {
				n, err := p.kv.rows(ctx, bounds{all: true})
				if err == nil && n != s.rows {
					err = fmt.Errorf("read %d rows of %d", n, s.rows)
				}
				return err
			}}, p.close, nil
		})
}

func flatCompactWork(en engine, rows [2]int) work {
	return flatWork(en, "Compact",
		rows, func(e *env, ctx context.Context, s shape) (side, func() error, error) {
			return e.thinned(ctx, en, s, false), nothing, nil
		})
}

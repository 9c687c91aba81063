// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/tools/diskuse"
)

// loadWork loads rows into an empty database. It measures until the rows are durable, and leaves
// out opening and closing the database.
func loadWork(en engine, s shape, sorted bool, rounds int) work {
	order := "random"
	if sorted {
		order = "ascending"
	}
	w := work{
		name:   en.name + "/load-" + order,
		title:  fmt.Sprintf("load in %s order, %s, %s", order, s, en.heading()),
		unit:   "row",
		group:  "load in " + order + " order",
		engine: en.name, format: "raw", shape: s,
		ops: s.rows, rounds: rounds, peaks: true,
	}
	rows, limit := inOrder, 0.0
	disk := claim{kind: diskTimes}
	if !sorted {
		rows = shuffled
		if s.rows >= 1_000_000 {
			limit = en.targets.load
		}
		disk.limit = en.targets.disk
	}
	w.setup = func(ctx context.Context, e *env) ([]side, func() error, error) {
		all := rows(s.rows, s.size)
		hand := func(n native) error { return n.load(all, sorted) }
		stream := func(opts ...core.StreamOption) func(*guarded) error {
			return func(g *guarded) error {
				_, err := g.table.PutStream(ctx, all, opts...)
				return err
			}
		}
		if sorted || en.backend == nil {
			return e.freshSides(ctx, en, hand, stream(), claim{limit: limit}, disk), nothing, nil
		}
		sides := e.freshSides(ctx, en, hand, stream(), claim{}, disk)
		sorting := e.freshGuarded(ctx, en, stream(core.WithSorting(e.dir)))
		sorting.name, sorting.claims = "guardkv PutStream, WithSorting", []claim{
			{limit: limit},
			disk,
		}
		return append(sides, sorting), nothing, nil
	}
	return w
}

// freshSides makes sides that load an empty database in every turn.
func (e *env) freshSides(
	ctx context.Context, en engine, hand func(native) error, kv func(*guarded) error, claims ...claim,
) []side {
	var sides []side
	if en.open != nil {
		sides = append(sides, e.freshHand(en, hand))
	}
	if en.backend != nil {
		s := e.freshGuarded(ctx, en, kv)
		s.claims = claims
		sides = append(sides, s)
	}
	return sides
}

func (e *env) freshHand(en engine, load func(native) error) side {
	var n *byHand
	var disk int64
	return side{
		name: en.name + " by hand", native: true,
		before: func() (err error) {
			n, err = openByHand(en, e.freshPath(), nativeOptions{})
			return err
		},
		run: func(int) error { return load(n.native) },
		after: func() (err error) {
			err = n.close()
			size, sizeErr := diskuse.Of(n.path)
			disk = size
			return errors.Join(err, sizeErr, os.RemoveAll(n.path))
		},
		disk: func() (int64, error) { return disk, nil },
	}
}

func (e *env) freshGuarded(ctx context.Context, en engine, load func(*guarded) error) side {
	var g *guarded
	var disk int64
	return side{
		name: "guardkv PutStream",
		before: func() (err error) {
			g, err = openGuarded(ctx, en, e.freshPath())
			return err
		},
		run: func(int) error { return load(g) },
		after: func() (err error) {
			err = g.close()
			size, sizeErr := diskuse.Of(g.path)
			disk = size
			return errors.Join(err, sizeErr, os.RemoveAll(g.path))
		},
		disk: func() (int64, error) { return disk, nil },
	}
}

// freshPath returns a path where nothing is.
func (e *env) freshPath() string {
	e.fresh++
	return filepath.Join(e.dir, fmt.Sprintf("fresh-%d", e.fresh))
}

// deleteWork deletes a range in the middle of the data, which is put back after each turn.
func deleteWork(en engine, s shape) work {
	low, high := uint64(s.rows/2), uint64(s.rows/2+s.rows/10)
	return work{
		name: en.name + "/delete-range",
		title: fmt.Sprintf("delete a range of %s rows durably, of %s, %s",
			grouped(int64(high-low)), s, en.heading()),
		unit:   "row",
		group:  "delete a range",
		engine: en.name, format: "raw", shape: s,
		ops: int(high - low), rounds: 5, waits: true,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			p, err := e.newPair(ctx, en, false)
			if err != nil {
				return nil, nil, err
			}
			if err := p.fill(ctx, s); err != nil {
				return nil, nil, errors.Join(err, p.close())
			}
			missing := func(yield func(uint64, []byte) bool) {
				value := valuesOf(s.size)
				for i := low; i < high; i++ {
					if !yield(i, value(i)) {
						return
					}
				}
			}
			sides := p.sides(en.name+" by hand",
				func(n native) func(int) error {
					return func(int) error { return n.deleteRange(low, high) }
				},
				kvSide{"Scan.Delete", func(g *guarded) func(int) error {
					return func(n int) error {
						deleted, err := g.table.Scan().From(low).To(high).Delete(ctx)
						if err == nil && deleted != n {
							err = fmt.Errorf("deleted %d rows of %d", deleted, n)
						}
						return err
					}
				}, []claim{{}}})
			p.refill(ctx, sides, missing)
			return sides, p.close, nil
		},
	}
}

// refill makes each side put rows back after its turns.
func (p *pair) refill(ctx context.Context, sides []side, rows iter.Seq2[uint64, []byte]) {
	for i := range sides {
		if sides[i].native {
			sides[i].after = func() error { return p.hand.load(rows, true) }
		} else {
			sides[i].after = func() error {
				if err := p.kv.anew(ctx); err != nil {
					return err
				}
				_, err := p.kv.table.PutStream(ctx, rows)
				return err
			}
		}
	}
}

// openWork opens a storage that was closed cleanly, and closes it.
func openWork(en engine, s shape) work {
	return work{
		name:   en.name + "/open",
		title:  fmt.Sprintf("open and close, %s, closed cleanly, %s", s, en.heading()),
		unit:   "open",
		group:  "open and close",
		engine: en.name, format: "raw", shape: s,
		waits: true,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			p, err := e.newPair(ctx, en, false)
			if err != nil {
				return nil, nil, err
			}
			if err := errors.Join(p.fill(ctx, s), p.closeOnly()); err != nil {
				return nil, nil, err
			}
			return p.sides(en.name+" by hand", func(native) func(int) error {
				return repeated(func() error {
					n, err := openByHand(en, p.hand.path, nativeOptions{})
					if err != nil {
						return err
					}
					return n.close()
				})
			}, kvSide{"Open", func(g *guarded) func(int) error {
				return repeated(func() error {
					again, err := openGuarded(ctx, en, g.path)
					if err != nil {
						return err
					}
					return again.close()
				})
			}, []claim{{}}}), p.removeAll, nil
		},
	}
}

// repeated does something n times.
func repeated(do func() error) func(int) error {
	return func(n int) error {
		for range n {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	}
}

// compactWork compacts a storage in which half of the rows were deleted, and which is made anew
// for each turn.
func compactWork(en engine, s shape) work {
	return work{
		name:   en.name + "/compact",
		title:  fmt.Sprintf("compact after half of the rows were deleted, %s, %s", s, en.heading()),
		unit:   "row",
		group:  "compact",
		engine: en.name, format: "raw", shape: s,
		ops: s.rows, rounds: 3, waits: true, peaks: true,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			sides := e.freshSides(ctx, en, native.compact, func(g *guarded) error {
				_, err := g.storage.Compact(ctx)
				return err
			}, claim{})
			for i := range sides {
				sides[i] = e.thinned(ctx, en, s, sides[i].native)
			}
			return sides, nothing, nil
		},
	}
}

// thinned makes a side that compacts a database of its own.
func (e *env) thinned(ctx context.Context, en engine, s shape, byHand bool) side {
	var p *pair
	var disk int64
	out := side{name: "guardkv Compact", claims: []claim{{}}}
	if byHand {
		out = side{name: en.name + " by hand", native: true}
	}
	out.before = func() (err error) {
		half := en
		if byHand {
			half.backend = nil
		} else {
			half.open = nil
		}
		if p, err = e.newPair(ctx, half, false); err != nil {
			return err
		}
		if err := p.fill(ctx, s); err != nil {
			return err
		}
		return p.thin(ctx, s)
	}
	out.run = func(int) error {
		if byHand {
			return p.hand.compact()
		}
		_, err := p.kv.storage.Compact(ctx)
		return err
	}
	out.after = func() (err error) {
		err = p.closeOnly()
		size, sizeErr := p.disk()
		disk = size
		return errors.Join(err, sizeErr, p.removeAll())
	}
	out.disk = func() (int64, error) { return disk, nil }
	return out
}

// thin deletes half of the rows, in chunks that every engine takes.
func (p *pair) thin(ctx context.Context, s shape) error {
	const chunk = 10_000
	for low := 0; low < s.rows; low += chunk {
		if p.hand != nil {
			// the same ranges as below
			for i := low; i < min(low+chunk, s.rows); i += chunk / 10 {
				if err := p.hand.deleteRange(uint64(i), uint64(i+chunk/20)); err != nil {
					return err
				}
			}
			continue
		}
		err := p.kv.storage.Update(ctx, func(tx *core.Tx) error {
			for i := low; i < min(low+chunk, s.rows); i += chunk / 10 {
				if _, err := p.kv.table.In(tx).Scan().From(uint64(i)).To(uint64(i + chunk/20)).Delete(ctx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"

	"github.com/guardkv/guardkv/backends/badger"
	"github.com/guardkv/guardkv/core"
)

// packedBadger is badger behind GuardKV with each compression. The others are compared with the
// first.
var packedBadger = []engine{
	packing("none", badger.None),
	packing("snappy", badger.Snappy),
	packing("zstd", badger.ZSTD),
}

func packing(name string, c badger.Compression) engine {
	return engine{
		name: "badger", differs: name, settles: true,
		backend: func() core.Backend { return badger.Backend{Compression: c} },
	}
}

// prose holds the text that compressible values are cut from: words, some of them more frequent
// than others, and numbers.
var prose = func() []byte {
	const words, shortest, longest = 2000, 3, 10
	random := rand.New(rand.NewPCG(2, 2))
	vocabulary := make([][]byte, words)
	for i := range vocabulary {
		word := make([]byte, shortest+random.IntN(longest-shortest))
		for j := range word {
			word[j] = byte('a' + random.IntN(26))
		}
		vocabulary[i] = word
	}
	var b []byte
	for len(b) < len(block) {
		if random.IntN(8) == 0 {
			b = fmt.Appendf(b, "%d ", random.IntN(1_000_000))
			continue
		}
		b = append(append(b,
			vocabulary[min(random.IntN(words), random.IntN(words), random.IntN(words))]...), ' ')
	}
	return b
}()

// proseOf returns values that compress as text does. The values of neighbors have only words in
// common.
func proseOf(size int) valuer {
	const apart = 10_007
	room := uint64(len(prose) - size)
	return func(i uint64) []byte {
		at := i * apart % room
		return prose[at : at+uint64(size) : at+uint64(size)]
	}
}

// inProse gives rows values that compress.
func inProse(rows iter.Seq2[uint64, []byte], size int) iter.Seq2[uint64, []byte] {
	value := proseOf(size)
	return func(yield func(uint64, []byte) bool) {
		for i := range rows {
			if !yield(i, value(i)) {
				return
			}
		}
	}
}

// compressionWorks compare the compressions of badger with each other: what they save, and what a
// read costs with a cache that has room for all blocks and with one that has not.
func compressionWorks(s shape) []work {
	cached := shape{s.rows / 10, s.size}
	return []work{
		packedLoadWork(s),
		packedWork("get", "random Get of values that compress",
			s, func(ctx context.Context, g *guarded) func(int) error {
				get, next := g.get(ctx), randomKeys(s.rows, 0)
				return func(n int) error { return get(n, next) }
			}),
		packedWork("get-cached", "random Get of values that compress",
			cached, func(ctx context.Context, g *guarded) func(int) error {
				get, next := g.get(ctx), randomKeys(cached.rows, 0)
				return func(n int) error { return get(n, next) }
			}),
		packedScanWork(s),
		packedOpenWork(s),
	}
}

func packedWorkOf(name, title string, s shape) work {
	return work{
		name: "badger/compression/" + name, title: title + ", " + s.String() + ", badger",
		unit: "op", group: "compression: " + name, engine: "badger", format: "raw", shape: s,
	}
}

// packedLoadWork loads rows, and measures what they take on the disk when all tables are merged
// and the storage is closed.
func packedLoadWork(s shape) work {
	w := packedWorkOf("load", "load values that compress in random order, and Compact", s)
	w.unit, w.ops, w.rounds = "row", s.rows, 3
	w.setup = func(ctx context.Context, e *env) ([]side, func() error, error) {
		rows := inProse(shuffled(s.rows, s.size), s.size)
		var sides []side
		for _, en := range packedBadger {
			one := e.freshGuarded(ctx, en, func(g *guarded) error {
				if _, err := g.table.PutStream(ctx, rows); err != nil {
					return err
				}
				_, err := g.storage.Compact(ctx)
				return err
			})
			one.name = "guardkv " + en.differs
			if len(sides) > 0 {
				base := sides[0].name
				one.claims = []claim{{base: base}, {base: base, kind: diskTimes}}
			}
			sides = append(sides, one)
		}
		return sides, nothing, nil
	}
	return w
}

// packedWork reads the same data with each compression.
func packedWork(
	name, title string, s shape, run func(context.Context, *guarded) func(int) error,
) work {
	w := packedWorkOf(name, title, s)
	w.setup = func(ctx context.Context, e *env) ([]side, func() error, error) {
		var sides []side
		var pairs []*pair
		end := func() (err error) {
			for _, p := range pairs {
				err = errors.Join(err, p.close())
			}
			return err
		}
		for _, en := range packedBadger {
			p, err := e.packedPair(ctx, en, s)
			if err != nil {
				return nil, nil, errors.Join(err, end())
			}
			pairs = append(pairs, p)
			sides = addPacked(sides, en, run(ctx, p.kv))
		}
		return sides, end, nil
	}
	return w
}

// packedScanWork reads all rows in order.
func packedScanWork(s shape) work {
	w := packedWork("scan", "scan of values that compress",
		s, func(ctx context.Context, g *guarded) func(int) error {
			return counted(func() (int, error) { return g.rows(ctx, bounds{all: true}) })
		})
	w.unit, w.ops = "row", s.rows
	return w
}

// packedOpenWork opens a storage, which reads all of its tables, and closes it.
func packedOpenWork(s shape) work {
	w := packedWork("open", "open and close, values that compress", s, nil)
	w.unit, w.waits = "open", true
	w.setup = func(ctx context.Context, e *env) ([]side, func() error, error) {
		var sides []side
		var pairs []*pair
		end := func() (err error) {
			for _, p := range pairs {
				err = errors.Join(err, p.removeAll())
			}
			return err
		}
		for _, en := range packedBadger {
			p, err := e.packedPair(ctx, en, s)
			if err == nil {
				pairs = append(pairs, p)
				err = p.closeOnly()
			}
			if err != nil {
				return nil, nil, errors.Join(err, end())
			}
			sides = addPacked(sides, en, repeated(func() error {
				g, err := openGuarded(ctx, en, p.kv.path)
				if err != nil {
					return err
				}
				return g.close()
			}))
		}
		return sides, end, nil
	}
	return w
}

// addPacked adds a side that is compared with the first.
func addPacked(sides []side, en engine, run func(int) error) []side {
	s := side{name: "guardkv " + en.differs, run: run}
	if len(sides) > 0 {
		s.claims = []claim{{base: sides[0].name}}
	}
	return append(sides, s)
}

// packedPair makes rows that compress, behind GuardKV alone.
func (e *env) packedPair(ctx context.Context, en engine, s shape) (*pair, error) {
	p, err := e.newPair(ctx, en, false)
	if err != nil {
		return nil, err
	}
	if _, err = p.kv.table.PutStream(ctx, inProse(inOrder(s.rows, s.size), s.size)); err == nil {
		err = p.settle(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

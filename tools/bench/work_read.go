// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// nothing is the cleanup of a work whose data others use too.
func nothing() error { return nil }

// getWork reads rows at random, with some goroutines.
func getWork(en engine, s shape, goroutines int) work {
	w := work{
		name:   fmt.Sprintf("%s/get/%s", en.name, sizeName(s.size)),
		title:  fmt.Sprintf("random Get of raw values, %s, %s", s, en.heading()),
		unit:   "op",
		group:  "get",
		engine: en.name, format: "raw", shape: s,
	}
	c := claim{limit: en.targets.get, noAlloc: en.targets.getNoAllocs}
	if s.size != 128 || s.rows < 1_000_000 {
		c = claim{} // the targets are for 1M rows of 128 B
	}
	if goroutines > 1 {
		w.name, w.group = fmt.Sprintf("%s/x%d", w.name, goroutines), "get by 2 goroutines"
		w.title += fmt.Sprintf(", %d goroutines", goroutines)
	}
	w.setup = func(ctx context.Context, e *env) ([]side, func() error, error) {
		p, err := e.data(ctx, en, s)
		if err != nil {
			return nil, nil, err
		}
		spread := func(get func(n int, next func() uint64) error) func(int) error {
			return spreadOver(goroutines, s.rows, get)
		}
		return p.sides(en.name+" get by hand",
			func(n native) func(int) error { return spread(nativeGet(n)) },
			kvSide{
				"Get+Close",
				func(g *guarded) func(int) error { return spread(g.get(ctx)) },
				[]claim{c},
			},
			kvSide{
				"View",
				func(g *guarded) func(int) error { return spread(g.view(ctx)) },
				[]claim{c},
			},
		), nothing, nil
	}
	return w
}

// sizeName names a size in the name of a work: "128B", "16KiB".
func sizeName(n int) string {
	if n >= 1024 && n%1024 == 0 {
		return strconv.Itoa(n/1024) + "KiB"
	}
	return strconv.Itoa(n) + "B"
}

// spreadOver spreads reads over goroutines, each with random keys of its own.
func spreadOver(goroutines, rows int, get func(n int, next func() uint64) error) func(int) error {
	next := make([]func() uint64, goroutines)
	for i := range next {
		next[i] = randomKeys(rows, uint64(i))
	}
	if goroutines == 1 {
		return func(n int) error { return get(n, next[0]) }
	}
	return func(n int) error {
		errs := make([]error, goroutines)
		var wg sync.WaitGroup
		for i := range goroutines {
			wg.Go(func() { errs[i] = get(n*(i+1)/goroutines-n*i/goroutines, next[i]) })
		}
		wg.Wait()
		return errors.Join(errs...)
	}
}

func nativeGet(hand native) func(n int, next func() uint64) error {
	return func(n int, next func() uint64) error {
		sum := uint64(0)
		err := hand.get(n, next, func(v []byte) error { sum += uint64(v[0]); return nil })
		keep(sum)
		return err
	}
}

func (g *guarded) get(ctx context.Context) func(n int, next func() uint64) error {
	return func(n int, next func() uint64) error {
		sum := uint64(0)
		for range n {
			row, err := g.table.Get(ctx, next())
			if err != nil {
				return err
			}
			sum += uint64(row.Value()[0])
			if err := row.Close(); err != nil {
				return err
			}
		}
		keep(sum)
		return nil
	}
}

func (g *guarded) view(ctx context.Context) func(n int, next func() uint64) error {
	return func(n int, next func() uint64) error {
		sum := uint64(0)
		see := func(v []byte) error { sum += uint64(v[0]); return nil }
		for range n {
			if err := g.table.View(ctx, next(), see); err != nil {
				return err
			}
		}
		keep(sum)
		return nil
	}
}

// getBesideWriterWork reads while one goroutine writes as fast as it can.
func getBesideWriterWork(en engine, s shape, goroutines int) work {
	w := work{
		name: en.name + "/get-beside-writer",
		title: fmt.Sprintf("random Get beside one writer of durable rows, %s, %s",
			s, en.heading()),
		unit:   "op",
		group:  "get beside a writer",
		engine: en.name, format: "raw", shape: s,
		waits: true,
	}
	if goroutines > 1 {
		w.name, w.group = fmt.Sprintf("%s/x%d",
			w.name, goroutines), fmt.Sprintf("get beside a writer, by %d goroutines", goroutines)
		w.title += fmt.Sprintf(", %d goroutines", goroutines)
	}
	w.setup = func(ctx context.Context, e *env) ([]side, func() error, error) {
		p, err := e.data(ctx, en, s)
		if err != nil {
			return nil, nil, err
		}
		value := valuesOf(s.size)
		return p.sides(en.name+" get by hand", func(n native) func(int) error {
			put := randomKeys(s.rows, 99)
			return beside(func() error { return n.put(1, put, value) },
				spreadOver(goroutines, s.rows, nativeGet(n)))
		}, kvSide{"Get+Close", func(g *guarded) func(int) error {
			put := randomKeys(s.rows, 99)
			return beside(func() error { i := put(); return g.table.Put(ctx, i, value(i)) },
				spreadOver(goroutines, s.rows, g.get(ctx)))
		}, []claim{{limit: en.targets.getBesideWriter}}}), nothing, nil
	}
	return w
}

// beside makes read run while write is repeated in another goroutine.
func beside(write func() error, read func(n int) error) func(n int) error {
	return func(n int) error {
		stop, done := make(chan struct{}), make(chan error)
		go func() {
			var err error
			for err == nil {
				select {
				case <-stop:
					done <- nil
					return
				default:
					err = write()
				}
			}
			<-stop
			done <- err
		}()
		err := read(n)
		close(stop)
		return errors.Join(err, <-done)
	}
}

// scanWork reads all rows in order.
func scanWork(en engine, s shape, reverse bool) work {
	w := work{
		name:   en.name + "/scan",
		title:  fmt.Sprintf("scan in order, %s, %s", s, en.heading()),
		unit:   "row",
		group:  "scan",
		engine: en.name, format: "raw", shape: s, ops: s.rows,
	}
	limit := en.targets.scan
	if reverse {
		w.name, w.group, limit = w.name+"-reverse", "scan in reverse", 0
		w.title = fmt.Sprintf("scan in reverse order, %s, %s", s, en.heading())
	}
	if s.rows < 1_000_000 {
		limit = 0
	}
	w.setup = func(ctx context.Context, e *env) ([]side, func() error, error) {
		p, err := e.data(ctx, en, s)
		if err != nil {
			return nil, nil, err
		}
		b := bounds{all: true, reverse: reverse}
		return p.sides(en.name+" scan by hand",
			func(n native) func(int) error {
				return counted(func() (int, error) { return n.scan(b) })
			},
			kvSide{"Scan.Rows", func(g *guarded) func(int) error {
				return counted(func() (int, error) { return g.rows(ctx, b) })
			}, []claim{{limit: limit}}},
			kvSide{"Scan.Stream", func(g *guarded) func(int) error {
				return counted(func() (int, error) { return g.stream(ctx, b) })
			}, []claim{{limit: limit}}},
			kvSide{"Scan.Cursor", func(g *guarded) func(int) error {
				return counted(func() (int, error) { return g.pull(ctx, b) })
			}, []claim{{base: "guardkv Scan.Rows", limit: 1.15}}},
		), nothing, nil
	}
	return w
}

// counted returns an error unless all rows were read.
func counted(scan func() (int, error)) func(int) error {
	return func(n int) error {
		rows, err := scan()
		if err == nil && rows != n {
			err = fmt.Errorf("read %d rows of %d", rows, n)
		}
		return err
	}
}

// scanOf narrows a scan of the table.
func (g *guarded) scanOf(b bounds) core.Scan[uint64, []byte, []byte] {
	s := g.table.Scan()
	if !b.all {
		s = s.From(b.low).To(b.high)
	}
	if b.reverse {
		s = s.Reverse()
	}
	return s
}

func (g *guarded) rows(ctx context.Context, b bounds) (rows int, err error) {
	sum := uint64(0)
	for row, err := range g.scanOf(b).Rows(ctx) {
		if err != nil {
			return rows, err
		}
		sum += row.Key + uint64(row.Value[0])
		rows++
	}
	keep(sum)
	return rows, nil
}

func (g *guarded) stream(ctx context.Context, b bounds) (rows int, err error) {
	sum := uint64(0)
	err = g.scanOf(b).Stream(ctx, func(all iter.Seq2[uint64, []byte]) error {
		for k, v := range all {
			sum += k + uint64(v[0])
			rows++
		}
		return nil
	})
	keep(sum)
	return rows, err
}

func (g *guarded) pull(ctx context.Context, b bounds) (rows int, err error) {
	c, err := g.scanOf(b).Cursor(ctx)
	if err != nil {
		return 0, err
	}
	sum := uint64(0)
	for c.Next() {
		sum += c.Key() + uint64(c.Value()[0])
		rows++
	}
	keep(sum)
	return rows, errors.Join(c.Err(), c.Close())
}

// rangeWork reads short ranges of rows at random places.
func rangeWork(en engine, s shape, length int, reverse bool) work {
	order := ""
	if reverse {
		order = " in reverse"
	}
	w := work{
		name: en.name + "/range",
		title: fmt.Sprintf("scan of %d rows%s at random places, %s, %s",
			length, order, s, en.heading()),
		unit:   "scan",
		group:  fmt.Sprintf("scan of %d rows%s", length, order),
		engine: en.name, format: "raw", shape: s,
	}
	limit := 0.0
	if length == 10 {
		w.name, limit = w.name+"-10", 1.3
	}
	if reverse {
		w.name += "-reverse"
	}
	w.setup = func(ctx context.Context, e *env) ([]side, func() error, error) {
		p, err := e.data(ctx, en, s)
		if err != nil {
			return nil, nil, err
		}
		ranges := func(scan func(bounds) (int, error)) func(int) error {
			random := rand.New(rand.NewPCG(5, 5))
			return func(n int) error {
				for range n {
					low := random.Uint64N(uint64(s.rows - length))
					rows, err := scan(bounds{
						low: low, high: low + uint64(length),
						reverse: reverse,
					})
					if err != nil || rows != length {
						return errors.Join(err, fmt.Errorf("read %d rows", rows))
					}
				}
				return nil
			}
		}
		return p.sides(en.name+" scan by hand",
			func(n native) func(int) error { return ranges(n.scan) },
			kvSide{"Scan.Rows", func(g *guarded) func(int) error {
				return ranges(func(b bounds) (int, error) { return g.rows(ctx, b) })
			}, []claim{{limit: limit}}},
		), nothing, nil
	}
	return w
}

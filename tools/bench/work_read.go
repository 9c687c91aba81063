// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	bolt "go.etcd.io/bbolt"
)

// seen keeps the compiler from leaving reads out.
var seen byte

// getWork reads rows at random.
var getWork = work{
	name: "get",
	title: func(e *env) string {
		return fmt.Sprintf("get: random Get, %s rows of %d B, raw values", grouped(int64(e.rows)), valueSize)
	},
	unit: "op",
	setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
		p, err := e.readPair(ctx)
		if err != nil {
			return nil, nil, err
		}
		return []side{
			{name: "bbolt View+Get", run: p.nativeGet(e.rows), native: true},
			{name: "guardkv Get+Close", run: p.get(ctx, e.rows), claims: []claim{{limit: 0.75, noAlloc: true}}},
			{name: "guardkv View", run: p.view(ctx, e.rows), claims: []claim{{limit: 0.75, noAlloc: true}}},
		}, func() error { return nil }, nil
	},
}

// getBesideWriterWork does the same while one goroutine writes as fast as it can.
var getBesideWriterWork = work{
	name: "get-beside-writer",
	title: func(e *env) string {
		return fmt.Sprintf("get-beside-writer: the same beside one writer of durable rows, %s rows of %d B",
			grouped(int64(e.rows)), valueSize)
	},
	unit:  "op",
	waits: true,
	setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
		p, err := e.readPair(ctx)
		if err != nil {
			return nil, nil, err
		}
		nativePut, put := p.nativePut(randomKeys(e.rows)), p.put(ctx, randomKeys(e.rows))
		return []side{
			{name: "bbolt View+Get", run: beside(nativePut, p.nativeGet(e.rows)), native: true},
			{name: "guardkv Get+Close", run: beside(put, p.get(ctx, e.rows)), claims: []claim{{limit: 0.4}}},
		}, func() error { return nil }, nil
	},
}

// beside makes read run while write is repeated in another goroutine.
func beside(write, read func(n int) error) func(n int) error {
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
					err = write(1)
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
var scanWork = work{
	name: "scan",
	title: func(e *env) string {
		return fmt.Sprintf("scan: all of %s rows of %d B, in order", grouped(int64(e.rows)), valueSize)
	},
	unit: "row",
	ops:  func(e *env) int { return e.rows },
	setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
		p, err := e.readPair(ctx)
		if err != nil {
			return nil, nil, err
		}
		return []side{
			{name: "bbolt ForEach", run: p.nativeScan, native: true},
			{name: "guardkv Scan.Rows", run: p.scan(ctx), claims: []claim{{limit: 1.5}}},
			{name: "guardkv Scan.Stream", run: p.stream(ctx), claims: []claim{{limit: 1.5}}},
		}, func() error { return nil }, nil
	},
}

func (p *pair) nativeGet(rows int) func(n int) error {
	next := randomKeys(rows)
	key := make([]byte, 8)
	return func(n int) error {
		for range n {
			binary.BigEndian.PutUint64(key, next())
			err := p.native.View(func(tx *bolt.Tx) error {
				seen += tx.Bucket(bucket).Get(key)[0]
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func (p *pair) get(ctx context.Context, rows int) func(n int) error {
	next := randomKeys(rows)
	return func(n int) error {
		for range n {
			g, err := p.table.Get(ctx, next())
			if err != nil {
				return err
			}
			seen += g.Value()[0]
			if err := g.Close(); err != nil {
				return err
			}
		}
		return nil
	}
}

func (p *pair) view(ctx context.Context, rows int) func(n int) error {
	next := randomKeys(rows)
	return func(n int) error {
		for range n {
			err := p.table.View(ctx, next(), func(v []byte) error {
				seen += v[0]
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// nativeScan reads all rows; n is their number.
func (p *pair) nativeScan(n int) error {
	rows := 0
	err := p.native.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(_, v []byte) error {
			seen += v[0]
			rows++
			return nil
		})
	})
	return errors.Join(err, allOf(rows, n))
}

func (p *pair) scan(ctx context.Context) func(n int) error {
	return func(n int) error {
		rows := 0
		for row, err := range p.table.Scan().Rows(ctx) {
			if err != nil {
				return err
			}
			seen += row.Value[0]
			rows++
		}
		return allOf(rows, n)
	}
}

// allOf is an error unless all rows were read.
func allOf(rows, n int) error {
	if rows != n {
		return fmt.Errorf("read %d rows of %d", rows, n)
	}
	return nil
}

func (p *pair) stream(ctx context.Context) func(n int) error {
	return func(n int) error {
		rows := 0
		err := p.table.Scan().Stream(ctx, func(all iter.Seq2[uint64, []byte]) error {
			for _, v := range all {
				seen += v[0]
				rows++
			}
			return nil
		})
		return errors.Join(err, allOf(rows, n))
	}
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
)

// writers is how many goroutines put concurrently.
const writers = 64

// putWork puts one durable row after the other.
var putWork = work{
	name:  "put",
	title: func(*env) string { return fmt.Sprintf("put: durable Put of %d B, 1 goroutine", valueSize) },
	unit:  "op",
	waits: true,
	setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
		p, err := e.newPair(ctx, "put")
		if err != nil {
			return nil, nil, err
		}
		return []side{
			{name: "bbolt Update", run: p.nativePut(counter()), native: true},
			{name: "guardkv Put", run: p.put(ctx, counter()), claims: []claim{{limit: 1 / 0.95}}},
		}, p.close, nil
	},
}

// putConcurrentlyWork puts durable rows from many goroutines.
var putConcurrentlyWork = work{
	name: "put-64",
	title: func(*env) string {
		return fmt.Sprintf("put-64: durable Put of %d B, %d goroutines", valueSize, writers)
	},
	unit: "op",
	setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
		p, err := e.newPair(ctx, "put64")
		if err != nil {
			return nil, nil, err
		}
		p.native.MaxBatchSize = writers
		p.native.MaxBatchDelay = time.Millisecond
		const update, batch = "bbolt Update", "bbolt Batch, tuned"
		native := counter()
		return []side{
			{name: update, run: concurrently(p.nativePut(native)), native: true},
			{name: batch, run: concurrently(p.nativeBatch(native)), native: true},
			{name: "guardkv Put", run: concurrently(p.put(ctx, counter())), claims: []claim{
				{base: update, kind: timesFaster, limit: 8},
				{base: batch, limit: 1.1}, // "level"
			}},
		}, p.close, nil
	},
}

// concurrently spreads n operations over goroutines.
func concurrently(put func(n int) error) func(n int) error {
	return func(n int) error {
		var left atomic.Int64
		left.Store(int64(n))
		errs := make([]error, writers)
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for errs[i] == nil && left.Add(-1) >= 0 {
					errs[i] = put(1)
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}
}

// counter returns a source of ever new keys.
func counter() func() uint64 {
	var last atomic.Uint64
	return func() uint64 { return last.Add(1) }
}

// nativePut puts rows with keys from next, each durable before the following one.
func (p *pair) nativePut(next func() uint64) func(n int) error {
	return func(n int) error {
		for range n {
			i := next()
			err := p.native.Update(func(tx *bolt.Tx) error {
				return tx.Bucket(bucket).Put(binary.BigEndian.AppendUint64(nil, i), valueOf(i))
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func (p *pair) nativeBatch(next func() uint64) func(n int) error {
	return func(n int) error {
		for range n {
			i := next()
			err := p.native.Batch(func(tx *bolt.Tx) error {
				return tx.Bucket(bucket).Put(binary.BigEndian.AppendUint64(nil, i), valueOf(i))
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func (p *pair) put(ctx context.Context, next func() uint64) func(n int) error {
	return func(n int) error {
		for range n {
			i := next()
			if err := p.table.Put(ctx, i, valueOf(i)); err != nil {
				return err
			}
		}
		return nil
	}
}

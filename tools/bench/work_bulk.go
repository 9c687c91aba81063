// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// chunk is how many rows the loop by hand puts into one transaction.
const chunk = 100_000

// bulkWork loads rows in random order into an empty database.
var bulkWork = work{
	name: "bulk",
	title: func(e *env) string {
		return fmt.Sprintf("bulk: load %s rows of %d B in random order", grouped(int64(e.bulk)), valueSize)
	},
	unit:   "row",
	ops:    func(e *env) int { return e.bulk },
	rounds: 1,
	waits:  true,
	setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
		order := rand.New(rand.NewPCG(3, 3)).Perm(e.bulk)
		return []side{
			{
				name: "bbolt Update of 100k rows each", native: true,
				run: e.freshPair(ctx, func(p *pair) error { return p.nativeLoad(order) }),
			},
			{
				name: "guardkv PutStream", claims: []claim{{limit: 0.15}},
				run: e.freshPair(ctx, func(p *pair) error {
					_, err := p.table.PutStream(ctx, inPermuted(order))
					return err
				}),
			},
		}, func() error { return nil }, nil
	},
}

// freshPair makes load run on a pair of empty databases.
func (e *env) freshPair(ctx context.Context, load func(*pair) error) func(n int) error {
	return func(int) error {
		p, err := e.newPair(ctx, "bulk")
		if err != nil {
			return err
		}
		native, guarded := p.native.Path(), filepath.Join(e.dir, "bulk.guardkv")
		err = errors.Join(load(p), p.close())
		return errors.Join(err, os.RemoveAll(native), os.RemoveAll(guarded))
	}
}

// nativeLoad puts rows as they come, many to a transaction.
func (p *pair) nativeLoad(order []int) error {
	for len(order) > 0 {
		now := order[:min(chunk, len(order))]
		order = order[len(now):]
		err := p.native.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucket)
			for _, i := range now {
				if err := b.Put(binary.BigEndian.AppendUint64(nil, uint64(i)), valueOf(uint64(i))); err != nil {
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

// inPermuted yields rows in a given order.
func inPermuted(order []int) iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		for _, i := range order {
			if !yield(uint64(i), valueOf(uint64(i))) {
				return
			}
		}
	}
}

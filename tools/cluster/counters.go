// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"strconv"

	"github.com/guardkv/guardkv/core"
)

// counters is small, so that clients get in each other's way.
const counters = 4

// Count is what one client did to one counter.
type Count struct{ Acked, Maybe int }

// count adds one, by Modify or by Update.
func (c *client) count() {
	key := c.rnd.Uint64N(counters)
	o := c.write("increment", func(ctx context.Context) error {
		if c.rnd.IntN(2) == 0 {
			return c.counts.Modify(ctx, key, func(old string, found bool) (
				string, core.Change, error,
			) {
				n, err := plusOne(old, found)
				return n, core.Store, err
			})
		}
		return c.storage.Update(ctx, func(tx *core.Tx) error {
			t := c.counts.In(tx)
			old, err := t.Get(ctx, key)
			found := !errors.Is(err, core.ErrNotFound)
			if err != nil && found {
				return err
			}
			n, err := plusOne(old, found)
			if err != nil {
				return err
			}
			return t.Put(ctx, key, n)
		})
	})
	switch o {
	case acked:
		c.record.Counts[key].Acked++
	case maybe:
		c.record.Counts[key].Maybe++
	}
}

func plusOne(old string, found bool) (string, error) {
	if !found {
		return "1", nil
	}
	n, err := strconv.Atoi(old)
	return strconv.Itoa(n + 1), err
}

// checkCounters compares the counters with what clients have added.
func (f *Findings) checkCounters(records []Record) {
	for key := range uint64(counters) {
		var all Count
		for _, r := range records {
			all.Acked += r.Counts[key].Acked
			all.Maybe += r.Counts[key].Maybe
		}
		if n := f.counts[key]; n < all.Acked || n > all.Acked+all.Maybe {
			f.fault("counter %d is %d; want %d, and at most %d more", key, n, all.Acked, all.Maybe)
		}
	}
}

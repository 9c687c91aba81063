// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import "sync/atomic"

// checkedBranches remembers which branches of one state were checked; the pages of a state do
// not change. Every seek passes some branches, and checking one takes longer than all the rest
// of a seek. A branch replaces another one that has the same place in the array.
type checkedBranches struct {
	// made when first needed: most states are never scanned
	ids atomic.Pointer[[checkedPlaces]atomic.Uint64]
}

const checkedPlaces = 512

func (c *checkedBranches) has(id uint64) bool {
	if c == nil {
		return false
	}
	ids := c.ids.Load()
	return ids != nil && ids[id%checkedPlaces].Load() == id
}

func (c *checkedBranches) add(id uint64) {
	if c == nil {
		return
	}
	ids := c.ids.Load()
	if ids == nil {
		c.ids.CompareAndSwap(nil, new([checkedPlaces]atomic.Uint64))
		ids = c.ids.Load()
	}
	ids[id%checkedPlaces].Store(id)
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// Load copied what had been copied out of badger for it, and of a large value that was much.
// Badger itself copies a value that is not in its value log twice.
func TestLoadCopiesOnce(t *testing.T) {
	const loads = 8
	db, err := core.Open(t.Context(), fastPath(t), small)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	table, err := core.OpenTable(t.Context(), db, "t", keys.Int(), values.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for size, copies := range map[int]int{100_000: 2, inlineBelow - 1: 2, 3 << 20: 1} {
		if err := table.Put(t.Context(), size, rowValue(size, size)); err != nil {
			t.Fatal(err)
		}
		var loaded [][]byte
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range loads {
			v, err := table.Load(t.Context(), size)
			if err != nil {
				t.Fatal(err)
			}
			loaded = append(loaded, v)
		}
		runtime.ReadMemStats(&after)
		if took := int(after.TotalAlloc-before.TotalAlloc) / loads; took > size*copies+size/2 {
			t.Errorf("a value of %d bytes: a load takes %d, and that is more than %d copies",
				size, took, copies)
		}
		for i, v := range loaded {
			if !bytes.Equal(v, rowValue(size, size)) {
				t.Errorf("a value of %d bytes: load %d was changed by a later one", size, i)
			}
			clear(v) // it is the caller's
		}
	}
}

// A long value leaves room for a short one behind it in memory that is used again: that is not
// given away, or the short one would hold on to all of it.
func TestShortValuesDoNotKeepLongBuffers(t *testing.T) {
	b := &buffer{bytes: make([]byte, 10, 100)}
	if b.Keep() || cap(b.bytes) != 100 {
		t.Error("10 bytes of 100 were given away")
	}
	b = &buffer{bytes: make([]byte, 90, 100)}
	if !b.Keep() || b.bytes != nil {
		t.Error("90 bytes of 100 were not given away, or are still in use")
	}
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// Seek is called once for each row where two tables are merged. It took memory for each key twice.
func TestSeekAllocatesNothing(t *testing.T) {
	ctx := t.Context()
	s, err := core.Open(ctx, "seek", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	table, err := core.OpenTable(ctx, s, "rows", keys.Uint64(), values.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for k := range uint64(100) {
		if err := table.Put(ctx, k, []byte{byte(k)}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := table.Scan().Cursor(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	k := uint64(0)
	n := testing.AllocsPerRun(1000, func() {
		k = (k + 37) % 100
		if c.Seek(k); !c.Next() || c.Key() != k || c.Value()[0] != byte(k) {
			t.Fatalf("key %d: found %d: %v", k, c.Key(), c.Err())
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

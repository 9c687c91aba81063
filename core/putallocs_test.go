// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package core_test

import (
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// A Put allocates what the engine's Apply allocates for the row, and nothing more: requests,
// groups and batches are used again. The race detector empties pools at random, so this is
// counted without it.
func TestPutAllocatesNothing(t *testing.T) {
	ctx, b, value := t.Context(), memory.New(), make([]byte, 100)
	db, err := core.Open(ctx, "db", b)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	table, err := core.OpenTable(ctx, db, "t", keys.Uint64(), values.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	put := testing.AllocsPerRun(1000, func() {
		if err := table.Put(ctx, 5, value); err != nil {
			t.Fatal(err)
		}
	})

	claim, err := b.Claim(ctx, "by hand", false)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := claim.Open(ctx, core.EngineOptions{Mark: []byte("mark")})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	batch := core.Batch{Writes: []core.Write{{Key: make([]byte, 12), Value: value}}}
	apply := testing.AllocsPerRun(1000, func() {
		if err := engine.Apply(ctx, batch); err != nil {
			t.Fatal(err)
		}
	})
	if put > apply {
		t.Errorf("Put allocates %v times, Apply alone %v", put, apply)
	}
}

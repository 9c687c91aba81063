// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package compress_test

import (
	"bytes"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/compress"
)

// Around a format of bytes no verb allocates more than that format alone does, but Load, whose
// views are not given back. The race detector empties pools at random, so this is counted without
// it.
func TestAllocations(t *testing.T) {
	for name, v := range map[string][]byte{
		"200 B": bytes.Repeat([]byte("word "), 40),
		"20 KB": bytes.Repeat([]byte("some words "), 2000),
	} {
		for _, opts := range [][]core.TableOption{nil, {core.WithChecksums()}} {
			plain, wrapped := allocations(t, values.Bytes(), v, opts...), allocations(t,
				compress.New(values.Bytes()), v, opts...)
			if wrapped["Get"] != 0 {
				t.Errorf("%s: Get allocates %v times", name, wrapped["Get"])
			}
			for verb, want := range plain {
				if wrapped[verb] > want {
					t.Errorf("%s: %s allocates %v times, without the format around it %v",
						name, verb, wrapped[verb], want)
				}
			}
		}
	}
}

// allocations counts those of some verbs in the steady state.
func allocations(
	t *testing.T, f core.ValueFormat[[]byte, []byte], v []byte, opts ...core.TableOption,
) map[string]float64 {
	t.Helper()
	ctx := t.Context()
	db, err := core.Open(ctx, "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	table, err := core.OpenTable(ctx, db, "t", keys.Uint64(), f, opts...)
	if err != nil {
		t.Fatal(err)
	}
	is := func(w []byte, err error) {
		if err != nil || !bytes.Equal(w, v) {
			t.Fatalf("a row reads as %d bytes, %v", len(w), err)
		}
	}
	return map[string]float64{
		"Put": testing.AllocsPerRun(20, func() {
			for i := range uint64(10) {
				if err := table.Put(ctx, i, v); err != nil {
					t.Fatal(err)
				}
			}
		}),
		"Get": testing.AllocsPerRun(100, func() {
			g, err := table.Get(ctx, 3)
			is(g.Value(), err)
			g.Close()
		}),
		"View": testing.AllocsPerRun(100, func() {
			if err := table.View(ctx, 3,
				func(w []byte) error { is(w, nil); return nil }); err != nil {
				t.Fatal(err)
			}
		}),
		"Rows": testing.AllocsPerRun(20, func() {
			for row, err := range table.Scan().Rows(ctx) {
				is(row.Value, err)
			}
		}),
	}
}

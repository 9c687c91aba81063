// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package core_test

import (
	"sync"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// pooled copies values into buffers that are used again.
type pooled struct {
	core.ValueFormat[[]byte, []byte]
	pool  *sync.Pool // of *pooledBuffer
	binds bool
}

type pooledBuffer struct {
	b    []byte
	home *sync.Pool
}

func (b *pooledBuffer) Release() { b.home.Put(b) }

func (f pooled) lend(b []byte) ([]byte, core.Releaser, error) {
	buf, _ := f.pool.Get().(*pooledBuffer)
	if buf == nil {
		buf = &pooledBuffer{home: f.pool}
	}
	buf.b = append(buf.b[:0], b...)
	return buf.b, buf, nil
}

func (f pooled) Powers() (p core.FormatPowers[[]byte, []byte]) {
	if !f.binds {
		p.ViewLent = func(b []byte, _ bool) ([]byte, core.Releaser, error) { return f.lend(b) }
		return p
	}
	p.BindRows = func(core.TableID) (core.RowFormat[[]byte, []byte], error) {
		return core.RowFormat[[]byte, []byte]{
			Append: func(dst, key, v []byte) ([]byte, error) {
				return append(append(dst, key...), v...), nil
			},
			View: func(key, b []byte) ([]byte, error) { return b[len(key):], nil },
			ViewLent: func(key, b []byte, _ bool) ([]byte, core.Releaser, error) {
				return f.lend(b[len(key):])
			},
		}, nil
	}
	return p
}

// A format that lends from a pool, or binds values to rows, costs no allocation more than one
// that does neither. The race detector empties pools at random, so this is counted without it.
func TestPowersAllocateNothing(t *testing.T) {
	ctx := t.Context()
	v := make([]byte, 200)
	count := func(f core.ValueFormat[[]byte, []byte], opts ...core.TableOption) map[string]float64 {
		db, err := core.Open(ctx, "db", memory.New())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		table, err := core.OpenTable(ctx, db, "t", keys.Uint64(), f, opts...)
		if err != nil {
			t.Fatal(err)
		}
		put := func() {
			for i := range uint64(10) {
				if err := table.Put(ctx, i, v); err != nil {
					t.Fatal(err)
				}
			}
		}
		return map[string]float64{
			"Put": testing.AllocsPerRun(20, put),
			"Get": testing.AllocsPerRun(100, func() {
				g, err := table.Get(ctx, 3)
				if err != nil || len(g.Value()) != len(v) {
					t.Fatal(err)
				}
				g.Close()
			}),
			"Rows": testing.AllocsPerRun(20, func() {
				for row, err := range table.Scan().Rows(ctx) {
					if err != nil || len(row.Value) != len(v) {
						t.Fatal(err)
					}
				}
			}),
		}
	}
	for _, opts := range [][]core.TableOption{nil, {core.WithChecksums()}} {
		plain := count(values.Bytes(), opts...)
		if plain["Get"] != 0 {
			t.Errorf("Get allocates %v times", plain["Get"])
		}
		lent := count(pooled{values.Bytes(), new(sync.Pool), false}, opts...)
		bound := count(pooled{values.Bytes(), new(sync.Pool), true}, opts...)
		for verb, want := range plain {
			if lent[verb] > want || bound[verb] > want {
				t.Errorf("%s allocates %v times, lent %v, bound %v",
					verb, want, lent[verb], bound[verb])
			}
		}
	}
}

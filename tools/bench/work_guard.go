// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// guardRows is a small number, so that all rows stay in the CPU's caches and the cost of the guard
// stands out.
const guardRows = 1000

// guardWorks measure what a guard costs on top of the same read without one, for each type of view.
func guardWorks(en engine) []work {
	if en.backend == nil {
		return nil
	}
	return []work{
		guardWork(en, "[]byte", values.Bytes(), raw, func(w []byte) byte { return w[0] }),
		guardWork(en, "string", values.String(), func(v []byte) string { return string(v) },
			func(w string) byte { return w[0] }),
		guardWork(en, "view32", format32{}, raw, func(w view32) byte { return w.bytes[0] }),
		guardWork(en, "view40", format40{}, raw, func(w view40) byte { return w.bytes[0] }),
	}
}

func guardWork[V, W any](
	en engine, view string, f core.ValueFormat[V, W], put func([]byte) V, use func(W) byte,
) work {
	return work{
		name: en.name + "/guard/" + view,
		title: fmt.Sprintf("Get and Close of a %s on top of the same read of the backend "+
			"without a guard, %s", view, en.name),
		unit:   "op",
		group:  "guard",
		engine: en.name, format: view, shape: shape{guardRows, 128},
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			dir, err := os.MkdirTemp(e.dir, "guard-")
			if err != nil {
				return nil, nil, err
			}
			return guardSides(ctx, en.backend(), dir, f, put, use)
		},
	}
}

// raw encodes values that are bytes already.
func raw(v []byte) []byte { return v }

// view32 is a view of the size that generated accessors have: the bytes, and a position in
// them. The compiler keeps up to four words in registers.
type view32 struct {
	bytes []byte
	at    uint32
}

// format32 views a row as a view32.
type format32 struct{}

func (format32) ID() string                           { return "view32" }
func (format32) Append(dst, v []byte) ([]byte, error) { return append(dst, v...), nil }
func (format32) View(b []byte) (view32, error)        { return view32{b, uint32(b[1])}, nil }

// view40 is a view of five words, which the compiler keeps in memory and copies wherever it is
// passed.
type view40 struct {
	bytes     []byte
	at, field uint64
}

// format40 views a row as a view40.
type format40 struct{}

func (format40) ID() string                           { return "view40" }
func (format40) Append(dst, v []byte) ([]byte, error) { return append(dst, v...), nil }
func (format40) View(b []byte) (view40, error) {
	return view40{b, uint64(b[1]), uint64(b[2])}, nil
}

// guardSides reads the same rows through the engine alone and through guards.
func guardSides[V, W any](
	ctx context.Context, b core.Backend, dir string, f core.ValueFormat[V, W], put func([]byte) V,
	use func(W) byte,
) ([]side, func() error, error) {
	engine, closeEngine, err := openEngine(ctx, b, filepath.Join(dir, "engine"))
	if err != nil {
		return nil, nil, err
	}
	table, closeTable, err := openTable(ctx, b, filepath.Join(dir, "guardkv"), f, put)
	if err != nil {
		return nil, nil, errors.Join(err, closeEngine())
	}
	const byHand = "backend, formats by hand"
	return []side{
		{name: "backend, no formats", run: engineGet(ctx, engine), native: true},
		{name: byHand, run: engineView(ctx, engine, keys.Uint64(), f, use), native: true},
		{
			name: "guardkv Get+Close", run: guardedGet(ctx, table, use),
			claims: []claim{
				{base: byHand, kind: excessNanos, limit: 25, noAlloc: true},
				{kind: excessNanos},
			},
		},
	}, func() error { return errors.Join(closeTable(), closeEngine()) }, nil
}

// openTable opens a table in a new storage and fills it.
func openTable[V, W any](
	ctx context.Context, b core.Backend, path string, f core.ValueFormat[V, W], put func([]byte) V,
) (*core.Table[uint64, V, W], func() error, error) {
	storage, err := core.Open(ctx, path, b)
	if err != nil {
		return nil, nil, err
	}
	table, err := core.OpenTable(ctx, storage, "rows", keys.Uint64(), f)
	if err == nil {
		err = table.PutAll(ctx, func(yield func(uint64, V) bool) {
			for i, v := range inOrder(guardRows, 128) {
				if !yield(i, put(v)) {
					return
				}
			}
		})
	}
	if err != nil {
		return nil, nil, errors.Join(err, storage.Close())
	}
	return table, storage.Close, nil
}

// guardedGet reads rows through guards.
func guardedGet[V, W any](
	ctx context.Context, table *core.Table[uint64, V, W], use func(W) byte,
) func(n int) error {
	return func(n int) error {
		sum := uint64(0)
		for i := range n {
			g, err := table.Get(ctx, uint64(i%guardRows))
			if err != nil {
				return err
			}
			sum += uint64(use(g.Value()))
			if err := g.Close(); err != nil {
				return err
			}
		}
		keep(sum)
		return nil
	}
}

// openEngine opens an engine without core on top, with keys as core makes them.
func openEngine(
	ctx context.Context, b core.Backend, path string,
) (core.Engine, func() error, error) {
	claim, err := b.Claim(ctx, path, false)
	if err != nil {
		return nil, nil, err
	}
	engine, err := claim.Open(ctx, core.EngineOptions{
		Mark:   []byte("guardkv benchmark"),
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, nil, errors.Join(err, claim.Release())
	}
	var writes []core.Write
	for i, v := range inOrder(guardRows, 128) {
		writes = append(writes, core.Write{Key: engineKey(make([]byte, 12), i), Value: v})
	}
	if err := engine.Apply(ctx, core.Batch{Writes: writes}); err != nil {
		return nil, nil, errors.Join(err, engine.Close(), claim.Release())
	}
	return engine, func() error { return errors.Join(engine.Close(), claim.Release()) }, nil
}

// engineKey makes a key as long as those of a table: four bytes of its number before the key
// itself.
func engineKey(dst []byte, i uint64) []byte {
	binary.BigEndian.PutUint32(dst, 1)
	binary.BigEndian.PutUint64(dst[4:], i)
	return dst
}

// engineView reads rows as a table does, without the guard: it encodes the key, gets the bytes,
// views and releases them.
func engineView[V, W any](
	ctx context.Context, engine core.Engine, key core.KeyFormat[uint64],
	value core.ValueFormat[V, W], use func(W) byte,
) func(n int) error {
	buf := engineKey(make([]byte, 12), 0)
	return func(n int) error {
		sum := uint64(0)
		for i := range n {
			k, err := key.Append(buf[:4], uint64(i%guardRows))
			if err != nil {
				return err
			}
			b, r, err := engine.Get(ctx, k)
			if err != nil {
				return err
			}
			w, err := value.View(b[:len(b):len(b)])
			if err != nil {
				return err
			}
			sum += uint64(use(w))
			r.Release()
		}
		keep(sum)
		return nil
	}
}

// engineGet reads rows through the engine alone.
func engineGet(ctx context.Context, engine core.Engine) func(n int) error {
	key := make([]byte, 12)
	return func(n int) error {
		sum := uint64(0)
		for i := range n {
			v, r, err := engine.Get(ctx, engineKey(key, uint64(i%guardRows)))
			if err != nil {
				return err
			}
			sum += uint64(v[0])
			r.Release()
		}
		keep(sum)
		return nil
	}
}

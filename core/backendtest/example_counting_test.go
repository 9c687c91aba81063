// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"context"
	"fmt"
	"log"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// Counting is a backend that counts what is asked of another one. It changes nothing, so it
// embeds everything: what it does not mention, the powers of the engine included, is as it was.
type Counting struct {
	core.Backend
	Gets, Scans, Applies, Rows atomic.Int64
}

func (c *Counting) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	claim, err := c.Backend.Claim(ctx, path, readOnly)
	if err != nil {
		return nil, err
	}
	return countingClaim{claim, c}, nil
}

type countingClaim struct {
	core.Claim
	count *Counting
}

func (c countingClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	engine, err := c.Claim.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	return countingEngine{engine, c.count}, nil
}

type countingEngine struct {
	core.Engine
	count *Counting
}

func (e countingEngine) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	e.count.Gets.Add(1)
	return e.Engine.Get(ctx, key)
}

func (e countingEngine) Snapshot(ctx context.Context) (core.Snapshot, error) {
	snapshot, err := e.Engine.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return countingSnapshot{snapshot, e.count}, nil
}

// Apply hands the engine its own snapshot, because Snapshot has wrapped it.
func (e countingEngine) Apply(ctx context.Context, b core.Batch) error {
	e.count.Applies.Add(1)
	e.count.Rows.Add(int64(len(b.Writes)))
	return e.Engine.Apply(ctx, b.Unwrapped())
}

// Powers counts a scan that needs no snapshot too, and what is read of a shared storage, whose
// snapshots come from Begin.
func (e countingEngine) Powers() core.Powers {
	p := e.Engine.Powers()
	if scan := p.Scan; scan != nil {
		p.Scan = func(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
			e.count.Scans.Add(1)
			return scan(ctx, r)
		}
	}
	if begin := p.Begin; begin != nil {
		p.Begin = func(ctx context.Context, use core.Use) (core.Snapshot, error) {
			snapshot, err := begin(ctx, use)
			if err != nil {
				return nil, err
			}
			return countingSnapshot{snapshot, e.count}, nil
		}
	}
	return p
}

type countingSnapshot struct {
	core.Snapshot
	count *Counting
}

func (s countingSnapshot) Unwrap() core.Snapshot { return s.Snapshot }

func (s countingSnapshot) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	s.count.Gets.Add(1)
	return s.Snapshot.Get(ctx, key)
}

func (s countingSnapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	s.count.Scans.Add(1)
	return s.Snapshot.Scan(ctx, r)
}

// Powers counts the keys of a GetMany too. A power is changed only if the engine has it.
func (s countingSnapshot) Powers() core.SnapshotPowers {
	p := s.Snapshot.Powers()
	if many := p.GetMany; many != nil {
		p.GetMany = func(ctx context.Context, keys [][]byte, fn func(int, []byte) error) error {
			s.count.Gets.Add(int64(len(keys)))
			return many(ctx, keys, fn)
		}
	}
	return p
}

// A decorator that counts calls, as one for metrics does.
func Example_counting() {
	ctx := context.Background()
	count := &Counting{Backend: memory.New()}
	db, err := core.Open(ctx, "cities", count)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	cities, err := core.OpenTable(ctx, db, "cities", keys.String(), values.String())
	if err != nil {
		log.Fatal(err)
	}
	before := count.Applies.Load()
	for _, name := range []string{"Oslo", "Bergen"} {
		if err := cities.Put(ctx, name, "Norway"); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := cities.Load(ctx, "Oslo"); err != nil {
		log.Fatal(err)
	}
	fmt.Println("writes:", count.Applies.Load()-before)
	fmt.Println("reads:", count.Gets.Load())
	// Output:
	// writes: 2
	// reads: 1
}

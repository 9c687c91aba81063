// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// counting is a backend that counts the scans that begin at a table's start.
type counting struct {
	core.Backend
	starts *int
}

type (
	countingClaim struct {
		core.Claim
		starts *int
	}
	countingEngine struct {
		core.Engine
		starts *int
	}
	countingSnapshot struct {
		core.Snapshot
		starts *int
	}
)

func (b counting) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := b.Backend.Claim(ctx, path, readOnly)
	return countingClaim{c, b.starts}, err
}

func (c countingClaim) Open(ctx context.Context, o core.EngineOptions) (core.Engine, error) {
	e, err := c.Claim.Open(ctx, o)
	return countingEngine{e, c.starts}, err
}

func (e countingEngine) Snapshot(ctx context.Context) (core.Snapshot, error) {
	s, err := e.Engine.Snapshot(ctx)
	return countingSnapshot{s, e.starts}, err
}

func (e countingEngine) Apply(ctx context.Context, b core.Batch) error {
	return e.Engine.Apply(ctx, b.Unwrapped())
}

func (s countingSnapshot) Unwrap() core.Snapshot { return s.Snapshot }

func (s countingSnapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	if len(r.Low) == 4 { // only the number of the table
		*s.starts++
	}
	return s.Snapshot.Scan(ctx, r)
}

// Each chunk of a dropped table began at the table's start, over the marks of all rows that the
// chunks before had deleted. The same goes for the chunks of Scan.Delete.
func TestDeletionsGoOnWhereTheyWere(t *testing.T) {
	starts := 0
	b := limited{counting{memory.New(), &starts}, core.Limits{BatchRows: 10}}
	s, tb := openTable(t, b)
	defer s.Close()
	fill := func() {
		for k := range uint64(100) {
			if err := tb.Put(t.Context(), k, "v"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for what, remove := range map[string]func() error{
		"Scan.Delete": func() error { _, err := tb.Scan().Delete(t.Context()); return err },
		"DropTable":   func() error { return s.DropTable(t.Context(), "t") },
	} {
		var err error
		if tb,
			err = core.OpenTable(t.Context(), s, "t", keys.Uint64(), values.String()); err != nil {
			t.Fatal(err)
		}
		fill()
		starts = 0
		if err := remove(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if starts != 1 {
			t.Errorf("%s began at the table's start %d times, want once", what, starts)
		}
	}
}

// An engine that bounds the bytes of a write and not the keys refused every chunk of a
// deletion, forever.
func TestDeletionsFitWhatTheEngineTakes(t *testing.T) {
	b := limited{memory.New(), core.Limits{BatchBytes: 400}}
	s, err := core.Open(t.Context(), "db", b)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, remove := range []func(tb *core.Table[string, string, string]) error{
		func(tb *core.Table[string, string, string]) error {
			_, err := tb.Scan().Delete(t.Context())
			return err
		},
		func(*core.Table[string, string, string]) error { return s.DropTable(t.Context(), "t") },
	} {
		tb, err := core.OpenTable(t.Context(), s, "t", keys.String(), values.String())
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			if err := tb.Put(t.Context(), fmt.Sprintf("%02d", i)+strings.Repeat("k", 10*(i%30)),
				"v"); err != nil {
				t.Fatal(err)
			}
		}
		if err := remove(tb); err != nil {
			t.Error(err)
		}
		if n, err := tb.Count(t.Context()); n != 0 && !errors.Is(err, core.ErrClosed) {
			t.Errorf("%d rows are left, %v", n, err)
		}
	}
	if _, err := s.Compact(t.Context()); err != nil {
		t.Errorf("Compact: %v", err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check: %v", err)
	}
}

// DropTable kept the turn until its last row was deleted: a Put to another table waited five
// seconds. It has its turn between two chunks, and the table is gone meanwhile, or taken up
// again after a crash.
func TestOthersWriteWhileATableIsDropped(t *testing.T) {
	b := backendtest.Fault(limited{memory.New(), core.Limits{BatchRows: 2}})
	s, tb := openTable(t, b)
	other, err := core.OpenTable(t.Context(), s, "other", keys.Uint64(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	const rows = 1000
	for k := range uint64(rows) {
		if err := tb.Put(t.Context(), k, "v"); err != nil {
			t.Fatal(err)
		}
	}
	var chunks atomic.Int64
	begun := make(chan struct{})
	b.Fail(backendtest.Failure{Op: backendtest.OpApply, Do: func() {
		if chunks.Add(1) == 2 { // the first changed the catalog
			close(begun)
		}
		time.Sleep(time.Millisecond)
	}})
	dropped := make(chan error, 1)
	go func() { dropped <- s.DropTable(t.Context(), "t") }()
	<-begun
	if err := other.Put(t.Context(), 1, "v"); err != nil {
		t.Errorf("Put to another table: %v", err)
	}
	if n := chunks.Load(); n > rows/2 {
		t.Errorf("the Put had its turn after %d chunks, which were all", n)
	}
	ended := errors.New("power loss")
	b.Heal()
	b.Fail(backendtest.Failure{Op: backendtest.OpApply, Err: ended})
	if err := <-dropped; !errors.Is(err, ended) {
		t.Fatalf("DropTable: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b.Heal()
	s, err = core.Open(t.Context(), "db", b)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Compact(t.Context()); err != nil {
		t.Errorf("Compact, which goes on with it: %v", err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check: %v", err)
	}
	if infos, err := s.Tables(t.Context()); len(infos) != 1 || err != nil {
		t.Errorf("there are %v, %v; want the other table alone", infos, err)
	}
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// openTable opens a table of strings by number on b.
func openTable(
	t *testing.T, b core.Backend, opts ...core.Option,
) (*core.Storage, *core.Table[uint64, string, string]) {
	t.Helper()
	s, err := core.Open(t.Context(), "db", b, opts...)
	if err != nil {
		t.Fatal(err)
	}
	tb, err := core.OpenTable(t.Context(), s, "t", keys.Uint64(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	return s, tb
}

// clipping is a format that returns what it appends without spare room, as slices.Clip does.
type clipping struct {
	core.ValueFormat[string, string]
}

func (c clipping) Append(dst []byte, v string) ([]byte, error) {
	dst, err := c.ValueFormat.Append(dst, v)
	return slices.Clip(dst), err
}

// A transaction once recognized its own memory by its capacity. A format that clips what it
// returns then made the next row overwrite the one before: of three puts one was committed.
func TestTxKeepsRowsOfAFormatThatClips(t *testing.T) {
	ctx := t.Context()
	s, err := core.Open(ctx, "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tb, err := core.OpenTable(ctx, s, "t", keys.Uint64(), clipping{values.String()})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(ctx, func(tx *core.Tx) error {
		for k := range uint64(3) {
			if err := tb.In(tx).Put(ctx, k, fmt.Sprint("value ", k)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for k := range uint64(3) {
		if got, err := tb.Load(ctx, k); got != fmt.Sprint("value ", k) || err != nil {
			t.Errorf("row %d is %q, %v", k, got, err)
		}
	}
}

// When the snapshot under a transaction failed, a scan went on with only the uncommitted rows, and
// a limit hid the error: the rows that it gave were not the first ones.
func TestScanInTxEndsWhenTheSnapshotFails(t *testing.T) {
	broken := errors.New("input/output error")
	faults := backendtest.Fault(memory.New())
	s, tb := openTable(t, faults)
	defer s.Close()
	ctx := t.Context()
	for k := range uint64(10) {
		if err := tb.Put(ctx, k, "committed"); err != nil {
			t.Fatal(err)
		}
	}
	err := s.Update(ctx, func(tx *core.Tx) error {
		in := tb.In(tx)
		for k := range uint64(10) {
			if err := in.Put(ctx, 100+k, "pending"); err != nil {
				return err
			}
		}
		faults.Fail(backendtest.Failure{Op: backendtest.OpNext, N: 2, Err: broken})
		var seen []uint64
		for row, err := range in.Scan().Limit(3).Rows(ctx) {
			if err != nil {
				return err
			}
			seen = append(seen, row.Key)
		}
		return fmt.Errorf("the scan gave %v and no error", seen)
	})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}

// A put that was refused must not be there, nor keep the transaction from being committed.
func TestRefusedPutIsNotPending(t *testing.T) {
	s, tb := openTable(t, limited{memory.New(), core.Limits{BatchBytes: 100}})
	defer s.Close()
	ctx := t.Context()
	err := s.Update(ctx, func(tx *core.Tx) error {
		in := tb.In(tx)
		if err := in.Put(ctx, 1, "small"); err != nil {
			return err
		}
		for _, k := range []uint64{1, 2} {
			if err := in.Put(ctx, k, string(make([]byte, 100))); !errors.Is(err, core.ErrTooLarge) {
				t.Errorf("row %d: %v, want ErrTooLarge", k, err)
			}
		}
		if found, err := in.Has(ctx, 2); found || err != nil {
			t.Errorf("the refused row is there: %v, %v", found, err)
		}
		return nil
	})
	if err != nil {
		t.Error("the commit:", err)
	}
	if got, err := tb.Load(ctx, 1); got != "small" || err != nil {
		t.Errorf("row 1 is %q, %v; want what was put before the refusal", got, err)
	}
}

// limited is a backend with an engine that takes less.
type limited struct {
	core.Backend
	limits core.Limits
}

func (b limited) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := b.Backend.Claim(ctx, path, readOnly)
	if err != nil {
		return nil, err
	}
	return limitedClaim{c, b.limits}, nil
}

type limitedClaim struct {
	core.Claim
	limits core.Limits
}

func (c limitedClaim) Open(ctx context.Context, o core.EngineOptions) (core.Engine, error) {
	e, err := c.Claim.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return limitedEngine{e, c.limits}, nil
}

type limitedEngine struct {
	core.Engine
	limits core.Limits
}

func (e limitedEngine) Limits() core.Limits { return e.limits }

// Powers lacks the deletion of ranges, which would go past the limits.
func (e limitedEngine) Powers() core.Powers {
	p := e.Engine.Powers()
	p.DeleteRange = false
	return p
}

// The chunks of a delete outside a transaction were larger than an engine with a low limit takes.
func TestDeleteGoesInChunksThatTheEngineTakes(t *testing.T) {
	for _, limits := range []core.Limits{{BatchRows: 7}, {BatchBytes: 100, Key: 20}} {
		s, tb := openTable(t, limited{memory.New(), limits})
		for k := range uint64(50) {
			if err := tb.Put(t.Context(), k, "v"); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := tb.Scan().From(5).Delete(t.Context()); n != 45 || err != nil {
			t.Errorf("%+v: %d rows deleted, %v; want 45", limits, n, err)
		}
		if err := s.DropTable(t.Context(), "t"); err != nil {
			t.Errorf("%+v: %v", limits, err)
		}
		s.Close()
	}
}

// A table's number was given out again, so a transaction that had begun before the table was
// dropped read its rows through the table that came after.
func TestDroppedTablesNumberIsNotReused(t *testing.T) {
	s, a := openTable(t, memory.New())
	defer s.Close()
	ctx := t.Context()
	if err := a.Put(ctx, 1, "of the dropped table"); err != nil {
		t.Fatal(err)
	}
	err := s.View(ctx, func(tx *core.Tx) error {
		if err := s.DropTable(ctx, "t"); err != nil {
			return err
		}
		b, err := core.OpenTable(ctx, s, "b", keys.Uint64(), values.String())
		if err != nil {
			return err
		}
		if v, err := b.In(tx).Get(ctx, 1); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("the new table has the row %q, %v", v, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The error kept the caller's slice, and its text changed with it.
func TestErrorOwnsItsKey(t *testing.T) {
	s, err := core.Open(t.Context(), "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tb, err := core.OpenTable(t.Context(), s, "t", keys.Bytes(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	key := []byte("abc")
	_, err = tb.Get(t.Context(), key)
	before := err.Error()
	copy(key, "xyz")
	if after := err.Error(); after != before {
		t.Errorf("the error was %q and is %q", before, after)
	}
}

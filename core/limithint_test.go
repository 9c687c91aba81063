// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// hinted is a backend that notes the limits of scans, and how many rows were asked for.
type hinted struct {
	core.Backend
	limits []int
	asked  int
	powers bool // it scans without a snapshot
}

func (b *hinted) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := b.Backend.Claim(ctx, path, readOnly)
	return hintedClaim{c, b}, err
}

type hintedClaim struct {
	core.Claim
	b *hinted
}

func (c hintedClaim) Open(ctx context.Context, o core.EngineOptions) (core.Engine, error) {
	e, err := c.Claim.Open(ctx, o)
	return hintedEngine{e, c.b}, err
}

type hintedEngine struct {
	core.Engine
	b *hinted
}

func (e hintedEngine) Snapshot(ctx context.Context) (core.Snapshot, error) {
	s, err := e.Engine.Snapshot(ctx)
	return hintedSnapshot{s, e.b}, err
}

func (e hintedEngine) Apply(ctx context.Context, b core.Batch) error {
	return e.Engine.Apply(ctx, b.Unwrapped())
}

func (e hintedEngine) Powers() core.Powers {
	p := e.Engine.Powers()
	p.DeleteRange = false
	if e.b.powers {
		p.Scan = func(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
			s, err := e.Engine.Snapshot(ctx)
			if err != nil {
				return nil, err
			}
			return hintedSnapshot{s, e.b}.Scan(ctx, r)
		}
	}
	return p
}

type hintedSnapshot struct {
	core.Snapshot
	b *hinted
}

func (s hintedSnapshot) Unwrap() core.Snapshot { return s.Snapshot }

func (s hintedSnapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	s.b.limits, s.b.asked = append(s.b.limits, r.Limit), 0
	c, err := s.Snapshot.Scan(ctx, r)
	return hintedCursor{c, s.b}, err
}

type hintedCursor struct {
	core.RowCursor
	b *hinted
}

func (c hintedCursor) Next() (key, value []byte, ok bool) {
	c.b.asked++
	return c.RowCursor.Next()
}

// What a scan says that it will take is no less than what it takes, and no more than it could.
func TestScansSayHowManyRowsTheyTake(t *testing.T) {
	for _, powers := range []bool{false, true} {
		b := &hinted{Backend: memory.New(), powers: powers}
		db, err := core.Open(t.Context(), "hinted", b)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		tab, err := core.OpenTable(t.Context(), db, "t", keys.Int(), values.String())
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			if err := tab.Put(t.Context(), i, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		checkLimitHints(t, b, db, tab)
	}
}

func checkLimitHints(
	t *testing.T, b *hinted, db *core.Storage, tab *core.Table[int, string, string],
) {
	ctx := t.Context()
	drain := func(s core.Scan[int, string, string]) error {
		for _, err := range s.Rows(ctx) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	const chunk = 16 << 10 // of a deletion
	for _, c := range []struct {
		name string
		do   func() error
		want int
	}{
		{"rows without limit", func() error { return drain(tab.Scan()) }, 0},
		{"rows", func() error { return drain(tab.Scan().Limit(7)) }, 7},
		{"no rows", func() error { return drain(tab.Scan().Limit(0)) }, 1},
		{
			"rows in reverse",
			func() error { return drain(tab.Scan().Limit(7).Limit(3).Reverse()) }, 3,
		},
		{"keys", func() error {
			for _, err := range tab.Scan().Limit(4).Keys(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		}, 4},
		{"count", func() error { _, err := tab.Scan().Limit(5).Count(ctx); return err }, 5},
		{"cursor", func() error {
			c, err := tab.Scan().Limit(6).Cursor(ctx)
			if err != nil {
				return err
			}
			for c.Next() {
				c.Seek(c.Key() + 1)
			}
			return c.Close()
		}, 6},
		{"view", func() error {
			return db.View(ctx,
				func(tx *core.Tx) error { return drain(tab.In(tx).Scan().Limit(9)) })
		}, 9},
		{"rows over writes", func() error {
			return db.Update(ctx, func(tx *core.Tx) error {
				for _, k := range []int{0, 1, 5, 90} {
					if err := tab.In(tx).Put(ctx, k, "mine"); err != nil {
						return err
					}
				}
				return drain(tab.In(tx).Scan().Limit(6))
			})
		}, 6 + 4},
		{"delete", func() error { _, err := tab.Scan().Limit(2).Delete(ctx); return err }, 2},
		{"clear", func() error { return tab.Scan().To(10).Clear(ctx) }, chunk + 1},
		{"delete all", func() error { _, err := tab.Scan().To(20).Delete(ctx); return err }, chunk},
	} {
		b.limits = nil
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if len(b.limits) == 0 || slices.Max(b.limits) != c.want || slices.Min(b.limits) != c.want {
			t.Errorf("%s: the scans say that they take %d rows; want %d", c.name, b.limits, c.want)
		}
		if c.want > 0 && b.asked > c.want {
			t.Errorf("%s: %d rows were asked for; the scan said %d", c.name, b.asked, c.want)
		}
	}
}

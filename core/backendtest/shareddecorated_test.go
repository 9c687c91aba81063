// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/backendtest/internal/users"
	"github.com/guardkv/guardkv/core/memory"
)

// begin begins a snapshot of an engine that must have the power.
func begin(t *testing.T, e core.Engine, use core.Use) core.Snapshot {
	t.Helper()
	s, err := e.Powers().Begin(context.Background(), use)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fence(t *testing.T, s core.Snapshot) []byte {
	t.Helper()
	v, err := s.Powers().Fence(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A batch that its caller has given up takes effect when it is told to, once, if what it depends
// on still holds. Its base stays open until then.
func TestFaultLater(t *testing.T) {
	ctx := context.Background()
	f := decorate.Fault(memory.NewShared())
	tracker := decorate.NewTracker(f)
	e := openEngine(t, tracker)
	var late []func() error
	for _, changed := range []bool{false, true} {
		base := begin(t, e, core.ToUpdate)
		if _, _, err := base.Get(ctx, []byte("k")); err != nil {
			t.Fatal(err)
		}
		f.Fail(decorate.Failure{
			Op: decorate.OpApply, N: 1, Err: core.ErrMaybe,
			Later: func(apply func() error) { late = append(late, apply) },
		})
		key, value := []byte("late"), []byte("row")
		b := core.Batch{Base: base, Writes: []core.Write{{Key: key, Value: value}}}
		if err := e.Apply(ctx, b); !errors.Is(err, core.ErrMaybe) || len(late) != 1 {
			t.Fatalf("Apply gives %v, and %d batches are late", err, len(late))
		}
		clear(key)
		clear(value)
		if err := base.Close(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := e.Get(ctx, []byte("late")); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("before the batch is late its row gives %v", err)
		}
		var want error
		if changed {
			want = core.ErrConflict
			Apply(t, e, kit.Put("k", "new"))
		}
		for _, want := range []error{want, core.ErrClosed} {
			if err := late[0](); !errors.Is(err, want) {
				t.Errorf("the late batch gives %v; want %v", err, want)
			}
		}
		_, r, err := e.Get(ctx, []byte("late"))
		if (err == nil) == changed {
			t.Errorf("after the late batch its row gives %v", err)
		}
		if err == nil {
			r.Release()
		}
		late = nil
		Apply(t, e, kit.Del("late"))
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if problems := tracker.Problems(); len(problems) > 0 {
		t.Errorf("the tracker says %q", problems)
	}
}

// Batches that are still late when the engine is closed are given up, with their bases.
func TestFaultLaterThanClose(t *testing.T) {
	tracker := decorate.NewTracker(memory.NewShared())
	var late func() error
	f := decorate.Fault(tracker)
	e := openEngine(t, f)
	base := begin(t, e, core.ToUpdate)
	f.Fail(decorate.Failure{
		Op: decorate.OpApply, N: 1, Err: core.ErrMaybe,
		Later: func(apply func() error) { late = apply },
	})
	_ = e.Apply(context.Background(),
		core.Batch{Base: base, Writes: []core.Write{kit.Put("late", "row")}})
	if err := errors.Join(base.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
	if err := late(); !errors.Is(err, core.ErrClosed) {
		t.Errorf("a batch that comes after Close gives %v; want ErrClosed", err)
	}
	if problems := tracker.Problems(); len(problems) > 0 {
		t.Errorf("the tracker says %q", problems)
	}
}

// The fence comes along with the first read, and takes a trip without one.
func TestTripsOfTheFence(t *testing.T) {
	ctx := context.Background()
	b := decorate.Latency(memory.NewShared(), 0)
	e := openEngine(t, b)
	for _, c := range []struct {
		name string
		read func(core.Snapshot)
	}{
		{"nothing", func(core.Snapshot) {}},
		{"Get", func(s core.Snapshot) { s.Get(ctx, []byte("k")) }},
		{"GetMany", func(s core.Snapshot) {
			s.Powers().GetMany(ctx, [][]byte{{1}}, func(int, []byte) error { return nil })
		}},
		{"Scan", func(s core.Snapshot) {
			c, _ := s.Scan(ctx, core.ScanRange{Limit: 1})
			c.Next()
			c.Close()
		}},
	} {
		before := b.Trips()
		s := begin(t, e, core.ToReadOnce)
		c.read(s)
		fence(t, s)
		fence(t, s)
		s.Close()
		if got := b.Trips() - before; got != 1 {
			t.Errorf("the fence beside %s takes %d trips; want 1", c.name, got)
		}
	}
}

// A fence is valid until Close, and conditions until Apply returns.
func TestSpoilFences(t *testing.T) {
	ctx := context.Background()
	e := openEngine(t, decorate.Spoil(memory.NewShared()))
	Apply(t, e, kit.Put(core.FenceKey, "fence"))
	s := begin(t, e, core.ToRead)
	v := fence(t, s)
	if string(v) != "fence" {
		t.Errorf("the fence is %q", v)
	}
	s.Close()
	if !isSpoilt(v) {
		t.Errorf("after Close the fence is %q", v)
	}
	mine := []core.Condition{
		{Key: []byte(core.FenceKey), Value: []byte("fence")}, {Key: []byte("x")},
	}
	if err := e.Apply(ctx, core.Batch{Conditions: mine}); err != nil {
		t.Errorf("Apply under conditions that hold gives %v", err)
	}
	if string(mine[0].Value) != "fence" || mine[1].Value != nil {
		t.Errorf("the conditions became %q", mine)
	}
}

// TestAccountShared breaks the rules for callers of shared storages one by one.
func TestAccountShared(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name string
		do   func(e core.Engine)
		want string
	}{
		{"all in order", func(e core.Engine) {
			s := begin(t, e, core.ToReadOnce)
			s.Get(ctx, []byte("absent"))
			fence(t, s)
			s.Close()
			for range 2 { // an Apply belongs to its base
				base := begin(t, e, core.ToUpdate)
				e.Apply(ctx, core.Batch{
					Base: base, Conditions: []core.Condition{{Key: []byte("absent")}},
				})
				base.Close()
			}
		}, ""},
		{"two reads where one was said", func(e core.Engine) {
			s := begin(t, e, core.ToReadOnce)
			s.Get(ctx, []byte("absent"))
			s.Get(ctx, []byte("absent"))
			s.Close()
		}, "snapshot: Get of a snapshot that was for one read"},
		{"too many that may write", func(e core.Engine) {
			var all []core.Snapshot
			for range memory.NewShared().Sharing().Writers + 1 {
				all = append(all, begin(t, e, core.ToUpdate))
			}
			for _, s := range all {
				s.Close()
			}
		}, "engine: Begin beside 64 others that may write"},
		{"a condition without a key", func(e core.Engine) {
			e.Apply(ctx, core.Batch{Conditions: []core.Condition{{}}})
		}, "engine: Apply with a condition without a key"},
		{"a fence after Close", func(e core.Engine) {
			s := begin(t, e, core.ToRead)
			s.Close()
			fence(t, s)
		}, "snapshot: Fence after it was closed"},
	} {
		b := decorate.NewTracker(memory.NewShared())
		e := openEngine(t, b)
		c.do(e)
		e.Close()
		got := strings.Join(b.Problems(), "\n")
		if (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: the tracker says %q; want %q", c.name, got, c.want)
		}
	}
	b := decorate.NewTracker(newPlain(""))
	e := openEngine(t, b)
	e.Apply(ctx, core.Batch{Conditions: []core.Condition{{Key: []byte("k")}}})
	e.Close()
	if got := b.Problems(); len(got) != 1 ||
		!strings.HasPrefix(got[0], "engine: Apply with conditions, which only shared") {
		t.Errorf("with conditions for a storage that is not shared the tracker says %q", got)
	}
}

// TestUsersOfBrokenSharedBackends: the promises of core to several processes rest on promises of
// the backend, and each falls with those.
func TestUsersOfBrokenSharedBackends(t *testing.T) {
	for _, c := range []struct{ breaks, want string }{
		{"", ""},
		{"base", "shared writes/skew by insert, shared writes/skew by delete"},
		{"scans", "shared writes/skew by insert, shared writes/skew by delete"},
		{"conditions", "shared tables/dropped, shared storages/replaced"},
		{"fence stays", "shared storages/replaced"},
	} {
		t.Run(c.breaks, func(t *testing.T) {
			wanted := strings.Split(c.want, ", ")
			promises := slices.DeleteFunc(users.Promises(), func(p kit.Promise) bool {
				return !p.Shared || c.want != "" && !slices.Contains(wanted, p.Name)
			})
			failed := verdicts(t, promises,
				func() core.Backend { return newBrokenShared(c.breaks) })
			for _, p := range promises {
				if (failed[p.Name] == nil) != (c.want == "") {
					t.Errorf("%s says %q", p.Name, failed[p.Name])
				}
			}
		})
	}
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/contract"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// openEngine opens a storage with a row.
func openEngine(t *testing.T, b core.Backend) core.Engine {
	t.Helper()
	c, err := b.Claim(context.Background(), "place", false)
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.Open(context.Background(),
		core.EngineOptions{Mark: kit.SomeMark, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Apply(context.Background(), core.Batch{Writes: []core.Write{
		kit.Put("k", "value"),
		kit.Put("l", "another"),
	}}); err != nil {
		t.Fatal(err)
	}
	return e
}

// isSpoilt reports whether all of b is overwritten.
func isSpoilt(b []byte) bool {
	return len(b) > 0 && len(bytes.Trim(b, string([]byte{decorate.Overwritten}))) == 0
}

func TestSpoilReads(t *testing.T) {
	ctx := context.Background()
	e := openEngine(t, decorate.Spoil(newPlain("")))
	v, r, _ := e.Get(ctx, []byte("k"))
	if string(v) != "value" || cap(v) == len(v) || !isSpoilt(v[len(v):cap(v)]) {
		t.Errorf("Get = %q with %d bytes of room behind; want spoiled ones", v, cap(v)-len(v))
	}
	r.Release()
	if !isSpoilt(v) {
		t.Errorf("after Release the value is %q", v)
	}
	s, _ := e.Snapshot(ctx)
	v, r, _ = s.Get(ctx, []byte("k"))
	c, _ := s.Scan(ctx, core.ScanRange{})
	key, value, _ := c.Next()
	if string(key) != "k" || string(value) != "value" {
		t.Errorf("Next = %q, %q", key, value)
	}
	key2, value2, _ := c.Next()
	if string(key) == "k" || string(value) == "value" || string(key2) != "l" ||
		string(value2) != "another" {
		t.Errorf("after Next the rows are %q, %q and %q, %q", key, value, key2, value2)
	}
	c.Close()
	if !isSpoilt(key2) || !isSpoilt(value2) || string(v) != "value" {
		t.Errorf("after the cursor's Close the row is %q, %q; the value of Get is %q",
			key2, value2, v)
	}
	r.Release()
	s.Close()
	if !isSpoilt(v) {
		t.Errorf("after Release the value of the snapshot is %q", v)
	}
}

// TestSpoilArguments: an engine that keeps its arguments must be found out, although the caller
// changes nothing.
func TestSpoilArguments(t *testing.T) {
	e := openEngine(t, decorate.Spoil(newPlain("kept value")))
	v, r, err := e.Get(context.Background(), []byte("k"))
	if err != nil || !isSpoilt(v) {
		t.Errorf("an engine that keeps values gives %q, %v; want spoiled bytes", v, err)
	}
	r.Release()
	for _, breaks := range []string{"", "kept value"} {
		failed := false
		for _, p := range contract.ValuePromises {
			rec := &recorder{T: t}
			kit.NewTrial(rec, &p, kit.Target{Backend: newPlain(breaks), Path: "place"}, true).Run()
			failed = failed || len(rec.errors) > 0
		}
		if failed != (breaks != "") {
			t.Errorf("with %q spoiled trials fail: %v", breaks, failed)
		}
	}
}

func TestFault(t *testing.T) {
	ctx := context.Background()
	failure := errors.New("injected")
	write := func(v string) []core.Write { return []core.Write{kit.Put("k", v)} }
	b := decorate.Fault(newPlain(""), decorate.Failure{Op: decorate.OpApply, N: 3, Err: failure})
	e := openEngine(t, b) // the first Apply
	for i, want := range []error{nil, failure, nil} {
		if err := e.Apply(ctx, core.Batch{Writes: write("v")}); err != want {
			t.Errorf("Apply %d gives %v; want %v", i+2, err, want)
		}
	}
	did := false
	b.Fail(decorate.Failure{
		Op: decorate.OpApply, N: 1, Err: failure, After: true,
		Do: func() { did = true },
	})
	if err := e.Apply(ctx, core.Batch{Writes: write("after")}); err != failure || !did {
		t.Errorf("Apply gives %v, and Do was called: %v", err, did)
	}
	if v, _, err := e.Get(ctx, []byte("k")); string(v) != "after" || err != nil {
		t.Errorf("Get = %q, %v", v, err)
	}
	b.Fail(decorate.Failure{Op: decorate.OpGet, Err: failure})
	for range 3 {
		if _, _, err := e.Get(ctx, []byte("k")); err != failure {
			t.Errorf("Get gives %v; want %v", err, failure)
		}
	}
	b.Heal()
	if _, _, err := e.Get(ctx, []byte("k")); err != nil {
		t.Errorf("after Heal Get gives %v", err)
	}
}

// TestFaultEverywhere: each call can fail, once, and works again after that.
func TestFaultEverywhere(t *testing.T) {
	ctx := context.Background()
	failure := errors.New("injected")
	b := decorate.Fault(newPlain(""))
	e := openEngine(t, b)
	s, _ := e.Snapshot(ctx)
	for op, call := range map[decorate.Op]func() error{
		decorate.OpClaim: func() error {
			return claimed(b, func(core.Claim) error { return nil })
		},
		decorate.OpMark: func() error {
			return claimed(b, func(c core.Claim) error { _, err := c.Mark(); return err })
		},
		decorate.OpOpen: func() error { return claimed(b, openAndClose) },
		decorate.OpRename: func() error {
			return claimed(b, func(c core.Claim) error { return c.Rename("renamed") })
		},
		decorate.OpSnapshot:    func() error { _, err := e.Snapshot(ctx); return err },
		decorate.OpSnapshotGet: func() error { _, _, err := s.Get(ctx, []byte("k")); return err },
		decorate.OpScan: func() error {
			_, err := s.Scan(ctx, core.ScanRange{})
			return err
		},
		decorate.OpNext: func() error {
			c, _ := s.Scan(ctx, core.ScanRange{})
			c.Next()
			return c.Err()
		},
		decorate.OpSetMark: func() error { return e.SetMark(ctx, kit.SomeMark) },
		decorate.OpCompact: func() error { return e.Powers().Compact(ctx) },
	} {
		b.Fail(decorate.Failure{Op: op, N: 1, Err: failure})
		if err := call(); !errors.Is(err, failure) {
			t.Errorf("%s gives %v; want the failure", op, err)
		}
		if err := call(); err != nil {
			t.Errorf("%s gives %v after its failure", op, err)
		}
	}
}

// claimed calls f with a claim of another place.
func claimed(b core.Backend, f func(core.Claim) error) error {
	c, err := b.Claim(context.Background(), "other", false)
	if err != nil {
		return err
	}
	defer c.Release()
	return f(c)
}

func openAndClose(c core.Claim) error {
	e, err := c.Open(context.Background(), core.EngineOptions{})
	if err != nil {
		return err
	}
	return e.Close()
}

// TestAccount breaks the rules for callers one by one.
func TestAccount(t *testing.T) {
	ctx := context.Background()
	row := []core.Write{kit.Put("k", "v")}
	for _, c := range []struct {
		name string
		do   func(b *decorate.Tracker, e core.Engine)
		want string
	}{
		{"nothing", func(b *decorate.Tracker, e core.Engine) { e.Close() }, ""},
		{"all in order", func(b *decorate.Tracker, e core.Engine) { useInOrder(e) }, ""},
		{"engine left open", func(b *decorate.Tracker, e core.Engine) {}, "engine: never closed"},
		{
			"engine closed twice", func(b *decorate.Tracker, e core.Engine) { e.Close(); e.Close() },
			"engine: closed twice",
		},
		{"releaser kept", func(b *decorate.Tracker, e core.Engine) {
			e.Get(ctx, []byte("k"))
			e.Close()
		}, "engine: closed before 1 things"},
		{"released twice", func(b *decorate.Tracker, e core.Engine) {
			_, r, _ := e.Get(ctx, []byte("k"))
			r.Release()
			r.Release()
			e.Close()
		}, "releaser: closed twice"},
		{"cursor kept", func(b *decorate.Tracker, e core.Engine) {
			s, _ := e.Snapshot(ctx)
			s.Scan(ctx, core.ScanRange{})
			s.Close()
			e.Close()
		}, "snapshot: closed before 1 things"},
		{"cursor used after Close", func(b *decorate.Tracker, e core.Engine) {
			s, _ := e.Snapshot(ctx)
			c, _ := s.Scan(ctx, core.ScanRange{})
			c.Close()
			c.Next()
			s.Close()
			e.Close()
		}, "cursor: Next after it was closed"},
		{"snapshot used after Close", func(b *decorate.Tracker, e core.Engine) {
			s, _ := e.Snapshot(ctx)
			s.Close()
			s.Get(ctx, []byte("k"))
			e.Close()
		}, "snapshot: Get after it was closed"},
		{"engine used after Close", func(b *decorate.Tracker, e core.Engine) {
			e.Close()
			e.Apply(ctx, core.Batch{Writes: row})
		}, "engine: Apply after it was closed"},
		{"unsorted writes", func(b *decorate.Tracker, e core.Engine) {
			e.Apply(ctx, core.Batch{Writes: []core.Write{kit.Put("l", ""), kit.Put("k", "")}})
			e.Close()
		}, "engine: Apply with keys out of order"},
		{"a key twice", func(b *decorate.Tracker, e core.Engine) {
			e.Apply(ctx, core.Batch{Writes: []core.Write{kit.Put("k", ""), kit.Put("k", "")}})
			e.Close()
		}, "engine: Apply with keys out of order"},
		{"an empty key", func(b *decorate.Tracker, e core.Engine) {
			e.Apply(ctx, core.Batch{Writes: []core.Write{kit.Put("", "")}})
			e.Close()
		}, "engine: Apply with an empty key"},
		{"room for answers without a condition", func(b *decorate.Tracker, e core.Engine) {
			e.Apply(ctx, core.Batch{Writes: []core.Write{kit.Del("k")}, Met: make([]bool, 1)})
			e.Close()
		}, "engine: Apply with room for 1 answers, not 0"},
		{"a condition without room for its answer", func(b *decorate.Tracker, e core.Engine) {
			func() {
				defer func() { _ = recover() }() // the engine has nowhere to put its answer
				e.Apply(ctx,
					core.Batch{Writes: []core.Write{contract.When(kit.Del("k"), core.IfPresent)}})
			}()
			e.Close()
		}, "engine: Apply with room for 0 answers, not 1"},
		{"a condition of a range", func(b *decorate.Tracker, e core.Engine) {
			w := contract.When(contract.DelRange("k", "l"), core.IfPresent)
			e.Apply(ctx, core.Batch{Writes: []core.Write{w}, Met: make([]bool, 1)})
			e.Close()
		}, "engine: Apply with a range, which the engine cannot delete"},
		{"claim kept", func(b *decorate.Tracker, e core.Engine) {
			e.Close()
			b.Claim(ctx, "other", false)
		}, "claim: never closed"},
		{"no logger", func(b *decorate.Tracker, e core.Engine) {
			c, _ := b.Claim(ctx, "other", false)
			o, _ := c.Open(ctx, core.EngineOptions{})
			o.Close()
			e.Close()
		}, "claim: Open without a Logger"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := decorate.NewTracker(newPlain(""))
			c.do(b, openEngine(t, b))
			got := strings.Join(b.Problems(), "\n")
			if (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
				t.Errorf("the tracker says %q; want %q", got, c.want)
			}
		})
	}
}

// useInOrder does everything that is allowed.
func useInOrder(e core.Engine) {
	ctx := context.Background()
	_, r, _ := e.Get(ctx, []byte("k"))
	s, _ := e.Snapshot(ctx)
	c, _ := s.Scan(ctx, core.ScanRange{})
	for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
	}
	e.Apply(ctx, core.Batch{Base: s, Writes: []core.Write{kit.Put("a", ""), kit.Put("b", "")}})
	e.SetMark(ctx, kit.SomeMark)
	e.Powers().Compact(ctx)
	c.Close()
	s.Close()
	r.Release()
	e.Close()
}

// TestAccountWriters: two writers at once, and one after an Apply that failed.
func TestAccountWriters(t *testing.T) {
	ctx := context.Background()
	failure := errors.New("injected")
	f := decorate.Fault(newPlain(""))
	b := decorate.NewTracker(f)
	e := openEngine(t, b)
	f.Fail(decorate.Failure{
		Op: decorate.OpApply, N: 1,
		Do: func() { e.SetMark(ctx, kit.SomeMark) },
	})
	e.Apply(ctx, core.Batch{Writes: []core.Write{kit.Put("k", "")}})
	f.Fail(decorate.Failure{Op: decorate.OpApply, N: 1, Err: failure})
	e.Apply(ctx, core.Batch{Writes: []core.Write{kit.Put("k", "")}})
	e.Apply(ctx, core.Batch{Writes: []core.Write{kit.Put("k", "")}})
	e.Close()
	got := b.Problems()
	if len(got) != 2 || !strings.HasPrefix(got[0], "engine: SetMark beside another writer") ||
		!strings.HasPrefix(got[1], "engine: Apply after an Apply that failed") {
		t.Errorf("the tracker says %q", got)
	}
}

// TestPowers: wrappers neither hide a power of the engine nor claim one that it lacks.
func TestPowers(t *testing.T) {
	for name, b := range map[string]core.Backend{
		"spoil": decorate.Spoil(newPlain("")),
		"fault": decorate.Fault(newPlain("")), "tracker": decorate.NewTracker(newPlain("")),
	} {
		e := openEngine(t, b)
		got := e.Powers()
		if got.Compact == nil || got.Size != nil || got.Check != nil || got.As != nil ||
			!got.Conditions {
			t.Errorf("%s: the powers are %+v; want Compact, Scan and Conditions", name, got)
		}
		s, _ := e.Snapshot(context.Background())
		if s.Powers().Count == nil {
			t.Errorf("%s: the snapshot cannot count any more", name)
		}
	}
}

// TestBaseSnapshot: through any wrappers an engine sees the snapshot that it gave out itself.
func TestBaseSnapshot(t *testing.T) {
	ctx := context.Background()
	b := &baseWatcher{plain: newPlain("")}
	e := openEngine(t, decorate.Spoil(decorate.Fault(decorate.NewTracker(b))))
	s, _ := e.Snapshot(ctx)
	if err := e.Apply(ctx,
		core.Batch{Base: s, Writes: []core.Write{kit.Put("k", "")}}); err != nil {
		t.Fatal(err)
	}
	if _, ok := b.base.(*plainSnapshot); !ok {
		t.Errorf("the engine sees a base of type %T", b.base)
	}
	if err := e.Apply(ctx,
		core.Batch{Writes: []core.Write{kit.Put("k", "")}}); err != nil || b.base != nil {
		t.Errorf("a base of nil became %v, %v", b.base, err)
	}
}

// baseWatcher remembers the base of the last Apply.
type baseWatcher struct {
	*plain
	base core.Snapshot
}

func (b *baseWatcher) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := b.plain.Claim(ctx, path, readOnly)
	return baseClaim{c, b}, err
}

type baseClaim struct {
	core.Claim
	b *baseWatcher
}

func (c baseClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	e, err := c.Claim.Open(ctx, opts)
	return baseEngine{e, c.b}, err
}

type baseEngine struct {
	core.Engine
	b *baseWatcher
}

func (e baseEngine) Apply(ctx context.Context, b core.Batch) error {
	e.b.base = b.Base
	return e.Engine.Apply(ctx, b)
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var cancelPromises = []kit.Promise{
	{
		Name: "cancel/waiting for the turn", Check: checkCancelWaiting, Alone: true,
		Explanation: "cancelling works while a write waits for its turn: it returns, and nothing " +
			"is written",
	},
	{
		Name: "cancel/before", Check: checkCancelBefore,
		Explanation: "a write with a context that has ended writes nothing, and spoils nothing " +
			"for others",
	},
	{
		Name: "cancel/in the middle", Check: checkCancelMiddle,
		Explanation: "a call that is cancelled between its commits leaves the storage usable",
	},
	{
		Name: "cancel/reads", Check: checkCancelReads,
		Explanation: "a read with a context that has ended gives its error, on every engine alike, " +
			"and a Get in a transaction that has begun gives the row",
	},
	{
		Name: "cancel/scan", Check: checkCancelScan,
		Explanation: "a scan ends with its context's error",
	},
}

// cancelVerbs are the ways to write, with a context of their own.
func cancelVerbs(s *core.Storage, tab words) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"Put":    func(ctx context.Context) error { return tab.Put(ctx, "cancelled", "v") },
		"Insert": func(ctx context.Context) error { return tab.Insert(ctx, "cancelled", "v") },
		"Delete": func(ctx context.Context) error {
			_, err := tab.Delete(ctx, "k")
			return err
		},
		"Modify": func(ctx context.Context) error {
			return modify(ctx, tab, "cancelled", "v")
		},
		"PutAll": func(ctx context.Context) error { return tab.PutAll(ctx, someRows(3)) },
		"PutStream": func(ctx context.Context) error {
			_, err := tab.PutStream(ctx, someRows(3))
			return err
		},
		"Scan.Delete": func(ctx context.Context) error {
			_, err := tab.Scan().Delete(ctx)
			return err
		},
		"Scan.Clear": func(ctx context.Context) error { return tab.Scan().Clear(ctx) },
		"Update": func(ctx context.Context) error {
			return s.Update(ctx, func(tx *core.Tx) error {
				return tab.In(tx).Put(context.WithoutCancel(ctx), "cancelled", "v")
			})
		},
		"DropTable": func(ctx context.Context) error { return s.DropTable(ctx, "words") },
		"RenameTable": func(ctx context.Context) error {
			return s.RenameTable(ctx, "words", "cancelled")
		},
		"Compact": func(ctx context.Context) error { _, err := s.Compact(ctx); return err },
		"Sync":    func(ctx context.Context) error { return s.Sync(ctx) },
		"OpenTable": func(ctx context.Context) error {
			_, err := core.OpenTable(ctx, s, "cancelled", keys.String(), values.String())
			return err
		},
	}
}

func checkCancelWaiting(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	gate, entered := make(chan struct{}), make(chan struct{})
	var holder sync.WaitGroup
	holder.Go(func() {
		update(t, s, func(*core.Tx) error { close(entered); <-gate; return nil })
	})
	<-entered
	ctx, cancel := context.WithTimeout(t.Ctx, 20*time.Millisecond)
	defer cancel()
	for name, write := range kit.ByName(cancelVerbs(s, tab)) {
		t.Within(kit.Soon, name+" that is cancelled",
			func() { t.Is(name, write(ctx), context.DeadlineExceeded) })
	}
	close(gate)
	holder.Wait()
	holds(t, tab, kit.KV("k", "v"))
	put1(t, tab, "l", "v")
}

func checkCancelBefore(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	for name, write := range kit.ByName(cancelVerbs(s, tab)) {
		if err := write(kit.Cancelled()); !kit.IsCancelled(err) {
			t.Errorf("%s gives %v; want context.Canceled", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Ctx)
	defer cancel()
	err := s.Update(ctx,
		func(tx *core.Tx) error { cancel(); return tab.In(tx).Put(t.Ctx, "k", "w") })
	if !kit.IsCancelled(err) {
		t.Errorf("an Update whose function cancels gives %v; want context.Canceled", err)
	}
	holds(t, tab, kit.KV("k", "v"))
	put1(t, tab, "l", "v")
	_, err = core.Open(kit.Cancelled(), t.Path+".other", t.Backend)
	if !kit.IsCancelled(err) || len(t.List(t.Path+".other")) != 0 {
		t.Errorf("Open gives %v and leaves %q; want context.Canceled and nothing",
			err, t.List(t.Path+".other"))
	}
}

func checkCancelMiddle(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	s := openOn(t, b)
	for n := 1; n <= t.Pick(4, 2); n++ {
		for name, call := range kit.ByName(map[string]func(ctx context.Context, tab words) error{
			"Scan.Delete": func(ctx context.Context, tab words) error {
				_, err := tab.Scan().Delete(ctx)
				return err
			},
			"Scan.Clear": func(ctx context.Context, tab words) error {
				return tab.Scan().Clear(ctx)
			},
			"DropTable": func(ctx context.Context, _ words) error {
				return s.DropTable(ctx, "words")
			},
			"Compact": func(ctx context.Context, _ words) error {
				_, err := s.Compact(ctx)
				return err
			},
			"OpenTable": func(ctx context.Context, _ words) error {
				_, err := core.OpenTable(ctx, s, fmt.Sprint("table ", n), keys.String(),
					values.String())
				return err
			},
		}) {
			tab := openWords(t, s, "words")
			load(t, tab, t.Pick(10_000, 5_000))
			ctx, cancel := context.WithCancel(t.Ctx)
			b.Fail(decorate.Failure{Op: decorate.OpApply, N: n, Do: cancel})
			if err := call(ctx, tab); err != nil && !kit.IsCancelled(err) {
				t.Errorf("%s that is cancelled at its commit %d gives %v", name, n, err)
			}
			cancel()
			b.Heal()
			if err := openWords(t, s, "other").Put(t.Ctx, "k", "v"); err != nil {
				t.Fatalf("after a %s that was cancelled at its commit %d Put gives %v",
					name, n, err)
			}
		}
	}
	_, err := s.Compact(t.Ctx)
	t.Do("Compact", err)
	t.Do("Check", s.Check(t.Ctx))
}

func checkCancelReads(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	for name, read := range kit.ByName(map[string]func(ctx context.Context) error{
		"Get":  func(ctx context.Context) error { _, err := tab.Get(ctx, "k"); return err },
		"Load": func(ctx context.Context) error { _, err := tab.Load(ctx, "k"); return err },
		"Has":  func(ctx context.Context) error { _, err := tab.Has(ctx, "k"); return err },
		"View": func(ctx context.Context) error {
			return tab.View(ctx, "k", func(string) error { return nil })
		},
		"Storage.View": func(ctx context.Context) error {
			return s.View(ctx, func(*core.Tx) error { return nil })
		},
		"GetMany": func(ctx context.Context) error {
			return lastError(tab.GetMany(ctx, slices.Values([]string{"k"})))
		},
		"GetMany of no key": func(ctx context.Context) error {
			return lastError(tab.GetMany(ctx, slices.Values([]string(nil))))
		},
		"Count": func(ctx context.Context) error {
			_, err := tab.Count(ctx)
			return err
		},
		"Cursor": func(ctx context.Context) error {
			_, err := tab.Scan().Cursor(ctx)
			return err
		},
		"Cursor in a View": func(ctx context.Context) error {
			return s.View(t.Ctx,
				func(tx *core.Tx) error { _, err := tab.In(tx).Scan().Cursor(ctx); return err })
		},
		"Snapshot": func(ctx context.Context) error { _, err := s.Snapshot(ctx); return err },
		"Size":     func(ctx context.Context) error { _, err := s.Size(ctx); return err },
		"Tables":   func(ctx context.Context) error { _, err := s.Tables(ctx); return err },
		"Check":    func(ctx context.Context) error { return s.Check(ctx) },
		"Backup":   func(ctx context.Context) error { return s.Backup(ctx, io.Discard) },
		"OpenRaw": func(ctx context.Context) error {
			_, err := core.OpenRaw(ctx, s, "words")
			return err
		},
		"OpenTable": func(ctx context.Context) error {
			_, err := core.OpenTable(ctx, s, "words", keys.String(), values.String())
			return err
		},
	}) {
		if err := read(kit.Cancelled()); !kit.IsCancelled(err) {
			t.Errorf("%s gives %v; want context.Canceled", name, err)
		}
	}
	if t.Shared() {
		return // a read in a transaction may be a trip to a server, which the context ends
	}
	t.Do("View", s.View(t.Ctx, func(tx *core.Tx) error {
		if v, err := tab.In(tx).Get(kit.Cancelled(), "k"); v != "v" || err != nil {
			t.Errorf("Get in a transaction that has begun gives %q, %v; want the row: "+
				"Snapshot.Get, which waits for nobody, looks at no context", v, err)
		}
		return nil
	}))
}

func checkCancelScan(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 3000)
	ctx, cancel := context.WithCancel(t.Ctx)
	defer cancel()
	n := 0
	var last error
	for _, err := range tab.Scan().Rows(ctx) {
		if n++; n == 10 {
			cancel()
		}
		last = err
	}
	if n > 2000 || !kit.IsCancelled(last) {
		t.Errorf("a scan that is cancelled at row 10 gave %d rows and %v", n, last)
	}
	t.Do("View", s.View(t.Ctx, func(tx *core.Tx) error {
		if err := lastError(tab.In(tx).Scan().Rows(kit.Cancelled())); !kit.IsCancelled(err) {
			t.Errorf("a scan inside a View gives %v; want context.Canceled", err)
		}
		return nil
	}))
	if err := lastError(tab.Scan().Keys(kit.Cancelled())); !kit.IsCancelled(err) {
		t.Errorf("Keys gives %v; want context.Canceled", err)
	}
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/guardkv/guardkv/core"
)

// The tests that wait run in bubbles of their own time, so they take none.

// TestClaimExcludes: one writer or any number of readers, whether a storage is at the path or
// not, and whether a claim or an engine holds the lock.
func TestClaimExcludes(t *testing.T) {
	for _, path := range []string{"absent", "there"} {
		for _, open := range []bool{false, true} {
			for _, held := range []bool{false, true} {
				for _, wanted := range []bool{false, true} {
					if path == "absent" && open {
						continue // opening makes it there
					}
					synctest.Test(t,
						func(t *testing.T) { checkExcludes(t, path, open, held, wanted) })
				}
			}
		}
	}
}

// checkExcludes takes a path twice; held and wanted say whether the first and the second time
// are read-only.
func checkExcludes(t *testing.T, path string, open, held, wanted bool) {
	b := New()
	kept(t, b, "there")
	c := claimed(t, b, path, held)
	release := c.Release
	if open {
		e, err := c.Open(t.Context(), core.EngineOptions{})
		do(t, err)
		release = e.Close
	}
	start := time.Now()
	second, err := b.Claim(t.Context(), path, wanted)
	if held && wanted {
		do(t, err)
		do(t, second.Release())
	} else if waited := time.Since(start); !errors.Is(err, core.ErrLocked) || waited != lockWait {
		t.Errorf("%s, open %v, held read-only %v, wanted read-only %v: %v after %v; want ErrLocked after %v",
			path, open, held, wanted, err, waited, lockWait)
	}
	do(t, claimed(t, b, "beside", false).Release()) // other paths are free
	do(t, release())
	do(t, claimed(t, b, path, wanted).Release())
}

// TestClaimWaits: a claim is granted as soon as the lock is free, in the time that is left.
func TestClaimWaits(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := New()
			e := opened(t, b, "a")
			time.AfterFunc(lockWait/2, func() { e.Close() })
			start := time.Now()
			c := claimed(t, b, "a", readOnly)
			if waited := time.Since(start); waited != lockWait/2 {
				t.Errorf("waited %v for a lock that was free after %v", waited, lockWait/2)
			}
			do(t, c.Release())
		})
	}
}

// TestClaimWaitsForAllReaders: a writer that is woken by the first of two readers goes on
// waiting, and not longer than it would have.
func TestClaimWaitsForAllReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New()
		one, two := claimed(t, b, "a", true), claimed(t, b, "a", true)
		time.AfterFunc(lockWait/2, func() { one.Release() })
		start := time.Now()
		if _, err := b.Claim(t.Context(), "a", false); !errors.Is(err, core.ErrLocked) {
			t.Errorf("Claim beside a reader gives %v", err)
		}
		if waited := time.Since(start); waited != lockWait {
			t.Errorf("waited for %v", waited)
		}
		time.AfterFunc(lockWait/2, func() { two.Release() })
		do(t, claimed(t, b, "a", false).Release())
	})
}

// TestClaimsTakeTurns: of many that wait, writers get the lock one after the other and readers
// together. None that waits is forgotten.
func TestClaimsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New()
		first := claimed(t, b, "a", false)
		var inside, writers int
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				readOnly := i%2 == 0
				c := claimed(t, b, "a", readOnly)
				mu.Lock()
				inside++
				if !readOnly {
					writers++
				}
				if writers > 1 || writers == 1 && inside > 1 {
					t.Errorf("%d hold the lock, %d of them writers", inside, writers)
				}
				mu.Unlock()
				time.Sleep(lockWait / 100)
				mu.Lock()
				inside--
				if !readOnly {
					writers--
				}
				mu.Unlock()
				c.Release()
			})
		}
		synctest.Wait()
		do(t, first.Release())
		all.Wait()
		if len(b.places) != 0 {
			t.Errorf("%d paths are known when nobody is left", len(b.places))
		}
	})
}

func TestClaimContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New()
		c := claimed(t, b, "a", false)
		ctx, cancel := context.WithTimeout(t.Context(), lockWait/4)
		defer cancel()
		start := time.Now()
		_, err := b.Claim(ctx, "a", false)
		if waited := time.Since(start); !errors.Is(err,
			context.DeadlineExceeded) || waited != lockWait/4 {
			t.Errorf("Claim gives %v after %v; want the context's error after %v",
				err, waited, lockWait/4)
		}
		if _, err := b.Claim(ctx, "free", false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Claim of a free path gives %v; want the context's error", err)
		}
		do(t, c.Release())
		if len(b.places) != 0 {
			t.Errorf("claims that were not granted left %d paths behind", len(b.places))
		}
	})
}

// TestRenameBeforeAWaiter: who waits for a storage that is set aside gets its old place, not
// the storage.
func TestRenameBeforeAWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New()
		kept(t, b, "a")
		c := claimed(t, b, "a", false)
		go func() {
			synctest.Wait() // until the other claim waits
			c.Rename("b")
			c.Release()
		}()
		late := claimed(t, b, "a", false)
		if m, err := late.Mark(); m != nil || err != nil {
			t.Errorf("Mark = %q, %v; want nil", m, err)
		}
		holds(t, b, "b", "a")
		do(t, late.Release())
	})
}

// TestClaimIsUsedUp: once it gave its lock away, a claim must not touch what others may hold by
// now.
func TestClaimIsUsedUp(t *testing.T) {
	b := New()
	kept(t, b, "a")
	released := claimed(t, b, "a", false)
	do(t, released.Release())
	opening := claimed(t, b, "a", false)
	e, err := opening.Open(t.Context(), core.EngineOptions{})
	do(t, err)
	for name, c := range map[string]core.Claim{"released": released, "opened": opening} {
		_, markErr := c.Mark()
		_, openErr := c.Open(t.Context(), core.EngineOptions{})
		for _, err := range []error{markErr, openErr, c.Rename("b"), c.Remove()} {
			if !errors.Is(err, core.ErrClosed) {
				t.Errorf("using a claim that was %s gives %v; want ErrClosed", name, err)
			}
		}
		do(t, c.Release())
	}
	if !b.places["a"].writer {
		t.Error("the claim gave the engine's lock back")
	}
	do(t, e.Close())
	holds(t, b, "a", "a")
}

// TestOpenFails: after an error the claim has the lock, nothing was created, and the claim can
// be used again.
func TestOpenFails(t *testing.T) {
	b := New()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	c := claimed(t, b, "a", false)
	if _, err := c.Open(cancelled, core.EngineOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a cancelled context gives %v", err)
	}
	if !b.places["a"].writer {
		t.Error("the lock is gone")
	}
	listed(t, b, "")
	do(t, c.Release())

	c = claimed(t, b, "a", true)
	if _, err := c.Open(t.Context(), core.EngineOptions{}); !errors.Is(err, core.ErrReadOnly) {
		t.Errorf("Open to read where nothing is gives %v", err)
	}
	if m, err := c.Mark(); m != nil || err != nil {
		t.Errorf("Mark = %q, %v; want nil", m, err)
	}
	listed(t, b, "")
	do(t, c.Release())
}

// TestMarkIsACopy: neither side's slice is the stored one. An empty mark is not nil, which
// would mean that nothing is there.
func TestMarkIsACopy(t *testing.T) {
	b := New()
	for _, mark := range []string{"created", ""} {
		given := []byte(mark)
		e, err := claimed(t, b, mark, false).Open(t.Context(), core.EngineOptions{Mark: given})
		do(t, err)
		clear(given)
		do(t, e.Close())
		checkMark(t, b, mark, mark)

		given = []byte(mark + "set")
		e, err = claimed(t, b, mark, false).Open(t.Context(),
			core.EngineOptions{Mark: []byte("unused")})
		do(t, err)
		do(t, e.SetMark(t.Context(), given))
		clear(given)
		do(t, e.Close())
		checkMark(t, b, mark, mark+"set")
	}
}

// checkMark reads a mark twice, and spoils what it gets.
func checkMark(t *testing.T, b *Backend, path, want string) {
	t.Helper()
	c := claimed(t, b, path, true)
	defer c.Release()
	for range 2 {
		m, err := c.Mark()
		if m == nil || string(m) != want || err != nil {
			t.Errorf("Mark = %#v, %v; want %q", m, err, want)
		}
		clear(m)
	}
}

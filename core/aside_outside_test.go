// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

var quiet = core.WithLogger(slog.New(slog.DiscardHandler))

// stored makes a storage with a row, and returns its backup.
func stored(t *testing.T, b core.Backend, path string) []byte {
	t.Helper()
	s, err := core.Open(t.Context(), path, b)
	if err != nil {
		t.Fatal(err)
	}
	tab, err := core.OpenTable(t.Context(), s, "t", keys.Int(), values.String())
	if err == nil {
		err = tab.Put(t.Context(), 1, path)
	}
	var buf bytes.Buffer
	if err := errors.Join(err, s.Backup(t.Context(), &buf), s.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// paths returns what is stored, in one line.
func paths(t *testing.T, b core.Backend) string {
	t.Helper()
	list, err := b.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, " ")
}

// A migration that failed with an error in which ErrConflict was ran sixteen times: only the
// engine's own conflicts are a reason to begin anew.
func TestMigrationThatFailsWithAConflictRunsOnce(t *testing.T) {
	b := memory.New()
	stored(t, b, "db")
	n := 0
	_, err := core.Open(t.Context(), "db", b, core.WithVersion(1), core.WithMigration(
		func(context.Context, *core.Storage, uint64, uint64) error {
			n++
			return fmt.Errorf("step 3: %w", core.ErrConflict)
		}))
	if n != 1 || !errors.Is(err, core.ErrConflict) || errors.Is(err, core.ErrLocked) {
		t.Errorf("the migration ran %d times, and Open gives %v", n, err)
	}
	s, err := core.Open(t.Context(), "db", b)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n = 0
	err = s.Update(t.Context(), func(*core.Tx) error {
		n++
		return fmt.Errorf("mine: %w", core.ErrConflict)
	})
	if n != 1 || !errors.Is(err, core.ErrConflict) {
		t.Errorf("the function ran %d times, and Update gives %v", n, err)
	}
}

// A Restore whose context ended when the storage was already in its place gave an error and
// left the storage there, so that the next attempt was refused.
func TestRestoreCancelledAfterItsMove(t *testing.T) {
	b := memory.New()
	backup := stored(t, b, "db")
	ctx, cancel := context.WithCancel(t.Context())
	f := backendtest.Fault(b, backendtest.Failure{Op: backendtest.OpRename, N: 1, Do: cancel})
	s, err := core.Restore(ctx, "r", f, bytes.NewReader(backup))
	if err != nil {
		t.Fatalf("Restore gives %v, and there is %s", err, paths(t, b))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	failure := errors.New("of the disk")
	f = backendtest.Fault(b, backendtest.Failure{Op: backendtest.OpOpen, N: 2, Err: failure})
	_, err = core.Restore(t.Context(), "s", f, bytes.NewReader(backup))
	if !errors.Is(err, failure) || !strings.Contains(err.Error(), "complete at its path") {
		t.Errorf("a restored storage that cannot be opened gives %v", err)
	}
	if got := paths(t, b); got != "db r s" {
		t.Errorf("there is %s", got)
	}
}

// When a storage was set aside and no new one could be made, nothing was at the path any more.
func TestWhatWasSetAsideIsPutBack(t *testing.T) {
	failure := errors.New("of the engine")
	for _, c := range []struct {
		what string
		plan backendtest.Failure
	}{
		{"cannot be created", backendtest.Failure{Op: backendtest.OpOpen, N: 1, Err: failure}},
		{"is cancelled", backendtest.Failure{Op: backendtest.OpOpen, N: 1, Err: context.Canceled}},
	} {
		b := memory.New()
		stored(t, b, "db")
		_, err := core.Open(t.Context(), "db",
			backendtest.Fault(b, c.plan), quiet, core.WithRecreate(core.Always))
		if !errors.Is(err, c.plan.Err) {
			t.Errorf("a new storage that %s: %v", c.what, err)
		}
		if got := paths(t, b); got != "db" {
			t.Errorf("when a new storage %s there is %s", c.what, got)
		}
	}
	b := memory.New()
	stored(t, b, "db")
	f := backendtest.Fault(b, backendtest.Failure{Op: backendtest.OpOpen, N: 1, Err: failure},
		backendtest.Failure{Op: backendtest.OpRename, N: 2, Err: failure})
	_, err := core.Open(t.Context(), "db", f, quiet, core.WithRecreate(core.Always))
	if got := paths(t, b); err == nil || !strings.HasPrefix(got, "db.replaced-") ||
		!strings.Contains(err.Error(), "the old storage is at "+got) {
		t.Errorf("an old storage that cannot be put back: %v; there is %s", err, got)
	}
}

// With a clock of one tick a second, what is set aside in the same tick as something else found
// its name taken.
func TestNamesOfWhatIsSetAsideDoNotCollide(t *testing.T) {
	b := memory.New()
	stored(t, b, "db")
	f := backendtest.Fault(b)
	for range 3 {
		f.Fail(backendtest.Failure{
			Op: backendtest.OpRename, N: 1,
			Err: fmt.Errorf("the name is taken: %w", fs.ErrExist),
		})
	}
	s, err := core.Open(t.Context(), "db", f, quiet, core.WithRecreate(core.Always))
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := s.Recreated(); !ok || paths(t, b) != "db "+r.Path {
		t.Errorf("there is %s; Recreated = %+v, %v", paths(t, b), r, ok)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// others are openers that are always faster.
type others struct{ core.Backend }

func (b others) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := b.Backend.Claim(ctx, path, readOnly)
	return otherClaim{c}, err
}

type otherClaim struct{ core.Claim }

func (otherClaim) Open(context.Context, core.EngineOptions) (core.Engine, error) {
	return nil, fmt.Errorf("%w: somebody else creates it", core.ErrConflict)
}

// Opening a storage that others create and replace all the time returns ErrLocked, and not a
// conflict, which is for writers.
func TestOpenersThatAreAlwaysSlower(t *testing.T) {
	if _,
		err := core.Open(t.Context(), "db", others{memory.New()}); !errors.Is(err, core.ErrLocked) {
		t.Error(err)
	}
}

// OnFormatChange set a table aside that was opened while that was being written, so that its
// new handle lost it.
func TestATableIsNotOpenedWhileItIsSetAside(t *testing.T) {
	m := memory.New()
	stored(t, m, "db")
	b := backendtest.Fault(m)
	s, err := core.Open(t.Context(), "db", b, quiet, core.WithRecreate(core.OnFormatChange))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	gate, reached, failure := make(chan struct{}), make(chan struct{}), errors.New("of the engine")
	b.Fail(backendtest.Failure{
		Op: backendtest.OpApply, N: 1,
		Err: fmt.Errorf("%w: %w", core.ErrNoRoom, failure),
	})
	if _, err := core.OpenTable(t.Context(), s, "t",
		keys.Int(), values.Bytes()); !errors.Is(err, failure) {
		t.Error(err)
	}
	b.Fail(backendtest.Failure{
		Op: backendtest.OpApply, N: 1,
		Do: func() { close(reached); <-gate },
	})
	aside, opened := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := core.OpenTable(t.Context(), s, "t", keys.Int(), values.Bytes())
		aside <- err
	}()
	<-reached
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := core.OpenTable(ctx, s, "t",
		keys.Int(), values.String()); !errors.Is(err, context.Canceled) {
		t.Errorf("a table was opened while it was being set aside: %v", err)
	}
	go func() {
		_, err := core.OpenTable(t.Context(), s, "t", keys.Int(), values.String())
		opened <- err
	}()
	close(gate)
	if err := <-aside; err != nil {
		t.Error(err)
	}
	if err := <-opened; !errors.Is(err, core.ErrFormatMismatch) {
		t.Errorf("opening the table that was set aside gives %v", err)
	}
	r, _ := s.Recreated()
	old, err := core.OpenTable(t.Context(), s, r.Table, keys.Int(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	if v, err := old.Load(t.Context(), 1); v != "db" || err != nil {
		t.Errorf("the row of the old table is %q, %v", v, err)
	}
}

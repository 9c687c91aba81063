// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// row1 opens a storage and returns its row, or "" if it is empty.
func row1(t *testing.T, b core.Backend, path string) string {
	t.Helper()
	s, err := core.Open(t.Context(), path, b, quiet)
	if err != nil {
		t.Fatal(err)
	}
	v := rowOf(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return v
}

func rowOf(t *testing.T, s *core.Storage) string {
	t.Helper()
	tab, err := core.OpenTable(t.Context(), s, "t", keys.Int(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	v, err := tab.Load(t.Context(), 1)
	if err != nil && !errors.Is(err, core.ErrNotFound) {
		t.Error(err)
	}
	return v
}

// remove removes what is at a path.
func remove(t *testing.T, b core.Backend, path string) {
	t.Helper()
	change(t, b, path, core.Claim.Remove)
}

// move moves a storage.
func move(t *testing.T, b core.Backend, from, to string) {
	t.Helper()
	change(t, b, from, func(c core.Claim) error { return c.Rename(to) })
}

func change(t *testing.T, b core.Backend, path string, how func(core.Claim) error) {
	t.Helper()
	c, err := b.Claim(t.Context(), path, false)
	if err != nil {
		t.Error(err)
		return
	}
	if err := errors.Join(how(c), c.Release()); err != nil {
		t.Error(err)
	}
}

var errKilled = errors.New("as if the process were killed")

// killedRestore leaves what a Restore leaves that was killed before its n-th rename.
func killedRestore(t *testing.T, b core.Backend, path string, backup []byte, n int) {
	t.Helper()
	f := backendtest.Fault(b)
	f.Fail(backendtest.Failure{Op: backendtest.OpRename, N: n, Err: errKilled, Do: func() {
		f.Fail(backendtest.Failure{Op: backendtest.OpClaim, Err: errKilled})
	}})
	_, err := core.Restore(t.Context(), path, f, bytes.NewReader(backup), quiet,
		core.WithRecreate(core.Always))
	if !errors.Is(err, errKilled) {
		t.Fatalf("Restore gives %v", err)
	}
}

// A Restore that was killed between its two renames left nothing at the path: the next Open
// began with an empty storage, and the next Restore removed the only complete one before it
// knew whether it would succeed.
func TestRestoreThatWasKilledIsFinished(t *testing.T) {
	b := memory.New()
	backup := stored(t, b, "source")
	remove(t, b, "source")
	reset := func() {
		t.Helper()
		list, err := b.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range list {
			remove(t, b, path)
		}
		stored(t, b, "db")
		killedRestore(t, b, "db", backup, 2)
		if got := paths(t, b); !strings.HasPrefix(got, "db.replaced-") ||
			!strings.HasSuffix(got, " db.restoring") {
			t.Fatalf("after the kill there is %s", got)
		}
	}
	reset()
	if got := row1(t, b, "db"); got != "source" || strings.Contains(paths(t, b), "restoring") {
		t.Errorf("Open finds the row %q, and there is %s", got, paths(t, b))
	}
	reset()
	damaged := bytes.NewReader(backup[:len(backup)-1])
	if _, err := core.Restore(t.Context(), "db",
		b, damaged, quiet, core.WithRecreate(core.Always)); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("Restore of a cut backup gives %v", err)
	}
	if got := row1(t, b, "db"); got != "source" {
		t.Errorf("after the second Restore Open finds the row %q", got)
	}
	reset()
	if _, err := core.Restore(t.Context(), "db",
		b, bytes.NewReader(backup), quiet); !errors.Is(err, core.ErrExists) {
		t.Errorf("Restore onto what is there again gives %v", err)
	}
	reset()
	if _, err := core.Open(t.Context(), "db",
		b, core.WithReadOnly()); !errors.Is(err, core.ErrReadOnly) {
		t.Errorf("a read-only Open, which may move nothing, gives %v", err)
	} else if !strings.Contains(err.Error(), "left a complete one at db.restoring") {
		t.Errorf("a read-only Open does not say where the storage is: %v", err)
	}
	failure := errors.New("of the disk")
	f := backendtest.Fault(b, backendtest.Failure{Op: backendtest.OpRename, N: 1, Err: failure})
	_, err := core.Open(t.Context(), "db", f, quiet)
	if !errors.Is(err, failure) || !strings.Contains(err.Error(),
		"a complete storage at db.restoring, which cannot be moved to db") {
		t.Errorf("Open gives %v", err)
	}
	// of the path, then of what Restore left
	for _, op := range []backendtest.Op{backendtest.OpClaim, backendtest.OpMark} {
		f := backendtest.Fault(b, backendtest.Failure{Op: op, N: 2, Err: failure})
		if _, err := core.Open(t.Context(), "db", f, quiet); !errors.Is(err, failure) ||
			!strings.Contains(err.Error(), "db.restoring") {
			t.Errorf("Open with a failing %s gives %v", op, err)
		}
	}
	if got := row1(t, b, "db"); got != "source" {
		t.Errorf("at last Open finds the row %q", got)
	}
}

// What lies where Restore builds and is not complete, or not of Restore, is no reason to take it.
func TestWhatIsNoCompleteRestoreStays(t *testing.T) {
	b := memory.New()
	backup := stored(t, b, "source")
	for what, leave := range map[string]func(){
		"half a storage": func() {
			f := backendtest.Fault(b,
				backendtest.Failure{Op: backendtest.OpApply, N: 1, Err: errKilled},
				backendtest.Failure{Op: backendtest.OpClaim, N: 3, Err: errKilled})
			core.Restore(t.Context(), "db", f, bytes.NewReader(backup), quiet)
		},
		"another storage": func() { stored(t, b, "db.restoring") },
		"something else": func() {
			c, err := b.Claim(t.Context(), "db.restoring", false)
			if err != nil {
				t.Fatal(err)
			}
			e, err := c.Open(t.Context(), core.EngineOptions{Mark: []byte("somebody else's")})
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		},
	} {
		leave()
		if got := paths(t, b); got != "db.restoring source" {
			t.Fatalf("%s: there is %s", what, got)
		}
		if got := row1(t, b, "db"); got != "" || paths(t, b) != "db db.restoring source" {
			t.Errorf("%s: Open finds the row %q, and there is %s", what, got, paths(t, b))
		}
		remove(t, b, "db")
		remove(t, b, "db.restoring")
	}
}

// During claim number n of a Restore to where nothing is, something happens. These are its claims:
const (
	claimToPublish = 3 // after the path, and the place where it builds
	claimToOpen    = 5 // after the path again
)

func restoreWith(
	t *testing.T, b core.Backend, backup []byte, n int, do func(),
) (*core.Storage, error) {
	t.Helper()
	f := backendtest.Fault(b, backendtest.Failure{Op: backendtest.OpClaim, N: n, Do: do})
	return core.Restore(t.Context(), "db", f, bytes.NewReader(backup), quiet)
}

// An Open cannot tell a Restore that was killed from one that is about to move its storage.
// Then the Restore is done.
func TestRestoreThatAnOpenFinished(t *testing.T) {
	b := memory.New()
	backup := stored(t, b, "source")
	s, err := restoreWith(t, b, backup, claimToPublish, func() {
		if got := row1(t, b, "db"); got != "source" {
			t.Errorf("Open finds the row %q", got)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := rowOf(t, s); got != "source" {
		t.Errorf("the row is %q", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Restore knows what it built by its ID. If another Restore or program has put something else
// there, that is neither published, nor removed, nor opened in place of it.
func TestRestoreKnowsItsStorage(t *testing.T) {
	b := memory.New()
	backup := stored(t, b, "source")
	s, err := restoreWith(t, b, backup, claimToPublish, func() {
		remove(t, b, "db.restoring")
		stored(t, b, "db.restoring")
	})
	if !errors.Is(err, core.ErrConflict) || s != nil || paths(t, b) != "db.restoring source" {
		t.Errorf("Restore gives %v, and there is %s", err, paths(t, b))
	}
	if got := row1(t, b, "db.restoring"); got != "db.restoring" {
		t.Errorf("what another made has the row %q", got)
	}
	remove(t, b, "db.restoring")
	s, err = restoreWith(t, b, backup, claimToOpen, func() {
		remove(t, b, "db")
		stored(t, b, "db")
	})
	if !errors.Is(err, core.ErrConflict) || s != nil {
		t.Errorf("Restore opens what somebody put in place of its storage: %v", err)
	}
	if got := row1(t, b, "db"); got != "db" {
		t.Errorf("what another put there has the row %q", got)
	}
}

// Between finding damage and setting the storage aside, somebody may have put a sound one in
// its place: that one must stay.
func TestOnlyWhatIsDamagedIsSetAside(t *testing.T) {
	b := memory.New()
	stored(t, b, "db")
	stored(t, b, "sound")
	f := backendtest.Fault(b,
		backendtest.Failure{Op: backendtest.OpOpen, N: 1, Err: core.ErrCorrupt},
		backendtest.Failure{Op: backendtest.OpClaim, N: 2, Do: func() {
			remove(t, b, "db")
			move(t, b, "sound", "db")
		}})
	s, err := core.Open(t.Context(), "db", f, quiet, core.WithRecreate(core.OnValidationFail))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if r, ok := s.Recreated(); ok || rowOf(t, s) != "sound" {
		t.Errorf("the row is %q; Recreated = %+v, %v", rowOf(t, s), r, ok)
	}
}

// A relative path was looked up again for the move, so that the storage went to where the
// program worked by then.
func TestRestoreMovesToWhereThePathLedTo(t *testing.T) {
	b := memory.New()
	backup := stored(t, b, "source")
	s, err := core.Restore(t.Context(), "db",
		&moving{Backend: b, dir: "first/"}, bytes.NewReader(backup), quiet)
	if err != nil {
		t.Fatalf("%v; there is %s", err, paths(t, b))
	}
	defer s.Close()
	if got := paths(t, b); got != "first/db source" {
		t.Errorf("there is %s", got)
	}
}

// moving is a backend in a program that goes to another folder after each look at a relative path.
type moving struct {
	core.Backend
	dir string
}

func (b *moving) Resolve(path string) (string, error) {
	if strings.Contains(path, "/") {
		return path, nil
	}
	defer func() { b.dir = "then/" + b.dir }()
	return b.dir + path, nil
}

func (b *moving) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	path, err := b.Resolve(path)
	if err != nil {
		return nil, err
	}
	c, err := b.Backend.Claim(ctx, path, readOnly)
	return movingClaim{c, b}, err
}

type movingClaim struct {
	core.Claim
	b *moving
}

func (c movingClaim) Rename(to string) error {
	to, err := c.b.Resolve(to)
	if err != nil {
		return err
	}
	return c.Claim.Rename(to)
}

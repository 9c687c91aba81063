// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var killedPromises = []kit.Promise{
	{
		Name: "restore/killed", Check: checkRestoreKilled, BareOnly: true,
		Explanation: "wherever a Restore is killed, the next Open of the path finds the old " +
			"storage or the new one with all rows, and no other",
	},
	{
		Name: "restore/between its renames", Check: checkRestoreBetween,
		BareOnly: true, Alone: true,
		Explanation: "while a Restore has set a storage aside and the new one is not at the " +
			"path, an Open returns ErrLocked",
	},
}

// checkRestoreKilled kills a Restore at every call that it makes. Between its two renames the
// old storage has been set aside and the new one is complete under another name: an Open that
// looked only at the path silently made an empty storage there.
func checkRestoreKilled(t *kit.Trial) {
	b := backup(t)
	places := []bool{true, false}
	if t.Short {
		places = places[:1] // it makes all calls of the other one, and each costs several opens
	}
	for _, occupied := range places {
		finished := 0
		for _, op := range restoreOps {
			for n := 1; killedRestore(t, b, occupied, op, n, &finished); n++ {
				removeRestored(t)
			}
			removeRestored(t)
		}
		if finished == 0 {
			t.Errorf("no Restore was killed when the new storage was complete, and not at the "+
				"path (occupied: %v)", occupied)
		}
	}
}

// killedRestore reports whether there was something to kill. In finished it counts the storages
// that Open found complete.
func killedRestore(
	t *kit.Trial, b []byte, occupied bool, op decorate.Op, n int, finished *int,
) bool {
	t.TB.Helper()
	if occupied {
		occupy(t, core.WithVersion(5))
	}
	s, err := restore(t, killedAt(t.Backend, op, n), bytes.NewReader(b), core.WithVersion(5),
		core.WithRecreate(core.Always))
	if err == nil {
		closeStorage(t, s)
		return false
	}
	t.Is("Restore that is killed", err, errKilled)
	left := t.List(restoredPath(t))
	what := fmt.Sprintf("killed at %s %d, leaving %q", op, n, left)
	s, err = core.Open(t.Ctx, restoredPath(t), t.Backend, core.WithVersion(5), quietly,
		core.WithoutSync())
	t.Do("Open after a Restore that was "+what, err)
	mine, all := rowsOf(t, s, "mine"), rowsOf(t, s, "words")
	closeStorage(t, s)
	switch {
	case mine == 0 && all == t.Pick(3000, 500):
		if !slices.Contains(left, restoredPath(t)) {
			*finished++
		}
	case mine == 1 && all == 0 && occupied, mine+all == 0 && !occupied:
	default:
		t.Fatalf("after a Restore that was %s, Open finds %d old rows and %d of the backup",
			what, mine, all)
	}
	if left = restoring(t); len(left) == 0 {
		return true
	}
	s, err = restore(t, t.Backend, bytes.NewReader(b), core.WithVersion(5),
		core.WithRecreate(core.Always))
	t.Do("Restore after one that was "+what, err)
	if got := rowsOf(t, s, "words"); got != t.Pick(3000, 500) {
		t.Fatalf("Restore after one that was %s gives %d rows", what, got)
	}
	closeStorage(t, s)
	if left = restoring(t); len(left) > 0 {
		t.Fatalf("Restore after one that was %s leaves %q", what, left)
	}
	return true
}

// restoring returns what is where Restore builds.
func restoring(t *kit.Trial) []string { return t.List(restoredPath(t) + ".restoring") }

// checkRestoreBetween opens the path while a Restore has set the old storage aside and not yet
// moved the new one there. An Open that was not kept away once made an empty storage, and the
// Restore failed and could not put the old one back.
func checkRestoreBetween(t *kit.Trial) {
	b := backup(t)
	occupy(t, core.WithVersion(5))
	f := decorate.Fault(t.Backend, decorate.Failure{Op: decorate.OpRename, N: 2, Do: func() {
		ctx, cancel := context.WithTimeout(t.Ctx, kit.Briefly)
		defer cancel()
		s, err := core.Open(ctx, restoredPath(t), t.Backend, core.WithVersion(5), quietly)
		if err == nil {
			closeStorage(t, s)
		}
		if !errors.Is(err, core.ErrLocked) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Open between the renames of a Restore gives %v; want ErrLocked", err)
		}
	}})
	s, err := restore(t, f, bytes.NewReader(b), core.WithVersion(5), core.WithRecreate(core.Always))
	t.Do("Restore", err)
	if got := rowsOf(t, s, "words"); got != t.Pick(3000, 500) {
		t.Errorf("there are %d rows", got)
	}
	closeStorage(t, s)
}

// removeRestored removes everything that a Restore made or left behind.
func removeRestored(t *kit.Trial) {
	t.TB.Helper()
	for _, path := range t.List(restoredPath(t)) {
		c := t.Claim(path, false)
		t.Do("Remove", c.Remove())
		t.Release(c)
	}
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/guardkv/guardkv/core"
)

var killedPromises = []promise{
	{
		name: "restore/killed", check: checkRestoreKilled, bareOnly: true,
		explanation: "wherever a Restore is killed, the next Open of the path finds the old storage or the new one with all rows, and no other",
	},
	{
		name: "restore/between its renames", check: checkRestoreBetween, bareOnly: true,
		explanation: "while a Restore has set a storage aside and the new one is not at the path, an Open is ErrLocked",
	},
}

// checkRestoreKilled kills a Restore at every call that it makes. Between its two renames the old storage has been set aside and the
// new one is complete under another name: an Open that looked at the path alone made an empty storage there, in silence.
func checkRestoreKilled(t *trial) {
	b := t.backup()
	places := []bool{true, false}
	if t.short {
		places = places[:1] // which has all calls of the other: few more are worth their many opens
	}
	for _, occupied := range places {
		finished := 0
		for _, op := range restoreOps {
			for n := 1; t.killedRestore(b, occupied, op, n, &finished); n++ {
				t.removeRestored()
			}
			t.removeRestored()
		}
		if finished == 0 {
			t.Errorf("no Restore was killed when the new storage was complete, and not at the path (occupied: %v)", occupied)
		}
	}
}

// killedRestore reports whether there was something to kill. It counts in finished what Open found complete.
func (t *trial) killedRestore(b []byte, occupied bool, op Op, n int, finished *int) bool {
	t.tb.Helper()
	if occupied {
		t.occupy(core.WithVersion(5))
	}
	s, err := t.restore(killedAt(t.backend, op, n), bytes.NewReader(b), core.WithVersion(5), core.WithRecreate(core.Always))
	if err == nil {
		t.closeStorage(s)
		return false
	}
	t.is("Restore that is killed", err, errKilled)
	left := t.list(t.restored())
	what := fmt.Sprintf("killed at %s %d, leaving %q", op, n, left)
	s, err = core.Open(t.ctx, t.restored(), t.backend, core.WithVersion(5), quietly, core.WithoutSync())
	t.do("Open after a Restore that was "+what, err)
	mine, all := t.rowsOf(s, "mine"), t.rowsOf(s, "words")
	t.closeStorage(s)
	switch {
	case mine == 0 && all == t.pick(3000, 500):
		if !slices.Contains(left, t.restored()) {
			*finished++
		}
	case mine == 1 && all == 0 && occupied, mine+all == 0 && !occupied:
	default:
		t.Fatalf("after a Restore that was %s, Open finds %d old rows and %d of the backup", what, mine, all)
	}
	if left = t.restoring(); len(left) == 0 {
		return true
	}
	s, err = t.restore(t.backend, bytes.NewReader(b), core.WithVersion(5), core.WithRecreate(core.Always))
	t.do("Restore after one that was "+what, err)
	if got := t.rowsOf(s, "words"); got != t.pick(3000, 500) {
		t.Fatalf("Restore after one that was %s gives %d rows", what, got)
	}
	t.closeStorage(s)
	if left = t.restoring(); len(left) > 0 {
		t.Fatalf("Restore after one that was %s leaves %q", what, left)
	}
	return true
}

// restoring returns what is where Restore builds.
func (t *trial) restoring() []string { return t.list(t.restored() + ".restoring") }

// checkRestoreBetween opens the path while a Restore has set the old storage aside and not yet moved the new one there. An Open
// that was not kept away made an empty storage, and the Restore failed and could not put the old one back.
func checkRestoreBetween(t *trial) {
	b := t.backup()
	t.occupy(core.WithVersion(5))
	f := Fault(t.backend, Failure{Op: OpRename, N: 2, Do: func() {
		ctx, cancel := context.WithTimeout(t.ctx, briefly)
		defer cancel()
		s, err := core.Open(ctx, t.restored(), t.backend, core.WithVersion(5), quietly)
		if err == nil {
			t.closeStorage(s)
		}
		if !errors.Is(err, core.ErrLocked) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Open between the renames of a Restore gives %v; want ErrLocked", err)
		}
	}})
	s, err := t.restore(f, bytes.NewReader(b), core.WithVersion(5), core.WithRecreate(core.Always))
	t.do("Restore", err)
	if got := t.rowsOf(s, "words"); got != t.pick(3000, 500) {
		t.Errorf("there are %d rows", got)
	}
	t.closeStorage(s)
}

// removeRestored removes all that a Restore made, or left.
func (t *trial) removeRestored() {
	t.tb.Helper()
	for _, path := range t.list(t.restored()) {
		c := t.claim(path, false)
		t.do("Remove", c.Remove())
		t.release(c)
	}
}

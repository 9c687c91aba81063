// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

var backupPromises = []kit.Promise{
	{
		Name: "backup/round trip", Check: checkBackup,
		Explanation: "Backup writes one snapshot, and Restore makes a storage of it, with its " +
			"version, tables and rows",
	},
	{
		Name: "backup/one snapshot", Check: checkBackupSnapshot,
		Explanation: "Backup blocks no writer, and holds nothing that is written while it runs",
	},
	{
		Name: "backup/from memory and to it", Check: checkBackupMemory, BareOnly: true,
		Explanation: "a backup does not depend on the engine: memory restores it, and makes the " +
			"same of it",
	},
	{
		Name: "restore/damaged", Check: checkRestoreDamaged, BareOnly: true,
		Explanation: "restoring a backup that was cut or changed returns ErrCorrupt, and leaves " +
			"nothing at the path",
	},
	{
		Name: "restore/occupied", Check: checkRestoreOccupied,
		Explanation: "Restore refuses a path where a storage is, unless the policy is Always, " +
			"which sets that aside when the new one is complete",
	},
	{
		Name: "restore/appears meanwhile", Check: checkRestoreAppears, BareOnly: true,
		Explanation: "a storage that appears at the path while Restore reads stays as it is",
	},
	{
		Name: "restore/side by side", Check: checkRestoreTwice, BareOnly: true, Alone: true,
		Explanation: "a Restore to a path beside another one returns ErrLocked, and does it no " +
			"harm",
	},
	{
		Name: "restore/leftovers", Check: checkRestoreLeftovers, BareOnly: true,
		Explanation: "what a crash leaves of a Restore is no storage unless it is complete, and " +
			"the next Restore to the path removes it",
	},
	{
		Name: "restore/engine fails", Check: checkRestoreFails, BareOnly: true,
		Explanation: "a Restore that fails leaves nothing behind, and what was at the path stays " +
			"there",
	},
	{
		Name: "restore/cancelled", Check: checkRestoreCancelled, BareOnly: true,
		Explanation: "a Restore that is cancelled gives an error and leaves everything as it " +
			"was, or is done and gives the storage",
	},
	{
		Name: "restore/limits", Check: checkRestoreLimits, BareOnly: true,
		Explanation: "restoring a row over the engine's limits returns ErrTooLarge, with its " +
			"table and key, and leaves nothing behind",
	},
	{
		Name: "restore/versions", Check: checkRestoreVersions, BareOnly: true,
		Explanation: "Restore decides about the version of a backup as Open does about a stored " +
			"one",
	},
}

// refusesRestore ends the check unless Restore gives the error and leaves nothing.
func refusesRestore(
	t *kit.Trial, what string, want error, b core.Backend, r io.Reader, opts ...core.Option,
) error {
	t.TB.Helper()
	_, err := restore(t, b, r, opts...)
	t.Is("Restore "+what, err, want)
	nothingRestored(t, what)
	return err
}

func nothingRestored(t *kit.Trial, what string) {
	t.TB.Helper()
	if got := t.List(restoredPath(t)); len(got) != 0 {
		t.Fatalf("Restore %s left %q", what, got)
	}
}

func checkBackup(t *kit.Trial) {
	b := backup(t)
	var progress []core.RestoreProgress
	s, err := restore(t, t.Backend, bytes.NewReader(b), core.WithVersion(5),
		core.WithRestoreProgress(func(p core.RestoreProgress) { progress = append(progress, p) }))
	t.Do("Restore", err)
	rows := int64(t.Pick(3000, 500))
	if last := progress[len(progress)-1]; last != (core.RestoreProgress{
		Rows:  rows + 3,
		Bytes: int64(len(b)),
	}) {
		t.Errorf("the last progress is %+v, of %d rows and %d bytes", last, rows+3, len(b))
	}
	for range 2 {
		isPrefix(t, openWords(t, s, "words"), core.StreamStats{Rows: rows})
		if v, err := table(t, s, "sums",
			keys.Int64(), values.JSON[int]()).Load(t.Ctx, -1); v != 7 || err != nil {
			t.Errorf("the row of the second table is %d, %v; want 7", v, err)
		}
		holds(t, openWords(t, s, "\xff not utf-8"), kit.KV("", ""),
			kit.KV("long", strings.Repeat("long ", 50_000)))
		infos, err := s.Tables(t.Ctx)
		if err != nil || len(infos) != 4 || infos[0].Name != "empty" || !infos[1].Checksums ||
			infos[2].Checksums {
			t.Errorf("Tables = %+v, %v", infos, err)
		}
		t.Do("Check", s.Check(t.Ctx))
		if again := backupOf(t, s); !bytes.Equal(again, b) {
			t.Errorf("the backup of what was restored has %d bytes, and is not the one that was "+
				"restored, of %d", len(again), len(b))
		}
		closeStorage(t, s)
		s, err = core.Open(t.Ctx, restoredPath(t), t.Backend, core.WithVersion(5))
		t.Do("Open", err)
	}
	closeStorage(t, s)
}

func checkBackupSnapshot(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 2000)
	var buf bytes.Buffer
	n := 0
	t.Within(kit.Soon, "Backup to a writer that writes to the table", func() {
		t.Do("Backup", s.Backup(t.Ctx, writerFunc(func(p []byte) (int, error) {
			n++
			put1(t, tab, fmt.Sprintf("later %d", n), "v")
			_, err := tab.Delete(t.Ctx, fmt.Sprintf("some%06d", 2000-n))
			t.Do("Delete", err)
			openWords(t, s, fmt.Sprintf("later %d", n))
			return buf.Write(p)
		})))
	})
	failure := errors.New("of the writer")
	t.Is("Backup to a writer that fails",
		s.Backup(t.Ctx, writerFunc(func([]byte) (int, error) { return 0, failure })), failure)
	t.Is("Backup that is cancelled", s.Backup(kit.Cancelled(), io.Discard), context.Canceled)
	closeStorage(t, s)
	t.Is("Backup of a closed storage", s.Backup(t.Ctx, io.Discard), core.ErrClosed)
	restored, err := restore(t, t.Backend, &buf)
	t.Do("Restore", err)
	isPrefix(t, openWords(t, restored, "words"), core.StreamStats{Rows: 2000})
	if infos, err := restored.Tables(t.Ctx); len(infos) != 1 || err != nil {
		t.Errorf("Tables = %+v, %v; want one", infos, err)
	}
}

func checkBackupMemory(t *kit.Trial) {
	b := backup(t)
	m, err := core.Restore(t.Ctx, "m", memory.New(), bytes.NewReader(b), core.WithVersion(5))
	t.Do("Restore to memory", err)
	again := backupOf(t, m)
	closeStorage(t, m)
	s, err := restore(t, t.Backend, bytes.NewReader(again), core.WithVersion(5))
	t.Do("Restore from memory", err)
	if !bytes.Equal(again, b) || !bytes.Equal(backupOf(t, s), b) {
		t.Errorf("the backups of %s, of memory, and of %s again differ",
			t.Backend.Name(), t.Backend.Name())
	}
}

func checkRestoreDamaged(t *kit.Trial) {
	b := backup(t)
	refused := func(what string, b []byte) {
		t.TB.Helper()
		refusesRestore(t, "of a backup "+what, core.ErrCorrupt, t.Backend, bytes.NewReader(b),
			core.WithVersion(5))
	}
	for _, cut := range []int{0, 1, 10, len(b) / 3, len(b) / 2, len(b) - 20, len(b) - 1} {
		refused(fmt.Sprintf("cut to %d of %d bytes", cut, len(b)), b[:cut])
	}
	for i := range t.Pick(30, 10) {
		bad := bytes.Clone(b)
		at := (i * 7919) % len(b)
		if i%2 == 0 {
			at = i * 2 // the head
		}
		bad[at] ^= 4
		refused(fmt.Sprintf("with a bit flipped at %d", at), bad)
	}
	refused("with something behind it", append(bytes.Clone(b), 'x'))
	refused("twice", append(bytes.Clone(b), b...))
	failure := errors.New("of the reader")
	refusesRestore(t, "from a reader that fails", failure, t.Backend,
		io.MultiReader(bytes.NewReader(b[:len(b)/2]), failing{failure}), core.WithVersion(5))
}

// failing is a reader that fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// wantOccupied ends the check unless the storage of occupy is at a path, and beside it only what
// is expected.
func wantOccupied(t *kit.Trial, path string, beside ...string) {
	t.TB.Helper()
	s, err := core.Open(t.Ctx, path, t.Backend, core.WithAnyVersion())
	t.Do("Open", err)
	holds(t, openWords(t, s, "mine"), kit.KV("k", "v"))
	closeStorage(t, s)
	if got := t.List(restoredPath(t)); !slices.Equal(got, append([]string{path}, beside...)) {
		t.Errorf("there is %q; want %q and %q", got, path, beside)
	}
}

func checkRestoreOccupied(t *kit.Trial) {
	b := backup(t)
	occupy(t, core.WithVersion(5))
	_, err := restore(t, t.Backend, bytes.NewReader(b), core.WithVersion(5))
	t.Is("Restore over a storage", err, core.ErrExists)
	_, err = restore(t, t.Backend, bytes.NewReader(b[:len(b)-1]), core.WithVersion(5),
		core.WithRecreate(core.Always))
	t.Is("Restore of a cut backup over a storage", err, core.ErrCorrupt)
	wantOccupied(t, restoredPath(t))
	s, err := restore(t, t.Backend, bytes.NewReader(b), core.WithVersion(5),
		core.WithRecreate(core.Always))
	t.Do("Restore with Always", err)
	isPrefix(t, openWords(t, s, "words"), core.StreamStats{Rows: int64(t.Pick(3000, 500))})
	r, ok := s.Recreated()
	if !ok || r.Reason != core.Always {
		t.Fatalf("Recreated = %+v, %v", r, ok)
	}
	closeStorage(t, s)
	if got := t.List(restoredPath(t)); !slices.Equal(got, []string{restoredPath(t), r.Path}) {
		t.Errorf("there is %q", got)
	}
	old, err := core.Open(t.Ctx, r.Path, t.Backend, core.WithAnyVersion())
	t.Do("Open of the old storage", err)
	holds(t, openWords(t, old, "mine"), kit.KV("k", "v"))
	closeStorage(t, old)
}

// interrupted is a backup whose reader does something before its last part.
func interrupted(b []byte, do func()) io.Reader {
	half := len(b) / 2
	return io.MultiReader(bytes.NewReader(b[:half]), doing(do), bytes.NewReader(b[half:]))
}

// doing is a reader of nothing that does something first.
type doing func()

func (d doing) Read([]byte) (int, error) {
	d()
	return 0, io.EOF
}

func checkRestoreAppears(t *kit.Trial) {
	b := backup(t)
	_, err := restore(t, t.Backend, interrupted(b, func() { occupy(t) }), core.WithVersion(5))
	t.Is("Restore to a path where a storage appears", err, core.ErrExists)
	wantOccupied(t, restoredPath(t))
}

func checkRestoreTwice(t *kit.Trial) {
	b := backup(t)
	s, err := restore(t, t.Backend, interrupted(b, func() {
		_, err := restore(t, t.Backend, bytes.NewReader(b), core.WithVersion(5))
		t.Is("Restore beside another", err, core.ErrLocked)
	}), core.WithVersion(5))
	t.Do("Restore", err)
	isPrefix(t, openWords(t, s, "words"), core.StreamStats{Rows: int64(t.Pick(3000, 500))})
}

func checkRestoreLeftovers(t *kit.Trial) {
	b := backup(t)
	failure := errors.New("as if by a crash")
	restoring := restoredPath(t) + ".restoring"
	for _, c := range []struct {
		what string
		b    []byte
		plan []decorate.Failure
	}{
		{
			"in its middle",
			b[:len(b)/2],
			[]decorate.Failure{{Op: decorate.OpClaim, N: 3, Err: failure}},
		},
		{"at its end", b, []decorate.Failure{
			{Op: decorate.OpRename, N: 1, Err: failure},
			{Op: decorate.OpClaim, N: 5, Err: failure},
		}},
	} {
		_, err := restore(t, decorate.Fault(t.Backend, c.plan...), bytes.NewReader(c.b),
			core.WithVersion(5))
		t.Is("Restore that cannot clean up", err, failure)
		if got := t.List(restoredPath(t)); !slices.Equal(got, []string{restoring}) {
			t.Fatalf("a Restore that ended %s leaves %q", c.what, got)
		}
		if c.what == "in its middle" && !t.Shared() {
			_, err = core.Open(t.Ctx, restoring, t.Backend, core.WithAnyVersion(),
				core.WithRecreate(core.Always))
			t.Is("Open of a half restored storage", err, core.ErrNotStorage)
		}
		s, err := restore(t, t.Backend, bytes.NewReader(b), core.WithVersion(5))
		t.Do("Restore over what was left "+c.what, err)
		isPrefix(t, openWords(t, s, "words"), core.StreamStats{Rows: int64(t.Pick(3000, 500))})
		closeStorage(t, s)
		if got := t.List(restoredPath(t)); !slices.Equal(got, []string{restoredPath(t)}) {
			t.Fatalf("there is %q", got)
		}
		claim := t.Claim(restoredPath(t), false)
		t.Do("Remove", claim.Remove())
		t.Release(claim)
	}
	s, err := restore(t, t.Backend, bytes.NewReader(b), core.WithVersion(5))
	t.Do("Restore", err)
	closeStorage(t, s)
	c := t.Claim(restoredPath(t), false)
	t.Do("Rename", c.Rename(restoring))
	t.Release(c)
	_, err = restore(t, t.Backend, bytes.NewReader(b), core.WithVersion(5))
	t.Is("Restore beside a storage that only has the name of a leftover", err, core.ErrExists)
	if got := t.List(restoredPath(t)); !slices.Equal(got, []string{restoring}) {
		t.Errorf("there is %q", got)
	}
}

func checkRestoreFails(t *kit.Trial) {
	b := backup(t)
	failure := errors.New("of the engine")
	for _, op := range []decorate.Op{
		decorate.OpClaim, decorate.OpMark, decorate.OpOpen,
		decorate.OpApply, decorate.OpSetMark, decorate.OpRename,
	} {
		refusesRestore(t, "when it fails to "+string(op), failure, decorate.Fault(t.Backend,
			decorate.Failure{Op: op, N: 1, Err: failure}), bytes.NewReader(b), core.WithVersion(5))
	}
	occupy(t, core.WithVersion(5))
	for n := range 2 {
		broken := decorate.Fault(t.Backend,
			decorate.Failure{Op: decorate.OpRename, N: n + 1, Err: failure})
		_, err := restore(t, broken, bytes.NewReader(b), core.WithVersion(5),
			core.WithRecreate(core.Always))
		t.Is("Restore that cannot move", err, failure)
		wantOccupied(t, restoredPath(t))
	}
	// something was at the path for a moment, and then the path cannot be looked at
	var broken *decorate.Faults
	broken = decorate.Fault(t.Backend,
		decorate.Failure{Op: decorate.OpRename, N: 2, Err: fs.ErrExist, Do: func() {
			broken.Fail(decorate.Failure{Op: decorate.OpClaim, N: 1, Err: failure})
		}})
	_, err := restore(t, broken, bytes.NewReader(b), core.WithVersion(5),
		core.WithRecreate(core.Always))
	t.Is("Restore that cannot try again", err, failure)
	wantOccupied(t, restoredPath(t))
}

func checkRestoreCancelled(t *kit.Trial) {
	b := backup(t)
	for _, op := range []decorate.Op{
		decorate.OpClaim, decorate.OpMark, decorate.OpOpen,
		decorate.OpApply, decorate.OpSetMark, decorate.OpRename, decorate.OpSnapshot,
	} {
		for n := 1; ; n++ {
			ctx, cancel := context.WithCancel(t.Ctx)
			reached := false
			f := decorate.Fault(t.Backend,
				decorate.Failure{Op: op, N: n, Do: func() { reached = true; cancel() }})
			s, err := core.Restore(ctx, restoredPath(t), f, bytes.NewReader(b), core.WithVersion(5),
				core.WithoutSync())
			cancel()
			if err != nil {
				nothingRestored(t,
					fmt.Sprintf("that was cancelled at %s %d, with the error %v,", op, n, err))
				continue
			}
			isPrefix(t, openWords(t, s, "words"), core.StreamStats{Rows: int64(t.Pick(3000, 500))})
			closeStorage(t, s)
			c := t.Claim(restoredPath(t), false)
			t.Do("Remove", c.Remove())
			t.Release(c)
			if !reached {
				break
			}
		}
	}
}

func checkRestoreLimits(t *kit.Trial) {
	s := t.Create()
	limits := s.Limits()
	s.MustClose()
	c := t.Claim(t.Path, false)
	t.Do("Remove", c.Remove())
	t.Release(c)
	const much = 1 << 22 // what tests can hold in memory
	if limits.Key > 0 && limits.Key < much {
		refusedRow(t, strings.Repeat("k", limits.Key), "v")
	}
	if limits.Value > 0 && limits.Value < much {
		refusedRow(t, "k", strings.Repeat("v", limits.Value+1))
	}
	if limits.BatchBytes > 0 && limits.BatchBytes < 16*much {
		refusedRow(t, "k", strings.Repeat("v", limits.BatchBytes))
	}
}

// refusedRow restores a row that memory takes and the engine does not.
func refusedRow(t *kit.Trial, key, value string) {
	t.TB.Helper()
	m, err := core.Open(t.Ctx, "m", memory.New())
	t.Do("Open", err)
	tab := openWords(t, m, "wide")
	put1(t, tab, "a", "fits")
	put1(t, tab, key, value)
	err = refusesRestore(t, "of a row that is too large",
		core.ErrTooLarge, t.Backend, bytes.NewReader(backupOf(t, m)))
	closeStorage(t, m)
	var e *core.Error
	if !errors.As(err, &e) || e.Table != "wide" || !bytes.Equal(e.Key.([]byte), []byte(key)) {
		t.Errorf("the error does not name table and key: %.200v", err)
	}
}

func checkRestoreVersions(t *kit.Trial) {
	b := backup(t)
	for _, c := range []struct {
		what string
		opts []core.Option
	}{
		{"of a newer version", []core.Option{core.WithVersion(4)}},
		{"of an older version", []core.Option{core.WithVersion(6)}},
		{"of an older version under OnVersionBump", []core.Option{
			core.WithVersion(6),
			core.WithRecreate(core.OnVersionBump | core.Always),
		}},
	} {
		refusesRestore(t, c.what, core.ErrVersionMismatch, t.Backend, bytes.NewReader(b), c.opts...)
	}
	refusesRestore(t, "with WithReadOnly",
		core.ErrReadOnly, t.Backend, bytes.NewReader(b), core.WithVersion(5), core.WithReadOnly())
	s, err := restore(t, t.Backend, bytes.NewReader(b), core.WithVersion(6), core.WithMigration(
		func(ctx context.Context, s *core.Storage, from, to uint64) error {
			if from != 5 || to != 6 {
				t.Errorf("the migration is from %d to %d; want from 5 to 6", from, to)
			}
			return openWords(t, s, "words").Put(ctx, "migrated", "row")
		}))
	t.Do("Restore with a migration", err)
	reads(t, openWords(t, s, "words"), "migrated", "row")
	b = backupOf(t, s)
	closeStorage(t, s)
	s, err = core.Open(t.Ctx, restoredPath(t), t.Backend, core.WithVersion(6))
	t.Do("Open with the new version", err)
	closeStorage(t, s)
	s, err = restore(t, t.Backend, bytes.NewReader(b), core.WithAnyVersion(),
		core.WithRecreate(core.Always))
	t.Do("Restore with WithAnyVersion", err)
	closeStorage(t, s)
	s, err = core.Open(t.Ctx, restoredPath(t), t.Backend, core.WithVersion(6))
	t.Do("Open with the version of the backup", err)
	closeStorage(t, s)
}

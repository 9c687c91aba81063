// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

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
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

var backupPromises = []promise{
	{
		name: "backup/round trip", check: checkBackup,
		explanation: "Backup writes one snapshot, and Restore makes a storage of it, with its version, tables and rows",
	},
	{
		name: "backup/one snapshot", check: checkBackupSnapshot,
		explanation: "Backup blocks no writer, and holds nothing that is written while it runs",
	},
	{
		name: "backup/from memory and to it", check: checkBackupMemory, bareOnly: true,
		explanation: "a backup does not depend on the engine: memory restores it, and makes the same of it",
	},
	{
		name: "restore/damaged", check: checkRestoreDamaged, bareOnly: true,
		explanation: "a backup that is cut or changed is ErrCorrupt, and leaves nothing at the path",
	},
	{
		name: "restore/occupied", check: checkRestoreOccupied,
		explanation: "Restore refuses a path where a storage is, unless the policy is Always, which sets that aside when the new one is complete",
	},
	{
		name: "restore/appears meanwhile", check: checkRestoreAppears, bareOnly: true,
		explanation: "a storage that appears at the path while Restore reads stays as it is",
	},
	{
		name: "restore/side by side", check: checkRestoreTwice, bareOnly: true,
		explanation: "a Restore to a path beside another one is ErrLocked, and does it no harm",
	},
	{
		name: "restore/leftovers", check: checkRestoreLeftovers, bareOnly: true,
		explanation: "what a crash leaves of a Restore is no storage unless it is complete, and the next Restore to the path removes it",
	},
	{
		name: "restore/engine fails", check: checkRestoreFails, bareOnly: true,
		explanation: "a Restore that fails leaves nothing behind, and what was at the path stays there",
	},
	{
		name: "restore/cancelled", check: checkRestoreCancelled, bareOnly: true,
		explanation: "a Restore that is cancelled gives an error and leaves everything as it was, or is done and gives the storage",
	},
	{
		name: "restore/limits", check: checkRestoreLimits, bareOnly: true,
		explanation: "a row over the engine's limits is ErrTooLarge, with its table and key, and leaves nothing behind",
	},
	{
		name: "restore/versions", check: checkRestoreVersions, bareOnly: true,
		explanation: "Restore decides about the version of a backup as Open does about a stored one",
	},
}

// refused ends the check unless Restore gives the error and leaves nothing.
func (t *trial) refused(what string, want error, b core.Backend, r io.Reader, opts ...core.Option) error {
	t.tb.Helper()
	_, err := t.restore(b, r, opts...)
	t.is("Restore "+what, err, want)
	t.nothingRestored(what)
	return err
}

func (t *trial) nothingRestored(what string) {
	t.tb.Helper()
	if got := t.list(t.restored()); len(got) != 0 {
		t.Fatalf("Restore %s left %q", what, got)
	}
}

func checkBackup(t *trial) {
	b := t.backup()
	var progress []core.RestoreProgress
	s, err := t.restore(t.backend, bytes.NewReader(b), core.WithVersion(5),
		core.WithRestoreProgress(func(p core.RestoreProgress) { progress = append(progress, p) }))
	t.do("Restore", err)
	rows := int64(t.pick(3000, 500))
	if last := progress[len(progress)-1]; last != (core.RestoreProgress{Rows: rows + 3, Bytes: int64(len(b))}) {
		t.Errorf("the last progress is %+v, of %d rows and %d bytes", last, rows+3, len(b))
	}
	for range 2 {
		isPrefix(t, t.words(s, "words"), core.StreamStats{Rows: rows})
		if v, err := table(t, s, "sums", keys.Int64(), values.JSON[int]()).Load(t.ctx, -1); v != 7 || err != nil {
			t.Errorf("the row of the second table is %d, %v; want 7", v, err)
		}
		holds(t, t.words(s, "\xff not utf-8"), row{"", ""}, row{"long", strings.Repeat("long ", 50_000)})
		infos, err := s.Tables(t.ctx)
		if err != nil || len(infos) != 4 || infos[0].Name != "empty" || !infos[1].Checksums || infos[2].Checksums {
			t.Errorf("Tables = %+v, %v", infos, err)
		}
		t.do("Check", s.Check(t.ctx))
		if again := t.backupOf(s); !bytes.Equal(again, b) {
			t.Errorf("the backup of what was restored has %d bytes, and is not the one that was restored, of %d", len(again), len(b))
		}
		t.closeStorage(s)
		s, err = core.Open(t.ctx, t.restored(), t.backend, core.WithVersion(5))
		t.do("Open", err)
	}
	t.closeStorage(s)
}

func checkBackupSnapshot(t *trial) {
	s, tab := t.one()
	load(t, tab, 2000)
	var buf bytes.Buffer
	n := 0
	t.within(soon, "Backup to a writer that writes to the table", func() {
		t.do("Backup", s.Backup(t.ctx, writerFunc(func(p []byte) (int, error) {
			n++
			put1(t, tab, fmt.Sprintf("later %d", n), "v")
			_, err := tab.Delete(t.ctx, fmt.Sprintf("some%06d", 2000-n))
			t.do("Delete", err)
			t.words(s, fmt.Sprintf("later %d", n))
			return buf.Write(p)
		})))
	})
	failure := errors.New("of the writer")
	t.is("Backup to a writer that fails", s.Backup(t.ctx, writerFunc(func([]byte) (int, error) { return 0, failure })), failure)
	t.is("Backup that is cancelled", s.Backup(cancelled(), io.Discard), context.Canceled)
	t.closeStorage(s)
	t.is("Backup of a closed storage", s.Backup(t.ctx, io.Discard), core.ErrClosed)
	restored, err := t.restore(t.backend, &buf)
	t.do("Restore", err)
	isPrefix(t, t.words(restored, "words"), core.StreamStats{Rows: 2000})
	if infos, err := restored.Tables(t.ctx); len(infos) != 1 || err != nil {
		t.Errorf("Tables = %+v, %v; want one", infos, err)
	}
}

func checkBackupMemory(t *trial) {
	b := t.backup()
	m, err := core.Restore(t.ctx, "m", memory.New(), bytes.NewReader(b), core.WithVersion(5))
	t.do("Restore to memory", err)
	again := t.backupOf(m)
	t.closeStorage(m)
	s, err := t.restore(t.backend, bytes.NewReader(again), core.WithVersion(5))
	t.do("Restore from memory", err)
	if !bytes.Equal(again, b) || !bytes.Equal(t.backupOf(s), b) {
		t.Errorf("the backups of %s, of memory, and of %s again differ", t.backend.Name(), t.backend.Name())
	}
}

func checkRestoreDamaged(t *trial) {
	b := t.backup()
	refused := func(what string, b []byte) {
		t.tb.Helper()
		t.refused("of a backup "+what, core.ErrCorrupt, t.backend, bytes.NewReader(b), core.WithVersion(5))
	}
	for _, cut := range []int{0, 1, 10, len(b) / 3, len(b) / 2, len(b) - 20, len(b) - 1} {
		refused(fmt.Sprintf("cut to %d of %d bytes", cut, len(b)), b[:cut])
	}
	for i := range t.pick(30, 10) {
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
	t.refused("from a reader that fails", failure, t.backend, io.MultiReader(bytes.NewReader(b[:len(b)/2]), failing{failure}), core.WithVersion(5))
}

// failing is a reader that fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// occupied ends the check unless that storage is at a path, and nothing else but what is expected.
func (t *trial) occupied(path string, beside ...string) {
	t.tb.Helper()
	s, err := core.Open(t.ctx, path, t.backend, core.WithAnyVersion())
	t.do("Open", err)
	holds(t, t.words(s, "mine"), row{"k", "v"})
	t.closeStorage(s)
	if got := t.list(t.restored()); !slices.Equal(got, append([]string{path}, beside...)) {
		t.Errorf("there is %q; want %q and %q", got, path, beside)
	}
}

func checkRestoreOccupied(t *trial) {
	b := t.backup()
	t.occupy(core.WithVersion(5))
	_, err := t.restore(t.backend, bytes.NewReader(b), core.WithVersion(5))
	t.is("Restore over a storage", err, core.ErrExists)
	_, err = t.restore(t.backend, bytes.NewReader(b[:len(b)-1]), core.WithVersion(5), core.WithRecreate(core.Always))
	t.is("Restore of a cut backup over a storage", err, core.ErrCorrupt)
	t.occupied(t.restored())
	s, err := t.restore(t.backend, bytes.NewReader(b), core.WithVersion(5), core.WithRecreate(core.Always))
	t.do("Restore with Always", err)
	isPrefix(t, t.words(s, "words"), core.StreamStats{Rows: int64(t.pick(3000, 500))})
	r, ok := s.Recreated()
	if !ok || r.Reason != core.Always {
		t.Fatalf("Recreated = %+v, %v", r, ok)
	}
	t.closeStorage(s)
	if got := t.list(t.restored()); !slices.Equal(got, []string{t.restored(), r.Path}) {
		t.Errorf("there is %q", got)
	}
	old, err := core.Open(t.ctx, r.Path, t.backend, core.WithAnyVersion())
	t.do("Open of the old storage", err)
	holds(t, t.words(old, "mine"), row{"k", "v"})
	t.closeStorage(old)
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

func checkRestoreAppears(t *trial) {
	b := t.backup()
	_, err := t.restore(t.backend, interrupted(b, func() { t.occupy() }), core.WithVersion(5))
	t.is("Restore to a path where a storage appears", err, core.ErrExists)
	t.occupied(t.restored())
}

func checkRestoreTwice(t *trial) {
	b := t.backup()
	s, err := t.restore(t.backend, interrupted(b, func() {
		_, err := t.restore(t.backend, bytes.NewReader(b), core.WithVersion(5))
		t.is("Restore beside another", err, core.ErrLocked)
	}), core.WithVersion(5))
	t.do("Restore", err)
	isPrefix(t, t.words(s, "words"), core.StreamStats{Rows: int64(t.pick(3000, 500))})
}

func checkRestoreLeftovers(t *trial) {
	b := t.backup()
	failure := errors.New("as if by a crash")
	restoring := t.restored() + ".restoring"
	for _, c := range []struct {
		what string
		b    []byte
		plan []Failure
	}{
		{"in its middle", b[:len(b)/2], []Failure{{Op: OpClaim, N: 3, Err: failure}}},
		{"at its end", b, []Failure{{Op: OpRename, N: 1, Err: failure}, {Op: OpClaim, N: 5, Err: failure}}},
	} {
		_, err := t.restore(Fault(t.backend, c.plan...), bytes.NewReader(c.b), core.WithVersion(5))
		t.is("Restore that cannot clean up", err, failure)
		if got := t.list(t.restored()); !slices.Equal(got, []string{restoring}) {
			t.Fatalf("a Restore that ended %s leaves %q", c.what, got)
		}
		if c.what == "in its middle" {
			_, err = core.Open(t.ctx, restoring, t.backend, core.WithAnyVersion(), core.WithRecreate(core.Always))
			t.is("Open of a half restored storage", err, core.ErrNotStorage)
		}
		s, err := t.restore(t.backend, bytes.NewReader(b), core.WithVersion(5))
		t.do("Restore over what was left "+c.what, err)
		isPrefix(t, t.words(s, "words"), core.StreamStats{Rows: int64(t.pick(3000, 500))})
		t.closeStorage(s)
		if got := t.list(t.restored()); !slices.Equal(got, []string{t.restored()}) {
			t.Fatalf("there is %q", got)
		}
		claim := t.claim(t.restored(), false)
		t.do("Remove", claim.Remove())
		t.release(claim)
	}
	s, err := t.restore(t.backend, bytes.NewReader(b), core.WithVersion(5))
	t.do("Restore", err)
	t.closeStorage(s)
	c := t.claim(t.restored(), false)
	t.do("Rename", c.Rename(restoring))
	t.release(c)
	_, err = t.restore(t.backend, bytes.NewReader(b), core.WithVersion(5))
	t.is("Restore beside a storage that only has the name of a leftover", err, core.ErrExists)
	if got := t.list(t.restored()); !slices.Equal(got, []string{restoring}) {
		t.Errorf("there is %q", got)
	}
}

func checkRestoreFails(t *trial) {
	b := t.backup()
	failure := errors.New("of the engine")
	for _, op := range []Op{OpClaim, OpMark, OpOpen, OpApply, OpSetMark, OpRename} {
		t.refused("when it fails to "+string(op), failure, Fault(t.backend, Failure{Op: op, N: 1, Err: failure}), bytes.NewReader(b), core.WithVersion(5))
	}
	t.occupy(core.WithVersion(5))
	for n := range 2 {
		broken := Fault(t.backend, Failure{Op: OpRename, N: n + 1, Err: failure})
		_, err := t.restore(broken, bytes.NewReader(b), core.WithVersion(5), core.WithRecreate(core.Always))
		t.is("Restore that cannot move", err, failure)
		t.occupied(t.restored())
	}
	var broken *Faults // something was at the path for a moment, and then the path cannot be looked at
	broken = Fault(t.backend, Failure{Op: OpRename, N: 2, Err: fs.ErrExist, Do: func() {
		broken.Fail(Failure{Op: OpClaim, N: 1, Err: failure})
	}})
	_, err := t.restore(broken, bytes.NewReader(b), core.WithVersion(5), core.WithRecreate(core.Always))
	t.is("Restore that cannot try again", err, failure)
	t.occupied(t.restored())
}

func checkRestoreCancelled(t *trial) {
	b := t.backup()
	for _, op := range []Op{OpClaim, OpMark, OpOpen, OpApply, OpSetMark, OpRename, OpSnapshot} {
		for n := 1; ; n++ {
			ctx, cancel := context.WithCancel(t.ctx)
			reached := false
			f := Fault(t.backend, Failure{Op: op, N: n, Do: func() { reached = true; cancel() }})
			s, err := core.Restore(ctx, t.restored(), f, bytes.NewReader(b), core.WithVersion(5), core.WithoutSync())
			cancel()
			if err != nil {
				t.nothingRestored(fmt.Sprintf("that was cancelled at %s %d, with the error %v,", op, n, err))
				continue
			}
			isPrefix(t, t.words(s, "words"), core.StreamStats{Rows: int64(t.pick(3000, 500))})
			t.closeStorage(s)
			c := t.claim(t.restored(), false)
			t.do("Remove", c.Remove())
			t.release(c)
			if !reached {
				break
			}
		}
	}
}

func checkRestoreLimits(t *trial) {
	s := t.create()
	limits := s.Limits()
	s.close()
	c := t.claim(t.path, false)
	t.do("Remove", c.Remove())
	t.release(c)
	const much = 1 << 22 // what tests can hold in memory
	if limits.Key > 0 && limits.Key < much {
		t.refusedRow(strings.Repeat("k", limits.Key), "v")
	}
	if limits.Value > 0 && limits.Value < much {
		t.refusedRow("k", strings.Repeat("v", limits.Value+1))
	}
	if limits.BatchBytes > 0 && limits.BatchBytes < 16*much {
		t.refusedRow("k", strings.Repeat("v", limits.BatchBytes))
	}
}

// refusedRow restores a row that memory takes and the engine does not.
func (t *trial) refusedRow(key, value string) {
	t.tb.Helper()
	m, err := core.Open(t.ctx, "m", memory.New())
	t.do("Open", err)
	tab := t.words(m, "wide")
	put1(t, tab, "a", "fits")
	put1(t, tab, key, value)
	err = t.refused("of a row that is too large", core.ErrTooLarge, t.backend, bytes.NewReader(t.backupOf(m)))
	t.closeStorage(m)
	var e *core.Error
	if !errors.As(err, &e) || e.Table != "wide" || !bytes.Equal(e.Key.([]byte), []byte(key)) {
		t.Errorf("the error does not name table and key: %.200v", err)
	}
}

func checkRestoreVersions(t *trial) {
	b := t.backup()
	for _, c := range []struct {
		what string
		opts []core.Option
	}{
		{"of a newer version", []core.Option{core.WithVersion(4)}},
		{"of an older version", []core.Option{core.WithVersion(6)}},
		{"of an older version under OnVersionBump", []core.Option{core.WithVersion(6), core.WithRecreate(core.OnVersionBump | core.Always)}},
	} {
		t.refused(c.what, core.ErrVersionMismatch, t.backend, bytes.NewReader(b), c.opts...)
	}
	t.refused("with WithReadOnly", core.ErrReadOnly, t.backend, bytes.NewReader(b), core.WithVersion(5), core.WithReadOnly())
	s, err := t.restore(t.backend, bytes.NewReader(b), core.WithVersion(6), core.WithMigration(
		func(ctx context.Context, s *core.Storage, from, to uint64) error {
			if from != 5 || to != 6 {
				t.Errorf("the migration is from %d to %d; want from 5 to 6", from, to)
			}
			return t.words(s, "words").Put(ctx, "migrated", "row")
		}))
	t.do("Restore with a migration", err)
	reads(t, t.words(s, "words"), "migrated", "row")
	b = t.backupOf(s)
	t.closeStorage(s)
	s, err = core.Open(t.ctx, t.restored(), t.backend, core.WithVersion(6))
	t.do("Open with the new version", err)
	t.closeStorage(s)
	s, err = t.restore(t.backend, bytes.NewReader(b), core.WithAnyVersion(), core.WithRecreate(core.Always))
	t.do("Restore with WithAnyVersion", err)
	t.closeStorage(s)
	s, err = core.Open(t.ctx, t.restored(), t.backend, core.WithVersion(6))
	t.do("Open with the version of the backup", err)
	t.closeStorage(s)
}

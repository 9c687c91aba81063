// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var backupPromises = []promise{
	{name: "backup/round trip", check: checkBackup,
		explanation: "Backup writes one snapshot, and Restore makes a storage of it, with its version, tables and rows"},
	{name: "backup/one snapshot", check: checkBackupSnapshot,
		explanation: "Backup blocks no writer, and holds nothing that is written while it runs"},
	{name: "backup/damaged", check: checkBackupDamaged,
		explanation: "a backup that is cut or changed is ErrCorrupt, and leaves nothing at the path"},
	{name: "backup/occupied", check: checkRestoreOccupied,
		explanation: "Restore refuses a path where something is, and leaves that as it was"},
}

// backup makes a storage of version 5 with a few tables, and returns its backup.
func (t *trial) backup() []byte {
	t.tb.Helper()
	s, tab := t.one(core.WithVersion(5))
	load(t, tab, pick(3000, 500))
	put1(t, table(t, s, "sums", keys.Int64(), values.JSON[int](), core.WithChecksums()), -1, 7)
	t.words(s, "empty")
	t.words(s, "dropped")
	t.do("DropTable", s.DropTable(t.ctx, "dropped"))
	var buf bytes.Buffer
	t.do("Backup", s.Backup(t.ctx, &buf))
	t.closeStorage(s)
	return buf.Bytes()
}

func checkBackup(t *trial) {
	b := t.backup()
	s, err := core.Restore(t.ctx, t.path+".restored", t.backend, bytes.NewReader(b), core.WithVersion(5), core.WithoutSync())
	t.do("Restore", err)
	for range 2 {
		isPrefix(t, t.words(s, "words"), core.StreamStats{Rows: int64(pick(3000, 500))})
		if v, err := table(t, s, "sums", keys.Int64(), values.JSON[int]()).Load(t.ctx, -1); v != 7 || err != nil {
			t.Errorf("the row of the second table is %d, %v; want 7", v, err)
		}
		infos, err := s.Tables(t.ctx)
		if err != nil || len(infos) != 3 || infos[0].Name != "empty" || !infos[1].Checksums {
			t.Errorf("Tables = %+v, %v", infos, err)
		}
		t.do("Check", s.Check(t.ctx))
		t.closeStorage(s)
		s, err = core.Open(t.ctx, t.path+".restored", t.backend, core.WithVersion(5))
		t.do("Open", err)
	}
	t.closeStorage(s)
}

// writerFunc is a function as an io.Writer.
type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

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
			return buf.Write(p)
		})))
	})
	failure := errors.New("of the writer")
	t.is("Backup to a writer that fails", s.Backup(t.ctx, writerFunc(func([]byte) (int, error) { return 0, failure })), failure)
	t.closeStorage(s)
	restored, err := core.Restore(t.ctx, t.path+".restored", t.backend, &buf, core.WithoutSync())
	t.do("Restore", err)
	isPrefix(t, t.words(restored, "words"), core.StreamStats{Rows: 2000})
	t.closeStorage(restored)
}

func checkBackupDamaged(t *trial) {
	b := t.backup()
	path := t.path + ".restored"
	refused := func(what string, b []byte) {
		t.tb.Helper()
		s, err := core.Restore(t.ctx, path, t.backend, bytes.NewReader(b), core.WithVersion(5), core.WithoutSync())
		if err == nil {
			t.closeStorage(s)
			t.Fatalf("Restore of a backup %s succeeded", what)
		}
		if !errors.Is(err, core.ErrCorrupt) && !errors.Is(err, core.ErrNotStorage) && !errors.Is(err, core.ErrVersionMismatch) {
			t.Errorf("Restore of a backup %s gives %v; want ErrCorrupt", what, err)
		}
		if got := t.list(path); len(got) != 0 {
			t.Fatalf("Restore of a backup %s left %q", what, got)
		}
	}
	for _, cut := range []int{0, 1, 10, len(b) / 3, len(b) / 2, len(b) - 20, len(b) - 1} {
		refused(fmt.Sprintf("cut to %d of %d bytes", cut, len(b)), b[:cut])
	}
	for i := range 30 {
		bad := bytes.Clone(b)
		at := (i * 7919) % len(b)
		if i < 15 {
			at = i * 3 // the head
		}
		bad[at] ^= 4
		refused(fmt.Sprintf("with a bit flipped at %d", at), bad)
	}
	refused("with something behind it", append(bytes.Clone(b), 'x'))
}

func checkRestoreOccupied(t *trial) {
	b := t.backup()
	_, err := core.Restore(t.ctx, t.path, t.backend, bytes.NewReader(b), core.WithVersion(5))
	if err == nil {
		t.Fatalf("Restore over a storage succeeded")
	}
	_, tab := t.one(core.WithVersion(5))
	isPrefix(t, tab, core.StreamStats{Rows: int64(pick(3000, 500))})
}

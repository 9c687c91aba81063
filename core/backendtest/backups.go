// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"io"
	"log/slog"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// restored is where the checks restore to.
func (t *trial) restored() string { return t.path + ".restored" }

// restore restores a backup, without the cost of durability.
func (t *trial) restore(b core.Backend, r io.Reader, opts ...core.Option) (*core.Storage, error) {
	opts = append([]core.Option{core.WithLogger(slog.New(slog.DiscardHandler)), core.WithoutSync()}, opts...)
	s, err := core.Restore(t.ctx, t.restored(), b, r, opts...)
	if err == nil {
		t.Cleanup(func() { t.closeStorage(s) })
	}
	return s, err
}

// backup makes a storage of version 5 with a few tables, and returns its backup.
func (t *trial) backup() []byte {
	t.tb.Helper()
	s, tab := t.one(core.WithVersion(5))
	load(t, tab, t.pick(3000, 500))
	put1(t, table(t, s, "sums", keys.Int64(), values.JSON[int](), core.WithChecksums()), -1, 7)
	t.words(s, "empty")
	put1(t, t.words(s, "dropped"), "k", "v")
	t.do("DropTable", s.DropTable(t.ctx, "dropped"))
	long := t.words(s, "\xff not utf-8")
	put1(t, long, "", "")
	put1(t, long, "long", strings.Repeat("long ", 50_000))
	b := t.backupOf(s)
	t.closeStorage(s)
	return b
}

func (t *trial) backupOf(s *core.Storage) []byte {
	t.tb.Helper()
	var buf bytes.Buffer
	t.do("Backup", s.Backup(t.ctx, &buf))
	return buf.Bytes()
}

// occupy makes a storage where the checks restore to, with a row.
func (t *trial) occupy(opts ...core.Option) {
	t.tb.Helper()
	s, err := core.Open(t.ctx, t.restored(), t.backend, append(opts, core.WithoutSync())...)
	t.do("Open", err)
	put1(t, t.words(s, "mine"), "k", "v")
	t.closeStorage(s)
}

// writerFunc is a function as an io.Writer.
type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

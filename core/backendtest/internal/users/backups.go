// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"bytes"
	"io"
	"log/slog"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// restoredPath is where the checks restore to.
func restoredPath(t *kit.Trial) string { return t.Path + ".restored" }

// restore restores a backup, without the cost of durability.
func restore(
	t *kit.Trial, b core.Backend, r io.Reader, opts ...core.Option,
) (*core.Storage, error) {
	opts = append([]core.Option{core.WithLogger(slog.New(slog.DiscardHandler)), core.WithoutSync()},
		opts...)
	s, err := core.Restore(t.Ctx, restoredPath(t), b, r, opts...)
	if err == nil {
		t.Cleanup(func() { closeStorage(t, s) })
	}
	return s, err
}

// backup makes a storage of version 5 with a few tables, and returns its backup.
func backup(t *kit.Trial) []byte {
	t.TB.Helper()
	s, tab := openOne(t, core.WithVersion(5))
	load(t, tab, t.Pick(3000, 500))
	put1(t, table(t, s, "sums", keys.Int64(), values.JSON[int](), core.WithChecksums()), -1, 7)
	openWords(t, s, "empty")
	put1(t, openWords(t, s, "dropped"), "k", "v")
	t.Do("DropTable", s.DropTable(t.Ctx, "dropped"))
	long := openWords(t, s, "\xff not utf-8")
	put1(t, long, "", "")
	put1(t, long, "long", strings.Repeat("long ", 50_000))
	b := backupOf(t, s)
	closeStorage(t, s)
	return b
}

func backupOf(t *kit.Trial, s *core.Storage) []byte {
	t.TB.Helper()
	var buf bytes.Buffer
	t.Do("Backup", s.Backup(t.Ctx, &buf))
	return buf.Bytes()
}

// occupy makes a storage where the checks restore to, with a row.
func occupy(t *kit.Trial, opts ...core.Option) {
	t.TB.Helper()
	s, err := core.Open(t.Ctx, restoredPath(t), t.Backend, append(opts, core.WithoutSync())...)
	t.Do("Open", err)
	put1(t, openWords(t, s, "mine"), "k", "v")
	closeStorage(t, s)
}

// writerFunc is a function as an io.Writer.
type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

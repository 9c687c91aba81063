// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// EngineOptions returns options with a mark, and a logger that writes nothing.
func EngineOptions() core.EngineOptions {
	return core.EngineOptions{
		Mark: []byte("a mark"), Logger: slog.New(slog.DiscardHandler),
	}
}

// OpenEngine claims what is at path and opens it. E is the backend's own type of engines, or
// [core.Engine]. After an error nothing is claimed.
func OpenEngine[E core.Engine](
	b core.Backend, path string, readOnly bool, opts core.EngineOptions,
) (e E, err error) {
	c, err := b.Claim(context.Background(), path, readOnly)
	if err != nil {
		return e, err
	}
	opened, err := c.Open(context.Background(), opts)
	if err != nil {
		c.Release()
		return e, err
	}
	return opened.(E), nil
}

// CloseEngine closes e, which must succeed.
func CloseEngine(tb testing.TB, e core.Engine) {
	tb.Helper()
	if err := e.Close(); err != nil {
		tb.Fatal(err)
	}
}

// FastPath returns an unused path for one storage. It is in memory, where syncing costs
// nothing, if the system has such a place and room reports that there is enough room; room may
// be nil. The path is in an empty folder, which is deleted after the test.
func FastPath(tb testing.TB, room func(dir string) bool) string {
	tb.Helper()
	const memory = "/dev/shm"
	if room == nil || room(memory) {
		if dir, err := os.MkdirTemp(memory, "guardkv"); err == nil {
			tb.Cleanup(func() { os.RemoveAll(dir) })
			return filepath.Join(dir, "db")
		}
	}
	return filepath.Join(tb.TempDir(), "db")
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"github.com/guardkv/guardkv/backends/bbolt"
	"github.com/guardkv/guardkv/core"
)

// Openers that set the storage aside under each other's hands got a bare "invalid argument":
// what one had created another had moved away before it was locked. They get the storage, or
// ErrLocked.
func TestOpenersThatRecreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	var openers sync.WaitGroup
	for range 6 {
		openers.Go(func() {
			for range 15 {
				s, err := core.Open(t.Context(), path, bbolt.Backend{},
					core.WithRecreate(core.Always), core.WithKeepReplaced(0),
					core.WithoutSync(), core.WithLogger(slog.New(slog.DiscardHandler)))
				if err == nil {
					err = s.Close()
				}
				if err != nil && !errors.Is(err, core.ErrLocked) {
					t.Error(err)
				}
			}
		})
	}
	openers.Wait()
	if left, _ := filepath.Glob(path + ".guardkv-tmp-*"); len(left) > 0 {
		t.Error("files were left behind:", left)
	}
}

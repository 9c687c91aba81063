// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// memoryOpen opens a storage whose mark and witness are at path and whose other files are in b.fs.
func memoryOpen(t *testing.T, b Backend, path string, noSync bool) (*engine, error) {
	t.Helper()
	c, err := directory.Claim(t.Context(), path, false, directory.Driver{
		Lock: takeLock,
		Create: func(p directory.Place, row []byte) error {
			return b.create(movedTo(p, path), row)
		},
		Open: func(ctx context.Context, p directory.Place, o core.EngineOptions) (core.Engine, error) {
			return b.open(ctx, p, o)
		},
	})
	if err != nil {
		return nil, err
	}
	o := testOptions()
	o.NoSync = noSync
	e, err := c.Open(t.Context(), o)
	if err != nil {
		c.Release()
		return nil, err
	}
	return e.(*engine), nil
}

// movedTo returns p with the name that the directory will get, for a file system in memory
// where nobody renames it.
func movedTo(p directory.Place, path string) directory.Place {
	p.Dir = path
	return p
}

// crashed returns a copy of the storage at path as a crash of the machine would leave it. Of
// what is not durable, a random part is there.
func crashed(
	t *testing.T, fs *vfs.MemFS, path string, percent int, seed uint64,
) (*vfs.MemFS, string) {
	t.Helper()
	clone := fs.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: percent,
		RNG:                 rand.New(rand.NewPCG(seed, 0)),
	})
	dir := t.TempDir()
	to := filepath.Join(dir, filepath.Base(path))
	if err := os.CopyFS(to, os.DirFS(path)); err != nil {
		t.Fatal(err)
	}
	if err := clone.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := clone.Rename(path, to); err != nil {
		t.Fatal(err)
	}
	return clone, to
}

func memoryFS(t *testing.T, path string) *vfs.MemFS {
	fs := vfs.NewCrashableMem()
	if err := fs.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		d, err := fs.OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		d.Sync()
		d.Close()
		if dir == filepath.Dir(dir) {
			return fs
		}
	}
}

// The machine crashes after every write. Every write that had returned is there, whole, and
// what may be there beside it is whole too. Without sync, the writes that are there are the
// first of those that were made.
func TestPowerLoss(t *testing.T) {
	const batches = 12
	percents := []int{0, 50, 100}
	if testing.Short() {
		percents = percents[1:2]
	}
	for _, noSync := range []bool{false, true} {
		for _, percent := range percents {
			t.Run(fmt.Sprintf("noSync=%v/unsynced=%d%%", noSync, percent), func(t *testing.T) {
				path := testPath(t)
				fs := memoryFS(t, path)
				b := Backend{fs: fs}.withDefaults()
				e, err := memoryOpen(t, b, path, noSync)
				if err != nil {
					t.Fatal(err)
				}
				durable := 0
				for n := range batches {
					apply(t, e, batch(n)...)
					if !noSync {
						durable = n + 1
					}
					if n == 7 {
						if err := e.Compact(t.Context()); err != nil {
							t.Fatal(err)
						}
						durable = n + 1
					}
					// each crash is an open of its own; the one after Compact stays
					if testing.Short() && n%3 != 1 {
						continue
					}
					proveCrash(t, fs, path, percent, uint64(n), durable, n+1)
				}
				closeEngine(t, e)
				proveCrash(t, fs, path, percent, 99, batches, batches)
			})
		}
	}
}

func proveCrash(
	t *testing.T, fs *vfs.MemFS, path string, percent int, seed uint64, least, most int,
) {
	t.Helper()
	clone, to := crashed(t, fs, path, percent, seed)
	e, err := memoryOpen(t, Backend{fs: clone}.withDefaults(), to, false)
	if err != nil {
		t.Fatalf("after %d batches: %v", most, err)
	}
	defer closeEngine(t, e)
	got, err := completeBatches(e)
	if err != nil {
		t.Fatalf("after %d batches: %v", most, err)
	}
	if got < least || got > most {
		t.Fatalf("there are %d batches; %d were durable, and %d were written", got, least, most)
	}
	if err := e.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Pebble ends the process when the log or the list of tables cannot be written. Here it is an
// error, of this call and of all later writes, and a guard that is open stays good.
func TestDiskFails(t *testing.T) {
	broken := errors.New("the disk is broken")
	for _, kind := range []string{"*.log", "MANIFEST-*", "*.sst", "*"} {
		t.Run(kind, func(t *testing.T) {
			path := testPath(t)
			fs := memoryFS(t, path)
			var armed atomic.Bool
			failing := errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if match, _ := filepath.Match(kind, filepath.Base(op.Path)); armed.Load() &&
					match && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
					return broken
				}
				return nil
			}))
			b := Backend{fs: failing}.withDefaults()
			e, err := memoryOpen(t, b, path, false)
			if err != nil {
				t.Fatal(err)
			}
			apply(t, e, batch(0)...)
			w := batch(0)[0]
			value, hold, err := e.Get(t.Context(), w.Key)
			if err != nil {
				t.Fatal(err)
			}
			armed.Store(true)
			acknowledged := 1
			for n := 1; err == nil && n < 40; n++ {
				if err = e.Apply(t.Context(), core.Batch{Writes: batch(n)}); err == nil {
					acknowledged++
				}
				if err == nil && n%10 == 9 {
					err = e.Compact(t.Context())
				}
			}
			if !errors.Is(err, broken) || errors.Is(err, core.ErrCorrupt) {
				t.Error("the first error:", err)
			}
			if string(value) != string(w.Value) {
				t.Error("the guard has lost its bytes")
			}
			hold.Release()
			for name, err := range map[string]error{
				"apply":   e.Apply(t.Context(), core.Batch{Writes: batch(50)}),
				"mark":    e.SetMark(t.Context(), testMark),
				"compact": e.Compact(t.Context()),
				"close":   e.Close(),
			} {
				if !errors.Is(err, broken) {
					t.Errorf("%s: %v", name, err)
				}
			}
			armed.Store(false)
			clone, to := crashed(t, fs, path, 0, 1)
			e, err = memoryOpen(t, Backend{fs: clone}.withDefaults(), to, false)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := completeBatches(e); err != nil || n < acknowledged {
				t.Errorf("%d batches are left of %d: %v", n, acknowledged, err)
			}
			closeEngine(t, e)
		})
	}
}

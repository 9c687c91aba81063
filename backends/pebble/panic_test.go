// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"bytes"
	"errors"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/guardkv/guardkv/core"
)

// Pebble panics where it finds itself in a state that should not be. That is an error of the
// call, whichever it is, and the storage takes no more writes.
func TestPanicsAreErrors(t *testing.T) {
	odd := errors.New("this should not be")
	path := testPath(t)
	mem := memoryFS(t, path)
	e, err := memoryOpen(t, Backend{fs: mem}.withDefaults(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, e, rows(0, 1000, 100)...)
	if err := e.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	closeEngine(t, e)
	for _, c := range []struct {
		name string
		call func(e *engine) error
	}{
		{"get", func(e *engine) error {
			_, _, err := e.Get(t.Context(), rowKey(999))
			return err
		}},
		{"snapshot", func(e *engine) error {
			s, err := e.Snapshot(t.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			_, _, err = s.Get(t.Context(), rowKey(999))
			return err
		}},
		{"scan", func(e *engine) error {
			_, err := dump(e)
			return err
		}},
		{"check", func(e *engine) error { return e.Check(t.Context()) }},
		{"compact", func(e *engine) error { return e.Compact(t.Context()) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			clone, to := crashed(t, mem, path, 0, 1)
			var armed atomic.Bool
			e, err := memoryOpen(t,
				Backend{fs: errorfs.Wrap(clone, errorfs.InjectorFunc(func(op errorfs.Op) error {
					// and not pebble's own goroutine
					if armed.Load() && filepath.Ext(op.Path) == ".sst" && bytes.Contains(debug.Stack(),
						[]byte("testing.tRunner(")) {
						panic(odd)
					}
					return nil
				}))}.withDefaults(), to, false)
			if err != nil {
				t.Fatal(err)
			}
			armed.Store(true)
			if err := c.call(e); !errors.Is(err, odd) || !strings.Contains(err.Error(),
				"pebble gave up") {
				t.Error(err)
			}
			armed.Store(false)
			if err := e.Apply(t.Context(),
				core.Batch{Writes: rows(0, 1, 1)}); !errors.Is(err, odd) {
				t.Error("later:", err)
			}
			go e.Close() // which may wait: the panic may have left locks
		})
	}
	if _, err := memoryOpen(t,
		Backend{fs: errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if filepath.Base(op.Path) == "LOCK" || op.Kind == errorfs.OpOpenDir {
				return nil
			}
			panic(odd)
		}))}.withDefaults(), path, false); !errors.Is(err, odd) || !errors.Is(err, core.ErrCorrupt) {
		t.Error("open:", err)
	}
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// Tables are checked side by side, and read in parts; a block may be longer than a part.
// Whichever is damaged, and wherever, that is found, and what is sound is not taken for damage.
func TestEachTableIsChecked(t *testing.T) { eachCompression(t, eachTableIsChecked) }

func eachTableIsChecked(t *testing.T, b Backend) {
	path := fastPath(t)
	e := open(t, b, path)
	const n, long = 8, inlineBelow - 1
	for i := range n {
		w := rows(i*100, i*100+51, 1000)
		w[50].Value = rowValue(i, long)
		for j := range w {
			noise(w[j].Value, uint64(100*i+j))
		}
		apply(t, e, w...)
		if err := e.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	closeEngine(t, e)
	tables := tablesOf(t, path)
	if len(tables) < 3 {
		t.Fatalf("%d tables", len(tables))
	}
	if err := checkEach(t.Context(), tables); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		sound, err := os.ReadFile(table.path)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{0, len(sound) / 3, len(sound) - 5, len(sound) - 30} {
			damaged := backendtest.FlipBit(at, 2)(sound)
			if err := os.WriteFile(table.path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := checkEach(t.Context(), tables); !errors.Is(err, core.ErrCorrupt) {
				t.Errorf("byte %d of %d of %s: %v", at, len(sound), table.path, err)
			}
		}
		if err := os.WriteFile(table.path, sound, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := checkEach(ctx, tables); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if err := os.Remove(tables[1].path); err != nil {
		t.Fatal(err)
	}
	if _, err := tryOpen(b, path, false, testOptions()); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("a table is missing: %v", err)
	}
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// Tables are checked side by side, and read in parts; a block may be longer than a part. Whichever is damaged, and wherever,
// that is found, and what is sound is not taken for damage.
func TestEachTableIsChecked(t *testing.T) {
	path := fastPath(t)
	e := open(t, small, path)
	const n, long = 8, inlineBelow - 1
	for i := range n {
		apply(t, e, rows(i*100, i*100+50, 1000)...)
		apply(t, e, core.Write{Key: rowKey(i*100 + 50), Value: rowValue(i, long)})
		if err := e.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	closeEngine(t, e)
	tables, _ := filepath.Glob(filepath.Join(path, "*"+tableSuffix))
	if len(tables) < 3 {
		t.Fatalf("%d tables", len(tables))
	}
	if err := checkEach(t.Context(), tables); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		sound, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{0, len(sound) / 3, len(sound) - 5, len(sound) - 30} {
			b := append([]byte(nil), sound...)
			b[at] ^= 4
			if err := os.WriteFile(table, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := checkEach(t.Context(), tables); !errors.Is(err, core.ErrCorrupt) {
				t.Errorf("byte %d of %d of %s: %v", at, len(b), table, err)
			}
		}
		if err := os.WriteFile(table, sound, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := checkEach(ctx, tables); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if err := os.Remove(tables[1]); err != nil {
		t.Fatal(err)
	}
	if _, err := tryOpen(small, path, false, testOptions()); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("a table is missing: %v", err)
	}
}

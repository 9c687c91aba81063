// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// sumRows is how many rows the table with checksums of TestNothingIsShort has, in the middle of
// three tables.
const sumRows = 600

// makeTables makes a storage of three tables whose rows share leaves, some of them of several
// pages.
func makeTables(t *testing.T, path string) {
	t.Helper()
	ctx := t.Context()
	s, err := core.Open(ctx, path, Backend{}, core.WithoutSync())
	must(t, err)
	for _, name := range []string{"before", "sum", "after"} {
		tab := openSum(t, s, name)
		must(t, s.Update(ctx, func(tx *core.Tx) error {
			for i := range uint64(sumRows) {
				size := 60
				if i%37 == 5 {
					size = 5000
				}
				if err := tab.In(tx).Put(ctx, i, rowValue(int(i), size)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	must(t, s.Close())
}

func openSum(t *testing.T, s *core.Storage, name string) *core.Table[uint64, []byte, []byte] {
	t.Helper()
	tab, err := core.OpenTable(context.Background(), s, name, keys.Uint64(), values.Bytes(),
		core.WithChecksums())
	must(t, err)
	return tab
}

// shortReads reads the table "sum" in all ways, and returns what was missing without an error.
// damaged are the rows whose own keys were changed.
func shortReads(
	t *testing.T, content []byte, path string, damaged map[uint64]bool,
) (short []string) {
	t.Helper()
	ctx := t.Context()
	must(t, os.WriteFile(path, content, 0o600))
	s, err := core.Open(ctx, path, Backend{}, core.WithReadOnly())
	if err != nil {
		return nil
	}
	defer s.Close()
	tab, err := core.OpenTable(ctx, s, "sum", keys.Uint64(), values.Bytes(), core.WithChecksums())
	if err != nil {
		return nil
	}
	for i := range uint64(sumRows) {
		ok, err := tab.Has(ctx, i)
		if err == nil && !ok && !damaged[i] {
			short = append(short, fmt.Sprint("Has of ", i))
		}
	}
	for name, scan := range map[string]core.Scan[uint64, []byte, []byte]{
		"":                   tab.Scan(),
		"reverse ":           tab.Scan().Reverse(),
		"of a part ":         tab.Scan().From(100).To(500),
		"reverse of a part ": tab.Scan().From(100).To(500).Reverse(),
	} {
		want := sumRows
		if len(name) > len("reverse ") {
			want = 400
		}
		n := 0
		var failed error
		for _, err := range scan.Rows(ctx) {
			if failed = err; err == nil {
				n++
			}
		}
		if failed == nil && n < want {
			short = append(short, fmt.Sprintf("Rows %s= %d", name, n))
		}
		n, failed = 0, nil
		for _, err := range scan.Keys(ctx) {
			if failed = err; err == nil {
				n++
			}
		}
		if failed == nil && n < want-len(damaged) {
			short = append(short, fmt.Sprintf("Keys %s= %d", name, n))
		}
		if n, err := scan.Count(ctx); err == nil && n < want-len(damaged) {
			short = append(short, fmt.Sprintf("Count %s= %d", name, n))
		}
	}
	return short
}

// A damaged key, or a block of zeros over several, ended scans and counts early, and hid other
// rows from Get: searches rested on the order of keys that the damage had broken. Nothing may
// be missing without an error, but the row whose own key was changed to one that fits where it
// is.
func TestNothingIsShort(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a thousand damaged storages, one after the other")
	}
	path := filepath.Join(filepath.Dir(fastPath(t)), "db")
	makeTables(t, path)
	content, err := os.ReadFile(path)
	must(t, err)
	for _, leaf := range leavesOf(t, path) {
		for i := range leaf.count() {
			start, keyEnd, _ := leaf.span(i)
			if leaf[start+3] != 2 || keyEnd-start != 12 { // the second table
				continue
			}
			row := uint64(leaf[start+10])<<8 | uint64(leaf[start+11])
			at := leaf.id()*4096 + start
			for bit := range 96 {
				if bit%31 != int(row%31) && bit/8 != 3 {
					continue
				}
				if bit/8 == 3 && row%8 != 0 {
					continue
				}
				broken := append([]byte(nil), content...)
				broken[at+uint64(bit/8)] ^= 1 << (bit % 8)
				if short := shortReads(t, broken, path, map[uint64]bool{row: true}); short != nil {
					t.Fatalf("bit %d of the key of row %d: %q", bit, row, short)
				}
			}
		}
		for page := range uint64(len(leaf) / 4096) {
			if page > 0 {
				broken := append([]byte(nil), content...)
				clear(broken[(leaf.id()+page)*4096:][:4096])
				if short := shortReads(t, broken, path, nil); short != nil {
					t.Fatalf("page %d of the leaf %d is zero: %q", page, leaf.id(), short)
				}
			}
		}
	}
}

// leavesOf returns copies of the leaves with rows.
func leavesOf(t *testing.T, path string) (leaves []page) {
	t.Helper()
	e := open(t, Backend{}, path)
	defer closeEngine(t, e)
	s, err := e.reads.snapshot()
	must(t, err)
	defer s.Release()
	c := newCursor(t.Context(), &s.rows, core.ScanRange{})
	for c.nextLeaf() {
		leaves = append(leaves, append(page(nil), c.leaf...))
		c.first = c.last
	}
	must(t, c.err)
	return leaves
}

// A compaction put rows with one and the same damaged key over each other: of two one was left.
func TestCompactOfEqualKeys(t *testing.T) {
	path := testPath(t)
	makeStorage(t, path, 3000)
	leaf := leavesOf(t, path)[1]
	content, err := os.ReadFile(path)
	must(t, err)
	from, end, _ := leaf.span(5)
	to, _, _ := leaf.span(6)
	copy(content[leaf.id()*4096+to:], leaf[from:end])
	must(t, os.WriteFile(path, content, 0o600))
	e := open(t, Backend{}, path)
	if err := compact(t.Context(), e); lockIsShared && !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("Compact = %v", err)
	}
	closeEngine(t, e)
}

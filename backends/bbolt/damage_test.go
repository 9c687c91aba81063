// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// sample is a storage's file and what may be read from it: the last commit, or the one before.
type sample struct {
	name    string
	content []byte
	states  []map[string]string
}

// samples returns the file of a storage as a clean close leaves it, and as a crash does.
func samples(t *testing.T, n int) []sample {
	t.Helper()
	path := fastPath(t)
	opts := testOptions()
	opts.NoSync = true
	e, err := tryOpen(Backend{}, path, false, opts)
	if err != nil {
		t.Fatal(err)
	}
	var states []map[string]string
	step := func(writes ...core.Write) {
		apply(t, e, writes...)
		all, err := dump(e)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, all)
	}
	step(rows(0, n, 100)...)
	for i := range 5 {
		step(core.Write{Key: rowKey(i * n / 5), Value: rowValue(i, 90)},
			core.Write{Key: rowKey(i*n/5 + 1), Delete: true})
	}
	crashed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	closeEngine(t, e)
	clean, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := states[len(states)-1:]
	return []sample{{"clean", clean, last}, {"crashed", crashed, states[len(states)-2:]}}
}

// use puts a damaged file at path, opens it and does everything with it. What it reads must be
// right, or be ErrCorrupt; unless strict is false, as damage may be to keys and values, which
// bbolt does not protect. Nothing must crash then.
func use(path string, content []byte, states []map[string]string, strict bool) error {
	opts := testOptions()
	opts.NoSync = true
	for _, m := range modes {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
		if err := useOnce(m.backend, path, opts, states, strict); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

func useOnce(
	b Backend, path string, opts core.EngineOptions, states []map[string]string, strict bool,
) error {
	e, err := tryOpen(b, path, false, opts)
	if err != nil {
		if !errors.Is(err, core.ErrCorrupt) && !errors.Is(err, core.ErrNotStorage) {
			return fmt.Errorf("opening: %w", err)
		}
		return nil
	}
	defer e.Close()
	if err := readAll(e, states); err != nil && strict {
		return err
	}
	e.Check(context.Background())
	compact(context.Background(), e)
	if err := readAll(e, states); err != nil && strict {
		return fmt.Errorf("after compacting: %w", err)
	}
	e.Apply(context.Background(), core.Batch{Writes: []core.Write{
		{Key: rowKey(0), Delete: true},
		{Key: rowKey(77), Value: []byte("new")},
	}})
	for i := range 20 {
		e.Apply(context.Background(), core.Batch{Writes: []core.Write{{
			Key:    rowKey(i * 13),
			Delete: i%2 == 0, Value: []byte("new"),
		}}})
	}
	return nil
}

// readAll reads all rows in all ways.
func readAll(e *engine, states []map[string]string) error {
	all, err := dump(e)
	if err != nil && !errors.Is(err, core.ErrCorrupt) {
		return fmt.Errorf("scanning: %w", err)
	}
	if err != nil {
		return getAll(e, states)
	}
	for _, state := range states {
		if maps.Equal(all, state) {
			return getAll(e, []map[string]string{state})
		}
	}
	return fmt.Errorf("a scan gives %d rows of no commit", len(all))
}

// getAll gets every row of the states one by one.
func getAll(e *engine, states []map[string]string) error {
	for key := range states[0] {
		value, r, err := e.Get(context.Background(), []byte(key))
		right := errors.Is(err, core.ErrCorrupt)
		for _, state := range states {
			want, ok := state[key]
			right = right || ok && err == nil && string(value) == want || !ok && errors.Is(err,
				core.ErrNotFound)
		}
		if err == nil {
			r.Release()
		}
		if !right {
			return fmt.Errorf("get %x: %d bytes, %v", key, len(value), err)
		}
	}
	return nil
}

// cuts returns the file cut at every page.
func cuts(s sample) (files [][]byte) {
	for at := 0; at < len(s.content); at += 4096 {
		files = append(files, s.content[:at])
	}
	return files
}

// overwrites returns the file with each of its first pages overwritten: by zeros, by noise, by
// another page.
func overwrites(s sample) (files [][]byte) {
	r := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for n := range min(64, len(s.content)/4096) {
		other := r.IntN(len(s.content)/4096) * 4096
		for _, with := range [][]byte{make([]byte, 4096), noise, s.content[other:][:4096]} {
			files = append(files, backendtest.Overwrite(n*4096, with)(s.content))
		}
	}
	return files
}

func TestCutAndOverwritten(t *testing.T) {
	for _, s := range samples(t, 1500) {
		path := fastPath(t)
		for i, content := range append(cuts(s), overwrites(s)...) {
			// one goroutine reads them: the race detector learns nothing from many
			if testing.Short() && i%8 > 0 {
				continue
			}
			if err := use(path, content, s.states, true); err != nil {
				t.Errorf("%s, damage %d: %v", s.name, i, err)
			}
		}
	}
}

// Damage must not end the process, in any goroutine: the same once more in a process of its
// own, where the test would see it end.
func TestDamageInAChild(t *testing.T) {
	if testing.Short() {
		t.Skip("TestCutAndOverwritten reads some of the same here")
	}
	s := samples(t, 1500)[1]
	dir := filepath.Dir(fastPath(t))
	for i, content := range append(cuts(s), overwrites(s)...) {
		os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), content, 0o600)
	}
	if out, err := backendtest.Child(t.Context(), "damage", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
}

func damageChild(args []string) error {
	entries, err := os.ReadDir(args[0])
	for _, entry := range entries {
		path := filepath.Join(args[0], entry.Name())
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := use(path, content, []map[string]string{{}}, false); err != nil {
			return err
		}
	}
	return err
}

// TestBitFlips flips single bits, most of them where bbolt keeps its structure. A flip in a key
// or a value cannot be seen, but none may crash anything.
func TestBitFlips(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	path := fastPath(t)
	flips := 1000
	if testing.Short() {
		flips = 30 // one goroutine reads them
	}
	for _, s := range samples(t, 300) {
		for range flips {
			at := r.IntN(len(s.content))
			if r.IntN(4) > 0 {
				at = at&^4095 + r.IntN(400)
			}
			bit := r.IntN(8)
			content := backendtest.FlipBit(at, bit)(s.content)
			if r.IntN(2) == 0 {
				fixMetas(content)
			}
			if err := use(path, content, s.states, false); err != nil {
				t.Errorf("%s, byte %d, bit %d: %v", s.name, at, bit, err)
			}
		}
	}
}

// fixMetas makes the checksums of both meta pages right, as far as there are any.
func fixMetas(content []byte) {
	pageSize := 4096
	if len(content) > headerSize+metaSize && native.Uint32(content[headerSize+8:]) == minPageSize {
		pageSize = minPageSize
	}
	for at := headerSize; at <= pageSize+headerSize && at+metaSize <= len(content); at += pageSize {
		m := content[at : at+metaSize]
		h := fnv.New64a()
		h.Write(m[:metaChecksum])
		native.PutUint64(m[metaChecksum:], h.Sum64())
	}
}

// ValidateFull and Check see what a quick validation does not look at.
func TestDamageIsFound(t *testing.T) {
	s := samples(t, 1500)[0]
	m, err := readMetas(bytes.NewReader(s.content))
	if err != nil {
		t.Fatal(err)
	}
	opts := testOptions()
	opts.Validation = core.ValidateFull
	path := fastPath(t)
	missed, unseen := 0, 0
	for id := uint64(firstPage); id < m.pages; id++ {
		content := backendtest.Zero(int(id)*4096, 64)(s.content)
		os.WriteFile(path, content, 0o600)
		if e, err := tryOpen(Backend{}, path, false, opts); err == nil {
			missed++ // a free page
			e.Close()
		}
		if e, err := tryOpen(Backend{}, path, false, testOptions()); err == nil {
			if err := e.Check(context.Background()); err == nil {
				unseen++
			}
			e.Close()
		}
	}
	free := 0
	pages := &filePages{r: bytes.NewReader(s.content), pageSize: m.pageSize, pages: m.pages}
	count := func(uint64) error { free++; return nil }
	if err := readFreelist(pages, m.freelist, count,
		func(uint64) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if missed != free || unseen != free {
		t.Errorf("%d destroyed pages were not found, %d by Check, but only %d pages are free",
			missed, unseen, free)
	}
}

// After a clean close each meta page leads to all rows by itself. A missing one is found where it
// can be told from what a crash leaves.
func TestOneMetaPageDestroyed(t *testing.T) {
	s := samples(t, 300)[0]
	m, err := readMetas(bytes.NewReader(s.content))
	if err != nil {
		t.Fatal(err)
	}
	path := fastPath(t)
	for slot := range uint64(2) {
		content := backendtest.Zero(int(slot)*4096, 4096)(s.content)
		os.WriteFile(path, content, 0o600)
		newest := m.txid%2 == slot
		e := open(t, Backend{}, path)
		if err := e.Check(context.Background()); newest != (err == nil) {
			t.Errorf("without meta page %d: check: %v", slot, err)
		}
		if all, err := dump(e); err != nil || !maps.Equal(all, s.states[0]) {
			t.Errorf("without meta page %d: %d rows, %v", slot, len(all), err)
		}
		apply(t, e, rows(0, 1, 10)...)
		apply(t, e, rows(1, 2, 10)...)
		if err := e.Check(context.Background()); err != nil {
			t.Errorf("after two writes: %v", err)
		}
		closeEngine(t, e)
	}
}

// Whatever ended well leaves two meta pages that lead to all rows: whichever of them is damaged
// later, no commit is missing without a word. A commit that failed before is no exception,
// though the freelist cannot be written after it.
func TestEitherMetaPageLeadsToAllRows(t *testing.T) {
	small := Backend{reserve: func(int64) int { return 1 << 20 }}
	compacts := new(engine).Powers().Compact != nil
	for _, c := range []struct {
		name   string
		noSync bool
		end    func(t *testing.T, e *engine)
		killed bool // what counts is the file before Close
	}{
		{"closed", false, func(*testing.T, *engine) {}, false},
		{"closed without sync", true, func(*testing.T, *engine) {}, false},
		{"closed after a commit that failed", false, failCommit, false},
		{
			"closed after a commit that failed and one that did not",
			false, func(t *testing.T, e *engine) {
				failCommit(t, e)
				apply(t, e, rows(300, 301, 100)...)
			}, false,
		},
		{"compacted", false, func(t *testing.T, e *engine) {
			apply(t, e, deletions(100, 300)...)
			if err := compact(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}, compacts},
		{"compacted when there was nothing to gain", false, func(t *testing.T, e *engine) {
			apply(t, e, deletions(0, 300)...)
			if err := compact(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			before := e.file.Load()
			apply(t, e, rows(7, 8, 100)...)
			if err := compact(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			if e.file.Load() != before {
				t.Fatal("the file was replaced")
			}
		}, compacts},
	} {
		path := fastPath(t)
		opts := testOptions()
		opts.NoSync = c.noSync
		e, err := tryOpen(small, path, false, opts)
		if err != nil {
			t.Fatal(err)
		}
		apply(t, e, rows(0, 300, 100)...)
		apply(t, e, rows(0, 1, 90)...)
		c.end(t, e)
		want, err := dump(e)
		if err != nil {
			t.Fatal(err)
		}
		content, _ := os.ReadFile(path)
		closeEngine(t, e)
		if !c.killed {
			content, _ = os.ReadFile(path)
		}
		for slot := range 2 {
			damaged := backendtest.FlipBit(slot*4096+headerSize+metaChecksum, 0)(content)
			os.WriteFile(path, damaged, 0o600)
			e := open(t, Backend{}, path)
			if all, err := dump(e); err != nil || !maps.Equal(all, want) {
				t.Errorf("%s, meta page %d damaged: not the %d rows that there were, but %d; %v",
					c.name, slot, len(want), len(all), err)
			}
			closeEngine(t, e)
		}
	}
}

// failCommit makes a commit fail when bbolt has taken free pages for it.
func failCommit(t *testing.T, e *engine) {
	t.Helper()
	if err := e.Apply(t.Context(), core.Batch{Writes: rows(400, 5000, 1000)}); !errors.Is(err,
		core.ErrTooLarge) {
		t.Fatal("writing 5 MB into 1 MiB:", err)
	}
	if !e.file.Load().leaked {
		t.Fatal("the commit failed too early to matter")
	}
}

// A flipped bit in what bbolt keeps beside keys and values is never the reason that a row is
// missing, or wrong. Every bit of a leaf's header and elements, and of the branch above it, is
// flipped; it may be found at any time. But what follows the last value on a page is nothing,
// so its size has no neighbor to show that it is wrong; and there must be no older copy of a
// page, as a number that leads to it cannot be told from the right one.
func TestFlippedStructure(t *testing.T) {
	path := fastPath(t)
	e := open(t, Backend{}, path)
	apply(t, e, rows(0, 1500, 100)...)
	want, err := dump(e)
	if err != nil {
		t.Fatal(err)
	}
	closeEngine(t, e)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := readMetas(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	im := newImage(content[:m.pages*m.pageSize], m.pageSize)
	tree, err := openTree(&im, m.root, rowsBucket)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := tree.leafFor(rowKey(700))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []uint64{leaf.id(), tree.root} {
		p, err := im.node(id)
		if err != nil {
			t.Fatal(err)
		}
		for at := range p.elementsEnd() - 8 {
			for bit := range 8 {
				// the race detector learns nothing from all bits of all bytes
				if testing.Short() && (at%4 != 0 || bit != int(at/4%8)) {
					continue
				}
				p[at] ^= 1 << bit
				if err := readDamaged(im, m.root, want); err != nil {
					t.Errorf("page %d, byte %d, bit %d: %v", id, at, bit, err)
				}
				p[at] ^= 1 << bit
			}
		}
	}
}

// readDamaged reads some rows of a damaged image one by one, and all of them both ways.
func readDamaged(im image, root uint64, want map[string]string) error {
	rows, err := openTree(&im, root, rowsBucket)
	if err != nil {
		return nil
	}
	rows.checked = new(checkedBranches)
	for i := range 1500 {
		if i%40 != 0 && (i < 650 || i > 750) {
			continue
		}
		key := rowKey(i)
		value, err := rows.get(key)
		wanted, ok := want[string(key)]
		if !errors.Is(err, core.ErrCorrupt) && (ok && string(value) != wanted ||
			ok != (err == nil)) {
			return fmt.Errorf("row %d: %d bytes, %v", i, len(value), err)
		}
	}
	for _, way := range []struct{ reverse, rowwise bool }{
		{},
		{reverse: true},
		{rowwise: true},
		{true, true},
	} {
		c := newCursor(context.Background(), &rows, core.ScanRange{Reverse: way.reverse})
		c.rowwise = way.rowwise
		n := 0
		for k, v, ok := c.Next(); ok; k, v, ok = c.Next() {
			if n++; want[string(k)] != string(v) {
				return fmt.Errorf("a scan %+v gives %d bytes for %x", way, len(v), k)
			}
		}
		if c.Err() == nil && n != len(want) {
			return fmt.Errorf("a scan %+v ends after %d of %d rows", way, n, len(want))
		}
	}
	return nil
}

// What is remembered of branches is that they were checked, one for each place, and of damaged
// ones nothing.
func TestBranchesAreCheckedOnce(t *testing.T) {
	s := samples(t, 1500)[0]
	m, err := readMetas(bytes.NewReader(s.content))
	if err != nil {
		t.Fatal(err)
	}
	im := newImage(bytes.Clone(s.content), m.pageSize)
	rows, err := openTree(&im, m.root, rowsBucket)
	if err != nil {
		t.Fatal(err)
	}
	var checked checkedBranches
	rows.checked = &checked
	first := func() error {
		c := newCursor(t.Context(), &rows, core.ScanRange{})
		c.Next()
		return c.Err()
	}
	top, err := rows.top()
	if err != nil || top.isLeaf() {
		t.Fatal("a sample without branches:", err)
	}
	size := top[headerSize+4] // of the first key
	top[headerSize+4]++
	if err := first(); !errors.Is(err, core.ErrCorrupt) || checked.has(top.id()) {
		t.Errorf("a damaged branch: %v, remembered: %v", err, checked.has(top.id()))
	}
	top[headerSize+4] = size
	if err := first(); err != nil || !checked.has(top.id()) {
		t.Errorf("a good branch: %v, remembered: %v", err, checked.has(top.id()))
	}
	checked.add(top.id() + checkedPlaces)
	if checked.has(top.id()) || !checked.has(top.id()+checkedPlaces) {
		t.Error("a branch is taken for another one")
	}
}

// A free page that is in use as well would be overwritten one day; a page that is neither would
// never be used again.
func TestFreePagesAreChecked(t *testing.T) {
	s := samples(t, 1500)[0]
	m, err := readMetas(bytes.NewReader(s.content))
	if err != nil {
		t.Fatal(err)
	}
	list := s.content[m.freelist*m.pageSize:]
	n := page(list).count()
	if n < 2 {
		t.Fatal("a sample with too few free pages:", n)
	}
	for name, damage := range map[string]func(list []byte){
		"a page is missing":  func(list []byte) { native.PutUint16(list[10:], uint16(n-1)) },
		"one more page":      func(list []byte) { native.PutUint16(list[10:], uint16(n+1)) },
		"another page":       func(list []byte) { list[headerSize+8*(n-1)]++ },
		"another first page": func(list []byte) { list[headerSize]-- },
	} {
		content := bytes.Clone(s.content)
		damage(content[m.freelist*m.pageSize:])
		path := fastPath(t)
		os.WriteFile(path, content, 0o600)
		opts := testOptions()
		opts.Validation = core.ValidateFull
		if e, err := tryOpen(Backend{}, path, false, opts); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%s: full validation: %v", name, err)
			e.Close()
		}
		e, err := tryOpen(Backend{}, path, false, testOptions())
		if err != nil {
			continue
		}
		if err := e.Check(context.Background()); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%s: check: %v", name, err)
		}
		e.Close()
	}
}

// A rowwise scan checks a leaf row by row. What no neighbor shows is where the last row ends,
// and whether an element is a row at all: a value would be cut short, or a bucket be taken for
// a row.
func TestRowwiseScanChecksWhatNoNeighborShows(t *testing.T) {
	for name, damage := range map[string]func(e []byte){
		"the last value ends a page early": func(e []byte) {
			native.PutUint32(e[12:], native.Uint32(e[12:])-8192)
		},
		"an element is a bucket": func(e []byte) { e[0] |= bucketFlag },
	} {
		path := fastPath(t)
		e := open(t, Backend{}, path)
		apply(t, e, rows(0, 1, 20_000)...)
		closeEngine(t, e)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := readMetas(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		im := newImage(content[:m.pages*m.pageSize], m.pageSize)
		tree, err := openTree(&im, m.root, rowsBucket)
		if err != nil {
			t.Fatal(err)
		}
		p, err := tree.top()
		if err != nil || p.count() != 1 || !p.isLeaf() {
			t.Fatal("not a leaf of one row:", err)
		}
		damage(p[headerSize:])
		for _, reverse := range []bool{false, true} {
			c := newCursor(context.Background(), &tree, core.ScanRange{Reverse: reverse})
			c.rowwise = true
			if k, _, ok := c.Next(); ok || !errors.Is(c.Err(), core.ErrCorrupt) {
				t.Errorf("%s: reverse %t: row %x, error %v", name, reverse, k, c.Err())
			}
		}
	}
}

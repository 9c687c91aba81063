// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// compressed is small with a compression, and a cache that a few hundred blocks fill.
func compressed(c Compression) Backend {
	b := small
	b.Compression, b.CacheSize = c, 1<<20
	return b
}

// eachCompression runs a test with each.
func eachCompression(t *testing.T, test func(t *testing.T, b Backend)) {
	t.Helper()
	for c, name := range map[Compression]string{None: "none", Snappy: "snappy", ZSTD: "zstd"} {
		t.Run(name, func(t *testing.T) { test(t, compressed(c)) })
	}
}

// noise fills b with what does not compress.
func noise(b []byte, seed uint64) {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	rand.NewChaCha8(key).Read(b)
}

// tablesOf returns the tables that the manifest of a storage names.
func tablesOf(tb testing.TB, path string) (tables []tableFile) {
	tb.Helper()
	named, err := readManifest(path)
	if err != nil {
		tb.Fatal(err)
	}
	f, err := listFiles(path)
	if err != nil {
		tb.Fatal(err)
	}
	for _, id := range f.tables {
		if c, ok := named[id]; ok {
			tables = append(tables, tableFile{f.path(id, tableSuffix), c})
		}
	}
	if len(tables) == 0 {
		tb.Fatal("there are no tables")
	}
	return tables
}

// wantTables fails unless all tables of a storage are compressed in the same way.
func wantTables(t *testing.T, path string, want Compression) {
	t.Helper()
	for _, table := range tablesOf(t, path) {
		if table.compression != want {
			t.Errorf("%s has compression %d, not %d", table.path, table.compression, want)
		}
	}
}

func wantRows(t *testing.T, e *engine, writes []core.Write) {
	t.Helper()
	all, err := dump(e)
	if err != nil || len(all) != len(writes) {
		t.Fatalf("%d rows of %d, %v", len(all), len(writes), err)
	}
	for _, w := range writes {
		if all[string(w.Key)] != string(w.Value) {
			t.Fatalf("a scan gives another value of key %x", w.Key)
		}
		v, r := get(t, e, w.Key)
		if !bytes.Equal(v, w.Value) {
			t.Fatalf("Get gives another value of key %x", w.Key)
		}
		r.Release()
	}
}

// A storage may be opened with another compression each time: all tables can be read, with and
// without a cache, and found sound, whichever way they are compressed. Compact, and no less, writes
// all of them as the storage was opened.
func TestCompressionChanges(t *testing.T) {
	path := fastPath(t)
	var all []core.Write
	sizes := map[Compression]int64{}
	for i, c := range []Compression{None, ZSTD, Snappy, None, ZSTD, None} {
		e := open(t, compressed(c), path)
		if i > 0 {
			wantRows(t, e, all)
		}
		more := sorted(append(rows(i*3000, i*3000+600, 300),
			core.Write{Key: rowKey(i*3000 + 2500), Value: rowValue(i, inlineBelow-1)}))
		all = append(all, more...)
		apply(t, e, more...)
		closeEngine(t, e) // which writes a table
		kinds := map[Compression]bool{}
		for _, table := range tablesOf(t, path) {
			kinds[table.compression] = true
		}
		if !kinds[c] || i > 0 && len(kinds) < 2 {
			t.Errorf("opening %d with compression %d: the tables have %v", i, c, kinds)
		}
		full := testOptions()
		full.Validation = core.ValidateFull
		for _, readOnly := range []bool{true, false} {
			e, err := tryOpen(compressed(c), path, readOnly, full)
			if err != nil {
				t.Fatal(err)
			}
			wantRows(t, e, all)
			if !readOnly {
				compact(t, e)
				wantRows(t, e, all)
				if err := e.Check(t.Context()); err != nil {
					t.Error(err)
				}
			}
			closeEngine(t, e)
		}
		wantTables(t, path, c)
		if i >= 3 {
			for _, table := range tablesOf(t, path) {
				info, err := os.Stat(table.path)
				if err != nil {
					t.Fatal(err)
				}
				sizes[c] += info.Size()
			}
		}
	}
	if sizes[ZSTD]*4 > sizes[None] {
		t.Errorf("what repeats takes %d bytes with ZSTD and %d without", sizes[ZSTD], sizes[None])
	}
}

// A second Compact finds all tables compressed as they should be, and writes nothing.
func TestCompactCompressedOnce(t *testing.T) {
	e := open(t, compressed(ZSTD), fastPath(t))
	apply(t, e, rows(0, 3000, 300)...)
	compact(t, e)
	before := e.db.MaxVersion()
	compact(t, e)
	if e.db.MaxVersion() != before {
		t.Error("a Compact that has nothing to do wrote something")
	}
	closeEngine(t, e)
}

// What guards and snapshots hold stays as it is while tables are merged and deleted, the cache has
// room for few blocks, others read, and, for guards, after the storage was closed. A block that
// badger used again would show here.
func TestHeldWhileCompressedTablesGo(t *testing.T) { eachCompression(t, heldWhileTablesGo) }

func heldWhileTablesGo(t *testing.T, b Backend) {
	e := open(t, b, fastPath(t))
	const n, size, rounds = 4000, 1000, 3
	value := func(i, round int) []byte { return rowValue(i+round*n, size) }
	var held [][]byte
	var want []int // row + round*n
	var releases []core.Releaser
	for round := range rounds {
		w := rows(0, n, 0)
		for i := range w {
			w[i].Value = value(i, round)
		}
		apply(t, e, w...)
		if err := e.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		s, err := e.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.Scan(t.Context(), core.ScanRange{})
		if err != nil {
			t.Fatal(err)
		}
		c.Next()
		for i := 0; i < n; i += 7 {
			v, r := get(t, e, rowKey(i))
			held, want, releases = append(held, v), append(want, i+round*n), append(releases, r)
		}
		w[0].Value = value(0, round+1)
		apply(t, e, w[0])
		if err := e.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { compact(t, e) })
		wg.Go(func() { readAtRandom(t, e, n, func(i int) []byte { return value(i, round) }) })
		for i := 1; i < n; i++ {
			k, v, ok := c.Next()
			if !ok || !bytes.Equal(k, rowKey(i)) || !bytes.Equal(v, value(i, round)) {
				t.Fatalf("round %d: a scan that was under way gives another row %d: %v",
					round, i, c.Err())
			}
		}
		wg.Wait()
		c.Close()
		s.Close()
	}
	for _, r := range releases {
		r.Release()
	}
	closeEngine(t, e)
	for i, v := range held {
		if !bytes.Equal(v, rowValue(want[i], size)) {
			t.Fatalf("a value that was held has changed: row %d of round %d", want[i]%n, want[i]/n)
		}
	}
}

// readAtRandom reads all rows but the first, many of them more than once.
func readAtRandom(t *testing.T, e *engine, n int, value func(i int) []byte) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2 * n {
		i := 1 + random.IntN(n-1)
		v, r, err := e.Get(context.Background(), rowKey(i))
		if err != nil || !bytes.Equal(v, value(i)) {
			t.Errorf("Get of row %d gives another value, %v", i, err)
			return
		}
		r.Release()
	}
}

// A bit that is flipped anywhere in a compressed table is found when the storage is opened, and by
// Check while it is open. Or it makes no difference: where rows repeat, what a block is compressed
// to may say so in more than one way.
func TestFlipsInCompressedTables(t *testing.T) { eachCompression(t, flipsInTables) }

func flipsInTables(t *testing.T, b Backend) {
	path := fastPath(t)
	e := open(t, b, path)
	all := rows(0, 1000, 100)
	for i := range all {
		noise(all[i].Value[16:24], uint64(i))
	}
	apply(t, e, all...)
	compact(t, e)
	closeEngine(t, e)
	tables := tablesOf(t, path)
	table := tables[len(tables)-1].path
	sound, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	const places = 40
	found := 0
	for i := range places {
		damaged := backendtest.FlipBit(len(sound)*i/places, i%8)(sound)
		if err := os.WriteFile(table, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := tryOpen(b, path, i%2 == 0, testOptions())
		if errors.Is(err, core.ErrCorrupt) {
			found++
			continue
		} else if err != nil {
			t.Fatalf("place %d: %v", i, err)
		}
		wantRows(t, e, all)
		closeEngine(t, e)
	}
	if found < places*3/4 {
		t.Errorf("of %d flips %d were found", places, found)
	}
	if err := os.WriteFile(table, sound, 0o600); err != nil {
		t.Fatal(err)
	}
	e = open(t, b, path)
	damage := backendtest.Overwrite(len(sound)/4, []byte("damage"))
	if _, err := backendtest.DamageFile(table, damage); err != nil {
		t.Fatal(err)
	}
	if err := e.Check(t.Context()); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("Check of a table that was damaged meanwhile: %v", err)
	}
	closeEngine(t, e)
}

// What claims to be longer than any block gets no memory: four bytes of Snappy could take four
// gigabytes, and a few of Zstandard any number.
func TestBlocksThatClaimTooMuch(t *testing.T) {
	zeroes := make([]byte, mostBlock+1)
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		c     Compression
		block []byte
		sound bool
	}{
		"snappy, a block":    {Snappy, snappy.Encode(nil, zeroes[:mostBlock]), true},
		"snappy, longer":     {Snappy, snappy.Encode(nil, zeroes), false},
		"snappy, 4 GiB":      {Snappy, []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0}, false},
		"snappy, nothing":    {Snappy, nil, false},
		"zstd, a block":      {ZSTD, w.EncodeAll(zeroes[:mostBlock], nil), true},
		"zstd, longer":       {ZSTD, w.EncodeAll(zeroes, nil), false},
		"zstd, two at once":  {ZSTD, w.EncodeAll(zeroes[2:], w.EncodeAll(zeroes[:2], nil)), false},
		"zstd, no such data": {ZSTD, []byte("no such data"), false},
	} {
		got, err := test.c.decompress(nil, test.block)
		if (err == nil) != test.sound {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// Rows that are merged have other neighbors, and may compress worse; and what is decompressed takes
// more. So what must be free is what the tables take without compression, or badger would end the
// process on a full medium.
func TestRoomForCompressedTables(t *testing.T) {
	path := fastPath(t)
	e := open(t, compressed(ZSTD), path)
	const n, size = 5000, 1000
	apply(t, e, rows(0, n, size)...)
	compact(t, e)
	closeEngine(t, e)
	for _, c := range []Compression{ZSTD, None} {
		e := open(t, compressed(c), path)
		if _, tables, err := e.room.measure(); err != nil || tables < n*size || tables > 2*n*size {
			t.Errorf("tables of %d bytes, opened with compression %d: room for %d, %v",
				n*size, c, tables, err)
		}
		free := int64(valueLogFile + n*size/2) // enough for the files as they are
		e.room.free = func(string) (int64, bool) { return free, true }
		if err := e.Compact(t.Context()); !errors.Is(err, core.ErrNoRoom) {
			t.Errorf("Compact with compression %d and room for half: %v", c, err)
		}
		free *= 10
		compact(t, e)
		closeEngine(t, e)
	}
	wantTables(t, path, None)
}

// There is a cache only for tables that are compressed, and it is bounded.
func TestCacheSize(t *testing.T) {
	for _, test := range []struct {
		b    Backend
		want int64
	}{
		{Backend{}, 0},
		{Backend{CacheSize: 1 << 30}, 0},
		{Backend{Compression: Snappy}, 64 << 20},
		{Backend{Compression: ZSTD, CacheSize: -1}, 64 << 20},
		{Backend{Compression: ZSTD, CacheSize: 1}, 1 << 20},
		{Backend{Compression: ZSTD, CacheSize: 1 << 30}, 1 << 30},
	} {
		if got := test.b.cacheSize(); got != test.want {
			t.Errorf("%+v: %d bytes, not %d", test.b, got, test.want)
		}
	}
}

// The cache never holds more than its size, whatever is read.
func TestCacheIsBounded(t *testing.T) {
	b := compressed(ZSTD)
	e := open(t, b, fastPath(t))
	const n, size = 8000, 1000
	apply(t, e, rows(0, n, size)...)
	compact(t, e)
	for range 2 {
		if _, err := dump(e); err != nil {
			t.Fatal(err)
		}
		readAtRandom(t, e, n, func(i int) []byte { return rowValue(i, size) })
	}
	m := e.db.BlockCacheMetrics()
	if held := int64(m.CostAdded() - m.CostEvicted()); held > b.CacheSize || m.Hits() == 0 {
		t.Errorf("the cache holds %d bytes of %d, and had %d hits", held, b.CacheSize, m.Hits())
	}
	closeEngine(t, e)
}

func TestUnknownCompression(t *testing.T) {
	_, err := tryOpen(Backend{Compression: 3}, testPath(t), false, testOptions())
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("compression 3: %v", err)
	}
}

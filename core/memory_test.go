// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"runtime"
	"testing"
)

// bottomless is an engine that takes every write and keeps nothing. So what a write takes is
// what core takes.
type bottomless struct {
	oneRow
	limits Limits
}

func (e *bottomless) Limits() Limits                   { return e.limits }
func (*bottomless) Apply(context.Context, Batch) error { return nil }
func (*bottomless) Snapshot(context.Context) (Snapshot, error) {
	return nil, errors.New("a bottomless engine has no snapshots")
}

// copiedKeys are keys as they are.
type copiedKeys struct{ fakeKeys }

func (copiedKeys) Append(d, k []byte) ([]byte, error) { return append(d, k...), nil }
func (copiedKeys) Decode(b []byte) ([]byte, error)    { return b, nil }

func sinkTable(l Limits, checksums bool) *Table[[]byte, []byte, []byte] {
	s := newStorage("bottomless", &bottomless{limits: l}, newOptions(nil))
	r := tableRecord{Number: 1, Checksums: checksums}
	return newTable(s, newTableState("t", r), r, copiedKeys{}, rawValues{})
}

// allocated returns how many bytes fn allocates.
func allocated(fn func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// manyRows are rows in the order of their keys, which use one value.
func manyRows(n int, value []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for i := range n {
			if !yield([]byte{byte(i >> 8), byte(i)}, value) {
				return
			}
		}
	}
}

// All rows of a PutAll were in one piece of memory, which was copied to a larger one again and
// again: they took about four times their size. They are copied once.
func TestRowsOfAnySizeAreCopiedOnce(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector lets pools forget what they hold")
	}
	for _, test := range []struct{ size, rows int }{
		{16 << 20, 4},
		{300 << 10, 100},
		{70_000, 400},
		{40_000, 600},
		{100, 60_000},
	} {
		for _, checksums := range []bool{false, true} {
			tab := sinkTable(Limits{}, checksums)
			value := make([]byte, test.size)
			got := allocated(func() {
				if err := tab.PutAll(t.Context(), manyRows(test.rows, value)); err != nil {
					t.Fatal(err)
				}
			})
			// the lists of rows and of writes grow, that of rows by doubling
			all := test.rows * (test.size + 2*rowCost)
			if most := all + all*3/10 + 2<<20; got > most {
				t.Errorf("%d rows of %d bytes took %d bytes, want at most %d",
					test.rows, test.size, got, most)
			}
		}
	}
}

// A stream of large rows uses the memory of the first chunks again.
func TestAStreamOfLargeRowsUsesItsMemoryAgain(t *testing.T) {
	const size, rows, chunk = 1 << 20, 400, 16 << 20
	tab := sinkTable(Limits{}, false)
	value := make([]byte, size)
	got := allocated(func() {
		stats, err := tab.PutStream(t.Context(), manyRows(rows, value), WithChunkBytes(chunk))
		if err != nil || stats.Rows != rows {
			t.Fatalf("%+v, %v", stats, err)
		}
	})
	if most := 3 * chunk; got > most {
		t.Errorf("%d MiB in chunks of %d MiB took %d MiB", rows*size>>20, chunk>>20, got>>20)
	}
}

// The memory of the largest row waited in the pool for the next row, however small that was.
func TestPutKeepsNoLargeRow(t *testing.T) {
	tab := sinkTable(Limits{}, false)
	value := make([]byte, 16<<20)
	got := allocated(func() {
		if err := tab.Put(t.Context(), []byte("k"), value); err != nil {
			t.Fatal(err)
		}
	})
	if most := len(value) + len(value)/10; got > most {
		t.Errorf("a value of %d bytes took %d", len(value), got)
	}
	if r, _ := tab.requests.Get().(*rowRequest); r != nil &&
		(r.row != nil || r.one[0].Value != nil || r.writes != nil) {
		t.Errorf("%d bytes wait for the next row", cap(r.row))
	}
}

// A key that is too large was copied once more with the value behind it, and waited in a pool
// for the next key.
func TestAKeyThatIsTooLargeIsCopiedOnce(t *testing.T) {
	tab := sinkTable(Limits{Key: 100}, false)
	key, value := make([]byte, 32<<20), make([]byte, 1<<20)
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"Get":    func() error { _, err := tab.Get(ctx, key); return err },
		"Load":   func() error { _, err := tab.Load(ctx, key); return err },
		"Put":    func() error { return tab.Put(ctx, key, value) },
		"Insert": func() error { return tab.Insert(ctx, key, value) },
		"Delete": func() error { _, err := tab.Delete(ctx, key); return err },
		"PutAll": func() error {
			return tab.PutAll(ctx, func(yield func(k, v []byte) bool) { yield(key, value) })
		},
	} {
		var err error
		got := allocated(func() { err = call() })
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
		if most := len(key) + len(key)/10; got > most {
			t.Errorf("%s: a key of %d bytes took %d", name, len(key), got)
		}
	}
	if s, _ := tab.guards.pool.Get().(*guardState[[]byte]); s != nil && cap(s.keybuf) > 1<<10 {
		t.Errorf("%d bytes wait for the next key", cap(s.keybuf))
	}
}

// Rows of all sizes, small and large in turn, come out as they went in, whatever batch had the
// memory before, also if they are cut out of one batch and put into another.
func TestBatchKeepsRowsOfAllSizes(t *testing.T) {
	sizes := []int{
		10, 200, largeRow - 1, largeRow, 3, 500, batchBlock, largeRow + 1, 1, 40_000,
		2 * batchBlock, 40_000, 40_000, 7,
	}
	batches := [2]batch{}
	batches[0].reset()
	batches[1].reset()
	for round := range 6 {
		b, other := &batches[round%2], &batches[(round+1)%2]
		b.reset()
		var want [][]byte
		for i, size := range sizes[round:] {
			key, value := []byte{byte(i)}, bytes.Repeat([]byte{byte(round), byte(i)}, size)[:size]
			addRow(t, b, string(key), string(value))
			want = append(want, append(key, value...))
		}
		checkRows(t, b, want)
		loose := b.cut()
		other.reset()
		if err := other.paste(loose); err != nil {
			t.Fatal(err)
		}
		checkRows(t, b, want[:len(want)-1])
		b.reset()
		// in what the batch had
		addRow(t, b, "other", string(bytes.Repeat([]byte("x"), 3*batchBlock)))
		checkRows(t, other, want[len(want)-1:])
	}
}

func checkRows(t *testing.T, b *batch, want [][]byte) {
	t.Helper()
	writes, size := b.sort()
	if len(writes) != len(want) {
		t.Fatalf("%d rows, want %d", len(writes), len(want))
	}
	for i, w := range writes {
		if got := append(bytes.Clone(w.Key), w.Value...); !bytes.Equal(got, want[i]) {
			t.Fatalf("row %d of %d bytes is not as it was", i, len(want[i]))
		}
		size -= len(w.Key) + len(w.Value)
	}
	if size != 0 || b.bytes != len(bytes.Join(want, nil)) {
		t.Errorf("the size is wrong by %d bytes, or %d", size, b.bytes)
	}
}

// A row whose encoding adds a row to the same batch, as a marshaler may, was encoded over it.
func TestBatchTakesARowWhileARowIsEncoded(t *testing.T) {
	for _, sizes := range [][2]int{
		{10, 10},
		{10, largeRow},
		{largeRow, 10},
		{2 * largeRow, largeRow},
		{5000, 900},
	} {
		var b batch
		b.reset()
		value := func(fill string, size int) string {
			return string(bytes.Repeat([]byte(fill), size))
		}
		var want [][]byte
		for i := range 5 {
			outer, inner := value("o", sizes[0]), value("i", sizes[1])
			err := b.add(func(dst []byte) ([]byte, int, error) {
				dst = append(dst, byte(i), 'o')
				addRow(t, &b, string([]byte{byte(i), 'i'}), inner)
				return append(dst, outer...), 2, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, append([]byte{byte(i), 'i'}, inner...),
				append([]byte{byte(i), 'o'}, outer...))
		}
		checkRows(t, &b, want)
	}
}

// An encoding that fails leaves the batch as it was, and its memory for the next row.
func TestBatchAfterAnEncodingThatFails(t *testing.T) {
	var b batch
	b.reset()
	failure := errors.New("failure")
	for i := range 3 {
		addRow(t, &b, string(byte(i)), "value")
		if err := b.add(func(dst []byte) ([]byte, int, error) {
			return append(dst, "some"...), 0, failure
		}); err != failure {
			t.Fatal(err)
		}
	}
	checkRows(t, &b, [][]byte{[]byte("\x00value"), []byte("\x01value"), []byte("\x02value")})
	if len(b.shared) != 1 {
		t.Errorf("%d blocks for three small rows", len(b.shared))
	}
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

// An open value in the hands of the goroutine that writes would block bbolt's own writer
// forever once the mapping must grow. What the writer frees meanwhile must be used again
// afterwards.
func TestWriteWhileHoldingAValue(t *testing.T) {
	eachMode(t, func(t *testing.T, b Backend) {
		opts := testOptions()
		opts.NoSync = true
		path := fastPath(t)
		e, err := tryOpen(b, path, false, opts)
		if err != nil {
			t.Fatal(err)
		}
		apply(t, e, rows(0, 200, 64<<10)...)
		writes := 3200 // 200 MiB
		if testing.Short() {
			writes = 800
		}
		round := func() (written int64) {
			value, r, err := e.Get(context.Background(), rowKey(100))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Release()
			for i := range writes {
				apply(t, e, core.Write{Key: rowKey(i % 200), Value: rowValue(i, 64<<10)})
				written += 64 << 10
			}
			if !bytes.Equal(value, rowValue(100, 64<<10)) && !bytes.Equal(value,
				rowValue(writes-100, 64<<10)) {
				t.Error("the value that was held has changed")
			}
			return written
		}
		written := round()
		first := fileSize(t, path)
		if first > 6*written {
			t.Errorf("%d MiB were written and the file grew to %d MiB", written>>20, first>>20)
		}
		round()
		if second := fileSize(t, path); float64(second) > 1.1*float64(first) {
			t.Errorf("the file grew from %d to %d MiB in a second round", first>>20, second>>20)
		}
		closeEngine(t, e)
	})
}

// TestReadersBesideAWriter: every commit gives all rows the same new value, so a reader that
// sees two values in one snapshot, or one that is older than what it saw before, saw no state
// that ever was.
func TestReadersBesideAWriter(t *testing.T) {
	eachMode(t, func(t *testing.T, b Backend) {
		const n, commits = 100, 60
		opts := testOptions()
		opts.NoSync = true
		e, err := tryOpen(b, fastPath(t), false, opts)
		if err != nil {
			t.Fatal(err)
		}
		round := func(i int) (w []core.Write) {
			for k := range n {
				w = append(w, core.Write{Key: rowKey(k), Value: rowValue(i, 100)})
			}
			// One half of the neighbors is there in even rounds, the other in odd ones.
			for k := n; k < 3*n; k++ {
				w = append(w,
					core.Write{Key: rowKey(k), Value: rowValue(i, 100), Delete: (k+i)%2 == 0})
			}
			return w
		}
		apply(t, e, round(0)...)
		number := map[string]int{}
		for i := range commits + 1 {
			number[string(rowValue(i, 100))] = i
		}
		done := make(chan struct{})
		var readers sync.WaitGroup
		for range 20 {
			readers.Go(func() {
				seen := 0
				for {
					select {
					case <-done:
						return
					default:
					}
					i, err := readRound(e, n, number)
					if err != nil {
						t.Error(err)
						return
					}
					if i < seen {
						t.Errorf("round %d was read after round %d", i, seen)
						return
					}
					seen = i
				}
			})
		}
		for i := 1; i <= commits; i++ {
			apply(t, e, round(i)...)
		}
		close(done)
		readers.Wait()
		closeEngine(t, e)
	})
}

// readRound reads some rows and returns the round that they are from.
func readRound(e *engine, n int, number map[string]int) (int, error) {
	ctx := context.Background()
	value, r, err := e.Get(ctx, rowKey(rand.IntN(n)))
	if err != nil {
		return 0, err
	}
	got, ok := number[string(value)]
	r.Release()
	if !ok {
		return 0, errors.New("a value that was never written")
	}
	s, err := e.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	c, err := s.Scan(ctx, core.ScanRange{Reverse: rand.IntN(2) == 0})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	count, first := 0, -1
	for _, v, ok := c.Next(); ok; _, v, ok = c.Next() {
		i, known := number[string(v)]
		if !known || (first >= 0 && i != first) {
			return 0, fmt.Errorf("round %d and round %d in one snapshot", first, i)
		}
		first = i
		count++
	}
	if count != 2*n || first < got {
		return 0, fmt.Errorf("%d rows of round %d after round %d was seen", count, first, got)
	}
	return first, c.Err()
}

// The file of a small storage is small, although its mapping is huge.
func TestSmallStorageIsASmallFile(t *testing.T) {
	eachMode(t, func(t *testing.T, b Backend) {
		path := testPath(t)
		e := open(t, b, path)
		for i := range 20 {
			apply(t, e, rows(i*10, i*10+10, 100)...)
		}
		closeEngine(t, e)
		if size := fileSize(t, path); size > 256<<10 {
			t.Errorf("20 kB of rows take %d bytes", size)
		}
	})
}

func TestLimits(t *testing.T) {
	e := open(t, Backend{}, testPath(t))
	l := e.Limits()
	key := bytes.Repeat([]byte("k"), l.Key)
	apply(t, e, core.Write{Key: key, Value: []byte("v")})
	if v, r, err := e.Get(context.Background(), key); err != nil || string(v) != "v" {
		t.Error("the longest key:", err)
	} else {
		r.Release()
	}
	for name, w := range map[string]core.Write{
		"key":   {Key: append(key, 'k')},
		"value": {Key: rowKey(0), Value: make([]byte, l.Value+1)},
	} {
		if err := e.Apply(context.Background(),
			core.Batch{Writes: []core.Write{w}}); !errors.Is(err, core.ErrTooLarge) {
			t.Errorf("a %s over the limit: %v", name, err)
		}
	}
	closeEngine(t, e)
}

// A write that would outgrow the reserved address space is refused before anything is written;
// waiting for the readers instead could take forever. Smaller writes go on.
func TestOutgrowingTheReservation(t *testing.T) {
	path := testPath(t)
	e := open(t, Backend{reserve: func(int64) int { return 8 << 20 }}, path)
	apply(t, e, rows(0, 1000, 1000)...)
	apply(t, e, deletions(100, 1000)...)
	// the pages of the deleted rows are free now, and the write below takes them
	apply(t, e, rows(0, 1, 1000)...)
	value, r, err := e.Get(context.Background(), rowKey(5))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Apply(context.Background(),
		core.Batch{Writes: rows(50, 20_000, 1000)}); !errors.Is(err, core.ErrTooLarge) {
		t.Fatal("writing 20 MB into 8 MiB:", err)
	}
	if !bytes.Equal(value, rowValue(5, 1000)) {
		t.Error("the value that was held has changed")
	}
	r.Release()
	if all, err := dump(e); err != nil || len(all) != 100 {
		t.Errorf("%d rows after a write that was refused, want 100: %v", len(all), err)
	}
	apply(t, e, rows(100, 200, 1000)...)
	closeEngine(t, e)

	opts := testOptions()
	opts.Validation = core.ValidateFull
	if e, err = tryOpen(Backend{}, path, false, opts); err != nil {
		t.Fatal(err)
	}
	apply(t, e, rows(200, 20_000, 1000)...)
	if all, err := dump(e); err != nil || len(all) != 20_000 {
		t.Errorf("%d rows after opening again, want 20000: %v", len(all), err)
	}
	closeEngine(t, e)
}

func TestCancelled(t *testing.T) {
	e := open(t, Backend{}, testPath(t))
	apply(t, e, rows(0, 10_000, 100)...)
	ctx, cancel := context.WithCancel(context.Background())
	s, err := e.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Scan(ctx, core.ScanRange{})
	if err != nil {
		t.Fatal(err)
	}
	c.Next()
	cancel()
	n := 1
	for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
		n++
	}
	if n >= 10_000 || !errors.Is(c.Err(), context.Canceled) {
		t.Errorf("%d rows of a scan that was cancelled, %v", n, c.Err())
	}
	s.Close()
	for name, err := range map[string]error{
		"apply":   e.Apply(ctx, core.Batch{Writes: rows(0, 1, 1)}),
		"mark":    e.SetMark(ctx, nil),
		"compact": compact(ctx, e),
		"check":   e.Check(ctx),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	closeEngine(t, e)
}

func TestSetMark(t *testing.T) {
	eachMode(t, func(t *testing.T, b Backend) {
		path := testPath(t)
		// within the root page, and too long for it
		for i, size := range []int{0, 10, 500, 3000, 100_000, 20} {
			e := open(t, b, path)
			apply(t, e, rows(0, 100*(i+1), 100)...)
			if err := e.SetMark(context.Background(), rowValue(i, size)); err != nil {
				t.Fatal(err)
			}
			if all, err := dump(e); err != nil || len(all) != 100*(i+1) {
				t.Errorf("%d rows beside a mark of %d bytes: %v", len(all), size, err)
			}
			if err := e.Check(context.Background()); err != nil {
				t.Error(err)
			}
			closeEngine(t, e)
			c, err := b.Claim(context.Background(), path, true)
			if err != nil {
				t.Fatal(err)
			}
			if mark, err := c.Mark(); err != nil || !bytes.Equal(mark, rowValue(i, size)) {
				t.Errorf("a mark of %d bytes is %d bytes long: %v", size, len(mark), err)
			}
			c.Release()
		}
	})
}

// bbolt's handle is for users to read with. The logger that it was given must not change how it
// fails.
func TestBoltHandle(t *testing.T) {
	e := open(t, Backend{}, testPath(t))
	var db *bolt.DB
	if !e.As(&db) || db == nil {
		t.Fatal("no handle")
	}
	var other *engine
	if e.As(&other) || e.As(db) {
		t.Error("a handle of a kind that there is not")
	}
	closeEngine(t, e)
	if err := db.View(func(*bolt.Tx) error { return nil }); err == nil {
		t.Error("reading through a closed handle is no error")
	}
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bbolt

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

// Values and snapshots that are open during a compaction, and a second one, stay what they are.
func TestCompactWithHeldValues(t *testing.T) {
	eachMode(t, func(t *testing.T, b Backend) {
		path := testPath(t)
		e := open(t, b, path)
		apply(t, e, rows(0, 20_000, 100)...)
		value, r, err := e.Get(context.Background(), rowKey(777))
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.Snapshot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			before := fileSize(t, path)
			apply(t, e, deletions(i*9000, (i+1)*9000)...)
			if err := e.Compact(context.Background()); err != nil {
				t.Fatal(err)
			}
			if after := fileSize(t, path); after > before*3/4 {
				t.Errorf("compacted from %d to %d bytes", before, after)
			}
			var db *bolt.DB
			if e.As(&db); db.Path() != path {
				t.Errorf("bbolt's path is %q, want %q", db.Path(), path)
			}
			apply(t, e, rows(20_000+i, 20_001+i, 100)...)
		}
		if !bytes.Equal(value, rowValue(777, 100)) {
			t.Error("the value that was held has changed")
		}
		if n, _, err := s.Powers().Count(context.Background(), nil,
			nil); n != 20_000 || err != nil {
			t.Errorf("the snapshot that was held has %d rows: %v", n, err)
		}
		r.Release()
		s.Close()
		if all, err := dump(e); len(all) != 2002 || err != nil {
			t.Errorf("%d rows, want 2002: %v", len(all), err)
		}
		if err := e.Check(context.Background()); err != nil {
			t.Error(err)
		}
		closeEngine(t, e)
		e = open(t, b, path)
		if all, err := dump(e); len(all) != 2002 || err != nil {
			t.Errorf("%d rows after reopening, want 2002: %v", len(all), err)
		}
		closeEngine(t, e)
	})
}

// The file that a compaction replaced is closed when its last value is released, not before and
// not later.
func TestCompactClosesTheOldFile(t *testing.T) {
	if !canReserve {
		t.Skip("values are copies here")
	}
	path := testPath(t)
	e := open(t, Backend{}, path)
	apply(t, e, rows(0, 5000, 100)...)
	apply(t, e, deletions(0, 4000)...)
	old := e.file.Load()
	_, r, err := e.Get(context.Background(), rowKey(4500))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := old.fd.Stat(); err != nil {
		t.Error("closed under a value that is open:", err)
	}
	r.Release()
	if _, err := old.fd.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Error("not closed after the last value was released:", err)
	}
	closeEngine(t, e)
}

// Before the rename, a compaction that fails leaves everything as it was.
func TestCompactFails(t *testing.T) {
	path := testPath(t)
	e := open(t, Backend{}, path)
	apply(t, e, rows(0, 5000, 100)...)
	var damaged uint64
	s, _ := e.reads.snapshot()
	c := newCursor(context.Background(), &s.rows, core.ScanRange{Low: rowKey(2500)})
	c.nextLeaf()
	damaged = c.leaf.id()
	s.Release()
	// so that a copy of the file that is kept for readers counts no more
	apply(t, e, rows(0, 1, 100)...)
	if _, err := e.file.Load().fd.WriteAt(make([]byte, 16), int64(damaged)*4096); err != nil {
		t.Fatal(err)
	}
	if err := e.Compact(context.Background()); !errors.Is(err, core.ErrCorrupt) {
		t.Error("compacting a damaged storage:", err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Error("files were left behind:", entries)
	}
	if _, r, err := e.Get(context.Background(), rowKey(1)); err != nil {
		t.Error("the storage is not what it was:", err)
	} else {
		r.Release()
	}
	closeEngine(t, e)
}

func TestCompactNeverGrows(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 5))
		path := testPath(t)
		e := open(t, Backend{}, path)
		apply(t, e, rows(0, r.IntN(3000), r.IntN(500))...)
		for range 3 {
			before := fileSize(t, path)
			if err := e.Compact(context.Background()); err != nil {
				t.Fatal(err)
			}
			if after := fileSize(t, path); after > before {
				t.Errorf("seed %d: compacted from %d to %d bytes", seed, before, after)
			}
		}
		closeEngine(t, e)
	}
}

// A link to a storage is still a link after a compaction.
func TestCompactThroughALink(t *testing.T) {
	path := testPath(t)
	e := open(t, Backend{}, path)
	apply(t, e, rows(0, 5000, 100)...)
	apply(t, e, deletions(0, 4000)...)
	closeEngine(t, e)
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	e = open(t, Backend{}, link)
	if err := e.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	apply(t, e, rows(5000, 5001, 100)...)
	closeEngine(t, e)
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Error("the link is no link any more")
	}
	e = open(t, Backend{}, path)
	if all, err := dump(e); len(all) != 1001 || err != nil {
		t.Errorf("%d rows, want 1001: %v", len(all), err)
	}
	closeEngine(t, e)
}

// A process that had opened the old file before the rename gets its lock after it. What it
// would write into a file without a name would be lost.
func TestLockOfAReplacedFile(t *testing.T) {
	path := testPath(t)
	e := open(t, Backend{}, path)
	apply(t, e, rows(0, 5000, 100)...)
	apply(t, e, deletions(0, 4000)...)
	waiting, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	if f, err := lockOpened(path, waiting, false); f != errLockedFile || err != nil {
		t.Errorf("the lock of a file that was replaced was taken: %v, %v", f, err)
	}
	closeEngine(t, e)
}

// A Check that had walked over the old file compared it with the meta pages of the new one, and
// called a sound storage damaged.
func TestCheckBesideCompaction(t *testing.T) {
	eachMode(t, func(t *testing.T, b Backend) {
		e := open(t, b, testPath(t))
		for i := range 20 { // each of them a transaction, of which the new file has fewer
			apply(t, e, rows(i, i+1, 100)...)
		}
		f := e.file.Load()
		s, err := e.reads.snapshot()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Release()
		w := newWalker(t.Context(), &s.data)
		if err := w.storage(s.root); err != nil {
			t.Fatal(err)
		}
		if err := compact(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if err := e.checkRest(w, f, s.txid); err != nil {
			t.Errorf("checkRest = %v", err)
		}
		if err := e.Check(t.Context()); err != nil {
			t.Errorf("Check = %v", err)
		}
	})
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"testing"

	"github.com/guardkv/guardkv/core"
)

// A scan of everything, as backups and checks make it, filled the cache with blocks that were not
// asked for again: a program that needed some megabytes took 256 more, and died under a limit that
// was enough for its own reading and writing. What is in the cache stays there, and afterwards it
// may grow again.
func TestReadingEverythingDoesNotFillTheCache(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine reads 24 MB four times, row by row")
	}
	const count, size = 24_000, 1000
	path := testPath(t)
	e := open(t, Backend{}, path)
	for i := range count / 100 {
		var w []core.Write
		for j := range 100 {
			w = append(w, noise(i*100+j, size))
		}
		apply(t, e, w...)
	}
	if err := e.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	closeEngine(t, e)
	e = open(t, Backend{}, path)
	defer closeEngine(t, e)
	scan := func(once bool) int64 {
		s, err := e.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		c, err := s.Scan(t.Context(), core.ScanRange{Once: once})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		n := 0
		for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
			n++
		}
		if c.Err() != nil || n != count {
			t.Errorf("%d rows: %v", n, c.Err())
		}
		return e.cache.blocks.Size()
	}
	const little = onceRoom + 1<<20
	for range 2 {
		if got := scan(true); got > little {
			t.Errorf("the cache has %d bytes after a scan of everything", got)
		}
	}
	if err := e.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.cache.blocks.Size(); got > little {
		t.Errorf("the cache has %d bytes after a check", got)
	}
	if got := scan(false); got < count*size {
		t.Errorf("the cache has %d bytes after a scan of what may be read again", got)
	}
	if got := scan(true); got < count*size {
		t.Errorf("the cache has forgotten what was in it, and has %d bytes", got)
	}
}

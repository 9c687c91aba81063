// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/directory"
)

// noise returns a row that cannot be compressed.
func noise(i, size int) core.Write {
	value := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(i), byte(i >> 8), byte(i >> 16)}).Read(value)
	return core.Write{Key: rowKey(i), Value: value}
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// smallMedium returns a directory on a medium of its own, of size bytes.
func smallMedium(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	unmount, err := mountSmall(dir, size)
	if err != nil {
		t.Skip("no small medium can be made here:", err)
	}
	t.Cleanup(func() {
		if err := unmount(); err != nil && !t.Failed() {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves spare bytes of the medium of a directory to others, until empty is called.
func fill(t *testing.T, dir string, spare int64) (empty func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, err := io.Copy(f, zeros{})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Truncate(max(n-spare, 0)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// Pebble moves what a crash left in the log to tables when it is opened. Where there was no
// room for these it tried again, forever, whatever became of the context. Now Open returns
// ErrNoRoom soon, as often as it is tried; nothing is lost, nothing is left that would take room,
// and the storage opens when there is some.
func TestOpenWithoutRoom(t *testing.T) {
	dir := smallMedium(t, 32<<20)
	path := testPath(t)
	e := open(t, Backend{}, path)
	const count = 600
	for i := range count { // in the log only
		apply(t, e, noise(i, 5000))
	}
	crashed := filepath.Join(dir, "db")
	if err := os.CopyFS(crashed, os.DirFS(path)); err != nil {
		t.Fatal(err)
	}
	closeEngine(t, e)
	for _, spare := range []int64{0, 100 << 10, least + 64<<10, floor, 2 << 20} {
		empty := fill(t, dir, spare)
		before := tables(t, crashed)
		for range 2 {
			start := time.Now()
			_, err := tryOpen(Backend{}, crashed, false, testOptions())
			if !errors.Is(err, core.ErrNoRoom) || errors.Is(err, core.ErrCorrupt) || errors.Is(err,
				core.ErrLocked) {
				t.Fatalf("%d bytes are free: %v", spare, err)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("%d bytes are free: it took %v", spare, took)
			}
			if after := tables(t, crashed); after != before {
				t.Errorf("%d bytes are free: there were tables %s, and now %s",
					spare, before, after)
			}
		}
		empty()
	}
	e = open(t, Backend{}, crashed)
	defer closeEngine(t, e)
	has(t, "when there is room", e, 0, count, 5000)
}

// A process filled its medium with rows, some of them deleted again, and was killed. Whatever
// others do with the room that is left, and however often it is opened in vain: when there is
// room the storage opens, with every row that was acknowledged, and takes others.
func TestRoomComesBackAfterACrash(t *testing.T) {
	dir := smallMedium(t, 32<<20)
	path := filepath.Join(dir, "db")
	const size = 2000
	count := stockAndKill(t, path, size)
	deleted := count / 4
	for _, spare := range []int64{0, 64 << 10, least + 64<<10, floor} {
		empty := fill(t, dir, spare)
		e, err := tryOpen(Backend{}, path, false, testOptions())
		if err == nil {
			has(t, fmt.Sprintf("with %d bytes of room", spare), e, deleted, count, size)
			closeEngine(t, e)
		} else if !errors.Is(err, core.ErrNoRoom) || errors.Is(err, core.ErrCorrupt) ||
			errors.Is(err, core.ErrLocked) {
			t.Errorf("%d bytes are free: %v", spare, err)
		}
		empty()
	}
	e := open(t, Backend{}, path)
	has(t, "when there is room", e, deleted, count, size)
	if err := e.Compact(t.Context()); err != nil {
		t.Error("compact:", err)
	}
	more := stock(t, e, count, size)
	if more == count {
		t.Error("a quarter was deleted, and no row has room")
	}
	closeEngine(t, e)
	e = open(t, Backend{}, path)
	defer closeEngine(t, e)
	has(t, "when it is opened again", e, deleted, more, size)
}

// stockAndKill lets a child put rows until there is no room for more, and delete a quarter of
// them, and kills it. It returns how many there were.
func stockAndKill(t *testing.T, path string, size int) int {
	t.Helper()
	cmd := backendtest.Child(t.Context(), "stock", path, strconv.Itoa(size))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var count int
	_, err = fmt.Fscan(out, &count)
	cmd.Process.Kill()
	cmd.Wait()
	if err != nil || count == 0 {
		t.Fatalf("%d rows: %v", count, err)
	}
	return count
}

func stockChild(args []string) error {
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	e, err := tryOpen(Backend{}, args[0], false, testOptions())
	if err != nil {
		return err
	}
	put := func(w core.Write) error {
		return e.Apply(context.Background(), core.Batch{Writes: []core.Write{w}})
	}
	count := 0
	for ; err == nil; count++ {
		err = put(noise(count, size))
	}
	if count--; !errors.Is(err, core.ErrNoRoom) {
		return fmt.Errorf("row %d: %w", count, err)
	}
	for i := range count / 4 {
		if err := put(core.Write{Key: rowKey(i), Delete: true}); err != nil {
			return fmt.Errorf("deleting row %d: %w", i, err)
		}
	}
	fmt.Println(count)
	select {} // until it is killed
}

func tables(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// A storage that is being opened and has to wait for its medium heeds the context. Its lock is
// kept until pebble, which cannot be stopped, comes to an end, and nothing is lost.
func TestOpenHeedsItsContext(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes as long as Open is patient")
	}
	path := testPath(t)
	mem := memoryFS(t, path)
	e, err := memoryOpen(t, Backend{fs: mem}.withDefaults(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, e, rows(0, 10, 100)...)
	defer closeEngine(t, e)
	clone, to := crashed(t, mem, path, 0, 1)
	ctx, cancel := context.WithCancel(t.Context())
	goOn := make(chan struct{})
	hanging := errorfs.Wrap(clone, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if filepath.Ext(op.Path) == ".sst" && op.Kind == errorfs.OpCreate {
			cancel()
			<-goOn
		}
		return nil
	}))
	b := Backend{fs: hanging}.withDefaults()
	c, err := directory.Claim(ctx, to, false, directory.Driver{Lock: takeLock, Open: b.open})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(ctx, testOptions()); !errors.Is(err, context.Canceled) || !errors.Is(err,
		core.ErrLocked) || errors.Is(err, core.ErrCorrupt) {
		t.Error(err)
	}
	if err := c.Release(); err != nil {
		t.Error(err)
	}
	close(goOn)
	waitUntil(t, func() bool {
		e, err := memoryOpen(t, Backend{fs: clone}.withDefaults(), to, false)
		if errors.Is(err, core.ErrLocked) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		defer closeEngine(t, e)
		if all, err := dump(e); err != nil || len(all) != 10 {
			t.Errorf("%d rows: %v", len(all), err)
		}
		return true
	})
}

// stock puts rows until there is no room for more, and returns how many.
func stock(t *testing.T, e *engine, from, size int) int {
	t.Helper()
	for i := from; ; i++ {
		err := e.Apply(t.Context(), core.Batch{Writes: []core.Write{noise(i, size)}})
		if errors.Is(err, core.ErrNoRoom) {
			if _, _, err := e.Get(t.Context(), rowKey(i)); !errors.Is(err, core.ErrNotFound) {
				t.Errorf("a row that was refused: %v", err)
			}
			return i
		}
		if err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
	}
}

// has proves that a scan finds the rows from up to but not including to, and nothing else.
func has(t *testing.T, when string, e *engine, from, to, size int) {
	t.Helper()
	all, err := dump(e)
	if err != nil || len(all) != to-from {
		t.Errorf("%s: %d rows, not %d: %v", when, len(all), to-from, err)
	}
	for i := from; i < to; i++ {
		if all[string(rowKey(i))] != string(noise(i, size).Value) {
			t.Fatalf("%s: row %d is wrong", when, i)
		}
	}
}

// The medium was full, and the storage came to an end: what pebble had acknowledged could not
// be moved to tables, no scan began, and nothing could be deleted. Now what there is no room
// for is refused, as often as it is tried, and all the rest goes on.
func TestRunWithoutRoom(t *testing.T) {
	sizes := []int{100_000, 1000, 3 << 20}
	if testing.Short() {
		sizes = sizes[:1] // one goroutine writes them
	}
	for _, size := range sizes {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			path := filepath.Join(smallMedium(t, 32<<20), "db")
			e := open(t, Backend{}, path)
			n := stock(t, e, 0, size)
			if least := 8 << 20; n*size < least {
				t.Errorf("the medium is full after %d bytes of rows", n*size)
			}
			n = stock(t, e, n, size)
			has(t, "when it is full", e, 0, n, size)
			for i := range n / 2 {
				apply(t, e, core.Write{Key: rowKey(i), Delete: true})
			}
			has(t, "when half is deleted", e, n/2, n, size)
			if err := e.Compact(t.Context()); err != nil {
				t.Fatal("compact:", err)
			}
			m := stock(t, e, n, size)
			if m-n < n/8 {
				t.Errorf("%d of %d rows were deleted, and there is room for %d", n/2, n, m-n)
			}
			closeEngine(t, e)
			e = open(t, Backend{}, path)
			defer closeEngine(t, e)
			has(t, "when it is opened again", e, n/2, m, size)
		})
	}
}

// A merge had failed for want of room, others made room, and writes that would wait for the
// merge were refused until the pause after it was over.
func TestRoomEndsThePause(t *testing.T) {
	var free atomic.Int64
	free.Store(1 << 40)
	b := Backend{usage: func(string) (int64, int64, bool) { return free.Load(), 1 << 40, true }}
	e := open(t, b, testPath(t))
	defer closeEngine(t, e)
	for i := range 1000 {
		apply(t, e, noise(i, 3000))
	}
	if err := e.db.Flush(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, func() bool { return !busy(e.db.Metrics()) })
	remove := func() error {
		e.medium.spare = 0 // it is asked
		e.room.changed.Store(false)
		e.room.enough, e.room.deep = false, true // level 0 is as deep as it may be,
		e.health.vain.Store(1)                   // and was not merged
		return e.Apply(t.Context(),
			core.Batch{Writes: []core.Write{{Key: rowKey(1), Delete: true}}})
	}
	free.Store(floor + floor/2)
	if err := remove(); !errors.Is(err, errNotMerged) {
		t.Error("without room:", err)
	}
	free.Store(1 << 40)
	if err := remove(); err != nil {
		t.Error("with room:", err)
	}
	if s := e.scheduler(); s.asked != 0 {
		t.Error("the pause is over for good")
	}
}

// Somebody else fills the medium, and empties it again.
func TestOthersTakeTheRoom(t *testing.T) {
	dir := smallMedium(t, 64<<20)
	path := filepath.Join(dir, "db")
	e := open(t, Backend{}, path)
	const size, count = 3000, 1000
	put := func(to int) {
		for i := range to {
			apply(t, e, noise(i, size))
		}
	}
	put(count)
	for _, spare := range []int64{0, 4096, 500 << 10} {
		empty := fill(t, dir, spare)
		n := stock(t, e, count, size) // what was reserved before is there
		has(t, "beside others", e, 0, n, size)
		if err := e.Compact(t.Context()); err != nil && !errors.Is(err, core.ErrNoRoom) {
			t.Error("compact:", err)
		}
		if err := e.SetMark(t.Context(), testMark); err != nil && !errors.Is(err, core.ErrNoRoom) {
			t.Error("mark:", err)
		}
		empty()
		put(count)
		for i := count; i < n; i++ {
			apply(t, e, core.Write{Key: rowKey(i), Delete: true})
		}
	}
	if err := e.Compact(t.Context()); err != nil {
		t.Error("compact:", err)
	}
	put(count / 2)
	empty := fill(t, dir, 0)
	if err := e.Close(); err != nil {
		t.Error("close:", err)
	}
	empty()
	e = open(t, Backend{}, path)
	defer closeEngine(t, e)
	has(t, "after all", e, 0, count, size)
}

// Pebble reserves room for a table in memory and more in each of its logs, and keeps these to
// use them again: a closed storage of one row took 35 MiB, which Size did not see, and 16 MB of
// rows took 200.
func TestTakesWhatItsRowsTake(t *testing.T) {
	for _, c := range []struct{ rows, size, open, closed int }{
		{1, 10, 2 << 20, 100 << 10},
		{16_000, 1000, 56 << 20, 20 << 20},
	} {
		path := testPath(t)
		e := open(t, Backend{}, path)
		for i := range c.rows / 100 {
			apply(t, e, rows(i*100, i*100+100, c.size)...)
		}
		apply(t, e, rows(0, 1, c.size)...)
		size, err := e.Size()
		if err != nil || size > int64(c.open) {
			t.Errorf("%d rows of %d bytes take %d when they are written: %v",
				c.rows, c.size, size, err)
		}
		closeEngine(t, e)
		if size := onDisk(t, path); size > int64(c.closed) {
			t.Errorf("%d rows of %d bytes take %d when they are closed", c.rows, c.size, size)
		}
		e = open(t, Backend{}, path)
		waitUntil(t, func() bool { // pebble removes files after it was opened
			want := onDisk(t, path)
			size, err = e.Size()
			return err == nil && size == want
		})
		closeEngine(t, e)
	}
}

// onDisk returns how much of the medium a directory takes.
func onDisk(t *testing.T, dir string) (size int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // pebble removes files while it runs
		} else if err != nil {
			return err
		}
		size += sizeOf(info)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

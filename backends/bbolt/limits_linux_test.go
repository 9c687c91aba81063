// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// limitedChildren are what child processes do under limits that only some systems have.
var limitedChildren = map[string]func(args []string) error{
	"full":    fullChild,
	"limited": limitedChild,
}

// Where address space is limited nothing can be reserved. A process that may have 3 GiB of it copies, and its writer
// does not wait for the values and snapshots that are open.
func TestAddressSpaceLimit(t *testing.T) {
	if out, err := child(t.Context(), "limited", fastPath(t)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
}

func limitedChild(args []string) error {
	limit := syscall.Rlimit{Cur: 3 << 30, Max: 3 << 30}
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &limit); err != nil {
		return err
	}
	opts := testOptions()
	opts.NoSync = true
	e, err := tryOpen(Backend{}, args[0], false, opts)
	if err != nil {
		return err
	}
	if _, ok := e.reads.(*copied); !ok {
		return fmt.Errorf("readers are served by %T", e.reads)
	}
	ctx := context.Background()
	if err := e.Apply(ctx, core.Batch{Writes: rows(0, 10, 1000)}); err != nil {
		return err
	}
	value, r, err := e.Get(ctx, rowKey(3))
	if err != nil {
		return err
	}
	s, err := e.Snapshot(ctx)
	if err != nil {
		return err
	}
	for i := range 100 { // 100 MiB: the mapping has to grow many times
		if err := e.Apply(ctx, core.Batch{Writes: rows(i*1000, (i+1)*1000, 1000)}); err != nil {
			return err
		}
	}
	held, _, err := s.Get(ctx, rowKey(3))
	if err != nil || !bytes.Equal(held, value) || !bytes.Equal(held, rowValue(3, 1000)) {
		return errors.Join(err, errors.New("a value that was held has changed"))
	}
	r.Release()
	s.Close()
	return e.Close()
}

// reserveSpace takes what it can get, but not less than four times the file.
func TestReserveSpace(t *testing.T) {
	for _, c := range []struct{ fileSize, want int64 }{
		{0, 1 << 40},
		{1 << 30, 1 << 40},
		{1 << 37, 16 << 40},
		{1 << 42, 16 << 40},
		{1 << 43, 0},
	} {
		if got := int64(reserveSpace(c.fileSize)); got != c.want {
			t.Errorf("%d bytes of address space for a file of %d, want %d", got, c.fileSize, c.want)
		}
	}
	e := open(t, Backend{}, filepath.Join(t.TempDir(), "db"))
	if _, ok := e.reads.(*mapped); !ok {
		t.Errorf("readers are served by %T", e.reads)
	}
	closeEngine(t, e)
}

// When a commit fails, bbolt walks over all pages in a goroutine of its own to find the free ones again. One damaged
// page that nobody had read so far would end the process there. The commit fails here because the file may not
// grow, as on a disk that is full.
func TestFullDiskAndADamagedPage(t *testing.T) {
	if out, err := child(t.Context(), "full", testPath(t)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
}

func fullChild(args []string) error {
	ctx := context.Background()
	path := args[0]
	e, err := tryOpen(Backend{}, path, false, testOptions())
	if err != nil {
		return err
	}
	if err := e.Apply(ctx, core.Batch{Writes: rows(0, 5000, 100)}); err != nil {
		return err
	}
	s, err := e.reads.snapshot()
	if err != nil {
		return err
	}
	leaf, err := s.rows.leafFor(rowKey(2500))
	if err != nil {
		return err
	}
	damaged := int64(leaf.id()) * 4096
	s.Release()
	if err := e.Close(); err != nil {
		return err
	}
	if err := destroy(path, damaged); err != nil {
		return err
	}
	if e, err = tryOpen(Backend{}, path, false, testOptions()); err != nil {
		return err
	}
	size, err := e.Size()
	if err != nil {
		return err
	}
	// A first write, after which the freelist is not in the file any more.
	if err := e.Apply(ctx, core.Batch{Writes: rows(0, 1, 100)}); err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: uint64(size), Max: uint64(size)}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	if err := e.Apply(ctx, core.Batch{Writes: rows(10_000, 20_000, 100)}); !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("writing what does not fit: %w", err)
	}
	if _, _, err := e.Get(ctx, rowKey(2500)); !errors.Is(err, core.ErrCorrupt) {
		return fmt.Errorf("reading the damaged page: %w", err)
	}
	_, r, err := e.Get(ctx, rowKey(1))
	if err != nil {
		return err
	}
	r.Release()
	return e.Close()
}

// destroy overwrites a page's header.
func destroy(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, headerSize), at)
	return errors.Join(err, f.Close())
}

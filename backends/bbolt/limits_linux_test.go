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
	"github.com/guardkv/guardkv/core/backendtest"
)

// limitedChildren are what child processes do under limits that only some systems have.
var limitedChildren = map[string]func(args []string) error{
	"full":    fullChild,
	"room":    roomChild,
	"limited": limitedChild,

	"descriptors": descriptorsChild,
}

// Where address space is limited nothing can be reserved. A process that may have 3 GiB of it
// copies, and its writer does not wait for the values and snapshots that are open.
func TestAddressSpaceLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine of a child writes 100 MiB")
	}
	if out, err := backendtest.Child(t.Context(), "limited",
		fastPath(t)).CombinedOutput(); err != nil {
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

// When a commit fails, bbolt walks over all pages in a goroutine of its own to find the free
// ones again. One damaged page that had not been read before would end the process there. The
// commit fails here because the file may not grow, as on a disk that is full.
func TestFullDiskAndADamagedPage(t *testing.T) {
	if out, err := backendtest.Child(t.Context(), "full",
		testPath(t)).CombinedOutput(); err != nil {
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
	if err := e.Apply(ctx, core.Batch{Writes: rows(10_000, 20_000, 100)}); !errors.Is(err,
		syscall.EFBIG) {
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
	_, err := backendtest.DamageFile(path, backendtest.Zero(int(at), headerSize))
	return err
}

// On a full disk, or under a limit, a write is refused and says so; it lost the free pages that
// bbolt had taken for it, so that in the end not even a row could be deleted. Reads go on,
// deleting makes room, and so does the system.
func TestNoRoom(t *testing.T) {
	eachMode(t, func(t *testing.T, b Backend) {
		mode := "mapped"
		if b.reserve != nil {
			mode = "copying"
		}
		if out, err := backendtest.Child(t.Context(), "room",
			testPath(t), mode).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%.2000s", err, out)
		}
	})
}

func roomChild(args []string) error {
	path, b := args[0], Backend{}
	if args[1] == "copying" {
		b = copying
	}
	e, err := tryOpen(b, path, false, testOptions())
	if err != nil {
		return err
	}
	for i := range 10 {
		if err := e.Apply(context.Background(),
			core.Batch{Writes: rows(i*100, (i+1)*100, 1000)}); err != nil {
			return err
		}
	}
	// What is deleted leaves free pages.
	if err := e.Apply(context.Background(), core.Batch{Writes: deletions(500, 1000)}); err != nil {
		return err
	}
	size, err := e.Size()
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	most := limit.Cur
	limit.Cur = uint64(size)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for range 20 {
		if err := e.Apply(context.Background(), core.Batch{Writes: rows(2000, 6000,
			1000)}); !errors.Is(err, core.ErrNoRoom) || !errors.Is(err, syscall.EFBIG) {
			return fmt.Errorf("writing what does not fit: %w", err)
		}
	}
	if all, err := dump(e); err != nil || len(all) != 500 {
		return fmt.Errorf("%d rows: %w", len(all), err)
	}
	for i := range 100 {
		if err := e.Apply(context.Background(), core.Batch{Writes: deletions(i, i+1)}); err != nil {
			return fmt.Errorf("deleting: %w", err)
		}
	}
	if err := e.Apply(context.Background(), core.Batch{Writes: rows(0, 100, 1000)}); err != nil {
		return fmt.Errorf("writing what fits: %w", err)
	}
	if err := e.Compact(context.Background()); err != nil {
		return fmt.Errorf("compacting: %w", err)
	}
	limit.Cur = most
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	if err := e.Apply(context.Background(),
		core.Batch{Writes: rows(2000, 6000, 1000)}); err != nil {
		return fmt.Errorf("writing when there is room: %w", err)
	}
	if err := e.Close(); err != nil {
		return err
	}
	opts := testOptions()
	opts.Validation = core.ValidateFull
	if e, err = tryOpen(b, path, false, opts); err != nil {
		return err
	}
	if all, err := dump(e); err != nil || len(all) != 4500 {
		return fmt.Errorf("%d rows in the end: %w", len(all), err)
	}
	return e.Close()
}

// A process without descriptors gets an error, and leaves nothing behind.
func TestNoDescriptors(t *testing.T) {
	if out, err := backendtest.Child(t.Context(), "descriptors",
		testPath(t)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
}

func descriptorsChild(args []string) error {
	path := args[0]
	e, err := tryOpen(Backend{}, path, false, testOptions())
	if err != nil {
		return err
	}
	if err := e.Apply(context.Background(), core.Batch{Writes: rows(0, 3000, 100)}); err != nil {
		return err
	}
	if err := e.Apply(context.Background(), core.Batch{Writes: deletions(10, 3000)}); err != nil {
		return err
	}
	limit := syscall.Rlimit{Cur: 64, Max: 64}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	var held []*os.File
	for {
		f, err := os.Open("/dev/null")
		if err != nil {
			break
		}
		held = append(held, f)
	}
	for free := 0; ; free++ {
		other := fmt.Sprint(path, ".", free)
		second, err := tryOpen(Backend{}, other, false, testOptions())
		compacted := e.Compact(context.Background())
		if err == nil && compacted == nil {
			if err := errors.Join(second.Close(), e.Close()); err != nil {
				return err
			}
			break
		}
		if err != nil && !errors.Is(err, syscall.EMFILE) {
			return fmt.Errorf("opening with %d descriptors: %w", free, err)
		}
		if compacted != nil && !errors.Is(compacted, syscall.EMFILE) {
			return fmt.Errorf("compacting with %d descriptors: %w", free, compacted)
		}
		if err == nil {
			if err := second.Close(); err != nil {
				return err
			}
		}
		held[free].Close()
	}
	if left, _ := filepath.Glob(path + "*" + temporaryMark + "*"); len(left) > 0 {
		return fmt.Errorf("files were left behind: %q", left)
	}
	return nil
}

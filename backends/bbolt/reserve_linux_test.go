// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
)

func init() { children["limited"] = limitedChild }

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
	if err := e.Apply(ctx, nil, rows(0, 10, 1000)); err != nil {
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
		if err := e.Apply(ctx, nil, rows(i*1000, (i+1)*1000, 1000)); err != nil {
			return err
		}
	}
	held, err := s.Get(ctx, rowKey(3))
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

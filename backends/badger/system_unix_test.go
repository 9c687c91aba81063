// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package badger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// A process that may open no more files cannot open a storage. That says nothing about the
// storage, so it is never ErrCorrupt, for which a storage may be set aside: badger makes text
// of the system's errors. Nor does it end the process: badger does where it cannot open its
// notes of garbage.
func TestTooManyFilesAreNoDamage(t *testing.T) {
	path := fastPath(t)
	e := open(t, small, path)
	apply(t, e, sampleWrites(0, 1100)...)
	closeEngine(t, e)
	step := 1
	if testing.Short() {
		step = 4 // each is a process of its own, which takes long to start under the race detector
	}
	for more := 1; ; more += step {
		out, err := backendtest.Child(t.Context(), "files",
			path, strconv.Itoa(more)).CombinedOutput()
		if err != nil {
			t.Errorf("%d files: %v: %s", more, err, out)
		} else if string(out) == "opened\n" {
			return
		} else if !strings.HasPrefix(string(out), "no damage: ") ||
			!strings.Contains(string(out), syscall.EMFILE.Error()) {
			t.Errorf("%d files: %s", more, out)
		}
		if more > 50 {
			t.Fatal("never opened")
		}
	}
}

// A process that may open no more files cannot write either. The write failed whose log badger
// could not begin, and with it all that came later, until the storage was opened again: now who
// writes is refused before, and goes on when files can be opened.
func TestTooManyFilesWhileWriting(t *testing.T) {
	out, err := backendtest.Child(t.Context(), "few", fastPath(t)).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// fewFilesChild writes where no more files may be opened, and where they may again.
func fewFilesChild(args []string) error {
	e, err := tryOpen(small, args[0], false, testOptions())
	if err != nil {
		return err
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		return err
	}
	const batches = 8 // more than fit into a log
	for round := range 2 {
		for batch := range batches {
			if err := e.Apply(context.Background(),
				core.Batch{Writes: stuckRows(round*batches + batch)}); err != nil {
				return err
			}
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE,
			&syscall.Rlimit{Cur: 4, Max: was.Max}); err != nil {
			return err
		}
		e.room.spare = 0 // it has not looked for a while
		if err := refusedForFiles(e); err != nil {
			return err
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
			return err
		}
	}
	if err := e.Compact(context.Background()); err != nil {
		return err
	}
	if all, err := dump(e); err != nil || len(all) != 2*batches*stuckBatch {
		return fmt.Errorf("%d rows, %w", len(all), err)
	}
	return e.Close()
}

// refusedForFiles wants that nothing can be written, that nothing was, and that everything can
// be read.
func refusedForFiles(e *engine) error {
	before, err := dump(e)
	if err != nil {
		return err
	}
	ctx := context.Background()
	for what, do := range map[string]func() error{
		"Apply": func() error {
			return e.Apply(ctx, core.Batch{Writes: rows(1e6, 1e6+10, 100)})
		},
		"many rows": func() error {
			return e.Apply(ctx, core.Batch{Writes: rows(1e6, 1e6+2*bulk, 100)})
		},
		"Compact": func() error { return e.Compact(ctx) },
	} {
		if err := do(); !errors.Is(err, syscall.EMFILE) || !errors.Is(err, core.ErrNoRoom) {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	if after, err := dump(e); err != nil || !maps.Equal(before, after) {
		return fmt.Errorf("%d rows of %d, %w", len(after), len(before), err)
	}
	return nil
}

// What badger says of the system's errors is text.
func TestSystemErrors(t *testing.T) {
	text := fmt.Errorf("while opening memtables err: open db/00001.mem: %s", syscall.ENOSPC.Error())
	if err := corrupt(text); errors.Is(err, core.ErrCorrupt) || !errors.Is(err,
		syscall.ENOSPC) || !errors.Is(err, text) {
		t.Error(err)
	}
	if err := corrupt(errors.New("checksum mismatch")); !errors.Is(err, core.ErrCorrupt) {
		t.Error(err)
	}
}

// filesChild opens a storage where it may open only some files.
func filesChild(args []string) error {
	more, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	const base = 64 // more than are open anyway
	for {
		fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY, 0)
		if err != nil {
			return err
		}
		if fd >= base-1 {
			break
		}
	}
	limit := syscall.Rlimit{Cur: uint64(base + more), Max: uint64(base + more)}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	e, err := tryOpen(small, args[0], false, testOptions())
	switch {
	case err == nil:
		fmt.Println("opened")
		return e.Close()
	case errors.Is(err, core.ErrCorrupt):
		fmt.Println("damage:", err)
	default:
		fmt.Println("no damage:", err)
	}
	return nil
}

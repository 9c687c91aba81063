// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package badger

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// A process that may open no more files cannot open a storage. That says nothing about the storage, so it is never
// ErrCorrupt, for which a storage may be set aside: badger makes text of the system's errors. Nor does it end the
// process: badger does where it cannot open its notes of garbage.
func TestTooManyFilesAreNoDamage(t *testing.T) {
	path := fastPath(t)
	e := open(t, small, path)
	apply(t, e, patientWrites(0, 1100)...)
	closeEngine(t, e)
	for more := 1; ; more++ {
		out, err := child(t.Context(), "files", path, strconv.Itoa(more)).CombinedOutput()
		if err != nil {
			t.Errorf("%d files: %v: %s", more, err, out)
		} else if string(out) == "opened\n" {
			return
		} else if !strings.HasPrefix(string(out), "no damage: ") || !strings.Contains(string(out), syscall.EMFILE.Error()) {
			t.Errorf("%d files: %s", more, out)
		}
		if more > 50 {
			t.Fatal("never opened")
		}
	}
}

// What badger says of the system's errors is text.
func TestSystemErrors(t *testing.T) {
	text := fmt.Errorf("while opening memtables err: open db/00001.mem: %s", syscall.ENOSPC.Error())
	if err := corrupt(text); errors.Is(err, core.ErrCorrupt) || !errors.Is(err, syscall.ENOSPC) || !errors.Is(err, text) {
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

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package pebble

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// fewChild opens a storage when the process may open few files.
func fewChild(args []string) error {
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	for n := 1; n < 64; n += 3 {
		limit.Cur = uint64(len(open) + n)
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			return err
		}
		e, err := tryOpen(Backend{}, args[0], false, testOptions())
		switch {
		case err == nil && n >= fewFiles-4: // some are the runtime's own
			err = e.Close()
		case err == nil:
			return errors.Join(errors.New("it was opened"), e.Close())
		case errors.Is(err, syscall.EMFILE) && !errors.Is(err, core.ErrCorrupt):
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A process that may open few files is told so, and lives.
func TestFewFiles(t *testing.T) {
	if _, known := spareFiles(); !known {
		t.Skip("how many files may be opened is not known here")
	}
	path := testPath(t)
	e := open(t, Backend{}, path)
	apply(t, e, rows(0, 1000, 100)...)
	closeEngine(t, e)
	if out, err := backendtest.Child(t.Context(), "few", path).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

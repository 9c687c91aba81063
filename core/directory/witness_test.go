// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// What was there at the last clean close must be there; what was written since may be missing.
func TestLoss(t *testing.T) {
	for name, tc := range map[string]struct {
		damage  func(t *testing.T, path string)
		corrupt bool
	}{
		"none": {func(*testing.T, string) {}, false},
		"a later write": {
			func(t *testing.T, path string) { cutRows(t, path, 5) },
			false,
		},
		"a write of before": {
			func(t *testing.T, path string) { cutRows(t, path, 3) },
			true,
		},
		"the row": {
			func(t *testing.T, path string) { cutRows(t, path, 0) },
			true,
		},
		"a write of before, no witness": {func(t *testing.T, path string) {
			cutRows(t, path, 3)
			remove(t, path, "guardkv.witness")
		}, false},
		"the row, no witness": {func(t *testing.T, path string) {
			cutRows(t, path, 0)
			remove(t, path, "guardkv.witness")
		}, true},
		"the witness": {func(t *testing.T, path string) {
			remove(t, path, "guardkv.witness")
		}, false},
		"a bit of the witness": {func(t *testing.T, path string) {
			flip(t, path, "guardkv.witness", 60)
		}, false},
		"a bit of the mark": {func(t *testing.T, path string) {
			flip(t, path, "guardkv.mark", 40)
		}, true},
		"a bit that was durable": {func(t *testing.T, path string) {
			flip(t, path, rowFile, 70)
		}, true},
		"a bit of the last row": {func(t *testing.T, path string) {
			flip(t, path, rowFile, 6*57+3)
		}, true},
		"the rows": {func(t *testing.T, path string) {
			remove(t, path, rowFile)
		}, true},
		"another storage's witness": {func(t *testing.T, path string) {
			swap(t, path, "guardkv.witness")
		}, false},
		"another storage's mark": {func(t *testing.T, path string) {
			swap(t, path, "guardkv.mark")
		}, true},
		"another storage's rows": {func(t *testing.T, path string) {
			swap(t, path, rowFile)
		}, true},
	} {
		for _, files := range [][]string{nil, {rowFile}} { // which the engine can witness
			name := fmt.Sprintf("%s %q", name, files)
			t.Run(name, func(t *testing.T) {
				testLoss(t, tc.damage, tc.corrupt &&
					(files != nil || !strings.HasPrefix(name, "a bit that was")), files)
			})
		}
	}
}

func testLoss(t *testing.T, damage func(*testing.T, string), corrupt bool, files []string) {
	path := testPath(t)
	e := open(t, path)
	for range 4 {
		must(t, e.write())
	}
	must(t, e.tally.Record(files...))
	must(t, e.crash())
	e = open(t, path)
	for range 2 {
		must(t, e.write())
	}
	must(t, e.crash())
	damage(t, path)
	for range 2 { // it must be found again
		e, err := tryOpen(t, toys, path)
		if corrupt != (errors.Is(err, core.ErrCorrupt) || errors.Is(err, core.ErrNotStorage)) {
			t.Fatal("open:", err)
		}
		if err != nil {
			continue
		}
		if err := e.tally.Check(func() ([]byte, error) { return readToy(path) }); err != nil {
			t.Error("check:", err)
		}
		must(t, e.crash())
	}
}

// A disk that fails when the witness is read says nothing about the storage. To go on without a
// witness would overlook a loss, and the next one would forget it.
func TestWitnessCannotBeRead(t *testing.T) {
	path := testPath(t)
	must(t, open(t, path).Close())
	witness := filepath.Join(path, "guardkv.witness")
	must(t, os.Rename(witness, witness+".kept"))
	if err := os.Symlink("guardkv.witness", witness); err != nil { // to itself
		t.Skip("no link can be made here:", err)
	}
	if _, err := tryOpen(t, toys, path); err == nil || errors.Is(err,
		core.ErrCorrupt) || errors.Is(err, core.ErrNotStorage) {
		t.Error(err)
	}
	must(t, os.Rename(witness+".kept", witness))
	must(t, open(t, path).Close())
}

// An open storage is checked in the same way, beside a writer.
func TestCheckBesideWriter(t *testing.T) {
	path := testPath(t)
	e := open(t, path)
	defer e.Close()
	for range 100 {
		err := e.tally.Check(func() ([]byte, error) {
			row, err := readToy(path)
			must(t, e.write()) // after the row was read
			must(t, e.tally.Record(rowFile))
			return row, err
		})
		must(t, err)
	}
	cutRows(t, path, 50)
	if err := e.tally.Check(func() ([]byte, error) { return readToy(path) }); !errors.Is(err,
		core.ErrCorrupt) {
		t.Error("half of the rows is gone:", err)
	}
}

// cutRows leaves so many rows of the toy engine.
func cutRows(t *testing.T, path string, keep int) {
	t.Helper()
	name := filepath.Join(path, rowFile)
	content, err := os.ReadFile(name)
	must(t, err)
	lines := bytes.SplitAfter(content, []byte("\n"))
	if keep == 0 {
		lines = [][]byte{[]byte("\n")}
		keep = 1
	}
	must(t, os.WriteFile(name, bytes.Join(lines[:keep], nil), 0o600))
}

func remove(t *testing.T, path, name string) { must(t, os.Remove(filepath.Join(path, name))) }

func flip(t *testing.T, path, name string, at int) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(path, name))
	must(t, err)
	content[at] ^= 1
	must(t, os.WriteFile(filepath.Join(path, name), content, 0o600))
}

// swap replaces a file by that of another storage with more writes.
func swap(t *testing.T, path, name string) {
	t.Helper()
	other := testPath(t)
	e := open(t, other)
	for range 9 {
		must(t, e.write())
	}
	must(t, e.Close())
	content, err := os.ReadFile(filepath.Join(other, name))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(path, name), content, 0o600))
}

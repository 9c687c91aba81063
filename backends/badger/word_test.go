// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

// onlyRefusal leaves of all tests the one that systems of 32 bits have: no storage can be
// opened there.
func onlyRefusal() {
	os.Stderr.WriteString("no storage opens on a system of 32 bits; skipping all tests but the one of that\n")
	flag.Parse()
	for name, value := range map[string]string{
		"test.run": "^TestWord$", "test.bench": "",
		"test.fuzz": "",
	} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
}

// On a system of 32 bits badger destroyed rows, and this package let it: opening succeeded, and
// rows were missing later. A storage of a program for 64 bits must not be touched by one for
// 32, nor a new one appear.
func TestWord(t *testing.T) {
	if err := checkWord(32); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("32 bits: %v", err)
	}
	if err := checkWord(64); err != nil {
		t.Errorf("64 bits: %v", err)
	}
	path := filepath.Join(t.TempDir(), "db")
	for _, readOnly := range []bool{false, true} {
		c, err := Backend{}.Claim(t.Context(), path, readOnly)
		if err == nil {
			c.Release()
		}
		if refused := errors.Is(err,
			errors.ErrUnsupported); refused != (wordSize < 64) || !refused && err != nil {
			t.Errorf("Claim to read only: %v; with %d bits: %v", readOnly, wordSize, err)
		}
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("Claim left something: %v", err)
	}
}

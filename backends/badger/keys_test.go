// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"testing"
)

// storedKeys are in the order of bytes.Compare.
var storedKeys = []string{
	"\x00", "!", "!badger", "!badger\x20\xff", "!badger!", "!badger!\x00", "!badger!txn",
	"!badger!\xff", "!badger\"", "!badger\"\x00",
	"!badger\"\x01", "!badger\"\x02", "!badger\"\x02tally", "!badger\"\xff", "!badger#",
	"!badges", "\"", "\xff",
}

func TestKeysKeepTheirOrder(t *testing.T) {
	for i, a := range storedKeys {
		for j, b := range storedKeys {
			if got, want := bytes.Compare(stored([]byte(a)), stored([]byte(b))), cmpInt(i,
				j); got != want {
				t.Errorf("%q and %q compare as %d when they are stored, not %d", a, b, got, want)
			}
		}
	}
}

func cmpInt(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func FuzzKeys(f *testing.F) {
	for _, k := range storedKeys {
		f.Add([]byte(k), []byte("!badger!"+k))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a) == 0 || len(b) == 0 {
			return
		}
		sa, sb := stored(a), stored(b)
		if bytes.HasPrefix(sa, []byte(ofBadger)) || isReserved(sa) || len(sa) > len(a)+1 {
			t.Fatalf("%q is stored as %q", a, sa)
		}
		if got := logical(sa, nil); !bytes.Equal(got, a) {
			t.Fatalf("%q is stored as %q and comes back as %q", a, sa, got)
		}
		if bytes.Compare(sa, sb) != bytes.Compare(a, b) {
			t.Fatalf("%q and %q change their order as %q and %q", a, b, sa, sb)
		}
	})
}

func TestKeysOfThisPackage(t *testing.T) {
	for _, k := range [][]byte{tallyKey, scratchKey} {
		if !isReserved(k) || isReserved(stored(k)) {
			t.Errorf("%q is not reserved, or a user's key can be", k)
		}
	}
}

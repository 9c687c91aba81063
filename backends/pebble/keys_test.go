// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"bytes"
	"cmp"
	"testing"
)

// Stored keys have the order of the keys, come back as they were, and leave the key of the
// tally free.
func TestStoredKeys(t *testing.T) {
	var keys [][]byte
	for _, head := range []string{
		"", "\x00", "\x00\x00", "\x00\x00\x00", "\x00\x00\x00\x00",
		"\x00\x01", "\x01", "\x00\x00\x01",
	} {
		for _, tail := range []string{"", "\x00", "\x00\x00", "\x01", "\xff", "a\x00"} {
			if k := head + tail; k != "" {
				keys = append(keys, []byte(k))
			}
		}
	}
	for _, a := range keys {
		if got := original(stored(a)); !bytes.Equal(got, a) {
			t.Errorf("%q became %q", a, got)
		}
		if bytes.Compare(stored(a), firstKey) < 0 || bytes.Equal(stored(a), tallyKey) {
			t.Errorf("%q is stored as %q", a, stored(a))
		}
		for _, b := range keys {
			if got, want := bytes.Compare(stored(a), stored(b)), bytes.Compare(a,
				b); cmp.Compare(got, want) != 0 {
				t.Errorf("%q and %q compare as %d, stored as %d", a, b, want, got)
			}
		}
	}
}

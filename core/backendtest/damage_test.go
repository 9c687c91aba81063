// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
)

// TestDamage: every damage does what it says, leaves the sound bytes alone, and stays within the
// file.
func TestDamage(t *testing.T) {
	for _, test := range []struct {
		what        string
		damage      backendtest.Damage
		sound, want string
	}{
		{"a flipped bit", backendtest.FlipBit(1, 1), "abcd", "a`cd"},
		{"a flipped bit near the end", backendtest.FlipBit(-1, 0), "abcd", "abce"},
		{"a flipped bit behind the end", backendtest.FlipBit(4, 0), "abcd", "abcd"},
		{"a flipped bit before the start", backendtest.FlipBit(-5, 0), "abcd", "abcd"},
		{"a flipped bit of nothing", backendtest.FlipBit(0, 0), "", ""},
		{"zeros", backendtest.Zero(1, 2), "abcd", "a\x00\x00d"},
		{"zeros over the end", backendtest.Zero(-2, 9), "abcd", "ab\x00\x00"},
		{"other bytes", backendtest.Overwrite(2, []byte("x")), "abcd", "abxd"},
		{"other bytes behind the end", backendtest.Overwrite(5, []byte("x")), "abcd", "abcd"},
		{"a cut", backendtest.Cut(3), "abcd", "abc"},
		{"a cut tail", backendtest.Cut(-3), "abcd", "a"},
		{"a cut to nothing", backendtest.Cut(0), "abcd", ""},
		{"a cut behind the end", backendtest.Cut(9), "abcd", "abcd"},
		{"a cut before the start", backendtest.Cut(-9), "abcd", ""},
	} {
		sound := []byte(test.sound)
		if got := test.damage(sound); string(got) != test.want {
			t.Errorf("%s leaves %q; want %q", test.what, got, test.want)
		}
		if string(sound) != test.sound {
			t.Errorf("%s changed the sound bytes to %q", test.what, sound)
		}
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, sound, 0o600); err != nil {
			t.Fatal(err)
		}
		before, err := backendtest.DamageFile(path, test.damage)
		if err != nil || string(before) != test.sound {
			t.Errorf("%s to a file returns %q, %v; want %q", test.what, before, err, test.sound)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != test.want {
			t.Errorf("%s to a file leaves %q, %v; want %q", test.what, got, err, test.want)
		}
	}
	if _, err := backendtest.DamageFile(filepath.Join(t.TempDir(), "none"),
		backendtest.Cut(0)); !os.IsNotExist(err) {
		t.Errorf("damage to a file that does not exist returns %v", err)
	}
}

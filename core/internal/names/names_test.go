// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package names

import (
	"strings"
	"testing"
)

// A storage whose name has more than 219 bytes could not be set aside, because the name beside
// it would be too long for any file system.
func TestBeside(t *testing.T) {
	long := strings.Repeat("n", 250)
	for _, c := range []struct{ name, path, suffix, want string }{
		{"short", "a/b", ".x", "a/b.x"},
		{"no folder", "b", ".x", "b.x"},
		{"just fits", "a/" + long, ".four", "a/" + long + ".four"},
		{"too long", "a/" + long, ".fives", ""},
		{"a long folder", long + "/b", ".suffix", long + "/b.suffix"},
	} {
		got := Beside(c.path, c.suffix)
		name := got[strings.LastIndex(got, "/")+1:]
		if c.name == "too long" {
			if len(name) != 255 || !strings.HasPrefix(name,
				long[:200]) || !strings.HasSuffix(name, c.suffix) {
				t.Errorf("%s: %q with %d bytes", c.name, name, len(name))
			}
		} else if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if Stem(c.path, len(c.suffix))+c.suffix != got {
			t.Errorf("%s: the stem is %q", c.name, Stem(c.path, len(c.suffix)))
		}
	}
	if a, b := Beside(long+"a", ".suffix"), Beside(long+"b", ".suffix"); a == b {
		t.Errorf("two names become one: %q", a)
	}
	runes := strings.Repeat("λ", 127)
	if got := Stem(runes, 36); !strings.HasPrefix(runes,
		got[:strings.Index(got, "~")]) || len(got) > 255-36 {
		t.Errorf("a character is cut in half: %q", got)
	}
}

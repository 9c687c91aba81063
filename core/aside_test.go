// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"strings"
	"testing"
	"time"
)

// A clock that stands still, or goes back, gave two storages the same name.
func TestAsideClock(t *testing.T) {
	var c asideClock
	now := time.Date(2006, 1, 2, 15, 4, 5, 999999999, time.UTC)
	last := ""
	for _, at := range []time.Time{now, now, now, now.Add(-time.Hour), now.Add(time.Hour)} {
		name := c.next(at).Format(replacedTime)
		if name <= last {
			t.Errorf("%s comes after %s", name, last)
		}
		last = name
	}
}

func TestIsReplaced(t *testing.T) {
	long := "dir/" + strings.Repeat("n", 250)
	for _, path := range []string{"db", "dir/db", long} {
		suffix := replacedSuffix()
		for other, want := range map[string]bool{
			replacedPrefix(path) + strings.TrimPrefix(suffix, replacedInfix): true,
			path:                                    false,
			path + ".replaced-yesterday":            false,
			path + "2" + suffix:                     false,
			shownBeside(path, path, suffix):         true,
			shownBeside(path+"2", path+"2", suffix): false,
		} {
			if got := isReplaced(path, other); got != want {
				t.Errorf("%q was set aside from %q: %v; want %v", other, path, got, want)
			}
		}
	}
	if got := shownBeside(".", "/srv/db", ".x"); got != "/srv/db.x" {
		t.Errorf("beside . is %s", got)
	}
	if got := shownBeside("sub/db", "/srv/sub/db", ".x"); got != "sub/db.x" {
		t.Errorf("beside sub/db is %s", got)
	}
}

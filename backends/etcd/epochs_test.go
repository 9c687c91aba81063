// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"fmt"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// TestDeletedRows: a comparison of a range sees rows that were added and changed, and not that one
// was deleted. A transaction that had counted two on call, and let one of them go, committed beside
// another that had let the other one go.
func TestDeletedRows(t *testing.T) {
	b, path := here(t), place()
	one, two := open(t, b, path), open(t, b, path)
	for _, c := range []struct {
		name   string
		writes []core.Write
		spares bool // what was read is as it was
	}{
		{"one row", []core.Write{del("tab1b")}, false},
		{"if it is there", []core.Write{when(del("tab1b"), core.IfPresent)}, false},
		{"a range of a table", []core.Write{delRange("tab1a", "tab1c")}, false},
		{"all of a table", []core.Write{delRange("tab1", "tab2")}, false},
		{"a range of several tables", []core.Write{delRange("tab0", "tab1c")}, false},
		{"in several tables", []core.Write{del("tab0x"), del("tab1b"), del("tab2x")}, false},
		{"in more tables than there are operations", deletions(t, "tab1b"), false},
		{"another table", []core.Write{del("tab2x")}, true},
		{"all of other tables", []core.Write{delRange("tab2", "tab4")}, false}, // one epoch for all
		{"all of another table", []core.Write{delRange("tab2", "tab3")}, true},
	} {
		do(t, one.apply(t, nil, put("tab0x", ""), put("tab1a", ""), put("tab1b", ""),
			put("tab1c", ""), del("tab1z"), put("tab2x", "")))
		base := one.begin(t, core.ToUpdate)
		if keys, err := scan(t, base, between("tab1", "tab2"), 10); len(keys) != 3 || err != nil {
			t.Fatalf("%s: there are %v, %v", c.name, keys, err)
		}
		do(t, two.Apply(t.Context(), core.Batch{Writes: c.writes, Met: make([]bool, len(c.writes))}))
		err := one.apply(t, base, put("tab1z", ""))
		if c.spares && err != nil {
			t.Errorf("%s: deleting what was not read gives %v", c.name, err)
		} else if !c.spares {
			is(t, c.name+": a commit that has read what was deleted", err, core.ErrConflict)
		}
	}
}

func when(w core.Write, c core.When) core.Write {
	w.When = c
	return w
}

// deletions are as many as one commit takes, each in a table of its own.
func deletions(t *testing.T, one string) []core.Write {
	t.Helper()
	writes := []core.Write{del(one)}
	for i := range here(t).withDefaults().limits().BatchRows - 1 {
		writes = append(writes, del(fmt.Sprintf("u%03dx", i)))
	}
	return writes
}

// TestEpochsOf: the epochs that are compared are those of all tables that a range is in.
func TestEpochsOf(t *testing.T) {
	d := &driver{places: newPlaces("p/", "")}
	for _, c := range []struct{ low, high, epochs string }{
		{"aaaa", "aaab", "[aaaa aaab)"},
		{"aaaa1", "aaaa2", "[aaaa aaaa\x00)"},
		{"aaaa1", "aabb2", "[aaaa aabb\x00)"},
		{"aaaa1", "", "[aaaa end)"},
		{"", "aaaa", "[ aaaa)"},
		{"ab", "ab\x00", "[ab ab\x00)"},
		{"\xff\xff\xff\xffx", "\xff\xff\xff\xffy", "[\xff\xff\xff\xff \xff\xff\xff\xff\x00)"},
	} {
		got := ""
		for _, e := range d.epochsOf(spans(c.low, c.high)) {
			high := string(e.High[min(len(e.High), len(d.places.epochs)):])
			if string(e.High) == string(d.places.epochsEnd) {
				high = "end"
			}
			got += fmt.Sprintf("[%s %s)", e.Low[len(d.places.epochs):], high)
		}
		if got != c.epochs {
			t.Errorf("from %q up to %q the epochs are %q; want %q", c.low, c.high, got, c.epochs)
		}
	}
	two := slices.Concat(spans("aaaa1", "aaaa2"), spans("aaaa5", "aaaa6"), spans("bbbb", "bbbc"))
	if got := d.epochsOf(two); len(got) != 2 {
		t.Errorf("ranges of two tables have the epochs %q", got)
	}
}

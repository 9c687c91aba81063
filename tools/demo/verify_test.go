// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"strings"
	"testing"
)

func TestVerifySaysWhereFactsPart(t *testing.T) {
	right := func() []fact {
		return []fact{
			{at: 'a', seen: "x"},
			{at: 'b', char: Char{Name: "B", Properties: []string{"P"}}},
			stated("3 rows"),
		}
	}
	if err := verify(right(), right()); err != nil {
		t.Errorf("equal facts: %v", err)
	}
	for _, c := range []struct {
		name  string
		spoil func([]fact) []fact
		says  string
	}{
		{"other place", func(f []fact) []fact { f[0].at = 'z'; return f }, "fact 1"},
		{
			"other text",
			func(f []fact) []fact { f[2].seen = "4 rows"; return f }, `"4 rows" where "3 rows"`,
		},
		{"other name", func(f []fact) []fact { f[1].char.Name = "C"; return f }, "U+0062 {Name:C"},
		{
			"other property",
			func(f []fact) []fact { f[1].char.Properties[0] = "Q"; return f }, "fact 2",
		},
		{"swapped", func(f []fact) []fact { f[0], f[1] = f[1], f[0]; return f }, "fact 1"},
		{"one less", func(f []fact) []fact { return f[:2] }, "lacks the last 1 of 3"},
		{"nothing", func(f []fact) []fact { return nil }, "lacks the last 3 of 3"},
		{"one more", func(f []fact) []fact { return append(f, stated("?")) }, "1 too many"},
	} {
		err := verify(c.spoil(right()), right())
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v does not say %q", c.name, err, c.says)
		}
	}
}

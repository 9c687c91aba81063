// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"testing"
	"unicode"
)

func TestRowsOfTheDatabase(t *testing.T) {
	data := readDatabase()
	for _, c := range []struct {
		at   CodePoint
		want Char
	}{
		{'λ', Char{
			Name: "GREEK SMALL LETTER LAMDA", Category: "Ll", Script: "Greek",
			Upper: 'Λ', Title: 'Λ',
		}},
		{'ǅ', Char{
			Name: "LATIN CAPITAL LETTER D WITH SMALL LETTER Z WITH CARON", Category: "Lt",
			Script: "Latin", Upper: 'Ǆ', Lower: 'ǆ',
		}},
		{0x0009, Char{
			Name: "<control-0009>", Category: "Cc", Script: "Common",
			Properties: []string{"Pattern_White_Space", "White_Space"},
		}},
		{'水', Char{
			Name: "CJK UNIFIED IDEOGRAPH-6C34", Category: "Lo", Script: "Han",
			Properties: []string{"Ideographic", "Unified_Ideograph"},
		}},
		{0x20000, Char{
			Name: "CJK UNIFIED IDEOGRAPH-20000", Category: "Lo", Script: "Han",
			Properties: []string{"Ideographic", "Unified_Ideograph"},
		}},
		{0xF900, Char{
			Name: "CJK COMPATIBILITY IDEOGRAPH-F900", Category: "Lo", Script: "Han",
			Properties: []string{"Ideographic"},
		}},
		{0x17000, Char{
			Name: "TANGUT IDEOGRAPH-17000", Category: "Lo", Script: "Tangut",
			Properties: []string{"Ideographic"},
		}},
		{'가', Char{Name: "HANGUL SYLLABLE GA", Category: "Lo", Script: "Hangul"}},
		{'한', Char{Name: "HANGUL SYLLABLE HAN", Category: "Lo", Script: "Hangul"}},
		{'힣', Char{Name: "HANGUL SYLLABLE HIH", Category: "Lo", Script: "Hangul"}},
		{0xD800, Char{Name: "<surrogate-D800>", Category: "Cs", Script: "Unknown"}},
		{0xE000, Char{Name: "<private-use-E000>", Category: "Co", Script: "Unknown"}},
		{0x10FFFD, Char{Name: "<private-use-10FFFD>", Category: "Co", Script: "Unknown"}},
	} {
		if got := data.char(c.at); !got.Equal(c.want) {
			t.Errorf("%v is %+v, not %+v", c.at, got, c.want)
		}
	}
}

// TestDatabaseAgreesWithTheModel compares all rows with the model that asks about each one anew.
func TestDatabaseAgreesWithTheModel(t *testing.T) {
	if testing.Short() {
		t.Skip("looks up a hundred thousand characters, one after the other")
	}
	m := newModel(all)
	next := 0
	for c, char := range readDatabase().rows(all) {
		if next == len(m.points) || m.points[next] != c {
			t.Fatalf("row %d is %v: the model has others", next, c)
		}
		if want := m.char(c); !char.Equal(want) {
			t.Fatalf("%v is %+v, not %+v", c, char, want)
		}
		if named(char) != m.hasName(c) {
			t.Fatalf("%v %q: named is %t", c, char.Name, named(char))
		}
		next++
	}
	if next != len(m.points) || next < 100_000 {
		t.Errorf("%d rows, and %d in the model", next, len(m.points))
	}
}

// TestNamesAreUnique holds for the standard as a whole; an index by name would lose rows otherwise.
func TestNamesAreUnique(t *testing.T) {
	seen := map[string]CodePoint{}
	for c, char := range readDatabase().rows(all) {
		if before, ok := seen[char.Name]; ok {
			t.Fatalf("%v and %v are both named %q", before, c, char.Name)
		}
		if char.Name == "" {
			t.Fatalf("%v has no name", c)
		}
		seen[char.Name] = c
	}
}

// TestLettersWithCaseHaveABlock: the filter compares blocks, and "" would equal "".
func TestLettersWithCaseHaveABlock(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.ToLower(r) != r && (blockOf(CodePoint(r)) == "" ||
			blockOf(CodePoint(unicode.ToLower(r))) == "") {
			t.Errorf("%U or its small letter is in none of the blocks", r)
		}
	}
}

func TestBlocksDoNotOverlap(t *testing.T) {
	for i, b := range blocks {
		if b.first > b.last || b.first%16 != 0 || b.last%16 != 15 {
			t.Errorf("%s is from %v to %v", b.name, b.first, b.last)
		}
		for _, other := range blocks[:i] {
			if b.contains(other.first) || other.contains(b.first) {
				t.Errorf("%s and %s overlap", b.name, other.name)
			}
		}
	}
}

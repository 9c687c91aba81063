// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/runenames"

	"github.com/guardkv/guardkv/tools/modules"
)

// The demonstration stores the records that all formats can store.
type (
	// Char is a row of the table of characters.
	Char = modules.Char
	// CodePoint is a key of it.
	CodePoint = modules.CodePoint
)

// named reports whether the character has a name, and so a row in the table of names.
func named(c Char) bool { return !strings.HasPrefix(c.Name, "<") }

// database is the Unicode character database of this Go release, spread out by code point.
type database struct {
	category, script []string
	properties       map[CodePoint][]string
}

// readDatabase spreads out the range tables of package unicode.
var readDatabase = sync.OnceValue(func() *database {
	d := &database{
		category:   make([]string, unicode.MaxRune+1),
		script:     make([]string, unicode.MaxRune+1),
		properties: map[CodePoint][]string{},
	}
	for name, table := range unicode.Categories {
		// unassigned, and the union of Lu, Ll and Lt
		if len(name) == 2 && name != "Cn" && name != "LC" {
			eachIn(table, func(c CodePoint) { d.category[c] = name })
		}
	}
	for name, table := range unicode.Scripts {
		eachIn(table, func(c CodePoint) { d.script[c] = name })
	}
	for _, name := range slices.Sorted(maps.Keys(unicode.Properties)) {
		eachIn(unicode.Properties[name],
			func(c CodePoint) { d.properties[c] = append(d.properties[c], name) })
	}
	return d
})

// eachIn calls fn for every code point in the table.
func eachIn(table *unicode.RangeTable, fn func(CodePoint)) {
	for _, r := range table.R16 {
		for c := uint32(r.Lo); c <= uint32(r.Hi); c += uint32(r.Stride) {
			fn(CodePoint(c))
		}
	}
	for _, r := range table.R32 {
		for c := r.Lo; c <= r.Hi; c += r.Stride {
			fn(CodePoint(c))
		}
	}
}

// rows yields every code point that has a category and is to be included, in order.
func (d *database) rows(include func(CodePoint) bool) iter.Seq2[CodePoint, Char] {
	return func(yield func(CodePoint, Char) bool) {
		for i, category := range d.category {
			c := CodePoint(i)
			if category != "" && include(c) && !yield(c, d.char(c)) {
				return
			}
		}
	}
}

// char puts the row of one code point together.
func (d *database) char(c CodePoint) Char {
	script := d.script[c]
	if script == "" {
		script = "Unknown"
	}
	return Char{
		Name:       nameOf(c),
		Category:   d.category[c],
		Script:     script,
		Upper:      unlessSame(c, unicode.ToUpper(rune(c))),
		Lower:      unlessSame(c, unicode.ToLower(rune(c))),
		Title:      unlessSame(c, unicode.ToTitle(rune(c))),
		Properties: d.properties[c],
	}
}

// unlessSame is how case mappings are stored: zero for a character that maps to itself.
func unlessSame(c CodePoint, mapped rune) CodePoint {
	if CodePoint(mapped) == c {
		return 0
	}
	return CodePoint(mapped)
}

// nameOf returns the name of a code point. The database names long ranges by one line such as
// "<CJK Ideograph Extension B>"; section 4.8 of the standard says what the names in them are,
// and what labels nameless ones get.
func nameOf(c CodePoint) string {
	name := runenames.Name(rune(c))
	switch {
	case !strings.HasPrefix(name, "<"):
		return name
	case strings.HasPrefix(name, "<CJK Ideograph"):
		return fmt.Sprintf("CJK UNIFIED IDEOGRAPH-%04X", uint32(c))
	case strings.HasPrefix(name, "<Tangut Ideograph"):
		return fmt.Sprintf("TANGUT IDEOGRAPH-%04X", uint32(c))
	case name == "<Hangul Syllable>":
		return "HANGUL SYLLABLE " + hangulName(c)
	case strings.HasSuffix(name, "Private Use>"):
		return fmt.Sprintf("<private-use-%04X>", uint32(c))
	case strings.HasSuffix(name, "Surrogate>"):
		return fmt.Sprintf("<surrogate-%04X>", uint32(c))
	}
	return fmt.Sprintf("<%s-%04X>", strings.Trim(name, "<>"), uint32(c))
}

// The short names of the conjoining jamo, in the order in which syllables are composed of them.
var (
	jamoLeads = []string{
		"G", "GG", "N", "D", "DD", "R", "M", "B", "BB", "S", "SS", "", "J", "JJ",
		"C", "K", "T", "P", "H",
	}
	jamoVowels = []string{
		"A", "AE", "YA", "YAE", "EO", "E", "YEO", "YE", "O", "WA", "WAE",
		"OE", "YO", "U", "WEO", "WE", "WI", "YU", "EU", "YI", "I",
	}
	jamoTails = []string{
		"", "G", "GG", "GS", "N", "NJ", "NH", "D", "L", "LG", "LM", "LB", "LS", "LT",
		"LP", "LH", "M", "B", "BS", "S", "SS", "NG", "J", "C", "K", "T", "P", "H",
	}
)

// hangulName spells a precomposed syllable by its jamo.
func hangulName(c CodePoint) string {
	const first = 0xAC00
	i := int(c - first)
	tail := i % len(jamoTails)
	vowel := i / len(jamoTails) % len(jamoVowels)
	lead := i / len(jamoTails) / len(jamoVowels)
	return jamoLeads[lead] + jamoVowels[vowel] + jamoTails[tail]
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/runenames"
)

// fact is one thing that a step saw in the storage: what it read about a code point, or a
// statement.
type fact struct {
	at   CodePoint
	seen string
	char Char // if the whole row was read
}

// stated makes a fact about no code point in particular.
func stated(format string, args ...any) fact { return fact{seen: fmt.Sprintf(format, args...)} }

func (f fact) String() string {
	if f.char.Name != "" {
		return fmt.Sprintf("%v %+v", f.at, f.char)
	}
	return strings.TrimPrefix(fmt.Sprintf("%v %q", f.at, f.seen), "U+0000 ")
}

// verify compares what a step saw with what it should have seen, in order, and says where they
// differ first.
func verify(got, want []fact) error {
	for i := range min(len(got), len(want)) {
		if got[i].at != want[i].at || got[i].seen != want[i].seen ||
			!got[i].char.Equal(want[i].char) {
			return fmt.Errorf("the storage shows %v where %v is right (fact %d)",
				got[i], want[i], i+1)
		}
	}
	switch {
	case len(got) > len(want):
		return fmt.Errorf("the storage shows %d facts, the last %d too many, such as %v",
			len(got), len(got)-len(want), got[len(want)])
	case len(got) < len(want):
		return fmt.Errorf("the storage lacks the last %d of %d facts, such as %v",
			len(want)-len(got), len(want), want[len(got)])
	}
	return nil
}

// model knows what the storage must hold. It asks package unicode about every character again,
// through functions other than those that made the rows, and follows the changes that the steps
// make.
type model struct {
	points  []CodePoint // every character that was loaded, in order
	renamed map[CodePoint]string
	deleted []span

	category, script string // of the character asked about last: neighbors often share them
}

// newModel makes the model of a fresh storage.
func newModel(include func(CodePoint) bool) *model {
	m := &model{renamed: map[CodePoint]string{}, category: "Cc", script: "Common"}
	for _, c := range assigned() {
		if include(c) {
			m.points = append(m.points, c)
		}
	}
	return m
}

// assigned returns every code point that has a category other than "unassigned".
var assigned = sync.OnceValue(func() (points []CodePoint) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z,
			unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs) {
			points = append(points, CodePoint(r))
		}
	}
	return points
})

// has reports whether the storage must hold a row for c.
func (m *model) has(c CodePoint) bool {
	_, loaded := slices.BinarySearch(m.points, c)
	return loaded && !m.gone(c)
}

// gone reports whether c was deleted.
func (m *model) gone(c CodePoint) bool {
	return slices.ContainsFunc(m.deleted, func(s span) bool { return s.contains(c) })
}

// rows yields what the table of characters must hold within a span.
func (m *model) rows(part span) iter.Seq[CodePoint] {
	return func(yield func(CodePoint) bool) {
		from, _ := slices.BinarySearch(m.points, part.first)
		for _, c := range m.points[from:] {
			if c > part.last || !m.gone(c) && !yield(c) {
				return
			}
		}
	}
}

// count returns the number of rows within a span.
func (m *model) count(part span) int {
	n := 0
	for range m.rows(part) {
		n++
	}
	return n
}

// char returns the row that c must have.
func (m *model) char(c CodePoint) Char {
	char := Char{
		Name:     m.name(c),
		Category: m.categoryOf(rune(c)),
		Script:   m.scriptOf(rune(c)),
		Upper:    m.mapped(unicode.UpperCase, c),
		Lower:    m.mapped(unicode.LowerCase, c),
		Title:    m.mapped(unicode.TitleCase, c),
	}
	for _, name := range propertyNames {
		if unicode.Is(unicode.Properties[name], rune(c)) {
			char.Properties = append(char.Properties, name)
		}
	}
	return char
}

var propertyNames = slices.Sorted(maps.Keys(unicode.Properties))

func (m *model) categoryOf(r rune) string {
	if unicode.Is(unicode.Categories[m.category], r) {
		return m.category
	}
	for name, table := range unicode.Categories {
		if len(name) == 2 && name != "LC" && unicode.Is(table, r) {
			m.category = name
			break
		}
	}
	return m.category
}

func (m *model) scriptOf(r rune) string {
	if unicode.Is(unicode.Scripts[m.script], r) {
		return m.script
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			m.script = name
			return name
		}
	}
	return "Unknown"
}

func (m *model) mapped(to int, c CodePoint) CodePoint {
	if r := unicode.To(to, rune(c)); r != rune(c) {
		return CodePoint(r)
	}
	return 0
}

// name returns the name or label that c must have now.
func (m *model) name(c CodePoint) string {
	if name, ok := m.renamed[c]; ok {
		return name
	}
	r := rune(c)
	switch {
	case unicode.Is(unicode.Cc, r):
		return fmt.Sprintf("<control-%04X>", r)
	case unicode.Is(unicode.Co, r):
		return fmt.Sprintf("<private-use-%04X>", r)
	case unicode.Is(unicode.Cs, r):
		return fmt.Sprintf("<surrogate-%04X>", r)
	case unicode.Is(unicode.Hangul, r) && unicode.Is(unicode.Lo, r) && 0xAC00 <= r && r <= 0xD7A3:
		return hangulNames[r-0xAC00]
	}
	name := runenames.Name(r)
	for _, family := range []string{"CJK", "Tangut"} {
		if strings.HasPrefix(name, "<"+family) {
			kind := map[string]string{"CJK": "CJK UNIFIED", "Tangut": "TANGUT"}[family]
			return fmt.Sprintf("%s IDEOGRAPH-%04X", kind, r)
		}
	}
	return name
}

// hangulNames are the names of all precomposed syllables, made by going through the jamo, not
// by arithmetic.
var hangulNames = func() (names []string) {
	for _, lead := range jamoLeads {
		for _, vowel := range jamoVowels {
			for _, tail := range jamoTails {
				names = append(names, "HANGUL SYLLABLE "+lead+vowel+tail)
			}
		}
	}
	return names
}()

// hasName reports whether c must have a row in the table of names.
func (m *model) hasName(c CodePoint) bool {
	return !unicode.In(rune(c), unicode.Cc, unicode.Co, unicode.Cs)
}

// named returns what the table of names must hold under a prefix, in the order of the names.
func (m *model) named(prefix string) []fact {
	var facts []fact
	for c := range m.rows(everything) {
		if name := m.name(c); m.hasName(c) && strings.HasPrefix(name, prefix) {
			facts = append(facts, fact{at: c, seen: name})
		}
	}
	slices.SortFunc(facts, func(a, b fact) int {
		return cmp.Or(strings.Compare(a.seen, b.seen), cmp.Compare(a.at, b.at))
	})
	return facts
}

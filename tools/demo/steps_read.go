// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/tools/modules"
)

// everything is the span of all code points.
var everything = span{0, unicode.MaxRune}

// readAll reads both tables from end to end.
func (s *session) readAll(ctx context.Context) ([]fact, error) {
	var facts []fact
	begun := time.Now()
	err := s.chars.Stream(ctx, everything.first, everything.last, false,
		func(rows iter.Seq2[CodePoint, modules.Fields]) error {
			for c, v := range rows {
				facts = append(facts, fact{at: c, char: v.Char()})
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	read := len(facts)
	s.report.line(line{grouped(int64(read)) + " characters", time.Since(begun), read, "rows"})
	begun = time.Now()
	for key, err := range s.names.Scan().Keys(ctx) {
		if err != nil {
			return nil, err
		}
		facts = append(facts, fact{at: key.Second, seen: key.First})
	}
	read = len(facts) - read
	s.report.line(line{grouped(int64(read)) + " names", time.Since(begun), read, "rows"})
	return facts, nil
}

func (m *model) wantAll() []fact {
	var facts []fact
	for c := range m.rows(everything) {
		facts = append(facts, fact{at: c, char: m.char(c)})
	}
	return append(facts, m.named("")...)
}

// wellKnown are the characters that are looked up one by one. The last one is not assigned.
var wellKnown = []CodePoint{'A', 'ß', 'λ', 'Ж', '€', '水', '한', '😀', 0x10FFFD, 0x0378}

// lookUp reads single rows.
func (s *session) lookUp(ctx context.Context) ([]fact, error) {
	var facts []fact
	for _, c := range wellKnown {
		f, shown, err := s.lookUpOne(ctx, c)
		if err != nil {
			return nil, err
		}
		facts = append(facts, f)
		s.report.line(line{text: shown})
	}
	begun := time.Now()
	for c := range s.model.atRandom() {
		err := s.chars.View(ctx, c, func(v modules.Fields) error {
			facts = append(facts, fact{at: c, seen: strings.Clone(v.Name())})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	n := len(facts) - len(wellKnown)
	s.report.line(line{grouped(int64(n)) + " characters at random", time.Since(begun), n, "rows"})
	return facts, nil
}

// lookUpOne reads one row that may be absent.
func (s *session) lookUpOne(ctx context.Context, c CodePoint) (f fact, shown string, err error) {
	err = s.chars.View(ctx, c, func(v modules.Fields) error {
		f = fact{at: c, char: v.Char()}
		shown = describe(c, f.char)
		return nil
	})
	if errors.Is(err, core.ErrNotFound) {
		return fact{at: c, seen: "absent"}, fmt.Sprintf("%-9v   (not there)", c), nil
	}
	return f, shown, err
}

// describe shows a row in one line.
func describe(c CodePoint, char Char) string {
	text := fmt.Sprintf("%-9v %s %s, %s %s", c, glyph(c), char.Name, char.Script, char.Category)
	if char.Lower != 0 {
		text += ", small " + glyph(char.Lower)
	}
	if char.Upper != 0 {
		text += ", capital " + glyph(char.Upper)
	}
	return text
}

// glyph shows a character as itself if it can stand alone.
func glyph(c CodePoint) string {
	if r := rune(c); unicode.IsGraphic(r) && !unicode.IsMark(r) {
		return string(r)
	}
	return " "
}

// atRandom yields many characters of the model, the same ones each time.
func (m *model) atRandom() iter.Seq[CodePoint] {
	return func(yield func(CodePoint) bool) {
		random := rand.New(rand.NewPCG(1, 2))
		for range min(50_000, len(m.points)) {
			if !yield(m.points[random.IntN(len(m.points))]) {
				return
			}
		}
	}
}

func (m *model) wantLookUp() []fact {
	var facts []fact
	for _, c := range wellKnown {
		if m.has(c) {
			facts = append(facts, fact{at: c, char: m.char(c)})
		} else {
			facts = append(facts, fact{at: c, seen: "absent"})
		}
	}
	for c := range m.atRandom() {
		facts = append(facts, fact{at: c, seen: m.name(c)})
	}
	return facts
}

// The block that is streamed backward.
const backwardBlock = "Cyrillic"

// streamInOrder reads a script by filtering the span that it is spread over, and a block.
func (s *session) streamInOrder(ctx context.Context) ([]fact, error) {
	script, err := s.stream(ctx, spanOf(unicode.Greek), false,
		func(v modules.Fields) bool { return v.Script() == "Greek" })
	if err != nil {
		return nil, err
	}
	s.report.line(line{text: glyphs(script)})
	block, err := s.stream(ctx, blockNamed(backwardBlock), true,
		func(modules.Fields) bool { return true })
	if err != nil {
		return nil, err
	}
	s.report.line(line{text: glyphs(block)})
	return append(script, block...), nil
}

// stream reads a span of rows in place and returns the names of those to keep.
func (s *session) stream(
	ctx context.Context, part span, reverse bool, keep func(modules.Fields) bool,
) ([]fact, error) {
	var facts []fact
	read, begun := 0, time.Now()
	err := s.chars.Stream(ctx, part.first, part.last, reverse,
		func(rows iter.Seq2[CodePoint, modules.Fields]) error {
			for c, v := range rows {
				read++
				if keep(v) {
					facts = append(facts, fact{at: c, seen: strings.Clone(v.Name())})
				}
			}
			return nil
		})
	s.report.line(line{
		fmt.Sprintf("%s of the %s rows from %v to %v",
			grouped(int64(len(facts))), grouped(int64(read)), part.first, part.last),
		time.Since(begun), read, "rows",
	})
	return facts, err
}

// spanOf returns the span from the first to the last character of a table.
func spanOf(table *unicode.RangeTable) span {
	part := span{unicode.MaxRune, 0}
	eachIn(table,
		func(c CodePoint) { part.first, part.last = min(part.first, c), max(part.last, c) })
	return part
}

// glyphs shows the first characters of a list.
func glyphs(facts []fact) string {
	const most = 48
	var b strings.Builder
	shown := 0
	for _, f := range facts {
		if g := glyph(f.at); g != " " && shown < most {
			b.WriteString(g)
			shown++
		}
	}
	return b.String() + " …"
}

func (m *model) wantInOrder() []fact {
	var script, block []fact
	for c := range m.rows(everything) {
		f := fact{at: c, seen: m.name(c)}
		if unicode.Is(unicode.Greek, rune(c)) {
			script = append(script, f)
		}
		if blockOf(c) == backwardBlock {
			block = append([]fact{f}, block...)
		}
	}
	return append(script, block...)
}

// namePrefix is what findNames looks for.
const namePrefix = "GREEK SMALL LETTER "

// findNames scans the table of names over one prefix.
func (s *session) findNames(ctx context.Context) ([]fact, error) {
	var facts []fact
	begun := time.Now()
	for key, err := range s.names.Scan().Within(nameKeys.FirstPrefix(namePrefix)).Keys(ctx) {
		if err != nil {
			return nil, err
		}
		facts = append(facts, fact{at: key.Second, seen: key.First})
	}
	s.report.line(line{
		fmt.Sprintf("%s names start with %q", grouped(int64(len(facts))), namePrefix),
		time.Since(begun), len(facts), "rows",
	})
	for i, f := range facts {
		if i < 3 || i == len(facts)-1 {
			s.report.line(line{text: fmt.Sprintf("%-9v %s %s", f.at, glyph(f.at), f.seen)})
		}
	}
	return facts, nil
}

func (m *model) wantNames() []fact { return m.named(namePrefix) }

// filter looks at two fields of every row, in place.
func (s *session) filter(ctx context.Context) ([]fact, error) {
	var facts []fact
	read, begun := 0, time.Now()
	err := s.chars.Stream(ctx, everything.first, everything.last, false,
		func(rows iter.Seq2[CodePoint, modules.Fields]) error {
			for c, v := range rows {
				read++
				if v.Category() != "Lu" || v.Lower() == 0 {
					continue
				}
				if from, to := blockOf(c), blockOf(v.Lower()); from != to {
					facts = append(facts, fact{at: c, seen: from + ", " + to})
				}
			}
			return nil
		})
	s.report.line(line{
		fmt.Sprintf("%s of %s rows", grouped(int64(len(facts))), grouped(int64(read))),
		time.Since(begun), read, "rows",
	})
	for _, f := range facts[:min(3, len(facts))] {
		s.report.line(line{text: fmt.Sprintf("%-9v %s in %s",
			f.at, glyph(f.at), strings.Replace(f.seen, ", ", ", small in ", 1))})
	}
	return facts, err
}

func (m *model) wantFilter() []fact {
	var facts []fact
	for c := range m.rows(everything) {
		small := CodePoint(unicode.ToLower(rune(c)))
		if unicode.IsUpper(rune(c)) && small != c && blockOf(c) != blockOf(small) {
			facts = append(facts, fact{at: c, seen: blockOf(c) + ", " + blockOf(small)})
		}
	}
	return facts
}

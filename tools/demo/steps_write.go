// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/tools/modules"
)

// load streams both tables into the storage.
func (s *session) load(ctx context.Context) ([]fact, error) {
	total := int64(len(s.model.points))
	progress := core.WithProgress(func(st core.StreamStats) { s.report.progress(st.Rows, total) })
	begun := time.Now()
	chars, err := s.chars.PutStream(ctx, s.rows(), progress)
	if err != nil {
		return nil, err
	}
	s.report.clear()
	s.report.line(line{
		grouped(chars.Rows) + " characters",
		time.Since(begun), int(chars.Rows), "rows",
	})
	begun = time.Now()
	names, err := s.names.PutStream(ctx, s.nameRows(), progress)
	if err != nil {
		return nil, err
	}
	s.report.clear()
	s.report.line(line{grouped(names.Rows) + " names", time.Since(begun), int(names.Rows), "rows"})
	s.report.line(line{text: s.size()})
	return s.counted(ctx)
}

// counted asks both tables for the number of their rows.
func (s *session) counted(ctx context.Context) ([]fact, error) {
	chars, err := s.chars.Count(ctx)
	if err != nil {
		return nil, err
	}
	names, err := s.names.Count(ctx)
	return []fact{stated("%d characters", chars), stated("%d names", names)}, err
}

func (m *model) wantLoad() []fact {
	return []fact{
		stated("%d characters", m.count(everything)),
		stated("%d names", len(m.named(""))),
	}
}

// lambda is overwritten while a guard holds its row.
const lambda CodePoint = 'λ'

// readUnderGuard overwrites a row between two reads through one guard.
func (s *session) readUnderGuard(ctx context.Context) ([]fact, error) {
	held, err := s.chars.Get(ctx, lambda)
	if err != nil {
		return nil, err
	}
	defer held.Close()
	original := held.Value().Char()
	s.report.line(line{text: "a guard shows          " + original.Name})

	begun := time.Now()
	if err := s.chars.Put(ctx, lambda, Char{Name: "OVERWRITTEN"}); err != nil {
		return nil, err
	}
	s.report.line(line{text: "the row is overwritten", took: time.Since(begun)})
	fresh, err := s.readName(ctx, lambda)
	if err != nil {
		return nil, err
	}
	s.report.line(line{text: "a new read shows       " + fresh})
	after := strings.Clone(held.Value().Name())
	s.report.line(line{text: "the guard still shows  " + after})
	return []fact{
			{at: lambda, char: original},
			{at: lambda, seen: fresh},
			{at: lambda, seen: after},
		},
		s.chars.Put(ctx, lambda, original)
}

// readName reads the name in a row.
func (s *session) readName(ctx context.Context, c CodePoint) (name string, err error) {
	err = s.chars.View(ctx, c, func(v modules.Fields) error {
		name = strings.Clone(v.Name())
		return nil
	})
	return name, err
}

func (m *model) wantUnderGuard() []fact {
	return []fact{
		{at: lambda, char: m.char(lambda)},
		{at: lambda, seen: "OVERWRITTEN"},
		{at: lambda, seen: m.name(lambda)},
	}
}

// The standard misnamed these two letters, and never changes a name. The demo may.
const (
	capitalGha CodePoint = 0x01A2 // LATIN CAPITAL LETTER OI
	smallGha   CodePoint = 0x01A3 // LATIN SMALL LETTER OI
)

var rightNames = map[CodePoint]string{
	capitalGha: "LATIN CAPITAL LETTER GHA",
	smallGha:   "LATIN SMALL LETTER GHA",
}

// rename corrects the name of a character: its row, and its place in the table of names.
func (s *session) rename(ctx context.Context) ([]fact, error) {
	old, err := s.readName(ctx, capitalGha)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	err = s.db.Update(ctx,
		func(tx *core.Tx) error { return s.renameIn(ctx, tx, capitalGha, rightNames[capitalGha]) })
	if err != nil {
		return nil, err
	}
	s.report.line(line{
		text: fmt.Sprintf("%v is now %s", capitalGha, rightNames[capitalGha]),
		took: time.Since(begun),
	})
	return s.readNames(ctx, capitalGha, old, rightNames[capitalGha])
}

// renameIn gives a character another name inside a transaction.
func (s *session) renameIn(ctx context.Context, tx *core.Tx, c CodePoint, name string) error {
	chars, names := s.chars.In(tx), s.names.In(tx)
	char, err := chars.Load(ctx, c)
	if err != nil {
		return err
	}
	if _, err := names.Delete(ctx, nameKey{First: char.Name, Second: c}); err != nil {
		return err
	}
	char.Name = name
	if err := chars.Put(ctx, c, char); err != nil {
		return err
	}
	return names.Put(ctx, nameKey{First: name, Second: c}, nil)
}

// readNames reads what both tables know of a character and of two names it may have.
func (s *session) readNames(ctx context.Context, c CodePoint, names ...string) ([]fact, error) {
	name, err := s.readName(ctx, c)
	if err != nil {
		return nil, err
	}
	facts := []fact{{at: c, seen: name}}
	for _, name := range names {
		has, err := s.names.Has(ctx, nameKey{First: name, Second: c})
		if err != nil {
			return nil, err
		}
		facts = append(facts, fact{at: c, seen: fmt.Sprintf("%s: %t", name, has)})
	}
	return facts, nil
}

func (m *model) wantRenamed() []fact {
	old := m.name(capitalGha)
	m.renamed[capitalGha] = rightNames[capitalGha]
	return []fact{
		{at: capitalGha, seen: rightNames[capitalGha]},
		{at: capitalGha, seen: old + ": false"},
		{at: capitalGha, seen: rightNames[capitalGha] + ": true"},
	}
}

var errSecondThoughts = errors.New("second thoughts")

// rollBack renames in a transaction that then fails.
func (s *session) rollBack(ctx context.Context) ([]fact, error) {
	old, err := s.readName(ctx, smallGha)
	if err != nil {
		return nil, err
	}
	err = s.db.Update(ctx, func(tx *core.Tx) error {
		if err := s.renameIn(ctx, tx, smallGha, rightNames[smallGha]); err != nil {
			return err
		}
		return errSecondThoughts
	})
	s.report.line(line{text: fmt.Sprintf("the update returns %q", err)})
	facts := []fact{stated("the caller's error came back: %t", errors.Is(err, errSecondThoughts))}
	after, err := s.readNames(ctx, smallGha, old, rightNames[smallGha])
	if err != nil {
		return nil, err
	}
	s.report.line(line{text: fmt.Sprintf("%v is still %s", smallGha, after[0].seen)})
	return append(facts, after...), nil
}

func (m *model) wantRolledBack() []fact {
	name := m.name(smallGha)
	return []fact{
		stated("the caller's error came back: true"),
		{at: smallGha, seen: name},
		{at: smallGha, seen: name + ": true"},
		{at: smallGha, seen: rightNames[smallGha] + ": false"},
	}
}

// privateUse is the block that is deleted. Its characters have no names, so the table of names
// does not change.
var privateUse = blockNamed("Private Use Area")

// deleteBlock deletes a range of rows.
func (s *session) deleteBlock(ctx context.Context) ([]fact, error) {
	begun := time.Now()
	n, err := s.chars.Delete(ctx, privateUse.first, privateUse.last)
	if err != nil {
		return nil, err
	}
	s.report.line(line{
		fmt.Sprintf("%s rows from %v to %v", grouped(int64(n)), privateUse.first, privateUse.last),
		time.Since(begun), n, "rows",
	})
	left, err := s.counted(ctx)
	if err != nil {
		return nil, err
	}
	facts := append([]fact{stated("%d deleted", n)}, left...)
	err = s.chars.Stream(ctx, privateUse.first, privateUse.last, false,
		func(rows iter.Seq2[CodePoint, modules.Fields]) error {
			for c := range rows {
				facts = append(facts, fact{at: c, seen: "left over"})
			}
			return nil
		})
	return facts, err
}

func (m *model) wantDeleted() []fact {
	n := m.count(privateUse)
	m.deleted = append(m.deleted, privateUse)
	return append([]fact{stated("%d deleted", n)}, m.wantLoad()...)
}

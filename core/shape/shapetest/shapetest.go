// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package shapetest tests formats that record their types with package shape. Opening a table
// must ask about a field that was renamed or has another type, and about nothing else.
package shapetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/shape"
)

// The types that tables are opened with.
type (
	// Person is the first type.
	Person struct {
		Name string // is renamed
		City string // stays
		Age  int    // gets another type
	}
	// Renamed has another name for a field.
	Renamed struct {
		FullName string // was Name
		City     string // as in Person
		Age      int    // as in Person
	}
	// Retyped has another type for a field.
	Retyped struct {
		Name string // as in Person
		City string // as in Person
		Age  string // was a number
	}
)

// Formats are the formats of these types, for one encoding.
type Formats struct {
	// Person is the format of tables that are opened with another format afterwards.
	Person core.ValueFormat[Person, Person]
	// Renamed gets the fields that the option WithRemoved names.
	Renamed func(removed ...string) core.ValueFormat[Renamed, Renamed]
	// Retyped gets the fields that the option WithRetyped names.
	Retyped func(retyped ...string) core.ValueFormat[Retyped, Retyped]
	// Any is the format of a type that says nothing.
	Any core.ValueFormat[any, any]
	// Map is the format of another such type.
	Map core.ValueFormat[map[string]any, map[string]any]
}

// promises are what is tested.
var promises = []struct {
	name string
	test func(context.Context, *core.Storage, Formats) error
}{
	{"a renamed field is a question", renamed},
	{"a retyped field is a question", retyped},
	{"tables that recorded nothing begin with the first type", unrecorded},
	{"types that say nothing are not recorded", vague},
}

// Run tests the formats. Each subtest is one promise.
func Run(t *testing.T, f Formats) {
	t.Helper()
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			if err := onStorage(t.Context(), f, p.test); err != nil {
				t.Error(err)
			}
		})
	}
}

func onStorage(
	ctx context.Context, f Formats, test func(context.Context, *core.Storage, Formats) error,
) error {
	s, err := core.Open(ctx, "people", memory.New())
	if err != nil {
		return err
	}
	return errors.Join(test(ctx, s, f), s.Close())
}

func open[V any](
	ctx context.Context, s *core.Storage, f core.ValueFormat[V, V],
) (*core.TableOf[string, V], error) {
	return core.OpenTable(ctx, s, "people", keys.String(), f)
}

// asks returns an error unless opening with a format asks a question that contains all of want.
func asks[V any](
	ctx context.Context, s *core.Storage, f core.ValueFormat[V, V], want ...string,
) error {
	_, err := open(ctx, s, f)
	if !errors.Is(err, core.ErrFormatMismatch) {
		return fmt.Errorf("opening as %T returns %w, want ErrFormatMismatch", *new(V), orNil(err))
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			return fmt.Errorf("the question does not say %q: %w", w, err)
		}
	}
	return nil
}

var errNone = errors.New("no error")

func orNil(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

// meta returns the record of the only table.
func meta(ctx context.Context, s *core.Storage) ([]byte, error) {
	infos, err := s.Tables(ctx)
	if err != nil || len(infos) != 1 {
		return nil, fmt.Errorf("there are %d tables, want 1: %w", len(infos), orNil(err))
	}
	return infos[0].Meta, nil
}

// recordsNothing returns an error unless opening with a format leaves the record as it is.
func recordsNothing[V any](
	ctx context.Context, s *core.Storage, f core.ValueFormat[V, V],
) error {
	before, err := meta(ctx, s)
	if err != nil {
		return err
	}
	if _, err := open(ctx, s, f); err != nil {
		return fmt.Errorf("opening as %T: %w", *new(V), err)
	}
	after, err := meta(ctx, s)
	if err == nil && !bytes.Equal(after, before) {
		err = fmt.Errorf("opening as %T changed what is recorded from %q to %q",
			*new(V), before, after)
	}
	return err
}

// loads returns an error unless the row is want.
func loads[V comparable](ctx context.Context, table *core.TableOf[string, V], want V) error {
	got, err := table.Load(ctx, "ann")
	if err != nil || got != want {
		return fmt.Errorf("the row is %+v, want %+v: %w", got, want, orNil(err))
	}
	return nil
}

var ann = Person{"Ann", "Oslo", 30}

// made makes the table with one row.
func made(ctx context.Context, s *core.Storage, f core.ValueFormat[Person, Person]) error {
	table, err := open(ctx, s, f)
	if err != nil {
		return err
	}
	return table.Put(ctx, "ann", ann)
}

// renamed: a release renamed a field, and every existing row read as if it lacked the field.
// There was no error, and rows that were put back had lost it.
func renamed(ctx context.Context, s *core.Storage, f Formats) error {
	if err := made(ctx, s, f.Person); err != nil {
		return err
	}
	words, err := recorded(ctx, s)
	if want := "shapetest.Person {\n  Age int\n  City string\n  Name string\n}"; err != nil ||
		words != want {
		return fmt.Errorf("what is recorded is\n%s\nwant\n%s: %w", words, want, orNil(err))
	}
	if err := asks(ctx, s, f.Renamed(), "the field Name (string)", "FullName",
		`WithRemoved("Name")`, "shapetest.Renamed"); err != nil {
		return err
	}
	table, err := open(ctx, s, f.Renamed("Name"))
	if err != nil {
		return fmt.Errorf("the question was answered: %w", err)
	}
	if err := loads(ctx, table, Renamed{City: ann.City, Age: ann.Age}); err != nil {
		return err
	}
	for range 2 { // they may take turns now, and the question was answered once
		if err := errors.Join(recordsNothing(ctx, s, f.Person),
			recordsNothing(ctx, s, f.Renamed())); err != nil {
			return err
		}
	}
	return nil
}

func recorded(ctx context.Context, s *core.Storage) (string, error) {
	m, err := meta(ctx, s)
	if err != nil {
		return "", err
	}
	return shape.Words(m)
}

func retyped(ctx context.Context, s *core.Storage, f Formats) error {
	if err := made(ctx, s, f.Person); err != nil {
		return err
	}
	if err := asks(ctx, s, f.Retyped(), "the field Age is stored as int, and is string in this "+
		"program"); err != nil {
		return err
	}
	if _, err := open(ctx, s, f.Retyped("Age")); err != nil {
		return fmt.Errorf("the question was answered: %w", err)
	}
	return nil
}

// older is the format as it was before it recorded anything.
type older[V any] struct{ core.ValueFormat[V, V] }

// unrecorded: older tables have no metadata, and older programs do not know it. Both go on
// working.
func unrecorded(ctx context.Context, s *core.Storage, f Formats) error {
	before := core.ValueFormat[Person, Person](older[Person]{f.Person})
	if err := made(ctx, s, before); err != nil {
		return err
	}
	if m, err := meta(ctx, s); err != nil || len(m) > 0 {
		return fmt.Errorf("what the older program recorded is %q: %w", m, orNil(err))
	}
	now, err := open(ctx, s, f.Person)
	if err != nil {
		return err
	}
	words, err := recorded(ctx, s)
	if err != nil || !strings.Contains(words, "Name string") {
		return fmt.Errorf("the first one to open it records %q: %w", words, orNil(err))
	}
	return errors.Join(loads(ctx, now, ann), recordsNothing(ctx, s, before),
		asks(ctx, s, f.Renamed()))
}

// vague: a tool without the type must not change the record.
func vague(ctx context.Context, s *core.Storage, f Formats) error {
	if err := made(ctx, s, f.Person); err != nil {
		return err
	}
	return errors.Join(recordsNothing(ctx, s, f.Any), recordsNothing(ctx, s, f.Map),
		asks(ctx, s, f.Renamed()))
}

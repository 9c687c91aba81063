// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package shapetest

import (
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/values"
)

func sound() Formats {
	return Formats{
		Person: values.JSON[Person](),
		Renamed: func(removed ...string) core.ValueFormat[Renamed, Renamed] {
			return values.JSON[Renamed](values.WithRemoved(removed...))
		},
		Retyped: func(retyped ...string) core.ValueFormat[Retyped, Retyped] {
			return values.JSON[Retyped](values.WithRetyped(retyped...))
		},
		Any: values.JSON[any](),
		Map: values.JSON[map[string]any](),
	}
}

// told is a format that binds as another type does.
type told[V, B any] struct {
	core.ValueFormat[V, V]
	binds core.ValueFormat[B, B]
}

func (f told[V, B]) Powers() core.FormatPowers[V, V] {
	return core.FormatPowers[V, V]{
		Bind: func(stored []byte) (core.ValueFormat[V, V], []byte, error) {
			_, meta, err := core.PowersOf(f.binds).Bind(stored)
			return f, meta, err
		},
	}
}

// Formats with one mistake each, and what is said of them.
func TestMistakesAreFound(t *testing.T) {
	for _, c := range []struct {
		name, promise, want string
		mistake             func(*Formats)
	}{
		{
			"nothing is recorded", "a renamed field", "what is recorded is", func(f *Formats) {
				f.Person = older[Person]{f.Person}
			},
		},
		{
			"no question about a name", "a renamed field", "want ErrFormatMismatch", func(f *Formats) {
				f.Renamed = func(...string) core.ValueFormat[Renamed, Renamed] {
					return older[Renamed]{values.JSON[Renamed]()}
				}
			},
		},
		{
			"the answer is not taken", "a renamed field", "was answered", func(f *Formats) {
				f.Renamed = func(...string) core.ValueFormat[Renamed, Renamed] {
					return values.JSON[Renamed]()
				}
			},
		},
		{
			"no question about a type", "a retyped field", "want ErrFormatMismatch", func(f *Formats) {
				f.Retyped = func(...string) core.ValueFormat[Retyped, Retyped] {
					return values.JSON[Retyped](values.WithRetyped("Age"))
				}
			},
		},
		{
			"the answer about a type is not taken", "a retyped field", "was answered",
			func(f *Formats) {
				f.Retyped = func(...string) core.ValueFormat[Retyped, Retyped] {
					return values.JSON[Retyped]()
				}
			},
		},
		{
			"an old table stays without", "tables that", "the first one to open it",
			func(f *Formats) { f.Person = older[Person]{f.Person} },
		},
		{
			"a type that says nothing is recorded", "types that", "changed what is recorded",
			func(f *Formats) {
				type more struct {
					Person
					More int
				}
				f.Any = told[any, more]{f.Any, values.JSON[more]()}
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := sound()
			c.mistake(&f)
			for _, p := range promises {
				if !strings.HasPrefix(p.name, c.promise) {
					continue
				}
				err := onStorage(t.Context(), f, p.test)
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: the error is %v, want one that says %q", p.name, err, c.want)
				}
			}
		})
	}
}

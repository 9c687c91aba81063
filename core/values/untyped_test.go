// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values_test

import "github.com/guardkv/guardkv/core"

// untyped is a value format whose values are held in interfaces: a table of it is compiled
// once, and not for each of the many types that these tests open a table for, which took longer
// than all other tests of core to compile.
type untyped[T any] struct{ of core.ValueFormat[T, T] }

func (f untyped[T]) ID() string { return f.of.ID() }

func (f untyped[T]) Append(dst []byte, v any) ([]byte, error) {
	t, _ := v.(T) // nothing, if T is an interface and v is nil
	return f.of.Append(dst, t)
}

func (f untyped[T]) View(b []byte) (any, error) { return f.of.View(b) }

// Powers returns those that matter when a table is opened.
func (f untyped[T]) Powers() core.FormatPowers[any, any] {
	of := core.PowersOf(f.of)
	p := core.FormatPowers[any, any]{CheckValue: of.CheckValue}
	if of.Bind != nil {
		p.Bind = func(stored []byte) (core.ValueFormat[any, any], []byte, error) {
			bound, meta, err := of.Bind(stored)
			return untyped[T]{bound}, meta, err
		}
	}
	return p
}

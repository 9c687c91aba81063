// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor_test

import "github.com/guardkv/guardkv/core"

// untyped is a value format whose values are held in interfaces: a table of it is compiled
// once, and not for each of the many types that these tests open a table for.
type untyped[T any] struct{ of core.ValueFormat[T, T] }

func (f untyped[T]) ID() string { return f.of.ID() }

func (f untyped[T]) Append(dst []byte, v any) ([]byte, error) {
	t, _ := v.(T) // nothing, if T is an interface and v is nil
	return f.of.Append(dst, t)
}

func (f untyped[T]) View(b []byte) (any, error) { return f.of.View(b) }

// Powers returns those that matter when a table is opened.
func (f untyped[T]) Powers() core.FormatPowers[any, any] {
	return core.FormatPowers[any, any]{CheckValue: core.PowersOf(f.of).CheckValue}
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

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
	of := core.PowersOf(f.of)
	powers := core.FormatPowers[any, any]{CheckValue: of.CheckValue}
	if of.Bind != nil { // a bound format has none
		powers.Bind = func(stored []byte) (core.ValueFormat[any, any], []byte, error) {
			bound, meta, err := of.Bind(stored)
			if err != nil {
				return nil, nil, err
			}
			return untyped[T]{bound}, meta, nil
		}
	}
	return powers
}

// untypedKey is the same for a key format.
type untypedKey[K any] struct{ of core.KeyFormat[K] }

func (f untypedKey[K]) ID() string    { return f.of.ID() }
func (f untypedKey[K]) Ordered() bool { return f.of.Ordered() }

func (f untypedKey[K]) Append(dst []byte, k any) ([]byte, error) {
	t, _ := k.(K)
	return f.of.Append(dst, t)
}

func (f untypedKey[K]) Decode(b []byte) (any, error) { return f.of.Decode(b) }

// CheckKey implements [core.KeyChecker].
func (f untypedKey[K]) CheckKey() error {
	if c, ok := f.of.(core.KeyChecker); ok {
		return c.CheckKey()
	}
	return nil
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

// Null is a value that may be absent: a nil pointer.
type Null[T any] struct {
	V     T    // zero if it is absent
	Valid bool // it is there
}

// Get returns the value, and whether there is one.
func (n Null[T]) Get() (T, bool) { return n.V, n.Valid }

// Some returns a value that may be absent.
func Some[T any](valid bool, v T) Null[T] { return Null[T]{v, valid} }

// Ptr returns a pointer to a copy of a value, nil if it is absent.
func Ptr[T any](n Null[T]) *T {
	if !n.Valid {
		return nil
	}
	return &n.V
}

// PtrOf is Ptr for a value that must first be made of a view.
func PtrOf[T, W any](n Null[W], value func(W) T) *T {
	if !n.Valid {
		return nil
	}
	v := value(n.V)
	return &v
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

// movedError is that the directory is not at its path any more. It says nothing about what is
// in it.
type movedError struct{ error }

func (e *movedError) Unwrap() error { return e.error }

// here is how it is looked whether a directory that pebble knows by its path is still the one
// that is locked: another storage may be there, with files of the same names. It is nil where
// nobody can know the path yet.
type here func() error

func (h here) check() error {
	if h == nil {
		return nil
	}
	if err := h(); err != nil {
		return &movedError{err}
	}
	return nil
}

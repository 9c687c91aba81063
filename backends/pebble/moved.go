// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

// movedError says that the directory is no longer at its path. It says nothing about the
// content of the directory.
type movedError struct{ error }

func (e *movedError) Unwrap() error { return e.error }

// here checks whether a directory that pebble knows by its path is still the locked one:
// another storage may be there, with files of the same names. It is nil while the path cannot be
// known yet.
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

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"fmt"

	"github.com/guardkv/guardkv/core"
)

// problem says what is wrong with a record.
type problem uint8

const (
	none problem = iota
	badLength
	badSize
	outside
	trailing
	badOffset
	badEmpty
	missing
	badOneof
	badBool
	badTime
	badInt
	badOptional
	badOrder
	badBinary
	tooDeep
)

func (p problem) String() string {
	return [...]string{
		none:        "nothing",
		badLength:   "its length is not that of a record",
		badSize:     "its size is none that the struct ever had",
		outside:     "it does not end inside the record",
		trailing:    "nothing refers to the bytes from here on",
		badOffset:   "what it refers to does not lie behind what was referred to before it",
		badEmpty:    "it is empty, and not stored as empty ones are",
		missing:     "it refers to nothing",
		badOneof:    "it has a type without a value, or a value without a type",
		badBool:     "it is neither true nor false",
		badTime:     "its nanoseconds are a second or more",
		badInt:      "it is a number that only machines with 64 bits have",
		badOptional: "it is neither there nor absent",
		badOrder:    "the keys of the map are not in order",
		badBinary:   "its type cannot decode it",
		tooDeep:     "structs are nested too deeply",
	}[p]
}

// invalid is the error for a record that did not pass verification.
type invalid struct {
	problem problem
	where   string
	at      uint64
	size    int
	cause   error
}

func (e *invalid) Error() string {
	s := fmt.Sprintf("%s, at byte %d of %d: %v", e.where, e.at, e.size, e.problem)
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

func (e *invalid) Unwrap() error { return e.cause }

// err returns what the verifier found.
func (v *verifier) err() error {
	return &invalid{v.problem, v.where, v.at, len(v.b), v.cause}
}

// corrupt returns the error for a record that cannot be read.
func corrupt(root string, err error) error {
	if e, ok := err.(*invalid); ok && e.problem == badInt {
		return fmt.Errorf("archive of %s: %w: %w; read it on such a machine, or declare the field as int64", root, core.ErrFormatMismatch, err)
	}
	return fmt.Errorf("archive of %s: %w: %w; if it is damaged, restore it from a backup, or delete it", root, core.ErrCorrupt, err)
}

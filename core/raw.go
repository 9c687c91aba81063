// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"fmt"
)

// Tools that copy, count or repair rows do not have the Go types of the program that wrote
// them. They open a table raw: its keys and values are the bytes that the formats made.

// TableOf is a table whose view is the value itself, as with formats that decode: it reads better
// as the type of a field.
type TableOf[K, V any] = Table[K, V, V]

// OpenRaw opens an existing table to see its rows as they are encoded, in the order of the
// encodings, whatever its formats: for tools that have no Go types for it. [Storage.Tables] tells
// which formats they are. The table can only be read: every write returns ErrReadOnly. Keys are
// copies; values are views like those of other tables, without the row's checksum, which was
// compared. Other handles of the same table are not disturbed, but it counts as open:
// OnFormatChange does not set it aside. OpenRaw returns ErrNotFound if there is no such table.
func OpenRaw(ctx context.Context, s *Storage, name string) (*Table[[]byte, []byte, []byte], error) {
	if err := missing("storage", s); err != nil {
		return nil, &Error{Op: "open raw", Table: name, Err: err}
	}
	if err := live(ctx); err != nil {
		return nil, s.fail("open raw", name, nil, err)
	}
	v, err := s.enter("call")
	if err != nil {
		return nil, s.fail("open raw", name, nil, err)
	}
	defer v.leave()
	if s.sharing.Shared() { // others may have made the table
		if err := s.lookAgain(ctx); err != nil {
			return nil, s.fail("open raw", name, nil, err)
		}
	}
	state := s.catalog.find(name)
	if state == nil {
		err := fmt.Errorf("%w: there is no such table", ErrNotFound)
		return nil, s.fail("open raw", name, nil, err)
	}
	record := *state.record.Load()
	t := &Table[[]byte, []byte, []byte]{storage: s, state: state, raw: true}
	t.rows = newRowFormat(record, s.limits, encodedKeys{}, encodedValues{})
	t.guards = newGuardPool[[]byte](&s.usage, name, t.rows.prefix())
	if !state.use.open() {
		return nil, s.fail("open raw", name, nil, errBeingReplaced)
	}
	return t, nil
}

var errBeingReplaced = &wrapped{ErrDropped, "closed: the table is being set aside; open it again"}

// encodedKeys and encodedValues are the formats of what is encoded already.
type (
	encodedKeys   struct{}
	encodedValues struct{}
)

func (encodedKeys) ID() string                                    { return "raw" }
func (encodedKeys) Ordered() bool                                 { return true }
func (encodedKeys) Append(dst []byte, k []byte) ([]byte, error)   { return append(dst, k...), nil }
func (encodedKeys) Decode(b []byte) ([]byte, error)               { return bytes.Clone(b), nil }
func (encodedValues) ID() string                                  { return "raw" }
func (encodedValues) Append(dst []byte, v []byte) ([]byte, error) { return append(dst, v...), nil }
func (encodedValues) View(b []byte) ([]byte, error)               { return b, nil }

func (f encodedKeys) Prefix(k []byte) KeyRange[[]byte] {
	return NewPrefixRange[[]byte](f.ID(), bytes.Clone(k))
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"testing"
)

// dropping is an engine that finds no row of a table that was dropped just before it looked.
type dropping struct {
	Engine
	drop func()
}

func (e dropping) Limits() Limits { return Limits{} }
func (e dropping) Powers() Powers { return Powers{} }

func (e dropping) Get(context.Context, []byte) ([]byte, Releaser, error) {
	e.drop()
	return nil, nil, ErrNotFound
}

func (e dropping) Snapshot(context.Context) (Snapshot, error) {
	e.drop()
	return noRows{}, nil
}

type noRows struct{ Snapshot }

func (noRows) Close() error           { return nil }
func (noRows) Powers() SnapshotPowers { return SnapshotPowers{} }

func (noRows) Scan(context.Context, ScanRange) (RowCursor, error) { return noCursor{}, nil }

type noCursor struct{ RowCursor }

func (noCursor) Next() (key, value []byte, ok bool) { return nil, nil, false }
func (noCursor) Err() error                         { return nil }
func (noCursor) Close() error                       { return nil }

// A read that begins before its table is dropped, and looks after that, finds a table that is
// gone, not one without rows.
func TestReadOfATableThatIsBeingDropped(t *testing.T) {
	for name, read := range map[string]func(*Table[uint64, []byte, []byte]) error{
		"Get": func(tb *Table[uint64, []byte, []byte]) error {
			_, err := tb.Get(t.Context(), 1)
			return err
		},
		"Has": func(tb *Table[uint64, []byte, []byte]) error {
			_, err := tb.Has(t.Context(), 1)
			return err
		},
		"Load": func(tb *Table[uint64, []byte, []byte]) error {
			_, err := tb.Load(t.Context(), 1)
			return err
		},
		"Count": func(tb *Table[uint64, []byte, []byte]) error {
			_, err := tb.Count(t.Context())
			return err
		},
		"Rows": func(tb *Table[uint64, []byte, []byte]) error {
			for _, err := range tb.Scan().Rows(t.Context()) {
				return err
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			state := newTableState("t", tableRecord{Number: 1})
			s := newStorage("fake",
				dropping{drop: func() { state.end(ErrDropped) }}, newOptions(nil))
			tb := newTable(s, state, tableRecord{Number: 1}, fakeKeys{}, rawValues{})
			if err := read(tb); !errors.Is(err, ErrDropped) {
				t.Errorf("got %v, want %v", err, ErrDropped)
			}
		})
	}
}

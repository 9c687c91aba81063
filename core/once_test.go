// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"io"
	"testing"
)

// rangesEngine notes the ranges that are scanned.
type rangesEngine struct {
	Engine
	scanned []ScanRange
}

type rangesSnapshot struct {
	noRows
	e *rangesEngine
}

func (e *rangesEngine) Limits() Limits { return Limits{} }
func (e *rangesEngine) Powers() Powers { return Powers{} }
func (e *rangesEngine) Close() error   { return nil }

func (e *rangesEngine) Snapshot(context.Context) (Snapshot, error) {
	return rangesSnapshot{e: e},
		nil
}

func (s rangesSnapshot) Scan(_ context.Context, r ScanRange) (RowCursor, error) {
	s.e.scanned = append(s.e.scanned, r)
	return noCursor{}, nil
}

// Reading a whole storage once filled pebble's cache with blocks that were not asked for again,
// and took 400 MiB for them.
func TestWhoReadsEverythingSaysThatItIsOnce(t *testing.T) {
	e := &rangesEngine{}
	o := newOptions(nil)
	o.validation = ValidateFull
	s := newStorage("fake", e, o)
	for what, read := range map[string]func() error{
		"Check":        func() error { return s.Check(t.Context()) },
		"Backup":       func() error { return s.Backup(t.Context(), io.Discard) },
		"ValidateFull": func() error { return s.validate(t.Context()) },
	} {
		e.scanned = nil
		if err := read(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		last := e.scanned[len(e.scanned)-1]
		if last.Low != nil || last.High != nil || !last.Once {
			t.Errorf("%s scans %+v, want everything, once", what, last)
		}
	}
	tb := fakeTableOn(s, func([]byte) int { return 0 })
	for _, err := range tb.Scan().Rows(t.Context()) {
		t.Error(err)
	}
	if e.scanned[len(e.scanned)-1].Once {
		t.Error("an ordinary scan says that its rows are not read again")
	}
}

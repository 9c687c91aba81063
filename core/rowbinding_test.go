// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"strings"
	"testing"
)

// halfBound binds rows with the functions that it has.
type halfBound struct {
	rawValues
	rows RowFormat[[]byte, []byte]
}

func (f halfBound) Powers() FormatPowers[[]byte, []byte] {
	return FormatPowers[[]byte, []byte]{
		BindRows: func(TableID) (RowFormat[[]byte, []byte], error) { return f.rows, nil },
	}
}

// RowFormatOf gives formats around others one way to encode and view, whatever the others can do.
func TestRowFormatOf(t *testing.T) {
	var called string
	appendRow := func(dst, key, v []byte) ([]byte, error) {
		return append(append(dst, key...), v...), nil
	}
	view := func(key, b []byte) ([]byte, error) { called = "View of " + string(key); return b, nil }
	lent := func(key, b []byte, _ bool) ([]byte, Releaser, error) {
		called = "ViewLent of " + string(key)
		return b, noRelease{}, nil
	}
	for name, c := range map[string]struct {
		format          ValueFormat[[]byte, []byte]
		append, trusted string
		lends           bool
	}{
		"a simple format": {rawValues{}, "v", "", false},
		"one that trusts": {trustingValues{&called}, "v", "ViewTrusted", false},
		"one that binds rows": {halfBound{rows: RowFormat[[]byte, []byte]{
			Append: appendRow,
			View:   view,
		}}, "kv", "View of k", false},
		"one that lends them": {halfBound{rows: RowFormat[[]byte, []byte]{
			Append: appendRow,
			View:   view, ViewLent: lent,
		}}, "kv", "ViewLent of k", true},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := RowFormatOf(c.format, TableID{1})
			if err != nil {
				t.Fatal(err)
			}
			if b, err := rows.Append(nil, []byte("k"), []byte("v")); string(b) != c.append ||
				err != nil {
				t.Errorf("Append makes %q, %v; want %q", b, err, c.append)
			}
			called = ""
			w, r, err := rows.ViewLent([]byte("k"), []byte("v"), true)
			if string(w) != "v" || err != nil || (r != nil) != c.lends || called != c.trusted {
				t.Errorf("ViewLent gives %q, %v, %v, and calls %q; want %q",
					w, r, err, called, c.trusted)
			}
			if w, err := rows.View([]byte("k"), []byte("v")); string(w) != "v" || err != nil {
				t.Errorf("View gives %q, %v", w, err)
			}
		})
	}
	if _, err := RowFormatOf[[]byte, []byte](halfBound{}, TableID{}); err == nil {
		t.Error("a format that binds rows and has no functions is taken")
	}
}

type noRelease struct{}

func (noRelease) Release() {}

type trustingValues struct{ called *string }

func (trustingValues) ID() string                           { return "trusting" }
func (trustingValues) Append(dst, v []byte) ([]byte, error) { return append(dst, v...), nil }
func (f trustingValues) View(b []byte) ([]byte, error)      { *f.called = "View"; return b, nil }
func (f trustingValues) Powers() FormatPowers[[]byte, []byte] {
	return FormatPowers[[]byte, []byte]{
		ViewTrusted: func(b []byte) ([]byte, error) { *f.called = "ViewTrusted"; return b, nil },
	}
}

// An ID that is recorded has 16 bytes and its feature; whatever else is there was damaged or
// forged with right checksums.
func TestTableIDs(t *testing.T) {
	id := strings.Repeat("AAAA", 5) + "AA=="
	for record, want := range map[string]error{
		`{"number":1,"key":"k","value":"v"}`:                                            nil,
		`{"number":1,"key":"k","value":"v","id":"` + id + `","needs":["table-id"]}`:     nil,
		`{"number":1,"key":"k","value":"v","id":"` + id + `"}`:                          ErrCorrupt,
		`{"number":1,"key":"k","value":"v","needs":["table-id"]}`:                       ErrCorrupt,
		`{"number":1,"key":"k","value":"v","id":"AAAA","needs":["table-id"]}`:           ErrCorrupt,
		`{"number":1,"key":"k","value":"v","id":"` + id + `","needs":["table-id","x"]}`: ErrVersionMismatch,
	} {
		c := catalog{tables: map[string]*tableState{}}
		row := catalogRow(tablePrefix+"t", []byte(record))
		if err := c.loadRow(row.Key, row.Value); !errors.Is(err, want) {
			t.Errorf("%s gives %v; want %v", record, err, want)
		}
	}
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"testing"
)

// A process that reads the catalog again knows its tables by number and random ID. Numbers alone
// are not enough: a storage that was brought back to an earlier state gives them out again.
func TestWhatBecomesOfOpenTables(t *testing.T) {
	mine := tableRecord{Number: 7, Unique: "mine", Meta: []byte("schema 1")}
	change := func(fn func(r *tableRecord)) tableRecord {
		r := mine
		fn(&r)
		return r
	}
	for _, c := range []struct {
		what string
		name string // of the table that is there now, "" if none is
		now  tableRecord
		want error // of the handles
	}{
		{"nothing", "t", mine, nil},
		{"another name", "renamed", mine, nil},
		{"dropped", "", tableRecord{}, ErrDropped},
		{"another table of the same name", "t", change(func(r *tableRecord) {
			r.Number, r.Unique = 8, "other"
		}), ErrDropped},
		{"another table of the same number", "t", change(func(r *tableRecord) {
			r.Unique = "other"
		}), ErrDropped},
		{"set aside", "t.replaced", change(func(r *tableRecord) { r.Aside = true }), ErrClosed},
		{"a new schema", "t", change(func(r *tableRecord) {
			r.Meta = []byte("schema 2")
		}), ErrFormatMismatch},
	} {
		state := newTableState("t", mine)
		state.use.open()
		var known, read catalog
		known.tables = map[string]*tableState{"t": state}
		known.fence.Store(&fence{Epoch: "old"})
		read.fence.Store(&fence{Epoch: "new"})
		read.tables = map[string]*tableState{}
		if c.name != "" {
			read.tables[c.name] = newTableState(c.name, c.now)
		}
		known.adopt(&read)
		if err := state.gone(); c.want == nil && err != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: the table is %v; want %v", c.what, err, c.want)
		}
		if c.want == nil && (known.find(c.name) != state || state.name() != c.name) {
			t.Errorf("%s: the handles are of %q, and %q is another", c.what, state.name(), c.name)
		}
		if c.want != nil && c.name != "" && known.find(c.name) == state {
			t.Errorf("%s: who opens %q gets the closed table", c.what, c.name)
		}
		if known.fence.Load().Epoch != "new" {
			t.Errorf("%s: the fence stays", c.what)
		}
	}
}

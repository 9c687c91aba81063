// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// model does what a storage should do. It has a sorted slice of rows for each table, and copies of
// everything that must not change. It is as plain as possible, because it has to be believed.
type model struct {
	tables   [][]row
	guards   [slots]*string
	looks    [slots]*model // what snapshots show
	closed   bool
	readOnly bool
	updating bool
	backedUp [][]row
}

func newModel() *model { return &model{tables: make([][]row, len(tables))} }

// modelRows are the rows of one table.
type modelRows struct {
	m      *model
	table  int
	inside bool // a transaction
	fixed  bool // a read-only one
}

func (m *model) table(n int) rows { return modelRows{m: m, table: n} }

// copied returns a copy of all rows.
func (m *model) copied() [][]row {
	all := make([][]row, len(m.tables))
	for i := range all {
		all[i] = slices.Clone(m.tables[i])
	}
	return all
}

func (m *model) update(fn func(func(int) rows) error) error {
	if m.closed {
		return core.ErrClosed
	}
	if m.readOnly {
		return core.ErrReadOnly
	}
	before := m.copied()
	m.updating = true
	committed := false
	defer func() {
		m.updating = false
		if !committed {
			m.tables = before
		}
	}()
	err := fn(func(n int) rows { return modelRows{m: m, table: n, inside: true} })
	committed = err == nil
	return err
}

func (m *model) view(fn func(func(int) rows) error) error {
	if m.closed {
		return core.ErrClosed
	}
	return fn(func(n int) rows { return modelRows{m: m, table: n, inside: true, fixed: true} })
}

func (m *model) hold(slot, table int, key string) error {
	m.guards[slot] = nil
	v, err := m.table(table).get(key, Get)
	if err == nil {
		m.guards[slot] = &v
	}
	return err
}

func (m *model) held(slot int) (string, bool) {
	if m.guards[slot] == nil {
		return "", false
	}
	return *m.guards[slot], true
}

func (m *model) letGo(slot int) { m.guards[slot] = nil }

func (m *model) snapshot(slot int) error {
	m.looks[slot] = &model{tables: m.copied()}
	return nil
}

func (m *model) look(slot int, fn func(func(int) rows)) bool {
	s := m.looks[slot]
	if s != nil {
		fn(func(n int) rows { return modelRows{m: s, table: n, inside: true, fixed: true} })
	}
	return s != nil
}

func (m *model) forget(slot int) { m.looks[slot] = nil }

func (m *model) cancelled(int, string) []error {
	return []error{context.Canceled, context.Canceled, context.Canceled}
}

func (m *model) mismatch(int) error { return core.ErrFormatMismatch }

func (m *model) drop(table int) [2]error {
	m.tables[table] = nil
	for _, s := range m.looks {
		if s != nil {
			s.tables[table] = nil // the new table was not there
		}
	}
	return [2]error{nil, core.ErrDropped}
}

func (m *model) rename(int) [3]error { return [3]error{nil, core.ErrNotFound, core.ErrExists} }

func (m *model) raw(table int, each func(string)) [2]error {
	for _, x := range m.tables[table] {
		each(x.value)
	}
	return [2]error{nil, core.ErrReadOnly}
}

func (m *model) compact() error { return nil }
func (m *model) sync() error    { return nil }
func (m *model) check() error   { return nil }

func (m *model) open(readOnly bool) error {
	m.closed, m.readOnly = false, readOnly
	return nil
}

func (m *model) close() error {
	m.closed = true
	for slot := range slots {
		if m.guards[slot] != nil || m.looks[slot] != nil {
			return core.ErrGuardsOpen
		}
	}
	return nil
}

func (m *model) shutdown() error { return m.close() }

func (m *model) backup() error {
	if m.closed {
		return core.ErrClosed
	}
	m.backedUp = m.copied()
	return nil
}

func (m *model) restore(int) [3]error {
	m.tables, m.closed = m.backedUp, false
	return [3]error{core.ErrExists, core.ErrCorrupt, nil}
}

// compare is the order of the table's keys.
func (r modelRows) compare(a, b string) int {
	if tables[r.table].numbers {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	}
	return strings.Compare(a, b)
}

// find returns where key is, or would be.
func (r modelRows) find(key string) (int, bool) {
	return slices.BinarySearchFunc(r.m.tables[r.table], key,
		func(x row, k string) int { return r.compare(x.key, k) })
}

func (r modelRows) readable() error {
	if r.m.closed {
		return core.ErrClosed
	}
	return nil
}

func (r modelRows) writable() error {
	switch {
	case r.m.closed:
		return core.ErrClosed
	case r.m.readOnly, r.fixed:
		return core.ErrReadOnly
	case r.m.updating && !r.inside:
		return core.ErrNestedWrite
	}
	return nil
}

func (r modelRows) get(key string, _ Verb) (string, error) {
	if err := r.readable(); err != nil {
		return "", err
	}
	i, ok := r.find(key)
	if !ok {
		return "", core.ErrNotFound
	}
	return r.m.tables[r.table][i].value, nil
}

func (r modelRows) has(key string) (bool, error) {
	_, ok := r.find(key)
	return ok, r.readable()
}

func (r modelRows) put(key, value string) error {
	if err := r.writable(); err != nil {
		return err
	}
	i, ok := r.find(key)
	if ok {
		r.m.tables[r.table][i].value = value
	} else {
		r.m.tables[r.table] = slices.Insert(r.m.tables[r.table], i, row{key, value})
	}
	return nil
}

func (r modelRows) insert(key, value string) error {
	if err := r.writable(); err != nil {
		return err
	}
	if _, ok := r.find(key); ok {
		return core.ErrExists
	}
	return r.put(key, value)
}

func (r modelRows) delete(key string) (bool, error) {
	if err := r.writable(); err != nil {
		return false, err
	}
	i, ok := r.find(key)
	if ok {
		r.m.tables[r.table] = slices.Delete(r.m.tables[r.table], i, i+1)
	}
	return ok, nil
}

func (r modelRows) modify(key string, fn changer) error {
	if err := r.writable(); err != nil {
		return err
	}
	i, ok := r.find(key)
	old := ""
	if ok {
		old = r.m.tables[r.table][i].value
	}
	v, change, err := fn(old, ok)
	switch {
	case err != nil:
		return err
	case change == core.Store:
		return r.put(key, v)
	case change == core.Remove:
		_, err = r.delete(key)
	}
	return err
}

func (r modelRows) getMany(keys []string, each func(row)) error {
	for _, k := range keys {
		v, err := r.get(k, Get)
		switch {
		case err == nil:
			each(row{k, v})
		case !errors.Is(err, core.ErrNotFound):
			return err
		}
	}
	return nil
}

func (r modelRows) putAll(all []row) error {
	if err := r.writable(); err != nil {
		return err
	}
	for _, x := range all {
		if err := r.put(x.key, x.value); err != nil {
			return err
		}
	}
	return nil
}

func (r modelRows) stream(all []row, failure error) (int64, error) {
	if failure != nil {
		return 0, failure
	}
	return int64(len(all)), r.putAll(all)
}

// in returns a copy of the rows of a range.
func (r modelRows) in(s scanRange) ([]row, error) {
	t := tables[r.table]
	bounded := s.prefix || s.after || s.reverse || s.key != "" || s.to != ""
	if t.unordered && bounded {
		return nil, core.ErrUnordered
	}
	if t.numbers && s.prefix {
		return nil, errors.ErrUnsupported
	}
	if err := r.readable(); err != nil {
		return nil, err
	}
	var all []row
	for _, x := range r.m.tables[r.table] {
		switch {
		case s.prefix && !strings.HasPrefix(x.key, s.key):
		case s.after && (s.reverse && r.compare(x.key, s.key) >= 0 ||
			!s.reverse && r.compare(x.key, s.key) <= 0):
		case !s.prefix && !s.after && s.key != "" && r.compare(x.key, s.key) < 0:
		case s.to != "" && r.compare(x.key, s.to) >= 0:
		default:
			all = append(all, x)
		}
	}
	if s.reverse {
		slices.Reverse(all)
	}
	if s.limit > 0 && len(all) > s.limit {
		all = all[:s.limit]
	}
	return all, nil
}

func (r modelRows) scan(s scanRange, each func(row) error) error {
	all, err := r.in(s)
	if err != nil {
		return err
	}
	for _, x := range all {
		if err := each(x); err != nil {
			return err
		}
	}
	return nil
}

func (r modelRows) seek(s scanRange, to string, each func(row)) error {
	limit := s.limit
	s.limit = 0
	all, err := r.in(s)
	if err != nil {
		return err
	}
	left := len(all) + 1 // as many as there may be: the first row is there again after the seek
	if limit > 0 {
		left = limit
	}
	if len(all) > 0 {
		each(all[0])
		left--
	}
	if tables[r.table].unordered {
		return core.ErrUnordered
	}
	for _, x := range all {
		c := r.compare(x.key, to)
		if left > 0 && (c == 0 || c > 0 != s.reverse) {
			each(x)
			left--
		}
	}
	return nil
}

func (r modelRows) scanKeys(s scanRange) (keys []string, err error) {
	err = r.scan(s, func(x row) error {
		keys = append(keys, x.key)
		return nil
	})
	return keys, err
}

func (r modelRows) count() (int, error) { return r.scanCount(scanRange{}) }

func (r modelRows) scanCount(s scanRange) (int, error) {
	all, err := r.in(s)
	return len(all), err
}

func (r modelRows) scanClear(s scanRange) error {
	_, err := r.scanDelete(s)
	return err
}

func (r modelRows) scanDelete(s scanRange) (int, error) {
	if err := r.writable(); err != nil {
		return 0, err
	}
	all, err := r.in(s)
	for _, x := range all {
		r.delete(x.key)
	}
	return len(all), err
}

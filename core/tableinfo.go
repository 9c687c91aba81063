// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"fmt"
	"slices"
)

// What tools show of a storage comes from here. It is all in the catalog, so no Go type of the
// program that wrote the tables is needed, and none of their rows are read. Rows are counted
// only if the engine can do so without reading them.

// TableInfo describes a table. [TableInfo.Explain] says what its format recorded of the values,
// in words, and shows rows.
type TableInfo struct {
	Name        string // as given to OpenTable
	KeyFormat   string // the key format's ID
	ValueFormat string // the value format's ID
	Checksums   bool   // whether its rows have them
	Meta        []byte // what the value format keeps with the table, such as a schema; a copy
	ID          []byte // the TableID that its values are bound to, nil if they are not; a copy
	Rows        int64  // -1 if the engine cannot tell cheaply
	Bytes       int64  // of encoded keys and values; -1 if the engine cannot tell cheaply
}

// String describes the table in one line, such as
//
//	people: keys "string", values "cbor/1", 120 bytes of metadata, 3 rows of 90 bytes
//
// The metadata is for [TableInfo.Explain] to read.
func (t TableInfo) String() string {
	b := fmt.Appendf(nil, "%s: keys %q, values %q", t.Name, t.KeyFormat, t.ValueFormat)
	if t.Checksums {
		b = append(b, ", with checksums"...)
	}
	if len(t.Meta) > 0 {
		b = fmt.Appendf(b, ", %d bytes of metadata", len(t.Meta))
	}
	if len(t.ID) > 0 {
		b = fmt.Appendf(b, ", bound to table %x", t.ID)
	}
	if t.Rows >= 0 {
		b = fmt.Appendf(b, ", %d rows of %d bytes", t.Rows, t.Bytes)
	}
	return string(b)
}

// Tables describes the tables, in the order of their names.
func (s *Storage) Tables(ctx context.Context) ([]TableInfo, error) {
	v, err := s.enter("call")
	if err != nil {
		return nil, s.fail("tables", "", nil, err)
	}
	defer v.leave()
	snap, err := s.current(ctx)
	if err != nil {
		return nil, s.fail("tables", "", nil, err)
	}
	defer snap.Close()
	var all []TableInfo
	for _, t := range s.catalog.names() {
		info, err := t.info(ctx, snap)
		if err != nil {
			return nil, s.fail("tables", t.name(), nil, err)
		}
		all = append(all, info)
	}
	return all, nil
}

// info describes the table. Its rows are those of the snapshot, if the engine can count them.
func (t *tableState) info(ctx context.Context, snap Snapshot) (info TableInfo, err error) {
	r := t.record.Load()
	info = r.tableInfo(t.name())
	count := snap.Powers().Count
	if count == nil {
		return info, nil
	}
	low := appendTableNumber(nil, r.Number)
	info.Rows, info.Bytes, err = count(ctx, low, prefixEnd(low))
	if err == nil {
		info.Bytes -= info.Rows * r.overhead()
	}
	return info, err
}

// overhead is how many bytes of a stored row are neither key nor value.
func (r *tableRecord) overhead() int64 {
	if r.Checksums {
		return tableNumberSize + checksumSize
	}
	return tableNumberSize
}

// tableInfo describes a table whose rows were not counted.
func (r *tableRecord) tableInfo(name string) TableInfo {
	return TableInfo{
		Name: name, KeyFormat: r.Key, ValueFormat: r.Value, Checksums: r.Checksums,
		Meta: slices.Clone(r.Meta), ID: slices.Clone(r.ID), Rows: -1, Bytes: -1,
	}
}

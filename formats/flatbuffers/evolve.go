// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"fmt"
	"maps"
	"slices"

	"github.com/guardkv/guardkv/core"
)

// merge returns the schema of all rows that a table may hold: those written with the stored
// schema, and with this one. Whatever the two have in common must mean the same in both;
// otherwise the error names it and both sides. Neither needs to be the newer one. A name, once
// used, is never forgotten, so its place cannot be given to something else.
func (s *schema) merge(stored *schema) (*schema, error) {
	if stored.root != s.root {
		return nil, mismatch("the record", "", stored.root, s.root)
	}
	if stored.identifier != s.identifier {
		return nil, mismatch("the file identifier", "",
			fmt.Sprintf("%q", stored.identifier), fmt.Sprintf("%q", s.identifier))
	}
	all := &schema{root: s.root, identifier: s.identifier, types: maps.Clone(stored.types)}
	for _, name := range slices.Sorted(maps.Keys(s.types)) {
		old, now := stored.types[name], s.types[name]
		if old == nil {
			all.types[name] = now
			continue
		}
		merged, err := now.merge(old)
		if err != nil {
			return nil, err
		}
		all.types[name] = merged
	}
	return all, nil
}

func mismatch(what, name, stored, now string) error {
	if name != "" {
		what += " " + name
	}
	return fmt.Errorf("flatbuffers: %w: %s is stored as `%s`, and `%s` in this program",
		core.ErrFormatMismatch, what, stored, now)
}

func (d *definition) merge(old *definition) (*definition, error) {
	if d.kind != old.kind {
		return nil, mismatch("the type", d.name, old.kind.String(), d.kind.String())
	}
	switch d.kind {
	case structDef:
		return d, d.sameStruct(old)
	case tableDef:
		return d.mergeTable(old)
	case enumDef, unionDef:
	}
	return d.mergeValues(old)
}

// sameStruct returns an error unless a struct is unchanged. Structs have no vtable, so they can
// never change.
func (d *definition) sameStruct(old *definition) error {
	for i := range max(len(d.fields), len(old.fields)) {
		before, now := structField(old, i), structField(d, i)
		if before != now {
			return mismatch("struct", d.name, before, now)
		}
	}
	if d.size != old.size || d.align != old.align {
		return mismatch("struct", d.name, structLayout(old), structLayout(d))
	}
	return nil
}

func structField(d *definition, i int) string {
	if i >= len(d.fields) {
		return "no more fields"
	}
	return fmt.Sprintf("%s (offset %d)", d.fields[i].declaration(), d.fields[i].offset)
}

func structLayout(d *definition) string {
	return fmt.Sprintf("%d bytes, aligned to %d", d.size, d.align)
}

func (d *definition) mergeTable(old *definition) (*definition, error) {
	for _, f := range d.fields {
		if before, ok := old.field(f.name); ok && before.slot() != f.slot() {
			return nil, mismatch("field", d.name+"."+f.name, withID(before), withID(f))
		}
	}
	merged := *d
	common := min(len(d.fields), len(old.fields))
	for i, f := range d.fields[:common] {
		before := old.fields[i]
		if before.name != f.name {
			return nil,
				fmt.Errorf("%w; a place is not used again: if this is a new name for the same "+
					"field, use Renamed",
					mismatch("field",
						fmt.Sprintf("%s (id: %d)", d.name, i), before.declaration(), f.declaration()))
		}
		if before.declaration() != f.declaration() {
			return nil, mismatch("field", d.name+"."+f.name, before.declaration(), f.declaration())
		}
	}
	for _, f := range d.fields[common:] {
		if f.required {
			return nil, fmt.Errorf("%w; rows that are stored do not have it",
				mismatch("field", d.name+"."+f.name, "absent", f.declaration()))
		}
	}
	for _, f := range old.fields[common:] {
		if f.required {
			return nil, fmt.Errorf("%w; it would be missing in rows of this program",
				mismatch("field", d.name+"."+f.name, f.declaration(), "absent"))
		}
	}
	merged.fields = slices.Concat(d.fields, old.fields[common:])
	return &merged, nil
}

func withID(f field) string { return fmt.Sprintf("%s (id: %d)", f.declaration(), f.slot()) }

func (d *definition) field(name string) (field, bool) {
	for _, f := range d.fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// mergeValues merges enums and unions.
func (d *definition) mergeValues(old *definition) (*definition, error) {
	byName, byNumber := make(map[string]value), make(map[int64]value)
	for _, v := range old.values {
		byName[v.name], byNumber[v.number] = v, v
	}
	merged := *d
	merged.values = slices.Clone(old.values)
	for _, v := range d.values {
		sameName, named := byName[v.name]
		sameNumber, numbered := byNumber[v.number]
		what := fmt.Sprintf("%v %s", d.kind, d.name)
		switch {
		case named && sameName == v: // an enum may have two names for a number
		case named:
			return nil, mismatch(what, "", sameName.declaration(), v.declaration())
		case numbered:
			return nil,
				fmt.Errorf("%w; a number is not used again: if this is a new name for the same, "+
					"use Renamed",
					mismatch(what, "", sameNumber.declaration(), v.declaration()))
		default:
			merged.values = append(merged.values, v)
		}
	}
	slices.SortFunc(merged.values, inOrder)
	return &merged, nil
}

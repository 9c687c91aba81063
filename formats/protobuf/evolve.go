// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// merge returns the schema of all rows that a table may hold: those written with the stored
// schema, and with this one. Whatever the two have in common must mean the same in both;
// otherwise the error names it and both sides. Neither needs to be the newer one. A number or
// name, once used, is never forgotten, so it cannot be given to something else.
func (s *schema) merge(stored *schema) (*schema, error) {
	if stored.root != s.root {
		return nil, fmt.Errorf("%w; if this is a new name for the same message, use Renamed",
			mismatch("the message", "", stored.root, s.root))
	}
	all := &schema{root: s.root, types: maps.Clone(stored.types)}
	for _, name := range s.names() {
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
	return all, all.unambiguous()
}

func mismatch(what, name, stored, now string) error {
	if name != "" {
		what += " " + name
	}
	return fmt.Errorf("protobuf: %w: %s is stored as `%s`, and `%s` in this program",
		core.ErrFormatMismatch, what, stored, now)
}

func (d *definition) merge(old *definition) (*definition, error) {
	switch {
	case d.enum != old.enum:
		return nil, mismatch("the type", d.name, old.what(), d.what())
	case d.enum:
		return d.mergeValues(old)
	}
	return d.mergeFields(old)
}

func (d *definition) mergeFields(old *definition) (*definition, error) {
	merged := &definition{name: d.name}
	for _, f := range d.fields {
		if before, ok := old.named(f.name); ok && before.number != f.number {
			return nil, fmt.Errorf("%w; a field keeps its number",
				mismatch("field", d.name+"."+f.name, before.declaration(), f.declaration()))
		}
		before, ok := old.numbered(f.number)
		if !ok && f.label == required {
			return nil, fmt.Errorf("%w; rows that are stored do not have it",
				mismatch("field", d.name+"."+f.name, "absent", f.declaration()))
		}
		if ok {
			var err error
			if f, err = f.merge(before, d.name); err != nil {
				return nil, err
			}
		}
		merged.fields = append(merged.fields, f)
	}
	for _, f := range old.fields {
		if _, ok := d.numbered(f.number); ok {
			continue
		}
		if f.label == required {
			return nil, fmt.Errorf("%w; it would be missing in rows of this program",
				mismatch("field", d.name+"."+f.name, f.declaration(), "absent"))
		}
		merged.fields = append(merged.fields, f)
	}
	slices.SortFunc(merged.fields, func(a, b field) int { return cmp.Compare(a.number, b.number) })
	return merged, nil
}

func (d *definition) named(name string) (field, bool) {
	i := slices.IndexFunc(d.fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return field{}, false
	}
	return d.fields[i], true
}

func (d *definition) numbered(n protoreflect.FieldNumber) (field, bool) {
	i, ok := slices.BinarySearchFunc(d.fields, n,
		func(f field, n protoreflect.FieldNumber) int { return cmp.Compare(f.number, n) })
	if !ok {
		return field{}, false
	}
	return d.fields[i], true
}

// merge returns the field as a table that knows it as before should remember it. Properties
// that rows do not depend on are those of this program.
func (f field) merge(before field, in string) (field, error) {
	differ := mismatch("field", in+"."+f.name, before.declaration(), f.declaration())
	if before.name != f.name {
		return field{},
			fmt.Errorf("%w; a number is not used again: if this is a new name for the same "+
				"field, use Renamed",
				mismatch("field",
					fmt.Sprintf("%s (number %d)", in, f.number), before.declaration(), f.declaration()))
	}
	if before.label != f.label || before.oneof != f.oneof {
		return field{}, differ
	}
	for _, t := range [][2]fieldType{{before.key, f.key}, {before.typ, f.typ}} {
		switch was, is := t[0], t[1]; {
		case was == is || was.widensTo(is):
		case is.widensTo(was):
			return field{}, fmt.Errorf("%w; rows may hold what does not fit", differ)
		default:
			return field{}, differ
		}
	}
	return f, nil
}

// widensTo reports whether all values of t are also values of another type, with the same
// bytes.
func (t fieldType) widensTo(wide fieldType) bool {
	if t.kind == protoreflect.StringKind {
		return t.kind == wide.kind && wide.unchecked
	}
	for _, w := range [][2]protoreflect.Kind{
		{protoreflect.Int32Kind, protoreflect.Int64Kind},
		{protoreflect.Sint32Kind, protoreflect.Sint64Kind},
		{protoreflect.Uint32Kind, protoreflect.Uint64Kind},
	} {
		if w == [2]protoreflect.Kind{t.kind, wide.kind} {
			return true
		}
	}
	return false
}

func (d *definition) mergeValues(old *definition) (*definition, error) {
	if d.closed != old.closed {
		return nil, mismatch("enum", d.name, old.enumKind(), d.enumKind())
	}
	for _, v := range d.values {
		i := slices.IndexFunc(old.values, func(o value) bool { return o.name == v.name })
		if i >= 0 && old.values[i] != v {
			return nil, mismatch("enum", d.name, old.values[i].String(), v.String())
		}
		if before, now := old.namesOf(v.number), d.namesOf(v.number); before != nil &&
			!overlap(before, now) {
			return nil,
				fmt.Errorf("%w; a number is not used again: if this is a new name for the same "+
					"value, use Renamed",
					mismatch("enum", d.name, value{before[0], v.number}.String(), v.String()))
		}
	}
	merged := *d
	merged.values = slices.Clone(d.values)
	for _, v := range old.values {
		if !slices.Contains(d.values, v) {
			merged.values = append(merged.values, v)
		}
	}
	sortValues(merged.values)
	return &merged, nil
}

func (d *definition) namesOf(n protoreflect.EnumNumber) (names []string) {
	for _, v := range d.values {
		if v.number == n {
			names = append(names, v.name)
		}
	}
	return names
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(name string) bool { return slices.Contains(b, name) })
}

// unambiguous returns an error if two things have the same full name, as when a value moves
// from one enum to another one beside it: since the table forgets nothing, both have it.
func (s *schema) unambiguous() error {
	seen := make(map[string]string)
	add := func(scope, name, what string) error {
		if scope != "" {
			name = scope + "." + name
		}
		if before, ok := seen[name]; ok && before != what {
			return fmt.Errorf("%w; if the first has another name now, use Renamed",
				mismatch("the name", name, before, what))
		}
		seen[name] = what
		return nil
	}
	for _, typ := range s.names() {
		d := s.types[typ]
		if err := add("", typ, d.what()); err != nil {
			return err
		}
		for _, f := range d.fields {
			if err := add(typ, f.name, "field "+f.declaration()); err != nil {
				return err
			}
			if f.oneof == "" {
				continue
			}
			if err := add(typ, f.oneof, "oneof"); err != nil {
				return err
			}
		}
		for _, v := range d.values {
			if err := add(namespace(typ), v.name,
				fmt.Sprintf("%v of enum %s", v, typ)); err != nil {
				return err
			}
		}
	}
	return nil
}

// namespace returns a full name without its last part.
func namespace(name string) string { return name[:max(strings.LastIndexByte(name, '.'), 0)] }

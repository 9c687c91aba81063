// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// renames maps old names to new ones: those of types, "zoo.Animal", and those of fields and
// values after their types, "zoo.Animal.legs".
type renames map[string]string

func (r renames) typ(name string) string {
	if now, ok := r[name]; ok {
		return now
	}
	return name
}

// inside renames a field or value. The field before a union takes its name from the union.
func (r renames) inside(typ, name string) string {
	if now, ok := r[typ+"."+name]; ok {
		return now
	}
	if union, ok := strings.CutSuffix(name, unionTypeSuffix); ok {
		if now, ok := r[typ+"."+union]; ok {
			return now + unionTypeSuffix
		}
	}
	return name
}

const unionTypeSuffix = "_type"

// apply returns the schema with the new names.
func (r renames) apply(s *schema) (*schema, error) {
	if len(r) == 0 {
		return s, nil
	}
	now := &schema{
		root: r.typ(s.root), identifier: s.identifier,
		types: make(map[string]*definition),
	}
	for _, d := range s.types {
		renamed := r.definition(d)
		if now.types[renamed.name] != nil {
			return nil,
				fmt.Errorf("flatbuffers: %w: Renamed would give the name %s to two types that "+
					"the table knows",
					core.ErrFormatMismatch, renamed.name)
		}
		now.types[renamed.name] = renamed
	}
	return now, nil
}

func (r renames) definition(d *definition) *definition {
	now := *d
	now.name = r.typ(d.name)
	now.fields = make([]field, len(d.fields))
	for i, f := range d.fields {
		f.name, f.typ = r.inside(d.name, f.name), r.reference(f.typ)
		now.fields[i] = f
	}
	now.values = make([]value, len(d.values))
	for i, v := range d.values {
		v.name, v.typ = r.inside(d.name, v.name), r.reference(v.typ)
		now.values[i] = v
	}
	return &now
}

func (r renames) reference(t fieldType) fieldType {
	t.def, t.nested = r.typ(t.def), r.typ(t.nested)
	return t
}

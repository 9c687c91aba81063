// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"fmt"

	"github.com/guardkv/guardkv/core"
)

// renames maps old names to new ones: those of types, "zoo.Animal", and those of fields, oneofs
// and values after their types, "zoo.Animal.legs".
type renames map[string]string

func (r renames) typ(name string) string {
	if now, ok := r[name]; ok {
		return now
	}
	return name
}

// inside renames a field, oneof or value.
func (r renames) inside(typ, name string) string {
	if now, ok := r[typ+"."+name]; ok {
		return now
	}
	return name
}

// apply returns the schema with the new names.
func (r renames) apply(s *schema) (*schema, error) {
	if len(r) == 0 {
		return s, nil
	}
	now := &schema{root: r.typ(s.root), types: make(map[string]*definition)}
	for _, d := range s.types {
		renamed := r.definition(d)
		if now.types[renamed.name] != nil {
			return nil,
				fmt.Errorf("protobuf: %w: Renamed would give the name %s to two types that the "+
					"table knows",
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
		f.name = r.inside(d.name, f.name)
		if f.oneof != "" {
			f.oneof = r.inside(d.name, f.oneof)
		}
		f.key.def, f.typ.def = r.typ(f.key.def), r.typ(f.typ.def)
		now.fields[i] = f
	}
	now.values = make([]value, len(d.values))
	for i, v := range d.values {
		v.name = r.inside(d.name, v.name)
		now.values[i] = v
	}
	sortValues(now.values)
	return &now
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"fmt"
	"slices"
)

// Mismatch is a part of two schemas that means different things in them.
type Mismatch struct {
	What        string // such as "field Person.Born"
	Stored, Own string
	Advice      string
}

func (m *Mismatch) Error() string {
	s := fmt.Sprintf("%s is stored as `%s`, and `%s` in this program", m.What, m.Stored, m.Own)
	if m.Advice != "" {
		s += "; " + m.Advice
	}
	return s
}

// Merge returns the schema of all rows that a table may hold: those written with the stored
// schema, and those written with the program's own. Whatever the two have in common must mean
// the same in both; otherwise the error is a [Mismatch]. Neither needs to be the newer one.
// Nothing is ever forgotten, so no place is given to something else.
func Merge(own, stored *Schema) (*Schema, error) {
	names := make(map[string]string) // from former names to later ones
	for _, s := range []*Schema{stored, own} {
		for _, d := range s.Defs {
			for _, was := range d.Was {
				if s.Def(was) != nil {
					return nil, &Mismatch{
						What: "the type " + was, Stored: was, Own: d.Name,
						Advice: "a name is not used again",
					}
				}
				names[was] = d.Name
			}
		}
	}
	own, stored = own.renamed(names), stored.renamed(names)
	if own.Root != stored.Root {
		return nil, &Mismatch{
			What:   "the record",
			Stored: stored.Root, Own: own.Root, Advice: adviceOnType(stored.Root),
		}
	}
	all := &Schema{Root: own.Root}
	for _, d := range stored.Defs {
		if own.Def(d.Name) == nil {
			all.Add(d)
		}
	}
	for _, d := range own.Defs {
		if all.Def(d.Name) != nil {
			return nil, &Mismatch{
				What:   "the type",
				Stored: d.Name, Own: d.Name, Advice: "two types have one name now",
			}
		}
		merged, err := mergeDef(d, stored.Def(d.Name))
		if err != nil {
			return nil, err
		}
		all.Add(merged)
	}
	if err := sameFixed(own, stored, all); err != nil {
		return nil, err
	}
	return all, all.check()
}

func adviceOnType(was string) string {
	return fmt.Sprintf("if this is a new name for the same type, give it the comment //archive:was %s", was)
}

// renamed returns a copy of the schema with today's names of definitions.
func (s *Schema) renamed(names map[string]string) *Schema {
	now := func(name string) string {
		for range len(names) { // a chain is not longer
			later, ok := names[name]
			if !ok {
				break
			}
			name = later
		}
		return name
	}
	c := &Schema{Root: now(s.Root)}
	for _, d := range s.Defs {
		r := *d
		r.Name = now(d.Name)
		if r.Name != d.Name {
			r.Was = union(r.Was, []string{d.Name})
		}
		r.Fields = slices.Clone(d.Fields)
		for i := range r.Fields {
			f := &r.Fields[i]
			if d.Oneof {
				f.Name = now(f.Name)
			} else {
				f.Type = f.Type.renamed(now)
			}
		}
		c.Add(&r)
	}
	return c
}

func (t *Type) renamed(now func(string) string) *Type {
	if t == nil {
		return nil
	}
	r := *t
	if t.Refers() {
		r.Name = now(t.Name)
	}
	r.Key, r.Elem = t.Key.renamed(now), t.Elem.renamed(now)
	return &r
}

func union[E string | int](a, b []E) []E {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func mergeDef(d, old *Def) (*Def, error) {
	if old == nil {
		return d, nil
	}
	if d.Oneof != old.Oneof {
		return nil, &Mismatch{What: "the type " + d.Name, Stored: old.word(), Own: d.word()}
	}
	merged := &Def{
		Name: d.Name, Oneof: d.Oneof, Was: union(d.Was, old.Was),
		Sizes: union(d.Sizes, old.Sizes),
	}
	merged.Was = slices.DeleteFunc(merged.Was, func(name string) bool { return name == d.Name })
	for i := range max(len(d.Fields), len(old.Fields)) {
		var f Field
		switch {
		case i >= len(old.Fields):
			f = d.Fields[i]
		case i >= len(d.Fields):
			f = old.Fields[i]
		default:
			var err error
			if f, err = d.mergeField(&d.Fields[i], &old.Fields[i]); err != nil {
				return nil, err
			}
		}
		if before := merged.find(f.Name); before != nil {
			return nil, placed(d, old, f.Name)
		}
		merged.Fields = append(merged.Fields, f)
	}
	return merged, nil
}

func (d *Def) word() string {
	if d.Oneof {
		return "oneof"
	}
	return "struct"
}

// find returns the field that has, or had, a name.
func (d *Def) find(name string) *Field {
	for i := range d.Fields {
		if d.Fields[i].Called(name) {
			return &d.Fields[i]
		}
	}
	return nil
}

func placed(d, old *Def, name string) error {
	at := func(d *Def) string {
		if f := d.find(name); f != nil {
			return fmt.Sprintf("%s at %d", f.Declaration(), f.At)
		}
		return "absent"
	}
	return &Mismatch{
		What: "field " + d.Name + "." + name, Stored: at(old), Own: at(d),
		Advice: adviceOnPlaces,
	}
}

const adviceOnPlaces = "the generator keeps places if it finds its last output: programs that share a table need one history of it"

func (d *Def) mergeField(f, old *Field) (Field, error) {
	merged := *f
	switch {
	case f.Called(old.Name):
	case old.Called(f.Name):
		merged.Name = old.Name
	default:
		what := fmt.Sprintf("what %s has at %d", d.Name, f.At)
		advice := fmt.Sprintf("a place is not used again: if this is a new name for the same, give %s the tag `archive:\"was=%s\"`",
			f.Name, old.Name)
		if d.Oneof {
			what, advice = fmt.Sprintf("member %d of %s", f.At, d.Name), adviceOnType(old.Name)
		}
		return merged, &Mismatch{
			What: what, Stored: old.Declaration(), Own: f.Declaration(),
			Advice: advice,
		}
	}
	if !d.Oneof && f.Type.String() != old.Type.String() {
		return merged, &Mismatch{
			What: "field " + d.Name + "." + f.Name, Stored: old.Type.String(), Own: f.Type.String(),
			Advice: "a field keeps its type: add one with another name",
		}
	}
	merged.Was = union(union(f.Was, old.Was), []string{f.Name, old.Name})
	merged.Was = slices.DeleteFunc(merged.Was,
		func(name string) bool { return name == merged.Name })
	if f.State != old.State {
		merged.State = Returned
	}
	if d.Oneof {
		merged.Was = nil // a member has the name of its struct
	}
	return merged, nil
}

// sameFixed returns an error if the size of a struct that lies in place somewhere has changed.
func sameFixed(own, stored, all *Schema) error {
	for _, d := range all.Defs {
		for _, s := range []*Schema{own, stored} {
			if part := s.Def(d.Name); part == nil || part.Size() == d.Size() ||
				!s.HasFixed(d.Name) {
				continue
			}
			return &Mismatch{
				What:   "the struct " + d.Name + ", which is fixed,",
				Stored: size(stored.Def(d.Name)), Own: size(own.Def(d.Name)),
				Advice: "what lies in place cannot grow: add another struct",
			}
		}
	}
	return nil
}

func size(d *Def) string { return fmt.Sprintf("%d bytes", d.Size()) }

// HasFixed reports whether a struct lies in place anywhere.
func (s *Schema) HasFixed(name string) (found bool) {
	for _, d := range s.Defs {
		for i := range d.Fields {
			if d.Oneof {
				continue
			}
			d.Fields[i].Type.Walk(func(t *Type) {
				found = found || t.Kind == Fixed && t.Name == name
			})
		}
	}
	return found
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"

	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

// readSchema returns the schema in a file that was generated before, or nil if there is none.
func readSchema(name string, src []byte, constant string) (*schema.Schema, error) {
	if src == nil {
		return nil, nil
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil,
			fmt.Errorf("it was generated before, and is damaged: %w; restore it: it knows the places of all fields", err)
	}
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			if len(v.Names) != 1 || v.Names[0].Name != constant || len(v.Values) != 1 {
				continue
			}
			text, err := literal(v.Values[0])
			if err != nil {
				return nil, err
			}
			s, err := schema.Parse(text)
			if err != nil {
				return nil,
					fmt.Errorf("%s: the schema that was generated before is damaged: %w; restore it", name, err)
			}
			return s, nil
		}
	}
	return nil,
		fmt.Errorf("%s was not generated before, or has lost its schema: restore it, or remove it",
			name)
}

// literal returns the value of a string that may be written in parts.
func literal(e ast.Expr) (string, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return strconv.Unquote(e.Value)
	case *ast.BinaryExpr:
		x, err := literal(e.X)
		if err != nil {
			return "", err
		}
		y, err := literal(e.Y)
		return x + y, err
	}
	return "", fmt.Errorf("the schema that was generated before is no string")
}

// layOut gives all fields their places: old fields keep theirs, and new ones get the next.
func (c *collector) layOut(old *schema.Schema) (*schema.Schema, error) {
	if old == nil {
		old = &schema.Schema{}
	}
	s := &schema.Schema{}
	for _, t := range c.order {
		before, err := formerly(old, t.name, t.was)
		if err != nil {
			return nil, err
		}
		t.def = &schema.Def{Name: t.name, Was: formerNames(before, t.name, t.was)}
		if before != nil && before.Oneof {
			return nil, fmt.Errorf("%s was an interface: a name keeps its meaning", t.name)
		}
		s.Add(t.def)
	}
	for _, o := range c.oneofs {
		o.def = &schema.Def{Name: o.name, Oneof: true}
		s.Add(o.def)
	}
	renamed := renames(c.order)
	// Sizes of structs in place are needed first.
	done := make(map[string]bool)
	for _, t := range c.order {
		if err := c.place(t, s, old, renamed, done); err != nil {
			return nil, err
		}
	}
	for _, o := range c.oneofs {
		if err := c.giveTags(o, old.Def(o.name), renamed); err != nil {
			return nil, err
		}
	}
	for _, d := range old.Defs { // types of removed fields
		if s.Def(d.Name) == nil && renamed[d.Name] == "" {
			s.Add(d)
		}
	}
	return s, settled(s, old)
}

// settled returns an error if no verifier can be compiled from the schema, or if tables with
// the old one would refuse it.
func settled(s, old *schema.Schema) error {
	if _, err := schema.Parse(s.String()); err != nil {
		return err
	}
	if len(old.Defs) == 0 {
		return nil
	}
	_, err := schema.Merge(s, old)
	return err
}

// formerly returns the definition that a struct had.
func formerly(old *schema.Schema, name string, was []string) (*schema.Def, error) {
	before := old.Def(name)
	for _, w := range was {
		d := old.Def(w)
		if d != nil && before != nil {
			return nil, fmt.Errorf("%s was there beside %s, so it cannot be a new name for it",
				name, w)
		}
		if d != nil {
			before = d
		}
	}
	if before == nil {
		for _, d := range old.Defs {
			if slices.Contains(d.Was, name) {
				return nil, fmt.Errorf("the name %s was that of %s: a name is not used again",
					name, d.Name)
			}
		}
	}
	return before, nil
}

func formerNames(before *schema.Def, name string, was []string) []string {
	all := slices.Clone(was)
	if before != nil {
		all = append(append(all, before.Was...), before.Name)
	}
	all = slices.DeleteFunc(all, func(n string) bool { return n == name })
	slices.Sort(all)
	return slices.Compact(all)
}

// renames maps former names of structs to today's names.
func renames(structs []*structType) map[string]string {
	names := make(map[string]string)
	for _, t := range structs {
		for _, was := range t.def.Was {
			names[was] = t.name
		}
	}
	return names
}

// place gives the fields of a struct their places.
func (c *collector) place(
	t *structType, s, old *schema.Schema, renamed map[string]string, done map[string]bool,
) error {
	if done[t.name] {
		return nil
	}
	done[t.name] = true
	for _, f := range t.fields {
		if in := f.typ.inPlace(); in != nil {
			if err := c.place(in, s, old, renamed, done); err != nil {
				return err
			}
		}
	}
	before, err := formerly(old, t.name, t.was)
	if err != nil {
		return err
	}
	if before != nil {
		t.def.Sizes = slices.Clone(before.Sizes)
		t.def.Fields = slices.Clone(before.Fields)
	}
	kept := make([]bool, len(t.def.Fields))
	var added []*field
	for _, f := range t.fields {
		i, err := t.match(f, renamed)
		if err != nil {
			return err
		}
		if i < 0 {
			added = append(added, f)
			continue
		}
		kept[i] = true
		t.def.Fields[i] = takenOver(t.def.Fields[i], f)
		f.at = t.def.Fields[i].At
	}
	if err := c.askOfFields(t, kept, added, renamed); err != nil {
		return err
	}
	for i, k := range kept {
		if !k {
			t.def.Fields[i].State = schema.Removed
			t.def.Fields[i].Type = withNames(t.def.Fields[i].Type, renamed)
		}
	}
	size := t.def.Size()
	for _, f := range added {
		f.at = size
		t.def.Fields = append(t.def.Fields,
			schema.Field{At: f.at, Name: f.name, Type: f.typ.schema, Was: f.was})
		if size += s.Size(f.typ.schema); size > schema.MaxFixed {
			return fmt.Errorf("%s: its fixed part has more than %d bytes: put a part of it into a slice or another struct", t.name, schema.MaxFixed)
		}
	}
	if before != nil && size != before.Size() && old.HasFixed(before.Name) {
		return fmt.Errorf("%s lies in place where it is fixed, so it cannot have more fields: add another struct", t.name)
	}
	if len(t.def.Sizes) == 0 || size != t.def.Size() {
		t.def.Sizes = append(t.def.Sizes, size)
	}
	slices.SortFunc(t.fields, func(a, b *field) int { return a.at - b.at })
	return nil
}

// inPlace returns the struct that lies in place in values of the type.
func (t *typ) inPlace() *structType {
	switch t.kind() {
	case schema.Fixed:
		return t.def
	case schema.Array:
		return t.elem.inPlace()
	}
	return nil
}

// match returns the index of the field that f was, or -1 if f is new.
func (t *structType) match(f *field, renamed map[string]string) (int, error) {
	found := -1
	for i := range t.def.Fields {
		old := &t.def.Fields[i]
		if old.Name != f.name && !slices.Contains(f.was, old.Name) {
			if old.Called(f.name) {
				return 0, fmt.Errorf("%s.%s: the name was that of %s: a name is not used again",
					t.name, f.name, old.Name)
			}
			continue
		}
		if found >= 0 {
			return 0, fmt.Errorf("%s.%s was there beside %s, so it cannot be a new name for it",
				t.name, t.def.Fields[found].Name, old.Name)
		}
		found = i
	}
	if found < 0 {
		return found, nil
	}
	return found, t.sameType(&t.def.Fields[found], f, renamed)
}

// sameType returns an error if a field has another type than before.
func (t *structType) sameType(old *schema.Field, f *field, renamed map[string]string) error {
	was, is := withNames(old.Type, renamed), f.typ.schema
	if was.String() == is.String() {
		return nil
	}
	verb := "was"
	if old.State == schema.Removed {
		verb = "was removed, and was"
	}
	advice := "a field keeps its type, and its name is not used again; add one with another name"
	if before, now := newName(was, is); before != now && alike(was, is) {
		advice += fmt.Sprintf(", or give %s the comment //archive:was %s if it is a new name for "+
			"the same type", now, before)
	}
	return fmt.Errorf("%s.%s %s %s, and is %s now: %s", t.name, f.name, verb, was, is, advice)
}

// takenOver returns an old field that still exists, or exists again, as the new schema has it.
func takenOver(old schema.Field, f *field) schema.Field {
	was := append(slices.Clone(old.Was), f.was...)
	if old.Name != f.name {
		was = append(was, old.Name)
	}
	slices.Sort(was)
	was = slices.DeleteFunc(slices.Compact(was), func(n string) bool { return n == f.name })
	if len(was) == 0 {
		was = nil
	}
	state := old.State
	if state == schema.Removed {
		state = schema.Returned
	}
	return schema.Field{At: old.At, Name: f.name, Type: f.typ.schema, Was: was, State: state}
}

// withNames returns the type with today's names of structs.
func withNames(t *schema.Type, renamed map[string]string) *schema.Type {
	if t == nil {
		return nil
	}
	r := *t
	if now := renamed[t.Name]; now != "" && t.Refers() {
		r.Name = now
	}
	r.Key, r.Elem = withNames(t.Key, renamed), withNames(t.Elem, renamed)
	return &r
}

// giveTags gives the members of an interface their tags: old members keep theirs, and new ones
// get the next.
func (c *collector) giveTags(
	o *oneofType, before *schema.Def, renamed map[string]string,
) error {
	if before != nil && !before.Oneof {
		return fmt.Errorf("%s was a struct: a name keeps its meaning", o.name)
	}
	if before != nil {
		o.def.Fields = slices.Clone(before.Fields)
	}
	var live, added []string
	for i := range o.def.Fields {
		f := &o.def.Fields[i]
		if now := renamed[f.Name]; now != "" {
			f.Name = now
		}
		if f.State != schema.Removed {
			live = append(live, f.Name)
		}
		f.State = schema.Removed
	}
	for i := range o.members {
		m := &o.members[i]
		f := slices.IndexFunc(o.def.Fields,
			func(f schema.Field) bool { return f.Name == m.def.name })
		if f < 0 {
			f = len(o.def.Fields)
			added = append(added, m.def.name)
			o.def.Fields = append(o.def.Fields, schema.Field{At: f + 1, Name: m.def.name})
		}
		o.def.Fields[f].State = schema.Live
		m.tag = o.def.Fields[f].At
	}
	slices.SortFunc(o.members, func(a, b member) int { return a.tag - b.tag })
	return c.askOfMembers(o, live, added)
}

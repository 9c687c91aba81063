// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// The library decides which fields of a struct it stores, and drops the others without an
// error. This file follows the same rules, to find the fields that would be lost before any
// value is stored.

// layout says which fields of a struct, and of the structs embedded in it, the library stores.
type layout struct {
	fields   []planned // in their order
	embedded int64     // the size of what embedded pointers point to
	inOrder  bool      // as an array, with the option toarray
	lost     error     // which field should be stored and is not, and why; the first of them
}

// planned is a field that is stored.
type planned struct {
	name      string // under which it is stored
	number    bool   // whether the name is one
	path      string // its name in Go, with those of the structs that it is embedded in
	index     []int
	tagged    bool
	typ       reflect.Type
	ambiguous bool
}

// embedding is a struct whose fields count as fields of another.
type embedding struct {
	t     reflect.Type
	index []int
	path  string
}

// layoutOf chooses fields as the library does. Of two with one name, the one that is embedded
// less deeply counts, then the one with a tag, otherwise neither.
func layoutOf(t reflect.Type) layout {
	l := layout{}
	l.lose("", l.options(t))
	seen := map[reflect.Type]bool{}
	for level := []embedding{{t: t}}; len(level) > 0; {
		var deeper []embedding
		for _, s := range level {
			if seen[s.t] || twice(level, s) {
				l.lose(s.path,
					errors.New("is embedded more than once, so that none of its fields are stored"))
				continue
			}
			seen[s.t] = true
			for f := range s.t.Fields() {
				deeper = append(deeper, l.field(s, f)...)
			}
		}
		level = deeper
	}
	l.fields = slices.DeleteFunc(l.fields, func(f planned) bool { return f.ambiguous })
	slices.SortFunc(l.fields, func(a, b planned) int { return slices.Compare(a.index, b.index) })
	return l
}

func twice(level []embedding, s embedding) bool {
	return slices.ContainsFunc(level,
		func(o embedding) bool { return o.t == s.t && !slices.Equal(o.index, s.index) })
}

func (l *layout) lose(path string, err error) {
	if l.lost == nil && err != nil {
		l.lost = err
		if path != "" {
			l.lost = fmt.Errorf("the field %s %w", path, err)
		}
	}
}

// options reads the tag for the whole struct.
func (l *layout) options(t reflect.Type) error {
	special, _ := t.FieldByName("_")
	tag := special.Tag.Get("cbor")
	name, options, _ := strings.Cut(tag, ",")
	switch {
	case tag == "" || tag == "-":
		return nil
	case name == "" && options == "toarray":
		l.inOrder = true
		return nil
	}
	l.inOrder = slices.Contains(strings.Split(options, ","), "toarray")
	return fmt.Errorf("the tag %q of the field _ is none of a struct; the only one is \",toarray\"",
		tag)
}

// field adds a field, or returns the struct whose fields are to be added.
func (l *layout) field(in embedding, f reflect.StructField) []embedding {
	base, inside := embeddedStruct(f)
	tag, ofJSON := f.Tag.Get("cbor"), false
	if tag == "" {
		tag, ofJSON = f.Tag.Get("json"), true
	}
	name, options, _ := strings.Cut(tag, ",")
	path := join(in.path, f.Name)
	index := append(slices.Clip(in.index), f.Index...)
	switch {
	case !f.IsExported() && !inside:
		return nil
	case tag == "-" && ofJSON && f.IsExported():
		l.lose(path,
			errors.New(`has the tag json:"-", with which it is not stored; give it one of cbor, "-" or a name`))
		return nil
	case tag == "-":
		return nil
	case inside && name == "":
		l.lose(path, checkTag(f))
		return l.inside(f, embedding{base, index, path})
	case name == "":
		name = f.Name
	}
	l.lose(path, checkTag(f))
	number := slices.Contains(strings.Split(options, ","), "keyasint")
	if n, err := strconv.Atoi(name); number && err == nil {
		name = strconv.Itoa(n)
	} else if number {
		l.lose(path, fmt.Errorf("has the option keyasint, and %q is no number", name))
	}
	l.add(planned{
		name: name, number: number, path: path, index: index,
		tagged: tag != "", typ: f.Type,
	})
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// inside is called for an embedded struct, or a pointer to one.
func (l *layout) inside(f reflect.StructField, e embedding) []embedding {
	if f.Type.Kind() == reflect.Pointer {
		l.embedded += boxCost + int64(e.t.Size())
		if !f.IsExported() && storesAnything(e.t) {
			l.lose(e.path,
				errors.New("is an embedded pointer to an unexported type, which cannot be set "+
					"when it is read; embed the struct itself"))
		}
	}
	if f.IsExported() && holdsSomething(e.t) && !storesAnything(e.t) {
		l.lose(e.path,
			fmt.Errorf(`is of type %v, of which nothing is stored; give it the tag cbor:"-" if it need not be`, e.t))
	}
	return []embedding{e}
}

// checkTag returns an error if the library would not understand the tag as it is meant.
func checkTag(f reflect.StructField) error {
	tag, ok := f.Tag.Lookup("cbor")
	if !ok {
		for _, bad := range []string{`cbor:"`, `cbor: "`, `cbor "`, `cbor="`} {
			if s := string(f.Tag); strings.HasPrefix(s, bad) || strings.Contains(s, " "+bad) {
				return fmt.Errorf("has a malformed tag: %s", s)
			}
		}
		return nil
	}
	_, options, _ := strings.Cut(tag, ",")
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "", "omitempty", "omitzero", "keyasint":
		default:
			return fmt.Errorf("has an option that does not exist: %q; there are omitempty, "+
				"omitzero, and keyasint", option)
		}
	}
	return nil
}

func (l *layout) add(f planned) {
	at := slices.IndexFunc(l.fields,
		func(o planned) bool { return o.name == f.name && o.number == f.number })
	if at < 0 {
		l.fields = append(l.fields, f)
		return
	}
	other := &l.fields[at]
	kept := "neither is stored"
	switch {
	case len(other.index) < len(f.index) || other.tagged && !f.tagged:
		kept = "it is not stored"
	case f.tagged && !other.tagged:
		kept = "the other is not stored"
		defer func() { *other = f }()
	default:
		other.ambiguous = true
	}
	l.lose(f.path, fmt.Errorf(`shares %s with %s, so that %s; give it another, or the tag cbor:"-"`,
		shown(f), other.path, kept))
}

func shown(f planned) string {
	if f.number {
		return "the number " + f.name
	}
	return fmt.Sprintf("the name %q", f.name)
}

// storesAnything reports whether the library stores any field of a struct, or would if the
// field had a name of its own.
func storesAnything(t reflect.Type) bool { return storedIn(t, map[reflect.Type]bool{}) }

func storedIn(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true // structs may embed pointers to themselves
	for f := range t.Fields() {
		e, isOne := embeddedStruct(f)
		switch {
		case f.Tag.Get("cbor") == "-" || f.Tag.Get("cbor") == "" && f.Tag.Get("json") == "-":
		case isOne && storedIn(e,
			seen), f.IsExported() && !isOne, isOne && f.IsExported() && storedName(f) != "":
			return true
		}
	}
	return false
}

// embeddedStruct returns the struct that a field embeds, directly or by a pointer.
func embeddedStruct(f reflect.StructField) (reflect.Type, bool) {
	base := f.Type
	if base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	return base, f.Anonymous && base.Kind() == reflect.Struct
}

func storedName(f reflect.StructField) string {
	tag := f.Tag.Get("cbor")
	if tag == "" {
		tag = f.Tag.Get("json")
	}
	name, _, _ := strings.Cut(tag, ",")
	return name
}

// holdsSomething reports whether a struct has fields that should be stored, because no tag
// leaves them out. Types of package sync have nothing to store.
func holdsSomething(t reflect.Type) bool {
	if t.PkgPath() == "sync" {
		return false
	}
	for f := range t.Fields() {
		if f.Name != "_" && f.Tag.Get("cbor") != "-" && f.Type.Size() > 0 {
			return true
		}
	}
	return false
}

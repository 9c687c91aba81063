// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// jsonLayout says what encoding/json stores of a struct, and of the structs embedded in it.
type jsonLayout struct {
	fields []jsonField
	lost   error // which field should be stored and is not, and why; the first of them
}

type jsonField struct {
	name string
	path string // in Go, with the structs that it is embedded in
	typ  reflect.Type

	index   []int
	pointed bool // whether it is behind an embedded pointer
	quoted  bool // whether numbers and booleans are stored as strings
}

type jsonEmbedding struct {
	t       reflect.Type
	path    string
	index   []int
	pointed bool
}

func jsonLayoutOf(t reflect.Type) jsonLayout {
	l, seen := jsonLayout{}, map[reflect.Type]bool{}
	for level := []jsonEmbedding{{t: t}}; len(level) > 0; {
		var deeper []jsonEmbedding
		for _, e := range level {
			if seen[e.t] {
				l.lose(e.path, "is embedded more than once, so that its fields are not stored")
				continue
			}
			seen[e.t] = true
			for f := range e.t.Fields() {
				deeper = append(deeper, l.field(e, f)...)
			}
		}
		level = deeper
	}
	return l
}

func (l *jsonLayout) lose(path, why string) {
	if l.lost == nil {
		l.lost = fmt.Errorf("the field %s %s", path, why)
	}
}

// field adds a field, or returns the struct whose fields are to be added.
func (l *jsonLayout) field(in jsonEmbedding, f reflect.StructField) []jsonEmbedding {
	tag := f.Tag.Get("json")
	name, options, _ := strings.Cut(tag, ",")
	base := f.Type
	if base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	inside := f.Anonymous && base.Kind() == reflect.Struct
	path := f.Name
	if in.path != "" {
		path = in.path + "." + path
	}
	index := append(slices.Clip(in.index), f.Index...)
	switch {
	case tag == "-" || !f.IsExported() && !inside:
		return nil
	case inside && f.Type.Kind() == reflect.Pointer && !f.IsExported() && exportsAnything(base):
		l.lose(path,
			"is an embedded pointer to an unexported type, which cannot be set when it is read; "+
				"embed the struct itself")
	case inside && f.IsExported() && name == "" && holdsSomething(base) && !exportsAnything(base):
		l.lose(path,
			fmt.Sprintf(`is of type %v, of which nothing is stored; give it the tag json:"-" if it need not be`, base))
	case inside && name == "":
	default:
		if name == "" {
			name = f.Name
		}
		quoted := slices.Contains(strings.Split(options, ","), "string") && canBeQuoted(base)
		l.add(jsonField{name, path, f.Type, index, in.pointed, quoted})
		return nil
	}
	return []jsonEmbedding{{base, path, index, in.pointed || f.Type.Kind() == reflect.Pointer}}
}

// canBeQuoted reports whether the option string has a meaning for a type, as for a number.
func canBeQuoted(t reflect.Type) bool {
	kind := t.Kind()
	return kind >= reflect.Bool && kind <= reflect.Float64 || kind == reflect.String
}

// add adds a field under its name. If two fields have one name, at least one of them is lost.
func (l *jsonLayout) add(f jsonField) {
	for _, o := range l.fields {
		if o.name == f.name {
			l.lose(f.path,
				fmt.Sprintf(`shares the name %q with %s, so that not both are stored; give it another, or the tag json:"-"`, f.name, o.path))
			return
		}
	}
	l.fields = append(l.fields, f)
}

// exportsAnything reports whether a struct, or one embedded in it, has an exported field that
// is stored.
func exportsAnything(t reflect.Type) bool { return exportedIn(t, map[reflect.Type]bool{}) }

func exportedIn(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true // structs may embed pointers to themselves
	for f := range t.Fields() {
		base := f.Type
		if base.Kind() == reflect.Pointer {
			base = base.Elem()
		}
		inside := f.Anonymous && base.Kind() == reflect.Struct
		if f.Tag.Get("json") != "-" && (!inside && f.IsExported() ||
			inside && exportedIn(base, seen)) {
			return true
		}
	}
	return false
}

// holdsSomething reports whether a struct has fields that should be stored, because no tag
// leaves them out. Types of package sync have nothing to store.
func holdsSomething(t reflect.Type) bool {
	if t.PkgPath() == "sync" {
		return false
	}
	for f := range t.Fields() {
		if f.Name != "_" && f.Tag.Get("json") != "-" && f.Type.Size() > 0 {
			return true
		}
	}
	return false
}

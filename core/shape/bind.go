// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// Options says how a format stores its fields, and how the program answers questions.
type Options struct {
	// Removed lists fields that the program says were removed, and Retyped those that have
	// another type on purpose. Each is a path of stored names: "Phone", "Address.Street",
	// "Friends[].Name".
	Removed, Retyped []string

	// FoldCase says that the format ignores the case of field names when it reads.
	FoldCase bool

	// Keep tells how a field keeps its stored name, such as `with the tag json:"phone"`.
	Keep func(name string) string
}

// Bind compares the type of a program with the record of a table, which is nil if there is
// none, and returns the new record. The Bind of a format calls it: see [core.FormatPowers]. A
// type that says nothing, or is too large to be recorded, leaves the record as it is.
func Bind(stored []byte, now *Type, o Options) (meta []byte, err error) {
	var versions []*Type
	if stored != nil {
		if versions, err = decode(stored); err != nil {
			return nil, err
		}
	}
	identity := now.identity()
	if now.vague() || slices.ContainsFunc(versions,
		func(t *Type) bool { return bytes.Equal(t.identity(), identity) }) {
		return stored, nil
	}
	// too large, or with names that are not UTF-8
	if _, err := decode(encode([]*Type{now})); err != nil {
		return stored, nil
	}
	slices.Reverse(versions)
	if err := compare(now, versions, o); err != nil {
		return nil, err
	}
	slices.Reverse(versions)
	return encode(append(versions, now)), nil
}

// comparison goes through a type and all recorded types at once.
type comparison struct {
	Options
	numbers map[*Type]uint64
	seen    map[string]bool
	steps   int
	found   []error
}

// The most steps of a comparison, and the most differences that an error names. Recorded types
// need far fewer steps.
const (
	maxSteps = 1 << 18
	maxFound = 8
)

var errTooManySteps = fmt.Errorf("%w: %w: it takes too long to compare", core.ErrCorrupt, errStored)

// compare returns an error with all questions. versions has the newest first.
func compare(now *Type, versions []*Type, o Options) error {
	c := comparison{Options: o, numbers: map[*Type]uint64{}, seen: map[string]bool{}}
	c.walk(now, versions, "")
	if c.steps > maxSteps {
		return errTooManySteps
	}
	return errors.Join(c.found...)
}

func (c *comparison) done() bool { return c.steps > maxSteps || len(c.found) >= maxFound }

// walk compares a part of the type with the same part of all versions. The part is nil in
// versions that lack it.
func (c *comparison) walk(now *Type, old []*Type, path string) {
	c.steps += 1 + len(old)
	if c.done() || c.met(now, old) {
		return
	}
	newest := known(old)
	if now.Kind != Any && newest != nil && !fits(newest, now) {
		if !slices.Contains(c.Retyped, path) {
			c.mismatch(path, newest, now)
		}
		return
	}
	old = slices.Clone(old)
	for i, t := range old {
		if t != nil && t.Kind != now.Kind {
			old[i] = nil
		}
	}
	switch now.Kind {
	case List, Array:
		c.walk(now.Elem, parts(old, func(t *Type) *Type { return t.Elem }), path+"[]")
	case Map:
		c.walk(now.Key, parts(old, func(t *Type) *Type { return t.Key }), path+"[key]")
		c.walk(now.Elem, parts(old, func(t *Type) *Type { return t.Elem }), path+"[]")
	case Struct:
		c.fields(now, old, path)
	case Tuple:
		c.tuple(now, old, path)
	}
}

// met reports whether these types were compared before, and remembers them.
func (c *comparison) met(now *Type, old []*Type) bool {
	key := binary.AppendUvarint(nil, c.number(now))
	for _, t := range old {
		key = binary.AppendUvarint(key, c.number(t))
	}
	if c.seen[string(key)] {
		return true
	}
	c.seen[string(key)] = true
	return false
}

func (c *comparison) number(t *Type) uint64 {
	if t == nil {
		return 0
	}
	if c.numbers[t] == 0 {
		c.numbers[t] = uint64(len(c.numbers) + 1)
	}
	return c.numbers[t]
}

// known returns the newest version of a part that says what it holds.
func known(old []*Type) *Type {
	for _, t := range old {
		if t != nil && t.Kind != Any {
			return t
		}
	}
	return nil
}

func parts(old []*Type, part func(*Type) *Type) []*Type {
	all := make([]*Type, len(old))
	for i, t := range old {
		if t != nil {
			all[i] = part(t)
		}
	}
	return all
}

// fits reports whether values of one type can be values of the other, apart from the types that
// they are made of.
func fits(a, b *Type) bool {
	switch {
	case a.Kind == b.Kind:
		return a.Len == b.Len
	case a.Kind == Any, b.Kind == Any:
		return true
	case a.Kind == Struct, b.Kind == Struct:
		return a.Kind == Map && a.vague() || b.Kind == Map && b.vague()
	case a.Kind == Tuple, b.Kind == Tuple:
		return a.Kind == List && a.vague() || b.Kind == List && b.vague()
	}
	return false
}

func (c *comparison) mismatch(path string, old, now *Type) {
	c.found = append(c.found,
		fmt.Errorf("%w: %s is stored as %s, and is %s in this program; give a changed field "+
			"another name, "+
			"or say WithRetyped(%q) if this program can read what is stored",
			core.ErrFormatMismatch, named(path), old, now, path))
}

// named names a part of a value.
func named(path string) string {
	if path == "" {
		return "the value"
	}
	return "the field " + path
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// find returns the field with a name, as the format finds it.
func (c *comparison) find(t *Type, name string) *Type {
	var folded *Type
	for _, f := range t.Fields {
		if f.Name == name {
			return f.Type
		}
		if c.FoldCase && folded == nil && strings.EqualFold(f.Name, name) {
			folded = f.Type
		}
	}
	return folded
}

// fields compares the fields of a struct.
func (c *comparison) fields(now *Type, old []*Type, path string) {
	var appeared []Field
	for _, f := range now.sorted() {
		at := join(path, f.Name)
		if slices.Contains(c.Removed, at) {
			c.found = append(c.found, fmt.Errorf("WithRemoved names %s, which the type has", at))
		}
		before := parts(old, func(t *Type) *Type { return c.find(t, f.Name) })
		if known(old) != nil && !slices.ContainsFunc(before,
			func(t *Type) bool { return t != nil }) {
			appeared = append(appeared, f)
		}
		c.walk(f.Type, before, at)
	}
	latest := known(old)
	if latest == nil {
		return
	}
	for _, f := range latest.sorted() {
		if c.find(now, f.Name) == nil && !slices.Contains(c.Removed, join(path, f.Name)) {
			c.vanished(f, appeared, path)
		}
	}
}

// vanished asks about a field that the newest version has and this program lacks.
func (c *comparison) vanished(gone Field, appeared []Field, path string) {
	var like []string
	for _, f := range appeared {
		if alike(gone.Type, f.Type, 0) {
			like = append(like, f.shown())
		}
	}
	if len(like) == 0 || c.done() {
		return
	}
	c.found = append(c.found,
		fmt.Errorf("%w: %s (%s) is stored and not in this program, which has %s instead, of the "+
			"same type; "+
			"if it was renamed keep the stored name, %s, and if it was removed say WithRemoved(%q)",
			core.ErrFormatMismatch,
			named(join(path, gone.shown())), gone.Type, strings.Join(like, " or "), c.Keep(gone.Name),
			join(path, gone.Name)))
}

// shown returns a name of the field for people.
func (f Field) shown() string {
	if f.Go == "" || f.Go == f.Name {
		return f.Name
	}
	return fmt.Sprintf("%s (%s)", f.Name, f.Go)
}

// alike reports whether one field may be the other one under a new name. The fields of structs
// may have changed too.
func alike(a, b *Type, depth int) bool {
	if a.Kind != b.Kind || a.Len != b.Len {
		return false
	}
	if a.Elem == nil || depth > shallow {
		return true
	}
	return alike(a.Elem, b.Elem, depth+1) && (a.Key == nil || alike(a.Key, b.Key, depth+1))
}

// tuple compares structs that are stored as lists. Their fields cannot be added or removed, but
// may be renamed.
func (c *comparison) tuple(now *Type, old []*Type, path string) {
	latest := known(old)
	if latest == nil {
		latest = now
	}
	if len(latest.Fields) != len(now.Fields) {
		c.found = append(c.found,
			fmt.Errorf("%w: %s is stored as a list of %d fields, and has %d in this program; "+
				"such a struct must not gain or lose fields",
				core.ErrFormatMismatch, named(path), len(latest.Fields), len(now.Fields)))
		return
	}
	for i, f := range now.Fields {
		if was := latest.place(f.Name); was >= 0 && was != i && latest.Fields[i].Name != f.Name {
			c.found = append(c.found,
				fmt.Errorf("%w: %s is stored in place %d of a list, and is in place %d in this "+
					"program",
					core.ErrFormatMismatch, named(join(path, f.Name)), was+1, i+1))
			continue
		}
		c.walk(f.Type, parts(old, func(t *Type) *Type {
			if i < len(t.Fields) {
				return t.Fields[i].Type
			}
			return nil
		}), join(path, f.Name))
	}
}

func (t *Type) place(name string) int {
	return slices.IndexFunc(t.Fields, func(f Field) bool { return f.Name == name })
}

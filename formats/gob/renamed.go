// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// A renamed field is another field to gob: what is stored of it is passed over, and gone when
// the row is put again. Only the author of the change can tell a renamed field from one that
// was removed while another one was added. So if a description is new to a table, and lacks a
// field that the newest one has while a field of the same type is new in it, the program is
// asked.

// comparison compares the description of T today with those that are stored.
type comparison struct {
	now     *description
	removed []string
	seen    map[string]bool
	steps   int
	found   []error
}

// was is a part of a stored description, and the plan by which it is read today. The plan is
// nil if the description has no such part.
type was struct {
	types *description
	id    typeID
	plan  *plan
}

// The most steps of a comparison, and the most questions in an error. Descriptions of types
// from real programs need far fewer steps.
const (
	maxSteps     = 1 << 18
	maxQuestions = 8
)

var errTooManySteps = errors.New("the descriptions of types take too long to compare")

// compare returns an error with all questions about a description that is new to a table with
// these epochs, the newest last.
func compare(now *description, stored []*epoch, removed []string) error {
	var old []was
	for _, e := range slices.Backward(stored) {
		old = append(old, was{e.types, e.types.root, e.plan})
	}
	c := comparison{now: now, removed: removed, seen: map[string]bool{}}
	c.walk(now.root, old, "")
	if c.steps > maxSteps {
		return fmt.Errorf("%w: %w", core.ErrCorrupt, errTooManySteps)
	}
	return errors.Join(c.found...)
}

// walk compares a part of the type with the same part of all stored descriptions. The part has
// the same form in them, or there would be no plans.
func (c *comparison) walk(now typeID, old []was, path string) {
	c.steps += 1 + len(old)
	if now < firstID || c.done() || c.met(now, old) {
		return
	}
	switch t := c.now.types[now]; t.form {
	case formStruct:
		c.fields(t, old, path)
	case formMap:
		c.walk(t.key, parts(old, func(t *wireType, p *plan) (typeID, *plan) { return t.key, p.key }),
			path+"[key]")
		fallthrough
	case formArray, formSlice:
		c.walk(t.elem,
			parts(old, func(t *wireType, p *plan) (typeID, *plan) { return t.elem, p.elem }), path+"[]")
	}
}

func (c *comparison) done() bool { return c.steps > maxSteps || len(c.found) >= maxQuestions }

// met reports whether these parts were compared before, and remembers them: types may contain
// themselves.
func (c *comparison) met(now typeID, old []was) bool {
	key := binary.AppendUvarint(nil, uint64(now))
	for _, o := range old {
		key = binary.AppendUvarint(key, uint64(o.id))
	}
	if c.seen[string(key)] {
		return true
	}
	c.seen[string(key)] = true
	return false
}

// parts returns a part from all descriptions that have the type around it.
func parts(old []was, part func(*wireType, *plan) (typeID, *plan)) []was {
	all := make([]was, len(old))
	for i, o := range old {
		if o.plan == nil {
			continue
		}
		if id, p := part(o.types.types[o.id], o.plan); p != nil {
			all[i] = was{o.types, id, p}
		}
	}
	return all
}

func (c *comparison) fields(now *wireType, old []was, path string) {
	var appeared []wireField
	for _, f := range now.fields {
		at := joined(path, f.name)
		if slices.Contains(c.removed, at) {
			c.found = append(c.found, fmt.Errorf("WithRemoved names %s, which the type has", at))
		}
		before := parts(old, func(t *wireType, p *plan) (typeID, *plan) { return t.field(f.name, p) })
		if !slices.ContainsFunc(before, was.isThere) {
			appeared = append(appeared, f)
		}
		c.walk(f.id, before, at)
	}
	if newest := slices.IndexFunc(old, was.isThere); newest >= 0 {
		c.gone(old[newest], appeared, path)
	}
}

func (w was) isThere() bool { return w.plan != nil }

// field returns the type and the plan of a field, or nil if there is none.
func (t *wireType) field(name string, p *plan) (typeID, *plan) {
	i := slices.IndexFunc(t.fields, func(f wireField) bool { return f.name == name })
	if i < 0 {
		return 0, nil
	}
	return t.fields[i].id, p.fields[i]
}

// gone asks about the fields of a struct that have no place in today's type.
func (c *comparison) gone(newest was, appeared []wireField, path string) {
	for i, f := range newest.types.types[newest.id].fields {
		at := joined(path, f.name)
		if newest.plan.fields[i].goType != nil || slices.Contains(c.removed, at) {
			continue
		}
		var like []string
		for _, a := range appeared {
			if alike(newest.types, f.id, c.now, a.id, 0) {
				like = append(like, a.name)
			}
		}
		if len(like) > 0 && !c.done() {
			c.found = append(c.found, fmt.Errorf("%w: the field %s (%s) is stored and not in this "+
				"program, which has %s instead, of the same type; "+
				"if it was renamed give it its name back, and if it was removed say WithRemoved(%q)",
				core.ErrFormatMismatch, at, newest.types.describe(f.id, inMessages),
				strings.Join(like, " or "), at))
		}
	}
}

func joined(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// shallow is how deeply nested types are compared: a map has two in each level, and types may
// contain themselves.
const shallow = 6

// alike reports whether one field may be the other one under a new name. The fields of structs
// may have changed too.
func alike(a *description, x typeID, b *description, y typeID, depth int) bool {
	if x < firstID || y < firstID {
		return x == y
	}
	t, u := a.types[x], b.types[y]
	switch {
	case t.form != u.form || t.length != u.length:
		return false
	case depth > shallow || t.elem == 0: // a struct, or one that encodes itself
		return true
	case t.form == formMap && !alike(a, t.key, b, u.key, depth+1):
		return false
	}
	return alike(a, t.elem, b, u.elem, depth+1)
}

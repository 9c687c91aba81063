// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

// A renamed field is another field to the schema: what is stored of it is no longer read, and
// lost when the row is put again. Only the author of the change can tell a renamed field from
// one that was removed while another one was added. So the generator asks about a field that is
// gone while one of the same type is new, and likewise about a member of an interface.

// askOfFields returns the question about the fields of a struct. It runs before the fields that
// are not kept become removed ones.
func (c *collector) askOfFields(
	t *structType, kept []bool, added []*field, renamed map[string]string,
) error {
	for i := range t.def.Fields {
		old := &t.def.Fields[i]
		path := t.name + "." + old.Name
		if kept[i] {
			if slices.Contains(c.removed, path) {
				return fmt.Errorf("-removed names %s, which the type has", path)
			}
			continue
		}
		if old.State == schema.Removed || slices.Contains(c.removed, path) {
			continue
		}
		var like []string
		for _, f := range added {
			if alike(withNames(old.Type, renamed), f.typ.schema) {
				like = append(like, f.name)
			}
		}
		if len(like) > 0 {
			return fmt.Errorf("%s %v is gone, and %s is new, of the same type: if it was renamed, "+
				"give the new name the tag `archive:\"was=%s\"`; "+
				"if it was removed, run guardkv-archive once with -removed %s",
				path, old.Type, strings.Join(like, " or "), old.Name, path)
		}
	}
	return nil
}

// askOfMembers returns the question about the members of an interface that are marked as removed.
// live names those that were there before.
func (c *collector) askOfMembers(o *oneofType, live []string, added []string) error {
	for i := range o.def.Fields {
		f := &o.def.Fields[i]
		path := o.name + "." + f.Name
		switch named := slices.Contains(c.removed, path); {
		case f.State != schema.Removed && named:
			return fmt.Errorf("-removed names %s, which the interface may hold", path)
		case f.State == schema.Removed && !named && len(added) > 0 && slices.Contains(live, f.Name):
			return fmt.Errorf("%s may not hold %s any more, and %s is new: if it was renamed, give "+
				"the new name the comment //archive:was %s; "+
				"if it was removed, run guardkv-archive once with -removed %s",
				o.name, f.Name, strings.Join(added, " or "), f.Name, path)
		}
	}
	return nil
}

// alike reports whether a field of one type may be one of the other under a new name. The name
// of a struct may be new too.
func alike(a, b *schema.Type) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Kind == b.Kind && a.Len == b.Len && (a.Refers() || a.Name == b.Name) &&
		alike(a.Key, b.Key) && alike(a.Elem, b.Elem)
}

// newName returns the names of the first types within a and b, which are alike, that differ.
func newName(a, b *schema.Type) (before, now string) {
	if a == nil || b == nil {
		return "", ""
	}
	if a.Name != b.Name {
		return a.Name, b.Name
	}
	if before, now = newName(a.Key, b.Key); before != now {
		return before, now
	}
	return newName(a.Elem, b.Elem)
}

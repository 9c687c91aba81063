// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"slices"
	"strings"
)

// shallow is how deeply nested types without names are shown: with maps, each level may have
// twice as many parts.
const shallow = 6

// String returns a type in a few words: structs by their names.
func (t *Type) String() string { return t.expressed(0) }

func (t *Type) expressed(depth int) string {
	switch {
	case depth > shallow:
		return "..."
	case t.node() && t.Name != "":
		return t.Name
	case t.node():
		return "a struct"
	}
	return t.words(func(part *Type) string { return part.expressed(depth + 1) })
}

// Words describes for people what [Bind] recorded, as [core.Explanation] does: the newest type,
// with a line for each field, and the fields that older types had and it lacks. It returns ""
// if nothing is recorded.
func Words(meta []byte) (string, error) {
	if meta == nil {
		return "", nil
	}
	versions, err := decode(meta)
	if err != nil || len(versions) == 0 {
		return "", err
	}
	slices.Reverse(versions)
	lines := versions[0].lines()
	said := map[string]bool{}
	for _, f := range versions[0].paths() {
		said[f] = true
	}
	for _, t := range versions[1:] {
		for _, f := range t.paths() {
			if !said[f] {
				lines = append(lines, "earlier: "+f)
			}
			said[f] = true
		}
	}
	return strings.Join(lines, "\n"), nil
}

// lines describes a type: each struct that it is made of, and its fields.
func (t *Type) lines() (lines []string) {
	l := labels{writer{numbers: map[*Type]int{}, cyclic: map[*Type]bool{}}}
	l.find(t, map[*Type]bool{}, map[*Type]bool{})
	l.cyclic[t] = !t.node()
	l.ref(t)
	for i := 0; i < len(l.nodes); i++ {
		node := l.nodes[i]
		name := l.label(node)
		if node.Name == "" && i == 0 {
			name = ""
		}
		if !node.node() {
			lines = append(lines, strings.TrimPrefix(name+" = ", " = ")+node.words(l.label))
			continue
		}
		kind := " {"
		if node.Kind == Tuple {
			kind = " in order {"
		}
		lines = append(lines, strings.TrimSpace(name+kind))
		for _, f := range node.sorted() {
			lines = append(lines, "  "+f.shown()+" "+l.label(f.Type))
		}
		lines = append(lines, "}")
	}
	return lines
}

// labels numbers types as they are numbered when they are stored.
type labels struct{ writer }

// label returns a type's Go name, with its number if another type has the same name or it has
// none.
func (l *labels) label(t *Type) string {
	ref := l.ref(t)
	if !strings.HasPrefix(ref, "#") {
		return t.words(l.label)
	}
	for other, n := range l.numbers {
		if other != t && other.Name == t.Name && n < l.numbers[t] {
			return strings.TrimSpace(t.Name + " " + ref)
		}
	}
	if t.Name == "" {
		return ref
	}
	return t.Name
}

// paths returns the fields of a type and of all types that it is made of, with their types.
func (t *Type) paths() (all []string) {
	seen := map[*Type]bool{}
	var walk func(t *Type, path string)
	walk = func(t *Type, path string) {
		if t == nil || seen[t] {
			return
		}
		seen[t] = true
		walk(t.Key, path+"[key]")
		walk(t.Elem, path+"[]")
		for _, f := range t.sorted() {
			all = append(all, join(path, f.shown())+" "+f.Type.String())
			walk(f.Type, join(path, f.Name))
		}
	}
	walk(t, "")
	return all
}

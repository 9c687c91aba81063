// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Parse reads what String makes. It accepts only text that could be a schema, wherever the text
// comes from.
func Parse(text string) (*Schema, error) {
	first, rest, _ := strings.Cut(text, "\n")
	root, ok := strings.CutPrefix(first, header)
	if !ok {
		return nil, fmt.Errorf("it begins with %.40q and not with %q", first, header)
	}
	s := &Schema{Root: strings.TrimPrefix(root, " ")}
	var d *Def
	for line := range strings.Lines(rest) {
		words := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		var err error
		if field, ok := strings.CutPrefix(words[0], "\t"); ok && d != nil {
			err = d.parseField(field, words[1:])
		} else if d, err = parseDef(words); err == nil {
			s.Defs = append(s.Defs, d)
		}
		if err != nil {
			return nil, fmt.Errorf("line %.80q: %w", line, err)
		}
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.String() != text {
		return nil, errors.New("it is not written as schemas are")
	}
	return s, nil
}

func parseDef(words []string) (*Def, error) {
	if len(words) < 2 || words[0] != "struct" && words[0] != "oneof" {
		return nil, errors.New("it is neither a struct, a oneof nor a field")
	}
	d := &Def{Name: words[1], Oneof: words[0] == "oneof"}
	var err error
	words = words[2:]
	for len(words) > 0 && !strings.HasPrefix(words[0], "was=") {
		n, err := strconv.Atoi(words[0])
		if err != nil {
			return nil, err
		}
		d.Sizes, words = append(d.Sizes, n), words[1:]
	}
	d.Was, err = parseWas(words)
	return d, err
}

func parseWas(words []string) (names []string, err error) {
	for _, w := range words {
		name, ok := strings.CutPrefix(w, "was=")
		if !ok {
			return nil, fmt.Errorf("%.40q is not was=NAME", w)
		}
		names = append(names, name)
	}
	return names, nil
}

func (d *Def) parseField(at string, words []string) (err error) {
	var f Field
	if f.At, err = strconv.Atoi(at); err != nil {
		return err
	}
	if len(words) == 0 {
		return errors.New("it has no name")
	}
	f.Name, words = words[0], words[1:]
	switch {
	case strings.HasPrefix(f.Name, "-"):
		f.Name, f.State = f.Name[1:], Removed
	case strings.HasPrefix(f.Name, "~"):
		f.Name, f.State = f.Name[1:], Returned
	}
	if !d.Oneof {
		if len(words) == 0 {
			return errors.New("it has no type")
		}
		if f.Type, err = parseType(words[0]); err != nil {
			return err
		}
		words = words[1:]
	}
	f.Was, err = parseWas(words)
	d.Fields = append(d.Fields, f)
	return err
}

// maxNesting is how deeply types may be nested, as in [][][]string.
const maxNesting = 16

func parseType(text string) (*Type, error) {
	t, rest, err := cutType(text, maxNesting)
	if err == nil && rest != "" {
		err = fmt.Errorf("there is %.40q behind a type", rest)
	}
	return t, err
}

// cutType reads the type that text begins with.
func cutType(text string, depth int) (t *Type, rest string, err error) {
	if depth == 0 {
		return nil, "", errors.New("types are nested too deeply")
	}
	switch {
	case strings.HasPrefix(text, "?"):
		return cutElem(&Type{Kind: Optional}, text[1:], depth)
	case strings.HasPrefix(text, "*"):
		name, rest := cutName(text[1:])
		return &Type{Kind: Pointer, Name: name}, rest, nil
	case strings.HasPrefix(text, "[]"):
		return cutElem(&Type{Kind: Slice}, text[2:], depth)
	case strings.HasPrefix(text, "["):
		digits, rest, _ := strings.Cut(text[1:], "]")
		n, err := strconv.Atoi(digits)
		if err != nil {
			return nil, "", err
		}
		return cutElem(&Type{Kind: Array, Len: n}, rest, depth)
	case strings.HasPrefix(text, "map["):
		key, rest, err := cutType(text[4:], depth-1)
		if err != nil {
			return nil, "", err
		}
		return cutElem(&Type{Kind: Map, Key: key}, strings.TrimPrefix(rest, "]"), depth)
	}
	name, rest := cutName(text)
	if inside, behind, ok := strings.Cut(rest, ")"); ok && strings.HasPrefix(inside, "(") {
		if k, ok := wrapped[name]; ok {
			return &Type{Kind: k, Name: inside[1:]}, behind, nil
		}
	}
	if k := kindNamed(name); k != Invalid {
		return &Type{Kind: k}, rest, nil
	}
	return &Type{Kind: Struct, Name: name}, rest, nil
}

var wrapped = map[string]Kind{"binary": Binary, "fixed": Fixed, "oneof": Oneof}

func cutElem(t *Type, text string, depth int) (*Type, string, error) {
	var err error
	t.Elem, text, err = cutType(text, depth-1)
	return t, text, err
}

func cutName(text string) (name, rest string) {
	i := strings.IndexFunc(text, func(r rune) bool { return !inName(r) })
	if i < 0 {
		return text, ""
	}
	return text[:i], text[i:]
}

func inName(r rune) bool {
	return r == '_' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// CheckName returns an error unless a definition or a field may have the name.
func CheckName(name string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !inName(r) }) {
		return fmt.Errorf("%.40q is no name", name)
	}
	return nil
}

// check returns an error unless verifiers can be compiled from the schema.
func (s *Schema) check() error {
	for i, d := range s.Defs {
		if i > 0 && s.Defs[i-1].Name >= d.Name {
			return fmt.Errorf("%s is not in order", d.Name)
		}
		if IsWord(d.Name) {
			return fmt.Errorf("no definition may be named %s", d.Name)
		}
	}
	if root := s.Def(s.Root); s.Root != "" && (root == nil || root.Oneof) {
		return fmt.Errorf("its root %.40q is no struct of it", s.Root)
	}
	for _, d := range s.Defs {
		err := d.checkNames()
		if err == nil && d.Oneof {
			err = s.checkOneof(d)
		} else if err == nil {
			err = s.checkStruct(d)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
	}
	return nil
}

func (d *Def) checkNames() error {
	seen := make(map[string]bool)
	names := append([]string{d.Name}, d.Was...)
	for i := range d.Fields {
		f := &d.Fields[i]
		names = append(append(names, f.Name), f.Was...)
		if seen[f.Name] {
			return fmt.Errorf("%s is there twice", f.Name)
		}
		seen[f.Name] = true
	}
	for _, name := range names {
		if err := CheckName(name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Schema) checkOneof(d *Def) error {
	if len(d.Sizes) > 0 {
		return errors.New("a oneof has no size")
	}
	for i := range d.Fields {
		f := &d.Fields[i]
		if f.At != i+1 {
			return fmt.Errorf("the tag of %s is %d, and not %d", f.Name, f.At, i+1)
		}
		if m := s.Def(f.Name); m == nil || m.Oneof {
			return fmt.Errorf("its member %s is no struct", f.Name)
		}
	}
	return nil
}

func (s *Schema) checkStruct(d *Def) error {
	if len(d.Sizes) == 0 || !slices.IsSorted(d.Sizes) || d.Sizes[0] < 0 || d.Size() > MaxFixed {
		return fmt.Errorf("its sizes %d are none of a struct", d.Sizes)
	}
	if len(slices.Compact(slices.Clone(d.Sizes))) != len(d.Sizes) {
		return fmt.Errorf("it has one of its sizes %d twice", d.Sizes)
	}
	end := 0
	for i := range d.Fields {
		f := &d.Fields[i]
		if f.At != end {
			return fmt.Errorf("%s is at %d, and not at %d", f.Name, f.At, end)
		}
		if err := s.CheckType(f.Type); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		if end += s.Size(f.Type); end > MaxFixed {
			return tooLarge(end)
		}
	}
	if end != d.Size() {
		return fmt.Errorf("its size is %d, and its fields have %d bytes", d.Size(), end)
	}
	for _, n := range d.Sizes {
		if n != end && !slices.ContainsFunc(d.Fields, func(f Field) bool { return f.At == n }) {
			return fmt.Errorf("its size was never %d: that is inside of a field", n)
		}
	}
	return nil
}

func tooLarge(size int) error {
	return fmt.Errorf("its fixed part has %d bytes, and the most is %d: put a part of it into a slice or another struct", size, MaxFixed)
}

// CheckType returns an error unless fields may have the type.
func (s *Schema) CheckType(t *Type) error {
	if t.Refers() {
		d := s.Def(t.Name)
		if d == nil || d.Oneof != (t.Kind == Oneof) {
			return fmt.Errorf("%v is not defined", t)
		}
	}
	switch t.Kind {
	case Invalid:
		return errors.New("it has no type")
	case Binary:
		return CheckName(t.Name)
	case Optional:
		if k := t.Elem.Kind; !k.Scalar() && k != String && k != Binary {
			return fmt.Errorf("%v cannot be optional", t.Elem)
		}
	case Fixed:
		return s.checkFixed(t)
	case Map:
		if !IsKey(t.Key) {
			return fmt.Errorf("%v cannot be the key of a map", t.Key)
		}
	case Array, Slice:
		empty := t.Kind == Slice && t.Elem.Kind == Struct && s.Def(t.Elem.Name) != nil &&
			s.Def(t.Elem.Name).Size() == 0
		if empty || s.Size(t.Elem) == 0 || t.Kind == Array && t.Len < 1 {
			return fmt.Errorf("%v: arrays and elements without a size cannot be stored", t)
		}
	}
	if t.Elem == nil {
		return nil
	}
	size := s.Size(t.Elem)
	if t.Kind == Map {
		size += s.Size(t.Key)
	}
	if size > MaxFixed {
		return fmt.Errorf("%v: elements have at most %d bytes, and not %d", t, MaxFixed, size)
	}
	return s.CheckType(t.Elem)
}

// checkFixed returns an error if a struct has no bytes, or contains itself.
func (s *Schema) checkFixed(t *Type) error {
	if s.Def(t.Name).Size() == 0 {
		return fmt.Errorf("%v has no fields", t)
	}
	if s.containsFixed(t.Name, t.Name, make(map[string]bool)) {
		return fmt.Errorf("%v contains itself", t)
	}
	return nil
}

func (s *Schema) containsFixed(in, name string, seen map[string]bool) bool {
	d := s.Def(in)
	if d == nil || seen[in] {
		return false
	}
	seen[in] = true
	for i := range d.Fields {
		t := d.Fields[i].Type
		for t != nil && t.Kind == Array {
			t = t.Elem
		}
		if t != nil && t.Kind == Fixed && (t.Name == name || s.containsFixed(t.Name, name, seen)) {
			return true
		}
	}
	return false
}

// IsKey reports whether maps may have keys of the type: the bytes of keys must show their order
// without doubt.
func IsKey(t *Type) bool {
	switch t.Kind {
	case Int8, Int16, Int32, Int64, Int, Uint8, Uint16, Uint32, Uint64, Uint, String, Duration, Bool:
		return true
	case Array:
		return t.Elem.Kind == Uint8
	}
	return false
}

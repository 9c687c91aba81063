// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// The record is a line that says what it is, followed by JSON: a list of the types that opened
// the table. Each type is a list of the structs that it is made of. The first is the type
// itself, and the others are in the order in which they are met from there:
//
//	shape/1
//	[[{"name":"main.User","fields":[["Name","string"],["Friends","[]#0"]]}]]
//
// Types that are not structs are written where they are used. If one contains itself, or is the
// first, it has a number too: {"is":"[]#0"}.
const (
	head     = "shape/1\n"
	headLike = "shape/"
)

// The limits on what is recorded, and read.
const (
	maxStored   = 256 << 10 // bytes
	maxVersions = 256
	maxDepth    = 64 // of nested lists
	maxName     = 128
)

// wireType is a numbered type.
type wireType struct {
	Name   string      `json:"name,omitempty"`
	Is     string      `json:"is,omitempty"`
	Tuple  bool        `json:"tuple,omitempty"`
	Fields []wireField `json:"fields,omitempty"`
}

// wireField is the stored name, the type, and the Go name if it differs.
type wireField []string

// writer numbers the types that one type is made of.
type writer struct {
	names   bool // include the names that are for people
	numbers map[*Type]int
	cyclic  map[*Type]bool
	nodes   []*Type
	out     []wireType
}

// wire returns what is stored of a type.
func (t *Type) wire(names bool) []wireType {
	w := writer{names: names, numbers: map[*Type]int{}, cyclic: map[*Type]bool{}}
	w.find(t, map[*Type]bool{}, map[*Type]bool{})
	if !t.node() {
		w.cyclic[t] = true
	}
	w.ref(t)
	for i := 0; i < len(w.nodes); i++ {
		w.out = append(w.out, w.node(w.nodes[i]))
	}
	return w.out
}

// find marks types that contain themselves and have no number of their own.
func (w *writer) find(t *Type, open, done map[*Type]bool) {
	if t == nil || done[t] {
		return
	}
	if open[t] {
		w.cyclic[t] = !t.node()
		return
	}
	open[t] = true
	w.find(t.Key, open, done)
	w.find(t.Elem, open, done)
	for _, f := range t.sorted() {
		w.find(f.Type, open, done)
	}
	delete(open, t)
	done[t] = true
}

// sorted returns the fields in the order in which they are written.
func (t *Type) sorted() []Field {
	if t.Kind != Struct {
		return t.Fields
	}
	return slices.SortedFunc(slices.Values(t.Fields),
		func(a, b Field) int { return compareNames(a.Name, b.Name) })
}

// compareNames sorts numbers first, in numeric order.
func compareNames(a, b string) int {
	m, errA := strconv.ParseInt(a, 10, 64)
	n, errB := strconv.ParseInt(b, 10, 64)
	switch {
	case errA == nil && errB == nil && m != n:
		return cmp.Compare(m, n)
	case errA == nil && errB != nil:
		return -1
	case errA != nil && errB == nil:
		return 1
	}
	return strings.Compare(a, b)
}

func (w *writer) node(t *Type) wireType {
	out := wireType{}
	if w.names {
		out.Name = cutName(t.Name)
	}
	if !t.node() {
		out.Is = w.expression(t)
		return out
	}
	out.Tuple = t.Kind == Tuple
	for _, f := range t.sorted() {
		field := wireField{f.Name, w.ref(f.Type)}
		if w.names && f.Go != "" && f.Go != f.Name {
			field = append(field, cutName(f.Go))
		}
		out.Fields = append(out.Fields, field)
	}
	return out
}

func cutName(name string) string {
	if len(name) > maxName {
		name = name[:maxName]
	}
	return strings.ToValidUTF8(name, "")
}

// ref returns how a type is referred to.
func (w *writer) ref(t *Type) string {
	if !t.node() && !w.cyclic[t] {
		return w.expression(t)
	}
	n, known := w.numbers[t]
	if !known {
		n = len(w.nodes)
		w.numbers[t] = n
		w.nodes = append(w.nodes, t)
	}
	return "#" + strconv.Itoa(n)
}

func (w *writer) expression(t *Type) string {
	return t.words(w.ref)
}

// words returns the expression for a type that has no number, using ref for its parts.
func (t *Type) words(ref func(*Type) string) string {
	switch t.Kind {
	case ByteArray:
		return fmt.Sprintf("bytes(%d)", t.Len)
	case List:
		return "[]" + ref(t.Elem)
	case Array:
		return fmt.Sprintf("[%d]%s", t.Len, ref(t.Elem))
	case Map:
		return "map[" + ref(t.Key) + "]" + ref(t.Elem)
	}
	return leafNames[t.Kind]
}

// identity returns the encoding that distinguishes types, which leaves out names that are for
// people.
func (t *Type) identity() []byte { return t.json(false) }

func (t *Type) json(names bool) []byte {
	b, _ := json.Marshal(t.wire(names)) // which never fails for strings
	return b
}

// encode returns the record of all versions, or nil if the last one alone is too long. If all
// of them together are too long, it leaves out the first ones.
func encode(versions []*Type) []byte {
	var parts [][]byte
	size := len(head) + len("[]")
	for _, t := range slices.Backward(versions) {
		part := t.json(true)
		if size += len(part) + len(","); size > maxStored || len(parts) == maxVersions {
			break
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return nil
	}
	slices.Reverse(parts)
	return slices.Concat([]byte(head+"["), bytes.Join(parts, []byte(",")), []byte("]"))
}

var errStored = errors.New("the record of the type of the values is damaged")

// decode reads what encode wrote, and nothing else.
func decode(stored []byte) ([]*Type, error) {
	text, ok := bytes.CutPrefix(stored, []byte(head))
	if !ok && bytes.HasPrefix(stored, []byte(headLike)) {
		line, _, _ := bytes.Cut(stored[:min(len(stored), 32)], []byte("\n"))
		return nil,
			fmt.Errorf("%w: the record of the type of the values is in %q, of a later "+
				"version of GuardKV; this one knows %q",
				core.ErrFormatMismatch, line, strings.TrimSpace(head))
	}
	var all [][]wireType
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if !ok || len(stored) > maxStored || d.Decode(&all) != nil {
		return nil, fmt.Errorf("%w: %w", core.ErrCorrupt, errStored)
	}
	var versions []*Type
	for _, wire := range all {
		t, err := read(wire)
		if err != nil {
			return nil, fmt.Errorf("%w: %w: %w", core.ErrCorrupt, errStored, err)
		}
		versions = append(versions, t)
	}
	if !bytes.Equal(encode(versions), stored) {
		return nil, fmt.Errorf("%w: %w", core.ErrCorrupt, errStored)
	}
	return versions, nil
}

// reader makes types from a record.
type reader struct{ nodes []*Type }

func read(wire []wireType) (*Type, error) {
	if len(wire) == 0 {
		return nil, errors.New("a type has no parts")
	}
	r := reader{make([]*Type, len(wire))}
	for i := range wire {
		r.nodes[i] = new(Type)
	}
	for i, w := range wire {
		if err := r.node(r.nodes[i], w); err != nil {
			return nil, err
		}
	}
	return r.nodes[0], nil
}

func (r reader) node(t *Type, w wireType) error {
	t.Kind, t.Name = Struct, w.Name
	if w.Tuple {
		t.Kind = Tuple
	}
	if w.Is != "" {
		is, rest, err := r.parse(w.Is, 0)
		if err != nil || rest != "" || w.Tuple || w.Fields != nil || is.node() ||
			strings.HasPrefix(w.Is, "#") {
			return fmt.Errorf("%q is not a type", w.Is)
		}
		name := t.Name
		*t = *is
		t.Name = name
		return nil
	}
	known := map[string]bool{}
	for _, f := range w.Fields {
		if len(f) < 2 || len(f) > 3 || known[f[0]] && t.Kind == Struct {
			return fmt.Errorf("%q is not a field", f)
		}
		known[f[0]] = true
		typ, rest, err := r.parse(f[1], 0)
		if err != nil || rest != "" {
			return fmt.Errorf("%q is not a type", f[1])
		}
		field := Field{Name: f[0], Type: typ}
		if len(f) == 3 {
			field.Go = f[2]
		}
		t.Fields = append(t.Fields, field)
	}
	return nil
}

var errNoType = errors.New("no type")

// parse reads an expression.
func (r reader) parse(s string, depth int) (t *Type, rest string, err error) {
	if depth > maxDepth {
		return nil, "", errNoType
	}
	switch {
	case strings.HasPrefix(s, "#"):
		n, rest, err := number(s[1:])
		if err != nil || n >= len(r.nodes) {
			return nil, "", errNoType
		}
		return r.nodes[n], rest, nil
	case strings.HasPrefix(s, "[]"):
		t = &Type{Kind: List}
		t.Elem, rest, err = r.parse(s[2:], depth+1)
		return t, rest, err
	case strings.HasPrefix(s, "["):
		n, rest, err := number(s[1:])
		if err != nil || !strings.HasPrefix(rest, "]") {
			return nil, "", errNoType
		}
		t = &Type{Kind: Array, Len: n}
		t.Elem, rest, err = r.parse(rest[1:], depth+1)
		return t, rest, err
	case strings.HasPrefix(s, "map["):
		t = &Type{Kind: Map}
		t.Key, rest, err = r.parse(s[4:], depth+1)
		if err != nil || !strings.HasPrefix(rest, "]") {
			return nil, "", errNoType
		}
		t.Elem, rest, err = r.parse(rest[1:], depth+1)
		return t, rest, err
	case strings.HasPrefix(s, "bytes("):
		n, rest, err := number(s[6:])
		if err != nil || !strings.HasPrefix(rest, ")") {
			return nil, "", errNoType
		}
		return &Type{Kind: ByteArray, Len: n}, rest[1:], nil
	}
	end := strings.IndexFunc(s, func(c rune) bool { return c < 'a' || c > 'z' })
	if end < 0 {
		end = len(s)
	}
	kind, known := leaves[s[:end]]
	if !known {
		return nil, "", errNoType
	}
	return &Type{Kind: kind}, s[end:], nil
}

// number reads the digits that s begins with.
func number(s string) (n int, rest string, err error) {
	end := strings.IndexFunc(s, func(c rune) bool { return c < '0' || c > '9' })
	if end < 0 {
		end = len(s)
	}
	n, err = strconv.Atoi(s[:end])
	return n, s[end:], err
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"fmt"
	"go/token"
	"go/types"
	"reflect"
	"strconv"
	"strings"

	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

// collector finds all types that the root types are made of.
type collector struct {
	*source
	structs map[string]*structType // by their names in the schema
	oneofs  map[string]*oneofType
	order   []*structType // as they are found
	imports map[string]string
	within  []types.Type // named types that are not structs, to find one that contains itself
	removed []string     // see Options
}

func collect(s *source, roots []string) (*collector, error) {
	c := &collector{
		source: s, structs: make(map[string]*structType), oneofs: make(map[string]*oneofType),
		imports: make(map[string]string),
	}
	for _, name := range roots {
		obj, ok := s.pkg.Scope().Lookup(name).(*types.TypeName)
		if !ok {
			return nil, fmt.Errorf("package %s has no type %s", s.pkg.Name(), name)
		}
		named, ok := obj.Type().(*types.Named)
		if !ok || !isStruct(named) || isTime(named) {
			return nil, s.problem(obj.Pos(), "%s is no struct", name)
		}
		t, err := c.structType(named, obj.Pos(), name)
		if err != nil {
			return nil, err
		}
		t.root = true
	}
	return c, nil
}

func isStruct(t types.Type) bool {
	_, ok := t.Underlying().(*types.Struct)
	return ok
}

// isTime reports whether a type is time.Time, or made of it.
func isTime(t types.Type) bool {
	s, ok := t.Underlying().(*types.Struct)
	return ok && s.NumFields() > 0 && s.Field(0).Name() == "wall" && s.Field(0).Pkg() != nil &&
		s.Field(0).Pkg().Path() == "time"
}

// qualified returns a type as the generated file writes it.
func (c *collector) qualified(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		if p == c.pkg {
			return ""
		}
		c.imports[p.Path()] = p.Name()
		return p.Name()
	})
}

// nameOf returns the form of a type's name that other names are made of.
func (c *collector) nameOf(t *types.Named) string {
	if t.Obj().Pkg() == c.pkg || t.Obj().Pkg() == nil {
		return t.Obj().Name()
	}
	return exported(t.Obj().Pkg().Name()) + t.Obj().Name()
}

func (c *collector) schemaName(t *types.Named) string {
	if t.Obj().Pkg() == c.pkg {
		return t.Obj().Name()
	}
	return t.Obj().Pkg().Name() + "." + t.Obj().Name()
}

// structType returns the struct type. It is registered before its fields are found, since it
// may contain itself.
func (c *collector) structType(t *types.Named, pos token.Pos, path string) (*structType, error) {
	name := c.schemaName(t)
	if s := c.structs[name]; s != nil {
		if s.named.Obj() != t.Obj() {
			return nil, c.problem(pos, "%s: two types have the name %s", path, name)
		}
		return s, nil
	}
	if t.TypeArgs().Len() > 0 {
		return nil, c.problem(pos, "%s: the generic type %s cannot be archived",
			path, c.qualified(t))
	}
	if schema.IsWord(name) {
		return nil, c.problem(pos,
			"%s: a struct that is named %s cannot be archived: the schema has that word for something else", path, name)
	}
	short := c.nameOf(t)
	s := &structType{
		name: name, code: c.qualified(t), view: short + "View",
		encode: "archive" + exported(short), named: t,
	}
	if t.Obj().Pkg() == c.pkg {
		s.was, _ = c.directive(name, "was")
	}
	c.structs[name] = s
	c.order = append(c.order, s)
	outside := c.within
	c.within = nil
	defer func() { c.within = outside }()
	under := t.Underlying().(*types.Struct)
	for i := range under.NumFields() {
		f, err := c.field(s, under.Field(i), under.Tag(i))
		if err != nil {
			return nil, err
		}
		if f != nil {
			s.fields = append(s.fields, f)
		}
	}
	return s, nil
}

// options are the options of a tag.
type options struct {
	skip, fixed bool
	was         []string
}

func parseTag(tag string) (o options, err error) {
	text := reflect.StructTag(tag).Get("archive")
	if text == "" {
		return o, nil
	}
	for _, word := range strings.Split(text, ",") {
		switch was, isWas := strings.CutPrefix(word, "was="); {
		case word == "":
		case word == "-":
			o.skip = true
		case word == "fixed":
			o.fixed = true
		case isWas:
			o.was = append(o.was, was)
		default:
			return o, fmt.Errorf("the tag has %q: use -, fixed or was=Name", word)
		}
	}
	return o, nil
}

func (c *collector) field(s *structType, v *types.Var, tag string) (*field, error) {
	path := s.name + "." + v.Name()
	o, err := parseTag(tag)
	switch {
	case err != nil:
		return nil, c.problem(v.Pos(), "%s: %w", path, err)
	case o.skip:
		return nil, nil
	case v.Name() == "_":
		return nil, nil
	case !v.Exported():
		return nil, c.problem(v.Pos(),
			"%s is unexported, so it would be lost: export it, or give it the tag `archive:\"-\"`",
			path)
	}
	t, err := c.typ(v.Type(), v.Pos(), path)
	if err != nil {
		return nil, err
	}
	if o.fixed {
		if t, err = fixed(t); err != nil {
			return nil, c.problem(v.Pos(), "%s: %w", path, err)
		}
	}
	f := &field{name: v.Name(), accessor: v.Name(), typ: t, was: o.was}
	if f.name == "Value" || f.name == "Archive" {
		f.accessor += "Field" // views have methods of these names
	}
	return f, nil
}

// fixed returns the type of a field whose struct, or whose array of structs, lies in place.
func fixed(t *typ) (*typ, error) {
	r, kind := *t, *t.schema
	switch t.kind() {
	case schema.Struct:
		kind.Kind = schema.Fixed
	case schema.Array:
		elem, err := fixed(t.elem)
		if err != nil {
			return nil, err
		}
		r.elem, kind.Elem, r.name = elem, elem.schema, arrayName(elem, t.schema.Len)
	default:
		return nil, fmt.Errorf("the tag fixed is for structs and arrays of them, not for %s",
			t.code)
	}
	r.schema = &kind
	if r.schema.Kind == schema.Fixed {
		r.name = "Fixed" + exported(t.name)
	}
	return &r, nil
}

func arrayName(elem *typ, n int) string { return elem.name + "Array" + strconv.Itoa(n) }

// typ returns the archived type of a Go type.
func (c *collector) typ(t types.Type, pos token.Pos, path string) (*typ, error) {
	t = types.Unalias(t)
	code := c.qualified(t)
	named, isNamed := t.(*types.Named)
	if isNamed && isTime(t) {
		c.imports["time"] = "time"
		return &typ{
			schema: &schema.Type{Kind: schema.Time}, code: code, plain: "time.Time",
			name: named.Obj().Name(),
		}, nil
	}
	if isNamed && code == "time.Duration" {
		return &typ{
			schema: &schema.Type{Kind: schema.Duration}, code: code, plain: code,
			name: "Duration",
		}, nil
	}
	if isNamed && !types.IsInterface(t) && encodesItself(t) {
		s := &schema.Type{Kind: schema.Binary, Name: c.schemaName(named)}
		return &typ{schema: s, code: code, plain: code, name: c.nameOf(named)}, nil
	}
	if isNamed && !isStruct(t) {
		for _, outer := range c.within {
			if outer == t {
				return nil, c.problem(pos,
					"%s: %s contains itself without a struct between: put it into one", path, code)
			}
		}
		c.within = append(c.within, t)
		defer func() { c.within = c.within[:len(c.within)-1] }()
	}
	r, err := c.underlying(t, pos, path, code)
	if err == nil && isNamed && r.name == "" {
		r.name = c.nameOf(named)
	}
	return r, err
}

var basicKinds = map[types.BasicKind]schema.Kind{
	types.Bool: schema.Bool, types.Int8: schema.Int8, types.Int16: schema.Int16,
	types.Int32: schema.Int32,
	types.Int64: schema.Int64, types.Int: schema.Int, types.Uint8: schema.Uint8,
	types.Uint16: schema.Uint16,
	types.Uint32: schema.Uint32, types.Uint64: schema.Uint64, types.Uint: schema.Uint,
	types.Float32: schema.Float32,
	types.Float64: schema.Float64, types.Complex64: schema.Complex64,
	types.Complex128: schema.Complex128, types.String: schema.String,
}

func (c *collector) underlying(t types.Type, pos token.Pos, path, code string) (*typ, error) {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if k, ok := basicKinds[u.Kind()]; ok {
			r := &typ{schema: &schema.Type{Kind: k}, code: code, plain: types.Typ[u.Kind()].Name()}
			if _, isNamed := t.(*types.Named); !isNamed {
				r.name, r.code = exported(r.plain), r.plain // byte is uint8
			}
			return r, nil
		}
		if u.Kind() == types.Invalid {
			return nil, c.problem(pos, "%s: its type is unknown: %w", path, c.firstError())
		}
	case *types.Pointer:
		return c.pointer(u, pos, path, code)
	case *types.Slice:
		return c.slice(u, pos, path, code)
	case *types.Array:
		return c.array(u, pos, path, code)
	case *types.Map:
		return c.mapType(u, pos, path, code)
	case *types.Struct:
		named, ok := t.(*types.Named)
		if !ok {
			return nil, c.problem(pos,
				"%s: a struct without a name cannot be archived: declare a type", path)
		}
		s, err := c.structType(named, pos, path)
		if err != nil {
			return nil, err
		}
		return &typ{
			schema: &schema.Type{Kind: schema.Struct, Name: s.name}, code: code,
			plain: code, def: s,
		}, nil
	case *types.Interface:
		if named, ok := t.(*types.Named); ok && named.Obj().Pkg() == c.pkg {
			return c.oneof(named, pos, path, code)
		}
	}
	return nil, c.problem(pos, "%s: values of type %s cannot be archived", path, code)
}

func (c *collector) firstError() error {
	if len(c.broken) == 0 {
		return fmt.Errorf("it does not compile")
	}
	return c.broken[0]
}

func (c *collector) pointer(u *types.Pointer, pos token.Pos, path, code string) (*typ, error) {
	elem, err := c.typ(u.Elem(), pos, path)
	if err != nil {
		return nil, err
	}
	r := &typ{code: code, plain: code, elem: elem, name: exported(elem.name) + "Ptr", def: elem.def}
	switch k := elem.kind(); {
	case k == schema.Struct:
		r.schema = &schema.Type{Kind: schema.Pointer, Name: elem.schema.Name}
	case k.Scalar(), k == schema.String, k == schema.Binary:
		r.schema = &schema.Type{Kind: schema.Optional, Elem: elem.schema}
	default:
		return nil,
			c.problem(pos,
				"%s: a pointer to %s cannot be archived: nil is a value of slices and maps anyway; else put it into a struct",
				path, elem.code)
	}
	return r, nil
}

func (c *collector) slice(u *types.Slice, pos token.Pos, path, code string) (*typ, error) {
	elem, err := c.typ(u.Elem(), pos, path)
	if err != nil {
		return nil, err
	}
	if elem.kind() == schema.Uint8 && elem.code == elem.plain {
		return &typ{
			schema: &schema.Type{Kind: schema.Bytes}, code: code, plain: "[]byte",
			name: "Bytes",
		}, nil
	}
	return &typ{
		schema: &schema.Type{Kind: schema.Slice, Elem: elem.schema}, code: code,
		plain: "[]" + elem.code, elem: elem,
		name: exported(elem.name) + "List",
	}, nil
}

func (c *collector) array(u *types.Array, pos token.Pos, path, code string) (*typ, error) {
	elem, err := c.typ(u.Elem(), pos, path)
	if err != nil {
		return nil, err
	}
	if u.Len() < 1 || u.Len() > schema.MaxFixed {
		return nil, c.problem(pos, "%s: an array of %d elements cannot be archived", path, u.Len())
	}
	n := int(u.Len())
	return &typ{
		schema: &schema.Type{Kind: schema.Array, Len: n, Elem: elem.schema}, code: code, elem: elem,
		plain: fmt.Sprintf("[%d]%s", n, elem.code), name: arrayName(elem, n),
	}, nil
}

func (c *collector) mapType(u *types.Map, pos token.Pos, path, code string) (*typ, error) {
	key, err := c.typ(u.Key(), pos, path)
	if err != nil {
		return nil, err
	}
	if !schema.IsKey(key.schema) {
		return nil,
			c.problem(pos,
				"%s: %s cannot be the key of a map that is archived: those are integers, strings, bools and arrays of bytes",
				path, key.code)
	}
	elem, err := c.typ(u.Elem(), pos, path)
	if err != nil {
		return nil, err
	}
	return &typ{
		schema: &schema.Type{Kind: schema.Map, Key: key.schema, Elem: elem.schema}, code: code,
		key: key, elem: elem,
		plain: "map[" + key.code + "]" + elem.code,
		name:  exported(key.name) + exported(elem.name) + "Map",
	}, nil
}

// oneof returns the type of an interface that lists the types it may hold.
func (c *collector) oneof(t *types.Named, pos token.Pos, path, code string) (*typ, error) {
	name := t.Obj().Name()
	words, ok := c.directive(name, "oneof")
	if !ok {
		return nil, c.problem(pos,
			"%s: the interface %s does not list what it may hold: give it the comment //archive:oneof A B", path, name)
	}
	o := c.oneofs[name]
	if o == nil {
		o = &oneofType{
			name: name, code: code, view: name + "View",
			encode: "archive" + exported(name),
		}
		c.oneofs[name] = o
		for _, word := range words {
			if err := c.addMember(o, t, word); err != nil {
				return nil, err
			}
		}
	}
	return &typ{
		schema: &schema.Type{Kind: schema.Oneof, Name: name}, code: code, plain: code,
		oneof: o,
	}, nil
}

func (c *collector) addMember(o *oneofType, t *types.Named, word string) error {
	pos := t.Obj().Pos()
	name, isPointer := strings.CutPrefix(word, "*")
	obj, ok := c.pkg.Scope().Lookup(name).(*types.TypeName)
	if !ok || !isStruct(obj.Type()) || isTime(obj.Type()) {
		return c.problem(pos, "%s: %s is no struct of this package", o.name, name)
	}
	held := obj.Type()
	if isPointer {
		held = types.NewPointer(held)
	}
	if !types.Implements(held, t.Underlying().(*types.Interface)) {
		return c.problem(pos, "%s: %s does not implement it: if *%s does, write that",
			o.name, word, name)
	}
	s, err := c.structType(obj.Type().(*types.Named), pos, o.name)
	if err != nil {
		return err
	}
	for _, m := range o.members {
		if m.def == s {
			return c.problem(pos, "%s lists %s twice", o.name, name)
		}
	}
	o.members = append(o.members, member{def: s, pointer: isPointer})
	return nil
}

// encodesItself reports whether a type has methods of its own that encode and decode it.
// Methods of an embedded type would leave out the other fields.
func encodesItself(t types.Type) bool {
	for _, name := range []string{"MarshalBinary", "UnmarshalBinary"} {
		obj, index, _ := types.LookupFieldOrMethod(types.NewPointer(t), false, nil, name)
		fn, ok := obj.(*types.Func)
		if !ok || len(index) != 1 || fn.Signature().Results().Len() == 0 {
			return false
		}
	}
	return true
}

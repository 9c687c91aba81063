// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"fmt"
	"slices"

	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

// A schema is compiled into a program before records are read: for each struct, a list of
// checks in the order in which its fields lie. The verifier, in verify.go, runs the program on
// every record, and so looks up no names, and skips fields in which any bytes are right.

// program is a schema, compiled into steps that the verifier runs.
type program struct {
	root *block
}

// block is a run of bytes with fields in fixed places: a struct, or an element of a slice,
// array or map.
type block struct {
	name  string
	size  uint32   // of today
	sizes []uint32 // of all generations of a struct, ascending
	ops   []op     // in the order of their offsets; nothing for fields in which any bytes are right
	texts []uint32 // the offsets of all ops, if all are texts
}

// code says what an op checks.
type code uint8

const (
	checkBool     code = iota
	checkTime          // nanoseconds below a second
	checkInt           // fits into the int of this machine
	checkUint          // the same for uint
	checkOptional      // a flag and a scalar, which is zero if the flag is
	checkText          // a reference to bytes, zero if there are none
	checkBytes         // the same, zero if nil
	checkBinary        // a text that a type decodes
	checkItems         // a reference to elements that may have any bytes, zero if nil
	checkSlots         // a reference to elements of one size
	checkStructs       // a reference to a stride and to structs
	checkMap           // a reference to pairs in the order of their keys
	checkRef           // a reference to a struct
	checkOneof         // a tag and a reference to a struct
	checkArray         // elements in place
	checkBools         // a reference to bytes that are 0 or 1
)

// op checks one field.
type op struct {
	code    code
	nilable bool   // may be zero
	empty   bool   // of a binary: may be there and have no bytes
	off     uint32 // of the field in its block
	end     uint32 // where the field ends
	size    uint32 // of an element, or of the scalar of an optional
	count   uint32 // of elements of an array
	block   *block // what is referred to, or an element
	members []*block
	key     schema.Kind // of a map
	decode  func([]byte) error
	field   string
}

// compiler makes blocks of definitions.
type compiler struct {
	schema *schema.Schema
	blocks map[string]*block
	binary map[string]func([]byte) error
	narrow bool // ints have to fit into 32 bits
}

func compile(s *schema.Schema, binary map[string]func([]byte) error) *program {
	c := compiler{s, make(map[string]*block), binary, narrow}
	return &program{c.structBlock(s.Root)}
}

// compileAny is like compile, for programs that do not have the Go types.
func compileAny(s *schema.Schema) *program {
	c := compiler{schema: s, blocks: make(map[string]*block)}
	return &program{c.structBlock(s.Root)}
}

// structBlock returns the block of a definition. It is filled once all blocks exist, since they
// may refer to each other.
func (c *compiler) structBlock(name string) *block {
	if b := c.blocks[name]; b != nil {
		return b
	}
	d := c.schema.Def(name)
	b := &block{name: name, size: uint32(d.Size())}
	c.blocks[name] = b
	for _, n := range d.Sizes {
		b.sizes = append(b.sizes, uint32(n))
	}
	for i := range d.Fields {
		f := &d.Fields[i]
		b.ops = c.appendOps(b.ops, f.Type, uint32(f.At), name+"."+f.Name, f.State != schema.Live)
	}
	b.findTexts()
	return b
}

// element returns the block of an element that is not a struct.
func (c *compiler) element(t *schema.Type, field string, gone bool) *block {
	b := &block{name: field, size: uint32(c.schema.Size(t))}
	b.ops = c.appendOps(nil, t, 0, field, gone)
	b.findTexts()
	return b
}

func (b *block) findTexts() {
	if slices.ContainsFunc(b.ops, func(o op) bool { return o.code != checkText }) {
		return
	}
	for _, o := range b.ops {
		b.texts = append(b.texts, o.off)
	}
}

// appendOps appends the checks of a field at an offset. gone says that programs may have left
// the field out.
func (c *compiler) appendOps(ops []op, t *schema.Type, off uint32, field string, gone bool) []op {
	o := op{off: off, end: off + uint32(c.schema.Size(t)), field: field, nilable: gone}
	switch t.Kind {
	case schema.Bool:
		o.code = checkBool
	case schema.Time:
		o.code = checkTime
	case schema.Int, schema.Uint:
		if !c.narrow {
			return ops
		}
		o.code = checkInt
		if t.Kind == schema.Uint {
			o.code = checkUint
		}
	case schema.String:
		o.code = checkText
	case schema.Bytes:
		o.code = checkBytes
	case schema.Binary:
		o.code, o.decode = checkBinary, c.binary[t.Name]
	case schema.Optional:
		c.optional(&o, t.Elem, field)
	case schema.Slice:
		c.slice(&o, t.Elem, field)
	case schema.Map:
		o.code, o.key, o.block = checkMap, t.Key.Kind, c.pair(t, field)
		o.size = uint32(c.schema.Size(t.Key))
	case schema.Struct:
		o.code, o.block = checkRef, c.structBlock(t.Name)
	case schema.Pointer:
		o.code, o.block, o.nilable = checkRef, c.structBlock(t.Name), true
	case schema.Oneof:
		o.code = checkOneof
		for i := range c.schema.Def(t.Name).Fields {
			o.members = append(o.members, c.structBlock(c.schema.Def(t.Name).Fields[i].Name))
		}
	case schema.Fixed:
		return c.inline(ops, t, off, field, gone)
	case schema.Array:
		o.code, o.block, o.count = checkArray, c.element(t.Elem, field, gone), uint32(t.Len)
		if len(o.block.ops) == 0 {
			return ops
		}
	default:
		return ops // any bytes are right
	}
	return append(ops, o)
}

// inline appends the ops of a struct that lies in place.
func (c *compiler) inline(ops []op, t *schema.Type, off uint32, field string, gone bool) []op {
	d := c.schema.Def(t.Name)
	for i := range d.Fields {
		f := &d.Fields[i]
		ops = c.appendOps(ops, f.Type, off+uint32(f.At), field+"."+f.Name, gone ||
			f.State != schema.Live)
	}
	return ops
}

func (c *compiler) optional(o *op, t *schema.Type, field string) {
	switch t.Kind {
	case schema.String:
		o.code = checkBytes
	case schema.Binary:
		o.code, o.empty, o.decode = checkBinary, true, c.binary[t.Name]
	default:
		o.code, o.block = checkOptional, c.element(t, field, false)
	}
}

func (c *compiler) slice(o *op, t *schema.Type, field string) {
	o.size = uint32(c.schema.Size(t))
	switch t.Kind {
	case schema.Struct:
		o.code, o.block = checkStructs, c.structBlock(t.Name)
		return
	case schema.Bool:
		o.code = checkBools
		return
	}
	o.code, o.block = checkSlots, c.element(t, field, false)
	if len(o.block.ops) == 0 {
		o.code = checkItems
	}
}

func (c *compiler) pair(t *schema.Type, field string) *block {
	keySize := uint32(c.schema.Size(t.Key))
	b := &block{name: field, size: keySize + uint32(c.schema.Size(t.Elem))}
	b.ops = c.appendOps(nil, t.Key, 0, field, false)
	b.ops = c.appendOps(b.ops, t.Elem, keySize, field, false)
	b.findTexts()
	return b
}

// decodes returns an error if the type of a field cannot decode the bytes. Without the Go type,
// it accepts any bytes.
func (o *op) decodes(b []byte) (err error) {
	if o.decode == nil {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("its decoder panicked: %v", r)
		}
	}()
	return o.decode(b)
}

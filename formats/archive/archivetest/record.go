// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archivetest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

var le = binary.LittleEndian

// writer makes random records of a schema, without the Go types and without the encoder. It
// leaves out values of types that encode themselves.
type writer struct {
	schema *schema.Schema
	random *rand.Rand
	b      []byte
	depth  int
}

// record makes a record. rich, from 0 to 1, says how likely it is that something is there.
func record(s *schema.Schema, seed uint64, rich float64) []byte {
	w := &writer{schema: s, random: rand.New(rand.NewPCG(seed, 1))}
	w.block(s.Def(s.Root), rich)
	return w.b
}

// block appends a struct and what it refers to.
func (w *writer) block(d *schema.Def, rich float64) {
	w.b = le.AppendUint16(w.b, uint16(d.Size()))
	at := w.grow(d.Size())
	w.fields(d, at, rich)
}

func (w *writer) grow(n int) (at int) {
	at = len(w.b)
	w.b = append(w.b, make([]byte, n)...)
	return at
}

func (w *writer) fields(d *schema.Def, at int, rich float64) {
	w.depth++
	defer func() { w.depth-- }()
	for i := range d.Fields {
		if f := &d.Fields[i]; f.State != schema.Removed {
			w.value(f.Type, at+f.At, rich)
		}
	}
}

// value fills in a value whose place exists and is zero.
func (w *writer) value(t *schema.Type, at int, rich float64) {
	if w.depth > 4 {
		rich = 0
	}
	there := w.random.Float64() < rich
	switch t.Kind {
	case schema.Struct: // is always there
		le.PutUint32(w.b[at:], uint32(len(w.b)))
		w.block(w.schema.Def(t.Name), rich/2)
		return
	case schema.Fixed:
		d := w.schema.Def(t.Name)
		w.fields(d, at, rich)
		return
	case schema.Array:
		for i := range t.Len {
			w.value(t.Elem, at+i*w.schema.Size(t.Elem), rich)
		}
		return
	}
	if !there {
		return
	}
	switch t.Kind {
	case schema.String:
		w.text(at, 1+w.random.IntN(12))
	case schema.Bytes:
		w.text(at, w.random.IntN(12))
	case schema.Binary:
	case schema.Optional:
		w.optional(t.Elem, at)
	case schema.Pointer:
		le.PutUint32(w.b[at:], uint32(len(w.b)))
		w.block(w.schema.Def(t.Name), rich/2)
	case schema.Oneof:
		members := w.schema.Def(t.Name).Fields
		m := members[w.random.IntN(len(members))]
		if m.State == schema.Removed {
			return
		}
		le.PutUint16(w.b[at:], uint16(m.At))
		le.PutUint32(w.b[at+2:], uint32(len(w.b)))
		w.block(w.schema.Def(m.Name), rich/2)
	case schema.Slice:
		w.slice(t.Elem, at, rich)
	case schema.Map:
		w.pairs(t, at, rich)
	default:
		w.scalar(t.Kind, at)
	}
}

func (w *writer) refer(at, n int) {
	le.PutUint32(w.b[at:], uint32(len(w.b)))
	le.PutUint32(w.b[at+4:], uint32(n))
}

func (w *writer) text(at, n int) {
	w.refer(at, n)
	for range n {
		w.b = append(w.b, byte('a'+w.random.IntN(26)))
	}
}

func (w *writer) optional(t *schema.Type, at int) {
	switch t.Kind {
	case schema.String:
		w.text(at, w.random.IntN(5))
	case schema.Binary:
	default:
		w.b[at] = 1
		w.scalar(t.Kind, at+1)
	}
}

func (w *writer) slice(t *schema.Type, at int, rich float64) {
	n := w.random.IntN(4)
	w.refer(at, n)
	size := w.schema.Size(t)
	if t.Kind != schema.Struct {
		first := w.grow(n * size)
		for i := range n {
			w.value(t, first+i*size, rich)
		}
		return
	}
	if n == 0 {
		return
	}
	d := w.schema.Def(t.Name)
	w.b = le.AppendUint16(w.b, uint16(d.Size()))
	first := w.grow(n * d.Size())
	for i := range n {
		w.fields(d, first+i*d.Size(), rich/2)
	}
}

// pairs appends the pairs of a map, whose keys are the numbers or texts 1, 2, 3, in order.
func (w *writer) pairs(t *schema.Type, at int, rich float64) {
	n := w.random.IntN(4)
	if t.Key.Kind == schema.Bool {
		n = min(n, 2)
	}
	keySize := w.schema.Size(t.Key)
	size := keySize + w.schema.Size(t.Elem)
	w.refer(at, n)
	first := w.grow(n * size)
	for i := range n {
		place := first + i*size
		switch t.Key.Kind {
		case schema.String:
			key := strings.Repeat("k", i)
			if i > 0 {
				w.refer(place, len(key))
			}
			w.b = append(w.b, key...)
		case schema.Array:
			w.b[place+keySize-1] = byte(i)
		default:
			w.b[place] = byte(i)
		}
		w.value(t.Elem, place+keySize, rich)
	}
}

func (w *writer) scalar(k schema.Kind, at int) {
	size := w.schema.Size(&schema.Type{Kind: k})
	switch k {
	case schema.Bool:
		w.b[at] = byte(w.random.IntN(2))
	case schema.Time:
		le.PutUint64(w.b[at:], uint64(w.random.Int64N(1<<36)))
		le.PutUint32(w.b[at+8:], uint32(w.random.IntN(1e9)))
	case schema.Int, schema.Uint:
		le.PutUint32(w.b[at:], uint32(w.random.Int32())) // fits everywhere
	case schema.Float32, schema.Complex64:
		for i := 0; i < size; i += 4 {
			w.b[at+i+3] = 0x40 // no NaN
		}
	case schema.Float64, schema.Complex128:
		for i := 0; i < size; i += 8 {
			w.b[at+i+7] = 0x40
			w.b[at+i+5] = byte(w.random.IntN(256))
		}
	default:
		for i := range size {
			w.b[at+i] = byte(w.random.IntN(256))
		}
	}
}

// records returns different records of a schema: an empty one, small ones, and rich ones.
func records(text, root string) ([][]byte, error) {
	all, err := schema.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("the generated schema: %w", err)
	}
	s := all.Of(root)
	var made [][]byte
	for seed := range uint64(8) {
		b := record(s, seed, [...]float64{0, 0.1, 0.3, 0.6, 1, 1, 0.9, 0.5}[seed])
		if !slices.ContainsFunc(made, func(m []byte) bool { return string(m) == string(b) }) {
			made = append(made, slices.Clip(b))
		}
	}
	return made, nil
}

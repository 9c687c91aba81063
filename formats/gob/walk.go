// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"errors"
	"fmt"

	"github.com/guardkv/guardkv/core"
)

// walk passes over a value before gob does, because gob trusts what it reads: it makes a map as
// big as the bytes say, descends as deep as they lead, and ignores bytes after the value. A
// walk makes sure that the bytes are exactly one value, and finds what reading it will cost.
type walk struct {
	reader
	budget int64 // bytes of memory that may still be used
	depth  int
	err    error          // why it ended early, if not because of wrong bytes
	inner  dynamicPlanner // for the content of interfaces; nil if there are none
}

// dynamicPlanner finds the plan for the content of an interface, by the name that its Go type
// is registered under and the number of its stored type.
type dynamicPlanner interface {
	planFor(name []byte, id typeID) (*plan, error)
}

// maxDepth is how deeply values may be nested.
const maxDepth = 10_000

var (
	errMalformed = errors.New("it is not an encoding of this type")
	errTrailing  = errors.New("there are bytes behind it")
	errTooDeep   = fmt.Errorf("it is nested more than %d levels deep", maxDepth)
	errTooMuch   = errors.New("it takes more memory than WithMaxMemory allows")
	errNilInside = fmt.Errorf("%w: a field that was removed holds a nil interface, which "+
		"encoding/gob cannot pass over; "+
		"put the field back, if only to read the old rows", core.ErrFormatMismatch)
)

// whole passes over all of the bytes, which must be one value that stands alone.
func (w *walk) whole(p *plan) error {
	w.spend(p.room + p.boxes)
	w.alone(p)
	switch {
	case w.err != nil:
		return w.err
	case w.bad:
		return errMalformed
	case len(w.b) > 0:
		return errTrailing
	}
	return nil
}

// alone passes over a value outside of any struct. Unless it is itself a struct, a zero stands
// for the number of its field.
func (w *walk) alone(p *plan) {
	if !p.isStruct() && w.uint() != 0 {
		w.fail()
		return
	}
	w.value(p)
}

// spend is called for everything that takes memory, or more time than its bytes.
func (w *walk) spend(cost uint64) {
	if cost > uint64(max(w.budget, 0)) {
		w.stop(errTooMuch)
		return
	}
	w.budget -= int64(cost)
}

func (w *walk) stop(err error) {
	if !w.bad {
		w.err = err
		w.fail()
	}
}

// value passes over one value.
func (w *walk) value(p *plan) {
	switch p.id {
	case idBool, idInt, idUint, idFloat:
		if x := w.uint(); p.bits != 0 {
			w.narrow(p, x)
		}
		return
	case idComplex:
		for range 2 {
			if x := w.uint(); p.bits != 0 {
				w.narrow(p, x)
			}
		}
		return
	case idString, idBytes:
		w.spend(uint64(len(w.counted())))
		return
	}
	if w.depth++; w.depth > maxDepth {
		w.stop(errTooDeep)
	}
	switch {
	case p.id == idInterface:
		w.dynamic(p)
	case p.form == formStruct:
		w.structure(p)
	case p.form == formArray:
		if n := w.uint(); n != p.length {
			w.fail()
		}
		w.elements(p.elem, p.length)
	case p.form == formSlice:
		n := w.elementCount(p.elem)
		w.spend(boxCost + p.sliceCost(n))
		w.elements(p.elem, n)
	case p.form == formMap:
		w.rows(p)
	default:
		w.spend(uint64(len(w.counted())))
	}
	w.depth--
}

// narrow stops at a number that does not fit into the type that it is read into.
func (w *walk) narrow(p *plan, x uint64) {
	if !w.bad && !p.holds(x) {
		w.stop(fmt.Errorf("%w: %s is %s, and %v cannot hold it; read it into a wider type",
			core.ErrFormatMismatch, p.path, p.show(x), p.goType))
	}
}

// elementCount reads how many elements follow, each of which takes at least one byte.
func (w *walk) elementCount(elem *plan) uint64 {
	n := w.uint()
	if n > uint64(len(w.b)) {
		w.fail()
		return 0
	}
	return n
}

func (w *walk) elements(p *plan, n uint64) {
	each := p.boxes
	if p.id == 0 || p.id == idInterface {
		each += boxCost
	}
	w.spend(product(n, each))
	for range n {
		if w.bad {
			return
		}
		w.value(p)
	}
}

func (w *walk) rows(p *plan) {
	n := w.elementCount(p.key)
	w.spend(boxCost + p.mapCost(n))
	for range n {
		if w.bad {
			return
		}
		w.spend(p.key.boxes + p.elem.boxes)
		w.value(p.key)
		w.value(p.elem)
	}
}

// structure passes over a struct: pairs of a step to the next field that is there, and its
// value; then a zero.
func (w *walk) structure(p *plan) {
	for next := uint64(0); ; next++ {
		step := w.uint()
		if step == 0 || w.bad {
			return
		}
		next += step - 1
		if step > maxParts || next >= uint64(len(p.fields)) {
			w.fail()
			return
		}
		f := p.fields[next]
		w.spend(f.boxes)
		w.value(f)
	}
}

// dynamic passes over the content of an interface: the name of its type, empty for nil, the
// number of its description, and its bytes.
func (w *walk) dynamic(p *plan) {
	name := w.counted()
	if len(name) == 0 {
		if p.goType == nil {
			w.stop(errNilInside)
		}
		return
	}
	id := typeID(w.int())
	b := w.counted()
	if w.bad || w.inner == nil {
		w.fail()
		return
	}
	if p.goType == nil {
		return
	}
	concrete, err := w.inner.planFor(name, id)
	if err != nil {
		w.stop(err)
		return
	}
	w.spend(boxCost + concrete.room + concrete.boxes)
	rest := w.b
	w.b = b
	w.alone(concrete)
	if len(w.b) > 0 {
		w.fail()
	}
	if !w.bad {
		w.b = rest
	}
}

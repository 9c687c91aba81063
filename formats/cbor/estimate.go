// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"reflect"
)

// estimate passes over well-formed bytes, before they are decoded into a type, and adds up what
// decoding will allocate. The library makes a slice as long as the bytes say, a new value for
// each pointer, eight places for each map, and an error for each part that does not fit: one
// byte can cost hundreds.
type estimate struct {
	b     []byte
	at    int
	left  int64 // bytes of memory that may still be used
	other bool  // whether a part does not fit its type
}

// What parts cost, in bytes of memory. Costs are never less than half of what is allocated, and
// not much more than that if this package made the bytes.
const (
	boxCost    = 48  // a part that is allocated by itself, in addition to its size
	otherCost  = 256 // an error that says that a part has another type
	tagCost    = 128
	anyCost    = 16  // an interface, or the head of a string
	numberCost = 8   // a number in an interface
	firstCost  = 208 // the first field that is stored and not in the type
	fieldCost  = 96  // a further one
	groupCost  = 288 // the first eight pairs of a map[any]any
	growthCost = 160 // each further pair of it
)

var (
	errTooMuch = errors.New("decoding it would take more memory than WithMaxMemory allows")
	errOther   = errors.New("too many of its parts do not fit the type")
)

// within returns an error if b, which is well-formed, should not be decoded.
func (e *estimate) within(p *plan) error {
	e.item(p)
	switch {
	case e.left >= 0:
		return nil
	case e.other:
		return errOther
	}
	return errTooMuch
}

// spend subtracts from what is left. Once that is below zero it stays so, and nothing
// overflows.
func (e *estimate) spend(cost int64) {
	if cost > e.left {
		e.left = -1
		return
	}
	e.left -= cost
}

// misfit is called for a part that does not fit its type, for which the library makes an error.
func (e *estimate) misfit(cost int64) {
	e.other = true
	e.spend(otherCost + cost)
}

// head passes over the head of an item.
func (e *estimate) head() (major, info byte, argument int64) {
	major, info = e.b[e.at]>>5, e.b[e.at]&0x1f
	e.at++
	if info < 24 {
		return major, info, int64(info)
	}
	var n uint64
	size := 1 << (info - 24)
	switch b := e.b[e.at : e.at+size]; size {
	case 1:
		n = uint64(b[0])
	case 2:
		n = uint64(binary.BigEndian.Uint16(b))
	case 4:
		n = uint64(binary.BigEndian.Uint32(b))
	default:
		n = binary.BigEndian.Uint64(b)
	}
	e.at += size
	return major, info, int64(n)
}

// skip passes over an item that is not decoded.
func (e *estimate) skip() {
	for more := int64(1); more > 0; more-- {
		switch major, _, n := e.head(); major {
		case majorBytes, majorText:
			e.at += int(n)
		case majorArray:
			more += n
		case majorMap:
			more += 2 * n
		case majorTag:
			more++
		}
	}
}

func (e *estimate) null() bool {
	return e.b[e.at] == headNull || e.b[e.at] == headUndefined
}

// item passes over an item that is decoded into the type of p.
func (e *estimate) item(p *plan) {
	switch {
	case e.left < 0:
		return
	case e.null():
		e.at++
		return
	}
	e.spend(p.boxes)
	switch p.form {
	case formAny:
		e.dynamic()
		return
	case formItself:
		start := e.at
		e.skip()
		e.spend(boxCost + 2*int64(e.at-start))
		return
	}
	tag := e.tags()
	if p.form == formTime && tag != tagTimeText && tag != tagTimeNumber {
		e.misfit(0)
	}
	major, info, n := e.head()
	switch {
	case major == majorUint || major == majorInt:
		if !p.holds(major, n) {
			e.misfit(0)
		}
	case major == majorBytes:
		e.at += int(n)
		e.bytes(p, n, isBignum(tag))
	case major == majorText:
		e.at += int(n)
		e.text(p, n)
	case major == majorArray:
		e.array(p, n)
	case major == majorMap && p.numbers != nil && p.order == nil:
		e.fields(p, n)
	case major == majorMap && p.key != nil:
		e.spend(p.mapCost(n))
		for range n {
			e.item(p.key)
			e.item(p.elem)
		}
	case major == majorMap:
		e.misfit(0)
		e.skipAll(2 * n)
	case !p.simple(info):
		e.misfit(0)
	}
}

// The tags that the library knows.
const (
	tagNone = iota - 1
	tagTimeText
	tagTimeNumber
	tagBigPositive
	tagBigNegative
)

// tags passes over tags and returns the last.
func (e *estimate) tags() int64 {
	tag := int64(tagNone)
	for e.b[e.at]>>5 == majorTag {
		_, _, tag = e.head()
		e.spend(tagCost)
	}
	return tag
}

func isBignum(tag int64) bool { return tag == tagBigPositive || tag == tagBigNegative }

func (e *estimate) skipAll(n int64) {
	for range n {
		e.skip()
	}
}

// holds reports whether an integer surely fits. An int64 that does not fit, or a big integer,
// is nine bytes long, and either answer will do.
func (p *plan) holds(major byte, n int64) bool {
	size := bits.Len64(uint64(n))
	switch k := p.base.Kind(); {
	case p.form == formBigInt, p.form == formTime, k == reflect.Float32, k == reflect.Float64:
		return true
	case k >= reflect.Int && k <= reflect.Int64:
		return size < p.base.Bits()
	case k >= reflect.Uint && k <= reflect.Uint64:
		return major == majorUint && size <= p.base.Bits()
	}
	return false
}

// simple reports whether a boolean, a float or null fits its type.
func (p *plan) simple(info byte) bool {
	switch k := p.base.Kind(); info {
	case headFalse & 0x1f, headTrue & 0x1f:
		return k == reflect.Bool
	case headNull & 0x1f, headUndefined & 0x1f:
		return true
	case headHalf & 0x1f, headHalf&0x1f + 1, headDouble & 0x1f:
		return k == reflect.Float32 || k == reflect.Float64
	}
	return false
}

// bytes is called for a byte string, which may be a big integer.
func (e *estimate) bytes(p *plan, n int64, bignum bool) {
	kind := p.base.Kind()
	listed := p.elem != nil && p.key == nil && p.elem.base.Kind() == reflect.Uint8
	switch {
	case p.form == formBigInt && bignum:
		e.spend(boxCost + 4*n)
	case p.form == formPlain && p.binary:
		e.spend(boxCost + 2*n)
	case p.form == formPlain && listed && kind == reflect.Slice:
		e.spend(anyCost + n)
	case p.form == formPlain && listed:
	case bignum:
		e.misfit(product(n, n) / 16) // the error contains all of its digits, which take time
	default:
		e.misfit(0)
	}
}

func (e *estimate) text(p *plan, n int64) {
	switch {
	case p.form == formTime:
		e.spend(otherCost + 4*n) // there is no telling whether it is a time
	case p.form == formPlain && p.text:
		e.spend(boxCost + 4*n)
	case p.form == formPlain && p.base.Kind() == reflect.String:
		e.spend(anyCost + n)
	default:
		e.misfit(0)
	}
}

func (e *estimate) array(p *plan, n int64) {
	switch kind := p.base.Kind(); {
	case p.elem != nil && kind == reflect.Slice:
		e.spend(product(n, p.elem.room))
		for range n {
			e.item(p.elem)
		}
	case p.elem != nil && kind == reflect.Array:
		filled := min(n, int64(p.base.Len()))
		for range filled {
			e.item(p.elem)
		}
		if e.left >= 0 { // otherwise this is not where the rest begins
			e.skipAll(n - filled)
		}
	case p.order != nil && n == int64(len(p.order)):
		for _, f := range p.order {
			e.item(f)
		}
	default:
		e.misfit(0)
		e.skipAll(n)
	}
}

// fields passes over the fields of a struct.
func (e *estimate) fields(p *plan, n int64) {
	if known := int64(len(p.names) + len(p.numbers)); known > mostOnStack {
		e.spend(known)
	}
	unknown := int64(0)
	for range n {
		if f := e.field(p); f != nil {
			e.item(f)
		} else if e.left >= 0 {
			unknown++
			e.spendUnknown(unknown)
			e.skip()
		}
		if e.left < 0 {
			return
		}
	}
}

// mostOnStack is how many fields can be ticked off without an allocation.
const mostOnStack = 128

// spendUnknown is called for the n-th field that is not in the type. The library keeps its
// name, to notice when it comes twice.
func (e *estimate) spendUnknown(n int64) {
	switch {
	case n == 1:
		e.spend(firstCost)
	case n > 8:
		e.spend(fieldCost)
	}
}

// field passes over the name of a field and returns the field, or nil if there is none.
func (e *estimate) field(p *plan) (f *plan) {
	major := e.b[e.at] >> 5
	if major != majorUint && major != majorInt && major != majorText {
		e.misfit(0)
		e.dynamic()
		return nil
	}
	_, _, n := e.head()
	switch major {
	case majorUint:
		f, n = p.numbers[n], 0
	case majorInt:
		f, n = p.numbers[-1-n], 0
	default:
		e.at += int(n)
		f = p.names[string(e.b[e.at-int(n):e.at])]
	}
	if f == nil {
		e.spend(anyCost + n)
	}
	return f
}

// dynamic passes over an item that is decoded into an interface.
func (e *estimate) dynamic() {
	if e.left < 0 {
		return
	}
	tag := e.tags()
	switch major, info, n := e.head(); major {
	case majorUint, majorInt:
		if major == majorInt || n != int64(byte(n)) { // Go has the small ones ready
			e.spend(numberCost)
		}
	case majorBytes, majorText:
		e.at += int(n)
		e.spend(2*anyCost + n)
		if isBignum(tag) {
			e.spend(3 * n)
		}
	case majorArray:
		e.spend(boxCost + anyCost*n)
		for range n {
			e.dynamic()
		}
	case majorMap:
		e.spend(boxCost)
		if n > 0 {
			e.spend(groupCost + max(n-8, 0)*growthCost)
		}
		for range 2 * n {
			e.dynamic()
		}
	case majorSimple:
		if info >= headHalf&0x1f {
			e.spend(numberCost)
		}
	}
}

// product multiplies lengths and sizes, which are not negative. It never overflows into
// something small.
func product(a, b int64) int64 {
	if b != 0 && a > math.MaxInt64/b {
		return math.MaxInt64
	}
	return a * b
}

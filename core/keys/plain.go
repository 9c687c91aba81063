// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"encoding/binary"
	"time"
	"unsafe"
)

// plain encodes a composite key whose components are strings, bytes, integers and times, including
// descending ones. It works step by step, in one function, on the components where they lie in
// memory; going through the interfaces of the parts would take twice as long. A key format that has
// other components has no steps.
type plain []step

// step appends one component.
type step struct {
	kind     stepKind
	inverted bool
	at       uintptr // where the component lies in the key
	bias     uint64  // of an integer
}

type stepKind uint8

const (
	stepText  stepKind = iota // a string or bytes that ends itself
	stepAlone                 // a string or bytes at the end of the key
	step8
	step16
	step32
	step64
	stepTime
)

// stepper is a part that is encoded in steps.
type stepper interface {
	// steps returns the steps of a component that lies at an offset of the key, nil if there are
	// none. last says that no component follows, so this one is encoded as if it were alone.
	steps(at uintptr, last bool) plain
	// isItself reports whether the part has the type that declares this method. A part of another
	// package that embeds one of this package has its methods too, but may encode differently.
	isItself(part any) bool
}

// stepsOf returns the steps of a part, nil if it has none.
func stepsOf(part any, at uintptr, last bool) plain {
	if s, ok := part.(stepper); ok && s.isItself(part) {
		return s.steps(at, last)
	}
	return nil
}

func is[T any](part any) bool {
	_, ok := part.(T)
	return ok
}

// stepsOfBoth returns the steps of two parts, nil if one of them has none.
func stepsOfBoth(first, rest plain) plain {
	if first == nil || rest == nil {
		return nil
	}
	return append(first, rest...)
}

// append appends the key at an address.
func (p plain) append(dst []byte, key unsafe.Pointer) []byte {
	for i := range p {
		s, start := &p[i], len(dst)
		x := unsafe.Add(key, s.at)
		switch s.kind {
		case stepText:
			dst = appendText(dst, bytesOfString(*(*string)(x)))
		case stepAlone:
			dst = append(dst, *(*string)(x)...)
		case step8:
			dst = append(dst, *(*uint8)(x)+uint8(s.bias))
		case step16:
			dst = binary.BigEndian.AppendUint16(dst, *(*uint16)(x)+uint16(s.bias))
		case step32:
			dst = binary.BigEndian.AppendUint32(dst, *(*uint32)(x)+uint32(s.bias))
		case step64:
			dst = binary.BigEndian.AppendUint64(dst, *(*uint64)(x)+s.bias)
		case stepTime:
			dst = appendTime(dst, *(*time.Time)(x))
		}
		if s.inverted {
			invert(dst[start:], dst[start:])
		}
	}
	return dst
}

// textSteps returns the steps of strings, and of bytes, whose slice header begins like that of
// a string.
func textSteps(at uintptr, last bool) plain {
	if last {
		return plain{{kind: stepAlone, at: at}}
	}
	return plain{{kind: stepText, at: at}}
}

func (stringPart[T]) steps(at uintptr, last bool) plain { return textSteps(at, last) }
func (bytesPart[T]) steps(at uintptr, last bool) plain  { return textSteps(at, last) }

// steps returns none on a machine where an int is smaller than what is stored of it.
func (f *integer[T]) steps(at uintptr, _ bool) plain {
	var k T
	if int(unsafe.Sizeof(k)) != f.size {
		return nil
	}
	kinds := map[int]stepKind{1: step8, 2: step16, 4: step32, 8: step64}
	return plain{{kind: kinds[f.size], at: at, bias: f.bias}}
}

func (timePart) steps(at uintptr, _ bool) plain { return plain{{kind: stepTime, at: at}} }

func (f DescFormat[K]) steps(at uintptr, _ bool) plain {
	all := stepsOf(f.part, at, false)
	for i := range all {
		all[i].inverted = !all[i].inverted
	}
	return all
}

func (f PairFormat[A, B]) steps(at uintptr, last bool) plain {
	var k Tuple[A, B]
	return stepsOfBoth(
		stepsOf(f.p.first, at+unsafe.Offsetof(k.First), false),
		stepsOf(f.p.second, at+unsafe.Offsetof(k.Second), last))
}

func (f TripleFormat[A, B, C]) steps(at uintptr, last bool) plain {
	var k Tuple3[A, B, C]
	return stepsOfBoth(
		stepsOf(f.p.first, at+unsafe.Offsetof(k.First), false),
		stepsOfBoth(
			stepsOf(f.p.rest.p.first, at+unsafe.Offsetof(k.Second), false),
			stepsOf(f.p.rest.p.second, at+unsafe.Offsetof(k.Third), last)))
}

func (f QuadFormat[A, B, C, D]) steps(at uintptr, last bool) plain {
	var k Tuple4[A, B, C, D]
	rest := f.p.rest.p
	return stepsOfBoth(
		stepsOf(f.p.first, at+unsafe.Offsetof(k.First), false),
		stepsOfBoth(
			stepsOf(rest.first, at+unsafe.Offsetof(k.Second), false),
			stepsOfBoth(
				stepsOf(rest.rest.p.first, at+unsafe.Offsetof(k.Third), false),
				stepsOf(rest.rest.p.second, at+unsafe.Offsetof(k.Fourth), last))))
}

func (stringPart[T]) isItself(part any) bool          { return is[stringPart[T]](part) }
func (bytesPart[T]) isItself(part any) bool           { return is[bytesPart[T]](part) }
func (*integer[T]) isItself(part any) bool            { return is[*integer[T]](part) }
func (timePart) isItself(part any) bool               { return is[timePart](part) }
func (DescFormat[K]) isItself(part any) bool          { return is[DescFormat[K]](part) }
func (PairFormat[A, B]) isItself(part any) bool       { return is[PairFormat[A, B]](part) }
func (TripleFormat[A, B, C]) isItself(part any) bool  { return is[TripleFormat[A, B, C]](part) }
func (QuadFormat[A, B, C, D]) isItself(part any) bool { return is[QuadFormat[A, B, C, D]](part) }

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"encoding/binary"
	"math/big"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"
	"unsafe"
)

// texts says where the text of a value lies in memory. In most types only invalid text can keep a
// value from being read again, and checking the text in memory takes a fraction of the time of
// finding it in the encoding.
//
// It finds all text of a value, and some that is not encoded, such as that of fields that are
// left out. So if all text is valid, everything can be read again; otherwise the encoding has
// to be scanned.
type texts struct {
	strings []stringRun
	lists   []uintptr // offsets of slices of strings
	parts   []textPart
}

// stringRun is a run of strings that lie side by side, as fields of a struct often do.
type stringRun struct {
	at    uintptr
	count int
}

func (r stringRun) in(v unsafe.Pointer) []string {
	return unsafe.Slice((*string)(unsafe.Add(v, r.at)), r.count)
}

// textPart is a part of a value that leads to text elsewhere.
type textPart struct {
	at    uintptr
	kind  reflect.Kind // Pointer, Slice or Array
	size  uintptr      // of an element
	count int          // of the elements of an array
	in    *texts       // of an element
}

// textsOf returns where the text of a T is, or nil if other things have to be checked too.
func textsOf(p *plan, t reflect.Type, l limits) *texts {
	if levels, plain := p.plain(map[*plan]bool{}, false, true); !plain || levels > l.nesting {
		return nil
	}
	all := &texts{}
	if !all.add(t, 0, map[reflect.Type]bool{}) {
		return nil
	}
	return all
}

// add adds the text of a part. open holds the types that the part is in, since fields that are left
// out may be recursive. It returns false for a part that it cannot check.
func (x *texts) add(t reflect.Type, at uintptr, open map[reflect.Type]bool) bool {
	if t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[big.Int]() {
		return true
	}
	if open[t] {
		return false
	}
	open[t] = true
	defer delete(open, t)
	switch t.Kind() {
	case reflect.String:
		x.addString(at)
		return true
	case reflect.Struct:
		return x.addFields(t, at, open)
	case reflect.Map:
		none := &texts{}
		return none.add(t.Key(), 0, open) && none.add(t.Elem(), 0, open) && none.empty()
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			x.lists = append(x.lists, at)
			return true
		}
		return x.addPart(textPart{at: at, kind: reflect.Slice}, t.Elem(), open)
	case reflect.Array:
		return x.addPart(textPart{at: at, kind: reflect.Array, count: t.Len()}, t.Elem(), open)
	case reflect.Pointer:
		return x.addPart(textPart{at: at, kind: reflect.Pointer}, t.Elem(), open)
	case reflect.Interface:
		return false
	}
	return true
}

func (x *texts) addString(at uintptr) {
	if n := len(x.strings); n > 0 {
		last := &x.strings[n-1]
		if at == last.at+uintptr(last.count)*unsafe.Sizeof("") {
			last.count++
			return
		}
	}
	x.strings = append(x.strings, stringRun{at, 1})
}

// addFields adds the fields that may be stored: exported and embedded ones.
func (x *texts) addFields(t reflect.Type, at uintptr, open map[reflect.Type]bool) bool {
	for f := range t.Fields() {
		if (f.IsExported() || f.Anonymous) && !x.add(f.Type, at+f.Offset, open) {
			return false
		}
	}
	return true
}

func (x *texts) addPart(p textPart, elem reflect.Type, open map[reflect.Type]bool) bool {
	p.in, p.size = &texts{}, elem.Size()
	if !p.in.add(elem, 0, open) {
		return false
	}
	if !p.in.empty() {
		x.parts = append(x.parts, p)
	}
	return true
}

func (x *texts) empty() bool { return len(x.strings)+len(x.lists)+len(x.parts) == 0 }

// valid reports whether all text of the value at v is UTF-8. Nearly all text is ASCII, so a
// first pass checks all of it together for that.
func (x *texts) valid(v unsafe.Pointer) bool {
	return x.bits(v)&highBits == 0 || x.each(v, utf8.ValidString)
}

// bits returns the bytes of all text, ORed together eight at a time.
func (x *texts) bits(v unsafe.Pointer) (all uint64) {
	for _, run := range x.strings {
		all |= bitsOf(run.in(v))
	}
	for _, at := range x.lists {
		all |= bitsOf(*(*[]string)(unsafe.Add(v, at)))
	}
	for i := range x.parts {
		p := &x.parts[i]
		first, count := p.elements(v)
		for i := range count {
			all |= p.in.bits(unsafe.Add(first, uintptr(i)*p.size))
		}
	}
	return all
}

// each reports whether is returns true for all text.
func (x *texts) each(v unsafe.Pointer, is func(string) bool) bool {
	isNot := func(s string) bool { return !is(s) }
	for _, run := range x.strings {
		if slices.ContainsFunc(run.in(v), isNot) {
			return false
		}
	}
	for _, at := range x.lists {
		if slices.ContainsFunc(*(*[]string)(unsafe.Add(v, at)), isNot) {
			return false
		}
	}
	for i := range x.parts {
		p := &x.parts[i]
		first, count := p.elements(v)
		for i := range count {
			if !p.in.each(unsafe.Add(first, uintptr(i)*p.size), is) {
				return false
			}
		}
	}
	return true
}

// elements returns the first element of a part, and how many there are.
func (p *textPart) elements(v unsafe.Pointer) (first unsafe.Pointer, count int) {
	first = unsafe.Add(v, p.at)
	switch p.kind {
	case reflect.Pointer:
		if first = *(*unsafe.Pointer)(first); first == nil {
			return nil, 0
		}
		return first, 1
	case reflect.Slice: // the slice header is the same for all elements
		s := *(*[]struct{})(first)
		return unsafe.Pointer(unsafe.SliceData(s)), len(s)
	}
	return first, p.count
}

// bitsOf returns the bytes of texts, ORed together eight at a time. Most texts have up to 32
// bytes: they are read without a loop and without a call, some bytes in the middle twice.
func bitsOf(list []string) (all uint64) {
	for _, s := range list {
		p, n := unsafe.Pointer(unsafe.StringData(s)), len(s)
		if n > 16 && n <= 32 {
			all |= eight(p) | eight(unsafe.Add(p, 8)) |
				eight(unsafe.Add(p, n-16)) | eight(unsafe.Add(p, n-8))
			continue
		}
		all |= otherBits(s)
	}
	return all
}

func otherBits(s string) (all uint64) {
	p, n := unsafe.Pointer(unsafe.StringData(s)), len(s)
	switch {
	case n >= 8:
		for at := 0; at < n-8; at += 8 {
			all |= eight(unsafe.Add(p, at))
		}
		return all | eight(unsafe.Add(p, n-8))
	case n >= 4:
		return uint64(four(p) | four(unsafe.Add(p, n-4)))
	case n > 0:
		return uint64(s[0] | s[n/2] | s[n-1])
	}
	return 0
}

// eight returns eight bytes, which need not be aligned.
func eight(p unsafe.Pointer) uint64 { return binary.LittleEndian.Uint64((*[8]byte)(p)[:]) }
func four(p unsafe.Pointer) uint32  { return binary.LittleEndian.Uint32((*[4]byte)(p)[:]) }

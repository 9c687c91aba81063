// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import "reflect"

// looked reports whether encodings of a type have to be scanned before they are stored. They
// need not be if nothing in them can keep them from being read again, as in a struct of numbers
// and bytes. It is called for types without methods that encode.
func (p *plan) looked(l limits) bool {
	levels, plain := p.plain(map[*plan]bool{}, false, false)
	return !plain || levels > l.nesting
}

// plain reports whether a type has no text, which might not be UTF-8, nothing of type any, no
// floats as keys of maps, because two of them may be NaN, and a bound on its levels, which it
// returns. above holds the plans on the way here. If text is true, the type may have text.
func (p *plan) plain(above map[*plan]bool, key, text bool) (levels int, plain bool) {
	switch p.base.Kind() {
	case reflect.String:
		return 1, text
	case reflect.Interface:
		return 0, false
	case reflect.Float32, reflect.Float64:
		return 1, !key
	}
	switch p.form {
	case formTime, formBigInt:
		return 2, true // under a tag
	case formAny, formItself:
		return 0, false
	}
	if above[p] {
		return 0, false
	}
	above[p] = true
	defer delete(above, p)
	for part, inKey := range p.parts() {
		deeper, ok := part.plain(above, key || inKey, text)
		if !ok {
			return 0, false
		}
		levels = max(levels, deeper)
	}
	return levels + 1, true
}

// parts yields the types that this one consists of, and whether each is the type of keys.
func (p *plan) parts() func(yield func(*plan, bool) bool) {
	return func(yield func(*plan, bool) bool) {
		if p.key != nil && !yield(p.key, true) || p.elem != nil && !yield(p.elem, false) {
			return
		}
		for _, f := range p.order {
			if !yield(f, false) {
				return
			}
		}
		for _, f := range p.numbers {
			if !yield(f, false) {
				return
			}
		}
		for _, f := range p.names {
			if !yield(f, false) {
				return
			}
		}
	}
}

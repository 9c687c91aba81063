// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import "github.com/guardkv/guardkv/core"

// format is a value format whose values and views are held in interfaces. The checks are
// written for it: so they are compiled once, and not for each pair of types that some format is
// tested with, of which there are many.
type format struct {
	id     func() string
	append func(dst []byte, v any) ([]byte, error)
	view   func(b []byte) (w any, err error)
	value  func(w any) (v any) // reads all of a view

	// The optional powers are nil if the format has none of them.

	// into makes a view, and returns a function that reads into it, each time over what is there.
	into    func() func(b []byte) (w any, err error)
	trusted func(b []byte) (w any, err error)
	lent    func(b []byte, trusted bool) (w any, r core.Releaser, err error)
	bind    func(stored []byte) (bound format, meta []byte, err error)
	atRow   func(table core.TableID, key string) (format, error) // of the values of one row
	owns    bool
}

// erased returns a format without its types.
func erased[V, W any](f core.ValueFormat[V, W], value func(W) V) format {
	e := format{
		id:     func() string { return f.ID() },
		append: func(dst []byte, v any) ([]byte, error) { return f.Append(dst, as[V](v)) },
		view:   func(b []byte) (any, error) { return f.View(b) },
		value:  func(w any) any { return value(as[W](w)) },
	}
	p := core.PowersOf(f)
	e.owns = p.Owns
	if p.ViewInto != nil {
		e.into = func() func([]byte) (any, error) {
			var w W
			return func(b []byte) (any, error) {
				err := p.ViewInto(b, &w)
				return w, err
			}
		}
	}
	if p.ViewTrusted != nil {
		e.trusted = func(b []byte) (any, error) { return p.ViewTrusted(b) }
	}
	if p.ViewLent != nil {
		e.lent = func(b []byte, trusted bool) (any, core.Releaser, error) {
			return p.ViewLent(b, trusted)
		}
	}
	if p.BindRows != nil {
		e.atRow = func(table core.TableID, key string) (format, error) {
			row, err := inRow(f, table, key)
			if err != nil {
				return format{}, err
			}
			at := erased(row, value)
			at.atRow = e.atRow
			return at, nil
		}
	}
	if p.Bind != nil {
		e.bind = func(stored []byte) (format, []byte, error) {
			bound, meta, err := p.Bind(stored)
			if err != nil {
				return format{}, nil, err
			}
			return erased(bound, value), meta, nil
		}
	}
	return e
}

// keyFormat is what a key format has beside what value formats have, without its type.
type keyFormat struct {
	ordered func() bool
	prefix  func(k any) (low, high []byte, err error) // nil if the format has no prefixes
}

func erasedKey[K any](f core.KeyFormat[K]) (format, keyFormat) {
	keys := keyFormat{ordered: func() bool { return f.Ordered() }}
	if p, ok := f.(core.Prefixer[K]); ok {
		keys.prefix = func(k any) (low, high []byte, err error) {
			r := p.Prefix(as[K](k))
			low, high, _ = r.Bounds()
			return low, high, r.MadeBy(f.ID())
		}
	}
	return format{
		id:     func() string { return f.ID() },
		append: func(dst []byte, k any) ([]byte, error) { return f.Append(dst, as[K](k)) },
		view:   func(b []byte) (any, error) { return f.Decode(b) },
		value:  func(k any) any { return k },
	}, keys
}

// as returns what an interface holds, which for a T that is an interface itself may be nothing.
func as[T any](v any) T {
	t, _ := v.(T)
	return t
}

// boxed returns values in interfaces.
func boxed[T any](values []T) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return all
}

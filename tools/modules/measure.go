// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package modules

import (
	"slices"

	"github.com/guardkv/guardkv/core"
)

func (r *record[V, W]) Measure(c Char) (m Measured, err error) {
	format, err := bound(r.format)
	if err != nil {
		return m, err
	}
	v := r.pack(c)
	encoded, err := format.Append(nil, v)
	if err != nil {
		return m, err
	}
	encoded = slices.Clip(encoded)
	m.Size = len(encoded)
	trusted := core.PowersOf(format).ViewTrusted
	for u := range uses {
		m.Read[u] = reading(encoded, format.View, r.use(u))
		if trusted != nil {
			m.Trusted[u] = reading(encoded, trusted, r.use(u))
		}
	}
	m.Verify = reading(encoded, format.View, func(W) uint64 { return 0 })
	var b []byte
	m.Write = writing(&v, func(v *V) (_ []byte, err error) {
		b, err = format.Append(b[:0], *v)
		return b, err
	})
	if r.hand == nil {
		return m, nil
	}
	byHand, err := r.hand.encode(v)
	if err != nil {
		return m, err
	}
	byHand = slices.Clip(byHand)
	m.SizeByHand = len(byHand)
	m.ReadByHand = reading(byHand, r.hand.decode, r.all)
	m.WriteByHand = writing(&v, r.hand.encoder())
	return m, nil
}

// bound is the format as a new table uses it.
func bound[V, W any](format core.ValueFormat[V, W]) (core.ValueFormat[V, W], error) {
	if bind := core.PowersOf(format).Bind; bind != nil {
		var err error
		if format, _, err = bind(nil); err != nil {
			return nil, err
		}
	}
	return inRow(format)
}

func reading[W any](
	b []byte, view func([]byte) (W, error), use func(W) uint64,
) func(int) (uint64, error) {
	return func(ops int) (sum uint64, err error) {
		for range ops {
			w, err := view(b)
			if err != nil {
				return 0, err
			}
			sum += use(w)
		}
		return sum, nil
	}
}

// writing encodes one record, each time into the same memory.
func writing[V any](v *V, encode func(*V) ([]byte, error)) func(int) (uint64, error) {
	return func(ops int) (sum uint64, err error) {
		for range ops {
			b, err := encode(v)
			if err != nil {
				return 0, err
			}
			sum += uint64(len(b))
		}
		return sum, nil
	}
}

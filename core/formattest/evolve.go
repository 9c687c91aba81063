// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// Evolve tests that rows outlive a change of their type. A table is made with one format and
// opened with another, which must read the samples as what kept accepts; then the two take
// turns, which must not make the metadata grow, and must leave all rows readable.
func Evolve[V1, W1, V2,
	W2 any](t *testing.T, was core.ValueFormat[V1, W1], is core.ValueFormat[V2, W2],
	kept func(v V1, w W2) bool, samples ...V1,
) {
	t.Helper()
	if err := safely(func() error { return evolve(was, is, kept, samples) }); err != nil {
		t.Error(err)
	}
}

func evolve[V1, W1, V2, W2 any](
	was core.ValueFormat[V1, W1], is core.ValueFormat[V2, W2], kept func(V1, W2) bool, samples []V1,
) error {
	keptAny := func(v, w any) bool { return kept(as[V1](v), as[W2](w)) }
	return takeTurns(erased(was, nil), erased(is, nil), keptAny, boxed(samples))
}

func takeTurns(was, is format, kept func(v, w any) bool, samples []any) error {
	first, meta, err := open(was, nil)
	if err != nil {
		return fmt.Errorf("a new table: %w", err)
	}
	var rows [][]byte
	for _, v := range samples {
		b, err := first.append(nil, v)
		if err != nil {
			return fmt.Errorf("%s cannot be encoded: %w", showValue(v), err)
		}
		rows = append(rows, bytes.Clone(b))
	}
	var settled []byte
	for turn := range 3 {
		var second format
		if second, meta, err = open(is, meta); err != nil {
			return fmt.Errorf("turn %d: the table cannot be opened with the new type: %w",
				turn, err)
		}
		if turn > 0 && !bytes.Equal(meta, settled) {
			return fmt.Errorf("turn %d: the metadata grows when two types take turns: %s became %s",
				turn, show(settled), show(meta))
		}
		settled = bytes.Clone(meta)
		if err := readsKept(second, kept, samples, rows); err != nil {
			return fmt.Errorf("turn %d: %w", turn, err)
		}
		if first, meta, err = open(was, meta); err != nil {
			return fmt.Errorf("turn %d: the table cannot be opened with the old type any more: %w",
				turn, err)
		}
		for _, b := range rows {
			if _, err := first.view(placed(b)); err != nil {
				return fmt.Errorf("turn %d: %s cannot be read with its own type any more: %w",
					turn, show(b), err)
			}
		}
	}
	return nil
}

// open binds a format that keeps metadata to what is stored, and one that binds values to rows
// to a row.
func open(f format, stored []byte) (_ format, meta []byte, err error) {
	meta = stored
	if f.bind != nil {
		if f, meta, err = f.bind(stored); err != nil {
			return f, meta, err
		}
	}
	if f.atRow != nil {
		f, err = f.atRow(testTable, testKey)
	}
	return f, meta, err
}

func readsKept(f format, kept func(v, w any) bool, samples []any, rows [][]byte) error {
	for i, b := range rows {
		w, err := f.view(placed(b))
		if err != nil {
			return fmt.Errorf("%s, which is %s, cannot be read with the new type: %w",
				show(b), showValue(samples[i]), err)
		}
		if !kept(samples[i], w) {
			return fmt.Errorf("%s, which is %s, reads as %s",
				show(b), showValue(samples[i]), showValue(w))
		}
	}
	return nil
}

// placed is a copy of b that ends where its memory ends.
func placed(b []byte) []byte {
	inside, _ := place(b, 0xAA)
	return inside
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package modules

import (
	"context"
	"iter"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
)

// Records is a value format as one of characters, whatever types it stores and views.
type Records interface {
	// Open opens a table of characters.
	Open(ctx context.Context, db *core.Storage, name string) (Chars, error)
	// Lookups opens a table of characters with numbers as keys, for benchmarks.
	Lookups(ctx context.Context, db *core.Storage, name string) (Lookups, error)
	// Library is the format's library, used by hand; false if there is none.
	Library() (Library, bool)
	// Measure returns what can be measured with one record.
	Measure(c Char) (Measured, error)
}

// A Use of a record reads one field of it, or all of them, and returns a number that depends on
// what it read.
type Use int

// The uses of a record.
const (
	OneField Use = iota
	AllFields
	uses // how many there are
)

// Lookups is a table of any format for benchmarks.
type Lookups struct {
	Fill func(ctx context.Context, rows iter.Seq2[uint64, Char]) error
	Get  [uses]func(ctx context.Context, key uint64) (uint64, error) // through a guard
}

// Library is a library used by hand.
type Library struct {
	Note   string // how it differs from the format; may be empty
	Encode func(c Char) ([]byte, error)
	Read   [uses]func(b []byte) (uint64, error)
}

// Measured holds what can be done to one record, any number of times. A function is nil if the
// format lacks that.
type Measured struct {
	Size, SizeByHand int // of the encoded record
	Read             [uses]func(ops int) (uint64, error)
	Verify           func(ops int) (uint64, error) // View alone, without looking at a field
	Trusted          [uses]func(ops int) (uint64, error)
	ReadByHand       func(ops int) (uint64, error) // all fields
	Write            func(ops int) (uint64, error)
	WriteByHand      func(ops int) (uint64, error)
}

// record tells how a character becomes the V that a format stores, and how its fields are read
// from a view W. The strings that it returns may become invalid with the view.
type record[V, W any] struct {
	format                 core.ValueFormat[V, W]
	hand                   *library[V, W] // nil: there is none
	pack                   func(Char) V
	name, category, script func(W) string
	lower                  func(W) CodePoint
	char                   func(W) Char
	all                    func(W) uint64 // returns a number that depends on all fields
}

func (r *record[V, W]) use(u Use) func(W) uint64 {
	if u == AllFields {
		return r.all
	}
	return func(w W) uint64 { return uint64(len(r.name(w))) }
}

func (r *record[V, W]) Lookups(
	ctx context.Context, db *core.Storage, name string,
) (l Lookups, err error) {
	t, err := core.OpenTable(ctx, db, name, keys.Uint64(), r.format)
	if err != nil {
		return l, err
	}
	l.Fill = func(ctx context.Context, rows iter.Seq2[uint64, Char]) error {
		_, err := t.PutStream(ctx, packed(rows, r.pack))
		return err
	}
	for u := range uses {
		use := r.use(u)
		l.Get[u] = func(ctx context.Context, key uint64) (uint64, error) {
			g, err := t.Get(ctx, key)
			if err != nil {
				return 0, err
			}
			n := use(g.Value())
			return n, g.Close()
		}
	}
	return l, nil
}

func (r *record[V, W]) Library() (Library, bool) {
	if r.hand == nil {
		return Library{}, false
	}
	l := Library{
		Note:   r.hand.note,
		Encode: func(c Char) ([]byte, error) { return r.hand.encode(r.pack(c)) },
	}
	for u := range uses {
		use := r.use(u)
		l.Read[u] = func(b []byte) (n uint64, err error) {
			w, err := r.hand.decode(b)
			if err == nil {
				n = use(w)
			}
			return n, err
		}
	}
	return l, true
}

// packed yields rows as a format stores them.
func packed[K, V any](rows iter.Seq2[K, Char], pack func(Char) V) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for k, c := range rows {
			if !yield(k, pack(c)) {
				return
			}
		}
	}
}

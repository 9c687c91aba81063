// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/guardkv/guardkv/tools/diskuse"
	"github.com/guardkv/guardkv/tools/modules"
)

// recordSizes are the sizes of the records, in bytes.
var recordSizes = []int{200, 20_000}

// recordWorks read records in each format that is used by hand with the same library.
func recordWorks(en engine, e *env) []work {
	var works []work
	for _, size := range recordSizes {
		for _, f := range modules.Formats {
			if hand, ok := f.Library(); ok {
				works = append(works, recordWork(en, e, size, f, hand))
			}
		}
	}
	return works
}

// recordWork reads records at random, and looks at one field of each or at all of them.
func recordWork(en engine, e *env, size int, f modules.Format, hand modules.Library) work {
	s := shape{min(e.sizes.middle.rows, 40_000_000/size), size}
	return work{
		name: fmt.Sprintf("%s/record/%s/%s", en.name, f.Name, sizeName(size)),
		title: fmt.Sprintf("random Get of records in %s%s, about %s, %s",
			f.Name, hand.Note, s, en.heading()),
		unit:   "op",
		group:  "record",
		engine: en.name, format: f.Name, shape: s,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			p, err := e.newPair(ctx, en, false)
			if err != nil {
				return nil, nil, err
			}
			sides, err := recordSides(ctx, p, s, f, hand)
			if err != nil {
				return nil, nil, errors.Join(err, p.close())
			}
			if en.settles {
				err = p.settle(ctx)
			}
			return sides, p.close, err
		},
	}
}

var recordUses = []struct {
	name string
	use  modules.Use
}{{"one field", modules.OneField}, {"all fields", modules.AllFields}}

// recordSides fills both with the same records.
func recordSides(
	ctx context.Context, p *pair, s shape, f modules.Format, hand modules.Library,
) (sides []side, err error) {
	if p.hand != nil {
		encoded := func(yield func(uint64, []byte) bool) {
			for i, c := range records(s) {
				b, err1 := hand.Encode(c)
				if err = errors.Join(err, err1); err1 != nil || !yield(i, b) {
					return
				}
			}
		}
		if err := errors.Join(p.hand.load(encoded, true), err); err != nil {
			return nil, err
		}
		for _, u := range recordUses {
			sides = append(sides, side{
				name: "by hand, " + u.name, native: true,
				run:  recordsByHand(p.hand, s, hand.Read[u.use]),
				disk: func() (int64, error) { return diskuse.Of(p.hand.path) },
			})
		}
	}
	if p.kv != nil {
		table, err := f.Lookups(ctx, p.kv.storage, "records")
		if err != nil {
			return nil, err
		}
		if err := table.Fill(ctx, records(s)); err != nil {
			return nil, err
		}
		for _, u := range recordUses {
			sides = append(sides, side{
				name: "guardkv, " + u.name, run: recordsGuarded(ctx, s, table.Get[u.use]),
				claims: []claim{{base: "by hand, " + u.name}},
				disk:   func() (int64, error) { return diskuse.Of(p.kv.path) },
			})
		}
	}
	return sides, nil
}

func records(s shape) iter.Seq2[uint64, modules.Char] {
	return func(yield func(uint64, modules.Char) bool) {
		for i := range uint64(s.rows) {
			if !yield(i, modules.CharOfSize(modules.CodePoint(i), s.size)) {
				return
			}
		}
	}
}

func recordsByHand(n native, s shape, read func([]byte) (uint64, error)) func(int) error {
	next := randomKeys(s.rows, 0)
	return func(ops int) error {
		sum := uint64(0)
		err := n.get(ops, next, func(b []byte) error {
			n, err := read(b)
			sum += n
			return err
		})
		keep(sum)
		return err
	}
}

// recordsGuarded reads records through guards.
func recordsGuarded(
	ctx context.Context, s shape, get func(context.Context, uint64) (uint64, error),
) func(int) error {
	next := randomKeys(s.rows, 0)
	return func(ops int) error {
		sum := uint64(0)
		for range ops {
			n, err := get(ctx, next())
			if err != nil {
				return err
			}
			sum += n
		}
		keep(sum)
		return nil
	}
}

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	stdcbor "github.com/fxamacker/cbor/v2"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/cbor"
)

// record is what records are read as, whatever their format.
type record struct {
	ID    uint64   `cbor:"1,keyasint" json:"id"`
	Name  string   `cbor:"2,keyasint" json:"name"`
	Score float64  `cbor:"3,keyasint" json:"score"`
	Tags  []string `cbor:"4,keyasint" json:"tags"`
	Body  []byte   `cbor:"5,keyasint" json:"body"`
}

// recordOf makes a record of about some size.
func recordOf(i uint64, size int) record {
	return record{
		ID: i, Name: fmt.Sprintf("record number %d", i), Score: float64(i) / 7,
		Tags: []string{"first", "second", "third"}, Body: valuesOf(max(0, size-72))(i),
	}
}

// oneField and allFields are what is done with a record.
func oneField(r record) uint64 { return uint64(len(r.Name)) }

func allFields(r record) uint64 {
	sum := r.ID + uint64(len(r.Name)) + uint64(r.Score)
	for _, t := range r.Tags {
		sum += uint64(len(t))
	}
	for _, b := range r.Body {
		sum += uint64(b)
	}
	return sum
}

// recordSizes are the sizes of the records, in bytes.
var recordSizes = []int{200, 20_000}

// recordWorks read records in each format that is used by hand with the same library.
func recordWorks(en engine, e *env) []work {
	var works []work
	for _, size := range recordSizes {
		works = append(works,
			recordWork(en, e, size, recordFormat[record, record]{
				name: "cbor", format: cbor.New[record](), make: recordOf,
				encode: func(r record) ([]byte, error) { return stdcbor.Marshal(r) },
				decode: func(b []byte) (r record, err error) { return r, stdcbor.Unmarshal(b, &r) },
				one:    oneField, all: allFields,
			}),
			recordWork(en, e, size, recordFormat[record, record]{
				name: "json", format: values.JSON[record](), make: recordOf,
				encode: func(r record) ([]byte, error) { return json.Marshal(r) },
				decode: func(b []byte) (r record, err error) { return r, json.Unmarshal(b, &r) },
				one:    oneField, all: allFields,
			}))
	}
	return works
}

// recordFormat is a format, in GuardKV and by hand.
type recordFormat[V, W any] struct {
	name     string
	format   core.ValueFormat[V, W]
	make     func(i uint64, size int) V
	encode   func(V) ([]byte, error)
	decode   func([]byte) (W, error)
	one, all func(W) uint64
}

// recordWork reads records at random, and looks at one field of each or at all of them.
func recordWork[V, W any](en engine, e *env, size int, f recordFormat[V, W]) work {
	s := shape{min(e.sizes.middle.rows, 40_000_000/size), size}
	return work{
		name:   fmt.Sprintf("%s/record/%s/%s", en.name, f.name, sizeName(size)),
		title:  fmt.Sprintf("random Get of records in %s, about %s, %s", f.name, s, en.heading()),
		unit:   "op",
		group:  "record",
		engine: en.name, format: f.name, shape: s,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			p, err := e.newPair(ctx, en, false)
			if err != nil {
				return nil, nil, err
			}
			sides, err := recordSides(ctx, p, s, f)
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

// recordSides fills both with the same records.
func recordSides[V, W any](ctx context.Context, p *pair, s shape, f recordFormat[V, W]) (sides []side, err error) {
	encoded := func(yield func(uint64, []byte) bool) {
		for i := range uint64(s.rows) {
			b, err1 := f.encode(f.make(i, s.size))
			if err = errors.Join(err, err1); err1 != nil || !yield(i, b) {
				return
			}
		}
	}
	uses := []struct {
		name string
		use  func(W) uint64
	}{{"one field", f.one}, {"all fields", f.all}}
	if p.hand != nil {
		if err := errors.Join(p.hand.load(encoded, true), err); err != nil {
			return nil, err
		}
		for _, u := range uses {
			sides = append(sides, side{
				name: "by hand, " + u.name, native: true, run: f.byHand(p.hand, s, u.use),
				disk: func() (int64, error) { return diskUse(p.hand.path) },
			})
		}
	}
	if p.kv != nil {
		table, err := core.OpenTable(ctx, p.kv.storage, "records", keys.Uint64(), f.format)
		if err != nil {
			return nil, err
		}
		if _, err := table.PutStream(ctx, f.records(s)); err != nil {
			return nil, err
		}
		for _, u := range uses {
			sides = append(sides, side{
				name: "guardkv, " + u.name, run: f.guarded(ctx, table, s, u.use), claims: []claim{{base: "by hand, " + u.name}},
				disk: func() (int64, error) { return diskUse(p.kv.path) },
			})
		}
	}
	return sides, nil
}

func (f recordFormat[V, W]) records(s shape) iter.Seq2[uint64, V] {
	return func(yield func(uint64, V) bool) {
		for i := range uint64(s.rows) {
			if !yield(i, f.make(i, s.size)) {
				return
			}
		}
	}
}

// byHand reads records by hand.
func (f recordFormat[V, W]) byHand(n native, s shape, use func(W) uint64) func(int) error {
	next := randomKeys(s.rows, 0)
	return func(ops int) error {
		sum := uint64(0)
		err := n.get(ops, next, func(b []byte) error {
			w, err := f.decode(b)
			if err == nil {
				sum += use(w)
			}
			return err
		})
		keep(sum)
		return err
	}
}

// guarded reads records through guards.
func (f recordFormat[V, W]) guarded(ctx context.Context, table *core.Table[uint64, V, W], s shape, use func(W) uint64) func(int) error {
	next := randomKeys(s.rows, 0)
	return func(ops int) error {
		sum := uint64(0)
		for range ops {
			g, err := table.Get(ctx, next())
			if err != nil {
				return err
			}
			sum += use(g.Value())
			if err := g.Close(); err != nil {
				return err
			}
		}
		keep(sum)
		return nil
	}
}

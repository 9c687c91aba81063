// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	stdgob "encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	stdcbor "github.com/fxamacker/cbor/v2"
	flatbuilder "github.com/google/flatbuffers/go"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/cbor"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/gob"
	"github.com/guardkv/guardkv/tools/demo/fb"
)

// recordSizes are the sizes of the records, in bytes.
var recordSizes = []int{200, 20_000}

// recordWorks read records in each format that is used by hand with the same library.
func recordWorks(en engine, e *env) []work {
	var works []work
	for _, size := range recordSizes {
		works = append(works,
			recordWork(en, e, size, decoded("cbor", cbor.New[character](), stdcbor.Marshal, stdcbor.Unmarshal)),
			recordWork(en, e, size, decoded("gob", gob.New[character](), gobMarshal, gobUnmarshal)),
			recordWork(en, e, size, decoded("json", values.JSON[character](), json.Marshal, json.Unmarshal)),
			recordWork(en, e, size, recordFormat[fb.CharT, fb.Char]{
				name: "flatbuffers", note: ", not verified by hand",
				format: flatbuffers.New[fb.CharT, fb.Char](fb.Schema),
				make:   func(i uint64, size int) fb.CharT { return packed(characterOf(i, size)) },
				encode: func(c fb.CharT) ([]byte, error) {
					b := flatbuilder.NewBuilder(0)
					b.Finish(c.Pack(b))
					return b.FinishedBytes(), nil
				},
				decode: func(b []byte) (fb.Char, error) { return *fb.GetRootAsChar(b, 0), nil },
				one:    lenOfNameInPlace, all: lenOfAllInPlace,
			}))
	}
	return works
}

// decoded is a format that makes a character of the bytes.
func decoded(
	name string, f core.ValueFormat[character, character], marshal func(any) ([]byte, error), unmarshal func([]byte, any) error,
) recordFormat[character, character] {
	return recordFormat[character, character]{
		name: name, format: f, make: characterOf,
		encode: func(c character) ([]byte, error) { return marshal(c) },
		decode: func(b []byte) (c character, err error) { return c, unmarshal(b, &c) },
		one:    lenOfName, all: lenOfAll,
	}
}

// gobMarshal makes bytes that can be read alone, as they must be in a row.
func gobMarshal(v any) ([]byte, error) {
	var b bytes.Buffer
	err := stdgob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}

func gobUnmarshal(b []byte, v any) error { return stdgob.NewDecoder(bytes.NewReader(b)).Decode(v) }

// recordFormat is a format, in GuardKV and by hand.
type recordFormat[V, W any] struct {
	name     string
	note     string // how the two ways differ; may be empty
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
		title:  fmt.Sprintf("random Get of records in %s%s, about %s, %s", f.name, f.note, s, en.heading()),
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

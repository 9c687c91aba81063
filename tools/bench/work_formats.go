// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/guardkv/guardkv/core"
)

// formatWorks compare the formats with each other and with their libraries, without an engine.
func formatWorks() []work {
	var works []work
	for _, size := range recordSizes {
		name := sizeName(size)
		works = append(works,
			formatWork("formats/"+name,
				"reading a record of about "+name+" in each format, without an engine",
				size, formatReads),
			formatWork("formats/write/"+name,
				"encoding a record of about "+name+" in each format, without an engine",
				size, formatWrites))
	}
	return works
}

func formatWork(name, title string, size int, sides func(size int) ([]side, error)) work {
	return work{
		name: name, title: title, unit: "op", group: "formats", format: "all",
		shape: shape{1, size},
		setup: func(context.Context, *env) ([]side, func() error, error) {
			all, err := sides(size)
			return all, func() error { return nil }, err
		},
	}
}

// overhead is what a format may cost of what its library costs.
const overhead = 1.25

// warmOps is how many records a turn encodes if the encoder takes milliseconds to be made: what
// made it can be taken by the garbage collector between two turns.
func warmOps(size int) int { return 1_000_000 / size }

// lighter is what archive may cost of what FlatBuffers cost, to verify and to write.
const lighter = 0.25

// formatReads are one field and all fields in each format. The first side, one field of CBOR,
// is what FlatBuffers are compared with.
func formatReads(size int) ([]side, error) {
	cbor, err := readSides(cborRecord(), size)
	gob, err1 := readSides(gobRecord(), size)
	json, err2 := readSides(jsonRecord(), size)
	proto, err3 := readSides(protobufRecord(), size)
	flat, err4 := readSides(flatbuffersRecord(), size)
	arch, err5 := readSides(archiveRecord(), size)
	if err := errors.Join(err, err1, err2, err3, err4, err5); err != nil {
		return nil, err
	}
	if size >= 10_000 {
		arch[2].claims = []claim{{base: flat[2].name, limit: lighter}}
		trusted := &flat[3]
		trusted.claims = []claim{{base: cbor[0].name, kind: timesFaster, limit: 50}}
	}
	wrapped, err := wrappedSides(readSides, size)
	return slices.Concat(cbor, gob, json, proto, flat, arch, wrapped), err
}

// wrappedSides are those of all formats that go around others.
func wrappedSides(
	sidesOf func(recordFormat[character, character], int) ([]side, error), size int,
) ([]side, error) {
	formats, err := wrappedRecords()
	if err != nil {
		return nil, err
	}
	var all []side
	for _, f := range formats {
		sides, err := sidesOf(f, size)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		for i, s := range sides {
			sides[i].ops, sides[i].before = warmOps(size), func() error { return s.run(1) }
		}
		all = append(all, sides...)
	}
	return all, nil
}

// formatWrites encode the record in each format.
func formatWrites(size int) ([]side, error) {
	cbor, err := writeSides(cborRecord(), size)
	gob, err1 := writeSides(gobRecord(), size)
	json, err2 := writeSides(jsonRecord(), size)
	proto, err3 := writeSides(protobufRecord(), size)
	flat, err4 := writeSides(flatbuffersRecord(), size)
	arch, err5 := writeSides(archiveRecord(), size)
	if err := errors.Join(err, err1, err2, err3, err4, err5); err != nil {
		return nil, err
	}
	if size >= 10_000 {
		arch[0].claims = []claim{{base: flat[1].name, limit: lighter}}
	}
	wrapped, err := wrappedSides(writeSides, size)
	return slices.Concat(cbor, gob, json, proto, flat, arch, wrapped), err
}

// limit is what the format may cost of what the libraries cost, 0 if there is no target.
func (f recordFormat[V, W]) limit() float64 {
	if f.around {
		return 0
	}
	return overhead
}

// bound is the format as a new table uses it.
func (f recordFormat[V, W]) bound() (core.ValueFormat[V, W], error) {
	bound := f.format
	if bind := core.PowersOf(f.format).Bind; bind != nil {
		var err error
		if bound, _, err = bind(nil); err != nil {
			return nil, err
		}
	}
	return inRow(bound)
}

// readSides reads one record with View, without looking at anything if that tells something,
// without validation if the format can do that, as rows with checksums are read, and by hand.
func readSides[V, W any](f recordFormat[V, W], size int) ([]side, error) {
	format, err := f.bound()
	if err != nil {
		return nil, err
	}
	v := f.make(0, size)
	encoded, err := format.Append(nil, v)
	if err != nil {
		return nil, err
	}
	encoded = slices.Clip(encoded)
	if f.encode == nil {
		return f.sides(format, encoded, ""), nil
	}
	byHand, err := f.encode(v)
	if err != nil {
		return nil, err
	}
	byHand = slices.Clip(byHand)
	hand := fmt.Sprintf("%s by hand, %s B, all fields", f.name, grouped(int64(len(byHand))))
	sides := f.sides(format, encoded, hand)
	return append(sides, side{name: hand, run: reading(byHand, f.decode, f.all), native: true}), nil
}

// sides are the ways to read a record through GuardKV. hand is what reads it by hand, "" if
// nothing does.
func (f recordFormat[V, W]) sides(
	format core.ValueFormat[V, W], encoded []byte, hand string,
) []side {
	var claims []claim
	if hand != "" {
		claims = []claim{{base: hand, limit: f.limit()}}
	}
	name := fmt.Sprintf("%s, %s B", f.name, grouped(int64(len(encoded))))
	all := side{
		name: name + ", all fields",
		run:  reading(encoded, format.View, f.all), claims: claims,
	}
	sides := []side{{name: name + ", one field", run: reading(encoded, format.View, f.one)}, all}
	if trusted := core.PowersOf(format).ViewTrusted; trusted != nil {
		sides[1].claims = nil // by hand nothing is verified
		sides = append(sides,
			side{
				name: name + ", verified alone",
				run:  reading(encoded, format.View, func(W) uint64 { return 0 }),
			},
			side{name: name + " trusted, one field", run: reading(encoded, trusted, f.one)},
			side{
				name: name + " trusted, all fields",
				run:  reading(encoded, trusted, f.all), claims: claims,
			})
	}
	return sides
}

func reading[W any](b []byte, view func([]byte) (W, error), use func(W) uint64) func(int) error {
	return func(ops int) error {
		sum := uint64(0)
		for range ops {
			w, err := view(b)
			if err != nil {
				return err
			}
			sum += use(w)
		}
		keep(sum)
		return nil
	}
}

// writeSides encodes one record, each time into the same memory.
func writeSides[V, W any](f recordFormat[V, W], size int) ([]side, error) {
	format, err := f.bound()
	if err != nil {
		return nil, err
	}
	v := f.make(0, size)
	var b []byte
	guarded := func(v *V) (_ []byte, err error) {
		b, err = format.Append(b[:0], *v)
		return b, err
	}
	if f.encode == nil {
		return []side{{name: f.name, run: writing(&v, guarded)}}, nil
	}
	hand := f.name + " by hand"
	return []side{
		{name: f.name, run: writing(&v, guarded), claims: []claim{{base: hand, limit: f.limit()}}},
		{name: hand, run: writing(&v, f.encoder()), native: true},
	}, nil
}

func writing[V any](v *V, encode func(*V) ([]byte, error)) func(int) error {
	return func(ops int) error {
		sum := uint64(0)
		for range ops {
			b, err := encode(v)
			if err != nil {
				return err
			}
			sum += uint64(len(b))
		}
		keep(sum)
		return nil
	}
}

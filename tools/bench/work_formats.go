// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/cbor"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/gob"
	"github.com/guardkv/guardkv/tools/demo/fb"
)

// formatWorks compare the formats with each other, without an engine.
func formatWorks() []work {
	var works []work
	for _, size := range recordSizes {
		works = append(works, work{
			name:  "formats/" + sizeName(size),
			title: fmt.Sprintf("reading a record of about %s in each format, without an engine", sizeName(size)),
			unit:  "op", group: "formats", format: "all", shape: shape{1, size},
			setup: func(context.Context, *env) ([]side, func() error, error) {
				sides, err := formatSides(size)
				return sides, func() error { return nil }, err
			},
		})
	}
	return works
}

// formatSides are one field and all fields in each format. The first side, one field of CBOR, is what the claim compares with.
func formatSides(size int) ([]side, error) {
	c := characterOf(0, size)
	var all []side
	for _, f := range []struct {
		name   string
		format core.ValueFormat[character, character]
	}{
		{"cbor", cbor.New[character]()}, {"gob", gob.New[character]()}, {"json", values.JSON[character]()},
	} {
		sides, err := formatReads(f.name, f.format, c, lenOfName, lenOfAll)
		if err != nil {
			return nil, err
		}
		all = append(all, sides...)
	}
	format := flatbuffers.New[fb.CharT, fb.Char](fb.Schema)
	sides, err := formatReads("flatbuffers", format, packed(c), lenOfNameInPlace, lenOfAllInPlace)
	if size >= 10_000 && err == nil {
		trusted := &sides[len(sides)-2]
		trusted.claims = []claim{{base: all[0].name, kind: timesFaster, limit: 50}}
	}
	return append(all, sides...), err
}

// formatReads reads one record with View, and without validation if the format can do that: rows with checksums are.
func formatReads[V, W any](name string, f core.ValueFormat[V, W], v V, one, all func(W) uint64) ([]side, error) {
	if bind := core.PowersOf(f).Bind; bind != nil {
		bound, _, err := bind(nil)
		if err != nil {
			return nil, err
		}
		f = bound
	}
	encoded, err := f.Append(nil, v)
	if err != nil {
		return nil, err
	}
	encoded = slices.Clip(encoded)
	name = fmt.Sprintf("%s, %s B", name, grouped(int64(len(encoded))))
	sides := readSides(name, encoded, f.View, one, all)
	if trusted := core.PowersOf(f).ViewTrusted; trusted != nil {
		sides = append(sides, readSides(name+" trusted", encoded, trusted, one, all)...)
	}
	return sides, nil
}

func readSides[W any](name string, b []byte, view func([]byte) (W, error), one, all func(W) uint64) []side {
	read := func(use func(W) uint64) func(int) error {
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
	return []side{{name: name + ", one field", run: read(one)}, {name: name + ", all fields", run: read(all)}}
}

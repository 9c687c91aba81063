// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/tools/modules"
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
	return append(works, keyWork())
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

// overhead is how many times as much as its library a format may cost.
const overhead = 1.25

// lighter is the fraction of the cost of FlatBuffers that archive may cost, to verify and to
// write.
const lighter = 0.25

// warmOps is how many records a turn encodes if its encoder takes milliseconds to make: the
// garbage collector may take the encoder between two turns, so each turn makes it again before it
// is measured.
func warmOps(size int) int { return 1_000_000 / size }

// formatReads are one field and all fields in each format.
func formatReads(size int) ([]side, error) {
	all, at, err := formatSides(size, readSides)
	if err == nil && size >= 10_000 {
		cbor, flat, archive := at["cbor"], at["flatbuffers"], at["archive"]
		all[archive+verifiedAlone].claims = []claim{
			{base: all[flat+verifiedAlone].name, limit: lighter},
		}
		all[flat+trustedField].claims = []claim{
			{base: all[cbor].name, kind: timesFaster, limit: 50},
		}
	}
	return all, err
}

// formatWrites encode the record in each format.
func formatWrites(size int) ([]side, error) {
	all, at, err := formatSides(size, writeSides)
	if err == nil && size >= 10_000 {
		all[at["archive"]].claims = []claim{
			{base: all[at["flatbuffers"]+1].name, limit: lighter},
		}
	}
	return all, err
}

// formatSides are the sides of all formats, those that go around others last, which have no
// target. It says where the sides of each begin.
func formatSides(
	size int, sidesOf func(format string, m modules.Measured, limit float64) []side,
) (all []side, at map[string]int, err error) {
	wrapped, err := modules.Wrapped()
	if err != nil {
		return nil, nil, err
	}
	at = map[string]int{}
	for i, f := range slices.Concat(modules.Formats, wrapped) {
		around := i >= len(modules.Formats)
		m, err := f.Measure(modules.CharOfSize(0, size))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		limit := overhead
		if around {
			limit = 0
		}
		at[f.Name] = len(all)
		for _, s := range sidesOf(f.Name, m, limit) {
			if around {
				s.ops, s.before = warmOps(size), func() error { return s.run(1) }
			}
			all = append(all, s)
		}
	}
	return all, at, nil
}

// The positions among the sides of a format that can trust rows.
const (
	verifiedAlone = 2
	trustedField  = 3
)

// readSides reads one record in several ways: with View; with View alone, if that tells something;
// without validation, if the format can do that, as rows with checksums are read; and by hand.
func readSides(format string, m modules.Measured, limit float64) []side {
	var claims []claim
	hand := fmt.Sprintf("%s by hand, %s B, all fields", format, grouped(int64(m.SizeByHand)))
	if m.ReadByHand != nil {
		claims = []claim{{base: hand, limit: limit}}
	}
	name := fmt.Sprintf("%s, %s B", format, grouped(int64(m.Size)))
	sides := []side{
		{name: name + ", one field", run: kept(m.Read[modules.OneField])},
		{name: name + ", all fields", run: kept(m.Read[modules.AllFields]), claims: claims},
	}
	if m.Trusted[modules.OneField] != nil {
		sides[1].claims = nil // by hand nothing is verified
		sides = append(sides,
			side{name: name + ", verified alone", run: kept(m.Verify)},
			side{name: name + " trusted, one field", run: kept(m.Trusted[modules.OneField])},
			side{
				name: name + " trusted, all fields",
				run:  kept(m.Trusted[modules.AllFields]), claims: claims,
			})
	}
	if m.ReadByHand != nil {
		sides = append(sides, side{name: hand, run: kept(m.ReadByHand), native: true})
	}
	return sides
}

// writeSides encodes one record, each time into the same memory.
func writeSides(format string, m modules.Measured, limit float64) []side {
	if m.WriteByHand == nil {
		return []side{{name: format, run: kept(m.Write)}}
	}
	hand := format + " by hand"
	return []side{
		{name: format, run: kept(m.Write), claims: []claim{{base: hand, limit: limit}}},
		{name: hand, run: kept(m.WriteByHand), native: true},
	}
}

type pairKey = keys.Tuple[string, uint64]

// keyWork encodes and decodes a key of a text and a number.
func keyWork() work {
	w := formatWork("formats/key", "a key of a text of 15 bytes and a number, without an engine",
		len(pairText), func(int) ([]side, error) {
			format := core.KeyFormat[pairKey](keys.Pair(keys.String(), keys.Uint64()))
			k := pairKey{First: pairText, Second: 42}
			stored, err := format.Append(nil, k)
			if err == nil && !bytes.Equal(stored, appendPairByHand(nil, k)) {
				err = errors.New("a key encoded by hand differs")
			}
			return pairSides(format, k, stored), err
		})
	w.format = "keys"
	return w
}

const pairText = "hello-world-key"

func pairSides(format core.KeyFormat[pairKey], k pairKey, stored []byte) []side {
	var b []byte
	encode := func(ops int) (sum uint64, err error) {
		for range ops {
			if b, err = format.Append(b[:0], k); err != nil {
				return 0, err
			}
			sum += uint64(len(b))
		}
		return sum, nil
	}
	return []side{
		{name: "keys.Pair, append", run: kept(encode), claims: []claim{
			{base: "by hand, append", limit: overhead},
		}},
		{name: "by hand, append", native: true, run: kept(func(ops int) (sum uint64, _ error) {
			for range ops {
				b = appendPairByHand(b[:0], k)
				sum += uint64(len(b))
			}
			return sum, nil
		})},
		{name: "keys.Pair, decode", run: kept(func(ops int) (sum uint64, _ error) {
			for range ops {
				k, err := format.Decode(stored)
				if err != nil {
					return 0, err
				}
				sum += k.Second
			}
			return sum, nil
		}), claims: []claim{{base: "by hand, decode", limit: overhead}}},
		{name: "by hand, decode", native: true, run: kept(func(ops int) (sum uint64, _ error) {
			for range ops {
				k, ok := decodePairByHand(stored)
				if !ok {
					return 0, errors.New("a key by hand is damaged")
				}
				sum += k.Second
			}
			return sum, nil
		})},
	}
}

// appendPairByHand is what a program without GuardKV would write for the same keys.
//
//go:noinline
func appendPairByHand(dst []byte, k pairKey) []byte {
	text := k.First
	for {
		i := strings.IndexByte(text, 0)
		if i < 0 {
			break
		}
		dst = append(append(dst, text[:i]...), 0, 0xff)
		text = text[i+1:]
	}
	dst = append(append(dst, text...), 0, 1)
	return binary.BigEndian.AppendUint64(dst, k.Second)
}

//go:noinline
func decodePairByHand(b []byte) (k pairKey, ok bool) {
	var text []byte // nil while the text is in b as it is
	for {
		i := bytes.IndexByte(b, 0)
		switch {
		case i < 0 || i+1 == len(b):
			return k, false
		case b[i+1] == 0xff:
			text, b = append(text, b[:i+1]...), b[i+2:]
			continue
		case b[i+1] != 1 || len(b) != i+2+8:
			return k, false
		}
		if text == nil {
			k.First = string(b[:i])
		} else {
			k.First = string(append(text, b[:i]...))
		}
		k.Second = binary.BigEndian.Uint64(b[i+2:])
		return k, true
	}
}

// kept calls run and uses its sum, which the compiler could leave out otherwise.
func kept(run func(ops int) (uint64, error)) func(int) error {
	return func(ops int) error {
		sum, err := run(ops)
		keep(sum)
		return err
	}
}

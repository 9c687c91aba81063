// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/guardkv/guardkv/core/keys"
)

// subject is a model whose key type is hidden, so that models of all types go through the same
// tests.
type subject struct {
	id     string
	order  func(*testing.T, *rand.Rand)
	within func(*testing.T, *rand.Rand)
	bytes  func(t *testing.T, a, b []byte)
	parsed func(*testing.T, *rand.Rand)
	seeds  func() [][]byte
}

func subjectOf[K any](m model[K]) subject {
	return subject{
		id:     m.part.ID(),
		order:  func(t *testing.T, r *rand.Rand) { testOrder(t, r, m) },
		within: func(t *testing.T, r *rand.Rand) { testBetween(t, r, m) },
		bytes:  func(t *testing.T, a, b []byte) { testBytes(t, m, a, b) },
		parsed: func(t *testing.T, r *rand.Rand) { testParsed(t, r, m) },
		seeds: func() (seeds [][]byte) {
			for _, k := range m.edges {
				b, _ := m.part.Append(nil, k)
				seeds = append(seeds, b)
			}
			return seeds
		},
	}
}

func subjects() []subject {
	type port uint16
	type celsius float32
	type city string
	type digest [32]byte
	str, raw, num := strs(keys.String()), texts(keys.Bytes()), ints(keys.Int64(), math.MinInt64,
		math.MaxInt64)
	small := uints(keys.Uint8(), math.MaxUint8)
	return []subject{
		subjectOf(small),
		subjectOf(uints(keys.Uint16(), math.MaxUint16)),
		subjectOf(uints(keys.Uint32(), math.MaxUint32)),
		subjectOf(uints(keys.Uint64(), math.MaxUint64)),
		subjectOf(uints(keys.Uint(), math.MaxUint)),
		subjectOf(uints(keys.UintOf[port](), math.MaxUint16)),
		subjectOf(ints(keys.Int8(), math.MinInt8, math.MaxInt8)),
		subjectOf(ints(keys.Int16(), math.MinInt16, math.MaxInt16)),
		subjectOf(ints(keys.Int32(), math.MinInt32, math.MaxInt32)),
		subjectOf(num),
		subjectOf(ints(keys.Int(), math.MinInt, math.MaxInt)),
		subjectOf(ints(keys.Duration(), math.MinInt64, math.MaxInt64)),
		subjectOf(floats(keys.Float32(), math.SmallestNonzeroFloat32, math.MaxFloat32)),
		subjectOf(floats(keys.Float64(), math.SmallestNonzeroFloat64, math.MaxFloat64)),
		subjectOf(floats(keys.FloatOf[celsius](), math.SmallestNonzeroFloat32, math.MaxFloat32)),
		subjectOf(bools()),
		subjectOf(arrays[[1]byte]()),
		subjectOf(arrays[[16]byte]()),
		subjectOf(arrays[digest]()),
		subjectOf(times()),
		subjectOf(str),
		subjectOf(strs(keys.StringOf[city]())),
		subjectOf(view(strs(keys.StringView()))),
		subjectOf(raw),
		subjectOf(view(texts(keys.BytesView()))),
		subjectOf(desc(num)),
		subjectOf(desc(str)),
		subjectOf(desc(desc(raw))),
		subjectOf(desc(view(strs(keys.StringView())))),
		subjectOf(optional(num)),
		subjectOf(optional(str)),
		subjectOf(optional(optional(small))),
		subjectOf(desc(optional(raw))),
		subjectOf(pair(str, num)),
		subjectOf(pair(str, raw)),
		subjectOf(pair(small, pair(raw, str))),
		subjectOf(pair(pair(str, str), str)),
		subjectOf(pair(view(strs(keys.StringView())), view(texts(keys.BytesView())))),
		subjectOf(pair(str, desc(times()))),
		subjectOf(pair(desc(str), optional(pair(num, raw)))),
		subjectOf(triple(str, small, raw)),
		subjectOf(triple(optional(str), desc(pair(raw, small)),
			floats(keys.Float64(), 1e-300, 1e300))),
		subjectOf(desc(triple(bools(), str, arrays[[2]byte]()))),
		subjectOf(quad(str, small, raw, num)),
		subjectOf(quad(bools(), optional(str), desc(pair(raw, small)), pair(str, str))),
		subjectOf(pair(bools(), triple(small, str, view(texts(keys.BytesView()))))),
		subjectOf(optional(desc(quad(bools(), bools(), str, bools())))),
		subjectOf(mapped(pair(str, num))),
		subjectOf(mapped(view(strs(keys.StringView())))),
		subjectOf(evenOnly(small)),
		subjectOf(pair(mapped(triple(str, small, raw)), desc(evenOnly(small)))),
		subjectOf(addrs()),
		subjectOf(pair(addrs(), str)),
		subjectOf(desc(optional(addrs()))),
		subjectOf(addrPorts()),
		subjectOf(pair(addrPorts(), small)),
		subjectOf(networks()),
		subjectOf(pair(networks(), small)),
		subjectOf(bigs()),
		subjectOf(pair(bigs(), bigs())),
		subjectOf(desc(bigs())),
	}
}

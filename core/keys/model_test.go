// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"github.com/guardkv/guardkv/core/keys"
)

// model is a format beside what it should agree with: the keys of its type and their order, in
// plain Go.
type model[K any] struct {
	part    keys.Part[K]
	edges   []K
	random  func(*rand.Rand) K
	compare func(a, b K) int
	view    bool // decoded keys refer to the bytes they were decoded from
}

func (m model[K]) pick(r *rand.Rand) K {
	if r.IntN(3) == 0 {
		return m.random(r)
	}
	return m.edges[r.IntN(len(m.edges))]
}

func (m model[K]) sample(r *rand.Rand, n int) []K {
	all := m.edges
	for range n {
		all = append(all[:len(all):len(all)], m.pick(r))
	}
	return all
}

func uints[T ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64](p keys.Part[T], most T) model[T] {
	return model[T]{
		part:    p,
		edges:   []T{0, 1, 2, 127, 128, 254, 255, most/2 - 1, most / 2, most/2 + 1, most - 1, most},
		random:  func(r *rand.Rand) T { return T(r.Uint64() >> r.IntN(64)) },
		compare: cmp.Compare[T],
	}
}

func ints[T ~int | ~int8 | ~int16 | ~int32 | ~int64](p keys.Part[T], least, most T) model[T] {
	return model[T]{
		part: p,
		edges: []T{
			least, least + 1, least / 2, -128, -127, -2, -1, 0, 1, 2, 126, 127, most / 2,
			most - 1, most,
		},
		random:  func(r *rand.Rand) T { return T(int64(r.Uint64()) >> r.IntN(64)) },
		compare: cmp.Compare[T],
	}
}

func floats[T ~float32 | ~float64](p keys.Part[T], least, most T) model[T] {
	inf, nan := T(math.Inf(1)), T(math.NaN())
	return model[T]{
		part: p,
		edges: []T{
			-inf, -most, -1.5, -1, -least, T(math.Copysign(0, -1)), 0, least, 1, 1.5,
			most, inf, nan,
			T(math.Copysign(math.NaN(), -1)), T(math.Float64frombits(0x7ff8000000000123)),
		},
		random: func(r *rand.Rand) T {
			return T(r.NormFloat64() * math.Pow(10, float64(r.IntN(60)-30)))
		},
		compare: func(a, b T) int {
			if a != a || b != b {
				return -cmp.Compare(a, b) // where NaN is first
			}
			return cmp.Compare(a, b)
		},
	}
}

func bools() model[bool] {
	number := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	return model[bool]{
		part:    keys.Bool(),
		edges:   []bool{false, true},
		random:  func(r *rand.Rand) bool { return r.IntN(2) == 0 },
		compare: func(a, b bool) int { return number(a) - number(b) },
	}
}

func arrays[A keys.ByteArray]() model[A] {
	fill := func(next func() byte) (a A) {
		for i := range len(a) {
			a[i] = next()
		}
		return a
	}
	return model[A]{
		part: keys.Array[A](),
		edges: []A{
			fill(func() byte { return 0 }), fill(func() byte { return 1 }),
			fill(func() byte { return 0xff }),
		},
		random: func(r *rand.Rand) A { return fill(func() byte { return byte(r.IntN(3) - 1) }) },
		compare: func(a, b A) int {
			for i := range len(a) {
				if a[i] != b[i] {
					return cmp.Compare(a[i], b[i])
				}
			}
			return 0
		},
	}
}

func times() model[time.Time] {
	noon := time.Date(2026, 3, 29, 12, 0, 0, 123456789, time.UTC)
	return model[time.Time]{
		part: keys.Time(),
		edges: []time.Time{
			{},
			time.Time{}.Add(-1), time.Time{}.Add(1), noon, noon.In(time.FixedZone("east", 3600)),
			time.Unix(0, 0), time.Unix(-1, 999999999), time.Unix(0, 999999999), time.Unix(1, 0),
			time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(30000, 1, 1, 0, 0, 0, 0, time.UTC),
			oldest, oldest.Add(1), newest.Add(-1), newest,
		},
		random: func(r *rand.Rand) time.Time {
			return time.Unix(int64(r.Uint64())>>r.IntN(64), r.Int64N(1e9))
		},
		compare: time.Time.Compare,
	}
}

// The bounds of time.Time, which counts seconds since January 1 of year 1 in an int64.
var (
	oldest = time.Unix(math.MaxInt64-62135596800+1, 0) // overflows to the least int64
	newest = time.Unix(math.MaxInt64-62135596800, 999999999)
)

// awkward are the texts that delimiters and escapes go wrong on.
var awkward = []string{
	"", "\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "\xff", "\xff\xff", "\xff\x00", "a",
	"a\x00", "a\x00b",
	"a\x00\x01", "a\x00\xff", "a\x01", "a\xff", "a\xff\xff", "ab", "aa", "b", "\xfe\xff",
	"\xff\xfe", "\xff\xfe\x00",
}

func awkwardRandom(r *rand.Rand) string {
	b := make([]byte, r.IntN(7))
	for i := range b {
		b[i] = "\x00\x01\xfe\xffa"[r.IntN(5)]
	}
	return string(b)
}

func strs[T ~string](p keys.Part[T]) model[T] {
	m := model[T]{
		part:    p,
		random:  func(r *rand.Rand) T { return T(awkwardRandom(r)) },
		compare: func(a, b T) int { return strings.Compare(string(a), string(b)) },
	}
	for _, s := range awkward {
		m.edges = append(m.edges, T(s))
	}
	return m
}

func texts[T ~[]byte](p keys.Part[T]) model[T] {
	m := model[T]{
		part:    p,
		edges:   []T{nil},
		random:  func(r *rand.Rand) T { return T(awkwardRandom(r)) },
		compare: func(a, b T) int { return bytes.Compare(a, b) },
	}
	for _, s := range awkward {
		m.edges = append(m.edges, T(s))
	}
	return m
}

func view[K any](m model[K]) model[K] {
	m.view = true
	return m
}

func desc[K any](hidden model[K]) model[any] {
	m := hide(hidden)
	return model[any]{
		part:    keys.Desc(m.part),
		edges:   m.edges,
		random:  m.random,
		compare: func(a, b any) int { return m.compare(b, a) },
	}
}

func optional[K any](hidden model[K]) model[keys.Null[any]] {
	m := hide(hidden)
	some := func(k any) keys.Null[any] { return keys.Null[any]{V: k, Valid: true} }
	edges := []keys.Null[any]{{}, {V: m.edges[len(m.edges)-1]}}
	for _, k := range m.edges {
		edges = append(edges, some(k))
	}
	return model[keys.Null[any]]{
		part:   keys.Optional(m.part),
		edges:  edges,
		random: func(r *rand.Rand) keys.Null[any] { return some(m.random(r)) },
		compare: func(a, b keys.Null[any]) int {
			switch {
			case a.Valid && b.Valid:
				return m.compare(a.V, b.V)
			case a.Valid:
				return 1
			case b.Valid:
				return -1
			default:
				return 0
			}
		},
		view: m.view,
	}
}

func pair[A, B any](hiddenA model[A], hiddenB model[B]) model[keys.Tuple[any, any]] {
	a, b := hide(hiddenA), hide(hiddenB)
	random := func(r *rand.Rand) keys.Tuple[any, any] {
		return keys.Tuple[any, any]{First: a.pick(r), Second: b.pick(r)}
	}
	return model[keys.Tuple[any, any]]{
		part:   keys.Pair(a.part, b.part),
		edges:  repeat(random),
		random: random,
		compare: func(x, y keys.Tuple[any, any]) int {
			return cmp.Or(a.compare(x.First, y.First), b.compare(x.Second, y.Second))
		},
		view: a.view || b.view,
	}
}

func triple[A, B, C any](
	hiddenA model[A], hiddenB model[B], hiddenC model[C],
) model[keys.Tuple3[any, any, any]] {
	a, b, c := hide(hiddenA), hide(hiddenB), hide(hiddenC)
	random := func(r *rand.Rand) keys.Tuple3[any, any, any] {
		return keys.Tuple3[any, any, any]{First: a.pick(r), Second: b.pick(r), Third: c.pick(r)}
	}
	return model[keys.Tuple3[any, any, any]]{
		part:   keys.Triple(a.part, b.part, c.part),
		edges:  repeat(random),
		random: random,
		compare: func(x, y keys.Tuple3[any, any, any]) int {
			return cmp.Or(a.compare(x.First, y.First), b.compare(x.Second, y.Second),
				c.compare(x.Third, y.Third))
		},
		view: a.view || b.view || c.view,
	}
}

func quad[A, B, C, D any](
	hiddenA model[A], hiddenB model[B], hiddenC model[C], hiddenD model[D],
) model[keys.Tuple4[any, any, any, any]] {
	a, b, c, d := hide(hiddenA), hide(hiddenB), hide(hiddenC), hide(hiddenD)
	f := keys.Quad(a.part, b.part, c.part, d.part)
	random := func(r *rand.Rand) keys.Tuple4[any, any, any, any] {
		return f.Key(a.pick(r), b.pick(r), c.pick(r), d.pick(r))
	}
	return model[keys.Tuple4[any, any, any, any]]{
		part:   f,
		edges:  repeat(random),
		random: random,
		compare: func(x, y keys.Tuple4[any, any, any, any]) int {
			return cmp.Or(a.compare(x.First, y.First), b.compare(x.Second, y.Second),
				c.compare(x.Third, y.Third), d.compare(x.Fourth, y.Fourth))
		},
		view: a.view || b.view || c.view || d.view,
	}
}

// boxed is a user's own key type.
type boxed[K any] struct{ key K }

func box[K any](name string, p keys.Part[K]) keys.MapFormat[boxed[K], K] {
	return keys.Map(name, p,
		func(k boxed[K]) (K, error) { return k.key, nil },
		func(k K) (boxed[K], error) { return boxed[K]{k}, nil })
}

func mapped[K any](hidden model[K]) model[boxed[any]] {
	m := hide(hidden)
	n := model[boxed[any]]{
		part:    box("boxed", m.part),
		random:  func(r *rand.Rand) boxed[any] { return boxed[any]{m.random(r)} },
		compare: func(a, b boxed[any]) int { return m.compare(a.key, b.key) },
		view:    m.view,
	}
	for _, k := range m.edges {
		n.edges = append(n.edges, boxed[any]{k})
	}
	return n
}

// evenOnly is mapped, but knows no odd numbers, although they have encodings.
func evenOnly(m model[uint8]) model[uint8] {
	n := model[uint8]{
		part:    evenHalf(m.part),
		edges:   []uint8{0, 2, 126, 128, 254},
		random:  func(r *rand.Rand) uint8 { return m.random(r) &^ 1 },
		compare: m.compare,
	}
	return n
}

// evenHalf is a format of even numbers.
func evenHalf(p keys.Part[uint8]) keys.MapFormat[uint8, uint8] {
	even := func(k uint8) (uint8, error) {
		if k%2 != 0 {
			return k, errors.New("odd")
		}
		return k, nil
	}
	return keys.Map("even", p, even, even)
}

func addrs() model[netip.Addr] {
	m := model[netip.Addr]{
		part: keys.Addr(),
		edges: []netip.Addr{
			{},
			netip.IPv6Unspecified().WithZone("\x00"),
			netip.IPv6Unspecified().WithZone("a\x00b"),
		},
		random:  randomAddr,
		compare: netip.Addr.Compare,
	}
	for _, a := range []string{
		"0.0.0.0", "0.0.0.1", "10.0.0.2", "127.255.255.255", "255.255.255.255", "::", "::1",
		"::1%eth", "::1%eth0",
		"::1%eth1", "::10.0.0.2", "::ffff:10.0.0.2", "fe80::1",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	} {
		m.edges = append(m.edges, netip.MustParseAddr(a))
	}
	return m
}

func randomAddr(r *rand.Rand) netip.Addr {
	a := [16]byte{10: byte(r.IntN(2)), 12: byte(r.IntN(3)), 15: byte(r.IntN(3) - 1)}
	switch r.IntN(3) {
	case 0:
		return netip.AddrFrom4([4]byte(a[12:]))
	case 1:
		return netip.AddrFrom16(a)
	default:
		return netip.AddrFrom16(a).WithZone(awkwardRandom(r))
	}
}

func addrPorts() model[netip.AddrPort] {
	a, port := addrs(), uints(keys.Uint16(), math.MaxUint16)
	random := func(r *rand.Rand) netip.AddrPort {
		return netip.AddrPortFrom(a.pick(r), port.pick(r))
	}
	return model[netip.AddrPort]{
		part: keys.AddrPort(), edges: repeat(random), random: random,
		compare: netip.AddrPort.Compare,
	}
}

func networks() model[netip.Prefix] {
	random := func(r *rand.Rand) netip.Prefix {
		return netip.PrefixFrom(randomAddr(r), r.IntN(140)-2)
	}
	m := model[netip.Prefix]{
		part: keys.Network(), edges: repeat(random), random: random, compare: netip.Prefix.Compare,
	}
	m.edges = append(m.edges, netip.Prefix{})
	for _, p := range []string{
		"0.0.0.0/0", "0.0.0.0/32", "10.0.0.0/8", "10.0.0.0/9", "10.0.0.1/8", "10.128.0.0/9",
		"255.255.255.255/32",
		"::/0", "::/128", "::1/0", "fe80::/10", "fe80::1/10", "ffff::/16", "::ffff:10.0.0.0/104",
	} {
		m.edges = append(m.edges, netip.MustParsePrefix(p))
	}
	return m
}

// bigs has integers on both sides of every change of the length of their encodings.
func bigs() model[*big.Int] {
	m := model[*big.Int]{part: keys.BigInt(), compare: (*big.Int).Cmp}
	one := big.NewInt(1)
	for _, bits := range []uint{
		0, 7, 8, 15, 16, 64, 8 * 124, 8 * 125, 8 * 126, 8 * 127,
		8 * 255, 8 * 256,
	} {
		n := new(big.Int).Lsh(one, bits)
		for _, k := range []*big.Int{new(big.Int).Sub(n, one), n, new(big.Int).Add(n, one)} {
			m.edges = append(m.edges, k, new(big.Int).Neg(k))
		}
	}
	m.random = func(r *rand.Rand) *big.Int {
		b := make([]byte, r.IntN(3)*r.IntN(80))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		k := new(big.Int).SetBytes(b)
		if r.IntN(2) == 0 {
			return k.Neg(k)
		}
		return k
	}
	return m
}

func repeat[K any](random func(*rand.Rand) K) (all []K) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		all = append(all, random(r))
	}
	return all
}

func tuple[A, B any](a A, b B) keys.Tuple[A, B] { return keys.Tuple[A, B]{First: a, Second: b} }

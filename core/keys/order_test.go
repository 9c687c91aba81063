// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
)

// TestOrder: bytes.Compare of encodings is the order of the keys, for every format, alone and
// as a component.
func TestOrder(t *testing.T) {
	for i, s := range subjects() {
		t.Run(fmt.Sprint(i, s.id), func(t *testing.T) {
			s.order(t, rand.New(rand.NewPCG(uint64(i), 7)))
		})
	}
}

func testOrder[K any](t *testing.T, r *rand.Rand, m model[K]) {
	all := m.sample(r, 60)
	alone, parts := make([][]byte, len(all)), make([][]byte, len(all))
	for i, k := range all {
		alone[i], parts[i] = testRoundTrip(t, m, k)
	}
	if !m.part.Ordered() {
		t.Errorf("not ordered")
	}
	for i, a := range all {
		for j, b := range all {
			want := sign(m.compare(a, b))
			if got := bytes.Compare(alone[i], alone[j]); got != want {
				t.Fatalf("%#v and %#v: %x and %x compare %d, want %d",
					a, b, alone[i], alone[j], got, want)
			}
			if got := compareBeforeOthers(parts[i], parts[j]); got != want {
				t.Fatalf("%#v and %#v: parts %x and %x compare %d, want %d",
					a, b, parts[i], parts[j], got, want)
			}
		}
	}
}

// compareBeforeOthers compares part encodings with the components behind them that are worst
// for their order.
func compareBeforeOthers(a, b []byte) int {
	low, high := "\x00\x00", "\xff\xff"
	one := bytes.Compare([]byte(string(a)+low), []byte(string(b)+high))
	two := bytes.Compare([]byte(string(a)+high), []byte(string(b)+low))
	if one != two {
		return 0 // what stands behind decides
	}
	return one
}

// testRoundTrip: what was appended behind other bytes decodes to an equal key, which keeps its
// value when the bytes change unless the format is a view, and the part encoding ends itself.
func testRoundTrip[K any](t *testing.T, m model[K], k K) (alone, part []byte) {
	t.Helper()
	before := []byte("before")
	alone, err := m.part.Append(before, k)
	if err != nil || !bytes.HasPrefix(alone, before) {
		t.Fatalf("Append(%#v) = %x, %v", k, alone, err)
	}
	alone = alone[len(before):]
	part, err = m.part.AppendPart(before, k)
	if err != nil || !bytes.HasPrefix(part, before) {
		t.Fatalf("AppendPart(%#v) = %x, %v", k, part, err)
	}
	part = part[len(before):]

	b := bytes.Clone(alone)
	got, err := m.part.Decode(b)
	if !m.view {
		spoil(b)
	}
	if err != nil || m.compare(got, k) != 0 {
		t.Fatalf("Decode(%x) = %#v, %v, want %#v", alone, got, err, k)
	}
	for _, behind := range []string{"", "\x00", "\x01", "\xff", "\x00\x01\x00\xff"} {
		b := append(bytes.Clone(part), behind...)
		got, rest, err := m.part.TakePart(b)
		if err != nil || string(rest) != behind {
			t.Fatalf("TakePart(%x) left %x, %v, want %x", b, rest, err, behind)
		}
		if !m.view {
			spoil(b)
		}
		if m.compare(got, k) != 0 {
			t.Fatalf("TakePart(%x) = %#v, want %#v", part, got, k)
		}
	}
	return alone, part
}

// testBytes: arbitrary bytes either are what Append appends for some key, or are an error; and
// those that are keys sort as their keys do.
func testBytes[K any](t *testing.T, m model[K], a, b []byte) {
	t.Helper()
	x, okA := testDecode(t, m.part, a)
	y, okB := testDecode(t, m.part, b)
	if okA && okB && sign(m.compare(x, y)) != bytes.Compare(a, b) {
		t.Fatalf("%x and %x are %#v and %#v, which compare %d", a, b, x, y, m.compare(x, y))
	}
	x, restA, okA := testTake(t, m.part, a)
	y, restB, okB := testTake(t, m.part, b)
	if okA && okB && m.compare(x, y) != 0 && sign(m.compare(x, y)) != bytes.Compare(a, b) {
		t.Fatalf("parts %x(%x) and %x(%x) are %#v and %#v", a, restA, b, restB, x, y)
	}
}

func testDecode[K any](t *testing.T, p keys.Part[K], b []byte) (k K, ok bool) {
	t.Helper()
	k, err := p.Decode(b)
	if err != nil {
		if !refusal(err) {
			t.Fatalf("Decode(%x): %v, want ErrCorrupt", b, err)
		}
		return k, false
	}
	again, err := p.Append(nil, k)
	if err != nil || !bytes.Equal(again, b) {
		t.Fatalf("Decode(%x) = %#v, which is encoded %x, %v", b, k, again, err)
	}
	return k, true
}

func testTake[K any](t *testing.T, p keys.Part[K], b []byte) (k K, rest []byte, ok bool) {
	t.Helper()
	k, rest, err := p.TakePart(b)
	if err != nil {
		if !refusal(err) {
			t.Fatalf("TakePart(%x): %v, want ErrCorrupt", b, err)
		}
		return k, nil, false
	}
	again, err := p.AppendPart(nil, k)
	if err != nil || !bytes.Equal(append(again, rest...), b) {
		t.Fatalf("TakePart(%x) = %#v and %x, which is encoded %x, %v", b, k, rest, again, err)
	}
	return k, rest, true
}

// refusal: the only sound bytes that may be refused are numbers that are too big for a 32-bit int.
func refusal(err error) bool {
	return errors.Is(err, core.ErrCorrupt) || strconv.IntSize == 32 && errors.Is(err,
		strconv.ErrRange)
}

// TestAnyBytes feeds every format with bytes near valid keys, and with the valid keys of all
// other formats.
func TestAnyBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	all := subjects()
	var seeds [][]byte
	for _, s := range all {
		seeds = append(seeds, s.seeds()...)
	}
	for _, s := range all {
		for range 1000 {
			s.bytes(t, damage(r, seeds[r.IntN(len(seeds))]), damage(r, seeds[r.IntN(len(seeds))]))
		}
		own := s.seeds()
		for range 1000 {
			s.bytes(t, damage(r, own[r.IntN(len(own))]), damage(r, own[r.IntN(len(own))]))
		}
	}
}

// damage returns a copy of b that is often cut, longer or changed.
func damage(r *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	switch n := r.IntN(4); {
	case n == 0:
		return append(b, awkwardRandom(r)...)
	case len(b) == 0 || n == 1:
		return b
	case n == 2:
		return b[:r.IntN(len(b))]
	default:
		b[r.IntN(len(b))] = "\x00\x01\x02\x7f\x80\xfe\xff"[r.IntN(7)]
		return b
	}
}

// FuzzDecode drives every format: which chooses it.
func FuzzDecode(f *testing.F) {
	all := subjects()
	for i, s := range all {
		seeds := s.seeds()
		for j, b := range seeds {
			f.Add(uint8(i), b, seeds[(j+1)%len(seeds)])
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, a, b []byte) {
		all[int(which)%len(all)].bytes(t, a, b)
	})
}

func sign(n int) int { return max(-1, min(1, n)) }

func spoil(b []byte) {
	for i := range b {
		b[i] = 0xcc
	}
}

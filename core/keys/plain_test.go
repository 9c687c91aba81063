// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

// Race builds without this file: one goroutine runs its tests, and their many types take long to
// compile.

package keys_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core/keys"
)

type label string

// Composites of strings, bytes, integers and times are encoded without their parts being asked.
// What comes out is what the parts would have said, one after the other: the last one as it would
// stand alone, or as a part if something stands behind.
func TestPlainCompositesAreTheirParts(t *testing.T) {
	texts := []string{"", "a", "a\x00", "\x00\x00b", "hello-world-key", "\x01\xff"}
	for i, text := range texts {
		n := uint64(math.MaxUint64) >> (9 * i)
		d := int64(n >> 1)
		if i%2 == 0 {
			d = -d - 1
		}
		raw := []byte(text)
		if i == 0 {
			raw = nil
		}
		at := time.Unix(d>>30, int64(i)*1e8)
		inner := keys.Tuple[label, uint64]{First: label(text), Second: n}

		labels, numbers := keys.StringOf[label](), keys.Uint64()
		pair := keys.Pair(labels, numbers)
		want, wantPart := joined(t, labels, inner.First, numbers, inner.Second)
		samePlain(t, pair, inner, want, wantPart)

		want, wantPart = joined(t, numbers, n, labels, inner.First)
		samePlain(t, keys.Pair(numbers, labels),
			keys.Tuple[uint64, label]{First: n, Second: inner.First}, want, wantPart)
		_, wantPart = joined(t, labels, inner.First, numbers, n)

		small, downward := keys.Int8(), keys.Desc(keys.Bytes())
		begin, _ := joined(t, small, int8(d), downward, raw)
		lasting := keys.Desc(keys.Desc(keys.Int32()))
		triple := keys.Triple(small, downward, lasting)
		end, endPart := joined(t, small, int8(d), lasting, int32(d))
		samePlain(t, triple,
			triple.Key(int8(d), raw, int32(d)), concat(begin, end[1:]), concat(begin, endPart[1:]))

		short, instants := keys.Uint16(), keys.Desc(keys.Time())
		quad := keys.Quad(short, instants, keys.Int(), keys.Desc(pair))
		begin, _ = joined(t, short, uint16(n), instants, at)
		inverted := bytes.Clone(wantPart)
		for j := range inverted {
			inverted[j] = ^inverted[j]
		}
		number := binary.BigEndian.AppendUint64(nil, uint64(d)+1<<63)
		whole := concat(begin, number, inverted)
		samePlain(t, quad, quad.Key(uint16(n), at, int(d), inner), whole, whole)
	}
}

// joined returns two parts, one behind the other: as a key, and as a part of one.
func joined[A, B any](
	t *testing.T, first keys.Part[A], a A, second keys.Part[B], b B,
) (alone, part []byte) {
	t.Helper()
	head, err := first.AppendPart(nil, a)
	if err != nil {
		t.Fatal(err)
	}
	if alone, err = second.Append(bytes.Clone(head), b); err != nil {
		t.Fatal(err)
	}
	if part, err = second.AppendPart(bytes.Clone(head), b); err != nil {
		t.Fatal(err)
	}
	return alone, part
}

func concat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func samePlain[K any](t *testing.T, f keys.Part[K], k K, want, wantPart []byte) {
	t.Helper()
	const before = "before"
	got, err := f.Append([]byte(before), k)
	if err != nil || string(got) != before+string(want) {
		t.Errorf("%s of %v: %x, want %x behind %q (error %v)", f.ID(), k, got, want, before, err)
	}
	got, err = f.AppendPart([]byte(before), k)
	if err != nil || string(got) != before+string(wantPart) {
		t.Errorf("%s of %v as a part: %x, want %x behind %q (error %v)",
			f.ID(), k, got, wantPart, before, err)
	}
}

// folded is an outside part that embeds a format of the package, and encodes in its own way.
type folded struct {
	keys.PairFormat[label, uint64]
}

func (f folded) AppendPart(dst []byte, k keys.Tuple[label, uint64]) ([]byte, error) {
	return f.PairFormat.AppendPart(dst, keys.Tuple[label, uint64]{First: "folded"})
}

// An outside part that embeds one has its methods, those too that the package asks for: it is
// asked for its own encoding nevertheless.
func TestOutsidePartsThatEmbedPlainOnes(t *testing.T) {
	pair := keys.Pair(keys.StringOf[label](), keys.Uint64())
	k := keys.Tuple[keys.Tuple[label, uint64], uint64]{Second: 7}
	k.First.First = "one"
	f := keys.Pair(keys.Part[keys.Tuple[label, uint64]](folded{pair}), keys.Uint64())
	got, err := f.Append(nil, k)
	if err != nil {
		t.Fatal(err)
	}
	want := "folded\x00\x01" + "\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x07"
	if string(got) != want {
		t.Errorf("%q, want %q: its own encoding was passed over", got, want)
	}
}

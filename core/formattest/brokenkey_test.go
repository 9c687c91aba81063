// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
)

var brokenKeys = []struct {
	name   string
	breaks []string
	says   string
	format core.KeyFormat[number]
	extras KeyExtras[number]
}{
	{
		"little-endian",
		[]string{"Order"},
		"they compare",
		fakeKey{encode: littleEndian, decode: fromLittleEndian},
		KeyExtras[number]{},
	},
	{"little-endian and says so", nil, "", fakeKey{
		encode: littleEndian, decode: fromLittleEndian,
		unordered: true,
	}, KeyExtras[number]{}},
	{
		"another order than was said",
		[]string{"Order"},
		"they compare",
		fakeKey{},
		KeyExtras[number]{Compare: downwards},
	},
	{
		"ignores junk behind",
		[]string{"Canonical", "Trailing"},
		"which is encoded as",
		fakeKey{decode: ignoreTail},
		KeyExtras[number]{},
	},
	{
		"decodes what it cannot encode",
		[]string{"Canonical"},
		"cannot be encoded",
		fakeKey{encode: refuseBig},
		KeyExtras[number]{},
	},
	{
		"panics on short keys",
		[]string{"NeverPanics"},
		"panic",
		fakeKey{decode: noCheck},
		KeyExtras[number]{},
	},
	{
		"one encoding for two keys",
		[]string{"Equality"},
		"is encoded as",
		fakeKey{},
		KeyExtras[number]{Same: parity},
	},
}

func TestBrokenKeys(t *testing.T) {
	for _, c := range brokenKeys {
		t.Run(c.name, func(t *testing.T) {
			s, err := newKeySuite(c.format, c.extras, numbers)
			if err != nil {
				t.Fatal(err)
			}
			wantBroken(t, s.checks(), append(c.breaks, "")[:max(len(c.breaks), 1)], c.says)
		})
	}
}

func littleEndian(dst []byte, k number) ([]byte, error) {
	return binary.LittleEndian.AppendUint32(dst, uint32(k)), nil
}

func fromLittleEndian(b []byte) (number, error) {
	if len(b) != 4 {
		return 0, errShort
	}
	return number(binary.LittleEndian.Uint32(b)), nil
}

func downwards(a, b number) int { return int(int64(b) - int64(a)) }

func ignoreTail(b []byte) (number, error) { return fakeKey{}.Decode(b[:min(len(b), 4)]) }

func refuseBig(dst []byte, k number) ([]byte, error) {
	if k == math.MaxUint32 {
		return nil, errors.New("too big")
	}
	return fakeKey{}.Append(dst, k)
}

func noCheck(b []byte) (number, error) {
	_ = b[3]
	return fakeKey{}.Decode(b)
}

// parity takes some different keys for the same.
func parity(a, b number) bool { return a|1 == b|1 }

// A format may be ordered by a rule that the suite cannot know.
func TestCompareIsNeeded(t *testing.T) {
	type pair struct{ A, B uint8 }
	s, err := newKeySuite(pairKey[pair]{}, KeyExtras[pair]{}, []pair{{1, 2}, {2, 1}})
	if err != nil {
		t.Fatal(err)
	}
	wantBroken(t, s.checks(), []string{"Order"}, "KeyExtras.Compare is needed")
}

type pairKey[K ~struct{ A, B uint8 }] struct{}

func (pairKey[K]) ID() string    { return "pair" }
func (pairKey[K]) Ordered() bool { return true }
func (pairKey[K]) Append(dst []byte, k K) ([]byte, error) {
	p := struct{ A, B uint8 }(k)
	return append(dst, p.A, p.B), nil
}

func (pairKey[K]) Decode(b []byte) (K, error) {
	if len(b) != 2 {
		return K{}, errShort
	}
	return K{b[0], b[1]}, nil
}

var texts = []string{"", "a", "ab", "b", "a\xff", "a\xff\xff", "\xff", "\xff\xff", "long text"}

func textPrefix(k string) core.KeyRange[string] {
	return core.NewPrefixRange[string]("fake-text", []byte(k))
}

func TestBrokenPrefix(t *testing.T) {
	for name, prefix := range map[string]func(k string) core.KeyRange[string]{
		"no upper bound": func(k string) core.KeyRange[string] {
			return core.NewKeyRange[string]("fake-text", []byte(k), nil, nil)
		},
		"the key alone": func(k string) core.KeyRange[string] {
			return core.NewKeyRange[string]("fake-text", []byte(k), []byte(k+"\x00"), nil)
		},
		"an error": func(string) core.KeyRange[string] {
			return core.NewKeyRange[string]("fake-text", nil, nil, errShort)
		},
		"misses the first": func(k string) core.KeyRange[string] {
			return core.NewPrefixRange[string]("fake-text", []byte(k+"\x00"))
		},
		"another format's ID": func(k string) core.KeyRange[string] {
			return core.NewPrefixRange[string]("real-text", []byte(k))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := newKeySuite(fakeText{prefix: prefix}, KeyExtras[string]{}, texts)
			if err != nil {
				t.Fatal(err)
			}
			wantBroken(t, s.checks(), []string{"Prefix"}, "the range of")
		})
	}
}

func TestNaturalOrder(t *testing.T) {
	type name string
	nan, low := math.NaN(), math.Inf(-1)
	wantOrder(t, false, true)
	wantOrder[int8](t, -128, -1, 0, 127)
	wantOrder[uint64](t, 0, 1, math.MaxUint64)
	wantOrder[time.Duration](t, -time.Second, 0, time.Second)
	wantOrder(t, low, -1.5, 0, 1e-300, math.Inf(1), nan)
	wantOrder[float32](t, -1, 0, 2)
	wantOrder[name](t, "", "B", "a", "aa")
	wantOrder(t, []byte(nil), []byte{0}, []byte{0, 0}, []byte{1})
	wantOrder(t, [2]byte{}, [2]byte{0, 1}, [2]byte{1, 0})
	wantOrder(t, time.Unix(0, 0), time.Unix(0, 1).UTC(), time.Unix(1, 0))
	if floatOrder(0, math.Copysign(0, -1)) != 0 {
		t.Error("-0 differs from 0")
	}
	if naturalOrder(reflect.TypeFor[struct{}]()) != nil ||
		naturalOrder(reflect.TypeFor[[]string]()) != nil {
		t.Error("an order was made up")
	}
}

// wantOrder tests that the keys, which are in order, are found to be.
func wantOrder[K any](t *testing.T, keys ...K) {
	t.Helper()
	compare := naturalOrder(reflect.TypeFor[K]())
	for i, a := range keys {
		for j, b := range keys {
			if got, want := compare(a, b), i-j; got < 0 != (want < 0) || got > 0 != (want > 0) {
				t.Errorf("%v and %v compare %d", a, b, got)
			}
		}
	}
}

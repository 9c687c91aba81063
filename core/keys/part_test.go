// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
)

// even is a part of an outside author: it refuses odd keys, and may say that it has no order.
type even struct {
	keys.Part[uint8]
	ordered bool
}

var errOdd = errors.New("odd")

func (even) ID() string      { return "even" }
func (f even) Ordered() bool { return f.ordered }

func (f even) Append(dst []byte, k uint8) ([]byte, error) {
	if k%2 != 0 {
		return nil, errOdd
	}
	return f.Part.Append(dst, k)
}

func (f even) AppendPart(dst []byte, k uint8) ([]byte, error) { return f.Append(dst, k) }

func (f even) Decode(b []byte) (uint8, error) {
	k, err := f.Part.Decode(b)
	if err == nil && k%2 != 0 {
		return 0, errOdd
	}
	return k, err
}

func (f even) TakePart(b []byte) (uint8, []byte, error) {
	k, rest, err := f.Part.TakePart(b)
	if err == nil && k%2 != 0 {
		return 0, nil, errOdd
	}
	return k, rest, err
}

// TestOutsideParts: every place that an outside part can stand in keeps its ID, its lack of
// order and its errors.
func TestOutsideParts(t *testing.T) {
	e, b := even{keys.Uint8(), false}, keys.Bool()
	type pair = keys.Tuple[uint8, bool]
	type swapped = keys.Tuple[bool, uint8]
	type triple = keys.Tuple3[bool, bool, uint8]
	outside(t, keys.Desc(e), 2, 3, "desc(even)")
	outside(t, keys.Optional(e), keys.Null[uint8]{V: 2, Valid: true},
		keys.Null[uint8]{V: 3, Valid: true}, "optional(even)")
	outside(t, keys.Pair(e, b), pair{2, true}, pair{3, true}, "pair(even,bool)")
	outside(t, keys.Pair(b, e), swapped{true, 2}, swapped{true, 3}, "pair(bool,even)")
	outside(t, keys.Triple(e, b, b), keys.Tuple3[uint8, bool, bool]{First: 2},
		keys.Tuple3[uint8, bool, bool]{First: 3},
		"triple(even,bool,bool)")
	outside(t, keys.Triple(b, e, b), keys.Tuple3[bool, uint8, bool]{Second: 2},
		keys.Tuple3[bool, uint8, bool]{Second: 3},
		"triple(bool,even,bool)")
	outside(t, keys.Triple(b, b, e), triple{Third: 2}, triple{Third: 3}, "triple(bool,bool,even)")

	type quad = keys.Tuple4[bool, bool, bool, uint8]
	outside(t, keys.Quad(e, b, b, b), keys.Tuple4[uint8, bool, bool, bool]{First: 2},
		keys.Tuple4[uint8, bool, bool, bool]{First: 3}, "quad(even,bool,bool,bool)")
	outside(t, keys.Quad(b, e, b, b), keys.Tuple4[bool, uint8, bool, bool]{Second: 2},
		keys.Tuple4[bool, uint8, bool, bool]{Second: 3}, "quad(bool,even,bool,bool)")
	outside(t, keys.Quad(b, b, e, b), keys.Tuple4[bool, bool, uint8, bool]{Third: 2},
		keys.Tuple4[bool, bool, uint8, bool]{Third: 3}, "quad(bool,bool,even,bool)")
	outside(t, keys.Quad(b, b, b, e), quad{Fourth: 2}, quad{Fourth: 3}, "quad(bool,bool,bool,even)")
	outside(t, box("box", e), boxed[uint8]{2}, boxed[uint8]{3}, "map(box,even)")
}

// TestRangesOfOutsideParts: what a part refuses is the error of the range, in whatever place
// the part is.
func TestRangesOfOutsideParts(t *testing.T) {
	e, b, str := even{keys.Uint8(), true}, keys.Bool(), keys.String()
	wantFailed(t, keys.Pair(e, b).First(3), errOdd)
	wantFailed(t, keys.Pair(e, b).FirstBetween(3, 4), errOdd)
	wantFailed(t, keys.Pair(e, b).FirstBetween(2, 3), errOdd)
	wantFailed(t, keys.Pair(e, b).FirstPrefix(2), errors.ErrUnsupported)
	wantFailed(t, keys.Pair(e, b).SecondBetween(3, false, true), errOdd)
	wantFailed(t, keys.Pair(b, e).SecondBetween(true, 2, 3), errOdd)
	wantFailed(t, keys.Pair(b, e).SecondBetween(true, 3, 4), errOdd)
	wantFailed(t, keys.Pair(e, str).Prefix(tuple(uint8(3), "a")), errOdd)
	wantFailed(t, keys.Triple(b, e, b).FirstTwo(true, 3), errOdd)
	wantFailed(t, keys.Triple(e, b, b).FirstTwo(3, true), errOdd)
	wantFailed(t, keys.Triple(b, e, b).SecondBetween(true, 2, 3), errOdd)
	wantFailed(t, keys.Triple(b, e, b).ThirdBetween(true, 3, false, true), errOdd)
	wantFailed(t, keys.Triple(e, str, b).SecondPrefix(3, "a"), errOdd)
	wantFailed(t, keys.Quad(b, b, e, b).FirstThree(true, true, 3), errOdd)
	wantFailed(t, keys.Quad(e, b, b, b).FirstThree(3, true, true), errOdd)
	wantFailed(t, keys.Quad(b, b, b, e).FourthBetween(true, true, true, 2, 3), errOdd)
	wantFailed(t, keys.Pair(b, keys.Desc(e)).SecondBetween(true, 3, 2), errOdd)
	wantFailed(t, box("box", e).Prefix(boxed[uint8]{2}), errors.ErrUnsupported)

	const want = "component 2 of triple(bool,even,bool): odd"
	if _, _, err := keys.Triple(b, e, b).SecondBetween(true, 3,
		4).Bounds(); err == nil || err.Error() != want {
		t.Errorf("the range carries %v, want %s", err, want)
	}
}

// TestRangesOfUnorderedParts: between two keys there is nothing where keys have no order, so
// there are no ranges.
func TestRangesOfUnorderedParts(t *testing.T) {
	e, b := even{keys.Uint8(), false}, keys.Bool()
	pair, triple, quad := keys.Pair(e, b), keys.Triple(b, e, b), keys.Quad(b, b, b, e)
	wantFailed(t, pair.First(2), core.ErrUnordered)
	wantFailed(t, pair.FirstBetween(2, 4), core.ErrUnordered)
	wantFailed(t, pair.FirstPrefix(2), core.ErrUnordered)
	wantFailed(t, pair.SecondBetween(2, false, true), core.ErrUnordered)
	wantFailed(t, pair.Prefix(tuple(uint8(2), true)), core.ErrUnordered)
	wantFailed(t, triple.First(true), core.ErrUnordered)
	wantFailed(t, triple.SecondBetween(true, 2, 4), core.ErrUnordered)
	wantFailed(t, quad.FirstThree(true, true, true), core.ErrUnordered)
	wantFailed(t, quad.FourthBetween(true, true, true, 2, 4), core.ErrUnordered)
	wantFailed(t, keys.Desc(e).Prefix(2), core.ErrUnordered)
	wantFailed(t, keys.Desc(pair).Range(pair.First(2)), core.ErrUnordered)
	wantFailed(t, keys.Optional(e).Prefix(keys.Null[uint8]{}), core.ErrUnordered)
	wantFailed(t, box("box", e).Prefix(boxed[uint8]{2}), core.ErrUnordered)
}

// prefixed is a part of an outside author with prefixes, whose ranges have no bounds where
// other components follow.
type prefixed struct{ keys.Part[string] }

func (prefixed) ID() string { return "prefixed" }

func (prefixed) Prefix(k string) core.KeyRange[string] {
	return core.NewPrefixRange[string]("prefixed", []byte(k))
}

// partPrefixed gives them in another way.
type partPrefixed struct{ prefixed }

func (f partPrefixed) AppendPartPrefix(dst []byte, k string) ([]byte, error) {
	return f.Part.(keys.PartPrefixer[string]).AppendPartPrefix(dst, k)
}

// TestRangesWithoutPartBounds: a last component has the same bounds as a key that stands alone.
// Before other components they cannot be guessed, because a 0x00 is escaped there, so asking for
// them is an error.
func TestRangesWithoutPartBounds(t *testing.T) {
	f := prefixed{keys.String()}
	last, first := keys.Pair(keys.Uint8(), f), keys.Pair(f, keys.Uint8())
	wantBounds(t, last.Prefix(tuple(uint8(1), "a\x00")), "\x01a\x00", "\x01a\x01")
	wantBounds(t, last.SecondIn(1, f.Prefix("a\x00")), "\x01a\x00", "\x01a\x01")
	wantFailed(t, first.FirstIn(f.Prefix("a")), errors.ErrUnsupported)
	wantFailed(t, keys.Desc(f).Range(f.Prefix("a")), errors.ErrUnsupported)
	wantFailed(t, keys.Pair(last, f).FirstIn(last.Prefix(tuple(uint8(1), "a"))),
		errors.ErrUnsupported)

	g := partPrefixed{f}
	inner := keys.Pair(keys.Uint8(), g)
	r := keys.Pair(inner, g).FirstIn(inner.Prefix(tuple(uint8(1), "a\x00")))
	wantBounds(t, r, "\x01a\x00\xff", "\x01a\x01")
}

// picky is a part that does not fit its keys, and knows it.
type picky struct{ keys.Part[uint8] }

var errPicky = errors.New("picky")

func (picky) CheckKey() error { return errPicky }

// TestCheckKey: a table asks its key format once whether it fits, so composites have to ask
// their components.
func TestCheckKey(t *testing.T) {
	p, b := picky{keys.Uint8()}, keys.Bool()
	for _, f := range []core.KeyChecker{
		keys.Pair(p, b), keys.Pair(b, p), keys.Triple(p, b, b), keys.Triple(b, p, b),
		keys.Triple(b, b, p),
		keys.Quad(p, b, b, b), keys.Quad(b, p, b, b), keys.Quad(b, b, p, b), keys.Quad(b, b, b, p),
		keys.Desc(p), keys.Optional(p), box("box", p),
		keys.Pair(b, keys.Desc(keys.Pair(b, keys.Optional(p)))),
	} {
		if err := f.CheckKey(); !errors.Is(err, errPicky) {
			t.Errorf("%T: %v, want %v", f, err, errPicky)
		}
	}
	good := keys.Pair(b,
		keys.Triple(keys.Desc(b), keys.Optional(b), keys.Quad(b, b, b, box("A-z_/0.9", b))))
	if err := good.CheckKey(); err != nil {
		t.Errorf("%s: %v", good.ID(), err)
	}
	if err := keys.Quad(b, b, p, b).CheckKey(); err == nil ||
		err.Error() != "component 3 of quad(bool,bool,uint8,bool): picky" {
		t.Errorf("the error is %v", err)
	}
}

func outside[K any](t *testing.T, f keys.Part[K], good, bad K, id string) {
	t.Helper()
	if f.ID() != id || f.Ordered() {
		t.Errorf("the ID is %q, ordered: %v, want %q, false", f.ID(), f.Ordered(), id)
	}
	if _, err := f.Append(nil, bad); !errors.Is(err, errOdd) {
		t.Errorf("%s: Append: %v, want %v", id, err, errOdd)
	}
	if _, err := f.AppendPart(nil, bad); !errors.Is(err, errOdd) {
		t.Errorf("%s: AppendPart: %v, want %v", id, err, errOdd)
	}
	alone, _ := f.Append(nil, good)
	part, err := f.AppendPart(nil, good)
	if err != nil || !bytes.Equal(alone, part) {
		t.Errorf("%s: %x and %x, %v", id, alone, part, err)
	}
	if k, err := f.Decode(alone); err != nil || any(k) != any(good) {
		t.Errorf("%s: decoded %v, %v, want %v", id, k, err, good)
	}
	for i, x := range part {
		if x == 2 || ^x == 2 {
			part[i] ^= 1 // the even key becomes odd
		}
	}
	var zero K
	if k, err := f.Decode(part); err == nil || any(k) != any(zero) {
		t.Errorf("%s: Decode(%x) = %v, %v, want an error alone", id, part, k, err)
	}
	if k, rest, err := f.TakePart(part); err == nil || rest != nil || any(k) != any(zero) {
		t.Errorf("%s: TakePart(%x) = %v, %x, %v, want an error alone", id, part, k, rest, err)
	}
}

// The key type follows from the format, as in calls of core.OpenTable: this compiles.
var (
	_ string                              = keyOf(keys.String())
	_ keys.Tuple[string, uint32]          = keyOf(keys.Pair(keys.StringView(), keys.Uint32()))
	_ keys.Null[keys.Tuple[bool, []byte]] = keyOf(keys.Optional(keys.Pair(keys.Bool(),
		keys.Bytes())))
	_ keys.Tuple4[bool, int, bool, string] = keyOf(keys.Quad(keys.Bool(), keys.Int(), keys.Bool(),
		keys.String()))
	_ boxed[keys.Null[int]]                 = keyOf(box("box", keys.Optional(keys.Int())))
	_ keys.Tuple3[bool, time.Time, [4]byte] = keyOf(keys.Triple(keys.Bool(), keys.Desc(keys.Time()),
		keys.Array[[4]byte]()))
)

func keyOf[K any](core.KeyFormat[K]) (k K) { return k }
